"""Requests: what a store can be asked, beside the query."""

from __future__ import annotations

from typing import Literal, NamedTuple, TypeAlias

from gelf_listener.calendars import CalendarUnit

Function = Literal[
    "avg",
    "card",
    "count",
    "latest",
    "max",
    "min",
    "percentile",
    "stddev",
    "sum",
    "sumofsquares",
    "variance",
]
"""Graylog's metric functions (reference of its scripting API); a percentage is worked out of two of them."""

Reading = Literal["stored", "single", "moment", "lower"]
"""
How a value is read before it is computed with: as it is stored; rounded to 32 bits, as OpenSearch keeps decimals;
or, when it is a text, as a date, in UTC Unix seconds, or in lower case (`gelf_listener.store.readings`).
"""


class Span(NamedTuple):
    """From `start` up to, but not including, `end`, UTC Unix seconds of ``timestamp``; None is open."""

    start: float | None = None
    end: float | None = None


EVERYTHING = Span()


class Sort(NamedTuple):
    """By which field, named as in a query."""

    field: str = "timestamp"
    descending: bool = True


NEWEST_FIRST = Sort()


class Order(NamedTuple):
    """By what groups are sorted: the index of a metric, None for the number of messages; highest first or lowest."""

    metric: int | None = None
    descending: bool = True


class ValuesGroup(NamedTuple):
    """
    A group for each of the most frequent values of a field.

    Attributes:
        field: Named as in a query.
        limit: Most groups.
        missing: Whether messages without the field are one more group, the last, whose key is None.
        order: What to sort by, the most important first; equal groups come in the order of their keys as texts.
        fold: Whether texts are one value whatever their case; it is then given in lower case.
    """

    field: str
    limit: int = 15
    missing: bool = False
    order: tuple[Order, ...] = (Order(),)
    fold: bool = False


class TimeGroup(NamedTuple):
    """
    A group for each stretch of time, oldest first; its key is the start in UTC Unix seconds.

    Attributes:
        field: A field that holds times.
        seconds: Length of a stretch, aligned to the Unix epoch; used when `unit` is None.
        unit: A calendar unit instead.
        zone: IANA time zone in which calendar units begin.
        empty: Whether stretches without messages between the first and the last are given too.
        reading: How values are read.
    """

    field: str = "timestamp"
    seconds: float = 60.0
    unit: CalendarUnit | None = None
    zone: str = "UTC"
    empty: bool = False
    reading: Reading = "stored"


class RangesGroup(NamedTuple):
    """A group for each range of numbers, low inclusive and high exclusive, None open; its key is ``(low, high)``."""

    field: str
    ranges: tuple[tuple[float | None, float | None], ...]


Grouping: TypeAlias = ValuesGroup | TimeGroup | RangesGroup


class Metric(NamedTuple):
    """
    A figure of each group.

    Attributes:
        function: What to compute.
        field: Of which field; None, for ``count``, means messages.
        percentile: Between 0 and 100, for ``percentile``.
        reading: How values are read.
    """

    function: Function
    field: str | None = None
    percentile: float = 50.0
    reading: Reading = "stored"
