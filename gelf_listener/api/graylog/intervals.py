"""
Intervals: how long the stretches of time of a histogram are, as Graylog's requests write it.

Source: `AutoInterval` and `TimeUnitInterval` of Graylog's server (thresholds), checked against recorded answers.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Mapping

from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.index_types import IndexType, reading_of
from gelf_listener.api.graylog.ranges import bounds
from gelf_listener.api.graylog.views_query import AutomaticInterval, TimeunitInterval
from gelf_listener.calendars import CalendarUnit
from gelf_listener.query.nodes import Node
from gelf_listener.store import Store
from gelf_listener.store.parameters import Span, TimeGroup

Interval = float | CalendarUnit
"""Seconds, or a calendar unit."""

_UNIT = re.compile(r"(\d{1,6})([smhdwMy])", re.ASCII)
_SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0, "M": 30 * 86400.0, "y": 365 * 86400.0}
_CALENDAR: Mapping[str, CalendarUnit] = {"d": "day", "w": "week", "M": "month", "y": "year"}
_LETTERS = {"seconds": "s", "minutes": "m", "hours": "h", "days": "d", "weeks": "w", "months": "M", "years": "y"}
_WRONG_UNIT = "Time unit must be {quantity}{unit}, where quantity is a positive number and unit [smhdwMy]."

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
_AUTOMATIC: tuple[tuple[float, Interval], ...] = (
    (0.02, 0.001), (0.2, 0.005), (0.5, 0.01), (1, 0.02), (2, 0.04), (10, 0.2), (30, 0.5), (_MINUTE, 1.0),
    (2 * _MINUTE, 2.0), (4 * _MINUTE, 5.0), (7 * _MINUTE, 10.0), (10 * _MINUTE, 20.0), (30 * _MINUTE, 30.0),
    (_HOUR, _MINUTE), (2 * _HOUR, 2 * _MINUTE), (4 * _HOUR, 5 * _MINUTE), (12 * _HOUR, 10 * _MINUTE),
    (16 * _HOUR, 15 * _MINUTE), (_DAY, 30 * _MINUTE), (2 * _DAY, _HOUR), (4 * _DAY, 2 * _HOUR), (10 * _DAY, 4 * _HOUR),
    (12 * _DAY, 6 * _HOUR), (28 * _DAY, 12 * _HOUR), (60 * _DAY, "day"), (120 * _DAY, 2 * _DAY), (180 * _DAY, 3 * _DAY),
    (365 * _DAY, "week"), (730 * _DAY, 14 * _DAY),
)  # fmt: skip
"""Up to which length of a time range (seconds) which interval is chosen; a month beyond."""

_OF_ALL: tuple[Interval, ...] = (
    1.0, 5.0, 10.0, 30.0, _MINUTE, 5 * _MINUTE, 10 * _MINUTE, 30 * _MINUTE, _HOUR, 3 * _HOUR, 12 * _HOUR, "day",
    7 * _DAY, "month", "year",
)  # fmt: skip
"""Among what is chosen where a range has no beginning (`auto_date_histogram`)."""
_LENGTHS: Mapping[str, float] = {"day": _DAY, "week": 7 * _DAY, "month": 30 * _DAY, "year": 365 * _DAY}
_BUCKETS = 25


def timeunit(text: str) -> Interval:
    """
    Read ``1h``, ``5m``, ``1M``. One day, week, month or year is one of the calendar; several are days.

    Raises:
        ApiError: If it is none.
    """
    match = _UNIT.fullmatch(text)
    if match is None or int(match[1]) == 0:
        raise ApiError(400, _WRONG_UNIT)
    number, letter = int(match[1]), match[2]
    return _CALENDAR[letter] if number == 1 and letter in _CALENDAR else number * _SECONDS[letter]


async def automatic(store: Store, node: Node, span: Span, scaling: float = 1.0) -> Interval:
    """Choose an interval for a time range, without a beginning for what is there; longer with a larger scaling."""
    start, end = await bounds(store, node, span)
    if span.start is None:
        wanted = (end - start) * scaling / _BUCKETS
        return next((each for each in _OF_ALL if _LENGTHS.get(str(each), each) >= wanted), "year")  # type: ignore[operator]
    at = bisect_left(_AUTOMATIC, (end - start) * scaling, key=lambda pair: pair[0])
    return _AUTOMATIC[at][1] if at < len(_AUTOMATIC) else "month"


def time_group(field: str, interval: Interval, type: IndexType | None, zone: str = "UTC") -> TimeGroup:
    """
    Group by stretches of time; those without messages are given too.

    Raises:
        ApiError: If the field holds something else than times.
    """
    if type not in ("date", None):
        raise ApiError(400, f"Failed to obtain results. Field [{field}] of type [{type}] does not hold times.")
    reading = reading_of(field, type)
    if isinstance(interval, str):
        return TimeGroup(field, unit=interval, zone=zone, empty=True, reading=reading)
    return TimeGroup(field, seconds=interval, empty=True, reading=reading)


async def interval_of(store: Store, node: Node, span: Span, asked: AutomaticInterval | TimeunitInterval) -> Interval:
    """
    Read the interval of a pivot.

    Raises:
        ApiError: If its unit is none.
    """
    if isinstance(asked, AutomaticInterval):
        return await automatic(store, node, span, asked.scaling)
    return timeunit(asked.timeunit or f"{asked.value}{_LETTERS.get(asked.unit or '', '?')}")
