"""Values: AnyValue and attributes of OTLP in protobuf -> Python's (opentelemetry-proto, common.proto)."""

from __future__ import annotations

from struct import Struct
from typing import Any

from gelf_listener.codec.protobuf import BYTES, FIXED64, VARINT, damaged, fields, signed
from gelf_listener.errors import Reason, Rejected

_MAX_DEPTH = 64
"""Values within values; each level is a call of ours."""

_double = Struct("<d").unpack_from
_as_fixed64 = Struct("<Q").pack


def text_at(data: bytes, at: int, end: int) -> str:
    """Return a text; protobuf's are UTF-8, and what is not is replaced."""
    return str(data[at:end], "utf-8", "replace")


def read_any(data: bytes, at: int, end: int, depth: int = 0) -> Any:
    """
    Read an AnyValue.

    Returns:
        A text, number, boolean, list, dict or bytes; None for an empty one.

    Raises:
        Rejected: If it is damaged, or nested too deep.
    """
    if depth > _MAX_DEPTH:
        raise Rejected(Reason.TOO_COMPLEX, f"values nested deeper than {_MAX_DEPTH}", data)
    size = end - at
    if (
        1 < size < _SHORT
    ):  # what nearly all are: one value, written in the only usual way (see `python -m bench.intake`)
        key, length = data[at], data[at + 1]
        start = at + 2
        if length > 127 and key not in _NUMBERS and start < end and data[start] < 128:
            length, start = length & 0x7F | data[start] << 7, start + 1
        if key == 0x0A and start + length == end:
            return str(data[start:end], "utf-8", "replace")
        if key == 0x18 and size == 2 and length < 128:
            return length
        if key == 0x21 and size == 9:
            return _double(data, at + 1)[0]
        if key in _CONTAINERS and start + length == end:
            within = _read_within(data, start, end, key == 0x32, depth + 1)
            if within is not None:
                return within
    return _read_any(data, at, end, depth)


_SHORT = 1 << 14
_SHORT_PAIR = _SHORT + 256
"""Bytes up to which lengths of two bytes are enough."""
_NUMBERS = frozenset((0x10, 0x18, 0x21))
_CONTAINERS = frozenset((0x2A, 0x32))


def _read_within(data: bytes, at: int, end: int, is_map: bool, depth: int) -> Any:
    """Read the values of a list or a map; None when they are not written in the usual way."""
    names: dict[str, Any] = {}
    values: list[Any] = []
    while at < end:
        if data[at] != 0x0A or at + 2 > end:
            return None
        length, at = data[at + 1], at + 2
        if length > 127:
            if at == end or data[at] > 127:
                return None
            length, at = length & 0x7F | data[at] << 7, at + 1
        stop = at + length
        if stop > end:
            return None
        if is_map:
            read_attribute(data, at, stop, names, depth)
        else:
            values.append(read_any(data, at, stop, depth))
        at = stop
    return names if is_map else values


def _read_any(data: bytes, at: int, end: int, depth: int) -> Any:
    """Read an AnyValue that is written in any way."""
    found: Any = None
    for number, kind, value, rest in fields(data, at, end):  # of several the last counts, as in any oneof
        if number == 1 and kind == BYTES:
            found = text_at(data, value, rest)
        elif number == 2 and kind == VARINT:
            found = bool(value)
        elif number == 3 and kind == VARINT:
            found = signed(value)
        elif number == 4 and kind == FIXED64:
            found = _double(_as_fixed64(value))[0]
        elif number == 5 and kind == BYTES:
            found = [
                read_any(data, inner, inner_end, depth + 1)
                for each, inner_kind, inner, inner_end in fields(data, value, rest)
                if each == 1 and inner_kind == BYTES
            ]
        elif number == 6 and kind == BYTES:
            found = {}
            for each, inner_kind, inner, inner_end in fields(data, value, rest):
                if each == 1 and inner_kind == BYTES:
                    read_attribute(data, inner, inner_end, found, depth + 1)
        elif number == 7 and kind == BYTES:
            found = data[value:rest]
        elif number <= 7:
            raise damaged(f"field {number} of a value has wire type {kind}", data)
    return found


def read_attribute(data: bytes, at: int, end: int, into: dict[str, Any], depth: int = 0) -> None:
    """Read a KeyValue into a dict; see `read_any`."""
    if _SHORT_PAIR > end - at > 3 and data[at] == 0x0A and data[at + 1] < 128:  # a name, and a value behind it
        behind = at + 2 + data[at + 1]
        if behind + 1 < end and data[behind] == 0x12:
            length, value = data[behind + 1], behind + 2
            if length > 127 and value < end and data[value] < 128:
                length, value = length & 0x7F | data[value] << 7, value + 1
            if value + length == end:
                into[str(data[at + 2 : behind], "utf-8", "replace")] = read_any(data, value, end, depth)
                return
    key, found = "", None
    for number, kind, value, rest in fields(data, at, end):
        if number == 1 and kind == BYTES:
            key = text_at(data, value, rest)
        elif number == 2 and kind == BYTES:
            found = read_any(data, value, rest, depth)
    into[key] = found
