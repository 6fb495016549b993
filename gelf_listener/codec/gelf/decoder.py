"""GELF as an input receives it -> messages. Chunks, compression and JSON in one place."""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.compression import FIRST_GUESS_BYTES, MAX_RATIO, is_gzip, is_zlib
from gelf_listener.codec.gelf.chunking import Reassembler
from gelf_listener.codec.gelf.graylog import GraylogGelf, TypeConflicts
from gelf_listener.codec.gelf.keys import note
from gelf_listener.codec.gelf.lenient import VALUES_A_STEP, Foreign, LenientGelf
from gelf_listener.codec.gelf.short_chunks import ShortChunks, lengthened
from gelf_listener.codec.inflater import Inflater
from gelf_listener.codec.receipt import Receipt
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Peer
from gelf_listener.notes import Deviation

Mode = Literal["lenient", "graylog"]

_ZLIB_OR_GZIP = 32 + zlib.MAX_WBITS

_SMALL_BYTES = 1024
"""Compressed payloads up to this length are inflated in one go: at most a megabyte comes out."""

_LONG_BYTES = 4096
"""Longer payloads may hold more messages than are decoded before others have their turn."""

MOST_A_DATAGRAM = 1024
"""
Messages of one datagram. GELF has one message in each, and one can hold 50 000 when it is compressed: half a second of
work that nothing can interrupt.
"""

_MAGIC = frozenset((0x78, 0x1F, 0x1E))
"""First bytes that may announce zlib, gzip or a chunk."""


_SHORT_HEADER = (
    "a chunk with a header of 5 bytes, one of them the message id, instead of 12: npm's gelf and gelf-node write it, "
    "and a Graylog does not put such messages together; use another client, or send what fits one datagram"
)


class Limits(NamedTuple):
    """
    What one input may make us hold.

    Attributes:
        max_payload_bytes: Most bytes of an inflated or reassembled payload.
        max_pending_messages: Most messages whose chunks are still arriving.
        max_pending_bytes: Most bytes of their chunks.
        chunk_timeout_seconds: How long chunks may take, from the first.
    """

    max_payload_bytes: int = 8 * 1024 * 1024
    max_pending_messages: int = 4096
    max_pending_bytes: int = 128 * 1024 * 1024
    chunk_timeout_seconds: float = 5.0


class GelfDecoder:
    """
    Decodes datagrams, frames and bodies of GELF.

    Guarantee: every payload becomes at least one message or rejection, or waits as a chunk within the limits.

    Args:
        mode: ``lenient`` or ``graylog``.
        input: Name put on messages and rejections.
        limits: Bounds on memory.
        foreign: Reads documents that are not GELF, in the lenient mode; see `LenientGelf`.
        type_conflicts: In the graylog mode; see `GraylogGelf`.
    """

    def __init__(
        self,
        mode: Mode = "lenient",
        input: str = "",
        limits: Limits = Limits(),  # noqa: B008
        foreign: Foreign | None = None,
        type_conflicts: TypeConflicts = "note",
    ) -> None:
        self.mode = mode
        self.input = input
        self.limits = limits
        self.gelf = LenientGelf(input, foreign) if mode == "lenient" else GraylogGelf(input, type_conflicts)
        self.inflater = Inflater(limits.max_payload_bytes)
        self.reassembler = Reassembler(
            limits.max_pending_messages,
            limits.max_pending_bytes,
            limits.chunk_timeout_seconds,
            limits.max_payload_bytes,
            graylog=mode == "graylog",
        )
        self._short_chunks = ShortChunks()

    def decode_all(self, datagrams: Iterable[tuple[bytes, Peer | None]], now: float, batch: Batch) -> None:
        """
        Decode what one read of a transport gave.

        Args:
            datagrams: Bytes and who sent them: GELF JSON, plain or compressed, whole or in chunks.
            now: UTC Unix seconds: the receive time, and the clock that chunks expire by.
            batch: Takes the results.
        """
        self.gelf.decode_all(self._payloads(datagrams, now, batch), now, batch)

    def decode_datagrams(
        self, payloads: Sequence[bytes], peers: Sequence[Peer | None], now: float, batch: Batch
    ) -> None:
        """
        Decode datagrams; like `decode_all`, but plain ones take the shortest way.

        Args:
            payloads: What arrived.
            peers: Who sent each.
            now: See `decode_all`.
            batch: Takes the results.
        """
        pairs = zip(payloads, peers, strict=True)
        if all(payloads) and _MAGIC.isdisjoint([payload[0] for payload in payloads]):
            self.gelf.decode_all(pairs, now, batch, MOST_A_DATAGRAM)
        else:
            self.gelf.decode_all(self._payloads(pairs, now, batch), now, batch, MOST_A_DATAGRAM)

    def decode_in_steps(self, frames: Sequence[bytes], now: float, peer: Peer | None, batch: Batch) -> Iterator[None]:
        """
        Decode frames or lines of one peer; see `decode_all`.

        Each `yield` lets others have their turn: one frame may hold many messages, and there may be many frames.
        """
        pairs = zip(frames, itertools.repeat(peer))
        for number, (payload, _) in enumerate(self._payloads(pairs, now, batch), 1):
            if len(payload) > _LONG_BYTES:
                yield from self.gelf.decode_in_steps(payload, now, peer, batch)
            else:
                self.gelf.decode(payload, now, peer, batch)
            if number % VALUES_A_STEP == 0:
                yield

    def decode(self, datagram: bytes, now: float, peer: Peer | None, batch: Batch) -> None:
        """Decode one datagram, frame or body; see `decode_all`."""
        self.decode_all(((datagram, peer),), now, batch)

    def expire(self, now: float, batch: Batch, *, everything: bool = False) -> None:
        """Reject pending messages whose time is up, or all of them."""
        self.reassembler.expire(Receipt(self.input, None, now, batch), everything=everything)

    def _payloads(
        self, datagrams: Iterable[tuple[bytes, Peer | None]], now: float, batch: Batch
    ) -> Iterator[tuple[bytes, Peer | None]]:
        """Yield plain payloads; what is compressed or chunked is opened first."""
        small = min(_SMALL_BYTES, self.limits.max_payload_bytes // MAX_RATIO)
        for pair in datagrams:
            datagram, peer = pair
            if not datagram:
                Receipt(self.input, peer, now, batch).reject(Reason.EMPTY_PAYLOAD, "no bytes at all")
                continue
            first = datagram[0]
            if first not in _MAGIC:
                yield pair
                continue
            if first != 0x1E and len(datagram) <= small:
                # What clients send nearly always, without a call in between (see `make bench`, zlib and gzip).
                try:
                    inflated = zlib.decompress(datagram, _ZLIB_OR_GZIP, FIRST_GUESS_BYTES)
                except zlib.error:
                    inflated = b""
                # A gzip member ends with the length of its content; another length means several members, or junk.
                if inflated and (first == 0x78 or len(inflated) == int.from_bytes(datagram[-4:], "little")):
                    yield inflated, peer
                    continue
            receipt = Receipt(self.input, peer, now, batch)
            try:
                payload = self._open(datagram, receipt)
            except Rejected as rejected:
                receipt.add_rejection(rejected)
            else:
                if payload is not None:
                    yield payload, peer

    def _open(self, data: bytes, receipt: Receipt) -> bytes | None:
        """
        Reassemble and inflate.

        Raises:
            Rejected: If the bytes can be neither.
        """
        first = data[0]
        if first == 0x1E and data[1:2] == b"\x0f":
            if self._short_chunks.has(data, receipt.peer):
                self._open_short(data, receipt)
                return None
            payload = self.reassembler.feed(data, receipt)
            if payload is None:
                return None
            if payload[:2] == b"\x1e\x0f":
                raise Rejected(Reason.CHUNK_NESTED, "chunks of a message that is itself a chunk", payload)
            if not payload:
                raise Rejected(Reason.EMPTY_PAYLOAD, "chunks without any data", data)
            data, first = payload, payload[0]
        if is_zlib(data) or is_gzip(data):
            payload = self.inflater.inflate(data, receipt)
            if not payload:
                raise Rejected(Reason.EMPTY_PAYLOAD, "compressed payload without any data", data)
            return payload
        if first in _MAGIC:
            detail = f"starts with {data[:2].hex(' ')}: neither zlib, gzip, a chunk nor JSON"
            raise Rejected(Reason.UNKNOWN_COMPRESSION, detail, data)
        return data

    def _open_short(self, data: bytes, receipt: Receipt) -> None:
        """
        Reassemble chunks with a short header, and decode what they make.

        Raises:
            Rejected: If a Graylog would not, or the chunks do not make one compressed payload.
        """
        if isinstance(self.gelf, GraylogGelf):
            raise Rejected(Reason.CHUNK_TOO_SHORT, _SHORT_HEADER, data)
        payload = self.reassembler.feed(lengthened(data), receipt)
        if payload is None:
            return
        if not is_zlib(payload) and not is_gzip(payload):
            raise Rejected(Reason.CHUNK_TOO_SHORT, f"{_SHORT_HEADER}; these do not make a compressed payload", payload)
        self.gelf.decode_noted(self.inflater.inflate(payload, receipt), note(Deviation.SHORT_CHUNK_HEADER), receipt)
