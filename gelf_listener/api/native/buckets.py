"""Buckets: into which stretches of time messages are counted."""

from __future__ import annotations

import math

from gelf_listener.api.errors import ApiError
from gelf_listener.api.native.parameters import Asked, duration_of
from gelf_listener.store import Store
from gelf_listener.store.parameters import Sort

__all__ = ["MOST_BUCKETS", "extent", "interval_of"]

_INTERVALS = (
    0.001, 0.01, 0.1, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
    10800.0, 21600.0, 43200.0, 86400.0, 604800.0, 2592000.0,
)  # fmt: skip
"""Lengths a person can read off an axis, seconds."""

MOST_BUCKETS = 5000


async def extent(store: Store, asked: Asked) -> tuple[float, float] | None:
    """Return from when to when messages are counted: the span, its open ends closed by what matches; None for none."""
    start, end = asked.span

    async def outermost(*, last: bool) -> float | None:
        """The first or last one alone is found a hundred times as fast as the statistics of all."""
        hits = await store.search(asked.node, asked.span, limit=1, sort=Sort("timestamp", last))
        return hits.messages[0].timestamp if hits.messages else None

    if start is None:
        start = await outermost(last=False)
    if end is None and start is not None:
        latest = await outermost(last=True)
        end = None if latest is None else latest + 0.001
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
