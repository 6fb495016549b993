"""
Archive: finished files, compressed and deleted in time.

A file is finished when its name says that it was rotated, or when its date and hour are over. Laws:

* Only files whose whole path below the base matches the template are touched, and no link is followed.
* A file somebody writes to is never touched: the last step, under the writer's lock, looks again.
* Whenever the process dies, every record is in the plain or in the compressed file; what was half-compressed
  (``…@part``) is thrown away by the next sweep, and begun again.
"""

from __future__ import annotations

import contextlib
import gzip
import logging
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from gelf_listener.outputs.files.directories import open_directory
from gelf_listener.outputs.files.faults import Faults
from gelf_listener.outputs.files.template import Found, PathTemplate

_log = logging.getLogger("gelf_listener.outputs.file")

_PART = "@part"
_BLOCK = 1024 * 1024
_NICE = 10


class Retention(NamedTuple):
    """
    Which finished files are kept.

    Attributes:
        max_files: Most of them for each active file; 0 is no limit.
        max_age_seconds: Since the last write; 0 is no limit.
        max_total_size: Bytes of all files of the output; 0 is no limit.
    """

    max_files: int = 0
    max_age_seconds: float = 0
    max_total_size: int = 0


class _File(NamedTuple):
    """A file on disk."""

    relative: str
    found: Found
    size: int
    modified_at: float


class Archive:
    """
    Compresses and deletes finished files.

    Args:
        template: Which files are the output's.
        compress: Whether finished files are compressed with gzip.
        retention: Which are kept.
        lock: Held by the writer while it writes.
        is_open: Whether the writer has a file open; asked with the lock held.
    """

    def __init__(
        self,
        template: PathTemplate,
        *,
        compress: bool,
        retention: Retention,
        lock: threading.Lock,
        is_open: Callable[[str], bool],
    ) -> None:
        self.compressed = 0
        self.deleted = 0
        self.faults = Faults()
        self._template = template
        self._compresses = compress
        self._retention = retention
        self._lock = lock
        self._is_open = is_open
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Give up what is being compressed; the next start begins it again."""
        self._stopping.set()

    def sweep(self, now: float) -> None:
        """Compress what is finished and delete what need not be kept."""
        _be_nice()
        self._retain(now)
        if not self._compresses:
            return
        for file in list(self._walk("", 0)):
            if self._stopping.is_set():
                return
            if not file.found.compressed and self._is_finished(file, now):
                self._guarded("compress", file.relative, self._compress, now)
                self._retain(now)  # each time: messages may come faster than they can be compressed

    def _is_finished(self, file: _File, now: float) -> bool:
        return file.found.rotated or self._template.is_past(file.found, now)

    def _walk(self, directory: str, depth: int) -> Iterator[_File]:
        """Find the template's files; leftovers of an interrupted compression are deleted on the way."""
        try:
            entries = list(os.scandir(self._template.base / directory))
        except OSError:
            return  # not there yet, or not there any more
        for entry in entries:
            relative = f"{directory}/{entry.name}" if directory else entry.name
            if entry.is_dir(follow_symlinks=False):
                if self._template.match_directory(depth, entry.name):
                    yield from self._walk(relative, depth + 1)
            elif entry.is_file(follow_symlinks=False):
                if relative.endswith(_PART) and self._template.match(relative.removesuffix(_PART)):
                    with contextlib.suppress(OSError):
                        Path(entry.path).unlink()
                elif found := self._template.match(relative):
                    with contextlib.suppress(FileNotFoundError):
                        status = entry.stat(follow_symlinks=False)
                        yield _File(relative, found, status.st_size, status.st_mtime)

    def _guarded(self, action: str, relative: str, function: Callable[[str, float], None], now: float) -> None:
        """Do something with one file; its failure must not keep the others from their turn."""
        try:
            function(relative, now)
        except FileNotFoundError:
            pass  # deleted in the meantime, by us or by somebody else
        except OSError as error:
            self.faults.note(action, self._template.base / relative, error)

    def _compress(self, relative: str, now: float) -> None:
        *directories, name = relative.split("/")
        with open_directory(self._template.base, directories, create=False) as directory:
            part = f"{name}.gz{_PART}"
            source = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
            try:
                before = os.fstat(source)
                if _is_compressed(before, f"{name}.gz", directory):
                    with self._lock:  # a process died between the last two steps below
                        os.unlink(name, dir_fd=directory)
                    return
                if not self._copy(source, part, before, directory):
                    return
                with self._lock:
                    if self._is_open(relative) or os.fstat(source).st_size != before.st_size:
                        os.unlink(part, dir_fd=directory)
                        return
                    os.rename(
                        part, self._free_name(relative, now, directory), src_dir_fd=directory, dst_dir_fd=directory
                    )
                    os.unlink(name, dir_fd=directory)
                self.compressed += 1
            finally:
                os.close(source)

    def _copy(self, source: int, part: str, status: os.stat_result, directory: int) -> bool:
        """Compress a file into another; tell whether it was finished. Whatever happens, nothing half-done stays."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        target = os.open(part, flags, 0o640, dir_fd=directory)
        try:
            with os.fdopen(target, "wb") as plain:
                with gzip.GzipFile("", "wb", 6, plain, mtime=status.st_mtime) as packed:
                    while block := os.read(source, _BLOCK):
                        if self._stopping.is_set():
                            os.unlink(part, dir_fd=directory)
                            return False
                        packed.write(block)
                plain.flush()
                os.fsync(plain.fileno())
            os.utime(part, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=directory)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(part, dir_fd=directory)
            raise
        return True

    def _free_name(self, relative: str, now: float, directory: int) -> str:
        """Return a name for the compressed file that no earlier one has: late messages reopen a file that was done."""
        name = relative.rpartition("/")[2] + ".gz"
        counter = 0
        while _modified_at(name, directory) is not None:
            counter += 1
            name = self._template.rotated(relative, now, counter).rpartition("/")[2] + ".gz"
        return name

    def _retain(self, now: float) -> None:
        """Delete finished files beyond the limits, the oldest first."""
        retention = self._retention
        if not any(retention):
            return
        every = list(self._walk("", 0))
        finished = sorted(
            (file for file in every if self._is_finished(file, now)), key=lambda file: (file.modified_at, file.relative)
        )
        by_key: dict[tuple[str, ...], list[_File]] = defaultdict(list)
        for file in finished:
            by_key[file.found.key].append(file)
        doomed: set[str] = set()
        if retention.max_files:
            doomed.update(file.relative for files in by_key.values() for file in files[: -retention.max_files])
        if retention.max_age_seconds:
            oldest = now - retention.max_age_seconds
            doomed.update(file.relative for file in finished if file.modified_at < oldest)
        if retention.max_total_size:
            total = sum(file.size for file in every if file.relative not in doomed)
            for file in finished:
                if total <= retention.max_total_size:
                    break
                if file.relative not in doomed:
                    doomed.add(file.relative)
                    total -= file.size
        for relative in sorted(doomed):
            self._guarded("delete", relative, self._delete, now)

    def _delete(self, relative: str, _now: float) -> None:
        *directories, name = relative.split("/")
        with self._lock:
            if self._is_open(relative):
                return
            with open_directory(self._template.base, directories, create=False) as directory:
                os.unlink(name, dir_fd=directory)
            self.deleted += 1
            while directories:  # one that is empty now goes too, and then perhaps the one above
                *above, last = directories
                try:
                    with open_directory(self._template.base, above, create=False) as directory:
                        os.rmdir(last, dir_fd=directory)
                except OSError:
                    break
                directories = above


def _modified_at(name: str, directory: int) -> int | None:
    """Return when a file was changed (nanoseconds); None when there is none."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime_ns
    except FileNotFoundError:
        return None


def _is_compressed(plain: os.stat_result, name: str, directory: int) -> bool:
    """Tell whether a compressed file is that of a plain one: the same time and, as gzip notes at its end, size."""
    if _modified_at(name, directory) != plain.st_mtime_ns:
        return False
    fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
    try:
        end = os.pread(fd, 4, max(os.fstat(fd).st_size - 4, 0))
    finally:
        os.close(fd)
    return int.from_bytes(end, "little") == plain.st_size & 0xFFFFFFFF


def _be_nice() -> None:
    """Let receiving go first: compressing can wait. On Linux a thread has a priority of its own."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _NICE)
