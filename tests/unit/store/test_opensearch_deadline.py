"""A question to a cluster ends, whatever the cluster does: with what it says until then, or with an error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.requests import Request

from gelf_listener.api.context import store_of
from gelf_listener.codec.gelf.field_columns import field_columns_of
from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.errors import Retry
from gelf_listener.outputs.http_client import Denied
from gelf_listener.outputs.http_nodes import HttpNodes
from gelf_listener.outputs.opensearch_store import OpenSearchStoreOutput, OpenSearchStoreSettings
from gelf_listener.query.nodes import MatchAll
from gelf_listener.store import deadline
from gelf_listener.store.opensearch import cluster as cluster_module
from gelf_listener.store.opensearch import freshness as freshness_module
from gelf_listener.store.opensearch import pages as pages_module
from gelf_listener.store.opensearch.own_shape import OwnShape
from gelf_listener.store.opensearch.store import OpenSearchStore
from gelf_listener.store.parameters import EVERYTHING, ValuesGroup
from tests.unit.outputs.web import Asked, Web, answer
from tests.unit.store.test_opensearch_unready import QUESTIONS, StandIn, opened

_SECONDS = 0.4
"""That a question has here."""
_PATIENCE_SECONDS = 60.0
"""How long a test waits for an answer that never comes; of what the cluster is asked alone, a question has several."""

Question = Callable[[OpenSearchStore], Awaitable[Any]]


async def _suggest(store: OpenSearchStore) -> Any:
    return await store.suggest("source", "w")


_QUESTIONS = [each for each in QUESTIONS if each.__name__ != "_delete"] + [_suggest]
_NAMES = [each.__name__[1:] for each in _QUESTIONS]


def _silent(asked: Asked) -> bytes | None:
    return None


def _resetting(asked: Asked) -> bytes | None:
    return b""


def _busy(asked: Asked) -> bytes | None:
    return answer(503, b'{"error":{"type":"cluster_manager_not_discovered_exception","reason":null},"status":503}')


@pytest.mark.parametrize("fault", [_silent, _resetting, _busy], ids=["silent", "resets", "busy"])
@pytest.mark.parametrize("question", _QUESTIONS, ids=_NAMES)
def test_a_cluster_that_stops_answering(question: Question, fault: Callable[[Asked], bytes | None]) -> None:
    """Each question is an error once its time is over; the cluster is asked again until then, and not later."""
    cluster = StandIn()
    behaves: list[Callable[[Asked], bytes | None]] = [cluster]

    async def main() -> None:
        async with opened(lambda asked: behaves[0](asked), patience_seconds=30.0, search_seconds=_SECONDS) as store:
            behaves[0] = fault
            with pytest.raises(Retry):
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await question(store)
            behaves[0] = cluster
            assert await question(store) is not None
            assert not store.missing()

    asyncio.run(main())


@pytest.mark.parametrize("question", _QUESTIONS, ids=_NAMES)
def test_a_refresh_that_is_not_answered(question: Question) -> None:
    """The answer is about what is shown already, and says so; the questions of others do not add to its time."""

    async def main() -> None:
        cluster = StandIn()
        async with opened(cluster, search_seconds=1.0) as store:
            wanted = await question(store)
            cluster.is_silent = True
            async with asyncio.timeout(_PATIENCE_SECONDS):
                found = await asyncio.gather(*[question(store) for _ in range(5)])
            assert found == [wanted] * 5
            assert await question(store) == wanted
            assert store.missing().unseen.startswith("what was added last is not shown yet: http://")

    asyncio.run(main())


def test_shards_that_never_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are waited for while there is time for the rest of the answer."""
    monkeypatch.setattr(cluster_module, "_BUSY_SECONDS", 3600.0)

    async def main() -> None:
        cluster = StandIn()
        async with opened(cluster, search_seconds=1.0) as store:
            cluster.unready, cluster.partly = range(10_000_000), True
            async with asyncio.timeout(_PATIENCE_SECONDS):
                assert (await store.search(MatchAll(), EVERYTHING)).total == 0
            assert store.missing().unseen == "1 of 2 shards of the store cannot be searched"
            async with asyncio.timeout(_PATIENCE_SECONDS):
                assert await store.aggregate(MatchAll(), EVERYTHING, [ValuesGroup("source", 10)]) == []
            assert store.missing().unseen == "1 of 2 shards of the store cannot be searched"

    asyncio.run(main())


def test_messages_that_cannot_be_written() -> None:
    """A search does not wait longer than its share for what was taken and waits in the buffer."""

    async def main() -> None:
        async with opened(StandIn(), search_seconds=1.0) as store:

            async def never() -> None:
                await asyncio.sleep(3600)

            store.written_before = never
            store.problem = "no room"
            async with asyncio.timeout(_PATIENCE_SECONDS):
                assert (await store.search(MatchAll(), EVERYTHING)).total == 5
            assert store.missing().unseen == "what was taken last is not written yet: no room"

    asyncio.run(main())


def test_columns_of_others_that_cannot_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are known do, and the answer says so."""
    monkeypatch.setattr(freshness_module, "_COLUMNS_SECONDS", 0.0)

    async def main() -> None:
        cluster = StandIn()
        missing_mapping = [False]

        def respond(asked: Asked) -> bytes | None:
            return None if missing_mapping[0] and "/_mapping" in asked.path else cluster(asked)

        async with opened(respond, search_seconds=1.0) as store:
            missing_mapping[0] = True
            async with asyncio.timeout(_PATIENCE_SECONDS):
                counts = await asyncio.gather(*[store.count(MatchAll(), EVERYTHING) for _ in range(3)])
            assert counts == [5] * 3
            await store.count(MatchAll(), EVERYTHING)
            assert store.missing().unseen.startswith("fields that other listeners added last may not be found: http")
            missing_mapping[0] = False
            await store.count(MatchAll(), EVERYTHING)
            assert not store.missing()

    asyncio.run(main())


def test_a_node_that_hangs() -> None:
    """The first attempt finds out; then another node is asked, and nothing is missing."""

    async def main() -> None:
        cluster = StandIn()
        hangs = [False]
        first = Web(lambda asked: None if hangs[0] else cluster(asked))
        async with first, Web(cluster) as second:
            settings = {"host": "127.0.0.1", "port": first.port, "more_hosts": f"127.0.0.1:{second.port}"}
            output = OpenSearchStoreOutput(OpenSearchStoreSettings.model_validate(settings | {"search_timeout": "2s"}))
            await output.start()
            assert output.store is not None
            hangs[0] = True
            async with asyncio.timeout(_PATIENCE_SECONDS):
                assert await output.store.count(MatchAll(), EVERYTHING) == 5
            assert not output.store.missing()
            await output.close()

    asyncio.run(main())


def test_all_nodes_together_have_one_time() -> None:
    """Of two that are silent only the first is asked in it, and the other one first the next time."""

    async def main() -> None:
        async with Web(_silent) as first, Web(_silent) as second:
            settings = OpenSearchStoreSettings(host="127.0.0.1", port=first.port)
            nodes = HttpNodes(settings, f"127.0.0.1:{second.port}", 9200, tls=False)
            for port in (first.port, second.port):
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    with pytest.raises(Retry, match=rf":{port}: no answer within 0\.\d+ s"):
                        await nodes.request("GET", "/", seconds=0.3)
            await nodes.close()

    asyncio.run(main())


class _Slow:
    """A cluster whose searches take five seconds and other requests one: of the deadline's clock, not of the test's."""

    def __init__(self) -> None:
        self.cluster = StandIn()
        self.now = 1000.0
        self.seconds: list[float] = []
        """That each request was given."""

    async def __call__(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = "",
        *,
        seconds: float = float("inf"),
    ) -> bytes:
        takes = 5.0 if "/_search?" in path or path == "/_search" else 1.0
        self.seconds.append(seconds)
        self.now += min(takes, seconds)
        if seconds < takes:
            raise Retry(f"no answer within {seconds:g} s")
        said = self.cluster(Asked(method, path, {}, body or b"")) or b""
        return said.partition(b"\r\n\r\n")[2]


@asynccontextmanager
async def _slow(monkeypatch: pytest.MonkeyPatch, seconds: float) -> AsyncIterator[tuple[_Slow, OpenSearchStore]]:
    slow = _Slow()
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: slow.now))
    shape = OwnShape("gelf", "", read_fields, field_columns_of)
    store = OpenSearchStore(slow, Denied, shape, search_seconds=seconds)
    await store.open()
    slow.seconds.clear()
    try:
        yield slow, store
    finally:
        await store.close()


def test_requests_of_one_question_share_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half of half of it is for a refresh; what comes after has what is left."""

    async def main() -> None:
        async with _slow(monkeypatch, 8.0) as (slow, store):
            assert await store.count(MatchAll(), EVERYTHING) == 5
            assert slow.seconds == [2.0, 7.0]
            slow.seconds.clear()
            with pytest.raises(Retry, match="no answer within 2 s"):
                await store.statistics(MatchAll(), EVERYTHING, "level")
            assert slow.seconds == [2.0, 7.0, 2.0]

    asyncio.run(main())


def test_questions_of_one_answer_share_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first begins it; another answer has a time of its own."""

    async def main() -> None:
        async with _slow(monkeypatch, 12.0) as (slow, store):

            async def answered() -> None:
                slow.seconds.clear()
                deadline.begin_answer()
                assert await store.count(MatchAll(), EVERYTHING) == 5
                assert await store.count(MatchAll(), EVERYTHING) == 5
                assert slow.seconds == [3.0, 11.0, 1.5, 5.0]
                with pytest.raises(Retry):
                    await store.count(MatchAll(), EVERYTHING)

            await answered()
            await answered()

    asyncio.run(main())


def test_what_a_route_asks_is_one_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is given the store by the API; the time counts from when it was asked."""

    async def main() -> None:
        async with _slow(monkeypatch, 8.0) as (slow, store):
            state = SimpleNamespace(service=SimpleNamespace(store=store))

            async def asked(seconds_ago: float) -> Any:
                scope = {"type": "http", "app": SimpleNamespace(state=state), "asked_at": slow.now - seconds_ago}
                return await store_of(Request(scope))

            given = await asked(0.0)
            assert await given.count(MatchAll(), EVERYTHING) == 5
            with pytest.raises(Retry):
                await given.count(MatchAll(), EVERYTHING)
            with pytest.raises(Retry, match=r"no answer within 1\.5 s"):
                await (await asked(5.0)).count(MatchAll(), EVERYTHING)

    asyncio.run(main())


def test_each_page_of_an_export_has_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, and whatever else the answer took."""
    monkeypatch.setattr(pages_module, "PAGE", 1)

    async def main() -> None:
        async with _slow(monkeypatch, 13.0) as (slow, store):
            deadline.begin_answer()
            began = slow.now
            found = [each async for page in store.scan(MatchAll(), EVERYTHING) for each in page]
            assert len(found) == 5
            assert slow.now - began > 2 * 13.0

    asyncio.run(main())


def test_limits_are_known_in_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are computed in one, which asks the cluster from there."""
    monkeypatch.setattr(deadline, "time", SimpleNamespace(monotonic=lambda: 100.0))

    async def main() -> None:
        assert deadline.seconds_left() == float("inf")
        with deadline.limited(10.0):
            assert await asyncio.to_thread(deadline.seconds_left) == 10.0
            with deadline.limited(20.0):
                assert deadline.seconds_left() == 10.0
            with deadline.limited(20.0, alone=True):
                assert deadline.seconds_left() == 20.0
            with deadline.limited(4.0):
                assert deadline.seconds_left() == 4.0
        assert deadline.seconds_left() == float("inf")

    asyncio.run(main())
