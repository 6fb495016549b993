"""Percentiles of counted values."""

from __future__ import annotations

import pytest

from gelf_listener.store.percentiles import percentile_of


@pytest.mark.parametrize(("percentile", "expected"), [(0, 1.0), (25, 1.0), (50, 1.5), (75, 3.0), (100, 4.0)])
def test_between_two_values(percentile: float, expected: float) -> None:
    """It is interpolated."""
    assert percentile_of([(1.0, 2), (2.0, 1), (4.0, 1)], percentile) == expected


def test_like_opensearch() -> None:
    """Graylog 7.0.1 of twenty values: a value is in the middle of its share."""
    values = [(float(number), 1) for number in range(1, 21)]
    assert [percentile_of(values, each) for each in (50, 90, 95, 97.5, 99)] == [10.5, 18.5, 19.5, 20.0, 20.0]
