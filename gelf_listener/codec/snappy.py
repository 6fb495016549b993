"""Snappy: blocks without frames, as Loki's clients compress protobuf (google/snappy, "format_description.txt")."""

from __future__ import annotations

from collections.abc import Generator

from gelf_listener.codec.protobuf import read_varint
from gelf_listener.errors import Reason, Rejected

__all__ = ["unsnap"]

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


def _damaged(detail: str, data: bytes) -> Rejected:
    return Rejected(Reason.CORRUPT_COMPRESSION, f"damaged snappy block: {detail}", data)
