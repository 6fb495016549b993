"""
Entries: a tag, a time and a record -> Message.

Records are read as the reader of lines reads JSON; what Docker's driver sends of a container's output is left a line,
for `ContainerReader`, and what our own output sent is what it was. Fluent Bit has more beside a time: metadata, and
events that begin and end a group. What it took by OTLP is read as OpenTelemetry's records are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gelf_listener.codec.forward.values import EventTime, seconds_of
from gelf_listener.codec.levels import LEVEL_WORDS
from gelf_listener.codec.otlp.records import Scope, Taker
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.record import make_message
from gelf_listener.codec.text.carried import carried_message
from gelf_listener.codec.text.reader import STREAM_LEVELS
from gelf_listener.codec.times import SECONDS_MAX, SECONDS_MIN, seconds_of_text
from gelf_listener.errors import Reason

_OF_CONTAINERS = frozenset(("log", "source"))
_STREAMS = (*STREAM_LEVELS,)
"""No set: a record's source may be an object, as ECS has it."""
_OF_OURS = frozenset(("message", "full_message", "host", "level", "gelf_id"))

_GROUP_END, _GROUP_START = 0xFFFF_FFFE, 0xFFFF_FFFF
"""Seconds of the events around a group (flb_log_event.h: -2 and -1, packed without their signs)."""

_LEFT_OUT = "hec_token"
"""What Fluent Bit's input for Splunk's clients keeps in metadata: how they proved who they are."""


class Chunk:
    """
    Makes the messages of events that come together.

    Args:
        tag: A field of each message, unless its record has one of that name. Where nothing else says a level, its last
            part may.
    """

    __slots__ = ("_scope", "_tag")

    def __init__(self, tag: str) -> None:
        self._tag = tag
        self._scope: Scope | None = None
        """What the events of the group have in common that has begun."""

    def take(self, time: object, record: object, raw: bytes, receipt: Receipt, *, strict: bool = True) -> None:
        """
        Make a message of an event, or reject it; the rest of the chunk goes on.

        Args:
            time: As the client sent it, or a list of it and metadata; without a time that makes sense the message has
                the receive time.
            record: What was logged.
            raw: The event's part of the payload.
            receipt: Takes the result.
            strict: Whether a strict parser read the record.
        """
        metadata: Mapping[str, Any] = {}
        if isinstance(time, list):
            time, metadata = _time_and_metadata(time)
            if isinstance(time, EventTime) and time >= _GROUP_END:
                self._scope = _scope_of(record, receipt) if time >= _GROUP_START else None
                return
        if not isinstance(record, dict):
            receipt.reject(Reason.NOT_AN_OBJECT, f"an event whose record is {type(record).__name__}, not a map", raw)
            return
        seconds = seconds_of(time)
        if isinstance(seconds, str):
            seconds = seconds_of_text(seconds)
        if isinstance(metadata.get("otlp"), dict):
            self._take_otlp(metadata, seconds, record, raw, receipt)
            return
        if not record:
            receipt.reject(Reason.NO_MESSAGE, "an event with an empty record", raw)
            return
        tag, host = self._tag, ""
        fields: dict[str, object] = {"tag": tag} if tag and "tag" not in record else {}
        if metadata:
            fields |= metadata
        if self._scope is not None:
            fields, host = {**self._scope.fields, **fields}, self._scope.host
        if "container_id" in record and record.get("source") in _STREAMS and isinstance(record.get("log"), str):
            _take_line(record, fields, seconds, raw, receipt)
        elif "gelf_id" in record and isinstance(record.get("message"), str):
            _take_ours(record, fields, seconds, raw, receipt)
        else:
            message = carried_message(receipt, raw, record, seconds=seconds, host=host, fields=fields, strict=strict)
            if message.level is None:  # Fluentd's in_syslog, Monolog and log4js say it in the tag only
                message.level = LEVEL_WORDS.get(tag[tag.rfind(".") + 1 :].lower())
            receipt.add(message)

    def _take_otlp(
        self,
        metadata: Mapping[str, Any],
        seconds: float | None,
        record: Mapping[str, Any],
        raw: bytes,
        receipt: Receipt,
    ) -> None:
        """Take what Fluent Bit took by OTLP: everything but the body is metadata."""
        said: Mapping[str, Any] = metadata["otlp"]
        attributes = {name: value for name, value in metadata.items() if name != "otlp"}
        if self._tag:
            attributes["tag"] = self._tag
        own = said.get("attributes")
        if isinstance(own, dict):
            attributes |= own
        if seconds is not None and not SECONDS_MIN <= seconds < SECONDS_MAX:
            attributes["original_timestamp"], seconds = seconds, None
        number, dropped = _whole(said.get("severity_number")), _whole(said.get("dropped_attributes_count"))
        Taker(receipt).take(
            self._scope or Scope(receipt, {}),
            raw,
            int((seconds or 0) * 1_000_000_000),
            number if number <= _MAX_SEVERITY else 0,
            _text(said.get("severity_text")),
            record["log"] if len(record) == 1 and "log" in record else record or None,
            attributes,
            _text(said.get("trace_id")),
            _text(said.get("span_id")),
            _whole(said.get("trace_flags")),
            _text(said.get("event_name")),
            dropped,
        )


_MAX_SEVERITY = 24


def _time_and_metadata(both: list[Any]) -> tuple[object, Mapping[str, Any]]:
    """Take apart what Fluent Bit sends in place of a time."""
    metadata = both[1] if len(both) > 1 and isinstance(both[1], dict) else {}
    if _LEFT_OUT in metadata:
        metadata = {name: value for name, value in metadata.items() if name != _LEFT_OUT}
    return both[0] if both else None, metadata


def _scope_of(record: object, receipt: Receipt) -> Scope:
    """Make what the event that begins a group says of those in it: a resource and a scope, or anything."""
    said = record if isinstance(record, dict) else {}
    resource, scope = said.get("resource"), said.get("scope")
    if not isinstance(resource, dict) or not isinstance(scope, dict):
        return Scope(receipt, said)
    attributes, own = resource.get("attributes"), scope.get("attributes")
    return Scope(
        receipt,
        attributes if isinstance(attributes, dict) else {},
        _text(scope.get("name")),
        _text(scope.get("version")),
        own if isinstance(own, dict) else None,
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(value: object) -> int:
    return value if type(value) is int and value > 0 else 0


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
