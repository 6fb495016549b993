"""
Predicate: a query tree -> a function that tells whether a message matches.

The tree is walked once; what remains are closures over plain comparisons. Semantics are those of Graylog's index:
texts match by words and without regard to case, ``source`` as a whole and without regard to case, every other
string as a whole and exactly, numbers by value. A comparison that makes no sense for a value (a range of numbers on
a text) does not match; it never raises.

A text is lower-cased and cut into words once for all leaves of a query, and only when a plain search for the letters
has not settled the matter already.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from operator import attrgetter
from typing import Any

from gelf_listener.message import FieldValue, Message
from gelf_listener.query import graylog_values
from gelf_listener.query.automaton import Automaton
from gelf_listener.query.fields import Known, added_getter, getter, is_time_field, known_field
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
from gelf_listener.query.parser import Query
from gelf_listener.query.patterns import compile_fuzzy, compile_wildcards
from gelf_listener.query.ranges import compile_range, compile_word_range, number_of
from gelf_listener.query.texts import CutText, compile_phrase, compile_term
from gelf_listener.query.times import Interval, parse_time, time_of

_Predicate = Callable[[Message], bool]
_Pattern = Wildcard | Regex | Fuzzy
_Leaf = Term | Phrase | _Pattern
_ValueTest = Callable[[FieldValue], bool]
_Clock = Callable[[], float]


def compile_predicate(query: Query | Node, clock: _Clock = time.time) -> _Predicate:
    """
    Compile a query.

    Args:
        query: Parsed.
        clock: What ``now`` means when a message is looked at, UTC Unix seconds.

    Returns:
        Tells whether a message matches; never raises. It holds on to the texts it looked at last.
    """
    return _Compiler(clock).compile(query.node if isinstance(query, Query) else query)


class _Compiler:
    """Compiles the nodes of one query, which share the words of the message at hand."""

    def __init__(self, clock: _Clock) -> None:
        self._clock = clock
        self._short = _cutter("short_message")
        self._full = _cutter("full_message")

    def compile(self, node: Node) -> _Predicate:
        if isinstance(node, Group):
            return self._group(node)
        if isinstance(node, Matches):
            return node.test
        if isinstance(node, MatchAll):
            return lambda message: True  # noqa: ARG005
        if isinstance(node, Exists):
            return _exists(node.field, graylog=node.graylog)
        if node.field is None:
            return self._any_field(node)
        return self._range(node, node.field) if isinstance(node, Range) else self._field(node, node.field)

    def _group(self, node: Group) -> _Predicate:
        must = [self.compile(inner) for inner in node.must]
        should = [self.compile(inner) for inner in node.should] if not must else []
        must_not = [self.compile(inner) for inner in node.must_not]
        if len(must) == 2 and not must_not:  # the most usual shape, without a loop
            first, second = must
            return lambda message: first(message) and second(message)

        def matches(message: Message) -> bool:
            for required in must:
                if not required(message):
                    return False
            for prohibited in must_not:
                if prohibited(message):
                    return False
            if not should:
                return True
            for optional in should:  # noqa: SIM110  (any() with a generator takes twice as long)
                if optional(message):
                    return True
            return False

        return matches

    def _range(self, node: Range, field: str) -> _Predicate:
        if node.low is None and node.high is None:
            return _exists(field, graylog=node.graylog)
        known = known_field(field, graylog=node.graylog)
        if known is not None and known.matching == "words":
            return self._in_words(node, field)
        return _tested(getter(field, graylog=node.graylog), self._range_test(node, known))

    def _range_test(self, node: Range, known: Known | None = None) -> _ValueTest:
        """Test a whole value."""
        if not node.graylog:
            return compile_range(node, self._clock)
        if known is not None and known.matching == "lower case":
            in_source = _source_test(node)
            return lambda value: in_source(str(value).lower())
        return graylog_values.compile_range(node, self._clock, stored=known is not None and known.matching == "time")

    def _field(self, node: _Leaf, field: str) -> _Predicate:
        """Compile a leaf that looks at one field."""
        known = known_field(field, graylog=node.graylog)
        if known is not None and known.matching == "words":
            return self._in_words(node, field)
        if known is not None and known.matching == "lower case":
            in_source = _source_test(node)
            return lambda message: in_source(message.host.lower())
        test = self._value_test(node)
        if known is not None and known.matching == "time" and node.graylog:
            test = self._stored_time_test(node)
        elif is_time_field(field) and isinstance(node, (Term, Phrase)) and not node.graylog:
            test = _time_test(node.text, self._clock) or test
        return _tested(getter(field, graylog=node.graylog), test)

    def _in_words(self, node: _Leaf | Range, field: str) -> _Predicate:
        """Look among the words of a text."""
        cut = self._full if field == "full_message" else self._short
        return _tested(cut, _cut_test(node))

    def _stored_time_test(self, node: _Leaf) -> _ValueTest:
        """Test one of Graylog's own times, which only the form it is stored in finds."""
        if not isinstance(node, (Term, Phrase)):
            return lambda value: False  # noqa: ARG005
        same = Range(node.field, node.text, node.text, graylog=True)
        return graylog_values.compile_range(same, self._clock, stored=True)

    def _value_test(self, node: _Leaf | Range) -> _ValueTest:
        """Test a whole value, exactly."""
        if isinstance(node, Range):
            return self._range_test(node)
        if node.graylog:
            return _graylog_value_test(node, self._clock)
        if isinstance(node, (Term, Phrase)):
            return _equal_test(node.text)
        test = pattern_test(node, lower=False)
        return lambda value: test(value if isinstance(value, str) else _spell(value))

    def _any_field(self, node: _Leaf | Range) -> _Predicate:
        """Compile a leaf that looks into every field."""
        short, full = self._short, self._full
        in_text, in_source, in_values = _cut_test(node), _source_test(node), self._values_test(node)

        def matches(message: Message) -> bool:
            text = short(message)
            if (text is not None and in_text(text)) or in_source(message.host.lower()):
                return True
            if message.full_message is not None:
                text = full(message)
                if text is not None and in_text(text):
                    return True
            return in_values(message)

        return matches

    def _values_test(self, node: _Leaf | Range) -> _Predicate:
        """Test the level, all additional fields, and what the listener adds."""
        test = self._value_test(node)
        if isinstance(node, (Term, Phrase)):
            wanted = node.text
            in_fields = self._equal_in_fields(wanted) if _is_plain(node) else self._tested_in_fields(test)
            added = added_getter(wanted)
            return in_fields if added is None else lambda message: added(message) == wanted or in_fields(message)
        return self._tested_in_fields(test)

    @staticmethod
    def _equal_in_fields(wanted: str) -> _Predicate:
        return lambda message: wanted in message.fields.values()

    @staticmethod
    def _tested_in_fields(test: _ValueTest) -> _Predicate:
        def matches(message: Message) -> bool:
            if message.level is not None and test(message.level):
                return True
            for value in message.fields.values():  # noqa: SIM110  (any() with a generator takes twice as long)
                if test(value):
                    return True
            return False

        return matches


def _tested(get: Callable[[Message], Any], test: Callable[[Any], bool]) -> _Predicate:
    """Test what a message has, if it has it."""

    def matches(message: Message) -> bool:
        value = get(message)
        return value is not None and test(value)

    return matches


def _exists(field: str, *, graylog: bool = False) -> _Predicate:
    get = getter(field, graylog=graylog)
    return lambda message: get(message) is not None


def _cutter(attribute: str) -> Callable[[Message], CutText | None]:
    """Return how to get a text ready to be searched; the last one is kept for the next leaf."""
    get = attrgetter(attribute)
    last = CutText("")

    def cut(message: Message) -> CutText | None:
        nonlocal last
        text = get(message)
        current = last
        if text is current.text:
            return current
        if not isinstance(text, str):
            return None
        last = current = CutText(text)
        return current

    return cut


def _cut_test(node: _Leaf | Range) -> Callable[[CutText], bool]:
    """Test a text by its words."""
    if isinstance(node, Range):
        in_words = compile_word_range(node)
        return lambda text: in_words(text.ordered)
    if isinstance(node, Term):
        return compile_term(node.text)
    if isinstance(node, Phrase):
        return compile_phrase(node.text, node.slop)
    test = pattern_test(node, lower=True)
    literal = ""
    if isinstance(node, Wildcard):  # most texts do not have its letters at all, and need not be cut
        literal = max((text.lower() for wild, text in node.parts if not wild), key=len, default="")

    def matches(text: CutText) -> bool:
        return literal in text.lower and any(test(word) for word in text.distinct)

    return matches


def _source_test(node: _Leaf | Range) -> Callable[[str], bool]:
    """Test a whole lower-cased text."""
    if isinstance(node, Range):
        in_words = compile_word_range(node)
        return lambda value: in_words((value,))
    if isinstance(node, (Term, Phrase)):
        wanted = node.text.lower()
        return lambda value: value == wanted
    return pattern_test(node, lower=True)


def _is_plain(node: Term | Phrase) -> bool:
    """Whether a text equals strings only: it spells no number, truth value or time."""
    text = node.text
    if text in ("true", "false"):
        return False
    if node.graylog:
        return not graylog_values.may_be_other(text)
    return number_of(text) is None and _day_or_less(text) is None


def _graylog_value_test(node: _Leaf, clock: _Clock) -> _ValueTest:
    """Test a value of an index: patterns look at texts only."""
    if isinstance(node, (Term, Phrase)):
        return graylog_values.compile_equal(node.text, clock)
    test = pattern_test(node, lower=False)
    return lambda value: isinstance(value, str) and test(value) and graylog_values.date_format_of(value) is None


def _equal_test(text: str) -> _ValueTest:
    """Test for the text itself, or the number, truth value or time it spells."""
    number = number_of(text)
    truth = {"true": True, "false": False}.get(text)
    interval = _day_or_less(text)

    def equals(value: FieldValue) -> bool:
        if isinstance(value, str):
            if value == text:
                return True
            moment = None if interval is None else time_of(value)
            return interval is not None and moment is not None and interval.start <= moment < interval.end
        if isinstance(value, bool):
            return value is truth
        return number is not None and value == number

    return equals


def _day_or_less(text: str) -> Interval | None:
    """Read a written date or time as Elasticsearch's date detection would."""
    return None if time_of(text) is None else parse_time(text, 0.0)


def pattern_test(node: _Pattern, *, lower: bool) -> Callable[[str], bool]:
    """Test a whole text, lower-cased by the caller where that is asked for; a word is a text too."""
    if isinstance(node, Wildcard):
        return compile_wildcards(tuple((wild, text.lower() if lower else text) for wild, text in node.parts))
    if isinstance(node, Regex):
        if node.graylog:  # its analyser makes the whole expression lower case
            return Automaton.from_regex(node.pattern.lower() if lower else node.pattern).matches
        return Automaton.from_regex(node.pattern, fold=lower).matches
    return compile_fuzzy(node.text.lower() if lower else node.text, node.distance)


def _time_test(text: str, clock: _Clock) -> _ValueTest | None:
    """Test for a point in time; None when the text is none."""
    if text.startswith("now"):
        if parse_time(text, 0.0) is None:
            return None

        def is_now(value: FieldValue) -> bool:
            interval = parse_time(text, clock())
            return interval is not None and not isinstance(value, str) and interval.start <= value < interval.end

        return is_now
    interval = parse_time(text, 0.0)
    if interval is None:
        return None
    start, end = interval
    return lambda value: not isinstance(value, str) and start <= value < end


def _spell(value: FieldValue) -> str:
    """Write a number or truth value as a query would."""
    if isinstance(value, bool):
        return "true" if value else "false"
    try:
        return str(value)
    except ValueError:  # Python writes no integer of more than 4300 digits
        return ""
