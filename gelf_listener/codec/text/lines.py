"""
Lines -> Message: what a service writes to standard output and standard error.

A line of GELF, of another structured logger (see `structured_lines`) or of plain text is a message; a stack trace and
the line before it are one. A line of plain text waits for the next one, to see whether a trace follows, but no longer
than a moment: time goes in as an argument, and `deadline` says when to come back.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.lenient import LenientGelf
from gelf_listener.codec.gelf.normaliser import Normaliser
from gelf_listener.codec.levels import LEVEL_NAMES
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.text.structured_lines import document_of_json, pairs_of_logfmt
from gelf_listener.codec.text.traces import Trace, begins, continues, headline, raises
from gelf_listener.message import FieldValue

__all__ = ["LineDecoder"]

_ANSI = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
"""Colours and titles: what a terminal does with them is not part of the text."""

_STAMP = re.compile(r"[\[(]?\d[\d\-:.,/TZ+ ]{6,34}[\])]?[\s|-]*")
"""A time at the start of a line, behind which its level often stands."""

_WORD = re.compile(
    r"[\[(<*|\s]*(TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERR|ERROR|SEVERE|CRIT|CRITICAL|FATAL|ALERT|EMERG|PANIC)"
    r"(?=[\])>*|:,/\s]|\Z)"  # a slash: Celery's
)
_LOWER = re.compile(
    r"(?:[\[(<](trace|debug|info|notice|warn|warning|error|critical|fatal)[\])>]"
    r"|(debug|info|notice|warn|warning|error|critical|fatal|panic):)(?=\s|\Z)",
    re.IGNORECASE,
)
_LATER = re.compile(r"[\s\[|](DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)[\s\]|:]")
_LATER_CHARACTERS = 100
"""How far into a line a level in capitals may stand: behind a logger's or a thread's name."""

_MAX_JOINED_LINES = 2000


class LineDecoder:
    """
    Decodes one stream of lines.

    Guarantee: every line that is not blank is in exactly one message.

    Args:
        host: On messages that do not name theirs.
        level: Of text that does not say: 6, or 3 for standard error, as Docker has it.
        input: Name put on messages.
        fields: On messages that are no GELF documents.
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
        max_line_bytes: int = 256 * 1024,
        max_join_bytes: int = 256 * 1024,
        join_seconds: float = 0.1,
    ) -> None:
        self.deadline: float | None = None
        """When `expire` has something to do, if nothing is fed before."""
        self._host = host
        self._level = level
        self._input = input
        self._given = dict(fields or {})
        self._max_line_bytes = max_line_bytes
        self._max_join_bytes = max_join_bytes
        self._join_seconds = join_seconds
        self._gelf = LenientGelf(input)
        self._partial = b""
        self._held: list[str] = []
        """Lines of the message that may go on."""
        self._held_bytes = 0
        self._trace: Trace | None = None
        self._trace_at = 0
        """Which of the held lines begins the trace."""
        self._raised = 0
        """Which of them is the exception; 0: none yet."""

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
        self.deadline = now + self._join_seconds if self._held else None

    def expire(self, now: float, batch: Batch) -> None:
        """Give out a message that waited long enough."""
        if self.deadline is not None and now >= self.deadline:
            self._release(now, batch)

    def feed_eof(self, now: float, batch: Batch) -> None:
        """Give out what is there; the last line may lack its end."""
        if self._partial:
            self._take(self._partial, now, batch)
            self._partial = b""
        self._release(now, batch)

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
        if self._held and self._joins(text):
            if self._held_bytes + len(line) > self._max_join_bytes or len(self._held) >= _MAX_JOINED_LINES:
                trace = self._trace
                self._release(now, batch)
                self._trace = trace  # the rest of it is one message more, not one for each line
                self._trace_at = 0
            self._held.append(text)
            self._held_bytes += len(line)
            if self._trace is Trace.PYTHON:
                if begins(text) is Trace.PYTHON:
                    self._raised = 0  # of a chain, whose last exception counts
                elif not self._raised and raises(text):
                    self._raised = len(self._held) - 1
            return
        self._release(now, batch)
        if not text or text.isspace():
            return
        if "=" in text:
            pairs = pairs_of_logfmt(text.strip())
            if pairs is not None and self._named(pairs, line, now, batch):
                return
        self._held = [text]
        self._held_bytes = len(line)
        self._trace = begins(text)
        self._trace_at = 0

    def _cut(self, line: bytes) -> int:
        """Return where a line that is too long is cut: not within a character."""
        end = self._max_line_bytes
        while end > self._max_line_bytes - 3 and line[end] & 0xC0 == 0x80:
            end -= 1
        return end

    def _joins(self, text: str) -> bool:
        """Whether a line belongs to the held ones."""
        if self._trace is not None:
            raised = self._held[self._raised] if self._raised else ""
            return continues(self._trace, text, self._held[-1], raised)
        if text[:1] not in " \tTECcjopf+" and "." not in text[:40]:
            return False  # what nearly all lines are
        trace = begins(text)
        if trace is None or trace is Trace.GO:
            return False
        self._trace = trace
        self._trace_at = len(self._held)
        return True

    def _structured(self, line: bytes, now: float, batch: Batch) -> bool:
        """Take a JSON object; return whether it was a log line."""
        try:
            document: Any = msgspec.json.decode(line)
        except (ValueError, RecursionError):
            return False
        if type(document) is not dict:
            return False
        if "short_message" in document:
            self._release(now, batch)
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
        self._release(now, batch)
        defaults: dict[str, Any] = {"host": self._host, "timestamp": now}
        receipt = Receipt(self._input, None, now, batch)
        message = Normaliser(defaults | document, (), receipt, strict=True).message(line)
        if message is None:
            return False
        for name, value in self._given.items():
            message.fields.setdefault(name, value)
        receipt.add(message)
        return True

    def _release(self, now: float, batch: Batch) -> None:
        """Make a message of the held lines."""
        self.deadline = None
        if not self._held:
            return
        lines, self._held = self._held, []
        self._held_bytes = 0
        full_message = None
        if len(lines) == 1:
            text = lines[0]
            level = self._guess(text) if self._trace is None else min(self._guess(text), 3)
        else:
            while not lines[-1].strip():
                lines.pop()
            at = self._trace_at
            full_message = "\n".join(lines[at:])
            if at:
                text = "\n".join(lines[:at])
                # Whatever comes with a trace deserves a look, and is an error unless it says that it is less.
                level = min(self._guess(text, unsaid=3), 4)
            else:
                text = headline(lines, self._raised) if self._trace is Trace.PYTHON else lines[0]
                level = 2 if self._trace is Trace.GO else 3
        self._trace = None
        self._raised = 0
        raw = "\n".join(lines).encode()
        receipt = Receipt(self._input, None, now, batch)
        receipt.add(
            receipt.message(
                raw,
                timestamp=now,
                host=self._host,
                short_message=text,
                full_message=full_message,
                level=level,
                fields=self._given.copy(),
            )
        )

    def _guess(self, text: str, unsaid: int | None = None) -> int:
        """Guess the severity of a text by the words loggers put at its start; `unsaid` is that of one without."""
        at = 0
        if "0" <= text[:1] <= "9" or text[:1] in ("[", "("):
            stamp = _STAMP.match(text)
            at = stamp.end() if stamp is not None else 0
        match = _WORD.match(text, at) or _LOWER.match(text, at) or _LATER.search(text, at, at + _LATER_CHARACTERS)
        if match is None:
            return self._level if unsaid is None else unsaid
        word = match[match.lastindex or 1]
        return LEVEL_NAMES.get(word.lower(), self._level)
