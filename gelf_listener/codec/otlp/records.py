"""Records: what a log record of OpenTelemetry says -> Message, whichever form it came in (logs data model)."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from gelf_listener.codec.otlp.severity import Severity, read_severity
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.record import OF_GELF_ONLY, read_fields, read_plain_fields, text_of
from gelf_listener.codec.scrub import scrub
from gelf_listener.codec.text.reader import STREAM_LEVELS
from gelf_listener.codec.text.reading import Reading
from gelf_listener.codec.text.records import read_record
from gelf_listener.codec.text.trace_objects import trace_of
from gelf_listener.codec.text.whole import read_whole
from gelf_listener.codec.times import SECONDS_MAX, SECONDS_MIN
from gelf_listener.errors import Reason
from gelf_listener.message import FieldValue, Message
from gelf_listener.notes import Note

MAX_RECORDS = 100_000
"""Most records of one request: each costs memory of its own until it is written."""

RECORDS_A_STEP = 128
"""Records of a long request that are read before other connections have their turn."""

_HOSTS = ("host.name", "k8s.pod.name", "container.name", "k8s.node.name")
"""Resource attributes that say who logged a record, the best first."""

_CONVENTIONAL_TRACES = ("exception.stacktrace", "code.stacktrace")
"""What the semantic conventions call a trace, whatever it looks like; zap's is the second where no error is logged."""

_TRACES = (*_CONVENTIONAL_TRACES, "exception.stack_trace", "error.stack_trace", "error.stack", "stack_trace")
_TRACE_OBJECTS = ("exception", "error", "err", "stack", "stackTrace", "stacktrace", "traceback")
"""Where loggers behind an SDK put errors: texts of several lines, lists of frames, objects with either."""

TRACE_NAMES = frozenset((*_TRACES, *_TRACE_OBJECTS, "full_message"))
"""Attributes that are GELF's `full_message`; the last is our own output's."""

Attributes = dict[str, Any]
"""By name, of any values that JSON has, and bytes."""


class Scope:
    """
    What the records of one scope of one resource have in common.

    Args:
        receipt: How the request arrived.
        resource: Its attributes.
        name: Of the scope: the logger.
        version: Of the scope.
        attributes: Of the scope.
    """

    __slots__ = ("fields", "host", "notes")

    def __init__(
        self,
        receipt: Receipt,
        resource: Attributes,
        name: str = "",
        version: str = "",
        attributes: Mapping[str, Any] | None = None,
    ) -> None:
        own = {**resource, **(attributes or {})}
        if name:
            own.setdefault("logger", name)
        if version:
            own["otel.scope.version"] = version
        self.host = receipt.host
        for key in _HOSTS:
            host = resource.get(key)
            if isinstance(host, str) and host.strip():
                self.host = scrub(host)
                if key == "host.name":
                    del own[key]
                break
        self.fields: dict[str, FieldValue]
        self.notes: tuple[Note, ...]
        self.fields, self.notes = read_fields(own, receipt)

    def with_own(self, fields: dict[str, FieldValue]) -> dict[str, FieldValue]:
        """Return a record's own fields and those of the scope; of the same name its own count."""
        merged = {**fields, **self.fields}
        if len(merged) < len(fields) + len(self.fields):
            merged.update(fields)
        return merged


class Taker:
    """
    Makes the messages of one request, and counts what is none.

    Args:
        receipt: Takes them.
    """

    def __init__(self, receipt: Receipt) -> None:
        self.receipt = receipt
        self.rejected = 0
        """Records that are in no message."""
        self.why = ""
        """Why the first of them is not."""

    def reject(self, reason: Reason, detail: str, raw: bytes) -> None:
        """Count a record that is not a message."""
        self.rejected += 1
        self.why = self.why or detail
        self.receipt.reject(reason, detail, raw)

    def take(
        self,
        scope: Scope,
        raw: bytes,
        nanoseconds: int,
        number: int,
        severity_text: str,
        body: Any,
        attributes: Attributes,
        trace_id: str,
        span_id: str,
        flags: int,
        event_name: str,
        dropped: int,
        *,
        plain: bool = False,
    ) -> None:
        """
        Make the message of a record.

        Args:
            scope: It is in.
            raw: The record as it came.
            nanoseconds: When it happened or was observed, since 1970; 0: it does not say.
            number: Severity number; 0: it does not say.
            severity_text: As the source calls it.
            body: A text, or any value of JSON, or bytes; None for none.
            attributes: Its own; it may be changed.
            trace_id: In hexadecimal digits; empty for none.
            span_id: Likewise.
            flags: Of W3C's trace context.
            event_name: Empty when it is not an event.
            dropped: How many attributes its source dropped.
            plain: Whether all attributes are known to be what a message may hold: finite numbers of 64 bits, booleans,
                and texts that can be encoded.
        """
        receipt = self.receipt
        full_message: str | None = None
        seconds: float | None = nanoseconds / 1_000_000_000 if nanoseconds else None
        severity = read_severity(number, severity_text) if number or severity_text else _UNSAID
        level = severity.level
        host, notes = scope.host, scope.notes
        said: tuple[Note, ...] = ()
        if attributes and not TRACE_NAMES.isdisjoint(attributes):
            full_message = _pop_trace(attributes)
        if trace_id:
            attributes["trace_id"] = trace_id
        if span_id:
            attributes["span_id"] = span_id
        if flags:
            attributes["trace_flags"] = flags & 0xFF
        if event_name or dropped or severity.number or severity.text:
            _add_rest(attributes, event_name, dropped, severity)
        if isinstance(body, str) and number and is_plain_body(body):
            text = body if plain else scrub(body)  # what nearly all are
        elif body is None or body == "":
            if not attributes and full_message is None:
                self.reject(Reason.NO_MESSAGE, "a log record without body, event name and attributes", raw)
                return
            text = event_name or _of_exception(attributes) or "(a record without a text)"
        else:
            reading = _read_body(body, event_name, receipt.time, seconds)
            text = reading.text
            full_message = full_message or reading.full_message
            level = reading.level if level is None else level
            if level is None:
                level = STREAM_LEVELS.get(str(attributes.get("log.iostream")))
            seconds = reading.seconds if seconds is None else seconds
            host = reading.host or host
            said = reading.notes
            for name, value in reading.fields.items():
                attributes.setdefault(name, value)
            plain = False
        read = read_plain_fields(attributes) if plain else None
        fields, own_notes = read or read_fields(attributes, receipt)
        if said:
            own_notes += tuple([each for each in said if each.deviation not in OF_GELF_ONLY and each not in own_notes])
        merged = scope.with_own(fields)
        if seconds is None or not SECONDS_MIN <= seconds < SECONDS_MAX:
            if seconds is not None:
                merged["original_timestamp"] = nanoseconds
            seconds = receipt.time
        self.add(seconds, host, text, full_message, level, raw, merged, notes + own_notes if own_notes else notes)

    def add(
        self,
        seconds: float,
        host: str,
        text: str,
        full_message: str | None,
        level: int | None,
        raw: bytes,
        fields: dict[str, FieldValue],
        notes: tuple[Note, ...],
    ) -> None:
        """Put a message of values that are in order into the batch; see `Receipt.message`."""
        receipt, batch = self.receipt, self.receipt.batch
        batch.messages.append(
            Message(
                seconds,
                host,
                text,
                full_message,
                level,
                raw,
                receipt.time,
                receipt.input,
                receipt.peer,
                False,
                None,
                fields,
                notes,
            )
        )
        batch.size += len(raw)


def is_plain_body(body: str) -> bool:
    """Whether a text, with a severity beside it, is the message as it is: what nearly all are."""
    return body != "" and body[0] != "{" and "\n" not in body


_UNSAID = read_severity(0, "")


def _add_rest(attributes: Attributes, event_name: str, dropped: int, severity: Severity) -> None:
    """Add what few records have."""
    if event_name:
        attributes["event_name"] = event_name
    if dropped:
        attributes["otel.dropped_attributes_count"] = dropped
    if severity.number:
        attributes["severity_number"] = severity.number
    if severity.text:
        attributes["severity_text"] = severity.text


def _pop_trace(attributes: Attributes) -> str | None:
    """Take the trace off a record's attributes."""
    for name in _TRACES:
        value = attributes.get(name)
        text = trace_of(value)
        if text or (name in _CONVENTIONAL_TRACES and isinstance(value, str) and value.strip()):
            for other in (name, *_TRACE_OBJECTS):  # winston's transport sends it twice
                if attributes.get(other) == value:
                    del attributes[other]
            return scrub(text or str(value)).rstrip("\n")
    for name in _TRACE_OBJECTS:
        value = attributes.get(name)
        text = trace_of(value)
        if text:
            del attributes[name]
            if isinstance(value, dict):  # what else it says of the error stays
                short = {key: each for key, each in value.items() if not (isinstance(each, list) or trace_of(each))}
                attributes[name] = short
            return scrub(text).rstrip("\n")
    value = attributes.get("full_message")
    return attributes.pop("full_message") if isinstance(value, str) else None


def _of_exception(attributes: Attributes) -> str:
    """Make the text of a record that has none of its own."""
    parts = [attributes.get("exception.type"), attributes.get("exception.message")]
    return ": ".join([part for part in parts if isinstance(part, str) and part])


def _read_body(body: Any, event_name: str, now: float, near: float | None) -> Reading:
    """Read a body that is not a line of text with its severity beside it; a time in it that is far stays a field."""
    if isinstance(body, (bytes, bytearray)):
        try:
            body = bytes(body).decode()
        except UnicodeDecodeError:
            body = base64.b64encode(body).decode()
    if isinstance(body, str):
        return read_whole(body, now)
    if isinstance(body, dict):
        reading = read_record(body, now, None, carried=True, near=near) if _TEXT_NAMES & body.keys() else None
        if reading is not None:
            return reading
        return Reading(event_name or text_of(body), None, None, None, "", {"body": body})  # type: ignore[dict-item]
    return Reading(text_of(body), None, None, None, "", {})


_TEXT_NAMES = frozenset(("message", "msg", "event", "log", "text", "Message", "@m", "@message"))
