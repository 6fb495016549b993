"""Looking after alerts: with a real store, catalog and outputs, in virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.alerts.definition import Alert
from gelf_listener.alerts.destinations import Destinations
from gelf_listener.alerts.lease import CatalogLease, OwnLease
from gelf_listener.alerts.watch import Watch
from gelf_listener.api.catalog_file import FileCatalog
from gelf_listener.errors import GelfError, OutputError, Refused, Retry
from gelf_listener.message import Message
from gelf_listener.store.answers import Missing
from gelf_listener.store.background import is_in_background
from gelf_listener.store.memory_store import MemoryStore
from tests.unit.fakes import FakeOutput, run

NOW = 1_700_000_000.0


class Clock:
    """Wall time that the test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Runner:
    def __init__(self) -> None:
        self.offered: list[Message] = []

    def offer(self, batch: list[Message], size: int) -> None:
        self.offered += batch


class Bench:
    """A watch with everything around it."""

    def __init__(self, path: Path, *alerts: Alert, output: FakeOutput | None = None) -> None:
        self.clock = Clock()
        self.store: Any = MemoryStore()
        self.output = output or FakeOutput()
        self.runner = Runner()
        self.path = path
        self.alerts = alerts
        self.watch = self.again()

    def again(self) -> Watch:
        """Start again: another process would find the same file."""
        destinations = Destinations({"ops": self.output}, lambda: {"file": self.runner})
        catalog = FileCatalog(self.path / "catalog.sqlite")
        self.watch = Watch(
            self.alerts, catalog, lambda: self.store, destinations, OwnLease(), lambda: "http://x/", self.clock
        )
        return self.watch

    async def log(self, *texts: str, **fields: Any) -> None:
        await self.store.add(
            [
                Message(self.clock.now - 1, "web", text, None, 3, b"", self.clock.now - 1, _fields=fields)
                for text in texts
            ]
        )

    async def look(self, name: str = "a") -> str:
        found = self.watch.get(name)
        assert found is not None
        await self.watch.look_at(found)
        await self.watch.deliver()
        return found.record.state(self.clock.now)

    def sent(self) -> list[tuple[str, Any]]:
        return [(each.short_message, each.fields["alert_state"]) for each in written(self.output)]


def written(output: FakeOutput) -> list[Message]:
    return [message for batch in output.batches for message in batch]


def alert(**more: Any) -> Alert:
    return Alert.from_values({"name": "a", "more_than": 1, "window": "5m", "to": ["ops"]} | more, "test")


def test_too_many(tmp_path: Path) -> None:
    """One notice at the beginning, with examples, and one at the end; not again after a restart."""

    async def main() -> None:
        bench = Bench(tmp_path, alert(query="fail*"))
        assert await bench.look() == "ok"
        await bench.log("failed", "failing", "fine")
        assert await bench.look() == "firing"
        bench.clock.now += 60
        bench.again()
        assert await bench.look() == "firing"
        bench.clock.now += 300
        assert await bench.look() == "ok"
        begin, end = written(bench.output)
        assert bench.sent() == [
            ("alert a: 2 messages in 5m, 1 is the limit", "firing"),
            ("alert a is over after 6m: 0 messages in 5m, 1 is the limit", "ok"),
        ]
        assert (begin.level, end.level) == (3, 6)
        assert (begin.full_message or "").splitlines()[1:] == ["web: failing", "web: failed"]
        assert begin.fields["alert_value"] == 2
        assert begin.fields["alert_page"] == "http://x/?q=fail%2A&range=300s&live=0"

    run(main())


def test_none(tmp_path: Path) -> None:
    """Not before the listener has waited for as long; a message ends it."""

    async def main() -> None:
        bench = Bench(tmp_path, alert(more_than=None, none=True, query="heartbeat"))
        assert await bench.look() == "ok"
        bench.clock.now += 300
        assert await bench.look() == "firing"
        await bench.log("heartbeat")
        assert await bench.look() == "ok"
        assert [state for _, state in bench.sent()] == ["firing", "ok"]

    run(main())


def test_a_figure_and_new_values(tmp_path: Path) -> None:
    async def main() -> None:
        slow = alert(name="slow", more_than=None, metric="max:ms", above=100)
        fresh = alert(name="fresh", more_than=None, new_value_of="version")
        bench = Bench(tmp_path, slow, fresh)
        await bench.log("x", ms=50, version="1")
        assert [await bench.look("slow"), await bench.look("fresh")] == ["ok", "ok"]
        await bench.log("x", ms=101, version="2")
        assert [await bench.look("slow"), await bench.look("fresh")] == ["firing", "firing"]
        assert [text for text, _ in bench.sent()] == [
            "alert slow: max:ms is 101 in 5m, 100 is the limit",
            "alert fresh: new values of version: 2",
        ]

    run(main())


def test_a_store_that_cannot_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None, one in trouble, one that fails: unknown, with the reason, until it answers again."""

    async def main() -> None:
        bench = Bench(tmp_path, alert())
        store = bench.store
        bench.store = None
        assert await bench.look() == "unknown"
        bench.store = store
        assert await bench.look() == "ok"
        monkeypatch.setattr(store, "missing", lambda: Missing(trouble="the disk is full"))
        assert await bench.look() == "unknown"
        found = bench.watch.get("a")
        assert found is not None
        assert "the disk is full" in found.record.unknown
        monkeypatch.undo()
        assert await bench.look() == "ok"
        monkeypatch.setattr(store, "missing", lambda: Missing(unseen="no node has some shards"))
        assert await bench.look() == "unknown"
        found = bench.watch.get("a")
        assert found is not None
        assert found.record.unknown == "parts of the store cannot be searched: no node has some shards"
        monkeypatch.undo()

        async def fail(*_: Any) -> int:
            raise GelfError("away")

        monkeypatch.setattr(store, "count", fail)
        assert await bench.look() == "unknown"
        assert bench.sent() == []

    run(main())


def test_a_destination_that_is_away(tmp_path: Path) -> None:
    """The notice waits, through a restart too; one that will never be taken is given up; another gets it at once."""

    async def main() -> None:
        bench = Bench(
            tmp_path, alert(more_than=0, to=["ops", "file"]), output=FakeOutput([Retry("away"), Retry("away")])
        )
        await bench.log("x")
        await bench.look()
        assert [each.fields["alert_state"] for each in bench.runner.offered] == ["firing"]
        bench.again()
        assert not await bench.watch.deliver()
        assert await bench.watch.deliver()
        assert await bench.watch.deliver()
        assert (len(bench.sent()), len(bench.runner.offered)) == (1, 1)
        assert bench.watch.failures == 1

        bench.output._answers = [Refused([], "no")]
        bench.clock.now += 400
        await bench.look()
        assert await bench.watch.deliver()
        assert (len(bench.sent()), len(bench.runner.offered)) == (1, 2)
        with pytest.raises(OutputError, match="no destination 'nobody'"):
            await bench.watch.destinations.send("nobody", bench.runner.offered[0])

    run(main())


def test_made_changed_and_removed(tmp_path: Path) -> None:
    """An alert of the API outlives a restart; its history goes with it."""

    async def main() -> None:
        bench = Bench(tmp_path, alert(name="b"))
        await bench.watch.put(alert(more_than=0))
        await bench.log("x")
        assert await bench.look() == "firing"
        await bench.watch.put(alert(more_than=5))
        bench.again()
        assert [(each.alert.name, each.configured) for each in bench.watch.all()] == [("a", False), ("b", True)]
        assert await bench.look() == "ok"
        await bench.watch.silence("b", bench.clock.now + 100)
        bench.again()
        assert await bench.look("b") == "silenced"
        assert await bench.watch.remove("a")
        assert not await bench.watch.remove("a")
        assert bench.watch.get("a") is None
        await bench.watch.close()

    run(main())


def test_it_runs_by_itself(tmp_path: Path) -> None:
    """Started, it looks at what is due and sends; closed, it stops."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        bench = Bench(tmp_path)
        bench.watch = Watch(
            [alert(more_than=0, window="7d"), alert(name="b", more_than=9)],
            FileCatalog(None),
            lambda: bench.store,
            Destinations({"ops": bench.output}, dict),
            OwnLease(),
            clock=lambda: NOW + loop.time(),
        )
        bench.clock.now = NOW + loop.time()
        await bench.log("x")
        bench.watch.start()
        bench.watch.start()
        while not bench.output.batches:
            await asyncio.sleep(1)
        looks = bench.watch.looks
        assert looks >= 1
        while bench.watch.looks < looks + 10:
            await asyncio.sleep(1)
        assert [state for _, state in bench.sent()] == ["firing"]
        await bench.watch.close()
        looks = bench.watch.looks
        await asyncio.sleep(600)
        assert bench.watch.looks == looks

    run(main())


def test_without_alerts_nothing_runs(tmp_path: Path) -> None:
    async def main() -> None:
        bench = Bench(tmp_path)
        bench.watch.start()
        assert not [task for task in asyncio.all_tasks() if task.get_name() == "alerts"]
        await bench.watch.put(alert())
        assert [task for task in asyncio.all_tasks() if task.get_name() == "alerts"]
        await bench.watch.close()

    run(main())


def test_one_of_two_listeners_looks(tmp_path: Path) -> None:
    """Who came first; the other one when it has not been heard of for long, or at once when it leaves."""

    async def main() -> None:
        clock, catalog = Clock(), FileCatalog(None)
        first, second = (CatalogLease(catalog, name, clock) for name in ("first", "second"))
        assert await first.held()
        assert not await second.held()
        for _ in range(4):
            clock.now += 20
            assert await first.held()
            assert not await second.held()
        clock.now += 45
        assert not await second.held()
        clock.now += 1
        assert await second.held()
        assert not await first.held()
        await first.release()
        assert await second.held()
        await second.release()
        assert await first.held()

    run(main())


def test_a_lease_that_somebody_else_took() -> None:
    """A change that the catalog refuses leaves it with the other."""

    class Refusing(FileCatalog):
        async def put(self, *_: Any) -> None:
            raise GelfError("changed by another listener")

    async def main() -> None:
        assert not await CatalogLease(Refusing(None), "me").held()

    run(main())


def test_those_that_are_due_are_looked_at_together() -> None:
    """All ask at one time, in the background, so a store makes what came in searchable once; at most 20 do."""

    class Slow(MemoryStore):
        asking = most = 0

        async def count(self, query: Any, span: Any) -> int:
            assert is_in_background()
            self.asking += 1
            self.most = max(self.most, self.asking)
            await asyncio.sleep(0.5)
            self.asking -= 1
            return await super().count(query, span)

    async def most_at_once(number: int) -> int:
        loop, store = asyncio.get_running_loop(), Slow()
        alerts = [alert(name=f"a{each}", more_than=0) for each in range(number)]
        destinations = Destinations({"ops": FakeOutput()}, dict)
        watch = Watch(
            alerts, FileCatalog(None), lambda: store, destinations, OwnLease(), clock=lambda: NOW + loop.time()
        )
        watch.start()
        while watch.looks < 3 * number:
            await asyncio.sleep(1)
        await watch.close()
        return store.most

    assert run(most_at_once(3)) == 3
    assert run(most_at_once(30)) == 20


def test_a_listener_without_a_store(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It shares the catalog's file with one that has a store: it says that it does not know, and changes nothing."""

    async def main() -> None:
        bench = Bench(tmp_path, output=FakeOutput([Retry("away")] * 100))
        await bench.watch.put(alert(more_than=0))
        await bench.log("x")
        assert await bench.look() == "firing"
        kept = FileCatalog(tmp_path / "catalog.sqlite").get("alert_states", "a")
        assert kept is not None
        assert kept["pending"]
        loop, output = asyncio.get_running_loop(), FakeOutput()
        other = Watch(
            [],
            FileCatalog(tmp_path / "catalog.sqlite"),
            lambda: None,
            Destinations({"ops": output}, dict),
            OwnLease(),
            clock=lambda: NOW + loop.time(),
        )
        other.start()
        await asyncio.sleep(600)
        (shown,) = other.all()
        assert (shown.record.firing, shown.record.state(NOW)) == (False, "unknown")
        assert "has no store" in shown.record.unknown
        assert other.looks == 0
        await other.close()
        assert not output.batches
        assert FileCatalog(tmp_path / "catalog.sqlite").get("alert_states", "a") == kept

    run(main())
    assert [each.getMessage() for each in caplog.records].count(
        "nothing looks at 1 alert: this listener has no store, so it does not look at alerts; add --output store:"
    ) == 1
