"""Timestamps: Unix seconds -> text, quickly."""

from __future__ import annotations

import math
import time


class Timestamps:
    """
    Writes timestamps as text.

    The text of a second is kept, as most neighbours share it: strftime costs ten times the rest.

    Args:
        utc: UTC instead of local time.
        separator: Between date and time.
    """

    def __init__(self, *, utc: bool, separator: str = "T") -> None:
        self._utc = utc
        self._format = f"%Y-%m-%d{separator}%H:%M:%S"
        self._second = -2  # -1 stands for what is not a date
        self._prefix = ""
        self._offset = ""

    def milliseconds(self, timestamp: float) -> str:
        """Return date and time to the millisecond, without an offset: ``2026-11-23 14:30:52.123``."""
        second = int(timestamp) if 0 <= timestamp < 1e12 else -1
        if second != self._second and not self._learn(second):
            return _number(timestamp)
        # The half microsecond makes .123 of a float that is a little less; the limit is for .9999999.
        millisecond = int((timestamp - second) * 1e3 + 5e-4)
        return f"{self._prefix}.{millisecond if millisecond < 1000 else 999:03d}"

    def rfc3339(self, timestamp: float) -> str:
        """Return date, time to the microsecond and offset: ``2026-11-23T14:30:52.123456Z``."""
        second = int(timestamp) if 0 <= timestamp < 1e12 else -1
        if second != self._second and not self._learn(second):
            return _number(timestamp)
        return f"{self._prefix}.{min(round((timestamp - second) * 1e6), 999_999):06d}{self._offset}"

    def _learn(self, second: int) -> bool:
        """Make the text of a second; tell whether there is one."""
        if second < 0:
            return False
        try:
            parts = time.gmtime(second) if self._utc else time.localtime(second)
        except (OverflowError, OSError, ValueError):  # beyond what the C library can convert
            return False
        self._prefix = time.strftime(self._format, parts)
        offset = "Z" if self._utc else time.strftime("%z", parts)
        self._offset = f"{offset[:3]}:{offset[3:]}" if len(offset) == 5 else offset
        self._second = second
        return True


def _number(timestamp: float) -> str:
    """Show a timestamp that is not a date."""
    return f"{timestamp:.6f}" if math.isfinite(timestamp) and abs(timestamp) < 1e15 else repr(float(timestamp))
