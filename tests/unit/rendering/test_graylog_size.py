"""Graylog size: what a real one counted of the messages that it stored."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gelf_listener.message import Message
from gelf_listener.rendering.graylog_size import accounted_size
from tests import graylog_vectors

_KNOWN = ("message", "source", "timestamp", "full_message", "level", "_id", "streams")


def _stored(recorded: Any) -> Iterator[dict[str, Any]]:
    """Give every message in recorded answers that has its size."""
    if isinstance(recorded, dict):
        if isinstance(recorded.get("gl2_accounted_message_size"), int):
            yield recorded
        recorded = list(recorded.values())
    if isinstance(recorded, list):
        for each in recorded:
            yield from _stored(each)


def _message(stored: dict[str, Any]) -> Message:
    fields = {
        name: 1.5 if value == "<number>" else value
        for name, value in stored.items()
        if name not in _KNOWN and not name.startswith("gl2_")
    }
    full_message, level = stored.get("full_message"), stored.get("level")
    return Message(0.0, stored["source"], stored["message"], full_message, level, b"", 0.0, _fields=fields)


def test_it_is_what_a_graylog_counted() -> None:
    """With accents, an emoji, long texts, numbers and dates among them."""
    stored = {each["n"]: each for each in _stored(graylog_vectors.entries("rest"))}
    assert len(stored) >= 12
    sizes = {number: accounted_size(_message(each)) for number, each in stored.items()}
    assert sizes == {number: each["gl2_accounted_message_size"] for number, each in stored.items()}


@pytest.mark.parametrize(("value", "size"), [(True, 4), (7, 8), (0.5, 8), ("ab", 2), ("\U0001f389", 2), ("\ud83d", 1)])
def test_values(value: Any, size: int) -> None:
    """By their types, whatever they are."""
    with_it, without = (Message(0.0, "h", "m", None, None, b"", 0.0, _fields=fields) for fields in ({"n": value}, {}))
    assert accounted_size(with_it) - accounted_size(without) == len("n") + size
