"""The OpenSearch store, on a real OpenSearch: the contract of every store, and random queries against the predicate."""

from __future__ import annotations

import asyncio
import base64
import datetime as dt
import json
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from gelf_listener.codec.gelf.field_columns import field_columns_of
from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.errors import Busy
from gelf_listener.message import Message
from gelf_listener.outputs.http_client import Denied, HttpClient
from gelf_listener.outputs.opensearch_store import OpenSearchStoreOutput, OpenSearchStoreSettings
from gelf_listener.packing import Packer
from gelf_listener.query.nodes import Node
from gelf_listener.store import Store
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.opensearch import freshness, layout
from gelf_listener.store.opensearch import store as opensearch_store
from gelf_listener.store.opensearch.own_shape import OwnShape
from gelf_listener.store.opensearch.store import OpenSearchStore
from gelf_listener.store.parameters import EVERYTHING, Metric, RangesGroup, Span, TimeGroup, ValuesGroup
from gelf_listener.testing.contracts import OutputContract
from tests.e2e import wire
from tests.e2e.listener import Listener, until
from tests.e2e.toolchains import JAVA_SECONDS
from tests.services.opensearch import OpenSearch
from tests.services.opensearch_store import new_prefix, opened
from tests.unit.store.contract import StoreContract, node
from tests.unit.store.samples import PHASES, START, plain
from tests.unit.store.test_agreement import MESSAGES, QUESTIONS

pytestmark = [pytest.mark.external, pytest.mark.timeout(JAVA_SECONDS)]


class TestOpenSearchStoreOutput(OutputContract):
    """store+opensearch+http."""

    scheme = "store+opensearch+http"

    @pytest.fixture(autouse=True)
    def _server(self, opensearch: OpenSearch) -> None:
        self._opensearch = opensearch
        self._name = new_prefix()

    def make(self, tmp_path: Path) -> OpenSearchStoreOutput:
        settings = OpenSearchStoreSettings(host="127.0.0.1", port=self._opensearch.port, path=f"/{self._name}")
        made = OpenSearchStoreOutput(settings)
        made.open_fields = read_fields
        made.read_columns = field_columns_of
        return made

    def texts(self, tmp_path: Path) -> list[str]:
        unpack = Packer(read_fields).unpack
        documents = self._opensearch.documents(f"{self._name}-*")
        return [unpack(base64.b64decode(document["packed"])).short_message for document in documents]


class TestOpenSearchStore(StoreContract):
    """The contract."""

    @pytest.fixture(autouse=True)
    def _server(self, opensearch: OpenSearch) -> None:
        self.opensearch = opensearch

    def make_store(self) -> AbstractAsyncContextManager[Store]:
        return opened(self.opensearch)


async def agree(opensearch: OpenSearch, messages: list[Message], questions: list[tuple[Node, Span]]) -> None:
    judge = MemoryStore(clock=lambda: START)
    async with opened(opensearch) as store:
        await store.add(messages)
        await judge.add(messages)
        names = {message.id: number for number, message in enumerate(messages)}
        for query, span in questions:
            found = await store.search(query, span, limit=1000)
            expected = await judge.search(query, span, limit=1000)
            assert [names[each.id] for each in found.messages] == [names[each.id] for each in expected.messages], (
                repr(query),
                [(each.level, each.host, each.fields) for each in messages],
            )
            assert found.total == expected.total


@pytest.mark.parametrize("part", range(2))
def test_it_finds_what_the_predicate_lets_through(opensearch: OpenSearch, part: int) -> None:
    """Twenty random queries on each of some sets of random messages."""
    from hypothesis import strategies as st

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
    @given(st.lists(MESSAGES, min_size=1, max_size=12), QUESTIONS)
    def check(messages: list[Message], questions: list[tuple[Node, Span]]) -> None:
        asyncio.run(agree(opensearch, messages, questions))

    check()


def test_the_cluster_computes_what_the_messages_say(opensearch: OpenSearch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above some thousand messages figures are the cluster's own."""
    monkeypatch.setattr(opensearch_store, "_MAX_EXACT", 0)
    messages = [
        plain(
            f"m{number}",
            f"web-{number % 3}",
            at=number * 10.0,
            level=number % 8,
            user=f"u{number % 5}",
            took=number / 4,
        )
        for number in range(200)
    ]
    messages += [plain("other", at=1.0, user=7), plain("none", at=2.0, took=True)]
    named: Any = ({"service": "a", "tag": "t"}, {"service": "", "facility": "b"}, {"tag": "a"}, {"service.name": "c"})
    messages += [plain("named", at=number, **fields) for number, fields in enumerate(named)]

    async def main() -> None:
        judge = MemoryStore(clock=lambda: START)
        async with opened(opensearch) as store:
            await store.add(messages)
            await judge.add(messages)
            asked: list[tuple[list[Any], list[Metric]]] = [
                ([ValuesGroup("user", 10)], [Metric("count"), Metric("avg", "took"), Metric("card", "level")]),
                ([ValuesGroup("source", 10, missing=True), ValuesGroup("level", 10)], [Metric("max", "took")]),
                ([ValuesGroup("user", 10, missing=True)], [Metric("count", "took")]),
                ([ValuesGroup("service", 10, missing=True)], [Metric("card", "service"), Metric("count", "took")]),
                ([TimeGroup(seconds=300.0, empty=True)], [Metric("sum", "took"), Metric("min", "level")]),
                ([TimeGroup(unit="hour", zone="Europe/Berlin")], [Metric("count")]),
                ([RangesGroup("took", ((None, 10.0), (10.0, 30.0), (30.0, None)))], [Metric("stddev", "took")]),
                ([], [Metric("percentile", "took", 90.0), Metric("variance", "took")]),
            ]
            for query in ("*", "level:<4", "user:u1"):
                for groups, metrics in asked:
                    found = await store.aggregate(node(query), EVERYTHING, groups, metrics)
                    expected = await judge.aggregate(node(query), EVERYTHING, groups, metrics)
                    assert [(row.keys, row.messages) for row in found] == [(row.keys, row.messages) for row in expected]
                    for row, wanted in zip(found, expected, strict=True):
                        assert [value is None for value in row.values] == [value is None for value in wanted.values]
                        for value, other in zip(row.values, wanted.values, strict=True):
                            assert value is None or value == pytest.approx(other, rel=1e-6), (query, groups, metrics)

    asyncio.run(main())


def test_more_names_than_columns_are_found(opensearch: OpenSearch, monkeypatch: pytest.MonkeyPatch) -> None:
    """A flood of names takes nothing from others, and is found itself."""
    monkeypatch.setattr(layout, "MAX_COLUMNS", 20)

    async def main() -> None:
        async with opened(opensearch) as store:
            await store.add([plain("honest", order=4711)])
            await store.add([plain("flood", **{f"n{number}": f"v{number}"}) for number in range(100)])
            for query, wanted in (
                ("order:4711", 1),
                ("n7:v7", 1),
                ("n90:v90", 1),
                ("v91", 1),
                ("_exists_:n95", 1),
                ("flood", 100),
            ):
                assert await store.count(node(query), EVERYTHING) == wanted, query

    asyncio.run(main())


def test_retention_deletes_the_oldest_days(opensearch: OpenSearch) -> None:
    """By age, and never the newest."""

    async def main() -> None:
        async with opened(opensearch, max_age_seconds=2 * 86_400.0) as store:
            for days in range(6):
                message = plain(f"day {days}")
                message.received_at = START - days * 86_400
                await store.add([message])
            await store.flush()
            await store.retain()
            assert store.evicted == 3
            assert await store.count(node(), EVERYTHING) == 3
            assert len((await store.info()).partitions) == 3

    asyncio.run(main())


def test_two_listeners_share_it(opensearch: OpenSearch) -> None:
    """What one was told, a search of the other finds at once; and what both were told is there once."""

    async def main() -> None:
        name = new_prefix()
        async with opened(opensearch, name) as store:
            client = HttpClient(OpenSearchStoreSettings(host="127.0.0.1", port=opensearch.port), 9200, tls=False)
            other = OpenSearchStore(client.request, Denied, OwnShape(name, "other", read_fields, field_columns_of))
            await other.open()
            for number in range(20):
                await store.add([plain(f"number{number}", **{f"fresh_{number}": "new"})])
                for query in (f"number{number}", f"fresh_{number}:new", f"_exists_:fresh_{number}"):
                    assert await other.count(node(query), EVERYTHING) == 1, query
            again = plain("number20")
            await store.add([again])
            await other.add([again])
            assert await other.count(node(), EVERYTHING) == 21
            await other.close()
            await client.close()

    asyncio.run(main())


def test_stores_whose_names_begin_alike(opensearch: OpenSearch) -> None:
    """Each has its own messages, fields, indices, template and shared documents, whichever was opened first."""
    name = new_prefix()

    async def main() -> None:
        async with AsyncExitStack() as stack:
            stores = {}
            for number, prefix in enumerate((f"{name}-test", name, f"{name}_test", f"{name}-2026", f"{name}-test-2")):
                made = opened(opensearch, prefix, shards=number + 1, max_age_seconds=86_400.0)
                stores[prefix] = await stack.enter_async_context(made)
            for prefix, store in stores.items():
                old = plain("old", **{f"old_{prefix}": 1})
                old.received_at = START - 5 * 86_400
                await store.add([old, plain(f"of {prefix}", **{f"only_{prefix}": 1})])
            for number, (prefix, store) in enumerate(stores.items()):
                found = await store.search(node("of"), EVERYTHING)
                assert [each.short_message for each in found.messages] == [f"of {prefix}"]
                names = {each.name for each in await store.fields() if each.name.startswith("only_")}
                assert names == {f"only_{prefix}"}
                assert [each.messages for each in (await store.info()).partitions] == [1, 1]
                index = f"{prefix}-{dt.datetime.fromtimestamp(START, dt.UTC):%Y.%m.%d}"
                settings = opensearch.ask("GET", f"/{index}/_settings")[index]["settings"]["index"]
                assert settings["number_of_shards"] == str(number + 1)
            await stores[name].retain()
            assert await stores[name].delete(node(), EVERYTHING) == 1
            await stores[name].compact()
            for prefix, store in stores.items():
                assert await store.count(node(), EVERYTHING) == (0 if prefix == name else 2), prefix

    asyncio.run(main())


def test_an_index_that_no_node_has(opensearch: OpenSearch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its refresh is not waited for more than once; answers come from the other indices, and say so."""
    monkeypatch.setattr(freshness, "_REFRESH_SECONDS", 2.0)
    prefix = new_prefix()

    async def main() -> None:
        async with opened(opensearch, prefix) as store:
            await store.add([plain("here")])
            lost = f"{prefix}-2023.11.01"
            nowhere = {"settings": {"index.routing.allocation.require._name": "nobody"}}
            opensearch.ask("PUT", f"/{lost}?wait_for_active_shards=0", nowhere)
            for number in range(3):
                hits = await store.search(node(), EVERYTHING)
                assert [each.short_message for each in hits.messages] == ["here", *["more"] * number][::-1]
                assert store.missing().unseen == f"no node has some shards of {lost}"
                pages = [page async for page in store.scan(node(), EVERYTHING)]
                assert sum(map(len, pages)) == number + 1
                await store.add([plain("more", at=number + 1)])
            with pytest.raises(Busy, match="not deleted: no node has"):
                await store.delete(node(), EVERYTHING)
            opensearch.ask("PUT", f"/{lost}/_settings", {"index.routing.allocation.require._name": None})
            await asyncio.to_thread(until, lambda: opensearch.ask("GET", f"/_cluster/health/{lost}")["status"] != "red")
            await asyncio.sleep(freshness._LOOK_AGAIN_SECONDS)  # until somebody looks again
            assert await store.count(node(), EVERYTHING) == 4
            assert not store.missing()

    asyncio.run(main())


def test_shared_documents_of_stores_whose_names_begin_alike(opensearch: OpenSearch) -> None:
    """Neither sees the other's, and no search finds them."""
    name = new_prefix()

    async def main() -> None:
        outputs = []
        for prefix in (name, f"{name}-test"):
            settings = OpenSearchStoreSettings(host="127.0.0.1", port=opensearch.port, path=f"/{prefix}")
            output = OpenSearchStoreOutput(settings)
            await output.start()
            outputs.append(output)
            await output.shared_documents.put("one", "kind", f'"{prefix}"', None)
        for output in outputs:
            found, _ = await output.shared_documents.changes({})
            assert [each.body for each in found.values()] == [f'"{output.settings.path.strip("/")}"']
            assert output.store is not None
            assert await output.store.count(node(), EVERYTHING) == 0
            await output.close()
        for prefix in (name, f"{name}-test"):
            opensearch.ask("DELETE", f"/{prefix}.shared")

    asyncio.run(main())


def test_workers_add_by_themselves(opensearch: OpenSearch, tmp_path: Path) -> None:
    """And a search sees what any of them acknowledged before it was asked."""
    store = f"store+opensearch+http://127.0.0.1:{opensearch.port}/{new_prefix()}"
    with Listener(tmp_path, "gelf+http://127.0.0.1:0", outputs=[store], arguments=["--workers", "2"]) as listener:
        for number in range(1, 21):  # a connection each, so both have some
            with wire.HttpClient(listener.endpoint("gelf+http").address) as client:
                assert client.post(wire.gelf(f"number {number}")).status == 202
            status, answer = listener.get("/api/gelf/search?query=*&limit=0")
            assert (status, json.loads(answer)["total"]) == (200, number)
