"""
GELF JSON -> Message, leniently: accept what can be understood, lose nothing silently, say so in the notes.

Rules and their sources are in docs/decoding.md. The fast path takes a document that deviates from GELF 1.1 in
nothing but its additional fields: one typed parse checks the known fields and the syntax of the rest, which is
read when somebody asks for it. Everything else goes through `_Normaliser`, key by key.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import itemgetter
from typing import Annotated, Any, NamedTuple

import msgspec

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.strikes import Strikes
from gelf_listener.codec.tolerant import Found, find_values, scrub
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import FieldValue, Message, Peer
from gelf_listener.notes import Deviation, Note

__all__ = ["LEVEL_NAMES", "MAX_FIELDS", "LenientGelf", "severity_of_number", "to_seconds"]

MAX_FIELDS = 10_000
"""Most fields kept of one message; the 2000 of the largest real ones fit, a hash-table bomb does not."""

MAX_STRUCTURE = 1_000_000
"""Most brackets and commas in one payload: parsed, each may cost a hundred times its byte."""

MAX_FAILURES_A_SECOND = 200
"""Payloads of one sender that are looked at closely, in vain, in a second."""

MAX_FLAT_NAME = 255
"""Longest name flattening may build; what would be longer is kept as JSON text, which keeps flattening linear."""

MAX_FLAT_DEPTH = 16

LEVEL_NAMES = {
    "emerg": 0,
    "emergency": 0,
    "panic": 0,
    "alert": 1,
    "crit": 2,
    "critical": 2,
    "fatal": 2,
    "err": 3,
    "error": 3,
    "severe": 3,
    "warn": 4,
    "warning": 4,
    "notice": 5,
    "success": 5,
    "info": 6,
    "information": 6,
    "informational": 6,
    "debug": 7,
    "trace": 7,
    "verbose": 7,
    "fine": 7,
    "finer": 7,
    "finest": 7,
    "silly": 7,
}
"""Severities by the names loggers use: syslog's, Python's, log4j's, java.util.logging's, npm's, loguru's."""

_SECONDS_MIN, _SECONDS_MAX = 1.0, 1e11
_UNITS = ((1e11, 1e14, 1e3, "milliseconds"), (1e14, 1e17, 1e6, "microseconds"), (1e17, 1e20, 1e9, "nanoseconds"))

_KNOWN = frozenset(("version", "host", "short_message", "full_message", "timestamp", "level"))
_ALIASES = _KNOWN | {"source", "message"}
"""Names with a meaning of their own; an additional field of that name gets a trailing underscore."""

_BAD_NAME_CHARACTER = re.compile(r"[^A-Za-z0-9_.@-]")
_MAX_KNOWN_HOSTS = 4096
_MAX_KNOWN_HOST = 255
_MAX_KNOWN_KEY = 200
_MAX_SHAPE_KEYS = 200
_MAX_SHAPE_BYTES = 4096
_I64 = 1 << 63


@lru_cache(maxsize=4096)
def _note(deviation: Deviation, field: str = "", detail: str = "") -> Note:
    """Make a note once: the same client deviates the same way in every message."""
    return Note(deviation, field, detail)


class _Known(msgspec.Struct, gc=False):
    """A document whose known fields are in order; the parser checks them and skips the rest."""

    host: str
    short_message: str
    timestamp: Annotated[float, msgspec.Meta(ge=_SECONDS_MIN, lt=_SECONDS_MAX)]
    level: Annotated[int, msgspec.Meta(ge=0, le=7)] | None = None
    full_message: str | None = None


_FLAT_ONLY = msgspec.json.Decoder(dict[str, str | float | Annotated[int, msgspec.Meta(ge=-_I64, le=_I64 - 1)]])
"""Parses documents whose values need no second look: a parsed string holds no lone surrogates."""

_KNOWN_ONLY = msgspec.json.Decoder(_Known)
"""Parses 415 bytes in 1.4 microseconds, a dict of them takes 2.2 and as much again to keep and free (`make bench`)."""


def severity_of_number(level: float) -> int | None:
    """
    Map a number to a syslog severity.

    0..7 are severities. 8 and above are read as the numbers of Python's logging (10, 20, ... 50), which
    bunyan's and pino's resemble. Anything else is None.
    """
    number = int(level)
    if 0 <= number <= 7:
        return number
    if not 8 <= number <= 100:
        return None
    for most, severity in ((10, 7), (20, 6), (29, 5), (39, 4), (49, 3)):
        if number <= most:
            return severity
    return 2


def to_seconds(value: float) -> tuple[float, str] | None:
    """
    Read a number as a point in time, guessing its unit from its size.

    Returns:
        UTC Unix seconds and the unit's name ("seconds", ...), or None when no unit makes sense (0, negative, huge).
    """
    if _SECONDS_MIN <= value < _SECONDS_MAX:
        return value, "seconds"
    for least, most, factor, unit in _UNITS:
        if least <= value < most:
            return round(value / factor, 6), unit
    return None


class LenientGelf:
    """
    Decodes GELF payloads in the `lenient` mode.

    Guarantee: every object in a payload becomes either one message or one rejection in the batch.

    Args:
        input: Name put on messages and rejections.
    """

    def __init__(self, input: str = "") -> None:
        self.input = input
        self._failures = Strikes(MAX_FAILURES_A_SECOND)
        self._hosts: set[str] = set()
        """Hosts seen before that are not blank: one look-up instead of three checks."""

    def decode_all(self, payloads: Iterable[tuple[bytes, Peer | None]], received_at: float, batch: Batch) -> None:
        """
        Decode inflated payloads.

        One loop with everything in local names, because it runs once per log line: see `make bench`.

        Args:
            payloads: Bytes and who sent them. Each is one GELF document, or several: newline-delimited,
                concatenated or in an array.
            received_at: UTC Unix seconds.
            batch: Takes the results.
        """
        parse = _KNOWN_ONLY.decode
        input = self.input
        hosts = self._hosts
        append = batch.messages.append
        size = 0
        for payload, peer in payloads:
            try:
                known = parse(payload)
            except (ValueError, RecursionError):
                self._decode_carefully(payload, received_at, peer, batch)
                continue
            host = known.host
            short_message = known.short_message
            if (
                host in hosts
                and short_message >= "!"  # the first character is no space, so the text is not blank
                and (payload.isascii() or _is_utf8(payload))  # the parser does not look into strings it skips
            ):
                append(
                    Message(
                        known.timestamp,
                        host,
                        short_message,
                        known.full_message,
                        known.level,
                        payload,
                        received_at,
                        input,
                        peer,
                        10 not in payload,  # a newline
                        read_fields,
                    )
                )
                size += len(payload)
                continue
            if host.strip() and len(host) <= _MAX_KNOWN_HOST:
                if len(hosts) >= _MAX_KNOWN_HOSTS:
                    hosts.clear()
                hosts.add(host)
            self._decode_carefully(payload, received_at, peer, batch)
        batch.size += size

    def decode(self, payload: bytes, received_at: float, peer: Peer | None, batch: Batch) -> None:
        """Decode one payload; see `decode_all`."""
        self.decode_all(((payload, peer),), received_at, batch)

    def _decode_carefully(self, payload: bytes, received_at: float, peer: Peer | None, batch: Batch) -> None:
        """Decode what the fast path does not take."""
        if _too_complex(payload):
            detail = f"more than {MAX_STRUCTURE} brackets and commas"
            self._reject(batch, Reason.TOO_COMPLEX, detail, payload, received_at, peer)
            return
        try:
            document = msgspec.json.decode(payload)
        except (ValueError, RecursionError):
            document = None
        if type(document) is dict:
            self._decode_document(document, payload, (), received_at, peer, batch)
        else:
            self._decode_tolerantly(payload, received_at, peer, batch)

    def _decode_tolerantly(self, payload: bytes, received_at: float, peer: Peer | None, batch: Batch) -> None:
        """Decode what the strict parser refused, or what is no single object."""
        sender = "" if peer is None else peer.host
        if self._failures.exceeded(sender, received_at):
            detail = f"no JSON; not looked at closely, because this sender sent more than {MAX_FAILURES_A_SECOND} such"
            self._reject(batch, Reason.INVALID_JSON, detail, payload, received_at, peer)
            return
        rejected = len(batch.rejected)
        self._decode_values(find_values(payload), payload, received_at, peer, batch)
        self._failures.add(sender, len(batch.rejected) - rejected)

    def _decode_values(
        self, values: list[Found], payload: bytes, received_at: float, peer: Peer | None, batch: Batch
    ) -> None:
        if not values:
            detail = "nothing but white space and NULs" if payload else "no bytes at all"
            self._reject(batch, Reason.EMPTY_PAYLOAD, detail, payload, received_at, peer)
        several = (_note(Deviation.SEVERAL_OBJECTS),) if len(values) > 1 else ()
        for found in values:
            raw = found.text.encode("utf-8", "replace")
            if found.error is not None:
                self._reject(batch, Reason.INVALID_JSON, found.error, raw, received_at, peer)
            elif type(found.value) is not dict:
                detail = f"JSON, but not an object: {type(found.value).__name__}"
                self._reject(batch, Reason.NOT_AN_OBJECT, detail, raw, received_at, peer)
            else:
                self._decode_document(found.value, raw, several + found.notes, received_at, peer, batch)

    def _decode_document(
        self,
        document: dict[str, Any],
        raw: bytes,
        notes: tuple[Note, ...],
        received_at: float,
        peer: Peer | None,
        batch: Batch,
    ) -> None:
        """Normalise one document and file the result."""
        message = _Normaliser(document, notes, received_at, peer).message(raw, self.input)
        if message is None:
            detail = "no short_message, message or full_message with any text"
            self._reject(batch, Reason.NO_MESSAGE, detail, raw, received_at, peer)
            return
        batch.messages.append(message)
        batch.size += len(raw)

    def _reject(
        self, batch: Batch, reason: Reason, detail: str, payload: bytes, received_at: float, peer: Peer | None
    ) -> None:
        rejected = Rejected(reason, detail, payload, peer=peer, input=self.input, received_at=received_at)
        batch.rejected.append(rejected)


def _is_utf8(payload: bytes) -> bool:
    try:
        payload.decode()
    except UnicodeDecodeError:
        return False
    return True


def _too_complex(payload: bytes) -> bool:
    """Whether parsing would cost memory out of all proportion; small payloads cannot."""
    if len(payload) <= 2 * MAX_STRUCTURE:
        return False
    return payload.count(b",") + payload.count(b"[") + payload.count(b"{") > MAX_STRUCTURE


def read_fields(payload: bytes) -> tuple[dict[str, FieldValue], tuple[Note, ...]]:
    """
    Read the additional fields of a payload whose known fields are in order.

    Returns:
        The fields, and the notes on them.
    """
    if _too_complex(payload):
        return {}, (_note(Deviation.TOO_MANY_FIELDS),)
    try:
        flat = _FLAT_ONLY.decode(payload)
    except (ValueError, RecursionError):
        flat = {}
    shape = _shape(tuple(flat)) if 0 < len(flat) <= _MAX_SHAPE_KEYS else None
    if shape is not None:
        notes = shape.notes
        if flat.get("version") != "1.1":
            notes = (_note(Deviation.VERSION, "version", "" if "version" in flat else "missing"), *notes)
        return dict(zip(shape.names, shape.pick(flat), strict=True)), notes
    try:
        document = msgspec.json.decode(payload)
    except (ValueError, RecursionError):  # a number out of range, which the fast path skips over
        document = find_values(payload)[0].value
    normaliser = _Normaliser(document, (), 0.0, None)
    normaliser.note_version()
    normaliser.read_fields()
    return normaliser.fields, tuple(normaliser.notes)


def _text(value: object) -> str:
    """Write a JSON value as text: strings as they are, everything else as JSON."""
    if isinstance(value, str):
        return scrub(value)
    try:
        return msgspec.json.encode(value).decode()
    except (ValueError, RecursionError):
        return _text_of_odd(value)


def _text_of_odd(value: object) -> str:
    """Write what msgspec refuses: lone surrogates, deep nesting."""
    import json  # noqa: PLC0415  (rarely needed)

    try:
        return scrub(json.dumps(value, ensure_ascii=False))
    except (RecursionError, ValueError):
        return "(nested too deep to show; see the raw payload)"


class _Key(NamedTuple):
    """
    What a key of an additional field becomes.

    Attributes:
        bare: Without the leading underscore.
        clean: The name it is stored under.
        notes: How it deviates.
    """

    bare: str
    clean: str
    notes: tuple[Note, ...]


def _read_key(key: str) -> _Key:
    """Make a clean name of a key."""
    shown = scrub(key[:_MAX_KNOWN_KEY])
    notes = []
    bare = key
    if key.startswith("_") and len(key) > 1:
        bare = key[1:]
    elif key != "_":
        notes.append(Note(Deviation.NO_UNDERSCORE, shown))
    clean = _BAD_NAME_CHARACTER.sub("_", bare) or "_"
    if clean != bare:
        notes.append(Note(Deviation.FIELD_NAME, shown, f"kept as {clean[:_MAX_KNOWN_KEY]}"))
    if clean in _ALIASES:
        clean += "_"
        notes.append(Note(Deviation.RESERVED_FIELD, shown, f"kept as {clean}"))
    elif clean == "id":
        notes.append(Note(Deviation.RESERVED_FIELD, shown))
    if "." in clean:
        notes.append(Note(Deviation.DOTTED_NAME, shown))
    return _Key(bare, clean, tuple(notes))


_known_key = lru_cache(maxsize=4096)(_read_key)
"""`_read_key` with a memory: a service sends the same keys in every message."""


class _Shape(NamedTuple):
    """
    What documents with the same keys have in common.

    Attributes:
        pick: Gives the values of the additional fields, in order.
        names: What they are stored under.
        notes: How their keys deviate.
    """

    pick: Callable[[dict[str, Any]], tuple[Any, ...]]
    names: tuple[str, ...]
    notes: tuple[Note, ...]


@lru_cache(maxsize=1024)
def _shape(keys: tuple[str, ...]) -> _Shape | None:
    """Look at a document's keys once; None when its fields have to be looked at one by one."""
    additional = [key for key in keys if key not in _KNOWN]
    if sum(map(len, keys)) > _MAX_SHAPE_BYTES or len(additional) < 2:
        return None
    read = [_read_key(key) for key in additional]
    names = tuple(key.clean for key in read)
    if len(set(names)) < len(names):
        return None
    notes = tuple(note for key in read for note in key.notes)
    return _Shape(itemgetter(*additional), names, notes)


class _Normaliser:
    """One document on its way to a message: known fields first, then the additional ones in order."""

    def __init__(
        self, document: dict[str, Any], notes: tuple[Note, ...], received_at: float, peer: Peer | None
    ) -> None:
        self.document = document
        self.notes = list(notes)
        self.received_at = received_at
        self.peer = peer
        self.fields: dict[str, FieldValue] = {}
        self.used: set[str] = set(_KNOWN)
        """Keys of the document that are dealt with."""
        self._suffixes: dict[str, int] = {}

    def message(self, raw: bytes, input: str) -> Message | None:
        """Return the message, or None when the document has none."""
        self.note_version()
        host = self._host()
        short_message, full_message = self._texts()
        if short_message is None:
            return None
        timestamp = self._timestamp()
        level = self._level()
        self.read_fields()
        return Message(
            timestamp,
            host,
            short_message,
            full_message,
            level,
            raw,
            self.received_at,
            input,
            self.peer,
            _fields=self.fields,
            _notes=tuple(self.notes),
        )

    def note_version(self) -> None:
        """Note a version other than 1.1; nothing is made of it."""
        if self.document.get("version") != "1.1":
            self._add_note(Deviation.VERSION, "version", "" if "version" in self.document else "missing")

    def read_fields(self) -> None:
        """Normalise the additional fields."""
        fields, used = self.fields, self.used
        for key, value in self.document.items():
            if key in used:
                continue
            if len(fields) >= MAX_FIELDS:
                self.notes.append(_note(Deviation.TOO_MANY_FIELDS))
                break
            if len(key) <= _MAX_KNOWN_KEY:
                bare, clean, notes = _known_key(key)
            else:
                bare, clean, notes = _read_key(key)
            kind = type(value)
            if clean not in fields and (
                (kind is str and value.isascii()) or (kind is int and -_I64 <= value < _I64) or kind is bool
            ):
                fields[clean] = value  # what nearly all values are
                self.notes += notes
                if kind is bool:
                    self.notes.append(_note(Deviation.BOOLEAN, key))
            elif value is None:
                self.notes.append(_note(Deviation.NULL, key))
            elif kind is dict and value:
                self._add_note(Deviation.OBJECT, key)
                self._flatten(bare, value, 1)
            else:
                self.notes += notes
                self._value(key, clean, value)

    def _add_note(self, deviation: Deviation, field: str = "", detail: str = "") -> None:
        if len(field) + len(detail) > 200:
            self.notes.append(Note(deviation, field[:200], detail[:200]))
        else:
            self.notes.append(_note(deviation, scrub(field), scrub(detail)))

    # Known fields

    def _host(self) -> str:
        document = self.document
        host = document.get("host")
        if isinstance(host, str) and host.strip():
            return self._clean("host", host)
        if host is not None or "host" in document:
            self._add_note(Deviation.HOST_INVALID, "host")
            if host is not None and host != "":
                self._store("original_host", _text(host))
        else:
            for alias in ("_source", "source"):
                source = document.get(alias)
                if isinstance(source, str) and source.strip():
                    self.used.add(alias)
                    self._add_note(Deviation.HOST_MISSING, "host", f"{alias} is used")
                    return self._clean(alias, source)
            self._add_note(Deviation.HOST_MISSING, "host")
        return self.peer.host if self.peer is not None else "unknown"

    def _texts(self) -> tuple[str | None, str | None]:
        """Return short_message and full_message."""
        document = self.document
        full_message = document.get("full_message")
        if full_message is not None and not isinstance(full_message, str):
            self._add_note(Deviation.FULL_MESSAGE_TYPE, "full_message", "its JSON text is used")
            full_message = _text(full_message)
        elif full_message is not None:
            full_message = self._clean("full_message", full_message)
        elif "full_message" in document:
            self._add_note(Deviation.FULL_MESSAGE_TYPE, "full_message", "null, left out")
        short_message = document.get("short_message")
        if isinstance(short_message, str) and short_message.strip():
            return self._clean("short_message", short_message), full_message
        if short_message is not None and not isinstance(short_message, str):
            self._add_note(Deviation.SHORT_MESSAGE_TYPE, "short_message")
            return _text(short_message), full_message
        alias = document.get("message")
        if isinstance(alias, str) and (alias.strip() or short_message is None):
            self.used.add("message")
            self._add_note(Deviation.MESSAGE_ALIAS, "message")
            if not alias.strip():
                self._add_note(Deviation.SHORT_MESSAGE_BLANK, "message")
            return self._clean("message", alias), full_message
        if short_message is not None:
            self._add_note(Deviation.SHORT_MESSAGE_BLANK, "short_message")
            return scrub(short_message), full_message
        if alias is not None:
            self.used.add("message")
            self._add_note(Deviation.MESSAGE_ALIAS, "message")
            self._add_note(Deviation.SHORT_MESSAGE_TYPE, "message")
            return _text(alias), full_message
        if full_message is not None and full_message.strip():
            self._add_note(Deviation.MESSAGE_ALIAS, "full_message", "its first line is used")
            return full_message.strip().partition("\n")[0].rstrip(), full_message
        return None, full_message

    def _timestamp(self) -> float:
        if "timestamp" not in self.document:
            self._add_note(Deviation.TIMESTAMP_MISSING, "timestamp")
            return self.received_at
        original = value = self.document["timestamp"]
        if isinstance(value, str):
            self._add_note(Deviation.TIMESTAMP_STRING, "timestamp")
            value = _parse_time(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            read = to_seconds(value)
            if read is not None:
                seconds, unit = read
                if unit != "seconds":
                    self._add_note(Deviation.TIMESTAMP_UNIT, "timestamp", f"it was in {unit}")
                return float(seconds)
        self._add_note(Deviation.TIMESTAMP_INVALID, "timestamp")
        if original is not None:
            self._store("original_timestamp", _text(original))
        return self.received_at

    def _level(self) -> int | None:
        value = self.document.get("level")
        if value is None:
            if "level" in self.document:
                self._add_note(Deviation.NULL, "level")
            return None
        level: int | None = None
        if isinstance(value, str):
            self._add_note(Deviation.LEVEL_STRING, "level")
            level = _level_of_text(value)
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            self._add_note(Deviation.LEVEL_TYPE, "level")
        elif abs(value) < 1e9:  # also no NaN, and integers too large for a float do not raise
            level = severity_of_number(value)
        if level is None or level != value:
            if isinstance(value, (int, float)) and not isinstance(value, bool):
                self._add_note(Deviation.LEVEL_RANGE, "level", "" if level is None else f"read as {level}")
            self._store("original_level", value if isinstance(value, (int, str)) else _text(value))
        return level

    # Additional fields

    def _flatten(self, prefix: str, value: dict[str, Any], depth: int) -> None:
        for key, inner in value.items():
            name = f"{prefix}.{key}"
            if len(self.fields) >= MAX_FIELDS:
                self._add_note(Deviation.TOO_MANY_FIELDS, scrub(prefix))
                return
            if len(name) > MAX_FLAT_NAME:
                # One such name and the object stays whole: names may not grow with the square of the payload.
                self._flat_value(prefix, _text(value))
                return
            if isinstance(inner, dict) and inner and depth < MAX_FLAT_DEPTH:
                self._flatten(name, inner, depth + 1)
            elif inner is not None:
                self._flat_value(name, inner)

    def _flat_value(self, name: str, value: object) -> None:
        _, clean, notes = _read_key("_" + name)
        self.notes += notes
        self._value(name, clean, value)

    def _value(self, key: str, name: str, value: object) -> None:
        """Store one value under a clean name."""
        kind = type(value)
        if kind is str:
            self._store_named(key, name, self._clean(key, value))  # type: ignore[arg-type]
        elif kind is bool:
            self._add_note(Deviation.BOOLEAN, key)
            self._store_named(key, name, value)  # type: ignore[arg-type]
        elif kind is int:
            if not -_I64 <= value < _I64:  # type: ignore[operator]
                self._add_note(Deviation.BIG_INTEGER, key)
            self._store_named(key, name, value)  # type: ignore[arg-type]
        elif kind is float:
            if not math.isfinite(value):  # type: ignore[arg-type]
                self._add_note(Deviation.NOT_A_NUMBER, key)
                self._store_named(key, name, _spell_float(value))  # type: ignore[arg-type]
            else:
                self._store_named(key, name, value)  # type: ignore[arg-type]
        else:
            self._add_note(Deviation.ARRAY if kind is list else Deviation.OBJECT, key)
            self._store_named(key, name, _text(value))

    def _store_named(self, key: str, name: str, value: FieldValue) -> None:
        """Store a value under a clean name; a second one of that name gets a number."""
        stored = self._store(name, value)
        if stored != name:
            self._add_note(Deviation.FIELD_CONFLICT, key, f"kept as {stored}")

    def _store(self, name: str, value: FieldValue) -> str:
        """Put a value under a name, or under the name and a number when it is taken; return what it became."""
        stored = name
        while stored in self.fields:
            number = self._suffixes.get(name, 1) + 1
            self._suffixes[name] = number
            stored = f"{name}_{number}"
        self.fields[stored] = value
        return stored

    def _clean(self, key: str, text: str) -> str:
        """Replace lone surrogates, with a note."""
        if text.isascii():
            return text
        cleaned = scrub(text)
        if cleaned != text:
            self._add_note(Deviation.LONE_SURROGATE, key)
        return cleaned


def _spell_float(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _level_of_text(text: str) -> int | None:
    text = text.strip()
    try:
        number = float(text)
    except ValueError:
        return LEVEL_NAMES.get(text.lower())
    return severity_of_number(number) if abs(number) < 1e9 else None


def _parse_time(text: str) -> float | None:
    """Read a time that came as text: a number in any unit, or ISO 8601 (without offset: UTC)."""
    text = text.strip()
    if len(text) > 64:
        return None
    try:
        return float(text)
    except ValueError:
        pass
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=dt.UTC)
    try:
        return round(moment.timestamp(), 6)
    except (OverflowError, ValueError):
        return None
