"""Graylog times: how a Graylog writes times in its API and in its index."""

from __future__ import annotations

import datetime as dt

from gelf_listener.rendering.timestamps import Timestamps

_EARLIEST, _LATEST = -62135596800.0, 253402300799.999


def iso(seconds: float) -> str:
    """Write a time as Graylog's API does: ISO 8601, UTC, milliseconds."""
    # Integers, because a float's milliseconds may be one less than those that were meant.
    milliseconds = round(min(max(seconds, _EARLIEST), _LATEST) * 1e6) // 1000
    time = dt.datetime(1970, 1, 1) + dt.timedelta(milliseconds=milliseconds)  # noqa: DTZ001  (UTC by construction)
    return time.isoformat(timespec="milliseconds") + "Z"


def index_time(seconds: float) -> str:
    """Write a time as Graylog keeps it in its index: ``2026-11-28 10:00:00.123``, UTC."""
    return iso(seconds)[:-1].replace("T", " ")


def index_seconds(text: str) -> float:
    """
    Read what `index_time` wrote.

    Raises:
        ValueError: If it is not such a time.
    """
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()


class IndexTimes:
    """Writes one time after another as `index_time` does; neighbours share the text of their second."""

    def __init__(self) -> None:
        self._times = Timestamps(utc=True, separator=" ")

    def write(self, seconds: float) -> str:
        """Write a time; see `index_time`."""
        return self._times.milliseconds(seconds) if 0 <= seconds < _LATEST else index_time(seconds)
