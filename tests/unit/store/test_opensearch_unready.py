"""A shard that has not begun yet, as in an index that was just made: whatever needs it is asked again for a while."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from gelf_listener.codec.gelf.field_columns import field_columns_of
from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.errors import Busy, Retry
from gelf_listener.outputs.http_client import Denied, HttpClient
from gelf_listener.outputs.opensearch_store import OpenSearchStoreSettings
from gelf_listener.query import parse
from gelf_listener.query.nodes import MatchAll
from gelf_listener.store.opensearch import cluster as cluster_module
from gelf_listener.store.opensearch import freshness as freshness_module
from gelf_listener.store.opensearch import pages as pages_module
from gelf_listener.store.opensearch.cluster import Cluster
from gelf_listener.store.opensearch.documents import SharedDocuments
from gelf_listener.store.opensearch.names import DatedNames
from gelf_listener.store.opensearch.own_shape import OwnShape
from gelf_listener.store.opensearch.store import OpenSearchStore
from gelf_listener.store.parameters import EVERYTHING, Metric
from tests.unit.outputs.web import Asked, Web, answer
from tests.unit.store.samples import START, plain

_ALL_FAILED = (
    b'{"error":{"root_cause":[],"type":"search_phase_execution_exception","reason":"all shards failed",'
    b'"phase":"query","grouped":true,"failed_shards":[]},"status":503}'
)
_NO_SHARD = {"type": "no_shard_available_action_exception", "reason": "No shard available for [org.opensearch…]"}
_NOT_ACTIVE = {"type": "unavailable_shards_exception", "reason": "[gelf-2026.11.30][0] primary shard is not active"}
"""Words of an OpenSearch 2.19, asked about an index whose shard had no node."""

_COUNT = 5
"""Messages that the stand-in has."""


class StandIn:
    """Answers as a cluster with some messages whose shards are not there for the first questions that need them."""

    def __init__(self) -> None:
        layout = OwnShape("gelf", "", read_fields, field_columns_of)
        self.messages = [plain(f"text {number}", at=number) for number in range(_COUNT)]
        ids = [message.id for message in self.messages]
        self.sources = [
            json.loads(cluster_module._encode_lines([each]))
            for each in layout.documents_of(self.messages, ids, mapped=True)
        ]
        self.unready = range(0)
        """Which of the questions that need shards are asked too early."""
        self.partly = False
        """Whether another index has shards: then only their number says that some lack."""
        self.is_sure = False
        """Whether nothing may match that does not surely match."""
        self.asked = 0
        """How many questions needed shards."""
        self.lost = False
        """Whether no node has the shards of another index."""
        self.is_silent = False
        """Whether it does not answer to a refresh."""
        self.refreshes: list[str] = []
        """The indices of each refresh."""

    def __call__(self, asked: Asked) -> bytes | None:
        path = asked.path.partition("?")[0]
        body = json.loads(asked.body) if asked.body and not path.endswith(("/_bulk", "/_msearch")) else {}
        if path.endswith("/_mapping") or path.startswith("/_index_template"):
            return self._said({})
        if path.startswith("/_cat/"):
            rows = {"gelf-2023.11.13": "red" if self.lost else "green", "gelf-2023.11.14": "yellow"}
            nothing = {"docs.count": None, "store.size": None}
            return self._said([{"index": name, "health": health} | nothing for name, health in rows.items()])
        if path.endswith("/_refresh"):
            self.refreshes.append(path)
            if self.is_silent or (self.lost and "-gelf-2023.11.13" not in path.split("/")[1].split(",")):
                return None
        if path.endswith("/_refresh") or asked.method == "DELETE":
            return self._said({"_shards": {"total": 1, "successful": 1, "failed": 0}})
        lacking = self.asked in self.unready
        self.asked += 1
        if path.endswith("/_mget"):
            return self._said({"docs": [self._document(id, lacking=lacking) for id in body["ids"]]})
        if path == "/_bulk":
            lines = [json.loads(line) for line in asked.body.splitlines()]
            return self._said({"errors": lacking, "items": [self._deleted(lines[0], lacking=lacking)] * len(lines)})
        if path.endswith("/_msearch"):
            if lacking and not self.partly:
                return self._said({"responses": [json.loads(_ALL_FAILED)] * (len(asked.body.splitlines()) // 2)})
            searches = [self._found(json.loads(line), lacking=lacking) for line in asked.body.splitlines()[1::2]]
            return self._said({"responses": searches})
        if lacking and not self.partly:
            return answer(503, _ALL_FAILED)
        if path.endswith("/point_in_time"):
            if lacking and "allow_partial_pit_creation=false" in asked.path:
                return answer(503, _ALL_FAILED)
            return self._said({"pit_id": "now"})
        return self._said(self._found(body, lacking=lacking))

    def _found(self, body: dict[str, Any], *, lacking: bool) -> dict[str, Any]:
        shards = {"total": 2, "successful": 2 - (lacking or self.lost), "skipped": 0, "failed": 0}
        unwanted = body.get("query", {}).get("bool", {}).get("must_not", [{}])
        no_doubt = self.is_sure and "bool" in unwanted[0]  # what surely matches
        sources = [] if lacking or no_doubt else self.sources[::-1]
        first = body["search_after"][0] if "search_after" in body else 0
        hits = [
            {"_id": each["id"], "_source": each, "_seq_no": 1, "_primary_term": 1, "sort": [first + number + 1]}
            for number, each in enumerate(sources[first:][: body["size"]])
        ]
        total = {"value": len(sources), "relation": "eq"}
        if body.get("query", {}).get("exists"):  # messages without columns
            total = {"value": 0, "relation": "eq"}
        return {"took": 1, "_shards": shards, "hits": {"total": total, "hits": hits}}

    @staticmethod
    def _document(id: str, *, lacking: bool) -> dict[str, Any]:
        if lacking:
            return {"_id": id, "error": {"root_cause": [_NO_SHARD]} | _NO_SHARD}
        return {"_id": id, "found": True, "_seq_no": 1, "_primary_term": 1, "_source": {"kind": "k", "body": "{}"}}

    @staticmethod
    def _deleted(line: dict[str, Any], *, lacking: bool) -> dict[str, Any]:
        assert line.keys() == {"delete"}
        return {"delete": {"status": 503, "error": _NOT_ACTIVE} if lacking else {"status": 200}}

    @staticmethod
    def _said(body: Any) -> bytes:
        return answer(200, json.dumps(body).encode())


@asynccontextmanager
async def opened(cluster: Callable[[Asked], bytes | None], **more: Any) -> AsyncIterator[OpenSearchStore]:
    async with Web(cluster) as web:
        client = HttpClient(OpenSearchStoreSettings(host="127.0.0.1", port=web.port), 9200, tls=False)
        shape = OwnShape("gelf", "", read_fields, field_columns_of)
        store = OpenSearchStore(client.request, Denied, shape, clock=lambda: START, **more)
        await store.open()
        try:
            yield store
        finally:
            await store.close()
            await client.close()


async def _search(store: OpenSearchStore) -> Any:
    hits = await store.search(MatchAll(), EVERYTHING)
    return hits.total, [message.short_message for message in hits.messages]


async def _doubtful(store: OpenSearchStore) -> Any:
    """What the cluster cannot tell, which is asked beside what it can."""
    hits = await store.search(parse("source:web").node, EVERYTHING)
    return hits.total, [message.short_message for message in hits.messages]


async def _count(store: OpenSearchStore) -> Any:
    return await store.count(MatchAll(), EVERYTHING)


async def _scan(store: OpenSearchStore) -> Any:
    return [each.short_message async for page in store.scan(MatchAll(), EVERYTHING) for each in page]


async def _aggregate(store: OpenSearchStore) -> Any:
    return [row.values for row in await store.aggregate(MatchAll(), EVERYTHING, [], [Metric("count")])]


async def _statistics(store: OpenSearchStore) -> Any:
    return await store.statistics(MatchAll(), EVERYTHING, "level")


async def _get(store: OpenSearchStore) -> Any:
    found = await store.get("0" * 26)
    return found and found.short_message


async def _info(store: OpenSearchStore) -> Any:
    return (await store.info()).messages


async def _delete(store: OpenSearchStore) -> Any:
    return await store.delete(MatchAll(), EVERYTHING)


QUESTIONS: list[Callable[[OpenSearchStore], Awaitable[Any]]] = [
    *(_search, _doubtful, _count, _scan, _aggregate, _statistics, _get, _info, _delete),
]


@pytest.mark.parametrize("partly", [False, True], ids=["all", "some"])
@pytest.mark.parametrize("question", QUESTIONS, ids=[each.__name__[1:] for each in QUESTIONS])
def test_every_question_waits_for_shards(
    question: Callable[[OpenSearchStore], Awaitable[Any]], partly: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever of its requests comes too early, the answer is what it is with all shards."""
    monkeypatch.setattr(pages_module, "PAGE", 2)

    async def ask(early: int | None) -> tuple[Any, int]:
        cluster = StandIn()
        cluster.partly = partly
        async with opened(cluster) as store:
            before = cluster.asked
            if early is not None:
                cluster.unready = range(before + early, before + early + 2)
            return await question(store), cluster.asked - before

    async def main() -> None:
        wanted, requests = await ask(None)
        assert requests
        for early in range(requests):
            assert await ask(early) == (wanted, requests + 2)

    asyncio.run(main())


@pytest.mark.parametrize("partly", [False, True], ids=["all", "some"])
def test_what_is_sure_takes_one_request(partly: bool) -> None:
    """Whether anything is in doubt is asked beside it; when that comes too early, both are asked again."""

    async def main() -> None:
        cluster = StandIn()
        cluster.is_sure, cluster.partly = True, partly
        async with opened(cluster) as store:
            before = cluster.asked
            wanted = await _doubtful(store)
            assert wanted[0] == _COUNT
            assert cluster.asked == before + 1
            cluster.unready = range(cluster.asked, cluster.asked + 2)
            assert await _doubtful(store) == wanted
            assert cluster.asked == before + 4

    asyncio.run(main())


def test_shared_documents_wait_for_shards() -> None:
    """Which documents there are, and what is in them."""

    async def main() -> None:
        cluster = StandIn()
        async with Web(cluster) as web:
            client = HttpClient(OpenSearchStoreSettings(host="127.0.0.1", port=web.port), 9200, tls=False)
            shared = SharedDocuments(Cluster(client.request, DatedNames("gelf"), Denied), "gelf.shared")
            wanted = await shared.changes({})
            assert len(wanted[0]) == _COUNT
            for early in (2, 4 + 1):  # the first and the second of two requests
                cluster.unready = range(early, early + 1)
                assert await shared.changes({}) == wanted
            await client.close()

    asyncio.run(main())


def test_shards_that_never_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said after a while."""
    monkeypatch.setattr(cluster_module, "_BUSY_SECONDS", 0.2)

    async def main() -> None:
        cluster = StandIn()
        async with opened(cluster) as store:
            cluster.unready = range(10_000)
            with pytest.raises(Busy, match="all shards failed"):
                await store.count(MatchAll(), EVERYTHING)
            cluster.partly = True
            assert await store.count(MatchAll(), EVERYTHING) == 0
            lacks = "parts of the store cannot be searched: 1 of 2 shards of the store cannot be searched"
            assert str(store.missing()) == lacks
            with pytest.raises(Busy, match="0 messages were deleted, others may be left: 1 of 2 shards"):
                await store.delete(MatchAll(), EVERYTHING)
            cluster.unready = range(0)
            assert await store.count(MatchAll(), EVERYTHING) == _COUNT
            assert not store.missing()

    asyncio.run(main())


@pytest.mark.parametrize("question", QUESTIONS, ids=[each.__name__[1:] for each in QUESTIONS])
def test_an_index_that_no_node_has(
    question: Callable[[OpenSearchStore], Awaitable[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is waited for once; then answers come from the others and say so, until it is back."""
    monkeypatch.setattr(freshness_module, "_REFRESH_SECONDS", 0.2)
    monkeypatch.setattr(freshness_module, "_LOOK_AGAIN_SECONDS", 0.0)
    monkeypatch.setattr(pages_module, "PAGE", 2)

    async def main() -> None:
        cluster = StandIn()
        async with opened(cluster) as store:
            wanted = await question(store)
            cluster.lost = True
            cluster.refreshes.clear()
            for _ in range(2):
                if question is _delete:
                    with pytest.raises(Busy, match=r"not deleted: no node has some shards of gelf-2023\.11\.13"):
                        await question(store)
                else:
                    assert await question(store) == wanted
                    assert store.missing().unseen == "no node has some shards of gelf-2023.11.13"
            left_out = ["-gelf-2023.11.13" in path for path in cluster.refreshes]
            assert left_out[0] is False
            assert all(left_out[1:])
            cluster.lost = False
            assert await question(store) == wanted
            assert not store.missing()

    asyncio.run(main())


def test_a_message_that_may_be_on_a_lost_node(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not said that it is not there."""
    monkeypatch.setattr(freshness_module, "_REFRESH_SECONDS", 0.2)

    async def main() -> None:
        cluster = StandIn()
        cluster.sources = []
        async with opened(cluster) as store:
            assert await store.get("0" * 26) is None
            cluster.lost = True
            with pytest.raises(Busy, match="the message may be there: no node has some shards of"):
                await store.get("0" * 26)

    asyncio.run(main())


def test_a_refresh_that_is_not_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """Though every index has its shards: the answer says what it may lack."""
    monkeypatch.setattr(freshness_module, "_REFRESH_SECONDS", 0.2)

    async def main() -> None:
        cluster = StandIn()
        cluster.is_silent = True
        async with opened(cluster) as store:
            counts = await asyncio.gather(*[store.count(MatchAll(), EVERYTHING) for _ in range(3)])
            assert counts == [_COUNT] * 3
            assert len(cluster.refreshes) <= 4  # two of the first, and two that the others share
            assert await store.count(MatchAll(), EVERYTHING) == _COUNT
            assert store.missing().unseen.startswith("what was added last is not shown yet: http://127.0.0.1:")
            assert store.missing().unseen.endswith(": no answer within 0.2 s")
            cluster.is_silent = False
            assert await store.count(MatchAll(), EVERYTHING) == _COUNT
            assert not store.missing()

    asyncio.run(main())


def test_a_cluster_that_is_away_is_not_waited_for() -> None:
    """Nor one that is there and asks for something else than patience."""

    async def main() -> None:
        asked = []

        async def ask(*_: Any, **__: Any) -> bytes:
            asked.append(1)
            raise Retry("connection refused")

        with pytest.raises(Retry, match="refused"):
            await Cluster(ask, DatedNames("gelf"), Denied).count({"match_all": {}})
        assert len(asked) == 1

    asyncio.run(main())


def test_what_cannot_be_deleted_is_not_passed_over() -> None:
    """The answer is not that it is gone."""

    async def main() -> None:
        blocked = {"delete": {"status": 403, "error": {"type": "cluster_block_exception", "reason": "read-only"}}}

        async def ask(*_: Any, **__: Any) -> bytes:
            return json.dumps({"errors": True, "items": [{"delete": {"status": 404}}, blocked]}).encode()

        with pytest.raises(Retry, match="status 403: cluster_block_exception: read-only"):
            await Cluster(ask, DatedNames("gelf"), Denied).delete([("gelf-2026.11.30", "a"), ("gelf-2026.11.30", "b")])

    asyncio.run(main())
