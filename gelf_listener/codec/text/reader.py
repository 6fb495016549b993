"""
Reader: the one reader of text, used wherever text arrives. Line by line -> messages.

A line is GELF, a record of a logger (JSON or pairs), a line in an envelope, or plain text; see docs/inputs/lines.md.
Plain text waits a moment for the next line of its source, to see whether a trace follows. Time goes in as an argument,
and `deadline` says when to come back.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from itertools import repeat
from operator import itemgetter
from typing import Any

import msgspec

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.lenient import LenientGelf
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.scrub import encode_json
from gelf_listener.codec.text.envelopes import Envelope, Names, open_docker_json, open_envelope
from gelf_listener.codec.text.header_shapes import Header
from gelf_listener.codec.text.joining import WITHIN, Joiner
from gelf_listener.codec.text.line_columns import LineColumns
from gelf_listener.codec.text.line_records import LEADING, is_gelf, parse_objects, record_in
from gelf_listener.codec.text.origin import Origin, message_of, take_document
from gelf_listener.codec.text.plain import is_prose, read_common, read_usual
from gelf_listener.codec.text.reading import Reading
from gelf_listener.codec.text.record_columns import Said
from gelf_listener.codec.text.records import read_record
from gelf_listener.errors import Reason
from gelf_listener.message import FieldValue, Message
from gelf_listener.rows import Row

_log = logging.getLogger(__name__)

_ANSI = re.compile(r"\x1b\[[0-9;:?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
"""Colours and titles: what a terminal does with them is not part of the text."""

_MAX_SOURCES = 1024
_MAX_NESTING = 3
"""Envelopes in envelopes: compose around Docker's time around a line."""
STREAM_LEVELS = {"stdout": 6, "stderr": 3}
"""Levels of text that does not say, by the stream it was printed on, as Docker has it."""
_STAMP_STARTS = frozenset((b"[", *(b"%d" % digit for digit in range(10))))
_USUAL_STARTS = _STAMP_STARTS | {b"%c" % code for code in range(65, 123) if chr(code).isalpha()}
_PROSE: tuple[int | None, float | None] = (None, None)
"""Level and time of a line that says neither."""
_FIRST = itemgetter(slice(1))
"""The first byte of a line."""
_ODD_ENDS = frozenset((b"\r", b"\0", b"}"))
"""Of lines that are looked at closely: with more than a newline at their end, or with JSON."""


class _Source:
    """What is known of one source of lines: a stream, a container."""

    __slots__ = ("began", "joiner", "origin", "pieces", "size", "touched")

    def __init__(self, joiner: Joiner) -> None:
        self.joiner = joiner
        self.pieces: list[str] = []
        """Of a line that came in several envelopes."""
        self.origin: Origin | None = None
        """Of the first piece."""
        self.size = 0
        self.touched = 0.0
        self.began = 0.0
        """When the first piece came."""

    def whole(self) -> tuple[str, Origin]:
        """Return the pieces as one line, and where the first came from."""
        assert self.origin is not None  # noqa: S101  (there are pieces)
        text, origin = "".join(self.pieces), self.origin
        self.pieces, self.size, self.origin = [], 0, None
        return text, origin

    @property
    def waits(self) -> bool:
        return self.joiner.waits or bool(self.pieces)


class TextReader:
    """
    Reads lines of one input.

    Guarantee: every line that is not blank is in exactly one message. Lines of different sources, told apart by the
    envelope or by the caller's key, do not mix.

    Args:
        input: Name put on messages.
        zone: Of times without an offset; None: this machine's.
        max_join_bytes: Most bytes of a trace, or of pieces of a line, that are joined.
        join_seconds: How long a line waits for the next of its source.
    """

    def __init__(
        self,
        input: str = "",
        *,
        zone: dt.tzinfo | None = None,
        max_join_bytes: int = 256 * 1024,
        join_seconds: float = 0.1,
    ) -> None:
        self._input = input
        self._zone = zone
        self._max_join_bytes = max_join_bytes
        self._join_seconds = join_seconds
        self._gelf = LenientGelf(input)
        self._names = Names()
        self._columns = LineColumns(zone)
        self._first = _Source(Joiner(input, zone, max_join_bytes))
        self._sources: dict[str, _Source] = {"": self._first}

    @property
    def deadline(self) -> float | None:
        """When `expire` has something to do, if no line comes before."""
        if len(self._sources) == 1:
            return self._first.touched + self._join_seconds if self._first.waits else None
        waiting = [source.touched for source in self._sources.values() if source.waits]
        return min(waiting) + self._join_seconds if waiting else None

    @property
    def held_since(self) -> float | None:
        """When the first of the lines came that wait; None when none do."""
        times = [source.began for source in self._sources.values() if source.pieces]
        times += [since for source in self._sources.values() if (since := source.joiner.since) is not None]
        return min(times, default=None)

    def expire(self, now: float, batch: Batch) -> None:
        """Give out messages that waited long enough."""
        for key, source in list(self._sources.items()):
            if source.waits and now >= source.touched + self._join_seconds:
                self._release(source, now, batch)
                if key:
                    del self._sources[key]

    def release(self, now: float, batch: Batch) -> None:
        """Give out everything."""
        for source in self._sources.values():
            self._release(source, now, batch)

    def _release(self, source: _Source, now: float, batch: Batch) -> None:
        if source.pieces:
            text, origin = source.whole()
            raw = text.encode()
            try:
                self._text(text, raw, now, source, origin, batch, 0)
            except Exception:  # noqa: BLE001  (a bug in reading one line must not lose the others)
                self._failed(raw, now, origin, batch)
        source.joiner.release(batch)

    def wait(self, now: float, key: str = "") -> None:
        """Let what waits wait on: more is coming."""
        source = self._sources.get(key)
        if source is not None:
            source.touched = now

    def take_all(self, lines: list[bytes], now: float, origin: Origin, batch: Batch) -> None:
        """
        Take lines of a stream that has no key.

        Records that are like those before them are read by columns (`LineColumns`). Lines that begin with a time and a
        level, and prose, do not go on with what is before: those that follow one another are made messages in one loop
        with everything in local names, because it runs once per line (see `make bench`, stdin).

        Args:
            lines: Without their ends.
            now: UTC Unix seconds.
            origin: See `take`; of a stream that has neither times, nor a peer, nor notes.
            batch: Takes messages that are complete.
        """
        source, zone, append = self._first, self._zone, batch.messages.append
        source.touched = now
        joiner = source.joiner
        host, default, fields, input = origin.host, origin.level, origin.fields, self._input
        firsts = [*map(_FIRST, lines)]
        in_columns = self._columns.read(lines, firsts, now) or repeat(None)
        last: tuple[int | None, float | None] | None = None
        """Of the line before, which has a message already and waits all the same."""
        size = 0
        for line, first, said in zip(lines, firsts, in_columns):  # noqa: B905  (the last may have no end)
            text: str | None = None
            common: tuple[int | None, float | None] | None = None
            if said is not None and not source.pieces:
                if last is None and joiner.waits:
                    joiner.release(batch)
                last = None
                append(_message_of(said, line, now, input, origin))
                size += len(line)
                continue
            if first in _USUAL_STARTS and line[-1:] not in _ODD_ENDS and not source.pieces:
                try:
                    text = line.decode()
                except UnicodeDecodeError:
                    pass
                else:
                    if "\x1b" in text:
                        common = None
                    elif first in _STAMP_STARTS:
                        common = read_common(text, now, zone)
                    elif "=" not in text and (last is not None or joiner.is_done) and is_prose(text):
                        common = _PROSE
            if common is not None and text is not None:
                if last is None and joiner.waits:
                    joiner.release_before(text, batch)
                level, seconds = last = common
                append(
                    Message(
                        now if seconds is None else seconds,
                        host,
                        text,
                        None,
                        default if level is None else level,
                        line,
                        now,
                        input,
                        None,
                        False,
                        None,
                        fields.copy() if fields else None,
                    )
                )
                size += len(line)
                continue
            if last is not None:
                size -= self._hold_last(last, now, origin, batch)
                last = None
            if first != b"{" or source.pieces or not self._object(line, now, source, origin, batch):
                self.take(line, now, origin, batch)
        if last is not None:
            size -= self._hold_last(last, now, origin, batch)
        batch.size += size

    def _hold_last(self, said: tuple[int | None, float | None], now: float, origin: Origin, batch: Batch) -> int:
        """Take the last message back, and let its line wait for the next; return its bytes."""
        message = batch.messages.pop()
        level, seconds = said
        self._first.joiner.hold(
            message.short_message, message.raw, now, origin, Header(level, seconds, level is not None)
        )
        return len(message.raw)

    def _object(self, line: bytes, now: float, source: _Source, origin: Origin, batch: Batch) -> bool:
        """Take a line that begins like an object; return whether it was one."""
        try:
            return self._objects(line.decode("utf-8", "replace"), line, now, source, origin, batch, 0)
        except Exception:  # noqa: BLE001  (a bug in reading one line must not lose the others)
            self._failed(line, now, origin, batch)
            return True

    def _failed(self, line: bytes, now: float, origin: Origin, batch: Batch) -> None:
        """Reject a line that could not be read, as far as it is known."""
        _log.exception("%s: a line failed", self._input)
        receipt = Receipt(self._input, origin.peer, now, batch)
        receipt.reject(Reason.UNEXPECTED_PROTOCOL, "a bug of the reader; the log has the details", line)

    def take(
        self, line: bytes, now: float, origin: Origin, batch: Batch, key: str = "", *, goes_on: bool = False
    ) -> None:
        """
        Take a line.

        Args:
            line: Without its end.
            now: UTC Unix seconds.
            origin: What its message has when the line does not say.
            batch: Takes messages that are complete.
            key: Names the source: the lines of one are joined.
            goes_on: Whether the source's next line has the rest of this one.
        """
        text = line.decode("utf-8", "replace").rstrip("\r\0")
        try:
            self._piece(text, line, now, origin, batch, key, 0, goes_on=goes_on)
        except Exception:  # noqa: BLE001  (a bug in reading one line must not lose the others)
            self._failed(line, now, origin, batch)

    def _piece(
        self,
        text: str,
        raw: bytes,
        now: float,
        origin: Origin,
        batch: Batch,
        key: str,
        depth: int,
        *,
        goes_on: bool,
    ) -> None:
        """Take a line or a piece of one."""
        source = self._first if not key else self._source(key, now, batch)
        source.touched = now
        if goes_on or source.pieces:
            source.began = source.began if source.pieces else now
            source.pieces.append(text)
            source.size += len(raw)
            source.origin = origin if source.origin is None else source.origin
            if goes_on and source.size < self._max_join_bytes:
                return
            text, origin = source.whole()
            raw = text.encode()
        self._text(text, raw, now, source, origin, batch, depth)

    def _source(self, key: str, now: float, batch: Batch) -> _Source:
        source = self._sources.get(key)
        if source is None:
            if len(self._sources) > _MAX_SOURCES:
                self.release(now, batch)
                self._sources = {"": self._first}
            source = self._sources[key] = _Source(Joiner(self._input, self._zone, self._max_join_bytes))
        return source

    def _text(
        self, text: str, raw: bytes, now: float, source: _Source, origin: Origin, batch: Batch, depth: int
    ) -> None:
        """Take a whole line."""
        if "\x1b" in text:
            text = _ANSI.sub("", text)
        text = text.removeprefix("\ufeff")
        first = text[:1]
        if first in WITHIN and source.joiner.is_within(text):
            source.joiner.take(text, raw, now, origin, batch)
            return
        if (first == "{" or (first in LEADING and text.lstrip(LEADING)[:1] == "{")) and self._objects(
            text, raw, now, source, origin, batch, depth
        ):
            return
        envelope = open_envelope(text, now, self._zone) if depth < _MAX_NESTING else None
        if envelope is None and depth == 0 and ("|" in text or "\u2502" in text):
            envelope = self._names.open(text, now, self._zone)
        if envelope is not None:
            self._envelope(envelope, raw, now, source, origin, batch, depth)
            return
        reading = record_in(text, now, self._zone) if "=" in text or text[-1:] == "}" else None
        if reading is not None:
            self._record(reading, raw, now, source, origin, batch)
            return
        source.joiner.take(text, raw, now, origin, batch)

    def _envelope(
        self, envelope: Envelope, raw: bytes, now: float, source: _Source, origin: Origin, batch: Batch, depth: int
    ) -> None:
        """Take the line in an envelope."""
        level = STREAM_LEVELS.get(envelope.stream, origin.level)
        inner = origin._replace(
            level=level,
            fields={**origin.fields, **envelope.fields},
            timestamp=origin.timestamp if envelope.seconds is None else envelope.seconds,
        )
        if envelope.key:
            self._piece(envelope.text, raw, now, inner, batch, envelope.key, depth + 1, goes_on=envelope.goes_on)
        else:
            self._text(envelope.text, raw, now, source, inner, batch, depth + 1)

    def _objects(
        self, text: str, raw: bytes, now: float, source: _Source, origin: Origin, batch: Batch, depth: int
    ) -> bool:
        """Take the JSON objects of a line; return whether all of them were records."""
        try:
            record: Any = msgspec.json.decode(text)
        except (ValueError, RecursionError):
            record = None
        if type(record) is dict and not ("log" in record or is_gelf(record)):
            reading = read_record(record, now, self._zone)
            if reading is not None:
                self._record(reading, raw, now, source, origin, batch)
            return reading is not None
        found = parse_objects(text)
        if found is None:
            return False
        records, strict = found
        readings: list[Reading | dict[str, Any] | Envelope] = []
        for record in records:
            if is_gelf(record):
                readings.append(record)
                continue
            found_in = open_docker_json(record, now, self._zone) if "log" in record and depth < _MAX_NESTING else None
            read = found_in or read_record(record, now, self._zone, strict=strict)
            if read is None:
                return False
            readings.append(read)
        for number, each in enumerate(readings):
            piece = raw if len(readings) == 1 else encode_json(records[number])
            if isinstance(each, Envelope):
                self._envelope(each, piece, now, source, origin, batch, depth)
            elif isinstance(each, Reading):
                self._record(each, piece, now, source, origin, batch)
            else:
                source.joiner.release(batch)
                take_document(self._gelf, each, piece, now, origin, batch)
        return True

    def _record(self, reading: Reading, raw: bytes, now: float, source: _Source, origin: Origin, batch: Batch) -> None:
        """Make the message of a record."""
        if source.joiner.waits:
            source.joiner.release(batch)
        batch.messages.append(message_of(reading, raw, now, self._input, origin))
        batch.size += len(raw)


def _message_of(said: Said, raw: bytes, now: float, input: str, origin: Origin) -> Message:
    """Make the message of a record that was read by columns."""
    stored, seconds, host, text, level, values = said
    fields: dict[str, FieldValue] | None = None
    row: Row | None = Row(stored.behind(()), values)
    if origin.fields:
        fields = dict(zip(stored.names, values, strict=True))
        for name, value in origin.fields.items():
            fields.setdefault(name, value)
        row = None
    time = now if seconds is None else seconds
    return Message(time, host or origin.host, text, None, level, raw, now, input, None, False, row, fields)


def read_text(text: str, now: float, zone: dt.tzinfo | None = None) -> Reading:
    """
    Read one whole text, such as that of a syslog message: of one line or, with a trace, of several.

    Args:
        text: Without what is around it.
        now: UTC Unix seconds: what an absurd time is measured by.
        zone: Of times without an offset; None: this machine's.

    Returns:
        What it says; level, time and host are None or empty where it does not. Further messages in it become lines of
        the first one's `full_message`.
    """
    usual = _read_one_object(text, now, zone) if text[:1] == "{" else read_usual(text, now, zone)
    if usual is not None:
        return usual
    reader, batch = TextReader(zone=zone), Batch()
    for line in text.split("\n"):
        reader.take(line.encode("utf-8", "replace"), now, _NOWHERE, batch)
    reader.release(now, batch)
    if not batch.messages:
        return Reading(text, None, None, None, "", {})
    first = batch.messages[0]
    whole = len(batch.messages) == 1
    return Reading(
        first.short_message,
        first.full_message if whole else text,
        first.level,
        None if first.timestamp == now else first.timestamp,
        "" if first.host == _NOWHERE.host else first.host,
        first.fields,
        first.notes,
    )


def _read_one_object(text: str, now: float, zone: dt.tzinfo | None) -> Reading | None:
    """Read a text that is one record of a logger, as `TextReader` would; None for any other."""
    try:
        record: Any = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None
    if type(record) is not dict or "log" in record or is_gelf(record) or "\n" in text or "\x1b" in text:
        return None
    reading = read_record(record, now, zone)
    return reading._replace(seconds=None) if reading is not None and reading.seconds == now else reading


_NOWHERE = Origin("\0", None)
"""A host that no text says: where it is left, none was said."""
