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

    Left out are hours that a change of the clocks leaves out or repeats, and ``… ago to now`` outside of UTC, where
    Graylog's parser is a day ahead while the date differs from the one in UTC.
    """
    if entry["status"] != 200:
        with pytest.raises(TimeRangeError):
            parse_graylog_keyword(entry["keyword"], "Etc/UTC", NOW)
        return
    for result in entry["results"]:
        abroad = result["zone"] != "Etc/UTC"
        if abroad and (result["now"].startswith("2024-03-31") or entry["keyword"].endswith("ago to now")):
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
