"""
Partitions: all of a store's, the oldest first; which one is current, and which have to go.

Laws:

* Only the last one is added to. It is never deleted by retention: when that wants it, a new one is begun first.
* A new one is begun after so many messages, and early enough for retention to work in steps of an eighth of its limits,
  whether the index of the one before is finished or not.
* Whoever deletes the files of a running store gets a new one; what was in the old one is counted as lost.
"""

from __future__ import annotations

import contextlib
import errno
import json
import logging
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from gelf_listener import __version__
from gelf_listener.errors import ConfigError, Retry, describe
from gelf_listener.lock import DirectoryLock
from gelf_listener.packing import Packer
from gelf_listener.query.fields import FieldType
from gelf_listener.store.answers import PartitionInfo, StoreInfo
from gelf_listener.store.partition import DamagedPartition, Partition, UnfinishedPartition, size_of
from gelf_listener.store.reserve import Reserve
from gelf_listener.store.schema import FORMAT, field_name

_log = logging.getLogger(__name__)

_STEPS = 8
"""Partitions in which the limits of retention are divided."""

_RETENTION_SECONDS = 60.0
"""How often is looked for what has to go."""

_HURRY_BYTES_A_SECOND = 4_000_000
"""Packed messages from which on there is no time to lay them out, some 8000 a second: datagrams would be lost."""
_SHORTLY = 0.05
"""Seconds below which nothing is said of that; no more than one second counts, for a flood may begin after a pause."""
_STORE_FILE = "store.json"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)

_TYPES: dict[str, FieldType] = {"text": "string", "long": "long", "double": "double", "boolean": "boolean"}


class Partitions:
    """
    Opens, begins and deletes partitions; everything here runs in the adding thread.

    Args:
        path: The store's directory.
        packer: Makes bytes of messages, and messages of bytes.
        partition_messages: Messages after which a new partition is begun.
        max_age_seconds: How long messages are kept after they arrived; None is no limit.
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
        self.saved_at = time.monotonic()
        self.evicted = 0
        self.lost = 0
        """Messages whose files were deleted or moved by somebody else."""
        self.set_aside: list[str] = []
        self._path = path
        self._packer = packer
        self._partition_messages = partition_messages
        self.max_age_seconds = max_age_seconds
        self.max_bytes = max_bytes
        self._clock = clock
        self._lock = self._new_lock()
        self.reserve = Reserve(path)
        """For what has to be done on a full disk, too."""
        self._number = 0

    @property
    def current(self) -> Partition:
        """The one that is added to."""
        return self.list[-1]

    @property
    def hurried(self) -> bool:
        """Whether there may be something to tidy up after a flood."""
        return any([partition.blocks.hurried for partition in self.list])

    @property
    def retention_seconds(self) -> float:
        """How often `retain` is to be called."""
        if self.max_age_seconds is None:
            return _RETENTION_SECONDS
        return min(_RETENTION_SECONDS, max(self.max_age_seconds / (2 * _STEPS), 0.01))

    def open(self) -> None:
        """
        Open all of them; those that are damaged are set aside.

        Raises:
            ConfigError: If another process has the store, a newer version wrote it, or it cannot be used.
            Retry: If it cannot be opened now, for example because the disk is full.
        """
        try:
            self._path.mkdir(parents=True, exist_ok=True, mode=0o700)
        except OSError as error:
            if error.errno in _NO_ROOM:
                raise Retry(f"the store at {self._path} cannot be made now: {describe(error)}") from None
        self._lock.acquire()
        try:
            self._check_format()
            try:
                self._open_all()
            except OSError:
                self._close_all()
                with self.reserve.released():
                    self._open_all()
            self.reserve.keep()
            self._write_format()
        except BaseException as error:
            self.close()
            if isinstance(error, OSError):
                raise Retry(f"the store at {self._path} cannot be opened now: {describe(error)}") from None
            raise

    def _open_all(self) -> None:
        for directory in sorted(self._path.glob("p[0-9]*.deleted")):
            shutil.rmtree(directory, ignore_errors=True)
        for directory in sorted(self._path.glob("p" + "[0-9]" * 8)):
            self._number = max(self._number, int(directory.name[1:]))
            try:
                opened = Partition(directory, self._packer)
            except DamagedPartition as error:
                self._set_aside(directory, error)
                continue
            except UnfinishedPartition as error:
                _log.warning("a part of the store was being made when the process ended, and is removed: %s", error)
                shutil.rmtree(directory, ignore_errors=True)
                continue
            self.list.append(opened)
            self._check(opened.format, "another version")
        if not self.list:
            self.begin()

    def _close_all(self) -> None:
        for partition in self.list:
            partition.close()
        self.list = []

    def close(self) -> None:
        """Close all files and let another process have the store. May be called twice."""
        self._close_all()
        self._lock.release()

    def save(self) -> None:
        """Make what was added safe, and begin a new partition when it is time."""
        now, before = time.monotonic(), self.saved_at
        self.saved_at = now
        self.begin_again_where_lost()
        current = self.current
        seconds = min(max(now - before, _SHORTLY), 1.0)
        current.save(quickly=current.blocks.unsaved_bytes > _HURRY_BYTES_A_SECOND * seconds)
        with contextlib.suppress(OSError):  # then the current one goes on
            self.roll()

    def roll(self) -> None:
        """
        Begin a new partition when the current one is large or old enough.

        Raises:
            OSError: If it cannot be made; the current one goes on.
        """
        current = self.current
        if current.messages and (
            current.messages >= self._partition_messages
            or (self.max_bytes is not None and current.size > self.max_bytes / _STEPS)
            or (self.max_age_seconds is not None and self._clock() - current.created_at > self.max_age_seconds / _STEPS)
        ):
            self.begin()

    def begin(self) -> None:
        """
        Begin a new partition.

        Raises:
            OSError: If it cannot be made; the current one stays.
        """
        first = 0
        if self.list:
            self.current.save()
            first = self.current.blocks.last + 1
        self._number += 1
        path = self._path / f"p{self._number:08d}"
        try:
            made = Partition(path, self._packer, first=first, created_at=self._clock())
        except DamagedPartition as error:
            raise OSError(str(error)) from None
        except OSError:
            shutil.rmtree(path, ignore_errors=True)
            raise
        if self.list:
            self.current.finish()
        self.list = [*self.list, made]

    def retain(self) -> None:
        """Delete the oldest partitions while their messages are too old or all take too much; never the current one."""
        self.roll()
        for directory in self._damaged():  # nobody can search them, so they go first
            if self._too_large() or self._damaged_too_old(directory):
                shutil.rmtree(directory, ignore_errors=True)
        while len(self.list) > 1 and (self._too_old(self.list[0]) or self._too_large()):
            self.evicted += self.list[0].messages
            self.drop(self.list[0])

    def drop(self, partition: Partition) -> None:
        """Delete one that is not the current one."""
        self.list = [other for other in self.list if other is not partition]
        partition.remove()

    def drop_whole(self, partition: Partition, messages: int) -> bool:
        """Drop one of which nothing is left, if these are all of its messages; return whether it was dropped."""
        if messages != partition.messages:
            return False
        if partition is self.current:
            self.begin_anyhow()
        self.drop(partition)
        self.reserve.keep()
        return True

    def begin_anyhow(self) -> None:
        """Begin a partition although the disk may be full."""
        with self.reserve.released():
            self.begin()

    def find_damage(self) -> None:
        """Open every index that is said to be whole."""
        for partition in self.list:
            if not partition.rebuilding:
                _ = partition.searcher

    def begin_again_where_lost(self) -> None:
        """
        Notice partitions that somebody deleted or moved, and go on without them.

        Raises:
            OSError: If a new one cannot be made.
        """
        lost = [partition for partition in self.list if partition.lost]
        if not lost:
            return
        self.lost += sum(partition.messages - partition.blocks.unsaved for partition in lost)
        _log.error(
            "the files of the store at %s were deleted or moved while it was open: %d messages are gone; going on",
            self._path,
            sum(partition.messages - partition.blocks.unsaved for partition in lost),
        )
        left = self.current.blocks.unsaved_messages() if self.current in lost else []
        if self.current in lost:
            if not self._lock.held():
                self._lock.release()
                self._lock = self._new_lock()
                self._lock.acquire()
            self._write_format()
            first = self.current.blocks.saved + 1
            self._number += 1
            made = Partition(self._path / f"p{self._number:08d}", self._packer, first=first, created_at=self._clock())
            made.blocks.add(left)
            self.list = [*self.list, made]
        self.list = [partition for partition in self.list if partition not in lost]
        for partition in lost:
            partition.close()

    def field_types(self) -> dict[str, set[FieldType]]:
        """Return the additional fields of all messages, and the types of their values."""
        types: dict[str, set[FieldType]] = {}
        for partition in self.list:
            for key, kinds in list(partition.names.items()):
                name = field_name(key)
                if not key.startswith("@"):
                    types.setdefault(name, set()).update(_TYPES[kind] for kind in list(kinds))
        return types

    def info(self) -> StoreInfo:
        """Return how much there is; see `Store.info`."""
        partitions = [
            PartitionInfo(str(each), _seconds(each.first), _seconds(each.last), each.messages, each.size)
            for each in self.list
        ]
        firsts = [each.first for each in partitions if each.first is not None and each.messages]
        lasts = [each.last for each in partitions if each.last is not None and each.messages]
        return StoreInfo(
            str(self._path),
            sum(each.messages for each in partitions),
            sum(each.bytes for each in partitions),
            min(firsts, default=None),
            max(lasts, default=None),
            partitions,
            self.max_bytes,
            self.max_age_seconds,
        )

    def _too_old(self, partition: Partition) -> bool:
        if self.max_age_seconds is None:
            return False
        newest = partition.last_received
        if newest is None:  # it is not known before the index is made
            return not partition.messages
        return newest < self._clock() - self.max_age_seconds

    def _too_large(self) -> bool:
        if self.max_bytes is None:
            return False
        size = sum(partition.size for partition in self.list) + sum(map(size_of, self._damaged()))
        return size > self.max_bytes

    def _damaged(self) -> list[Path]:
        """Return what was set aside, the oldest first."""
        return sorted(self._path.glob("damaged-*"))

    def _damaged_too_old(self, directory: Path) -> bool:
        if self.max_age_seconds is None:
            return False
        try:
            return directory.stat().st_mtime < self._clock() - self.max_age_seconds
        except OSError:
            return False

    def _set_aside(self, directory: Path, error: DamagedPartition) -> None:
        aside = directory.with_name(f"damaged-{directory.name}-{int(self._clock())}")
        with contextlib.suppress(FileNotFoundError):
            directory.rename(aside)
        self.set_aside.append(str(aside))
        _log.error("a part of the store is damaged and was set aside as %s: %s", aside, error)

    def _check_format(self) -> None:
        """Refuse what a newer version wrote."""
        try:
            found = json.loads((self._path / _STORE_FILE).read_text("utf-8"))
            format, version = int(found["format"]), str(found["version"])
        except (OSError, ValueError, KeyError, TypeError):
            return  # of the first format, which had no such file
        self._check(format, version)

    def _check(self, format: int, version: str) -> None:
        if format > FORMAT:
            raise ConfigError(
                f"the store at {self._path} was written by gelf-listener {version} (format {format}); this is "
                f"{__version__}, which reads formats up to {FORMAT}: use that version or a newer one, or name another "
                "directory"
            )

    def _write_format(self) -> None:
        """Say which format this is, in a file that a person can read."""
        text = json.dumps({"format": FORMAT, "version": __version__}) + "\n"
        file = self._path / _STORE_FILE
        with contextlib.suppress(OSError):
            if file.read_text("utf-8") == text:
                return
        with contextlib.suppress(OSError):  # the disk is full: each partition says it, too
            draft = file.with_suffix(".new")
            draft.write_text(text, encoding="utf-8")
            draft.replace(file)

    def _new_lock(self) -> DirectoryLock:
        return DirectoryLock(
            self._path,
            "store",
            "ask that one through its API, stop it, or name another directory, for example --output store:///tmp/logs",
        )


def _seconds(micros: int | None) -> float | None:
    return None if micros is None else micros / 1e6
