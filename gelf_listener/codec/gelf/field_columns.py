"""
Field columns: many messages -> their additional fields by columns, messages with the same names together.

For what is written of every message, such as the documents of an index: a payload that was not read yet is parsed, and
its values are picked, without a dict of fields for each (see `python -m bench.cluster`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from gelf_listener.codec.gelf.lenient import MAX_STRUCTURE, read_fields
from gelf_listener.codec.gelf.normaliser import pick_fields
from gelf_listener.message import FieldColumns, Message
from gelf_listener.rows import Row

_decode = msgspec.json.Decoder().decode
_LARGE_BYTES = 2 * MAX_STRUCTURE
_I64 = 1 << 63
_PLAIN = frozenset((str, float, bool))


_Groups = dict[tuple[str, ...], tuple[list[int], list[Sequence[Any]]]]
"""Names -> places and values of the messages that have them."""


def field_columns_of(messages: Sequence[Message]) -> list[FieldColumns]:
    """Return the additional fields of messages, each in one group; `ReadColumns`."""
    picked: _Groups = {}
    read: list[int] = []
    for place, message in enumerate(messages):
        found = None
        if message._fields is None:
            opener = message._open  # noqa: SLF001
            if opener is read_fields:
                found = _pick(message.raw)
            elif type(opener) is Row:
                found = opener.names.names, opener.values
        if found is None:
            read.append(place)
            continue
        names, values = found
        if names in picked:
            places, rows = picked[names]
            places.append(place)
            rows.append(values)
        else:
            picked[names] = [place], [values]
    groups: _Groups = {}
    for names, group in picked.items():
        places, rows = group
        odd = _odd(names, rows)
        read += [places[row] for row in odd]
        if not odd:
            groups[names] = group
        elif len(odd) < len(rows):
            left = [row for row in range(len(rows)) if row not in odd]
            groups[names] = [places[row] for row in left], [rows[row] for row in left]
    for place in read:
        fields = messages[place].fields
        _put(groups, place, tuple(fields), tuple(fields.values()))
    return [FieldColumns(names, places, list(zip(*rows, strict=True))) for names, (places, rows) in groups.items()]


def _put(groups: _Groups, place: int, names: tuple[str, ...], values: Sequence[Any]) -> None:
    try:
        places, rows = groups[names]
    except KeyError:
        places, rows = groups[names] = [], []
    places.append(place)
    rows.append(values)


def _pick(payload: bytes) -> tuple[tuple[str, ...], Sequence[Any]] | None:
    """Return the names and the unread values of a payload; None if that is not easy."""
    if len(payload) > _LARGE_BYTES:
        return None
    try:
        document = _decode(payload)
    except (ValueError, RecursionError):
        return None
    return pick_fields(document) if type(document) is dict else None


def _odd(names: tuple[str, ...], rows: Sequence[Sequence[Any]]) -> set[int]:
    """Return the rows that have to be read: of names that come twice, or with more than texts and plain numbers."""
    if len(set(names)) < len(names):
        return set(range(len(rows)))
    odd: set[int] = set()
    for column in zip(*rows, strict=True):
        kinds = set(map(type, column)) - _PLAIN
        if kinds and (kinds != {int} or not _fit(column)):
            odd.update([row for row, value in enumerate(column) if type(value) not in _PLAIN and not _fits(value)])
    return odd


def _fit(column: Sequence[Any]) -> bool:
    """Whether the numbers of a column, which may have texts as well, all fit 64 bits."""
    try:
        return bool(min(column) >= -_I64 and max(column) < _I64)
    except TypeError:
        return False


def _fits(value: Any) -> bool:
    return type(value) is int and -_I64 <= value < _I64
