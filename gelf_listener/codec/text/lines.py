"""
Lines -> Message: what a service writes to standard output and standard error.

A line of GELF, of another structured logger (see `structured_lines`) or of plain text is a message; a stack trace and
the line before it are one. A line of plain text waits for the next one, to see whether a trace follows, but no longer
than a moment: time goes in as an argument, and `deadline` says when to come back.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import msgspec

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.lenient import LenientGelf
from gelf_listener.codec.gelf.normaliser import Normaliser
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.text.joining import Joiner, Origin
from gelf_listener.codec.text.structured_lines import document_of_json, pairs_of_logfmt
from gelf_listener.message import FieldValue

__all__ = ["LineDecoder"]

_ANSI = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
"""Colours and titles: what a terminal does with them is not part of the text."""


class LineDecoder:
    """
    Decodes one stream of lines.

    Guarantee: every line that is not blank is in exactly one message.

    Args:
        host: On messages that do not name theirs.
        level: Of text that does not say: 6, or 3 for standard error, as Docker has it.
        input: Name put on messages.
        fields: On messages that are no GELF documents.
        zone: Of times without an offset; None: this machine's.
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
        max_line_bytes: int = 256 * 1024,
        max_join_bytes: int = 256 * 1024,
        join_seconds: float = 0.1,
    ) -> None:
        self.deadline: float | None = None
        """When `expire` has something to do, if nothing is fed before."""
        self._host = host
        self._input = input
        self._given = dict(fields or {})
        self._max_line_bytes = max_line_bytes
        self._join_seconds = join_seconds
        self._gelf = LenientGelf(input)
        self._partial = b""
        self._origin = Origin(host, level, self._given)
        self._joiner = Joiner(input, zone, max_join_bytes)

    def feed(self, data: bytes, now: float, batch: Batch) -> None:
        """
        Take output, cut anywhere.

        Args:
            data: Bytes.
            now: UTC Unix seconds.
            batch: Takes the messages.
        """
        data = self._partial + data
        lines = data.split(b"\n")
        self._partial = lines.pop()
        for line in lines:
            self._take(line, now, batch)
        while len(self._partial) > self._max_line_bytes:
            end = self._cut(self._partial)
            piece, self._partial = self._partial[:end], self._partial[end:]
            self._take(piece, now, batch)
        self.deadline = now + self._join_seconds if self._joiner.waits else None

    def expire(self, now: float, batch: Batch) -> None:
        """Give out a message that waited long enough."""
        if self.deadline is not None and now >= self.deadline:
            self._release(batch)

    def feed_eof(self, now: float, batch: Batch) -> None:
        """Give out what is there; the last line may lack its end."""
        if self._partial:
            self._take(self._partial, now, batch)
            self._partial = b""
        self._release(batch)

    def _take(self, line: bytes, now: float, batch: Batch) -> None:
        """Take one line."""
        while len(line) > self._max_line_bytes:
            end = self._cut(line)
            self._take(line[:end], now, batch)
            line = line[end:]
        if line[:1] == b"{" and self._structured(line, now, batch):
            return
        text = line.decode("utf-8", "replace").rstrip("\r\0")
        if "\x1b" in text:
            text = _ANSI.sub("", text)
        if "=" in text:
            pairs = pairs_of_logfmt(text.strip())
            if pairs is not None and self._named(pairs, line, now, batch):
                return
        self._joiner.take(text, line, now, self._origin, batch)

    def _cut(self, line: bytes) -> int:
        """Return where a line that is too long is cut: not within a character."""
        end = self._max_line_bytes
        while end > self._max_line_bytes - 3 and line[end] & 0xC0 == 0x80:
            end -= 1
        return end

    def _structured(self, line: bytes, now: float, batch: Batch) -> bool:
        """Take a JSON object; return whether it was a log line."""
        try:
            document: Any = msgspec.json.decode(line)
        except (ValueError, RecursionError):
            return False
        if type(document) is not dict:
            return False
        if "short_message" in document:
            self._release(batch)
            document.setdefault("host", self._host)
            document.setdefault("timestamp", now)
            exact = line if b'"host"' in line and b'"timestamp"' in line else msgspec.json.encode(document)
            self._gelf.decode(exact.rstrip(b"\r"), now, None, batch)
            return True
        return self._named(document, line, now, batch)

    def _named(self, record: dict[str, Any], line: bytes, now: float, batch: Batch) -> bool:
        document = document_of_json(record)
        if document is None:
            return False
        self._release(batch)
        defaults: dict[str, Any] = {"host": self._host, "timestamp": now}
        receipt = Receipt(self._input, None, now, batch)
        message = Normaliser(defaults | document, (), receipt, strict=True).message(line)
        if message is None:
            return False
        for name, value in self._given.items():
            message.fields.setdefault(name, value)
        receipt.add(message)
        return True

    def _release(self, batch: Batch) -> None:
        """Give out the message that waits."""
        self.deadline = None
        self._joiner.release(batch)
