"""Times as a Graylog writes them: quickly or one by one, and read again."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gelf_listener.rendering.graylog_times import IndexTimes, index_seconds, index_time, iso

TIMES = IndexTimes()


def test_forms() -> None:
    """The API has ISO 8601, the index a blank instead of the letter."""
    assert iso(1700000000.5) == "2023-11-14T22:13:20.500Z"
    assert index_time(1700000000.5) == "2023-11-14 22:13:20.500"


@given(st.integers(-2_000_000_000_000_000, 4_000_000_000_000_000))
@example(0)
@example(999_999)
@example(1_700_000_000_123_999)
@example(-1)
def test_every_microsecond_is_written_alike_and_read(micros: int) -> None:
    """What is finer than a millisecond is cut off."""
    seconds = micros / 1e6
    written = index_time(seconds)
    assert TIMES.write(seconds) == written
    assert index_seconds(written) == pytest.approx(micros // 1000 / 1000, abs=1e-5)


@pytest.mark.parametrize("seconds", [-1e18, 1e18, 253402300800.0])
def test_what_has_no_date_is_the_next_that_has_one(seconds: float) -> None:
    """An index takes years of four digits."""
    assert TIMES.write(seconds) == index_time(seconds)
    assert index_time(seconds)[:4] in ("0001", "9999")
