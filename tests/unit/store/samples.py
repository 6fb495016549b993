"""Messages for the stores' tests."""

from __future__ import annotations

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.lenient import LenientGelf
from gelf_listener.message import FieldValue, Message, Peer

__all__ = ["START", "decoded", "plain"]

START = 1_700_000_000.0


def decoded(*payloads: bytes, received_at: float = START, peer: Peer | None = None) -> list[Message]:
    """Messages as an input makes them: lazy, from payloads."""
    batch = Batch()
    LenientGelf("gelf+udp://test").decode_all(((payload, peer) for payload in payloads), received_at, batch)
    assert not batch.rejected
    return batch.messages


def plain(
    text: str = "Hello",
    host: str = "web",
    *,
    at: float = 0.0,
    level: int | None = 6,
    full_message: str | None = None,
    peer: Peer | None = None,
    **fields: FieldValue,
) -> Message:
    """A message some seconds after `START`, with additional fields."""
    return Message(START + at, host, text, full_message, level, b"", START + at, "udp", peer, _fields=fields)
