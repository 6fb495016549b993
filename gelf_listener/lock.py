"""Lock: one process has a directory open, and another one is told which."""

from __future__ import annotations

import os
from pathlib import Path

from gelf_listener.errors import ConfigError

__all__ = ["DirectoryLock", "LockedError"]

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


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

    Args:
        directory: Made if it is not there.
        what: What the directory holds, for errors: "store".
        advice: What to do when another process has it, for errors.
    """

    def __init__(self, directory: Path, what: str, advice: str) -> None:
        self._directory = directory
        self._what = what
        self._advice = advice
        self._file = -1

    def acquire(self) -> None:
        """
        Take the lock.

        Raises:
            LockedError: If another process has it, or somebody else in this one.
            ConfigError: If the directory cannot be used.
        """
        path = self._directory / "lock"
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(
                f"the {self._what} at {self._directory} cannot be opened: {error.strerror}; name another directory, or "
                "set XDG_STATE_HOME"
            ) from None
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(file, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            raise LockedError(
                f"the {self._what} at {self._directory} is open in another process (pid {holder}); {self._advice}",
                int(holder) if holder.isdigit() else None,
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Give it back. May be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
