"""When a file is full or old enough."""

from __future__ import annotations

import pytest

from gelf_listener.outputs.files.rotation import Rotation


@pytest.mark.parametrize(
    ("size", "more", "fits"), [(0, 10, True), (0, 11, True), (4, 6, True), (4, 7, False), (10, 0, True), (10, 1, False)]
)
def test_sizes(size, more, fits):
    """Exactly the limit fits; an empty file takes anything."""
    assert Rotation(10, 0, utc=True).fits(size, more) is fits


def test_no_limits():
    """Zero is no limit."""
    rotation = Rotation(0, 0, utc=True)
    assert rotation.fits(10**12, 10**12)
    assert rotation.period(0) == rotation.period(10**10)


@pytest.mark.parametrize(("seconds", "last"), [(86_400, 86_399), (3600, 3599), (900, 899), (0.5, 0.25)])
def test_periods_begin_at_whole_multiples(seconds, last):
    """A day begins at midnight, an hour at the full hour."""
    rotation = Rotation(0, seconds, utc=True)
    start = 20_717 * 86_400
    assert rotation.period(start) == rotation.period(start + last)
    assert rotation.period(start + seconds) == rotation.period(start) + 1
    assert rotation.period(start - 0.001) == rotation.period(start) - 1
