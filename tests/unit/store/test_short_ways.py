"""Short ways to an answer about many messages: what they give is what the store in memory gives."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.message import FieldValue, Message
from gelf_listener.query import parse
from gelf_listener.query.nodes import MatchAll
from gelf_listener.store import glances
from gelf_listener.store.aggregation import _seen
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.parameters import EVERYTHING, Grouping, Metric, Sort, TimeGroup, ValuesGroup
from gelf_listener.store.searching import Target
from gelf_listener.store.tantivy_store import TantivyStore
from tests.unit.store.embedded import opened
from tests.unit.store.samples import START, plain


async def _both(store: TantivyStore, messages: list[Message]) -> MemoryStore:
    memory = MemoryStore()
    await memory.open()
    for each in (store, memory):
        await each.add(messages)
    return memory


_TIMES: dict[str, list[float]] = {
    "even": [float(number) for number in range(300)],
    "tied": [float(number // 40) for number in range(300)],
    "at one time": [0.0] * 300,
    "one far ahead": [*(float(number) for number in range(299)), 10.0**7],
    "one far behind": [-(10.0**7), *(float(number) for number in range(299))],
    "dense at one end": [float(number**3) for number in range(300)],
}


@pytest.mark.parametrize("descending", [True, False], ids=["newest", "oldest"])
@pytest.mark.parametrize("times", list(_TIMES.values()), ids=list(_TIMES))
def test_what_comes_first_of_all(times: list[float], descending: bool, tmp_path: Path) -> None:
    """However messages lie in time, and also where several have the time at which a page ends."""
    chance = random.Random(3)
    messages = [plain(f"text {number}", at=at) for number, at in enumerate(chance.sample(times, len(times)))]

    async def main() -> None:
        async with opened(tmp_path, clock=lambda: START) as store:
            memory = await _both(store, messages)
            sort = Sort("timestamp", descending)
            for limit, offset in ((1, 0), (7, 0), (7, 20), (37, 0), (200, 0), (300, 0)):
                found, wanted = [
                    await each.search(MatchAll(), EVERYTHING, limit=limit, offset=offset, sort=sort)
                    for each in (store, memory)
                ]
                assert found.total == wanted.total == 300
                assert [each.short_message for each in found.messages] == [
                    each.short_message for each in wanted.messages
                ]

    asyncio.run(main())


def test_groups_whose_values_are_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once all messages were looked at, those of a query are looked at once; values that are new are not missed."""
    asked: list[dict[str, Any]] = []
    aggregate = Target.aggregate

    def noted(target: Target, wanted: dict[str, Any]) -> dict[str, Any]:
        asked.append(wanted)
        return aggregate(target, wanted)

    monkeypatch.setattr(Target, "aggregate", noted)
    groups: list[Grouping] = [ValuesGroup("level", 3), TimeGroup(seconds=10)]

    async def main() -> None:
        async with opened(tmp_path, clock=lambda: START) as store:
            memory = await _both(store, [plain(at=number, level=number % 3, odd=number % 2) for number in range(60)])

            async def looks(query: str) -> int:
                node = parse(query).node
                asked.clear()
                rows = await store.aggregate(node, EVERYTHING, groups)
                assert rows == await memory.aggregate(node, EVERYTHING, groups)
                return len(asked)

            assert await looks("odd:1") == 2
            assert await looks("*") == 2
            assert await looks("odd:1") == 1
            assert await looks("odd:0") == 1
            for wanted in (1, 2):  # values that it has not seen; and then there are more than twice as many messages
                more = [plain(at=number, level=number % 7, odd=number % 2) for number in range(50)]
                for each in (store, memory):
                    await each.add(more)
                assert await looks("odd:1") == wanted
            await looks("*")
            [partition] = [each for each in store._all.list if each.messages]
            assert _seen[partition]["level"] == (7, 160)

    asyncio.run(main())


def test_a_column_with_many_values_is_looked_at_first(tmp_path: Path) -> None:
    """A partition that is twice as large may have any number of them."""
    groups: list[Grouping] = [ValuesGroup("user", 5), TimeGroup(seconds=1000)]

    async def main() -> None:
        async with opened(tmp_path, clock=lambda: START) as store:
            memory = await _both(store, [plain(at=number, user=number % 4) for number in range(40)])
            await store.aggregate(MatchAll(), EVERYTHING, groups)
            more = [plain(at=number, user=number % 150) for number in range(300)]
            for each in (store, memory):
                await each.add(more)
            for query in ("level:6", "*", "level:6"):
                node = parse(query).node
                assert await store.aggregate(node, EVERYTHING, groups) == await memory.aggregate(
                    node, EVERYTHING, groups
                )

    asyncio.run(main())


@pytest.mark.parametrize("query", ["*", "odd:1"])
@pytest.mark.parametrize(
    ("values", "looks"),
    [
        ([number % 4 for number in range(400)], 1),
        ([number // 3 for number in range(400)], 2),
        (["often"] * 20 + [f"once{number}" for number in range(380)], 1),
        (["often"] * 20 + [f"once{number}" for number in range(60)], 2),
        ([1.5] * 9 + ["text"] * 7 + [True] * 5 + list(range(379)), 1),
    ],
    ids=["few", "many", "alone", "some alone", "of all kinds"],
)
def test_a_glance_at_the_most_frequent(
    query: str, values: list[FieldValue], looks: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More values are listed only where they are not all there, and not all others are alone."""
    monkeypatch.setattr(glances, "_FEW", 15)
    monkeypatch.setattr(glances, "_ALONE", 100)
    asked: list[int] = []
    aggregate = Target.aggregate

    def noted(target: Target, wanted: dict[str, Any]) -> dict[str, Any]:
        asked.extend([wanted["g"]["terms"]["size"]] if "g" in wanted else [])
        return aggregate(target, wanted)

    monkeypatch.setattr(Target, "aggregate", noted)

    async def main() -> None:
        async with opened(tmp_path, clock=lambda: START) as store:
            memory = await _both(store, [plain(each=value, odd=1) for value in values])
            node = parse(query).node
            for limit in (1, 3, 3):
                found = await store.aggregate(node, EVERYTHING, [ValuesGroup("each", limit)])
                wanted = await memory.aggregate(node, EVERYTHING, [ValuesGroup("each", limit)])
                assert [row.messages for row in found] == [row.messages for row in wanted]
                frequent = [row.keys for row in wanted if row.messages > 3]
                assert [row.keys for row in found][: len(frequent)] == frequent
            assert asked[:looks] == [15, 10_000][:looks]
            if looks == 2:  # and is known then
                assert 15 not in asked[2:]
            asked.clear()
            await store.aggregate(node, EVERYTHING, [ValuesGroup("each", 4)])
            assert 15 not in asked  # too many for a glance

    asyncio.run(main())


@pytest.mark.parametrize("query", ["*", "odd:1", "odd:7"])
def test_statistics_of_one_field_are_one(query: str, tmp_path: Path) -> None:
    """With their squares or without, and the number of messages beside them."""
    functions = [["min", "max"], ["avg", "sum", "count"], ["min", "stddev", "variance"], ["sumofsquares"], []]

    async def main() -> None:
        async with opened(tmp_path, clock=lambda: START) as store:
            messages = [plain(at=number, odd=number % 2, took=number / 4) for number in range(31)]
            memory = await _both(store, [*messages, plain(at=99, odd=1)])
            node = parse(query).node
            for chosen in functions:
                metrics = [Metric(function, field) for function in chosen for field in ("took", "timestamp")]  # type: ignore[arg-type]
                [found] = await store.aggregate(node, EVERYTHING, [], metrics)
                [wanted] = await memory.aggregate(node, EVERYTHING, [], metrics)
                assert found.messages == wanted.messages
                for one, other in zip(found.values, wanted.values, strict=True):
                    assert one == (other if other is None else pytest.approx(other, rel=1e-6))

    asyncio.run(main())


@pytest.mark.parametrize("prefix", ["", "a", "A", "1", "1.", "tr", "x"])
@pytest.mark.parametrize("field", ["mixed", "level", "source", "service", "none"])
def test_suggestions(field: str, prefix: str, tmp_path: Path) -> None:
    """Of values of any kind, the most frequent first, and by their texts where they are as frequent."""
    values: list[FieldValue] = ["abc", "Abd", "b", 1, 12, 1.5, 1.25, 1.5, True, "1", "a", "a"]

    async def main() -> None:
        async with opened(tmp_path, clock=lambda: START) as store:
            messages = [
                plain(
                    host=f"{'aA'[number % 2]}{number % 3}", at=number, level=number % 8, mixed=each, service=str(each)
                )
                for number, each in enumerate(values * 2 + values[:3])
            ]
            memory = await _both(store, messages)
            for limit in (2, 10):
                assert await store.suggest(field, prefix, limit) == await memory.suggest(field, prefix, limit)

    asyncio.run(main())
