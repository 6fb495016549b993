"""What was asked of a whole partition: kept within bounds, and never older than the partition."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from gelf_listener.query.nodes import MatchAll, Term
from gelf_listener.store.kept_answers import Answer, keep
from gelf_listener.store.parameters import EVERYTHING, Metric, ValuesGroup
from tests.unit.store.embedded import opened
from tests.unit.store.samples import START, plain


def test_the_oldest_make_room() -> None:
    """As many as two boards ask for, and buckets that take some MiB; what is larger is not kept at all."""
    answers: dict[str, Any] = {}
    for number in range(100):
        keep(answers, str(number), Answer(1, {}))
    assert list(answers) == [str(number) for number in range(36, 100)]
    keep(answers, "large", Answer(1, {"g": {"buckets": [{}] * 30_000}}))
    keep(answers, "as large", Answer(1, {"g": {"buckets": [{}] * 30_000}}))
    assert list(answers) == ["as large"]
    keep(answers, "too large", Answer(1, {"g": {"buckets": [{}] * 40_001}}))
    assert list(answers) == ["as large"]


def test_what_comes_and_goes_is_counted(tmp_path: Path) -> None:
    """The same questions again and again, between messages and deletions."""

    async def main() -> None:
        async with opened(tmp_path, clock=lambda: START) as store:

            async def figures() -> tuple[int, list[int], Any]:
                groups = await store.aggregate(MatchAll(), EVERYTHING, [ValuesGroup("kind")])
                [row] = await store.aggregate(MatchAll(), EVERYTHING, [], [Metric("max", "timestamp")])
                return await store.count(MatchAll(), EVERYTHING), [each.messages for each in groups], row.values[0]

            await store.add([plain(at=n, kind="a") for n in range(3)])
            assert await figures() == await figures() == (3, [3], START + 2)
            await store.add([plain(at=9, kind="b")])
            assert await figures() == (4, [3, 1], START + 9)
            await store.delete(Term("kind", "b"), EVERYTHING)
            assert await figures() == (3, [3], START + 2)

    asyncio.run(main())
