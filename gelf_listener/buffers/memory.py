"""Memory: a buffer that costs next to nothing and keeps nothing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from gelf_listener.buffers import MESSAGE_OVERHEAD_BYTES, WhenFull
from gelf_listener.message import Message

__all__ = ["MemoryBuffer"]

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

    durable = False
    safe_at_once = True
    damaged = 0

    def __init__(self, max_messages: int, max_bytes: int, when_full: WhenFull) -> None:
        self.max_messages = max_messages
        self.max_bytes = max_bytes
        self.when_full = when_full
        self.messages = 0
        self.bytes = 0
        self.dropped = 0
        self.problem = ""
        self._batches: deque[tuple[list[Message], int]] = deque()

    def __len__(self) -> int:
        """Return how many messages wait."""
        return self.messages

    @property
    def ready(self) -> int:
        """All of them."""
        return self.messages

    @property
    def full(self) -> bool:
        """See `Buffer.full`."""
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
        """See `Buffer.oldest_at`."""
        return self._batches[0][0][0].received_at if self._batches else None

    def put(self, messages: list[Message], size: int) -> None:
        """See `Buffer.put`."""
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

    def take(self, most: int, most_bytes: int | None = None) -> list[Message]:
        """See `Buffer.take`."""
        if not self._batches:
            return []
        messages, cost = self._batches.popleft()
        room = self.max_bytes if most_bytes is None else most_bytes
        size = cost - len(messages) * MESSAGE_OVERHEAD_BYTES
        if len(messages) > most or size > room:
            messages, cost = self._cut(messages, cost, most, room)
        else:
            while self._batches and len(messages) + len(self._batches[0][0]) <= most:
                more, more_cost = self._batches[0]
                size += more_cost - len(more) * MESSAGE_OVERHEAD_BYTES
                if size > room:
                    break
                self._batches.popleft()
                messages += more
                cost += more_cost
        self._took(len(messages), cost)
        return messages

    def release(self, batch: list[Message]) -> None:
        """Nothing to forget; see `Buffer.release`."""

    def when_safe(self, callback: Callable[[str | None], None]) -> None:
        """Call back at once: memory keeps nothing safer later; see `Buffer.when_safe`."""
        callback(None)

    def open(self, changed: Callable[[], None]) -> None:
        """Nothing to open; see `Buffer.open`."""

    async def close(self) -> int:
        """Let everything go; see `Buffer.close`."""
        lost = self.messages
        self._batches.clear()
        self.messages = self.bytes = 0
        return lost

    def _cut(self, messages: list[Message], cost: int, most: int, room: int) -> tuple[list[Message], int]:
        """Cut so many messages off a batch as may go, one at least, and put the rest back."""
        taken = taken_bytes = 0
        for message in messages[:most]:
            taken_bytes += len(message.raw)
            if taken and taken_bytes > room:
                taken_bytes -= len(message.raw)
                break
            taken += 1
        taken_cost = min(taken_bytes + taken * MESSAGE_OVERHEAD_BYTES, cost)
        rest = messages[taken:]
        if rest:
            self._batches.appendleft((rest, cost - taken_cost))
        else:
            taken_cost = cost
        del messages[taken:]
        return messages, taken_cost

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
    """What messages take in memory, of the sum of their raw bytes."""
    return size + len(messages) * MESSAGE_OVERHEAD_BYTES
