"""Percentiles of counted values."""

from __future__ import annotations

import statistics

import pytest

from gelf_listener.store.percentiles import percentile_of


@pytest.mark.parametrize(("percentile", "expected"), [(0, 1.0), (25, 1.0), (50, 1.5), (75, 2.5), (100, 4.0)])
def test_between_two_values(percentile: float, expected: float) -> None:
    """It is interpolated."""
    assert percentile_of([(1.0, 2), (2.0, 1), (4.0, 1)], percentile) == expected


def test_like_the_standard_library() -> None:
    """Which counts each value."""
    values = [3.0, 1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0]
    quartiles = statistics.quantiles(values, method="inclusive")
    counted = [(value, 1) for value in sorted(values)]
    assert [percentile_of(counted, each) for each in (25, 50, 75)] == quartiles
