"""
Devices: texts that say time, host and fields themselves, with or without a syslog header before them.

A row of `SHAPES` is one way of writing them: what such a text begins with, and what reads it. The text itself stays
whole, as in Graylog; what it says is copied out of it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import NamedTuple

from gelf_listener.codec.gelf.keys import note
from gelf_listener.codec.syslog.stamps import Clock, iso_seconds, read_stamp
from gelf_listener.codec.times import to_seconds
from gelf_listener.message import FieldValue
from gelf_listener.notes import Deviation, Note

_MAX_PAIRS = 1000
_PAIR = re.compile(r'([A-Za-z_][\w.-]{0,63})=("(?:[^"\\]|\\.)*+"|[^\s"]*)')
_HOSTS = ("devname", "device_name", "dvchost", "fw", "device")
"""Names under which devices name themselves: Fortinet, Sophos, CEF, SonicWall, old Sophos."""
_DEVICES = frozenset(("devid", "device_id", "devID", "log_id", "logid", "logver", "sn"))
"""Names that only devices have; other pairs are a logger's, and read as lines are."""
_OF_FIREWALLS = frozenset(("src", "dst"))
"""Names that only firewalls have both of (Zyxel)."""
_OFFSET = re.compile(r"\(?(?:UTC|GMT)?([+-])(\d{1,2}):?(\d\d)?\)?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIME = re.compile(r"\d\d:\d\d:\d\d(?:\.\d{1,9})?")
_CEF_PAIR = re.compile(r"(?:\A|(?<=\s))([A-Za-z_][\w.\[\]-]{0,127})=")
_UNESCAPED_BAR = re.compile(r"(?<!\\)\|")
_ESCAPED = re.compile(r"\\(.)")
_ISO_LATER = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d(?:\.\d{1,9})?) ?(.*)")

_TOPICS = re.compile(
    r"(?=[a-z0-9!,-]*?\b(?:info|error|warning|critical|debug)\b)([a-z0-9!-]{2,20}(?:,[a-z0-9!-]{2,20}){1,6}):? ",
    re.ASCII,
)
"""MikroTik's topics, one of which is a level."""


class Device(NamedTuple):
    """
    What a text says itself.

    Attributes:
        fields: Its values by name.
        host: Empty when it does not say.
        seconds: When it was written, UTC Unix seconds; None when it does not say, or says no time.
        stamped: Whether something like a time was there.
        notes: What was guessed.
    """

    fields: dict[str, FieldValue]
    host: str = ""
    seconds: float | None = None
    stamped: bool = False
    notes: tuple[Note, ...] = ()


class Shape(NamedTuple):
    """
    One way of writing what a device has to say.

    Attributes:
        name: What docs/inputs/syslog.md calls it.
        begins: Matches the beginning of such a text.
        read: Reads the text behind the match; None when it is something else after all.
    """

    name: str
    begins: re.Pattern[str]
    read: Callable[[str, re.Match[str], Clock], Device | None]


def read_device(text: str, clock: Clock) -> Device | None:
    """Read a text that a device wrote in a way of its own; None for any other."""
    for shape in SHAPES:
        match = shape.begins.match(text)
        if match is not None:
            return shape.read(text, match, clock)
    return None


def _pairs(text: str, _match: re.Match[str], clock: Clock) -> Device | None:
    """Read pairs with a date and a time, or with the name of a device: FortiGate, Sophos, SonicWall and others."""
    fields: dict[str, FieldValue] = {}
    for pair in _PAIR.finditer(text):
        value = pair[2]
        fields.setdefault(pair[1], value[1:-1] if value[:1] == '"' else value)
        if len(fields) >= _MAX_PAIRS:
            break
    seconds, stamped, notes = _time_of(fields, clock)
    host = next((str(fields[name]) for name in _HOSTS if fields.get(name)), "")
    is_firewall = bool(_DEVICES & fields.keys()) or fields.keys() >= _OF_FIREWALLS
    if not (host or is_firewall or (stamped and "date" in fields and "msg" not in fields)):
        return None
    fields.pop("level", None)  # a word; the priority has the number
    return Device(fields, host, seconds, stamped, notes)


def _delimited(text: str, match: re.Match[str], clock: Clock) -> Device | None:
    """Read pairs with a comma or a bar between them: FortiGate's CSV, Check Point's Log Exporter for Splunk."""
    mark = match[1]
    pairs = _BY_COMMAS.findall(text) if mark == "," else [each.partition("=")[::2] for each in text.split(mark)]
    fields: dict[str, FieldValue] = {}
    for name, value in pairs[:_MAX_PAIRS]:
        if name.strip():
            fields.setdefault(name.strip(), value.strip().strip('"'))
    host = next((str(fields[name]) for name in (*_HOSTS, "hostname") if fields.get(name)), "")
    if not host:
        return None
    time = str(fields.get("time", ""))
    seconds, stamped, notes = _time_of({"timestamp": time} if time.isdecimal() else fields, clock)
    fields.pop("level", None)
    return Device(fields, host, seconds, stamped, notes)


def _time_of(fields: dict[str, FieldValue], clock: Clock) -> tuple[float | None, bool, tuple[Note, ...]]:
    """Return when pairs were written, whether they say so, and what was guessed."""
    date, time = str(fields.get("date", "")), str(fields.get("time", ""))
    zone = str(fields.get("tz", "") or fields.get("timezone", ""))
    since_1970 = str(fields.get("eventtime", "") or fields.get("timestamp", ""))
    if _DATE.fullmatch(date) and _TIME.fullmatch(time):
        if not zone and since_1970.isdecimal() and len(since_1970) <= 20 and since_1970.isascii():
            found = to_seconds(float(since_1970))
            if found is not None:
                return found[0], True, ()
        return _in_zone(f"{date}T{time}", zone, clock)
    if since_1970.isdecimal() and since_1970.isascii() and len(since_1970) <= 20:
        found = to_seconds(float(since_1970))
        return (None, False, ()) if found is None else (found[0], True, ())
    for value in (str(fields.get("timestamp", "")), time, str(fields.get("devTime", ""))):
        later = _ISO_LATER.fullmatch(value)
        if later is not None:
            return _in_zone(f"{later[1]}T{later[2]}", later[3] or zone, clock)
    return None, False, ()


def _in_zone(text: str, named: str, clock: Clock) -> tuple[float | None, bool, tuple[Note, ...]]:
    """Read a time in a zone that is named in one of a dozen ways: +0200, UTC+2:00, (GMT+1:00)Berlin, -03, BST."""
    if not named:
        return iso_seconds(text, clock.zone), True, ()
    offset = _OFFSET.match(named)
    if offset is not None:
        east = dt.timedelta(hours=min(int(offset[2]), 23), minutes=min(int(offset[3] or 0), 59))
        return iso_seconds(text, dt.timezone(-east if offset[1] == "-" else east)), True, ()
    stamp = read_stamp(f"{text.replace('T', ' ')} {named}:", clock)
    if stamp is not None and stamp.end == len(text) + len(named) + 2:
        return stamp.seconds, True, stamp.notes
    detail = f"the zone {named} is not known; zone_names says what it means"
    return iso_seconds(text, clock.zone), True, (note(Deviation.GUESSED, "timestamp", detail),)


_CEF_HEADER = ("device_vendor", "device_product", "device_version", "device_event_class_id", "name", "severity")


def _cef(text: str, match: re.Match[str], clock: Clock) -> Device | None:
    """Read ArcSight's Common Event Format; names are those of Graylog's CEF input."""
    parts = _UNESCAPED_BAR.split(text[match.end() :], 6)
    if len(parts) < 6:
        return None
    values = [_ESCAPED.sub(r"\1", part) for part in parts[:6]]
    fields: dict[str, FieldValue] = dict(zip(_CEF_HEADER, values, strict=True))
    extension = parts[6] if len(parts) > 6 else ""
    keys = list(_CEF_PAIR.finditer(extension))[:_MAX_PAIRS]
    for number, key in enumerate(keys):
        end = keys[number + 1].start() if number + 1 < len(keys) else len(extension)
        fields.setdefault(key[1], _ESCAPED.sub(_cef_unescaped, extension[key.end() : end].rstrip()))
    seconds = _cef_time(str(fields.get("rt", "")), clock)
    return Device(fields, str(fields.get("dvchost", "") or fields.get("dvc", "")), seconds, seconds is not None)


def _cef_unescaped(match: re.Match[str]) -> str:
    return {"n": "\n", "r": "\r"}.get(match[1], match[1])


def _cef_time(text: str, clock: Clock) -> float | None:
    if text.isdecimal() and text.isascii() and len(text) <= 20:
        found = to_seconds(float(text))
        return None if found is None else found[0]
    stamp = read_stamp(text, clock) if text else None
    return None if stamp is None else stamp.seconds


_LEEF_HEADER = ("device_vendor", "device_product", "device_version", "device_event_class_id")


def _leef(text: str, match: re.Match[str], clock: Clock) -> Device | None:
    """Read QRadar's Log Event Extended Format: a tab between pairs, or what the header of version 2 says."""
    two = match[1] == "2"
    parts = text[match.end() :].split("|", 5 if two else 4)
    if len(parts) < 5:
        return None
    fields: dict[str, FieldValue] = dict(zip(_LEEF_HEADER, parts[:4], strict=True))
    delimiter = "\t"
    if two and len(parts) == 6:
        given = parts[4]
        digits = given.lower().removeprefix("0x").removeprefix("x")
        if len(given) == 1:
            delimiter = given
        elif digits and len(digits) <= 4 and all(digit in "0123456789abcdef" for digit in digits):
            delimiter = chr(int(digits, 16))
    elif not two and "\t" not in parts[-1]:
        delimiter = "|"  # templates for Palo Alto's firewalls
    for pair in parts[-1].split(delimiter)[:_MAX_PAIRS]:
        name, equals, value = pair.partition("=")
        if equals and name.strip():
            fields.setdefault(name.strip(), value.strip())
    seconds = _cef_time(str(fields.get("devTime", "")), clock)
    return Device(fields, "", seconds, seconds is not None)


_SNARE = (
    *("criticality", "event_log", "event_counter", "event_time", "event_id", "event_source", "user_name", "sid_type"),
    *("event_type", "computer", "category"),
)


def _snare(text: str, match: re.Match[str], clock: Clock) -> Device | None:
    """Read what Snare's agents and those that imitate them make of Windows' event log: fields between tabs."""
    parts = text[match.end() :].split("\t")
    if len(parts) < len(_SNARE):
        return None
    fields: dict[str, FieldValue] = {
        name: part for name, part in zip(_SNARE, parts, strict=False) if part not in ("", "N/A")
    }
    fields["application_name"] = "MSWinEventLog"
    stamp = read_stamp(str(fields.get("event_time", "")), clock)
    seconds = None if stamp is None else stamp.seconds
    return Device(fields, str(fields.get("computer", "")), seconds, seconds is not None)


def _topics(_text: str, match: re.Match[str], _clock: Clock) -> Device | None:
    return Device({"topics": match[1]})


_BY_COMMAS = re.compile(r'([A-Za-z_][\w.-]{0,63})=("[^"]*"|[^,"]*)(?:,|\Z)')
_THREE_DELIMITED = re.compile(
    r"[A-Za-z_][\w.-]{0,40}=(?:\"[^\"]*\"|[^\s\"=,|]*)([,|])[A-Za-z_][\w.-]{0,40}=(?:\"[^\"]*\"|[^\s\"=,|]*)\1[A-Za-z_][\w.-]{0,40}="
)

SAYS_MORE = re.compile(r"[{@]|[\w!][\w.@/!-]{0,60}+(?:[=\t]|,[a-z0-9!]|:[ ]?\d)")
"""Beginnings of texts that may be a device's or a logger's own; all others are plain (see `make bench`, syslog)."""

_THREE_PAIRS = re.compile(r"(?:[A-Za-z_][\w.-]{0,40}=(?:\"[^\"]*\"|[^\s\"=]*)\s+){2}[A-Za-z_][\w.-]{0,40}=")

SHAPES = (
    Shape("Key=value pairs with a device's name or a date", _THREE_PAIRS, _pairs),
    Shape("Key=value pairs with commas or bars between them", _THREE_DELIMITED, _delimited),
    Shape("CEF", re.compile(r"CEF:\s?\d\|"), _cef),
    Shape("LEEF", re.compile(r"LEEF:\s?(\d)(?:\.\d)?\|"), _leef),
    Shape("Snare", re.compile(r"MSWinEventLog\t"), _snare),
    Shape("MikroTik", _TOPICS, _topics),
)  # fmt: skip
