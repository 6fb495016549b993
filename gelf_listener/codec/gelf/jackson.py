"""
Jackson: JSON as a Graylog's parser reads and writes it.

What was measured with Graylog's own classes: trailing commas and raw control characters are taken, comments, `NaN` and
bare words are not; a number has at most 1000 digits, a key 50 000, and nesting ends at 1000. Behind the first value
only the beginning of another one may stand. Numbers are written as Java writes them.
"""

from __future__ import annotations

import contextlib
import json
import re
import sys
from collections.abc import Iterator
from typing import Any

from gelf_listener.codec.gelf.tolerant import MAX_DIGITS, MAX_REPAIR_CHARACTERS
from gelf_listener.errors import describe

_SPACE = " \t\r\n"
_TRAILING_COMMA = re.compile(r'("(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[{\[][ \t\r\n]*+,)|,(?=[ \t\r\n]*+[}\]])', re.DOTALL)
"""Strings and commas behind an opening bracket stay, in group 1; what matches otherwise is a comma to leave out."""

_NEXT_TOKEN = re.compile(
    r'[{\["]|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?(?=[ \t\r\n]|\Z)|(?:true|false|null)(?![\w$])'
)
"""How a second value may begin; what follows its beginning is never looked at."""

_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
_NO_DIGITS = dict.fromkeys(map(ord, "+-.eE"))
_MAX_DEPTH = 1000
_MAX_KEY_CHARACTERS = 50_000
_ESCAPES = {code: f"\\u{code:04X}" for code in range(0x20)} | {
    ord(character): escape
    for character, escape in zip('\b\t\n\f\r"\\', ("\\b", "\\t", "\\n", "\\f", "\\r", '\\"', "\\\\"), strict=True)
}


class NotJacksonError(ValueError):
    """Jackson would refuse this text; it says why."""


class Parsed:
    """
    What a text holds.

    Attributes:
        value: The first JSON value.
        trailing_comma: Whether commas had to be left out.
        followed: Whether another value begins behind it.
    """

    __slots__ = ("followed", "trailing_comma", "value")

    def __init__(self, value: Any, *, trailing_comma: bool, followed: bool) -> None:
        self.value = value
        self.trailing_comma = trailing_comma
        self.followed = followed


def _refuse_constant(name: str) -> None:
    raise NotJacksonError(f"non-standard token {name!r}")


def _check_number(number: str) -> None:
    if len(number) > MAX_DIGITS and len(number.translate(_NO_DIGITS)) > MAX_DIGITS:
        raise NotJacksonError(f"number of more than {MAX_DIGITS} digits")


def _parse_int(number: str) -> int:
    _check_number(number)
    return int(number)


def _parse_float(number: str) -> float:
    _check_number(number)
    return float(number)


_DECODER = json.JSONDecoder(
    strict=False, parse_constant=_refuse_constant, parse_int=_parse_int, parse_float=_parse_float
)


def decode_utf8(payload: bytes) -> str:
    """Decode UTF-8, with Java's U+FFFD for what is not: one for each surrogate that was written as three bytes."""
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return _SURROGATE.sub(b"\xef\xbf\xbd", payload).decode("utf-8", "replace")


def parse(text: str, *, retry: bool) -> Parsed:
    """
    Read the first JSON value; the rest must begin like another value or be absent.

    Args:
        text: What should be JSON.
        retry: Whether a failure may be due to trailing commas, which Jackson is told to allow.

    Raises:
        NotJacksonError: If it is not JSON in Jackson's sense.
    """
    start = len(text) - len(text.lstrip(_SPACE))
    if start == len(text):
        raise NotJacksonError("nothing but blanks")
    trailing_comma = False
    try:
        try:
            value, end = _read(text, start)
        except ValueError:
            if not retry or len(text) > MAX_REPAIR_CHARACTERS:
                raise
            text = _TRAILING_COMMA.sub(lambda match: match[1] or "", text)
            value, end = _read(text, start)
            trailing_comma = True
    except RecursionError:
        raise NotJacksonError(f"nested deeper than {_MAX_DEPTH}") from None
    except ValueError as error:
        raise NotJacksonError(describe(error)) from None
    _check_structure(value)
    rest = text[end:].lstrip(_SPACE)
    if rest:
        following = _NEXT_TOKEN.match(rest)
        if following is None:
            raise NotJacksonError(f"illegal character {rest[0]!r} after the JSON value")
        _check_number(following[0])
    return Parsed(value, trailing_comma=trailing_comma, followed=bool(rest))


def _read(text: str, start: int) -> tuple[Any, int]:
    """Read a value; Jackson reads deeper than Python's stack is by default."""
    try:
        return _DECODER.raw_decode(text, start)
    except RecursionError:
        with _deep_stack():
            return _DECODER.raw_decode(text, start)


@contextlib.contextmanager
def _deep_stack() -> Iterator[None]:
    """Make room for as many levels as Jackson reads, a few calls each."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + 3 * _MAX_DEPTH)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _check_structure(value: object) -> None:
    """Go through a value level by level: neither it nor a key may be beyond Jackson's limits."""
    level = [value]
    for _ in range(_MAX_DEPTH):
        inner: list[object] = []
        for outer in level:
            if isinstance(outer, dict):
                if any([len(key) > _MAX_KEY_CHARACTERS for key in outer]):
                    raise NotJacksonError(f"a key longer than {_MAX_KEY_CHARACTERS} characters")
                inner += [each for each in outer.values() if isinstance(each, (dict, list))]
            elif isinstance(outer, list):
                inner += [each for each in outer if isinstance(each, (dict, list))]
        if not inner:
            return
        level = inner
    raise NotJacksonError(f"nested deeper than {_MAX_DEPTH}")


def java_double(number: float) -> str:
    """Write a number as Java's `Double.toString` does."""
    if number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124  (NaN does not equal itself)
        return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"  # noqa: PLR0124
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        return repr(number)
    mantissa, _, exponent = repr(number).partition("e")
    if not exponent or "." not in mantissa:  # Java writes two digits at least, and then the nearest two
        digits = len(mantissa.replace(".", "").replace("-", "").strip("0"))
        mantissa, _, exponent = f"{number:.{max(1, digits - 1)}e}".partition("e")
    return f"{mantissa}E{int(exponent)}"


def compact(value: object) -> str:
    """Write a value as the field of an index holds it: compact JSON, characters as they are."""
    parts: list[str] = []
    try:
        _write(value, parts)
    except RecursionError:
        parts.clear()
        with _deep_stack():
            _write(value, parts)
    return "".join(parts)


def _write(value: object, parts: list[str]) -> None:
    if isinstance(value, str):
        parts.append(f'"{value.translate(_ESCAPES)}"')
    elif isinstance(value, dict):
        for number, (key, inner) in enumerate(value.items()):
            parts.append(f'{"," if number else "{"}"{key.translate(_ESCAPES)}":')
            _write(inner, parts)
        parts.append("}" if value else "{}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            parts.append("," if number else "[")
            _write(inner, parts)
        parts.append("]" if value else "[]")
    else:
        text = as_text(value)
        parts.append(f'"{text}"' if text[-1] in "yN" else text)  # what JSON has no number for


def as_text(value: object) -> str:
    """Return the text of a value, Jackson's `asText`; containers have none."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return java_double(value)
    if isinstance(value, (dict, list)):
        return ""
    return str(value)
