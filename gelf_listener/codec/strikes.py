"""Strikes: who sent too much of something bad in the current second."""

from __future__ import annotations

_SHARES = 5
"""All senders together may have so many times what one may: addresses are easily forged, and time is the same."""


class Strikes:
    """
    Counts by sender and second.

    Some rejections cost a hundred times what a message does, so a flood of them would take the time of honest
    senders. Whoever exceeds the limit gets a cheaper answer until the second is over; so does everybody when a flood
    comes from many addresses; one address alone cannot bring that about.

    Args:
        limit: How many a sender may have in a second.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._second = 0
        self._counts: dict[str, int] = {}
        self._total = 0

    def exceeded(self, sender: str, now: float) -> bool:
        """Whether a sender has used up this second's limit."""
        if int(now) != self._second:
            self._second = int(now)
            self._counts.clear()
            self._total = 0
        return self._total > _SHARES * self.limit or self._counts.get(sender, 0) > self.limit

    def add(self, sender: str, count: int) -> None:
        """Count what went wrong in the second of the last `exceeded`."""
        if count:
            before = self._counts.get(sender, 0)
            self._counts[sender] = before + count
            most = self.limit + 1  # who has exceeded the limit gets the cheaper answer already
            self._total += min(before + count, most) - min(before, most)
