"""
Buffers: what stands between the pipeline and an output that is slower, or away.

Laws of a buffer:

* First in, first out, of what one address sent; a batch is only joined or cut, never reordered. A buffer may have
  addresses take turns.
* ``when_full`` says what happens at its limits: ``block`` tells the pipeline to stop reading (`full`), so it never
  holds more than its limits plus what inputs had in hand, and a little from senders that have little in it;
  ``drop_oldest`` and ``drop_newest`` never hold more than the limits: they let messages go, whole batches first, and
  count them.
* What `take` gave is the taker's: it is not offered again before the next start of the process, and then only if it
  was not released.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from gelf_listener.message import Message

WhenFull = Literal["block", "drop_oldest", "drop_newest"]

MESSAGE_OVERHEAD_BYTES = 600
"""What a small message takes in memory beside its raw bytes, so that a flood of tiny ones counts for what it costs."""


class Buffer(Protocol):
    """
    Holds the messages of one output.

    Attributes:
        durable: Whether what it holds outlives the process.
        safe_at_once: Whether what is put is as safe as it ever gets here: `when_safe` calls back at once.
        messages: How many it holds, those that were taken and not released included where it is durable.
        bytes: What they take of its limit.
        dropped: How many it let go because it was full.
        problem: Why it cannot do what it promises at the moment; empty when it can.
    """

    durable: bool
    safe_at_once: bool
    messages: int
    bytes: int
    dropped: int

    @property
    def damaged(self) -> int:
        """How much of what it kept turned out to be damaged: files, and parts of files."""

    problem: str

    @property
    def ready(self) -> int:
        """How many messages could be taken at this moment."""

    @property
    def full(self) -> bool:
        """Whether the pipeline should stop reading; never when the policy is to drop."""

    @property
    def crowded(self) -> bool:
        """Whether senders that can wait should."""

    @property
    def greedy(self) -> frozenset[str]:
        """
        Of a full buffer, the addresses that hold more than their share of it, while others send too.

        An input whose senders cannot wait lets go of what they send, so that others lose nothing by them. Empty: it
        stops reading.
        """

    def spares(self, host: str) -> bool:
        """Whether a sender need not wait though this is crowded, or full: it is full of others' messages."""

    @property
    def oldest_at(self) -> float | None:
        """Receive time of the oldest message, UTC Unix seconds; None when empty."""

    def open(self, changed: Callable[[], None]) -> None:
        """
        Begin.

        Args:
            changed: Called when messages became ready, or room was made, other than by `put` and `take`.

        Raises:
            ConfigError: If it can never work.
        """

    def put(self, messages: list[Message], size: int) -> None:
        """
        Add a batch.

        Args:
            messages: Not empty; the list belongs to the buffer from now on.
            size: Sum of the raw lengths.
        """

    def take(self, most: int, most_bytes: int | None = None) -> list[Message]:
        """
        Return the oldest messages; empty when none is ready.

        Args:
            most: Most messages.
            most_bytes: Most raw bytes; a message that is longer comes alone.
        """

    def mark(self) -> int:
        """Name this moment, for `is_past`."""

    def is_past(self, mark: int) -> bool:
        """Whether nothing waits to be taken that was put before a mark, as far as the order does not say so."""

    def release(self, batch: list[Message]) -> None:
        """Forget a batch: the very list that `take` gave, once its messages are written or refused."""

    def when_safe(self, callback: Callable[[str | None], None]) -> None:
        """Call back once, when all that was put so far is safe (None), or cannot be made safe (why)."""

    async def close(self) -> int:
        """
        Give back what it holds open. May be called twice.

        Returns:
            How many messages are lost by that.
        """
