"""Time ranges: each form, at a fixed time in a zone with summer time."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gelf_listener.store.parameters import Span
from gelf_listener.timeranges import (
    TimeRangeError,
    parse_instant,
    parse_keyword,
    parse_short,
    parse_timerange,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOW = dt.datetime(2026, 11, 25, 15, 30, tzinfo=BERLIN).timestamp()  # a Wednesday


def local(text: str) -> float:
    return dt.datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp()


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("last 5 minutes", "2026-11-25T15:25", "2026-11-25T15:30"),
        ("Last  hour", "2026-11-25T14:30", "2026-11-25T15:30"),
        ("last 4 hours", "2026-11-25T11:30", "2026-11-25T15:30"),
        ("past 30 seconds", "2026-11-25T15:29:30", "2026-11-25T15:30"),
        ("last 99 days", "2026-08-18T16:30", "2026-11-25T15:30"),
        ("5 minutes ago", "2026-11-25T15:25", "2026-11-25T15:30"),
        ("an hour ago", "2026-11-25T14:30", "2026-11-25T15:30"),
        ("today", "2026-11-25T00:00", "2026-11-26T00:00"),
        ("yesterday", "2026-11-24T00:00", "2026-11-25T00:00"),
        ("last monday", "2026-11-23T00:00", "2026-11-24T00:00"),
        ("last wednesday", "2026-11-18T00:00", "2026-11-19T00:00"),
        ("last week", "2026-11-16T00:00", "2026-11-23T00:00"),
        ("this week", "2026-11-23T00:00", "2026-11-30T00:00"),
        ("last month", "2026-10-01T00:00", "2026-11-01T00:00"),
        ("this month", "2026-11-01T00:00", "2026-12-01T00:00"),
        ("last year", "2025-01-01T00:00", "2026-01-01T00:00"),
        ("monday to friday", "2026-11-23T00:00", "2026-11-28T00:00"),
        ("friday to monday", "2026-11-20T00:00", "2026-11-24T00:00"),
        ("yesterday to today", "2026-11-24T00:00", "2026-11-26T00:00"),
        ("2 hours ago to now", "2026-11-25T13:30", "2026-11-25T15:30"),
        ("last two hours", "2026-11-25T13:30", "2026-11-25T15:30"),
        ("last 1.5 hours", "2026-11-25T14:00", "2026-11-25T15:30"),
        ("half an hour ago", "2026-11-25T15:00", "2026-11-25T15:30"),
        ("last 24h", "2026-11-24T15:30", "2026-11-25T15:30"),
        ("last hour to now", "2026-11-25T14:30", "2026-11-25T15:30"),
        ("last 30 days to last 7 days", "2026-10-26T15:30", "2026-11-18T15:30"),
        ("3 hours ago to 1 hour ago", "2026-11-25T12:30", "2026-11-25T14:30"),
        ("2 hours ago to today", "2026-11-25T13:30", "2026-11-26T00:00"),
        ("this hour", "2026-11-25T15:00", "2026-11-25T16:00"),
        ("since yesterday", "2026-11-24T00:00", "2026-11-25T15:30"),
        ("since 8am", "2026-11-25T08:00", "2026-11-25T15:30"),
        ("8am", "2026-11-25T08:00", "2026-11-25T15:30"),
        ("from 8am to 10am", "2026-11-25T08:00", "2026-11-25T10:00"),
        ("10:00 to 11:30", "2026-11-25T10:00", "2026-11-25T11:30"),
        ("yesterday 10am to 2pm", "2026-11-24T10:00", "2026-11-24T14:00"),
        ("yesterday 10pm to 2am", "2026-11-24T22:00", "2026-11-25T02:00"),
        ("yesterday 10am to yesterday 2pm", "2026-11-24T10:00", "2026-11-24T14:00"),
        ("yesterday noon to now", "2026-11-24T12:00", "2026-11-25T15:30"),
        ("2026-11-24 10:00 to 2026-11-24 11:00", "2026-11-24T10:00", "2026-11-24T11:00"),
        ("2026-11-24 10:00 to 11:00", "2026-11-24T10:00", "2026-11-24T11:00"),
        ("2026", "2026-01-01T00:00", "2027-01-01T00:00"),
        ("2026-10", "2026-10-01T00:00", "2026-11-01T00:00"),
        ("2026-10-25", "2026-10-25T00:00", "2026-10-26T00:00"),
        ("2026-11-01", "2026-11-01T00:00", "2026-11-02T00:00"),
        ("2026-11-01 to 2026-11-03", "2026-11-01T00:00", "2026-11-04T00:00"),
        ("2026-11-01 10:15", "2026-11-01T10:15", "2026-11-01T10:16"),
        ("november 3rd", "2026-11-03T00:00", "2026-11-04T00:00"),
        ("1 october 2026", "2026-10-01T00:00", "2026-10-02T00:00"),
    ],
)
def test_words(words: str, start: str, end: str) -> None:
    """Whole days and stretches up to now, as Graylog reads them."""
    assert parse_keyword(words, "Europe/Berlin", NOW) == Span(local(start), local(end))


def test_days_are_as_long_as_they_are() -> None:
    """On the day summer time ended there were 25 hours."""
    span = parse_keyword("2026-10-25 to 2026-10-25", "Europe/Berlin", NOW)
    assert span.start == local("2026-10-25T00:00")
    span = parse_keyword("yesterday", "Europe/Berlin", local("2026-10-26T12:00"))
    assert span.start is not None
    assert span.end is not None
    assert span.end - span.start == 25 * 3600


@pytest.mark.parametrize(
    "words", ["", "   ", "rubbish and nonsense", "last 5 parsecs", "x" * 300, "today to yesterday"]
)
def test_other_words_are_refused(words: str) -> None:
    """With what would be right."""
    with pytest.raises(TimeRangeError):
        parse_keyword(words, "UTC", NOW)


def test_unknown_zones_are_refused() -> None:
    """By name."""
    with pytest.raises(TimeRangeError, match="'Mars/Olympus' is not a time zone"):
        parse_keyword("today", "Mars/Olympus", NOW)


@pytest.mark.parametrize(
    ("timerange", "span"),
    [
        ({"type": "relative", "range": 300}, Span(NOW - 300, NOW)),
        ({"type": "relative", "range": 0}, Span(None, None)),
        ({"type": "relative", "from": 600, "to": 300}, Span(NOW - 600, NOW - 300)),
        ({"type": "relative", "from": 600}, Span(NOW - 600, NOW)),
        (
            {"type": "absolute", "from": "2026-11-23T00:00:00.000Z", "to": "2026-11-23 12:00:00.5"},
            Span(1795392000.0, 1795435200.5),
        ),
        ({"type": "keyword", "keyword": "last 5 minutes"}, Span(NOW - 300, NOW)),
    ],
)
def test_graylogs_forms(timerange: dict[str, Any], span: Span) -> None:
    """Relative, absolute, in words."""
    assert parse_timerange(timerange, NOW) == span


@pytest.mark.parametrize(
    ("timerange", "words"),
    [
        ({}, "relative, absolute or keyword"),
        ({"type": "relative"}, "needs 'range'"),
        ({"type": "relative", "range": -1}, "'range' is -1"),
        ({"type": "relative", "range": True}, "'range' is True"),
        ({"type": "relative", "range": 5, "from": 5}, "either"),
        ({"type": "relative", "from": 5, "to": 10}, "longer ago"),
        ({"type": "absolute", "from": "2026-11-23"}, "needs 'to'"),
        ({"type": "absolute", "from": "tomorrow-ish", "to": "x"}, "is not a time"),
        ({"type": "absolute", "from": "2026-11-24", "to": "2026-11-23"}, "later than"),
        ({"type": "keyword"}, "needs a 'keyword'"),
    ],
)
def test_mistakes_are_named(timerange: dict[str, Any], words: str) -> None:
    """Each with what is wrong."""
    with pytest.raises(TimeRangeError, match=words):
        parse_timerange(timerange, NOW)


@pytest.mark.parametrize(
    ("text", "seconds"), [("5m", 300), ("1h", 3600), ("2d", 172800), ("1w", 604800), ("1M", 2592000)]
)
def test_short_forms(text: str, seconds: float) -> None:
    """Case matters: M are months."""
    assert parse_short(text, NOW) == Span(NOW - seconds, NOW)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("15m", NOW - 900),
        ("1h30m", NOW - 5400),
        ("1M", NOW - 2_592_000),
        ("500ms", NOW - 0.5),
        ("1795392000", 1795392000.0),
        ("2026-11-23", 1795392000.0),
        ("2026-11-23 00:00", 1795392000.0),
        ("now-1m", NOW - 60),
    ],
)
def test_since(text: str, start: float) -> None:
    """A duration up to now, Unix seconds, or a time."""
    assert parse_instant(text, NOW) == pytest.approx(start)


@pytest.mark.parametrize("text", ["", "nope", "1parsec", "nan", "1e300", "99999999999999999999w"])
def test_what_is_no_since(text: str) -> None:
    """Said with what is allowed."""
    with pytest.raises(TimeRangeError, match=r"is not a time; expected .* or a duration with"):
        parse_instant(text, NOW)


def test_durations_in_words() -> None:
    """As many units as there are."""
    assert parse_keyword("last 1h30m", "UTC", NOW) == Span(NOW - 5400, NOW)


@pytest.mark.parametrize("text", ["", "5", "m", "5 m", "-5m", "5x", "1h30m", "9999999999s"])
def test_nothing_else_is_a_short_form(text: str) -> None:
    """It may be words then."""
    assert parse_short(text, NOW) is None


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=30)
    | st.lists(st.sampled_from(["last", "5", "day", "to", "monday", "ago", "2026-11-23", "-"])).map(" ".join)
)
def test_any_text_is_a_range_or_an_error(text: str) -> None:
    """And never anything else."""
    try:
        span = parse_keyword(text, "Europe/Berlin", NOW)
    except TimeRangeError:
        return
    assert span.start is not None
    assert span.end is not None
    assert span.start <= span.end


def test_since_a_day() -> None:
    """From its midnight on, in a zone or, without one, this machine's."""
    now = 1_795_913_700.0  # 2026-11-29T00:55:00Z
    assert parse_instant("today", now) == now - 55 * 60
    assert parse_instant(" Yesterday ", now) == now - 55 * 60 - 86_400
    assert parse_instant("today", now, ZoneInfo("Asia/Tokyo")) == now - (9 * 3600 + 55 * 60)
    assert parse_instant("0:25", now) == now - 30 * 60
    assert parse_instant("00:55:00", now) == now
    assert parse_instant("23:55:30", now) == now - 3600 + 30  # of yesterday: today it is still to come
    assert parse_instant("09:25", now, ZoneInfo("Asia/Tokyo")) == now - 30 * 60
    assert 0 <= now - parse_instant("today", now, None) < 86_400


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("today", -55 * 60, 23 * 3600 + 5 * 60),
        ("yesterday", -55 * 60 - 86_400, -55 * 60),
        ("0:25", -30 * 60, -29 * 60),
        ("00:25:30", -30 * 60 + 30, -30 * 60 + 31),
        ("23:55", -3600, -3600 + 60),
        ("1h30m", -5400, -5400),
        ("2026-11-28", -55 * 60 - 86_400, -55 * 60),
    ],
)
def test_both_ends_of_a_time(text: str, start: float, end: float) -> None:
    """As long as it is written: from the beginning of a day or minute, and up to its end."""
    now = 1_795_913_700.0  # 2026-11-29T00:55:00Z
    assert parse_instant(text, now) == now + start
    assert parse_instant(text, now, end=True) == now + end


@pytest.mark.parametrize("text", ["5", " 15 ", "999", "-5", "+30"])
def test_a_number_alone_is_not_since(text: str) -> None:
    """It lacks its unit; nobody means the first minutes of 1970."""
    with pytest.raises(TimeRangeError, match="has no unit; write"):
        parse_instant(text, 1e9)
