"""The OpenSearch store in indices that a Graylog reads: the contract of every store, and what a Graylog asks."""

from __future__ import annotations

import asyncio
import json
import math
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gelf_listener.message import Message, Peer
from gelf_listener.query.nodes import Node
from gelf_listener.store import Store
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.opensearch import store as opensearch_store
from gelf_listener.store.opensearch.names import NumberedNames
from gelf_listener.store.parameters import EVERYTHING, Metric, RangesGroup, Span, TimeGroup, ValuesGroup
from tests.e2e import wire
from tests.e2e.listener import Listener
from tests.e2e.toolchains import JAVA_SECONDS
from tests.services.opensearch import OpenSearch
from tests.services.opensearch_store import new_prefix, opened
from tests.unit.store.contract import StoreContract, node, texts
from tests.unit.store.samples import PHASES, SOAK_EXAMPLES, START, plain, trees
from tests.unit.store.test_agreement import LEAVES, MESSAGES, SPANS

pytestmark = [pytest.mark.external, pytest.mark.timeout(JAVA_SECONDS)]
TREES = trees(LEAVES)
"""In the extended meaning. In Graylog's, an index that has given a field a type is the judge: `test_graylog_queries`."""
QUESTIONS = st.lists(st.tuples(TREES, SPANS), min_size=20, max_size=20)

_INDEX = json.loads((Path(__file__).parents[1] / "vectors" / "graylog" / "index.json").read_text(encoding="utf-8"))


class TestGraylogShape(StoreContract):
    """The contract, but for what a document of a Graylog has no room for."""

    @pytest.fixture(autouse=True)
    def _server(self, opensearch: OpenSearch) -> None:
        self.opensearch = opensearch

    def make_store(self) -> AbstractAsyncContextManager[Store]:
        return opened(self.opensearch, shape="graylog")

    def test_a_message_comes_back_whole(self) -> None:
        """Times to the millisecond, dots as underscores, no payload and no notes."""

        async def test(store: Store) -> None:
            fields: dict[str, Any] = {"user_id": 4711, "took": 1.5, "ok": True, "a.b": "c", "level": "x", "é": "f"}
            sent = plain("Grüße", "Web-1", at=0.123456, full_message="a\nb", level=3, peer=Peer("::1", 4711))
            sent.fields.update(fields)
            await store.add([sent])
            found = await store.get(sent.id)
            assert found is not None
            for attribute in ("id", "host", "short_message", "full_message", "level", "input", "peer"):
                assert getattr(found, attribute) == getattr(sent, attribute), attribute
            assert found.timestamp == pytest.approx(math.floor(sent.timestamp * 1000) / 1000, abs=1e-6)
            assert found.received_at == pytest.approx(sent.received_at, abs=0.001)
            assert found.fields == {"a_b" if name == "a.b" else name: value for name, value in fields.items()}

        self.run(test)

    def test_the_same_field_may_be_a_number_and_a_text(self) -> None:
        """All are found; the field has the type of its first value."""

        async def test(store: Store) -> None:
            await store.add([plain("number", code=404), plain("text", code="404"), plain("word", code="not found")])
            await store.add([plain("truth", code=True), plain("float", code=404.0)])
            for query, expected in (
                ("code:404", ["float", "number", "text"]), ('code:"not found"', ["word"]), ("code:true", ["truth"]),
                ("code:>=400", ["float", "number", "text", "word"]),
            ):  # fmt: skip
                assert sorted(texts((await store.search(node(query), EVERYTHING)).messages)) == expected, query
            assert {field.name: field.types for field in await store.fields()}["code"] == ("long",)

        self.run(test)

    def test_odd_messages_are_found(self) -> None:
        """Whole numbers beyond 64 bits are texts; all else is as in every store."""

        async def test(store: Store) -> None:
            many: dict[str, Any] = {f"field_{index}": index for index in range(2000)}
            await store.add([plain("many", **many), plain("long", blob="x" * 100_000 + "1")])
            odd: dict[str, Any] = {"a.b c": "v", "é": 1, "_x": 2, "message": "m"}
            await store.add([plain("odd", **odd)])
            await store.add([plain("big", number=10**30), plain("nan", number=math.nan), plain("neg", number=-(2**63))])
            for query, expected in (
                ("field_1999:1999", ["many"]), (f"blob:{'x' * 50}*1", ["long"]), ("NOT _exists_:blob AND long", []),
                ("_exists_:blob", ["long"]), ("a.b\\ c:v", ["odd"]), ("é:1", ["odd"]), (f"number:{10**30}", ["big"]),
                ("number:<0", ["neg"]), ("_exists_:number AND nan", ["nan"]), ("_message:m", ["odd"]),
            ):  # fmt: skip
                assert texts((await store.search(node(query), EVERYTHING)).messages) == expected, query

        self.run(test)


def test_it_is_mapped_as_a_graylog_maps(opensearch: OpenSearch) -> None:
    """Every field of Graylog's own mapping, its rules for new ones and its analyser; what is ours has names of ours."""

    async def main() -> None:
        async with opened(opensearch, shape="graylog") as store:
            await store.add([plain("one", user="ann", took=1.5, count=7, day="2024-05-05")])
            names = store.names
            assert isinstance(names, NumberedNames)
            name = names.of(int(START // 86_400))
            await store.retain()
            assert list(opensearch.ask("GET", f"/_alias/{names.alias}")) == [name]
            made = opensearch.ask("GET", f"/{name}")[name]
            mapped = made["mappings"]
            assert mapped["dynamic_templates"] == _INDEX["mappings"]["dynamic_templates"]
            recorded = _INDEX["mappings"]["properties"]
            known = {field: value for field, value in mapped["properties"].items() if field in recorded}
            assert {
                f: {k: v for k, v in each.items() if (k, v) != ("analyzer", "standard")} for f, each in known.items()
            } == {
                f: {k: v for k, v in each.items() if (k, v) != ("analyzer", "standard")} for f, each in recorded.items()
            }
            more = {field: each["type"] for field, each in mapped["properties"].items() if field not in recorded}
            assert more == {
                "user": "keyword", "took": "float", "count": "long", "day": "date", "level": "long",
                "gelf_unmapped": "object", "gelf_unmapped_fields": "keyword", "gl2_source_input": "keyword",
                "gl2_source_node": "keyword",
            }  # fmt: skip
            analyser = made["settings"]["index"]["analysis"]["analyzer"]["analyzer_keyword"]
            assert analyser["tokenizer"] == "keyword"
            assert analyser["filter"] in ("lowercase", ["lowercase"])

    asyncio.run(main())


def test_a_graylog_finds_what_a_listener_took(opensearch: OpenSearch, tmp_path: Path) -> None:
    """By the alias, with the filters and the order of its own searches; and so does the listener."""
    name = new_prefix()
    store = f"store+opensearch+http://127.0.0.1:{opensearch.port}/{name}?shape=graylog"
    with Listener(tmp_path, "gelf+http://127.0.0.1:0", outputs=[store]) as listener:
        with wire.HttpClient(listener.endpoint("gelf+http").address) as client:
            for number in range(3):
                assert client.post(wire.gelf(f"order {number}", _number=number, _who="ann")).status == 202
        status, answer = listener.get("/api/gelf/search?query=who:ann+AND+number:%3E0&limit=5")
        assert (status, json.loads(answer)["total"]) == (200, 2)
        status, answer = listener.get("/api/search/universal/relative?query=number:%3E0&range=0&fields=number")
        assert (status, len(answer.splitlines())) == (200, 3)  # a head, and two messages
        asked = {
            "query": {"bool": {
                "must": [{"query_string": {"query": "who:ann AND number:>0", "allow_leading_wildcard": False}}],
                "filter": [
                    {"terms": {"streams": ["000000000000000000000001"]}},
                    {"range": {"timestamp": {"from": "1970-01-01 00:00:00.000", "to": "2100-01-01 00:00:00.000"}}},
                ],
            }},
            "sort": [{"timestamp": {"order": "desc"}}, {"gl2_second_sort_field": {"order": "desc"}}],
        }  # fmt: skip
        found = opensearch.ask("POST", f"/{name}_*/_search", asked)["hits"]["hits"]
        assert [hit["_source"]["number"] for hit in found] == [2, 1]
        document = found[0]["_source"]
        assert document["message"] == "order 2"
        assert document["gl2_message_id"] == found[0]["_id"]
        assert not [field for field in document if field.startswith("_")]
        assert document["streams"] == ["000000000000000000000001"]
    opensearch.ask("DELETE", f"/{name}_*")


def test_a_value_of_another_kind_is_found_one_by_one(opensearch: OpenSearch) -> None:
    """A Graylog loses such messages; they count in figures as well, and deleting by query finds them."""

    async def main() -> None:
        async with opened(opensearch, shape="graylog") as store:
            await store.add([plain(f"m{number}", code=number) for number in range(5)])
            await store.add([plain("odd", code="none"), plain("truth", code=True)])
            asked: list[tuple[Node, list[str]]] = [
                (node("code:none"), ["odd"]),
                (node("code:true"), ["truth"]),
                (node("code:>=3"), ["m3", "m4"]),
                (node("NOT code:<5"), ["odd", "truth"]),
            ]
            for query, wanted in asked:
                found = texts((await store.search(query, EVERYTHING)).messages)
                assert sorted(set(found) & set(wanted)) == wanted, query
            assert (await store.statistics(node(), EVERYTHING, "code")).present == 7
            assert await store.delete(node("code:none"), EVERYTHING) == 1
            assert await store.count(node(), EVERYTHING) == 6

    asyncio.run(main())


def test_the_cluster_computes_what_the_messages_say(opensearch: OpenSearch, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above some thousand messages figures are the cluster's own, of Graylog's mapping as well."""
    monkeypatch.setattr(opensearch_store, "_MAX_EXACT", 0)
    messages = [
        plain(
            f"m{n}", f"web-{n % 3}", at=n * 10.0, level=n % 8, user=f"u{n % 5}", took=n / 4, size=n * 3, ok=n % 2 == 0
        )
        for n in range(100)
    ]
    messages += [plain("named", at=1.0, service="a"), plain("also", at=2.0, tag="b"), plain("none", at=3.0)]
    asked: list[tuple[list[Any], list[Metric]]] = [
        ([ValuesGroup("user", 10)], [Metric("count"), Metric("avg", "took"), Metric("card", "level")]),
        ([ValuesGroup("source", 10, missing=True), ValuesGroup("level", 10)], [Metric("max", "took")]),
        ([ValuesGroup("user", 10, missing=True)], [Metric("count", "took")]),
        ([ValuesGroup("took", 10)], [Metric("sum", "size")]),
        ([ValuesGroup("ok", 10)], [Metric("count")]),
        ([ValuesGroup("service", 10, missing=True)], [Metric("card", "service"), Metric("count", "took")]),
        ([TimeGroup(seconds=300.0, empty=True)], [Metric("sum", "took"), Metric("min", "level")]),
        ([TimeGroup(unit="hour", zone="Europe/Berlin")], [Metric("count")]),
        ([RangesGroup("took", ((None, 10.0), (10.0, 30.0), (30.0, None)))], [Metric("stddev", "took")]),
        ([], [Metric("percentile", "took", 90.0), Metric("variance", "size"), Metric("max", "timestamp")]),
    ]

    async def main() -> None:
        judge = MemoryStore(clock=lambda: START)
        async with opened(opensearch, shape="graylog") as store:
            await store.add(messages)
            await judge.add(messages)
            for query in ("*", "level:<4", "user:u1"):
                for groups, metrics in asked:
                    found = await store.aggregate(node(query), EVERYTHING, groups, metrics)
                    expected = await judge.aggregate(node(query), EVERYTHING, groups, metrics)
                    counted = [(row.keys, row.messages) for row in found]
                    assert counted == [(row.keys, row.messages) for row in expected], (query, groups)
                    for row, wanted in zip(found, expected, strict=True):
                        for value, other in zip(row.values, wanted.values, strict=True):
                            assert value == (other if other is None else pytest.approx(other, rel=1e-6)), groups

    asyncio.run(main())


async def agree(opensearch: OpenSearch, messages: list[Message], questions: list[tuple[Node, Span]]) -> None:
    """The judge has the messages as the documents have them: without what a Graylog has no room for."""
    judge = MemoryStore(clock=lambda: START)
    async with opened(opensearch, shape="graylog") as store:
        for message in messages:  # a field has the type of its first value
            await store.add([message])
        stored = (await store.search(node(), EVERYTHING, limit=1000)).messages
        assert {each.id for each in stored} == {each.id for each in messages}
        names = {message.id: number for number, message in enumerate(messages)}
        await judge.add(sorted(stored, key=lambda message: names[message.id]))
        for query, span in questions:
            found = await store.search(query, span, limit=1000)
            expected = await judge.search(query, span, limit=1000)
            assert [names[each.id] for each in found.messages] == [names[each.id] for each in expected.messages], (
                repr(query),
                [(each.level, each.host, each.short_message, each.fields) for each in stored],
            )
            assert found.total == expected.total


@pytest.mark.parametrize("examples", [4, SOAK_EXAMPLES])
def test_it_finds_what_the_predicate_lets_through(opensearch: OpenSearch, examples: int) -> None:
    """Values that their fields cannot hold, names that cannot be and texts that are too long included."""

    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
    @given(st.lists(MESSAGES, min_size=1, max_size=12), QUESTIONS)
    def check(messages: list[Message], questions: list[tuple[Node, Span]]) -> None:
        asyncio.run(agree(opensearch, messages, questions))

    check()
