"""
Buffers: what stands between the pipeline and an output that is slower, or away.

Laws of a buffer:

* First in, first out; a batch is only joined or cut, never reordered.
* ``when_full`` says what happens at its limits: ``block`` tells the pipeline to stop reading (`full`), so it never
  holds more than its limits plus what inputs had in hand; ``drop_oldest`` and ``drop_newest`` never hold more than
  the limits: they let messages go, whole batches first, and count them.
* What `take` gave is the taker's: it is not offered again.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

from gelf_listener.message import Message

__all__ = ["MESSAGE_OVERHEAD_BYTES", "MemoryBuffer", "WhenFull"]

WhenFull = Literal["block", "drop_oldest", "drop_newest"]

MESSAGE_OVERHEAD_BYTES = 600
"""What a small message takes in memory beside its raw bytes, so that a flood of tiny ones counts for what it costs."""


_CROWDED = 8
"""A buffer is crowded from this fraction of its limits on."""


class MemoryBuffer:
    """
    Holds messages in memory.

    Guarantee: at most once; what it holds is lost when the process dies.

    Args:
        max_messages: Most messages.
        max_bytes: Most bytes: raw payloads and `MESSAGE_OVERHEAD_BYTES` for each.
        when_full: Policy at the limits.
    """

    def __init__(self, max_messages: int, max_bytes: int, when_full: WhenFull) -> None:
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.when_full = when_full
        self.messages = 0
        self.bytes = 0
        self.dropped = 0
        self._batches: deque[tuple[list[Message], int]] = deque()

    def __len__(self) -> int:
        """Return how many messages wait."""
        return self.messages

    @property
    def full(self) -> bool:
        """Whether the pipeline should stop reading; never when the policy is to drop."""
        return self.when_full == "block" and (self.messages >= self.max_messages or self.bytes >= self.max_bytes)

    @property
    def crowded(self) -> bool:
        """
        Whether senders that can wait should: well before the buffer is full.

        A stream that is read faster than it is written fills any buffer; the memory of a short queue stays in
        the processor's cache, which halves the cost of a message (`make bench`, TCP to file).
        """
        return self.when_full == "block" and (
            self.messages * _CROWDED >= self.max_messages or self.bytes * _CROWDED >= self.max_bytes
        )

    @property
    def oldest_at(self) -> float | None:
        """Receive time of the oldest message, UTC Unix seconds; None when empty."""
        return self._batches[0][0][0].received_at if self._batches else None

    def put(self, messages: list[Message], size: int) -> None:
        """
        Add a batch.

        Args:
            messages: Not empty; the list belongs to the buffer from now on.
            size: Sum of the raw lengths.
        """
        if self.when_full == "drop_newest" and self._over(len(messages), _cost(messages, size)):
            messages, size = self._fitting(messages)
            if not messages:
                return
        cost = _cost(messages, size)
        self._batches.append((messages, cost))
        self.messages += len(messages)
        self.bytes += cost
        if self.when_full == "drop_oldest":
            while self._over(0, 0):
                self._drop_oldest()

    def take(self, most: int) -> list[Message]:
        """Remove and return the oldest messages, at most so many; empty when there are none."""
        if not self._batches:
            return []
        messages, cost = self._batches.popleft()
        if len(messages) > most:
            rest = messages[most:]
            rest_cost = cost * len(rest) // len(messages)
            self._batches.appendleft((rest, rest_cost))
            del messages[most:]
            cost -= rest_cost
        else:
            while self._batches and len(messages) + len(self._batches[0][0]) <= most:
                more, more_cost = self._batches.popleft()
                messages += more
                cost += more_cost
        self._took(len(messages), cost)
        return messages

    def _fitting(self, messages: list[Message]) -> tuple[list[Message], int]:
        """Keep what fits of a batch, in order, and count the rest; return it and its raw length."""
        room = self.max_bytes - self.bytes
        kept = size = 0
        for message in messages[: max(self.max_messages - self.messages, 0)]:
            room -= len(message.raw) + MESSAGE_OVERHEAD_BYTES
            if room < 0:
                break
            size += len(message.raw)
            kept += 1
        self.dropped += len(messages) - kept
        return messages[:kept], size

    def _drop_oldest(self) -> None:
        """Let the oldest batch go, or of the only one so many messages that the rest fits."""
        messages, cost = self._batches.popleft()
        self._took(len(messages), cost)
        self.dropped += len(messages)
        if not self._batches:
            self.dropped -= len(messages)
            newest_first, size = self._fitting(messages[::-1])
            if newest_first:
                kept, cost = newest_first[::-1], _cost(newest_first, size)
                self._batches.append((kept, cost))
                self._took(-len(kept), -cost)

    def _took(self, messages: int, cost: int) -> None:
        self.messages -= messages
        self.bytes -= cost

    def _over(self, messages: int, cost: int) -> bool:
        """Whether so much more would exceed the limits."""
        return self.messages + messages > self.max_messages or self.bytes + cost > self.max_bytes


def _cost(messages: list[Message], size: int) -> int:
    """What messages with so many raw bytes take in memory."""
    return size + len(messages) * MESSAGE_OVERHEAD_BYTES
