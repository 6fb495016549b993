"""DiskBuffer and BatchFile: order, restarts, damage, full disks, limits, and who is told when what is safe."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Self

import pytest

from gelf_listener.buffers import disk
from gelf_listener.buffers.batch_file import FILE_NAME, BatchFile, CannotSave
from gelf_listener.buffers.disk import DiskBuffer
from gelf_listener.codec.gelf.lenient import read_fields
from gelf_listener.errors import ConfigError
from gelf_listener.lock import DirectoryLock, LockedError
from gelf_listener.message import Message, Peer
from gelf_listener.packing import Packer
from gelf_listener.settings import OutputSettings
from tests.unit.fakes import PEER, message

SECONDS = 20.0
Main = Callable[[], Coroutine[Any, Any, None]]


def run(main: Main) -> None:
    """In real time: a thread has work to do."""
    asyncio.run(asyncio.wait_for(main(), SECONDS))


class Opened:
    """A buffer that is open for a while, and can wait for what it does."""

    def __init__(self, path: Path, **settings: Any) -> None:
        self.buffer = DiskBuffer(path, OutputSettings(buffer="disk", **settings), Packer(read_fields))
        self.changes = 0
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        self.buffer.open(self._notice)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.buffer.close()

    def _notice(self) -> None:
        self.changes += 1
        self._changed.set()

    def put(self, *texts: str) -> list[Message]:
        messages = [message(text, text.encode()) for text in texts]
        self.buffer.put(messages.copy(), sum(len(text) for text in texts))
        return messages

    async def take(self, most: int = 100, most_bytes: int | None = None) -> list[Message]:
        """Wait until something is ready, and take it."""
        while not self.buffer.ready:
            self._changed.clear()
            await self._changed.wait()
        return self.buffer.take(most, most_bytes)

    async def safe(self) -> str | None:
        """Wait for the answer of `when_safe`."""
        answer: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self.buffer.when_safe(answer.set_result)
        return await answer

    async def until(self, condition: Callable[[], bool]) -> None:
        while not condition():
            await asyncio.sleep(0.005)


def texts(messages: list[Message]) -> list[str]:
    return [taken.short_message for taken in messages]


def rows(path: Path) -> list[tuple[int, int]]:
    """What is in the file: numbers of rows and of their messages."""
    with sqlite3.connect(path / FILE_NAME) as connection:
        return connection.execute("SELECT id, messages FROM batches ORDER BY id").fetchall()


def test_what_was_not_released_is_there_after_a_restart(tmp_path: Path) -> None:
    """With the id it had; what was released is gone."""

    async def main() -> None:
        async with Opened(tmp_path) as opened:
            sent = opened.put("a", "b")
            assert await opened.safe() is None
            first = await opened.take()
            sent += opened.put("c")
            assert await opened.safe() is None
            second = await opened.take()
            assert (texts(first), texts(second)) == (["a", "b"], ["c"])
            opened.buffer.release(first)
            assert len(opened.buffer) == 1
        async with Opened(tmp_path) as opened:
            again = await opened.take()
            assert [(found.short_message, found.id) for found in again] == [("c", sent[2].id)]
            opened.buffer.release(again)
            assert (len(opened.buffer), opened.buffer.bytes, opened.buffer.oldest_at) == (0, 0, None)
        assert rows(tmp_path) == []

    run(main)


def test_every_value_of_a_message_survives(tmp_path: Path) -> None:
    """Not only its text."""
    fields: dict[str, Any] = {"n": 1, "big": 1 << 80, "t": "ü", "y": True}
    given = Message(1.5, "web", "x", "long", 3, b"raw \xff", 2.5, "in", PEER, _fields=fields)

    async def main() -> None:
        async with Opened(tmp_path) as opened:
            opened.buffer.put([given], 5)
            assert await opened.safe() is None
        async with Opened(tmp_path) as opened:
            [found] = await opened.take()
            assert (found.id, found.document()) == (given.id, given.document())
            assert (found.raw, found.peer, found.input) == (given.raw, given.peer, given.input)
            assert found.received_at == given.received_at

    run(main)


def test_limits_of_a_batch(tmp_path: Path) -> None:
    """By count and by bytes; one that is longer comes alone; a row goes when its last part is released."""

    async def main() -> None:
        async with Opened(tmp_path) as opened:
            opened.put("aaaa", "bb", "cc", "dddddddddd", "e")
            assert await opened.safe() is None
            parts = [await opened.take(5, 6), await opened.take(5, 6), await opened.take(5, 6), await opened.take(5, 6)]
            assert [texts(part) for part in parts] == [["aaaa", "bb"], ["cc"], ["dddddddddd"], ["e"]]
            for part in reversed(parts[1:]):
                opened.buffer.release(part)
            assert (len(opened.buffer), len(rows(tmp_path))) == (5, 1)
            opened.buffer.release(parts[0])
            assert len(opened.buffer) == 0
            await opened.until(lambda: rows(tmp_path) == [])

    run(main)


def test_what_does_not_fit_into_memory_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In order, with everything counted, however rows are written, read, taken and released."""
    monkeypatch.setattr(disk, "_WINDOW_BYTES", 20_000)
    monkeypatch.setattr(disk, "_READ_BYTES", 4_000)
    monkeypatch.setattr(disk, "_ROW_MESSAGES", 7)

    async def main() -> None:
        async with Opened(tmp_path) as opened:
            wanted = []
            for start in range(0, 1000, 5):
                names = [f"{number:04}" for number in range(start, start + 5)]
                opened.put(*names)
                wanted += names
                if start % 100 == 0:
                    await opened.safe()
            assert await opened.safe() is None
            assert opened.buffer.ready < 200
            assert opened.buffer.oldest_at is not None
            found: list[str] = []
            while len(found) < len(wanted):
                taken = await opened.take(11)
                found += texts(taken)
                opened.buffer.release(taken)
                if len(wanted) == 1000 and len(found) > 200:
                    wanted += [f"{number:04}" for number in range(1000, 1005)]
                    opened.put(*wanted[1000:])
            assert found == wanted
        assert sum(count for _, count in rows(tmp_path)) <= 5

    run(main)


@pytest.mark.parametrize(("policy", "kept"), [("drop_newest", ["0", "1", "2"]), ("drop_oldest", ["7", "8", "9"])])
def test_dropping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str, kept: list[str]) -> None:
    """Never more than the limit once things have settled, and every message that went is counted."""
    monkeypatch.setattr(disk, "_ROW_MESSAGES", 1)

    async def main() -> None:
        async with Opened(tmp_path, max_buffer_messages=3, when_full=policy) as opened:
            for number in range(10):
                opened.put(str(number))
                assert await opened.safe() is None
            assert not opened.buffer.full
            assert (texts(await opened.take()), opened.buffer.dropped) == (kept, 7)

    run(main)


def test_a_flood_comes_first_and_costs_nobody_an_acknowledgement(tmp_path: Path) -> None:
    """Senders have no turns on disk: everything leaves as it came, but what an honest one sent is safe at once."""

    async def main() -> None:
        async with Opened(tmp_path) as opened:
            flood = [message("flood", peer=Peer("192.0.2.9", 1)) for _ in range(3000)]
            for at in range(0, 3000, 300):
                opened.buffer.put(flood[at : at + 300], 1500)
            opened.put("honest")
            safe = asyncio.get_running_loop().create_future()
            opened.buffer.when_safe(safe.set_result)
            assert await safe is None, "though nothing has been taken"
            assert (opened.buffer.greedy, opened.buffer.spares(PEER.host)) == (frozenset(), False)
            taken = 0
            while taken < 3000:
                batch = await opened.take(1000)
                taken += sum(each.short_message == "flood" for each in batch)
                assert [each.short_message for each in batch if each.short_message != "flood"] in ([], ["honest"])
            last = batch if batch[-1].short_message == "honest" else await opened.take(1000)
            assert last[-1].short_message == "honest"

    run(main)


def test_full_and_room_again(tmp_path: Path) -> None:
    """`block`: full at the limit, and who waits is told when there is room."""

    async def main() -> None:
        async with Opened(tmp_path, max_buffer_messages=3) as opened:
            opened.put("a", "b", "c")
            assert opened.buffer.full
            taken = await opened.take()
            assert opened.buffer.full, "what was taken is still on disk"
            before = opened.changes
            opened.buffer.release(taken)
            assert not opened.buffer.full
            assert opened.changes > before

    run(main)


def test_an_idle_buffer_gives_back_what_its_log_takes(tmp_path: Path) -> None:
    """Two of them took 32 MiB of a small disk for good, and a file beside them had no room to be written."""

    async def main() -> None:
        async with Opened(tmp_path) as opened:
            log = tmp_path / f"{FILE_NAME}-wal"
            longest = 0
            for _ in range(100):
                opened.put("x" * 20_000)
                opened.buffer.release(await opened.take())
                longest = max(longest, log.stat().st_size)
            opened.put("left")
            assert longest > 1024 * 1024
            while log.stat().st_size > 1024 * 1024:
                await asyncio.sleep(0.01)
            assert [each.short_message for each in await opened.take()] == ["left"]
        async with Opened(tmp_path) as opened:
            assert [each.short_message for each in await opened.take()] == ["left"]

    run(main)


def test_a_full_disk(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Who waits is told; messages go on, in order; once there is room, what still waits is saved."""

    async def main() -> None:
        async with Opened(tmp_path) as opened:
            opened.put("a")
            assert await opened.safe() is None
            connection = opened.buffer._file._connection
            full = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {full}")
            opened.put("b" * 100_000)
            assert "full" in (await opened.safe() or "")
            assert "full" in opened.buffer.problem
            opened.put("c")
            first = await opened.take()
            assert [text[:1] for text in texts(first)] == ["a", "b", "c"]
            opened.buffer.release(first)
            opened.put("d" * 100_000)
            assert "full" in (await opened.safe() or "")
            connection.execute("PRAGMA max_page_count = 100000")
            assert await opened.safe() is None
            assert opened.buffer.problem == ""
        async with Opened(tmp_path) as opened:
            assert [text[:1] for text in texts(await opened.take())] == ["d"]

    with caplog.at_level(logging.ERROR):
        run(main)
    assert "full" in caplog.text


def test_a_full_disk_and_more_than_memory_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What went on unsaved, and is saved later, is not read again with what was left on disk alone."""
    monkeypatch.setattr(disk, "_WINDOW_BYTES", 2000)

    async def main() -> None:
        async with Opened(tmp_path, batch=1) as opened:
            assert await opened.safe() is None
            connection = opened.buffer._file._connection
            full = connection.execute("PRAGMA page_count").fetchone()[0]
            connection.execute(f"PRAGMA max_page_count = {full}")
            sent = [f"{number:03}".ljust(100_000 if number == 0 else 500) for number in range(20)]
            for text in sent:
                opened.put(text)
            assert "full" in (await opened.safe() or "")
            connection.execute("PRAGMA max_page_count = 100000")
            assert await opened.safe() is None
            assert opened.buffer.ready < 20, "the rest is on disk alone"
            held = [await opened.take(1) for _ in sent]  # read again while the first is still in the file
            assert [text for taken in held for text in texts(taken)] == sent
            for taken in held:
                opened.buffer.release(taken)
            assert (opened.buffer.messages, opened.buffer.bytes, opened.buffer.ready) == (0, 0, 0)
            opened.put("last")
            assert texts(await opened.take()) == ["last"]

    run(main)


def test_a_full_disk_at_the_end(tmp_path: Path) -> None:
    """What could not be saved is told as lost."""

    async def main() -> None:
        opened = Opened(tmp_path)
        opened.buffer.open(lambda: None)
        assert await opened.safe() is None
        connection = opened.buffer._file._connection
        connection.execute("PRAGMA max_page_count = 1")
        opened.put("b" * 100_000, "c")
        assert await opened.buffer.close() == 2
        assert await opened.buffer.close() == 0

    run(main)


def test_a_file_that_is_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is set aside, and the buffer works."""
    (tmp_path / FILE_NAME).write_bytes(b"this is not a database" * 1000)

    async def main() -> None:
        async with Opened(tmp_path) as opened:
            opened.put("a")
            assert await opened.safe() is None
            assert texts(await opened.take()) == ["a"]
            assert opened.buffer.damaged == 1

    with caplog.at_level(logging.ERROR):
        run(main)
    assert "set aside" in caplog.text
    assert len(list(tmp_path.glob("*.damaged-*"))) == 1


def test_a_damaged_row(tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is set aside with its bytes; those before and after it are there, and the counts fit."""
    monkeypatch.setattr(disk, "_ROW_MESSAGES", 1)

    async def main() -> None:
        async with Opened(tmp_path) as opened:
            for text in "abc":
                opened.put(text)
                assert await opened.safe() is None
        with sqlite3.connect(tmp_path / FILE_NAME) as connection:
            connection.execute("UPDATE batches SET packed = x'726f74' WHERE id = 2")
        async with Opened(tmp_path) as opened:
            await opened.until(lambda: opened.buffer.ready == 2)
            assert texts(await opened.take()) == ["a", "c"]
            await opened.until(lambda: (len(opened.buffer), opened.buffer.damaged) == (2, 1))

    with caplog.at_level(logging.ERROR):
        run(main)
    [aside] = tmp_path.glob("damaged-row-2-*.msgpack")
    assert aside.read_bytes() == b"rot"


def test_a_damaged_file(tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is overwritten in the middle: the buffer goes on, and offers nothing twice, nothing that was not put."""
    monkeypatch.setattr(disk, "_ROW_MESSAGES", 1)
    wanted = [f"{number:03}" + "x" * 5000 for number in range(100)]

    async def main() -> None:
        async with Opened(tmp_path) as opened:
            for text in wanted:
                opened.put(text)
                assert await opened.safe() is None
        path = tmp_path / FILE_NAME
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        content = bytearray(path.read_bytes())
        middle = len(content) // 2 // 16384 * 16384
        content[middle : middle + 4096] = b"\xff" * 4096
        path.write_bytes(content)
        async with Opened(tmp_path) as opened:
            found: list[str] = []
            opened.put("last")
            while "last" not in found:
                taken = await opened.take()
                found += texts(taken)
                opened.buffer.release(taken)
            assert opened.buffer.damaged >= 1
            assert found == [text for text in [*wanted, "last"] if text in found]
            assert len(found) > 20
            assert len(opened.buffer) == 0

    with caplog.at_level(logging.ERROR):
        run(main)
    assert "set aside" in caplog.text


def test_a_damaged_file_on_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    """What can be read of it is taken over as soon as there is room; once, and nothing is lost meanwhile."""
    resource = pytest.importorskip("resource", reason="limits the size of files")
    file = BatchFile(tmp_path, "batch", Packer(read_fields))
    file.open()
    for text in ("a", "b", "c"):
        file.apply([([message(text, text.encode())], 1)], [])
    file._set_aside(sqlite3.DatabaseError("as if"))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
    try:
        for _ in range(2):
            with pytest.raises(CannotSave):
                file.read(0, 10, 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [texts(saved.messages) for saved in file.read(0, 10, 1000)] == [["a"], ["b"], ["c"]]
    assert file.apply([([message("d")], 1)], [1]) == [4]
    file.close()
    assert rows(tmp_path) == [(2, 1), (3, 1), (4, 1)]
    assert file.damaged_files == 1


def test_one_owner(tmp_path: Path) -> None:
    """A process that is not ours keeps us out; a predecessor of our own is waited for."""
    lock = DirectoryLock(tmp_path, "buffer", "stop it")
    lock.acquire()

    async def main() -> None:
        async with Opened(tmp_path) as opened:
            opened.put("a")
            await asyncio.sleep(0.05)
            assert opened.buffer.ready == 0
            lock.release()
            assert texts(await opened.take()) == ["a"]

    run(main)
    lock.acquire()
    (tmp_path / "lock").write_text("1\n")

    async def other() -> None:
        with pytest.raises(LockedError, match="pid 1"):
            Opened(tmp_path).buffer.open(lambda: None)

    run(other)
    lock.release()


def test_a_successor_that_cannot_open_the_file_at_first(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It tells who waits, goes on trying, and keeps what it was given in order."""
    lock = DirectoryLock(tmp_path, "buffer", "stop it")
    lock.acquire()
    (tmp_path / FILE_NAME).mkdir()

    async def main() -> None:
        async with Opened(tmp_path) as opened:
            opened.put("a")
            lock.release()
            assert "cannot be opened" in (await opened.safe() or "")
            assert "cannot be opened" in opened.buffer.problem
            assert opened.buffer.ready == 0, "nobody knows yet what has its turn before it"
            (tmp_path / FILE_NAME).rmdir()
            opened.put("b")
            assert texts(await opened.take(2)) == ["a", "b"]
            assert (await opened.safe(), opened.buffer.problem) == (None, "")

    with caplog.at_level(logging.ERROR):
        run(main)
    assert "trying again" in caplog.text


def test_a_later_version(tmp_path: Path) -> None:
    """Is left alone."""
    with sqlite3.connect(tmp_path / FILE_NAME) as connection:
        connection.execute("PRAGMA user_version = 99")

    async def main() -> None:
        with pytest.raises(ConfigError, match="later version"):
            Opened(tmp_path).buffer.open(lambda: None)

    run(main)


def test_closing_without_ever_being_opened(tmp_path: Path) -> None:
    """An output that failed to start has a buffer that was not opened, or not yet."""
    lock = DirectoryLock(tmp_path, "buffer", "stop it")
    lock.acquire()

    async def main() -> None:
        async with Opened(tmp_path) as opened:
            opened.put("a")
            assert await opened.buffer.close() == 1
        assert await Opened(tmp_path / "other").buffer.close() == 0

    run(main)
    lock.release()


@pytest.mark.parametrize("sync", ["batch", "interval", "os"])
def test_sync_policies(tmp_path: Path, sync: str) -> None:
    """All keep what was put; `interval` syncs by itself."""

    async def main() -> None:
        async with Opened(tmp_path, buffer_sync=sync, buffer_sync_seconds=0.02) as opened:
            opened.put("a")
            assert await opened.safe() is None
            if sync == "interval":
                await opened.until(lambda: not opened.buffer._unsynced)
        assert [count for _, count in rows(tmp_path)] == [1]

    run(main)
