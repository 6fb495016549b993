"""Texts that are one message however many lines they have."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest

from gelf_listener.codec.text import reader
from gelf_listener.codec.text.reader import read_text
from gelf_listener.codec.text.whole import read_whole

LINES = Path(__file__).parents[3] / "vectors" / "lines"
NOW = 1_795_913_688.0
PYTHON = 'Traceback (most recent call last):\n  File "/srv/app.py", line 11, in emit\n    charge()\nCardError: declined'
JAVA = "App$CardException: declined\n\tat App.charge(App.java:5)\n\tat App.main(App.java:11)"
NODE = "CardError: declined\n    at mkerr (file:///srv/app.mjs:5:32)\n    at file:///srv/app.mjs:58:30"


@pytest.mark.parametrize(
    "text", ["database lost", "stock report\n  tea: 12\n  mug: 0", "a\n\nb", "two\r\nlines", "Error: 3"]
)
def test_keeps_all_lines_as_the_text(text: str) -> None:
    """What its sender meant as one message is one."""
    reading = read_whole(text + "\n", NOW)
    assert (reading.text, reading.full_message, reading.level) == (text, None, 3 if text.startswith("Error") else None)


@pytest.mark.parametrize("trace", [PYTHON, JAVA, NODE])
@pytest.mark.parametrize(
    "text", ["payment failed", "[main] shop.orders - payment failed", "payment failed\nfor order 4711"]
)
def test_takes_a_trace_off(text: str, trace: str) -> None:
    """It becomes the longer text, and an error where no level is said."""
    reading = read_whole(f"{text}\n{trace}\n", NOW)
    assert (reading.text, reading.full_message, reading.level) == (text, trace, 3)
    assert reading.notes


@pytest.mark.parametrize("trace", [PYTHON, NODE])
def test_a_trace_alone_has_a_headline(trace: str) -> None:
    """What was raised is the text."""
    reading = read_whole(trace, NOW)
    assert (reading.text, reading.full_message) == ("CardError: declined", trace)


def test_reads_the_header_of_the_first_line() -> None:
    """Level and time, as in any line."""
    reading = read_whole("2026-11-29T10:00:00Z WARN stock low\n  tea: 0", NOW, dt.UTC)
    assert (reading.level, reading.seconds) == (4, 1_795_946_400.0)
    assert reading.text.endswith("  tea: 0")


@pytest.mark.parametrize(
    "text", ['{"msg":"hello","level":"warn","n":1}', '{\n "msg": "hello",\n "level": "warn",\n "n": 1\n}\n']
)
def test_reads_a_record(text: str) -> None:
    """JSON of a logger, on one line or printed over several."""
    reading = read_whole(text, NOW)
    assert (reading.text, reading.level, reading.fields) == ("hello", 4, {"n": 1})


def test_repairs_half_a_surrogate_pair() -> None:
    """No encoder takes one."""
    assert read_whole("a\ud800\nb", NOW).text == "a\ufffd\nb"


def test_an_empty_text_stays_empty() -> None:
    """There is nothing to read."""
    assert read_whole("", NOW).text == ""


OBJECTS = [
    line
    for path in sorted(LINES.glob("*.json"))
    for vector in json.loads(path.read_text())
    for line in (vector["lines"], *vector["lines"].split("\n"))
    if line[:1] == "{"
]


def test_one_object_is_read_as_the_reader_of_lines_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a reader of its own, which costs as much as the record."""
    more = ['{"level":"info","msg":"x"}\r', '{"msg":"x"}\0', '{"a":1}', json.dumps({"level": "info", "time": NOW})]
    assert len(OBJECTS) > 100
    at_once = [read_text(line, NOW) for line in (*OBJECTS, *more)]
    monkeypatch.setattr(reader, "_read_one_object", lambda *_: None)
    assert at_once == [read_text(line, NOW) for line in (*OBJECTS, *more)]
