"""
Message: the one value that flows through everything.

Laws:

* A message is made by the codec and never changed afterwards, except for its lazy caches.
* ``fields`` holds additional fields without the leading underscore, and only str, int, float and bool values.
* ``raw`` is what the peer sent, inflated. When ``exact`` is true it is one line of JSON whose host, message,
  timestamp and level needed no repairing, so outputs write it instead of encoding again. Its additional fields are as
  the client sent them: a reader of GELF takes them the same way as we do.
* ``sequence`` increases in receive order within a process; ``id`` is derived from it, unless the message was stored
  before (``stored_id``).

The class is a ``msgspec.Struct`` because making one costs less than half of what a slotted class does
(0.2 against 0.5 microseconds here), and there is one per log line at 200 k/s. Additional fields are read from
``raw`` on first use for the same reason: a file output never asks for them, and a message that waits in a buffer
is a third of the size without them. Where records are read by columns, their values wait in a `Row`.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from gelf_listener.document_classes import DocumentClasses, make_document_class
from gelf_listener.notes import Note
from gelf_listener.rows import Row

FieldValue = str | int | float | bool
"""What an additional field may hold."""

OpenFields = Callable[[bytes], tuple[dict[str, FieldValue], tuple[Note, ...]]]
"""Reads the additional fields, and the notes on them, from a payload; the codec's part of a lazy message."""

_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {character: value for value, character in enumerate(_CROCKFORD)}
_DIGITS = str.maketrans(
    {chr(code): "0123456789abcdefghijklmnopqrstuv"[_VALUES.get(chr(code), 0)] for code in range(128)}
)
"""Crockford's characters as the digits that Python reads."""
_PAIRS = [high + low for high in _CROCKFORD for low in _CROCKFORD]
"""Two characters at a time: an id is half the cost of a line of JSON otherwise."""

PROCESS_ID = int.from_bytes(os.urandom(4), "big")
"""What tells the ids of this process from those of others: 32 random bits."""
SEQUENCE_BITS = 48
"""Of a sequence, that count messages; those above tell the process a message came from, if that is another one."""
_encode = msgspec.json.encode
_encode_lines = msgspec.json.Encoder().encode_lines
_classes = DocumentClasses()
_Bare: Any = make_document_class(())
"""The document of a message without additional fields."""
_next_sequence = itertools.count(1).__next__


class Peer(NamedTuple):
    """Where bytes came from. The host is a numeric address; port 0 means unknown."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return ``host:port``, IPv6 in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str | None) -> Peer | None:
        """Read what ``str`` gave; None for None and for an empty text."""
        host, _, port = (text or "").rpartition(":")
        return cls(host.strip("[]"), int(port)) if host else None


def ulid(seconds: float, sequence: int, origin: int = PROCESS_ID) -> str:
    """
    Make a ULID that sorts by time and then by receive order within this process.

    Args:
        seconds: UTC Unix seconds (48 bits of milliseconds are kept).
        sequence: Position within the origin (48 bits are kept).
        origin: What tells this sequence from others; this process by default (32 bits are kept).

    Returns:
        26 characters of Crockford base 32: 10 of time, then sequence, then the origin's 32 bits.
        The sequence comes first so that equal milliseconds keep receive order.
    """
    head, tail = _around(int(seconds * 1000), (sequence & 0xFFFFFFFFFFFF) >> 8, origin & 0xFFFFFFFF)
    return head + _PAIRS[(sequence & 0xFF) << 2 | (origin & 0xFFFFFFFF) >> 30] + tail


@lru_cache(maxsize=16)
def _around(milliseconds: int, high: int, origin: int) -> tuple[str, str]:
    """Return what 256 ULIDs that follow one another begin and end with."""
    milliseconds = min(max(milliseconds, 0), (1 << 48) - 1)
    number = high << 40 | origin
    pairs = _PAIRS
    head = (
        pairs[milliseconds >> 40]
        + pairs[milliseconds >> 30 & 1023]
        + pairs[milliseconds >> 20 & 1023]
        + pairs[milliseconds >> 10 & 1023]
        + pairs[milliseconds & 1023]
        + pairs[number >> 70]
        + pairs[number >> 60 & 1023]
        + pairs[number >> 50 & 1023]
        + pairs[number >> 40 & 1023]
    )
    return head, pairs[number >> 20 & 1023] + pairs[number >> 10 & 1023] + pairs[number & 1023]


def ids_of(messages: Sequence[Message]) -> list[str]:
    """Return the id of each message: 256 that follow one another differ in two characters."""
    found: list[str] = []
    before: tuple[int, int] | None = None
    head, tail, low = "", "", 0
    for message in messages:
        if message.stored_id:
            found.append(message.stored_id)
            continue
        sequence = message.sequence
        around = int(message.received_at * 1000), sequence >> 8
        if around != before:
            before, origin = around, message.origin
            head, tail = _around(around[0], (sequence & 0xFFFFFFFFFFFF) >> 8, origin)
            low = origin >> 30
        found.append(head + _PAIRS[(sequence & 0xFF) << 2 | low] + tail)
    return found


def ulid_key(id: str) -> int:
    """Return the low 64 bits of a ULID; characters that are none count as 0."""
    return _number(id[-13:]) & 0xFFFFFFFFFFFFFFFF


def ulid_milliseconds(id: str) -> int:
    """Return the time that a ULID begins with, UTC Unix milliseconds; characters that are none count as 0."""
    return _number(id[:10])


def _number(text: str) -> int:
    if not text.isascii():
        text = "".join([character if character in _VALUES else "0" for character in text])
    return int(text.translate(_DIGITS) or "0", 32)


def ulid_seconds(id: str) -> float:
    """Return the same in seconds."""
    return ulid_milliseconds(id) / 1000


def is_ulid(id: str) -> bool:
    """Whether a text is a ULID as `ulid` writes it."""
    return len(id) == 26 and all([character in _VALUES for character in id])


_REPR_TEXT, _REPR_VALUE, _REPR_FIELDS = 100, 40, 8
_MEANT = {
    "message": "short_message",
    "text": "short_message",
    "source": "host",
    "severity": "level",
    "time": "timestamp",
}
"""What others call some attributes."""


class Message(msgspec.Struct, gc=False, eq=False, kw_only=False):
    """
    A decoded log message.

    Attributes:
        timestamp: When it was logged, UTC Unix seconds, microsecond precision.
        host: Who logged it (Graylog's ``source``).
        short_message: The text (Graylog's ``message``).
        full_message: A longer text such as a traceback, if any.
        level: Syslog severity 0..7, if known.
        raw: The payload as received, inflated.
        received_at: When it arrived, UTC Unix seconds.
        input: Name of the input that took it.
        peer: Who sent it, if known.
        exact: Whether ``raw`` may be written as it is (see the module's laws).
        sequence: Receive order within the process that received it (see `SEQUENCE_BITS`).
        stored_id: The id of a message that comes back from a disk buffer or a store; empty for one just received.
        node: Which of the listeners that share a store took it; empty where only one has it.
    """

    timestamp: float
    host: str
    short_message: str
    full_message: str | None
    level: int | None
    raw: bytes
    received_at: float
    input: str = ""
    peer: Peer | None = None
    exact: bool = False
    _open: OpenFields | None = None
    _fields: dict[str, FieldValue] | None = None
    _notes: tuple[Note, ...] = ()
    sequence: int = msgspec.field(default_factory=_next_sequence)
    stored_id: str = ""
    node: str = ""

    @property
    def fields(self) -> dict[str, FieldValue]:
        """Additional fields without the leading underscore, in the order they were sent."""
        if self._fields is None:
            if self._open is None:
                self._fields = {}
            else:
                self._fields, self._notes = self._open(self.raw)
        return self._fields

    @property
    def notes(self) -> tuple[Note, ...]:
        """Deviations from GELF 1.1 that were repaired, or that a real Graylog would mind."""
        if self._fields is None:
            _ = self.fields
        return self._notes

    @property
    def id(self) -> str:
        """A ULID: it never changes, and increases in receive order within the process."""
        return self.stored_id or ulid(self.received_at, self.sequence, self.origin)

    @property
    def origin(self) -> int:
        """What tells the process that received it from others, as in its id."""
        return PROCESS_ID ^ (self.sequence >> SEQUENCE_BITS)

    @property
    def key(self) -> int:
        """The low 64 bits of the id: enough to find it, and a quarter of the cost of writing it out."""
        if self.stored_id:
            return ulid_key(self.stored_id)
        return (self.sequence & 0xFFFFFFFF) << 32 | self.origin

    def __repr__(self) -> str:
        """Return what tells a message from others, in a line; it stands in failed assertions."""
        text = self.short_message if len(self.short_message) <= _REPR_TEXT else self.short_message[:_REPR_TEXT] + "…"
        names = list(self.fields)
        fields = "".join(f" {name}={str(self.fields[name])[:_REPR_VALUE]!r}" for name in names[:_REPR_FIELDS])
        return f"<Message level={self.level} {self.host!r} {text!r}{fields}{' …' if len(names) > _REPR_FIELDS else ''}>"

    def __getattr__(self, name: str) -> Any:
        """Say what is meant by a name that Graylog has and a message has not."""
        meant = _MEANT.get(name)
        hint = f"; it is {meant}" if meant else "; additional fields are in .fields"
        raise AttributeError(f"a Message has no attribute {name!r}{hint}")

    def document(self) -> dict[str, Any]:
        """Return the message as a GELF 1.1 document: version first, additional fields with underscore last."""
        document: dict[str, Any] = {
            "version": "1.1",
            "host": self.host,
            "short_message": self.short_message,
        }
        if self.full_message is not None:
            document["full_message"] = self.full_message
        document["timestamp"] = self.timestamp
        if self.level is not None:
            document["level"] = self.level
        for name, value in self.fields.items():
            document["_" + name] = value
        return document

    def to_gelf(self) -> bytes:
        """Return one line of GELF 1.1 JSON in UTF-8, without line end: ``raw`` itself when it is exact."""
        if self.exact:
            return self.raw
        made = self._made()
        return _encode(self.document() if made is None else made)

    def _made(self) -> Any:
        """Return the document as one of the class for its names; None where there is none (see `DocumentClasses`)."""
        if self.full_message is not None or self.level is None:  # as few have
            return None
        fields = self._fields
        if fields is None:
            row = self._open
            if row is None:
                return _Bare("1.1", self.host, self.short_message, self.timestamp, self.level)
            if type(row) is Row:
                make = row.names.document or row.names.ask()
                if make is not None:
                    return make("1.1", self.host, self.short_message, self.timestamp, self.level, *row.values)
            fields = self.fields
        make = _classes.find((*fields,))
        if make is None:
            return None
        return make("1.1", self.host, self.short_message, self.timestamp, self.level, *fields.values())


class FieldColumns(NamedTuple):
    """
    The additional fields of messages that have the same names.

    Attributes:
        names: Of the fields; none of them twice.
        places: Of the messages among those given.
        columns: For each name the values of all messages.
    """

    names: tuple[str, ...]
    places: Sequence[int]
    columns: Sequence[Sequence[FieldValue]]


ReadColumns = Callable[[Sequence[Message]], list[FieldColumns]]
"""Gives the additional fields of messages, each in one group: what `Message.fields` says, without a dict for each."""


def gelf_lines(messages: Sequence[Message]) -> bytes:
    """
    Return lines of GELF 1.1 as `Message.to_gelf` writes them, each with its end.

    Those that are not written as they came are encoded in one call for all, which halves what a line costs (see `make
    bench`, stdin).
    """
    if not messages or messages[0].exact:
        lines = [message.raw if message.exact else message.to_gelf() for message in messages]
        lines.append(b"")
        return b"\n".join(lines)
    written: list[Any] = []
    for message in messages:
        made = None if message.exact else message._made()  # noqa: SLF001  (what a message is made of)
        written.append(msgspec.Raw(message.to_gelf()) if made is None else made)
    return _encode_lines(written)
