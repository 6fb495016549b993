"""Buckets: into which stretches of time messages are counted."""

from __future__ import annotations

import math
import time

from gelf_listener.api.errors import ApiError
from gelf_listener.api.native.parameters import Asked, duration_of
from gelf_listener.store import Store
from gelf_listener.store.parameters import Metric

_INTERVALS = (
    0.001, 0.01, 0.1, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
    10800.0, 21600.0, 43200.0, 86400.0, 604800.0, 2592000.0,
)  # fmt: skip
"""Lengths a person can read off an axis, seconds."""

MOST_BUCKETS = 5000


async def extent(store: Store, asked: Asked) -> tuple[float, float] | None:
    """Return from when to when messages are counted: the span, its open ends closed by what matches; None for none."""
    start, end = asked.span
    if start is None or end is None:
        ends = [Metric("min", "timestamp"), Metric("max", "timestamp")]
        [row] = await store.aggregate(asked.node, asked.span, [], ends)
        first, last = [each if isinstance(each, (int, float)) else None for each in row.values]
        start = first if start is None else start
        if end is None and last is not None:
            # "the last hour" ends now, whether something came or not
            end = max(last + 0.001, time.time()) if asked.recent else last + 0.001
    return None if start is None or end is None or start >= end else (start, end)


def interval_of(text: str, length: float, buckets: int) -> float:
    """
    Choose or read the length of a bucket, seconds.

    Args:
        text: A duration, or ``auto``.
        length: Of the whole, seconds.
        buckets: Most of them, for ``auto``.

    Raises:
        ApiError: If it is neither.
    """
    if text != "auto":
        seconds = duration_of(text, "interval")
        if not seconds:
            raise ApiError(400, f"interval={text!r}: expected auto, or a duration of more than 0 such as 5m")
        return seconds
    for seconds in _INTERVALS:
        if length / seconds < buckets:
            return seconds
    return math.ceil(length / buckets / _INTERVALS[-1]) * _INTERVALS[-1]


def edges_of(low: float, high: float, most: float, buckets: int) -> list[float]:
    """
    Choose where ranges of numbers begin and end, at numbers a person can read off an axis.

    Args:
        low: The lowest number; the first range has it.
        high: The highest.
        most: Up to where ranges are of use; a few numbers that are far beyond would make the others one range.
        buckets: About how many.

    Returns:
        At least two, in rising order; the last is beyond `most`.
    """
    length = (most - low) / buckets or abs(low) / buckets or 1 / buckets
    power = 10.0 ** math.floor(math.log10(length))
    step = next(power * each for each in (1, 2, 2.5, 5, 10) if power * each >= length * (1 - 1e-9))
    first = math.floor(low / step + 1e-9)
    number = max(1, math.floor((min(most, high) - first * step) / step + 1e-9) + 1)
    return [float(f"{(first + index) * step:.12g}") for index in range(number + 1)]
