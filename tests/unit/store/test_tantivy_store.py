"""The embedded store: the contract, and what it does beyond: files, partitions, retention, trouble."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import threading
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
import zstandard

from gelf_listener.errors import ConfigError, QueryError, Retry
from gelf_listener.query.nodes import Range
from gelf_listener.store import Store, partitions
from gelf_listener.store.blocks import Blocks
from gelf_listener.store.parameters import EVERYTHING, Sort
from gelf_listener.store.partition import Partition
from gelf_listener.store.schedule import Schedule
from gelf_listener.store.tables import Block, unpack_block
from tests.unit.store.contract import StoreContract, node, texts
from tests.unit.store.embedded import accepts, opened, run, store_at, until
from tests.unit.store.samples import decoded, plain


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
    monkeypatch.setattr(Blocks, "lay_out", lambda _: False)
    payload = b'{"version":"1.1","host":"h","short_message":"m","timestamp":1700000000,"_n":%d}'

    async def main() -> None:
        async with opened(tmp_path, commit_seconds=0) as store:
            await store.add(decoded(*(payload % number for number in range(1500))))
            found = await store.search(node("n:[10 TO 19]"), EVERYTHING)
            assert sorted(message.fields["n"] for message in found.messages) == list(range(10, 20))

    run(main())
    with sqlite3.connect(tmp_path / "p00000001" / "messages.sqlite") as connection:
        blocks = connection.execute("SELECT packed FROM blocks ORDER BY first").fetchall()
    connection.close()
    found = [isinstance(unpack_block(zstandard.decompress(packed)), Block) for (packed,) in blocks]
    assert found == [laid_out, False]  # the last one is not full


@pytest.mark.parametrize("idle_seconds", [0.01, 1000.0])
def test_after_a_flood_blocks_are_laid_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, idle_seconds: float
) -> None:
    """Once little or nothing comes in; everything is found as before, and what comes then too."""
    monkeypatch.setattr(partitions, "_HURRY_BYTES_A_SECOND", 0)
    monkeypatch.setattr(Schedule, "idle_seconds", idle_seconds)
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


def test_large_numbers_beside_others_lie_in_ranges(tmp_path: Path) -> None:
    """A column of small and large numbers has one type, which does not tell 2^63 from its neighbours."""

    async def main() -> None:
        async with opened(tmp_path) as store:
            values = [5, -1, 1.5, 2**63, 2**63 - 1, 10**30]
            await store.add([plain(str(value), n=value) for value in values])
            for high, wanted in ((10**30, 6), (10**29, 5), (2**63, 5), (2**63 - 1, 4)):
                assert await store.count(Range("n", None, str(high)), EVERYTHING) == wanted

    asyncio.run(main())
