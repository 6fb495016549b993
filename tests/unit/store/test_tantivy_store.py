"""The embedded store: the contract, and what it does beyond: files, partitions, retention, trouble."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.codec.gelf import read_fields
from gelf_listener.errors import ConfigError, Retry
from gelf_listener.store import Store
from gelf_listener.store.requests import EVERYTHING, Sort
from gelf_listener.store.tantivy_store import TantivyStore
from tests.unit.store.contract import StoreContract, node, texts
from tests.unit.store.samples import START, plain


def store_at(path: Path, **settings: Any) -> TantivyStore:
    return TantivyStore(path, read_fields, **settings)


@asynccontextmanager
async def opened(path: Path, **settings: Any) -> AsyncIterator[TantivyStore]:
    store = store_at(path, **settings)
    await store.open()
    try:
        yield store
    finally:
        await store.close()


class TestTantivyStore(StoreContract):
    """The contract, in one partition."""

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.path = tmp_path

    def make_store(self) -> AbstractAsyncContextManager[Store]:
        return opened(self.path / "store")


class TestPartitionedStore(StoreContract):
    """The contract, in many partitions."""

    @pytest.fixture(autouse=True)
    def _directory(self, tmp_path: Path) -> None:
        self.path = tmp_path

    def make_store(self) -> AbstractAsyncContextManager[Store]:
        return opened(self.path / "store", partition_messages=2, commit_seconds=0)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(test)


def test_what_was_committed_is_there_after_reopening(tmp_path: Path) -> None:
    """Ids, order and fields too; and new messages come after the old ones."""

    async def main() -> None:
        async with opened(tmp_path) as store:
            first = [plain(f"m{index}", number=index) for index in range(5)]
            await store.add(first)
        async with opened(tmp_path) as store:
            await store.add([plain("m5")])
            found = await store.search(node(), EVERYTHING)
            assert texts(found.messages) == ["m5", "m4", "m3", "m2", "m1", "m0"]
            assert (await store.get(first[2].id)).fields == {"number": 2}  # type: ignore[union-attr]
            assert {field.name for field in await store.fields()} >= {"number", "message"}
            again = plain("m0")
            again.stored_id = first[0].id
            await store.add([again])
            assert await store.count(node(), EVERYTHING) == 6

    run(main())


def test_another_store_is_told_who_has_it(tmp_path: Path) -> None:
    """With the process and what to do."""

    async def main() -> None:
        async with opened(tmp_path):
            with pytest.raises(ConfigError, match=rf"open in another process \(pid {os.getpid()}\).*another directory"):
                await store_at(tmp_path).open()
        async with opened(tmp_path):
            pass

    run(main())


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    """Is the operator's mistake."""
    file = tmp_path / "file"
    file.write_text("no directory")

    async def main() -> None:
        with pytest.raises(ConfigError, match="cannot be opened"):
            await store_at(file).open()

    run(main())


@pytest.mark.parametrize("victim", ["meta.json", "partition.json"])
def test_a_damaged_partition_is_set_aside(tmp_path: Path, victim: str) -> None:
    """And said so; the others go on."""

    async def main() -> None:
        async with opened(tmp_path, partition_messages=2, commit_seconds=0) as store:
            await store.add([plain("a"), plain("b")])
            await store.add([plain("c")])
        (tmp_path / "p00000001" / victim).write_bytes(b"\x00garbage")
        async with opened(tmp_path) as store:
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["c"]
            assert len(store.set_aside) == 1
            assert (Path(store.set_aside[0]) / victim).read_bytes() == b"\x00garbage"

    run(main())


def test_all_partitions_damaged_is_an_empty_store(tmp_path: Path) -> None:
    """Nothing is deleted, and it works."""

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add([plain("a")])
        (tmp_path / "p00000001" / "meta.json").write_bytes(b"")
        async with opened(tmp_path) as store:
            await store.add([plain("b")])
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["b"]

    run(main())


def test_the_oldest_partitions_go_by_age(tmp_path: Path) -> None:
    """By when messages arrived, not by what their clocks said."""
    now = START

    async def main() -> None:
        nonlocal now
        settings: dict[str, Any] = {"partition_messages": 2, "commit_seconds": 0.01, "max_age_seconds": 100}
        store = TantivyStore(tmp_path, read_fields, clock=lambda: now, **settings)
        await store.open()
        try:
            await store.add([plain("a"), plain("b")])
            await store.flush()
            await store.add([plain("c", at=60), plain("d", at=60)])
            await store.flush()
            now += 120
            await store.add([plain("e", at=120)])
            await until(lambda: store.evicted == 2)
            assert sorted(texts((await store.search(node(), EVERYTHING)).messages)) == ["c", "d", "e"]
            now += 1000
            await store.add([plain("f", at=1120)])
            await until(lambda: store.evicted >= 4)
            assert "f" in texts((await store.search(node(), EVERYTHING)).messages)
            assert min(path.name for path in tmp_path.glob("p*")) > "p00000002"
        finally:
            await store.close()

    run(main())


def test_the_oldest_partitions_go_by_size(tmp_path: Path) -> None:
    """The current one is never in the way of new messages."""

    async def main() -> None:
        settings: dict[str, Any] = {"partition_messages": 20, "commit_seconds": 0.01, "max_bytes": 40_000}
        async with opened(tmp_path, **settings) as store:
            for batch in range(20):
                await store.add([plain(f"m{batch} {random.random()}", note="x" * 200) for _ in range(20)])
                await store.flush()
                await asyncio.sleep(0.02)
            await until(lambda: store.evicted > 0)
            info = await store.info()
            assert info.messages + store.evicted == 400
            newest = await store.search(node(), EVERYTHING, limit=1, sort=Sort("gl2_receive_timestamp"))
            assert newest.messages[0].short_message.startswith("m19 ")

    run(main())


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """What cannot be committed is kept and added again; senders are told to wait."""

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=60) as store:
            await store.add([plain("before")])
            await store.flush()
            await store.add([plain("meanwhile")])
            partition = store._partitions[-1]
            partition._known = ""
            aside = tmp_path / "aside"
            partition.path.rename(aside)  # nothing can be written where the partition was
            with pytest.raises(Retry, match="cannot write"):
                await store.flush()
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["before"]
            aside.rename(partition.path)
            await store.add([plain("after")])
            assert sorted(texts((await store.search(node(), EVERYTHING)).messages)) == ["after", "before", "meanwhile"]

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


def test_searching_while_adding(tmp_path: Path) -> None:
    """Every search finds what was added before it, and never a message twice."""

    async def main() -> None:
        async with opened(tmp_path, partition_messages=700) as store:

            async def add() -> None:
                for batch in range(30):
                    await store.add([plain(f"m{batch * 100 + index}") for index in range(100)])

            adding = asyncio.create_task(add())
            last = 0
            while not adding.done():
                hits = await store.search(node(), EVERYTHING, limit=10_000)
                assert len({message.id for message in hits.messages}) == hits.total >= last
                last = hits.total
            await adding
            assert await store.count(node(), EVERYTHING) == 3000

    run(main())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)
