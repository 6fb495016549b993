"""
Partitions: all of a store's, the oldest first; which one is current, and which have to go.

Laws:

* Only the last one is written to. It is never deleted: when retention wants it, a new one is begun first.
* A new one is begun after so many messages, and early enough for retention to work in steps of an eighth of its limits.
"""

from __future__ import annotations

import contextlib
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from gelf_listener.errors import ConfigError
from gelf_listener.lock import DirectoryLock
from gelf_listener.packing import Packer
from gelf_listener.store.partition import DamagedPartition, Partition

__all__ = ["Partitions"]

_log = logging.getLogger(__name__)

_STEPS = 8
"""Partitions in which the limits of retention are divided."""

_RETENTION_SECONDS = 60.0
"""How often is looked for what has to go."""


class Partitions:
    """
    Opens, begins and deletes partitions; everything here runs in the writing thread.

    Args:
        path: The store's directory.
        packer: Makes bytes of messages, and messages of bytes.
        partition_messages: Messages after which a new partition is begun.
        max_age_seconds: How long messages are kept after they arrived; None for ever.
        max_bytes: What all may take on disk; None is no limit.
        clock: UTC Unix seconds.
    """

    def __init__(
        self,
        path: Path,
        packer: Packer,
        *,
        partition_messages: int,
        max_age_seconds: float | None,
        max_bytes: int | None,
        clock: Callable[[], float],
    ) -> None:
        self.list: list[Partition] = []
        """Replaced rather than changed, for readers look at it meanwhile."""
        self.evicted = 0
        self.set_aside: list[str] = []
        self._path = path
        self._packer = packer
        self._partition_messages = partition_messages
        self._max_age_seconds = max_age_seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self._lock = DirectoryLock(
            path,
            "store",
            "ask that one through its API, stop it, or name another directory, for example --output store:///tmp/logs",
        )
        self._number = 0

    @property
    def current(self) -> Partition:
        """The one that is written to."""
        return self.list[-1]

    @property
    def full(self) -> bool:
        """Whether the current one has as many messages as it may."""
        return self.current.messages >= self._partition_messages

    @property
    def retention_seconds(self) -> float:
        """How often `retain` is to be called."""
        if self._max_age_seconds is None:
            return _RETENTION_SECONDS
        return min(_RETENTION_SECONDS, max(self._max_age_seconds / (2 * _STEPS), 0.01))

    def open(self) -> int:
        """
        Open all of them; those that are damaged are set aside.

        Returns:
            The next place in receive order.

        Raises:
            ConfigError: If another process has the store, or the directory cannot be used.
        """
        self._lock.acquire()
        try:
            for directory in sorted(self._path.glob("p[0-9]*.deleted")):
                shutil.rmtree(directory, ignore_errors=True)
            for directory in sorted(self._path.glob("p" + "[0-9]" * 8)):
                self._number = max(self._number, int(directory.name[1:]))
                try:
                    self.list.append(Partition(directory, self._packer))
                except DamagedPartition as error:
                    self._set_aside(directory, error)
            if not self.list:
                self.begin()
        except OSError as error:
            self._lock.release()
            raise ConfigError(f"the store at {self._path} cannot be opened: {error.strerror or error}") from None
        for partition in self.list[:-1]:
            with contextlib.suppress(OSError):  # the disk is full; the next start tries again
                partition.catch_up()
        return max(partition.last_order() for partition in self.list) + 1

    def close(self) -> None:
        """Finish writing, close all files and let another process have the store. May be called twice."""
        for partition in self.list:
            try:
                partition.close()
            except OSError as error:
                _log.error(
                    "the store could not be written when it was closed (%s): %s", partition.fate_of_pending, error
                )
        self._lock.release()

    def roll(self) -> None:
        """Begin a new partition when the current one is large or old enough, and nothing is pending."""
        current = self.current
        if (current.messages and not current.pending) and (
            self.full
            or (self._max_bytes is not None and current.size > self._max_bytes / _STEPS)
            or (
                self._max_age_seconds is not None
                and self._clock() - current.created_at > self._max_age_seconds / _STEPS
            )
        ):
            self.begin()

    def begin(self) -> None:
        """
        Begin a new partition; nothing may be pending.

        Raises:
            OSError: If it cannot be made; the current one stays.
        """
        if self.list:
            self.current.close_writer()
        self._number += 1
        path = self._path / f"p{self._number:08d}"
        try:
            made = Partition(path, self._packer)
        except (DamagedPartition, OSError) as error:  # the engine does not tell a full disk from damage
            shutil.rmtree(path, ignore_errors=True)
            raise OSError(str(error)) from None
        made.created_at = self._clock()
        self.list = [*self.list, made]

    def retain(self) -> None:
        """Delete the oldest partitions while their messages are too old or all take too much; never the current one."""
        self.roll()
        while len(self.list) > 1 and (self._too_old(self.list[0]) or self._too_large()):
            self.evicted += self.list[0].messages
            self.drop(self.list[0])

    def drop(self, partition: Partition) -> None:
        """Delete one that is not the current one."""
        self.list = [other for other in self.list if other is not partition]
        partition.remove()

    def _too_old(self, partition: Partition) -> bool:
        if self._max_age_seconds is None:
            return False
        newest = partition.last_received()
        return newest is None or newest < self._clock() - self._max_age_seconds

    def _too_large(self) -> bool:
        return self._max_bytes is not None and sum(partition.size for partition in self.list) > self._max_bytes

    def _set_aside(self, directory: Path, error: DamagedPartition) -> None:
        aside = directory.with_name(f"damaged-{directory.name}-{int(self._clock())}")
        with contextlib.suppress(FileNotFoundError):
            directory.rename(aside)
        self.set_aside.append(str(aside))
        _log.error("a part of the store is damaged and was set aside as %s: %s", aside, error)
