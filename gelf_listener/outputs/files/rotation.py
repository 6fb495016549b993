"""Rotation: when a file has been written to for long enough."""

from __future__ import annotations

import time
from typing import Annotated

from pydantic import BeforeValidator, Field

from gelf_listener.quantities import DURATIONS, PLAIN_SECONDS, exact_duration, parse_duration
from gelf_listener.settings import Quantity

_PERIODS = {"never": 0.0, "hourly": 3600.0, "daily": 86_400.0}


def _parse_period(value: object) -> float:
    named = _PERIODS.get(value.strip().lower()) if isinstance(value, str) else None
    return parse_duration(value) if named is None else named


_PERIOD = Quantity(f"never, hourly, daily, or {DURATIONS}{PLAIN_SECONDS}", _parse_period, exact_duration)

Period = Annotated[float, _PERIOD, BeforeValidator(_PERIOD.parse), Field(ge=0, allow_inf_nan=False)]
"""Seconds, from a duration or ``never`` (0), ``hourly``, ``daily``."""


class Rotation:
    """
    Decides when a file is rotated.

    Args:
        max_size: Bytes a file may have; 0 is no limit.
        seconds: Length of a period; the first write after its end goes to a new file. 0 is no limit.
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
