"""
graypy's chunkers, repaired.

Random message ids come from the operating system (graypy's `random.randint` repeats in workers that seed alike), the
header is in network byte order, and a warning names the size of a message, never its bytes: graypy's embeds
the whole message, which the warnings registry keeps indefinitely.
"""

from __future__ import annotations

import json
import os
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import graypy.handler as graypy
from graypy.handler import LAN_CHUNK, WAN_CHUNK, GELFChunkOverflowWarning, GELFTruncationFailureWarning

from gelf_handlers.gelf import dump

__all__ = [
    "LAN_CHUNK",
    "WAN_CHUNK",
    "BaseGELFChunker",
    "GELFChunkOverflowWarning",
    "GELFTruncatingChunker",
    "GELFTruncationFailureWarning",
    "GELFWarningChunker",
]

_MAX_CHUNKS: Final = 128
_MAGIC: Final = b"\x1e\x0f"
_KEEP_CHARACTERS: Final = 32


class BaseGELFChunker(graypy.BaseGELFChunker):
    """Splits a message into chunks; drops one that needs more than 128 (the handler counts it)."""

    def _gen_gelf_chunks(self, message: bytes) -> Iterator[bytes]:
        count = self._message_chunk_number(message)
        header = _MAGIC + os.urandom(8)
        for number in range(count):
            start = number * self.chunk_size
            yield header + bytes((number, count)) + message[start : start + self.chunk_size]


class GELFWarningChunker(BaseGELFChunker, graypy.GELFWarningChunker):
    """Splits a message into chunks; warns about one that needs more than 128 and drops it."""

    def chunk_message(self, message: bytes) -> Iterator[bytes]:
        """Yield a message's chunks, none if it is too large."""
        if self._message_chunk_number(message) > _MAX_CHUNKS:
            warnings.warn("GELF message needs more than 128 chunks", GELFChunkOverflowWarning, stacklevel=2)
            return
        yield from self._gen_gelf_chunks(message)


class GELFTruncatingChunker(BaseGELFChunker, graypy.GELFTruncatingChunker):
    """
    Splits a message into chunks; shortens the longest texts of one that needs more than 128.

    Level, fields and the beginning of every text are kept (graypy's drops the fields and makes everything an
    error); ``_chunk_overflow`` says it happened. Whether a message is compressed is told from its bytes.
    """

    def __init__(
        self,
        chunk_size: int = WAN_CHUNK,
        compress: bool = True,
        gelf_packer: Callable[[Mapping[str, Any]], bytes] = dump,
    ) -> None:
        graypy.GELFTruncatingChunker.__init__(self, chunk_size, compress, gelf_packer)

    def gen_chunk_overflow_gelf_log(self, raw_message: bytes) -> bytes:
        """
        Return a message shortened until it fits 128 chunks.

        Raises:
            GELFTruncationFailureWarning: If it cannot be made to fit.
        """
        compressed = raw_message[:1] == b"\x78"
        message = json.loads(zlib.decompress(raw_message) if compressed else raw_message)
        message["_chunk_overflow"] = "true"
        while True:
            packed: bytes = self.gelf_packer(message)
            if compressed:
                packed = zlib.compress(packed)
            if self._message_chunk_number(packed) <= _MAX_CHUNKS:
                return packed
            longest = max((key for key in message if isinstance(message[key], str)), key=lambda key: len(message[key]))
            text = message[longest]
            if len(text) > _KEEP_CHARACTERS:
                excess = len(packed) / (_MAX_CHUNKS * self.chunk_size)
                message[longest] = text[: max(_KEEP_CHARACTERS, int(len(text) / min(2.0, max(1.05, excess))))]
            elif longest in ("version", "host", "short_message") or len(message) < 8:
                raise GELFTruncationFailureWarning(f"GELF message of {len(raw_message)} bytes cannot be shortened")
            else:
                del message[longest]

    def chunk_message(self, message: bytes) -> Iterator[bytes]:
        """Yield a message's chunks, shortened where they would be more than 128."""
        if self._message_chunk_number(message) > _MAX_CHUNKS:
            warnings.warn("GELF message needs more than 128 chunks: truncated", GELFChunkOverflowWarning, stacklevel=2)
            try:
                message = self.gen_chunk_overflow_gelf_log(message)
            except (GELFTruncationFailureWarning, ValueError, KeyError, zlib.error):
                warnings.warn("GELF message cannot be truncated", GELFTruncationFailureWarning, stacklevel=2)
                return
        yield from self._gen_gelf_chunks(message)
