"""
Lines -> Message: what a service writes to standard output and standard error, as a stream of bytes.

Here lines are cut; what a line means is the reader's (see `reader`).
"""

from __future__ import annotations

import datetime as dt

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.text.origin import Origin
from gelf_listener.codec.text.reader import TextReader
from gelf_listener.message import FieldValue


class LineDecoder:
    """
    Decodes one stream of lines.

    Guarantee: every line that is not blank is in exactly one message.

    Args:
        host: On messages that do not name theirs.
        level: Of text that does not say: 6, or 3 for standard error, as Docker has it.
        input: Name put on messages.
        fields: On messages that are not GELF documents.
        zone: Of times without an offset; None: this machine's.
        charset: Of lines that are not UTF-8; empty: none.
        max_line_bytes: A longer line is cut into several.
        max_join_bytes: Most bytes of a trace that is joined.
        join_seconds: How long a line waits for the next.
    """

    def __init__(
        self,
        host: str,
        level: int = 6,
        *,
        input: str = "",
        fields: dict[str, FieldValue] | None = None,
        zone: dt.tzinfo | None = None,
        charset: str = "",
        max_line_bytes: int = 256 * 1024,
        max_join_bytes: int = 256 * 1024,
        join_seconds: float = 0.1,
    ) -> None:
        self._max_line_bytes = max_line_bytes
        self._charset = charset
        self._partial = b""
        self._origin = Origin(host, level, dict(fields or {}))
        self._reader = TextReader(input, zone=zone, max_join_bytes=max_join_bytes, join_seconds=join_seconds)

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do, if nothing is fed before."""
        return self._reader.deadline

    @property
    def held_since(self) -> float | None:
        """When the first of the lines was fed that wait for the next; None when none do."""
        return self._reader.held_since

    @property
    def partial_bytes(self) -> int:
        """Bytes of a line that has not ended."""
        return len(self._partial)

    def release(self, now: float, batch: Batch) -> None:
        """Give out all lines that ended."""
        self._reader.release(now, batch)

    def feed(self, data: bytes, now: float, batch: Batch) -> None:
        """
        Take output, cut anywhere.

        Args:
            data: Bytes.
            now: UTC Unix seconds.
            batch: Takes the messages.
        """
        if self._partial:
            data = self._partial + data
        lines = data.split(b"\n")
        self._partial = lines.pop()
        if self._charset and not data.isascii():
            lines = [self._utf8(line) for line in lines]
        longest = self._max_line_bytes
        if len(data) <= longest or max(map(len, lines), default=0) <= longest:
            self._reader.take_all(lines, now, self._origin, batch)
        else:
            for line in lines:
                self._cut(line, now, batch)
        if len(self._partial) > longest:
            self._partial = self._cut(self._partial, now, batch, keep=True)
        self._reader.wait(now)

    def expire(self, now: float, batch: Batch) -> None:
        """Give out messages that waited long enough."""
        self._reader.expire(now, batch)

    def feed_eof(self, now: float, batch: Batch) -> None:
        """Give out what is there; the last line may lack its end."""
        if self._partial:
            self._reader.take(self._utf8(self._partial), now, self._origin, batch)
            self._partial = b""
        self._reader.release(now, batch)

    def _utf8(self, line: bytes) -> bytes:
        """Return a line in UTF-8."""
        if not self._charset or line.isascii():
            return line
        try:
            line.decode()
        except UnicodeDecodeError:
            return line.decode(self._charset, "replace").encode()
        return line

    def _cut(self, line: bytes, now: float, batch: Batch, *, keep: bool = False) -> bytes:
        """Take a line that is too long in pieces; return the last, if it is to be kept."""
        while len(line) > self._max_line_bytes:
            end = self._max_line_bytes
            while end > self._max_line_bytes - 3 and line[end] & 0xC0 == 0x80:
                end -= 1  # not within a character
            self._reader.take(self._utf8(line[:end]), now, self._origin, batch)
            line = line[end:]
        if not keep:
            self._reader.take(self._utf8(line), now, self._origin, batch)
        return line
