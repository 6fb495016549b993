"""Throughput: how many messages a second, for those who look at the listener rather than at its counters."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping


class Throughput:
    """
    Remembers counters for a minute, a sample a second.

    Args:
        read: Returns the counters, by any name.
        clock: Seconds.
    """

    def __init__(self, read: Callable[[], Mapping[str, float]], clock: Callable[[], float]) -> None:
        self._read = read
        self._clock = clock
        self._samples: deque[tuple[float, Mapping[str, float]]] = deque(maxlen=61)

    def sample(self) -> None:
        """Read the counters; call it once a second."""
        self._samples.append((self._clock(), dict(self._read())))

    def rates(self, seconds: float = 1.0) -> dict[str, float]:
        """
        Return how fast each counter grew.

        Args:
            seconds: Over how long, at most a minute. The last sample ends it, so that two readers see the same.

        Returns:
            Per second, by name; nothing before there are two samples. What was not counted at the beginning grew
            from zero.
        """
        if len(self._samples) < 2:
            return {}
        end, last = self._samples[-1]
        begin, first = self._samples[-2]
        for at, sample in reversed(self._samples):
            if end - at > seconds + 0.5:
                break
            if at < end:
                begin, first = at, sample
        elapsed = max(end - begin, 1e-9)
        return {name: max(0.0, value - first.get(name, 0)) / elapsed for name, value in last.items()}
