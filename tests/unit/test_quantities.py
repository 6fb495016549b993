"""Sizes and durations: one grammar for everything that is told one."""

from __future__ import annotations

from typing import Any

import pytest

from gelf_listener.quantities import (
    duration_parts,
    exact_duration,
    exact_size,
    format_duration,
    format_size,
    parse_duration,
    parse_size,
)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (0, 0),
        (65536, 65536),
        ("65536", 65536),
        (" 65536 ", 65536),
        (1e6, 1_000_000),
        ("512B", 512),
        ("100kB", 100_000),
        ("2MB", 2_000_000),
        ("2mb", 2_000_000),
        ("64MiB", 64 * 1024**2),
        ("1.5 GiB", 3 * 1024**3 // 2),
        ("20GB", 20 * 10**9),
        ("1TiB", 1024**4),
        ("-1", -1),
    ],
)
def test_sizes(value: Any, size: int) -> None:
    """Bytes, or a decimal or binary unit in any case."""
    assert parse_size(value) == size


@pytest.mark.parametrize(
    "value", ["", "MB", "2M", "2 X", "2MB3", "1.5", 1.5, "nan", "inf", True, None, b"2MB", [2], "9" * 400, "1m"]
)
def test_what_is_not_a_size(value: Any) -> None:
    """Half a byte neither, and M could be either million; said with what is allowed."""
    with pytest.raises(ValueError, match=r"expected a size in bytes, or with the unit kB, MB, .* such as 64MiB"):
        parse_size(value)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0),
        (7, 7),
        (0.25, 0.25),
        ("45", 45),
        ("1e3", 1000),
        ("45s", 45),
        ("250ms", 0.25),
        ("10us", 1e-5),
        ("10\u00b5s", 1e-5),
        ("1.5m", 90),
        ("15M", 900),
        ("12h", 43_200),
        ("30 d", 2_592_000),
        ("2W", 1_209_600),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1d2h3m4s500ms", 93_784.5),
        ("-1", -1),
    ],
)
def test_durations(value: Any, seconds: float) -> None:
    """Seconds, or units in any case, the largest first."""
    assert parse_duration(value) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value",
    ["", "d", "-1d", "1y", "30m1h", "1h1h", "1h30", "nan", "inf", "∞", "5x", True, None, b"1s", "1h" * 100, "9" * 400],
)
def test_what_is_not_a_duration(value: Any) -> None:
    """Said with what is allowed."""
    with pytest.raises(ValueError, match=r"expected a duration with the units us, ms, s, m, h, d, w, .*is seconds"):
        parse_duration(value)


def test_plain_numbers() -> None:
    """What a number without unit means is up to who asks; a unit always wins."""
    assert parse_duration("100", "ms") == parse_duration(100, "ms") == parse_duration("100ms") == 0.1
    assert parse_duration("2s", "ms") == 2
    with pytest.raises(ValueError, match="expected a duration"):
        parse_duration("100", None)


def test_calendar_units() -> None:
    """In a time range M are months; then case matters, and a minute stays m."""
    assert parse_duration("1M", None, calendar=True) == 30 * 86_400
    assert parse_duration("1y1M", None, calendar=True) == 395 * 86_400
    assert parse_duration("1m", None, calendar=True) == 60
    assert duration_parts("1M30m") == [(1.0, "M"), (30.0, "m")]


@pytest.mark.parametrize("size", [0, 1, 80, 65507, 1000, 1024, 8 * 1024**2, 100_000_000, 2 * 1024**3, 2**63 - 1])
def test_exact_sizes_can_be_read_again(size: int) -> None:
    """With the unit, where there is one."""
    assert parse_size(exact_size(size)) == size or size == 2**63 - 1


@pytest.mark.parametrize("seconds", [0, 1e-5, 0.001, 0.1, 0.3, 1, 1.5, 90, 120, 3600, 5400, 86_400, 604_800, 3660])
def test_exact_durations_can_be_read_again(seconds: float) -> None:
    """In one unit."""
    assert parse_duration(exact_duration(seconds)) == pytest.approx(seconds)


def test_exact_texts() -> None:
    """As a person writes them."""
    assert [exact_size(size) for size in (0, 65507, 64 * 1024**2, 100_000_000)] == ["0", "65507", "64MiB", "100MB"]
    found = [exact_duration(seconds) for seconds in (0, 0.001, 0.25, 1.5, 60, 5400, 7200, 86_400, 1_209_600)]
    assert found == ["0", "1ms", "250ms", "1.5s", "1m", "90m", "2h", "1d", "2w"]


def test_texts_for_people() -> None:
    """Rounded, and still in the grammar."""
    assert [format_size(size) for size in (0, 1023, 1024, 1.5 * 1024**3)] == ["0 B", "1023 B", "1.0 KiB", "1.5 GiB"]
    found = [format_duration(seconds) for seconds in (-1, 0, 0.25, 1, 59.9, 61, 3600, 5430, 86_399, 90_061)]
    assert found == ["0s", "0s", "250ms", "1s", "59s", "1m1s", "1h", "1h30m", "23h59m", "1d1h"]
