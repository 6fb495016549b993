"""
LogFile: one file that is appended to, whole records only.

Laws:

* After `append` returned, the file ends with the data; after it raised, it ends where it ended before. What a full
  disk left half-written is cut off again, at once or before the next write.
* The path still leads to the file that is open, or it is opened again: logrotate may move it at any time.
* One process writes to a file at a time (a POSIX lock), or cutting off could hit another's records.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable
from pathlib import Path

from gelf_listener.outputs.files.directories import open_directory

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""O_NONBLOCK: opening a FIFO that nobody reads must fail, not wait; it means nothing for a regular file."""
_MODE = 0o640


class LogFile:
    """
    One file, opened when it is first written to.

    Args:
        base: Directory; trusted.
        relative: Path below it; no link in it is followed.
        sync: Whether data is on the disk when `append` returns.

    Attributes:
        path: The whole path.
        dirty: Whether something was written since the last `sync`.
        truncations: How often something half-written was cut off.
        period: Number of the rotation period it is written in; None just after it was opened.
    """

    def __init__(self, base: Path, relative: str, *, sync: bool = False) -> None:
        self.path = base / relative
        self.dirty = False
        self.truncations = 0
        self.period: int | None = None
        self._base = base
        *self._directories, self._name = relative.split("/")
        self._sync = sync
        self._fd = -1
        self._identity = (0, 0)
        self._torn_at: int | None = None

    def open(self) -> None:
        """
        Open the file, or open it again when the path leads elsewhere now.

        Raises:
            OSError: If that fails, or another process writes to it.
        """
        if self._fd >= 0:
            try:
                there = self.path.stat(follow_symlinks=False)
            except OSError:  # moved, or hidden by whatever is mounted there now
                there = None
            if there is not None and (there.st_dev, there.st_ino) == self._identity:
                return
            self.close()
        with open_directory(self._base, self._directories, create=True) as directory:
            fd = os.open(self._name, _FLAGS, _MODE, dir_fd=directory)
            try:
                status = os.fstat(fd)
                _check_regular(status, self.path)
                _lock(fd)
                if status.st_size and os.pread(fd, 1, status.st_size - 1) != b"\n":
                    os.write(fd, b"\n")  # a process that died while writing left half a record: end it
                if self._sync and not status.st_size:
                    os.fsync(directory)  # or a crash may lose the name of a file whose data is safe
            except BaseException:
                os.close(fd)
                raise
        self._fd, self._identity = fd, (status.st_dev, status.st_ino)
        self.period = None

    @property
    def size(self) -> int:
        """Bytes in the file now; it is asked for, because others may truncate it."""
        return os.fstat(self._fd).st_size

    @property
    def modified_at(self) -> float:
        """When it was last written to, UTC Unix seconds."""
        return os.fstat(self._fd).st_mtime

    def append(self, data: bytes) -> None:
        """
        Write data at the end, all of it or nothing.

        Raises:
            OSError: If not all could be written; the file is as it was before.
        """
        if self._torn_at is not None:
            self._cut(self._torn_at)
        start = os.fstat(self._fd).st_size
        try:
            written = os.write(self._fd, data)
            if written < len(data):  # a full disk takes what fits, and says why at the next write
                rest = memoryview(data)[written:]
                while rest:
                    rest = rest[os.write(self._fd, rest) :]
            if self._sync:
                os.fsync(self._fd)
        except OSError:
            self._cut(start)
            raise
        self.dirty = not self._sync

    def sync(self) -> None:
        """
        Bring what was written to the disk.

        Raises:
            OSError: If the disk cannot.
        """
        self.dirty = False
        if self._fd >= 0:
            os.fsync(self._fd)

    def rotate(self, target: Callable[[int], str]) -> str:
        """
        Rename the file and let go of it.

        Args:
            target: Gives the new relative path for a counter; the first that does not exist is taken.

        Returns:
            The new relative path.

        Raises:
            OSError: If it cannot be renamed.
        """
        with open_directory(self._base, self._directories, create=False) as directory:
            for counter in range(1, 1_000_000):
                relative = target(counter)
                name = relative.rpartition("/")[2]
                if not (_exists(name, directory) or _exists(name + ".gz", directory)):
                    os.rename(self._name, name, src_dir_fd=directory, dst_dir_fd=directory)
                    self.close()
                    return relative
        raise FileExistsError(errno.EEXIST, "no free name to rotate to", str(self.path))

    def close(self) -> None:
        """Let go of the file; `open` opens it again."""
        if self._fd >= 0:
            try:
                if self._torn_at is not None:
                    self._cut(self._torn_at)
            finally:
                os.close(self._fd)
                self._fd = -1
                self._torn_at = None

    def _cut(self, size: int) -> None:
        """Cut off what was half-written; remember it where that fails."""
        self._torn_at = size
        if os.fstat(self._fd).st_size > size:
            os.ftruncate(self._fd, size)
            self.truncations += 1
        self._torn_at = None


def _check_regular(status: os.stat_result, path: Path) -> None:
    """Refuse a device, a FIFO or a socket: nothing that could be rotated or cut off."""
    if not stat.S_ISREG(status.st_mode):
        raise OSError(errno.EINVAL, "not a regular file", str(path))


def _lock(fd: int) -> None:
    """
    Keep other processes from writing to the file.

    A POSIX lock belongs to the process, so a reload may open the file again before the old output lets go.
    """
    try:
        fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EACCES, errno.EAGAIN):
            raise BlockingIOError(errno.EAGAIN, "another process writes to it") from None
        # else: a file system without locks


def _exists(name: str, directory: int) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True
