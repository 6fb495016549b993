"""
One episode: a random sequence of operations and faults on a store, each answer held against the store in memory.

Laws:

* What was acknowledged and saved is never lost, and nothing is there twice; a batch is taken whole or not at all.
* Totals, pages, groups and figures are those of the store in memory, or the answer says how many messages it lacks.
* Retention takes the oldest only, and only what it may.
* What was deleted stays deleted. What was being deleted when the process was killed is deleted, or is not.

What happens and what is asked follow from the seed. When a kill hits is up to the machine.
"""

from __future__ import annotations

import contextlib
import math
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from gelf_listener.errors import QueryError
from gelf_listener.message import Message
from gelf_listener.store.answers import Row
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.parameters import EVERYTHING, Sort, Span
from tests.unit.store.model.chance import Chance
from tests.unit.store.model.host import Answer, Host, HostIsGone
from tests.unit.store.samples import START

__all__ = ["Episode", "check_rows", "run_episode"]

_PATIENCE_SECONDS = 300.0
_ENOUGH_SECONDS = 300.0
"""After so long an episode comes to its end, however many steps it was to take: machines may be busy."""
_TRIES = 400


class Episode:
    """
    A store under faults, and what it has to have.

    Args:
        folder: Where everything is.
        seed: Of everything that is random.
        disk: A small file system that can be filled; None where none can be mounted.
    """

    def __init__(self, folder: Path, seed: int, disk: Path | None) -> None:
        self.chance = Chance(seed)
        self.steps: list[str] = []
        self._path = (disk or folder) / "store"
        self._log = folder / "log.txt"
        self._disk = disk
        self._ballast = (disk or folder) / "ballast"
        self._now = START
        self._next = 0
        self._judge = MemoryStore(1 << 40, clock=lambda: self._now)
        self._unsaved: list[str] = []
        """Ids of messages that a kill may lose, for they wait to be saved; in order."""
        self._undone: list[Message] = []
        """Messages that were refused, or lost with a process: whoever has them in a disk buffer offers them again."""
        choice = self.chance.choice
        self._max_age = choice((None, None, 1000.0))
        self._max_bytes = choice((None, None, 6_000_000))
        self._settings = {
            "commit_seconds": choice((0, 0, 0.05, 30)),
            "partition_messages": choice((15, 60, 300, 100_000)),
            "max_age_seconds": self._max_age,
            "max_bytes": self._max_bytes,
            "indexing": choice(("process", "process", "thread")),
        }
        self._host: Host | None = None

    # --- running it

    async def run(self, steps: int) -> None:
        """Take some steps, and check everything in the end, also after the store was closed and opened again."""
        self.steps.append(str(self._settings))
        await self._open()
        enough = time.monotonic() + _ENOUGH_SECONDS
        for _ in range(steps):
            if time.monotonic() > enough:
                break
            act, words = self._choose()
            self.steps.append(words)
            try:
                words = await act() or ""
                self.steps[-1] += f" {words}"
            except HostIsGone:
                raise AssertionError("the process ended by itself") from None
        self.steps.append("the end")
        await self._close_and_open()
        assert self._ask("close").error == ""
        self._end()

    def _choose(self) -> tuple[Callable[[], Awaitable[str | None]], str]:
        acts: dict[Callable[[], Awaitable[str | None]], float] = {
            self._add: 12,
            self._offer_again: 4,
            self._search: 14,
            self._scan: 2,
            self._get: 2,
            self._aggregate: 4,
            self._statistics: 2,
            self._delete: 2,
            self._compact: 1,
            self._flush: 2,
            self._retain: 2,
            self._kill_indexer: 2,
            self._kill: 2,
            self._kill_within: 3,
            self._close_and_open: 1,
            self._damage: 1,
            self._damage_while_closed: 1,
            self._together: 2,
        }
        if self._disk is not None:
            acts[self._fill] = 3
        (act,) = self.chance.choices(list(acts), list(acts.values()))
        return act, act.__name__.strip("_")

    def stop(self) -> None:
        """End what runs."""
        if self._host is not None:
            self._host.kill()

    @property
    def log(self) -> str:
        """What the store said."""
        return self._log.read_text(errors="replace") if self._log.exists() else ""

    # --- the process

    def _ask(self, request: str, *arguments: Any) -> Answer:
        assert self._host is not None
        return self._host.ask(request, *arguments)

    async def _open(self, *, doomed: frozenset[str] = frozenset(), maybe: Sequence[Message] = ()) -> None:
        """Start a process, open the store, see what became of what was in doubt, and hold it to the laws."""
        self._host = self._started()
        for _ in range(_TRIES):
            error = self._ask("open").error
            if not error:
                break
            assert self._full, error
            assert error.startswith("Retry"), error
            self._free()
        await self._take_stock(doomed=doomed, maybe=maybe, killed=True)

    def _started(self) -> Host:
        with self._log.open("ab") as log:
            return Host(self._path, self._settings, self._now, log)

    def _end(self) -> None:
        host, self._host = self._host, None
        assert host is not None
        with contextlib.suppress(OSError):
            host._to.close()
        host.wait()

    async def _close_and_open(self) -> str:
        full = self._full
        if full:
            self._ask("close")
        else:
            assert self._ask("close").error == ""
            self._unsaved = []
        self._end()
        await self._open()
        return "on a full disk" if full else ""

    async def _kill(self) -> None:
        assert self._host is not None
        if self.chance.random() < 0.5:
            time.sleep(self.chance.uniform(0, 0.05))
        self._host.kill()
        await self._open()

    async def _kill_within(self) -> str:
        """Kill it while it does something."""
        request = self.chance.choice(("add", "add", "flush", "delete", "compact", "retain", "close"))
        doomed: frozenset[str] = frozenset()
        maybe: list[Message] = []
        arguments: tuple[Any, ...] = ()
        host = self._host
        assert host is not None
        if request == "add":
            maybe = self._new_messages()
            self._name(maybe)
        elif request == "delete":
            arguments = (self.chance.query(self._next), EVERYTHING)
            doomed = frozenset(message.id for message in self._judge._matching(*arguments))
        elif request == "retain":
            self._now += self.chance.choice((0.0, 400.0))
            self._ask("clock", self._now)
        host.send(request, *arguments)
        time.sleep(self.chance.choice((0.0, 0.001, 0.005, 0.02, 0.1)) * self.chance.random())
        host.kill()
        await self._open(doomed=doomed, maybe=maybe)
        return request

    # --- taking stock

    async def _take_stock(
        self, *, doomed: frozenset[str] = frozenset(), maybe: Sequence[Message] = (), killed: bool = False
    ) -> None:
        """
        Compare everything that is there with everything that has to be, and go on with what is there.

        Args:
            doomed: What may be deleted, or not.
            maybe: What may have been added, all or nothing.
            killed: Whether what was not saved may be lost.
        """
        self._free()
        unsaved = self._unsaved if killed else []
        await self._settled()
        assert self._ask("retain").error == ""
        answer = self._ask("everything")
        while answer.missing.late:  # the indexer was killed again
            await self._settled()
            answer = self._ask("everything")
        assert answer.error == "", answer
        assert not answer.missing.unindexable, answer.missing
        assert not answer.missing.damaged, answer.missing
        there: dict[str, Message] = {message.id: message for message in answer.value}
        assert len(there) == len(answer.value), "a message is there twice"
        known = self._judge._messages
        offered = {message.id: message for message in maybe}
        assert there.keys() <= known.keys() | offered.keys(), (
            "something is there that nobody added, or that was deleted"
        )
        assert offered.keys() <= there.keys() or not offered.keys() & there.keys() or self._evicts, "half a batch"
        for id in [id for id in there if id not in known]:
            known[id] = offered[id]
        gone = [id for id in known if id not in there and id not in doomed]
        lost = self._lost(gone, unsaved)
        evicted = gone[: len(gone) - len(lost)]
        if evicted:
            self._check_evicted(evicted)
        self._undone += [known[id] for id in lost]
        self._undone += [message for message in maybe if message.id not in there]
        for id in [id for id in known if id not in there]:
            del known[id]
        order = MemoryStore.sorted(list(known.values()), Sort("gl2_receive_timestamp", descending=False))
        assert list(there) == [message.id for message in order], "the order of arrival is another"
        for id, message in there.items():
            assert _whole(message) == _whole(known[id]), (_whole(message), _whole(known[id]))

    @property
    def _evicts(self) -> bool:
        return self._max_age is not None or self._max_bytes is not None

    def _lost(self, gone: Sequence[str], unsaved: Sequence[str]) -> Sequence[str]:
        """Return which of those that are gone were lost with the process: only what came last and was not saved."""
        may = set(unsaved)
        count = 0
        while count < len(gone) and gone[-1 - count] in may:
            count += 1
        lost = gone[len(gone) - count :]
        if lost:
            after = unsaved[unsaved.index(lost[0]) :]
            assert [id for id in after if id in self._judge._messages] == list(lost), "lost from the middle"
        return lost

    def _check_evicted(self, evicted: Sequence[str]) -> None:
        known = self._judge._messages
        assert self._evicts, f"{len(evicted)} messages are lost: {[known[id].short_message[:9] for id in evicted][:20]}"
        oldest = list(known)[: len(evicted)]
        assert oldest == list(evicted), "not the oldest"
        if self._max_bytes is None:
            assert self._max_age is not None
            newest = max(known[id].received_at for id in evicted)
            assert newest < self._now - self._max_age, "too young to go"

    async def _settled(self) -> None:
        """Wait until everything is saved and found."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while error := self._ask("flush").error:
            assert error.startswith("Retry"), error
            assert time.monotonic() < deadline, f"it does not recover: {error}"
            time.sleep(0.05)
        self._unsaved = []

    # --- adding

    def _new_messages(self) -> list[Message]:
        count = self.chance.choice((1, 1, 3, 20, 60, 300))
        made = self.chance.messages(count, self._now, self._next)
        self._next += count
        self._now = round(self._now + self.chance.choice((0.0, 0.01, 1.0)), 2)
        return made

    def _name(self, messages: Sequence[Message]) -> None:
        """Give a batch to the process, and learn which ids it has there."""
        for message, id in zip(messages, self._ask("ids", messages).value, strict=True):
            message.stored_id = id

    async def _add(self) -> str:
        messages = self._new_messages()
        self._name(messages)
        return await self._offered(messages)

    async def _offered(self, messages: Sequence[Message]) -> str:
        answer = self._ask("add")
        if answer.error:
            assert answer.error.startswith("Retry"), answer.error
            self._undone += [message for message in messages if message.id not in self._judge._messages]
            return f"{len(messages)}: {answer.error[:80]}"
        new = [message.id for message in messages if message.id not in self._judge._messages]
        await self._judge.add(messages)
        if self._settings["commit_seconds"]:
            self._unsaved += new
        return f"{len(messages)}, {len(new)} new"

    async def _offer_again(self) -> str:
        """Offer what was not taken, mixed with what was, and with something new: as a disk buffer does after a crash."""
        undone, self._undone = self._undone, []
        known = list(self._judge._messages.values())[-200:]
        again = self.chance.sample(known, min(len(known), self.chance.choice((0, 1, 30))))
        batch = [*undone, *again, *self._new_messages()]
        new = [message for message in batch if not message.stored_id]
        self._name(new)
        self._ask("ids", batch)
        return await self._offered(batch)

    # --- asking

    def _question(self) -> tuple[Any, Span]:
        query = self.chance.query(self._next)
        self.steps[-1] += f" {query!r}"
        return query, self.chance.span(self._now)

    async def _search(self) -> None:
        query, span = self._question()
        sort, limit = self.chance.sort(), self.chance.choice((1, 10, 150, 2000))
        offset = self.chance.choice((0, 0, 3, 40))
        self.steps[-1] += f" {span} {limit} {offset} {sort}"
        answer = self._ask("page", query, span, limit, offset, sort)
        whole = await self._judge.search(query, span, limit=1 << 40, sort=sort)
        self._check_page(answer, [message.id for message in whole.messages], limit, offset)

    def _check_page(self, answer: Answer, expected: Sequence[str], limit: int, offset: int) -> None:
        assert answer.error == "", answer.error
        total, messages = answer.value
        found = [message.id for message in messages]
        self._check_list(answer, found, expected[offset : offset + limit], set(expected))
        self._check_count(answer, total, len(expected))

    @staticmethod
    def _check_list(answer: Answer, found: Sequence[str], expected: Sequence[str], among: set[str]) -> None:
        if answer.missing.late:
            assert among.issuperset(found), "it finds what it should not"
            assert len(found) == len(set(found))
        else:
            assert list(found) == list(expected), (len(found), len(expected), answer.missing)

    @staticmethod
    def _check_count(answer: Answer, count: int, expected: int) -> None:
        assert expected - answer.missing.late <= count <= expected, (count, expected, answer.missing)

    async def _scan(self) -> None:
        query, span = self._question()
        sort = self.chance.sort()
        answer = self._ask("scan", query, span, sort)
        whole = [message.id async for batch in self._judge.scan(query, span, sort=sort) for message in batch]
        assert answer.error == "", answer.error
        self._check_list(answer, [message.id for message in answer.value], whole, set(whole))

    async def _get(self) -> None:
        known = self._judge._messages
        id = self.chance.choice([*list(known)[-500:], "0" * 26])
        answer = self._ask("get", id)
        if not answer.missing.late or answer.value is not None:
            assert (answer.value is None) == (id not in known)
            assert answer.value is None or _whole(answer.value) == _whole(known[id])

    async def _aggregate(self) -> None:
        query, span = self._question()
        groups, metrics = self.chance.aggregation()
        self.steps[-1] += f" {groups} {metrics}"
        answer = self._ask("aggregate", query, span, groups, metrics)
        try:
            expected = await self._judge.aggregate(query, span, groups, metrics)
        except QueryError:
            assert answer.error or answer.missing.late, "an error was expected"
            return
        assert answer.error == "", answer.error
        if not answer.missing.late:
            check_rows(answer.value, expected)

    async def _statistics(self) -> None:
        query, span = self._question()
        field = self.chance.choice(("number", "code", "user", "source", "level", "timestamp", "nothing"))
        answer = self._ask("statistics", query, span, field)
        expected = await self._judge.statistics(query, span, field)
        assert answer.error == "", answer.error
        if answer.missing.late:
            self._check_count(answer, answer.value.messages, expected.messages)
        else:
            assert all(map(_alike, answer.value, expected)), (field, answer.value, expected)

    async def _together(self) -> None:
        """Search while something is added: it finds all that was there before, and nothing of another batch."""
        messages = self._new_messages()
        self._name(messages)
        query, span = self._question()
        before = {message.id for message in self._judge._matching(query, span)}
        answer = self._ask("together", ("add", ()), ("page", (query, span, 1 << 20, 0, self.chance.sort())))
        added, page = answer.value
        if added.error:
            assert added.error.startswith("Retry"), added.error
            self._undone += messages
        else:
            await self._judge.add(messages)
            if self._settings["commit_seconds"]:
                self._unsaved += [message.id for message in messages]
        after = {message.id for message in self._judge._matching(query, span)}
        assert page.error == "", page.error
        found = {message.id for message in page.value[1]}
        assert found <= after | {m.id for m in messages}, "it finds what it should not"
        assert len(before - found) <= page.missing.late, (len(before - found), page.missing)

    # --- looking after it

    async def _delete(self) -> str:
        query, span = self._question()
        doomed = frozenset(message.id for message in self._judge._matching(query, span))
        answer = self._ask("delete", query, span)
        if self._full or answer.error:
            assert not answer.error or answer.error.startswith("Retry"), answer.error
            await self._take_stock(doomed=doomed)
            return f"{answer.value} of {len(doomed)} {answer.error[:80]}"
        if answer.value != len(doomed):  # the indexer was killed a moment ago
            await self._take_stock(doomed=doomed)
            assert answer.value == len(doomed) - len(doomed & self._judge._messages.keys())
            return "some"
        await self._judge.delete(query, span)
        self._unsaved = [id for id in self._unsaved if id not in doomed]
        return str(answer.value)

    async def _compact(self) -> str:
        error = self._ask("compact").error
        assert not error or error.startswith("Retry"), error
        return error[:80]

    async def _flush(self) -> str:
        error = self._ask("flush").error
        if error:
            assert error.startswith("Retry"), error
        else:
            self._unsaved = []
        return error[:80]

    async def _retain(self) -> str:
        self._now += self.chance.choice((0.0, 300.0, 2000.0))
        self._ask("clock", self._now)
        await self._take_stock()
        return f"{len(self._judge._messages)} left"

    async def _kill_indexer(self) -> str:
        return "" if self._ask("kill_indexer").value else "there is none"

    # --- the disk

    async def _fill(self) -> str:
        """Fill the disk for a while, or make room again."""
        assert self._disk is not None
        if self._full:
            self._free()
            return "free"
        room = os.statvfs(self._disk)
        left = self.chance.choice((0, 0, 20_000, 200_000))
        with contextlib.suppress(OSError):
            self._ballast.write_bytes(b"x" * max(room.f_bavail * room.f_frsize - left, 0))
        return f"but for {left}"

    @property
    def _full(self) -> bool:
        return self._ballast.exists()

    def _free(self) -> None:
        self._ballast.unlink(missing_ok=True)

    async def _damage(self) -> str:
        """Damage an index that is open."""
        return self._hurt(("index/meta.json", "index"))

    async def _damage_while_closed(self) -> str:
        self._ask("close")
        self._end()
        words = self._hurt(("index/meta.json", "index", "partition.json", "a file of the index"))
        await self._open()
        return words

    def _hurt(self, victims: Sequence[str]) -> str:
        partitions = sorted(self._path.glob("p" + "[0-9]" * 8))
        partition, victim = self.chance.choice(partitions), self.chance.choice(victims)
        if victim == "index":
            shutil.rmtree(partition / victim, ignore_errors=True)
        elif victim == "a file of the index":
            files = sorted(path for path in partition.glob("index/*") if path.suffix and path.stat().st_size > 20)
            if files:
                file = self.chance.choice(files)
                with contextlib.suppress(OSError):
                    os.truncate(file, file.stat().st_size // 2)
                victim = f"{file.name}, cut in half"
        elif (partition / victim).exists():
            with contextlib.suppress(OSError):
                (partition / victim).write_bytes(b"\x00garbage")
        return f"{partition.name}/{victim}"


def _whole(message: Message) -> tuple[object, ...]:
    fields = {name: repr(value) for name, value in message.fields.items()}  # 5 is not 5.0
    return (
        *(message.id, message.timestamp, message.host, message.short_message, message.full_message, message.level),
        *(message.raw, message.received_at, message.input, message.peer, fields, message.notes),
    )


def _alike(one: Any, other: Any) -> bool:
    """Whether two figures are the same, but for what adding in another order changes."""
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return one == other or math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)
    return bool(one == other)


def check_rows(found: Sequence[Row], expected: Sequence[Row]) -> None:
    assert [(row.keys, row.messages) for row in found] == [(row.keys, row.messages) for row in expected]
    for one, other in zip(found, expected, strict=True):
        assert all(map(_alike, one.values, other.values)), (one, other)


async def run_episode(folder: Path, seed: int, disk: Path | None, steps: int) -> None:
    """
    Run one episode.

    Raises:
        AssertionError: With the seed and the steps, when a law is broken.
    """
    episode = Episode(folder, seed, disk)
    try:
        await episode.run(steps)
    except BaseException as error:
        steps_taken = "\n  ".join(episode.steps)
        raise AssertionError(
            f"seed {seed}: {error!r}"[:4000] + f"\nafter\n  {steps_taken}\nIt said:\n{episode.log[-4000:]}"
        ) from error
    finally:
        episode.stop()
