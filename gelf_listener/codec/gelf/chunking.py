"""
Chunking: parts of a message on UDP, both directions (GELF via UDP, "Chunking").

A chunk is a 12-byte header (magic ``1e 0f``, message id of 8 bytes, sequence number, sequence count) and data,
which may be empty: go-gelf, gelf-pro and Serilog send an empty last chunk when a message is a multiple of the
chunk size. A count of 1 is legal: graypy and gelf-pro send it.

Laws of the `Reassembler`:

* A message is pending from its first chunk until it is complete, 5 s old, or evicted. Pending messages are
  kept in the order of their first chunks, so expiry looks at the oldest only: no timer, no sweep.
* Messages are told apart by (sender address, port, message id): two senders with the same id do not meet
  (Graylog's do), and one id may be used again as soon as its message is complete.
* The first copy of a chunk wins; further copies are counted.
* Room is shared fairly: when it runs out, the oldest pending message of the *heaviest* sender address goes,
  so a flood from one address cannot push out what another is sending.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator
from typing import NamedTuple, Self

from gelf_listener.codec.compression import CHUNK_MAGIC
from gelf_listener.codec.receipt import Receipt
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Peer

HEADER_BYTES = 12
MAX_CHUNKS = 128
CHUNK_TIMEOUT_SECONDS = 5.0

_UNIT_BYTES = 32 * 1024
"""One unit of a sender's weight: 128 MiB over 4096 messages, so both limits weigh the same."""


class Chunk(NamedTuple):
    """One part of a chunked message (GELF via UDP, "Chunking")."""

    message_id: bytes
    sequence_number: int
    sequence_count: int
    data: bytes

    @classmethod
    def parse(cls, datagram: bytes) -> Self:
        """
        Parse a datagram that starts with the chunk magic.

        Args:
            datagram: The whole UDP payload, 12 header bytes included.

        Raises:
            Rejected: If the header is short or its numbers are out of range.
        """
        if len(datagram) < HEADER_BYTES:
            detail = f"chunk of {len(datagram)} bytes, shorter than its header of {HEADER_BYTES}"
            raise Rejected(Reason.CHUNK_TOO_SHORT, detail, datagram)
        number, count = datagram[10], datagram[11]
        if not 0 < count <= MAX_CHUNKS:
            detail = f"chunk of {count}; a message has 1 to {MAX_CHUNKS} chunks"
            raise Rejected(Reason.CHUNK_COUNT_OUT_OF_RANGE, detail, datagram)
        if number >= count:
            detail = f"chunk number {number} of {count}; numbers start at 0"
            raise Rejected(Reason.CHUNK_NUMBER_OUT_OF_RANGE, detail, datagram)
        return cls(datagram[2:10], number, count, datagram[HEADER_BYTES:])

    def serialize(self) -> bytes:
        """Return the datagram."""
        return CHUNK_MAGIC + self.message_id + bytes((self.sequence_number, self.sequence_count)) + self.data


def split(payload: bytes, chunk_bytes: int, message_id: bytes | None = None) -> Iterator[bytes]:
    """
    Split a payload into datagrams.

    Args:
        payload: Inflated or compressed bytes of one message.
        chunk_bytes: Most bytes of a datagram, header included. A payload that fits is sent as it is.
        message_id: 8 bytes; random by default.

    Raises:
        ValueError: If more than 128 chunks would be needed, or the chunk size leaves no room for data.
    """
    if len(payload) <= chunk_bytes:
        yield payload
        return
    room = chunk_bytes - HEADER_BYTES
    if room <= 0:
        raise ValueError(f"chunks of {chunk_bytes} bytes leave no room behind the header of {HEADER_BYTES}")
    count = -(-len(payload) // room)
    if count > MAX_CHUNKS:
        raise ValueError(
            f"{len(payload)} bytes need {count} chunks of {chunk_bytes}, more than {MAX_CHUNKS}: "
            f"use chunks of at least {-(-len(payload) // MAX_CHUNKS) + HEADER_BYTES} bytes, compression, or TCP"
        )
    message_id = os.urandom(8) if message_id is None else message_id
    for number in range(count):
        yield Chunk(message_id, number, count, payload[number * room : (number + 1) * room]).serialize()


class ChunkCounters:
    """
    What happened to chunks, under Graylog's names (`GelfChunkAggregator`).

    Attributes:
        total_chunks: Chunks with a readable header.
        complete_messages: Messages put together.
        expired_messages: Messages that were not complete in time.
        expired_chunks: Chunks they had.
        duplicate_chunks: Copies of chunks already there.
        evicted_messages: Messages that gave way to another sender's.
    """

    __slots__ = (
        "complete_messages",
        "duplicate_chunks",
        "evicted_messages",
        "expired_chunks",
        "expired_messages",
        "total_chunks",
    )

    def __init__(self) -> None:
        self.total_chunks = 0
        self.complete_messages = 0
        self.expired_messages = 0
        self.expired_chunks = 0
        self.duplicate_chunks = 0
        self.evicted_messages = 0


_Key = tuple[Peer | None, bytes]


class _Pending:
    """A message whose chunks are still arriving."""

    __slots__ = ("chunks", "count", "first_at", "missing", "size", "weight")

    def __init__(self, count: int, now: float) -> None:
        self.chunks: dict[int, bytes] = {}
        self.count = count
        self.missing = count
        self.size = 0
        self.weight = 1
        self.first_at = now


class _Ranking:
    """
    Which sender holds most.

    Senders are kept in buckets by weight, so that finding the heaviest costs no scan: under a flood from
    thousands of forged addresses it is asked for every datagram.
    """

    def __init__(self) -> None:
        self._weights: dict[str, int] = {}
        self._buckets: dict[int, dict[str, None]] = {}
        self._top = 0

    def add(self, sender: str, weight: int) -> None:
        """Change a sender's weight by a positive or negative amount."""
        before = self._weights.get(sender, 0)
        after = before + weight
        if before:
            bucket = self._buckets[before]
            del bucket[sender]
            if not bucket:
                del self._buckets[before]
        if after:
            self._weights[sender] = after
            self._buckets.setdefault(after, {})[sender] = None
            self._top = max(self._top, after)
        else:
            self._weights.pop(sender, None)
        while self._top and self._top not in self._buckets:
            self._top -= 1

    def heaviest(self, candidate: str) -> str:
        """Return the sender with the greatest weight; the candidate itself if nobody has more."""
        if self._weights.get(candidate, 0) >= self._top:
            return candidate
        return next(iter(self._buckets[self._top]))


class Reassembler:
    """
    Puts chunked messages together.

    Guarantee: at most once. What expires or is evicted is rejected with a reason, never silently dropped;
    memory stays within the two limits plus one chunk, and about a hundred bytes of bookkeeping for each chunk held (at
    most 50 MiB with the default limits).

    Args:
        max_messages: Most pending messages.
        max_bytes: Most bytes of data in pending messages.
        timeout_seconds: Life of a pending message from its first chunk.
        max_message_bytes: Most bytes of one message.
        graylog: Whether to put together what a Graylog does: chunks from several ports of an address, and a message
            that is complete by the count of its last chunk, if that is smaller than the first one said.
    """

    def __init__(
        self,
        max_messages: int = 4096,
        max_bytes: int = 128 * 1024 * 1024,
        timeout_seconds: float = CHUNK_TIMEOUT_SECONDS,
        max_message_bytes: int = 8 * 1024 * 1024,
        *,
        graylog: bool = False,
    ) -> None:
        self._graylog = graylog
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.timeout_seconds = timeout_seconds
        self.max_message_bytes = max_message_bytes
        self.counters = ChunkCounters()
        self.pending_bytes = 0
        # Ordered dicts: the first key of a plain dict is found by walking over all that were deleted before it.
        self._pending: OrderedDict[_Key, _Pending] = OrderedDict()
        self._by_sender: dict[str, OrderedDict[_Key, None]] = {}
        self._ranking = _Ranking()

    def __len__(self) -> int:
        """Return how many messages are pending."""
        return len(self._pending)

    def feed(self, datagram: bytes, receipt: Receipt) -> bytes | None:
        """
        Take a chunk.

        Args:
            datagram: Starts with the chunk magic.
            receipt: Its time is the clock chunks expire by; it takes rejections of other messages that had to give
                way or expired.

        Returns:
            The joined payload when this chunk completes its message, else None.

        Raises:
            Rejected: If this chunk cannot be used.
        """
        message_id, number, count, data = Chunk.parse(datagram)
        self.counters.total_chunks += 1
        if self._pending:
            self.expire(receipt)
        peer = receipt.peer
        key = (peer if peer is None or not self._graylog else peer._replace(port=0), message_id)
        pending = self._pending.get(key)
        if pending is None:
            if count == 1:
                self.counters.complete_messages += 1
                return data
            pending = self._open(key, count, receipt)
        elif pending.count != count and not (self._graylog and number < pending.count):
            detail = f"chunk of {count}, but the first chunk of this message said {pending.count}"
            raise Rejected(Reason.CHUNK_COUNT_MISMATCH, detail, datagram)
        elif number in pending.chunks:
            self.counters.duplicate_chunks += 1
            return None
        pending.chunks[number] = data
        pending.missing -= 1
        pending.size += len(data)
        self.pending_bytes += len(data)
        if len(pending.chunks) == count if self._graylog else pending.missing == 0:
            self._forget(key, pending)
            self.counters.complete_messages += 1
            return b"".join([pending.chunks[number] for number in sorted(pending.chunks)])
        if pending.size > self.max_message_bytes:
            self._forget(key, pending)
            detail = f"chunks add up to more than {self.max_message_bytes} bytes"
            raise Rejected(Reason.PAYLOAD_TOO_LARGE, detail, datagram)
        self._weigh(key, pending)
        while self.pending_bytes > self.max_bytes:
            if self._evict(key, receipt) == key:
                break
        return None

    def expire(self, receipt: Receipt, *, everything: bool = False) -> None:
        """
        Reject messages whose time is up.

        Args:
            receipt: Its time is the clock that `feed` is given; it takes the rejections.
            everything: Reject all that are incomplete, because no more chunks will come.
        """
        while self._pending:
            key = next(iter(self._pending))
            pending = self._pending[key]
            if not everything and receipt.time - pending.first_at <= self.timeout_seconds:
                return
            self._forget(key, pending)
            self.counters.expired_messages += 1
            self.counters.expired_chunks += len(pending.chunks)
            detail = (
                f"{len(pending.chunks)} of {pending.count} chunks arrived within {self.timeout_seconds:g} s, "
                f"message id {key[1].hex()}"
            )
            _reject(Reason.CHUNKS_INCOMPLETE, detail, key, pending, receipt)

    def _open(self, key: _Key, count: int, receipt: Receipt) -> _Pending:
        """Begin a pending message, making room for it first."""
        sender = _sender(key)
        if len(self._pending) >= self.max_messages:
            self._evict(key, receipt)
        pending = self._pending[key] = _Pending(count, receipt.time)
        self._by_sender.setdefault(sender, OrderedDict())[key] = None
        self._ranking.add(sender, pending.weight)
        return pending

    def _evict(self, newcomer: _Key, receipt: Receipt) -> _Key:
        """Let the oldest message of the heaviest sender go; return its key."""
        sender = self._ranking.heaviest(_sender(newcomer))
        if sender not in self._by_sender:  # the newcomer holds nothing and nobody holds more: limits below one message
            sender = next(iter(self._by_sender))
        key = next(iter(self._by_sender[sender]))
        pending = self._pending[key]
        self._forget(key, pending)
        self.counters.evicted_messages += 1
        detail = (
            f"no room for more pending messages; {sender} holds most; this one had {len(pending.chunks)} of "
            f"{pending.count} chunks"
        )
        _reject(Reason.CHUNKS_EVICTED, detail, key, pending, receipt)
        return key

    def _forget(self, key: _Key, pending: _Pending) -> None:
        sender = _sender(key)
        del self._pending[key]
        of_sender = self._by_sender[sender]
        del of_sender[key]
        if not of_sender:
            del self._by_sender[sender]
        self.pending_bytes -= pending.size
        self._ranking.add(sender, -pending.weight)

    def _weigh(self, key: _Key, pending: _Pending) -> None:
        weight = 1 + pending.size // _UNIT_BYTES
        if weight != pending.weight:
            self._ranking.add(_sender(key), weight - pending.weight)
            pending.weight = weight


def _reject(reason: Reason, detail: str, key: _Key, pending: _Pending, receipt: Receipt) -> None:
    """Reject what is pending in the name of its own sender."""
    first = min(pending.chunks, default=None)
    excerpt = b"" if first is None else pending.chunks[first]
    Receipt(receipt.input, key[0], receipt.time, receipt.batch).reject(reason, detail, excerpt)


def _sender(key: _Key) -> str:
    """Whom a pending message counts for: the address, whatever the port, because ports cost nothing."""
    peer = key[0]
    return "" if peer is None else peer.host
