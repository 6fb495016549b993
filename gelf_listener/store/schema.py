"""
Schema: how a message lies in tantivy.

========== ======================== ==========================================================================
field      kind                     holds
========== ======================== ==========================================================================
timestamp  i64, column              ``timestamp``, Unix microseconds
received   i64, column              when it arrived, Unix microseconds
order      u64, column              receive order within the store, always increasing
key        u64, indexed             the low 64 bits of the id: finds a message by its id
level      i64, indexed, column     ``level``; absent when unknown
source     text, whole              ``host`` in lower case
host       text, whole, column      ``host`` as it was sent, for top values
words      text, by words           the words of ``short_message`` (`query.words`), separated by blanks
full       text, by words           the words of ``full_message``
added      JSON, whole, columns     additional fields; and, with a ``@`` before their names, what the listener adds
rest       text, whole              values of additional fields that have no column, see below
marks      text, whole              ``full``: there is a full_message; ``hard``: ``host`` is cut
========== ======================== ==========================================================================

A level that is not a severity (0 to 7) is in its column too, and the name ``@levels`` says that there are such; one
that a signed number of 64 bits does not hold stands in ``added`` as ``@level``.

Names in ``added`` are escaped so that nothing in them means a path (`field_key`). Texts have a ``=`` before them, or
tantivy would take some for dates; integers beyond 64 bits and numbers JSON does not have are texts with a ``#``.

A partition keeps columns for a limited number of names. The values of all other fields are terms of ``rest``, which
no number of names can fill (`rest_terms`), and the name ``@rest`` says that there are such. A text that is too long to
be a term has only a sign there, and the name ``@long`` says so; queries that may find it are finished by the predicate.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import msgspec

from gelf_listener.message import FieldValue, Message
from gelf_listener.query.words import spaced_words

if TYPE_CHECKING:
    import tantivy

__all__ = [
    "FORMAT",
    "LARGE_LEVEL",
    "LONG",
    "MARKS",
    "MAX_FIELDS",
    "MAX_TEXT_CHARACTERS",
    "ODD_LEVELS",
    "REST",
    "Document",
    "Names",
    "document_of",
    "encode",
    "field_key",
    "field_name",
    "kind_of",
    "make_schema",
    "micros",
    "rest_terms",
    "rest_value",
    "term_of",
    "value_of",
]

FORMAT = 3
"""Of what is written to a store's directory. Every change that older versions cannot read, or that makes an index of
older versions say something else, counts it up."""

ODD_LEVELS = "@levels"
"""The name that says that the column of levels has others than severities."""

LARGE_LEVEL = "@level"
"""The name of levels that do not fit their column."""

REST = "@rest"
"""The name that says that there are fields without columns."""

LONG = "@long"
"""The name that says that there are values too long to be terms."""

MAX_TEXT_CHARACTERS = 8_000
"""Longest text that is a term as a whole; tantivy's limit is 65 530 bytes."""

MAX_FIELDS = 4_000
"""Different names a partition keeps columns for: each costs memory in every segment."""

_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPED = re.compile(r"%([0-9a-f]+);")
_LATEST = 1 << 62
_LEAST, _MOST = -(1 << 63), 1 << 64

encode = msgspec.json.Encoder().encode


def make_schema() -> tantivy.Schema:
    """Make the schema of a partition."""
    import tantivy  # not before somebody needs a store

    builder = tantivy.SchemaBuilder()
    builder.add_integer_field("timestamp", fast=True)
    builder.add_integer_field("received", fast=True)
    builder.add_unsigned_field("order", fast=True)
    builder.add_unsigned_field("key", indexed=True)
    builder.add_integer_field("level", indexed=True, fast=True)
    builder.add_text_field("source", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("host", tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_text_field("words", tokenizer_name="whitespace", index_option="position")
    builder.add_text_field("full", tokenizer_name="whitespace", index_option="position")
    builder.add_json_field("added", fast=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("rest", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("marks", tokenizer_name="raw", index_option="basic")
    return builder.build()


class Document(msgspec.Struct, gc=False):
    """What tantivy is given of a message."""

    timestamp: int
    received: int
    order: int
    key: int
    source: str
    host: str
    words: str
    added: dict[str, Any]
    level: int | msgspec.UnsetType
    full: str | msgspec.UnsetType
    marks: list[str] | msgspec.UnsetType
    rest: list[str] | msgspec.UnsetType = msgspec.UNSET


MARKS: dict[tuple[bool, bool], list[str] | msgspec.UnsetType] = {
    (False, False): msgspec.UNSET,
    (True, False): ["full"],
    (False, True): ["hard"],
    (True, True): ["full", "hard"],
}
"""By whether there is a full_message, and whether it is hard."""


def field_key(name: str) -> str:
    """Return how a name stands in ``added``."""
    if _PLAIN.fullmatch(name):
        return name
    return "".join(c if _PLAIN.fullmatch(c) else f"%{ord(c):x};" for c in name)


def field_name(key: str) -> str:
    """Return the name that `field_key` escaped."""
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), key) if "%" in key else key


def kind_of(value: FieldValue) -> str:
    """Return a value's kind: text, long, double or boolean; those are the columns a name may have."""
    if isinstance(value, str):
        return "text"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "long" if -(1 << 63) <= value < 1 << 64 else "text"
    return "double" if math.isfinite(value) else "text"


def term_of(value: FieldValue) -> FieldValue | None:
    """Return how a value stands in ``added``; None when it does not fit."""
    if isinstance(value, str):
        return "=" + value if len(value) <= MAX_TEXT_CHARACTERS else None
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        if -(1 << 63) <= value < 1 << 64:
            return value
        return f"#{value}" if value.bit_length() < 4 * 4300 // 2 else None
    return value if math.isfinite(value) else f"#{value}"


def value_of(term: FieldValue) -> FieldValue:
    """Return the value that `term_of` wrote."""
    if not isinstance(term, str):
        return term
    if term.startswith("#"):
        text = term[1:]
        return int(text) if text.lstrip("-").isdigit() else float(text)
    return term[1:]


def micros(seconds: float) -> int:
    """Return a time in whole microseconds, within what 64 bits hold."""
    whole = round(seconds * 1e6)
    return whole if -_LATEST <= whole <= _LATEST else min(max(whole, -_LATEST), _LATEST)


class Names:
    """
    The names of a partition's additional fields, and what kinds of values each has had.

    Args:
        kinds: By field key (`field_key`), as they were stored.
    """

    def __init__(self, kinds: dict[str, set[str]] | None = None) -> None:
        self.kinds = {"@input": {"text"}, "@ip": {"text"}, "@port": {"long"}} if kinds is None else kinds
        # Names whose key and kind are known: one look-up a field, for there is one for each field of each message.
        self._texts: dict[str, str] = {}
        self._longs: dict[str, str] = {}
        self._doubles: dict[str, str] = {}
        self._booleans: dict[str, str] = {}

    def put(self, fields: dict[str, FieldValue], added: dict[str, Any]) -> list[str]:
        """Write fields as they stand in ``added``; return the terms of ``rest`` for those that have no room there."""
        texts, longs, doubles, booleans = self._texts, self._longs, self._doubles, self._booleans
        rest: list[str] = []
        for name, value in fields.items():
            kind = type(value)
            if kind is str:
                key = texts.get(name)
                if key is not None and len(value) <= MAX_TEXT_CHARACTERS:  # type: ignore[arg-type]
                    added[key] = "=" + value  # type: ignore[operator]
                    continue
            elif kind is int:
                key = longs.get(name)
                if key is not None and _LEAST <= value < _MOST:  # type: ignore[operator]
                    added[key] = value
                    continue
            elif kind is float:
                key = doubles.get(name)
                if key is not None and math.isfinite(value):  # type: ignore[arg-type]
                    added[key] = value
                    continue
            else:
                key = booleans.get(name)
                if key is not None:
                    added[key] = value
                    continue
            rest += self._put_slowly(name, value, added)
        return rest

    def put_level(self, level: int, added: dict[str, Any]) -> bool:
        """Note a level that is not a severity; False if its column does not hold it and it was written to ``added``."""
        if _LEAST <= level < -_LEAST:
            self.kinds.setdefault(ODD_LEVELS, {"long"})
            return True
        term = term_of(level)
        if term is not None:
            self.kinds.setdefault(LARGE_LEVEL, set()).add(kind_of(level))
            added[LARGE_LEVEL] = term
        return False

    def _put_slowly(self, name: str, value: FieldValue, added: dict[str, Any]) -> list[str]:
        """Write one field that is new, or odd."""
        term = term_of(value)
        key = field_key(name)
        kinds = self.kinds.get(key)
        if kinds is None and len(self.kinds) >= MAX_FIELDS:
            self.kinds.setdefault(REST, set())
            if term is None:
                self.kinds.setdefault(LONG, set())
            return rest_terms(key, value)
        if term is None:
            self.kinds.setdefault(LONG, set())
            self.kinds.setdefault(key, set())
            return rest_terms(key, value)
        if kinds is None:
            kinds = self.kinds[key] = set()
        kind = kind_of(value)
        kinds.add(kind)
        added[key] = term
        if isinstance(value, str):
            self._texts[name] = key
        elif kind == "long":
            self._longs[name] = key
        elif kind == "double":
            self._doubles[name] = key
        elif kind == "boolean":
            self._booleans[name] = key
        return []


def rest_terms(key: str, value: FieldValue) -> list[str]:
    """
    Return how a value stands in ``rest``: after its name and after none, with a letter for its kind.

    ``s`` is a text as in ``added``, ``n`` a number and ``b`` a truth value as they are spelled; ``l`` is too long.
    """
    term = term_of(value)
    if term is None:
        written = "l"
    elif isinstance(term, bool):
        written = "btrue" if term else "bfalse"
    else:
        written = f"s{term}" if isinstance(term, str) else f"n{term}"
    return [f"{key}\x00{written}", f"\x00{written}"]


def rest_value(term: str) -> FieldValue | None:
    """Return the value of a term of ``rest``; None for one that is not held."""
    written = term.partition("\x00")[2]
    kind, text = written[:1], written[1:]
    if kind == "s":
        return value_of(text)
    if kind == "b":
        return text == "true"
    if kind == "n":
        return int(text) if text.lstrip("-").isdigit() else float(text)
    return None


def document_of(message: Message, order: int, names: Names) -> str:
    """
    Return a message as the JSON document that tantivy indexes.

    Args:
        message: What to index.
        order: Its place in the store.
        names: Of the partition; new ones are put in, as long as there is room.
    """
    added: dict[str, Any] = {}
    rest = names.put(message.fields, added)
    hard = False
    level = message.level
    if level is not None and not 0 <= level <= 7 and not names.put_level(level, added):
        level = None
    peer, host, full = message.peer, message.host, message.full_message
    if message.input:
        added["@input"] = "=" + message.input
    if peer is not None:
        added["@ip"], added["@port"] = "=" + peer.host, peer.port
    if len(host) > MAX_TEXT_CHARACTERS:
        host, hard = host[:MAX_TEXT_CHARACTERS], True
    return encode(
        Document(
            micros(message.timestamp),
            micros(message.received_at),
            order,
            message.key,
            host.lower()[:MAX_TEXT_CHARACTERS],  # a letter in lower case may be two
            host,
            spaced_words(message.short_message),
            added,
            msgspec.UNSET if level is None else level,
            msgspec.UNSET if full is None else spaced_words(full),
            MARKS[full is not None, hard],
            rest or msgspec.UNSET,
        )
    ).decode()
