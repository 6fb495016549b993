"""Line records: the records that a line has in it, whatever stands before them -> what they say."""

from __future__ import annotations

import datetime as dt
import json
import re
from typing import Any

import msgspec

from gelf_listener.codec.plain import plain
from gelf_listener.codec.templated_json import repair_templated
from gelf_listener.codec.text.header_shapes import Header
from gelf_listener.codec.text.literals import read_inspected, read_literal
from gelf_listener.codec.text.pairs import read_pairs
from gelf_listener.codec.text.plain import read_header
from gelf_listener.codec.text.reading import Reading
from gelf_listener.codec.text.records import read_record
from gelf_listener.codec.text.stamps import read_stamp

LEADING = "\ufeff\x1e \t"
"""What may stand before an object: a byte order mark, the separator of RFC 7464, blanks."""
_MAX_OBJECTS = 100
"""Objects on one line."""
_MAX_TEMPLATE = 8 * 1024
"""Longest text in which bare values are looked for: each colon costs a microsecond."""
_MAX_PREFIX = 120
_TAG = re.compile(r"\A[\w.-]{1,64}\[[\w.-]{1,64}\]: ")
"""Heroku's, between time and pairs."""
_OF_RUBY = re.compile(
    r"[A-Z], \[\S{19,32} #\d{1,10}\] {1,2}[A-Z]{3,5} -- [^:\[]{0,60}: (?:\[[\w.-]{1,64}\] )?(?=method=)"
)
"""The beginning of Ruby's Logger before the pairs of a request."""
_SYSLOG = re.compile(
    r"(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S{1,20}) \S{1,255} [^\s:]{1,128}: "
    r"(?=(?:@cee: ?)?\{|[\w.@/-]{1,60}=)"
)
"""A header of a syslog file with JSON or pairs behind it."""
_SYSLOG_STARTS = frozenset("JFMASOND12")

_LITERAL_STARTS = ("{'", '{"')
"""How a dict begins that Python printed; with quotes of JSON where a name has an apostrophe."""

_GELF_VERSIONS = ("1.0", "1.1", 1.0, 1.1)

_loosely = json.JSONDecoder(strict=False, parse_constant=str)
"""Takes what Python's and JavaScript's loggers write beyond JSON: NaN, control characters, several objects in a row."""


def is_gelf(record: dict[str, Any]) -> bool:
    """Return whether an object is a GELF document: with GELF's own text, or its version and host."""
    return "short_message" in record or (
        "message" in record and record.get("version") in _GELF_VERSIONS and "host" in record
    )


def parse_objects(text: str) -> tuple[list[dict[str, Any]], bool] | None:
    """
    Parse the objects of a line.

    Returns:
        The objects, and whether a strict parser read them; None when there is anything else on the line.
    """
    try:
        value: Any = msgspec.json.decode(text.strip(LEADING))
    except (ValueError, RecursionError):
        stripped = text.strip(LEADING)
        return _parse_loosely(stripped) or _parse_template(stripped) or _parse_literal(stripped)
    return ([value], True) if type(value) is dict else None


def _parse_literal(text: str) -> tuple[list[dict[str, Any]], bool] | None:
    """Read a dict that Python printed, or an object that Node.js did: what a program gave its logger for a message."""
    text = text.rstrip()
    value = read_literal(text) if text[:2] in _LITERAL_STARTS and text[-1:] == "}" else None
    if not isinstance(value, dict) or not all(isinstance(name, str) for name in value):
        inspected = read_inspected(text) if text[1:2] in " \n" else None
        return None if inspected is None else ([inspected], False)
    return [plain(value)], False  # type: ignore[list-item]  # what is plain of a dict is one


def _parse_template(text: str) -> tuple[list[dict[str, Any]], bool] | None:
    """Read objects that a template wrote, with bytes or values that are not JSON."""
    if len(text) > _MAX_TEMPLATE or text[:1] != "{" or text.rstrip()[-1:] != "}":
        return None
    repaired = repair_templated(text)
    return None if repaired is None else _parse_loosely(repaired)


def _parse_loosely(text: str) -> tuple[list[dict[str, Any]], bool] | None:
    """Parse what is no single strict object: a comma behind it, several in a row, NaN."""
    if not text.rstrip(" \t,\r").endswith("}"):
        return None
    records: list[dict[str, Any]] = []
    at = 0
    while at < len(text):
        try:
            value, at = _loosely.raw_decode(text, at)
        except (ValueError, RecursionError):
            return None
        if type(value) is not dict or len(records) >= _MAX_OBJECTS:
            return None
        records.append(value)
        while at < len(text) and text[at] in " \t,\r\x1e":
            at += 1
    return records, False


def record_in(text: str, now: float, zone: dt.tzinfo | None) -> Reading | None:
    """Read a line of pairs, or one that has a record behind a short beginning: a time, a tag, Python's `INFO:root:`."""
    behind = _behind_header(text, now, zone) if text[:1] in _SYSLOG_STARTS else None
    if behind is not None:
        return behind
    stripped = text.strip()
    if "=" in text:
        ruby = _OF_RUBY.match(stripped)
        if ruby is not None:
            return _of_request(stripped, stripped[ruby.end() :], now, zone)
        stamp = read_stamp(stripped, 0, now, zone)
        pairs = read_pairs(stripped if stamp is None else _TAG.sub("", stripped[stamp.end :].lstrip(), 1))
        reading = None if pairs is None else read_record(pairs, now, zone, line=stripped)
        if reading is not None:
            return reading if stamp is None or reading.seconds is not None else reading._replace(seconds=stamp.seconds)
    at = text.find("{", 0, _MAX_PREFIX)
    if at <= 0 or not stripped.endswith("}"):
        return None
    header = read_header(text[:at], now, zone)
    found = parse_objects(text[at:]) if _is_prefix(text[:at], stamped=header.stamped) else None
    if found is None or len(found[0]) != 1 or not {"message", "msg", "event"} & found[0][0].keys():
        return None
    reading = read_record(found[0][0], now, zone, strict=found[1])
    if reading is None or (reading.level is None and header.level is None and reading.seconds is None):
        return None
    prefix = text[:at].strip()
    if prefix and not (header.stamped and " " not in prefix):
        reading.fields.setdefault("prefix", prefix)
    return _filled_in(reading, header)


def _behind_header(text: str, now: float, zone: dt.tzinfo | None) -> Reading | None:
    """Read a record behind the header of a syslog file or of `journalctl`, which says host and program."""
    match = _SYSLOG.match(text)
    header = read_header(text, now, zone) if match is not None else None
    if match is None or header is None or not header.host or header.rest != match.end():
        return None
    inner = text[match.end() :].removeprefix("@cee:").lstrip()
    found = parse_objects(inner) if inner[:1] == "{" else None
    if found is not None and len(found[0]) == 1:
        reading = read_record(found[0][0], now, zone, strict=found[1])
    else:
        pairs = read_pairs(inner)
        reading = None if pairs is None else read_record(pairs, now, zone, line=inner)
    if reading is None:
        return None
    return _filled_in(reading, header)._replace(
        host=reading.host or header.host, fields={**header.fields, **reading.fields}
    )


def _of_request(line: str, pairs: str, now: float, zone: dt.tzinfo | None) -> Reading | None:
    """Read the pairs of a request that Rails answered, behind the beginning of Ruby's Logger (Lograge)."""
    said, header = read_pairs(pairs), read_header(line, now, zone)
    reading = None if said is None else read_record(said, now, zone, line=line)
    if reading is None:
        return None
    return _filled_in(reading, header)


def _filled_in(reading: Reading, header: Header) -> Reading:
    """Fill in level and time, where a record does not say them, from the header before it."""
    return reading._replace(
        level=header.level if reading.level is None else reading.level,
        seconds=header.seconds if reading.seconds is None else reading.seconds,
    )


def _is_prefix(text: str, *, stamped: bool) -> bool:
    """Whether what stands before an object is too short to be text: two words besides a time."""
    words = text.split()
    return len(words) <= (4 if stamped else 2)
