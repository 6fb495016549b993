"""Pace: how long an output takes for a message, and so how many may wait for it, and be written at once."""

from __future__ import annotations

_SECONDS = 0.025
"""How long a batch may take, and what waits besides: everybody's messages stand in one queue."""
_LEAST = 128
"""Messages that are always written at once, and may wait: handing them over costs more than they do."""
_FEWEST_MEASURED = 32


class Pace:
    """
    Learns from the batches that were written.

    A thread takes as long for a batch as its messages take: then fewer at a time cost nothing, and one sender's dear
    messages delay another's less. Of a destination elsewhere that is not so, and it has no pace.

    Args:
        batch: Most messages at once.
    """

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._seconds = 0.0
        """For a message."""

    def took(self, messages: int, seconds: float) -> None:
        """Learn from a batch."""
        if messages >= _FEWEST_MEASURED:
            last = seconds / messages
            self._seconds = max(last, (self._seconds + last) / 2)

    @property
    def batch(self) -> int:
        """How many messages may be written at once."""
        if self._batch * self._seconds <= _SECONDS:
            return self._batch
        return min(self._batch, max(_LEAST, int(_SECONDS / self._seconds)))

    def is_behind(self, waiting: int) -> bool:
        """Whether so many waiting messages are more than can be written soon."""
        return waiting > _LEAST and waiting * self._seconds > _SECONDS
