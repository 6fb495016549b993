"""Chunks: what a compressed chunk holds, piece by piece, each of bounded size."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from gelf_listener.codec.compression import MAX_ZSTD_WINDOW, is_gzip
from gelf_listener.errors import Reason, Rejected

_PIECE_BYTES = 16 * 1024
_ZSTD_BYTES = 64
"""Bytes of zstd that are read at a time: each four may be 128 KiB of one byte."""
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_TRIES = (256, 16, 1)
"""Bytes of gzip that are tried at a time where some of them are damaged."""
_GZIP = 16 + zlib.MAX_WBITS


def is_compressed(start: bytes | bytearray) -> bool:
    """Whether data begins like gzip or zstd; an event cannot, whatever the options of its chunk say."""
    return is_gzip(start) or start[:4] == _ZSTD_MAGIC


class Pieces:
    """
    Inflates gzip or zstd that comes in pieces.

    There may be many members or frames: Fluentd compresses what it adds to a buffer, each time by itself.

    Args:
        start: First bytes of the chunk: which it is.
        max_bytes: Most bytes that may come out.
    """

    def __init__(self, start: bytes | bytearray, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._is_gzip = is_gzip(start)
        self._stream = self._new()
        self._held = b""
        self.is_whole = True
        """Whether what was fed ends where a member does."""
        self.total = 0
        """Bytes that came out."""

    def feed(self, data: bytes, *, last: bool) -> Iterator[bytes]:
        """
        Take some kilobytes; yield what comes out, up to where they are damaged.

        Args:
            data: In whatever pieces it arrived: what comes out does not depend on that.
            last: Whether nothing follows.

        Raises:
            Rejected: If they are damaged, or too much comes out.
        """
        if self._is_gzip:
            yield from self._feed(data)
            return
        data, self._held = self._held + data, b""
        for at in range(0, len(data), _ZSTD_BYTES):
            step = data[at : at + _ZSTD_BYTES]
            if len(step) < _ZSTD_BYTES and not last:
                self._held = step
            else:
                yield from self._feed(step)

    def _feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            before = self._stream.copy() if self._is_gzip else None
            try:
                piece, data = self._inflate(data)
            except self._error as error:
                if before is not None:
                    yield from map(self._counted, _before_damage(before, data))
                raise Rejected(Reason.CORRUPT_COMPRESSION, f"damaged chunk: {error}", data) from None
            if piece:
                yield self._counted(piece)

    def _counted(self, piece: bytes) -> bytes:
        self.total += len(piece)
        if self.total > self._max_bytes:
            raise Rejected(Reason.PAYLOAD_TOO_LARGE, f"a chunk inflates to more than {self._max_bytes} bytes", piece)
        return piece

    def _inflate(self, data: bytes) -> tuple[bytes, bytes]:
        """Return what comes out, and what was not looked at."""
        stream = self._stream
        piece = stream.decompress(data, _PIECE_BYTES) if self._is_gzip else stream.decompress(data)
        self.is_whole = stream.eof
        if stream.eof:
            self._stream = self._new()
            return piece, stream.unused_data
        return piece, stream.unconsumed_tail

    def _new(self) -> Any:
        if self._is_gzip:
            self._error: type[Exception] = zlib.error
            return zlib.decompressobj(_GZIP)
        import zstandard

        self._error = zstandard.ZstdError
        return zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW).decompressobj()


def _before_damage(stream: Any, data: bytes) -> Iterator[bytes]:
    """
    Inflate up to where data is damaged: zlib keeps to itself what came out of a piece before that.

    Args:
        stream: A `zlib.decompressobj` as it was before it was given the piece.
        data: The piece.
    """
    for step in _TRIES:
        while data:
            attempt = stream.copy()
            try:
                piece = attempt.decompress(data[:step])
            except zlib.error:
                break
            stream, data = attempt, data[step:]
            if piece:
                yield piece
