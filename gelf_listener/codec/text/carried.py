"""
Carried: what another protocol carried, a record or a text, with what the protocol says of it -> Message.

What is inside goes through the reader of lines: names of text, level, time, host and trace, JSON in texts, levels and
times in front of them, traces behind them. What it does not say, the protocol does.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.record import OF_GELF_ONLY, make_message, read_fields
from gelf_listener.codec.scrub import scrub
from gelf_listener.codec.text.reading import Reading
from gelf_listener.codec.text.record_plans import is_far
from gelf_listener.codec.text.records import read_record
from gelf_listener.codec.text.whole import read_whole
from gelf_listener.codec.times import SECONDS_MAX, SECONDS_MIN
from gelf_listener.message import Message
from gelf_listener.notes import Note

_NOTHING: Mapping[str, object] = {}
_GELF = ("short_message", "full_message", "timestamp", "host", "level", "version")


def carried_message(
    receipt: Receipt,
    raw: bytes,
    value: object,
    *,
    seconds: float | None = None,
    host: str = "",
    level: int | None = None,
    fields: Mapping[str, object] = _NOTHING,
    strict: bool = True,
) -> Message:
    """
    Make a message of a record or a text. It is in no batch yet (`Receipt.add`); nothing raises.

    Args:
        receipt: How the payload arrived.
        raw: The part of it that is this message.
        value: A record (its own fields come before the protocol's), a text, or anything else that JSON has.
        seconds: When it was logged, as the protocol says, UTC Unix seconds. A time inside is taken where it is close
            to that, because it is often more exact; without one, any.
        host: Who logged it, as the protocol says.
        level: Syslog severity, as the protocol says.
        fields: What else the protocol says.
        strict: Whether a strict parser read the record; see `Normaliser`.
    """
    if isinstance(value, Mapping):
        if isinstance(value.get("short_message"), str):
            return _gelf(receipt, raw, value, seconds, host, level, fields)
        reading = _read_record(value, receipt.time, seconds, level, strict=strict)
    elif isinstance(value, str):
        reading = _read_text(value, receipt.time, seconds)
    else:
        return make_message(receipt, raw, short_message=value, fields=fields, timestamp=seconds, host=host, level=level)
    notes = reading.notes and tuple([each for each in reading.notes if each.deviation not in OF_GELF_ONLY])
    stamp = seconds if reading.seconds is None else reading.seconds
    if reading.level is not None:
        level = reading.level
    if (stamp is not None and not SECONDS_MIN <= stamp < SECONDS_MAX) or (level is not None and not 0 <= level <= 7):
        return _odd(receipt, raw, reading, fields, stamp, reading.host or host, level, notes)
    host = reading.host or host
    stored, of_fields = read_fields(fields, receipt)
    stored.update(reading.fields)
    return Message(
        receipt.time if stamp is None else float(stamp),
        scrub(host) if host and not host.isspace() else receipt.host,
        scrub(reading.text),
        None if reading.full_message is None else scrub(reading.full_message),
        level,
        raw,
        receipt.time,
        receipt.input,
        receipt.peer,
        False,
        None,
        stored,
        notes + of_fields,
    )


def _odd(
    receipt: Receipt,
    raw: bytes,
    reading: Reading,
    fields: Mapping[str, object],
    seconds: float | None,
    host: str,
    level: int | None,
    notes: tuple[Note, ...],
) -> Message:
    """Make a message of which a protocol says a time or a level that makes no sense."""
    message = make_message(
        receipt,
        raw,
        short_message=reading.text,
        fields=fields,
        timestamp=seconds,
        host=host,
        level=level,
        full_message=reading.full_message,
        notes=notes,
    )
    message.fields.update(reading.fields)
    return message


def _gelf(
    receipt: Receipt,
    raw: bytes,
    document: Mapping[str, Any],
    seconds: float | None,
    host: str,
    level: int | None,
    fields: Mapping[str, object],
) -> Message:
    """Make a message of a record that has GELF's names: a GELF library with this protocol behind it."""
    own = {name.removeprefix("_"): value for name, value in document.items() if name not in _GELF}
    full_message = document.get("full_message")
    own_host = document.get("host")
    return make_message(
        receipt,
        raw,
        short_message=document["short_message"],
        fields={**fields, **own},
        timestamp=document.get("timestamp", seconds),
        host=own_host if isinstance(own_host, str) and own_host.strip() else host,
        level=document.get("level", level),
        full_message=full_message if isinstance(full_message, str) else None,
    )


def _read_record(
    record: Mapping[str, Any], now: float, seconds: float | None, level: int | None, *, strict: bool
) -> Reading:
    """Read a record, and the text in it as a line where that has more to say."""
    reading = read_record(record, now, dt.UTC, strict=strict, carried=True, near=seconds)
    assert reading is not None  # noqa: S101  (what is carried is always a record)
    text = reading.text
    has_lines = "\n" in text and reading.full_message is None
    if not has_lines and (reading.level is not None or level is not None):
        return reading
    inner = _read_text(text, now, seconds)
    return Reading(
        inner.text,
        reading.full_message or inner.full_message,
        inner.level if reading.level is None else reading.level,
        inner.seconds if reading.seconds is None else reading.seconds,
        reading.host or inner.host,
        {**inner.fields, **reading.fields},
        reading.notes + inner.notes,
    )


def _read_text(text: str, now: float, near: float | None) -> Reading:
    """Read a text; a time in it that is far from the protocol's is not the message's."""
    reading = read_whole(text.strip("\r\n\0"), now, dt.UTC)
    return reading._replace(seconds=None) if reading.seconds is not None and is_far(reading.seconds, near) else reading
