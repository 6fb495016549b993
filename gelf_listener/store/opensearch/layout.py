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

from collections.abc import Mapping, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import msgspec

from gelf_listener.message import FieldValue, Message, ReadColumns
from gelf_listener.query.words import spaced_words, spaced_words_of
from gelf_listener.store.opensearch.objects import Objects
from gelf_listener.store.opensearch.values import MOST_INTEGER, Irregular, marked, number_of, value_columns
from gelf_listener.store.schema import MAX_TEXT_CHARACTERS, field_key, micros_of

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
    full: str | None = None
    level: int | None = None
    v: Any = msgspec.field(default_factory=dict)
    n: Any = msgspec.field(default_factory=dict)
    names: Sequence[str] = ()
    marks: Sequence[str] = ()
    long: Sequence[str] = ()
    rest: Sequence[str] = ()
    any: Sequence[str] = ()
    """Of values that have no column; the cluster adds the others."""
    anyn: Sequence[float] = ()


class _Added(NamedTuple):
    """
    What the listener knows of messages that all have an input, or a peer, or lack it.

    Attributes:
        keys: Of what stands in ``v``.
        columns: For each key what stands there, of all messages.
        ports: What stands in ``n``; empty without peers.
    """

    keys: tuple[str, ...]
    columns: Sequence[Sequence[str]]
    ports: Sequence[int]

    def of(self, rows: Sequence[int]) -> _Added:
        """Return the same of some of the messages."""
        if len(rows) == len(self.columns[0] if self.columns else self.ports):
            return self
        return _Added(self.keys, _some(self.columns, rows), [self.ports[row] for row in rows] if self.ports else ())


def _some(columns: Sequence[Sequence[Any]], rows: Sequence[int]) -> list[Sequence[Any]]:
    return [[column[row] for row in rows] for column in columns]


class Layout:
    """
    Makes documents of messages.

    Nearly all messages of a service have the same names, and values of the same types: what some hundreds of them have
    under a name is looked at and written together (see `python -m bench.cluster`).

    Args:
        node: Which listener takes them.
        read_columns: Reads their additional fields.
    """

    def __init__(self, node: str, read_columns: ReadColumns) -> None:
        self.columns: dict[str, set[str]] = {}
        """Keys of the additional fields that have columns."""
        self.rest = False
        """Whether there are fields without columns."""
        self._node = node
        self._read_columns = read_columns
        self._objects = Objects()

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
        documents = self._without_fields(messages, ids, packed)
        origins: dict[tuple[bool, bool], list[int]] = {}
        for place, message in enumerate(messages):
            origins.setdefault((not message.input, message.peer is None), []).append(place)
        for places in origins.values():
            part = [messages[place] for place in places]
            added = self._added(part)
            for group in self._read_columns(part):
                alike = [documents[places[row]] for row in group.places]
                if mapped and group.names:
                    self._put_alike(group.names, alike, group.columns, added.of(group.places))
                else:
                    self._put_each(group.names, alike, group.columns, added.of(group.places), mapped=mapped)
        return documents

    def _without_fields(
        self, messages: Sequence[Message], ids: Sequence[str], packed: Sequence[bytes]
    ) -> list[Document]:
        hosts = [message.host for message in messages]
        sources = list(map(str.lower, hosts))
        are_cut = max(map(len, hosts)) > MAX_TEXT_CHARACTERS
        if max(map(len, sources)) > MAX_TEXT_CHARACTERS:
            sources = [source[:MAX_TEXT_CHARACTERS] for source in sources]
        full = [message.full_message for message in messages]
        are_full = full.count(None) < len(full)
        levels = [message.level for message in messages]
        are_large = not all([_is_level(level) for level in set(levels)])
        documents = list(
            map(
                Document,
                micros_of([message.timestamp for message in messages]),
                micros_of([message.received_at for message in messages]),
                ids,
                sources,
                [host[:MAX_TEXT_CHARACTERS] for host in hosts] if are_cut else hosts,
                spaced_words_of([message.short_message for message in messages]),
                repeat(self._node),
                packed,
                [text if text is None else spaced_words(text) for text in full] if are_full else full,
                [level if _is_level(level) else None for level in levels] if are_large else levels,
            )
        )
        if are_cut or are_full or are_large:
            for document, message in zip(documents, messages, strict=True):
                document.marks = _marks(message)
        return documents

    def _added(self, messages: Sequence[Message]) -> _Added:
        """Return what the listener knows of messages that all have an input, or a peer, or lack it."""
        columns: dict[str, Sequence[str]] = {}
        ports: Sequence[int] = ()
        if self._node:
            columns["@node"] = ["=" + self._node] * len(messages)
        if messages[0].input:
            columns["@input"] = ["=" + message.input for message in messages]
        if messages[0].peer is not None:
            peers = [message.peer for message in messages if message.peer is not None]
            columns["@ip"] = ["=" + peer.host for peer in peers]
            ports = [peer.port for peer in peers]
            columns["@port"] = [f"n{port}" for port in ports]
        return _Added(tuple(columns), list(columns.values()), ports)

    # --- many messages with the same names

    def _put_alike(
        self,
        names: tuple[str, ...],
        documents: Sequence[Document],
        columns: Sequence[Sequence[FieldValue]],
        added: _Added,
    ) -> None:
        """Put in the fields of messages that have the same names."""
        keys = tuple(map(field_key, names))
        if not all([self._has_column(key) for key in keys]) or len(set(keys)) < len(keys):
            self._put_each(names, documents, columns, added)
            return
        found = value_columns(columns)
        if isinstance(found, Irregular):
            for rows, put in [*((part, self._put_alike) for part in found.parts), (found.rows, self._put_each)]:
                if rows:
                    put(names, [documents[row] for row in rows], _some(columns, rows), added.of(rows))
            return
        terms = self._objects.of((*keys, *added.keys), [*[column.terms for column in found], *added.columns])
        for document, each in zip(documents, terms, strict=True):
            document.v, document.names = each, keys
        columns_of_numbers = {key: column.numbers for key, column in zip(keys, found, strict=True) if column.numbers}
        if added.ports:
            columns_of_numbers["@port"] = added.ports
        if columns_of_numbers:
            numbers = self._objects.of(tuple(columns_of_numbers), list(columns_of_numbers.values()))
            for document, each in zip(documents, numbers, strict=True):
                document.n = each

    # --- one by one

    def _put_each(
        self,
        names: tuple[str, ...],
        documents: Sequence[Document],
        columns: Sequence[Sequence[FieldValue]],
        added: _Added,
        *,
        mapped: bool = True,
    ) -> None:
        rows = zip(*columns, strict=True) if columns else repeat((), len(documents))
        for row, (document, values) in enumerate(zip(documents, rows, strict=True)):
            if names:
                self._put_fields(document, dict(zip(names, values, strict=True)), mapped=mapped)
            document.v = document.v | {key: column[row] for key, column in zip(added.keys, added.columns, strict=True)}
            if added.ports:
                document.n = document.n | {"@port": added.ports[row]}

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
            term, number = marked(value), number_of(value)
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


def _is_level(level: int | None) -> bool:
    """Whether a level stands in the index, where there is one."""
    return level is None or -MOST_INTEGER <= level < MOST_INTEGER


def _marks(message: Message) -> tuple[str, ...]:
    marks = ["full"] if message.full_message is not None else []
    if len(message.host) > MAX_TEXT_CHARACTERS:
        marks.append("hard")
    if not _is_level(message.level):
        marks.append("level")
    return tuple(marks)
