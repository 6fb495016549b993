"""Intervals: how long the stretches of time of a histogram are, as Graylog's requests write it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gelf_listener.api.errors import ApiError
from gelf_listener.quantities import duration_parts, parse_duration
from gelf_listener.store.parameters import CalendarUnit, TimeGroup

__all__ = ["automatic", "interval_of", "timeunit"]

_CALENDAR: Mapping[str, CalendarUnit] = {"w": "week", "M": "month", "y": "year"}
_LETTERS = {"seconds": "s", "minutes": "m", "hours": "h", "days": "d", "weeks": "w", "months": "M", "years": "y"}

_AUTOMATIC = (
    0.01, 0.1, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0, 14400.0, 43200.0, 86400.0,
    7 * 86400.0, 30 * 86400.0, 365 * 86400.0,
)  # fmt: skip
_BUCKETS = 60
"""About so many stretches, scaled by 1.0."""


def timeunit(field: str, text: str, zone: str = "UTC") -> TimeGroup:
    """
    Read ``1h``, ``5m``, ``1M``.

    Raises:
        ApiError: If it is none, or several weeks, months or years, which begin nowhere in particular.
    """
    parts = duration_parts(text)
    if len(parts) != 1 or not 0 < parts[0][0] < 1e6 or parts[0][1] in ("ms", "us"):
        raise ApiError(400, f"timeunit {text[:50]!r}; expected a number and one of s, m, h, d, w, M, y")
    number, letter = parts[0]
    if letter not in _CALENDAR:
        if letter == "d" and number == 1:
            return TimeGroup(field, unit="day", zone=zone)
        return TimeGroup(field, seconds=parse_duration(text, None, calendar=True))
    if number != 1:
        raise ApiError(400, f"timeunit {text!r}: weeks, months and years are counted one at a time")
    return TimeGroup(field, unit=_CALENDAR[letter], zone=zone)


def automatic(field: str, start: float, end: float, scaling: float = 1.0, zone: str = "UTC") -> TimeGroup:
    """Choose stretches so that there are about sixty, more with a larger scaling."""
    if not 0 < scaling <= 100:
        raise ApiError(400, f"scaling {scaling}; expected a number above 0, at most 100")
    wanted = (end - start) / (_BUCKETS * scaling)
    seconds = next((each for each in _AUTOMATIC if each >= wanted), _AUTOMATIC[-1])
    if seconds == 86400.0:
        return TimeGroup(field, unit="day", zone=zone)
    return TimeGroup(field, seconds=seconds, zone=zone)


def interval_of(field: str, interval: Mapping[str, Any], start: float, end: float, zone: str) -> TimeGroup:
    """Read the interval of a pivot: automatic, or so many units."""
    kind = interval.get("type", "auto")
    if kind == "auto":
        scaling = interval.get("scaling")
        if scaling is not None and (isinstance(scaling, bool) or not isinstance(scaling, (int, float))):
            raise ApiError(400, f"interval.scaling is {str(scaling)[:50]!r}; expected a number")
        return automatic(field, start, end, 1.0 if scaling is None else float(scaling), zone)
    if kind != "timeunit":
        raise ApiError(400, f"interval.type is {str(kind)[:50]!r}; expected auto or timeunit")
    unit = _LETTERS.get(str(interval.get("unit")))
    text = str(interval.get("timeunit") or f"{interval.get('value', 1)}{unit or '?'}")
    return timeunit(field, text, zone)
