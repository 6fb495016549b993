"""Batch: what one read of a transport became, messages and rejections apart."""

from __future__ import annotations

from gelf_listener.errors import Rejected
from gelf_listener.intake import Intake
from gelf_listener.message import Message


class Batch:
    """
    A place for decoders to put their results; reading many payloads fills one batch.

    Attributes:
        messages: Decoded messages in receive order.
        rejected: Rejections in receive order.
        size: Sum of the raw lengths of the messages, in bytes.
        given: How many messages went on before those.
    """

    __slots__ = ("given", "messages", "rejected", "size")

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.rejected: list[Rejected] = []
        self.size = 0
        self.given = 0

    @property
    def count(self) -> int:
        """How many messages there were so far."""
        return self.given + len(self.messages)

    def __bool__(self) -> bool:
        return bool(self.messages or self.rejected)

    def give_messages(self, intake: Intake) -> None:
        """Give the messages that are here to the intake; more will come."""
        if self.messages:
            intake.accept(self.messages, self.size)
            self.given += len(self.messages)
            self.messages, self.size = [], 0

    def move_to(self, other: Batch) -> None:
        """Put everything behind what is in another one; nothing is left here."""
        other.messages += self.messages
        other.rejected += self.rejected
        other.size += self.size
        self.messages, self.rejected, self.size = [], [], 0

    def hand_over(self, intake: Intake) -> None:
        """Give everything to the intake, which owns the batch from then on."""
        if self.messages:
            intake.accept(self.messages, self.size)
        for rejected in self.rejected:
            intake.reject(rejected)
