"""
Joining: plain lines -> messages. A trace and the line before it are one, and so are two lines that are one record.

A line waits for the next one to see whether it goes on. What has a header of its own (a time, a level) begins a
message; what has none may belong to the line before, if that is a trace or the first half of a record.
"""

from __future__ import annotations

import datetime as dt
from typing import NamedTuple

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.keys import note
from gelf_listener.codec.text.plain import NO_HEADER, Header, read_header
from gelf_listener.codec.text.traces import Trace, begins, continues, headline, raises
from gelf_listener.message import FieldValue, Message, Peer
from gelf_listener.notes import Deviation, Note

__all__ = ["Joiner", "Origin"]

_MAX_LINES = 2000
_CLOSE_SECONDS = 600.0
"""How far a line's own time may be from that of the envelope it came in; further, its zone is not the one we think."""

_LEVEL_GUESSED = (note(Deviation.GUESSED, "level", "a word of the text that is in no known place"),)
_LEVEL_OF_TRACE = (note(Deviation.GUESSED, "level", "the text does not say; a trace follows it"),)


class Origin(NamedTuple):
    """
    Where a line came from: what its message has when the line itself does not say.

    Attributes:
        host: Who printed it.
        level: Of a text that does not say.
        fields: On its message.
        timestamp: When it was printed, if the envelope it came in says so, in UTC Unix seconds.
        notes: On its message.
        peer: Who sent it.
        record_level: Of a record (JSON, pairs) that does not say; None: it has none.
    """

    host: str
    level: int
    fields: dict[str, FieldValue] = {}  # noqa: RUF012  (never changed)
    timestamp: float | None = None
    notes: tuple[Note, ...] = ()
    peer: Peer | None = None
    record_level: int | None = None


_NOWHERE = Origin("", 6)


class Joiner:
    """
    Joins the lines of one source.

    Guarantee: every line that is not blank is in exactly one message.

    Args:
        input: Name put on messages.
        zone: Of times without an offset; None: this machine's.
        max_bytes: Most bytes that are joined.
    """

    __slots__ = (
        *("_at", "_blanks", "_bytes", "_header", "_input", "_lines", "_max_bytes", "_origin", "_raised", "_raw"),
        *("_second", "_trace", "_trace_at", "_zone"),
    )

    def __init__(self, input: str, zone: dt.tzinfo | None, max_bytes: int) -> None:
        self._input = input
        self._zone = zone
        self._max_bytes = max_bytes
        self._lines: list[str] = []
        """Lines of the message that may go on."""
        self._blanks = 0
        """Blank lines behind them, which belong to the message if it goes on."""
        self._raw = b""
        self._bytes = 0
        self._at = 0.0
        self._origin = _NOWHERE
        self._header = NO_HEADER
        self._second = False
        """Whether the second line of a record of two is there."""
        self._trace: Trace | None = None
        self._trace_at = 0
        """Which of the lines begins the trace."""
        self._raised = 0
        """Which of them is the exception of a Python traceback; 0: none yet."""

    @property
    def waits(self) -> bool:
        """Whether a message waits for its next line."""
        return bool(self._lines)

    def take(self, text: str, raw: bytes, now: float, origin: Origin, batch: Batch) -> None:
        """
        Take a line.

        Args:
            text: Without line end and colours.
            raw: The line as it came.
            now: UTC Unix seconds.
            origin: Where it came from.
            batch: Takes the message before it, if this is another.
        """
        header = read_header(text, now, self._zone)
        if self._lines:
            if self._joins(text, header):
                self._join(text, len(raw), now, origin, batch)
                return
            self.release(batch)
        if not text or text.isspace():
            return
        self._lines = [text]
        self._raw = raw
        self._bytes = len(raw)
        self._at = now
        self._origin = origin
        self._header = header
        if not header.stamped:
            self._trace = begins(text)
            if self._trace is not None:
                self._header = NO_HEADER

    def release(self, batch: Batch) -> None:
        """Make a message of the lines that wait."""
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        header, origin = self._header, self._origin
        full_message = None
        notes = origin.notes
        level = header.level
        if level is not None and header.guessed:
            notes += _LEVEL_GUESSED
        if len(lines) == 1:
            text = lines[0]
            raw = self._raw
            if level is None:
                level = origin.level if self._trace is None else min(origin.level, self._severity())
        else:
            raw = "\n".join(lines).encode()
            text, full_message = self._texts(lines)
            if self._trace is not None:
                if level is None:
                    level = self._severity()
                    if self._trace_at:
                        notes += _LEVEL_OF_TRACE
                elif self._trace_at:
                    level = min(level, 4)
            elif level is None:
                level = origin.level
        self._trace = None
        self._trace_at = self._raised = self._blanks = 0
        self._second = False
        seconds = header.seconds
        if origin.timestamp is not None and (seconds is None or abs(seconds - origin.timestamp) > _CLOSE_SECONDS):
            seconds = origin.timestamp
        fields = {**origin.fields, **header.fields} if header.fields else origin.fields.copy()
        batch.messages.append(
            Message(
                self._at if seconds is None else seconds,
                header.host or origin.host,
                text,
                full_message,
                level,
                raw,
                self._at,
                self._input,
                origin.peer,
                False,
                None,
                fields,
                notes,
            )
        )
        batch.size += len(raw)

    def _severity(self) -> int:
        """Return the level of a trace by itself."""
        return 2 if self._trace is Trace.GO else 3

    def _texts(self, lines: list[str]) -> tuple[str, str | None]:
        """Return text and trace of several lines."""
        at = self._trace_at
        if self._trace is None:
            return self._of_record(lines, len(lines))
        trace = "\n".join(lines[at:])
        if at:
            return self._of_record(lines, at)[0], trace
        return (headline(lines, self._raised) if self._trace is Trace.PYTHON else lines[0]), trace

    def _of_record(self, lines: list[str], end: int) -> tuple[str, str | None]:
        """Return the text of a record's lines: the first two as one, as loggers have it that write them so."""
        text = " ".join([line.strip() for line in lines[:2][:end]])
        return text, "\n".join(lines[:end]) if end > 2 else None

    def _joins(self, text: str, header: Header) -> bool:
        """Whether a line belongs to those that wait."""
        if self._trace is not None:
            raised = self._lines[self._raised] if self._raised else ""
            before = "" if self._blanks else self._lines[-1]
            return not header.stamped and continues(self._trace, text, before, raised)
        if header.stamped:
            return False
        if self._header.goes_on and text.strip():
            if not self._second:
                return True
            if text[0] in " \t" and not begins(text):
                return True
        if text[:1] not in " \tTECcjopf+" and "." not in text[:40]:
            return False  # what nearly all lines are
        trace = begins(text)
        if trace is None or trace is Trace.GO:
            return False
        self._trace = trace
        self._trace_at = len(self._lines) + self._blanks
        return True

    def _join(self, text: str, size: int, now: float, origin: Origin, batch: Batch) -> None:
        """Add a line to those that wait."""
        if self._bytes + size > self._max_bytes or len(self._lines) >= _MAX_LINES:
            trace = self._trace
            self.release(batch)
            self._trace = trace  # the rest of it is one message more, not one for each line
            self._lines, self._raw, self._bytes = [text], text.encode(), size
            self._at, self._origin, self._header = now, origin, NO_HEADER
            return
        if not text.strip():
            self._blanks += 1
            return
        self._lines += [""] * self._blanks
        self._blanks = 0
        self._lines.append(text)
        self._bytes += size
        if self._trace is None and not self._second:
            self._second = True
            if self._header.level is None:
                behind = read_header(text, now, self._zone)
                self._header = self._header._replace(level=behind.level, guessed=behind.guessed)
        if self._trace is Trace.PYTHON:
            if begins(text) is Trace.PYTHON:
                self._raised = 0  # of a chain, whose last exception counts
            elif not self._raised and raises(text):
                self._raised = len(self._lines) - 1
