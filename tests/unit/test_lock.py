"""DirectoryLock where the disk has no room for a few digits."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from gelf_listener.errors import ConfigError
from gelf_listener.lock import DirectoryLock, LockedError


def test_a_full_disk_does_not_keep_from_locking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is buffered there must be read to make room; that nobody is told who has it is a small loss."""
    (tmp_path / "lock").write_text("4711\n")

    def no_room(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "pwrite", no_room)
    lock = DirectoryLock(tmp_path, "buffer", "wait")
    lock.acquire()
    assert lock.held()
    assert (tmp_path / "lock").read_text() == ""
    with pytest.raises(LockedError, match="is open in another process"):
        DirectoryLock(tmp_path, "buffer", "wait").acquire()
    lock.release()


def test_other_errors_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pwrite", broken)
    with pytest.raises(ConfigError, match="cannot be opened: Input/output error"):
        DirectoryLock(tmp_path, "buffer", "wait").acquire()


def test_the_holder_is_named_whoever_had_it_before(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("12345678901\n")
    lock = DirectoryLock(tmp_path, "buffer", "wait")
    lock.acquire()
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    lock.release()
