"""Schedule: what is indexed next, when it is committed, and which searches wait for that."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time

from gelf_listener.store.background import is_in_background
from gelf_listener.store.partition import Partition
from gelf_listener.store.partitions import Partitions

_MAX_UNCOMMITTED = 250_000
"""Messages after which is committed to the index whatever the time: each commit makes a segment, and segments are
merged, which costs as much as a third of indexing when they are small."""
_COMMIT_SECONDS = 5.0
"""How long messages may wait for that when nobody searches."""
_WATCHED_COMMIT_SECONDS = 1.0
_WATCHED_SECONDS = 10.0
"""How long they may wait after a search, so that in a flood no search has to wait long."""
_FLOOD_COMMIT_SECONDS = (0.2, 0.5)
"""How long is between two commits in a flood, whoever searches: least, and most where committing takes long. A search
that comes after another one waits that long, and each commit costs some milliseconds, however little it is about."""
_PAUSE = 3.0
"""How many times as long as a commit took it is at least to the next one, within these bounds: the disk may be slow,
and nothing is indexed while something is committed."""
_PATIENCE_SECONDS = 10.0
_FLOOD_PATIENCE_SECONDS = 1.5
"""How long a search waits for the index, and how long while more comes in."""
_FLOOD = 2000
"""Messages added within a second that make a flood of the next one."""


class Schedule:
    """
    Decides when partitions are indexed and committed.

    The loop asks and tells; the indexing thread asks `commit_due` and tells `committed`.

    Args:
        partitions: All of the store's.
    """

    idle_seconds = 15.0
    """How long the indexer is kept when there is nothing to index: it takes memory."""

    def __init__(self, partitions: Partitions) -> None:
        self._all = partitions
        self._committed_at = time.monotonic()
        self._flood_pause = _FLOOD_COMMIT_SECONDS[0]
        self._asked_at = -math.inf
        self._second = (-math.inf, 0, 0)
        """When the current second of adding began, how many were added in it, and in the one before."""
        self._waiting: list[tuple[int, bool, asyncio.Future[None]]] = []
        """Searches that wait until what is at a place is found."""

    def added(self, messages: int) -> None:
        """Count what was added in this second."""
        now, (began, count, before) = time.monotonic(), self._second
        if now - began >= 1:
            began, count, before = now, 0, count if now - began < 2 else 0
        self._second = (began, count + messages, before)

    def asked(self) -> None:
        """Note that somebody searches: more searches may follow, but for one in the background."""
        if not is_in_background():
            self._asked_at = time.monotonic()

    def committed(self, seconds: float) -> None:
        """Note that an index was committed, and how long that took."""
        self._committed_at = time.monotonic()
        least, most = _FLOOD_COMMIT_SECONDS
        self._flood_pause = min(most, max(least, _PAUSE * seconds))

    def commit_next(self) -> None:
        """Have what is indexed next committed whatever the time."""
        self._committed_at = -math.inf

    @property
    def patience(self) -> float:
        """How many seconds a search waits for the index."""
        return _FLOOD_PATIENCE_SECONDS if self.flooded else _PATIENCE_SECONDS

    @property
    def awaited(self) -> bool:
        """Whether a search waits."""
        return bool(self._waiting)

    def next_partition(self) -> Partition | None:
        """Return which partition has something to do: the oldest, but those whose whole index is missing last."""
        due = [partition for partition in self._all.list if self._is_due(partition)]
        return min(due, key=lambda partition: partition.rebuilding, default=None)

    def commit_due(self, partition: Partition, more: int) -> bool:
        """Tell whether it is time to commit what an index was given, and so many messages more."""
        elapsed = time.monotonic() - self._committed_at
        if partition.uncommitted + more >= _MAX_UNCOMMITTED or elapsed > _COMMIT_SECONDS:
            return True
        if partition is not self._all.current and more >= partition.unindexed:
            return True
        if self._waiting:
            place = min(place for place, _, _ in self._waiting)
            reached = partition.given + more >= min(place, partition.blocks.saved)
            return reached and (elapsed > self._flood_pause or not self.flooded)
        return elapsed > _WATCHED_COMMIT_SECONDS and time.monotonic() - self._asked_at < _WATCHED_SECONDS

    def until_due(self, commit_seconds: float, *, idle: bool) -> float | None:
        """Return for how many seconds there is nothing to do unless something comes; None when that may last."""
        if any([partition.pending for partition in self._all.list]):
            return min(commit_seconds or 1.0, 1.0)
        return None if idle else self.idle_seconds

    def is_found(self, place: int, *, rebuilt: bool) -> bool:
        """
        Tell whether searches find everything up to a place.

        Args:
            place: Of the last message that is asked for.
            rebuilt: Whether also in partitions whose index is made again or has to be.
        """
        return all(
            not (partition.broken and rebuilt)
            and ((partition.rebuilding and not rebuilt) or partition.committed >= min(place, partition.blocks.last))
            for partition in self._all.list
            if partition.blocks.first <= place
        )

    async def wait(self, place: int, *, rebuilt: bool, seconds: float | None) -> None:
        """Wait until `is_found` holds, or `settle` says that it will not, for at most so many seconds."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((place, rebuilt, future))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await future

    def settle(self, *, hopeless: bool) -> None:
        """Let searches go on that wait for what is found now, or all of them where that cannot be helped."""
        waiting, self._waiting = self._waiting, []
        for place, rebuilt, future in waiting:
            if future.done():
                continue
            if hopeless or self.is_found(place, rebuilt=rebuilt):
                future.set_result(None)
            else:
                self._waiting.append((place, rebuilt, future))

    @property
    def flooded(self) -> bool:
        """Whether thousands of messages come in every second."""
        began, _, before = self._second
        return before >= _FLOOD and time.monotonic() - began < 2

    def _is_due(self, partition: Partition) -> bool:
        if partition.broken or partition.unindexed:
            return True
        return bool(partition.uncommitted) and self.commit_due(partition, 0)
