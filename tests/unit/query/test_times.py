"""Written times and date math."""

from __future__ import annotations

import datetime as dt

import pytest

from gelf_listener.query.times import parse_time, time_of

NOW = dt.datetime(2024, 2, 29, 13, 14, 15, 678000, dt.UTC)


def _iso(seconds: float) -> str:
    return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat(timespec="milliseconds")[:-6]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2019", "2019-01-01T00:00:00.000", "2020-01-01T00:00:00.000"),
        ("2019-12", "2019-12-01T00:00:00.000", "2020-01-01T00:00:00.000"),
        ("2019-07-23", "2019-07-23T00:00:00.000", "2019-07-24T00:00:00.000"),
        ("20190723", "2019-07-23T00:00:00.000", "2019-07-24T00:00:00.000"),
        ("2019-07-23T09", "2019-07-23T09:00:00.000", "2019-07-23T10:00:00.000"),
        ("2019-07-23 09:53:08", "2019-07-23T09:53:08.000", "2019-07-23T09:53:09.000"),
        ("2019-07-23T09:53:08.175Z", "2019-07-23T09:53:08.175", "2019-07-23T09:53:08.176"),
        ("2019-07-23T09:53:08+02:00", "2019-07-23T07:53:08.000", "2019-07-23T07:53:09.000"),
        ("2019-07-23T09:53:08-0130", "2019-07-23T11:23:08.000", "2019-07-23T11:23:09.000"),
        ("now/d", "2024-02-29T00:00:00.000", "2024-03-01T00:00:00.000"),
        ("now/w", "2024-02-26T00:00:00.000", "2024-03-04T00:00:00.000"),
        ("now-1y/y", "2023-01-01T00:00:00.000", "2024-01-01T00:00:00.000"),
        ("now-1y/d", "2023-02-28T00:00:00.000", "2023-03-01T00:00:00.000"),
        ("now+1M/M", "2024-03-01T00:00:00.000", "2024-04-01T00:00:00.000"),
        ("now-1h/h", "2024-02-29T12:00:00.000", "2024-02-29T13:00:00.000"),
        ("2024-01-31||+1M", "2024-02-29T00:00:00.000", "2024-02-29T00:00:00.001"),
        ("2024-01||+1M/d", "2024-02-01T00:00:00.000", "2024-02-02T00:00:00.000"),
        ("now-d/d", "2024-02-28T00:00:00.000", "2024-02-29T00:00:00.000"),
        ("now-2592000s/s", "2024-01-30T13:14:15.000", "2024-01-30T13:14:16.000"),
        ("now/d+1h", "2024-02-29T01:00:00.000", "2024-03-01T01:00:00.000"),
    ],
)
def test_a_time_is_as_long_as_it_was_written(text: str, start: str, end: str):
    interval = parse_time(text, NOW.timestamp())
    assert interval is not None
    assert (_iso(interval.start), _iso(interval.end)) == (start, end)


@pytest.mark.parametrize(
    "text",
    [  # noqa: RUF005  (longer lines otherwise)
        "",
        "x",
        "2019-13-01",
        "2019-02-30",
        "now5",
        "now-5",
        "now-5x",
        "2019||",
        "9999||+1y",
        "now+999999y",
        "now-9999999999d",
        "now-",
        " now",
        "1e5",
        "now" * 50,
    ]
    + ["2019-07-23T09:53:08+99:99", "2019-07-23-1d", "\u0662\u0660\u0661\u0669"],
)
def test_anything_else_is_no_time(text: str):
    assert parse_time(text, NOW.timestamp()) is None


@pytest.mark.parametrize("text", ["20190723", "2019", "1234567890", "now", "2019-07-23 x", "-----------"])
def test_a_value_is_a_time_only_where_dates_would_be_detected(text: str):
    assert time_of(text) is None


def test_a_value_with_an_offset_is_a_time():
    assert time_of("2019-07-23T11:53:08+02:00") == time_of("2019-07-23 09:53:08")
