"""
Graylog leaves: what OpenSearch makes of each word, phrase, pattern and range of a query.

Without a field all fields are asked, each in its own way. A field that no index has finds nothing, and so does a
value that a field cannot hold: OpenSearch is lenient there. Words of which the analyser leaves nothing
(``message:"!"``) are no clause at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TypeVar

from gelf_listener.errors import QueryError
from gelf_listener.message import Message
from gelf_listener.query.fields import KNOWN_FIELDS, known_field
from gelf_listener.query.graylog_values import interval_of, parse_date
from gelf_listener.query.limits import MAX_SLOP, Budget
from gelf_listener.query.nodes import (
    Exists,
    Fuzzy,
    Group,
    MatchAll,
    Matches,
    Node,
    Phrase,
    Range,
    Regex,
    Term,
    Wildcard,
)
from gelf_listener.query.parser import Hint
from gelf_listener.query.patterns import compile_wildcards
from gelf_listener.query.predicate import compile_predicate
from gelf_listener.query.words import words

NOTHING = Group(must_not=(MatchAll(),))
"""The query that no message matches."""

_INDEX = "graylog_0"
"""The name of the only index, as the API tells it."""

_SERVER_FIELDS = frozenset(
    (
        "_id",
        "gl2_accounted_message_size",
        "gl2_processing_duration_ms",
        "gl2_processing_timestamp",
        "gl2_second_sort_field",
        "gl2_source_node",
        "streams",
    )
)
"""Fields that a Graylog gives to every message."""

_TIMES = ("timestamp", "gl2_receive_timestamp")
_MOST_NAMES = 1000
_MAX_REGEX_CHARACTERS = 1000

_Some = TypeVar("_Some", bound="Node | None")
_Make = Callable[[str | None], Node | None]
Parts = tuple[tuple[bool, str], ...]


class Leaves:
    """
    Makes the leaves of one query.

    Args:
        budget: What the query may still cost.

    Attributes:
        hints: What is probably not meant.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self.hints: list[Hint] = []

    def text(self, field: str | None, text: str, columns: tuple[int, int]) -> Node | None:
        """Words side by side, which each field gets as one text; with ``<`` or ``>`` before them an end of a range."""
        if text[:1] in ("<", ">") and len(text) > 1:
            less, equal = text[0] == "<", text[1] == "=" and len(text) > 2
            end = text[2:] if equal else text[1:]
            low, high = (None, end) if less else (end, None)
            return self.range(field, low, high, (less or equal, not less or equal), columns)
        return self._text(field, columns, lambda name: Term(name, text, columns=columns, graylog=True), text)

    def phrase(self, field: str | None, text: str, slop: int, columns: tuple[int, int]) -> Node | None:
        """Return words in a row, or the whole of a text."""
        slop = min(slop, MAX_SLOP)
        return self._text(field, columns, lambda name: Phrase(name, text, slop, columns=columns, graylog=True), text)

    def _text(self, field: str | None, columns: tuple[int, int], make: _Make, text: str) -> Node | None:
        if field == "_exists_":
            return self._exists(text, columns)
        if field == "_index":
            return MatchAll(columns=columns) if text == _INDEX else NOTHING

        def of(name: str | None) -> Node | None:
            known = None if name is None else known_field(name, graylog=True)
            if known is not None and known.matching == "words" and not words(text):
                return None
            return make(name) if text or name is None else NOTHING  # no field holds an empty text

        made = self._in(field, of, columns)
        if field in (None, "*") and made is not None and parse_date(text, 0.0, "stored") is not None:
            return Group(should=(made, *(each for each in map(make, _TIMES) if each is not None)), columns=columns)
        return NOTHING if field in (None, "*") and not text else made

    def pattern(self, field: str | None, parts: Parts, columns: tuple[int, int]) -> Node | None:
        """Return a pattern with wildcards; a star alone is any value."""
        if parts == ((True, "*"),):
            if field in (None, "*"):
                return MatchAll(columns=columns)
            return NOTHING if field == "_exists_" else self._exists(field or "", columns)
        return self._in(field, lambda name: Wildcard(name, parts, columns=columns, graylog=True), columns)

    def regex(self, field: str | None, pattern: str, start: int, columns: tuple[int, int]) -> Node | None:
        """Return a regular expression; one that is not valid finds nothing."""
        if len(pattern) > _MAX_REGEX_CHARACTERS:
            raise self._budget.fail(f"a regular expression has at most {_MAX_REGEX_CHARACTERS} characters", start)
        try:
            for each in dict.fromkeys((pattern, pattern.lower())):  # texts are asked in lower case
                self._budget.compile(each, start, fold=False)
        except QueryError as error:
            if "too" in error.detail:
                raise
            self.hints.append(Hint(f"this finds nothing: {error.detail}", columns[0]))
            return NOTHING
        return self._in(field, lambda name: Regex(name, pattern, columns=columns, graylog=True), columns)

    def fuzzy(self, field: str | None, text: str, edits: tuple[str, int], columns: tuple[int, int]) -> Node | None:
        """
        Return a word with some edits.

        Args:
            field: Where to look.
            text: The word.
            edits: Nothing or ``AUTO`` for as many as fit its length, or a number, of which the whole part counts; and
                where that begins.
            columns: Where it stands.
        """
        written, place = edits
        if written.upper() in ("", "AUTO"):
            distance = 0 if len(text) < 3 else 1 if len(text) < 6 else 2
        elif re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?[fFdD]?", written, re.ASCII):
            distance = int(min(float(written.rstrip("fFdD")), 2))
        else:
            raise self._budget.fail(f"{written!r} is not a number of edits; write {text}~1", place)
        if distance < 0:
            return NOTHING
        return self._in(field, lambda name: Fuzzy(name, text, distance, columns=columns, graylog=True), columns)

    def range(
        self, field: str | None, low: str | None, high: str | None, include: tuple[bool, bool], columns: tuple[int, int]
    ) -> Node | None:
        """Return what lies between two ends; ``*`` and None are open."""
        low, high = None if low == "*" else low, None if high == "*" else high
        if low is None and high is None and field not in (None, "*", "_exists_"):
            return self._exists(field or "", columns)
        node = Range(None, low, high, *include, columns=columns, graylog=True)
        made = self._in(field, lambda name: replace(node, field=name), columns)
        if field in (None, "*") and interval_of(node, 0.0, "stored") is not None:
            return Group(should=(node, *(replace(node, field=name) for name in _TIMES)), columns=columns)
        return made

    # --- fields

    def _in(self, field: str | None, make: _Make, columns: tuple[int, int]) -> Node | None:
        """Make a leaf for a field, for all (None or ``*``), or for those whose names fit a pattern."""
        if field is None or field == "*":
            return self._spent(make(None), columns)
        if "*" in field:
            return self._spent(self._in_some(field, make, columns), columns)
        return self._spent(make(field), columns) if self._is_stored(field, columns) else NOTHING

    def _is_stored(self, field: str, columns: tuple[int, int]) -> bool:
        """Whether a Graylog may have a field of this name."""
        if "." in field:
            stored = field.replace(".", "_")
            self.hints.append(Hint(f"dots in names are stored as underscores; write {stored}", columns[0], field=field))
        return "." not in field and field != "_exists_"

    def _spent(self, node: _Some, columns: tuple[int, int]) -> _Some:
        if node is not None:
            self._budget.spend(node, columns[0] - 1)
        return node

    def _exists(self, field: str, columns: tuple[int, int]) -> Node:
        if field == "*" or field in _SERVER_FIELDS or field == "_index":
            return MatchAll(columns=columns)
        if "*" in field:
            some = self._in_some(field, lambda name: Exists(name or "", columns=columns, graylog=True), columns)
            return self._spent(some, columns)
        if not self._is_stored(field, columns):
            return NOTHING
        return self._spent(Exists(field, columns=columns, graylog=True), columns)

    @staticmethod
    def _in_some(pattern: str, make: _Make, columns: tuple[int, int]) -> Node:
        """Make a leaf for every field whose name fits a pattern, of which ``*`` is the only sign."""
        fits = compile_wildcards(tuple((part == "*", part) for part in re.split(r"(\*)", pattern) if part))
        known = [known for known in KNOWN_FIELDS if fits(known.name)]
        tests: dict[str, Callable[[Message], bool]] = {}

        def test_of(name: str) -> Callable[[Message], bool]:
            if name not in tests:
                if len(tests) >= _MOST_NAMES:
                    tests.clear()
                node = make(name)
                tests[name] = (lambda message: False) if node is None else compile_predicate(node)  # noqa: ARG005
            return tests[name]

        def names(message: Message) -> Iterable[str]:
            yield from (each.name for each in known)
            yield from (stored for name in message.fields if fits(stored := name.replace(".", "_")))

        def test(message: Message) -> bool:
            return any(test_of(name)(message) for name in names(message))

        searched = make(None)
        whole = searched is None or isinstance(searched, Exists) or any(each.name in _TIMES for each in known)
        whole = whole or any(each.name.startswith("gl2_") for each in known)
        return Matches(MatchAll() if whole else searched or MatchAll(), test, columns=columns)
