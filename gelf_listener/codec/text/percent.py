"""
Percent formatting, bounded: `msg % args` of a log record that somebody else wrote.

Python's own operator evaluates nothing, but it makes a gigabyte of ``%999999999d`` and multiplies a long argument as
often as the template names it. Here each conversion is done by itself within a bound on width and on the whole text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

MAX_WIDTH = 1000
"""Largest width and precision; more is not a log line."""

MAX_TEXT = 1024 * 1024
"""Most characters that formatting may make."""

_CONVERSION = re.compile(r"%(?:\(([^)]*)\))?([#0\- +]*)(\d*)(?:\.(\d*))?[hlL]?([diouxXeEfFgGcrsa%])", re.ASCII)


def percent(template: str, values: Sequence[object] | Mapping[str, object]) -> str | None:
    """
    Format a template.

    A value that does not fit its conversion is written as text: the types of arguments get lost on the way, because
    senders write what JSON does not have as strings.

    Args:
        template: With conversions such as ``%s``, ``%5.2f`` or ``%(name)s``.
        values: In order, or by name.

    Returns:
        The text; None when template and values do not belong together, or the text would be too long.
    """
    by_name = isinstance(values, Mapping)
    rest = iter(()) if by_name else iter(values)
    pieces: list[str] = []
    room = MAX_TEXT
    at = 0
    for match in _CONVERSION.finditer(template):
        name, flags, width, precision, kind = match.groups()
        pieces.append(template[at : match.start()])
        at = match.end()
        if kind == "%":
            piece = "%"
        else:
            try:
                value = values[name or ""] if isinstance(values, Mapping) else next(rest)
            except (KeyError, StopIteration):
                return None
            if max(len(width), len(precision or "")) > 4 or max(int(width or 0), int(precision or 0)) > MAX_WIDTH:
                return None
            piece = _convert(f"%{flags}{width}" + (f".{precision}" if precision else ""), kind, value)
        room -= len(piece)
        if room < 0:
            return None
        pieces.append(piece)
    pieces.append(template[at:])
    if not by_name and next(rest, None) is not None:
        return None  # more values than conversions: no template of these values
    return "".join(pieces)


def _convert(head: str, kind: str, value: object) -> str:
    try:
        return (head + kind) % (value,)
    except (TypeError, ValueError, OverflowError):
        return str(value)
