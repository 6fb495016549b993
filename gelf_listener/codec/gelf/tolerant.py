r"""
Tolerant JSON: find the objects in bytes that a strict parser refused.

It runs only after the strict parser has failed, so it may be slow, but it stays linear in the size of the payload:
every repair is one pass of a tokenizer whose string pattern cannot backtrack, and repairs are bounded together.

What it survives, with the client that needs it:

* a byte order mark, trailing NULs and white space (syslog relays, ``nc``);
* several objects, by newline, comma or nothing at all, also inside one array (HTTP bulk, log4j2);
* values without quotes that are not JSON (rsyslog's and nginx' templates);
* numbers with a zero in front (syslog-ng) and those that no float can hold (logback-gelf);
* ``NaN``, ``Infinity``, ``nan``, ``inf`` (Python clients, Fluent Bit);
* raw control characters in strings, trailing commas (hand-made JSON; Graylog takes both);
* invalid UTF-8 (NXLog cuts at bytes) and lone surrogates (graypy, logstash-gelf);
* escapes JSON does not have (Fluent Bit's and nginx' ``\x``);
* a length in front of the object (rsyslog set to octet counting).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from gelf_listener.codec.gelf.keys import note
from gelf_listener.codec.templated_json import BARE_VALUE, spell_bare_value, spell_bytes
from gelf_listener.notes import Deviation, Note

MAX_DIGITS = 1000
"""Longest number read as one (Jackson's limit); Python refuses integers from 4300 digits on by itself."""

MAX_FAILURES = 100
"""Stretches of one payload that may turn out not to be JSON before the rest is given up as a whole."""

MAX_VALUES = 50_000
"""Most objects of one payload: 8 MiB hold twenty thousand messages of the usual size."""

MAX_REPAIR_CHARACTERS = 256 * 1024
"""Longest text that is repaired: tokenizing costs a microsecond per character, and the loop waits."""

_REBASE_CHARACTERS = 16 * 1024
"""A failing parser counts the lines before its position, so what is done is cut off now and then."""

_SPACE = re.compile(r"[\s\x00,\ufeff]*+")
_BLANK = re.compile(r"[ \t\r\n]*+")
_OCTET_COUNT = re.compile(r"[1-9][0-9]{0,8} (?=\s*+\{)")
_CONTROL = re.compile(r"[\x00-\x1f]")

_TOKEN = re.compile(
    rf"""
    (?P<string>"(?:[^"\\]++|\\.)*+(?:"|\\?\Z))    # an unterminated string ends with the text: no second look
  | (?P<comma>,(?=[\s\x00]*+[}}\]]))
  | (?P<zero>(?<=[:,\[\s])-?0\d{{1,1000}}+(?![\d.eE\w]))
  | (?P<word>(?<![\w"])-?(?:nan|inf(?:inity)?)\b)
  | (?P<bare>(?!\s*+-?(?:0\d{{1,1000}}+|nan|inf(?:inity)?)\s*+[,}}])(?:{BARE_VALUE}))
  | (?P<open>[{{\[])
  | (?P<close>[}}\]])
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_BAD_ESCAPE = re.compile(r"\\(?:[\"\\/bfnrt]|u[0-9A-Fa-f]{4}|(?P<bad>.|\Z))", re.DOTALL)


_WRONG_PAIR = re.compile(r"\\\\|\\u(d[89ab][0-9a-f]{2})\\u(?!d[c-f])([0-9a-f]{4})", re.IGNORECASE)


def _repair_pairs(text: str) -> tuple[str, tuple[Note, ...]]:
    r"""
    Repair ``\uD83D\uF600``, half of a surrogate pair and the low 16 bits of the code point instead of the other half.

    Both carry six bits of the code point: if they are the same, there is no other reading.
    """
    repaired = 0

    def repair(match: re.Match[str]) -> str:
        nonlocal repaired
        if match[1] is None:
            return match[0]
        high, low = int(match[1], 16) - 0xD800, int(match[2], 16)
        if high & 0x3F != low >> 10:
            return match[0]
        repaired += 1
        return f"\\u{match[1]}\\u{0xDC00 | (low & 0x3FF):04x}"

    text = _WRONG_PAIR.sub(repair, text)
    return text, (note(Deviation.SURROGATE_BITS),) if repaired else ()


class Found(NamedTuple):
    """
    One thing found in a payload.

    Attributes:
        value: The JSON value; None with ``error`` set when this stretch is not JSON.
        text: The stretch of the payload it was found in.
        notes: What was repaired to read it.
        error: Why the stretch is not JSON, for a person.
    """

    value: Any
    text: str
    notes: tuple[Note, ...] = ()
    error: str | None = None

    def noting(self, deviation: Deviation) -> Found:
        """Return this with one more note, unless it is there."""
        more = note(deviation)
        return self if more in self.notes else self._replace(notes=(*self.notes, more))


def find_values(payload: bytes) -> Iterator[Found]:
    """
    Find every JSON value in a payload, repairing what can be repaired, and every stretch that is none.

    The elements of a top-level array come one by one, as Graylog's bulk receiving takes them. NULs and junk
    behind a value become a note on it; junk that opens an object of its own is a stretch that failed.

    Args:
        payload: Bytes that should have been one JSON object.

    Yields:
        What was found, in order; nothing when there is nothing but white space and NULs.
    """
    reader = _Reader(payload)
    last: Found | None = None
    several = False
    for count, found in enumerate(reader.values()):
        if count >= MAX_VALUES:
            found = Found(None, found.text, (), f"more than {MAX_VALUES} values in one payload")  # noqa: PLW2901
        if found.error is not None and last is not None and last.error is None and "{" not in found.text:
            last = last.noting(Deviation.TRAILING_BYTES)
        else:
            if last is not None:
                several = True
                yield last.noting(Deviation.SEVERAL_OBJECTS)
            last = found
        if count >= MAX_VALUES:
            break
    if last is not None:
        yield last.noting(Deviation.SEVERAL_OBJECTS) if several else last


class _Reader:
    """A payload and how far it was read."""

    def __init__(self, payload: bytes) -> None:
        self._notes: tuple[Note, ...] = ()
        """What concerns every value of the payload."""
        try:
            self._text = payload.decode("utf-8")
        except UnicodeDecodeError:
            self._text = payload.decode("utf-8", "replace")
            self._notes += (note(Deviation.INVALID_UTF8),)
        if "\\u" in self._text:
            self._text, repaired = _repair_pairs(self._text)
            self._notes += repaired
        if self._text.startswith("\ufeff"):
            self._notes += (note(Deviation.BYTE_ORDER_MARK),)
        self._position = 0
        self._effort = MAX_REPAIR_CHARACTERS
        """Characters that may still be looked at for repairing."""

    def values(self) -> Iterator[Found]:
        """Read value by value; an array gives its elements."""
        self._skip_space()
        count = _OCTET_COUNT.match(self._text, self._position)
        if count:
            self._notes += (note(Deviation.OCTET_COUNT),)
            self._position = count.end()
        failures = 0
        while self._position < len(self._text):
            if self._text[self._position] == "[" and len(self._text) - self._position > MAX_REPAIR_CHARACTERS:
                for found in self._elements():
                    yield found._replace(notes=(*self._notes, *found.notes))
                self._skip_space()
                if self._position == len(self._text):
                    return
            found = self._value()
            if found.error is not None:
                failures += 1
                if failures == MAX_FAILURES:
                    yield Found(None, found.text + self._text[self._position :], self._notes, found.error)
                    return
            if self._skip_space():
                found = found.noting(Deviation.TRAILING_BYTES)
            if self._notes:
                found = found._replace(notes=(*self._notes, *found.notes))
            if isinstance(found.value, list):
                for element in found.value:
                    yield Found(element, _dump(element), found.notes)
            else:
                yield found

    def _elements(self) -> Iterator[Found]:
        """Read an array that is too long to be repaired, or parsed in one go, element by element, as far as it goes."""
        start = self._position + 1
        while True:
            start = _BLANK.match(self._text, start).end()  # type: ignore[union-attr]  # it matches nothing, too
            try:
                value, self._position = _DECODER.raw_decode(self._text, start)
            except (RecursionError, ValueError):
                return
            yield _survey(value, self._text[start : self._position], [])._replace(text=_dump(value))
            start = _BLANK.match(self._text, self._position).end() + 1  # type: ignore[union-attr]
            following = self._text[start - 1 : start]
            if following != ",":
                if following == "]":
                    self._position = start
                return

    def _skip_space(self) -> bool:
        """Skip what may stand between values; return whether there was a NUL in it."""
        start = self._position
        match = _SPACE.match(self._text, start)
        if match is not None:
            self._position = match.end()
        return "\0" in self._text[start : self._position]

    def _value(self) -> Found:
        """Read the value at the position: as it stands, then repaired, else give up to the end of the line."""
        start = self._position
        try:
            value, self._position = _DECODER.raw_decode(self._text, start)
        except RecursionError:
            return self._give_up("nested too deep", len(self._text))
        except ValueError as error:
            problem = getattr(error, "msg", None) or str(error)
        else:
            return _survey(value, self._text[start : self._position], [])
        if self._effort > 0 and len(self._text) - start <= MAX_REPAIR_CHARACTERS:
            self._rebase()
            start = self._position
            repair = _Repair(self._text, start)
            self._effort -= repair.end - start
            try:
                value, _ = _DECODER.raw_decode(repair.text)
            except RecursionError:
                return self._give_up("nested too deep", len(self._text))
            except ValueError:
                pass
            else:
                self._position = repair.end
                return _survey(value, self._text[start : repair.end], repair.notes)
        return self._give_up(problem, self._text.find("\n", self._position) + 1 or len(self._text))

    def _give_up(self, problem: str, end: int) -> Found:
        start, self._position = self._position, end
        return Found(None, self._text[start:end], (), problem)

    def _rebase(self) -> None:
        if self._position > _REBASE_CHARACTERS:
            self._text = self._text[self._position :]
            self._position = 0


def _parse_int(digits: str) -> int | str:
    return digits if len(digits) > MAX_DIGITS else int(digits)


class HugeNumber(float):
    """Infinity that was written as a number: beyond what a float holds."""

    text: str
    """How it was written."""


def _parse_float(text: str) -> float:
    number = float(text)
    if math.isfinite(number) or len(text) > MAX_DIGITS:
        return number
    huge = HugeNumber(number)
    huge.text = text
    return huge


_DECODER = json.JSONDecoder(strict=False, parse_int=_parse_int, parse_float=_parse_float)


class _Repair:
    """One value's text, repaired token by token."""

    def __init__(self, text: str, start: int) -> None:
        self.notes: list[Note] = []
        self.end = len(text)
        parts: list[str] = []
        position = start
        depth = 0
        for token in _TOKEN.finditer(text, start):
            parts.append(text[position : token.start()])
            position = token.end()
            kind = token.lastgroup
            if kind == "string":
                parts.append(self._string(token.group()))
            elif kind == "comma":
                self._note(Deviation.TRAILING_COMMA)
            elif kind == "zero":
                self._note(Deviation.LEADING_ZERO)
                parts.append(f'"{token.group()}"')
            elif kind == "bare":
                self._note(Deviation.BARE_VALUE)
                parts.append(spell_bare_value(token.group()))
            elif kind == "word":
                self._note(Deviation.NOT_A_NUMBER)
                parts.append(_spell(token.group()))
            else:
                parts.append(token.group())
                depth += 1 if kind == "open" else -1
                if depth <= 0:
                    self.end = position
                    break
        else:
            parts.append(text[position:])
        self.text = "".join(parts)

    def _note(self, deviation: Deviation) -> None:
        if note(deviation) not in self.notes:
            self.notes.append(note(deviation))

    def _string(self, text: str) -> str:
        def repair(match: re.Match[str]) -> str:
            if match["bad"] is None:
                return match.group()
            self._note(Deviation.BAD_ESCAPE)
            return "\\\\" + match["bad"]

        if "\\" not in text:
            return text
        spelled = spell_bytes(text)
        if spelled != text:
            self._note(Deviation.BAD_ESCAPE)
        return _BAD_ESCAPE.sub(repair, spelled)


def _spell(word: str) -> str:
    """Write a bare nan or inf as the constant Python's parser knows."""
    sign = "-" if word.startswith("-") else ""
    return "NaN" if "nan" in word.lower() else sign + "Infinity"


def _dump(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, ValueError):
        return ""


def _survey(value: object, source: str, notes: list[Note]) -> Found:
    """Note what the parser let pass."""
    if _CONTROL.search(source) and _control_in_string(source):
        notes.append(note(Deviation.CONTROL_CHARACTERS))
    return Found(value, source, tuple(notes))


def _control_in_string(source: str) -> bool:
    return any(
        token.lastgroup == "string" and _CONTROL.search(token.group()) is not None for token in _TOKEN.finditer(source)
    )
