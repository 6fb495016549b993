"""Lock: one process has a directory open, and another one is told which."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from gelf_listener.errors import ConfigError, describe

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_FULL = (errno.ENOSPC, errno.EDQUOT)
_TAKEN = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES)

_Identity = tuple[int, int]

_ours: set[_Identity] = set()
"""Directories this process has locked, by device and inode."""


class LockedError(ConfigError):
    """
    Another owner has the directory open.

    Args:
        message: What to tell a person.
        pid: The process; None if it is not known.
    """

    def __init__(self, message: str, pid: int | None) -> None:
        super().__init__(message)
        self.pid = pid


class DirectoryLock:
    """
    Locks a directory as long as the process lives, however it ends.

    Both the directory and a file in it, `lock`, are locked. The file says who has it; the directory's own lock holds
    when that file is removed, and by whatever path the directory is reached. File systems that lock no directories
    (NFS) have the file alone.

    Args:
        directory: Made if it is not there.
        what: What the directory holds, for errors: "store".
        advice: What to do when another process has it, for errors.
    """

    def __init__(self, directory: Path, what: str, advice: str) -> None:
        self._directory = directory
        self._path = directory / "lock"
        self._what = what
        self._advice = advice
        self._folder = -1
        self._file = -1
        self._identity: _Identity | None = None

    def acquire(self) -> None:
        """
        Take the lock.

        Raises:
            LockedError: If another process has it, or somebody else in this one.
            ConfigError: If the directory cannot be used.
        """
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            if fcntl is not None:
                self._folder = os.open(self._directory, os.O_RDONLY | os.O_CLOEXEC)
                self._take(self._folder)
            self._lock_file()
        except BaseException as error:
            self.release()
            if isinstance(error, OSError):
                raise ConfigError(
                    f"the {self._what} at {self._directory} cannot be opened: {describe(error)}; name another "
                    "directory, or set XDG_STATE_HOME"
                ) from None
            raise
        self._identity = _identity(self._directory.stat())
        _ours.add(self._identity)

    def held(self) -> bool:
        """
        Return whether the directory is still the one that was locked; a `lock` that was removed is made again.

        Raises:
            LockedError: If another owner has taken the place of a file that was removed.
        """
        try:
            if self._identity is None or _identity(self._directory.stat()) != self._identity:
                return False
            if not _is_at(self._file, self._path):
                os.close(self._file)
                self._file = -1
                self._lock_file()
        except OSError:
            return False
        return True

    def release(self) -> None:
        """Give it back. May be called twice."""
        for file in (self._file, self._folder):
            if file >= 0:
                os.close(file)
        self._file = self._folder = -1
        if self._identity is not None:
            _ours.discard(self._identity)
            self._identity = None

    def _lock_file(self) -> None:
        self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._take(self._file)
        text = f"{os.getpid()}\n".encode()
        try:  # over what is there: an empty file may get no room again
            os.pwrite(self._file, text, 0)
            os.ftruncate(self._file, len(text))
        except OSError as error:
            if error.errno not in _FULL:
                raise
            os.ftruncate(self._file, 0)  # it is locked; only nobody is told by whom

    def _take(self, file: int) -> None:
        if fcntl is None:
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in _TAKEN:
                if file == self._folder:
                    return  # this file system does not lock directories
                raise
            pid = self._holder()
            raise LockedError(
                f"the {self._what} at {self._directory} is open in another process (pid {pid or 'unknown'}); "
                f"{self._advice}",
                pid,
            ) from None

    def _holder(self) -> int | None:
        """Return the process that has the lock, as far as it is known."""
        try:
            text = self._path.read_bytes()[:20].decode("ascii", "replace").strip()
            if text.isdigit():
                return int(text)
        except OSError:  # it was removed
            pass
        return os.getpid() if _identity(self._directory.stat()) in _ours else None


def _identity(found: os.stat_result) -> _Identity:
    return found.st_dev, found.st_ino


def _is_at(file: int, path: Path) -> bool:
    """Whether a path leads to an open file."""
    try:
        return _identity(path.stat()) == _identity(os.fstat(file))
    except FileNotFoundError:
        return False
