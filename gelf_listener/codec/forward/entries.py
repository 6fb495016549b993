"""
Entries: a tag, a time and a record -> Message.

Records are read as the reader of lines reads JSON; what Docker's driver sends of a container's output is left a line,
for `ContainerReader`, and what our own output sent is what it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gelf_listener.codec.forward.values import seconds_of
from gelf_listener.codec.levels import LEVEL_WORDS
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.record import make_message
from gelf_listener.codec.text.carried import carried_message
from gelf_listener.codec.text.reader import STREAM_LEVELS
from gelf_listener.codec.times import seconds_of_text
from gelf_listener.errors import Reason

_OF_CONTAINERS = frozenset(("log", "source"))
_OF_OURS = frozenset(("message", "full_message", "host", "level", "gelf_id"))


def take_entry(tag: str, time: object, record: object, raw: bytes, receipt: Receipt, *, strict: bool = True) -> None:
    """
    Make a message of an event, or reject it; the rest of its chunk goes on.

    Args:
        tag: A field of the message, unless its record has one of that name. Where nothing else says a level, its last
            part may.
        time: As the client sent it; without one that makes sense the message has the receive time.
        record: What was logged.
        raw: The event's part of the payload.
        receipt: Takes the result.
        strict: Whether a strict parser read the record.
    """
    if not isinstance(record, dict):
        receipt.reject(Reason.NOT_AN_OBJECT, f"an event whose record is {type(record).__name__}, not a map", raw)
        return
    if not record:
        receipt.reject(Reason.NO_MESSAGE, "an event with an empty record", raw)
        return
    seconds = seconds_of(time)
    if isinstance(seconds, str):
        seconds = seconds_of_text(seconds)
    fields: dict[str, object] = {"tag": tag} if tag and "tag" not in record else {}
    if record.get("source") in STREAM_LEVELS and "container_id" in record and isinstance(record.get("log"), str):
        _take_line(record, fields, seconds, raw, receipt)
    elif "gelf_id" in record and isinstance(record.get("message"), str):
        _take_ours(record, fields, seconds, raw, receipt)
    else:
        message = carried_message(receipt, raw, record, seconds=seconds, fields=fields, strict=strict)
        if message.level is None:  # Fluentd's in_syslog, Monolog and log4js say it in the tag only
            message.level = LEVEL_WORDS.get(tag[tag.rfind(".") + 1 :].lower())
        receipt.add(message)


def _take_line(
    record: Mapping[str, Any], fields: dict[str, object], seconds: float | None, raw: bytes, receipt: Receipt
) -> None:
    """Take what a container printed, as Docker's driver sends it."""
    stream = record["source"]
    fields |= {name: value for name, value in record.items() if name not in _OF_CONTAINERS}
    fields["stream"] = stream
    line = record["log"].rstrip("\r\n")
    if line:
        receipt.add(
            make_message(
                receipt, raw, short_message=line, fields=fields, timestamp=seconds, level=STREAM_LEVELS[stream]
            )
        )


def _take_ours(
    record: Mapping[str, Any], fields: dict[str, object], seconds: float | None, raw: bytes, receipt: Receipt
) -> None:
    """Take what the output `forward` of a listener made of a message."""
    host, full_message = record.get("host"), record.get("full_message")
    for name, value in record.items():
        if name not in _OF_OURS:
            fields[name[1:] if name[:1] == "_" and name[1:] in _OF_OURS else name] = value
    receipt.add(
        make_message(
            receipt,
            raw,
            short_message=record["message"],
            fields=fields,
            timestamp=seconds,
            host=host if isinstance(host, str) else "",
            level=record.get("level"),
            full_message=full_message if isinstance(full_message, str) else None,
        )
    )
