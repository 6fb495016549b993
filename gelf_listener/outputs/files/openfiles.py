"""
OpenFiles: the files an output has open, and how many it may have.

A peer chooses hosts and fields, and with them file names; so both the files open at once and the files of a day
are bounded. Beyond the first limit the one not used for longest is closed; beyond the second, messages for new files
share one overflow file.
"""

from __future__ import annotations

import contextlib
import errno
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

from gelf_listener.outputs.files.logfile import LogFile

_DAY_SECONDS = 86_400


class OpenFiles:
    """
    Opens files by relative path and closes the one not used for longest.

    Args:
        base: Directory of all of them.
        max_open: Most files open at once.
        max_per_day: Most different files a day (UTC).
        sync: Whether each write is synced; see `LogFile`.
        sync_on_close: Whether what was not synced yet is when a file is closed.
    """

    def __init__(self, base: Path, max_open: int, max_per_day: int, *, sync: bool, sync_on_close: bool) -> None:
        self._base = base
        self._max_open = max_open
        self._max_per_day = max_per_day
        self._sync = sync
        self._sync_on_close = sync_on_close
        self._files: OrderedDict[str, LogFile] = OrderedDict()
        self._of_today: set[str] = set()
        self._day = -1
        self._truncations = 0

    def __len__(self) -> int:
        return len(self._files)

    def __contains__(self, relative: str) -> bool:
        return relative in self._files

    def __iter__(self) -> Iterator[LogFile]:
        return iter(list(self._files.values()))

    @property
    def truncations(self) -> int:
        """How often something half-written was cut off."""
        return self._truncations + sum(file.truncations for file in self)

    def admit(self, relative: str, now: float) -> bool:
        """Tell whether one more file may be written to today; a file that was written to already may."""
        day = int(now // _DAY_SECONDS)
        if day != self._day:
            self._day = day
            self._of_today.clear()
        if relative in self._of_today:
            return True
        if len(self._of_today) >= self._max_per_day:
            return False
        self._of_today.add(relative)
        return True

    def open(self, relative: str) -> LogFile:
        """
        Return a file, open.

        Raises:
            OSError: If it cannot be opened.
        """
        file = self._files.get(relative)
        if file is None:
            while len(self._files) >= self._max_open:
                self._close_oldest()
            file = LogFile(self._base, relative, sync=self._sync)
        else:
            self._files.move_to_end(relative)
        while True:
            try:
                file.open()
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE) or not self._files:
                    self._files.pop(relative, None)
                    self._count(file)
                    raise
                self._close_oldest()  # somebody else in this process took the descriptors
            else:
                self._files[relative] = file
                return file

    def close(self) -> None:
        """
        Close all files.

        Raises:
            OSError: If one could not be synced; all are closed.
        """
        failure: OSError | None = None
        while self._files:
            try:
                self._close_oldest()
            except OSError as error:
                failure = error
        if failure is not None:
            raise failure

    def _close_oldest(self) -> None:
        _, file = self._files.popitem(last=False)
        with contextlib.ExitStack() as stack:
            stack.callback(self._count, file)
            stack.callback(file.close)
            if self._sync_on_close and file.dirty:
                file.sync()

    def _count(self, file: LogFile) -> None:
        self._truncations += file.truncations
