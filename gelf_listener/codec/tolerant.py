r"""
Tolerant JSON: find the objects in bytes that a strict parser refused.

It runs only after orjson has failed, so it may be slow, but it stays linear in the size of the payload:
every repair is one pass of a tokenizer whose string pattern cannot backtrack.

What it survives, with the client that needs it:

* a byte order mark, trailing NULs and white space (syslog relays, ``nc``);
* several objects, by newline, comma or nothing at all, also inside one array (HTTP bulk, log4j2);
* ``NaN``, ``Infinity``, ``nan``, ``inf`` (Python clients, Fluent Bit);
* raw control characters in strings, trailing commas (hand-made JSON; Graylog takes both);
* invalid UTF-8 (NXLog cuts at bytes) and lone surrogates (graypy, logstash-gelf);
* escapes JSON does not have (Fluent Bit's ``\x``);
* a length in front of the object (rsyslog set to octet counting).
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from gelf_listener.notes import Deviation, Note

__all__ = ["MAX_DIGITS", "MAX_FAILURES", "MAX_REPAIR_CHARACTERS", "MAX_VALUES", "Found", "find_values", "scrub"]

MAX_DIGITS = 1000
"""Longest number read as one (Jackson's limit); Python refuses integers from 4300 digits on by itself."""

MAX_FAILURES = 100
"""Stretches of one payload that may turn out to be no JSON before the rest is given up as a whole."""

MAX_VALUES = 50_000
"""Most objects of one payload: 8 MiB hold twenty thousand messages of the usual size."""

MAX_REPAIR_CHARACTERS = 256 * 1024
"""Longest text that is mended: tokenizing costs a third of a microsecond per character, and the loop waits."""

_SPACE = re.compile(r"[\s\x00,\ufeff]*+")
_OCTET_COUNT = re.compile(r"[1-9][0-9]{0,8} (?=\s*+\{)")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_CONTROL = re.compile(r"[\x00-\x1f]")

_TOKEN = re.compile(
    r"""
    (?P<string>"(?:[^"\\]++|\\.)*+(?:"|\\?\Z))    # an unterminated string ends with the text: no second look
  | (?P<comma>,(?=[\s\x00]*+[}\]]))
  | (?P<word>(?<![\w"])-?(?:nan|inf(?:inity)?)\b)
  | (?P<open>[{\[])
  | (?P<close>[}\]])
    """,
    re.VERBOSE | re.DOTALL | re.IGNORECASE,
)
_BAD_ESCAPE = re.compile(r"\\(?:[\"\\/bfnrt]|u[0-9A-Fa-f]{4}|(?P<bad>.|\Z))", re.DOTALL)


class Found(NamedTuple):
    """
    One thing found in a payload.

    Attributes:
        value: The JSON value; None with ``error`` set when this stretch is no JSON.
        text: The stretch of the payload it was found in.
        notes: What was mended to read it.
        error: Why the stretch is no JSON, for a person.
    """

    value: Any
    text: str
    notes: tuple[Note, ...]
    error: str | None = None


def _parse_int(digits: str) -> int | str:
    return digits if len(digits) > MAX_DIGITS else int(digits)


_DECODER = json.JSONDecoder(strict=False, parse_int=_parse_int)


class _Repair:
    """One value's text, mended token by token."""

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
        if not any(note.deviation is deviation for note in self.notes):
            self.notes.append(Note(deviation))

    def _string(self, text: str) -> str:
        def mend(match: re.Match[str]) -> str:
            if match["bad"] is None:
                return match.group()
            self._note(Deviation.BAD_ESCAPE)
            return "\\\\" + match["bad"]

        return _BAD_ESCAPE.sub(mend, text) if "\\" in text else text


def _spell(word: str) -> str:
    """Write a bare nan or inf as the constant Python's parser knows."""
    sign = "-" if word.startswith("-") else ""
    return "NaN" if "nan" in word.lower() else sign + "Infinity"


def find_values(payload: bytes) -> list[Found]:
    """
    Find every JSON value in a payload, mending what can be mended, and every stretch that is none.

    The elements of a top-level array come one by one, as Graylog's bulk receiving takes them. NULs and junk
    behind a value become a note on it; junk that opens an object of its own is a stretch that failed.

    Args:
        payload: Bytes that should have been one JSON object.

    Returns:
        What was found, in order; empty when there is nothing but white space and NULs.
    """
    first_notes: list[Note] = []
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        text = payload.decode("utf-8", "replace")
        first_notes.append(Note(Deviation.INVALID_UTF8))
    if text.startswith("\ufeff"):
        first_notes.append(Note(Deviation.BYTE_ORDER_MARK))
    position = _skip_space(text, 0)
    count = _OCTET_COUNT.match(text, position)
    if count:
        first_notes.append(Note(Deviation.OCTET_COUNT))
        position = count.end()
    found: list[Found] = []
    failures = 0
    effort = 2 * min(len(text), MAX_REPAIR_CHARACTERS)
    while position < len(text):
        start = position
        item, end, spent = _next_value(text, position, effort)
        effort -= spent
        position = _skip_space(text, end)
        if len(found) >= MAX_VALUES:
            found.append(Found(None, text[start:], (), f"more than {MAX_VALUES} values in one payload"))
            break
        if item.error is not None:
            failures += 1
            if failures == MAX_FAILURES:
                item, position = Found(None, text[start:], (), item.error), len(text)
            if found and found[-1].error is None and "{" not in item.text:
                found[-1] = _add_note(found[-1], Deviation.TRAILING_BYTES)
                continue
        if "\0" in text[end:position]:
            item = _add_note(item, Deviation.TRAILING_BYTES)
        if first_notes:
            item = item._replace(notes=(*first_notes, *item.notes))
        if isinstance(item.value, list):
            room = MAX_VALUES - len(found)
            found.extend(Found(value, _dump(value), item.notes) for value in item.value[:room])
            if len(item.value) > room:
                found.append(Found(None, "", (), f"more than {MAX_VALUES} values in one payload"))
                break
        else:
            found.append(item)
    return found


def _add_note(found: Found, deviation: Deviation) -> Found:
    if any(note.deviation is deviation for note in found.notes):
        return found
    return found._replace(notes=(*found.notes, Note(deviation)))


def _skip_space(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _dump(value: object) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (RecursionError, ValueError):
        return ""


def _next_value(text: str, position: int, effort: int) -> tuple[Found, int, int]:
    """
    Read the value at a position: as it stands, then mended, else give up to the end of the line.

    Args:
        text: The payload.
        position: Where a value should begin.
        effort: Characters that may still be looked at for mending.

    Returns:
        What was found, where it ends, and how many characters were looked at.
    """
    try:
        value, end = _DECODER.raw_decode(text, position)
    except RecursionError:
        return Found(None, text[position:], (), "nested too deep"), len(text), 0
    except ValueError as error:
        problem = getattr(error, "msg", None) or str(error)
    else:
        return _survey(value, text[position:end], []), end, 0
    if len(text) - position <= MAX_REPAIR_CHARACTERS and effort > 0:
        repair = _Repair(text, position)
        effort = repair.end - position
        try:
            value, _ = _DECODER.raw_decode(repair.text)
        except RecursionError:
            return Found(None, text[position:], (), "nested too deep"), len(text), effort
        except ValueError:
            pass
        else:
            return _survey(value, text[position : repair.end], repair.notes), repair.end, effort
    else:
        effort = 0
    line_end = text.find("\n", position) + 1 or len(text)
    return Found(None, text[position:line_end], (), problem), line_end, effort


def _survey(value: object, source: str, notes: list[Note]) -> Found:
    """Note what the parser let pass."""
    if _CONTROL.search(source) and _control_in_string(source):
        notes.append(Note(Deviation.CONTROL_CHARACTERS))
    return Found(value, source, tuple(notes))


def _control_in_string(source: str) -> bool:
    return any(
        token.lastgroup == "string" and _CONTROL.search(token.group()) is not None for token in _TOKEN.finditer(source)
    )


def scrub(text: str) -> str:
    """Replace lone surrogates, which no encoder takes, by U+FFFD."""
    return _SURROGATE.sub("\ufffd", text)
