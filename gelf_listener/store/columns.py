"""Columns: where an engine keeps a field, and the values that its answers name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from gelf_listener.message import FieldValue


class Column(NamedTuple):
    """
    Where an engine keeps a field.

    Attributes:
        path: Its name there.
        scale: What its numbers are to be divided by.
        read: Gives the value that a term stands for; None where it is the term.
        mixed: Whether the engine keeps numbers and texts in it side by side, as tantivy does in a JSON field.
    """

    path: str
    scale: float = 1.0
    read: Callable[[Any], FieldValue] | None = None
    mixed: bool = False


def value_in(bucket: dict[str, Any], column: Column) -> FieldValue:
    """Return the value that a bucket of terms is about."""
    term: FieldValue = bucket["key"]
    if bucket.get("key_as_string") in ("true", "false") and not isinstance(term, str):
        return bool(bucket["key_as_string"] == "true")
    if column.read is not None:
        term = column.read(term)
    if isinstance(term, float) and column.scale != 1.0:
        return term / column.scale
    if isinstance(term, float) and term.is_integer() and abs(term) < 2**53:
        return int(term)
    if isinstance(term, int) and not isinstance(term, bool) and column.scale != 1.0:
        return term / column.scale
    return term
