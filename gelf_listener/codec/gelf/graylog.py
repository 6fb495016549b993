"""
GELF JSON -> Message as a real Graylog does it: the `graylog` mode, for testing clients.

Follows Graylog's `GelfDecoder` (7.x): what it accepts, rejects, drops and renames, this does too. Rejections say
what Graylog would log; where Graylog loses a message later on (never indexed, dropped as incomplete), that is a
rejection here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable
from typing import Any

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.keys import note
from gelf_listener.codec.gelf.lenient import too_complex
from gelf_listener.codec.gelf.normaliser import MAX_FIELDS, MAX_NOTES
from gelf_listener.codec.gelf.tolerant import MAX_DIGITS, MAX_REPAIR_CHARACTERS
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.scrub import scrub
from gelf_listener.codec.strikes import Strikes
from gelf_listener.errors import Reason, describe
from gelf_listener.message import FieldValue, Message, Peer
from gelf_listener.notes import Deviation, Note

__all__ = ["GraylogGelf"]

_JSON_SPACE = " \t\r\n"
_TRAILING_COMMA = re.compile(r'("(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[{\[][ \t\r\n]*+,)|,(?=[ \t\r\n]*+[}\]])', re.DOTALL)
"""Strings and commas behind an opening bracket stay, in group 1; what matches otherwise is a comma to leave out."""

_NEXT_TOKEN = re.compile(r'[{\["]|-?[0-9]|(?:true|false|null)\b')
_VALID_KEY = re.compile(r"[A-Za-z0-9_.@-]+")
_RESERVED = frozenset(("_id", "_ttl", "_source", "_all", "_index", "_type", "_score"))
_NUMBER_IN_TEXT = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_TRIMMED = "".join(map(chr, range(0x21)))
"""What Java's `String.trim` takes off, which every stored string goes through."""

_BLANK = "".join(c for c in map(chr, range(0x3001)) if c.isspace() and c not in "\x85\xa0\u2007\u202f")
"""White space in Java's sense: no non-breaking spaces."""

_JAVA_DOUBLE = re.compile(
    r"\s*(?P<number>[+-]?(?:NaN|Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)|"
    r"(?P<hex>[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?\d+))[fFdD]?\s*",
    re.ASCII,
)
_MAX_SECONDS = 253402300800.0
"""Year 10000: the index mapping (uuuu-MM-dd) rejects anything later, a ULID anything after year 10889."""
_MAX_DEPTH = 1000
_MAX_RETRIES_A_SECOND = 200
"""Payloads of one sender that are searched for trailing commas, in vain, in a second."""


class _NotJsonError(ValueError):
    """Jackson would refuse this text."""


def _refuse_constant(name: str) -> None:
    raise _NotJsonError(f"non-standard token {name!r}")


def _parse_int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _NotJsonError(f"number longer than {MAX_DIGITS} digits")
    return int(digits)


def _parse_float(digits: str) -> float:
    if len(digits) > MAX_DIGITS:
        raise _NotJsonError(f"number longer than {MAX_DIGITS} characters")
    return float(digits)


_DECODER = json.JSONDecoder(
    strict=False, parse_constant=_refuse_constant, parse_int=_parse_int, parse_float=_parse_float
)


class _Invalid(Exception):
    """Graylog rejects the message."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class GraylogGelf:
    """
    Decodes GELF payloads as Graylog would.

    Guarantee: each payload becomes at most one message or one rejection; fields Graylog drops are in the notes.

    Args:
        input: Name put on messages and rejections.
    """

    def __init__(self, input: str = "") -> None:
        self.input = input
        self._failures = Strikes(_MAX_RETRIES_A_SECOND)

    def decode_all(self, payloads: Iterable[tuple[bytes, Peer | None]], received_at: float, batch: Batch) -> None:
        """Decode inflated payloads; see `LenientGelf.decode_all`."""
        for payload, peer in payloads:
            self._decode(payload, Receipt(self.input, peer, received_at, batch))

    def decode(self, payload: bytes, received_at: float, peer: Peer | None, batch: Batch) -> None:
        """Decode one inflated payload."""
        self._decode(payload, Receipt(self.input, peer, received_at, batch))

    def _decode(self, payload: bytes, receipt: Receipt) -> None:
        try:
            document, notes = _parse(payload, retry=not self._failures.exceeded(receipt.sender, receipt.time))
            message = _Graylog(document, notes, receipt).message(payload)
        except _Invalid as invalid:
            if invalid.reason is Reason.INVALID_JSON:
                self._failures.add(receipt.sender, 1 + len(payload) // 1024)
            receipt.reject(invalid.reason, invalid.detail, payload)
        else:
            receipt.add(message)


def _parse(payload: bytes, *, retry: bool) -> tuple[Any, list[Note]]:
    """
    Read the first JSON value as Jackson does; the rest must start with another value or be absent.

    Args:
        payload: What should be JSON.
        retry: Whether a failure may be due to trailing commas, which Jackson is told to allow.
    """
    if too_complex(payload):
        raise _Invalid(Reason.TOO_COMPLEX, "more brackets and commas than an index could hold")
    notes: list[Note] = []
    text = payload.decode("utf-8", "replace")
    start = len(text) - len(text.lstrip(_JSON_SPACE))
    if start == len(text):
        raise _Invalid(Reason.INVALID_JSON, "JSON is null/could not be parsed (invalid JSON)")
    try:
        try:
            value, end = _DECODER.raw_decode(text, start)
        except ValueError:
            if not retry or len(text) > MAX_REPAIR_CHARACTERS:
                raise
            text = _TRAILING_COMMA.sub(lambda match: match[1] or "", text)
            value, end = _DECODER.raw_decode(text, start)
            notes.append(note(Deviation.TRAILING_COMMA))
    except (ValueError, RecursionError) as error:
        why = "nested too deep" if isinstance(error, RecursionError) else describe(error)
        detail = f"JSON is null/could not be parsed (invalid JSON): {why}"
        raise _Invalid(Reason.INVALID_JSON, detail) from None
    if value is None:
        raise _Invalid(Reason.INVALID_JSON, "JSON is null/could not be parsed (invalid JSON)")
    if _too_deep(value):
        raise _Invalid(Reason.INVALID_JSON, f"nested deeper than {_MAX_DEPTH}")
    rest = text[end:].lstrip(_JSON_SPACE)
    if rest:
        if not _NEXT_TOKEN.match(rest):
            raise _Invalid(Reason.INVALID_JSON, f"illegal character {rest[0]!r} after the JSON value")
        notes.append(note(Deviation.SEVERAL_OBJECTS, "", "Graylog keeps the first only"))
    return value, notes


def _too_deep(value: object) -> bool:
    """Whether a value is nested deeper than Jackson allows, level by level; Python 3.12 and later parse deeper."""
    level = [value]
    for _ in range(_MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            if isinstance(outer, (dict, list))
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return False
    return True


class _Graylog:
    """One document on its way through Graylog's decoder."""

    def __init__(self, document: object, notes: list[Note], receipt: Receipt) -> None:
        self.document: dict[str, Any] = document if isinstance(document, dict) else {}
        self.notes = notes
        self.receipt = receipt
        self.fields: dict[str, FieldValue] = {}

    def _note(self, deviation: Deviation, field: str, detail: str = "") -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes.append(note(deviation, field, detail))

    def message(self, raw: bytes) -> Message:
        """
        Return what Graylog would store.

        Raises:
            _Invalid: If Graylog rejects or loses the message.
        """
        document = self.document
        if len(document) > MAX_FIELDS:
            raise _Invalid(Reason.TOO_COMPLEX, f"{len(document)} fields, more than an index could hold")
        text = self._validate().strip(_TRIMMED)
        if not text:
            raise _Invalid(
                Reason.EMPTY_SHORT_MESSAGE, "nothing is left of the message when trimmed: dropped as incomplete"
            )
        timestamp = self._timestamp()
        level = self._level()
        source = document.get("host")
        set_already = {"message", "timestamp"} | ({"source"} if source is not None else set())
        full_message = self._as_text("full_message")
        if full_message:
            set_already.add("full_message")
        if level is not None:
            set_already.add("level")
        for name in ("facility", "file"):
            value = self._as_text(name)
            if value and value.strip(_TRIMMED):
                self.fields[name] = scrub(value.strip(_TRIMMED))
        line = _as_number(document.get("line"))
        if line is not None and line > -1:
            self.fields["line"] = _as_java_integer(line, 64)
        for key, value in document.items():
            self._field(key, value, set_already)
        if source is None:
            taken = self.fields.pop("source", None)
            source = taken if isinstance(taken, str) else self.receipt.host
            self._note(Deviation.HOST_MISSING, "host")
        source = source.strip(_TRIMMED)
        if not source:
            raise _Invalid(Reason.EMPTY_HOST, "nothing is left of the host when trimmed: dropped as incomplete")
        full_message = full_message and full_message.strip(_TRIMMED)
        if not full_message:
            stored = self.fields.pop("full_message", None)
            full_message = None if stored is None else str(stored)
        if level is None and "level" in self.fields:
            taken_level = self.fields["level"]
            if isinstance(taken_level, int):
                level = taken_level
                del self.fields["level"]
        return self.receipt.message(
            raw,
            timestamp=timestamp,
            host=scrub(source),
            short_message=scrub(text),
            full_message=None if full_message is None else scrub(full_message),
            level=level,
            fields=self._indexed_fields(),
            notes=tuple(self.notes),
        )

    def _validate(self) -> str:
        """Check host and message as `validateGELFMessage` does; return the message's text."""
        document = self.document
        if "host" in document:
            host = document["host"]
            if not isinstance(host, str):
                raise _Invalid(Reason.INVALID_HOST, f'has invalid "host": {_java_text(host)}')
            if not host.strip(_BLANK):
                raise _Invalid(Reason.EMPTY_HOST, 'has empty mandatory "host" field.')
        alias = document.get("message")
        alias_is_text = isinstance(alias, str) and bool(alias.strip(_BLANK))
        if "short_message" in document:
            short_message = document["short_message"]
            if not isinstance(short_message, str):
                detail = f'has invalid "short_message": {_java_text(short_message)}'
                raise _Invalid(Reason.INVALID_SHORT_MESSAGE, detail)
            if not short_message.strip(_BLANK):
                if not alias_is_text:
                    raise _Invalid(Reason.EMPTY_SHORT_MESSAGE, 'has empty mandatory "short_message" field.')
                detail = 'blank "short_message" beside "message": accepted, then dropped as incomplete'
                raise _Invalid(Reason.EMPTY_SHORT_MESSAGE, detail)
            return short_message
        if "message" not in document:
            raise _Invalid(Reason.NO_MESSAGE, 'is missing mandatory "short_message" or "message" field.')
        if not isinstance(alias, str):
            raise _Invalid(Reason.INVALID_SHORT_MESSAGE, f'has invalid "message": {_java_text(alias)}')
        if not alias.strip(_BLANK):
            raise _Invalid(Reason.EMPTY_SHORT_MESSAGE, 'has empty mandatory "message" field.')
        return alias

    def _timestamp(self) -> float:
        value = self.document.get("timestamp")
        seconds: float | None = None
        if isinstance(value, str):
            self._note(Deviation.TIMESTAMP_STRING, "timestamp")
            seconds = _parse_double(value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            seconds = max(-1e300, min(1e300, value))  # an integer may be too large for a float
        elif "timestamp" not in self.document:
            self._note(Deviation.TIMESTAMP_MISSING, "timestamp")
        if seconds is not None and math.isnan(seconds):
            return 0.0  # Math.round(NaN) is 0: 1970
        if seconds is None or seconds <= 0:
            if "timestamp" in self.document:
                self._note(Deviation.TIMESTAMP_INVALID, "timestamp")
            return self.receipt.time
        if seconds >= _MAX_SECONDS:
            detail = f"timestamp {value!r} lies after the year 9999: Graylog would never index the message"
            raise _Invalid(Reason.TIMESTAMP_OUT_OF_RANGE, detail[:500])
        return math.floor(seconds * 1000 + 0.5) / 1000

    def _level(self) -> int | None:
        number = _as_number(self.document.get("level"))
        if number is None:
            return None
        level = _as_java_integer(number, 32)
        if level < 0:
            return None
        if level > 7:
            self._note(Deviation.LEVEL_RANGE, "level")
        return level

    def _as_text(self, name: str) -> str | None:
        """Jackson's asText(): null is "null", containers are empty."""
        if name not in self.document:
            return None
        return _java_text(self.document[name])

    def _field(self, key: str, value: object, set_already: set[str]) -> None:
        if key == "version":
            return
        name = key[1:] if key.startswith("_") and len(key) > 1 else key
        if name in ("short_message", "host"):
            if key != name:
                self._note(Deviation.RESERVED_FIELD, key, "dropped")
            return
        name = name.strip(_TRIMMED)
        if name in set_already or name in self.fields or name in _RESERVED:
            used = ("timestamp", "full_message", "level", "facility", "file", "line")
            if key not in used and not (key == "message" and "short_message" not in self.document):
                self._note(Deviation.FIELD_CONFLICT, key, "dropped")
            return
        stored = self._convert(key, value)
        if stored is None:
            return
        if not _VALID_KEY.fullmatch(name):
            self._note(Deviation.FIELD_NAME, key, "dropped")
            return
        self.fields[name] = stored

    def _convert(self, key: str, value: object) -> FieldValue | None:
        if isinstance(value, bool):
            self._note(Deviation.BOOLEAN, key, "dropped")
            return None
        if value is None:
            return None
        if isinstance(value, int):
            return _wrap(value, 64)
        if isinstance(value, float):
            return value if math.isfinite(value) else str(value)
        text = value if isinstance(value, str) else _compact(value)
        text = scrub(text.strip(_TRIMMED))
        if not text:
            self._note(Deviation.EMPTY_VALUE, key, "dropped")
            return None
        return text

    def _indexed_fields(self) -> dict[str, FieldValue]:
        """Rename as at index time: dots become underscores, and a name that has them already wins."""
        if not any("." in name for name in self.fields):
            return self.fields
        fields = {name: value for name, value in self.fields.items() if "." not in name}
        for name, value in self.fields.items():
            if "." in name:
                renamed = name.replace(".", "_")
                if renamed in fields:
                    self._note(Deviation.FIELD_CONFLICT, name, "dropped")
                else:
                    fields[renamed] = value
                    self._note(Deviation.DOTTED_NAME, name, f"stored as {renamed}")
        return fields


def _compact(value: object) -> str:
    try:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    except (RecursionError, ValueError):
        return "(nested too deep to show)"


def _java_text(value: object) -> str:
    """Jackson's asText()."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return ""
    return str(value)


def _as_number(value: object) -> float | None:
    """Jackson's asInt/asLong for what is no container: booleans are 1 and 0, strings are parsed, else None."""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, (int, float)):
        return value
    if isinstance(value, str):
        text = value.strip(_TRIMMED)
        if len(text) <= 64 and _NUMBER_IN_TEXT.fullmatch(text):
            return float(text) if len(text) > 18 or not text.lstrip("+-").isdigit() else int(text)
    return None


def _as_java_integer(number: float, bits: int) -> int:
    """Narrow as Java does: a double saturates, a long wraps."""
    if isinstance(number, float):
        most = (1 << (bits - 1)) - 1
        return int(number) if abs(number) <= most else (most if number > 0 else -most - 1)
    return _wrap(number, bits)


def _wrap(number: int, bits: int) -> int:
    """Keep the low bits of an integer, as Java's narrowing does."""
    half = 1 << (bits - 1)
    return (number + half) % (1 << bits) - half


def _parse_double(text: str) -> float | None:
    """Java's Double.parseDouble, which takes hexadecimal floats and a type suffix."""
    match = _JAVA_DOUBLE.fullmatch(text) if len(text) <= 400 else None
    if match is None:
        return None
    try:
        number = float.fromhex(match["hex"]) if match["hex"] else float(match["number"])
    except (OverflowError, ValueError):
        return None
    return number if not math.isinf(number) else math.copysign(1e300, number)
