"""Ranges: whether a value lies between two ends, as a number, as a time or letter by letter."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

from gelf_listener.message import FieldValue
from gelf_listener.query.fields import is_lower_case, is_time_field
from gelf_listener.query.nodes import Range
from gelf_listener.query.times import Interval, parse_time, time_of

_NOW_SECONDS = 0.001
"""How finely `now` moves: as Elasticsearch counts time, and far longer than a message takes."""

_ValueTest = Callable[[FieldValue], bool]


def compile_range(node: Range, clock: Callable[[], float]) -> _ValueTest:
    """
    Compile a range of values.

    Args:
        node: At least one end is given.
        clock: What ``now`` means when a value is looked at.
    """
    moving = any(end is not None and end.startswith("now") for end in (node.low, node.high))
    if moving:
        last = (0.0, _test(node, 0.0))

        def matches(value: FieldValue) -> bool:
            nonlocal last
            now = clock()
            at, test = last
            if not 0 <= now - at < _NOW_SECONDS:
                test = _test(node, now)
                last = (now, test)  # one assignment, so threads may share a predicate
            return test(value)

        return matches
    return _test(node, 0.0)


def compile_word_range(node: Range) -> Callable[[Sequence[str]], bool]:
    """Compile a range of words: whether any of several, lower-cased and in order, lies in it."""
    in_range = _test_text(node, lower=True)
    low = "" if node.low is None else node.low.lower()
    find = bisect_left if node.include_low else bisect_right

    def matches(ordered: Sequence[str]) -> bool:
        place = find(ordered, low)  # the first word at or above the lower end lies in the range, or none does
        return place < len(ordered) and in_range(ordered[place])

    return matches


def number_of(text: str) -> int | float | None:
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
    return number if number == number and abs(number) != float("inf") else None  # noqa: PLR0124  (NaN)


def _test(node: Range, now: float) -> _ValueTest:
    field = node.field or ""
    in_text = _test_text(node, lower=is_lower_case(field))
    in_times = _test_times(node, now)
    in_numbers = in_times if is_time_field(field) else _test_numbers(node)

    def matches(value: FieldValue) -> bool:
        if isinstance(value, str):
            moment = None if in_times is None else time_of(value)
            return in_text(value) if moment is None or in_times is None else in_times(moment)
        return in_numbers is not None and not isinstance(value, bool) and in_numbers(value)

    return matches


def _test_numbers(node: Range) -> Callable[[float], bool] | None:
    """Compare by value; an end that is not a number includes nothing."""
    low = None if node.low is None else number_of(node.low)
    high = None if node.high is None else number_of(node.high)
    if (low is None and node.low is not None) or (high is None and node.high is not None):
        return None
    if low is None:
        if high is None:
            return lambda value: True  # noqa: ARG005
        return (lambda value: value <= high) if node.include_high else (lambda value: value < high)
    if high is None:
        return (lambda value: value >= low) if node.include_low else (lambda value: value > low)
    include_low, include_high = node.include_low, node.include_high
    return lambda value: low <= value <= high and (include_low or value != low) and (include_high or value != high)


def _test_times(node: Range, now: float) -> Callable[[float], bool] | None:
    """Compare with the intervals the ends mean; None where an end is not a time."""
    low: Interval | None = None if node.low is None else parse_time(node.low, now)
    high: Interval | None = None if node.high is None else parse_time(node.high, now)
    if (low is None and node.low is not None) or (high is None and node.high is not None):
        return None
    infinity = float("inf")
    start = -infinity if low is None else low.start if node.include_low else low.end
    end = infinity if high is None else high.end if node.include_high else high.start
    return lambda value: start <= value < end


def _test_text(node: Range, *, lower: bool) -> Callable[[str], bool]:
    """Compare letter by letter."""
    low, high = node.low, node.high
    if lower:
        low = None if low is None else low.lower()
        high = None if high is None else high.lower()
    include_low, include_high = node.include_low, node.include_high

    def matches(value: str) -> bool:
        if lower:
            value = value.lower()
        if low is not None and not (value > low or (include_low and value == low)):
            return False
        return high is None or value < high or (include_high and value == high)

    return matches
