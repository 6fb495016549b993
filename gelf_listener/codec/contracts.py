"""Contracts of the codec: what cuts a stream into payloads, and what reads a payload."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.receipt import Receipt
from gelf_listener.message import Peer


class Decoder(Protocol):
    """Reads payloads: each becomes messages, rejections or both, and none raises."""

    def decode_all(self, payloads: Iterable[tuple[bytes, Peer | None]], now: float, batch: Batch) -> None:
        """
        Decode what one read of a transport gave.

        Args:
            payloads: Bytes and who sent them.
            now: When they arrived, UTC Unix seconds.
            batch: Takes the results.
        """


class DatagramDecoder(Decoder, Protocol):
    """A decoder that takes datagrams as they are read: payloads and senders apart."""

    def decode_datagrams(
        self, payloads: Sequence[bytes], peers: Sequence[Peer | None], now: float, batch: Batch
    ) -> None:
        """Decode datagrams; see `Decoder.decode_all`."""


class Framer(Protocol):
    """Cuts a byte stream into payloads. It holds a bounded number of bytes, whatever a peer sends."""

    @property
    def pending_bytes(self) -> int:
        """Bytes held for a payload that has not ended."""

    def feed(self, data: bytes, receipt: Receipt) -> list[bytes]:
        """
        Take bytes of the stream, cut anywhere.

        Args:
            data: What was read.
            receipt: Takes a rejection for each payload that cannot be used.

        Returns:
            The payloads that ended, in order.

        Raises:
            Rejected: If the rest of the stream cannot be read either: the connection is closed.
        """

    def feed_eof(self, receipt: Receipt) -> list[bytes]:
        """End the stream, and return what is complete."""
