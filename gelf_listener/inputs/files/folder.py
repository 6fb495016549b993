"""Folder: the files that some patterns name, found, read in turn, and closed when they are gone."""

from __future__ import annotations

import fnmatch
import glob
import logging
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gelf_listener.errors import describe
from gelf_listener.inputs.files.followed import Followed, Identity, Piece
from gelf_listener.inputs.files.positions import Positions

_log = logging.getLogger(__name__)

_READ_BYTES = 64 * 1024
_ROUND_BYTES = 1024 * 1024
_MOST_COMPLAINTS = 1000
_GONE_SECONDS = 5.0
"""How long a file that was renamed or removed is read on: its writer may not have opened the new one yet."""


class Round(NamedTuple):
    """
    What one look at all files gave.

    Attributes:
        pieces: What was read, and of which file.
        gone: Files that are read to their end and have no place any more; they are closed.
    """

    pieces: list[tuple[Followed, Piece]]
    gone: list[Followed]


class Folder:
    """
    The files of one input. Everything here blocks.

    Args:
        patterns: Paths with ``*``, ``?``, ``[…]`` and ``**``.
        exclude: Patterns of names and paths that are left out.
        max_files: Most files that are open at a time.
        positions: How far they were read.
    """

    def __init__(self, patterns: Sequence[str], exclude: Sequence[str], max_files: int, positions: Positions) -> None:
        self._patterns = patterns
        self._exclude = exclude
        self._max_files = max_files
        self._positions = positions
        self._turn = 0
        self._complained: set[str] = set()
        self.files: dict[Identity, Followed] = {}
        self.errors = 0

    def scan(self, *, skip: bool = False) -> None:
        """
        Look which files there are.

        Args:
            skip: Whether what files hold that were never seen is passed over.
        """
        now = time.monotonic()
        places: set[Identity] = set()
        fresh: list[tuple[float, str]] = []
        for path in self._paths():
            try:
                found = Path(path).stat()
            except OSError as error:
                self._complain(path, describe(error))
                continue
            if not stat.S_ISREG(found.st_mode):
                continue
            identity = (found.st_dev, found.st_ino)
            places.add(identity)
            if identity in self.files:
                self.files[identity].path = path
            else:
                fresh.append((found.st_mtime, path))
        for identity, file in self.files.items():
            if identity in places:
                file.left_at = None
            elif file.left_at is None:
                file.left_at = now
        for _, path in sorted(fresh):  # what was rotated is older
            self._open(path, skip=skip)

    def read(self) -> Round:
        """Read what is new in each file, a piece of each, and no more than a megabyte together."""
        files = list(self.files.values())
        pieces: list[tuple[Followed, Piece]] = []
        gone: list[Followed] = []
        size = 0
        now = time.monotonic()
        start = self._turn % max(len(files), 1)
        for file in files[start:] + files[:start]:
            try:
                piece = file.read(_READ_BYTES)
                is_gone = piece is None and file.left_at is not None and now - file.left_at >= _GONE_SECONDS
            except OSError as error:
                self._complain(file.path, describe(error))
                piece, is_gone = None, True
            if is_gone:
                gone.append(file)
                del self.files[file.identity]
                file.close()
            elif piece is not None:
                self._turn += 1
                pieces.append((file, piece))
                size += len(piece.data)
                if size >= _ROUND_BYTES:
                    break
        return Round(pieces, gone)

    def close(self) -> None:
        """Close all files."""
        for file in self.files.values():
            file.close()
        self.files.clear()

    def _paths(self) -> list[str]:
        paths = {path for pattern in self._patterns for path in glob.iglob(pattern, recursive=True)}  # noqa: PTH207  (absolute patterns, with **)
        return sorted(path for path in paths if not self._is_excluded(path))

    def _is_excluded(self, path: str) -> bool:
        name = Path(path).name
        return any(fnmatch.fnmatch(name, each) or fnmatch.fnmatch(path, each) for each in self._exclude)

    def _open(self, path: str, *, skip: bool) -> None:
        if len(self.files) >= self._max_files:
            self._complain(path, f"not followed: max_files is {self._max_files}")
            return
        try:
            file = Followed.open(path)
        except OSError as error:
            self._complain(path, describe(error))
            return
        if file is None:
            return
        if file.identity in self.files:  # two names, one file
            file.close()
            return
        self._complained.discard(path)
        position = self._positions.take(file.identity)
        if position is not None:
            file.resume(position.offset, position.head)
        elif skip:
            file.skip_to_end()
        self.files[file.identity] = file

    def _complain(self, path: str, why: str) -> None:
        """Count a trouble, and say it once."""
        if path not in self._complained and len(self._complained) < _MOST_COMPLAINTS:
            self.errors += 1
            self._complained.add(path)
            _log.warning("%s: %s", path, why)
