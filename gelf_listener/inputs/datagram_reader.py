"""
Datagrams: read many of them with one system call.

On Linux `recvmmsg` (through ctypes) fills up to 256 buffers at once; asyncio's own datagram transport makes a
system call and a callback for each, which tops out at a seventh of the rate (`make bench`). Elsewhere a loop
of `recvfrom_into` does the same, slower.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import socket
import struct
import sys
from collections.abc import Sequence
from typing import Protocol

from gelf_listener.message import Peer

Datagrams = tuple[list[bytes], Sequence[Peer]]
"""Payloads, and who sent each, in the order of arrival."""

MAX_DATAGRAM = 65536
"""No UDP payload is longer than 65507 bytes over IPv4, 65527 over IPv6."""

_MAX_PEERS = 4096
_LOCAL = Peer("127.0.0.1", 0)
"""Who sends by a Unix socket."""


class DatagramReader(Protocol):
    """Reads waiting datagrams from one non-blocking socket."""

    def read(self, most: int = ...) -> Datagrams:
        """
        Return what is waiting without blocking; two empty lists when nothing is.

        Args:
            most: Datagrams, up to `batch`, which is the default; fewer mean that the socket is empty.

        Raises:
            OSError: If the socket is broken.
        """

    @property
    def batch(self) -> int:
        """Most datagrams that one `read` can return."""


class RecvFrom:
    """Reads with one system call per datagram: works everywhere."""

    batch = 64

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._buffer = bytearray(MAX_DATAGRAM)
        self._view = memoryview(self._buffer)

    def read(self, most: int = batch) -> Datagrams:
        """Return waiting datagrams; see `DatagramReader`."""
        payloads: list[bytes] = []
        peers: list[Peer] = []
        for _ in range(most):
            try:
                size, address = self._sock.recvfrom_into(self._buffer)
            except (BlockingIOError, InterruptedError):
                break
            except ConnectionError:  # an ICMP error for something this socket once sent
                continue
            payloads.append(bytes(self._view[:size]))
            is_local = not isinstance(address, tuple)  # a Unix socket; without the interface, as `RecvMmsg`
            peers.append(_LOCAL if is_local else Peer(address[0].partition("%")[0], address[1]))
        return payloads, peers


class _Iovec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _Msghdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("iov", ctypes.POINTER(_Iovec)),
        ("iov_length", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Mmsghdr(ctypes.Structure):
    _fields_ = (("header", _Msghdr), ("length", ctypes.c_uint32))


_NAME_BYTES = 28
"""sizeof(struct sockaddr_in6); a sockaddr_in is shorter and leaves the rest zero."""


class RecvMmsg:
    """
    Reads up to 256 datagrams with one `recvmmsg` (Linux).

    Buffers are anonymous memory maps: slicing one gives `bytes` in a single copy, and pages that no datagram
    ever reached cost nothing.
    """

    batch = 256

    def __init__(self, sock: socket.socket) -> None:
        self._fd = sock.fileno()
        self._is_ipv6 = sock.family == socket.AF_INET6
        self._is_local = sock.family == getattr(socket, "AF_UNIX", None)
        count = self.batch
        self._data = mmap.mmap(-1, count * MAX_DATAGRAM)
        self._names = mmap.mmap(-1, count * _NAME_BYTES)
        data_address = ctypes.addressof(ctypes.c_char.from_buffer(self._data))
        names_address = ctypes.addressof(ctypes.c_char.from_buffer(self._names))
        self._iovecs = (_Iovec * count)()
        self._headers = (_Mmsghdr * count)()
        for index in range(count):
            self._iovecs[index] = _Iovec(data_address + index * MAX_DATAGRAM, MAX_DATAGRAM)
            header = self._headers[index].header
            header.name = names_address + index * _NAME_BYTES
            header.name_length = _NAME_BYTES
            header.iov = ctypes.pointer(self._iovecs[index])
            header.iov_length = 1
        words = ctypes.sizeof(_Mmsghdr) // 4
        self._lengths = memoryview(self._headers).cast("B").cast("I")[_Mmsghdr.length.offset // 4 :: words]
        self._recvmmsg = ctypes.CDLL(None, use_errno=True).recvmmsg
        self._recvmmsg.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p)
        self._headers_address = ctypes.addressof(self._headers)
        self._starts = range(0, count * MAX_DATAGRAM, MAX_DATAGRAM)
        self._peers: dict[bytes, Peer] = {}

    def read(self, most: int = batch) -> Datagrams:
        """Return waiting datagrams; see `DatagramReader`."""
        count = self._recvmmsg(self._fd, self._headers_address, most, socket.MSG_DONTWAIT, None)
        if count < 0:
            number = ctypes.get_errno()
            if isinstance(OSError(number, ""), (BlockingIOError, InterruptedError, ConnectionError)):
                return [], []
            raise OSError(number, os.strerror(number))
        data = self._data
        ends = self._lengths[:count].tolist()
        payloads = [data[start : start + length] for start, length in zip(self._starts, ends, strict=False)]
        return payloads, [_LOCAL] * count if self._is_local else self._senders(count)

    def _senders(self, count: int) -> list[Peer]:
        """Return who sent the datagrams of the last read; mostly one peer sent them all."""
        names = self._names[: count * _NAME_BYTES]
        first = names[:_NAME_BYTES]
        peer = self._peers.get(first) or self._learn(first)
        if names == first * count:
            return [peer] * count
        peers = []
        for start in range(0, count * _NAME_BYTES, _NAME_BYTES):
            name = names[start : start + _NAME_BYTES]
            peers.append(self._peers.get(name) or self._learn(name))
        return peers

    def _learn(self, name: bytes) -> Peer:
        """Turn a sockaddr into a peer once: formatting it costs more than decoding a message."""
        (port,) = struct.unpack_from("!H", name, 2)
        if self._is_ipv6:
            peer = Peer(socket.inet_ntop(socket.AF_INET6, name[8:24]), port)
        else:
            peer = Peer(socket.inet_ntop(socket.AF_INET, name[4:8]), port)
        if len(self._peers) >= _MAX_PEERS:
            self._peers.clear()
        self._peers[name] = peer
        return peer


def datagram_reader(sock: socket.socket) -> DatagramReader:
    """Return the fastest reader this machine has for a bound UDP socket."""
    if sys.platform == "linux":
        try:
            return RecvMmsg(sock)
        except (AttributeError, OSError):  # a C library without recvmmsg
            pass
    return RecvFrom(sock)
