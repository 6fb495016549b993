"""
Events: bodies of the HTTP Event Collector -> messages.

Events stand one behind the other, with nothing, blanks or commas between them, or in an array. What an event holds, a
text or an object, is read as lines and JSON of loggers are; what is around it says when, where and by whom.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from gelf_listener.codec.hec import faults
from gelf_listener.codec.hec.faults import Fault
from gelf_listener.codec.levels import severity_of_number, severity_of_text
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.text.carried import carried_message
from gelf_listener.codec.text.origin import Origin
from gelf_listener.codec.text.reader import STREAM_LEVELS, TextReader
from gelf_listener.codec.times import seconds_of_text, to_seconds
from gelf_listener.errors import Reason, Rejected

MAX_EVENTS = 100_000
"""Most events of one body: each costs memory of its own until it is written."""

_decoder = json.JSONDecoder(strict=False, parse_constant=str)
_BETWEEN = " \t\r\n,"
_NAME = re.compile(r"[\w.@-]{1,100}")
"""Of a source that is a service and no file or address."""
_LEVELS = ("level", "severity", "otel.log.severity.text", "log.level", "loglevel", "log_level")
"""Indexed fields that say how severe an event is, where it does not say so itself."""
_RAW_LEVEL = 6
_STREAMS = (*STREAM_LEVELS,)  # no set: an event's source may be an object, as ECS has it


class HecError(Rejected):
    """A rejection with what Splunk calls it."""

    def __init__(self, fault: Fault, reason: Reason, detail: str, payload: bytes = b"") -> None:
        super().__init__(reason, detail, payload)
        self.fault = fault


def split_events(body: bytes) -> Iterator[tuple[Any, bytes]]:
    """
    Cut a body into values, each with its bytes; they may be anything that JSON has.

    Raises:
        HecError: If what comes next is not JSON: neither is the rest, then.
    """
    text = body.decode("utf-8-sig", "replace")
    at = count = 0
    while True:
        while at < len(text) and text[at] in _BETWEEN:
            at += 1
        if at == len(text):
            return
        try:
            value, end = _decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            detail = f"event {count} is not valid JSON: {error}"
            raise HecError(faults.INVALID_FORMAT, Reason.INVALID_JSON, detail, text[at:].encode()) from None
        for each in value if type(value) is list else (value,):
            count += 1
            if count > MAX_EVENTS:
                detail = f"more than {MAX_EVENTS} events"
                raise HecError(faults.TOO_LARGE, Reason.TOO_COMPLEX, detail, body)
            yield each, json.dumps(each).encode() if type(value) is list else text[at:end].encode()
        at = end


_split = msgspec.json.Decoder(msgspec.Raw).decode_lines


def split_usual(body: bytes) -> list[bytes] | None:
    """Cut a body into its events as `split_events` does; None if there is an error, or anything but objects, in it."""
    try:
        body.decode()  # no value is looked at before it is read
        events = [bytes(event) for event in _split(body)]
    except (ValueError, RecursionError):
        return None
    return events if len(events) <= MAX_EVENTS and {event[:1] for event in events} == {b"{"} else None


def read_value(event: bytes) -> Any:
    """Read an event that is without an error, as `split_events` does: at once, unless it is odd."""
    if b"\\u" not in event:  # half of a character is not text
        try:
            return msgspec.json.decode(event)
        except (ValueError, RecursionError):  # a number such as 1e400
            pass
    return _decoder.decode(event.decode())


def take_event(value: Any, raw: bytes, meta: Mapping[str, str], receipt: Receipt) -> None:
    """
    Make a message of an event.

    Args:
        value: The event, with what is around it.
        raw: Its bytes.
        meta: What the request says of all its events.
        receipt: Takes the message.

    Raises:
        HecError: If it has no event in it.
    """
    if type(value) is not dict:
        raise HecError(faults.INVALID_FORMAT, Reason.NOT_AN_OBJECT, f"an event that is {type(value).__name__}", raw)
    event = value.get("event")
    if event is None:
        raise HecError(faults.EVENT_REQUIRED, Reason.NO_MESSAGE, "an object without an event", raw)
    if event in ("", {}) or (isinstance(event, str) and event.isspace()):
        raise HecError(faults.EVENT_BLANK, Reason.NO_MESSAGE, "an event that is blank", raw)
    around = {**meta, **value}
    level, fields = around_event(around)
    if isinstance(event, dict) and event.get("line") and event.get("source") in _STREAMS:
        level, event = _line(event, fields)
    host = around.get("host")
    receipt.add(
        carried_message(
            receipt,
            raw,
            event,
            seconds=seconds_of(around.get("time")),
            host=host if isinstance(host, str) else "",
            level=level,
            fields=fields,
            strict=b"\\u" not in raw,  # half of a character is not text
        )
    )


_Key = tuple[object, object, object, tuple[tuple[str, object], ...]]
_known: dict[_Key, tuple[int | None, dict[str, object]]] = {}
"""What stood around events before: a service sends the same with each."""
_MAX_KNOWN = 256
_MAX_CHARACTERS = 1000


def around_event(around: Mapping[str, Any]) -> tuple[int | None, dict[str, object]]:
    """Return level and fields of what is around an event, from memory if it is the same texts as before."""
    source, kind, index, indexed = (
        around.get("source"), around.get("sourcetype"), around.get("index"), around.get("fields")
    )  # fmt: skip
    pairs = (*indexed.items(),) if type(indexed) is dict else ()
    key = source, kind, index, pairs
    for value in (source, kind, index):
        if value is not None and type(value) is not str:
            return _read_around(around)
    for _, value in pairs:
        if type(value) is not str:
            return _read_around(around)
    found = _known.get(key)
    if found is None:
        found = _read_around(around)
        if sum([len(str(each)) for each in (source, kind, index, pairs)]) > _MAX_CHARACTERS:
            return found
        if len(_known) >= _MAX_KNOWN:
            _known.clear()
        _known[key] = found
    return found[0], found[1].copy()


def _read_around(around: Mapping[str, Any]) -> tuple[int | None, dict[str, object]]:
    fields = _fields(around)
    return _level(fields), fields


def _fields(around: Mapping[str, Any]) -> dict[str, object]:
    """Return what is around an event as fields."""
    fields: dict[str, object] = {}
    for name in ("sourcetype", "index"):
        if around.get(name):
            fields[name] = around[name]
    source = around.get("source")
    if isinstance(source, str) and source:
        fields["service" if _NAME.fullmatch(source) else "log_source"] = source
    indexed = around.get("fields")
    if isinstance(indexed, dict):
        fields |= indexed
    return fields


def _level(fields: dict[str, object]) -> int | None:
    """Take the level off the fields."""
    for name in _LEVELS:
        value = fields.get(name)
        level = severity_of_text(value) if isinstance(value, str) else None
        if type(value) is int:
            level = severity_of_number(value)
        if level is not None:
            del fields[name]
            return level
    return None


def _line(event: dict[str, Any], fields: dict[str, object]) -> tuple[int, object]:
    """Take apart what Docker's splunk driver sends: a line with its stream, a tag and attributes."""
    fields["stream"] = event["source"]
    fields |= {name: value for name, value in event.items() if name not in ("line", "source")}
    return STREAM_LEVELS[event["source"]], event["line"]


def seconds_of(value: object) -> float | None:
    """Read a time: a number or a text, in seconds or, by some clients, in milliseconds."""
    if isinstance(value, str):
        value = seconds_of_text(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    found = to_seconds(value)
    return None if found is None else found[0]


def take_raw(body: bytes, meta: Mapping[str, str], receipt: Receipt) -> Iterator[None]:
    """
    Make messages of the lines of a body, with traces joined; each step takes some of them.

    Args:
        body: Lines: text, or JSON.
        meta: What the request says of them: host, source, sourcetype, index, time.
        receipt: Takes the messages.
    """
    reader = TextReader(receipt.input)
    fields = {name: str(value) for name, value in _fields(meta).items()}
    origin = Origin(
        meta.get("host") or receipt.host, _RAW_LEVEL, dict(fields), seconds_of(meta.get("time")), peer=receipt.peer
    )
    for number, line in enumerate(body.split(b"\n")):
        if number % 64 == 63:
            yield
        if number >= MAX_EVENTS:
            raise HecError(faults.TOO_LARGE, Reason.TOO_COMPLEX, f"more than {MAX_EVENTS} lines", body)
        reader.take(line, receipt.time, origin, receipt.batch)
    reader.release(receipt.time, receipt.batch)
