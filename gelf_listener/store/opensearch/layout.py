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
any, anyn   like v, n     all values of additional fields, for searches without a field; the cluster copies them
names       keyword       the names of all additional fields
long        keyword       names of those whose values are too long, or numbers too large, to be found here
rest        keyword       names of those that have no column, because the index is full of names
marks       keyword       ``full``: there is a full_message; ``hard``: ``host`` is cut; ``level``: it is too large
packed      binary        the message itself (`packing`); not searched
=========== ============= =====================================================================================

What the listener adds (input, node, address, port) is in ``v`` and ``n`` under names that begin with ``@``. Names are
written as in the embedded store (`schema.field_key`), so nothing in them means a path.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from gelf_listener.message import FieldValue, Message
from gelf_listener.query.words import spaced_words
from gelf_listener.store.schema import MAX_TEXT_CHARACTERS, field_key, micros

__all__ = ["MAPPINGS", "MAX_COLUMNS", "SETTINGS", "Document", "Layout", "marked", "value_of"]

MAX_COLUMNS = 1000
"""Names of additional fields that an index has columns for; each takes memory on every node."""

_MAX_PLANS = 1000
_PLANNED = (str, int, float)
"""Types of values that a plan puts in: text, integers and other numbers; others are looked at one by one."""
_MOST_INTEGER = 1 << 63
_UNKNOWN: Any = object()
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
        "v": {
            "type": "object",
            "dynamic": True,
            "properties": dict.fromkeys(("@node", "@input", "@ip", "@port"), _KEYWORD),
        },
        "n": {"type": "object", "dynamic": True, "properties": {"@port": {"type": "double"}}},
        "any": _KEYWORD | {"doc_values": False},
        "anyn": {"type": "double", "doc_values": False},
        "names": _KEYWORD,
        "long": _KEYWORD,
        "rest": _KEYWORD,
        "marks": _KEYWORD,
        "packed": {"type": "binary"},
    },
    "dynamic_templates": [
        {"values": {"path_match": "v.*", "mapping": _KEYWORD | {"copy_to": "any"}}},
        {"numbers": {"path_match": "n.*", "mapping": {"type": "double", "copy_to": "anyn"}}},
    ],
}
"""How an index is mapped."""


SETTINGS: dict[str, Any] = {"index.mapping.total_fields.limit": _MAX_FIELDS, "index.codec": "best_compression"}
"""Settings of an index."""


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


class Document(msgspec.Struct, gc=False, omit_defaults=True):
    """A message as OpenSearch is given it; see the module."""

    timestamp: int
    received: int
    id: str
    source: str
    host: str
    words: str
    node: str
    packed: bytes
    """Base64 in JSON."""
    v: dict[str, str]
    n: dict[str, float]
    names: Sequence[str]
    full: str | None = None
    level: int | None = None
    marks: Sequence[str] = ()
    long: Sequence[str] = ()
    rest: Sequence[str] = ()
    any: Sequence[str] = ()
    """Of values that have no column; the cluster adds the others."""
    anyn: Sequence[float] = ()


class _Plan(NamedTuple):
    """What fields with these names and types of values come to, where each has a column and none is special."""

    keys: tuple[str, ...]
    """Those of texts, of integers and of other numbers, in the order of the positions."""
    texts: tuple[int, ...]
    integers: tuple[int, ...]
    floats: tuple[int, ...]
    number_keys: tuple[str, ...]
    """Of integers, then of other numbers."""


class Layout:
    """
    Makes documents of messages.

    Nearly all messages of a service have the same names, and values of the same types; what follows from those is
    worked out once.

    Args:
        node: Which listener takes them.
    """

    def __init__(self, node: str) -> None:
        self.columns: dict[str, set[str]] = {}
        """Keys of the additional fields that have columns."""
        self.rest = False
        """Whether there are fields without columns."""
        self._node = node
        self._plans: dict[tuple[tuple[str, ...], tuple[type, ...]], _Plan | None] = {}

    def document_of(self, message: Message, packed: bytes, *, mapped: bool = True) -> Document:
        """
        Return a message as a document.

        Args:
            message: What to store.
            packed: The same as bytes.
            mapped: Whether its fields get columns.
        """
        host, level = message.host, message.level
        document = Document(
            micros(message.timestamp),
            micros(message.received_at),
            message.id,
            host.lower()[:MAX_TEXT_CHARACTERS],
            host[:MAX_TEXT_CHARACTERS],
            spaced_words(message.short_message),
            self._node,
            packed,
            {},
            {},
            (),
        )
        marks = []
        if message.full_message is not None:
            document.full = spaced_words(message.full_message)
            marks.append("full")
        if len(host) > MAX_TEXT_CHARACTERS:
            marks.append("hard")
        if level is not None:
            if -(1 << 63) <= level < 1 << 63:
                document.level = level
            else:
                marks.append("level")
        if marks:
            document.marks = marks
        fields = message.fields
        if fields and not (mapped and self._put_planned(document, fields)):
            self._put_fields(document, fields, mapped=mapped)
        values = document.v
        if self._node:
            values["@node"] = "=" + self._node
        if message.input:
            values["@input"] = "=" + message.input
        peer = message.peer
        if peer is not None:
            values["@ip"], values["@port"] = "=" + peer.host, f"n{peer.port}"
            document.n["@port"] = peer.port
        return document

    def _put_planned(self, document: Document, fields: Mapping[str, FieldValue]) -> bool:
        """Put fields in by their plan; whether there is one."""
        names, values = tuple(fields), tuple(fields.values())
        kinds = tuple(map(type, values))
        plan = self._plans.get((names, kinds), _UNKNOWN)
        if plan is _UNKNOWN:
            plan = self._plan(names, kinds)
        if plan is None:
            return False
        terms = ["=" + values[position] for position in plan.texts]
        if terms and max(map(len, terms)) > MAX_TEXT_CHARACTERS + 1:
            return False
        if plan.number_keys:
            integers = [values[position] for position in plan.integers]
            floats = [values[position] for position in plan.floats]
            if integers and not -_MOST_INTEGER < min(integers) <= max(integers) < _MOST_INTEGER:
                return False
            if floats and not all(map(math.isfinite, floats)):
                return False
            terms += [f"n{value}" for value in integers]
            terms += [f"n{value!r}" if value % 1 else f"n{int(value)}" for value in floats]
            document.n = dict(zip(plan.number_keys, integers + floats, strict=True))
        document.v = dict(zip(plan.keys, terms, strict=True))
        document.names = plan.keys
        return True

    def _plan(self, names: tuple[str, ...], kinds: tuple[type, ...]) -> _Plan | None:
        """Make a plan, and columns for new names as long as there is room; None when some have none."""
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        keys = tuple(map(field_key, names))
        plan = None
        if all([self._has_column(key) for key in keys]) and set(kinds) <= set(_PLANNED) and len(set(keys)) == len(keys):
            texts, integers, floats = (
                tuple(position for position, each in enumerate(kinds) if each is kind) for kind in _PLANNED
            )
            plan = _Plan(
                tuple(keys[position] for position in texts + integers + floats),
                texts,
                integers,
                floats,
                tuple(keys[position] for position in integers + floats),
            )
        self._plans[names, kinds] = plan
        return plan

    def _has_column(self, key: str) -> bool:
        if key in self.columns:
            return True
        if len(self.columns) >= MAX_COLUMNS:
            self.rest = True
            return False
        self.columns[key] = set()
        return True

    def _put_fields(self, document: Document, fields: Mapping[str, FieldValue], *, mapped: bool) -> None:
        """Put fields in one by one."""
        values: dict[str, str] = {}
        numbers: dict[str, float] = {}
        names, long, rest, all_values, all_numbers = [], [], [], [], []
        for name, value in fields.items():
            key = field_key(name)
            names.append(key)
            term, number = marked(value), _number(value)
            if term is None or (term[0] == "n" and number is None):
                long.append(key)
            if not (mapped and self._has_column(key)):
                rest.append(key)
                if term is not None:
                    all_values.append(term)
                if number is not None:
                    all_numbers.append(number)
                continue
            if term is not None:
                values[key] = term
            if number is not None:
                numbers[key] = number
        document.v, document.n, document.names = values, numbers, names
        document.long, document.rest, document.any, document.anyn = long, rest, all_values, all_numbers
