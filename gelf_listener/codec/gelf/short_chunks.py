"""
Short chunks: a header of 5 bytes, as npm's gelf and gelf-node write it, made one of 12.

They put one byte where the message id has eight: magic, id, sequence number, sequence count, data. A first chunk is
told by the compressed payload that begins behind these five bytes; from then on its sender's chunks are read so. What
is put together is taken only if it inflates, and its checksum decides that: chunks of two messages that had the same
id at the same time are rejected, and never a message.
"""

from __future__ import annotations

from collections import OrderedDict

from gelf_listener.codec.compression import CHUNK_MAGIC
from gelf_listener.codec.gelf.chunking import MAX_CHUNKS
from gelf_listener.message import Peer

_SHORT_HEADER_BYTES = 5
_MISSING_ID_BYTES = bytes(7)
_MOST_SENDERS = 1024
_COMPRESSED = (b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda", b"\x1f\x8b")


class ShortChunks:
    """Knows which senders write short headers; the last 1024 of them."""

    def __init__(self) -> None:
        self._senders: OrderedDict[Peer | None, None] = OrderedDict()

    def has(self, datagram: bytes, peer: Peer | None) -> bool:
        """Whether a datagram that starts with the chunk magic has a short header; its sender is remembered."""
        if len(datagram) <= _SHORT_HEADER_BYTES or not datagram[3] < datagram[4] <= MAX_CHUNKS or datagram[4] < 2:
            return False
        if peer in self._senders:
            return True
        if datagram[3] or datagram[5:7] not in _COMPRESSED or datagram[12:14] in _COMPRESSED:
            return False
        self._senders[peer] = None
        if len(self._senders) > _MOST_SENDERS:
            self._senders.popitem(last=False)
        return True


def lengthened(datagram: bytes) -> bytes:
    """Return a chunk with the header that it should have."""
    return CHUNK_MAGIC + _MISSING_ID_BYTES + datagram[2:]
