"""
Reserve: room on the disk that is kept for what makes room.

On a full disk a store could not even be opened, for SQLite needs files of its own for that, and nothing could be
deleted. So there is a file that is removed for as long as such work takes, and never for messages.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

RESERVE_BYTES = 2 * 1024 * 1024
"""Enough for the 32 KiB that SQLite needs beside each of some dozen files, and for a new partition."""


class Reserve:
    """
    The reserve of a store.

    Args:
        directory: The store's.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "reserve"

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """Give the room for what is done meanwhile, and keep it again afterwards."""
        with contextlib.suppress(OSError):
            self._path.unlink()
        try:
            yield
        finally:
            self.keep()

    def keep(self) -> None:
        """Keep room, if there is any and none is kept."""
        try:
            if self._path.exists() and self._path.stat().st_size >= RESERVE_BYTES:
                return
            with self._path.open("wb") as file:
                file.write(bytes(RESERVE_BYTES))
        except OSError:  # the disk is full; what was written of it is kept
            return
