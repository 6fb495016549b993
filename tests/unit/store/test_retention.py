"""What an embedded store lets go: the oldest by age and by size, what was deleted, and the room it leaves."""

from __future__ import annotations

import asyncio
import os
import random
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.store.parameters import EVERYTHING
from gelf_listener.store.tantivy_store import TantivyStore
from tests.unit.store.contract import node, texts
from tests.unit.store.embedded import opened, run, until
from tests.unit.store.samples import START, plain


@pytest.mark.parametrize("commit_seconds", [0, 0.01])
def test_the_oldest_go_by_age(tmp_path: Path, commit_seconds: float) -> None:
    """By when messages arrived, not by what their clocks said; also when nothing comes in any more."""
    now = START
    day = 86400.0

    async def main() -> None:
        nonlocal now
        settings: dict[str, Any] = {"commit_seconds": commit_seconds, "max_age_seconds": 7 * day}
        store = TantivyStore(tmp_path, read_fields, clock=lambda: now, **settings)
        await store.open()
        try:
            for number in range(20):
                await store.add([plain(f"day {number}", at=number * day)])
                await store.flush()
                await store._in(store._adding, store._retain)
                now += day
            left = texts((await store.search(node(), EVERYTHING)).messages)
            assert left[0] == "day 19"
            assert 7 <= len(left) <= 9
            assert store.evicted == 20 - len(left)
            now += 300 * day
            await store._in(store._adding, store._retain)
            assert (await store.search(node(), EVERYTHING)).total == 0
            assert store.partitions == 1
        finally:
            await store.close()

    run(main())


def test_retention_runs_by_itself(tmp_path: Path) -> None:
    """Nobody has to add anything for it."""

    async def main() -> None:
        async with opened(tmp_path, max_age_seconds=0.2) as store:
            await store.add([plain(at=-1000.0)])
            await until(lambda: store.evicted == 1)

    run(main())


def test_the_oldest_go_by_size_and_never_the_newest(tmp_path: Path) -> None:
    """Partitions are small enough for that."""

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=0, max_bytes=400_000) as store:
            for step in range(40):
                await store.add(
                    [plain(f"m{step} {random.random()}", at=step, note=os.urandom(100).hex()) for _ in range(50)]
                )
                await asyncio.sleep(0.03)
                for partition in store._all.list:
                    partition._sized = (float("-inf"), 0)  # it is looked up once a second
                await store._in(store._adding, store._retain)
                newest = await store.search(node(), EVERYTHING, limit=1)
                assert newest.messages[0].short_message.startswith(f"m{step} ")
                assert newest.total + store.evicted == (step + 1) * 50
            assert store.evicted > 200
            assert newest.total > 200

    run(main())


def test_compacting_gives_room_back(tmp_path: Path) -> None:
    """What was deleted takes no room any more."""

    async def main() -> None:
        async with opened(tmp_path) as store:
            for _ in range(5):
                await store.add([plain(f"m{random.random()}") for _ in range(200)])
                await store.flush()
            await store.delete(node('NOT message:"nothing"'), EVERYTHING)
            await store.compact()
            await asyncio.sleep(1.1)  # sizes are looked up once a second
            assert (await store.info()).messages == 0
            assert (await store.info()).bytes < 60_000

    run(main())


def test_deleting_everything_gives_the_room_back_at_once(tmp_path: Path) -> None:
    """Whoever clears a store wants the contents gone, not just not found."""

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=0) as store:
            await store.add([plain(f"secret {random.random()}") for _ in range(2000)])
            assert await store.delete(node(), EVERYTHING) == 2000
            assert sum(file.stat().st_size for file in tmp_path.rglob("*.sqlite*")) < 100_000
            await store.add([plain("new")])
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["new"]

    run(main())


def test_retention_does_not_wait_for_the_index(tmp_path: Path) -> None:
    """It runs between two batches, and adding goes on."""

    async def main() -> None:
        async with opened(tmp_path, partition_messages=1000, commit_seconds=0, max_age_seconds=3600) as store:
            async with store._index_lock:
                await store.add([plain(at=-100_000.0) for _ in range(1500)])
                await store._in(store._adding, store._retain)
                assert store.evicted == 1500
                await store.add([plain("new")])
            assert await store.count(node("new"), EVERYTHING) == 1

    run(main())
