"""
Sheets: tables of payloads in order, read as JSON a column at a time.

A table knows where each field ends, what its name is, and whether quotes are around its values. So one look at a column
says of all rows what a parser would say of each: all texts of a column are parsed as one list, and so are all numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import msgspec

from gelf_listener.store.cells import Column
from gelf_listener.store.tables import NAME_END, PAYLOAD, Table

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[Any]).decode
_decode_texts = msgspec.json.Decoder(list[str]).decode

Kind = Literal["text", "whole", "decimal", "both"]

_LEAST, _MOST = -(1 << 63), (1 << 63) - 1
_Part = bytes | Column


class Slot(NamedTuple):
    """
    A key and its value, in each row.

    Attributes:
        keys: One for each row.
        same: Whether all keys are the same.
        kind: Whether they are texts, whole numbers, decimal ones, or some whole and some decimal.
        values: One for each row, as they stand in JSON, texts without quotes.
        texts: The texts that these are, of texts.
        longest: Characters of the longest value.
    """

    keys: Sequence[str]
    same: bool
    kind: Kind
    values: Sequence[str]
    texts: Sequence[str]
    longest: int


class Sheet(NamedTuple):
    """
    A table.

    Attributes:
        heads: What is before each payload.
        slots: What the payloads have, in order.
    """

    heads: Sequence[bytes]
    slots: Sequence[Slot]


def read_sheet(table: Table) -> Sheet | None:
    """
    Read a table.

    Returns:
        Its payloads' keys and values; None if they have anything but texts and plain numbers.

    Raises:
        ValueError: If what it holds are no payloads in order.
    """
    fields = _fields(table)
    if fields is None:
        return None
    slots = [_slot(field, table.cut, table.rows) for field in fields]
    sure = [slot for slot in slots if slot is not None]
    return Sheet(table.columns[0].all(table.cut), sure) if len(sure) == len(slots) else None


def _fields(table: Table) -> list[list[_Part]] | None:
    """Cut a table between its fields: what is the same in all rows, and columns, take turns in each."""
    before, first, *texts = table.texts
    if before or not first.startswith(PAYLOAD):
        return None
    fields: list[list[_Part]] = []
    for text, column in zip([first[len(PAYLOAD) :], *texts], [None, *table.columns[1:]], strict=True):
        begin, *more = text.split(table.cut)
        if column is None:
            fields.append([begin])
        else:
            fields[-1] += [column, begin]
        fields += [[each] for each in more]
    end = _text(fields[-1][-1])
    if not end.endswith(b"}"):
        return None
    fields[-1][-1] = end[:-1]
    return fields


def _slot(field: list[_Part], cut: bytes, rows: int) -> Slot | None:
    """Read a field; None if it is not just a key and a text or a number."""
    name: _Part
    name, end, begin = _text(field[0]).partition(NAME_END)
    more = field[1:]
    if not end:  # names differ
        if name or len(more) < 2 or not _text(more[1]).startswith(NAME_END):
            return None
        name, begin, more = more[0], _text(more[1])[len(NAME_END) :], more[2:]
    names = _different(name, cut)
    if b"\\" in names or b'"' in names.replace(cut, b""):
        return None
    column: _Part
    if more:
        column, *ends = more
        around = begin.strip(b" "), b"".join(map(_text, ends)).strip(b" ")
        quoted = around == (b'"', b'"')
        if not quoted and around != (b"", b""):
            return None
    else:
        column = begin.strip(b" ")
        quoted = len(column) > 1 and column.startswith(b'"') and column.endswith(b'"')
        column = column[1:-1] if quoted else column
    keys, same = _spread(name, names.decode().split(cut.decode()), rows), isinstance(name, bytes)
    different = _different(column, cut)
    if not quoted:
        found = _numbers(different, cut)
        return None if found is None else Slot(keys, same, found[0], _spread(column, found[1], rows), (), 0)
    texts = _decode_texts(b'["%b"]' % different.replace(cut, b'","'))
    if len(texts) != different.count(cut) + 1:
        return None
    read = _spread(column, texts, rows)
    if b"\\" not in different:
        return Slot(keys, same, "text", read, read, max(map(len, texts)))
    written = different.decode().split(cut.decode())
    return Slot(keys, same, "text", _spread(column, written, rows), read, max(map(len, written)))


def _numbers(different: bytes, cut: bytes) -> tuple[Kind, Sequence[str]] | None:
    """Read numbers; None if they are anything else, or do not fit 64 bits."""
    numbers = _decode(b"[%b]" % different.replace(cut, b","))
    kinds = set(map(type, numbers))
    if len(numbers) != different.count(cut) + 1 or not {int, float}.issuperset(kinds):
        return None
    if int in kinds and not _LEAST <= min(numbers) <= max(numbers) <= _MOST:
        return None
    kind: Kind = "both" if len(kinds) > 1 else "whole" if int in kinds else "decimal"
    return kind, _encode(numbers)[1:-1].decode().split(",")


def _text(part: _Part) -> bytes:
    """Return what is the same in all rows; raise ValueError if it differs."""
    if not isinstance(part, bytes):
        raise ValueError("there is no name, or more than one value")  # noqa: TRY004  (it is about what it holds)
    return part


def _different(part: _Part, cut: bytes) -> bytes:
    return part if isinstance(part, bytes) else part.different(cut)


def _spread(part: _Part, different: Sequence[str], rows: int) -> Sequence[str]:
    return [different[0]] * rows if isinstance(part, bytes) else part.spread(different)
