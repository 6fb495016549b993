"""
Slow pump: the pump's twin for machines without a C compiler, same arguments and answer.

UDP goes through sendmmsg by ctypes with arrays prepared once; serials are written into the buffers. It does not
outrun a fast listener: saturated figures from it are the pump's, and the report says so.
"""

from __future__ import annotations

import ctypes
import json
import selectors
import socket
import sys
import time
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import cast

from bench.corpus import Record, read_corpus
from bench.floor import _IoVec, _MMsgHdr

_BURST = 64


@dataclass(frozen=True)
class _Job:
    """The arguments, as in pump.c."""

    host: str
    port: int
    records: cycle[Record]
    count: int
    connections: int
    depth: int


class _Counters:
    def __init__(self, serial: int) -> None:
        self.serial = serial
        self.messages = self.records = self.bytes = self.answers = self.accepted = 0

    def fill(self, record: Record) -> bytes:
        """Return the record's bytes, numbered, and count it as sent."""
        data = bytearray(record.data)
        for number in range(record.serial_count if record.serial_offset >= 0 else 0):
            at = record.serial_offset + number * record.serial_stride
            data[at : at + 10] = b"%010d" % (self.serial + number)
        if record.id_offset >= 0:
            data[record.id_offset : record.id_offset + 8] = (
                (self.serial + 1) * 0x9E3779B97F4A7C15 & (1 << 64) - 1
            ).to_bytes(8, "little")
        self.serial += record.completes
        self.messages += record.completes
        self.records += 1
        self.bytes += len(data)
        return bytes(data)


class _Pace:
    def __init__(self, rate: float, seconds: float) -> None:
        self.start = time.monotonic()
        self.deadline = self.start + seconds
        self.rate = rate

    def over(self) -> bool:
        return time.monotonic() > self.deadline

    def wait(self, sent: int) -> None:
        if self.rate and (early := self.start + sent / self.rate - time.monotonic()) > 0:
            time.sleep(early)


def _udp(job: _Job, pace: _Pace, counters: _Counters) -> None:
    sendmmsg = ctypes.CDLL(None, use_errno=True).sendmmsg
    parts = (_IoVec * _BURST)()
    headers = (_MMsgHdr * _BURST)()
    for header, part in zip(headers, parts, strict=True):
        header.header.parts = ctypes.pointer(part)
        header.header.part_count = 1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((job.host, job.port))
        while counters.messages < job.count and not pace.over():
            pace.wait(counters.messages)
            burst: list[bytes] = []
            while len(burst) < _BURST and counters.messages < job.count:
                burst.append(counters.fill(next(job.records)))
            for part, data in zip(parts, burst, strict=False):
                part.base = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p)
                part.length = len(data)
            done = 0
            while done < len(burst):
                start = ctypes.byref(headers, done * ctypes.sizeof(_MMsgHdr))
                done += max(sendmmsg(sock.fileno(), start, len(burst) - done, 0), 0)


def _tcp(job: _Job, pace: _Pace, counters: _Counters) -> None:
    streams = [socket.create_connection((job.host, job.port)) for _ in range(job.connections)]
    for stream in cycle(streams):
        if counters.messages >= job.count or pace.over():
            break
        pace.wait(counters.messages)
        wanted = min(_BURST, job.count - counters.messages)
        stream.sendall(b"".join([counters.fill(next(job.records)) for _ in range(wanted)]))
    for stream in streams:
        stream.close()


def _http(job: _Job, pace: _Pace, counters: _Counters) -> None:
    with selectors.DefaultSelector() as selector:
        outstanding: dict[socket.socket, int] = {}
        for _ in range(job.connections):
            stream = socket.create_connection((job.host, job.port))
            outstanding[stream] = 0
            selector.register(stream, selectors.EVENT_READ)
        while not pace.over():
            for stream, waiting in outstanding.items():
                if waiting or counters.messages >= job.count:
                    continue
                pace.wait(counters.messages)
                requests = [counters.fill(next(job.records)) for _ in range(job.depth)]
                outstanding[stream] = len(requests)
                stream.sendall(b"".join(requests))
            if not any(outstanding.values()):
                break
            for key, _ in selector.select(0.1):
                stream = cast("socket.socket", key.fileobj)
                data = stream.recv(65_536)
                if not data:
                    raise ConnectionError("closed by the listener")
                # Answers are short enough to come whole on loopback.
                answers = data.count(b"HTTP/1.")
                outstanding[stream] -= answers
                counters.answers += answers
                counters.accepted += data.count(b"HTTP/1.1 2")
        for stream in outstanding:
            stream.close()


def main() -> None:
    """Run as the C program would."""
    mode, host, port, corpus, count, rate, connections, depth, serial, seconds = sys.argv[1:]
    records = cycle(list(read_corpus(Path(corpus).read_bytes())))
    counters = _Counters(int(serial))
    pace = _Pace(float(rate), float(seconds))
    job = _Job(host, int(port), records, int(count), int(connections), int(depth))
    {"udp": _udp, "tcp": _tcp, "http": _http}[mode](job, pace, counters)
    print(
        json.dumps(
            {
                "messages": counters.messages,
                "records": counters.records,
                "bytes": counters.bytes,
                "seconds": time.monotonic() - pace.start,
                "cpu_seconds": time.process_time(),
                "answers": counters.answers,
                "accepted": counters.accepted,
            }
        )
    )


if __name__ == "__main__":
    main()
