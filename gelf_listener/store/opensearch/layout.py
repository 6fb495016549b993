"""
Layout: how a message lies in OpenSearch.

=========== ============= =====================================================================================
field       type          holds
=========== ============= =====================================================================================
timestamp   long          ``timestamp``, Unix microseconds
received    long          when it arrived, Unix microseconds
id          keyword       the message's id, which is the document's too: it sorts by arrival
source      keyword       ``host`` in lower case
host        keyword       ``host`` as it was sent
words       text          the words of ``short_message`` (`query.words`), separated by blanks
full        text          the words of ``full_message``
level       long          ``level``; absent when unknown, or when 64 bits do not hold it
node        keyword       which listener took it
v.NAME      keyword       each additional field: its kind (``=`` text, ``n`` number, ``b`` truth value) and value
n.NAME      double        the same of those that are numbers, to compute with
any, anyn   like v, n     all values of additional fields, for searches without a field
names       keyword       the names of all additional fields
long        keyword       names of those whose values are too long, or numbers too large, to be found here
rest        keyword       names of those that have no column, because the index is full of names
marks       keyword       ``full``: there is a full_message; ``hard``: ``host`` is cut; ``level``: it is too large
packed      binary        the message itself (`packing`); not searched
=========== ============= =====================================================================================

What the listener adds (input, address, port) is in ``v`` and ``n`` under names that begin with ``@``. Names are written
as in the embedded store (`schema.field_key`), so nothing in them means a path.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Container
from typing import Any

from gelf_listener.message import FieldValue, Message
from gelf_listener.query.words import spaced_words
from gelf_listener.store.schema import MAX_TEXT_CHARACTERS, field_key, micros

__all__ = ["MAPPINGS", "MAX_COLUMNS", "document_of", "marked", "settings_of", "value_of"]

MAX_COLUMNS = 1000
"""Names of additional fields that an index has columns for; each takes memory on every node."""

_MAX_FIELDS = 2 * MAX_COLUMNS + 100
_KEYWORD = {"type": "keyword"}
_TEXT = {"type": "text", "analyzer": "whitespace", "norms": False}
MAPPINGS: dict[str, Any] = {
    "dynamic": False,
    "properties": {
        "timestamp": {"type": "long"},
        "received": {"type": "long"},
        "id": _KEYWORD,
        "source": _KEYWORD,
        "host": _KEYWORD,
        "words": _TEXT,
        "full": _TEXT,
        "level": {"type": "long"},
        "node": _KEYWORD,
        "v": {"type": "object", "dynamic": True},
        "n": {"type": "object", "dynamic": True},
        "any": _KEYWORD | {"doc_values": False},
        "anyn": {"type": "double", "doc_values": False},
        "names": _KEYWORD,
        "long": _KEYWORD,
        "rest": _KEYWORD,
        "marks": _KEYWORD,
        "packed": {"type": "binary"},
    },
    "dynamic_templates": [
        {"values": {"path_match": "v.*", "mapping": _KEYWORD}},
        {"numbers": {"path_match": "n.*", "mapping": {"type": "double"}}},
    ],
}
"""How an index is mapped."""


def settings_of(shards: int, replicas: int) -> dict[str, Any]:
    """Return the settings of an index."""
    return {
        "index.number_of_shards": shards,
        "index.number_of_replicas": replicas,
        "index.mapping.total_fields.limit": _MAX_FIELDS,
        "index.codec": "best_compression",
    }


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


def _number(value: FieldValue) -> float | None:
    """Return a number as it stands in ``n``; None for what is none there."""
    if isinstance(value, (str, bool)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def document_of(message: Message, packed: bytes, columns: Container[str], node: str) -> dict[str, Any]:
    """
    Return a message as a document.

    Args:
        message: What to store.
        packed: The same as bytes.
        columns: Keys of the additional fields that have columns.
        node: Which listener took it.
    """
    document: dict[str, Any] = {
        "timestamp": micros(message.timestamp),
        "received": micros(message.received_at),
        "id": message.id,
        "source": message.host.lower()[:MAX_TEXT_CHARACTERS],
        "host": message.host[:MAX_TEXT_CHARACTERS],
        "words": spaced_words(message.short_message),
        "node": node,
        "packed": base64.b64encode(packed).decode(),
    }
    marks = []
    if message.full_message is not None:
        document["full"] = spaced_words(message.full_message)
        marks.append("full")
    if len(message.host) > MAX_TEXT_CHARACTERS:
        marks.append("hard")
    level = message.level
    if level is not None:
        if -(1 << 63) <= level < 1 << 63:
            document["level"] = level
        else:
            marks.append("level")
    document["marks"] = marks
    _put_fields(document, message, columns)
    return document


def _put_fields(document: dict[str, Any], message: Message, columns: Container[str]) -> None:
    values: dict[str, str] = {}
    numbers: dict[str, float] = {}
    names, long, rest, all_values, all_numbers = [], [], [], [], []
    for name, value in message.fields.items():
        key = field_key(name)
        names.append(key)
        term, number = marked(value), _number(value)
        if term is None or (term[0] == "n" and number is None):
            long.append(key)
        if term is not None:
            all_values.append(term)
        if number is not None:
            all_numbers.append(number)
        if key not in columns:
            rest.append(key)
            continue
        if term is not None:
            values[key] = term
        if number is not None:
            numbers[key] = number
    if message.input:
        values["@input"] = "=" + message.input
    if message.peer is not None:
        values["@ip"], values["@port"] = "=" + message.peer.host, f"n{message.peer.port}"
        numbers["@port"] = float(message.peer.port)
    document |= {"v": values, "n": numbers, "names": names, "any": all_values, "anyn": all_numbers}
    if long:
        document["long"] = long
    if rest:
        document["rest"] = rest
