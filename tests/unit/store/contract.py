"""What every store holds to; a test class for each derives from this one."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from gelf_listener.errors import QueryError
from gelf_listener.message import Message, Peer
from gelf_listener.query import parse
from gelf_listener.store import Store
from gelf_listener.store.parameters import EVERYTHING, Metric, Order, RangesGroup, Sort, Span, TimeGroup, ValuesGroup
from tests.unit.store.samples import START, decoded, plain


def node(query: str = "*") -> Any:
    return parse(query).node


def texts(messages: Any) -> list[str]:
    return [message.short_message for message in messages]


class StoreContract:
    """Derive, and give `make_store`."""

    def make_store(self) -> AbstractAsyncContextManager[Store]:
        raise NotImplementedError

    def run(self, test: Any) -> None:
        async def main() -> None:
            async with self.make_store() as store:
                await test(store)

        asyncio.run(main())

    def test_what_was_added_is_found_at_once(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain("first")])
            assert texts((await store.search(node("first"), EVERYTHING)).messages) == ["first"]
            await store.add([plain("second")])
            hits = await store.search(node(), EVERYTHING)
            assert hits.total == 2
            assert await store.count(node("second"), EVERYTHING) == 1

        self.run(test)

    def test_a_message_comes_back_whole(self) -> None:
        async def test(store: Store) -> None:
            payload = (
                b'{"version":"1.1","host":"Web-1","short_message":"Gr\xc3\xbc\xc3\x9fe","full_message":"a\\nb",'
                b'"timestamp":1700000000.123456,"level":3,"_user_id":4711,"_took":1.5,"_ok":true,"_a.b":"c"}'
            )
            repaired = b'{"host":"web","message":"no version","timestamp":"1700000001","_level_name":"x","_list":[1,2]}'
            messages = decoded(payload, repaired, peer=Peer("127.0.0.1", 4711))
            await store.add(messages)
            for message in messages:
                found = await store.get(message.id)
                assert found is not None
                for attribute in ("id", "timestamp", "host", "short_message", "full_message", "level", "raw", "fields",
                                  "notes", "received_at", "input", "peer", "exact"):  # fmt: skip
                    assert getattr(found, attribute) == getattr(message, attribute), attribute
            assert await store.get("0" * 26) is None
            assert await store.get("nothing") is None

        self.run(test)

    def test_a_message_is_stored_once(self) -> None:
        async def test(store: Store) -> None:
            message = plain("once")
            await store.add([message])
            again = plain("once")
            again.stored_id = message.id
            await store.add([again, again])
            assert await store.count(node(), EVERYTHING) == 1
            await store.add([again])
            assert await store.count(node(), EVERYTHING) == 1

        self.run(test)

    def test_receive_order_is_kept_within_equal_times(self) -> None:
        async def test(store: Store) -> None:
            for start in range(0, 60, 20):
                await store.add([plain(f"m{index}") for index in range(start, start + 20)])
                await store.count(node(), EVERYTHING)
            newest = await store.search(node(), EVERYTHING, limit=7)
            assert texts(newest.messages) == [f"m{index}" for index in range(59, 52, -1)]
            page = await store.search(node(), EVERYTHING, limit=5, offset=30)
            assert texts(page.messages) == [f"m{index}" for index in range(29, 24, -1)]
            oldest = await store.search(node(), EVERYTHING, limit=3, sort=Sort("timestamp", descending=False))
            assert texts(oldest.messages) == ["m0", "m1", "m2"]

        self.run(test)

    def test_a_span_is_half_open(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain(f"m{index}", at=index) for index in range(10)])
            for span, first, last in (
                (Span(START + 2, START + 5), 2, 4),
                (Span(None, START + 1), 0, 0),
                (Span(START + 9, None), 9, 9),
                (Span(START + 5, START + 5), 5, 4),
            ):
                found = await store.search(node(), span, sort=Sort("timestamp", descending=False))
                assert texts(found.messages) == [f"m{index}" for index in range(first, last + 1)], span
                assert found.total == len(found.messages)

        self.run(test)

    def test_times_far_away_are_kept(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain("long ago", at=-START), plain("far ahead", at=5e9), plain("now")])
            found = await store.search(node(), EVERYTHING)
            assert texts(found.messages) == ["far ahead", "now", "long ago"]
            assert texts((await store.search(node(), Span(START - 1, START + 1))).messages) == ["now"]

        self.run(test)

    @pytest.mark.parametrize("descending", [True, False])
    def test_sorting_by_any_field(self, descending: bool) -> None:
        async def test(store: Store) -> None:
            await store.add([
                plain("a", size=5, level=3), plain("b", level=None), plain("c", size=1.5, level=7), plain("d", size="big"),
                plain("e", size=12, host="api"), plain("f", size=5, level=0),
            ])  # fmt: skip
            found = await store.search(node(), EVERYTHING, sort=Sort("size", descending))
            assert texts(found.messages) == (
                ["d", "e", "f", "a", "c", "b"] if descending else ["c", "a", "f", "e", "d", "b"]
            )
            found = await store.search(node(), EVERYTHING, limit=5, sort=Sort("level", descending))
            assert texts(found.messages) == (["c", "e", "d", "a", "f"] if descending else ["f", "a", "d", "e", "c"])
            found = await store.search(node(), EVERYTHING, sort=Sort("source", descending))
            assert texts(found.messages)[0 if not descending else -1] == "e"

        self.run(test)

    @pytest.mark.parametrize("descending", [True, False])
    def test_sources_are_sorted_without_regard_to_case(self, descending: bool) -> None:
        async def test(store: Store) -> None:
            await store.add([plain(host, host=host) for host in ("web", "API", "Web", "db", "api")])
            found = await store.search(node(), EVERYTHING, sort=Sort("source", descending))
            assert texts(found.messages) == (
                ["Web", "web", "db", "api", "API"] if descending else ["API", "api", "db", "web", "Web"]
            )

        self.run(test)

    def test_scanning_gives_everything_in_order(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain(f"m{index}", at=index // 100) for index in range(1500)])
            found: list[Message] = []
            async for batch in store.scan(node(), EVERYTHING, sort=Sort("timestamp", descending=False)):
                found += batch
            assert texts(found) == [f"m{index}" for index in range(1500)]
            few = [message async for batch in store.scan(node(), EVERYTHING, limit=3) for message in batch]
            assert texts(few) == ["m1499", "m1498", "m1497"]

        self.run(test)

    def test_the_same_field_may_be_a_number_and_a_text(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain("number", code=404), plain("text", code="404"), plain("word", code="not found")])
            await store.add([plain("truth", code=True), plain("float", code=404.0)])
            assert sorted(texts((await store.search(node("code:404"), EVERYTHING)).messages)) == [
                "float",
                "number",
                "text",
            ]
            assert texts((await store.search(node('code:"not found"'), EVERYTHING)).messages) == ["word"]
            assert texts((await store.search(node("code:true"), EVERYTHING)).messages) == ["truth"]
            assert sorted(texts((await store.search(node("code:>=400"), EVERYTHING)).messages)) == [
                "float", "number", "text", "word",
            ]  # fmt: skip
            fields = {field.name: field.types for field in await store.fields()}
            assert set(fields["code"]) >= {"string", "long", "boolean"}
            assert fields["message"] == ("text",)

        self.run(test)

    def test_values_are_grouped(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain(service="web", took=10 * index, at=index) for index in range(6)])
            await store.add([plain(service="api", took=5, at=7), plain(took=1, at=8), plain(service=42, took=2, at=9)])
            rows = await store.aggregate(node(), EVERYTHING, [ValuesGroup("service")], [Metric("avg", "took")])
            assert [(row.keys, row.messages) for row in rows] == [(("web",), 6), ((42,), 1), (("api",), 1)]
            assert rows[0].values == (25.0,)
            rows = await store.aggregate(node(), EVERYTHING, [ValuesGroup("service", missing=True)])
            assert [(row.keys[0], row.messages) for row in rows] == [("web", 6), (42, 1), ("api", 1), (None, 1)]
            rows = await store.aggregate(node(), EVERYTHING, [ValuesGroup("service", 1, missing=True)])
            assert [row.keys[0] for row in rows] == ["web", None]  # beside the limit
            rows = await store.aggregate(
                node(),
                EVERYTHING,
                [ValuesGroup("service", 1, order=(Order(0, descending=False),))],
                [Metric("max", "took")],
            )
            assert [(row.keys, row.values) for row in rows] == [((42,), (2.0,))]

        self.run(test)

    def test_metrics(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain(took=value, at=value, word=f"w{value % 3}") for value in (1, 2, 3, 4, 10)])
            await store.add([plain(at=99)])
            functions = ("avg", "min", "max", "sum", "sumofsquares", "variance", "stddev", "card", "latest", "count")
            metrics = [Metric(function, "took") for function in functions]  # type: ignore[arg-type]
            metrics += [
                Metric("percentile", "took", 50),
                Metric("count"),
                Metric("card", "word"),
            ]
            (row,) = await store.aggregate(node(), EVERYTHING, [], metrics)
            assert row.messages == 6
            expected = (4.0, 1, 10, 20, 130, 10.0, math.sqrt(10.0), 5, 10, 5, 3.0, 6, 3)
            assert [pytest.approx(value) for value in expected] == list(row.values)
            (row,) = await store.aggregate(node("took:99"), EVERYTHING, [], metrics)
            assert row.messages == 0
            with pytest.raises(QueryError, match="texts"):
                await store.aggregate(node(), EVERYTHING, [], [Metric("max", "word")])

        self.run(test)

    def test_values_are_folded_and_sorted_by_several_figures(self) -> None:
        async def test(store: Store) -> None:
            await store.add(
                [plain(host="Web", took=1), plain(host="web", took=4, at=1), plain(host="DB", took=2, at=2)]
            )
            await store.add([plain(host="db", took=9, at=3), plain(host="api", took=9, at=4)])
            group = ValuesGroup("source", order=(Order(), Order(0, descending=False)), fold=True)
            rows = await store.aggregate(node(), EVERYTHING, [group], [Metric("max", "took"), Metric("card", "took")])
            assert [(row.keys[0], row.messages, row.values) for row in rows] == [
                ("web", 2, (4, 2)), ("db", 2, (9, 2)), ("api", 1, (9, 1)),
            ]  # fmt: skip

        self.run(test)

    def test_outer_groups_are_sorted_by_figures_too(self) -> None:
        async def test(store: Store) -> None:
            took = (("web", 1), ("web", 9), ("db", 5), ("api", 7))
            await store.add([plain(host=host, took=value, at=number) for number, (host, value) in enumerate(took)])
            group = ValuesGroup("source", 2, order=(Order(0, descending=False),))
            rows = await store.aggregate(node(), EVERYTHING, [group, TimeGroup(seconds=3600)], [Metric("max", "took")])
            assert [(row.keys[0], row.values) for row in rows] == [("db", (5,)), ("api", (7,))]

        self.run(test)

    def test_values_are_read_as_an_index_keeps_them(self) -> None:
        """Decimals of 32 bits, and dates in texts."""

        async def test(store: Store) -> None:
            await store.add([plain(took=0.1, due="2024-06-03"), plain(took=0.2, due="2024-06-04T12:00:00Z", at=1)])
            metrics = [Metric("sum", "took", reading="single"), Metric("card", "took", reading="single"),
                       Metric("max", "due", reading="moment")]  # fmt: skip
            (row,) = await store.aggregate(node(), EVERYTHING, [], metrics)
            assert row.values == (0.10000000149011612 + 0.20000000298023224, 2, 1717502400.0)
            days = TimeGroup("due", unit="day", empty=True, reading="moment")
            rows = await store.aggregate(node(), EVERYTHING, [days])
            assert [(row.keys[0], row.messages) for row in rows] == [(1717372800.0, 1), (1717459200.0, 1)]

        self.run(test)

    def test_large_numbers_deviate_as_small_ones_do(self) -> None:
        async def test(store: Store) -> None:
            for first in (0, 3, 6):
                await store.add([plain(at=value, ms=1.7e12 + value) for value in range(first, first + 3)])
            metrics = [Metric("variance", "ms"), Metric("stddev", "timestamp")]
            (row,) = await store.aggregate(node(), EVERYTHING, [], metrics)
            assert row.values == (pytest.approx(60 / 9, rel=1e-3), pytest.approx(math.sqrt(60 / 9), rel=1e-3))

        self.run(test)

    def test_figures_beyond_all_numbers_are_none(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain(huge=1e308), plain(huge=-1e308, at=1), plain(huge=1.7e308, at=2)])
            metrics = [Metric("max", "huge"), Metric("sumofsquares", "huge"), Metric("stddev", "huge")]
            (row,) = await store.aggregate(node(), EVERYTHING, [], metrics)
            assert row.values == (1.7e308, None, None)
            assert (await store.statistics(node(), EVERYTHING, "huge")).deviation is None

        self.run(test)

    def test_time_is_grouped(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain(at=index * 10.0, level=index % 2) for index in range(12)])
            rows = await store.aggregate(node(), EVERYTHING, [TimeGroup(seconds=60)])
            assert [(row.keys[0], row.messages) for row in rows] == [(START - 20, 4), (START + 40, 6), (START + 100, 2)]
            rows = await store.aggregate(node(), EVERYTHING, [ValuesGroup("level"), TimeGroup(seconds=60)])
            assert sum(row.messages for row in rows) == 12
            assert len(rows) == 6
            rows = await store.aggregate(node("level:0"), Span(START + 50, None), [TimeGroup(seconds=10, empty=True)])
            assert [row.messages for row in rows] == [1, 0, 1, 0, 1]

        self.run(test)

    def test_calendar_units_begin_where_they_do_in_a_zone(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain(at=hour * 3600.0) for hour in range(0, 48, 6)])  # from 2023-11-14 22:13 UTC
            rows = await store.aggregate(node(), EVERYTHING, [TimeGroup(unit="day", zone="Europe/Berlin")])
            assert [(row.keys[0], row.messages) for row in rows] == [
                (1699916400.0, 1),
                (1700002800.0, 4),
                (1700089200.0, 3),
            ]
            rows = await store.aggregate(node(), EVERYTHING, [TimeGroup(unit="month")])
            assert [(row.keys[0], row.messages) for row in rows] == [(1698796800.0, 8)]
            with pytest.raises(QueryError, match="is not a time zone"):
                await store.aggregate(node(), EVERYTHING, [TimeGroup(unit="day", zone="Nowhere/At_all")])

        self.run(test)

    def test_ranges_are_grouped(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain(took=value) for value in (1, 5, 10, 15, 20.5)])
            group = RangesGroup("took", ((None, 5), (5, 15), (15, None), (100, 200)))
            rows = await store.aggregate(node(), EVERYTHING, [group], [Metric("sum", "took")])
            assert [row.keys[0] for row in rows] == list(group.ranges)
            assert [row.messages for row in rows] == [1, 2, 2, 0]
            assert rows[1].values[0] == 15

        self.run(test)

    def test_ranges_end_between_whole_numbers(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain(whole=value, mixed=value, part=value / 2) for value in range(1, 11)])
            await store.add([plain(mixed=2.75, whole=-2)])
            ranges = ((None, -2.5), (-2.5, 0), (0, 2.5), (2.5, 2.7), (2.7, 5), (4.5, None))
            for name, counts in (
                ("whole", [0, 1, 2, 0, 2, 6]),
                ("mixed", [0, 0, 2, 0, 3, 6]),
                ("part", [0, 0, 4, 1, 4, 2]),
            ):
                rows = await store.aggregate(node(), EVERYTHING, [RangesGroup(name, ranges)])
                assert [row.messages for row in rows] == counts, name

        self.run(test)

    def test_statistics(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain(took=value, name=f"n{value}") for value in (2, 4, 4)] + [plain()])
            found = await store.statistics(node(), EVERYTHING, "took")
            assert (found.messages, found.present, found.distinct) == (4, 3, 2)
            assert (found.minimum, found.maximum, found.total) == (2, 4, 10)
            assert found.mean == pytest.approx(10 / 3)
            found = await store.statistics(node(), EVERYTHING, "name")
            assert (found.present, found.distinct, found.minimum) == (3, 2, None)
            found = await store.statistics(node(), EVERYTHING, "timestamp")
            assert (found.minimum, found.maximum) == (START, START)
            found = await store.statistics(node(), EVERYTHING, "message")
            assert found.present == 4

        self.run(test)

    def test_values_are_suggested(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain(path="/Cart"), plain(path="/cart/1"), plain(path="/cart/1"), plain(path="/about")])
            found = await store.suggest("path", "/CART")
            assert [tuple(each) for each in found] == [("/cart/1", 2), ("/Cart", 1)]
            assert [each.value for each in await store.suggest("source", "w")] == ["web"]
            assert await store.suggest("nothing", "x") == []

        self.run(test)

    def test_deleting_by_query(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain(f"m{index}", number=index) for index in range(10)])
            assert await store.delete(node("number:<4"), EVERYTHING) == 4
            assert await store.delete(node("number:<4"), EVERYTHING) == 0
            assert sorted(texts((await store.search(node(), EVERYTHING)).messages)) == [
                f"m{index}" for index in range(4, 10)
            ]
            assert await store.delete(node(), EVERYTHING) == 6
            assert await store.count(node(), EVERYTHING) == 0
            await store.add([plain("later")])
            assert await store.count(node(), EVERYTHING) == 1

        self.run(test)

    def test_odd_messages_are_found(self) -> None:
        """Long values, many fields, odd names: nothing is refused, everything is found by its fields."""

        async def test(store: Store) -> None:
            many: dict[str, Any] = {f"field_{index}": index for index in range(2000)}
            odd: dict[str, Any] = {"a.b c": "v", "é": 1}
            long = "x" * 100_000
            await store.add([plain("many", **many), plain("long", blob=long + "1"), plain("odd", **odd)])
            await store.add([plain("big", number=10**30), plain("nan", number=math.nan), plain("neg", number=-(2**63))])
            for query, expected in (
                ("field_1999:1999", ["many"]), (f"blob:{'x' * 50}*1", ["long"]), ("NOT _exists_:blob AND long", []),
                ("_exists_:blob", ["long"]), ("a.b\\ c:v", ["odd"]), ("é:1", ["odd"]), (f"number:{10**30}", ["big"]),
                ("number:<0", ["neg"]), (f"number:>{10**29}", ["big"]), ("_exists_:number AND nan", ["nan"]),
            ):  # fmt: skip
                assert texts((await store.search(node(query), EVERYTHING)).messages) == expected, query

        self.run(test)

    def test_it_tells_how_much_there_is(self) -> None:
        async def test(store: Store) -> None:
            assert (await store.info()).messages == 0
            await store.add([plain(at=3), plain(at=1)])
            await store.count(node(), EVERYTHING)
            info = await store.info()
            assert (info.messages, info.first, info.last) == (2, START + 1, START + 3)

        self.run(test)

    def test_nothing_is_pending_after_a_flush(self) -> None:
        async def test(store: Store) -> None:
            assert (store.pending, store.evicted, store.problem) == (0, 0, "")
            await store.add([plain(f"m{index}") for index in range(20)])
            await store.flush()
            assert (store.pending, store.evicted, store.problem) == (0, 0, "")
            assert await store.count(node(), EVERYTHING) == 20
            await store.flush()

        self.run(test)

    def test_compacting_keeps_what_was_not_deleted(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain(f"m{index}", number=index) for index in range(10)])
            await store.delete(node("number:[2 TO 7]"), EVERYTHING)
            await store.compact()
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["m9", "m8", "m1", "m0"]
            await store.add([plain("later")])
            assert await store.count(node(), EVERYTHING) == 5
            await store.compact()
            assert await store.count(node(), EVERYTHING) == 5

        self.run(test)

    def test_it_may_be_closed_twice(self) -> None:
        async def test(store: Store) -> None:
            await store.add([plain("last")])
            await store.close()
            await store.close()

        self.run(test)


@asynccontextmanager
async def opened(store: Store) -> AsyncIterator[Store]:
    """A store that needs no opening."""
    yield store
