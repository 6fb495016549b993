"""
Batch file: the rows of a buffer on disk, in SQLite.

A row is a batch of packed messages with its counts. Rows have increasing numbers, are written once, read in order and
deleted. Everything here blocks; the buffer calls it from one thread.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from gelf_listener.errors import ConfigError, GelfError
from gelf_listener.message import Message
from gelf_listener.packing import Packer
from gelf_listener.settings import BufferSync

_log = logging.getLogger(__name__)

FILE_NAME = "buffer.sqlite"
_APPLICATION_ID = 0x47454C46  # "GELF"
_VERSION = 1
_LONG_LOG_BYTES = 1024 * 1024
"""SQLite lets its log grow to a thousand pages, and leaves it so long: twice that was more than a small disk had."""
_PAGE_BYTES = 16384
"""Large pages: a row is some hundred kilobytes, and each of its pages is linked to the next."""
_MOST_DAMAGES = 3
_KEPT_FREE_PAGES = 4096
"""Free pages (64 MiB) an empty file may keep; beyond that the space is given back."""

_PASSING = ("SQLITE_FULL", "SQLITE_IOERR")
"""Errors of a disk, which may pass."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS batches (
    id INTEGER PRIMARY KEY,
    messages INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    oldest REAL NOT NULL,
    checksum INTEGER NOT NULL,
    packed BLOB NOT NULL
)
"""
_ROWS = "SELECT id, messages, bytes, oldest, checksum, packed FROM batches WHERE id > ? ORDER BY id"
_TOTALS = "SELECT count(*), ifnull(sum(messages), 0), ifnull(sum(bytes), 0), min(oldest) FROM batches WHERE id > ?"
_INSERT = "INSERT INTO batches VALUES (?, ?, ?, ?, ?, ?)"
_TAKE_OVER = "INSERT OR IGNORE INTO batches VALUES (?, ?, ?, ?, ?, ?)"
_MERGE = """
INSERT INTO main.batches (messages, bytes, oldest, checksum, packed)
SELECT messages, bytes, oldest, checksum, packed FROM other.batches ORDER BY id
"""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[bytes]).decode

T = TypeVar("T")

_Identity = tuple[int, int]
"""Device and inode."""

_Row = tuple[int, int, int, float, int, object]


class CannotSave(GelfError):
    """The disk does not take what is written, at the moment: it is full, or fails."""


class Totals(NamedTuple):
    """What a file holds: rows, messages, their bytes, and when the oldest was received (None without one)."""

    rows: int = 0
    messages: int = 0
    bytes: int = 0
    oldest_at: float | None = None

    def plus(self, rows: int, messages: int, size: int, oldest_at: float | None) -> Totals:
        """Return the totals with so much more."""
        return Totals(self.rows + rows, self.messages + messages, self.bytes + size, oldest_at)


class Saved(NamedTuple):
    """A row as it was read."""

    id: int
    messages: list[Message]
    bytes: int


class BatchFile:
    """
    Writes, reads and deletes rows.

    A file that turns out to be damaged is set aside, and what can be read of it goes on in a new one. A row that is
    damaged is set aside beside it. Both are logged and counted.

    Args:
        directory: Where the file is; it is there.
        sync: ``batch`` syncs with every write, ``interval`` when `sync` is called, ``os`` when SQLite folds its log
            into the file.
        packer: Makes bytes of messages.
    """

    def __init__(self, directory: Path, sync: BufferSync, packer: Packer) -> None:
        self.path = directory / FILE_NAME
        self.damaged_files = 0
        self.damaged_rows = 0
        self._sync = sync
        self._packer = packer
        self._next_id = 1
        self._log_file = -1
        self._identity: tuple[_Identity | None, _Identity | None] = (None, None)
        """Of the open file and its log."""
        self._aside: Path | None = None
        """A damaged file that was set aside, until there is a new one in its place."""
        self._connection: sqlite3.Connection

    def open(self) -> None:
        """
        Open the file, or make it.

        Raises:
            CannotSave: If the disk is full, or fails.
            ConfigError: If it can never be opened, or is of a later version.
        """
        try:
            try:
                self._connect()
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._set_aside(error)
                self._renew()
        except (sqlite3.Error, OSError) as error:
            passing = getattr(error, "sqlite_errorname", "").startswith(_PASSING)
            kind = CannotSave if passing else ConfigError
            raise kind(f"the buffer {self.path} cannot be opened: {error}") from None

    def close(self) -> None:
        """Close the file. May be called twice."""
        with contextlib.suppress(sqlite3.Error, AttributeError):
            self._connection.close()
        if self._log_file >= 0:
            os.close(self._log_file)
            self._log_file = -1

    def in_place(self) -> bool:
        """Return whether the open file is still the one at its path; one that is not can still be read and written."""
        return self._aside is not None or self._identities() == self._identity

    def return_home(self) -> None:
        """
        Make a file that was removed while it is open again, with all its rows, in a directory that is there.

        Raises:
            CannotSave: If the disk does not take it at the moment; the rows stay where they are.
        """
        old, log_file = self._connection, self._log_file
        self._log_file = -1
        try:
            if _identity(self.path) not in (None, self._identity[0]):  # nobody has it open: the directory is locked
                self.path.replace(self.path.with_name(f"{FILE_NAME}.found-{time.strftime('%Y%m%dT%H%M%S')}"))
            self._remove_files()
            self._connect()
            self._connection.execute("BEGIN IMMEDIATE")
            for row in self._all_rows(old):
                self._connection.execute(_INSERT, row)
            self._connection.execute("COMMIT")
            os.fdatasync(self._log_file)
        except (sqlite3.Error, OSError) as error:
            if self._connection is not old:
                self.close()
                self._remove_files()
            self._connection, self._log_file = old, log_file
            raise CannotSave(f"{self.path} was removed, and cannot be made again: {error}") from None
        with contextlib.suppress(sqlite3.Error):
            if log_file >= 0 and os.fstat(log_file).st_nlink:  # moved: what is there must not be delivered too
                old.execute("DELETE FROM batches")
        with contextlib.suppress(sqlite3.Error):
            old.close()
        if log_file >= 0:
            os.close(log_file)

    def totals(self, after: int = 0) -> Totals:
        """Return what the rows after a number hold together."""
        return self._surviving(self._totals, after)

    @staticmethod
    def peek(directory: Path) -> Totals:
        """
        Return what a file holds without opening it for writing: another process may have it open.

        Raises:
            CannotSave: If it cannot be read.
        """
        path = directory / FILE_NAME
        try:
            with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
                return Totals(*connection.execute(_TOTALS, (0,)).fetchone())
        except sqlite3.Error as error:
            raise CannotSave(f"{path}: {error}") from None

    @staticmethod
    def merge(source: Path, target: Path) -> None:
        """
        Move the rows of one file behind those of another; nobody may have either open.

        Raises:
            CannotSave: If that cannot be done; a row may then be in both.
        """
        try:
            with contextlib.closing(sqlite3.connect(target / FILE_NAME, isolation_level=None)) as connection:
                connection.execute("ATTACH DATABASE ? AS other", (str(source / FILE_NAME),))
                connection.execute(_MERGE)
                connection.execute("DELETE FROM other.batches")
        except sqlite3.Error as error:
            raise CannotSave(f"{source / FILE_NAME}: {error}") from None

    def clear(self) -> None:
        """
        Delete all rows.

        Raises:
            CannotSave: If nothing was changed.
        """
        self._surviving(self._clear)

    def apply(self, batches: Sequence[tuple[list[Message], int]], delete: Sequence[int]) -> list[int]:
        """
        Write batches and delete rows, all or nothing.

        Args:
            batches: Messages, and what they count for.
            delete: Numbers of rows.

        Returns:
            The numbers of the new rows.

        Raises:
            CannotSave: If nothing was changed, and should be tried again.
        """
        packed = [_encode([self._packer.pack(message) for message in messages]) for messages, _ in batches]
        return self._surviving(self._apply, batches, packed, delete)

    def make_room(self, delete: Sequence[int]) -> bool:
        """
        Delete rows from a disk that is full, where deleting takes space too.

        Args:
            delete: Numbers of rows.

        Returns:
            Whether they are gone.

        Raises:
            CannotSave: If the disk gives nothing at the moment.
        """
        return self._surviving(self._make_room, delete)

    def read(self, after: int, most: int, most_bytes: int) -> list[Saved]:
        """
        Return rows after a number, in order: one at least if there is one, no more once they hold so much.

        Raises:
            CannotSave: If the disk gives nothing at the moment.
        """
        return self._surviving(self._read, after, most, most_bytes)

    def sync(self) -> None:
        """Return when what was written survives an outage of power."""
        if self._log_file >= 0:
            os.fdatasync(self._log_file)

    def shrink(self) -> None:
        """Give space back that an empty file does not need."""
        self._surviving(self._shrink)

    def fold(self) -> bool:
        """
        Give the space back that a long log takes, by folding it into the file.

        Returns:
            Whether the log is short now; a disk that is full may not have room even for that.
        """
        if self._log_file < 0 or os.fstat(self._log_file).st_size <= _LONG_LOG_BYTES:
            return True
        try:
            return not self._surviving(self._pragma, "wal_checkpoint(TRUNCATE)")
        except CannotSave:
            return False

    def _connect(self) -> None:
        self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self._pragma(f"page_size = {_PAGE_BYTES}")
        self._pragma("journal_mode = WAL")
        self._pragma(f"synchronous = {'FULL' if self._sync == 'batch' else 'NORMAL'}")
        self._pragma("journal_size_limit = 67108864")
        version = self._pragma("user_version")
        if version > _VERSION:
            raise ConfigError(f"the buffer {self.path} was made by a later version ({version}) of gelf-listener")
        if version != _VERSION:  # a full disk takes nothing, and what is in a file that was made before can be read
            self._connection.execute(_SCHEMA)
            self._pragma(f"application_id = {_APPLICATION_ID}")
            self._pragma(f"user_version = {_VERSION}")
        self.path.chmod(0o600)
        last = self._connection.execute("SELECT max(id) FROM batches").fetchone()[0]
        self._next_id = max(self._next_id, (last or 0) + 1)
        if self._log_file >= 0:
            os.close(self._log_file)
        self._log_file = os.open(f"{self.path}-wal", os.O_RDONLY | os.O_CLOEXEC)
        self._identity = self._identities()

    def _identities(self) -> tuple[_Identity | None, _Identity | None]:
        """Return which files are at the path, the log beside it included: what was written last is in that alone."""
        return _identity(self.path), _identity(Path(f"{self.path}-wal"))

    def _all_rows(self, connection: sqlite3.Connection) -> Iterator[_Row]:
        """Yield the rows of a file that was removed, up to where it is damaged."""
        try:
            yield from connection.execute(_ROWS, (0,))
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self.damaged_files += 1
            _log.error("buffer %s: what was removed is damaged too: %s", self.path, error)

    def _remove_files(self) -> None:
        for suffix in ("-wal", "-shm", ""):
            Path(f"{self.path}{suffix}").unlink(missing_ok=True)

    def _pragma(self, text: str) -> int:
        row = self._connection.execute(f"PRAGMA {text}").fetchone()
        return row[0] if row and isinstance(row[0], int) else 0

    def _write(self, rows: Sequence[_Row], delete: Sequence[int], insert: str = _INSERT) -> None:
        execute = self._connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            if delete:
                self._connection.executemany("DELETE FROM batches WHERE id = ?", [(number,) for number in delete])
            self._connection.executemany(insert, rows)
            execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):  # some failures have rolled back by themselves
                execute("ROLLBACK")
            raise

    def _surviving(self, work: Callable[..., T], *arguments: object) -> T:
        """
        Stand what a disk does: after damage the work is done again, in a new file.

        Raises:
            CannotSave: If the disk does not take or give anything at the moment.
        """
        try:
            for _ in range(_MOST_DAMAGES):
                try:
                    if self._aside is not None:
                        self._renew()
                    return work(*arguments)
                except sqlite3.DatabaseError as error:
                    if not _is_damage(error):
                        raise
                    self._set_aside(error)
        except (sqlite3.Error, OSError) as error:
            raise CannotSave(f"{self.path}: {error}") from None
        raise CannotSave(f"{self.path}: one new file after the other is damaged")

    def _totals(self, after: int) -> Totals:
        return Totals(*self._connection.execute(_TOTALS, (after,)).fetchone())

    def _apply(
        self, batches: Sequence[tuple[list[Message], int]], packed: Sequence[bytes], delete: Sequence[int]
    ) -> list[int]:
        rows = [
            (number, len(messages), size, messages[0].received_at, zlib.crc32(data), data)
            for number, ((messages, size), data) in enumerate(zip(batches, packed, strict=True), self._next_id)
        ]
        self._write(rows, delete)
        self._next_id += len(rows)
        return [row[0] for row in rows]

    def _read(self, after: int, most: int, most_bytes: int) -> list[Saved]:
        found: list[Saved] = []
        damaged: list[_Row] = []
        count = size = 0
        with contextlib.closing(self._connection.execute(_ROWS, (after,))) as rows:
            for row in rows:
                messages = self._unpack(row)
                if messages is None:
                    damaged.append(row)
                    continue
                found.append(Saved(row[0], messages, row[2]))
                count += len(messages)
                size += row[2]
                if count >= most or size >= most_bytes:
                    break
        for row in damaged:
            self._set_row_aside(row)
        return found

    def _make_room(self, delete: Sequence[int]) -> bool:
        try:
            self._write([], delete)
        except sqlite3.DatabaseError as error:
            if _is_damage(error):
                raise
        else:
            return True
        if self._connection.execute("SELECT count(*) FROM batches").fetchone()[0] != len(delete):
            return False
        if not self.in_place():
            return False
        self.close()  # all that is left is done: an empty file takes no space
        self._remove_files()
        self._connect()
        return True

    def _clear(self) -> None:
        self._connection.execute("DELETE FROM batches")
        self._shrink()

    def _shrink(self) -> None:
        if self._pragma("freelist_count") > _KEPT_FREE_PAGES:
            self._connection.execute("VACUUM")
            self._pragma("wal_checkpoint(TRUNCATE)")

    def _unpack(self, row: _Row) -> list[Message] | None:
        """Return a row's messages; None if it is damaged."""
        packed = row[5]
        if not isinstance(packed, bytes) or zlib.crc32(packed) != row[4]:
            return None
        try:
            return [self._packer.unpack(data) for data in _decode(packed)]
        except ValueError:  # msgspec's errors are of this kind
            return None

    def _set_row_aside(self, row: _Row) -> None:
        self.damaged_rows += 1
        path = self.path.with_name(f"damaged-row-{row[0]}-{int(time.time())}.msgpack")
        path.write_bytes(row[5] if isinstance(row[5], bytes) else repr(row[5]).encode())
        self._write([], [row[0]])
        _log.error("buffer %s: a row of %d messages is damaged; set aside as %s", self.path, row[1], path.name)

    def _set_aside(self, error: sqlite3.Error) -> None:
        """Rename a damaged file; `_renew` goes on with a new one."""
        self.close()
        self.damaged_files += 1
        aside = self.path.with_name(f"{FILE_NAME}.damaged-{time.strftime('%Y%m%dT%H%M%S')}-{self.damaged_files}")
        for suffix in ("", "-wal", "-shm"):
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self.path}{suffix}").replace(f"{aside}{suffix}")
        self._aside = aside
        _log.error("buffer %s is damaged (%s); set aside as %s", self.path, error, aside.name)

    def _renew(self) -> None:
        """Make a new file, and take over what can be read of the one set aside; again, where the disk was full."""
        self._connect()
        messages = 0
        for row in self._readable(self._aside):
            self._write([row], [], _TAKE_OVER)
            messages += row[1]
            self._next_id = max(self._next_id, row[0] + 1)
        _log.error("buffer %s: %d messages were saved from %s", self.path, messages, self._aside and self._aside.name)
        self._aside = None

    def _readable(self, path: Path | None) -> Iterator[_Row]:
        """Yield the whole rows of a damaged file, up to where it cannot be read any more."""
        if path is not None:
            with contextlib.suppress(sqlite3.DatabaseError), contextlib.closing(sqlite3.connect(path)) as old:
                for row in old.execute(_ROWS, (0,)):
                    if self._unpack(row) is not None:
                        yield row


def _identity(path: Path) -> _Identity | None:
    """Return device and inode of a file; None if it is not there."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_damage(error: sqlite3.Error) -> bool:
    name = getattr(error, "sqlite_errorname", "")
    return name.startswith("SQLITE_CORRUPT") or name in ("SQLITE_NOTADB", "SQLITE_FORMAT")
