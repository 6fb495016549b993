"""Throughput: rates from samples of counters."""

from __future__ import annotations

import pytest

from gelf_listener.throughput import Throughput


def test_rates() -> None:
    """Over the last second, and over the last minute."""
    now, counters = 0.0, {"in": 0.0}
    throughput = Throughput(lambda: counters, lambda: now)
    assert throughput.rates() == {}
    throughput.sample()
    assert throughput.rates() == {}
    for _ in range(90):
        now += 1
        counters["in"] += 10
        throughput.sample()
    now += 1
    counters["in"] += 100
    counters["new"] = 5.0
    throughput.sample()
    assert throughput.rates(1.0) == {"in": 100, "new": 5}
    assert throughput.rates(60.0)["in"] == pytest.approx((59 * 10 + 100) / 60)


def test_a_late_sample_and_a_counter_that_began_anew() -> None:
    """A loop that was busy spreads the rate; what was reset did not go backwards."""
    now, counters = 0.0, {"in": 100.0, "out": 100.0}
    throughput = Throughput(lambda: counters, lambda: now)
    throughput.sample()
    now, counters = 4.0, {"in": 140.0, "out": 3.0}
    throughput.sample()
    assert throughput.rates() == {"in": 10.0, "out": 0.0}
