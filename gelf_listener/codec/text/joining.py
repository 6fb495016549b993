"""
Joining: plain lines -> messages. A trace and the line before it are one, and so are two lines that are one record.

The lines of an object that was printed in several are one message, too, and a record if it is one in JSON. A line waits
for the next one to see whether it goes on. What has a header of its own (a time, a level) begins a message; what has
none may belong to the line before, if that is a trace or the first half of a record.
"""

from __future__ import annotations

import datetime as dt
import re

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.keys import note
from gelf_listener.codec.gelf.lenient import LenientGelf
from gelf_listener.codec.text.blocks import read_blocks
from gelf_listener.codec.text.header_shapes import NO_HEADER, Header
from gelf_listener.codec.text.line_records import is_gelf, parse_objects, record_in
from gelf_listener.codec.text.origin import Origin, message_of, take_document
from gelf_listener.codec.text.plain import is_prose, read_header
from gelf_listener.codec.text.printed import begins_with_level, closes, ends, is_printed, is_thrown_in_clojure
from gelf_listener.codec.text.records import read_record
from gelf_listener.codec.text.traces import (
    Beginning,
    Doubt,
    Trace,
    begins,
    begins_behind_a_time,
    continues,
    crashes,
    doubts,
    headline,
    raises,
    settles,
    takes_lines,
    throws_within,
)
from gelf_listener.message import Message
from gelf_listener.notes import Deviation

_OPENS, _CLOSES, _BLANK = frozenset("{["), frozenset("}])"), frozenset(" \t")
"""Last characters of a line that opens an object, first ones of the line that closes it, and of those between."""
WITHIN = _CLOSES | _BLANK
"""First characters of all lines that may go on with an object (`Joiner.is_within`)."""
_MAX_SHOWN = 200
"""Most characters of the text of an object that is not a record."""
_MAX_LINES = 2000
_MAX_BLANKS = 3
"""Blank lines within a trace; loguru prints two."""
_MAX_DOUBTFUL = 20
_ERROR, _WARNING = 3, 4
_CLOSE_SECONDS = 600.0
"""How far a line's own time may be from that of the envelope it came in; further, its zone is not the one we think."""

_LEVEL_GUESSED = (note(Deviation.GUESSED, "level", "a word of the text that is in no known place"),)
_LEVEL_OF_TRACE = (note(Deviation.GUESSED, "level", "the text does not say; a trace follows it"),)


_TAGGED = re.compile(r"[A-Z], \[[^\]]{20,60}\] {1,2}[A-Z]{3,5} -- [^:\[]{0,60}: (\[[\w.:-]{1,64}\])")
"""A line of Ruby's Logger with a tag."""
_MOST_OF_A_RECORD = 2
"""Lines of a record whose text has what was thrown."""
_BOXES = frozenset((Trace.BOX, Trace.FRAME, Trace.SYMFONY))
_NARROW = frozenset((Trace.FRAME, Trace.SYMFONY, Trace.TESTS))
"""Whose lines are of one form, indented or not."""
_WHOLE = frozenset((Trace.XML, Trace.MQ, Trace.PYTEST, Trace.GRADLE))
"""Whose lines may look like others, until they end."""
_BLOCKS = frozenset((Trace.XML, Trace.MINIO, Trace.MQ))
_ENDED = frozenset((Trace.XML, Trace.MQ))
"""Whose last line says so."""
_DIGIT = re.compile(r"\d")
"""What differs in the headers of one program's lines: their time."""
_FORM = 19
"""Characters of a time that show how a log writes it."""
_TRACED = re.compile(r"I\d{4} [^\]]{10,80}\] (Trace\[\d{1,20}\]: )")
"""The first line of what Kubernetes' servers say of a slow request."""


_NOWHERE = Origin("", 6)


def _who(text: str, header: Header) -> str:
    """Return whose line it is that has a header before it; empty when it has none."""
    return _DIGIT.sub("", text[: header.rest]) + str(header.fields.get("process_id", "")) if header.rest else ""


def _is_alone(beginning: Beginning | None) -> bool:
    """Whether a line begins a trace of its own."""
    return beginning is not None and beginning.alone


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
        *(
            "_at",
            "_beginning",
            "_blanks",
            "_bytes",
            "_doubt",
            "_doubtful",
            "_header",
            "_input",
            "_lines",
            "_max_bytes",
            "_origin",
        ),
        *("_raised", "_raw", "_trace", "_trace_at", "_who", "_zone"),
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
        self._beginning: Beginning | None = None
        """Of the trace, if there is one."""
        self._trace: Trace | None = None
        self._trace_at = 0
        """Which of the lines begins the trace."""
        self._raised = 0
        """Which of them is the exception of a Python traceback; 0: none yet."""
        self._doubtful: list[tuple[str, bytes, float, Origin]] = []
        """Lines behind what was thrown: of its message, which has no mark, if what follows shows that it goes on."""
        self._doubt: Doubt | None = None
        """What the doubtful line may begin, when there is no trace yet."""
        self._who = ""
        """Whose trace waits, when a header stands before each of its lines; see `_take_behind`."""

    @property
    def waits(self) -> bool:
        """Whether a message waits for its next line."""
        return bool(self._lines)

    @property
    def since(self) -> float | None:
        """When the first line came of those that wait; None when none do."""
        return self._at if self._lines else None

    @property
    def is_done(self) -> bool:
        """Whether nothing waits that a line of prose could belong to."""
        if not self._lines:
            return True
        level = self._header.level
        if self._trace is not None or self._header.goes_on != 0 or self._doubtful:
            return False
        return level is None or level > _WARNING or not throws_within(self._lines[0])

    def is_within(self, text: str) -> bool:
        """Whether a line goes on with an object that the first of those that wait opened at its end."""
        if not self._lines or self._trace is not None or self._blanks or self._doubtful:
            return False
        first, last = self._lines[0], self._lines[-1]
        is_open = first.rstrip()[-1:] in _OPENS and (first is last or last[:1] in _BLANK)
        return is_open and (text[:1] in _BLANK or (text[:1] in _CLOSES and closes(text))) and not text.isspace()

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
        if not text or text.isspace():
            self._blanks += bool(self._lines)
            if self._blanks > _MAX_BLANKS:
                self.release(batch)
            return
        if self._trace is not None and text[0] in " \t" and self._lines and not self._blanks and not self._doubtful:
            if self._is_crash(text):
                self._part(batch)
            if self._trace not in _NARROW and (text[3:4] == " " or text[0] == "\t" or not begins_with_level(text)):
                self._join(text, raw, now, origin, batch)  # nearly all lines of a trace
                return
        if text[0] in WITHIN and self.is_within(text):
            self._join(text, raw, now, origin, batch)
            return
        header = read_header(text, now, self._zone)
        if header.rest and self._take_behind(text, raw, now, origin, header, batch):
            return
        if self._lines and self._is_doubtful(text, header):
            self._doubtful += [("", b"", now, origin)] * self._blanks + [(text, raw, now, origin)]
            self._blanks = 0
            return
        if self._lines:
            if self._is_shown(text) or (
                self._doubt is None and (not self._doubtful or self._is_settled(text)) and self._joins(text, header)
            ):
                self._join(text, raw, now, origin, batch)
                return
            self._settle(text, stamped=header.stamped)
            self._emit(batch)
            if self._lines:  # those that were doubtful
                self.take(text, raw, now, origin, batch)
                return
        beginning = begins_behind_a_time(text) if header.stamped else begins(text)
        if beginning is None:
            self.hold(text, raw, now, origin, header)
        else:
            self.hold(text, raw, now, origin, header if header.stamped else NO_HEADER)
            self._begin(beginning, 0)
            if beginning.trace in _ENDED and ends(text):
                self._emit(batch)

    def _take_behind(self, text: str, raw: bytes, now: float, origin: Origin, header: Header, batch: Batch) -> bool:
        """
        Take a line of a trace that has a header before each of its lines: that of a syslog file, the name of a process.

        Returns:
            Whether it was one.
        """
        inner = text[header.rest :]
        if self._trace is None and is_prose(inner):
            return False  # nearly all lines, told cheaply
        who = _who(text, header)
        if self._lines and who == (self._who or _who(self._lines[0], self._header)) and self._goes_on_behind(inner):
            if self._beginning is not None and not self._trace_at and not self._header.fields:
                first, rest = self._lines[0], self._header.rest  # it was the name of a process
                self._lines[0] = first[rest:]
                self._header = self._header._replace(fields={"prefix": first[:rest].strip()}, rest=0)
            self._who = who
            self._join(inner, raw, now, origin, batch)
            return True
        beginning = begins(inner)
        if beginning is None:
            return False
        self.release(batch)
        header = header._replace(level=None, guessed=False)
        if not header.fields and text[header.rest - 2] == ":":  # of a process, or `console.error("failed:", e)`
            inner = text
        else:
            header = header._replace(fields=header.fields or {"prefix": text[: header.rest].strip()}, rest=0)
        self.hold(inner, raw, now, origin, header)
        self._begin(beginning, 0)
        self._who = who
        return True

    def _goes_on_behind(self, inner: str) -> bool:
        """Whether what stands behind a header is of a trace whose lines wait, or of one that their line has."""
        if self._trace is not None:
            raised = self._lines[self._raised] if self._raised else ""
            return self._is_taken() or continues(self._trace, inner, self._lines[-1], self._blanks, raised)
        if self._header.level is not None and self._header.level > _WARNING:
            return False  # it ended the program rather than being logged
        beginning = begins(inner, self._lines[-1])
        if beginning is None or beginning.alone:
            return False
        self._begin(beginning, len(self._lines) + self._blanks)
        return True

    def hold(self, text: str, raw: bytes, now: float, origin: Origin, header: Header) -> None:
        """Let a line wait for the next, when none does; see `take`."""
        self._lines = [text]
        self._who = ""
        self._raw = raw
        self._bytes = len(raw)
        self._at = now
        self._origin = origin
        self._header = header

    def _begin(self, beginning: Beginning, at: int) -> None:
        """Note that a trace begins with one of the lines."""
        self._beginning = beginning
        self._trace = beginning.trace
        self._trace_at = at

    def _joins(self, text: str, header: Header) -> bool:
        """Whether a line that is not blank belongs to those that wait."""
        is_behind = self._trace is None and not self._blanks
        if is_behind and (is_printed(self._lines[0], text) or is_thrown_in_clojure(self._lines[-1], text)):
            return True
        if self._trace is not None and self._trace in _WHOLE:
            return continues(self._trace, text, self._lines[-1], self._blanks)
        said = self._header.level is not None or self._header.stamped
        if header.stamped or (text[0] == " " and " @@@ " not in self._lines[0] and begins_with_level(text)):
            return False
        if self._is_tagged(text):
            return True
        if self._trace is not None:
            return self._is_taken() or continues(
                self._trace, text, self._lines[-1], self._blanks, self._lines[self._raised] if self._raised else ""
            )
        goes_on, indented = self._header.goes_on, text[0] in " \t"
        if goes_on > 0 and not self._blanks and len(self._lines) <= goes_on:
            return True
        beginning = begins(text, self._lines[-1])
        if beginning is not None:
            if beginning.alone or (beginning.trace is Trace.PYTHON and self._blanks and not said and not goes_on):
                return False  # a sentence, a blank line, and somebody else's traceback
            self._begin(beginning, len(self._lines) + self._blanks)
            return True
        return indented and not self._blanks and (goes_on != 0 or self._header.stamped)

    def _is_table(self, text: str) -> bool:
        """Whether what looks like lines of source is a table: there is no error behind them."""
        return self._trace is Trace.STACK and not self._trace_at and " | " in text and text[:1].isdecimal()

    def _is_tagged(self, text: str) -> bool:
        """Whether a line has the tag of the record before it, with which Rails begins each line of a text."""
        first = self._lines[0]
        if text.startswith("Trace[") and (traced := _TRACED.match(first)) is not None:
            return text.startswith(traced[1])
        match = _TAGGED.match(first) if first[1:4] == ", [" else None
        if match is None or not text.startswith(match[1]):
            return False
        if match.end() == len(first.rstrip()):  # the text begins in the next line
            self._header = self._header._replace(goes_on=1)
        return True

    def _is_taken(self) -> bool:
        """Whether the next line is the trace's own whatever it looks like."""
        beginning = self._beginning
        return beginning is not None and not self._blanks and len(self._lines) - self._trace_at <= beginning.takes

    def _is_doubtful(self, text: str, header: Header) -> bool:
        """
        Whether only what follows shows if a line belongs to those that wait.

        It may be of the message of what was thrown, which has several lines and no mark, or begin a trace.
        """
        trace, level = self._trace, self._header.level
        if header.stamped:
            return False
        if trace is None:
            if self._doubt is None and is_thrown_in_clojure(self._lines[-1], text):
                return False
            if self._doubt is None:
                self._doubt = doubts(text, after_error=level is not None and level <= _ERROR)
                return self._doubt is not None or (not self.is_done and self._is_thrown(text, header))  # in any read
            return False
        return (
            (header.level is None or " - error TS" in text)  # which ts-node puts into what it throws
            and len(self._doubtful) < _MAX_DOUBTFUL
            and not settles(trace, text)
            and not _is_alone(begins(text))
            and (bool(self._doubtful) or not self._joins(text, header))
            and takes_lines(trace, self._lines[self._trace_at :], self._raised - self._trace_at, self._blanks)
        )

    def _is_thrown(self, text: str, header: Header) -> bool:
        """Whether a line may be more of the message of what was thrown, which is on the line of the log itself."""
        few = len(self._lines) <= _MOST_OF_A_RECORD and len(self._doubtful) < _MAX_DOUBTFUL and not self._blanks
        before = self._lines[-1]
        return few and header.level is None and throws_within(before) and begins(text, before) is None

    def _is_shown(self, text: str) -> bool:
        """Whether a line shows that the doubtful one before it begins a trace."""
        doubt = self._doubt
        if doubt is None or not doubt.proof.match(text):
            return False
        blanks = len(self._doubtful) - 1
        self._begin(doubt.beginning, len(self._lines) + blanks)
        return True

    def _is_settled(self, text: str) -> bool:
        """Whether a line shows that the doubtful ones before it are of the trace."""
        return settles(Trace.STACK if self._trace is None else self._trace, text)

    def release_before(self, text: str, batch: Batch) -> None:
        """Make messages of the lines that wait before one with a time."""
        self._settle(text, stamped=True)
        self.release(batch)

    def _settle(self, text: str, *, stamped: bool) -> None:
        """
        Take what is doubtful for the rest of a message, or for notes, if the next line is the next of the same log.

        That is one with a time in the same form as the line that has the traceback.
        """
        if (
            not self._doubtful
            or not stamped
            or self._trace is not Trace.PYTHON
            or not (self._trace_at and self._header.stamped)
            or _DIGIT.sub("0", text[:_FORM]) != _DIGIT.sub("0", self._lines[0][:_FORM])
        ):
            return
        for line, raw, *_ in self._doubtful:
            if not line:
                break
            self._lines.append(line)
            self._bytes += len(raw)
        self._doubtful = self._doubtful[
            next((at for at, each in enumerate(self._doubtful) if not each[0]), len(self._doubtful)) :
        ]

    def _is_crash(self, text: str) -> bool:
        """Whether a frame of a trace shows that it ended the program: a line that tells of no error did not log it."""
        level = self._header.level
        return (
            self._trace_at > 0
            and level is not None
            and level > _WARNING
            and self._lines[-1].startswith("Traceback (")
            and crashes(text)
        )

    def _part(self, batch: Batch) -> None:
        """Make a message of the line before a trace that only stands behind it."""
        beginning, trace, at, origin = self._beginning, self._lines[self._trace_at :], self._at, self._origin
        self._lines = self._lines[: self._trace_at]
        while not self._lines[-1]:
            self._lines.pop()
        self._beginning = self._trace = None
        self.release(batch)
        self.hold(trace[0], "\n".join(trace).encode(), at, origin, NO_HEADER)
        self._lines = trace
        if beginning is not None:
            self._begin(beginning, 0)

    def _join(self, text: str, raw: bytes, now: float, origin: Origin, batch: Batch) -> None:
        """Add a line to those that wait."""
        for doubtful in self._doubtful:
            self._lines.append(doubtful[0])
            self._bytes += len(doubtful[1])
        self._doubtful, self._doubt = [], None
        if self._bytes + len(raw) > self._max_bytes or len(self._lines) >= _MAX_LINES:
            beginning = self._beginning
            self.release(batch)
            self.hold(text, raw, now, origin, NO_HEADER)
            if beginning is not None:  # the rest of it is one message more, not one for each line
                self._begin(beginning._replace(takes=0), 0)
            return
        if self._blanks:
            self._lines += [""] * self._blanks
            self._blanks = 0
        self._lines.append(text)
        self._bytes += len(raw)
        if self._trace is None:
            if self._lines[0].rstrip()[-1:] not in _OPENS:
                self._fill_header(text, now)
        elif self._trace in _ENDED:
            if ends(text):
                self._emit(batch)
        elif self._trace is Trace.ASYNCIO and (beginning := begins(text)) is not None:
            self._trace = beginning.trace  # the traceback itself
        elif self._trace is Trace.PYTHON and len(self._lines) - 1 > self._trace_at:
            beginning = begins(text)
            if beginning is not None and beginning.trace is Trace.PYTHON:
                self._raised = 0  # of a chain, whose last exception counts
            elif not self._raised and raises(text):
                self._raised = len(self._lines) - 1

    def _fill_header(self, text: str, now: float) -> None:
        """Read the level in the second line of a record that did not say it in its first."""
        if self._header.level is None and len(self._lines) == 2:
            behind = read_header(text, now, self._zone)
            self._header = self._header._replace(level=behind.level, guessed=behind.guessed)

    def release(self, batch: Batch) -> None:
        """Make messages of the lines that wait."""
        while self._lines:
            self._emit(batch)

    def _emit(self, batch: Batch) -> None:
        """Make a message of the lines that wait; those that were doubtful wait then."""
        lines, self._lines = self._lines, []
        header, origin = self._header, self._origin
        if self._trace is None and lines[-1][:1] == "}" and self._emit_object(lines, batch):
            return
        if self._trace in _BLOCKS and self._emit_blocks(lines, batch):
            return
        full_message = None
        notes = origin.notes
        if len(lines) == 1:
            text, raw = lines[0], self._raw
        else:
            text, full_message = self._texts(lines)
            raw = "\n".join(lines).encode()
        level = header.level
        if level is None:
            level = origin.level
            if self._beginning is not None and not self._is_table(text):
                said = read_header(text, self._at, self._zone).level if self._trace in _BOXES else None
                level = said or min(7 if level is None else level, self._beginning.level)
                if self._trace_at:
                    notes += _LEVEL_OF_TRACE
        else:
            if header.guessed:
                notes += _LEVEL_GUESSED
            if self._trace is not None:
                level = min(level, _WARNING)  # whatever comes with a trace deserves a look
        self._beginning = self._trace = None
        self._trace_at = self._raised = self._blanks = 0
        seconds = header.seconds
        if origin.timestamp is not None and (seconds is None or abs(seconds - origin.timestamp) > _CLOSE_SECONDS):
            seconds = origin.timestamp
        fields = {**origin.fields, **header.fields} or None
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
        doubtful, self._doubtful, self._doubt = self._doubtful, [], None
        for line in doubtful:
            self.take(*line, batch)

    def _emit_object(self, lines: list[str], batch: Batch) -> bool:
        """Make a message of the lines of an object; return whether it was a record."""
        whole, origin = "\n".join(lines), self._origin
        found = parse_objects(whole) if lines[0].strip() == "{" else None
        if found is not None and len(found[0]) == 1 and is_gelf(found[0][0]):
            take_document(LenientGelf(self._input), found[0][0], b"", self._at, origin, batch)
            return True
        if found is not None and len(found[0]) == 1:
            reading = read_record(found[0][0], self._at, self._zone, strict=found[1])
        else:
            reading = record_in(whole, self._at, self._zone)
        if reading is None:
            return False
        raw = whole.encode()
        batch.messages.append(message_of(reading, raw, self._at, self._input, origin))
        batch.size += len(raw)
        return True

    def _emit_blocks(self, lines: list[str], batch: Batch) -> bool:
        """Make messages of the records that are in a block of lines; return whether there are any."""
        readings = read_blocks(lines, self._at, self._zone)
        for reading in readings:
            raw = "\n".join(lines).encode()
            batch.messages.append(message_of(reading, raw, self._at, self._input, self._origin))
            batch.size += len(raw)
        if readings:
            self._beginning = self._trace = None
            self._trace_at = self._blanks = 0
        return bool(readings)

    def _texts(self, lines: list[str]) -> tuple[str, str | None]:
        """Return text and trace of several lines."""
        at = self._trace_at
        if self._beginning is None:
            return self._of_record(lines)
        if at:
            while not lines[at - 1]:
                at -= 1
            text = self._of_record(lines[:at])[0]
            own = 2 if self._header.goes_on > 0 else 1
            # Lines between text and trace go with the trace, so that none is missing.
            return text, "\n".join(lines[own if own < at else self._trace_at :])
        trace = "\n".join(lines)
        return headline(self._beginning.trace, lines, self._raised, self._beginning.takes), trace

    def _of_record(self, lines: list[str]) -> tuple[str, str | None]:
        """Return the text of a record's lines: the first two as one, where a logger writes one text in two lines."""
        if self._header.goes_on > 0:
            return " ".join([line.strip() for line in lines[:2]]), "\n".join(lines) if len(lines) > 2 else None
        if len(lines) == 1:
            return lines[0], None
        text = lines[0] if lines[0].strip() not in _OPENS else " ".join(line.strip() for line in lines)
        return text if len(text) <= _MAX_SHOWN or text is lines[0] else text[:_MAX_SHOWN] + "\u2026", "\n".join(lines)
