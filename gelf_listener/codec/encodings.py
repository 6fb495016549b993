"""Encodings: bodies and messages compressed in a way that a header names -> what was sent, within bounds."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Generator

from gelf_listener.codec.compression import MAX_ZSTD_WINDOW, is_gzip, is_zlib
from gelf_listener.codec.inflater import Inflater
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.snappy import SNAPPY_MAGIC, unframe, unsnap
from gelf_listener.errors import Reason, Rejected

_MAX_CODINGS = 2
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_SNAPPY = frozenset((b"snappy", b"x-snappy-framed"))
_KNOWN = frozenset((b"gzip", b"x-gzip", b"deflate", b"zlib", b"zstd")) | _SNAPPY


def unpack(body: bytes, encoding: bytes, inflater: Inflater, receipt: Receipt) -> Generator[None, None, bytes]:
    """
    Undo an encoding: gzip, deflate (with zlib's header, or without, as some clients mean it), zlib, zstd and snappy.

    The bytes decide where they contradict the header: several clients name an encoding that does not fit.

    Args:
        body: As it was sent.
        encoding: Its name in lower case, or several separated by commas, as a Content-Encoding has them.
        inflater: Bounds what comes out.
        receipt: Of the request.

    Yields:
        None, where others may have their turn.

    Returns:
        What was compressed.

    Raises:
        Rejected: If the encoding is unknown, or the body damaged or too large.
    """
    codings = [coding.strip() for coding in encoding.split(b",")]
    codings = [coding for coding in codings if coding not in (b"", b"identity")]
    if len(codings) > _MAX_CODINGS:
        raise Rejected(Reason.UNKNOWN_COMPRESSION, f"more than {_MAX_CODINGS} content codings", body)
    for coding in reversed(codings):
        if coding in _SNAPPY:
            body = yield from _unsnap(body, inflater, receipt)
        else:
            body = _undo(coding, body, inflater, receipt)
    return body


def _undo(coding: bytes, body: bytes, inflater: Inflater, receipt: Receipt) -> bytes:
    if coding not in _KNOWN:
        shown = coding[:50].decode("ascii", "backslashreplace")
        detail = f"Content-Encoding {shown} is not supported; use gzip, deflate, zstd or snappy"
        raise Rejected(Reason.UNKNOWN_COMPRESSION, detail, body)
    if is_gzip(body) or is_zlib(body):
        return inflater.inflate(body, receipt)
    if coding == b"zstd" and body.startswith(_ZSTD_MAGIC):
        return _bounded(_unzstd, body, inflater, receipt)
    if coding == b"deflate" and body.lstrip()[:1] not in (b"{", b"["):
        return _bounded(_raw_deflate, body, inflater, receipt)
    return body


def _unsnap(body: bytes, inflater: Inflater, receipt: Receipt) -> Generator[None, None, bytes]:
    """Undo snappy, a block or frames, whichever the bytes are: OpenTelemetry's collector calls both the same."""
    undo = unframe if body.startswith(SNAPPY_MAGIC) else unsnap
    plain = yield from undo(body, inflater.room(receipt))
    inflater.judge(len(body), len(plain), receipt)
    return plain


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

    window = max(room, MAX_ZSTD_WINDOW)
    decompressor = zstandard.ZstdDecompressor(max_window_size=window)
    try:
        if zstandard.get_frame_parameters(body).window_size > window:
            raise Rejected(Reason.PAYLOAD_TOO_LARGE, f"body needs more than {window} bytes to be inflated", body)
        with decompressor.stream_reader(io.BytesIO(body), read_across_frames=True) as reader:
            plain: bytes = reader.read(room + 1)
    except zstandard.ZstdError as error:
        raise Rejected(Reason.CORRUPT_COMPRESSION, f"damaged zstd body: {error}", body) from None
    return plain
