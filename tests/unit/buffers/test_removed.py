"""A buffer on disk whose directory, file or lock is removed, moved or replaced while it is open."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from gelf_listener.buffers import disk
from gelf_listener.buffers.batch_file import FILE_NAME, BatchFile, CannotSave
from gelf_listener.lock import DirectoryLock, LockedError
from tests.unit.buffers.test_disk import Opened, run, texts


@pytest.fixture(autouse=True)
def look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for the directory in a moment rather than in a second."""
    monkeypatch.setattr(disk, "_LOOK_SECONDS", 0.02)


def on_disk(path: Path) -> int:
    try:
        return BatchFile.peek(path).messages
    except CannotSave:  # it is not there, or is just being made
        return 0


@pytest.mark.parametrize("what", ["directory", "file", "log"])
def test_what_was_there_is_made_again(tmp_path: Path, what: str) -> None:
    """While it is idle, with what was taken and what was not; and what is put then is safe where it belongs."""
    path = tmp_path / "buffer"

    async def main() -> None:
        async with Opened(path) as opened:
            opened.put("a", "b")
            assert await opened.safe() is None
            taken = await opened.take(1)
            if what == "directory":
                shutil.rmtree(path)
            else:
                (path / (FILE_NAME if what == "file" else f"{FILE_NAME}-wal")).unlink()
            await opened.until(lambda: on_disk(path) == 2)
            opened.put("c")
            assert await opened.safe() is None
            assert on_disk(path) == 3
            opened.buffer.release(taken)
        async with Opened(path) as opened:
            await opened.until(lambda: opened.buffer.ready == 3)
            assert texts(opened.buffer.take(9)) == ["a", "b", "c"], "the batch of a is done only as a whole"

    run(main)


def test_what_only_the_disk_has_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not fit into memory is read from the file that was removed."""
    monkeypatch.setattr(disk, "_WINDOW_BYTES", 1)
    path = tmp_path / "buffer"

    async def main() -> None:
        async with Opened(path) as opened:
            for number in range(20):
                opened.put(f"{number}")
                assert await opened.safe() is None
            shutil.rmtree(path)
            await opened.until(lambda: on_disk(path) == 20)
            got: list[str] = []
            while len(got) < 20:
                got += texts(await opened.take(1))
            assert got == [f"{number}" for number in range(20)]

    run(main)


def test_nothing_is_safe_until_it_is_made_again(tmp_path: Path) -> None:
    """While its place is taken by a file, whoever waits is told so, and the buffer is shown as failing."""
    path = tmp_path / "buffer"

    async def main() -> None:
        async with Opened(path) as opened:
            opened.put("a")
            assert await opened.safe() is None
            shutil.rmtree(path)
            path.write_text("in the way")
            opened.put("b")
            assert "cannot be opened" in (await opened.safe() or "")
            assert opened.buffer.problem
            path.unlink()
            await opened.until(lambda: on_disk(path) == 2)
            await opened.until(lambda: not opened.buffer.problem)
            opened.put("c")
            assert await opened.safe() is None

    run(main)


def test_what_cannot_be_made_again_is_lost_at_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Counted, and not called kept."""
    path = tmp_path / "buffer"

    async def main() -> None:
        async with Opened(path) as opened:
            opened.put("a", "b")
            assert await opened.safe() is None
            shutil.rmtree(path)
            path.write_text("in the way")
            assert await opened.buffer.close() == 2
            assert opened.buffer.messages == 0

    run(main)
    assert "2 messages are lost" in caplog.text


def test_a_directory_that_was_moved_keeps_nothing(tmp_path: Path) -> None:
    """What went back into place is not delivered from where it was moved to as well."""
    path, moved = tmp_path / "buffer", tmp_path / "moved"

    async def main() -> None:
        async with Opened(path) as opened:
            opened.put("a")
            assert await opened.safe() is None
            path.rename(moved)
            await opened.until(lambda: on_disk(path) == 1)
            await opened.until(lambda: on_disk(moved) == 0)

    run(main)


def test_another_file_in_its_place(tmp_path: Path) -> None:
    """Is set aside, and not written into."""
    path = tmp_path / "buffer"

    async def main() -> None:
        async with Opened(path) as opened:
            opened.put("a")
            assert await opened.safe() is None
            shutil.rmtree(path)
            path.mkdir()
            (path / FILE_NAME).write_text("somebody else's")
            await opened.until(lambda: bool(list(path.glob(f"{FILE_NAME}.found-*"))))
            await opened.until(lambda: on_disk(path) == 1)

    run(main)


def test_a_lock_file_that_was_removed(tmp_path: Path) -> None:
    """Lets nobody else in, and comes back."""

    async def main() -> None:
        async with Opened(tmp_path) as opened:
            opened.put("a")
            assert await opened.safe() is None
            (tmp_path / "lock").unlink()
            with pytest.raises(LockedError):
                DirectoryLock(tmp_path, "buffer", "").acquire()
            (tmp_path / "lock").unlink(missing_ok=True)
            await opened.until(lambda: (tmp_path / "lock").exists())
            await opened.until(lambda: (tmp_path / "lock").read_text() == f"{os.getpid()}\n")
            assert not opened.buffer.problem

    run(main)


def test_a_symlink_to_a_directory_that_is_locked(tmp_path: Path) -> None:
    """Is the same directory."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    lock = DirectoryLock(tmp_path / "real", "buffer", "")
    lock.acquire()
    (tmp_path / "real" / "lock").unlink()
    with pytest.raises(LockedError, match="open in another process"):
        DirectoryLock(tmp_path / "link", "buffer", "").acquire()
    lock.release()
    again = DirectoryLock(tmp_path / "link", "buffer", "")
    again.acquire()
    assert again.held()
    again.release()
    assert not again.held()


def test_an_owner_of_an_earlier_version_took_the_place(tmp_path: Path) -> None:
    """Which locks the file alone: nothing is called safe any more."""
    fcntl = pytest.importorskip("fcntl")

    async def main() -> None:
        async with Opened(tmp_path) as opened:
            opened.put("a")
            assert await opened.safe() is None
            (tmp_path / "lock").unlink()
            other = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.write(other, b"1\n")
            opened.put("b")
            assert "pid 1" in (await opened.safe() or "")
            os.close(other)
            await opened.until(lambda: not opened.buffer.problem)
            assert await opened.safe() is None

    run(main)
