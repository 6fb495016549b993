"""Literals of Python and of Node.js' console, which programs print where they meant JSON: read, never evaluated."""

from __future__ import annotations

import re
import warnings

import msgspec

MAX_LITERAL = 64 * 1024
"""Longest text that is read as a literal: its syntax tree takes a hundred times as much."""


def read_literal(text: str) -> object:
    """Read a literal; a text that is none (an object's repr), or a long one, stays what it is."""
    from ast import literal_eval

    if len(text) > MAX_LITERAL:
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


_TOKEN = re.compile(
    r"""\s*(?:(\[(?:Function|AsyncFunction|Object|Array|class|Getter|Setter|Circular)\b[^\[\]]{0,200}\])
        |([{}\[\],:])                                                # marks
        |'((?:[^'\\]|\\.)*+)'|"((?:[^"\\]|\\.)*+)"|`((?:[^`\\]|\\.)*+)`
        |(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)                        # a date
        |(-?\d{1,40}(?:\.\d{1,40})?(?:e[+-]\d{1,3})?)n?(?![\w$])
        |([A-Za-z_$][\w$]{0,200})                                    # a name
        )""",
    re.VERBOSE | re.DOTALL,
)
_VALUES = {"true": "true", "false": "false", "null": "null", "undefined": "null", "NaN": "null", "Infinity": "null"}
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}


def read_inspected(text: str) -> dict[str, object] | None:
    """
    Read an object as Node.js' `console.log` prints it: ``{ level: 'error', message: 'x' }``.

    Returns:
        None for anything else, and for one in which something is cut short, or of a class of its own.
    """
    if len(text) > MAX_LITERAL or text[:1] != "{":
        return None
    parts: list[str] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if match is None:
            return None
        odd, mark, single, double, back, stamp, number, name = match.groups()
        at = match.end()
        if mark is not None or number is not None:
            parts.append(mark or number)
        elif name is None or text[at : at + 1] == ":":
            quoted = next((each for each in (single, double, back) if each is not None), None)
            value = name or stamp or odd or _ESCAPE.sub(_unescaped, quoted or "")
            parts.append(msgspec.json.encode(value).decode())
        elif name in _VALUES:
            parts.append(_VALUES[name])
        else:
            return None
    try:
        found = msgspec.json.decode("".join(parts))
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _unescaped(match: re.Match[str]) -> str:
    return _ESCAPED.get(match[1], match[1])
