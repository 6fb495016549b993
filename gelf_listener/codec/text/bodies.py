"""Bodies: payloads of HTTP and of brokers that are not GELF: other loggers' JSON, and plain text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.text.envelopes import open_docker_json
from gelf_listener.codec.text.line_records import is_gelf
from gelf_listener.codec.text.origin import Origin
from gelf_listener.codec.text.reader import STREAM_LEVELS, TextReader, read_text
from gelf_listener.codec.text.reading import Reading, with_level
from gelf_listener.codec.text.records import read_record

_LEVEL = 6
_LINES_A_STEP = 32
"""Lines that are read before others have their turn; they take a millisecond."""
_UNDERSCORED = frozenset(
    ("__REALTIME_TIMESTAMP", "_meta", "_logMeta", "_SDATA", "_TRANSPORT", "_msg", "_exception", "_logLevel"),
)
"""Names of loggers' own that begin like GELF's fields: journal, tslog, syslog-ng, VictoriaLogs, log4j2, lambda-log."""


def is_json(payload: bytes) -> bool:
    """Whether a payload looks like JSON, or like something compressed, rather than text."""
    return payload.lstrip(b"\xef\xbb\xbf \t\r\n\0")[:1] in (b"{", b"[", b"") or payload[:1] in (
        b"\x1f",
        b"\x78",
        b"\x1e",
    )


def foreign_record(document: dict[str, Any], raw: bytes, receipt: Receipt, strict: bool) -> bool:
    """
    Read a document that is not GELF as the record of another logger.

    What has GELF's version, or a name that begins with an underscore, is GELF that lacks something: its decoder's.

    Args:
        document: Without ``short_message``.
        raw: Its payload.
        receipt: Takes the message.
        strict: Whether a strict parser read it.

    Returns:
        False when it is not one.
    """
    if is_gelf(document) or "full_message" in document or document.get("version") in ("1.0", "1.1", 1.0, 1.1):
        return False
    if any(name[:1] == "_" for name in document) and document.keys().isdisjoint(_UNDERSCORED):
        return False
    reading = _read(document, receipt.time, strict=strict)
    if reading is None:
        return False
    reading = with_level(reading, None)
    receipt.add(
        receipt.message(
            raw,
            timestamp=receipt.time if reading.seconds is None else reading.seconds,
            host=reading.host or receipt.host,
            short_message=reading.text,
            full_message=reading.full_message,
            level=reading.level,
            fields=reading.fields,
            notes=reading.notes,
        )
    )
    return True


def foreign_frame(document: dict[str, Any], raw: bytes, receipt: Receipt, strict: bool) -> bool:
    """
    Read what is not GELF on a port of GELF alone, by UDP or TCP; see `foreign_record`.

    A text and a host are enough for a Graylog, so they are GELF with notes, unless the time is Logstash's.
    """
    if "message" in document and "host" in document and "@timestamp" not in document:
        return False
    return foreign_record(document, raw, receipt, strict)


def _read(document: dict[str, Any], now: float, *, strict: bool) -> Reading | None:
    envelope = open_docker_json(document, now, dt.UTC) if "log" in document else None
    if envelope is None:
        return read_record(document, now, dt.UTC, strict=strict)
    inner = read_text(envelope.text, now, dt.UTC)
    seconds = envelope.seconds if inner.seconds is None else inner.seconds
    level = STREAM_LEVELS[envelope.stream] if inner.level is None else inner.level
    return inner._replace(level=level, seconds=seconds, fields={**envelope.fields, **inner.fields})


def decode_text(body: bytes, receipt: Receipt, zone: dt.tzinfo | None = None) -> None:
    """
    Read a payload of plain text: each line a message, with traces joined.

    Args:
        body: Lines.
        receipt: Takes the messages.
        zone: Of times without an offset; None: this machine's.
    """
    for _ in decode_text_in_steps(body, receipt, zone):
        pass


def decode_text_in_steps(body: bytes, receipt: Receipt, zone: dt.tzinfo | None = None) -> Iterator[None]:
    """Read a payload of plain text, some lines at a time; see `decode_text`."""
    reader = TextReader(receipt.input, zone=zone)
    origin = Origin(receipt.host, _LEVEL, peer=receipt.peer)
    for number, line in enumerate(body.split(b"\n")):
        if number and number % _LINES_A_STEP == 0:
            yield
        reader.take(line, receipt.time, origin, receipt.batch)
    reader.release(receipt.time, receipt.batch)
