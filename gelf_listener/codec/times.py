"""Times: points in time as clients send them, in any unit and as text, to seconds."""

from __future__ import annotations

import datetime as dt
import re

from gelf_listener.codec.text.stamps import read_stamp

SECONDS_MIN, SECONDS_MAX = 1.0, 1e11
"""What is taken for seconds; 1e11 is in the year 5138, and in milliseconds in 1973."""

_UNITS = ((1e11, 1e14, 1e3, "milliseconds"), (1e14, 1e17, 1e6, "microseconds"), (1e17, 1e20, 1e9, "nanoseconds"))
_MAX_TEXT = 64


def to_seconds(value: float) -> tuple[float, str] | None:
    """
    Read a number as a point in time, guessing its unit from its size.

    Returns:
        UTC Unix seconds and the unit's name ("seconds", ...), or None when no unit makes sense (0, negative, huge).
    """
    if SECONDS_MIN <= value < SECONDS_MAX:
        return float(value), "seconds"
    for least, most, factor, unit in _UNITS:
        if least <= value < most:
            return round(value / factor, 6), unit
    return None


_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_FAR = 32_503_680_000.0
"""The year 3000: whether a time is absurd is not decided here."""


def _seconds_of_date(text: str) -> float | None:
    """Read a date with a year as web servers, ctime(3) and mail write it."""
    stamp = read_stamp(text, 0, _FAR, dt.UTC) if _YEAR.search(text) else None
    return stamp.seconds if stamp is not None and stamp.end == len(text) else None


def seconds_of_text(text: str) -> float | None:
    """Read a time that came as text: a number in any unit, ISO 8601, or a date in words (without offset: UTC)."""
    text = text.strip()
    if len(text) > _MAX_TEXT:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return _seconds_of_date(text.strip("[]"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    try:
        return round(moment.timestamp(), 6)
    except (OverflowError, ValueError):
        return None
