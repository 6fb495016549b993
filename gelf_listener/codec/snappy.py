"""
Snappy: blocks, as Loki's clients compress protobuf, and frames, which OpenTelemetry's collector sends by gRPC.

Frames have checksums, which are not looked at: what carries them has its own (google/snappy, "format_description.txt"
and "framing_format.txt").
"""

from __future__ import annotations

from collections.abc import Generator

from gelf_listener.codec.protobuf import read_varint
from gelf_listener.errors import Reason, Rejected

SNAPPY_MAGIC = b"\xff\x06\x00\x00sNaPpY"
"""What frames begin with."""

_COMPRESSED, _PLAIN = 0, 1
"""Kinds of frames that hold data; those from 0x80 on may be skipped."""

_MAX_FRAMES = 4096
"""Of one message: 65536 bytes may be in each."""
_CHECKSUM_BYTES = 4

_ELEMENTS_A_STEP = 1000
"""Literals and copies that are done before other connections have their turn: a millisecond."""


def unsnap(data: bytes, room: int) -> Generator[None, None, bytes]:
    """
    Decompress a block.

    Args:
        data: The block.
        room: Most bytes that may come out.

    Yields:
        None, where others may have their turn.

    Returns:
        What was compressed.

    Raises:
        Rejected: If it is damaged or too large.
    """
    try:
        size, at = read_varint(data, 0)
    except Rejected:
        raise _damaged("no length", data) from None
    if size > room:
        raise Rejected(Reason.PAYLOAD_TOO_LARGE, f"body inflates to more than {room} bytes", data)
    plain = bytearray()
    elements = 0
    try:
        while at < len(data):
            tag = data[at]
            at += 1
            if tag & 3 == 0:
                length = tag >> 2
                if length >= 60:
                    extra = length - 59
                    length = int.from_bytes(data[at : at + extra], "little")
                    at += extra
                length += 1
                plain += data[at : at + length]
                at += length
            else:
                if tag & 3 == 1:
                    length, offset = (tag >> 2 & 7) + 4, tag >> 5 << 8 | data[at]
                    at += 1
                else:
                    width = 2 if tag & 3 == 2 else 4
                    length, offset = (tag >> 2) + 1, int.from_bytes(data[at : at + width], "little")
                    at += width
                start = len(plain) - offset
                if offset == 0 or start < 0:
                    raise _damaged("a copy of what is not there", data)
                if offset >= length:
                    plain += plain[start : start + length]
                else:  # it copies what it has just written
                    plain += (plain[start:] * (length // offset + 1))[:length]
            if len(plain) > size:
                break
            elements += 1
            if elements % _ELEMENTS_A_STEP == 0:
                yield
    except IndexError:
        raise _damaged("it ends too early", data) from None
    if len(plain) != size or at != len(data):
        raise _damaged(f"{len(plain)} bytes instead of {size}", data)
    return bytes(plain)


def unframe(data: bytes, room: int) -> Generator[None, None, bytes]:
    """Decompress frames; see `unsnap`."""
    parts: list[bytes] = []
    at = frames = 0
    while at < len(data):
        kind, length = data[at], int.from_bytes(data[at + 1 : at + 4], "little")
        begin, at = at + 4 + _CHECKSUM_BYTES, at + 4 + length
        frames += 1
        if at > len(data) or frames > _MAX_FRAMES:
            raise _damaged("it ends too early" if at > len(data) else f"more than {_MAX_FRAMES} frames", data)
        if kind == _COMPRESSED:
            parts.append((yield from unsnap(data[begin:at], room)))
        elif kind == _PLAIN:
            parts.append(data[begin:at])
        elif kind < 0x80:
            raise _damaged(f"a frame of kind {kind}", data)
        else:
            continue
        room -= len(parts[-1])
        if room < 0:
            raise Rejected(Reason.PAYLOAD_TOO_LARGE, "body inflates to more bytes than there is room for", data)
    return b"".join(parts)


def _damaged(detail: str, data: bytes) -> Rejected:
    return Rejected(Reason.CORRUPT_COMPRESSION, f"damaged snappy: {detail}", data)
