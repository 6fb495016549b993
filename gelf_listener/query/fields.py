"""
Fields: what a name in a query means.

The one mapping between GELF's words (inside) and Graylog's (in queries and in the API), and how each field is matched:
texts by words, ``source`` without regard to case, everything else exactly.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from ipaddress import ip_address
from operator import attrgetter

from gelf_listener.message import FieldValue, Message

__all__ = ["GRAYLOG_NAMES", "added_getter", "getter", "is_analysed", "is_lower_case"]

GRAYLOG_NAMES = {"host": "source", "short_message": "message"}
"""GELF's name -> Graylog's."""

_Get = Callable[[Message], FieldValue | None]

_KNOWN: dict[str, _Get] = {
    "source": attrgetter("host"),
    "host": attrgetter("host"),
    "message": attrgetter("short_message"),
    "short_message": attrgetter("short_message"),
    "full_message": attrgetter("full_message"),
    "level": attrgetter("level"),
    "timestamp": attrgetter("timestamp"),
    "gl2_receive_timestamp": attrgetter("received_at"),
    "gl2_remote_ip": lambda message: message.peer.host if message.peer is not None else None,
    "gl2_remote_port": lambda message: message.peer.port if message.peer is not None else None,
    "gl2_source_input": lambda message: message.input or None,
    "gl2_message_id": lambda message: message.id,
    "_id": lambda message: message.id,
}

_ANALYSED = frozenset(("message", "short_message", "full_message"))
_LOWER_CASE = frozenset(("source", "host"))

_ID = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")


def is_analysed(name: str) -> bool:
    """Whether a field is matched word by word, without regard to case."""
    return name in _ANALYSED


def is_lower_case(name: str) -> bool:
    """Whether a field is matched as a whole, without regard to case."""
    return name in _LOWER_CASE


def getter(name: str) -> _Get:
    """
    Return how to get a field's value from a message, None where it has none.

    An additional field is found by its name, with or without a leading underscore, and one with dots also by the
    name with underscores that Graylog stores it under.
    """
    known = _KNOWN.get(name)
    if known is not None:
        return known
    bare = name[1:] if name.startswith("_") and len(name) > 1 else name
    known = _KNOWN.get(bare) if bare in ("level", "timestamp", "full_message") else None

    def get(message: Message) -> FieldValue | None:
        fields = message.fields
        value = fields.get(name)
        if value is None:
            value = fields.get(bare)
        if value is None and known is not None:
            value = known(message)
        if value is None and "_" in bare:
            for stored, dotted in fields.items():
                if "." in stored and stored.replace(".", "_") == bare:
                    return dotted
        return value

    return get


def added_getter(text: str) -> _Get | None:
    """
    Return how to get what the listener adds to a message and a text without a field may mean.

    Graylog searches every ``gl2_`` field as well. Here those are the id and the sender's address, and only for a text
    that is a whole one: the name of an input or the digits of a port would find messages nobody asked for.
    """
    if _ID.fullmatch(text):
        return _KNOWN["gl2_message_id"]
    try:
        ip_address(text)
    except ValueError:
        return None
    return _KNOWN["gl2_remote_ip"]
