"""Batch: what one read of a transport became, messages and rejections apart."""

from __future__ import annotations

from gelf_listener.errors import Rejected
from gelf_listener.intake import Intake
from gelf_listener.message import Message

__all__ = ["Batch"]


class Batch:
    """
    A place for decoders to put their results; reading many payloads fills one batch.

    Attributes:
        messages: Decoded messages in receive order.
        rejected: Rejections in receive order.
        size: Sum of the raw lengths of the messages, in bytes.
    """

    __slots__ = ("messages", "rejected", "size")

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.rejected: list[Rejected] = []
        self.size = 0

    def __bool__(self) -> bool:
        return bool(self.messages or self.rejected)

    def hand_over(self, intake: Intake) -> None:
        """Give everything to the intake, which owns the batch from then on."""
        if self.messages:
            intake.accept(self.messages, self.size)
        for rejected in self.rejected:
            intake.reject(rejected)
