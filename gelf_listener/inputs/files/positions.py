"""
Positions: how far files were read, in a small file that is replaced as a whole.

What is damaged is set aside with a warning, and files are then read as if they were new: again rather than not at all.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import msgspec

from gelf_listener.errors import ConfigError, describe
from gelf_listener.inputs.files.followed import Identity
from gelf_listener.lock import DirectoryLock

_log = logging.getLogger(__name__)

_FILE_NAME = "positions.json"
_MOST_ABSENT = 1000
"""Files that are remembered although they were not found: on a disk that is not mounted yet, for one."""


class Position(msgspec.Struct, frozen=True):
    """
    How far one file was read.

    Attributes:
        path: Where it was; for people.
        device: With the inode, what it is.
        inode: See `device`.
        offset: Bytes of it that are safe.
        head: How it begins, in base64.
    """

    path: str
    device: int
    inode: int
    offset: Annotated[int, msgspec.Meta(ge=0)]
    head: bytes = b""

    @property
    def identity(self) -> Identity:
        """Device and inode."""
        return (self.device, self.inode)


class _Document(msgspec.Struct):
    version: int
    files: list[Position]


class Positions:
    """
    The positions of one input.

    Args:
        directory: Theirs alone; made if it is not there.
    """

    def __init__(self, directory: Path) -> None:
        advice = "stop that one, or give this input a 'name' or a 'state_path' of its own"
        self._path = directory / _FILE_NAME
        self._lock = DirectoryLock(directory, "state of the file input", advice)
        self._known: dict[Identity, Position] = {}
        self.is_new = True
        """Whether there were none."""

    def open(self) -> None:
        """
        Take the directory and read what is there.

        Raises:
            ConfigError: If it cannot be used, or another process has it.
        """
        self._lock.acquire()
        try:
            document = msgspec.json.decode(self._path.read_bytes(), type=_Document)
        except FileNotFoundError:
            return
        except OSError as error:
            self._lock.release()
            raise ConfigError(f"{self._path} cannot be read: {describe(error)}") from None
        except (ValueError, RecursionError):
            aside = self._path.with_suffix(".damaged")
            _log.warning("%s is damaged and set aside as %s; files are read from their beginning", self._path, aside)
            self._path.replace(aside)
            self.is_new = False
            return
        self.is_new = False
        self._known = {position.identity: position for position in document.files}

    def take(self, identity: Identity) -> Position | None:
        """Return the position of a file that was found, which is then its follower's to keep."""
        return self._known.pop(identity, None)

    def save(self, positions: Iterable[Position]) -> None:
        """
        Replace what is kept: these, and those of files that were not found.

        Raises:
            OSError: If it cannot be written.
        """
        absent = list(self._known.values())[-_MOST_ABSENT:]
        document = _Document(1, [*absent, *positions])
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.encode(document))
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)

    def close(self) -> None:
        """Give the directory back. May be called twice."""
        self._lock.release()
