"""
Orphans: buffers on disk in which messages wait and that no output writes any more.

An output that has no name is called by its address, and so is its buffer: somebody who changes the address leaves the
buffer behind. It is shown wherever the listener tells how it is, and an output that comes in its place takes it over.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, Self

import msgspec

from gelf_listener.buffers.batch_file import FILE_NAME, BatchFile, CannotSave
from gelf_listener.errors import ConfigError
from gelf_listener.lock import DirectoryLock, LockedError

_log = logging.getLogger(__name__)

_OWNER_FILE = "owner.json"
_ADVICE = "stop that one first"


class Owner(NamedTuple):
    """
    Whose a buffer is, if its output has no name: a name says that by itself.

    Attributes:
        scheme: Of the output's address.
        origin: The listener's configuration file, or the directory it was started in: two listeners of one user do not
            take over each other's messages.
    """

    scheme: str
    origin: str

    def note(self, directory: Path) -> None:
        """Write it down in a buffer's directory; a disk that does not take it does no harm."""
        path = directory / _OWNER_FILE
        text = msgspec.json.encode({"scheme": self.scheme, "origin": self.origin})
        with contextlib.suppress(OSError):
            if not path.exists() or path.read_bytes() != text:
                path.write_bytes(text)

    @classmethod
    def read(cls, directory: Path) -> Self | None:
        """Return what is written down in a buffer's directory; None if nothing can be read."""
        try:
            found = msgspec.json.decode((directory / _OWNER_FILE).read_bytes(), type=dict[str, str])
            return cls(found["scheme"], found["origin"])
        except (OSError, KeyError, msgspec.MsgspecError):
            return None


class Orphan(NamedTuple):
    """
    A buffer that no output writes.

    Attributes:
        directory: Where it is; its last part is what `gelf-listener buffers` calls it.
        owner: Whose it was; None if that is not known.
        messages: How many wait.
        bytes: What they take.
        oldest_at: When the oldest was received, UTC Unix seconds.
    """

    directory: Path
    owner: Owner | None
    messages: int
    bytes: int
    oldest_at: float | None

    @property
    def name(self) -> str:
        """What to call it."""
        return self.directory.name

    def __str__(self) -> str:
        """Say what it is and what can be done."""
        return (
            f"{self.messages} messages wait in {self.directory}, which no output writes; "
            f"`gelf-listener buffers send {self.name} --to ADDRESS --path {self.directory.parent}` delivers them"
        )


def find_orphans(directories: Iterable[Path]) -> list[Orphan]:
    """Return those of some directories that are buffers, hold messages, and that nobody has open."""
    found = [_look(directory) for directory in sorted(directories) if (directory / FILE_NAME).exists()]
    return [orphan for orphan in found if orphan is not None]


def _look(directory: Path) -> Orphan | None:
    lock = DirectoryLock(directory, "buffer", _ADVICE)
    try:
        lock.acquire()
        totals = BatchFile.peek(directory)
    except (ConfigError, CannotSave):
        return None
    finally:
        lock.release()
    if not totals.messages:
        return None
    return Orphan(directory, Owner.read(directory), totals.messages, totals.bytes, totals.oldest_at)


def adopt(orphan: Path, directory: Path) -> None:
    """
    Make an orphan the buffer of a new directory; where that cannot be done it is logged, and the orphan stays.

    Raises:
        LockedError: While somebody in this process has it open: it is about to end.
    """
    if not (orphan / FILE_NAME).exists():
        return
    lock = DirectoryLock(orphan, "buffer", _ADVICE)
    try:
        lock.acquire()
        if (directory / FILE_NAME).exists():
            BatchFile.merge(orphan, directory)
        else:
            _rename(orphan, directory)
    except LockedError as error:
        if error.pid == os.getpid():
            raise
        _log.warning("buffer %s is not taken over: %s", orphan, error)
    except (ConfigError, CannotSave, OSError) as error:
        _log.error("buffer %s cannot be taken over as %s: %s", orphan, directory, error)
    else:
        _log.info("buffer %s is taken over as %s", orphan, directory)
    finally:
        lock.release()


def _rename(orphan: Path, directory: Path) -> None:
    directory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if directory.is_dir():  # an empty directory gives way
        for name in ("lock", _OWNER_FILE):
            (directory / name).unlink(missing_ok=True)
    orphan.rename(directory)
