"""
Blocks: the packed messages of a partition, compressed some dozens at a time, in a SQLite file beside its index.

They are both what searches read messages from and what the index is caught up from: a message is safe once it is here,
so the index commits rarely, which costs it a third less time and room (`make bench`).

Laws:

* One thread writes, a few read. Everything here blocks.
* A message has a place in receive order, counted up; a block is the messages of successive places.
* The last block is written anew until it is full, so that a few messages a second compress as well as many.
* What was added and could not be saved stays in memory until it can; `add` never fails.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
import zstandard

__all__ = ["BLOCK_BYTES", "FILE_NAME", "Blocks"]

BLOCK_BYTES = 64 * 1024
"""Packed messages of a block: more compress hardly better, and take longer to read one of (60 microseconds)."""

_log = logging.getLogger(__name__)

FILE_NAME = "messages.sqlite"
_APPLICATION_ID = 0x474C4D42  # "GLMB"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS blocks (first INTEGER PRIMARY KEY, messages INTEGER NOT NULL, packed BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, place INTEGER NOT NULL);
"""
_BLOCK_OF = "SELECT first, packed FROM blocks WHERE first <= ? ORDER BY first DESC LIMIT 1"
_NEXT_BLOCK = """
SELECT first, messages, packed FROM blocks
WHERE first + messages > ?1 AND first >= ifnull((SELECT max(first) FROM blocks WHERE first <= ?1), 0)
ORDER BY first LIMIT 1
"""
_DAMAGES = (sqlite3.Error, zstandard.ZstdError, msgspec.MsgspecError, MemoryError)

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(list[bytes]).decode

_Row = tuple[int, int, bytes]


class Blocks:
    """
    The file of one partition.

    Args:
        directory: The partition's.
        new: Whether it may be made; otherwise it has to be there.

    Raises:
        ValueError: If it is not there, or damaged.
    """

    def __init__(self, directory: Path, *, new: bool) -> None:
        self.path = directory / FILE_NAME
        self.indexed = -1
        """The last place that the index had for certain, whatever has been deleted since."""
        self._rows: list[_Row] = []
        """Full blocks that are not saved."""
        self._block: list[bytes] = []
        """The last block."""
        self._first = 0
        """Place of its first message."""
        self._bytes = 0
        self.unsaved = 0
        """Messages that are not saved."""
        self.unsaved_bytes = 0
        """What memory they take, but for those of the last block."""
        self._lock = threading.Lock()
        if not new and not self.path.exists():
            raise ValueError(f"{FILE_NAME} is missing")
        try:
            self._writer = self._connect()
            self._open()
        except sqlite3.OperationalError as error:
            raise OSError(f"{self.path}: {error}") from None
        except _DAMAGES as error:
            raise ValueError(f"{self.path}: {error}") from None
        self._reader: sqlite3.Connection | None = None
        self._closed = False

    @property
    def last(self) -> int:
        """The last place; -1 before the first message."""
        return self._first + len(self._block) - 1

    def add(self, place: int, packed: bytes) -> None:
        """Add a message, in memory; `save` makes it safe (writing thread)."""
        if self._bytes >= BLOCK_BYTES or place != self._first + len(self._block):
            self._finish(place)
        self._block.append(packed)
        self._bytes += len(packed)
        self.unsaved += 1

    def save(self) -> None:
        """
        Write what was added (writing thread).

        Raises:
            OSError: If it cannot be written; it is tried again by the next call.
        """
        if not self.unsaved:
            return
        rows = [*self._rows, _row(self._first, self._block)] if self._block else self._rows
        with self._writing() as writer:
            writer.executemany("INSERT OR REPLACE INTO blocks VALUES (?, ?, ?)", rows)
        self._rows = []
        self.unsaved = self.unsaved_bytes = 0

    def since(self, place: int) -> Iterator[tuple[int, bytes]]:
        """
        Give the saved messages from a place on, but for those that are damaged (writing thread).

        Raises:
            OSError: If the file cannot be read.
        """
        while place <= self.last:
            try:
                row = self._writer.execute(_NEXT_BLOCK, (place,)).fetchone()
            except sqlite3.Error as error:
                raise OSError(f"{self.path}: {error}") from None
            if row is None:
                return
            first, count, packed_block = row
            for position, packed in enumerate(self._messages(first, packed_block), first):
                if position >= place and packed:
                    yield position, packed
            place = first + count

    def read(self, places: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """
        Give saved messages, but for those that were deleted or are damaged (any thread).

        Args:
            places: Of the messages, rising.
        """
        first = 0
        messages: list[bytes] = []  # of the block read last
        for place in places:
            if not first <= place < first + len(messages):
                row = self._saved(place)
                first, messages = (0, []) if row is None else (row[0], self._messages(*row))
            if first <= place < first + len(messages) and messages[place - first]:
                yield place, messages[place - first]

    def mark_indexed(self) -> None:
        """
        Remember that the index had everything, for it will not say so any more once that was deleted (writing thread).

        Raises:
            OSError: If that cannot be written.
        """
        self.save()
        with self._writing() as writer:
            writer.execute("INSERT OR REPLACE INTO marks VALUES ('indexed', ?)", (self.last,))
        self.indexed = self.last

    def keep(self, living: Iterable[int]) -> None:
        """
        Delete every message but some, and give back the room (writing thread).

        Args:
            living: Places, rising.

        Raises:
            OSError: If that cannot be written.
        """
        self.save()
        wanted = iter(living)
        place = next(wanted, None)
        ranges = self._writer.execute("SELECT first, messages FROM blocks ORDER BY first").fetchall()
        with self._writing() as writer:
            for first, count in ranges:
                alive = []
                while place is not None and place < first + count:
                    alive.append(place - first)
                    place = next(wanted, None)
                if len(alive) == count:
                    continue
                if not alive and first != self._first:
                    writer.execute("DELETE FROM blocks WHERE first = ?", (first,))
                    continue
                (packed,) = writer.execute("SELECT packed FROM blocks WHERE first = ?", (first,)).fetchone()
                messages = [b""] * count  # places are not given anew
                whole = _messages(packed)
                for position in alive:
                    messages[position] = whole[position]
                writer.execute("INSERT OR REPLACE INTO blocks VALUES (?, ?, ?)", _row(first, messages))
                if first == self._first:
                    self._block = messages
                    self._bytes = sum(map(len, messages))
        try:
            self._writer.execute("VACUUM")
        except sqlite3.Error as error:
            raise OSError(f"{self.path}: {error}") from None
        self.fold()

    def fold(self) -> None:
        """Fold SQLite's log into the file, for nothing more comes (writing thread)."""
        with contextlib.suppress(sqlite3.Error):  # it takes a little more room, no more
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file; what is not saved is lost, and nothing can be read any more. May be called twice."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._closed = True
            self._writer.close()
            if self._reader is not None:
                self._reader.close()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, isolation_level=None, check_same_thread=False, timeout=10)

    def _open(self) -> None:
        """Read what is there: the last block goes on."""
        writer = self._writer
        for pragma in (f"application_id = {_APPLICATION_ID}", "journal_mode = WAL", "synchronous = FULL"):
            writer.execute(f"PRAGMA {pragma}")
        writer.executescript(_SCHEMA)
        row = writer.execute("SELECT first, packed FROM blocks ORDER BY first DESC LIMIT 1").fetchone()
        if row is not None:
            self._first, self._block = row[0], _messages(row[1])
            self._bytes = sum(map(len, self._block))
        mark = writer.execute("SELECT place FROM marks WHERE name = 'indexed'").fetchone()
        if mark is not None:
            self.indexed = mark[0]
        else:
            self.indexed = writer.execute("SELECT ifnull(min(first), 0) - 1 FROM blocks").fetchone()[0]

    def _finish(self, place: int) -> None:
        """Begin a new block."""
        if self.unsaved:
            self._rows.append(_row(self._first, self._block))
            self.unsaved_bytes += len(self._rows[-1][2])
        self._first, self._block, self._bytes = place, [], 0

    def _messages(self, first: int, packed: bytes) -> list[bytes]:
        """Unpack a block; none if it is damaged."""
        try:
            return _messages(packed)
        except _DAMAGES as error:
            _log.error("%s: the messages from place %d on are damaged: %s", self.path, first, error)
            return []

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Write all of what is in the block, or nothing."""
        try:
            self._writer.execute("BEGIN IMMEDIATE")
            yield self._writer
            self._writer.execute("COMMIT")
        except BaseException as error:
            with contextlib.suppress(sqlite3.Error):
                self._writer.execute("ROLLBACK")
            if isinstance(error, _DAMAGES):
                raise OSError(f"{self.path}: {error}") from None
            raise

    def _saved(self, place: int) -> tuple[int, bytes] | None:
        with self._lock:
            if self._closed:
                return None
            try:
                if self._reader is None:
                    self._reader = self._connect()
                found: tuple[int, bytes] | None = self._reader.execute(_BLOCK_OF, (place,)).fetchone()
            except sqlite3.Error as error:
                _log.error("%s: the message at place %d cannot be read: %s", self.path, place, error)
                return None
            return found


def _row(first: int, messages: list[bytes]) -> _Row:
    return first, len(messages), zstandard.ZstdCompressor(level=3, write_checksum=True).compress(_encode(messages))


def _messages(packed: bytes) -> list[bytes]:
    return _decode(zstandard.decompress(packed))
