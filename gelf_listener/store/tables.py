"""
Tables: how the messages of a block lie on disk, by what they have in common.

Messages of one service have the same names in the same order. Cut before the quotes that follow a comma, a payload is a
row of fields, and payloads with as many fields are a table. What all rows have in a column is written once, names
among it; for what differs, see `cells`. That takes half the room of compressing one message after the other, and makes
documents for the index by the column (`sheets`).

It is about bytes only, so whatever is packed comes back as it was. Messages that have no table, for they are long or
have nobody like them, lie beside the tables as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from itertools import chain, repeat
from typing import overload

import msgspec

from gelf_listener.store.cells import Column, lay_out
from gelf_listener.store.following import Following, leave_out, put_back

PAYLOAD = b'{"'
"""How a payload begins."""
NAME_END = b'":'
"""What ends a field's name."""
_CUT = b',"'
"""What stands between two fields, as most libraries write it."""
_WIDE_CUT = b', "'
"""As others do."""
_MIN_FIELDS = 3
_MAX_FIELDS = 500
_MAX_BYTES = 16_384
"""Longest message in a table."""
_MIN_ROWS = 4
_MAX_TABLES = 200
_TOGETHER = 16
"""Values that lie together where they have nothing in common: that many are looked at to find one."""
_OWN_BLOCK = 1000
"""Bytes of a column from which on it is compressed by itself: what a code of its own takes is less than it saves."""
_A_MESSAGE = 16
"""Rows that are made as quickly, all together, as one by itself."""


class Table(msgspec.Struct, array_like=True, gc=False):
    """
    Messages with as many fields.

    Attributes:
        cut: What stands between two fields.
        texts: What all of them have before the first column, between two, and after the last.
        columns: What differs; what stands before the payloads comes first.
        rows: How many messages.
        following: What was left out of columns, until it is put back.
    """

    cut: bytes
    texts: list[bytes]
    columns: list[Column]
    rows: int
    following: list[Following] = []

    def message(self, row: int) -> bytes:
        """Return a message."""
        cut = self.cut
        cells = [column.of(row, cut) for column in self.columns]
        return b"".join(chain.from_iterable(zip(self.texts, [*cells, b""], strict=True)))

    def messages(self) -> Iterator[bytes]:
        """Give all messages."""
        return self._joined([column.all(self.cut) for column in self.columns], self.rows)

    def some(self, rows: Sequence[int]) -> Iterator[bytes]:
        """Give some messages, which takes less than one by one from some ten on."""
        return self._joined([column.some(rows, self.cut) for column in self.columns], len(rows))

    def _joined(self, columns: Sequence[Sequence[bytes]], rows: int) -> Iterator[bytes]:
        """Put messages together of what differs in each."""
        first, *texts = self.texts
        parts: list[Iterable[bytes]] = [repeat(first, rows)]
        for column, text in zip(columns, texts, strict=True):
            parts += [column, repeat(text)]
        return map(b"".join, zip(*parts, strict=False))


class _Packed(msgspec.Struct):
    """
    A block.

    Attributes:
        tables: Those it has.
        numbers: For each message, in order, which table it is in, from 1 on; 0 for none.
        others: Messages without a table.
    """

    tables: list[Table]
    numbers: bytes
    others: list[bytes]


class Block(Sequence[bytes]):
    """The messages of a block, each made when somebody asks for it."""

    def __init__(self, packed: _Packed) -> None:
        self.tables = packed.tables
        self.numbers = packed.numbers
        """Which table each message is in, from 1 on; 0 for none."""
        self._others = packed.others
        self._asked = [0 for _ in self.tables]
        """How many messages of each table were made one by one."""
        self._made: list[list[bytes] | None] = [None for _ in self.tables]

    def pick(self, places: Sequence[int]) -> list[bytes]:
        """Return the messages at some places, rising, as many together as that is quicker for."""
        if len(places) * 2 > len(self.numbers):
            return [self.messages[place] for place in places]
        if len(places) < _TOGETHER:
            return [self[place] for place in places]
        numbers = self.numbers
        asked: dict[int, list[int]] = {}
        for place in places:
            number = numbers[place]
            asked.setdefault(number, []).append(numbers.count(number, 0, place))
        made = {
            number: iter(self.tables[number - 1].some(rows) if number else [self._others[row] for row in rows])
            for number, rows in asked.items()
        }
        return [next(made[numbers[place]]) for place in places]

    def __len__(self) -> int:
        """Return how many messages there are."""
        return len(self.numbers)

    @overload
    def __getitem__(self, place: int) -> bytes: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[bytes]: ...

    def __getitem__(self, place: int | slice) -> bytes | Sequence[bytes]:
        """Return a message."""
        if isinstance(place, slice):
            return self.messages[place]
        number = self.numbers[place]
        row = self.numbers.count(number, 0, place)
        if not number:
            return self._others[row]
        table, made = self.tables[number - 1], self._made[number - 1]
        if made is None and self._asked[number - 1] * _A_MESSAGE > table.rows:  # all of them take as long
            made = self._made[number - 1] = list(table.messages())
        self._asked[number - 1] += 1
        return table.message(row) if made is None else made[row]

    def __iter__(self) -> Iterator[bytes]:
        """Give all messages."""
        return iter(self.messages)

    @cached_property
    def messages(self) -> list[bytes]:
        """All of them."""
        numbers = self.numbers
        made = [iter(self._others), *[table.messages() for table in self.tables]]
        return [next(made[number]) for number in numbers]


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[bytes] | _Packed).decode


def pack_block(messages: Sequence[bytes], *, quickly: bool = False) -> list[bytes]:
    """
    Return messages as they lie in a block.

    Args:
        messages: To be packed.
        quickly: Whether to write them one after the other, which takes twice the room and no time.

    Returns:
        The parts of the block, which have little in common: each is to be compressed with a code of its own.
    """
    if quickly:
        return [_encode(messages)]
    found: dict[int, list[list[bytes]]] = {}  # by how many fields rows have, negative for the second cut; 0 for none
    kinds: list[int] = []
    for message in messages:
        kind, row = 0, [message]
        if len(message) <= _MAX_BYTES:
            head, _, payload = message.partition(PAYLOAD)
            fields = payload.split(_CUT)
            if len(fields) >= _MIN_FIELDS:
                kind, cut = len(fields), _CUT
            else:
                fields = payload.split(_WIDE_CUT)
                kind, cut = -len(fields), _WIDE_CUT
            row = [head, *fields]
            if cut in head:
                kind = 0
        kinds.append(kind)
        if kind in found:
            found[kind].append(row)
        else:
            found[kind] = [row]
    numbers: dict[int, int] = {}
    tables: list[Table] = []
    for kind, rows in found.items():
        if len(rows) >= _MIN_ROWS and _MIN_FIELDS <= abs(kind) <= _MAX_FIELDS and len(tables) < _MAX_TABLES:
            tables.append(_Laying(_CUT if kind > 0 else _WIDE_CUT, rows).table())
            numbers[kind] = len(tables)
    numbered = bytes([numbers.get(kind, 0) for kind in kinds])
    others = [message for message, number in zip(messages, numbered, strict=True) if not number]
    return _parts(_Packed(tables, numbered, others))


def _parts(packed: _Packed) -> list[bytes]:
    """Return a block as bytes, cut before and after its large columns."""
    data, at = _encode(packed), 0
    parts = []
    for table in packed.tables:
        for column in table.columns:
            part = _encode(column)
            if len(part) >= _OWN_BLOCK:
                begin = data.index(part, at)
                parts += [data[at:begin], part]
                at = begin + len(part)
    return [part for part in [*parts, data[at:]] if part]


def unpack_block(data: bytes) -> Sequence[bytes]:
    """
    Return the messages of a block; those of earlier versions, and of floods, are a list.

    Raises:
        msgspec.MsgspecError: If it is none.
    """
    found: list[bytes] | _Packed = _decode(data)
    if not isinstance(found, _Packed):
        return found
    for table in found.tables:
        put_back(table.columns, table.following)
    return Block(found)


class _Laying:
    """
    Lays rows out as a table.

    Args:
        cut: What stands between two fields.
        rows: Each with what is before the payload, and its fields; a cut is in none of them.
    """

    def __init__(self, cut: bytes, rows: list[list[bytes]]) -> None:
        self._cut = cut
        self._rows = rows
        self._texts: list[bytes] = []
        self._columns: list[Column] = []
        self._text: list[bytes] = []
        """What stands behind the last column."""

    def table(self) -> Table:
        """Return the table."""
        heads, *fields = zip(*self._rows, strict=True)
        self._put(heads, b"", b"")
        self._text.append(PAYLOAD)
        for number, cells in enumerate(fields):
            if number:
                self._text.append(self._cut)
            self._put_field(cells)
        texts, following = [*self._texts, b"".join(self._text)], leave_out(self._columns)
        return Table(self._cut, texts, self._columns, len(self._rows), following)

    def _put_field(self, cells: tuple[bytes, ...]) -> None:
        first = cells[0]
        if cells[-1] == first and cells.count(first) == len(cells):
            self._text.append(first)
            return
        if self._put(cells, *_around(first)):
            return
        parted = [cell.partition(NAME_END) for cell in cells]
        if not all([between for _, between, _ in parted]):
            self._put(cells, b"", b"")
            return
        self._put([name for name, _, _ in parted], b"", b"")
        self._text.append(NAME_END)
        values = [value for _, _, value in parted]
        if not self._put(values, *_around(NAME_END + values[0], len(NAME_END))):
            self._put(values, b"", b"")

    def _put(self, cells: Sequence[bytes], begin: bytes, end: bytes) -> bool:
        """Put a column of what stands between a beginning and an end; False if not all cells have both."""
        values = cells
        if begin or end:
            joined = self._cut.join(cells)
            values = joined[len(begin) : len(joined) - len(end)].split(end + self._cut + begin)
            if len(values) < len(cells) or not (joined.startswith(begin) and joined.endswith(end)):
                return False
        self._texts.append(b"".join([*self._text, begin]))
        self._text = [end]
        self._columns.append(lay_out(values, self._cut))
        return True


def _around(field: bytes, at: int = 0) -> tuple[bytes, bytes]:
    """Return what is before and after a field's value, from a place in its beginning on; nothing if it has none."""
    name = field.find(NAME_END)
    if name < 0:
        return b"", b""
    begin = name + len(NAME_END)
    if field[begin : begin + 1] == b" ":
        begin += 1
    end = len(field)
    if field[end - 1 :] == b"}":
        end -= 1
    if end >= begin + 2 and field[begin : begin + 1] == field[end - 1 : end] == b'"':
        begin, end = begin + 1, end - 1
    return (field[at:begin], field[end:]) if end >= begin else (b"", b"")
