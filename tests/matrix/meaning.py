"""Meaning: what a message says, whatever the format it is written in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from gelf_listener.message import FieldValue, Message

__all__ = ["Meaning", "differences", "in_order", "meaning_of", "meaning_of_document", "microseconds", "typed"]


class Meaning(NamedTuple):
    """What must arrive."""

    text: str
    full_text: str | None
    level: int | None
    time: int
    """UTC Unix microseconds."""
    host: str
    fields: dict[str, tuple[str, FieldValue]]
    """By name: the name of the value's type and the value, because ``1``, ``1.0`` and ``True`` are equal in Python."""


def microseconds(seconds: float) -> int:
    """Return a time as a whole number of microseconds."""
    return round(seconds * 1_000_000)


def typed(fields: Mapping[str, FieldValue] | Iterable[tuple[str, FieldValue]]) -> dict[str, tuple[str, FieldValue]]:
    """Return fields with the names of their types."""
    return {name: (type(value).__name__, value) for name, value in dict(fields).items()}


def meaning_of(message: Message) -> Meaning:
    """Return what a decoded message says."""
    return Meaning(
        message.short_message,
        message.full_message,
        message.level,
        microseconds(message.timestamp),
        message.host,
        typed(message.fields),
    )


def meaning_of_document(document: Mapping[str, Any]) -> Meaning:
    """Return what a document of GELF 1.1 says; only what has an underscore is an additional field."""
    return Meaning(
        document["short_message"],
        document.get("full_message"),
        document.get("level"),
        microseconds(document["timestamp"]),
        document["host"],
        typed((name[1:], value) for name, value in document.items() if name.startswith("_")),
    )


def differences(found: Meaning, expected: Meaning) -> dict[str, tuple[Any, Any]]:
    """
    Return what differs, by name: what was found, and what was expected.

    Differences of a microsecond do not count: a float holds a time of today to a quarter of one, so how it is rounded decides.
    """
    pairs = {name: (getattr(found, name), getattr(expected, name)) for name in Meaning._fields if name != "fields"}
    for name in found.fields | expected.fields:
        pairs[f"_{name}"] = found.fields.get(name), expected.fields.get(name)
    return {
        name: (one, other)
        for name, (one, other) in pairs.items()
        if one != other and not (name == "time" and abs(one - other) <= 1)
    }


def in_order(meanings: Iterable[Meaning]) -> list[Meaning]:
    """Sort what arrived in any order, by what every format keeps."""
    return sorted(meanings, key=lambda meaning: (meaning.text[:20], meaning.time))
