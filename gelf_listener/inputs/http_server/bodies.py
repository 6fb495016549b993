"""Bodies: undo a Content-Encoding, within bounds."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from typing import Any

from gelf_listener.codec import Receipt
from gelf_listener.codec.compression import is_gzip, is_zlib
from gelf_listener.codec.inflater import Inflater
from gelf_listener.errors import Reason, Rejected

__all__ = ["StreamInflater", "unpack"]

_MAX_CODINGS = 2
_PIECE_BYTES = 256 * 1024
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_ZSTD_BYTES = 64
"""Bytes of zstd that are read at a time where its output is not bounded: each four may be 128 KiB of one byte."""
_MAX_WINDOW_BYTES = 8 * 1024 * 1024
_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS


def unpack(body: bytes, encoding: bytes, inflater: Inflater, receipt: Receipt) -> bytes:
    """
    Undo a Content-Encoding: gzip, deflate (with zlib's header, or without, as some clients mean it) and zstd.

    The bytes decide where they contradict the header: several clients send a Content-Encoding that does not fit.

    Args:
        body: As it was sent.
        encoding: The header, in lower case.
        inflater: Bounds what comes out.
        receipt: Of the request.

    Raises:
        Rejected: If the encoding is unknown, or the body damaged or too large.
    """
    codings = [coding.strip() for coding in encoding.split(b",")]
    codings = [coding for coding in codings if coding not in (b"", b"identity")]
    if len(codings) > _MAX_CODINGS:
        raise Rejected(Reason.UNKNOWN_COMPRESSION, f"more than {_MAX_CODINGS} content codings", body)
    for coding in reversed(codings):
        body = _undo(coding, body, inflater, receipt)
    return body


def _undo(coding: bytes, body: bytes, inflater: Inflater, receipt: Receipt) -> bytes:
    if coding not in (b"gzip", b"x-gzip", b"deflate", b"zstd"):
        shown = coding[:50].decode("ascii", "backslashreplace")
        detail = f"Content-Encoding {shown} is not supported; use gzip, deflate or zstd"
        raise Rejected(Reason.UNKNOWN_COMPRESSION, detail, body)
    if is_gzip(body) or is_zlib(body):
        return inflater.inflate(body, receipt)
    if coding == b"zstd" and body.startswith(_ZSTD_MAGIC):
        return _bounded(_unzstd, body, inflater, receipt)
    if coding == b"deflate" and body.lstrip()[:1] not in (b"{", b"["):
        return _bounded(_raw_deflate, body, inflater, receipt)
    return body


def _bounded(undo: Callable[[bytes, int], bytes], body: bytes, inflater: Inflater, receipt: Receipt) -> bytes:
    """Apply what returns at most one byte more than the room there is."""
    room = inflater.room(receipt)
    plain = undo(body, room)
    if len(plain) > room:
        inflater.strike(receipt)
        raise Rejected(Reason.PAYLOAD_TOO_LARGE, f"body inflates to more than {room} bytes", body)
    inflater.judge(len(body), len(plain), receipt)
    return plain


def _raw_deflate(body: bytes, room: int) -> bytes:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        plain = stream.decompress(body, room + 1)
    except zlib.error as error:
        raise Rejected(Reason.CORRUPT_COMPRESSION, f"damaged deflate body: {error}", body) from None
    if len(plain) <= room and not stream.eof:
        raise Rejected(Reason.CORRUPT_COMPRESSION, "the deflate body ends too early", body)
    return plain


def _unzstd(body: bytes, room: int) -> bytes:
    import zstandard  # costs start-up time

    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(body), read_across_frames=True) as reader:
            plain: bytes = reader.read(room + 1)
    except zstandard.ZstdError as error:
        raise Rejected(Reason.CORRUPT_COMPRESSION, f"damaged zstd body: {error}", body) from None
    return plain


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
        return zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_BYTES).decompressobj()
