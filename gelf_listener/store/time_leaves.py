"""Time leaves: what a time, or a range of times, finds in a column of microseconds."""

from __future__ import annotations

from typing import Generic, TypeVar

from gelf_listener.query.graylog_values import interval_of
from gelf_listener.query.nodes import Fuzzy, Phrase, Range, Regex, Term, Wildcard
from gelf_listener.query.ranges import number_of
from gelf_listener.query.times import parse_time
from gelf_listener.store.algebra import Algebra, Bounds
from gelf_listener.store.schema import micros

_LATEST_MICROS = 1 << 62

Q = TypeVar("Q")


def _finite(end: float) -> float | None:
    return None if abs(end) == float("inf") else end


class TimeLeaves(Generic[Q]):
    """
    Translates leaves for columns of times.

    Args:
        engine: Makes the queries.
        now: What ``now`` means, UTC Unix seconds.
    """

    def __init__(self, engine: Algebra[Q], now: float) -> None:
        self._engine = engine
        self._now = now

    def leaf(self, node: Term | Phrase | Wildcard | Regex | Fuzzy | Range, column: str) -> Bounds[Q]:
        """Translate a leaf; a pattern of a time's digits has to be tried on the messages."""
        if node.graylog:
            return self._stored(node, column)
        if isinstance(node, Range):
            return self._range(node, column)
        if isinstance(node, (Term, Phrase)):
            interval = parse_time(node.text, self._now)
            if interval is not None:
                return self.between(column, interval.start, interval.end)
            number = number_of(node.text)
            return self._engine.nothing if number is None else self.between(column, number, number + 1e-6)
        return self._engine.maybe(self._engine.everything.most)

    def _stored(self, node: Term | Phrase | Wildcard | Regex | Fuzzy | Range, column: str) -> Bounds[Q]:
        """Translate a leaf of Graylog's meaning, where only the form that is stored finds a time."""
        if not isinstance(node, (Term, Phrase, Range)):
            return self._engine.nothing
        range = node if isinstance(node, Range) else Range(node.field, node.text, node.text)
        found = interval_of(range, self._now, "stored")
        return self._engine.nothing if found is None else self.between(column, *map(_finite, found))

    def _range(self, node: Range, column: str) -> Bounds[Q]:
        low = None if node.low is None else parse_time(node.low, self._now)
        high = None if node.high is None else parse_time(node.high, self._now)
        if (low is None) is not (node.low is None) or (high is None) is not (node.high is None):
            return self._engine.nothing
        start = None if low is None else low.start if node.include_low else low.end
        end = None if high is None else high.end if node.include_high else high.start
        return self.between(column, start, end)

    def between(self, column: str, start: float | None, end: float | None) -> Bounds[Q]:
        """Return what lies from `start` up to, not including, `end` (seconds)."""
        low = -_LATEST_MICROS - 1 if start is None else micros(start)
        high = _LATEST_MICROS + 1 if end is None else micros(end)
        return self._engine.nothing if low >= high else self._engine.numbers(column, low, high)
