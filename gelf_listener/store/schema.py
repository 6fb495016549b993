"""
Schema: how a message lies in tantivy.

========== ======================== ==========================================================================
field      kind                     holds
========== ======================== ==========================================================================
timestamp  i64, column              ``timestamp``, Unix microseconds
received   i64, column              when it arrived, Unix microseconds
order      u64, column              receive order within the store, always increasing
slot       u64, indexed             ``order`` without its last six bits, and
low        u64, indexed             these bits: find messages by their order (`slot_and_low`)
key        u64, indexed             the low 64 bits of an id that a message came with; all others are found by the
                                    time in their id, which is when they arrived
level      i64, indexed, column     ``level``; absent when unknown
source     text, whole              ``host`` in lower case
host       text, column             ``host`` as it was sent, for top values
words      text, by words           the words of ``short_message`` (`query.words`), separated by blanks
full       text, by words           the words of ``full_message``
added      JSON, columns            additional fields; and, with a ``@`` before their names, what the listener adds
terms      text, whole              their texts and truth values after their names (`text_term`), but for ids
rest       text, whole              values of additional fields that have no column, see below
marks      text, whole              ``full``: there is a full_message; ``hard``: ``host`` is cut
========== ======================== ==========================================================================

Nothing is ranked, so no field keeps how long its texts are: that takes 6 bytes a message.

Numbers and ids (`is_id`) are looked up in their columns, which takes a millisecond in a partition of a million
messages. A term for each different one would take half of an index, and half the time to make it. Names under which
there are ids without terms are noted under ``@ids``; ids of other names are terms.

A level that is not a severity (0 to 7) is in its column too, and the name ``@levels`` says that there are such; one
that a signed number of 64 bits does not hold stands in ``added`` as ``@level``.

Names in ``added`` and ``terms`` are escaped so that nothing in them means a path (`field_key`). Texts have a ``=``
before them, or tantivy would take some for dates; integers beyond 64 bits and numbers JSON does not have are texts with
a ``#``.

A partition keeps columns for a limited number of names. The values of all other fields are terms of ``rest``, which
no number of names can fill (`rest_terms`), and the name ``@rest`` says that there are such. A text that is too long to
be a term has only a sign there, and the name ``@long`` says so; queries that may find it are finished by the predicate.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from gelf_listener.message import FieldValue, Message, ulid, ulid_key
from gelf_listener.query.words import spaced_words

if TYPE_CHECKING:
    import tantivy

FORMAT = 10
"""Of what is written to a store's directory. Every change that older versions cannot read, or that makes an index of
older versions say something else, counts it up."""

SAME_INDEX = 10
"""The earliest format whose indexes are as they are now."""

ODD_LEVELS = "@levels"
"""The name that says that the column of levels has others than severities."""

LARGE_LEVEL = "@level"
"""The name of levels that do not fit their column."""

REST = "@rest"
"""The name that says that there are fields without columns."""

IDS = "@ids"
"""The name under which are the keys of fields with ids that are not terms."""

LONG = "@long"
"""The name that says that there are values too long to be terms."""

MAX_TEXT_CHARACTERS = 8_000
"""Longest text that is a term as a whole; tantivy's limit is 65 530 bytes."""

MAX_FIELDS = 4_000
"""Different names a partition keeps columns for: each costs memory in every segment."""

MAX_ID_FIELDS = 40
"""Different names under which ids have no terms: a search without a field looks at the column of each."""

SLOT_BITS = 6
"""A term of its own for each message takes 4 bytes; these two, which it shares with others, take less than 2.

Slots of 128 messages took 3.1, for the engine writes the numbers of so many together, each as wide as the first."""

ID_DIGITS = 6
"""Digits that make an id of a text, at least."""

_ID_BEGINS = rf"(?![0-9]{{4}}-[0-9]{{2}})(?={'[A-Za-z_-]*+[0-9]' * ID_DIGITS})"
"""Written out, and it never goes back: that takes two thirds of the time."""
_ID_LENGTH = "{8,128}+"
_ID = re.compile(rf"{_ID_BEGINS}[0-9A-Za-z_-]{_ID_LENGTH}")
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
    builder.add_unsigned_field("slot", indexed=True)
    builder.add_unsigned_field("low", indexed=True)
    builder.add_unsigned_field("key", indexed=True)
    builder.add_integer_field("level", indexed=True, fast=True)
    builder.add_text_field("source", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("host", tokenizer_name="raw", index_option="basic", fast=True)
    builder.add_text_field("words", tokenizer_name="whitespace", index_option="position")
    builder.add_text_field("full", tokenizer_name="whitespace", index_option="position")
    builder.add_json_field("added", fast=True, tokenizer_name="raw")
    builder.add_text_field("terms", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("rest", tokenizer_name="raw", index_option="basic")
    builder.add_text_field("marks", tokenizer_name="raw", index_option="basic")
    return _trimmed(builder.build())


def _trimmed(schema: tantivy.Schema) -> tantivy.Schema:
    """Leave out what the builder cannot leave out: lengths of texts, and the terms of ``host`` and ``added``."""
    pickled: Any = schema.__reduce__()
    make, (state,) = pickled
    for field in state["inner"]:
        indexing = field["options"].get("indexing")
        if indexing:
            indexing["fieldnorms"] = False
        if field["name"] in ("host", "added"):
            field["options"]["indexing"] = None
    trimmed: tantivy.Schema = make(state)
    return trimmed


def slot_and_low(order: int) -> tuple[int, int]:
    """Return the two terms that find the message at a place."""
    return order >> SLOT_BITS, order & (1 << SLOT_BITS) - 1


class Document(msgspec.Struct, gc=False):
    """What tantivy is given of a message."""

    timestamp: int
    received: int
    order: int
    slot: int
    low: int
    source: str
    host: str
    words: str
    added: dict[str, Any]
    terms: list[str]
    level: int | msgspec.UnsetType
    full: str | msgspec.UnsetType
    marks: list[str] | msgspec.UnsetType
    rest: list[str] | msgspec.UnsetType = msgspec.UNSET
    key: int | msgspec.UnsetType = msgspec.UNSET


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


def is_id(text: str) -> bool:
    """
    Whether a text may be an id: it has six digits or more, and nothing but letters and digits, dashes and underscores.

    Such texts mostly differ from message to message. Nothing that may be a date is one.
    """
    return _ID.fullmatch(text) is not None


def ids_test(letters: Sequence[str | None]) -> Callable[[str], object]:
    """
    Return a test of several texts at once, with NULs between them: it is true when all of them may be ids.

    Args:
        letters: The characters that each is made of; None for any.
    """
    signs = ["0-9A-Za-z_-" if each is None else re.escape(each) or "^\\0-\U0010ffff" for each in letters]
    return re.compile("\0".join([f"{_ID_BEGINS}[{each}]{_ID_LENGTH}" for each in signs])).fullmatch


def are_ids(texts: Iterable[str]) -> bool:
    """Whether all of some texts may be ids."""
    return all(map(_ID.fullmatch, texts))


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


def key_of(id: str, received_at: float) -> int | msgspec.UnsetType:
    """Return the term that finds an id; none for one that begins with when it arrived, which finds it as well."""
    return msgspec.UNSET if id[:10] == ulid(received_at, 0)[:10] else ulid_key(id)


def micros(seconds: float) -> int:
    """Return a time in whole microseconds, within what 64 bits hold."""
    whole = round(seconds * 1e6)
    return whole if -_LATEST <= whole <= _LATEST else min(max(whole, -_LATEST), _LATEST)


def micros_of(times: Sequence[float]) -> list[int]:
    """Return what `micros` does of each of some times."""
    found = [round(seconds * 1e6) for seconds in times]
    return found if min(found) >= -_LATEST and max(found) <= _LATEST else list(map(micros, times))


def text_term(key: str, text: str) -> str:
    """Return the term of a field's text, as it stands in ``added``."""
    return f"{key}\x00s{text}"


def truth_term(key: str, truth: bool) -> str:
    """Return the term of a field's truth value."""
    return f"{key}\x00btrue" if truth else f"{key}\x00bfalse"


class Names:
    """
    The names of a partition's additional fields, and what kinds of values each has had.

    Args:
        kinds: By field key (`field_key`), as they were stored.
        letters: See `letters`, as they were stored.
    """

    def __init__(self, kinds: dict[str, set[str]] | None = None, letters: dict[str, str] | None = None) -> None:
        self.kinds = {"@input": {"text"}, "@ip": {"text"}, "@port": {"long"}} if kinds is None else kinds
        self.ids = self.kinds.setdefault(IDS, set())
        """Keys of fields with ids that are not terms."""
        self.letters = {} if letters is None else letters
        """The characters of their ids, which may be more; for keys whose ids have all been noted."""
        # Names whose key and kind are known: one look-up a field, for there is one for each field of each message.
        self._texts: dict[str, str] = {}
        self._longs: dict[str, str] = {}
        self._doubles: dict[str, str] = {}
        self._booleans: dict[str, str] = {}

    def put(self, fields: dict[str, FieldValue], added: dict[str, Any], terms: list[str]) -> list[str]:
        """
        Write fields as they stand in ``added`` and ``terms``.

        Returns:
            The terms of ``rest`` for those that have no room there.
        """
        texts, longs, doubles, booleans = self._texts, self._longs, self._doubles, self._booleans
        rest: list[str] = []
        for name, value in fields.items():
            kind = type(value)
            if kind is str:
                key = texts.get(name)
                if key is not None and len(value) <= MAX_TEXT_CHARACTERS:  # type: ignore[arg-type]
                    added[key] = "=" + value  # type: ignore[operator]
                    if not self._is_apart(key, value):  # type: ignore[arg-type]
                        terms.append(text_term(key, added[key]))
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
                    terms.append(truth_term(key, value))  # type: ignore[arg-type]
                    continue
            rest += self._put_slowly(name, value, added, terms)
        return rest

    def _is_apart(self, key: str, text: str) -> bool:
        """Whether a text is looked up in its column only."""
        if not is_id(text):
            return False
        if key not in self.ids and len(self.ids) < MAX_ID_FIELDS:
            self.ids.add(key)
            self.letters[key] = ""
        if key not in self.ids:
            return False
        self.note_letters(key, text)
        return True

    def note_letters(self, key: str, ids: str) -> None:
        """Note of what characters ids of a field are, one after another; for each of these it is called."""
        known = self.letters.get(key)
        if known is not None and ids.strip(known):
            self.letters[key] = "".join(sorted({*known, *ids}))

    def put_level(self, level: int, added: dict[str, Any], terms: list[str]) -> bool:
        """Note a level that is not a severity; False if its column does not hold it and it was written elsewhere."""
        if _LEAST <= level < -_LEAST:
            self.kinds.setdefault(ODD_LEVELS, {"long"})
            return True
        term = term_of(level)
        if term is not None:
            self.kinds.setdefault(LARGE_LEVEL, set()).add(kind_of(level))
            added[LARGE_LEVEL] = term
            if isinstance(term, str):
                terms.append(text_term(LARGE_LEVEL, term))
        return False

    def _put_slowly(self, name: str, value: FieldValue, added: dict[str, Any], terms: list[str]) -> list[str]:
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
        if isinstance(term, bool):
            terms.append(truth_term(key, term))
        elif isinstance(term, str) and not (isinstance(value, str) and self._is_apart(key, value)):
            terms.append(text_term(key, term))
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
        return [f"{key}\x00l", "\x00l"]
    if isinstance(term, bool):
        return [truth_term(key, term), truth_term("", term)]
    if isinstance(term, str):
        return [text_term(key, term), text_term("", term)]
    return [f"{key}\x00n{term}", f"\x00n{term}"]


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
    terms: list[str] = []
    rest = names.put(message.fields, added, terms)
    hard = False
    level = message.level
    if level is not None and not 0 <= level <= 7 and not names.put_level(level, added, terms):
        level = None
    peer, host, full = message.peer, message.host, message.full_message
    if message.input:
        added["@input"] = "=" + message.input
        terms.append(text_term("@input", added["@input"]))
    if peer is not None:
        added["@ip"], added["@port"] = "=" + peer.host, peer.port
        terms.append(text_term("@ip", added["@ip"]))
    if len(host) > MAX_TEXT_CHARACTERS:
        host, hard = host[:MAX_TEXT_CHARACTERS], True
    return encode(
        Document(
            micros(message.timestamp),
            micros(message.received_at),
            order,
            *slot_and_low(order),
            host.lower()[:MAX_TEXT_CHARACTERS],  # a letter in lower case may be two
            host,
            spaced_words(message.short_message),
            added,
            terms,
            msgspec.UNSET if level is None else level,
            msgspec.UNSET if full is None else spaced_words(full),
            MARKS[full is not None, hard],
            rest or msgspec.UNSET,
            key_of(message.id, message.received_at),
        )
    ).decode()
