"""The embedded store: the contract, and what it does beyond: files, partitions, retention, trouble."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.errors import ConfigError, QueryError, Retry
from gelf_listener.message import Message
from gelf_listener.store import Store
from gelf_listener.store.parameters import EVERYTHING, Sort
from gelf_listener.store.tantivy_store import TantivyStore
from tests.unit.store.contract import StoreContract, node, texts
from tests.unit.store.samples import START, decoded, plain


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
            await store.flush()
            await store.add([plain("c")])
        (tmp_path / "p00000001" / victim).write_bytes(b"\x00garbage")
        async with opened(tmp_path) as store:
            assert texts((await store.search(node(), EVERYTHING)).messages) == ["c"]
            assert len(store.set_aside) == 1
            assert (Path(store.set_aside[0]) / victim).read_bytes() == b"\x00garbage"

    run(main())


def test_a_partition_that_cannot_be_opened_now_is_not_taken_for_damaged(tmp_path: Path) -> None:
    """It is there when the trouble is over."""

    async def main() -> None:
        async with opened(tmp_path) as store:
            await store.add([plain("a")])
        file = tmp_path / "p00000001" / "messages.sqlite"
        aside = file.rename(tmp_path / "aside")
        file.mkdir()  # SQLite cannot open it, as when the disk is full
        with pytest.raises(ConfigError, match="unable to open"):
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
        (tmp_path / "p00000001" / "meta.json").write_bytes(b"")
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
                await store._write(store._all.retain)
                now += day
            left = texts((await store.search(node(), EVERYTHING)).messages)
            assert left[0] == "day 19"
            assert 7 <= len(left) <= 9
            assert store.evicted == 20 - len(left)
            now += 300 * day
            await store._write(store._all.retain)
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
                await store._write(store._all.retain)
                newest = await store.search(node(), EVERYTHING, limit=1)
                assert newest.messages[0].short_message.startswith(f"m{step} ")
                assert newest.total + store.evicted == (step + 1) * 50
            assert store.evicted > 200
            assert newest.total > 200

    run(main())


@pytest.mark.parametrize("commit_seconds", [0, 60])
def test_a_full_disk_loses_nothing_and_doubles_nothing(tmp_path: Path, commit_seconds: float) -> None:
    """What cannot be committed is kept and added again; the runner offers the batch that failed again."""

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=commit_seconds) as store:
            await store.add([plain("before")])
            await store.flush()
            if commit_seconds:
                await store.add([plain("meanwhile")])
            assert (await store.search(node("before"), EVERYTHING)).total == 1
            partition = store._all.current
            partition._known = ""
            aside = tmp_path / "aside"
            partition.path.rename(aside)  # nothing can be written where the partition was
            batch = [plain(f"m{index}") for index in range(700)]
            taken = await accepts(store, batch)
            if taken:
                with pytest.raises(Retry, match="cannot write"):
                    await store.flush()
            assert texts((await store.search(node("before"), EVERYTHING)).messages) == ["before"]
            aside.rename(partition.path)
            if not taken:
                await store.add(batch)
            await store.add([plain("after")])
            expected = 702 + bool(commit_seconds)
            assert await store.count(node(), EVERYTHING) == expected
            assert await store.count(node("m699"), EVERYTHING) == 1

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
            partition = store._all.current
            partition._blocks.add(partition._blocks.last + 1, b"no message")
            partition._forget_waiting()
            store._order += 1
            assert await store.count(node(), EVERYTHING) == left
            assert store.pending == 0
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
    async with asyncio.timeout(10):
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
    ("count", "text"), [pytest.param(51_000, "small", id="many"), pytest.param(80, "x" * 600_000, id="large")]
)
def test_a_burst_larger_than_memory_for_the_index(tmp_path: Path, count: int, text: str) -> None:
    """The index reads the rest from disk; order, number and searches are the same."""

    async def main() -> None:
        async with opened(tmp_path) as store:
            store._tasks[0].cancel()  # nothing is indexed before somebody asks
            payloads = [b'{"host":"h","short_message":"%s","_number":%d}' % (text.encode(), n) for n in range(count)]
            await store.add(decoded(*payloads))
            assert not store._all.current._in_memory
            await store.flush()
            found = await store.search(node("number:[9 TO 11]"), EVERYTHING, sort=Sort("number", False))
            assert [message.fields["number"] for message in found.messages] == [9, 10, 11]
            assert await store.count(node(), EVERYTHING) == count
            assert store._all.current._in_memory

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
            assert 300 < len(found.messages) < 500
        assert "are damaged" in caplog.text

    run(main())
