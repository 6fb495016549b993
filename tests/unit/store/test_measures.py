"""Percentiles and numbers of distinct values of more messages than are listed: near the truth, whatever is asked of the engine."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.query import parse
from gelf_listener.store import aggregation, measures
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.parameters import EVERYTHING, Metric, Order, TimeGroup, ValuesGroup
from tests.unit.store.embedded import opened
from tests.unit.store.samples import plain

P50, P95 = Metric("percentile", "took", 50.0), Metric("percentile", "took", 95.0)
BY_P95 = ValuesGroup("service", 3, order=(Order(1),))


@pytest.mark.parametrize("partitions", [1, 4])
def test_estimates_are_near(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, partitions: int) -> None:
    """Of one partition and of several whose values differ; groups come in the right order."""
    monkeypatch.setattr(aggregation, "EXACT_MESSAGES", 100)
    monkeypatch.setattr(aggregation, "FEW_VALUES", 10)
    chance = random.Random(1)
    count = 4000
    messages = [
        plain(
            "x",
            at=number,
            service=f"s{number % 5}",
            took=chance.lognormvariate(3 + number / count, 1) * (1 + number % 5),
            status=chance.choice((200, 404, 500)),
            user=number % 1500,
        )
        for number in range(count)
    ]

    async def main() -> None:
        judge = MemoryStore()
        await judge.add(messages)
        async with opened(tmp_path, partition_messages=count // partitions) as store:
            for first in range(0, count, count // partitions):
                await store.add(messages[first : first + count // partitions])
                await store.flush()
            assert len((await store.info()).partitions) >= partitions
            everything = parse("*").node
            asked: list[list[Any]] = [[], [BY_P95], [TimeGroup(seconds=500)], [BY_P95, TimeGroup(seconds=2000)]]
            for groups in asked:
                found = await store.aggregate(everything, EVERYTHING, groups, [P50, P95, Metric("count")])
                truth = await judge.aggregate(everything, EVERYTHING, groups, [P50, P95, Metric("count")])
                assert [row.keys for row in found] == [row.keys for row in truth]
                for row, right in zip(found, truth, strict=True):
                    assert row.values[2] == right.values[2]
                    assert row.values[:2] == pytest.approx(right.values[:2], rel=0.1)
            (row,) = await store.aggregate(
                everything, EVERYTHING, [], [Metric("percentile", "status", 50.0), Metric("card", "status")]
            )
            (right,) = await judge.aggregate(
                everything, EVERYTHING, [], [Metric("percentile", "status", 50.0), Metric("card", "status")]
            )
            assert row == right  # few values are exact, however many messages
            (row,) = await store.aggregate(everything, EVERYTHING, [], [Metric("card", "user")])
            assert row.values[0] == pytest.approx(1500, rel=0.1)

    asyncio.run(main())


def test_what_is_inside_is_computed_for_what_is_shown_alone(tmp_path: Path) -> None:
    """Texts, numbers, truth values and values of several kinds: the same rows as of the reference."""
    messages = [
        plain(
            "x",
            at=number,
            word=f"t{number % 40}",
            number=number % 40,
            fraction=number % 40 / 4,
            truth=number % 3 == 0,
            mixed=f"m{number % 7}" if number % 2 else number % 7,
            took=number,
        )
        for number in range(400)
    ]

    async def main() -> None:
        judge = MemoryStore()
        await judge.add(messages)
        async with opened(tmp_path, partition_messages=150) as store:
            await store.add(messages)
            for field in ("word", "number", "fraction", "truth", "mixed", "nowhere"):
                for order in ((Order(),), (Order(0, descending=False),)):
                    groups = [ValuesGroup(field, 3, missing=True, order=order), TimeGroup(seconds=100)]
                    asked: Any = (parse("*").node, EVERYTHING, groups, [Metric("max", "took")])
                    assert await store.aggregate(*asked) == await judge.aggregate(*asked), field

    asyncio.run(main())


def test_distributions_together() -> None:
    """Half of the values of two partitions lie below what is between them."""
    low = [(0.0, 0.0), (50.0, 5.0), (100.0, 10.0)]
    high = [(0.0, 20.0), (50.0, 25.0), (100.0, 30.0)]
    assert measures._percentile_of_curves([(100, low), (100, high)], 25.0) == pytest.approx(5.0)
    assert measures._percentile_of_curves([(300, low), (100, high)], 50.0) == pytest.approx(10 * 2 / 3)
    assert measures._percentile_of_curves([(100, low), (100, high)], 100.0) == pytest.approx(30.0)
    assert measures._percentile_of_curves([(7, [(95.0, 3.0)])], 95.0) == 3.0
    assert measures._percentile_of_curves([], 95.0) is None
    same = [(0.0, 4.0), (50.0, 4.0), (100.0, 4.0)]
    assert measures._percentile_of_curves([(5, same), (9, same)], 95.0) == pytest.approx(4.0)


def test_a_field_of_several_kinds(tmp_path: Path) -> None:
    """Numbers, texts and booleans of one field are all counted, whatever is in its name."""
    names = ("user", "a.b", "a-b", "@x")
    messages = [
        plain("x", at=at, **(dict.fromkeys(names, value) if value is not None else {}))
        for at, value in enumerate((7, "api", 7.5, True, None))
    ]

    async def main() -> None:
        judge = MemoryStore()
        await judge.add(messages)
        async with opened(tmp_path) as store:
            await store.add(messages)
            for name in (*names, "source", "level", "timestamp", "nosuch"):
                metrics = [Metric("count", name), Metric("card", name)]
                for groups in ([], [ValuesGroup("user", missing=True)], [TimeGroup(seconds=2)]):
                    found = await store.aggregate(parse("*").node, EVERYTHING, groups, metrics)
                    assert found == await judge.aggregate(parse("*").node, EVERYTHING, groups, metrics), name
                statistics = await store.statistics(parse("*").node, EVERYTHING, name)
                assert statistics.present == (await judge.statistics(parse("*").node, EVERYTHING, name)).present

    asyncio.run(main())
