"""
Records: a JSON object or a line of key=value pairs that a logger wrote -> text, level, time, host, trace and fields.

Loggers name these things in a few dozen ways, flat (``"log.level"``) or nested (``"log": {"level"``). Names come in
order of how sure they are. An object is a record when it has a text, or else a level or a time that can be read;
anything else is text that happens to be JSON.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.keys import Key, note, read_key
from gelf_listener.codec.gelf.normaliser import Normaliser
from gelf_listener.codec.levels import LEVEL_NAMES as SEVERITIES
from gelf_listener.codec.levels import severity_of_number, severity_of_text
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.record import OF_GELF_ONLY
from gelf_listener.codec.scrub import encode_json, scrub
from gelf_listener.codec.text.plain import read_header
from gelf_listener.codec.text.reading import Reading
from gelf_listener.codec.text.record_shapes import RECORD_SHAPES, RecordShape
from gelf_listener.codec.text.stamps import believable, read_stamp, usual_seconds
from gelf_listener.codec.text.trace_objects import trace_of
from gelf_listener.codec.times import to_seconds
from gelf_listener.message import FieldValue
from gelf_listener.notes import Deviation, Note

__all__ = ["is_far", "read_record"]

_TEXTS = (
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
    "message_text",
    "event_message",
)
_LEVELS = (
    *("levelname", "level_name", "levelName", "level", "severity", "error_severity", "log.level", "lvl", "loglevel"),
    *("log_level", "logLevel", "LogLevel", "severityText", "severity_text", "Level", "Severity", "levelno"),
    *("@level", "level_value", "PRIORITY", "log_severity", "syslog.severity", "metadata.level", "L"),
)  # fmt: skip
_TIMES = (
    *("timestamp", "time", "ts", "@timestamp", "asctime", "created", "datetime", "date", "eventTime", "event_time"),
    *("created_at", "createdAt", "Timestamp", "TimeStamp", "Time", "instant", "date_time", "timeMillis", "t"),
    *("timeUnixNano", "time_unix_nano", "observedTimeUnixNano", "time_iso8601", "time_local", "ibm_datetime"),
    *("requestReceivedTimestamp", "StartUTC", "event.created", "log_time", "timestampMillis", "dt", "when"),
    *("written_at", "msec", "EventTime", "EdgeStartTimestamp", "syslog.timestamp", "logtail.client_time"),
    "timestamp_ms",
)  # fmt: skip
_HOSTS = (
    "host",
    "hostname",
    "hostName",
    "host.name",
    "host.hostname",
    "source_host",
    "HostName",
    "HOSTNAME",
    "Hostname",
    "syslog.hostname",
)
_TRACES = (
    *("exc_info", "exc_text", "exception", "stack_trace", "stack", "stacktrace", "error.stack_trace", "error_stack"),
    *("stackTrace", "StackTrace", "Stacktrace", "Exception", "traceback", "err.stack", "error.stack", "throwable"),
    *("exception.stacktrace", "exception.stack_trace", "context.exception", "error.stackTrace", "backtrace", "thrown"),
    *("errorStack", "err", "error", "exceptionStackTrace", "exception.stack", "stack_info", "cause"),
    "_exception.stackTrace",
)  # fmt: skip
_OF_REQUESTS = frozenset((
    *("method", "uri", "url", "path", "request", "status", "remote_addr", "remote_ip", "client_ip", "request_method"),
    *("user_agent", "http_user_agent", "request_uri", "status_code", "http_status", "bytes_sent", "body_bytes_sent"),
    *("statusCode", "requestMethod", "remoteAddr", "response_code"),
))  # fmt: skip
"""Two of these make an access log, whose `host` is what the client asked for."""

_NODE_LEVELS = {10: 7, 20: 7, 30: 6, 40: 4, 50: 3, 60: 2}
"""bunyan and pino: 30 is what 20 is in Python."""
_MONOLOG_LEVELS = {100: 7, 200: 6, 250: 5, 300: 4, 400: 3, 500: 2, 550: 1, 600: 0}
_LOGBACK_LEVELS = {5000: 7, 10000: 7, 20000: 6, 30000: 4, 40000: 3, 50000: 2}

_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_MAX_RENDERED = 200
_MAX_RENDERED_VALUE = 80
_MAX_KEYS = 64
_MAX_PREFIX = 200
_MAX_DEPTH = 3
_MAX_REMEMBERED = 1024
_I64 = 1 << 63

_TEXT_MADE = note(Deviation.GUESSED, "short_message", "there is no text; this is made of the fields")


_Name = tuple[str, tuple[str, ...]]
"""A name, and the way to it where it is nested; a name of its own has none."""


class _Usual(NamedTuple):
    """
    Where things are in records that need no second look: each once, no trace (see `bench.stdin` and `bench.intake`).

    Nested records are made flat before; a name with dots is one of those, or what a protocol allows.
    """

    text: str
    level: str
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

    @classmethod
    def of(cls, keys: tuple[str, ...]) -> _Usual | None:
        """Look at keys; None when they need a second look."""
        found = []
        for names in (_TEXTS, _LEVELS, _TIMES, _HOSTS):
            among = [name for name in names if name in keys]
            if len(among) > 1 or any(name.partition(".")[0] in keys for name in among if "." in name):
                return None
            found.append(among[0] if among else "")
        text, level, time, host = found
        if not (text and level) or "log" in keys or "err" in keys:
            return None
        rest = [(name, read_key("_" + name)) for name in keys if name not in found]
        stored = {key.clean for _, key in rest}
        if len(stored) < len(rest) or not all(_is_odd_in_gelf_only(key) for _, key in rest):
            return None
        is_carried = any(key.notes for _, key in rest) or any("." in name for name in found)
        is_node = time == "time" or "v" in keys or host == "hostname"
        return cls(text, level, time, host, is_node, is_carried, tuple((name, key.clean) for name, key in rest))

    def read(
        self, record: Mapping[str, Any], now: float, zone: dt.tzinfo | None, near: float | None, *, carried: bool
    ) -> Reading | None:
        """Read a record with these keys; None when a value needs a second look."""
        text, level = record[self.text], record[self.level]
        if self.is_carried and not carried:
            return None
        if type(text) is not str or text[:1] in _CLOSER or text[-1:] in _CLOSER:
            return None
        if type(level) is str:
            level = SEVERITIES.get(level) or SEVERITIES.get(level.lower())
        elif self.is_node and type(level) is int:
            level = _NODE_LEVELS.get(level)
        else:
            level = None
        seconds = self._seconds(record[self.time], now, zone) if self.time else None
        if level is None or (seconds is None and (self.time or not carried)) or is_far(seconds, near):
            return None
        host = record[self.host] if self.host else ""
        if type(host) is not str or (self.host and not host.strip()):
            return None
        fields: dict[str, FieldValue] = {}
        for name, stored in self.fields:
            value = record[name]
            kind = type(value)
            if not (kind is str or kind is float or (kind is int and -_I64 <= value < _I64)) and not (
                carried and kind is bool
            ):
                return None
            fields[stored] = value
        return Reading(text, None, level, seconds, host, fields)

    def _seconds(self, time: object, now: float, zone: dt.tzinfo | None) -> float | None:
        if type(time) is str:
            return usual_seconds(time, now, zone)
        return believable(_number_seconds(time), now) if type(time) in (int, float) else None  # type: ignore[arg-type]


_CLOSER = frozenset(("", " ", "{", "\n", "\r", "\t"))
"""First and last characters of texts that need a second look."""


_FAR_SECONDS = 600.0
"""How far a record's own time may be from that of its protocol; further, it means something else, or its zone does."""


def is_far(seconds: float | None, near: float | None) -> bool:
    """Whether a record's own time is too far from the one that its protocol says, if it says one."""
    return near is not None and seconds is not None and abs(seconds - near) > _FAR_SECONDS


def _number_seconds(value: float) -> float | None:
    read = to_seconds(value)
    return None if read is None else read[0]


class _Plan(NamedTuple):
    """What may be found in records with the same keys: a service writes the same ones again and again."""

    shapes: tuple[RecordShape, ...]
    levels: tuple[_Name, ...]
    times: tuple[_Name, ...]
    hosts: tuple[_Name, ...]
    traces: tuple[_Name, ...]
    is_asked: bool
    """Whether they are those of an access log."""
    usual: _Usual | None

    @classmethod
    def of(cls, keys: tuple[str, ...]) -> _Plan:
        """Look at the keys of a record."""
        every = frozenset(keys)
        shapes = tuple(shape for shape in RECORD_SHAPES if shape.needs <= every)
        traces, is_asked = _among(every, _TRACES), len(every & _OF_REQUESTS) >= 2
        usual = None if traces or (is_asked and "host" in keys) else _Usual.of(keys)
        names = [_among(every, names) for names in (_LEVELS, _TIMES, _HOSTS)]
        return cls(shapes, names[0], names[1], names[2], traces, is_asked, usual)


def _among(keys: frozenset[str], names: tuple[str, ...]) -> tuple[_Name, ...]:
    """Return the names that a record with these keys may have: its own first, then nested ones."""
    nested = ((name, tuple(name.split("."))) for name in names if "." in name)
    return (*((name, ()) for name in names if name in keys), *(each for each in nested if each[1][0] in keys))


_plans: dict[tuple[str, ...], _Plan] = {}


def _plan(record: Mapping[str, Any]) -> _Plan:
    """Return what may be found in a record, from memory if one with its keys was seen before."""
    keys = tuple(record)
    plan = _plans.get(keys)
    if plan is None:
        plan = _Plan.of(keys)
        if len(keys) <= _MAX_KEYS and sum(map(len, keys)) <= _MAX_KEYS * _MAX_KEYS:
            if len(_plans) >= _MAX_REMEMBERED:
                _plans.clear()
            _plans[keys] = plan
    return plan


def read_record(
    record: Mapping[str, Any],
    now: float,
    zone: dt.tzinfo | None,
    *,
    line: str = "",
    strict: bool = True,
    depth: int = 0,
    carried: bool = False,
    near: float | None = None,
) -> Reading | None:
    """
    Read a record.

    Args:
        record: A JSON object that is not a GELF document, or the pairs of a line.
        now: UTC Unix seconds: what an absurd time is measured by.
        zone: Of times without an offset; None: this machine's.
        line: The line of pairs, which is the text when no pair is.
        strict: Whether a strict parser read it; see `Normaliser`.
        depth: How many records it is within.
        carried: Whether a protocol says that it is a record, whatever is in it: then it is always read.
        near: The time that its protocol says, UTC Unix seconds: one that is far from it is left a field.

    Returns:
        None when it is not a record of a logger.
    """
    plan = _plan(record)
    for shape in plan.shapes:
        flat = shape.flatten(record)
        if flat is not None:
            record, plan = flat, _plan(flat)
            break
    if strict:
        usual = None
        if carried and dict in map(type, record.values()):
            usual = None if plan.traces else _read_flat(record, now, zone, near)
        elif plan.usual is not None:
            usual = plan.usual.read(record, now, zone, near, carried=carried)
        if usual is not None:
            return usual
    return _Reader(dict(record), plan, now, zone, line, strict=strict, depth=depth, carried=carried, near=near).read()


def _read_flat(record: Mapping[str, Any], now: float, zone: dt.tzinfo | None, near: float | None) -> Reading | None:
    """Read a nested record as the flat one that it becomes; None when that needs a second look."""
    flat: dict[str, Any] = {}
    if not _flatten(record, "", flat):
        return None
    usual = _plan(flat).usual
    return None if usual is None else usual.read(flat, now, zone, near, carried=True)


def _flatten(record: Mapping[str, Any], prefix: str, flat: dict[str, Any]) -> bool:
    """Put the values of a nested record under dotted names. False: two have the same, or it is too large."""
    for name, value in record.items():
        whole = prefix + name
        if type(value) is dict:
            if len(whole) > _MAX_PREFIX or not _flatten(value, whole + ".", flat):
                return False
        elif whole in flat:
            return False
        else:
            flat[whole] = value
    return len(flat) <= _MAX_KEYS


def _is_odd_in_gelf_only(key: Key) -> bool:
    """Whether a name is as it should be, but in GELF."""
    return all([each.deviation in OF_GELF_ONLY for each in key.notes])


class _Reader:
    """Takes what is known off a record; what is left are its fields."""

    def __init__(
        self,
        rest: dict[str, Any],
        plan: _Plan,
        now: float,
        zone: dt.tzinfo | None,
        line: str,
        *,
        strict: bool,
        depth: int,
        carried: bool,
        near: float | None,
    ) -> None:
        self._rest = rest
        self._plan = plan
        self._now = now
        self._zone = zone
        self._line = line
        self._strict = strict
        self._depth = depth
        self._carried = carried
        self._near = near
        self._notes: list[Note] = []
        self._is_line = False
        """Whether the text is a line of a program, as Fluent Bit has it."""
        self._is_named = False
        """Whether the level is a name: a number alone may be anything's."""

    def read(self) -> Reading | None:
        """Return what the record says."""
        rest = self._rest
        text, logged = self._text() or (None, None)
        if isinstance(logged, dict):
            rest.update({name: value for name, value in logged.items() if name not in rest})
            self._plan = _plan(rest)
        level = self._level()
        seconds = self._time()
        if level is None and self._is_line and text is not None:
            level = read_header(text, self._now, self._zone).level
        if text is None and seconds is None and not self._carried and (level is None or not self._is_named):
            return None
        if text is not None and text[:1] == "{" and text[-1:] == "}" and logged is None and self._depth < _MAX_DEPTH:
            inner = self._inner(text, level, seconds)
            if inner is not None:
                return inner
        host = self._host()
        trace = self._trace()
        if text is not None and trace and text.endswith("\n" + trace):
            text = text[: -len(trace) - 1]  # which loggers put behind their text besides
        if text is None:
            text = self._line or self._rendered(trace)
            if not self._line:
                self._notes.append(_TEXT_MADE)
        fields, notes = self._fields()
        return Reading(text, trace or None, level, seconds, host, fields, tuple(self._notes) + notes)

    def _fields(self) -> tuple[dict[str, FieldValue], tuple[Note, ...]]:
        """Return what is left as fields; what is empty says nothing."""
        fields = self._plain_fields() if self._strict else None
        if fields is not None:
            return fields, ()
        document = {f"_{name}": value for name, value in self._rest.items() if value not in _EMPTY}
        normaliser = Normaliser(document, (), Receipt("", None, self._now, _NOWHERE), strict=self._strict)
        normaliser.read_fields()
        return normaliser.fields, tuple(normaliser.notes)

    def _plain_fields(self) -> dict[str, FieldValue] | None:
        """Return what nearly all are, without a normaliser (see `make bench`, stdin); None when one needs it."""
        fields: dict[str, FieldValue] = {}
        return fields if self._put(fields, "", self._rest) else None

    def _put(self, fields: dict[str, FieldValue], prefix: str, values: Mapping[str, Any]) -> bool:
        """Put values among the fields; what is carried may be nested and have dots. False: a normaliser has to look."""
        carried = self._carried
        for name, value in values.items():
            kind = type(value)
            if kind is str or kind is float or (kind is int and -_I64 <= value < _I64) or (kind is bool and carried):
                key = read_key(f"_{prefix}{name}")
                if key.clean in fields or (key.notes and not (carried and _is_odd_in_gelf_only(key))):
                    return False
                fields[key.clean] = value
            elif not carried or len(prefix) > _MAX_PREFIX or len(fields) > _MAX_KEYS:
                return False
            elif kind is dict:
                if not self._put(fields, f"{prefix}{name}.", value):
                    return False
            elif value is not None:
                return False
        return True

    def _inner(self, text: str, level: int | None, seconds: float | None) -> Reading | None:
        """Read a text that is a record itself: a service's JSON in that of the journal or of Fluent Bit."""
        try:
            record = msgspec.json.decode(text)
        except (ValueError, RecursionError):
            return None
        inner = None
        if type(record) is dict:
            inner = read_record(record, self._now, self._zone, depth=self._depth + 1, near=self._near)
        if inner is None:
            return None
        host = self._host()
        fields, notes = self._fields()
        return inner._replace(
            level=level if inner.level is None else inner.level,
            seconds=seconds if inner.seconds is None else inner.seconds,
            host=inner.host or host,
            fields={**fields, **inner.fields},
            notes=inner.notes + notes,
        )

    # Each takes its names off

    def _text(self) -> tuple[str, Any] | None:
        """Take the text off; an object that was logged as one is its own text, when a level or a time is with it."""
        rest = self._rest
        for name in _TEXTS:
            value = rest.get(name)
            if isinstance(value, str) and value.strip():
                del rest[name]
                self._is_line = name == "log"
                return scrub(value.rstrip("\r\n")), None
            if isinstance(value, (dict, list)) and value and name in ("message", "msg", "event") and self._is_sure():
                del rest[name]
                return _of_object(value) if isinstance(value, dict) else (_short_json(value), None)
            if value == "" and name in ("message", "msg"):
                del rest[name]
        return None

    def _is_sure(self) -> bool:
        """Whether there is a level or a time by name, so that an object can be a message."""
        return self._carried or any(
            name in self._rest for name in ("level", "severity", "timestamp", "time", "@timestamp", "lvl", "ts")
        )

    def _level(self) -> int | None:
        """Take the level off; one that nobody knows stays a field."""
        for name, value in self._found(self._plan.levels):
            level = self._severity(name, value)
            if level is not None:
                self._is_named = not isinstance(value, (int, float))
                self._drop(name)
                if name in ("level_name", "levelname"):  # Monolog and Python have the number besides
                    for number in ("level", "levelno"):
                        if isinstance(self._rest.get(number), int):
                            del self._rest[number]
                return level
        return None

    def _severity(self, name: str, value: object) -> int | None:
        if isinstance(value, str):
            return severity_of_text(_COLOURS.sub("", value) if "\x1b" in value else value)
        if isinstance(value, bool):
            return None
        if isinstance(value, dict):
            return self._severity(name, value.get("name") or value.get("levelStr"))
        if not isinstance(value, (int, float)):
            return None
        rest = self._rest
        if value in _MONOLOG_LEVELS:
            return _MONOLOG_LEVELS[int(value)]
        if value in _LOGBACK_LEVELS:
            return _LOGBACK_LEVELS[int(value)]
        # Python's loggers, whose numbers mean something else, do not say `time`.
        if name == "level" and 10 <= value < 70 and ("time" in rest or "v" in rest or "hostname" in rest):
            return _NODE_LEVELS[int(value) // 10 * 10]
        return severity_of_number(value)

    def _time(self) -> float | None:
        """Take the time off; what is not a time stays a field."""
        for name, value in self._found(self._plan.times):
            seconds = believable(self._seconds(value), self._now)
            if seconds is not None and not is_far(seconds, self._near):
                self._drop(name)
                return round(seconds, 6)
        return None

    def _seconds(self, value: object) -> float | None:
        if isinstance(value, str):
            return self._seconds_of_text(value.strip())
        if isinstance(value, bool):
            return None
        if isinstance(value, (int, float)):
            return _number_seconds(value)
        if isinstance(value, dict):
            whole = value.get("epochSecond", value.get("seconds"))
            nanos = value.get("nanoOfSecond", value.get("nanos", 0))
            if type(whole) is int and type(nanos) is int and abs(whole) < 1 << 40:
                return whole + nanos / 1e9
            if isinstance(value.get("date"), str):  # PHP's DateTime
                return self._seconds(f"{value['date']} {value.get('timezone', '')}")
            return self._seconds(value.get("$date") or value.get("$numberLong"))
        return None

    def _seconds_of_text(self, text: str) -> float | None:
        usual = usual_seconds(text, self._now, self._zone)
        if usual is not None or len(text) > 64:
            return usual
        stamp = read_stamp(text.lstrip("["), 0, self._now, self._zone)
        if stamp is not None and stamp.seconds is not None:
            return stamp.seconds
        try:
            read = to_seconds(float(text))
        except ValueError:
            return None
        return None if read is None else read[0]

    def _host(self) -> str:
        """Take the host off, where it is the name of one; an access log's is the one that was asked for."""
        rest = self._rest
        for name, value in self._found(self._plan.hosts):
            if isinstance(value, str) and value.strip() and not (self._plan.is_asked and name == "host"):
                self._drop(name)
                return value
        if rest.get("host") in ("", {}):
            del rest["host"]
        return ""

    def _trace(self) -> str:
        """Take a trace off: a text of several lines, a list, or an object."""
        for name, value in self._found(self._plan.traces):
            text = trace_of(value)
            if text:
                self._drop_trace(name, value)
                return text.rstrip("\n")
            if value == "None" and name in self._rest:  # Python's fluent-logger formats records without an exception
                del self._rest[name]
        return ""

    def _drop_trace(self, name: str, value: object) -> None:
        if isinstance(value, dict):  # what else the object says of the error stays
            short = {
                key: each for key, each in value.items() if not isinstance(each, (list, dict)) and not trace_of(each)
            }
            if name in self._rest:
                self._rest[name] = short
                return
        self._drop(name)

    def _rendered(self, trace: str) -> str:
        """Make a text of the fields of a record without one."""
        rest = self._rest
        for name in ("err", "error", "exception"):
            value = rest.get(name)
            inner = value.get("message") if isinstance(value, dict) else value
            if isinstance(inner, str) and inner.strip():
                return inner.partition("\n")[0]
        if trace:
            lines = trace.strip().splitlines()
            return lines[-1] if lines[0].startswith("Traceback") else lines[0]
        request = _request(rest)
        return request or _pairs(rest) or "(a record without a text)"

    # Names, flat and nested

    def _found(self, names: tuple[_Name, ...]) -> list[tuple[str, Any]]:
        """Return the names that have a value, in order."""
        found = []
        for name, way in names:
            value: Any = self._rest
            for part in way or (name,):
                value = value.get(part) if isinstance(value, dict) else None
            if value is not None:
                found.append((name, value))
        return found

    def _drop(self, name: str) -> None:
        """Take a name off; of a nested one, the objects around it are copied, for they are the caller's."""
        rest = self._rest
        if name in rest:
            del rest[name]
            return
        first, *way = name.split(".")
        rest[first] = _dropped(rest[first], way)


def _dropped(value: dict[str, Any], way: list[str]) -> dict[str, Any] | None:
    copy = dict(value)
    if len(way) == 1:
        del copy[way[0]]
    else:
        inner = _dropped(copy[way[0]], way[1:])
        copy[way[0]] = inner
    return {name: each for name, each in copy.items() if each is not None} or None


def _of_object(value: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the text of an object that was logged as one, and what else is in it."""
    for name in ("message", "msg", "text"):
        if isinstance(value.get(name), str) and value[name].strip():
            return value[name], _without(value, name)
    return _short_json(value), value


def _without(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: each for key, each in value.items() if key != name}


def _short_json(value: object) -> str:
    text = encode_json(value).decode()
    return text if len(text) <= _MAX_RENDERED else text[: _MAX_RENDERED - 1] + "\u2026"


def _request(rest: Mapping[str, Any]) -> str:
    """Make the text of an access log's record: the request and its status."""
    request = rest.get("request")
    if not isinstance(request, str) or not request.strip():
        method = next((rest[name] for name in _METHODS if isinstance(rest.get(name), str)), "")
        path = next((rest[name] for name in _PATHS if isinstance(rest.get(name), str)), "")
        if not method or not path:
            return ""
        request = f"{method} {path}"
    status = next((rest[name] for name in _STATUSES if isinstance(rest.get(name), (str, int))), "")
    return f"{request} {status}".strip()[:_MAX_RENDERED]


_METHODS = ("method", "request_method", "RequestMethod", "http_method", "verb")
_PATHS = ("path", "uri", "url", "request_uri", "RequestPath", "requestURI", "http_path")
_STATUSES = ("status", "status_code", "DownstreamStatus", "http_status", "response_code", "statusCode")


_WHO = frozenset(("pid", "v", "name", "hostname", "process_id", "logger"))


def _pairs(rest: Mapping[str, Any]) -> str:
    """Write short fields as pairs; what says who, not what, is left out unless there is nothing else."""
    pairs = []
    for name, value in rest.items():
        if name in _WHO and len(rest) > len(_WHO & rest.keys()):
            continue
        if value is None or isinstance(value, (dict, list)):
            shown = "" if value is None else encode_json(value).decode()
        else:
            shown = str(value)
        if shown and len(shown) <= _MAX_RENDERED_VALUE and "\n" not in shown:
            pairs.append(f"{name}={shown}")
    text = " ".join(pairs)
    return text if len(text) <= _MAX_RENDERED else text[: _MAX_RENDERED - 1] + "\u2026"


_EMPTY: tuple[Any, ...] = (None, {}, [])
_NOWHERE = Batch()
"""Where nothing is put: the receipt of a record that is read for its fields only."""
