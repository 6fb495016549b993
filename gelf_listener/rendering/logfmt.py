"""logfmt: messages as lines of ``name=value`` pairs."""

from __future__ import annotations

import re
from collections.abc import Mapping

from gelf_listener.message import FieldValue, Message
from gelf_listener.rendering import Fields, shown
from gelf_listener.rendering.levels import LEVELS, level_name
from gelf_listener.rendering.lines import LineRenderer, are_plain
from gelf_listener.rendering.sanitise import is_clean, quote, replace_unsafe
from gelf_listener.rendering.timestamps import Timestamps
from gelf_listener.rendering.values import value_text

_NEEDS_QUOTES = re.compile(r"""[ "=\\]""")


class LogfmtRenderer(LineRenderer):
    """
    Writes a message as one line of logfmt: GELF's fields by their names, then the additional ones.

    Args:
        fields: Additional fields to write.
        utc: Timestamps in UTC instead of local time.
    """

    def __init__(self, fields: Fields = None, *, utc: bool = True) -> None:
        super().__init__(1)  # the newline
        self._fields = fields
        self._timestamps = Timestamps(utc=utc)
        self._levels: dict[int | None, str] = {number: f" level={name}" for number, name in enumerate(LEVELS)}
        self._levels[None] = ""

    def _quick(self, message: Message) -> str:
        """Return a line; see `LineRenderer._quick`. Values with quotes or backslashes need care, and booleans."""
        host, short_message = message.host, message.short_message
        fields = shown(message, self._fields)
        pairs = " ".join([f"{name}={value}" for name, value in fields.items()])
        level = self._levels.get(message.level)
        if (
            level is None
            or message.full_message is not None
            or not short_message
            or '"' in short_message
            or "\\" in short_message
            or not host
            or _NEEDS_QUOTES.search(host)
        ):
            return ""
        if fields:
            if "\\" in pairs or not are_plain(pairs, len(fields)):
                pairs = _pairs(fields)
            pairs = " " + pairs
        if " " in short_message or "=" in short_message:
            short_message = f'"{short_message}"'
        return (
            f"timestamp={self._timestamps.rfc3339(message.timestamp)} host={host}{level} "
            f"short_message={short_message}{pairs}\n"
        )

    def _careful(self, message: Message) -> str:
        """Return the line of any message; see `LineRenderer._careful`."""
        pairs = [
            f"timestamp={self._timestamps.rfc3339(message.timestamp)}",
            f"host={_value(message.host)}",
        ]
        if message.level is not None:
            pairs.append(f"level={level_name(message.level)}")
        pairs.append(f"short_message={_value(message.short_message)}")
        if message.full_message is not None:
            pairs.append(f"full_message={_value(message.full_message)}")
        fields = shown(message, self._fields)
        if fields:
            pairs.append(_pairs(fields))
        return " ".join(pairs) + "\n"


def _pairs(fields: Mapping[str, FieldValue]) -> str:
    return " ".join([f"{_name(name)}={_value(value)}" for name, value in fields.items()])


def _value(value: FieldValue) -> str:
    text = value_text(value)
    return quote(text) if not text or _NEEDS_QUOTES.search(text) or not is_clean(text) else text


def _name(name: str) -> str:
    """Return a name that is one token: what logfmt cannot have in it becomes ``_``."""
    return _NEEDS_QUOTES.sub("_", replace_unsafe(name, "_")) or "_"
