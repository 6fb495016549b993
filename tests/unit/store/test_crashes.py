"""An embedded store after a crash: what was saved is there, once, and what was deleted is not."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import time
from pathlib import Path

import pytest

from gelf_listener.store.blocks import Blocks
from gelf_listener.store.indexer import Indexer, Order, Report
from gelf_listener.store.parameters import EVERYTHING, Sort
from tests.unit.store.contract import node, texts
from tests.unit.store.embedded import forget_indexed, opened, run
from tests.unit.store.samples import plain


@pytest.mark.parametrize("made", ["a directory", "a file", "tables", "all but its description"])
def test_a_partition_that_was_being_made_when_the_process_ended(
    tmp_path: Path, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is made again: otherwise its places would begin at 0, and searches would not wait for those of the others."""
    work = Indexer.work

    def slowly(indexer: Indexer, order: Order) -> Report:
        time.sleep(0.2)
        return work(indexer, order)

    monkeypatch.setattr(Indexer, "work", slowly)

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=0) as store:
            await store.add([plain("a"), plain("b")])
        shutil.rmtree(tmp_path / "p00000001" / "index")
        forget_indexed(tmp_path / "p00000001")
        half = tmp_path / "p00000002"
        half.mkdir()
        if made == "a file":
            (half / "messages.sqlite").touch()
        elif made != "a directory":
            Blocks(half, first=2).close()
        if made == "tables":
            with sqlite3.connect(half / "messages.sqlite") as file:
                file.execute("DELETE FROM marks")
        async with opened(tmp_path) as store:
            assert [message.short_message async for batch in store.scan(node(), EVERYTHING) for message in batch] == [
                "b",
                "a",
            ]
            assert not store.missing()
            assert store.partitions == 1
            await store.add([plain("c")])
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["c", "b", "a"]
        assert not half.exists()

    run(main())


@pytest.mark.parametrize("index", ["behind", "damaged"])
def test_what_comes_again_after_a_crash_is_there_once(
    tmp_path: Path, index: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk buffer sends what was saved and not acknowledged again, before the index has caught up."""
    work = Indexer.work

    def slowly(indexer: Indexer, order: Order) -> Report:
        time.sleep(0.2)
        return work(indexer, order)

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=0) as store:
            first = plain("a")
            await store.add([first])
        if index == "behind":
            shutil.rmtree(tmp_path / "p00000001" / "index")
            forget_indexed(tmp_path / "p00000001")
        else:
            (tmp_path / "p00000001" / "index" / "meta.json").write_bytes(b"garbage")
        monkeypatch.setattr(Indexer, "work", slowly)
        again = plain("a")
        again.stored_id = first.id
        async with opened(tmp_path, commit_seconds=0) as store:
            await store.add([again])
            assert store.messages == 1

    run(main())


def test_what_was_saved_and_not_indexed_is_found_after_a_crash(tmp_path: Path) -> None:
    """The index catches up from what was saved: in order, once, and going on from there."""

    async def main() -> None:
        async with opened(tmp_path / "store", commit_seconds=0) as store:
            await store.add([plain(f"m{index}") for index in range(100)])
            await store.flush()
            store._tasks[0].cancel()  # nothing is indexed any more
            await store.add([plain(f"m{index}") for index in range(100, 300)])
            await asyncio.to_thread(shutil.copytree, tmp_path / "store", tmp_path / "crashed")
        for _ in range(2):
            async with opened(tmp_path / "crashed") as store:
                found = await store.search(node(), EVERYTHING, limit=1000, sort=Sort("gl2_receive_timestamp", False))
                assert texts(found.messages) == [f"m{index}" for index in range(300)]
        async with opened(tmp_path / "crashed") as store:
            await store.add([plain("m300")])
            assert await store.count(node(), EVERYTHING) == 301

    run(main())


def test_what_was_deleted_stays_deleted_after_a_crash(tmp_path: Path) -> None:
    """Although it is still among what was saved, and was the last that came."""

    async def main() -> None:
        async with opened(tmp_path / "store", commit_seconds=0) as store:
            await store.add([plain("kept"), plain("doomed"), plain("doomed")])
            assert await store.delete(node("doomed"), EVERYTHING) == 2
            await asyncio.to_thread(shutil.copytree, tmp_path / "store", tmp_path / "crashed")
        async with opened(tmp_path / "crashed") as store:
            await store.add([plain("new")])
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["new", "kept"]

    run(main())
