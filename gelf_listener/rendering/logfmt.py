"""logfmt: messages as lines of ``name=value`` pairs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from gelf_listener.message import FieldValue, Message
from gelf_listener.rendering import Fields, shown
from gelf_listener.rendering.levels import level_name
from gelf_listener.rendering.sanitise import quote
from gelf_listener.rendering.timestamps import Timestamps

__all__ = ["LogfmtRenderer"]

_PLAIN = re.compile(r"[!#-<>-\[\]-~]+")
"""Values that need no quotes: visible ASCII without ``"``, ``=`` and backslash."""
_BAD_NAME_CHARACTER = re.compile(r"[^!#-<>-\[\]-~]")


class LogfmtRenderer:
    """
    Writes a message as one line of logfmt: GELF's fields by their names, then the additional ones.

    Args:
        fields: Additional fields to write.
        utc: Timestamps in UTC instead of local time.
    """

    def __init__(self, fields: Fields = None, *, utc: bool = True) -> None:
        self._fields = fields
        self._timestamps = Timestamps(utc=utc)

    def render(self, batch: Sequence[Message]) -> bytes:
        """Return the batch as lines; see `Renderer.render`."""
        return "".join([self._line(message) for message in batch]).encode()

    def _line(self, message: Message) -> str:
        pairs = [
            f"timestamp={self._timestamps.rfc3339(message.timestamp)}",
            f"host={_value(message.host)}",
        ]
        if message.level is not None:
            pairs.append(f"level={level_name(message.level)}")
        pairs.append(f"short_message={_value(message.short_message)}")
        if message.full_message is not None:
            pairs.append(f"full_message={_value(message.full_message)}")
        pairs += [f"{_name(name)}={_value(value)}" for name, value in shown(message, self._fields).items()]
        return " ".join(pairs) + "\n"


def _value(value: FieldValue) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = value if isinstance(value, str) else str(value)
    return text if _PLAIN.fullmatch(text) else quote(text)


def _name(name: str) -> str:
    """Return a name that is one token: what logfmt cannot have in it becomes ``_``."""
    return _BAD_NAME_CHARACTER.sub("_", name) or "_"
