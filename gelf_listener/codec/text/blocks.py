"""
Blocks: records that a logger writes in several lines, each part on its own -> what they say.

XML of java.util.logging, log4j 1, log4j 2 and NLog, and what MinIO says of an error. Where such a record begins and
ends is told in `traces`; what is not of the form is left as text.
"""

from __future__ import annotations

import datetime as dt
import html
import re
from collections.abc import Iterator
from typing import Any

from gelf_listener.codec.text.reading import Reading
from gelf_listener.codec.text.records import read_record
from gelf_listener.codec.text.stamps import read_stamp

_ATTRIBUTES = r"((?:[^>\"]|\"[^\"]{0,4000}\"){0,1000}?)"
_EVENT = re.compile(rf"<(log4j:event|record|Event)\b{_ATTRIBUTES}>(.*?)</\1>", re.DOTALL)
_ATTRIBUTE = re.compile(r"([\w.:-]{1,60})=\"([^\"]{0,4000})\"")
_PART = re.compile(rf"<([\w:]{{1,40}})(?:\s{_ATTRIBUTES})?(?:/>|>(.*?)</\1>)", re.DOTALL)
"""An element and what is in it; one within it stays a text."""
_PIECE = re.compile(r"<!\[CDATA\[(.*?)\]\]>|([^<]+)", re.DOTALL)
_FRAMES = re.compile(r"<(?:frame|ExtendedStackTraceItem)\b(.*?)(?:/>|</frame>)", re.DOTALL)
_CAUSE = re.compile(rf"<Cause\b{_ATTRIBUTES}/?>")
_NAMES = {
    **dict.fromkeys(("loggerName", "logger"), "logger"),
    **dict.fromkeys(("thread", "threadName"), "thread"),
    **dict.fromkeys(("timeMillis", "timestamp", "millis"), "timestamp"),
    "level": "level",
    "class": "class",
    "method": "method",
}
"""Attributes and elements -> names of a record."""
_PLACES = ("class", "method", "file", "line")

_API = re.compile(r"([A-Za-z]+): ?(.*)")
_MINIO = {
    "API": "api",
    "DeploymentID": "deployment_id",
    "RequestID": "request_id",
    "RemoteHost": "remote_host",
    "Host": "host_",
    "UserAgent": "user_agent",
}
_DAY = re.compile(r"(\d\d:\d\d:\d\d(?:\.\d{1,9})?) ([A-Z]{3,5}) (\d\d)/(\d\d)/(\d{4})\Z")
_ERROR = 3


def read_blocks(lines: list[str], now: float, zone: dt.tzinfo | None) -> list[Reading]:
    """
    Read the lines of a block.

    Args:
        lines: As they came.
        now: UTC Unix seconds: what an absurd time is measured by.
        zone: Of times without an offset; None: this machine's.

    Returns:
        What it says, of each record in it; empty when it is not of the form.
    """
    if lines[0].startswith("API: "):
        return [_of_minio(lines, now, zone)]
    readings = []
    for record in map(_record, _EVENT.finditer("\n".join(line.rstrip("\r") for line in lines))):
        reading = read_record(record, now, zone) if "message" in record and "level" in record else None
        if reading is None:
            return []
        readings.append(reading)
    return readings


def _record(match: re.Match[str]) -> dict[str, Any]:
    """Return an event as the record that it would be in JSON."""
    record: dict[str, Any] = {}
    for name, value in _ATTRIBUTE.findall(match[2]):
        _put(record, name, html.unescape(value))
    for name, attributes, inner in _PART.findall(match[3]):
        if name in ("message", "log4j:message", "Message"):
            record["message"] = _text(inner)
        elif name == "log4j:throwable":
            record["stack_trace"] = _text(inner).rstrip()
        elif name in ("exception", "Thrown"):
            record["stack_trace"] = _trace(attributes, inner)
        elif name in ("log4j:locationInfo", "Source"):
            record.update(
                (key, html.unescape(value)) for key, value in _ATTRIBUTE.findall(attributes) if key in _PLACES
            )
        elif name in ("log4j:properties", "ContextMap"):
            record.update(_properties(inner))
        elif name == "date" and inner.endswith("Z"):
            record["timestamp"] = inner  # finer than `millis`, which stands behind it
        else:
            _put(record, name, _text(inner))
    return record


def _put(record: dict[str, Any], name: str, value: str) -> None:
    known = _NAMES.get(name)
    if known is not None and value:
        record.setdefault(known, int(value) if known == "timestamp" and value.isdecimal() else value)


def _properties(inner: str) -> Iterator[tuple[str, str]]:
    """Return the names and values of a map, but what NLog says of itself."""
    for _, attributes, _ in _PART.findall(inner):
        found = dict(_ATTRIBUTE.findall(attributes))
        name = found.get("name", found.get("key", ""))
        if name and not name.startswith("log4j"):
            yield html.unescape(name), html.unescape(found.get("value", ""))


def _text(inner: str) -> str:
    """Return what is in an element: pieces of CDATA, and text whose characters are escaped."""
    return "".join(cdata or html.unescape(text) for cdata, text in _PIECE.findall(inner)).replace("\r", "")


def _trace(attributes: str, inner: str) -> str:
    """Write an exception as Java does."""
    said = dict(_ATTRIBUTE.findall(attributes))
    parts = {name: _text(text) for name, _, text in _PART.findall(inner)}
    lines = [_thrown(said) if "name" in said else parts.get("message", "")]
    for frame in _FRAMES.findall(inner):
        place = dict(_ATTRIBUTE.findall(frame)) or {name: _text(text) for name, _, text in _PART.findall(frame)}
        where = ":".join(place[name] for name in ("file", "line") if place.get(name)) or "Unknown Source"
        lines.append(f"\tat {place.get('class', '')}.{place.get('method', '')}({where})")
    cause = _CAUSE.search(inner)
    if cause is not None:
        lines.append(f"Caused by: {_thrown(dict(_ATTRIBUTE.findall(cause[1])))}")
    return "\n".join(lines)


def _thrown(said: dict[str, str]) -> str:
    return ": ".join(html.unescape(said[name]) for name in ("name", "message") if said.get(name))


def _of_minio(lines: list[str], now: float, zone: dt.tzinfo | None) -> Reading:
    """Read a block of MinIO: a name and a value on each line, what went wrong, and its frames."""
    text, seconds, fields = lines[0], None, {}
    for line in lines:
        match = _API.match(line)
        if match is None:
            continue
        name, value = match.groups()
        day = _DAY.match(value) if name == "Time" else None
        if name == "Error":
            text = value
        elif day is not None:
            stamp = read_stamp(f"{day[5]}-{day[3]}-{day[4]} {day[1]} {day[2]}", 0, now, zone)
            seconds = None if stamp is None else stamp.seconds
        elif name in _MINIO and value:
            fields[_MINIO[name]] = value
    return Reading(text, "\n".join(lines), _ERROR, seconds, "", dict(fields))
