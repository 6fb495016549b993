"""Excerpts: messages as short texts for an assistant, which pays for every character, with what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gelf_listener.rendering.levels import level_name
from gelf_listener.rendering.sanitise import clean_text
from gelf_listener.rendering.timestamps import Timestamps
from gelf_listener.rendering.usual import noise, service_field

ASKED_CHARACTERS = 50_000
"""Longest text that the listener is asked for in lists of messages."""
_MOST_CHARACTERS = 20_000
"""Of a list."""
_MOST_TEXT, _MOST_VALUE, _MOST_FIELDS = 300, 100, 12

_times = Timestamps(utc=True)


def number(count: int) -> str:
    """Write a number for a reader: ``12 034``."""
    return f"{count:,}".replace(",", " ")


def counted(count: int, noun: str = "message") -> str:
    """Write a number of things: ``1 message``, ``12 034 messages``."""
    return f"{number(count)} {noun}{'' if count == 1 else 's'}"


def cut(text: str, most: int) -> str:
    """
    Keep the beginning and the end of a text that is too long, and say how much is left out.

    The end stays because a traceback ends with what went wrong.
    """
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail]} […{_more(text)}{number(len(text) - most)} characters left out…] {text[-tail:]}"


def _more(text: str) -> str:
    """Say that a text may be longer than it came."""
    return "at least " if len(text) == ASKED_CHARACTERS else ""


def time_text(timestamp: float) -> str:
    """Write a time in UTC, to the millisecond."""
    return f"{_times.milliseconds(timestamp)}Z"


def value_text(value: object, most: int = _MOST_VALUE) -> str:
    """Write a field's value on one line."""
    if isinstance(value, bool):
        return str(value).lower()
    return clean_text(cut(str(value), most))


def message_line(message: Mapping[str, Any], fields: Sequence[str] | None = None, query: str = "") -> str:
    """
    Write a message on one line.

    Args:
        message: As the API gives it.
        fields: Additional fields to show; None for the usual ones, as many as fit.
        query: What was asked for; the fields it names are usual.
    """
    found: Mapping[str, Any] = message["fields"]
    service = service_field(found)
    host = message["host"] or "(no host)"
    where = value_text(host if service is None else f"{host}/{found[service]}")
    level = level_name(message["level"]) or "(no level)"
    text = clean_text(cut(message["short_message"], _MOST_TEXT))
    full = message["full_message"]
    long = f" [full_message: {_more(full)}{counted(len(full), 'character')}]" if full else ""
    head = f"{time_text(message['timestamp'])} {level} {where}"
    return f"{head}: {text}{long}{_fields(found, fields, query)} id={message['id']}"


def _fields(found: Mapping[str, Any], wanted: Sequence[str] | None, query: str) -> str:
    """Write fields that are wanted, the usual ones without a wish, and how many others there are."""
    if wanted is None:
        hidden = noise(query)
        names = [name for name in found if name not in hidden][:_MOST_FIELDS]
    else:
        names = [name for name in wanted if name in found]
    texts = [f"{value_text(name)}={value_text(found[name])}" for name in names]
    if wanted is None and len(found) > len(names):
        texts.append(f"+{counted(len(found) - len(names), 'field')}")
    return f" {{{', '.join(texts)}}}" if texts else ""


def lines_of(lines: Iterable[str], noun: str = "message") -> list[str]:
    """Return lines as far as they fit into an answer, the last one saying how many do not."""
    kept: list[str] = []
    room = _MOST_CHARACTERS
    every = list(lines)
    for line in every:
        room -= len(line) + 1
        if room < 0 and kept:
            kept.append(f"{counted(len(every) - len(kept), noun)} left out, for the answer would be too long")
            break
        kept.append(line)
    return kept
