"""The embedded store: the contract, and what it does beyond: files, partitions, retention, trouble."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import tarfile
import threading
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import zstandard

from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.errors import ConfigError, QueryError, Retry
from gelf_listener.message import Message, Peer
from gelf_listener.query.nodes import Node, Range
from gelf_listener.store import Store, partitions
from gelf_listener.store.blocks import Blocks
from gelf_listener.store.indexer import Indexer, Order, Report
from gelf_listener.store.parameters import EVERYTHING, Sort, Span, ValuesGroup
from gelf_listener.store.partition import Partition
from gelf_listener.store.schedule import Schedule
from gelf_listener.store.schema import FORMAT, document_of
from gelf_listener.store.tables import Block, unpack_block
from gelf_listener.store.tantivy_search import TantivySearch
from gelf_listener.store.tantivy_store import TantivyStore
from tests.unit.store.contract import StoreContract, node, texts
from tests.unit.store.samples import START, decoded, plain

VECTORS = Path(__file__).parents[2] / "vectors" / "store"


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
            with pytest.raises(
                ConfigError, match=rf"open in another process \(pid {os.getpid()}\).*API.*another directory"
            ):
                await store_at(tmp_path).open()
        async with opened(tmp_path):
            pass

    run(main())


def test_a_directory_that_cannot_be_used(tmp_path: Path) -> None:
    """Is a usage error."""
    file = tmp_path / "file"
    file.write_text("no directory")

    async def main() -> None:
        with pytest.raises(ConfigError, match="cannot be opened"):
            await store_at(file).open()

    run(main())


@pytest.mark.parametrize("victim", ["index/meta.json", "partition.json"])
def test_a_damaged_index_is_made_again(tmp_path: Path, victim: str, caplog: pytest.LogCaptureFixture) -> None:
    """From the messages, and said so; nothing is lost."""

    async def main() -> None:
        async with opened(tmp_path, partition_messages=2, commit_seconds=0) as store:
            await store.add([plain("a"), plain("b")])
            await store.flush()
            await store.add([plain("c")])
        (tmp_path / "p00000001" / victim).write_bytes(b"\x00garbage")
        async with opened(tmp_path) as store:
            async with asyncio.timeout(10):
                while await store.count(node(), EVERYTHING) < 3:
                    assert store.missing() or victim != "index/meta.json"
                    await asyncio.sleep(0.01)
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["c", "b", "a"]
            assert not store.missing()
        assert "is made again" in caplog.text

    run(main())


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


def test_an_index_that_is_made_again_while_it_is_searched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer says what it lacks, although nothing is lacking any more when it is given."""
    count = TantivySearch.count
    whole = threading.Event()

    def late(search: TantivySearch, query: Node, span: Span) -> int:
        found = count(search, query, span)
        whole.wait(10)
        return found

    monkeypatch.setattr(TantivySearch, "count", late)

    async def main() -> None:
        async with opened(tmp_path, partition_messages=2, commit_seconds=0) as store:
            await store.add([plain("a"), plain("b")])
            await store.flush()
            await store.add([plain("c")])
        (tmp_path / "p00000001" / "index" / "meta.json").write_bytes(b"garbage")
        async with opened(tmp_path) as store:
            answer = asyncio.create_task(counted(store))
            await until(lambda: store._all.list[0].broken)
            await store.flush()
            store._wake.set()
            await until(lambda: not store._all.list[0].broken and not store.pending)
            whole.set()
            assert await answer == (1, 2)
            assert await counted(store) == (3, 0)

    run(main())


async def counted(store: TantivyStore) -> tuple[int, int]:
    """Count all messages; return how many were found, and how many it says it did not look at."""
    found = await store.count(node(), EVERYTHING)
    return found, store.missing().late


def test_an_index_that_is_gone_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until it is, answers say what they lack; whoever searches makes none, for it may take the place of a new one."""
    work, held = Indexer.work, threading.Event()

    def later(indexer: Indexer, order: Order) -> Report:
        held.wait(10)
        return work(indexer, order)

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=0) as store:
            await store.add([plain("a"), plain("b")])
        index = tmp_path / "p00000001" / "index"
        shutil.rmtree(index)
        monkeypatch.setattr(Indexer, "work", later)
        async with opened(tmp_path) as store:
            assert await counted(store) == (0, 2)
            assert await counted(store) == (0, 2)
            assert not (index / "meta.json").exists()
            held.set()
            await store.flush()
            async with asyncio.timeout(10):
                while (answer := await counted(store)) != (2, 0):
                    assert sum(answer) >= 2
                    await asyncio.sleep(0.01)

    run(main())


@pytest.mark.parametrize("asked", ["delete", "compact"])
def test_an_index_that_is_gone_when_something_is_deleted(tmp_path: Path, asked: str) -> None:
    """It is not taken for one that finds nothing: what is not deleted is found again."""

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=0) as store:
            await store.add([plain(text, user=text) for text in ("a", "b", "c")])
            await store.delete(node("user:a"), EVERYTHING)
            assert await counted(store) == (2, 0)
            if asked == "compact":
                await store.delete(node("user:b"), EVERYTHING)
            shutil.rmtree(tmp_path / "p00000001" / "index")
            with pytest.raises(Retry, match="not there any more"):
                await (store.delete(node("user:b"), EVERYTHING) if asked == "delete" else store.compact())
            first = store._all.list[0]
            await until(lambda: not (first.broken or first.rebuilding or store.pending))
            await store.delete(node("user:b"), EVERYTHING)
            assert await counted(store) == (1, 0)
        async with opened(tmp_path) as store:
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["c"]

    run(main())


def test_an_index_that_is_removed_while_it_is_written(tmp_path: Path) -> None:
    """The indexer has it open, and nobody searches: it could not open its writer again, and tried indefinitely."""

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=0) as store:
            await store.add([plain("a")])
            assert await counted(store) == (1, 0)
            shutil.rmtree(tmp_path / "p00000001" / "index")
            await store.add([plain("b")])
            await until(lambda: bool(store.trouble) or store._all.current.setbacks > 0)
            await until(lambda: not store.trouble and not store.pending)
            assert await counted(store) == (2, 0)

    run(main())


def test_damage_that_the_indexer_finds(tmp_path: Path) -> None:
    """Is left to the store, which has to know what searches lack, also after the next start."""

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=0) as store:
            await store.add([plain("a"), plain("b")])
        partition = tmp_path / "p00000001"
        meta = partition / "index" / "meta.json"
        meta.write_bytes(b"garbage")
        report = Indexer(read_fields).work(Order(str(partition), upto=1, most=10, commit=True))
        assert report.damaged
        assert report.error
        assert meta.read_bytes() == b"garbage"
        async with opened(tmp_path, commit_seconds=0) as store:
            await store.add([plain("c")])  # the indexer sees it before any search does
            await until(lambda: store._all.list[0].rebuilding or not store.pending)
            async with asyncio.timeout(10):
                while (answer := await counted(store)) != (3, 0):
                    assert sum(answer) >= 3
                    await asyncio.sleep(0.01)
            assert not store.trouble

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


def forget_indexed(partition: Path) -> None:
    """Let the next start ask the index how far it is, as after a crash."""
    blocks = Blocks(partition)
    blocks.set_mark("indexed", None)
    blocks.close()


@pytest.mark.parametrize("victim", ["index/meta.json", "partition.json"])
def test_an_export_waits_for_an_index_that_is_made_again(tmp_path: Path, victim: str) -> None:
    """It gives every message, also of a partition whose damage it finds itself; searches do not wait."""

    async def main() -> None:
        async with opened(tmp_path, partition_messages=2000, commit_seconds=0) as store:
            for number in range(6):
                await store.add([plain(f"{number}-{each}") for each in range(1000)])
            await store.flush()
        for damaged in tmp_path.glob(f"p*/{victim}"):
            damaged.write_bytes(b"\x00garbage")
        async with opened(tmp_path) as store:
            found = [message.short_message async for batch in store.scan(node(), EVERYTHING) for message in batch]
            assert len(found) == len(set(found)) == 6000

    run(main())


def test_messages_that_cannot_be_read_are_set_aside(tmp_path: Path) -> None:
    """And said so; the others go on, and retention counts what lies aside."""

    async def main() -> None:
        async with opened(tmp_path, partition_messages=2, commit_seconds=0) as store:
            await store.add([plain("a"), plain("b")])
            await store.flush()
            await store.add([plain("c")])
        (tmp_path / "p00000001" / "messages.sqlite").write_bytes(b"garbage" * 100_000)
        async with opened(tmp_path) as store:
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["c"]
            assert len(store.set_aside) == 1
            assert store.missing().damaged == 1
            aside = Path(store.set_aside[0])
            assert (aside / "messages.sqlite").read_bytes() == b"garbage" * 100_000
        async with opened(tmp_path, max_bytes=500_000) as store:
            await until(lambda: not aside.exists())
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["c"]

    run(main())


def test_a_partition_that_cannot_be_opened_now_is_not_taken_for_damaged(tmp_path: Path) -> None:
    """It is there when the trouble is over."""

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add([plain("a")])
        file = tmp_path / "p00000001" / "messages.sqlite"
        aside = file.rename(tmp_path / "aside")
        file.mkdir()  # SQLite cannot open it, as when the disk is full
        with pytest.raises(Retry, match="unable to open"):
            await store_at(tmp_path).open()
        file.rmdir()
        aside.rename(file)
        async with opened(tmp_path) as store:
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["a"]

    run(main())


def test_a_new_partition_that_cannot_be_made(tmp_path: Path) -> None:
    """The old one goes on, and what is written stays findable."""

    async def main() -> None:
        async with opened(tmp_path, partition_messages=2, commit_seconds=0.01) as store:
            (tmp_path / "p00000002").write_text("in the way")
            await store.add([plain("a"), plain("b")])
            assert await store.count(node(), EVERYTHING) == 2
            await store.add([plain("c")])
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["c", "b", "a"]
            await store.add([plain("d")])
            assert await store.count(node(), EVERYTHING) == 4
            assert (tmp_path / "p00000003").is_dir()

    run(main())


def test_all_partitions_damaged_is_an_empty_store(tmp_path: Path) -> None:
    """Nothing is deleted, and it works."""

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add([plain("a")])
        (tmp_path / "p00000001" / "messages.sqlite").write_bytes(b"garbage" * 100_000)
        async with opened(tmp_path) as store:
            await store.add([plain("b")])
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["b"]

    run(main())


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


@pytest.mark.parametrize("commit_seconds", [0, 60])
def test_a_full_disk_loses_nothing_and_doubles_nothing(
    tmp_path: Path, commit_seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be saved is kept or not taken; the runner offers the batch that failed again."""
    full = False

    class Full(Blocks):
        def save(self, *, quickly: bool = False) -> None:
            if full:
                raise OSError("the disk is full")
            super().save(quickly=quickly)

    monkeypatch.setattr("gelf_listener.store.partition.Blocks", Full)

    async def main() -> None:
        nonlocal full
        async with opened(tmp_path, commit_seconds=commit_seconds) as store:
            await store.add([plain("before")])
            await store.flush()
            full = True
            batch = [plain(f"m{index}") for index in range(700)]
            taken = await accepts(store, batch)
            assert taken is bool(commit_seconds)
            if taken:
                with pytest.raises(Retry, match="cannot write"):
                    await store.flush()
                assert not await accepts(store, [plain("more")])
                assert store.missing().late == 700
                assert "the disk is full" in store.missing().trouble
            assert texts((await store.search(node("before"), EVERYTHING)).messages) == ["before"]
            full = False
            if not taken:
                await store.add(batch)
            await until(lambda: not store.trouble)
            await store.add([plain("after")])
            assert await store.count(node(), EVERYTHING) == 702
            assert await store.count(node("m699"), EVERYTHING) == 1
            assert not store.missing()

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


@pytest.mark.parametrize(
    "pattern",
    ["*a*b*c*d*e*f*" * 10, "*a????????????????*", "a*" * 40, "ab?" * 60, "x" * 200 + "*", "*?a?b*?c*", "?" * 30],
    ids=["stars", "any after a star", "more stars", "any", "long", "both", "any only"],
)
@pytest.mark.parametrize("field", ["message", "full_message", "source", "facility"])
def test_patterns_the_engine_refuses(tmp_path: Path, field: str, pattern: str) -> None:
    """They are tried by the predicate, and find what it lets through."""
    matching = pattern.replace("*", "").replace("?", "é")

    async def main() -> None:
        async with opened(tmp_path) as store:
            for text in (matching, "other"):
                await store.add([plain(text, text, full_message=text, facility=text)])
            assert await store.count(node(f"{field}:{pattern}"), EVERYTHING) == 1

    run(main())


def test_a_message_that_cannot_be_indexed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is said which, and the others are found."""

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add([plain("a"), plain("b", note=[1]), plain("c")])  # type: ignore[arg-type]
            await store.add([plain("d")])
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["d", "c", "a"]
        assert "cannot be indexed" in caplog.text

    run(main())


def test_damage_before_it_was_indexed(tmp_path: Path) -> None:
    """What is damaged is not waited for; what comes then is found."""

    async def main() -> None:
        async with opened(tmp_path / "store", commit_seconds=0) as store:
            store._tasks[0].cancel()  # nothing is indexed
            await store.add([plain(f"m{index}", note=os.urandom(100).hex()) for index in range(1000)])
            await asyncio.to_thread(shutil.copytree, tmp_path / "store", tmp_path / "crashed")
        with sqlite3.connect(tmp_path / "crashed" / "p00000001" / "messages.sqlite") as connection:
            connection.execute("UPDATE blocks SET packed = x'00' WHERE first < (SELECT max(first) FROM blocks)")
        connection.close()
        async with opened(tmp_path / "crashed") as store:
            left = await store.count(node(), EVERYTHING)
            assert 0 < left < 1000
            assert store.pending == 0
            store._all.current.blocks.add([b"not a message"])
            assert await store.count(node(), EVERYTHING) == left
            assert (store.pending, store.unindexable) == (0, 1)
            await store.add([plain("new")])
            assert await store.count(node(), EVERYTHING) == left + 1

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
            await store.flush()  # a search after a flood does not wait for long
            assert await store.count(node(), EVERYTHING) == 3000

    run(main())


async def accepts(store: TantivyStore, batch: list[Message]) -> bool:
    """Whether a batch was taken, rather than to be offered again."""
    try:
        await store.add(batch)
    except Retry:
        return False
    return True


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.01)


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


@pytest.mark.parametrize(
    ("count", "text"), [pytest.param(21_000, "small", id="many"), pytest.param(80, "x" * 600_000, id="large")]
)
def test_a_burst_larger_than_one_step(tmp_path: Path, count: int, text: str) -> None:
    """Order, number and searches are the same."""

    async def main() -> None:
        async with opened(tmp_path) as store:
            payloads = [b'{"host":"h","short_message":"%s","_number":%d}' % (text.encode(), n) for n in range(count)]
            await store.add(decoded(*payloads))
            await store.flush()
            found = await store.search(node("number:[9 TO 11]"), EVERYTHING, sort=Sort("number", False))
            assert [message.fields["number"] for message in found.messages] == [9, 10, 11]
            assert await store.count(node(), EVERYTHING) == count

    run(main())


def test_scanning_large_messages_takes_few_at_a_time(tmp_path: Path) -> None:
    """Or an export of a few hundred would take gigabytes."""
    payload = b'{"host":"h","short_message":"%s"}' % (b"x" * 1_000_000)

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add(decoded(*[payload] * 60))
            sizes = [len(batch) async for batch in store.scan(node(), EVERYTHING)]
            assert sum(sizes) == 60
            assert max(sizes[1:]) <= 4

    run(main())


def test_a_page_of_large_messages_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The answer says what to do; it does not take the process with it."""
    monkeypatch.setattr("gelf_listener.store.searching._MAX_READ_BYTES", 5 * 2**20)
    payload = b'{"host":"h","short_message":"%s"}' % (b"x" * 2**20)

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add(decoded(*[payload] * 6))
            with pytest.raises(QueryError, match=r"more than 5 MiB; ask for fewer, or export them"):
                await store.search(node(), EVERYTHING)
            assert len((await store.search(node(), EVERYTHING, limit=4)).messages) == 4

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


def test_damage_among_what_was_saved_costs_what_is_damaged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Searches go on, and the log tells of it."""

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=0) as store:
            await store.add([plain(f"m{index} {random.random()}", note=os.urandom(200).hex()) for index in range(500)])
            await store.flush()
        with sqlite3.connect(tmp_path / "p00000001" / "messages.sqlite") as connection:
            connection.execute("UPDATE blocks SET packed = x'00' WHERE first = 0")
        connection.close()
        async with opened(tmp_path) as store:
            found = await store.search(node(), EVERYTHING, limit=1000)
            assert found.total == 500
            assert 100 < len(found.messages) < 400
        assert "are damaged" in caplog.text

    run(main())


@pytest.mark.parametrize("level", [-1, -(2**31), 8, 2**31, 2**63 - 1, 2**63, 2**64 - 1, 10**30, -(10**30)])
def test_a_level_that_is_not_a_severity_stops_nothing(tmp_path: Path, level: int) -> None:
    """It is found as the number it is, and so is everything that comes after it, also after reopening."""

    async def main() -> None:
        for _ in range(2):
            async with opened(tmp_path) as store:
                if not store.messages:
                    await store.add([plain("before", level=3), plain("odd", level=level), plain("after", level=6)])
                for query, expected in (
                    ("*", ["after", "odd", "before"]),
                    (f'level:"{level}"', ["odd"]),
                    (f"level:[{level} TO {level}]", ["odd"]),
                    ("level:<0", ["odd"] if level < 0 else []),
                    ("level:>7", ["odd"] if level > 7 else []),
                    ("level:[0 TO 7]", ["after", "before"]),
                    ("_exists_:level", ["after", "odd", "before"]),
                ):
                    assert texts((await store.search(node(query), EVERYTHING)).messages) == expected, query
                found = await store.search(node(), EVERYTHING, sort=Sort("level", False))
                assert len(found.messages) == 3
                assert (await store.aggregate(node(), EVERYTHING, [ValuesGroup("level")]))[0].messages == 1
                assert not store.missing()

    run(main())


def test_what_cannot_be_indexed_is_counted_and_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are found, whichever way the engine refuses it; it is not tried again at the next start."""
    monkeypatch.setattr(
        "gelf_listener.store.documents.document_of",
        lambda message, place, names: (
            '{"level":"poison"}' if message.short_message == "poison" else document_of(message, place, names)
        ),
    )

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=0) as store:
            await store.add([plain("a"), plain("poison"), plain("b")])
            await store.add([plain("c"), plain("poison")])
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["c", "b", "a"]
            assert (store.messages, store.pending, store.unindexable) == (5, 0, 2)
            assert store.missing().unindexable == 2
        async with opened(tmp_path) as store:
            assert store.unindexable == 2
            await store.add([plain("d")])
            assert await store.count(node(), EVERYTHING) == 4

    run(main())


def test_a_full_partition_with_a_backlog_costs_no_commits(tmp_path: Path) -> None:
    """A new one is begun, whether the index of the old one is finished or not."""

    async def main() -> None:
        async with opened(tmp_path, partition_messages=1000, commit_seconds=0) as store:
            async with store._index_lock:  # the index is far behind
                for first in range(0, 10_000, 500):
                    await store.add([plain(f"m{index}") for index in range(first, first + 500)])
                assert store.partitions == 11
                assert store.commits == 0
            await store.flush()  # a search in a flood answers without what takes too long
            assert await store.count(node(), EVERYTHING) == 10_000
            assert store.commits <= 11

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


@pytest.mark.parametrize("what", ["the store", "its contents", "the current partition"])
def test_files_that_are_removed_under_a_running_store(
    tmp_path: Path, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    """It says so, counts what is gone and goes on with new ones; what was not saved yet is not lost."""
    directory = tmp_path / "store"

    async def main() -> None:
        async with opened(directory, commit_seconds=60) as store:
            await store.add([plain("gone"), plain("gone")])
            await store.flush()
            await store.add([plain("kept")])
            for path in (directory / "p00000001",) if "partition" in what else tuple(directory.iterdir()):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
            if what == "the store":
                directory.rmdir()
            await store.add([plain("new")])
            assert sorted(texts((await store.search(node(), EVERYTHING)).messages)) == ["kept", "new"]
            assert (store.lost, store.messages) == (2, 2)
            assert "2 messages are gone" in caplog.text
            with pytest.raises(ConfigError, match="open in another process"):
                await store_at(directory).open()
        async with opened(directory) as store:
            assert await store.count(node(), EVERYTHING) == 2

    run(main())


def unpacked(vector: str, path: Path) -> Path:
    with tarfile.open(VECTORS / vector) as archive:
        archive.extractall(path, filter="data")
    return path


@pytest.mark.parametrize(
    ("vector", "indexing"),
    [("format-1", "thread"), ("format-1", "process"), ("format-3", "thread"), ("format-4", "thread")],
)
def test_a_store_of_an_earlier_format_is_brought_up_to_date(tmp_path: Path, vector: str, indexing: str) -> None:
    """
    A hundred messages in three partitions, seven deleted.

    Made by commits 6a152bc, with ten messages saved and not indexed, c23e711 and 4c337e2.
    """
    path = unpacked(f"{vector}.tar.xz", tmp_path)
    left = [number for number in range(100) if number not in (10, 11, 12, 13, 14, 39, 89)]

    async def main() -> None:
        for _ in range(2):
            async with opened(path, indexing=indexing) as store:
                assert store.messages in (93, 100)  # what was deleted is counted once the old index was asked
                async with asyncio.timeout(20):
                    while store.pending:
                        await asyncio.sleep(0.02)
                found = await store.search(node(), EVERYTHING, limit=1000, sort=Sort("number", False))
                assert [message.fields["number"] for message in found.messages] == left
                assert store.messages == 93
                assert not store.set_aside
                one = found.messages[50]
                again = await store.get(one.id)
                assert again is not None
                assert (again.host, again.peer, again.exact) == (one.host, Peer("127.0.0.1", 4711), True)
        assert not list(path.glob("p*/*.fast"))

    run(main())


def test_a_store_whose_index_is_as_it_is_now_keeps_it(tmp_path: Path) -> None:
    """A hundred messages of format 5 in three partitions, seven deleted, made by an earlier version."""
    path = unpacked("format-5.tar.xz", tmp_path)
    segments = sorted(path.glob("p*/index/*.idx"))
    left = [number for number in range(100) if number not in (10, 11, 12, 13, 14, 39, 89)]

    async def main() -> None:
        for more in (100, 101):
            async with opened(path, indexing="thread") as store:
                assert store.pending == 0
                await store.add([plain(number=more)])
                left.append(more)
                found = await store.search(node(), EVERYTHING, limit=1000, sort=Sort("number", False))
                assert [message.fields["number"] for message in found.messages] == left
        assert len(segments) == 3
        assert all(segment.exists() for segment in segments[:2])
        descriptions = [file.read_text() for file in path.glob("p*/partition.json")]
        assert [f'"format": {FORMAT}' in text for text in descriptions] == [True] * 3

    run(main())


def test_a_full_disk_when_nothing_comes_in_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot be noted for the next start is done without; what comes later is indexed all the same."""
    tried = threading.Event()

    def full(_: Partition) -> None:
        tried.set()
        raise OSError("the disk is full")

    monkeypatch.setattr(Schedule, "idle_seconds", 0.01)
    monkeypatch.setattr(Partition, "remember_indexed", full)

    async def main() -> None:
        async with opened(tmp_path) as store:
            for number in range(1, 3):
                await store.add([plain()])
                assert await store.count(node(), EVERYTHING) == number
                assert await asyncio.to_thread(tried.wait, 30)
                tried.clear()

    run(main())


@pytest.mark.parametrize(("hurry", "laid_out"), [(0, False), (10**12, True)])
def test_floods_are_saved_as_they_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hurry: int, laid_out: bool
) -> None:
    """Laying blocks out would take time that receiving needs; either way everything is found."""
    monkeypatch.setattr(partitions, "_HURRY_BYTES_A_SECOND", hurry)
    payload = b'{"version":"1.1","host":"h","short_message":"m","timestamp":1700000000,"_n":%d}'

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=0) as store:
            await store.add(decoded(*(payload % number for number in range(50))))
            found = await store.search(node("n:[10 TO 19]"), EVERYTHING)
            assert sorted(message.fields["n"] for message in found.messages) == list(range(10, 20))

    run(main())
    with sqlite3.connect(tmp_path / "p00000001" / "messages.sqlite") as connection:
        [(packed,)] = connection.execute("SELECT packed FROM blocks").fetchall()
    connection.close()
    assert isinstance(unpack_block(zstandard.decompress(packed)), Block) is laid_out


def test_after_a_flood_blocks_are_laid_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once nothing comes in; everything is found as before, and what comes then too."""
    monkeypatch.setattr(partitions, "_HURRY_BYTES_A_SECOND", 0)
    monkeypatch.setattr(Schedule, "idle_seconds", 0.01)
    payload = b'{"version":"1.1","host":"h","short_message":"m","timestamp":1700000000,"_n":%d}'

    def laid_out() -> bool:
        with sqlite3.connect(tmp_path / "p00000001" / "messages.sqlite") as connection:
            first = connection.execute("SELECT packed FROM blocks ORDER BY first").fetchone()
        connection.close()
        return first is not None and isinstance(unpack_block(zstandard.decompress(first[0])), Block)

    async def main() -> None:
        async with opened(tmp_path) as store:
            for total in (1500, 3000):
                await store.add(decoded(*(payload % number for number in range(1500))))
                async with asyncio.timeout(60):
                    while not await asyncio.to_thread(laid_out):
                        await asyncio.sleep(0.02)
                assert await store.count(node("host:h"), EVERYTHING) == total
                assert await store.count(node("n:7"), EVERYTHING) == total / 1500

    run(main())


def test_a_store_of_a_newer_format_is_refused(tmp_path: Path) -> None:
    """With the version that wrote it, and nothing is touched; also when only a partition says so."""

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add([plain()])
        (tmp_path / "store.json").write_text('{"format": 99, "version": "7.1.0"}')
        with pytest.raises(ConfigError, match=r"was written by gelf-listener 7\.1\.0 \(format 99\).*use that version"):
            await store_at(tmp_path).open()
        (tmp_path / "store.json").unlink()
        description = tmp_path / "p00000001" / "partition.json"
        before = description.read_text()
        description.write_text(before.replace(f'"format": {FORMAT}', '"format": 99'))
        with pytest.raises(ConfigError, match="format 99"):
            await store_at(tmp_path).open()
        description.write_text(before)
        async with opened(tmp_path) as store:
            assert await store.count(node(), EVERYTHING) == 1

    run(main())


def test_large_numbers_beside_others_lie_in_ranges(tmp_path: Path) -> None:
    """A column of small and large numbers has one type, which does not tell 2^63 from its neighbours."""

    async def main() -> None:
        async with opened(tmp_path) as store:
            values = [5, -1, 1.5, 2**63, 2**63 - 1, 10**30]
            await store.add([plain(str(value), n=value) for value in values])
            for high, wanted in ((10**30, 6), (10**29, 5), (2**63, 5), (2**63 - 1, 4)):
                assert await store.count(Range("n", None, str(high)), EVERYTHING) == wanted

    asyncio.run(main())
