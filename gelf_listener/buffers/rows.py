"""Rows: the batches that a buffer on disk keeps, and what was taken of them."""

from __future__ import annotations

from gelf_listener.buffers import MESSAGE_OVERHEAD_BYTES
from gelf_listener.message import Message

MESSAGE_BYTES = 100
"""What a message takes on disk beside its payload, about."""


class Row:
    """
    A batch on its way.

    Attributes:
        id: Its number in the file; 0 while it is not there.
        messages: As long as they are in memory.
        bytes: What it counts for.
        memory: What it takes in memory.
        sent: How many of its messages were taken.
        unreleased: How many were not released.
        sequence: Its place among all that was put; 0 if it was read.
    """

    __slots__ = ("bytes", "count", "id", "memory", "messages", "sent", "sequence", "unreleased")

    def __init__(self, id: int, messages: list[Message], size: int, sequence: int = 0) -> None:
        self.id = id
        self.messages = messages
        self.count = self.unreleased = len(messages)
        self.bytes = size
        self.memory = size + self.count * (MESSAGE_OVERHEAD_BYTES - MESSAGE_BYTES)
        self.sent = 0
        self.sequence = sequence

    def add(self, messages: list[Message], size: int) -> None:
        """Join a batch that was put later."""
        self.messages += messages
        self.count = self.unreleased = len(self.messages)
        self.bytes += size
        self.memory += size + len(messages) * (MESSAGE_OVERHEAD_BYTES - MESSAGE_BYTES)

    def end(self, end: int, room: int) -> int:
        """Return where, up to an end, its messages no longer fit into so many bytes; one always does."""
        for index in range(self.sent, end):
            room -= len(self.messages[index].raw)
            if room < 0 and index > self.sent:
                return index
        return end


class Taken(list[Message]):
    """What `take` gave: the messages, and the rows they are of with how many of each."""

    __slots__ = ("rows",)

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[tuple[Row, int]] = []
