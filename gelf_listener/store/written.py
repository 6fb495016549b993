"""Written: metrics as people write them, ``count``, ``avg:duration_ms``, ``p95:duration_ms``."""

from __future__ import annotations

import re

from gelf_listener.store.parameters import Function, Metric

_PERCENTILE = re.compile(r"p(\d{1,2}(?:\.\d{1,4})?|100)", re.ASCII)
_FUNCTIONS: dict[str, Function] = {
    "count": "count",
    "distinct": "card",
    "avg": "avg",
    "min": "min",
    "max": "max",
    "sum": "sum",
    "stddev": "stddev",
    "variance": "variance",
}


def parse_metric(text: str) -> Metric:
    """
    Read a metric.

    Raises:
        ValueError: If it is none, with what would be one.
    """
    function, _, field = text.partition(":")
    percentile = _PERCENTILE.fullmatch(function)
    if text == "count":
        return Metric("count")
    if not field or (percentile is None and function not in _FUNCTIONS):
        known = ", ".join(_FUNCTIONS)
        raise ValueError(f"metric={text[:100]!r}: expected count, or one of {known}, p95 with a field: p95:duration")
    if percentile is not None:
        return Metric("percentile", field, float(percentile[1]))
    return Metric(_FUNCTIONS[function], field)
