"""Values of OTLP's JSON: AnyValue, KeyValue and integers of 64 bits, in any form that real senders write them."""

from __future__ import annotations

import base64
import math
from typing import Any

from gelf_listener.codec.otlp.records import Attributes
from gelf_listener.errors import Reason, Rejected

_MAX_DEPTH = 64


def pairs_of(pairs: Any, depth: int) -> Attributes:
    """Read KeyValues; an object of names and values is none of OTLP's forms, but can only mean one thing."""
    if isinstance(pairs, dict):
        return {name: any_of(value, depth) for name, value in pairs.items()}
    if not isinstance(pairs, list):
        return {}
    return {text_of(pair.get("key")): any_of(pair.get("value"), depth) for pair in pairs if isinstance(pair, dict)}


def any_of(value: Any, depth: int) -> Any:
    """
    Read an AnyValue; what is not in the form of one is taken for the value itself.

    Raises:
        Rejected: If it is nested too deep.
    """
    if depth > _MAX_DEPTH:
        raise Rejected(Reason.TOO_COMPLEX, f"values nested deeper than {_MAX_DEPTH}")
    if not isinstance(value, dict) or not value:
        return None if value == {} else value
    for name, found in value.items():
        read = _READERS.get(name)
        if read is not None:
            return read(found, depth)
    return value


def _array(value: Any, depth: int) -> list[Any]:
    values = value.get("values") if isinstance(value, dict) else value
    return [any_of(each, depth + 1) for each in values] if isinstance(values, list) else []


def _bytes(value: Any, _: int) -> Any:
    try:
        return base64.b64decode(value, altchars=b"-_" if "-" in value or "_" in value else None)
    except (TypeError, ValueError):
        return value


def _whole(value: Any, _: int) -> Any:
    return integer_of(value) if isinstance(value, str) and value.strip().lstrip("-").isdecimal() else value


def _double(value: Any, _: int) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError):
        return value


def _as_it_is(value: Any, _: int) -> Any:
    return value


def _named_pairs(value: Any, depth: int) -> Attributes:
    return pairs_of(value.get("values") if isinstance(value, dict) else value, depth + 1)


_READERS = {
    **dict.fromkeys(("stringValue", "string_value", "boolValue", "bool_value"), _as_it_is),
    **dict.fromkeys(("intValue", "int_value"), _whole),
    **dict.fromkeys(("doubleValue", "double_value"), _double),
    **dict.fromkeys(("arrayValue", "array_value"), _array),
    **dict.fromkeys(("kvlistValue", "kvlist_value"), _named_pairs),
    **dict.fromkeys(("bytesValue", "bytes_value"), _bytes),
}


def text_of(value: Any) -> str:
    """Return a text; empty when it is anything else."""
    return value if isinstance(value, str) else ""


def integer_of(value: Any) -> int:
    """Return an integer, which may be a text; 0 when it is none."""
    if isinstance(value, str):
        value = value.strip()
        return int(value) if len(value) < 21 and value.lstrip("-").isdecimal() and value.isascii() else 0
    if isinstance(value, float):
        return int(value) if math.isfinite(value) else 0
    return value if isinstance(value, int) else 0
