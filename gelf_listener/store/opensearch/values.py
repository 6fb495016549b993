"""Values of additional fields, as they stand in ``v`` and ``n`` of a document (`layout`): one by one and by columns."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from gelf_listener.message import FieldValue
from gelf_listener.store.schema import MAX_TEXT_CHARACTERS

MOST_INTEGER = 1 << 63
"""What a column of whole numbers has no room for."""


def marked(value: FieldValue) -> str | None:
    """Return a value as it stands in ``v``; None when it is too long. Equal numbers are written alike."""
    if isinstance(value, str):
        return "=" + value if len(value) <= MAX_TEXT_CHARACTERS else None
    if isinstance(value, bool):
        return "btrue" if value else "bfalse"
    if isinstance(value, float):
        if not math.isfinite(value):
            return f"n{value}"
        if not value.is_integer():
            return f"n{value!r}"
        value = int(value)
    return f"n{value}" if value.bit_length() < MAX_TEXT_CHARACTERS else None


def value_of(term: str) -> FieldValue:
    """Return the value that `marked` wrote."""
    kind, text = term[:1], term[1:]
    if kind == "=":
        return text
    if kind == "b":
        return text == "true"
    return int(text) if text.lstrip("-").isdigit() else float(text)


def number_of(value: FieldValue) -> float | None:
    """Return a number as it stands in ``n``; None for what is none there."""
    if isinstance(value, (str, bool)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


class ValueColumn(NamedTuple):
    """Values under one name, as they stand in ``v`` and, of numbers, in ``n``."""

    terms: Sequence[str]
    numbers: Sequence[float] = ()


class Irregular(NamedTuple):
    """
    Why there are no columns.

    Attributes:
        rows: Those that hold something to be looked at by itself.
        parts: The others, by the types of their values.
    """

    rows: Sequence[int]
    parts: Sequence[Sequence[int]]


_NUMBERS = {int, float}


def value_columns(columns: Sequence[Sequence[FieldValue]]) -> list[ValueColumn] | Irregular:
    """Write columns of values, if each has texts, numbers or truth values only, none of which is special."""
    found = []
    for values in columns:
        column = _column(values)
        if column is None:
            return _irregular(columns)
        found.append(column)
    return found


def _column(values: Sequence[Any]) -> ValueColumn | None:
    kinds = set(map(type, values))
    if kinds == _NUMBERS:  # JavaScript writes 5.0 as 5
        fits = min(values) > -MOST_INTEGER and max(values) < MOST_INTEGER and all(map(math.isfinite, values))
        return ValueColumn(_written(values), values) if fits else None
    kind = kinds.pop()
    if kinds:
        return None
    if kind is str:
        return ValueColumn(["=" + value for value in values]) if max(map(len, values)) <= MAX_TEXT_CHARACTERS else None
    if kind is int:
        fits = min(values) > -MOST_INTEGER and max(values) < MOST_INTEGER
        return ValueColumn([f"n{value}" for value in values], values) if fits else None
    if kind is float:
        if not all(map(math.isfinite, values)):
            return None
        return ValueColumn(_written(values), values)
    return ValueColumn(["btrue" if value else "bfalse" for value in values]) if kind is bool else None


def _written(numbers: Sequence[float]) -> list[str]:
    return [f"n{value!r}" if value % 1 else f"n{int(value)}" for value in numbers]


def _irregular(columns: Sequence[Sequence[FieldValue]]) -> Irregular:
    parts: dict[tuple[type, ...], list[int]] = {}
    alone = []
    for number, row in enumerate(zip(*columns, strict=True)):
        if all([_column((value,)) is not None for value in row]):
            parts.setdefault(tuple(map(type, row)), []).append(number)
        else:
            alone.append(number)
    return Irregular(alone, list(parts.values()))
