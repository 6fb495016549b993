"""Kept blocks: the last few that were unpacked, for an export goes on in the one where it stopped."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path

import zstandard

from gelf_listener.store.tables import unpack_block


class KeptBlocks:
    """
    Unpacks blocks, and keeps the last few; any thread may ask.

    A block is known by where it lies and compared with what was there: as a key, its bytes would be hashed each time,
    which takes a tenth of reading a message.

    Args:
        most: How many to keep.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._blocks: dict[tuple[Path, int], tuple[bytes, Sequence[bytes]]] = {}
        self._lock = threading.Lock()
        self._own = threading.local()
        """Each thread's decompressor: making one takes 9 microseconds, and two threads must not share it."""

    def unpacked(self, file: Path, first: int, packed: bytes, *, keep: bool = True) -> Sequence[bytes]:
        """
        Return the messages of a block.

        Args:
            file: Where it lies.
            first: Its first place.
            packed: What is there now.
            keep: Whether it may be asked for again soon.

        Raises:
            zstandard.ZstdError: If it is damaged.
            msgspec.MsgspecError: Likewise.
            MemoryError: Likewise.
        """
        where = file, first
        known = self._blocks.get(where)
        if known is not None and known[0] == packed:
            return known[1]
        messages = unpack_block(self._decompressor().decompress(packed))
        if keep:
            with self._lock:
                self._blocks.pop(where, None)
                self._blocks[where] = packed, messages
                while len(self._blocks) > self._most:
                    del self._blocks[next(iter(self._blocks))]
        return messages

    def _decompressor(self) -> zstandard.ZstdDecompressor:
        known: zstandard.ZstdDecompressor | None = getattr(self._own, "decompressor", None)
        if known is None:
            known = self._own.decompressor = zstandard.ZstdDecompressor()
        return known
