"""
GELF JSON -> Message as a real Graylog does it: the `graylog` mode, for testing clients.

Follows Graylog's `GelfDecoder` (7.x): what it accepts, rejects, drops and renames, this does too. Rejections say
what Graylog would log; where Graylog loses a message later on (never indexed, dropped as incomplete), that is a
rejection here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.jackson import NotJacksonError, as_text, compact, decode_utf8, parse
from gelf_listener.codec.gelf.keys import note
from gelf_listener.codec.gelf.lenient import too_complex
from gelf_listener.codec.gelf.normaliser import MAX_FIELDS, MAX_NOTES
from gelf_listener.codec.graylog_index import Conflict, GraylogIndex
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.scrub import scrub
from gelf_listener.codec.strikes import Strikes
from gelf_listener.errors import Reason, describe
from gelf_listener.message import FieldValue, Message, Peer
from gelf_listener.notes import Deviation, Note

TypeConflicts = Literal["note", "reject"]
"""What becomes of a message that the index would lose because of those before it."""

_VALID_KEY = re.compile(r"[A-Za-z0-9_.@-]*")
_RESERVED = frozenset(("_id", "_ttl", "_source", "_all", "_index", "_type", "_score"))
_SERVERS = frozenset(
    (
        *("streams", "gl2_source_input", "gl2_source_node", "gl2_remote_ip", "gl2_remote_port", "gl2_message_id"),
        *("gl2_receive_timestamp", "gl2_processing_timestamp", "gl2_processing_duration_ms"),
        *("gl2_accounted_message_size", "gl2_input_message_size"),
    )
)
"""What the server itself writes into every message, over whatever the client sent."""

_ALWAYS_NUMBERS = frozenset(("level", "line"))
"""Fields that are numbers in every index that anybody uses: a text in them loses the message, whatever came before."""

_DIGITS = re.compile(r"-?[0-9]+")
_TRIMMED = "".join(map(chr, range(0x21)))
"""What Java's `String.trim` takes off, which every stored string goes through."""

_BLANK = "".join(c for c in map(chr, range(0x3001)) if c.isspace() and c not in "\x85\xa0\u2007\u202f")
"""White space in Java's sense: no non-breaking spaces."""

_JAVA_DOUBLE = re.compile(
    r"\s*(?:(?P<number>[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[fFdD]?|(?P<word>[+-]?(?:NaN|Infinity))|"
    r"(?P<hex>[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?\d+)[fFdD]?)\s*",
    re.ASCII,
)
_MAX_MILLISECONDS = 253402300800000
"""Year 10000: the index mapping (uuuu-MM-dd) rejects anything later, a ULID anything after year 10889."""
_MAX_RETRIES_A_SECOND = 200
"""Payloads of one sender that are searched for trailing commas, in vain, in a second."""


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
        type_conflicts: Whether a value that does not fit those before it is noted, or loses its message as in an index.
        on_conflict: Told of each such value.
        index: What messages before have made of fields; an empty one by default.
    """

    def __init__(
        self,
        input: str = "",
        type_conflicts: TypeConflicts = "note",
        on_conflict: Callable[[Conflict], None] | None = None,
        index: GraylogIndex | None = None,
    ) -> None:
        self.input = input
        self._on_conflict = on_conflict
        self._failures = Strikes(_MAX_RETRIES_A_SECOND)
        self._index = GraylogIndex() if index is None else index
        self._strict = type_conflicts == "reject"

    def decode_all(
        self,
        payloads: Iterable[tuple[bytes, Peer | None]],
        received_at: float,
        batch: Batch,
        most: int | None = None,  # noqa: ARG002  (a payload is one document)
    ) -> None:
        """Decode inflated payloads; see `LenientGelf.decode_all`."""
        for payload, peer in payloads:
            self._decode(payload, Receipt(self.input, peer, received_at, batch))

    def decode(self, payload: bytes, received_at: float, peer: Peer | None, batch: Batch) -> None:
        """Decode one inflated payload."""
        self._decode(payload, Receipt(self.input, peer, received_at, batch))

    def decode_in_steps(self, payload: bytes, received_at: float, peer: Peer | None, batch: Batch) -> Iterator[None]:
        """Decode one inflated payload, which is one step."""
        self.decode(payload, received_at, peer, batch)
        return iter(())

    def _decode(self, payload: bytes, receipt: Receipt) -> None:
        try:
            document, notes = _parse(payload, retry=not self._failures.exceeded(receipt.sender, receipt.time))
            message = _Graylog(document, notes, receipt, self).message(payload)
        except _Invalid as invalid:
            if invalid.reason is Reason.INVALID_JSON:
                self._failures.add(receipt.sender, 1 + len(payload) // 1024)
            receipt.reject(invalid.reason, invalid.detail, payload)
        else:
            receipt.add(message)

    def index(self, fields: dict[str, FieldValue], host: str) -> Sequence[Conflict]:
        """
        Do with a message what the index does.

        Args:
            fields: What is stored beside host, message and timestamp.
            host: Who sent it.

        Returns:
            Values that do not fit those before them, where that does not reject the message.

        Raises:
            _Invalid: If the message is lost there.
        """
        refusal, conflicts = self._index.take(fields, host)
        for conflict in conflicts:
            if self._on_conflict is not None:
                self._on_conflict(conflict)
        if refusal:
            raise _Invalid(Reason.REFUSED_BY_INDEX, f"{refusal}: the index would refuse the message"[:500])
        for conflict in conflicts:
            if self._strict or conflict.field in _ALWAYS_NUMBERS:
                raise _Invalid(Reason.REFUSED_BY_INDEX, str(conflict)[:500])
        return conflicts


def _parse(payload: bytes, *, retry: bool) -> tuple[Any, list[Note]]:
    """Read the first JSON value as Jackson does; see `jackson.parse`."""
    if too_complex(payload):
        raise _Invalid(Reason.TOO_COMPLEX, "more brackets and commas than an index could hold")
    try:
        parsed = parse(decode_utf8(payload), retry=retry)
    except NotJacksonError as error:
        detail = f"JSON is null/could not be parsed (invalid JSON): {describe(error)}"
        raise _Invalid(Reason.INVALID_JSON, detail) from None
    if parsed.value is None:
        raise _Invalid(Reason.INVALID_JSON, "JSON is null/could not be parsed (invalid JSON)")
    notes = [note(Deviation.TRAILING_COMMA)] if parsed.trailing_comma else []
    if parsed.followed:
        notes.append(note(Deviation.SEVERAL_OBJECTS, "", "Graylog keeps the first only"))
    return parsed.value, notes


class _Graylog:
    """One document on its way through Graylog's decoder."""

    def __init__(self, document: object, notes: list[Note], receipt: Receipt, gelf: GraylogGelf) -> None:
        self.document: dict[str, Any] = document if isinstance(document, dict) else {}
        self.notes = notes
        self.receipt = receipt
        self.gelf = gelf
        self.fields: dict[str, FieldValue] = {}

    def note(self, deviation: Deviation, field: str, detail: str = "") -> None:
        """Note a deviation."""
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
        text = self._validate()
        timestamp = self._timestamp()
        level = self._level()
        source = document.get("host")
        full_message = self._as_text("full_message")
        self._additional_fields(source, full_message, level)
        text = self._replaced("message", Reason.INVALID_SHORT_MESSAGE) or text.strip(_TRIMMED)
        if not text:
            raise _Invalid(
                Reason.EMPTY_SHORT_MESSAGE, "nothing is left of the message when trimmed: dropped as incomplete"
            )
        source = self._replaced("source", Reason.INVALID_HOST) or (source or "").strip(_TRIMMED)
        if not source:
            self.note(Deviation.HOST_MISSING, "host")
            source = self.receipt.host
        if self.fields.pop("timestamp", None) is not None:
            self.note(Deviation.TIMESTAMP_INVALID, "timestamp")
            timestamp = self.receipt.time
        stored = self.fields.pop("full_message", None)
        full_message = (full_message or "").strip(_TRIMMED) or None if stored is None else as_text(stored)
        if "level" in self.fields:
            taken = self.fields["level"]
            level = self.fields.pop("level") if isinstance(taken, int) else None  # type: ignore[assignment]
        fields = self._indexed_fields()
        for conflict in self.gelf.index(fields if level is None else fields | {"level": level}, source):
            self.note(Deviation.TYPE_CONFLICT, conflict.field, str(conflict))
        return self.receipt.message(
            raw,
            timestamp=timestamp,
            host=scrub(source),
            short_message=scrub(text),
            full_message=None if full_message is None else scrub(full_message),
            level=level,
            fields=fields,
            notes=tuple(self.notes),
        )

    def _additional_fields(self, source: str | None, full_message: str | None, level: int | None) -> None:
        """Read all fields but those that are given; a key with blanks around it may replace even these."""
        given = {"source": source, "full_message": (full_message or "").strip(_TRIMMED) or None, "level": level}
        set_already = {"message", "timestamp"} | {name for name, value in given.items() if value is not None}
        for name in ("facility", "file"):
            text = self._as_text(name)
            if text and text.strip(_TRIMMED):
                self.fields[name] = scrub(text.strip(_TRIMMED))
        line = _as_integer(self.document.get("line"), 64)
        if line is not None and line > -1:
            self.fields["line"] = line
        for key, value in self.document.items():
            self._field(key, value, set_already)

    def _replaced(self, name: str, reason: Reason) -> str | None:
        """
        Return what a field of a known name says, which stands for the known value then.

        Raises:
            _Invalid: If that is not text.
        """
        value = self.fields.pop(name, None)
        if value is not None and not isinstance(value, str):
            raise _Invalid(reason, f'has no text as "{name}": {as_text(value)}')
        return value

    def _validate(self) -> str:
        """Check host and message as `validateGELFMessage` does; return the message's text."""
        document = self.document
        if "host" in document:
            host = document["host"]
            if not isinstance(host, str):
                raise _Invalid(Reason.INVALID_HOST, f'has invalid "host": {as_text(host)}')
            if not host.strip(_BLANK):
                raise _Invalid(Reason.EMPTY_HOST, 'has empty mandatory "host" field.')
        alias = document.get("message")
        alias_is_text = isinstance(alias, str) and bool(alias.strip(_BLANK))
        if "short_message" in document:
            short_message = document["short_message"]
            if not isinstance(short_message, str):
                detail = f'has invalid "short_message": {as_text(short_message)}'
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
            raise _Invalid(Reason.INVALID_SHORT_MESSAGE, f'has invalid "message": {as_text(alias)}')
        if not alias.strip(_BLANK):
            raise _Invalid(Reason.EMPTY_SHORT_MESSAGE, 'has empty mandatory "message" field.')
        return alias

    def _timestamp(self) -> float:
        value = self.document.get("timestamp")
        seconds: float | None = None
        if isinstance(value, str):
            self.note(Deviation.TIMESTAMP_STRING, "timestamp")
            seconds = _parse_double(value)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            seconds = max(-1e300, min(1e300, value))  # an integer may be too large for a float
        elif "timestamp" not in self.document:
            self.note(Deviation.TIMESTAMP_MISSING, "timestamp")
        if seconds is not None and math.isnan(seconds):
            return 0.0  # Math.round(NaN) is 0: 1970
        if seconds is None or seconds <= 0:
            if "timestamp" in self.document:
                self.note(Deviation.TIMESTAMP_INVALID, "timestamp")
            return self.receipt.time
        milliseconds = math.floor(seconds * 1000 + 0.5)
        if milliseconds >= _MAX_MILLISECONDS:
            detail = f"timestamp {value!r} lies after the year 9999: Graylog would never index the message"
            raise _Invalid(Reason.TIMESTAMP_OUT_OF_RANGE, detail[:500])
        return milliseconds / 1000

    def _level(self) -> int | None:
        level = _as_integer(self.document.get("level"), 32)
        if level is None or level < 0:
            return None
        if level > 7:
            self.note(Deviation.LEVEL_RANGE, "level")
        return level

    def _as_text(self, name: str) -> str | None:
        """Jackson's asText(): null is "null", containers are empty."""
        if name not in self.document:
            return None
        return as_text(self.document[name])

    def _field(self, key: str, value: object, set_already: set[str]) -> None:
        if key == "version":
            return
        name = key[1:] if key.startswith("_") and len(key) > 1 else key
        if name in ("short_message", "host"):
            if key != name:
                self.note(Deviation.RESERVED_FIELD, key, "dropped")
            return
        if name in set_already or name in self.fields or name in _RESERVED:
            used = ("timestamp", "full_message", "level", "facility", "file", "line")
            if key not in used and not (key == "message" and "short_message" not in self.document):
                self.note(Deviation.FIELD_CONFLICT, key, "dropped")
            return
        stored = self._convert(key, value)
        if stored is None:
            return
        name = name.strip(_TRIMMED)  # only now: a name with blanks replaces one without
        if not _VALID_KEY.fullmatch(name):
            self.note(Deviation.FIELD_NAME, key, "dropped")
        elif name != "_id":
            self.fields[name] = stored

    def _convert(self, key: str, value: object) -> FieldValue | None:
        if isinstance(value, bool):
            self.note(Deviation.BOOLEAN, key, "dropped")
            return None
        if value is None:
            return None
        if isinstance(value, int):
            return _wrap(value, 64)
        if isinstance(value, float):
            return value if math.isfinite(value) else as_text(value)
        text = value if isinstance(value, str) else compact(value)
        text = scrub(text.strip(_TRIMMED))
        if not text:
            self.note(Deviation.EMPTY_VALUE, key, "dropped")
            return None
        return text

    def _indexed_fields(self) -> dict[str, FieldValue]:
        """Rename as at index time: dots become underscores, and a name that has them already wins."""
        if any("." in name for name in self.fields):
            fields = {name: value for name, value in self.fields.items() if "." not in name}
            for name, value in self.fields.items():
                if "." in name:
                    renamed = name.replace(".", "_")
                    if renamed in fields:
                        self.note(Deviation.FIELD_CONFLICT, name, "dropped")
                    else:
                        fields[renamed] = value
                        self.note(Deviation.DOTTED_NAME, name, f"stored as {renamed}")
            self.fields = fields
        for name in _SERVERS & self.fields.keys():
            del self.fields[name]
            self.note(Deviation.RESERVED_FIELD, name, "the server writes its own")
        return self.fields


def _as_integer(value: object, bits: int) -> int | None:
    """Jackson's asInt and asLong: booleans are 1 and 0, texts are parsed; None for what is not a number."""
    if isinstance(value, int):
        return _wrap(int(value), bits)
    if isinstance(value, float):
        return _saturate(value, bits)
    if not isinstance(value, str):
        return None
    text = value.strip(_TRIMMED).removeprefix("+")
    half = 1 << (bits - 1)
    if _DIGITS.fullmatch(text):
        number = int(text) if len(text) <= 20 else half
        return number if -half <= number < half else None
    double = _parse_double(text)
    return None if double is None else _saturate(double, bits)


def _saturate(number: float, bits: int) -> int:
    """Narrow a double as Java does."""
    most = (1 << (bits - 1)) - 1
    if math.isnan(number):
        return 0
    return int(number) if abs(number) <= most else (most if number > 0 else -most - 1)


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
        number = float.fromhex(match["hex"]) if match["hex"] else float(match["number"] or match["word"])
    except (OverflowError, ValueError):
        return None
    return number if not math.isinf(number) else math.copysign(1e300, number)
