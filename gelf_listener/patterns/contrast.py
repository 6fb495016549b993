"""Contrast: what is more frequent in one range of messages than in another: shapes, and values of fields."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from gelf_listener.message import FieldValue, Message

_MOST_FIELDS, _MOST_VALUES, _MOST_NUMBERS = 300, 500, 40
_MOST_CHARACTERS = 200
_CHANCE = 3.84
"""G of a difference that chance makes in one of twenty cases (chi squared, one degree of freedom)."""


class Difference(NamedTuple):
    """
    How frequent something is in two ranges.

    Attributes:
        counts: Messages that have it, in each range.
        shares: Of the messages of each range, 0 to 1.
        strength: How little it can be chance (the G test's statistic); negative when it is less frequent in the first.
    """

    counts: tuple[int, int]
    shares: tuple[float, float]
    strength: float


def difference(counts: Sequence[int], messages: Sequence[int]) -> Difference | None:
    """Compare how many of the messages of two ranges have something; None when chance explains it, or one is empty."""
    here, there = counts
    all_here, all_there = messages
    if not all_here or not all_there:
        return None
    shares = (here / all_here, there / all_there)
    strength = _g(here, there, all_here, all_there) + _g(all_here - here, all_there - there, all_here, all_there)
    if strength < _CHANCE:
        return None
    return Difference((here, there), shares, strength if shares[0] > shares[1] else -strength)


def _g(here: int, there: int, all_here: int, all_there: int) -> float:
    """Return what one outcome adds to the G test's statistic (a log-likelihood ratio)."""
    both = (here + there) / (all_here + all_there)
    parts = [count * math.log(count / (size * both)) for count, size in ((here, all_here), (there, all_there)) if count]
    return 2 * sum(parts)


class Values:
    """
    Counts the values of the fields of messages of two ranges.

    A field with too many different values, such as an id or a duration, is let go.

    Args:
        hidden: Fields that are not counted.
    """

    def __init__(self, hidden: frozenset[str] = frozenset()) -> None:
        self._hidden = hidden
        self._fields: dict[str, Counter[tuple[FieldValue, int]]] = {}
        self._crowded: set[str] = set()

    def add(self, messages: Iterable[Message], side: int) -> None:
        """Count the fields of messages, ``source`` and ``level`` among them."""
        for message in messages:
            self._count("source", message.host, side)
            if message.level is not None:
                self._count("level", message.level, side)
            for name, value in message.fields.items():
                if name not in self._hidden:
                    self._count(name, value, side)

    def items(self) -> Iterable[tuple[str, FieldValue, tuple[int, int]]]:
        """Give each field and value with its counts."""
        for name, counter in self._fields.items():
            for value in dict.fromkeys(value for value, _ in counter):
                yield name, value, (counter[value, 0], counter[value, 1])

    def _count(self, name: str, value: FieldValue, side: int) -> None:
        if name in self._crowded:
            return
        counter = self._fields.get(name)
        if counter is None:
            if len(self._fields) + len(self._crowded) >= _MOST_FIELDS:  # one that comes late would be half counted
                return
            counter = self._fields[name] = Counter()
        if isinstance(value, str) and len(value) > _MOST_CHARACTERS:
            value = value[:_MOST_CHARACTERS]
        counter[value, side] += 1
        if len(counter) > 2 * (_MOST_VALUES if isinstance(value, str) else _MOST_NUMBERS):
            self._crowded.add(name)
            del self._fields[name]
