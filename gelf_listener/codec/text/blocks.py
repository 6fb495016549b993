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
from gelf_listener.message import FieldValue

_START = re.compile(r"<([A-Za-z][\w:]{0,60})((?:[^<>\"]{1,200}+|\"[^\"<]{0,4000}+\"){0,100}+)>")
_ATTRIBUTE = re.compile(r"([\w.:-]{1,60})=\"([^\"]{0,4000}+)\"")
_RECORDS = frozenset(("record", "log4j:event", "Event"))
_CDATA, _CDATA_ENDS = "<![CDATA[", "]]>"
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
_MQ = re.compile(r" - Process\((\d{1,10})\.")
_MQ_TEXT = re.compile(r"(AMQ\d{4,5})([IWEST]): ")
_MQ_PART = re.compile(r"(User|Program|Host|Installation|Time|QMgr)\(([^()]{1,200})\)")
_MQ_NAMES = {"User": "user", "Program": "application_name", "Installation": "installation", "QMgr": "queue_manager"}
_MQ_LEVELS = {"I": 6, "W": 4, "E": 3, "S": 2, "T": 2}
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
    if _MQ.search(lines[0]):
        return _of_mq(lines, now, zone)
    readings = []
    for name, attributes, inner in _elements("\n".join(line.rstrip("\r") for line in lines)):
        record = _record(attributes, inner) if name in _RECORDS else {}
        reading = read_record(record, now, zone) if "message" in record and "level" in record else None
        if reading is None:
            return []
        readings.append(reading)
    return readings


def _elements(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield names, attributes and contents of elements, up to the first that does not end; in linear time."""
    at = 0
    while (start := _START.search(text, at)) is not None:
        name, attributes = start.groups()
        if attributes[-1:] == "/":
            yield name, attributes[:-1], ""
            at = start.end()
            continue
        end = text.find(f"</{name}>", start.end())
        if end < 0:
            return
        yield name, attributes, text[start.end() : end]
        at = end + len(name) + 3


def _attributes(text: str) -> dict[str, str]:
    return {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(text)}


def _record(attributes: str, inner: str) -> dict[str, Any]:
    """Return an event as the record that it would be in JSON."""
    record: dict[str, Any] = {}
    for name, value in _attributes(attributes).items():
        _put(record, name, value)
    for name, said, within in _elements(inner):
        if name in ("message", "log4j:message", "Message"):
            record["message"] = _text(within)
        elif name == "log4j:throwable":
            record["stack_trace"] = _text(within).rstrip()
        elif name in ("exception", "Thrown"):
            record["stack_trace"] = _trace(said, within)
        elif name in ("log4j:locationInfo", "Source"):
            record.update((key, value) for key, value in _attributes(said).items() if key in _PLACES)
        elif name in ("log4j:properties", "ContextMap"):
            record.update(_properties(within))
        elif name == "date" and within.endswith("Z"):
            record["timestamp"] = within  # finer than `millis`, which stands behind it
        else:
            _put(record, name, _text(within))
    return record


def _put(record: dict[str, Any], name: str, value: str) -> None:
    known = _NAMES.get(name)
    if known is not None and value:
        is_number = known == "timestamp" and len(value) < 20 and value.isascii() and value.isdecimal()
        record.setdefault(known, int(value) if is_number else value)


def _properties(inner: str) -> Iterator[tuple[str, str]]:
    """Yield the names and values of a map, but what NLog says of itself."""
    for _, attributes, _ in _elements(inner):
        found = _attributes(attributes)
        name = found.get("name", found.get("key", ""))
        if name and not name.startswith("log4j"):
            yield name, found.get("value", "")


def _text(inner: str) -> str:
    """Return what is in an element: pieces of CDATA, and text whose characters are escaped."""
    parts, at = [], 0
    while (begin := inner.find(_CDATA, at)) >= 0:
        end = inner.find(_CDATA_ENDS, begin)
        end = len(inner) if end < 0 else end
        parts += [html.unescape(inner[at:begin]), inner[begin + len(_CDATA) : end]]
        at = end + len(_CDATA_ENDS)
    return "".join([*parts, html.unescape(inner[at:])]).replace("\r", "")


def _trace(attributes: str, inner: str) -> str:
    """Write an exception as Java does."""
    lines, caused = [_thrown(_attributes(attributes))], ""
    for name, said, within in _elements(inner):
        if name == "message":
            lines[0] = _text(within)
        elif name == "frame":
            lines.append(_frame({part: _text(text) for part, _, text in _elements(within)}))
        elif name == "ExtendedStackTrace":
            lines += [_frame(_attributes(item)) for _, item, _ in _elements(within)]
        elif name == "Cause":
            caused = _thrown(_attributes(said))
    return "\n".join([*lines, *([f"Caused by: {caused}"] if caused else ())])


def _frame(place: dict[str, str]) -> str:
    where = ":".join(place[name] for name in ("file", "line") if place.get(name)) or "Unknown Source"
    return f"\tat {place.get('class', '')}.{place.get('method', '')}({where})"


def _thrown(said: dict[str, str]) -> str:
    return ": ".join(said[name] for name in ("name", "message") if said.get(name))


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


def _of_mq(lines: list[str], now: float, zone: dt.tzinfo | None) -> list[Reading]:
    """Read a record of IBM MQ's error log: what it is about, a text that is wrapped, an explanation and an action."""
    at = next((at for at, line in enumerate(lines) if _MQ_TEXT.match(line)), 0)
    said, process = _MQ_TEXT.match(lines[at]), _MQ.search(lines[0])
    if said is None or process is None:
        return []
    text = [lines[at].strip()]
    for line in lines[at + 1 :]:
        if not line.strip() or (line.rstrip()[-1:] == ":" and line.isupper()):
            break
        text.append(line.strip())
    found = {name: value for line in lines[:at] for name, value in _MQ_PART.findall(line)}
    fields: dict[str, FieldValue] = {stored: found[name] for name, stored in _MQ_NAMES.items() if name in found}
    fields |= {"process_id": process[1], "message_id": said[1]}
    stamp = read_stamp(found.get("Time", lines[0]), 0, now, zone)
    seconds = None if stamp is None else stamp.seconds
    return [Reading(" ".join(text), "\n".join(lines), _MQ_LEVELS[said[2]], seconds, found.get("Host", ""), fields)]
