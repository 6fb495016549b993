"""Rotation: when a file has been written to for long enough."""

from __future__ import annotations

import re
import time
from typing import Annotated

from pydantic import BeforeValidator, Field

__all__ = ["Duration", "Period", "Rotation", "parse_duration"]

_UNITS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)")
_PERIODS = {"never": 0, "hourly": 3600, "daily": 86_400}


def parse_duration(value: object) -> object:
    """Read a number of seconds, or a number with a unit: ``45s``, ``15m``, ``12h``, ``30d``, ``2w``."""
    if not isinstance(value, str):
        return value
    match = _DURATION.fullmatch(value.strip().lower())
    if match is None:
        raise ValueError("expected seconds, or a number with the unit s, m, h, d or w")
    return float(match[1]) * _UNITS[match[2]]


def _parse_period(value: object) -> object:
    if isinstance(value, str) and value.strip().lower() in _PERIODS:
        return _PERIODS[value.strip().lower()]
    try:
        return parse_duration(value)
    except ValueError as error:
        raise ValueError(f"{error}; or never, hourly, daily") from None


Duration = Annotated[float, BeforeValidator(parse_duration), Field(ge=0, allow_inf_nan=False)]
"""Seconds, from a number with or without a unit."""

Period = Annotated[float, BeforeValidator(_parse_period), Field(ge=0, allow_inf_nan=False)]
"""Seconds, from a duration or ``never`` (0), ``hourly``, ``daily``."""


class Rotation:
    """
    Decides when a file is rotated.

    Args:
        max_size: Bytes a file may have; 0 is no limit.
        seconds: Length of a period; the first write after its end goes to a new file. 0 is for ever.
        utc: Periods begin in UTC instead of local time.
    """

    def __init__(self, max_size: int, seconds: float, *, utc: bool) -> None:
        self.max_size = max_size
        self._seconds = seconds
        self._utc = utc

    def period(self, when: float) -> int:
        """Return the number of the period a time falls into."""
        if not self._seconds:
            return 0
        offset = 0 if self._utc else time.localtime(when).tm_gmtoff
        return int((when + offset) // self._seconds)

    def fits(self, size: int, more: int) -> bool:
        """Tell whether a file of a size may take more bytes. An empty one may: a record is never divided."""
        return not self.max_size or not size or size + more <= self.max_size
