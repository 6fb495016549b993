"""Lint: everything in which a payload deviates from GELF 1.1, and what a real Graylog would do with it."""

from __future__ import annotations

import time
from typing import NamedTuple

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.decoder import Decoder, Mode
from gelf_listener.codec.keys import note
from gelf_listener.codec.tolerant import find_values
from gelf_listener.errors import Rejected
from gelf_listener.message import Message, Peer
from gelf_listener.notes import Deviation, Note

__all__ = ["Verdict", "lint"]

_JAVA_SPACE = "".join(map(chr, range(0x21)))
"""What Graylog takes off both ends of a value."""


class Verdict(NamedTuple):
    """
    What is to be said of a payload.

    Attributes:
        notes: Deviations from GELF 1.1, each with what Graylog does (`Deviation.graylog`) and advice.
        messages: What the `lenient` mode makes of the payload.
        rejected: What even that mode refuses.
        stored: What a real Graylog would store.
        refused: Why a real Graylog would refuse the payload, in its words; empty when it would not.
    """

    notes: tuple[Note, ...]
    messages: tuple[Message, ...]
    rejected: tuple[Rejected, ...]
    stored: tuple[Message, ...]
    refused: tuple[Rejected, ...]

    @property
    def clean(self) -> bool:
        """Whether the payload is GELF 1.1 as it should be, and Graylog stores all of it."""
        return bool(self.stored) and not (self.notes or self.rejected or self.refused)

    def lines(self) -> list[str]:
        """Return the verdict for a person, a line each."""
        lines = [f"refused by both: {rejected.detail}" for rejected in self.rejected]
        lines += [f"{each}; Graylog {each.deviation.graylog}; {each.deviation.advice}" for each in self.notes]
        lines += [f"Graylog rejects it: {rejected.detail}" for rejected in self.refused]
        if not (self.messages or self.rejected):
            lines.append("a chunk: the rest of its message is missing")
        return lines


def lint(payload: bytes, peer: Peer | None = None) -> Verdict:
    """
    Judge a payload as it came from the wire, compressed or not.

    Args:
        payload: A datagram, frame or body.
        peer: Who sent it, which stands in for a missing host.
    """
    ours, graylogs = _decode("lenient", payload, peer), _decode("graylog", payload, peer)
    notes: dict[tuple[Deviation, str], Note] = {}
    for message in ours.messages:
        for each in (*message.notes, *_space_notes(message.raw)):
            notes.setdefault((each.deviation, each.field.removeprefix("_")), each)
    for message in graylogs.messages:
        for each in message.notes:
            notes.setdefault((each.deviation, each.field.removeprefix("_")), each)
    return Verdict(
        tuple(notes.values()),
        tuple(ours.messages),
        tuple(ours.rejected),
        tuple(graylogs.messages),
        tuple(graylogs.rejected),
    )


def _decode(mode: Mode, payload: bytes, peer: Peer | None) -> Batch:
    batch = Batch()
    Decoder(mode, "lint").decode(payload, time.time(), peer, batch)
    return batch


def _space_notes(raw: bytes) -> list[Note]:
    """Note empty and padded strings, which decoding does not look for because it keeps them."""
    notes = []
    found = next(find_values(raw), None)
    for key, value in found.value.items() if found is not None and isinstance(found.value, dict) else ():
        if not isinstance(value, str) or (key in ("version", "short_message") and not value.strip(_JAVA_SPACE)):
            continue
        if not value.strip(_JAVA_SPACE):
            notes.append(note(Deviation.EMPTY_VALUE, key))
        elif value != value.strip(_JAVA_SPACE):
            notes.append(note(Deviation.SURROUNDING_SPACE, key))
    return notes
