"""Numbers from 2^53 on, and zero with a sign: a column has one type for all its numbers, and may not have what was sent."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.message import FieldValue
from gelf_listener.query.nodes import Fuzzy, MatchAll, Range, Regex, Term, Wildcard
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.parameters import EVERYTHING
from tests.unit.store.embedded import opened
from tests.unit.store.samples import plain

WHOLE = [5, 2**53 - 1, 2**53, 2**53 + 1, 123456789012345678, 2**63 - 1]
COLUMNS: dict[str, list[FieldValue]] = {
    "signed": [*WHOLE, -(2**63), -(2**53) - 1],
    "unsigned": [*WHOLE, 2**63, 2**64 - 1],
    "unsigned and below zero": [2**64 - 1, -1, 3],
    "whole and not": [2**53 + 1, 1.5, 5],
    "everything": [
        *(*WHOLE, 2**63, 2**64 - 1, -(2**63), -(2**53) - 1, 10**30, 5.0, -0.0, 0.5, 1e16, float(2**53), float(2**63)),
        *(1e30, 1e300, 9007199254740994.0, True, "9007199254740993"),
    ],
}


def begins(text: str) -> Wildcard:
    return Wildcard("n", ((False, text), (True, "*")))


QUERIES: list[Any] = [
    *(Regex("n", pattern) for pattern in ("[0-9]+", "9.*", ".*3", "1e\\+?[0-9]+", ".*\\.0", "-.*")),
    *(begins(text) for text in ("9007199254740993", "922", "1844674407370955161", "-9")),
    *(Fuzzy("n", text, 1) for text in ("9007199254740992", "9223372036854775806")),
    *(
        Term("n", str(number))
        for number in (2**53, 2**53 + 1, 2**63 - 1, 2**63, 2**64 - 1, -(2**63), 10**30, "9.007199254740992e15", "1e30")
    ),
    *(Range("n", str(2**53 + 1), None, include, False) for include in (True, False)),
    *(Range("n", None, str(number)) for number in (2**53, 2**63, -(2**53), 10**30)),
    *(Range("n", str(low), str(high)) for low, high in ((2**53, 2**53 + 1), (1, 2**64 - 2), (2**64 - 1, 10**40))),
]


@pytest.mark.parametrize("column", COLUMNS)
def test_they_are_found_as_the_predicate_finds_them(tmp_path: Path, column: str) -> None:
    """By patterns, edits, ranges and value, in both meanings."""
    messages = [plain(f"{value!r}", n=value) for value in COLUMNS[column]]

    async def main() -> None:
        judge = MemoryStore()
        await judge.add(messages)
        async with opened(tmp_path) as store:
            await store.add(messages)
            for query in QUERIES:
                for node in (query, replace(query, graylog=True)):
                    found, expected = [
                        [message.short_message for message in (await each.search(node, EVERYTHING)).messages]
                        for each in (store, judge)
                    ]
                    assert found == expected, repr(node)

    asyncio.run(main())


def test_figures_of_what_is_too_large_to_square(tmp_path: Path) -> None:
    """In partitions of their own: how far their averages are apart is more than a number can say."""
    messages = [plain(f"m{index}", at=index, n=value) for index, value in enumerate((1e300, 5, -1e300, 1e308, 1e308))]

    async def main() -> None:
        judge = MemoryStore()
        await judge.add(messages)
        async with opened(tmp_path, partition_messages=1) as store:
            for message in messages:
                await store.add([message])
                await store.flush()
            of_store, of_judge = [await each.statistics(MatchAll(), EVERYTHING, "n") for each in (store, judge)]
            assert (of_store.minimum, of_store.maximum) == (-1e300, 1e308)
            assert of_store == of_judge

    asyncio.run(main())


def test_zero_with_a_sign_is_zero(tmp_path: Path) -> None:
    """To the engine it is less; in ranges, in both meanings and any company."""
    ends = [None, "-0", "0", "-0.0", "0.0", "1.5", "-1", "9007199254740993"]
    companies: list[list[FieldValue]] = [[-0.0, 0.0, 5e-324, -5e-324, -1.0], [0, 1, -1], [0, -0.0, 0.5, 2**53, -1]]

    async def main(values: list[FieldValue], path: Path) -> None:
        messages, judge = [plain(f"{value!r}", n=value) for value in values], MemoryStore()
        await judge.add(messages)
        async with opened(path) as store:
            await store.add(messages)
            for low, high in itertools.product(ends, ends):
                for include_low, include_high, graylog in itertools.product((True, False), repeat=3):
                    node = Range("n", low, high, include_low, include_high, graylog=graylog)
                    assert await store.count(node, EVERYTHING) == await judge.count(node, EVERYTHING), repr(node)

    for number, values in enumerate(companies):
        asyncio.run(main(values, tmp_path / f"{number}"))
