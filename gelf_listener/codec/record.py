"""Record: values that another protocol decoded -> Message, checked, flattened and within limits."""

from __future__ import annotations

import datetime as dt
import json
import math
from collections.abc import Mapping

import msgspec

from gelf_listener.codec.gelf.keys import note, read_key
from gelf_listener.codec.gelf.normaliser import Normaliser
from gelf_listener.codec.levels import severity_of_number, severity_of_text
from gelf_listener.codec.plain import plain
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.scrub import scrub
from gelf_listener.codec.times import SECONDS_MAX, SECONDS_MIN, seconds_of_text
from gelf_listener.message import FieldValue, Message
from gelf_listener.notes import Deviation, Note

_I64 = 1 << 63
_NOTHING: Mapping[str, object] = {}

OF_GELF_ONLY = frozenset(
    (
        *(Deviation.NO_UNDERSCORE, Deviation.DOTTED_NAME, Deviation.BOOLEAN, Deviation.NULL, Deviation.OBJECT),
        *(Deviation.ARRAY, Deviation.EMPTY_VALUE, Deviation.SURROUNDING_SPACE),
    )
)
"""Deviations that are none in other protocols: they have nested values, booleans and dots in names."""


def make_message(
    receipt: Receipt,
    raw: bytes,
    *,
    short_message: object,
    fields: Mapping[str, object] = _NOTHING,
    timestamp: float | str | dt.datetime | None = None,
    nanoseconds: int | None = None,
    host: str = "",
    level: int | str | None = None,
    full_message: str | None = None,
    id: str = "",
    notes: tuple[Note, ...] = (),
) -> Message:
    """
    Make a message of what a decoder found. It is in no batch yet (`Receipt.add`).

    Nothing raises: what cannot be used is kept as text, with a note.

    Args:
        receipt: How the payload arrived.
        raw: The payload, or the part of it that is this message; its length counts against buffers.
        short_message: The text; anything but a text is written as JSON.
        fields: Additional fields by any names, of any values: names are made clean, mappings are flattened to dotted
            names, sequences become JSON, bytes base64, times ISO 8601; None is left out. At most 10 000 are kept.
        timestamp: UTC Unix seconds, ISO 8601, or a datetime (without zone: UTC); the receive time without one.
        nanoseconds: The same as an integer of nanoseconds, rounded once, to the nearest float.
        host: Who logged it; the peer's address without one.
        level: Syslog severity 0 to 7, or the name of a level, or a number of Python's.
        full_message: A longer text such as a traceback.
        id: A ULID that the message already has; empty: it gets its own.
        notes: What the decoder had to guess or repair.
    """
    stored, of_fields = read_fields(fields, receipt)
    notes += of_fields
    if not isinstance(short_message, str):
        short_message = text_of(short_message)
    if nanoseconds is not None:
        timestamp = nanoseconds / 1_000_000_000
    seconds = receipt.time if timestamp is None else _seconds(timestamp)
    if seconds is None:
        notes += (note(Deviation.TIMESTAMP_INVALID, "timestamp"),)
        stored.setdefault("original_timestamp", scrub(str(timestamp)))
        seconds = receipt.time
    severity = None if level is None else _severity(level)
    if level is not None and severity is None:
        notes += (note(Deviation.LEVEL_TYPE, "level"),)
        stored.setdefault("original_level", scrub(str(level)))
    return receipt.message(
        raw,
        timestamp=seconds,
        host=scrub(host) if host and not host.isspace() else receipt.host,
        short_message=scrub(short_message),
        full_message=None if full_message is None else scrub(full_message),
        level=severity,
        fields=stored,
        notes=notes,
        id=id,
    )


class _Names:
    """
    What sequences of names become, remembered: a service sends the same ones in every message.

    At most 1024 sequences, of at most 200 names and 4096 characters each, and 20 000 names together.
    """

    def __init__(self) -> None:
        self._known: dict[tuple[str, ...], tuple[tuple[str, ...] | None, tuple[Note, ...]] | None] = {}
        self._total = 0

    def of(self, names: tuple[str, ...]) -> tuple[tuple[str, ...] | None, tuple[Note, ...]] | None:
        """
        Look at names.

        Returns:
            The clean ones, or None where they are clean, and the notes on them; None for both when they have to be
            looked at one by one.
        """
        try:
            return self._known[names]
        except KeyError:
            return self._learn(names)

    def _learn(self, names: tuple[str, ...]) -> tuple[tuple[str, ...] | None, tuple[Note, ...]] | None:
        if len(names) > 200 or sum(map(len, names)) > 4096:
            return None
        self._total += len(names)
        if self._total > 20_000 or len(self._known) >= 1024:
            self._known.clear()
            self._total = len(names)
        keys = [read_key("_" + name) for name in names]
        clean = tuple([key.clean for key in keys])
        notes = tuple([each for key in keys for each in key.notes if each.deviation not in OF_GELF_ONLY])
        kept = None if clean == names else clean
        self._known[names] = found = (kept, notes) if len(set(clean)) == len(clean) else None
        return found


_names = _Names()


def read_fields(fields: Mapping[str, object], receipt: Receipt) -> tuple[dict[str, FieldValue], tuple[Note, ...]]:
    """
    Make clean names and plain values of fields: at once when none needs a second look, as nearly always.

    Args:
        fields: See `make_message`.
        receipt: How the payload arrived.

    Returns:
        What a message may hold, in a dict of its own, and the notes on it.
    """
    if None in fields.values():
        fields = {name: value for name, value in fields.items() if value is not None}
    if all(map(_is_plain, fields.values())):
        known = read_plain_fields(dict(fields))  # type: ignore[arg-type]
        if known is not None:
            return known
    flat: dict[str, FieldValue] = {}
    if _spread(fields, "", flat, 0):
        known = read_plain_fields(flat)
        if known is not None:
            return known
    document = {"_" + name: plain(value) for name, value in fields.items()}
    normaliser = Normaliser(document, (), receipt, strict=False)
    normaliser.read_fields()
    return normaliser.fields, tuple([each for each in normaliser.notes if each.deviation not in OF_GELF_ONLY])


def read_plain_fields(
    fields: dict[str, FieldValue],
) -> tuple[dict[str, FieldValue], tuple[Note, ...]] | None:
    """
    Make clean names of fields whose values a message may hold as they are; see `read_fields`.

    Returns:
        The fields, which are the argument itself where its names are clean, and the notes on them; None when the names
        have to be looked at one by one.
    """
    known = _names.of(tuple(fields))
    if known is None:
        return None
    clean, notes = known
    return fields if clean is None else dict(zip(clean, fields.values(), strict=True)), notes


def _spread(values: Mapping[str, object], prefix: str, flat: dict[str, FieldValue], depth: int) -> bool:
    """
    Put nested values under dotted names, and lists as JSON, as a `Normaliser` does in three times the time.

    Returns:
        False when one has to look: at what is empty, very deep or long, of another type, or there twice.
    """
    for name, value in values.items():
        whole = prefix + name
        kind = type(value)
        if kind is dict:
            is_odd = not value or (not prefix and read_key("_" + name).bare != name)
            if is_odd or depth >= _MAX_SPREAD or not _spread(value, whole + ".", flat, depth + 1):  # type: ignore[arg-type]
                return False
            continue
        if value is None and prefix:
            continue
        if whole in flat or len(whole) > _MAX_SPREAD_NAME:
            return False
        if kind is list:
            try:
                flat[whole] = scrub(_list_text(plain(value)))
            except (ValueError, RecursionError):
                return False
        elif _is_plain(value):
            flat[whole] = value  # type: ignore[assignment]  # what is plain can be stored
        else:
            return False
    return len(flat) <= _MAX_SPREAD_FIELDS


_MAX_SPREAD = 8
_MAX_SPREAD_NAME = 128
_MAX_SPREAD_FIELDS = 200
_list_text = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def _is_plain(value: object) -> bool:
    """Whether a value can be stored as it is."""
    kind = type(value)
    if kind is str:
        return value.isascii() or scrub(value) == value  # type: ignore[attr-defined,arg-type]
    if kind is int:
        return -_I64 <= value < _I64  # type: ignore[operator]
    if kind is float:
        return math.isfinite(value)  # type: ignore[arg-type]
    return kind is bool


def text_of(value: object) -> str:
    """Return a text as it is, and of anything else its JSON."""
    found = plain(value)
    if isinstance(found, str):
        return found
    try:
        return msgspec.json.encode(found).decode()
    except (ValueError, OverflowError):  # lone surrogates, integers beyond 64 bits
        return str(found)


def _seconds(value: object) -> float | None:
    """Return a point in time; None when it is none that makes sense."""
    if isinstance(value, str):
        value = seconds_of_text(value)
    elif isinstance(value, dt.datetime):
        try:
            value = (value if value.tzinfo is not None else value.replace(tzinfo=dt.UTC)).timestamp()
        except (OverflowError, ValueError):
            return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not SECONDS_MIN <= value < SECONDS_MAX:
        return None
    return float(value)


def _severity(level: object) -> int | None:
    if isinstance(level, str):
        return severity_of_text(level)
    if isinstance(level, bool) or not isinstance(level, (int, float)):
        return None
    return severity_of_number(level)
