"""Lock: one process has a store open, and another one is told which."""

from __future__ import annotations

import os
from pathlib import Path

from gelf_listener.errors import ConfigError

__all__ = ["StoreLock"]

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


class StoreLock:
    """
    Locks a directory as long as the process lives, however it ends.

    Args:
        directory: Made if it is not there.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = -1

    def acquire(self) -> None:
        """
        Take the lock.

        Raises:
            ConfigError: If another process has it, or the directory cannot be used.
        """
        path = self._directory / "lock"
        try:
            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(f"the store at {self._directory} cannot be opened: {error.strerror}") from None
        try:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(file, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(file)
            raise ConfigError(
                f"the store at {self._directory} is open in another process (pid {holder}); ask that one "
                "through its API, stop it, or name another directory, for example --output store:///tmp/logs"
            ) from None
        os.ftruncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Give it back. May be called twice."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1
