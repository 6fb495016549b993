"""Kept counts: what histograms are put together from is what the predicate counts, whatever happened meanwhile."""

from __future__ import annotations

import asyncio
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.message import Message
from gelf_listener.query.nodes import MatchAll, Term
from gelf_listener.store import kept_counts
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.parameters import EVERYTHING, Grouping, Metric, Order, Span, TimeGroup, ValuesGroup
from gelf_listener.store.searching import Target
from gelf_listener.store.tantivy_store import TantivyStore
from tests.unit.store.embedded import opened, until
from tests.unit.store.samples import START, plain

_EVERYTHING = MatchAll()
_LEVELS: list[Any] = [0, 3, 6, 6, 6, None, -1, 9]
_SHORT, _LONG, _ODD = 3000.0, 90_000.0, 10.0**10


@pytest.fixture(autouse=True)
def _written_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_counts, "_WORTH_WRITING", 1)


def _message(chance: random.Random, length: float) -> Message:
    at = chance.choice((chance.uniform(0, length), chance.randrange(int(length)), 10.0 * chance.randrange(20)))
    return plain(host=f"{'wW'[chance.randrange(2)]}eb-{chance.randrange(3)}", at=at, level=chance.choice(_LEVELS))


def _asked(chance: random.Random, length: float) -> tuple[Span, list[Grouping], list[Metric]]:
    """Choose what is asked: spans that begin and end anywhere, also where a stretch does."""
    ends = sorted(
        START + chance.choice((round(chance.uniform(-99, length + 99)), chance.uniform(0, length))) for _ in "ab"
    )
    span = Span(*[chance.choice((None, end, end // 60 * 60)) for end in ends])
    seconds = chance.choice((5.0, 10.0, 30.0, 60.0, 600.0, 3600.0, 86400.0))
    time = TimeGroup(seconds=seconds, empty=length < 1000 * seconds and chance.random() < 0.2)
    values = ValuesGroup(
        chance.choice(("level", "source")),
        chance.choice((1, 2, 15)),
        order=(Order(descending=chance.random() < 0.7),),
        fold=chance.random() < 0.3,
    )
    lacking = values._replace(missing=chance.random() < 0.5)
    groups: list[list[Grouping]] = [[time], [lacking, time], [time, values], [lacking]]
    return span, chance.choice(groups), chance.choice(([], [Metric("count")]))


async def _agree(store: TantivyStore, memory: MemoryStore, chance: random.Random, length: float) -> None:
    for _ in range(12):
        span, groups, metrics = _asked(chance, length)
        found = await store.aggregate(_EVERYTHING, span, groups, metrics)
        assert found == await memory.aggregate(_EVERYTHING, span, groups, metrics), (span, groups)


@pytest.mark.parametrize("length", [_SHORT, _LONG, _ODD], ids=["short", "long", "beyond"])
@pytest.mark.parametrize("seed", range(3))
def test_histograms_agree_with_the_predicate(seed: int, length: float, tmp_path: Path) -> None:
    """Between messages, deletions, compaction and restarts; in fine stretches, coarse ones, and where there are none."""
    chance = random.Random(f"{seed} {length}")

    async def main() -> None:
        memory = MemoryStore()
        await memory.open()
        for _ in range(3):
            async with opened(tmp_path, clock=lambda: START, partition_messages=40) as store:
                await _agree(store, memory, chance, length)
                for _ in range(3):
                    messages = [_message(chance, length) for _ in range(chance.randrange(1, 45))]
                    for each in (store, memory):
                        await each.add(messages)
                    await _agree(store, memory, chance, length)
                doomed = Term("level", str(chance.choice((0, 3, 9)))), Span(None, START + chance.uniform(0, length))
                assert await store.delete(*doomed) == await memory.delete(*doomed)
                await _agree(store, memory, chance, length)
                if chance.random() < 0.5:
                    await store.compact()
                    await _agree(store, memory, chance, length)

    asyncio.run(main())


def test_retention_takes_the_counts_with_it(tmp_path: Path) -> None:
    """What went is not counted any more."""

    async def main() -> None:
        now = START
        async with opened(tmp_path, clock=lambda: now, partition_messages=10, max_age_seconds=100) as store:
            for first in (0.0, 300.0):
                await store.add([plain(at=first + number) for number in range(10)])
                assert (await _per_minute(store))[START // 60 * 60 + first] > 0
            now = START + 350
            store._all.retain()
            await until(lambda: store.messages == 10)
            assert sum((await _per_minute(store)).values()) == 10

    asyncio.run(main())


async def _per_minute(store: TantivyStore) -> dict[Any, int]:
    return {row.keys[0]: row.messages for row in await store.aggregate(_EVERYTHING, EVERYTHING, [TimeGroup()])}


def _noted(monkeypatch: pytest.MonkeyPatch) -> list[Target]:
    """Note what the engine is asked to count by time."""
    asked: list[Target] = []
    aggregate = Target.aggregate

    def noted(target: Target, wanted: dict[str, Any]) -> dict[str, Any]:
        asked.extend([target] if "histogram" in str(wanted) else [])
        return aggregate(target, wanted)

    monkeypatch.setattr(Target, "aggregate", noted)
    return asked


def test_what_is_kept_is_not_counted_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for other buckets and spans, nor after a restart; of new messages only those are counted."""
    asked = _noted(monkeypatch)
    level = ValuesGroup("level", missing=True)
    by_level: list[Grouping] = [level, TimeGroup()]

    async def main() -> None:
        async with opened(tmp_path, clock=lambda: START, partition_messages=40) as store:
            for first in (0, 40, 80):
                await store.add([plain(at=first + number, level=number % 3) for number in range(40)])
                await store.flush()
            await store.aggregate(_EVERYTHING, EVERYTHING, by_level)
            assert len(asked) == sum(partition.messages > 0 for partition in store._all.list) > 1
            counted = len(asked)
            for seconds in (30.0, 600.0):
                time = TimeGroup(seconds=seconds)
                ways: list[list[Grouping]] = [[level, time], [time, level._replace(missing=False)]]
                for groups in ways:
                    await store.aggregate(_EVERYTHING, EVERYTHING, groups)
            assert len(asked) == counted
            await store.aggregate(_EVERYTHING, Span(START + 3, START + 3600), by_level)
            assert len(asked) == counted + 1  # START is between two stretches
        async with opened(tmp_path, clock=lambda: START, partition_messages=40) as store:
            asked.clear()
            assert sum(row.messages for row in await store.aggregate(_EVERYTHING, EVERYTHING, by_level)) == 120
            assert not [each for each in asked if each.whole]
            for number in range(2):
                await store.add([plain(at=7, level=5)])
                total = sum(row.messages for row in await store.aggregate(_EVERYTHING, EVERYTHING, by_level))
                assert total == 121 + number
            assert [each.total() for each in asked if each.whole] in ([], [1])  # where it was the first
            assert not asked[-1].whole

    asyncio.run(main())


def _cut_short(file: Path, _: Path) -> None:
    file.write_bytes(file.read_bytes()[:-3])


def _flip(file: Path, _: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 4
    file.write_bytes(content)


def _empty(file: Path, _: Path) -> None:
    file.write_bytes(b"")


def _earlier(file: Path, before: Path) -> None:
    shutil.copy(before, file)


def _directory(file: Path, _: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize("damage", [_cut_short, _flip, _empty, _earlier, _directory])
def test_counts_that_do_not_belong_to_the_index(damage: Callable[[Path, Path], None], tmp_path: Path) -> None:
    """Those that are damaged, from before a deletion, or cannot be written: the engine counts."""
    path, before = tmp_path / "store", tmp_path / "before"

    async def main() -> None:
        async with opened(path, clock=lambda: START) as store:
            await store.add([plain(at=number, level=number % 3) for number in range(90)])
            await _per_minute(store)
            shutil.copy(file := path / "p00000001" / "index" / "counts-all", before)
            assert await store.delete(Term("level", "2"), Span(None, START + 60)) == 20
            await _per_minute(store)
        damage(file, before)
        async with opened(path, clock=lambda: START) as store:
            found = await _per_minute(store)
            assert sum(found.values()) == 70
            assert list(found.values()) == [27, 43]

    asyncio.run(main())


def test_an_index_that_is_made_again_is_counted_again(tmp_path: Path) -> None:
    """Its counts go with it."""

    async def main() -> None:
        async with opened(tmp_path, clock=lambda: START) as store:
            await store.add([plain(at=number) for number in range(90)])
            before = await _per_minute(store)
            [partition] = store._all.list
            partition.set_back("a test")
            store._wake.set()
            await until(lambda: not partition.broken and not partition.pending)
            assert (tmp_path / "p00000001" / "index" / "counts-all").exists() is False
            assert await _per_minute(store) == before

    asyncio.run(main())


def test_more_than_there_is_room_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine counts each time, and nothing is kept or written."""
    monkeypatch.setattr(kept_counts, "_MAX_CELLS", 5)
    asked = _noted(monkeypatch)

    async def main() -> None:
        async with opened(tmp_path, clock=lambda: START) as store:
            memory = MemoryStore()
            await memory.open()
            for each in (store, memory):
                await each.add([plain(at=9 * number) for number in range(90)])
            for seconds in (60.0, 120.0, 180.0):
                groups = [TimeGroup(seconds=seconds)]
                assert await store.aggregate(_EVERYTHING, EVERYTHING, groups) == await memory.aggregate(
                    _EVERYTHING, EVERYTHING, groups
                )
            assert len(asked) == 4  # of which one found out that there are too many
            assert not list(tmp_path.glob("*/index/counts-*"))

    asyncio.run(main())


def test_a_store_keeps_a_limited_number_of_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Partitions that come later have none."""
    monkeypatch.setattr(kept_counts, "_have_room", lambda: False)

    async def main() -> None:
        async with opened(tmp_path, clock=lambda: START) as store:
            await store.add([plain(at=number) for number in range(90)])
            assert await _per_minute(store) == await _per_minute(store)
            assert sum((await _per_minute(store)).values()) == 90

    asyncio.run(main())
