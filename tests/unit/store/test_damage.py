"""Damage of an embedded store: files that are broken or gone, and messages that cannot be read or indexed."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest

from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.errors import ConfigError, Retry
from gelf_listener.query.nodes import Node
from gelf_listener.store.indexer import Indexer, Order, Report
from gelf_listener.store.parameters import EVERYTHING, Sort, Span, ValuesGroup
from gelf_listener.store.schema import document_of
from gelf_listener.store.tantivy_search import TantivySearch
from tests.unit.store.contract import node, texts
from tests.unit.store.embedded import counted, opened, run, store_at, until
from tests.unit.store.samples import plain


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
