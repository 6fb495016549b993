"""
Compression: told from the bytes, never from headers or options, because several clients lie.

Inflating is bounded by the size of the *output*. A payload that could not exceed the bound even at deflate's
maximum ratio takes the one-shot path; anything larger is inflated step by step, over all gzip members together.
"""

from __future__ import annotations

import zlib

from gelf_listener.errors import Reason, Rejected

CHUNK_MAGIC = b"\x1e\x0f"
GZIP_MAGIC = b"\x1f\x8b"

MAX_RATIO = 1032
"""Deflate cannot do better than 1032:1 (zlib's technical details, "Maximum Compression Factor")."""

MAX_ZSTD_WINDOW = 8 * 1024 * 1024
"""Bytes that a frame of zstd may make us keep while it is read; a sender may ask for as many (RFC 9659)."""

_MAX_MEMBERS = 64
"""Gzip members in one payload: each costs a copy of the rest, so an unbounded number would be quadratic."""

_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS
FIRST_GUESS_BYTES = 2048
"""Output room for a typical log message; zlib's default of 16 KiB costs a larger allocation for each."""


def is_zlib(data: bytes | bytearray | memoryview) -> bool:
    """Whether data starts with a zlib header of any level: 0x78 and a check value (RFC 1950, as Graylog tests it)."""
    return len(data) > 1 and data[0] == 0x78 and (0x7800 | data[1]) % 31 == 0


def is_gzip(data: bytes | bytearray | memoryview) -> bool:
    """Whether data starts with gzip's magic (RFC 1952)."""
    return len(data) > 1 and data[0] == 0x1F and data[1] == 0x8B


def inflate(data: bytes, max_bytes: int) -> bytes:
    """
    Inflate a zlib stream or all members of a gzip file.

    Args:
        data: Bytes that `is_zlib` or `is_gzip` recognised.
        max_bytes: Most bytes that may come out, over all members.

    Returns:
        The inflated payload. Bytes after the end of a stream are left out when they are not a gzip member.

    Raises:
        Rejected: `PAYLOAD_TOO_LARGE` when more would come out, `CORRUPT_COMPRESSION` when the stream is damaged or cut.
    """
    if len(data) * MAX_RATIO <= max_bytes:
        try:
            if data[0] == 0x78:
                return zlib.decompress(data, zlib.MAX_WBITS, FIRST_GUESS_BYTES)
        except zlib.error:
            pass  # let the careful path tell what is wrong, or survive trailing bytes
    parts: list[bytes] = []
    room = max_bytes
    rest = data
    while rest:
        stream = zlib.decompressobj(_ZLIB_OR_GZIP)
        try:
            part = stream.decompress(rest, room + 1)
        except zlib.error as error:
            if parts:
                break  # junk after a whole member
            raise Rejected(Reason.CORRUPT_COMPRESSION, f"damaged compressed payload: {error}", data) from None
        room -= len(part)
        if room < 0:
            detail = f"payload inflates to more than {max_bytes} bytes"
            raise Rejected(Reason.PAYLOAD_TOO_LARGE, detail, data)
        if not stream.eof:
            raise Rejected(Reason.CORRUPT_COMPRESSION, "compressed payload is cut short", data)
        parts.append(part)
        rest = stream.unused_data
        if not is_gzip(rest):
            break
        if len(parts) == _MAX_MEMBERS:
            raise Rejected(Reason.TOO_COMPLEX, f"more than {_MAX_MEMBERS} gzip members", data)
    return parts[0] if len(parts) == 1 else b"".join(parts)
