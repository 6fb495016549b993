"""
Corpus: messages prepared for the wire in a file the pump maps and replays.

The file is a row of records, each 24 bytes of header (six little-endian 32-bit numbers) and the bytes to send, padded
to four: length; offset of the first serial or -1; number of serials; distance between serials; offset of the chunk
message id or -1; messages complete once the record is sent. The pump writes serials and ids into a copy. Compressed
payloads cannot be patched, so their corpus is a great many distinct messages, numbered beforehand.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import NamedTuple

from bench.messages import LENGTH, SERIAL_OFFSET, large_message, messages, numbered, syslog_messages

__all__ = ["CHUNKS", "NDJSON_MESSAGES", "Corpora", "Encoding", "Record", "read_corpus"]

CHUNKS = 128
NDJSON_MESSAGES = 100
"""Messages in one HTTP body; what a shipper that batches would send."""

_CHUNK_HEADER = 12
_DISTINCT = 4096
"""Distinct messages of a corpus whose serials can be patched."""

HEADER = struct.Struct("<IiIIiI")


class Encoding(StrEnum):
    """How messages are laid on the wire."""

    PLAIN = "plain"
    ZLIB = "zlib"
    GZIP = "gzip"
    CHUNKED_1420 = "chunked-1420"
    CHUNKED_8154 = "chunked-8154"
    TCP = "nul-delimited"
    HTTP = "http-single"
    NDJSON = "http-ndjson"
    SYSLOG = "syslog"


class Record(NamedTuple):
    """One datagram, frame or request."""

    data: bytes
    serial_offset: int = -1
    serial_count: int = 0
    serial_stride: int = 0
    id_offset: int = -1
    completes: int = 1

    def pack(self) -> bytes:
        """Return the record as it stands in the file."""
        header = HEADER.pack(
            len(self.data), self.serial_offset, self.serial_count, self.serial_stride, self.id_offset, self.completes
        )
        return header + self.data + bytes(-len(self.data) % 4)


def read_corpus(corpus: bytes) -> Iterator[Record]:
    """Give the records of a corpus file."""
    at = 0
    while at < len(corpus):
        length, *rest = HEADER.unpack_from(corpus, at)
        at += HEADER.size
        yield Record(corpus[at : at + length], *rest)
        at += length + -length % 4


def _plain(end: bytes = b"") -> Iterator[Record]:
    for message in messages(_DISTINCT):
        yield Record(message + end, SERIAL_OFFSET, 1)


def _compressed(compress: Callable[[bytes], bytes], start: int, count: int) -> bytes:
    """Return packed records with serials from `start` on; a part of the corpus, made in a process of its own."""
    distinct = messages(_DISTINCT)
    payloads = [compress(numbered(distinct[serial % _DISTINCT], serial)) for serial in range(start, start + count)]
    # By length, because the pump sends datagrams of one length several times as fast as mixed ones.
    return b"".join(Record(payload).pack() for payload in sorted(payloads, key=len))


def _chunked(size: int) -> Iterator[Record]:
    """Give the chunks of one message, 128 of `size` bytes each, header included."""
    step = size - _CHUNK_HEADER
    payload = large_message(CHUNKS * step)
    for number in range(CHUNKS):
        header = b"\x1e\x0f" + bytes(8) + bytes((number, CHUNKS))
        data = payload[number * step : (number + 1) * step]
        offset, serials = (_CHUNK_HEADER + SERIAL_OFFSET, 1) if number == 0 else (-1, 0)
        yield Record(header + data, offset, serials, 0, 2, int(number == CHUNKS - 1))


def _requests(per_request: int) -> Iterator[Record]:
    """Give HTTP/1.1 requests with so many newline-delimited messages in each."""
    distinct = messages(_DISTINCT - _DISTINCT % per_request)
    for start in range(0, len(distinct), per_request):
        body = b"\n".join(distinct[start : start + per_request])
        head = (
            "POST /gelf HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        ).encode()
        yield Record(head + body, len(head) + SERIAL_OFFSET, per_request, LENGTH + 1, -1, per_request)


class Corpora:
    """
    Corpus files of one bench run, made on first use.

    Args:
        folder: Where to put them.
        distinct_compressed: Distinct messages in a compressed corpus.
    """

    def __init__(self, folder: Path, distinct_compressed: int = 500_000) -> None:
        self.folder = folder
        self.distinct_compressed = distinct_compressed

    def path(self, encoding: Encoding) -> Path:
        """Return the file for an encoding."""
        path = self.folder / f"{encoding}.corpus"
        if not path.exists():
            with path.open("wb") as file:
                file.writelines(self._parts(encoding))
        return path

    def repeats_after(self, encoding: Encoding) -> int | None:
        """Tell after how many messages serials repeat; None when never."""
        return self.distinct_compressed if encoding in {Encoding.ZLIB, Encoding.GZIP} else None

    def _parts(self, encoding: Encoding) -> Iterable[bytes]:
        match encoding:
            case Encoding.ZLIB:
                yield from self._compressed(zlib.compress)
            case Encoding.GZIP:
                yield from self._compressed(partial(gzip.compress, mtime=0))
            case Encoding.PLAIN:
                yield from (record.pack() for record in _plain())
            case Encoding.TCP:
                yield from (record.pack() for record in _plain(b"\0"))
            case Encoding.CHUNKED_1420:
                yield from (record.pack() for record in _chunked(1420))
            case Encoding.CHUNKED_8154:
                yield from (record.pack() for record in _chunked(8154))
            case Encoding.HTTP:
                yield from (record.pack() for record in _requests(1))
            case Encoding.SYSLOG:
                yield from (Record(line, line.index(b"0000000000"), 1).pack() for line in syslog_messages(_DISTINCT))
            case Encoding.NDJSON:
                yield from (record.pack() for record in _requests(NDJSON_MESSAGES))

    def _compressed(self, compress: Callable[[bytes], bytes]) -> Iterator[bytes]:
        part = 50_000
        starts = range(0, self.distinct_compressed, part)
        counts = [min(part, self.distinct_compressed - start) for start in starts]
        with ProcessPoolExecutor() as pool:
            yield from pool.map(partial(_compressed, compress), starts, counts)
