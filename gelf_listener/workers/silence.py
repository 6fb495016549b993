"""Silence: whether a worker still says something, which one that works does several times a second."""

from __future__ import annotations

TICK_SECONDS = 1.0
"""How often is looked."""
_TOLD_TICKS = 10
"""Silence that is told: a process may have to wait so long for a processor."""
_HUNG_TICKS = 60
"""Silence after which it works no more."""
_START_TICKS = 180
"""The same for a process that has not said anything yet: it has to load first."""


class Silence:
    """
    Counts how often somebody looked and nothing had been said.

    What is counted is looks, not time: a parent that could not look itself knows nothing.
    """

    def __init__(self) -> None:
        self._looks = 0
        self._has_spoken = False

    def broken(self) -> None:
        """Something was said."""
        self._looks = 0
        self._has_spoken = True

    def look(self) -> None:
        """Look again, a tick later."""
        self._looks += 1

    @property
    def seconds(self) -> float:
        """How long it has lasted."""
        return self._looks * TICK_SECONDS

    @property
    def problem(self) -> str:
        """What to tell of it; empty while it is short."""
        if not self._has_spoken or self._looks < _TOLD_TICKS:
            return ""
        return f"has said nothing for {self.seconds:.0f} s"

    @property
    def is_hung(self) -> bool:
        """Whether nothing is to be expected any more."""
        return self._looks >= (_HUNG_TICKS if self._has_spoken else _START_TICKS)
