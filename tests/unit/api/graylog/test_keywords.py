"""Keywords as Graylog 7.0.1 read them: its recorded answers for 102 texts, at several moments and in three zones."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.api.graylog.keywords import MAX_CHARACTERS, parse_graylog_keyword
from gelf_listener.timeranges import TimeRangeError

ENTRIES = json.loads((Path(__file__).parents[3] / "vectors" / "graylog" / "keyword.json").read_text())["entries"]
NOW = dt.datetime(2024, 5, 15, 14, 30, 45, tzinfo=dt.UTC).timestamp()


def seconds(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


@pytest.mark.parametrize("entry", ENTRIES, ids=[repr(entry["keyword"]) for entry in ENTRIES])
def test_recorded(entry: dict[str, Any]) -> None:
    """
    Each recorded moment.

    Left out are hours that a change of the clocks leaves out or repeats.
    """
    if entry["status"] != 200:
        with pytest.raises(TimeRangeError):
            parse_graylog_keyword(entry["keyword"], "Etc/UTC", NOW)
        return
    for result in entry["results"]:
        abroad = result["zone"] != "Etc/UTC"
        if abroad and result["now"].startswith("2024-03-31"):
            continue
        span = parse_graylog_keyword(entry["keyword"], result["zone"], seconds(result["now"]))
        assert span == (seconds(result["from"]), seconds(result["to"])), result


def span(text: str) -> tuple[str, str]:
    found = parse_graylog_keyword(text, "Etc/UTC", NOW)
    start, end = (dt.datetime.fromtimestamp(each or 0, dt.UTC).strftime("%m-%d %H:%M:%S") for each in found)
    return start, end


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("errors since yesterday", "05-14 00:00:00", "05-15 00:00:00"),
        ("in 2 hours", "05-15 16:30:45", "05-15 14:30:45"),
        ("last twenty five minutes", "05-15 14:05:45", "05-15 14:30:45"),
        ("monday last week", "05-06 00:00:00", "05-07 00:00:00"),
        ("last monday to friday", "05-06 00:00:00", "05-11 00:00:00"),
        ("2 hours ago to 1 hour ago", "05-15 11:30:45", "05-15 12:30:45"),
        ("yesterday 10am to 11am", "05-14 10:00:00", "05-14 11:00:00"),
        ("9:00 to 17:00 yesterday", "05-14 09:00:00", "05-14 17:00:00"),
        ("2024-05-01T10:00:00+02:00", "05-01 08:00:00", "05-15 14:30:45"),
        ("10:00 EST", "05-15 14:00:00", "05-15 14:30:45"),
        ("last friday of may", "05-31 00:00:00", "06-01 00:00:00"),
        ("end of last month", "04-30 00:00:00", "05-01 00:00:00"),
        ("Mon, 06 May 2024 10:00:00 +0200", "05-06 08:00:00", "05-15 14:30:45"),
        ("next 3 weeks", "05-15 00:00:00", "06-06 00:00:00"),
        ("2 weeks before may 1", "04-17 00:00:00", "04-18 00:00:00"),
        ("now to 1 hour ago", "05-15 13:30:45", "05-15 13:30:45"),
        ("2 hours ago to now", "05-15 12:30:45", "05-15 12:30:45"),
        ("8 to 10pm", "05-15 20:00:00", "05-15 22:00:00"),
        ("8:00 to noon", "05-15 12:00:00", "05-15 20:00:00"),
        ("8:00 to tomorrow", "05-16 08:00:00", "05-16 08:00:00"),
        ("8:00 to 2024-05-01", "05-01 08:00:00", "05-15 08:00:00"),
        ("2024-05-01 to 3 hours ago", "05-01 11:30:45", "05-01 11:30:45"),
        ("yesterday, today", "05-14 00:00:00", "05-16 00:00:00"),
        ("last monday to last friday", "05-06 00:00:00", "05-21 00:00:00"),
        ("last friday to next friday", "05-17 00:00:00", "05-25 00:00:00"),
        ("thanksgiving", "11-28 00:00:00", "11-29 00:00:00"),
        ("last christmas", "12-25 00:00:00", "12-26 00:00:00"),
        ("2 halloweens from now", "10-31 00:00:00", "11-01 00:00:00"),
        ("christmas 2023", "12-25 00:00:00", "12-26 00:00:00"),
        ("day after christmas", "12-26 00:00:00", "12-27 00:00:00"),
        ("black friday", "11-29 00:00:00", "11-30 00:00:00"),
        ("mothers day", "05-11 00:00:00", "05-12 00:00:00"),
        ("1 week 2 days ago", "05-06 00:00:00", "05-07 00:00:00"),
        ("week ago", "05-08 00:00:00", "05-09 00:00:00"),
        ("current hour", "05-15 14:30:45", "05-15 14:30:45"),
        ("the day before yesterday", "05-13 00:00:00", "05-14 00:00:00"),
        ("saturday may 4", "05-04 00:00:00", "05-05 00:00:00"),
        ("sunday may 4", "05-04 00:00:00", "05-05 00:00:00"),
        ("21th may", "05-01 00:00:00", "05-02 00:00:00"),
        ("may twenty first", "05-21 00:00:00", "05-22 00:00:00"),
        ("may 1 to 3", "05-01 00:00:00", "05-04 00:00:00"),
        ("yesterday to day after tomorrow", "05-14 00:00:00", "05-16 00:00:00"),
        ("first day of next month", "06-01 00:00:00", "06-02 00:00:00"),
        ("second tuesday of next month", "06-11 00:00:00", "06-12 00:00:00"),
        ("first monday of last month", "04-01 00:00:00", "04-02 00:00:00"),
        ("mondays", "05-20 00:00:00", "05-21 00:00:00"),
        ("last 2 wks", "05-01 00:00:00", "05-16 00:00:00"),
        ("10:00 eastern", "05-15 14:00:00", "05-15 14:30:45"),
        ("10:00 CET", "05-15 10:00:00", "05-15 14:30:45"),
        ("10:00 GMT+2", "05-15 08:00:00", "05-15 14:30:45"),
        ("2024-05-01T10:00:00.5+02:00", "05-01 10:00:00", "05-15 14:30:45"),
        ("10 hours before yesterday", "05-15 04:30:45", "05-15 14:30:45"),
        ("user42 today", "05-15 00:00:00", "05-16 00:00:00"),
        ("12345 days ago", "05-15 12:34:00", "05-15 14:30:45"),
    ],
)
def test_asked_of_its_parser(text: str, start: str, end: str) -> None:
    """More texts, answered by the parser class of Graylog 7.0.1 at 14:30:45 on 15 May 2024."""
    assert span(text) == (start, end)


def test_a_zone_that_does_not_exist_is_named() -> None:
    """A usage error, not a failure."""
    with pytest.raises(TimeRangeError, match="'Mars/Base' is not a time zone"):
        parse_graylog_keyword("yesterday", "Mars/Base", NOW)


@pytest.mark.parametrize("text", ["1" * MAX_CHARACTERS + "1", "last 999999999 years", "9" * 400, "to " * 160])
def test_long_and_far(text: str) -> None:
    """Neither a long text nor a moment beyond the calendar is an exception of another kind."""
    try:
        parse_graylog_keyword(text, "UTC", NOW)
    except TimeRangeError as error:
        assert str(error) == "Invalid timerange parameters provided"  # noqa: PT017


@pytest.mark.parametrize("text", ["easter", "summer", "columbus day", "last 0 days", "w20"])
def test_not_understood(text: str) -> None:
    """Names of days without a date fail there as well."""
    with pytest.raises(TimeRangeError):
        parse_graylog_keyword(text, "UTC", NOW)
