"""Memory: a buffer that costs next to nothing and keeps nothing."""

from __future__ import annotations

import math
from collections.abc import Callable

from gelf_listener.buffers import MESSAGE_OVERHEAD_BYTES, WhenFull
from gelf_listener.buffers.fair_queue import Entry, FairQueue
from gelf_listener.message import Message

_CROWDED = 8
"""A buffer is crowded from this fraction of its limits on."""
_RESERVE = 32
"""The part of its limits that a full one still takes from senders that have little in it."""


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
        self._queue = FairQueue()
        self._puts = 0

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
        return min([messages[0].received_at for messages, _, _ in self._queue.oldest], default=None)

    @property
    def greedy(self) -> frozenset[str]:
        """See `Buffer.greedy`."""
        messages, size = self.max_messages // _RESERVE, self.max_bytes // _RESERVE
        return frozenset() if self._over(-messages, -size) else self._queue.greedy(self.max_messages)

    def spares(self, host: str) -> bool:
        """See `Buffer.spares`."""
        messages, size = self.max_messages // _RESERVE, self.max_bytes // _RESERVE
        return not self._over(-messages, -size) and self._queue.spares(host)

    def mark(self) -> int:
        """See `Buffer.mark`."""
        return self._puts

    def is_past(self, mark: int) -> bool:
        """See `Buffer.is_past`."""
        return self.oldest_number > mark

    @property
    def oldest_number(self) -> float:
        """The number of the oldest `put` of which something waits; infinite when nothing does."""
        return min([number for _, _, number in self._queue.oldest], default=math.inf)

    def put(self, messages: list[Message], size: int) -> None:
        """See `Buffer.put`."""
        self._puts += 1
        self._add(messages, _cost(messages, size), self._puts)
        if self.when_full != "block":
            while self._over(0, 0):
                self._drop(newest=self.when_full == "drop_newest")

    def take(self, most: int, most_bytes: int | None = None) -> list[Message]:
        """See `Buffer.take`."""
        queue = self._queue
        if not queue:
            return []
        room = self.max_bytes if most_bytes is None else most_bytes
        head = queue.head()
        messages, cost, _ = head
        size = cost - len(messages) * MESSAGE_OVERHEAD_BYTES
        if len(messages) > most or size > room:
            messages, cost = self._cut(head, most, room)
        else:
            queue.pop()
            while queue and len(messages) < most:
                head = queue.head()
                more, more_cost, _ = head
                size += more_cost - len(more) * MESSAGE_OVERHEAD_BYTES
                if size > room or (len(messages) + len(more) > most and not queue.is_long):
                    break
                if len(messages) + len(more) > most:
                    more, more_cost = self._cut(head, most - len(messages), room)
                else:
                    queue.pop()
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
        self._queue = FairQueue()
        self.messages = self.bytes = 0
        return lost

    def _add(self, messages: list[Message], cost: int, number: int) -> None:
        self.messages += len(messages)
        self.bytes += cost
        self._queue.append(messages, cost, number)

    def _cut(self, head: Entry, most: int, room: int) -> tuple[list[Message], int]:
        """Cut so many messages off the next batch as may go, one at least."""
        messages, cost, number = head
        taken = taken_bytes = 0
        for message in messages[:most]:
            taken_bytes += len(message.raw)
            if taken and taken_bytes > room:
                taken_bytes -= len(message.raw)
                break
            taken += 1
        if taken == len(messages):
            self._queue.pop()
            return messages, cost
        taken_cost = min(taken_bytes + taken * MESSAGE_OVERHEAD_BYTES, cost)
        self._queue.cut((messages[taken:], cost - taken_cost, number))
        return messages[:taken], taken_cost

    def _drop(self, *, newest: bool) -> None:
        """
        Let a batch go, of the address that has most here.

        Of the newest one the older messages stay as far as they fit; of the oldest one only if it is the only one.
        """
        messages, cost, number = self._queue.shed(newest=newest)
        self._took(len(messages), cost)
        self.dropped += len(messages)
        if newest or not self._queue:
            kept, size = self._fitting(messages if newest else messages[::-1])
            self.dropped -= len(kept)
            if kept:
                self._add(kept if newest else kept[::-1], _cost(kept, size), number)

    def _fitting(self, messages: list[Message]) -> tuple[list[Message], int]:
        """Return what fits of messages, in order, and its raw length."""
        room = self.max_bytes - self.bytes
        kept = size = 0
        for message in messages[: max(self.max_messages - self.messages, 0)]:
            room -= len(message.raw) + MESSAGE_OVERHEAD_BYTES
            if room < 0:
                break
            size += len(message.raw)
            kept += 1
        return messages[:kept], size

    def _took(self, messages: int, cost: int) -> None:
        self.messages -= messages
        self.bytes -= cost

    def _over(self, messages: int, cost: int) -> bool:
        """Whether so much more would exceed the limits."""
        return self.messages + messages > self.max_messages or self.bytes + cost > self.max_bytes


def _cost(messages: list[Message], size: int) -> int:
    """What messages take in memory, of the sum of their raw bytes."""
    return size + len(messages) * MESSAGE_OVERHEAD_BYTES
