"""
Floor: what the least a Python listener can do costs per message, `python -m bench.floor`.

A socket's queue is filled while nobody reads, then emptied with recvmmsg through ctypes and decoded. No loop, no
pipeline, no output: what a listener costs above this is its own.
"""

from __future__ import annotations

import ctypes
import socket
import statistics
import time
from collections.abc import Callable
from typing import Any

from bench.messages import messages

__all__ = ["main"]

BATCH = 256
DATAGRAM = 65_536
_ROUNDS = 9
_MSG_DONTWAIT = 0x40
_SO_RCVBUFFORCE = 33


class _IoVec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _MsgHdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("parts", ctypes.POINTER(_IoVec)),
        ("part_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _MMsgHdr(ctypes.Structure):
    _fields_ = (("header", _MsgHdr), ("length", ctypes.c_uint32))


class Receiver:
    """A UDP socket read with recvmmsg, everything prepared once."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            self.socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 64 << 20)
        except PermissionError:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind(("127.0.0.1", 0))
        self._memory = ctypes.create_string_buffer(BATCH * DATAGRAM)
        self._view = memoryview(self._memory).cast("B")
        base = ctypes.addressof(self._memory)
        self._parts = (_IoVec * BATCH)(*(_IoVec(base + at * DATAGRAM, DATAGRAM) for at in range(BATCH)))
        self._headers = (_MMsgHdr * BATCH)()
        for header, part in zip(self._headers, self._parts, strict=True):
            header.header.parts = ctypes.pointer(part)
            header.header.part_count = 1
        # Lengths read through one view of 32-bit numbers: an attribute of a ctypes structure costs ten times as much.
        self._words = memoryview(self._headers).cast("B").cast("I")
        step = ctypes.sizeof(_MMsgHdr) // 4
        self._lengths = slice(_MMsgHdr.length.offset // 4, None, step)
        self._recvmmsg = ctypes.CDLL(None, use_errno=True).recvmmsg

    def receive(self) -> list[bytes]:
        """Return what waits in the queue, `BATCH` datagrams at most."""
        count = self._recvmmsg(self.socket.fileno(), self._headers, BATCH, _MSG_DONTWAIT, None)
        if count <= 0:
            return []
        lengths = self._words[self._lengths].tolist()[:count]
        view = self._view
        return [bytes(view[at : at + n]) for at, n in zip(range(0, count * DATAGRAM, DATAGRAM), lengths, strict=True)]


def _measure(receiver: Receiver, decode: Callable[[bytes], Any] | None, payloads: list[bytes]) -> float:
    """Return microseconds of CPU per message for one queue full."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(receiver.socket.getsockname())
        for payload in payloads:
            sender.send(payload)
    kept: list[Any] = []
    start = time.process_time_ns()
    while batch := receiver.receive():
        kept.extend(map(decode, batch) if decode else batch)
    used = time.process_time_ns() - start
    if not kept:
        raise RuntimeError("nothing was received")
    return used / len(kept) / 1000


def main() -> None:
    """Print a line per decoder."""
    decoders: list[tuple[str, Callable[[bytes], Any] | None]] = [("recvmmsg -> bytes", None)]
    try:
        import msgspec

        decoders.append(("... -> msgspec, any", msgspec.json.Decoder().decode))
        decoders.append(("... -> msgspec, dict of scalars", msgspec.json.Decoder(dict[str, str | int | float]).decode))
    except ImportError:
        pass
    try:
        import orjson

        decoders.append(("... -> orjson.loads", orjson.loads))
    except ImportError:
        pass
    import json

    decoders.append(("... -> json.loads", json.loads))
    receiver = Receiver()
    payloads = messages(4096)
    # Each round visits all, so that drift of a shared machine hits all alike.
    rounds = [[_measure(receiver, decode, payloads) for _, decode in decoders] for _ in range(_ROUNDS)]
    for (name, _), figures in zip(decoders, zip(*rounds, strict=True), strict=True):
        median = statistics.median(figures)
        print(f"{name:34} {median:6.2f} us/message  ({1e3 / median:5.0f} k/s)")


if __name__ == "__main__":
    main()
