"""
Times: dates and date math in queries.

A written time means an interval as long as its precision: ``2026-11-23`` is the whole day. That decides what the
ends of a range include: ``<=2026-11-23`` reaches to the end of the day, ``>2026-11-23`` begins after it, as in
Elasticsearch, which rounds the same way.
"""

from __future__ import annotations

import datetime as dt
import re
from typing import NamedTuple

from gelf_listener.calendars import CalendarUnit, add_units, floor_unit

_DATE = re.compile(
    r"""
    (?P<year>\d{4})
    (?:-(?P<month>\d\d)
    (?:-(?P<day>\d\d)
    (?:[T ](?P<hour>\d\d)
    (?::(?P<minute>\d\d)
    (?::(?P<second>\d\d)
    (?:[.,](?P<fraction>\d{1,9}))?
    )?)?
    \s?(?P<zone>Z|[+-]\d\d:?\d\d)?
    )?)?)?
    """,
    re.VERBOSE | re.ASCII,
)
_COMPACT = re.compile(r"(?P<year>\d{4})(?P<month>\d\d)(?P<day>\d\d)", re.ASCII)
_MATH = re.compile(r"([+-])(\d{0,10})([yMwdhHms])|/([yMwdhHms])", re.ASCII)
_UNITS: dict[str, CalendarUnit] = {
    "y": "year",
    "M": "month",
    "w": "week",
    "d": "day",
    "h": "hour",
    "H": "hour",
    "m": "minute",
    "s": "second",
}
_FRACTION = {"year": "y", "month": "M", "day": "d", "hour": "h", "minute": "m", "second": "s"}


class Interval(NamedTuple):
    """From `start` up to, but not including, `end`; UTC Unix seconds."""

    start: float
    end: float


def parse_time(text: str, now: float) -> Interval | None:
    """
    Read a written time.

    Args:
        text: ISO 8601 or Graylog's ``yyyy-MM-dd HH:mm:ss.SSS``, shortened from the right as far as the year, with or
            without offset (UTC without); ``now`` or a time and ``||``, followed by date math such as ``-5d/d``.
        now: What ``now`` means, UTC Unix seconds.

    Returns:
        The interval it means, or None when it is not a time.
    """
    if len(text) > 100:
        return None
    try:
        if text.startswith("now"):
            return calculate(dt.datetime.fromtimestamp(now, dt.UTC), "", text[3:])
        anchor, bars, math = text.partition("||")
        moment = _parse_date(anchor)
        if moment is None or (bars and not math):
            return None
        if bars and moment.unit:  # steps start from the instant a date begins, as in Elasticsearch
            moment = moment._replace(unit="ms")
        return calculate(moment.time, moment.unit, math)
    except (ValueError, OverflowError):
        return None


class _Moment(NamedTuple):
    """A point in time and the unit it was written to; no unit means as exact as it gets."""

    time: dt.datetime
    unit: str


def _parse_date(text: str) -> _Moment | None:
    match = _DATE.fullmatch(text) or _COMPACT.fullmatch(text)
    if match is None:
        return None
    parts = match.groupdict()
    zone: dt.tzinfo = dt.UTC
    if parts.get("zone") not in (None, "Z"):
        sign, digits = parts["zone"][0], parts["zone"][1:].replace(":", "")
        offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        zone = dt.timezone(offset if sign == "+" else -offset)
    fraction = parts.get("fraction")
    micro = int((fraction or "0").ljust(6, "0")[:6])
    moment = dt.datetime(
        int(parts["year"]),
        int(parts["month"] or 1),
        int(parts["day"] or 1),
        int(parts.get("hour") or 0),
        int(parts.get("minute") or 0),
        int(parts.get("second") or 0),
        micro,
        zone,
    )
    if fraction:
        return _Moment(moment, "ms" if len(fraction) <= 3 else "")
    unit = "y"
    for name, code in _FRACTION.items():
        if parts.get(name):
            unit = code
    return _Moment(moment, unit)


def calculate(time: dt.datetime, unit: str, math: str) -> Interval | None:
    """
    Apply date math: steps add or take away, ``/unit`` rounds down and widens to the unit.

    Args:
        time: Where to start.
        unit: How far what starts there reaches: a letter of date math, ``ms``, or nothing for a microsecond.
        math: Such as ``-5d/d``; may be empty.

    Raises:
        OverflowError: If that is before the year 1 or after 9999.
    """
    position = 0
    while position < len(math):
        step = _MATH.match(math, position)
        if step is None:
            return None
        position = step.end()
        if step[4]:
            time, unit = floor_unit(time, _UNITS[step[4]]), step[4]
        else:
            amount = int(step[2] or 1) * (1 if step[1] == "+" else -1)
            time = add_units(time, amount, _UNITS[step[3]])
    start = time.timestamp()
    if unit == "":
        return Interval(start, start + 1e-6)
    if unit == "ms":
        return Interval(start, start + 1e-3)
    return Interval(start, add_units(time, 1, _UNITS[unit]).timestamp())


def time_of(value: str) -> float | None:
    """Read a string value as a time, as Elasticsearch's date detection would; None when it is none."""
    if not 10 <= len(value) <= 40 or value[4] != "-" or not value[:4].isdigit():
        return None
    try:
        moment = _parse_date(value)
    except (ValueError, OverflowError):
        return None
    return None if moment is None else moment.time.timestamp()
