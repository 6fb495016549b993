"""Whole: texts that are one message however many lines they have, such as the line of a Loki entry or a log's body."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import msgspec

from gelf_listener.codec.gelf.keys import note
from gelf_listener.codec.scrub import scrub
from gelf_listener.codec.text.reader import read_text
from gelf_listener.codec.text.reading import Reading
from gelf_listener.codec.text.records import read_record
from gelf_listener.codec.text.traces import begins
from gelf_listener.notes import Deviation

_RAISED = re.compile(r"(?:Caused by: )?[A-Za-z_$][\w.$]{0,200}(?:: |\Z)")
"""What was raised, as the line above the first frame says it, whatever its name."""

_MAX_LINES = 2000
"""Lines in which the beginning of a trace is looked for."""

_LEVEL_OF_TRACE = (note(Deviation.GUESSED, "level", "the text does not say; a trace follows it"),)


def read_whole(text: str, now: float, zone: dt.tzinfo | None = None) -> Reading:
    """
    Read a text that its sender meant as one message.

    Unlike `read_text` it keeps all lines as the text, but for a trace at their end, which becomes `full_message`.

    Args:
        text: As it was sent.
        now: UTC Unix seconds: what an absurd time is measured by.
        zone: Of times without an offset; None: this machine's.

    Returns:
        What it says; level, time and host are None or empty where it does not.
    """
    text = scrub(text.rstrip("\r\n"))
    if "\n" not in text:
        return read_text(text, now, zone)
    if text[:1] == "{" and text[-1] == "}":
        reading = _read_object(text, now, zone)
        if reading is not None:
            return reading
    lines = text.split("\n")
    at = _trace_at(lines)
    if at == 0:
        return read_text(text, now, zone)._replace(full_message=text)
    if at < 0:
        return read_text(lines[0], now, zone)._replace(text=text)
    head = "\n".join(lines[:at]).rstrip()
    first = read_text(lines[0], now, zone)
    if at > 1:
        first = first._replace(text=head)
    level, notes = (3, first.notes + _LEVEL_OF_TRACE) if first.level is None else (first.level, first.notes)
    return first._replace(full_message="\n".join(lines[at:]), level=level, notes=notes)


def _read_object(text: str, now: float, zone: dt.tzinfo | None) -> Reading | None:
    """Read a record that was printed over several lines."""
    try:
        record: Any = msgspec.json.decode(text)
    except (ValueError, RecursionError):
        return None
    return read_record(record, now, zone) if type(record) is dict else None


def _trace_at(lines: list[str]) -> int:
    """Return which line begins a trace; -1: none does."""
    before = ""
    for at, line in enumerate(lines[:_MAX_LINES]):
        beginning = begins(line, before) if line and not line.isspace() else None
        if beginning is not None and not (beginning.alone and at + 1 == len(lines)):
            return at - 1 if at > 1 and line[0] in " \t" and _RAISED.match(before) else at
        before = line
    return -1
