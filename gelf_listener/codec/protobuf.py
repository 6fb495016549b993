"""
Protobuf: the wire format, read and written without descriptions of messages.

A message is a sequence of fields. Each is a key (field number and wire type, a varint) and a value: a varint, 8 or 4
bytes, or a length and so many bytes (protobuf.dev, "Encoding"). Groups, which nothing uses any more, are refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct

from gelf_listener.errors import Reason, Rejected

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
"""Wire types."""

MAX_FIELDS = 100_000
"""Most fields of one message: looking at more would keep others waiting."""

_fixed64 = Struct("<Q").unpack_from
_fixed32 = Struct("<I").unpack_from
_U64 = 1 << 64


def damaged(detail: str, data: bytes) -> Rejected:
    """Make the error for bytes that are not protobuf."""
    return Rejected(Reason.INVALID_PROTOBUF, detail, data)


def too_many(data: bytes) -> Rejected:
    """Make the error for a message of too many fields."""
    return Rejected(Reason.TOO_COMPLEX, f"more than {MAX_FIELDS} fields in one message", data)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """
    Read a varint.

    Args:
        data: The message, and whatever is around it.
        at: Where it begins.

    Returns:
        Its value, of 64 bits, and where it ends.

    Raises:
        Rejected: If it is longer than ten bytes, or the data ends in it.
    """
    value = shift = 0
    try:
        if data[at] < 0x80:  # what nearly all are
            return data[at], at + 1
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value % _U64, at
            shift += 7
            if shift > 63:
                raise damaged("a varint longer than ten bytes", data)
    except IndexError:
        raise damaged("the data ends in a varint", data) from None


def fields(data: bytes, at: int = 0, end: int | None = None) -> Iterator[tuple[int, int, int, int]]:
    """
    Read the fields of a message.

    Args:
        data: The message, and whatever is around it.
        at: Where it begins.
        end: Where it ends; None: where the data does.

    Yields:
        Field number, wire type, and two numbers: the value and 0, or of bytes where they begin and end.

    Raises:
        Rejected: If it is not protobuf, or has more than `MAX_FIELDS`.
    """
    end = len(data) if end is None else end
    count = 0
    while at < end:
        count += 1
        if count > MAX_FIELDS:
            raise too_many(data)
        key, at = read_varint(data, at)
        kind = key & 7
        if kind in (BYTES, VARINT):
            value, at = read_varint(data, at)
            rest = 0
            if kind == BYTES:
                value, rest = at, at + value
                at = rest
        elif kind == FIXED64 and at + 8 <= end:
            value, rest = _fixed64(data, at)[0], 0
            at += 8
        elif kind == FIXED32 and at + 4 <= end:
            value, rest = _fixed32(data, at)[0], 0
            at += 4
        else:
            raise damaged(f"a field of wire type {kind}" if kind in (3, 4, 6, 7) else "a field is cut off", data)
        if at > end or key < 8:
            raise damaged("a field is longer than what it is in" if at > end else "a field without a number", data)
        yield key >> 3, kind, value, rest


def signed(value: int) -> int:
    """Return a varint's 64 bits as an int64."""
    return value - _U64 if value >> 63 else value


def write_field(number: int, value: int | bytes) -> bytes:
    """Write a field: a number as a varint, anything else as bytes."""
    if isinstance(value, int):
        return write_varint(number << 3 | VARINT) + write_varint(value % _U64)
    return write_varint(number << 3 | BYTES) + write_varint(len(value)) + value


def write_varint(value: int) -> bytes:
    """Write a varint, of a number that is not negative."""
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    written.append(value)
    return bytes(written)
