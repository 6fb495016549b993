"""Graylog size: what a Graylog counts a message as (``gl2_accounted_message_size``)."""

from __future__ import annotations

from gelf_listener.message import FieldValue, Message

_UUID = 36
_NUMBER, _SHORT = 8, 4
_ALWAYS = len("_id") + _UUID + len("message") + len("source") + 2 * len("timestamp") + _NUMBER
"""What every message has; the name of the time counts twice, as if it had been put in a second time."""


def accounted_size(message: Message) -> int:
    """
    Return the size that a Graylog 7.0.1 gives a message, whichever way it came.

    It counts names, texts in units of UTF-16, 8 for numbers and times, 4 for the level and for truth values.
    """
    size = _ALWAYS + _units(message.short_message) + _units(message.host)
    if message.full_message is not None:
        size += len("full_message") + _units(message.full_message)
    if message.level is not None:
        size += len("level") + _SHORT
    return size + sum([len(name) + _size(value) for name, value in message.fields.items()])


def _size(value: FieldValue) -> int:
    if isinstance(value, str):
        return _units(value)
    return _SHORT if isinstance(value, bool) else _NUMBER


def _units(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2
