"""Units of the calendar."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from gelf_listener.calendars import CalendarUnit, add_units, floor_unit, next_unit

TIME = dt.datetime(2026, 11, 29, 7, 55, 30, 250_000, dt.UTC)


@pytest.mark.parametrize(
    ("unit", "start", "following"),
    [
        ("second", "2026-11-29T07:55:30+00:00", "2026-11-29T07:55:31+00:00"),
        ("minute", "2026-11-29T07:55:00+00:00", "2026-11-29T07:56:00+00:00"),
        ("hour", "2026-11-29T07:00:00+00:00", "2026-11-29T08:00:00+00:00"),
        ("day", "2026-11-29T00:00:00+00:00", "2026-11-30T00:00:00+00:00"),
        ("week", "2026-11-23T00:00:00+00:00", "2026-11-30T00:00:00+00:00"),
        ("month", "2026-11-01T00:00:00+00:00", "2026-12-01T00:00:00+00:00"),
        ("quarter", "2026-10-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"),
        ("year", "2026-01-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"),
    ],
)
def test_a_unit_begins_and_ends(unit: CalendarUnit, start: str, following: str) -> None:
    """Of the time in it, and of the unit after it."""
    begin = floor_unit(TIME, unit)
    assert (begin.isoformat(), next_unit(begin, unit).isoformat()) == (start, following)


def test_hours_pass_when_the_clock_is_set_back() -> None:
    """There are two hours that begin at two."""
    at = dt.datetime(2026, 10, 25, 2, tzinfo=ZoneInfo("Europe/Berlin"))
    assert next_unit(at, "hour").timestamp() - at.timestamp() == 3600
    assert next_unit(floor_unit(at, "day"), "day").timestamp() - floor_unit(at, "day").timestamp() == 25 * 3600


def test_a_day_that_a_month_lacks() -> None:
    """Becomes its last one, and the calendar ends."""
    assert add_units(dt.datetime(2024, 1, 31, tzinfo=dt.UTC), 1, "month").day == 29
    assert add_units(dt.datetime(2024, 2, 29, tzinfo=dt.UTC), -1, "year").day == 28
    with pytest.raises(OverflowError):
        add_units(TIME, 10_000, "year")
