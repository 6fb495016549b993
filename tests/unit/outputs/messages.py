"""Messages made by hand, as a codec would make them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gelf_listener.message import FieldValue, Message, Peer

RECEIVED_AT = 1_790_000_000.0  # 2026-09-21T14:13:20Z
PEER = Peer("192.0.2.7", 5140)


def make_message(
    short_message: str = "hello",
    *,
    host: str = "web1",
    level: int | None = 6,
    full_message: str | None = None,
    fields: Mapping[str, FieldValue] | None = None,
    timestamp: float = RECEIVED_AT,
    received_at: float = RECEIVED_AT,
    exact: bool = True,
    raw: bytes | None = None,
) -> Message:
    """Make a message; unless told otherwise its raw bytes are what json.dumps makes of it."""
    values: dict[str, Any] = dict(fields or {})
    message = Message(
        timestamp=timestamp,
        host=host,
        short_message=short_message,
        full_message=full_message,
        level=level,
        raw=b"",
        received_at=received_at,
        input="gelf+udp-12201",
        peer=PEER,
        exact=exact,
        _fields=values,
    )
    message.raw = json.dumps(message.document()).encode() if raw is None else raw
    return message


def make_batch(count: int, start: int = 0, **keywords: Any) -> list[Message]:
    """Make messages that are told apart by a number at the end of their text."""
    return [make_message(f"message {number}", **keywords) for number in range(start, start + count)]
