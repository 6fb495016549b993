"""PayloadDecoder: a decoder for formats in which payloads have nothing to do with each other."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.receipt import Receipt
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Peer

_log = logging.getLogger(__name__)


class PayloadDecoder:
    """
    Decodes payload by payload; a derived class says how (`decode`).

    Guarantee: a payload that raises is rejected, and stops no other. What it gave before it raised is kept.

    Args:
        input: Name put on messages and rejections.
    """

    def __init__(self, input: str) -> None:
        self.input = input

    def decode(self, payload: bytes, receipt: Receipt) -> None:
        """
        Make messages and rejections of a payload, with its receipt.

        Raises:
            Rejected: If it is not a message; one rejection for the whole payload.
        """
        raise NotImplementedError

    def decode_all(self, payloads: Iterable[tuple[bytes, Peer | None]], now: float, batch: Batch) -> None:
        """Decode payloads; see `Decoder.decode_all`."""
        for payload, peer in payloads:
            receipt = Receipt(self.input, peer, now, batch)
            try:
                self.decode(payload, receipt)
            except Rejected as rejected:
                receipt.add_rejection(rejected)
            except Exception:  # noqa: BLE001  (a bug in reading one payload must not lose the others)
                _log.exception("%s: a payload of %s failed", self.input, peer)
                receipt.reject(Reason.UNEXPECTED_PROTOCOL, "a bug of the decoder; the log has the details", payload)

    def decode_datagrams(
        self, payloads: Sequence[bytes], peers: Sequence[Peer | None], now: float, batch: Batch
    ) -> None:
        """Decode datagrams; see `DatagramDecoder.decode_datagrams`."""
        self.decode_all(zip(payloads, peers, strict=True), now, batch)
