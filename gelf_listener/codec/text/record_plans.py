"""
Plans: what may be found in records with the same keys.

It is decided once for each sequence of keys, because a service writes the same ones again and again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from gelf_listener.codec.gelf.keys import Key, read_key
from gelf_listener.codec.levels import LEVEL_NAMES as SEVERITIES
from gelf_listener.codec.record import OF_GELF_ONLY
from gelf_listener.codec.text.reading import Reading
from gelf_listener.codec.text.record_shapes import RECORD_SHAPES, RecordShape
from gelf_listener.codec.text.stamps import believable, usual_seconds
from gelf_listener.codec.times import to_seconds
from gelf_listener.message import FieldValue
from gelf_listener.notes import Note

TEXTS = (
    "message",
    "msg",
    "event",
    "@m",
    "log",
    "@message",
    "Message",
    "text",
    "LogMessage",
    "logmessage",
    "logmsg",
    "logMessage",
    "log_message",
    "message_text",
    "event_message",
    "",
)
_LEVELS = (
    *("levelname", "level_name", "levelName", "level", "severity", "error_severity", "log.level", "lvl", "loglevel"),
    *("log_level", "logLevel", "LogLevel", "severityText", "severity_text", "Level", "Severity", "levelno"),
    *("@level", "level_value", "PRIORITY", "log_severity", "syslog.severity", "metadata.level", "L", "eventSeverity"),
    *("priorityName", "_logLevel"),
)  # fmt: skip
_TIMES = (
    *("timestamp", "time", "ts", "@timestamp", "asctime", "created", "datetime", "date", "eventTime", "event_time"),
    *("created_at", "createdAt", "Timestamp", "TimeStamp", "Time", "instant", "date_time", "timeMillis", "t"),
    *("timeUnixNano", "time_unix_nano", "observedTimeUnixNano", "time_iso8601", "time_local", "ibm_datetime"),
    *("requestReceivedTimestamp", "StartUTC", "event.created", "log_time", "timestampMillis", "dt", "when"),
    *("written_at", "msec", "EventTime", "EdgeStartTimestamp", "syslog.timestamp", "logtail.client_time"),
    *("timestamp_ms", "eventTimestamp", "timeStamp", "timeGenerated", "logTime"),
)  # fmt: skip
_HOSTS = (
    "host",
    "hostname",
    "hostName",
    "host.name",
    "host.hostname",
    "source_host",
    "@source_host",
    "HostName",
    "HOSTNAME",
    "Hostname",
    "syslog.hostname",
    "devname",
)
_TRACES = (
    *("exc_info", "exc_text", "exception", "stack_trace", "stack", "stacktrace", "error.stack_trace", "error_stack"),
    *("stackTrace", "StackTrace", "Stacktrace", "Exception", "traceback", "err.stack", "error.stack", "throwable"),
    *("exception.stacktrace", "exception.stack_trace", "context.exception", "error.stackTrace", "backtrace", "thrown"),
    *("errorStack", "err", "error", "exceptionStackTrace", "exception.stack", "stack_info", "cause"),
    *("_exception.stackTrace", "exception.backtrace", "extra.stack_trace", "error_detail"),
)  # fmt: skip
_OF_REQUESTS = frozenset((
    *("method", "uri", "url", "path", "request", "status", "remote_addr", "remote_ip", "client_ip", "request_method"),
    *("user_agent", "http_user_agent", "request_uri", "status_code", "http_status", "bytes_sent", "body_bytes_sent"),
    *("statusCode", "requestMethod", "remoteAddr", "response_code"),
))  # fmt: skip
"""Two of these make an access log, whose `host` is what the client asked for."""

NODE_LEVELS = {10: 7, 20: 7, 30: 6, 40: 4, 50: 3, 60: 2}
"""bunyan and pino: 30 is what 20 is in Python."""

MAX_KEYS = 64
MAX_PREFIX = 200
_MAX_REMEMBERED = 1024
I64 = 1 << 63

Name = tuple[str, tuple[str, ...]]
"""A name, and the way to it where it is nested; a name of its own has none."""


_MAY_SAY_LEVELS = frozenset((*_LEVELS, "type"))


def _first_part(name: str) -> str:
    return name.partition(".")[0]


class Usual(NamedTuple):
    """
    Where things are in records that need no second look: each once, no trace (see `bench.stdin` and `bench.intake`).

    Nested records are made flat before; a name with dots is one of those, or what a protocol allows.
    """

    text: str
    level: str
    """Empty, of columns only: there is none."""
    time: str
    """Empty: there is none."""
    host: str
    """Empty: there is none."""
    is_node: bool
    """Whether numbers of levels are bunyan's and pino's."""
    is_carried: bool
    """Whether they are in order only when a protocol carries the record: there are dots in their names."""
    fields: tuple[tuple[str, str], ...]
    """Names of everything else, and what they are stored under."""
    notes: tuple[Note, ...]
    """On those names."""
    carried_notes: tuple[tuple[Note, ...], ...]
    """For each of those names the notes that count when a protocol carries the record."""

    @classmethod
    def of(cls, keys: tuple[str, ...], *, has_level: bool = True) -> Usual | None:
        """
        Look at keys; None when they need a second look.

        Args:
            keys: Of a record.
            has_level: Whether there has to be a level; without one there has to be a time, and nothing that may be one.
        """
        found = []
        for names in (TEXTS, _LEVELS, _TIMES, _HOSTS):
            among = [name for name in names if name in keys]
            dotted = [name for name in among if "." in name]
            if any(_first_part(name) in keys for name in dotted):
                return None
            if len(among) > 1 and (names is not _TIMES or dotted or "date" in among):
                return None
            found.append(among[0] if among else "")
        text, level, time, host = found
        if not text or "err" in keys:
            return None
        if not (level if has_level else time and not level and _MAY_SAY_LEVELS.isdisjoint(map(_first_part, keys))):
            return None
        rest = [(name, read_key("_" + name)) for name in keys if name not in found]
        stored = {key.clean for _, key in rest}
        if len(stored) < len(rest):
            return None
        is_carried = any("." in name for name in found)
        is_node = "time" in keys or "v" in keys or host == "hostname"
        fields = tuple((name, key.clean) for name, key in rest)
        notes = tuple(note for _, key in rest for note in key.notes)
        carried_notes = tuple(tuple(notes_when_carried(key)) for _, key in rest)
        return cls(text, level, time, host, is_node, is_carried, fields, notes, carried_notes)

    def read(
        self, record: Mapping[str, Any], now: float, zone: dt.tzinfo | None, near: float | None, *, carried: bool
    ) -> Reading | None:
        """Read a record with these keys; None when a value needs a second look."""
        text, level = record[self.text], self.level_of(record[self.level])
        if self.is_carried and not carried:
            return None
        if type(text) is not str or text[:1] in CLOSER or text[-1:] in CLOSER:
            return None
        seconds = self.seconds_of(record[self.time], now, zone) if self.time else None
        if level is None or (seconds is None and self.time) or is_far(seconds, near):
            return None
        host = record[self.host] if self.host else ""
        if type(host) is not str or (self.host and not host.strip()):
            return None
        fields: dict[str, FieldValue] = {}
        for name, stored in self.fields:
            value = record[name]
            kind = type(value)
            if not (kind is str or kind is float or (kind is int and -I64 <= value < I64)):
                if not carried:
                    return None
                if kind is list and value:
                    value = text_of_list(value)
                    if value is None:
                        return None
                elif kind is not bool:
                    return None
            fields[stored] = value
        notes = self.notes
        if notes and carried:
            notes = tuple([note for each in self.carried_notes for note in each])
        return Reading(text, None, level, seconds, host, fields, notes)

    def level_of(self, value: object) -> int | None:
        """Return the severity that a level means; None when it needs a second look."""
        if type(value) is str:
            return SEVERITIES.get(value) or SEVERITIES.get(value.lower())
        return NODE_LEVELS.get(value) if self.is_node and type(value) is int else None

    def seconds_of(self, time: object, now: float, zone: dt.tzinfo | None) -> float | None:
        """Return when a time was; None when it needs a second look."""
        if type(time) is str:
            return usual_seconds(time, now, zone)
        return believable(number_seconds(time), now) if type(time) in (int, float) else None  # type: ignore[arg-type]


def text_of_list(value: list[Any]) -> str | None:
    """Write a list as JSON; None where that cannot be done."""
    try:
        return msgspec.json.encode(value).decode()
    except (ValueError, OverflowError, RecursionError):
        return None


CLOSER = frozenset(("", " ", "{", "\n", "\r", "\t"))
"""First and last characters of texts that need a second look."""


_FAR_SECONDS = 600.0
"""How far a record's own time may be from that of its protocol; further, it means something else, or its zone does."""


def is_far(seconds: float | None, near: float | None) -> bool:
    """Whether a record's own time is too far from the one that its protocol says, if it says one."""
    return near is not None and seconds is not None and abs(seconds - near) > _FAR_SECONDS


def number_seconds(value: float) -> float | None:
    """Read a number as a point in time, in any unit; None when it is none."""
    read = to_seconds(value)
    return None if read is None else read[0]


class Plan(NamedTuple):
    """What may be found in records with the same keys: a service writes the same ones again and again."""

    shapes: tuple[RecordShape, ...]
    levels: tuple[Name, ...]
    times: tuple[Name, ...]
    hosts: tuple[Name, ...]
    traces: tuple[Name, ...]
    is_asked: bool
    """Whether they are those of an access log."""
    usual: Usual | None

    @classmethod
    def of(cls, keys: tuple[str, ...]) -> Plan:
        """Look at the keys of a record."""
        every = frozenset(keys)
        shapes = tuple(shape for shape in RECORD_SHAPES if shape.needs <= every)
        traces, is_asked = _among(every, _TRACES), len(every & _OF_REQUESTS) >= 2
        usual = None if traces or (is_asked and "host" in keys) else Usual.of(keys)
        names = [_among(every, names) for names in (_LEVELS, _TIMES, _HOSTS)]
        return cls(shapes, names[0], names[1], names[2], traces, is_asked, usual)


def _among(keys: frozenset[str], names: tuple[str, ...]) -> tuple[Name, ...]:
    """Return the names that a record with these keys may have: its own first, then nested ones."""
    nested = ((name, tuple(name.split("."))) for name in names if "." in name)
    return (*((name, ()) for name in names if name in keys), *(each for each in nested if each[1][0] in keys))


_plans: dict[tuple[str, ...], Plan] = {}


def plan_of(record: Mapping[str, Any]) -> Plan:
    """Return what may be found in a record, from memory if one with its keys was seen before."""
    keys = tuple(record)
    plan = _plans.get(keys)
    if plan is None:
        plan = Plan.of(keys)
        if len(keys) <= MAX_KEYS and sum(map(len, keys)) <= MAX_KEYS * MAX_KEYS:
            if len(_plans) >= _MAX_REMEMBERED:
                _plans.clear()
            _plans[keys] = plan
    return plan


def flatten(record: Mapping[str, Any], prefix: str, flat: dict[str, Any]) -> bool:
    """Put the values of a nested record under dotted names. False: two have the same, or it is too large."""
    for name, value in record.items():
        whole = prefix + name
        if type(value) is dict:
            if len(whole) > MAX_PREFIX or not flatten(value, whole + ".", flat):
                return False
        elif whole in flat:
            return False
        else:
            flat[whole] = value
    return len(flat) <= MAX_KEYS


_OBJECTS = frozenset(("message", "msg", *_LEVELS, *_TIMES))


def may_be_object(name: str, text: str) -> bool:
    """Whether an object or a list under a name may be the text, the level or the time of a record with another text."""
    return name in _OBJECTS or (name == "event" and text not in ("message", "msg"))


def notes_when_carried(key: Key) -> list[Note]:
    """Return what there is to note on a name that another protocol than GELF carries."""
    return [each for each in key.notes if each.deviation not in OF_GELF_ONLY]
