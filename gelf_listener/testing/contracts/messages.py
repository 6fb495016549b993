"""Messages as a codec makes them, to give to an output."""

from __future__ import annotations

from gelf_listener.codec import Batch, GelfDecoder
from gelf_listener.message import Message, Peer

_RECEIVED_AT = 1_790_000_000.0  # 2026-09-21T14:13:20Z
_PEER = Peer("192.0.2.7", 5140)


def make_batch(count: int, start: int = 0) -> list[Message]:
    """Make messages that are told apart by a number at the end of their text: ``message 0`` and so on."""
    batch = Batch()
    decoder = GelfDecoder("lenient", "gelf+udp-12201")
    for number in range(start, start + count):
        payload = (
            f'{{"version":"1.1","host":"web1","short_message":"message {number}","timestamp":{_RECEIVED_AT},'
            f'"level":6,"_number":{number}}}'
        )
        decoder.decode(payload.encode(), _RECEIVED_AT, _PEER, batch)
    return batch.messages
