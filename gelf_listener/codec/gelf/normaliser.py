"""
Normaliser: one JSON object -> Message, repairing what deviates from GELF 1.1 and noting it.

The rules are those of the `lenient` mode in docs/decoding.md.
"""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec

from gelf_listener.codec.gelf.keys import KNOWN, Key, Shapes, client_notes, note, read_key
from gelf_listener.codec.gelf.tolerant import HugeNumber
from gelf_listener.codec.levels import severity_of_number, severity_of_text
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.scrub import scrub
from gelf_listener.codec.times import seconds_of_text, to_seconds
from gelf_listener.message import FieldValue, Message
from gelf_listener.notes import Deviation, Note

MAX_FIELDS = 10_000
"""Most fields kept of one message; the 2000 of the largest real ones fit, a hash-table bomb does not."""

MAX_FLAT_NAME = 255
"""Longest name flattening may build; what would be longer is kept as JSON text, which keeps flattening linear."""

MAX_FLAT_DEPTH = 16

MAX_NOTES = 1000
"""Most notes on one message: nobody reads more, and a million nulls would take more memory than the payload."""

_I64 = 1 << 63
_U64 = 1 << 64

_GELFHANDLER_CRITICAL = 9
"""What gelfhandler, which writes long_message and processName, sends for CRITICAL."""

_SHAPES = Shapes()


def read_plain(document: dict[str, Any]) -> tuple[dict[str, FieldValue], list[Note]] | None:
    """
    Read additional fields that need no repairing, all at once (see `make bench`, console and store).

    Args:
        document: What a strict parser read.

    Returns:
        The fields, and the notes on them; None when they have to be looked at one by one.
    """
    shape = _SHAPES.of(document)
    if shape is None:
        return None
    fields: dict[str, FieldValue] = {}
    notes = list(shape.notes)
    for key, value in zip(shape.keys, shape.pick(document), strict=True):
        kind = type(value)
        if kind is str or kind is float or (kind is int and -_I64 <= value < _I64):
            fields[key.clean] = value
        elif value is None and not key.notes:
            notes.append(key.null)
        elif kind is bool:
            fields[key.clean] = value
            notes.append(key.boolean)
        else:
            return None
    return fields, notes


def pick_fields(document: dict[str, Any]) -> tuple[tuple[str, ...], tuple[Any, ...]] | None:
    """
    Return the names and the values of additional fields, without making a dict of them.

    Args:
        document: What a strict parser read.

    Returns:
        As many names as values, as they were sent: `read_plain` takes them over if they are texts, floats and whole
        numbers of 64 bits. The same names are the same object. None when they have to be looked at one by one.
    """
    shape = _SHAPES.of(document)
    return None if shape is None else (shape.names, shape.pick(document))


class Normaliser:
    """
    One document on its way to a message: known fields first, then the additional ones in order.

    Args:
        document: The JSON object.
        notes: What was repaired to read it.
        receipt: How it arrived.
        strict: Whether a strict parser read it: then no string holds a lone surrogate and every float is finite.
    """

    __slots__ = ("_suffixes", "_used", "document", "fields", "notes", "receipt", "strict")

    def __init__(
        self,
        document: dict[str, Any],
        notes: tuple[Note, ...],
        receipt: Receipt,
        *,
        strict: bool,
    ) -> None:
        self.document = document
        self.notes = list(notes)
        self.receipt = receipt
        self.strict = strict
        self.fields: dict[str, FieldValue] = {}
        self._used = KNOWN
        """Keys of the document that are dealt with."""
        self._suffixes: dict[str, int] = {}

    def message(self, raw: bytes) -> Message | None:
        """Return the message, or None when the document has none."""
        self.note_version()
        host = self._host()
        short_message, full_message = self._texts()
        if short_message is None:
            return None
        timestamp = self._timestamp()
        level = self._level()
        self.read_fields()
        return self.receipt.message(
            raw,
            timestamp=timestamp,
            host=host,
            short_message=short_message,
            full_message=full_message,
            level=level,
            fields=self.fields,
            notes=tuple(self.notes),
        )

    def note_version(self) -> None:
        """Note a version other than 1.1; nothing is made of it."""
        if self.document.get("version") != "1.1":
            self._note(Deviation.VERSION, "version", "" if "version" in self.document else "missing")

    def note_nulls(self) -> None:
        """Note what a typed parser takes for an absent field."""
        document = self.document
        if document.get("level", 0) is None:
            self._note(Deviation.NULL, "level")
        if document.get("full_message", "") is None:
            self._note(Deviation.FULL_MESSAGE_TYPE, "full_message", "null, left out")

    def read_fields(self) -> None:
        """Normalise the additional fields."""
        if not (self.strict and self._used is KNOWN and self._read_plain()):
            self._read_each()

    def _read_plain(self) -> bool:
        """Read fields that need no repairing, all at once; return whether that worked."""
        read = read_plain(self.document)
        if read is None or not self.fields.keys().isdisjoint(read[0]):
            return False
        self.fields.update(read[0])
        self.notes += read[1]
        return True

    def _read_each(self) -> None:
        self.notes += client_notes(tuple(self.document))
        for key, value in self.document.items():
            if key in self._used:
                continue
            if len(self.fields) >= MAX_FIELDS:
                self._note(Deviation.TOO_MANY_FIELDS)
                return
            read = read_key(key)
            kind = type(value)
            plain = (kind is str and value.isascii()) or (kind is int and -_I64 <= value < _I64)
            if plain and read.clean not in self.fields:  # what nearly all are, without a call for each
                self.fields[read.clean] = value
                self._note_key(read)
            else:
                self._field(key, read, value)

    def _note(self, deviation: Deviation, field: str = "", detail: str = "") -> None:
        if len(self.notes) < MAX_NOTES:
            self.notes.append(note(deviation, field, detail))

    def _note_key(self, key: Key) -> None:
        if key.notes and len(self.notes) < MAX_NOTES:
            self.notes += key.notes

    # Known fields

    def _host(self) -> str:
        document = self.document
        host = document.get("host")
        if isinstance(host, str) and host.strip():
            return self._clean("host", host)
        if host is not None or "host" in document:
            self._note(Deviation.HOST_INVALID, "host")
            if host is not None and host != "":
                self._store("original_host", self._text(host))
        else:
            for alias in ("_source", "source"):
                source = document.get(alias)
                if isinstance(source, str) and source.strip():
                    self._used |= {alias}
                    self._note(Deviation.HOST_MISSING, "host", f"{alias} is used")
                    return self._clean(alias, source)
            self._note(Deviation.HOST_MISSING, "host")
        return self.receipt.host

    def _texts(self) -> tuple[str | None, str | None]:
        """Return short_message and full_message."""
        full_message = self._full_message()
        short_message = self.document.get("short_message")
        if isinstance(short_message, str) and short_message.strip():
            return self._clean("short_message", short_message), full_message
        if short_message is not None and not isinstance(short_message, str):
            self._note(Deviation.SHORT_MESSAGE_TYPE, "short_message")
            return self._text(short_message), full_message
        alias = self.document.get("message")
        if isinstance(alias, str) and (alias.strip() or short_message is None):
            self._used |= {"message"}
            self._note(Deviation.MESSAGE_ALIAS, "message")
            if not alias.strip():
                self._note(Deviation.SHORT_MESSAGE_BLANK, "message")
            return self._clean("message", alias), full_message
        if short_message is not None:
            self._note(Deviation.SHORT_MESSAGE_BLANK, "short_message")
            return scrub(short_message), full_message
        if alias is not None:
            self._used |= {"message"}
            self._note(Deviation.MESSAGE_ALIAS, "message")
            self._note(Deviation.SHORT_MESSAGE_TYPE, "message")
            return self._text(alias), full_message
        if full_message is not None and full_message.strip():
            self._note(Deviation.MESSAGE_ALIAS, "full_message", "its first line is used")
            return full_message.strip().partition("\n")[0].rstrip(), full_message
        return None, full_message

    def _full_message(self) -> str | None:
        full_message = self.document.get("full_message")
        if isinstance(full_message, str):
            return self._clean("full_message", full_message)
        if full_message is not None:
            self._note(Deviation.FULL_MESSAGE_TYPE, "full_message", "its JSON text is used")
            return self._text(full_message)
        if "full_message" in self.document:
            self._note(Deviation.FULL_MESSAGE_TYPE, "full_message", "null, left out")
        return None

    def _timestamp(self) -> float:
        if "timestamp" not in self.document:
            named = next((key for key in ("time", "_time") if key in self.document), None)
            detail = "" if named is None else f"{named} is an additional field"
            self._note(Deviation.TIMESTAMP_MISSING, "timestamp", detail)
            return self.receipt.time
        original = value = self.document["timestamp"]
        if isinstance(value, str):
            self._note(Deviation.TIMESTAMP_STRING, "timestamp")
            value = seconds_of_text(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            read = to_seconds(value)
            if read is not None:
                seconds, unit = read
                if unit != "seconds":
                    self._note(Deviation.TIMESTAMP_UNIT, "timestamp", f"it was in {unit}")
                return float(seconds)
        self._note(Deviation.TIMESTAMP_INVALID, "timestamp")
        if original is not None:
            self._store("original_timestamp", self._text(original))
        return self.receipt.time

    def _level(self) -> int | None:
        value = self.document.get("level")
        if value is None:
            if "level" in self.document:
                self._note(Deviation.NULL, "level")
            return None
        level: int | None = None
        if isinstance(value, str):
            self._note(Deviation.LEVEL_STRING, "level")
            level = severity_of_text(value)
        elif isinstance(value, bool) or not isinstance(value, (int, float)):
            self._note(Deviation.LEVEL_TYPE, "level")
        else:
            level = severity_of_number(value)
            if value == _GELFHANDLER_CRITICAL and {"long_message", "processName"} <= self.document.keys():
                level = 2
            if level != value:
                self._note(Deviation.LEVEL_RANGE, "level", "" if level is None else f"read as {level}")
        if level is None or level != value:
            self._store(
                "original_level", value if isinstance(value, int) and -_I64 <= value < _I64 else self._text(value)
            )
        return level

    # Additional fields

    def _field(self, shown: str, key: Key, value: object) -> None:
        """Store one additional field; an object becomes one for each of its own."""
        if value is None:
            self._note(Deviation.NULL, shown)
        elif isinstance(value, dict) and value:
            self._note(Deviation.OBJECT, shown)
            self._flatten(key.bare, value, 1)
        else:
            self._note_key(key)
            self._value(shown, key.clean, value)

    def _flatten(self, prefix: str, value: dict[str, Any], depth: int) -> None:
        if len(prefix) + 1 + max(map(len, value)) > MAX_FLAT_NAME:
            # One such name and the object stays whole: names may not grow with the square of the payload.
            self._flat_value(prefix, self._text(value))
            return
        for key, inner in value.items():
            if len(self.fields) >= MAX_FIELDS:
                self._note(Deviation.TOO_MANY_FIELDS, prefix)
                return
            name = f"{prefix}.{key}"
            if isinstance(inner, dict) and inner:
                if depth < MAX_FLAT_DEPTH:
                    self._flatten(name, inner, depth + 1)
                else:
                    self._note(Deviation.DEEP_NESTING, prefix)
                    self._flat_value(name, self._text(inner))
            elif inner is not None:
                self._flat_value(name, inner)

    def _flat_value(self, name: str, value: object) -> None:
        key = read_key("_" + name)
        self._note_key(key)
        self._value(name, key.clean, value)

    def _value(self, shown: str, name: str, value: object) -> None:
        """Store one value under a clean name."""
        if isinstance(value, str):
            self._store_named(shown, name, self._clean(shown, value))
        elif isinstance(value, bool):
            self._note(Deviation.BOOLEAN, shown)
            self._store_named(shown, name, value)
        elif isinstance(value, int):
            if not -_I64 <= value < _I64:
                self._note(Deviation.BIG_INTEGER, shown)
            # Beyond 64 bits neither strict JSON parsers nor any store take it as a number.
            self._store_named(shown, name, value if -_I64 <= value < _U64 else self._text(value))
        elif isinstance(value, float):
            if not math.isfinite(value):
                huge = isinstance(value, HugeNumber)
                self._note(Deviation.HUGE_NUMBER if huge else Deviation.NOT_A_NUMBER, shown)
            self._store_named(shown, name, value if math.isfinite(value) else self._text(value))
        else:
            self._note(Deviation.ARRAY if isinstance(value, list) else Deviation.OBJECT, shown)
            self._store_named(shown, name, self._text(value))

    def _store_named(self, shown: str, name: str, value: FieldValue) -> None:
        """Store a value under a clean name; a second one of that name gets a number."""
        if name in self.fields and self.fields[name] == value and type(self.fields[name]) is type(value):
            self._note(Deviation.FIELD_CONFLICT, shown, "the same value twice, kept once")
            return
        stored = self._store(name, value)
        if stored != name:
            self._note(Deviation.FIELD_CONFLICT, shown, f"kept as {stored}")

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
        if self.strict:
            return text
        cleaned = scrub(text)
        if cleaned != text:
            self._note(Deviation.LONE_SURROGATE, key)
        return cleaned

    def _text(self, value: object) -> str:
        """Write a JSON value as text: strings as they are, everything else as JSON."""
        if isinstance(value, str):
            return scrub(value)
        if isinstance(value, HugeNumber):
            return value.text
        try:
            if self.strict:
                return msgspec.json.encode(value).decode()
            # Spells NaN and Infinity, for which the other encoder writes null, and takes lone surrogates.
            return scrub(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
        except (ValueError, RecursionError):
            return "(nested too deep to show; see the raw payload)"
