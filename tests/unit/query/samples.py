"""Messages for query tests."""

from __future__ import annotations

from typing import Any

from gelf_listener.message import Message, Peer

NOW = 1564221188.0


def message(
    short_message: str = "A short message",
    host: str = "example.org",
    *,
    full_message: str | None = None,
    level: int | None = 6,
    timestamp: float = NOW,
    peer: tuple[str, int] | None = None,
    fields: dict[str, Any] | None = None,
    id: str = "",
) -> Message:
    sender = None if peer is None else Peer(*peer)
    made = Message(timestamp, host, short_message, full_message, level, b"", NOW, "udp", sender, _fields=fields or {})
    made.stored_id = id
    return made
