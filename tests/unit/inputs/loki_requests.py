"""Push requests of Loki in protobuf, as its clients write them."""

from __future__ import annotations

from typing import Any

from gelf_listener.codec.protobuf import write_field

__all__ = ["pushed", "snap"]


def snap(data: bytes) -> bytes:
    """Write a block of literals."""
    length, block = len(data), b""
    while length > 127:
        block += bytes([length & 127 | 128])
        length >>= 7
    block += bytes([length])
    for at in range(0, len(data), 60):
        piece = data[at : at + 60]
        block += bytes([(len(piece) - 1) << 2]) + piece
    return block


def pushed(*entries: tuple[Any, ...], labels: str = '{app="shop"}') -> bytes:
    """A request in protobuf: time, line and structured metadata of each entry."""
    stream = write_field(1, labels.encode())
    for nanoseconds, line, *metadata in entries:
        stamp = write_field(1, nanoseconds // 1_000_000_000) + write_field(2, nanoseconds % 1_000_000_000)
        entry = write_field(1, stamp) + write_field(2, line.encode())
        for name, value in (metadata[0] if metadata else {}).items():
            entry += write_field(3, write_field(1, name.encode()) + write_field(2, value.encode()))
        stream += write_field(2, entry)
    return write_field(1, stream)
