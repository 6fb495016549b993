"""Fields with more different values than the engine lists: every kind of search works, and agrees with the predicate."""

from __future__ import annotations

import asyncio
import os
import resource
from pathlib import Path

import pytest

from gelf_listener.errors import QueryError
from gelf_listener.message import Message
from gelf_listener.query import parse
from gelf_listener.query.patterns import within
from gelf_listener.store import aggregation, engine, kept_answers, schema, translation
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.parameters import EVERYTHING, Grouping, Metric, Span, TimeGroup, ValuesGroup
from tests.unit.store.embedded import opened
from tests.unit.store.samples import START, plain

QUERIES = [
    "request:req-01*",
    "request:req-*",
    "request:*17*",
    "request:req-0?17*",
    "request:/req-01[0-9]+/",
    "request:req-0017~1",
    "request:eq-017~2",
    "request:[req-0100 TO req-0200]",
    "request:{req-0100 TO req-0200}",
    'request:["req 0" TO "req-0200"}',
    "request:>=req-0250",
    "request:<req-0010",
    "request:req-0042",
    "seen:2026-11-23",
    "seen:[2026-11-23 TO 2026-11-24]",
    "seen:>2026-11-23T00:02",
    "number:17*",
    "number:[17 TO 99]",
    "number:17",
    "huge:1000000000000000000000*",
    "huge:>1000000000000000000000000000010",
    "req-01*",
    "*17*",
    "req-0017~1",
    "/re[a-q]-01[0-9]+/",
    "17*",
    "word17*",
    "message:*ord1?",
    "message:[word17 TO word18]",
    "NOT request:*1*",
    "request:re?-??????????????????????????* OR level:3",
]


def flood(names: int) -> list[Message]:
    return [plain("flood", **{f"name_{each}_{field}": each for field in range(10)}) for each in range(names // 10)]


def test_a_flood_of_names_spoils_nothing_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields that come after it are searched, grouped and sorted like others; nothing is looked at one by one."""
    monkeypatch.setattr(schema, "MAX_FIELDS", 100)
    monkeypatch.setattr(translation, "MAX_VERIFIED", 10)

    async def main() -> None:
        judge, found = MemoryStore(clock=lambda: START), [*messages()[:50], *flood(2000), *messages()[50:]]
        found += [plain("late", user=f"user{number % 5}", cost=number, ok=number % 2 == 0) for number in range(40)]
        await judge.add(found)
        async with opened(tmp_path, clock=lambda: START) as store:
            await store.add(found)
            queries = [*QUERIES, "user:user3", "user:user*", "user:/user[12]/", "cost:[3 TO 7]", "cost:3*", "ok:true"]
            queries += [
                "user3",
                "name_7_3:7",
                "name_7_*",
                "_exists_:user",
                "_exists_:name_7_3",
                "user:usr3~",
                "NOT user:user3",
            ]
            for query in queries:
                node = parse(query).node
                assert await store.count(node, EVERYTHING) == await judge.count(node, EVERYTHING), query
                assert not store.missing(), query
            for field in ("user", "cost", "request"):
                asked = ([ValuesGroup(field)], [Metric("count"), Metric("max", "cost"), Metric("card", "user")])
                rows = await store.aggregate(parse("*").node, EVERYTHING, *asked)
                assert rows == await judge.aggregate(parse("*").node, EVERYTHING, *asked)

    asyncio.run(main())


def test_a_search_that_was_cut_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is about the newest messages; what has to be complete is refused instead."""
    monkeypatch.setattr(translation, "MAX_VERIFIED", 10)

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add([plain(f"a {number} b") for number in range(30)])
            node = parse('"a b"~3').node
            assert await store.count(node, EVERYTHING) == 10
            assert "more than 10 messages" in store.missing().cut
            assert "only the newest messages" in str(store.missing())
            assert (await store.search(node, EVERYTHING)).messages[0].short_message == "a 29 b"
            assert await store.count(parse("a").node, EVERYTHING) == 30
            assert not store.missing()
            with pytest.raises(QueryError, match="narrow it"):
                await store.delete(node, EVERYTHING)

    asyncio.run(main())


def test_more_groups_than_the_engine_has_buckets(tmp_path: Path) -> None:
    """Two fields of many values, figures of many values, and stretches of time without number."""

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add(
                [
                    plain("x", at=number, user=f"user{number % 700}", request=f"req-{number}", share=number % 700 / 7)
                    for number in range(70_000)
                ]
            )
            await store.flush()
            metrics = [Metric("card", "request")]
            for outer, cut in (("user", False), ("share", True)):  # inside of texts only those shown are computed
                groups = [ValuesGroup(outer, 5), ValuesGroup("request", 5)]
                rows = await store.aggregate(parse("*").node, EVERYTHING, groups, metrics)
                assert len(rows) == 25
                assert {row.values for row in rows} == {(1,)}
                assert ("too many groups" in store.missing().cut) == cut
            groups = [ValuesGroup("user", 5)]
            rows = await store.aggregate(parse("*").node, EVERYTHING, groups, metrics)
            assert [row.messages for row in rows] == [100] * 5
            assert all(90 <= float(str(row.values[0])) <= 110 for row in rows)
            assert not store.missing()
            with pytest.raises(QueryError, match="longer stretches"):
                await store.aggregate(parse("*").node, EVERYTHING, [TimeGroup(seconds=0.5)])

    asyncio.run(main())


def test_what_was_computed_of_a_whole_partition_is_asked_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until something is added or deleted there; a narrower question is another one."""
    asked = []
    asked_now = kept_answers._asked_now
    monkeypatch.setattr(kept_answers, "_asked_now", lambda *question: asked.append(1) or asked_now(*question))

    async def main() -> None:
        everything, minutes = parse("*").node, [TimeGroup(seconds=10)]
        judge = MemoryStore()
        async with opened(tmp_path, partition_messages=20) as store:

            async def agree(query: str = "*", span: Span = EVERYTHING) -> None:
                node = parse(query).node
                assert await store.aggregate(node, span, minutes) == await judge.aggregate(node, span, minutes)

            for number in range(3):
                added = [plain("x", at=20 * number + each, odd=each % 2) for each in range(20)]
                await store.add(added)
                await judge.add(added)
                await store.flush()
            await agree()
            first = len(asked)
            await agree()
            assert len(asked) == first
            await agree("odd:1")
            await agree("*", Span(START + 5, START + 45))
            await store.add([plain("y", at=3)])
            await judge.add([plain("y", at=3)])
            await agree()
            assert await store.delete(parse("odd:0").node, EVERYTHING) == 30
            await judge.delete(parse("odd:0").node, EVERYTHING)
            await agree()
            assert await store.count(everything, EVERYTHING) == 31

    asyncio.run(main())


def test_what_is_inside_many_numbers_is_asked_of_those_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Though the first look, which lists some values only, counts too few of each; their figures are whole."""
    monkeypatch.setattr(aggregation, "_SIZES", (aggregation._Sizes(4, 4), *aggregation._SIZES[1:]))
    asked: list[int] = []
    asked_now = kept_answers._asked_now
    monkeypatch.setattr(kept_answers, "_asked_now", lambda *question: asked.append(1) or asked_now(*question))

    async def main() -> None:
        async with opened(tmp_path, clock=lambda: START, partition_messages=60) as store:
            # 7 is among the four most frequent of each partition but the last.
            await store.add([plain(at=at, user=user) for at in range(3) for user in [7] * 9 + list(range(20, 60))])
            await store.add([plain(user=user) for user in [7] + [8, 9, 10, 11] * 3])
            groups: list[Grouping] = [ValuesGroup("user", 1), TimeGroup(seconds=60)]
            rows = await store.aggregate(parse("NOT nowhere").node, EVERYTHING, groups)
            assert [(row.keys[0], row.messages) for row in rows] == [(7, 28)]
            partitions = len({path.name for path in tmp_path.rglob("p0000*")})
            assert partitions > 1
            assert len(asked) == 2 * partitions

    asyncio.run(main())


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_ten_million_values(tmp_path: Path) -> None:
    """Every kind of search at real size, in bounded memory."""
    size = int(os.environ.get("GELF_MANY_VALUES", "10000000"))

    async def main() -> None:
        async with opened(tmp_path) as store:
            for first in range(0, size, 5000):
                await store.add(
                    [plain("x", request=f"req-{number:08d}", number=number) for number in range(first, first + 5000)]
                )
            await store.flush()
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            wanted = {
                "request:req-000012*": 100,
                "request:*": size,
                "request:req-*": size,
                "request:>=req-00000100": size - 100,
                "request:/req-0000012[0-9]+/": 10,
                "req-000012*": 100,
                "number:>=100": size - 100,
            }
            for query, expected in wanted.items():
                assert await store.count(parse(query).node, EVERYTHING) == expected, query
            for query in ("request:*12345*", "*12345*", "request:req-00001234~1", "req-00001234~1"):
                assert await store.count(parse(query).node, EVERYTHING) > 1, query
            rows = await store.aggregate(
                parse("*").node, EVERYTHING, [ValuesGroup("request", 10)], [Metric("card", "request")]
            )
            assert len(rows) == 10
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1024 * 1024  # KiB

    asyncio.run(main())


def test_long_texts_of_some_spoil_nothing_for_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a pattern that may match one of them looks at messages one by one."""
    monkeypatch.setattr(translation, "MAX_VERIFIED", 10)

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add([plain("x", body="y" * 9000, user=f"user{number}") for number in range(30)])
            for query, count in (
                ("user:user*", 30),
                ("user7", 1),
                ("level:6", 30),
                ("body:no", 0),
                ("_exists_:body", 30),
            ):
                assert await store.count(parse(query).node, EVERYTHING) == count, query
                assert not store.missing(), query
            assert await store.count(parse("body:y*").node, EVERYTHING) == 10
            assert store.missing().cut

    asyncio.run(main())


def messages() -> list[Message]:
    return [
        plain(
            f"some word{number}",
            request=f"req-{number:04d}",
            seen=f"2026-11-23T00:{number % 60:02d}:{number // 60:02d}{'+02:00' if number % 7 == 0 else 'Z'}",
            number=number,
            huge=10**30 + number,
            mixed=f"m{number}" if number % 2 else number / 4,
        )
        for number in range(300)
    ]


def test_more_values_than_the_engine_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a low limit, so that every fallback is taken."""
    monkeypatch.setattr(engine, "MAX_DISTINCT", 50)

    async def main() -> None:
        judge, found = MemoryStore(clock=lambda: START), messages()
        await judge.add(found)
        async with opened(tmp_path, clock=lambda: START, partition_messages=170) as store:
            await store.add(found)
            for query in QUERIES:
                node = parse(query).node
                assert await store.count(node, EVERYTHING) == await judge.count(node, EVERYTHING), query

    asyncio.run(main())


def test_more_values_than_the_engine_has_buckets(tmp_path: Path) -> None:
    """Each of these failed from 65 000 on."""
    values = [f"req-{number:06d}" for number in range(70_000)]
    near = sum(within(value, "req-069999", 1) for value in values)
    wanted = {
        "request:req-00001*": 10,
        "request:req-*": 70_000,
        "request:*9999*": sum("9999" in value for value in values),
        "request:>=req-069990": 10,
        "request:req-069999~1": near,
        "request:/req-06999[0-9]/": 10,
        "req-06999*": 10,
        "*9999*": sum("9999" in value for value in values),
        "req-069999~1": near,
    }

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add([plain("x", request=value) for value in values])
            for query, expected in wanted.items():
                assert await store.count(parse(query).node, EVERYTHING) == expected, query

    asyncio.run(main())
