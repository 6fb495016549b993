"""Rejections: what could not become a message, counted and kept where it can be seen."""

from __future__ import annotations

import logging
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence

from gelf_listener.errors import Rejected

_log = logging.getLogger(__name__)

_LOG_EVERY_SECONDS = 10.0


class Rejections:
    """
    Counts every rejection by input and reason, keeps the last ones, logs now and then.

    Args:
        keep: How many are kept, with an excerpt of at most 1 KiB each.
        clock: Seconds, for the rate of the log.
    """

    def __init__(self, keep: int = 1000, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.counts: Counter[tuple[str, str]] = Counter()
        """By (input, reason)."""
        self.recent: deque[Rejected] = deque(maxlen=keep)
        self.taps: list[Callable[[Rejected], None]] = []
        """Who wants to see every rejection."""
        self._log_at = float("-inf")
        self._unlogged = 0

    @property
    def total(self) -> int:
        """All rejections so far."""
        return self.counts.total()

    def counted(self, counts: Mapping[tuple[str, str], int], recent: Sequence[Rejected]) -> None:
        """
        Note what another process rejected, and logged.

        Args:
            counts: How many, by (input, reason).
            recent: The last of them, oldest first.
        """
        self.counts.update(counts)
        self.recent.extend(recent)

    def add(self, rejected: Rejected) -> None:
        """Count and keep a rejection; log it unless another was logged within ten seconds."""
        rejected.forget_frames()
        self.counts[rejected.input, rejected.reason.value] += 1
        self.recent.append(rejected)
        for tap in self.taps:
            tap(rejected)
        now = self._clock()
        if now < self._log_at:
            self._unlogged += 1
            return
        self._log_at = now + _LOG_EVERY_SECONDS
        more = f" ({self._unlogged} more since the last line)" if self._unlogged else ""
        self._unlogged = 0
        _log.warning(
            "rejected %s from %s: %s: %r%s",
            rejected.reason.value,
            rejected.peer or "unknown",
            rejected.detail,
            rejected.payload[:100],
            more,
        )
