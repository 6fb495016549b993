"""Times as text."""

from __future__ import annotations

import time

import pytest

from gelf_listener.rendering.timestamps import Timestamps


@pytest.mark.parametrize(
    ("timestamp", "milliseconds", "rfc3339"),
    [
        (0.0, "1970-01-01T00:00:00.000", "1970-01-01T00:00:00.000000Z"),
        (1790000000.123, "2026-09-21T14:13:20.123", "2026-09-21T14:13:20.123000Z"),
        (1790000000.123456, "2026-09-21T14:13:20.123", "2026-09-21T14:13:20.123456Z"),
        (1790000000.999999, "2026-09-21T14:13:20.999", "2026-09-21T14:13:20.999999Z"),
        (1790000000.9999998, "2026-09-21T14:13:20.999", "2026-09-21T14:13:20.999999Z"),
        (99_999_999_999.0, "5138-11-16T09:46:39.000", "5138-11-16T09:46:39.000000Z"),
        (-1.0, "-1.000000", "-1.000000"),
        (1e300, "1e+300", "1e+300"),
        (float("nan"), "nan", "nan"),
        (float("inf"), "inf", "inf"),
    ],
)
def test_utc(timestamp, milliseconds, rfc3339):
    """What is not a date is shown as the number it is."""
    times = Timestamps(utc=True)
    for _ in range(2):  # the second time from memory
        assert times.milliseconds(timestamp) == milliseconds
        assert times.rfc3339(timestamp) == rfc3339
    assert times.rfc3339(1790000000) == "2026-09-21T14:13:20.000000Z"


def test_local_time_has_an_offset(monkeypatch):
    """Also across a change of the clocks."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        times = Timestamps(utc=False)
        assert times.rfc3339(1790000000.5) == "2026-09-21T16:13:20.500000+02:00"
        assert times.rfc3339(1800000000.5) == "2027-01-15T09:00:00.500000+01:00"
    finally:
        monkeypatch.undo()
        time.tzset()
