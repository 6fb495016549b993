"""Figures from columns are those that are worked out message by message, also of what a column can hardly hold."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.errors import QueryError
from gelf_listener.message import Message
from gelf_listener.query.nodes import MatchAll, Node, Range
from gelf_listener.store.answers import Row
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.parameters import EVERYTHING, Metric, Span, TimeGroup, ValuesGroup
from gelf_listener.store.schema import MAX_TEXT_CHARACTERS
from tests.unit.store.embedded import opened
from tests.unit.store.model.chance import Chance
from tests.unit.store.model.model import check_rows
from tests.unit.store.samples import START, plain

_TOP = ValuesGroup("n", 100)
_BY_MINUTE = TimeGroup(seconds=60.0)


def both(path: Path, messages: Sequence[Message], *asked: Any) -> tuple[list[Row], list[Row]]:
    """Return what both stores answer about all messages."""

    async def main() -> tuple[list[Row], list[Row]]:
        judge = MemoryStore()
        await judge.add(messages)
        async with opened(path) as store:
            await store.add(messages)
            return await store.aggregate(MatchAll(), EVERYTHING, *asked), await judge.aggregate(
                MatchAll(), EVERYTHING, *asked
            )

    return asyncio.run(main())


def test_hosts_are_told_apart_by_what_their_column_holds(tmp_path: Path) -> None:
    """Their first 8000 characters."""
    hosts = ["web", "h" * MAX_TEXT_CHARACTERS, "h" * 9000, "h" * 9000 + "i", "h" * (MAX_TEXT_CHARACTERS - 1)]
    messages = [plain("x", host) for host in hosts]
    asked = [ValuesGroup("source", 100, missing=True)], [Metric("card", "source"), Metric("count", "source")]
    found, expected = both(tmp_path, messages, *asked)
    check_rows(found, expected)
    assert found[0] == Row(("h" * MAX_TEXT_CHARACTERS,), 3, (1, 3))


@pytest.mark.parametrize("number", [2**53 - 1, 2**53, 2**53 + 1, 123456789012345678, 2**63 - 1, 2**64 - 1, -(2**63)])
def test_large_numbers_have_groups_inside(tmp_path: Path, number: int) -> None:
    """Such as the ids of many services, over time."""
    messages = [plain("x", at=60.0 * at, n=number) for at in (0, 0, 1)]
    found, expected = both(tmp_path, messages, [_TOP, _BY_MINUTE], [Metric("count")])
    check_rows(found, expected)
    assert [(row.keys[0], row.messages) for row in found] == [(number, 2), (number, 1)]


@pytest.mark.parametrize("values", [(2**53, 2**53 + 1, 0.5), (2**64 - 1, 2**64 - 2, -1), (-(2**53), -(2**53) - 1, 0.5)])
def test_numbers_that_a_column_rounds_stay_apart(tmp_path: Path, values: tuple[float, ...]) -> None:
    """It has one type for whole and decimal numbers, and for those beyond 63 bits and below zero."""
    messages = [plain("x", n=value) for value in values]
    found, expected = both(tmp_path, messages, [_TOP], [Metric("card", "n")])
    check_rows(found, expected)
    assert [row.keys for row in found] == [(value,) for value in sorted(values, key=str)]


@pytest.mark.parametrize("huge", [10**30, -(10**30), 2**64])
def test_numbers_beyond_a_column_count_in_figures(tmp_path: Path, huge: int) -> None:
    """They stand among the texts there."""
    messages = [plain("x", n=value) for value in (huge, 5, "#5")]
    metrics: list[Any] = [Metric(function, "n") for function in ("max", "min", "sum", "avg", "card")]
    check_rows(*both(tmp_path / "a", messages, [], metrics))

    async def main() -> None:
        judge = MemoryStore()
        await judge.add(messages)
        async with opened(tmp_path / "b") as store:
            await store.add(messages)
            found = await store.statistics(MatchAll(), EVERYTHING, "n")
            assert found == await judge.statistics(MatchAll(), EVERYTHING, "n")

    asyncio.run(main())


def test_groups_as_large_as_others_have_an_order(tmp_path: Path) -> None:
    """Of a number and a text that is written like it the number comes first."""
    for name, values in (("one", ("-1", -1, "5", 5.0)), ("other", (5, "5", -1, "-1"))):
        found, expected = both(tmp_path / name, [plain("x", n=value) for value in values], [_TOP, _BY_MINUTE], [])
        assert [row.keys[0] for row in found] == [row.keys[0] for row in expected] == [-1, "-1", 5, "5"]


@pytest.mark.parametrize("seed", range(4))
def test_random_figures(tmp_path: Path, seed: int) -> None:
    """Of random messages, found by random queries."""
    chance = Chance(seed)

    async def main() -> None:
        judge = MemoryStore(clock=lambda: START)
        messages = chance.messages(chance.choice((20, 300)), START, 0)
        await judge.add(messages)
        async with opened(tmp_path, clock=lambda: START) as store:
            await store.add(messages)
            for _ in range(60):
                await compare(store, judge, _question(chance, len(messages)))

    async def compare(store: Any, judge: MemoryStore, question: tuple[Any, ...]) -> None:
        try:
            expected = await judge.aggregate(*question)
        except QueryError:
            with pytest.raises(QueryError):
                await store.aggregate(*question)
        else:
            check_rows(await store.aggregate(*question), expected)

    asyncio.run(main())


def _question(chance: Chance, messages: int) -> tuple[Any, ...]:
    first = chance.randrange(messages)
    query: Node = chance.choice((chance.query(messages), Range("number", str(first), str(first + 40)), MatchAll()))
    span: Span = chance.span(START)
    return query, span, *chance.aggregation()
