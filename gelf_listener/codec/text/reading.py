"""Reading: what the reader of text made of one line, record or text."""

from __future__ import annotations

from typing import NamedTuple

from gelf_listener.message import FieldValue
from gelf_listener.notes import Note

__all__ = ["Reading"]


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
