"""Bodies that are read piece by piece: undo their Content-Encoding."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from typing import Any

from gelf_listener.codec.compression import MAX_ZSTD_WINDOW
from gelf_listener.errors import Reason, Rejected

_PIECE_BYTES = 256 * 1024
_ZSTD_BYTES = 64
"""Bytes of zstd that are read at a time where its output is not bounded: each four may be 128 KiB of one byte."""
_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS


class StreamInflater:
    """
    Undoes the Content-Encoding of a body that is read piece by piece.

    Args:
        encoding: The header, in lower case; empty for none.

    Raises:
        Rejected: If the encoding is none that can be undone piece by piece.
    """

    def __init__(self, encoding: bytes) -> None:
        if encoding not in (b"", b"identity", b"gzip", b"x-gzip", b"deflate", b"zstd"):
            shown = encoding[:50].decode("ascii", "backslashreplace")
            detail = f"Content-Encoding {shown} is not supported here; use gzip, deflate or zstd"
            raise Rejected(Reason.UNKNOWN_COMPRESSION, detail)
        self._is_zstd = encoding == b"zstd"
        self._stream = None if encoding in (b"", b"identity") else self._new()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """
        Take bytes; yield what they mean, in pieces of bounded size.

        Raises:
            Rejected: If the body is damaged.
        """
        if self._stream is None:
            yield data
            return
        step = _ZSTD_BYTES if self._is_zstd else max(len(data), 1)
        for at in range(0, len(data), step):
            rest = data[at : at + step]
            while rest:
                piece, rest = self._inflate(rest)
                if piece:
                    yield piece

    def _inflate(self, data: bytes) -> tuple[bytes, bytes]:
        """Return what comes out of some bytes, and those that were not looked at."""
        stream: Any = self._stream
        try:
            piece = stream.decompress(data) if self._is_zstd else stream.decompress(data, _PIECE_BYTES)
        except self._error as error:
            raise Rejected(Reason.CORRUPT_COMPRESSION, f"damaged compressed body: {error}", data) from None
        if stream.eof:
            self._stream = self._new()  # gzip may have several members, zstd several frames
            return piece, stream.unused_data
        return piece, stream.unconsumed_tail

    def _new(self) -> Any:
        self._error: type[Exception] = zlib.error
        if not self._is_zstd:
            return zlib.decompressobj(_ZLIB_OR_GZIP)
        import zstandard  # costs start-up time

        self._error = zstandard.ZstdError
        return zstandard.ZstdDecompressor(max_window_size=MAX_ZSTD_WINDOW).decompressobj()
