"""Origin: where a line came from, and the messages that are made of it and of what the line says."""

from __future__ import annotations

from typing import Any, NamedTuple

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.lenient import LenientGelf
from gelf_listener.codec.scrub import encode_json
from gelf_listener.codec.text.reading import Reading, with_level
from gelf_listener.message import FieldValue, Message, Peer
from gelf_listener.notes import Note


class Origin(NamedTuple):
    """
    Where a line came from: what its message has when the line itself does not say.

    Attributes:
        host: Who printed it.
        level: Of a text that does not say; None: it has none.
        fields: On its message.
        timestamp: When it was printed, if the envelope it came in says so, in UTC Unix seconds.
        notes: On its message.
        peer: Who sent it.
        record_level: Of a record (JSON, pairs) that does not say; None: it has none.
        in_gelf: Whether the line came in a GELF message, whose fields then belong to a GELF document in it too.
    """

    host: str
    level: int | None
    fields: dict[str, FieldValue] = {}  # noqa: RUF012  (never changed)
    timestamp: float | None = None
    notes: tuple[Note, ...] = ()
    peer: Peer | None = None
    record_level: int | None = None
    in_gelf: bool = False


def take_document(
    gelf: LenientGelf, document: dict[str, Any], raw: bytes, now: float, origin: Origin, batch: Batch
) -> None:
    """
    Take a GELF document; a host and a time that it lacks are filled in.

    Args:
        gelf: Decodes it.
        document: May be changed.
        raw: The line that it is, if it came in one.
        now: UTC Unix seconds.
        origin: Where it came from.
        batch: Takes its message.
    """
    whole = raw[:1] == b"{" and "host" in document and "timestamp" in document
    document.setdefault("host", origin.host)
    document.setdefault("timestamp", now if origin.timestamp is None else origin.timestamp)
    payload = raw.rstrip(b"\r") if whole else encode_json(document)
    before = len(batch.messages)
    gelf.decode(payload, now, origin.peer, batch)
    if origin.in_gelf:
        for message in batch.messages[before:]:
            for name, value in origin.fields.items():
                message.fields.setdefault(name, value)
            message.exact = False


def message_of(reading: Reading, raw: bytes, now: float, input: str, origin: Origin) -> Message:
    """Make the message of a record."""
    if origin.level is not None:
        reading = with_level(reading, origin.record_level)
    text, full_message, level, seconds, host, fields, notes = reading
    for name, value in origin.fields.items():
        fields.setdefault(name, value)
    if seconds is None:
        seconds = now if origin.timestamp is None else origin.timestamp
    return Message(
        seconds,
        host or origin.host,
        text,
        full_message,
        level,
        raw,
        now,
        input,
        origin.peer,
        False,
        None,
        fields,
        origin.notes + notes,
    )
