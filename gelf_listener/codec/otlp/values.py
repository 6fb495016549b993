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
    key, found = "", None
    for number, kind, value, rest in fields(data, at, end):
        if number == 1 and kind == BYTES:
            key = text_at(data, value, rest)
        elif number == 2 and kind == BYTES:
            found = read_any(data, value, rest, depth)
    into[key] = found
