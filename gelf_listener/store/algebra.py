"""
Algebra: how what is known of a query is kept while it is put together, whatever the engine's queries are.

Most leaves have an exact query. Of some, such as words near each other, only what surely matches and what may match
can be asked of an engine; `Bounds` carries both through a tree, and the messages between the two are looked at one by
one in the end.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from typing import Generic, NamedTuple, TypeVar

Q = TypeVar("Q")


class Bounds(NamedTuple, Generic[Q]):
    """A query that finds nothing but what matches, and one that finds all that does; the same one when it is exact."""

    least: Q
    most: Q

    @property
    def exact(self) -> bool:
        """Whether the two are one."""
        return self.least is self.most


class Algebra(ABC, Generic[Q]):
    """
    Puts queries together.

    Args:
        nothing: The query that finds nothing.
        everything: The query that finds all messages.
    """

    def __init__(self, nothing: Q, everything: Q) -> None:
        self.nothing = self.exactly(nothing)
        self.everything = self.exactly(everything)

    @abstractmethod
    def all(self, queries: Sequence[Q]) -> Q:
        """What all queries find; there is at least one."""

    @abstractmethod
    def any(self, queries: Sequence[Q]) -> Q:
        """What one of the queries finds; there is at least one."""

    @abstractmethod
    def without(self, query: Q, unwanted: Q) -> Q:
        """What a query finds and another does not."""

    @abstractmethod
    def numbers(self, column: str, low: int | None, high: int | None) -> Bounds[Q]:
        """Whole numbers of a column from `low` up to, not including, `high`."""

    @staticmethod
    def exactly(query: Q) -> Bounds[Q]:
        """Return the bounds of an exact query."""
        return Bounds(query, query)

    @staticmethod
    def between(least: Q, most: Q) -> Bounds[Q]:
        """Return the bounds of a query of which only these two can be asked."""
        return Bounds(least, most)

    def maybe(self, query: Q) -> Bounds[Q]:
        """Return the bounds of a query that finds too much."""
        return Bounds(self.nothing.least, query)

    def all_of(self, parts: Sequence[Bounds[Q]]) -> Bounds[Q]:
        """What lies in all of some bounds."""
        return self._combined(parts, self.all)

    def any_of(self, parts: Iterable[Bounds[Q]]) -> Bounds[Q]:
        """What lies in one of some bounds."""
        wanted = [part for part in parts if part is not self.nothing]
        return self._combined(wanted, self.any) if wanted else self.nothing

    def all_but(self, part: Bounds[Q], unwanted: Bounds[Q]) -> Bounds[Q]:
        """What lies in one and not in the other."""
        if unwanted is self.nothing:
            return part
        least = self.without(part.least, unwanted.most)
        return Bounds(least, least if part.exact and unwanted.exact else self.without(part.most, unwanted.least))

    def both(self, one: Q, other: Q) -> Q:
        """What both queries find."""
        return self.all([one, other])

    def either(self, one: Q, other: Q) -> Q:
        """What one of two queries finds."""
        return self.any([one, other])

    @staticmethod
    def _combined(parts: Sequence[Bounds[Q]], join: Callable[[Sequence[Q]], Q]) -> Bounds[Q]:
        least = join([part.least for part in parts])
        return Bounds(least, least if all(part.exact for part in parts) else join([part.most for part in parts]))
