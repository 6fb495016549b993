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
from typing import Any

import msgspec

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.keys import note, read_key
from gelf_listener.codec.gelf.normaliser import Normaliser
from gelf_listener.codec.levels import LEVEL_LETTERS, severity_of_number, severity_of_text
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.scrub import encode_json, scrub
from gelf_listener.codec.text.pairs import OF_A_REQUEST
from gelf_listener.codec.text.plain import read_header
from gelf_listener.codec.text.reading import Reading
from gelf_listener.codec.text.record_plans import (
    I64,
    MAX_KEYS,
    MAX_PREFIX,
    NODE_LEVELS,
    TEXTS,
    Name,
    Plan,
    flatten,
    is_far,
    notes_when_carried,
    number_seconds,
    plan_of,
    text_of_list,
)
from gelf_listener.codec.text.stamps import believable, read_stamp, usual_seconds
from gelf_listener.codec.text.trace_objects import trace_of
from gelf_listener.codec.times import to_seconds
from gelf_listener.message import FieldValue
from gelf_listener.notes import Deviation, Note

_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TYPES = frozenset(("fatal", "critical", "error", "warn", "warning", "info", "debug"))
"""Types of records that are levels."""
_LETTERS = frozenset("EWIDFTV")
"""Levels of one letter, as glog and Android have them; others are grades."""
_CLOCK = re.compile(r"\d\d:\d\d:\d\d(?:\.\d{1,9})?")
_OF_ERRORS = frozenset(("err", "error", "exception", "cause", "reason"))
"""Objects whose message is not that of the record around them."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_MAX_RENDERED = 200
_MAX_RENDERED_VALUE = 80
_MAX_DEPTH = 3
_MONOLOG_LEVELS = {100: 7, 200: 6, 250: 5, 300: 4, 400: 3, 500: 2, 550: 1, 600: 0}
_LOGBACK_LEVELS = {5000: 7, 10000: 7, 20000: 6, 30000: 4, 40000: 3, 50000: 2}

_TEXT_WITHIN = note(Deviation.GUESSED, "short_message", "there is no text; this is that of an object within")
_TEXT_MADE = note(Deviation.GUESSED, "short_message", "there is no text; this is made of the fields")


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
    plan = plan_of(record)
    for shape in plan.shapes:
        flat = shape.flatten(record)
        if flat is not None:
            record, plan = flat, plan_of(flat)
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
    if not flatten(record, "", flat):
        return None
    usual = plan_of(flat).usual
    return None if usual is None else usual.read(flat, now, zone, near, carried=True)


class _Reader:
    """Takes what is known off a record; what is left are its fields."""

    def __init__(
        self,
        rest: dict[str, Any],
        plan: Plan,
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
            self._plan = plan_of(rest)
        level = self._level()
        seconds = self._time()
        if level is None and self._is_line and text is not None:
            level = read_header(text, self._now, self._zone).level
        is_sure = self._carried or (level is not None and self._is_named)
        if text is None and seconds is None and not is_sure and not (self._line and rest.keys() >= OF_A_REQUEST):
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
            within = "" if self._line else self._text_within()
            text = self._line or within or self._rendered(trace)
            if not self._line:
                self._notes.append(_TEXT_WITHIN if within else _TEXT_MADE)
        fields, notes = self._fields()
        return Reading(text, trace or None, level, seconds, host, fields, tuple(self._notes) + notes)

    def _fields(self) -> tuple[dict[str, FieldValue], tuple[Note, ...]]:
        """Return what is left as fields; what is empty says nothing."""
        plain = self._plain_fields() if self._strict else None
        if plain is not None:
            return plain
        document = {f"_{name}": value for name, value in self._rest.items() if value not in _EMPTY}
        normaliser = Normaliser(document, (), Receipt("", None, self._now, _NOWHERE), strict=self._strict)
        normaliser.read_fields()
        return normaliser.fields, tuple(normaliser.notes)

    def _plain_fields(self) -> tuple[dict[str, FieldValue], tuple[Note, ...]] | None:
        """Return what nearly all are, without a normaliser (see `make bench`, stdin); None when one needs it."""
        fields: dict[str, FieldValue] = {}
        notes: list[Note] = []
        return (fields, tuple(notes)) if self._put(fields, notes, "", self._rest) else None

    def _put(self, fields: dict[str, FieldValue], notes: list[Note], prefix: str, values: Mapping[str, Any]) -> bool:
        """Put values among the fields; what is carried may be nested and have dots. False: a normaliser has to look."""
        carried = self._carried
        for name, value in values.items():
            kind = type(value)
            if kind is str or kind is float or (kind is int and -I64 <= value < I64) or (kind is bool and carried):
                key = read_key(f"_{prefix}{name}")
                if key.clean in fields:
                    return False
                if key.notes:
                    notes += notes_when_carried(key) if carried else key.notes
                fields[key.clean] = value
            elif not carried or len(prefix) > MAX_PREFIX or len(fields) > MAX_KEYS:
                return False
            elif kind is list and value:
                key = read_key(f"_{prefix}{name}")
                text = text_of_list(value)
                if text is None or key.clean in fields:
                    return False
                notes += notes_when_carried(key)
                fields[key.clean] = text
            elif kind is dict:
                if not self._put(fields, notes, f"{prefix}{name}.", value):
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
        for name in TEXTS:
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

    def _text_within(self) -> str:
        """Return the text of the only object in a record that has one, errors apart: ``properties``, ``logEvent``."""
        texts = []
        for name, value in self._rest.items():
            if isinstance(value, dict) and name not in _OF_ERRORS:
                text = next((value[each] for each in ("message", "msg") if isinstance(value.get(each), str)), "")
                texts += [text] if text.strip() else []
        return scrub(texts[0].rstrip("\r\n")) if len(texts) == 1 else ""

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
        kind = self._rest.get("type")  # of Ruby's and others' own formats; elsewhere it is anything's
        if isinstance(kind, str) and kind.lower() in _TYPES:
            self._is_named = True
            return severity_of_text(kind)
        return None

    def _severity(self, name: str, value: object) -> int | None:
        if isinstance(value, str):
            if value in _LETTERS:
                return LEVEL_LETTERS[value]
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
            return NODE_LEVELS[int(value) // 10 * 10]
        return severity_of_number(value)

    def _time(self) -> float | None:
        """Take the time off; what is not a time stays a field."""
        if len(self._plan.times) > 1:
            seconds = self._date_and_time()
            if seconds is not None:
                return seconds
        for name, value in self._found(self._plan.times):
            seconds = believable(self._seconds(value), self._now)
            if seconds is not None and not is_far(seconds, self._near):
                self._drop(name)
                return round(seconds, 6)
        return None

    def _date_and_time(self) -> float | None:
        """Read a date and a time of day that are apart, as Fortinet and CloudFront write them; both stay fields."""
        date, time = self._rest.get("date"), self._rest.get("time")
        if not (isinstance(date, str) and isinstance(time, str) and _DATE.fullmatch(date) and _CLOCK.fullmatch(time)):
            return None
        zones = (self._rest.get("tz"), self._rest.get("timezone"))
        zone = next((f" {each}" for each in zones if isinstance(each, str) and each), "")
        seconds = believable(self._seconds_of_text(f"{date} {time}{zone}"), self._now)
        return None if is_far(seconds, self._near) else seconds

    def _seconds(self, value: object) -> float | None:
        if isinstance(value, str):
            return self._seconds_of_text(value.strip())
        if isinstance(value, bool):
            return None
        if isinstance(value, (int, float)):
            return number_seconds(value)
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
        thrown, said = rest.get("exception.class"), rest.get("exception.message")
        if isinstance(said, str) and said.strip():
            return f"{thrown}: {said}".partition("\n")[0] if isinstance(thrown, str) else said.partition("\n")[0]
        lines = trace.strip().splitlines()
        if lines:
            return lines[-1] if lines[0].startswith("Traceback") else lines[0]
        request = _request(rest)
        return request or _pairs(rest) or "(a record without a text)"

    # Names, flat and nested

    def _found(self, names: tuple[Name, ...]) -> list[tuple[str, Any]]:
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
