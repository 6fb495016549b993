"""
Tally: which messages a subject wrote, read from its output file.

Counts serials, not lines, so a line broken in two or a message written twice shows.
"""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import NamedTuple

__all__ = ["FileTally", "Tallied"]

_MARK = b'serial"'
_BLOCK = 8 << 20
_PUNCH_HOLE_KEEP_SIZE = 0x02 | 0x01
_LIBC = ctypes.CDLL(None, use_errno=True)


class Tallied(NamedTuple):
    """Messages seen, and how many of them were different."""

    messages: int
    distinct: int


class FileTally:
    """
    Reads what was appended to a file since last time.

    What was read is punched out of the file, so that minutes of output neither fill the disk nor keep it busy.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0

    def size(self) -> int:
        """Return the file's length; it stops growing when the subject is done."""
        return self.path.stat().st_size if self.path.exists() else 0

    def take(self) -> Tallied:
        """Count what is new."""
        if not self.path.exists():
            return Tallied(0, 0)
        seen: set[int] = set()
        messages = 0
        with self.path.open("r+b") as file:
            file.seek(self._offset)
            carry = b""
            while block := file.read(_BLOCK):
                pieces = (carry + block).split(_MARK)
                # The last piece may be cut within a mark or its digits: it waits for the next block.
                carry = _MARK + pieces[-1] if len(pieces) > 1 else pieces[-1]
                serials = [_serial(piece) for piece in pieces[1:-1]]
                messages += len(serials)
                seen.update(serials)
            for piece in carry.split(_MARK)[1:]:
                messages += 1
                seen.add(_serial(piece))
            end = file.tell()
            start = ctypes.c_int64(self._offset)
            _LIBC.fallocate(file.fileno(), _PUNCH_HOLE_KEEP_SIZE, start, ctypes.c_int64(end - self._offset))
            self._offset = end
        return Tallied(messages, len(seen))


def _serial(piece: bytes) -> int:
    """Read the digits after the mark: `:"0000000123"`, or with spaces as some peers write it."""
    return int(piece[2:12]) if piece[1:2] == b'"' else int(piece.split(b'"', 2)[1])
