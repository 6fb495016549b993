"""
Shapes: records that a service writes again and again -> Message, by one match instead of a walk through their fields.

Records of one line of code have the same fields, attributes and severity; texts, numbers and ids differ. A shape is
learnt from one of them: a regular expression with all that stays the same as literals. What it matches is believed only
when every length in the record is that of what was found, for then there is no other way to read the record. All else
is read field by field (`protobuf.py`), with the same result (see `python -m bench.intake`).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Sequence
from itertools import repeat
from math import isfinite
from operator import getitem
from struct import unpack
from typing import Any, NamedTuple

from gelf_listener.codec.otlp.alike import Alike, Read, Unusual
from gelf_listener.codec.otlp.records import TRACE_NAMES, Scope
from gelf_listener.codec.protobuf import BYTES, FIXED32, FIXED64, VARINT, fields, read_varint, signed, write_varint
from gelf_listener.codec.times import SECONDS_MAX, SECONDS_MIN
from gelf_listener.errors import Rejected

_LEARN_EVERY = 64
"""Of so many records that no shape matched, one is looked at: making a shape costs as much as reading a hundred."""

_MAX_SHAPES = 4
"""Each record is held against all of them, so few pay; those that matched last are kept."""

_MAX_RECORD_BYTES = 4096
_MAX_KNOWN_LENGTH = 256
"""Headers of texts up to this length are kept ready."""

_LENGTH = rb"[\x80-\xff]?+[\x00-\x7f]"
_TEXT, _INTEGER = b"\x0a", b"\x18"
"""Keys of the fields of AnyValue."""


class _Header(dict[int, bytes]):
    """
    What stands before a text or an integer, by its length: keys, the name, and the lengths of all that it is in.

    Args:
        name: Of the attribute; empty for the body.
        kind: The key of its value.
    """

    def __init__(self, name: bytes, kind: bytes) -> None:
        super().__init__()
        self._name = b"\x0a" + write_varint(len(name)) + name + b"\x12" if name else b""
        self._kind = kind

    def __missing__(self, length: int) -> bytes:
        written = self._kind + write_varint(length) if self._kind == _TEXT else self._kind
        written = write_varint(length + len(written)) + written
        if self._name:
            written = self._name + written
            written = b"\x32" + write_varint(length + len(written)) + written
        else:
            written = b"\x2a" + written
        if length < _MAX_KNOWN_LENGTH:
            self[length] = written
        return written

    @property
    def pattern(self) -> bytes:
        """A regular expression for it, whatever the lengths are."""
        value = _LENGTH + re.escape(self._kind) + (_LENGTH if self._kind == _TEXT else b"")
        return b"\\x%02x" % self.key + (_LENGTH + re.escape(self._name) if self._name else b"") + value

    @property
    def key(self) -> int:
        """The byte that it begins with."""
        return 0x32 if self._name else 0x2A


_NO_IDS = frozenset((bytes(16), bytes(8)))


class _Kind(enum.Enum):
    """What differs from record to record; of the first two the value is their format in a struct."""

    TIME = "Q"
    DOUBLE = "d"
    TEXT = "text"
    INTEGER = "integer"
    ID = "id"


class _Part(NamedTuple):
    """Something that differs: what it is, and in which group of the match."""

    kind: _Kind
    group: int


class _Layout:
    """
    The fields of a record in their order, as a regular expression.

    Args:
        record: A LogRecord.

    Raises:
        Unusual: If it has no shape.
        ValueError: Likewise.
        Rejected: Likewise.
    """

    def __init__(self, record: bytes) -> None:
        self._stretches = [_Stretch(None)]
        self.fields: dict[int, Any] = {}
        """By number: a part, or the value of what stays the same."""
        self.attributes: dict[str, _Part] = {}
        self.headers: dict[int, _Header] = {}
        """By the group they are in; the group after it is what they are of."""
        self._groups = 0
        for number, kind, at, end in fields(record):
            if number == 6 and kind == BYTES:
                self._add_attribute(record, at, end)
            elif number not in self.fields:
                self.fields[number] = self._add_field(record, number, kind, at, end)
            else:
                raise Unusual
        is_whole = self.fields.keys() >= {2, 5} and self.fields.keys() & {1, 11}
        if not is_whole or not TRACE_NAMES.isdisjoint(self.attributes):
            raise Unusual

    def _add_field(self, record: bytes, number: int, kind: int, at: int, end: int) -> Any:
        key, size = bytes((number << 3 | kind,)), end - at
        if number in (1, 11) and kind == FIXED64:
            return self._add_fixed(key, 8, _Kind.TIME)
        if number == 2 and kind == VARINT and 0 < at < 25:
            self._stretches[-1].add(key + bytes((at,)))
            return at
        if number == 8 and kind == FIXED32:
            self._stretches[-1].add(key + at.to_bytes(4, "little"))
            return at
        if number in (3, 12) and kind == BYTES and size < 64:
            self._stretches[-1].add(key + bytes((size,)) + record[at:end])
            return record[at:end].decode()
        if number == 5 and kind == BYTES and [each[:2] for each in fields(record, at, end)] == [(1, BYTES)]:
            return self._add_variable(_Header(b"", _TEXT), b"", _Kind.TEXT)
        if kind == BYTES and (number, size) in ((9, 16), (10, 8)):
            return self._add_fixed(key + bytes((size,)), size, _Kind.ID)
        raise Unusual

    def _add_attribute(self, record: bytes, at: int, end: int) -> None:
        (first, first_kind, name_at, name_end), (second, second_kind, value_at, _) = fields(record, at, end)
        [(number, kind, _, _)] = fields(record, value_at, end)
        raw = record[name_at:name_end]
        name = raw.decode()
        is_usual = (first, first_kind, second, second_kind) == (1, BYTES, 2, BYTES)
        if not is_usual or not name or name in self.attributes:
            raise Unusual
        if (number, kind) == (1, BYTES):
            part = self._add_variable(_Header(raw, _TEXT), b"", _Kind.TEXT)
        elif (number, kind) == (3, VARINT):
            part = self._add_variable(_Header(raw, _INTEGER), rb"[\x80-\xff]{0,9}[\x00-\x7f]", _Kind.INTEGER)
        elif (number, kind) == (4, FIXED64) and end - at < 128:
            part = self._add_fixed(record[at - 2 : end - 8], 8, _Kind.DOUBLE)
        else:
            raise Unusual
        self.attributes[name] = part

    def _add_fixed(self, before: bytes, size: int, kind: _Kind) -> _Part:
        self._stretches[-1].add(before)
        self._stretches[-1].add_group(b".{%d}" % size)
        self._groups += 1
        return _Part(kind, self._groups - 1)

    def _add_variable(self, header: _Header, content: bytes, kind: _Kind) -> _Part:
        """Add what has any length: it ends where all up to the header of the next one matches first, or nowhere."""
        self._stretches[-1].add_header(header)
        self._stretches.append(_Stretch(content))
        self.headers[self._groups] = header
        self._groups += 2
        return _Part(kind, self._groups - 1)

    @property
    def pattern(self) -> bytes:
        """The regular expression."""
        return b"".join([each.pattern for each in self._stretches])


class _Stretch:
    """
    What has any length, and all behind it up to and with the next header, of which a pattern is made.

    Args:
        content: A pattern for the former; empty for a text, which may be anything; None before the first of them.
    """

    def __init__(self, content: bytes | None) -> None:
        self._content = content
        self._first = b""
        """A pattern for the first byte behind it."""
        self._behind = b""
        self._ahead = b""
        """The same without groups."""

    def add(self, literal: bytes) -> None:
        """Add what stays the same."""
        self._first = self._first or b"\\x%02x" % literal[0]
        self._behind += re.escape(literal)
        self._ahead += re.escape(literal)

    def add_group(self, pattern: bytes) -> None:
        """Add what differs."""
        self._behind += b"(" + pattern + b")"
        self._ahead += pattern

    def add_header(self, header: _Header) -> None:
        """Add what stands before the next that has any length."""
        self._first = self._first or b"\\x%02x" % header.key
        self.add_group(header.pattern)

    @property
    def pattern(self) -> bytes:
        """The regular expression; a text is searched only once for what is behind it."""
        if self._content is None:
            return self._behind
        content = self._content
        if not content:
            content = b"(?:[^%b]++|(?!%b).)*+" % (self._first, self._ahead) if self._ahead else b".*+"
        return b"(?>(" + content + b")" + self._behind + b")"


class Shape(Alike):
    """
    Reads the records that have the layout of one.

    Args:
        layout: Its.

    Raises:
        Unusual: If its names need a second look.
    """

    def __init__(self, layout: _Layout) -> None:
        had = layout.fields
        named = {"time": had[1] if 1 in had else had[11], "body": had[5]}
        own = dict(layout.attributes)
        own |= {name: had[number] for number, name in ((9, "trace_id"), (10, "span_id")) if number in had}
        super().__init__([*own], had[2], had.get(3, ""), had.get(8, 0), had.get(12, ""))
        self.pattern = layout.pattern
        self.match = re.compile(layout.pattern, re.DOTALL).fullmatch
        self._headers = layout.headers
        self._parts = [*named.values(), *own.values()]

    def read(self, rows: list[tuple[bytes, ...]]) -> Iterator[Read]:
        """
        Read records by columns, which costs a third of reading them one by one.

        Args:
            rows: The groups of the match of each.

        Returns:
            What each says.

        Raises:
            Unusual: If one of them may have another shape.
        """
        columns = list(zip(*rows, strict=True))
        for group, header in self._headers.items():
            if tuple(map(getitem, repeat(header), map(len, columns[group + 1]))) != columns[group]:
                raise Unusual
        times, bodies, *values = [_read_column(kind, columns[group]) for kind, group in self._parts]
        if not SECONDS_MIN <= min(times) / 1e9 <= max(times) / 1e9 < SECONDS_MAX:
            raise Unusual
        values += [(value,) * len(rows) for value in self.always]
        own = zip(*values, strict=True) if values else repeat((), len(rows))
        return zip(repeat(self), [time / 1_000_000_000 for time in times], bodies, own, strict=False)


def _read_column(kind: _Kind, column: tuple[bytes, ...]) -> Sequence[Any]:
    """
    Read the same part of several records.

    Raises:
        Unusual: If one of them is nothing that a message may hold.
    """
    try:
        if kind is _Kind.TEXT:
            return [*map(bytes.decode, column)]
        if kind is _Kind.INTEGER:
            return [varint[0] if len(varint) == 1 else signed(read_varint(varint, 0)[0]) for varint in column]
    except (UnicodeDecodeError, Rejected):
        raise Unusual from None
    if kind is _Kind.ID:
        if _NO_IDS.isdisjoint(column):
            return [*map(bytes.hex, column)]
        raise Unusual
    numbers = unpack(f"<{len(column)}{kind.value}", b"".join(column))
    if not isfinite(sum(numbers)):
        raise Unusual
    return numbers


class Shapes:
    """The shapes of the records that came last, of all inputs of a process."""

    def __init__(self) -> None:
        self._shapes: list[Shape] = []
        self._missed = 0

    def read(self, data: bytes, records: Sequence[tuple[int, int, Scope]]) -> list[Read | None]:
        """
        Read the records that have a shape.

        Args:
            data: The request.
            records: Where they begin and end, and the scopes they are in.

        Returns:
            What each says; None for one that is to be read field by field.
        """
        found: list[Read | None] = [None] * len(records)
        matched: list[list[tuple[int, tuple[bytes, ...]]]] = [[] for _ in self._shapes]
        tried = [*zip([shape.match for shape in self._shapes], matched, strict=True)]
        missed: tuple[int, int] | None = None
        for place, (at, end, _) in enumerate(records):
            for match, rows in tried:
                groups = match(data, at, end)
                if groups is not None:
                    rows.append((place, groups.groups()))
                    break
            else:
                self._missed += 1
                missed = at, end
        for shape, rows in zip(self._shapes, matched, strict=True):
            try:
                for (place, _), read in zip(rows, shape.read([row for _, row in rows]) if rows else (), strict=True):
                    found[place] = read
            except Unusual:
                continue
        hits = {shape: len(rows) for shape, rows in zip(self._shapes, matched, strict=True)}
        self._shapes.sort(key=hits.__getitem__, reverse=True)
        if missed is not None and self._missed >= _LEARN_EVERY:
            self._missed = 0
            self._learn(data[missed[0] : missed[1]])
        return found

    def _learn(self, record: bytes) -> None:
        """Make a shape of a record; the one that matched least goes."""
        if len(record) > _MAX_RECORD_BYTES:
            return
        try:
            layout = _Layout(record)
            if all(each.pattern != layout.pattern for each in self._shapes):
                self._shapes.insert(0, Shape(layout))
        except (Unusual, Rejected, ValueError):
            return
        del self._shapes[_MAX_SHAPES:]
