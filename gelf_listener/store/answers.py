"""Answers: what a store gives back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from gelf_listener.message import FieldValue, Message
from gelf_listener.query.fields import KNOWN_FIELDS, FieldType

GroupKey: TypeAlias = FieldValue | tuple[float | None, float | None] | None
"""A value, the start of a stretch of time, a range, or None for messages without the field."""


class Hits(NamedTuple):
    """
    One page of messages.

    Attributes:
        total: How many messages match, on all pages.
        messages: Those of this page; their ids are those they were stored with.
    """

    total: int
    messages: Sequence[Message]


class Missing(NamedTuple):
    """
    What a search could not look at; false when that is nothing.

    Attributes:
        late: Messages that were stored before it was asked, and that the index does not find yet.
        unindexable: Messages that the index cannot take.
        damaged: Parts of the store that could not be read and were set aside.
        trouble: Why messages cannot be saved or indexed at the moment; empty when they can.
        cut: Why it is about the newest messages only; empty when it is about all of them.
        unseen: Why parts of the store cannot be searched at the moment; empty when they can.
    """

    late: int = 0
    unindexable: int = 0
    damaged: int = 0
    trouble: str = ""
    cut: str = ""
    unseen: str = ""

    def __bool__(self) -> bool:
        """Whether anything is missing."""
        return any(self)

    def __str__(self) -> str:
        """Return it as a sentence for a person; empty when nothing is missing."""
        return "; ".join(
            text
            for wanted, text in (
                (self.late, f"{self.late} messages are stored and not indexed yet"),
                (self.unindexable, f"{self.unindexable} messages cannot be indexed"),
                (self.damaged, f"{self.damaged} parts of the store are damaged and were set aside"),
                (self.trouble, f"the store cannot write: {self.trouble}"),
                (self.cut, f"only the newest messages were looked at: {self.cut}"),
                (self.unseen, f"parts of the store cannot be searched: {self.unseen}"),
            )
            if wanted
        )


class Row(NamedTuple):
    """A group: its keys from the outermost on, how many messages it has, and its metrics in the order asked for."""

    keys: tuple[GroupKey, ...]
    messages: int
    values: tuple[FieldValue | None, ...]


class ValueCount(NamedTuple):
    """A value and how many messages have it."""

    value: FieldValue
    messages: int


def beginning_with(rows: Iterable[Row], prefix: str, limit: int) -> list[ValueCount]:
    """Return the values of groups by one field that begin with a text, whatever its case."""
    values = [ValueCount(row.keys[0], row.messages) for row in rows if not isinstance(row.keys[0], tuple | None)]
    return [each for each in values if str(each.value).lower().startswith(prefix.lower())][:limit]


class FieldInfo(NamedTuple):
    """A field, named as in a query, and the types its values have had."""

    name: str
    types: tuple[FieldType, ...]


def known_and(found: Mapping[str, Iterable[FieldType]]) -> list[FieldInfo]:
    """Return the known fields and some additional ones, by name."""
    types = {name: tuple(sorted(each)) for name, each in found.items()}
    types |= {known.name: (known.type,) for known in KNOWN_FIELDS}
    return [FieldInfo(name, types[name]) for name in sorted(types)]


class FieldStatistics(NamedTuple):
    """
    What a field holds.

    Attributes:
        messages: Messages that match.
        present: Those that have the field.
        distinct: Different values, estimated from a few thousand on.
        minimum: Of the numbers (seconds for times); None when there are none. The same holds for the following.
        maximum: See `minimum`.
        mean: See `minimum`.
        total: Sum.
        deviation: Standard deviation of the population.
    """

    messages: int
    present: int
    distinct: int
    minimum: float | None
    maximum: float | None
    mean: float | None
    total: float | None
    deviation: float | None


class PartitionInfo(NamedTuple):
    """One partition: its name, span of timestamps (UTC Unix seconds), messages and bytes on disk."""

    name: str
    first: float | None
    last: float | None
    messages: int
    bytes: int


class StoreInfo(NamedTuple):
    """
    How much is stored, and where.

    Attributes:
        location: Where, for a person.
        messages: How many messages.
        bytes: What they take.
        first: The first timestamp, UTC Unix seconds; None when there is none.
        last: The last one.
        partitions: Its parts, the oldest first.
        max_bytes: Beyond so many bytes the oldest messages go; None is no limit.
        max_age_seconds: How long messages are kept; None is no limit.
    """

    location: str
    messages: int
    bytes: int
    first: float | None
    last: float | None
    partitions: Sequence[PartitionInfo]
    max_bytes: int | None = None
    max_age_seconds: float | None = None
