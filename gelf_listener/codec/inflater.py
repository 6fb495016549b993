"""Inflater: compressed payloads of one input, within bounds, and with less room for senders of bombs."""

from __future__ import annotations

from gelf_listener.codec.compression import inflate
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.strikes import Strikes
from gelf_listener.errors import Reason, Rejected

MAX_BOMBS_A_SECOND = 1
"""Payloads of one sender that may inflate to too much in a second; finding out about one can take a fifth of it."""

_SUSPECT_RATIO = 200
_SUSPECT_BYTES = 1024 * 1024

_SUSPECT_PAYLOAD_BYTES = 64 * 1024
"""Room for the compressed payloads of a sender of bombs."""


class Inflater:
    """
    Inflates zlib and gzip.

    A sender of decompression bombs is given less room for the rest of the second: finding out that 8 MiB come out
    takes 26 ms, in which nobody else is read.

    Args:
        max_payload_bytes: Most bytes that may come out of one payload.
    """

    def __init__(self, max_payload_bytes: int) -> None:
        self.max_payload_bytes = max_payload_bytes
        self._bombs = Strikes(MAX_BOMBS_A_SECOND)

    def inflate(self, payload: bytes, receipt: Receipt) -> bytes:
        """
        Inflate a payload that starts like zlib or gzip.

        Raises:
            Rejected: If it is damaged or too large.
        """
        try:
            inflated = inflate(payload, self.room(receipt))
        except Rejected as rejected:
            if rejected.reason is Reason.PAYLOAD_TOO_LARGE:
                self.strike(receipt)
            raise
        self.judge(len(payload), len(inflated), receipt)
        return inflated

    def room(self, receipt: Receipt) -> int:
        """Return how many bytes may come out of a compressed payload of a sender; few for one of bombs."""
        if self._bombs.exceeded(receipt.sender, receipt.time):
            return min(self.max_payload_bytes, _SUSPECT_PAYLOAD_BYTES)
        return self.max_payload_bytes

    def judge(self, compressed_bytes: int, inflated_bytes: int, receipt: Receipt) -> None:
        """Look at what came out of a compressed payload: within the bound, but no log compresses so well?"""
        if inflated_bytes > _SUSPECT_BYTES and inflated_bytes > _SUSPECT_RATIO * compressed_bytes:
            self.strike(receipt)

    def strike(self, receipt: Receipt) -> None:
        """Count a bomb."""
        self._bombs.add(receipt.sender, 1)
