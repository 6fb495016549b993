"""Reading: what the reader of text made of one line, record or text."""

from __future__ import annotations

from typing import NamedTuple

from gelf_listener.codec.gelf.keys import note
from gelf_listener.message import FieldValue
from gelf_listener.notes import Deviation, Note

_ERROR = 3
_STACK = "Stack (most recent call last)"
"""What Python's logging writes of where a record was made: nothing was thrown."""
_OF_TRACE = note(Deviation.GUESSED, "level", "the record does not say; it has a trace")


class Reading(NamedTuple):
    """
    What a text says, in GELF's terms.

    Attributes:
        text: The message.
        full_message: A trace or a longer text.
        level: Syslog severity; None when the text does not say.
        seconds: When it was logged, UTC Unix seconds; None when the text does not say.
        host: Who logged it; empty when the text does not say.
        fields: Everything else, under clean names without underscore; the owner may change the dict.
        notes: What was guessed or repaired.
    """

    text: str
    full_message: str | None
    level: int | None
    seconds: float | None
    host: str
    fields: dict[str, FieldValue]
    notes: tuple[Note, ...] = ()


def with_level(reading: Reading, level: int | None) -> Reading:
    """
    Return a reading that has a level where it says none: that of an error at least, when it has a trace.

    Args:
        reading: Of a record.
        level: What such records have otherwise; None: none.
    """
    if reading.level is not None:
        return reading
    if not reading.full_message or reading.full_message.startswith(_STACK):
        return reading._replace(level=level)
    return reading._replace(level=_ERROR if level is None else min(level, _ERROR), notes=(*reading.notes, _OF_TRACE))
