"""Calendars: where units of the calendar begin, for queries' date math and for groups by time."""

from __future__ import annotations

import calendar
import datetime as dt
from typing import Literal

CalendarUnit = Literal["second", "minute", "hour", "day", "week", "month", "quarter", "year"]

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}


def floor_unit(time: dt.datetime, unit: CalendarUnit) -> dt.datetime:
    """Return the beginning of the unit a time lies in, in its own zone; weeks begin on Mondays."""
    time = time.replace(microsecond=0)
    if unit == "second":
        return time
    time = time.replace(second=0)
    if unit == "minute":
        return time
    time = time.replace(minute=0)
    if unit == "hour":
        return time
    time = time.replace(hour=0, fold=0)
    if unit == "day":
        return time
    if unit == "week":
        return time - dt.timedelta(days=time.weekday())
    time = time.replace(day=1)
    if unit == "month":
        return time
    return time.replace(month=time.month - (time.month - 1) % 3) if unit == "quarter" else time.replace(month=1)


def next_unit(time: dt.datetime, unit: CalendarUnit) -> dt.datetime:
    """Return the beginning of the unit after the one that begins at a time."""
    if unit in ("second", "minute", "hour"):  # by the clock of the world, which knows no summer time
        later = time.astimezone(dt.UTC) + dt.timedelta(seconds=_SECONDS[unit])
        return later.astimezone(time.tzinfo)
    return add_units(time, 1, unit)


def add_units(time: dt.datetime, amount: int, unit: CalendarUnit) -> dt.datetime:
    """
    Move a time by units, keeping the clock; a day that a month lacks becomes its last one.

    Raises:
        OverflowError: If that is before the year 1 or after 9999.
    """
    if unit in _SECONDS:
        return time + dt.timedelta(seconds=amount * _SECONDS[unit])
    year, month = divmod(time.year * 12 + time.month - 1 + amount * _MONTHS[unit], 12)
    if not 1 <= year <= 9999:
        raise OverflowError
    day = min(time.day, calendar.monthrange(year, month + 1)[1])
    return time.replace(year=year, month=month + 1, day=day)
