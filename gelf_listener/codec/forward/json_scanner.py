"""JSON scanner: where an array or an object ends in a stream, for clients that speak the forward protocol in JSON."""

from __future__ import annotations

import re

from gelf_listener.codec.forward.scanner import MAX_DEPTH
from gelf_listener.errors import Reason, Rejected

_MARK = re.compile(rb'["\[\]{}]')
_IN_TEXT = re.compile(rb'["\\]')


class JsonScanner:
    """
    Finds the end of one array or object after another in data that grows at its end.

    Args:
        max_bytes: Longest one.
    """

    __slots__ = ("_at", "_depth", "_in_text", "max_bytes")

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self._at = 0
        """How far it was looked at, from its start."""
        self._depth = 0
        self._in_text = False

    def end(self, data: bytes | bytearray, start: int) -> int:
        """
        Return where what begins at `start` ends; 0 when its end has not come.

        Raises:
            Rejected: If it is too long or nested too deep.
        """
        at, size = start + self._at, len(data)
        while at < size:
            match = (_IN_TEXT if self._in_text else _MARK).search(data, at)
            if match is None:
                at = size
                break
            mark = match[0]
            if mark == b"\\":
                if match.end() == size:
                    at = match.start()
                    break
                at = match.end() + 1
                continue
            at = match.end()
            if mark == b'"':
                self._in_text = not self._in_text
                continue
            self._depth += 1 if mark in b"[{" else -1
            if self._depth > MAX_DEPTH:
                raise Rejected(Reason.TOO_COMPLEX, f"JSON nested deeper than {MAX_DEPTH}", data[start:at])
            if not self._depth:
                self._check(data, start, at)
                self._at = 0
                return at
        self._at = at - start
        self._check(data, start, size)
        return 0

    def _check(self, data: bytes | bytearray, start: int, end: int) -> None:
        """Refuse what is too long, whether it has come to its end or not: that depends on how it was read."""
        if end - start > self.max_bytes:
            raise Rejected(Reason.FRAME_TOO_LARGE, f"JSON longer than {self.max_bytes} bytes", data[start:end])
