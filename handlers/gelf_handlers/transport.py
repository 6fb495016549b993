"""The contract between the worker and a transport."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

__all__ = ["Interrupted", "RetryLater", "Transport"]


class Interrupted(OSError):  # noqa: N818 - it is not a fault
    """The handler is being closed and its time is up: what is unsent stays in the batch."""


class RetryLater(OSError):  # noqa: N818 - the destination's wish
    """The destination is there and asks to come back later (HTTP 429, 503)."""

    def __init__(self, text: str, delay_seconds: float | None = None) -> None:
        super().__init__(text)
        self.delay_seconds = delay_seconds


class Transport(Protocol):
    """
    Sends encoded messages; lives in the worker's thread alone.

    Attributes:
        max_batch: Messages worth handing over at once.
        idle_seconds: `idle` wants to be called this often while there is nothing to send; None for never.
        stopping: Set by the worker; true when waiting any longer is in vain.
    """

    max_batch: int
    idle_seconds: float | None
    stopping: Callable[[], bool]

    def send(self, batch: deque[bytes]) -> None:
        """
        Send messages, taking each off the left of the batch when it is settled: sent, or refused and counted.

        Raises:
            OSError: If what is left in the batch has to be tried again.
        """

    def idle(self) -> None:
        """Keep the connection alive."""

    def close(self) -> None:
        """Say goodbye and close; what the kernel still holds gets a moment to leave."""

    def abandon(self) -> None:
        """Close this process's copy of the connection after a fork, without a word on the wire."""
