"""
GELF 1.1 from plain values: names, values, severities, JSON. Pure: no socket, no clock, no logging handler.

What leaves here is what a strict reader of the GELF 1.1 specification accepts: ``version`` "1.1", additional
fields with one leading underscore and names of ``[A-Za-z0-9_.-]``, values that are strings or finite numbers,
no nulls, no ``_id``, a ``short_message`` that is not blank.
"""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import json
import logging
import math
import numbers
import os
import re
import traceback
import uuid
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final

__all__ = [
    "IMMUTABLE",
    "STANDARD_ATTRIBUTES",
    "add_fields",
    "clean_message",
    "dump",
    "exception_text",
    "field_name",
    "field_value",
    "object_text",
    "record_extras",
    "severity",
    "snapshot",
    "split_traceback",
]

GelfDict = dict[str, Any]

STANDARD_ATTRIBUTES: Final = frozenset(logging.makeLogRecord({}).__dict__) | {
    "asctime",
    "message",
    "taskName",
    # Ours: fields without LogRecord's reserved names (see gelf_handlers.structlog), and text formatted at emit.
    "gelf_fields",
    "gelf_full_message",
    "gelf_text",
}
"""Attributes of a record that are not additional fields."""

IMMUTABLE: Final = frozenset({str, int, float, bool, type(None), decimal.Decimal, dt.datetime, dt.date, uuid.UUID})
"""Exact types that may be kept by reference until the worker formats them: nobody can change them meanwhile."""

_RESERVED: Final = frozenset(
    # `_id` is forbidden by GELF 1.1; Graylog 5-7 drops the others silently (GelfDecoder, Message.addField).
    {"_", "_id", "_host", "_source", "_message", "_short_message", "_full_message", "_timestamp", "_level", "_version"},
)
_BAD_NAME_CHARACTER: Final = re.compile(r"[^A-Za-z0-9_.\-]")
_MAX_DEPTH: Final = 12
_INT64: Final = 1 << 63
_PRINTABLE_BITS: Final = 2048
"""Integers of so many bits have a text whatever `sys.set_int_max_str_digits` was given (at least 640 digits)."""
_UVICORN_ACCESS: Final = ("client_addr", "method", "full_path", "http_version", "status_code")
_TRACEBACK_START: Final = "\nTraceback (most recent call last):\n"


def severity(levelno: int) -> int:
    """
    Return the syslog severity of a Python level number.

    Numbers between the standard ones get a severity of their own where syslog has one: 21 to 29 ("success",
    "notice" in most libraries) are 5. Anything below INFO is 7.
    """
    if not isinstance(levelno, int | float):
        return 6  # a record made by hand: `logging.makeLogRecord` leaves None
    if levelno >= logging.CRITICAL:
        return 2
    if levelno >= logging.ERROR:
        return 3
    if levelno >= logging.WARNING:
        return 4
    if levelno > logging.INFO:
        return 5
    return 6 if levelno == logging.INFO else 7


@lru_cache(maxsize=4096)
def field_name(key: str) -> str:
    """
    Return the GELF name of an additional field: one underscore, then ``[A-Za-z0-9_.-]`` only.

    Leading underscores are folded into the one; reserved names become ``_extra_<name>``, so nothing is lost.
    """
    name = "_" + _BAD_NAME_CHARACTER.sub("_", key.lstrip("_"))
    return f"_extra{name}" if name in _RESERVED else name


def object_text(value: Any) -> str:
    """Return the text of an object JSON has no type for."""
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, decimal.Decimal | uuid.UUID | os.PathLike | IPv4Address | IPv6Address | dt.timedelta):
        return str(value)
    if isinstance(value, BaseException):
        return f"{type(value).__name__}: {value}"
    return repr(value)


def _safe_text(value: Any, default: Callable[[Any], Any]) -> str:
    try:
        return str(default(value))
    except Exception as error:  # a broken __repr__ must cost its field, not the message
        return f"<unprintable {type(value).__name__}: {type(error).__name__}>"


def snapshot(value: Any, default: Callable[[Any], Any] = object_text, _outer: tuple[int, ...] = ()) -> Any:
    """
    Copy a value into plain JSON types, so that later changes to it are not seen.

    Args:
        value: Anything a service puts into ``extra``: cycles, broken reprs, named tuples, request objects.
        default: Gives the text of objects JSON has no type for.

    Returns:
        ``None``, bool, int, float, str, or dicts (string keys) and lists of these.
    """
    kind = type(value)
    if kind is int:
        return value if value.bit_length() <= _PRINTABLE_BITS else _big_int_text(value)
    if kind in (str, float, bool) or value is None:
        return value
    try:  # a proxy outside its request (werkzeug's) does not even tell its class
        if isinstance(value, enum.Enum):
            return snapshot(value.value, default, _outer)
        if isinstance(value, str):
            return str.__str__(value)
        if isinstance(value, bytes | bytearray):
            return bytes(value).decode("utf-8", "replace")
        if isinstance(value, Mapping):
            if id(value) in _outer or len(_outer) >= _MAX_DEPTH:
                return "<cycle>" if id(value) in _outer else "<too deep>"
            inner = (*_outer, id(value))
            return {_key_text(key, default): snapshot(item, default, inner) for key, item in list(value.items())}
        if isinstance(value, list | tuple | AbstractSet):
            if id(value) in _outer or len(_outer) >= _MAX_DEPTH:
                return "<cycle>" if id(value) in _outer else "<too deep>"
            inner = (*_outer, id(value))
            return [snapshot(item, default, inner) for item in list(value)]
        if isinstance(value, numbers.Integral):  # numpy registers its scalars
            return snapshot(int(value))
        if isinstance(value, numbers.Real) and not isinstance(value, decimal.Decimal):
            return float(value)
    except Exception as error:
        return f"<unprintable {kind.__name__}: {type(error).__name__}>"
    return _safe_text(value, default)


def _key_text(key: Any, default: Callable[[Any], Any]) -> str:
    if type(key) is str:
        return key
    if type(key) is int:
        return _big_int_text(key)
    return str(key) if type(key) in (float, bool) else _safe_text(key, default)


def field_value(value: Any) -> str | int | float | None:
    """
    Return a snapshot's scalar as GELF 1.1 allows it: a string or a finite number; None means "leave it out".

    Booleans become "true" and "false" (a real Graylog drops JSON booleans silently); numbers JSON or a 64-bit
    index cannot hold (NaN, infinities, integers beyond 64 bits) become their text.
    """
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return value if -_INT64 <= value < _INT64 else _big_int_text(value)
    if kind is float:
        if math.isfinite(value):
            return value  # type: ignore[no-any-return]
        return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"  # noqa: PLR0124 - NaN test
    if value is None:
        return None
    if kind is list:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return object_text(value)


def _big_int_text(value: int) -> str:
    try:
        return str(value)
    except ValueError:  # more digits than sys.set_int_max_str_digits allows
        return hex(value)


def add_fields(message: GelfDict, fields: Iterable[tuple[str, Any]]) -> None:
    """
    Add additional fields to a message under clean names.

    Mappings are flattened to dotted names, lists become JSON text, None is left out. A name that is already
    taken keeps its value; the newcomer is kept beside it as ``_extra_<name>``.
    """
    for key, value in fields:
        kind = type(value)
        if kind is dict:
            if value:
                add_fields(message, ((f"{key}.{inner}", item) for inner, item in value.items()))
            continue
        clean = value if kind is str else field_value(value)
        if clean is None:
            continue
        name = field_name(key)
        if name in message:
            name = f"_extra{name}"
            number = 2
            while name in message:
                name = f"_extra{field_name(key)}_{number}"
                number += 1
        message[name] = clean


def record_extras(record: logging.LogRecord, default: Callable[[Any], Any] = object_text) -> dict[str, Any]:
    """Return what the service added to a record with ``extra=``, as snapshots."""
    state = record.__dict__
    given = state.get("gelf_fields")
    extras: dict[str, Any] = snapshot(given, default) if isinstance(given, Mapping) else {}
    if not STANDARD_ATTRIBUTES.issuperset(state):
        for key, value in state.items():
            if key not in STANDARD_ATTRIBUTES:
                extras[key] = snapshot(value, default)
    name = state.get("name")
    if type(name) is str and name.startswith("uvicorn"):
        _read_uvicorn(record, extras)
    return extras


def _read_uvicorn(record: logging.LogRecord, extras: dict[str, Any]) -> None:
    """Leave out the message with terminal colours, and name the parts of an access line as uvicorn does."""
    extras.pop("color_message", None)
    if record.name == "uvicorn.access" and isinstance(record.args, tuple) and len(record.args) == len(_UVICORN_ACCESS):
        for name, value in zip(_UVICORN_ACCESS, record.args, strict=True):
            extras.setdefault(name, snapshot(value))


def exception_text(exception: traceback.TracebackException) -> str:
    """Return a traceback's text as logging.Formatter writes it (no doubled newlines)."""
    return "".join(exception.format()).rstrip("\n")


def split_traceback(text: str) -> tuple[str, str | None]:
    """
    Part a message from a traceback that was formatted into it.

    ``QueueHandler.prepare`` merges the traceback into the message before the record reaches a handler; without
    this, it would all be ``short_message``.
    """
    start = text.find(_TRACEBACK_START)
    if start < 0:
        return text, None
    return text[:start], text[start + 1 :]


def clean_message(message: Mapping[str, Any]) -> GelfDict:
    """
    Make any message dict clean GELF 1.1, for messages a subclass built its own way.

    Known fields keep their names; graypy's top-level ``facility``, ``file``, ``line``, ``level_name`` and every
    other name get the underscore GELF 1.1 asks for.
    """
    clean: GelfDict = {"version": "1.1"}
    rest: list[tuple[str, Any]] = []
    for key, value in message.items():
        if key == "version":
            continue
        if key in ("host", "short_message", "full_message"):
            if value is not None:
                clean[key] = value if isinstance(value, str) else str(field_value(snapshot(value)))
        elif key in ("timestamp", "level"):
            if isinstance(value, int | float) and math.isfinite(value):
                clean[key] = value
        else:
            rest.append((key, snapshot(value)))
    if not str(clean.get("short_message", "")).strip():
        clean["short_message"] = "(empty)"
    add_fields(clean, rest)
    return clean


_encoder = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":"), default=object_text
)


def dump(message: Mapping[str, Any]) -> bytes:
    """Return a clean message as UTF-8 JSON; lone surrogates become U+FFFD (Python's own UTF-8 refuses them)."""
    text = _encoder.encode(message)
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
