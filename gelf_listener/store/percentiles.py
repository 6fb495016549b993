"""Percentiles: of values, between two of which they are interpolated."""

from __future__ import annotations

import math
from collections.abc import Sequence


def percentile_of(values: Sequence[tuple[float, int]], percentile: float) -> float:
    """
    Return a percentile: a value is in the middle of its share, as in OpenSearch while a digest merges nothing (Hazen).

    Args:
        values: At least one, in rising order, and how often each occurs.
        percentile: Between 0 and 100.
    """
    at = percentile / 100 * sum([count for _, count in values]) - 0.5
    low = math.floor(at)
    if low < 0:
        return values[0][0]
    seen = 0
    for index, (value, count) in enumerate(values):
        if low < seen + count:
            is_last = low + 1 < seen + count or index + 1 == len(values)
            following = value if is_last else values[index + 1][0]
            return value + (following - value) * (at - low)
        seen += count
    return values[-1][0]
