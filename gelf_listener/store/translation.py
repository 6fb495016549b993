"""
Translation: a query tree -> a tantivy query over one partition, with exactly the predicate's meaning.

Words, whole values and ranges of numbers are looked up. What a pattern, a date in a text or a range of texts means is
decided by the predicate itself on the distinct values of a column, and becomes a set of values. What remains
(proximity, ids as patterns, hard messages, see `schema`) is found roughly and finished by the predicate on the
messages. So counting and grouping always work on an exact tantivy query.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from gelf_listener.errors import QueryError
from gelf_listener.message import FieldValue, Message, ulid_key
from gelf_listener.query import compile_predicate
from gelf_listener.query.fields import added_getter, is_analysed, is_lower_case
from gelf_listener.query.nodes import Exists, Fuzzy, Group, MatchAll, Node, Phrase, Range, Regex, Term, Wildcard
from gelf_listener.query.ranges import number_of
from gelf_listener.query.times import parse_time, time_of
from gelf_listener.query.words import words
from gelf_listener.store.parameters import Span
from gelf_listener.store.partition import Partition
from gelf_listener.store.schema import (
    LARGE_LEVEL,
    MAX_TEXT_CHARACTERS,
    ODD_LEVELS,
    field_key,
    field_name,
    micros,
    term_of,
    value_of,
)

if TYPE_CHECKING:
    import tantivy

__all__ = ["MAX_VERIFIED", "Translator", "span_of"]

MAX_VERIFIED = 200_000
"""Messages of a partition that are looked at one by one to finish a query."""
_LARGE = 1 << 62
"""Ends of ranges from which tantivy overflows now and then."""
_MAX_VALUES = 500_000
"""Distinct values of a column that a pattern is tried on."""

_Leaf: TypeAlias = Term | Phrase | Wildcard | Regex | Fuzzy | Range

_IDS = frozenset(("_id", "gl2_message_id"))
_LISTENER = {"gl2_source_input": "@input", "gl2_remote_ip": "@ip", "gl2_remote_port": "@port"}
_TIMES = {"timestamp": "timestamp", "gl2_receive_timestamp": "received"}
_LATEST_MICROS = 1 << 62


class Translator:
    """
    Translates queries for one partition as it was committed last.

    Args:
        partition: Where to search.
        now: What ``now`` means, UTC Unix seconds.
    """

    def __init__(self, partition: Partition, now: float) -> None:
        import tantivy  # noqa: PLC0415  (not before somebody needs a store)

        self.partition = partition
        self.searcher = partition.searcher
        self._schema = partition.schema
        self._tantivy = tantivy
        self._query = tantivy.Query
        self._now = now
        self._rough = False

    def exact(self, node: Node, span: Span) -> tantivy.Query:
        """
        Return a query that finds just the messages that match and lie in a span.

        Raises:
            QueryError: If too many messages or values would have to be looked at one by one.
        """
        within = self._span(span)
        self._rough = False
        found = self._translate(node, positive=True)
        hard = self._term("marks", "hard")
        if self._rough:
            return self._verified(self._all_of(within, self._any_of([found, hard])), node)
        if isinstance(node, MatchAll) or not self.searcher.search(hard, limit=1, count=False).hits:
            return self._all_of(within, found)
        easy = self._all_but(self._all_of(within, found), hard)
        return self._any_of([easy, self._verified(self._all_of(within, hard), node)])

    # --- structure

    def _translate(self, node: Node, *, positive: bool) -> tantivy.Query:
        """Translate exactly, or roughly: finding too much where `positive`, too little where not."""
        if isinstance(node, MatchAll):
            return self._query.all_query()
        if isinstance(node, Group):
            return self._group(node, positive=positive)
        if isinstance(node, Exists):
            return self._exists(node.field)
        if isinstance(node, Range) and node.low is None and node.high is None:
            return self._exists(node.field)
        if node.field is None:
            return self._any_field(node, positive=positive)
        return self._field(node, node.field, positive=positive)

    def _group(self, node: Group, *, positive: bool) -> tantivy.Query:
        occur = self._tantivy.Occur
        clauses = [(occur.Must, self._translate(inner, positive=positive)) for inner in node.must]
        if not node.must:
            should = [self._translate(inner, positive=positive) for inner in node.should]
            clauses.append((occur.Must, self._any_of(should) if should else self._query.all_query()))
        clauses += [(occur.MustNot, self._translate(inner, positive=not positive)) for inner in node.must_not]
        return self._query.boolean_query(clauses)

    def _all_of(self, *queries: tantivy.Query | None) -> tantivy.Query:
        wanted = [(self._tantivy.Occur.Must, query) for query in queries if query is not None]
        return wanted[0][1] if len(wanted) == 1 else self._query.boolean_query(wanted)

    def _all_but(self, query: tantivy.Query, unwanted: tantivy.Query) -> tantivy.Query:
        occur = self._tantivy.Occur
        return self._query.boolean_query([(occur.Must, query), (occur.MustNot, unwanted)])

    def _any_of(self, queries: Sequence[tantivy.Query]) -> tantivy.Query:
        if not queries:
            return self._query.empty_query()
        if len(queries) == 1:
            return queries[0]
        return self._query.boolean_query([(self._tantivy.Occur.Should, query) for query in queries])

    def _term(self, field: str, value: FieldValue) -> tantivy.Query:
        return self._query.term_query(self._schema, field, value, "basic")

    def _terms(self, field: str, values: Sequence[FieldValue]) -> tantivy.Query:
        if not values:
            return self._query.empty_query()
        return self._query.term_set_query(self._schema, field, list(values))

    def _roughly(self, query: tantivy.Query, *, positive: bool) -> tantivy.Query:
        self._rough = True
        return query if positive else self._query.empty_query()

    # --- leaves

    def _field(self, node: _Leaf, field: str, *, positive: bool) -> tantivy.Query:
        """Translate a leaf that looks at one field."""
        if is_analysed(field):
            return self._text(node, "full" if field == "full_message" else "words", positive=positive)
        if is_lower_case(field):
            return self._source(node)
        if field in _IDS:
            return self._id(node, positive=positive)
        if field in _TIMES:
            return self._time(node, field, positive=positive)
        if field == "level":
            return self._level(node, positive=positive)
        if field in _LISTENER:
            return self._column(node, _LISTENER[field], positive=positive)
        return self._first_of(
            field,
            lambda key: self._column(node, key, positive=positive),
            lambda known: self._known_text(node, positive=positive) if known == "full_message" else
            self._field(replace(node, field=known), known, positive=positive),
            positive=positive,
        )  # fmt: skip

    def _known_text(self, node: _Leaf, *, positive: bool) -> tantivy.Query:
        """``_full_message``: the whole text as a value, which no index holds."""
        _ = node
        return self._roughly(self._term("marks", "full"), positive=positive)

    def _first_of(
        self,
        field: str,
        column: Callable[[str], tantivy.Query],
        known: Callable[[str], tantivy.Query],
        *,
        positive: bool,
    ) -> tantivy.Query:
        """Look at the first of the names a field may be stored under that a message has (`query.fields.getter`)."""
        bare = field[1:] if field.startswith("_") and len(field) > 1 else field
        choices: list[tuple[tantivy.Query, Callable[[], tantivy.Query]]] = []
        names = self.partition.names
        stored = [key for key in dict.fromkeys((field_key(field), field_key(bare))) if key in names]
        choices += [(self._has(key), lambda key=key: column(key)) for key in stored]  # type: ignore[misc]
        if bare in ("level", "timestamp", "full_message"):
            choices.append((self._exists(bare), lambda: known(bare)))
        dotted = self._dotted(bare)
        choices += [(self._has(key), lambda key=key: column(key)) for key in dotted]  # type: ignore[misc]
        found: list[tantivy.Query] = []
        before: list[tantivy.Query] = []
        for has, leaf in choices:
            query = leaf()
            found.append(self._all_but(query, self._any_of(before)) if before else query)
            before.append(has)
        if len(dotted) > 1:  # which comes first is in the message only
            return self._roughly(self._any_of([leaf() for _, leaf in choices]), positive=positive)
        return self._any_of(found)

    def _dotted(self, bare: str) -> list[str]:
        if "_" not in bare:
            return []
        stored = ((key, field_name(key)) for key in list(self.partition.names) if "%2e;" in key)
        return [key for key, name in stored if name.replace(".", "_") == bare]

    def _has(self, key: str) -> tantivy.Query:
        return self._query.exists_query(f"added.{key}")

    def _exists(self, field: str) -> tantivy.Query:
        if field == "full_message":
            return self._term("marks", "full")
        if field == "level":
            exists = self._query.exists_query("level")
            return self._any_of([exists, self._has(LARGE_LEVEL)]) if LARGE_LEVEL in self.partition.names else exists
        if field in _LISTENER:
            return self._has(_LISTENER[field])
        if is_analysed(field) or is_lower_case(field) or field in _IDS or field in _TIMES:
            return self._query.all_query()
        bare = field[1:] if field.startswith("_") and len(field) > 1 else field
        keys = dict.fromkeys((field_key(field), field_key(bare), *self._dotted(bare)))
        found = [self._has(key) for key in keys if key in self.partition.names]
        if bare in ("level", "timestamp", "full_message"):
            found.append(self._exists(bare))
        return self._any_of(found)

    def _any_field(self, node: _Leaf, *, positive: bool) -> tantivy.Query:
        """Translate a leaf that looks into every field."""
        found = [self._text(node, "words", positive=positive), self._source(node)]
        found.append(self._text(node, "full", positive=positive))
        value = replace(node, field="value")
        found.append(self._level(value, positive=positive))
        keys = [key for key in list(self.partition.names) if not key.startswith("@")]
        found += [self._column(value, key, positive=positive) for key in keys]
        if isinstance(node, (Term, Phrase)) and added_getter(node.text) is not None:
            found += [self._id(node, positive=positive), self._column(node, "@ip", positive=positive)]
        return self._any_of(found)

    def _text(self, node: _Leaf, column: str, *, positive: bool) -> tantivy.Query:
        """Words of a text."""
        if isinstance(node, (Term, Phrase)):
            wanted = words(node.text)
            if isinstance(node, Term):
                return self._any_of([self._term(column, word) for word in dict.fromkeys(wanted)])
            if len(wanted) < 2:
                return self._any_of([self._term(column, word) for word in wanted])
            if node.slop == 0:
                return self._query.phrase_query(self._schema, column, list(wanted))
            together = self._all_of(*(self._term(column, word) for word in dict.fromkeys(wanted)))
            return self._roughly(together, positive=positive)
        if isinstance(node, Wildcard) and _is_small(node):
            return self._query.regex_query(self._schema, column, _regex(node, lower=True))
        field = "full_message" if column == "full" else "message"
        test = compile_predicate(replace(node, field=field), self._clock)
        return self._dictionary(node, column, lambda word: test(_probe(short_message=word, full_message=word)))

    def _source(self, node: _Leaf) -> tantivy.Query:
        if isinstance(node, (Term, Phrase)):
            return self._term("source", node.text.lower())
        if isinstance(node, Wildcard) and _is_small(node):
            return self._query.regex_query(self._schema, "source", _regex(node, lower=True))
        test = compile_predicate(replace(node, field="source"), self._clock)
        return self._dictionary(node, "source", lambda host: test(_probe(host=host)))

    def _dictionary(self, node: _Leaf, column: str, test: Callable[[str], bool]) -> tantivy.Query:
        """Try a test on every different term of a text."""
        terms = self.searcher.terms_with_prefix(column, _prefix(node))
        if len(terms) > _MAX_VALUES:
            raise _too_many(node, f"there are {len(terms)} different words to try it on")
        return self._terms(column, [term for term, _ in terms if test(term)])

    def _level(self, node: _Leaf, *, positive: bool) -> tantivy.Query:
        test = self._value_test(node)
        names = self.partition.names
        levels: list[FieldValue] = [level for level in range(8) if test(level)]
        if ODD_LEVELS in names:
            found = [int(level) for level in self._distinct(node, ODD_LEVELS, "level", None)]
            levels += [level for level in found if not 0 <= level <= 7 and test(level)]
        within = self._terms("level", levels)
        if LARGE_LEVEL not in names:
            return within
        return self._any_of([within, self._column(node, LARGE_LEVEL, positive=positive)])

    def _id(self, node: _Leaf, *, positive: bool) -> tantivy.Query:
        if isinstance(node, (Term, Phrase)):
            return self._term("key", ulid_key(node.text)) if len(node.text) == 26 else self._query.empty_query()
        return self._roughly(self._query.all_query(), positive=positive)

    def _time(self, node: _Leaf, field: str, *, positive: bool) -> tantivy.Query:
        column = _TIMES[field]
        if isinstance(node, Range):
            low = None if node.low is None else parse_time(node.low, self._now)
            high = None if node.high is None else parse_time(node.high, self._now)
            if (low is None) is not (node.low is None) or (high is None) is not (node.high is None):
                return self._query.empty_query()
            start = None if low is None else low.start if node.include_low else low.end
            end = None if high is None else high.end if node.include_high else high.start
            return self._micros(column, start, end)
        if isinstance(node, (Term, Phrase)):
            interval = parse_time(node.text, self._now)
            if interval is not None:
                return self._micros(column, interval.start, interval.end)
            number = number_of(node.text)
            return self._query.empty_query() if number is None else self._micros(column, number, number + 1e-6)
        return self._roughly(self._query.all_query(), positive=positive)

    def _micros(self, column: str, start: float | None, end: float | None) -> tantivy.Query:
        """Return what lies from `start` up to, not including, `end` (seconds)."""
        low = -_LATEST_MICROS - 1 if start is None else micros(start)
        high = _LATEST_MICROS + 1 if end is None else micros(end)
        if low >= high:
            return self._query.empty_query()
        kind = self._tantivy.FieldType.Integer
        return self._query.range_query(self._schema, column, kind, low, high, include_upper=False)

    def _span(self, span: Span) -> tantivy.Query | None:
        start, end = span_of(span)
        if self.partition.within(start, end):
            return None
        return self._micros("timestamp", span.start, span.end)

    # --- additional fields

    def _column(self, node: _Leaf, key: str, *, positive: bool) -> tantivy.Query:
        """Translate a leaf that looks at one column of ``added``."""
        kinds = self.partition.names.get(key)
        if not kinds:
            return self._query.empty_query()
        path = f"added.{key}"
        if isinstance(node, (Term, Phrase)):
            return self._equal(node, key, path, kinds)
        if isinstance(node, Range):
            found = []
            if "text" in kinds:
                found.append(self._terms(path, self._texts(node, key, path)))
            if kinds & {"long", "double"}:
                found.append(self._numbers(node, key, path))
            return self._any_of(found)
        found = []
        if "text" in kinds:
            found.append(self._terms(path, self._texts(node, key, path)))
        if "boolean" in kinds:
            test = self._value_test(node)
            found += [self._term(path, value) for value in (True, False) if test(value)]
        if kinds & {"long", "double"} and _may_be_number(node):
            sure, unsure = self._spelled(node, key, path, kinds & {"long", "double"})
            found.append(self._terms(path, sure))
            if unsure:
                found.append(self._roughly(self._terms(path, unsure), positive=positive))
        return self._any_of(found)

    def _equal(self, node: Term | Phrase, key: str, path: str, kinds: set[str]) -> tantivy.Query:
        text = node.text
        values: dict[FieldValue, None] = {}
        if "text" in kinds:
            if len(text) <= MAX_TEXT_CHARACTERS:
                values["=" + text] = None
            if time_of(text) is not None:
                values.update(dict.fromkeys(self._texts(node, key, path)))
        number = number_of(text)
        found = []
        if number is not None:
            found = [self._term(path, value) for value in _spellings(number)]
        if text in ("true", "false") and "boolean" in kinds:
            found.append(self._term(path, text == "true"))
        found += [self._term(path, value) for value in values] if len(values) < 2 else [self._terms(path, list(values))]
        return self._any_of(found)

    def _value_test(self, node: _Leaf) -> Callable[[FieldValue], bool]:
        """Return the predicate's test of one value."""
        test = compile_predicate(replace(node, field="value"), self._clock)
        return lambda value: test(_probe(fields={"value": value}))

    def _texts(self, node: _Leaf, key: str, path: str) -> list[FieldValue]:
        """Return the texts of a column that the predicate lets through, as they stand in the index."""
        # The engine tries a wildcard itself, so that what does not match need not become a Python value.
        include = "=" + _regex(node, lower=False) if isinstance(node, Wildcard) and _is_small(node) else "[=#](?s:.)*"
        test = self._value_test(node)
        return [term for term in self._distinct(node, key, path, include) if test(value_of(term))]

    def _spelled(self, node: _Leaf, key: str, path: str, kinds: set[str]) -> tuple[list[FieldValue], list[FieldValue]]:
        """
        Try a pattern on the numbers of a column, as a query would spell them.

        Returns:
            Those that match, and those of which it depends on how they were sent: a column of whole and other numbers
            forgets whether 5 was 5.0.
        """
        test = self._value_test(node)
        sure: list[FieldValue] = []
        unsure: list[FieldValue] = []
        for term in self._distinct(node, key, path, None):
            if isinstance(term, (str, bool)):
                continue
            whole = float(term).is_integer()
            spellings = {test(int(term) if whole and "long" in kinds else float(term))}
            if whole and len(kinds) == 2:
                spellings = {test(int(term)), test(float(term))}
            if spellings == {True}:
                sure.append(term)
            elif len(spellings) == 2:
                unsure.append(term)
        return sure, unsure

    def _distinct(self, node: _Leaf, key: str, path: str, include: str | None) -> list[FieldValue]:
        """Return the distinct values of a column: the texts that match a pattern, or everything."""
        wanted: dict[str, Any] = {"field": path, "size": _MAX_VALUES}
        if include is not None:
            wanted["include"] = include
        found = self.searcher.aggregate(self._query.all_query(), {"values": {"terms": wanted}})["values"]
        if found["sum_other_doc_count"] and len(found["buckets"]) >= _MAX_VALUES:
            raise _too_many(node, f"{field_name(key)} has more than {_MAX_VALUES} different values to try it on")
        return [bucket["key"] for bucket in found["buckets"] if "key_as_string" not in bucket]

    def _numbers(self, node: Range, key: str, path: str) -> tantivy.Query:
        """Numbers between two ends, by value."""
        low = None if node.low is None else number_of(node.low)
        high = None if node.high is None else number_of(node.high)
        if (low is None) is not (node.low is None) or (high is None) is not (node.high is None):
            return self._query.empty_query()
        if any(end is not None and abs(end) >= _LARGE for end in (low, high)):
            test = self._value_test(node)
            values = [
                term for term in self._distinct(node, key, path, None) if not isinstance(term, str) and test(term)
            ]
            return self._terms(path, values)
        # An end at a time: tantivy panics when one is whole and the other is not.
        parse = self.partition.engine.parse_query
        found = []
        if low is not None:
            found.append(parse(f"{path}:{'[' if node.include_low else '{'}{_written(low)} TO *]"))
        if high is not None:
            found.append(parse(f"{path}:[* TO {_written(high)}{']' if node.include_high else '}'}"))
        return self._all_of(*found)

    # --- finishing

    @property
    def _clock(self) -> Callable[[], float]:
        now = self._now
        return lambda: now

    def _verified(self, rough: tantivy.Query, node: Node) -> tantivy.Query:
        """Look at what was found roughly, message by message."""
        found = self.searcher.search(rough, limit=MAX_VERIFIED + 1, count=False, order_by_field="order")
        if len(found.hits) > MAX_VERIFIED:
            raise _too_many(node, f"more than {MAX_VERIFIED} messages would have to be looked at")
        predicate = compile_predicate(node, self._clock)
        orders = [int(order) for order, _ in found.hits]
        return self._terms("key", [message.key for _, message in self.partition.read(orders) if predicate(message)])


def span_of(span: Span) -> tuple[int | None, int | None]:
    """Return a span in microseconds."""
    return None if span.start is None else micros(span.start), None if span.end is None else micros(span.end)


def _probe(
    *, host: str = "", short_message: str = "", full_message: str = "", fields: dict[str, FieldValue] | None = None
) -> Message:
    """Make a message that has just what a test is tried on."""
    return Message(0.0, host, short_message, full_message, None, b"", 0.0, _fields=fields or {})


def _prefix(node: _Leaf) -> str:
    """Return what every term that matches begins with."""
    if isinstance(node, Regex):
        literal = re.match(r"[a-z0-9_]*(?![*?+{|a-z0-9_])", node.pattern)
        plain = "|" not in node.pattern and "&" not in node.pattern and "~" not in node.pattern
        return literal[0] if literal is not None and plain else ""
    return ""


_NUMERIC = frozenset("0123456789.-+einfa")
"""What a number is spelled with."""


def _may_be_number(node: _Leaf) -> bool:
    """Whether a pattern may match a number; where it does not, no column of numbers needs to be looked through."""
    if isinstance(node, Wildcard):
        return all(wild or _NUMERIC.issuperset(text) for wild, text in node.parts)
    if isinstance(node, Fuzzy):
        return sum(character not in _NUMERIC for character in node.text) <= node.distance
    return True


def _is_small(node: Wildcard) -> bool:
    """
    Whether the engine takes a pattern; it makes an automaton and refuses one of more than a thousand states.

    A character that may be any has a dozen, for it may be of several bytes, and doubles them when it follows a ``*``.
    """
    wild = [text for is_wild, text in node.parts if is_wild]
    characters = sum(len(text) for is_wild, text in node.parts if not is_wild)
    stars = wild.count("*")
    return stars <= 5 and len(wild) - stars <= (2 if stars else 16) and characters <= 100


def _regex(node: Wildcard, *, lower: bool) -> str:
    """Write a wildcard pattern as a regular expression."""
    parts = []
    for wild, text in node.parts:
        if wild:
            parts.append("(?s:.)*" if text == "*" else "(?s:.)")
        else:
            parts.append("".join(_escaped(c) for c in (text.lower() if lower else text)))
    return "".join(parts)


def _escaped(character: str) -> str:
    return character if character.isalnum() or character == "_" else f"\\x{{{ord(character):x}}}"


def _spellings(number: float) -> Iterable[FieldValue]:
    """Return how a number may stand in the index: tantivy takes 1 and 1.0 for the same."""
    found: dict[FieldValue, None] = {}
    if isinstance(number, int):
        term = term_of(number)
        if term is not None:
            found[term] = None
        try:
            if float(number) == number:
                found[float(number)] = None
        except OverflowError:
            pass
    else:
        found[number] = None
        if number.is_integer():
            term = term_of(int(number))
            if term is not None:
                found[term] = None
    distinct = {(type(term) is str, term): term for term in found}
    return distinct.values()


def _written(number: float) -> str:
    """Write an end of a range for tantivy's parser."""
    if isinstance(number, int) and -(1 << 63) <= number < 1 << 64:
        return str(number)
    return format(float(min(max(number, -1.7e308), 1.7e308)), ".17g")


def _too_many(node: Node, detail: str) -> QueryError:
    return QueryError(f"too much to search: {detail}; narrow it by a field or by time", str(node)[:100], 1)
