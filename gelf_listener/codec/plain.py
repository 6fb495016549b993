"""Plain values: what JSON has types for, of whatever a decoder found."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Mapping

_MAX_DEPTH = 64


def plain(value: object, depth: int = 0) -> object:
    """
    Make JSON's types of any value: bytes become base64, times ISO 8601, what nobody knows its text.

    Args:
        value: Of any type, nested as it may be.
        depth: How deep it lies; beyond 64 a text takes its place.
    """
    if value is None or isinstance(value, (str, int, float)):
        return value
    if depth >= _MAX_DEPTH:
        return "(nested too deep to show; see the raw payload)"
    if isinstance(value, Mapping):
        return {str(name): plain(inner, depth + 1) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(inner, depth + 1) for inner in value]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode()
    if isinstance(value, (dt.datetime, dt.date, dt.time)):
        return value.isoformat()
    return str(value)
