"""
Followed: one file that others write to, read as it grows.

Laws:

* A file is what the system says it is (device and inode), not its name: one that was renamed is read to its end.
* A file that is shorter than what was read of it, or begins otherwise than it did, was truncated (`copytruncate`) and
  is read from its beginning. What was written between the last read and the truncation is lost.
* NULs at the beginning of a truncated file are a hole that its writer left; they are skipped.
"""

from __future__ import annotations

import contextlib
import os
import stat
from typing import NamedTuple

HEAD_BYTES = 256
"""So much of the beginning tells a file from another one that has its inode."""

Identity = tuple[int, int]
"""Device and inode."""


class Piece(NamedTuple):
    """
    What one read gave.

    Attributes:
        data: Bytes that are new.
        truncated: Whether the file began again before them.
    """

    data: bytes
    truncated: bool


class Followed:
    """
    An open file.

    Args:
        path: Where it was found; the first of several.
        file: Its descriptor, owned from now on.
        offset: How much of it was read before.
        head: How it began then.
    """

    def __init__(self, path: str, file: int, offset: int = 0, head: bytes = b"") -> None:
        found = os.fstat(file)
        self.path = path
        self.identity: Identity = (found.st_dev, found.st_ino)
        self.offset = offset
        self.head = head
        self.generation = 0
        """How often it was truncated."""
        self.left_at: float | None = None
        """Since when its path is gone or another file's."""
        self._file = file
        self._changed = -1
        self._at_start = offset == 0

    @classmethod
    def open(cls, path: str) -> Followed | None:
        """Open a regular file; None for anything else, which may never end or block."""
        file = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        if not stat.S_ISREG(os.fstat(file).st_mode):
            os.close(file)
            return None
        return cls(path, file)

    def resume(self, offset: int, head: bytes) -> bool:
        """Go on where it was left, if it still begins as it did then; return whether it does."""
        if offset > os.fstat(self._file).st_size or self._read_at(0, len(head)) != head:
            return False
        self.offset, self.head = offset, head
        self._at_start = offset == 0
        return True

    def skip_to_end(self) -> None:
        """Read only what is appended from now on."""
        self.offset = os.fstat(self._file).st_size
        self._at_start = False
        self._take_head()

    def rewind(self, offset: int) -> None:
        """Read again from a place that was read before."""
        self.offset = offset
        self._at_start = offset == 0
        self._changed = -1

    def read(self, most: int) -> Piece | None:
        """Read what is new; None when nothing is."""
        found = os.fstat(self._file)
        truncated = False
        if found.st_size < self.offset or (found.st_mtime_ns != self._changed and not self._begins_as_before()):
            truncated = True
            self.generation += 1
            self.offset = self._beginning()
            self.head = b""
            self._at_start = True
        self._changed = found.st_mtime_ns
        if found.st_size <= self.offset:
            return Piece(b"", truncated) if truncated else None
        data = self._read_at(self.offset, most)
        self.offset += len(data)
        if self._at_start:
            data = data.lstrip(b"\0")
            self._at_start = not data
        self._take_head()
        return Piece(data, truncated) if data or truncated else None

    @property
    def at_end(self) -> bool:
        """Whether everything was read."""
        return os.fstat(self._file).st_size <= self.offset

    def close(self) -> None:
        """Close the file. May be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _begins_as_before(self) -> bool:
        return not self.head or self._read_at(0, len(self.head)) == self.head

    def _take_head(self) -> None:
        if len(self.head) < HEAD_BYTES and self.offset > len(self.head):
            self.head = self._read_at(0, min(HEAD_BYTES, self.offset))

    def _beginning(self) -> int:
        """Return where data begins: behind the hole that a writer leaves who goes on where it was."""
        if hasattr(os, "SEEK_DATA"):
            with contextlib.suppress(OSError):  # nothing but a hole, or a file system without them
                return os.lseek(self._file, 0, os.SEEK_DATA)
        return 0

    def _read_at(self, offset: int, most: int) -> bytes:
        os.lseek(self._file, offset, os.SEEK_SET)
        return os.read(self._file, most) if most else b""
