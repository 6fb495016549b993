"""The OpenSearch store, on a real OpenSearch: the contract of every store, and random queries against the predicate."""

from __future__ import annotations

import asyncio
import base64
import itertools
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.message import Message
from gelf_listener.outputs.http_client import Denied, HttpClient
from gelf_listener.outputs.opensearch_store import OpenSearchStoreOutput, OpenSearchStoreSettings
from gelf_listener.packing import Packer
from gelf_listener.query.nodes import Node
from gelf_listener.store import Store
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.opensearch import store as opensearch_store
from gelf_listener.store.opensearch.store import OpenSearchStore
from gelf_listener.store.parameters import EVERYTHING, Metric, RangesGroup, Span, TimeGroup, ValuesGroup
from gelf_listener.testing.contracts import OutputContract
from tests.e2e.toolchains import JAVA_SECONDS
from tests.services.opensearch import OpenSearch
from tests.unit.store.contract import StoreContract, node
from tests.unit.store.samples import START, plain
from tests.unit.store.test_agreement import MESSAGES, QUESTIONS

pytestmark = [pytest.mark.external, pytest.mark.timeout(JAVA_SECONDS)]

_numbers = itertools.count()


@asynccontextmanager
async def opened(opensearch: OpenSearch, **more: Any) -> AsyncIterator[OpenSearchStore]:
    """A store in indices of its own, which are deleted afterwards."""
    prefix = f"store{next(_numbers)}"
    client = HttpClient(OpenSearchStoreSettings(host="127.0.0.1", port=opensearch.port), 9200, tls=False)
    store = OpenSearchStore(client.request, Denied, read_fields, prefix=prefix, clock=lambda: START, **more)
    await store.open()
    try:
        yield store
    finally:
        await store.close()
        await client.request("DELETE", f"/{prefix}-*")
        await client.close()


class TestOpenSearchStoreOutput(OutputContract):
    """store+opensearch+http."""

    scheme = "store+opensearch+http"

    @pytest.fixture(autouse=True)
    def _server(self, opensearch: OpenSearch) -> None:
        self._opensearch = opensearch
        self._name = f"output{next(_numbers)}"

    def make(self, tmp_path: Path) -> OpenSearchStoreOutput:
        settings = OpenSearchStoreSettings(host="127.0.0.1", port=self._opensearch.port, path=f"/{self._name}")
        made = OpenSearchStoreOutput(settings)
        made.open_fields = read_fields
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

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
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

    async def main() -> None:
        judge = MemoryStore(clock=lambda: START)
        async with opened(opensearch) as store:
            await store.add(messages)
            await judge.add(messages)
            asked: list[tuple[list[Any], list[Metric]]] = [
                ([ValuesGroup("user", 10)], [Metric("count"), Metric("avg", "took"), Metric("card", "level")]),
                ([ValuesGroup("source", 10, missing=True), ValuesGroup("level", 10)], [Metric("max", "took")]),
                ([ValuesGroup("user", 10, missing=True)], [Metric("count", "took")]),
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
    monkeypatch.setattr(opensearch_store, "MAX_COLUMNS", 20)

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
        async with opened(opensearch) as store:
            client = HttpClient(OpenSearchStoreSettings(host="127.0.0.1", port=opensearch.port), 9200, tls=False)
            other = OpenSearchStore(client.request, Denied, read_fields, prefix=f"store{next(_numbers) - 1}")
            await other.open()
            for number in range(20):
                await store.add([plain(f"number{number}", fresh=number)])
                assert await other.count(node(f"number{number}"), EVERYTHING) == 1
            again = plain("number20")
            await store.add([again])
            await other.add([again])
            assert await other.count(node(), EVERYTHING) == 21
            await other.close()
            await client.close()

    asyncio.run(main())
