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
from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from gelf_listener.message import FieldValue, Message, Peer
from gelf_listener.query.words import spaced_words, spaced_words_of
from gelf_listener.store.schema import MAX_TEXT_CHARACTERS, field_key, micros

__all__ = ["MAPPINGS", "MAX_COLUMNS", "SETTINGS", "Document", "Layout", "marked", "value_of"]

MAX_COLUMNS = 1000
"""Names of additional fields that an index has columns for; each takes memory on every node."""

_MOST_INTEGER = 1 << 63
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


_Pair = tuple[Document, Mapping[str, FieldValue]]
"""A document and what belongs into it."""


class _Column(NamedTuple):
    """Values under one name, as they stand in ``v`` and, of numbers, in ``n``."""

    terms: Sequence[str]
    numbers: Sequence[float] = ()


class _Irregular(NamedTuple):
    """
    Why there are no columns.

    Attributes:
        rows: Those that hold something to be looked at by itself.
        parts: The others, by the types of their values.
    """

    rows: Sequence[int]
    parts: Sequence[Sequence[int]]


def _columns(rows: Sequence[Collection[FieldValue]]) -> list[_Column] | _Irregular:
    """Turn rows of values into columns, if each has one type of values, none of which is special."""
    columns = []
    for values in zip(*rows, strict=True):
        column = _column(values)
        if column is None:
            return _irregular(rows)
        columns.append(column)
    return columns


def _column(values: Sequence[Any]) -> _Column | None:
    kinds = set(map(type, values))
    kind = kinds.pop()
    if kinds:
        return None
    if kind is str:
        return _Column(["=" + value for value in values]) if max(map(len, values)) <= MAX_TEXT_CHARACTERS else None
    if kind is int:
        fits = min(values) > -_MOST_INTEGER and max(values) < _MOST_INTEGER
        return _Column([f"n{value}" for value in values], values) if fits else None
    if kind is float:
        if not all(map(math.isfinite, values)):
            return None
        return _Column([f"n{value!r}" if value % 1 else f"n{int(value)}" for value in values], values)
    return _Column(["btrue" if value else "bfalse" for value in values]) if kind is bool else None


def _irregular(rows: Sequence[Collection[FieldValue]]) -> _Irregular:
    parts: dict[tuple[type, ...], list[int]] = {}
    alone = []
    for number, row in enumerate(rows):
        if all([_column((value,)) is not None for value in row]):
            parts.setdefault(tuple(map(type, row)), []).append(number)
        else:
            alone.append(number)
    return _Irregular(alone, list(parts.values()))


class Layout:
    """
    Makes documents of messages.

    Nearly all messages of a service have the same names, and values of the same types: the values that some hundreds of
    them have under a name are looked at and written together (see `make bench`, cluster).

    Args:
        node: Which listener takes them.
    """

    def __init__(self, node: str) -> None:
        self.columns: dict[str, set[str]] = {}
        """Keys of the additional fields that have columns."""
        self.rest = False
        """Whether there are fields without columns."""
        self._node = node

    def documents_of(
        self, messages: Sequence[Message], ids: Sequence[str], packed: Sequence[bytes], *, mapped: bool = True
    ) -> list[Document]:
        """
        Return messages as documents.

        Args:
            messages: What to store.
            ids: The id of each.
            packed: Each as bytes.
            mapped: Whether their fields get columns.
        """
        spaced = spaced_words_of([message.short_message for message in messages])
        documents = list(map(self._without_fields, messages, ids, spaced, packed))
        groups: dict[tuple[str, ...], list[_Pair]] = {}
        for pair in zip(documents, [message.fields for message in messages], strict=True):
            names = tuple(pair[1])
            try:
                groups[names].append(pair)
            except KeyError:
                groups[names] = [pair]
        for names, pairs in groups.items():
            if mapped and names:
                self._put_alike(names, pairs)
            else:
                self._put_each(pairs, mapped=mapped)
        self._put_added(documents, messages)
        return documents

    def _without_fields(self, message: Message, id: str, spaced: str, packed: bytes) -> Document:
        host, level = message.host, message.level
        document = Document(
            micros(message.timestamp),
            micros(message.received_at),
            id,
            host.lower()[:MAX_TEXT_CHARACTERS],
            host[:MAX_TEXT_CHARACTERS],
            spaced,
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
            if -_MOST_INTEGER <= level < _MOST_INTEGER:
                document.level = level
            else:
                marks.append("level")
        if marks:
            document.marks = marks
        return document

    def _put_added(self, documents: Sequence[Document], messages: Sequence[Message]) -> None:
        """Put in what the listener knows of messages: it is the same of many."""
        known: dict[tuple[str, Peer | None], tuple[dict[str, str], float | None]] = {}
        for document, message in zip(documents, messages, strict=True):
            origin = (message.input, message.peer)
            found = known.get(origin)
            if found is None:
                found = known[origin] = self._added(*origin)
            values, port = found
            document.v.update(values)
            if port is not None:
                document.n["@port"] = port

    def _added(self, input: str, peer: Peer | None) -> tuple[dict[str, str], float | None]:
        values = {}
        if self._node:
            values["@node"] = "=" + self._node
        if input:
            values["@input"] = "=" + input
        if peer is None:
            return values, None
        return values | {"@ip": "=" + peer.host, "@port": f"n{peer.port}"}, peer.port

    # --- many messages with the same names

    def _put_alike(self, names: tuple[str, ...], pairs: Sequence[_Pair]) -> None:
        """Put in the fields of messages that have the same names."""
        keys = tuple(map(field_key, names))
        if not all([self._has_column(key) for key in keys]) or len(set(keys)) < len(keys):
            self._put_each(pairs)
            return
        found = _columns([fields.values() for _, fields in pairs])
        if isinstance(found, _Irregular):
            for part in found.parts:
                self._put_alike(names, [pairs[row] for row in part])
            self._put_each([pairs[row] for row in found.rows])
            return
        terms = zip(*[column.terms for column in found], strict=True)
        for (document, _), row in zip(pairs, terms, strict=True):
            document.v, document.names = dict(zip(keys, row, strict=True)), keys
        numbers = [(key, column.numbers) for key, column in zip(keys, found, strict=True) if column.numbers]
        if numbers:
            named = [key for key, _ in numbers]
            for (document, _), row in zip(pairs, zip(*[each for _, each in numbers], strict=True), strict=True):
                document.n = dict(zip(named, row, strict=True))

    # --- one by one

    def _put_each(self, pairs: Sequence[_Pair], *, mapped: bool = True) -> None:
        for document, fields in pairs:
            if fields:
                self._put_fields(document, fields, mapped=mapped)

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
