"""
PROXY protocol: what a proxy puts in front of a connection to say who is behind it (HAProxy's specification, 1 and 2).

Sans-IO: bytes go in, the header comes out. Laws:

* A header of version 1 is one line of at most 107 bytes; one of version 2 says its own length, of which we take 4 KiB.
* A header that names nobody (``UNKNOWN``, ``LOCAL``, a Unix socket) leaves the peer what it is: the proxy itself.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import NamedTuple

from gelf_listener.message import Peer

MOST_BYTES = 4096
"""Longest header that is taken: addresses and a few additions (TLVs)."""

_ONE = b"PROXY "
_LONGEST_ONE = 107
_TWO = b"\r\n\r\n\0\r\nQUIT\n"
_FIXED_TWO = 16
_ADDRESSES = {0x1: (4, ipaddress.IPv4Address), 0x2: (16, ipaddress.IPv6Address)}
"""By family: bytes of an address."""


class ProxyHeader(NamedTuple):
    """
    A header.

    Attributes:
        size: Its bytes.
        peer: Who is behind the proxy; None when it does not say.
    """

    size: int
    peer: Peer | None


def may_begin(data: bytes) -> bool:
    """Whether bytes are the beginning of a header, or a whole one and more."""
    return any(data[: len(magic)] == magic[: len(data)] for magic in (_ONE, _TWO)) and bool(data)


def parse_header(data: bytes) -> ProxyHeader | None:
    """
    Parse the header at the beginning of a connection.

    Args:
        data: All bytes so far.

    Returns:
        None when more bytes are needed.

    Raises:
        ValueError: If it is none, or too long.
    """
    if data.startswith(_ONE):
        return _parse_one(data)
    if data.startswith(_TWO):
        return _parse_two(data)
    if may_begin(data):
        return None
    raise ValueError("not a PROXY protocol header")


def _parse_one(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\r\n", 0, _LONGEST_ONE)
    if end < 0:
        if len(data) >= _LONGEST_ONE:
            raise ValueError("a PROXY protocol header without an end")
        return None
    words = data[:end].decode("latin-1").split(" ")
    if words[1] == "UNKNOWN":
        return ProxyHeader(end + 2, None)
    if len(words) != 6 or words[1] not in ("TCP4", "TCP6"):
        raise ValueError("a PROXY protocol header that is not TCP4, TCP6 or UNKNOWN")
    address = ipaddress.ip_address(words[2])
    if address.version != (4 if words[1] == "TCP4" else 6) or not words[4].isdecimal() or int(words[4]) > 65535:
        raise ValueError("a PROXY protocol header with a wrong address or port")
    return ProxyHeader(end + 2, Peer(str(address), int(words[4])))


def _parse_two(data: bytes) -> ProxyHeader | None:
    if len(data) < _FIXED_TWO:
        return None
    command, family, length = struct.unpack_from("!BBH", data, len(_TWO))
    size = _FIXED_TWO + length
    if command >> 4 != 2 or command & 0xF > 1:
        raise ValueError("a PROXY protocol header of another version or command")
    if size > MOST_BYTES:
        raise ValueError(f"a PROXY protocol header of {size} bytes, longer than {MOST_BYTES}")
    if len(data) < size:
        return None
    kind = _ADDRESSES.get(family >> 4)
    if command & 0xF == 0 or kind is None:
        return ProxyHeader(size, None)
    width, make = kind
    if length < 2 * width + 4:
        raise ValueError("a PROXY protocol header whose addresses are cut")
    source = make(data[_FIXED_TWO : _FIXED_TWO + width])
    (port,) = struct.unpack_from("!H", data, _FIXED_TWO + 2 * width)
    return ProxyHeader(size, Peer(str(source), port))
