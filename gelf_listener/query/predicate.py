"""
Predicate: a query tree -> a function that tells whether a message matches.

The tree is walked once; what remains are closures over plain comparisons. Semantics are those of Graylog's index:
texts match by words and without regard to case, ``source`` as a whole and without regard to case, every other
string as a whole and exactly, numbers by value. A comparison that makes no sense for a value (a range of numbers on
a text) does not match; it never raises.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from gelf_listener.message import FieldValue, Message
from gelf_listener.query.automaton import Automaton
from gelf_listener.query.fields import getter, is_analysed, is_lower_case, values
from gelf_listener.query.nodes import Exists, Fuzzy, Group, MatchAll, Node, Phrase, Range, Regex, Term, Wildcard
from gelf_listener.query.parser import Query
from gelf_listener.query.times import Interval, is_time_field, parse_time, time_of
from gelf_listener.query.words import words

__all__ = ["compile_predicate"]

_Predicate = Callable[[Message], bool]
_TextTest = Callable[[str], bool]
_ValueTest = Callable[[FieldValue], bool]


def compile_predicate(query: Query | Node, clock: Callable[[], float] = time.time) -> _Predicate:
    """
    Compile a query.

    Args:
        query: Parsed.
        clock: What ``now`` means when a message is looked at, UTC Unix seconds.

    Returns:
        Tells whether a message matches; never raises.
    """
    return _compile(query.node if isinstance(query, Query) else query, clock)


def _compile(node: Node, clock: Callable[[], float]) -> _Predicate:
    if isinstance(node, Group):
        return _group(node, clock)
    if isinstance(node, MatchAll):
        return lambda message: True  # noqa: ARG005
    if isinstance(node, Exists):
        get = getter(node.field)
        return lambda message: get(message) is not None
    if isinstance(node, Range):
        return _range(node, clock)
    return _leaf(node)


def _group(node: Group, clock: Callable[[], float]) -> _Predicate:
    must = [_compile(inner, clock) for inner in node.must]
    should = [_compile(inner, clock) for inner in node.should] if not must else []
    must_not = [_compile(inner, clock) for inner in node.must_not]

    def matches(message: Message) -> bool:
        for required in must:
            if not required(message):
                return False
        for prohibited in must_not:
            if prohibited(message):
                return False
        if not should:
            return True
        for optional in should:
            if optional(message):
                return True
        return False

    return matches


def _leaf(node: Term | Phrase | Wildcard | Regex | Fuzzy) -> _Predicate:
    """Compile a node that looks at one field, or at all of them."""
    if node.field is not None:
        test = _value_test(node, node.field)
        if is_time_field(node.field) and isinstance(node, (Term, Phrase)):
            test = _at_time(node.text) or test
        get = getter(node.field)

        def matches_field(message: Message) -> bool:
            value = get(message)
            return value is not None and test(value)

        return matches_field
    in_text, in_source, exact = (_value_test(node, name) for name in ("message", "source", ""))

    def matches_any(message: Message) -> bool:
        for name, value in values(message):
            if is_analysed(name):
                found = in_text(value)
            elif is_lower_case(name):
                found = in_source(value)
            else:
                found = exact(value)
            if found:
                return True
        return False

    return matches_any


def _value_test(node: Term | Phrase | Wildcard | Regex | Fuzzy, field: str) -> _ValueTest:
    """Return the test of a value of a field."""
    if is_analysed(field):
        by_words = _words_test(node)
        return lambda value: by_words(words(value)) if isinstance(value, str) else False
    lower = is_lower_case(field)
    if isinstance(node, (Term, Phrase)):
        return _equal_test(node.text, lower=lower)
    test = _text_test(node, lower=lower)
    if lower:
        return lambda value: isinstance(value, str) and test(value.lower())
    return lambda value: test(value) if isinstance(value, str) else test(_spell(value))


def _equal_test(text: str, *, lower: bool) -> _ValueTest:
    """Test for a whole value: the text itself, or the number or truth value it spells."""
    if lower:
        text = text.lower()
        return lambda value: isinstance(value, str) and value.lower() == text
    number = _number(text)
    truth = {"true": True, "false": False}.get(text)

    def equals(value: FieldValue) -> bool:
        if isinstance(value, str):
            return value == text
        if isinstance(value, bool):
            return value is truth
        return number is not None and value == number

    return equals


def _words_test(node: Term | Phrase | Wildcard | Regex | Fuzzy) -> Callable[[list[str]], bool]:
    """Test the words of a text."""
    if isinstance(node, Term):
        wanted = set(words(node.text))  # a term of several words means any of them, as in Elasticsearch
        return lambda found: not wanted.isdisjoint(found)
    if isinstance(node, Phrase):
        phrase = words(node.text)
        slop = node.slop
        if not phrase:
            return lambda found: False  # noqa: ARG005
        if len(phrase) == 1:
            only = phrase[0]
            return lambda found: only in found
        return lambda found: _has_phrase(found, phrase, slop)
    test = _text_test(node, lower=True)
    return lambda found: any(test(word) for word in found)


def _text_test(node: Wildcard | Regex | Fuzzy, *, lower: bool) -> _TextTest:
    """Test a whole text, lower-cased by the caller where that is asked for."""
    if isinstance(node, Wildcard):
        parts = tuple((wild, text if wild or not lower else text.lower()) for wild, text in node.parts)
        return _wildcard_test(parts)
    if isinstance(node, Regex):
        return Automaton.from_regex(node.pattern, fold=lower).matches
    wanted, distance = (node.text.lower() if lower else node.text), node.distance
    return lambda text: _within(text, wanted, distance)


def _wildcard_test(parts: tuple[tuple[bool, str], ...]) -> _TextTest:
    """Test for a pattern; the usual shapes need no automaton."""
    shape = tuple("*" if wild and text == "*" else "?" if wild else "x" for wild, text in parts)
    texts = [text for wild, text in parts if not wild]
    if shape == ("x", "*"):
        prefix = texts[0]
        return lambda text: text.startswith(prefix)
    if shape == ("*", "x"):
        suffix = texts[0]
        return lambda text: text.endswith(suffix)
    if shape == ("*", "x", "*"):
        infix = texts[0]
        return lambda text: infix in text
    return Automaton.from_wildcards(parts).matches


def _has_phrase(found: Sequence[str], phrase: Sequence[str], slop: int) -> bool:
    """Whether the words of a phrase stand in a row, with at most `slop` moves (Lucene's edit distance of positions)."""
    first = phrase[0]
    size = len(phrase)
    if slop == 0:
        return any(
            word == first and list(found[start : start + size]) == list(phrase) for start, word in enumerate(found)
        )
    places = [[position for position, word in enumerate(found) if word == wanted] for wanted in phrase]
    if not all(places):
        return False
    # Shift each word by its place in the phrase: an exact phrase falls on one number, moves spread it. The
    # smallest window that has one of every word says how many moves are needed.
    shifted = sorted((position - index, index) for index, positions in enumerate(places) for position in positions)
    counts = [0] * size
    missing = size
    left = 0
    for value, index in shifted:
        if counts[index] == 0:
            missing -= 1
        counts[index] += 1
        while missing == 0:
            if value - shifted[left][0] <= slop:
                return True
            counts[shifted[left][1]] -= 1
            if counts[shifted[left][1]] == 0:
                missing += 1
            left += 1
    return False


def _within(text: str, wanted: str, distance: int) -> bool:
    """Whether two texts are at most so many edits apart (insert, delete, replace, swap neighbours)."""
    if text == wanted:
        return True
    if abs(len(text) - len(wanted)) > distance or distance == 0:
        return False
    before: list[int] = []
    row = list(range(len(wanted) + 1))
    for i, character in enumerate(text, 1):
        older, before, row = before, row, [i] + [0] * len(wanted)
        for j, other in enumerate(wanted, 1):
            cost = before[j - 1] + (character != other)
            cost = min(cost, before[j] + 1, row[j - 1] + 1)
            if i > 1 and j > 1 and character == wanted[j - 2] and text[i - 2] == other:
                cost = min(cost, older[j - 2] + 1)
            row[j] = cost
        if min(row) > distance:
            return False
    return row[-1] <= distance


def _at_time(text: str) -> _ValueTest | None:
    """Test for a point in time; None when the text is none."""
    if text.startswith("now"):
        return None
    interval = parse_time(text, 0.0)
    if interval is None:
        return None
    start, end = interval
    return lambda value: isinstance(value, (int, float)) and start <= value < end


def _range(node: Range, clock: Callable[[], float]) -> _Predicate:
    get = getter(node.field)
    moving = any(end is not None and end.startswith("now") for end in (node.low, node.high))
    fixed = None if moving else _Bounds(node, 0.0)
    is_time = is_time_field(node.field)
    lower = is_analysed(node.field) or is_lower_case(node.field)
    by_words = is_analysed(node.field)

    def matches(message: Message) -> bool:
        value = get(message)
        if value is None or isinstance(value, bool):
            return False
        bounds = fixed or _Bounds(node, clock())
        if isinstance(value, str):
            if by_words:
                return any(bounds.has_text(word) for word in words(value))
            return bounds.has_string(value.lower() if lower else value)
        return bounds.has_time(value) if is_time else bounds.has_number(value)

    return matches


class _Bounds:
    """The ends of a range, read as every kind of value they may be."""

    __slots__ = ("_high", "_high_number", "_high_time", "_low", "_low_number", "_low_time", "_node")

    def __init__(self, node: Range, now: float) -> None:
        self._node = node
        self._low, self._high = node.low, node.high
        self._low_number = None if node.low is None else _number(node.low)
        self._high_number = None if node.high is None else _number(node.high)
        self._low_time: Interval | None = None if node.low is None else parse_time(node.low, now)
        self._high_time: Interval | None = None if node.high is None else parse_time(node.high, now)

    def has_number(self, value: float) -> bool:
        """Compare by value; an end that is no number includes nothing."""
        node, low, high = self._node, self._low_number, self._high_number
        if self._low is not None and (low is None or value < low or (value == low and not node.include_low)):
            return False
        return self._high is None or (
            high is not None and (value < high or (value == high and node.include_high))
        )

    def has_time(self, value: float) -> bool:
        """Compare with the intervals the ends mean."""
        node, low, high = self._node, self._low_time, self._high_time
        if self._low is not None and (low is None or value < (low.start if node.include_low else low.end)):
            return False
        return self._high is None or (high is not None and value < (high.end if node.include_high else high.start))

    def has_string(self, value: str) -> bool:
        """Compare as times where both are, else letter by letter."""
        if self._low_time is not None or self._high_time is not None:
            moment = time_of(value)
            if moment is not None:
                return self.has_time(moment)
        return self.has_text(value)

    def has_text(self, value: str) -> bool:
        """Compare letter by letter."""
        node = self._node
        if self._low is not None and not (value > self._low or (node.include_low and value == self._low)):
            return False
        return self._high is None or value < self._high or (node.include_high and value == self._high)


def _number(text: str) -> int | float | None:
    """Read a number; None when the text is none, or not finite."""
    if len(text) > 40 or "_" in text:
        return None
    try:
        return int(text)
    except ValueError:
        pass
    try:
        number = float(text)
    except ValueError:
        return None
    return number if number == number and abs(number) != float("inf") else None


def _spell(value: FieldValue) -> str:
    """Write a number or truth value as a query would."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
