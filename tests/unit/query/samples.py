"""Messages for query tests."""

from __future__ import annotations

from typing import Any

from gelf_listener.message import Message

NOW = 1564221188.0


def message(
    short_message: str = "A short message",
    host: str = "example.org",
    *,
    full_message: str | None = None,
    level: int | None = 6,
    timestamp: float = NOW,
    fields: dict[str, Any] | None = None,
) -> Message:
    return Message(timestamp, host, short_message, full_message, level, b"", NOW, "udp", _fields=fields or {})
