"""
Blocks: the packed messages of a partition, some hundreds at a time, in a SQLite file beside its index.

Each is laid out as `tables` and compressed.

They are what searches read messages from and what the index is made of: a message is safe once it is here, so the
index commits rarely, and can be made again whenever it is lost.

Laws:

* One thread adds and saves; any thread and any process may read what is saved.
* A message has a place in receive order. The places of a partition follow one another without a gap.
* The last block is written again until it is full, so that a few messages a second compress as well as many; before
  that it is not laid out, which would have to be done again each time.
* What was added and could not be saved stays in memory until it can, or until it is taken back; `add` never fails.
* What was deleted is remembered by its place until `compact` gives back its room, so an index that is made again
  does not find it. The same holds for what the index cannot take.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import zstandard

from gelf_listener.store.kept_blocks import KeptBlocks
from gelf_listener.store.tables import Block, pack_block, unpack_block

BLOCK_BYTES = 128 * 1024
"""Packed messages of a block: twice as many take 5 % less, and twice as long to read one of (100 microseconds)."""
_LEVEL = 3
"""A higher one takes 1 % less, and three times as long."""
_QUICK_LEVEL = 1
"""Of what is saved quickly: it takes two thirds of the time, and hardly more room."""

_END_OF_PART = zstandard.COMPRESSOBJ_FLUSH_BLOCK

_log = logging.getLogger(__name__)

FILE_NAME = "messages.sqlite"
_APPLICATION_ID = 0x474C4D42  # "GLMB"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS blocks (first INTEGER PRIMARY KEY, messages INTEGER NOT NULL, packed BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS marks (name TEXT PRIMARY KEY, place INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS deleted (place INTEGER PRIMARY KEY);
CREATE TABLE IF NOT EXISTS unindexable (place INTEGER PRIMARY KEY, reason TEXT NOT NULL);
"""
_BLOCK_OF = "SELECT first, messages, packed FROM blocks WHERE first <= ? ORDER BY first DESC LIMIT 1"
_NEXT_BLOCK = """
SELECT first, messages, packed FROM blocks
WHERE first + messages > ?1 AND first >= ifnull((SELECT max(first) FROM blocks WHERE first <= ?1), 0)
ORDER BY first LIMIT 1
"""
_BLOCKS_WITH_DELETED = """
SELECT first, messages FROM blocks
WHERE EXISTS (SELECT 1 FROM deleted WHERE place >= first AND place < first + messages) ORDER BY first LIMIT ?
"""
_BLOCKS_AFTER = """
SELECT first, messages, packed FROM blocks
WHERE first > ifnull((SELECT place FROM marks WHERE name = ?), -1) AND first < ? ORDER BY first LIMIT ?
"""
_LAID_OUT = "laid out"
"""Mark: the first place of the last block that was looked at."""
_LAID_OUT_AT_ONCE = 4
"""Blocks: nothing can be saved meanwhile, for ten milliseconds."""
_WORTH_IT = 50
"""Room is given back when more than such a part of the file is unused."""
_GIVEN_BACK_AT_ONCE = 200
"""Pages: nothing can be saved meanwhile, for some ten milliseconds."""
_COMPACTED_AT_ONCE = 32
_MAX_PLACE = 1 << 62
_INCREMENTAL = 2
"""SQLite's mode in which unused pages are given back when it is told to."""
_DAMAGES = (sqlite3.Error, zstandard.ZstdError, msgspec.MsgspecError, MemoryError)
_BUSY_SECONDS = 10.0
_PAGE_BYTES = 1024
"""A block ends somewhere in a page: with SQLite's default of 4096 bytes that wastes a seventh of the file."""

_Row = tuple[int, int, bytes]

_kept = KeptBlocks(4)


class BlockReader:
    """
    Reads what is saved of one partition, from any thread.

    Args:
        directory: The partition's.
    """

    def __init__(self, directory: Path) -> None:
        self.path = directory / FILE_NAME
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._closed = False

    def since(self, place: int, upto: int) -> Iterator[tuple[int, bytes]]:
        """
        Give the saved messages from one place to another, but for those that are deleted, damaged or unindexable.

        Raises:
            OSError: If the file cannot be read.
        """
        for first, messages, places in self.blocks(place, upto):
            for each in places:
                if packed := messages[each - first]:
                    yield each, packed

    def blocks(self, place: int, upto: int) -> Iterator[tuple[int, Sequence[bytes], list[int]]]:
        """
        Give the blocks that have saved messages from one place to another.

        Returns:
            The first place of each, all its messages, and the places of those that are asked for, but for deleted and
            unindexable ones. A message that left the disk is empty.

        Raises:
            OSError: If the file cannot be read.
        """
        left_out = self._left_out(place, upto)
        decompressor = zstandard.ZstdDecompressor()
        while place <= upto:
            row = self._ask(_NEXT_BLOCK, place)
            if row is None:
                return
            first, count, block = row
            messages = _unpacked(self.path, first, block, decompressor)
            places = range(max(first, place), min(first + len(messages), upto + 1))
            yield first, messages, [each for each in places if each not in left_out]
            place = first + count

    def read(self, places: Iterable[int]) -> Iterator[tuple[int, bytes]]:
        """
        Give saved messages, but for those that were deleted or are damaged.

        Args:
            places: Of the messages, rising.
        """
        wanted = list(places)
        at = 0
        while at < len(wanted):
            found = self._holding(wanted[at])
            if found is None:
                at += 1
                continue
            first, end, messages = found
            until = bisect_left(wanted, end, at)
            places = [place - first for place in wanted[at:until] if place - first < len(messages)]
            picked = messages.pick(places) if isinstance(messages, Block) else [messages[place] for place in places]
            for place, packed in zip(places, picked, strict=True):
                if packed:
                    yield first + place, packed
            at = until

    def _holding(self, place: int) -> tuple[int, int, Sequence[bytes]] | None:
        """Return the block that has a place: where it begins and ends, and its messages; None if there is none."""
        try:
            row = self._ask(_BLOCK_OF, place)
        except OSError as error:
            _log.error("the message at place %d cannot be read: %s", place, error)
            return None
        if row is None or place >= row[0] + row[1]:
            return None
        first, count, packed = row
        try:
            messages = _kept.unpacked(self.path, first, packed, keep=len(packed) <= BLOCK_BYTES)
        except _DAMAGES as error:
            _log.error("%s: the messages from place %d on are damaged: %s", self.path, first, error)
            messages = []
        return first, first + count, messages

    def mark(self, name: str) -> int | None:
        """
        Return what was remembered under a name.

        Raises:
            OSError: If the file cannot be read.
        """
        row = self._ask("SELECT place FROM marks WHERE name = ?", name)
        return None if row is None else int(row[0])

    def close(self) -> None:
        """Close the file; nothing is found any more. May be called twice."""
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._closed = True
            if self._connection is not None:
                self._connection.close()

    def _left_out(self, place: int, upto: int) -> set[int]:
        """Return the places that the index is not given."""
        text = "SELECT place FROM deleted WHERE place BETWEEN ?1 AND ?2 UNION SELECT place FROM unindexable"
        with self._lock:
            try:
                return {place for (place,) in self._connected().execute(text, (place, upto))}
            except sqlite3.Error as error:
                raise OSError(f"{self.path}: {error}") from None

    def _ask(self, text: str, value: int | str) -> tuple[Any, ...] | None:
        with self._lock:
            if self._closed:
                return None
            try:
                row: tuple[Any, ...] | None = self._connected().execute(text, (value,)).fetchone()
            except sqlite3.Error as error:
                raise OSError(f"{self.path}: {error}") from None
            return row

    def _connected(self) -> sqlite3.Connection:
        if self._connection is None:
            if not self.path.exists():
                raise OSError(f"{self.path} is missing")
            self._connection = _connect(self.path)
        return self._connection


class Blocks:
    """
    The file of one partition, as the process has it that writes to it.

    Args:
        directory: The partition's.
        first: Place of its first message, when it is made now; otherwise it has to be there.

    Raises:
        ValueError: If it is not there, or damaged.
        OSError: If it cannot be opened now.
    """

    def __init__(self, directory: Path, *, first: int | None = None) -> None:
        self.path = directory / FILE_NAME
        self.first = first or 0
        self.saved = self.first - 1
        """The last place that is safe."""
        self.unsaved_bytes = 0
        """What memory messages take that are not saved."""
        self.removed = 0
        """Messages that were deleted."""
        self.unindexable = 0
        """Messages that the index cannot take."""
        self.hurried = False
        """Whether there may be blocks that were saved quickly, or room of theirs that is not needed any more."""
        self._unsaved: list[bytes] = []
        self._block: list[bytes] = []
        """The saved messages of the last block, for it goes on."""
        self._begin = self.first
        """Place of its first message."""
        self._lock = threading.Lock()
        """Held while something is written."""
        self._reader = BlockReader(directory)
        self.read = self._reader.read
        self.since = self._reader.since
        if first is None and not self.path.exists():
            raise ValueError(f"{FILE_NAME} is missing")
        try:
            self._writer = _connect(self.path)
            self._open(new=first is not None)
        except sqlite3.OperationalError as error:
            raise OSError(f"{self.path}: {error}") from None
        except _DAMAGES as error:
            raise ValueError(f"{self.path}: {error}") from None

    @property
    def last(self) -> int:
        """The last place; the one before `first` when there is none."""
        return self.saved + len(self._unsaved)

    @property
    def unsaved(self) -> int:
        """Messages that are not saved."""
        return len(self._unsaved)

    @property
    def messages(self) -> int:
        """Messages that were added and not deleted."""
        return self.last - self.first + 1 - self.removed

    def add(self, packed: Sequence[bytes]) -> None:
        """Add messages, in memory; `save` makes them safe (adding thread)."""
        self._unsaved += packed
        self.unsaved_bytes += sum(map(len, packed))

    def take_back(self, count: int) -> None:
        """Forget the last messages that were added and are not saved (adding thread)."""
        self.unsaved_bytes -= sum(map(len, self._unsaved[len(self._unsaved) - count :]))
        del self._unsaved[len(self._unsaved) - count :]

    def save(self, *, quickly: bool = False) -> None:
        """
        Write what was added (adding thread).

        Args:
            quickly: Whether time is scarcer than room; see `pack_block`.

        Raises:
            OSError: If it cannot be written; it is tried again by the next call.
        """
        count = len(self._unsaved)
        if not count:
            return
        groups = list(_grouped(self._begin, [*self._block, *self._unsaved]))
        quick, slow = _compressor(_QUICK_LEVEL), _compressor()
        rows = [_row(*group, quick if quickly else slow, quickly=quickly) for group in groups[:-1]]
        rows.append(_row(*groups[-1], quick, quickly=True))
        with self._writing() as writer:
            writer.executemany("INSERT OR REPLACE INTO blocks VALUES (?, ?, ?)", rows)
            self.hurried |= quickly and len(rows) > 1
        self._begin, self._block = groups[-1]
        self.saved += count
        self._unsaved = []
        self.unsaved_bytes = 0

    def unsaved_messages(self) -> list[bytes]:
        """Return the packed messages that are not saved."""
        return list(self._unsaved)

    def set_mark(self, name: str, place: int | None) -> None:
        """
        Remember a place under a name; None forgets it.

        Raises:
            OSError: If that cannot be written.
        """
        with self._writing() as writer:
            if place is None:
                writer.execute("DELETE FROM marks WHERE name = ?", (name,))
            else:
                writer.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (name, place))

    def mark(self, name: str) -> int | None:
        """Return what `set_mark` remembered; see `BlockReader.mark`."""
        return self._reader.mark(name)

    def delete(self, places: Iterable[int], mark: str) -> None:
        """
        Delete saved messages for good; their room is given back by `compact`.

        Args:
            places: Of the messages.
            mark: A name to remember in the same moment, until the index has forgotten them too.

        Raises:
            OSError: If that cannot be written.
        """
        with self._writing() as writer:
            writer.executemany("INSERT OR IGNORE INTO deleted VALUES (?)", ((place,) for place in places))
            writer.execute("INSERT OR REPLACE INTO marks VALUES (?, 1)", (mark,))
        self._count()

    def leave_out(self, found: Iterable[tuple[int, str]]) -> None:
        """
        Remember messages that the index cannot take, and why.

        Raises:
            OSError: If that cannot be written.
        """
        with self._writing() as writer:
            writer.executemany("INSERT OR REPLACE INTO unindexable VALUES (?, ?)", found)
        self._count()

    def lay_out(self) -> bool:
        """
        Lay out a few of the blocks that were saved quickly, for there is time now; the last one stays as it is.

        Returns:
            Whether there may be more.

        Raises:
            OSError: If that cannot be written.
        """
        begin, self.hurried = self._begin, False  # where it cannot be done, it is left for later
        with self._writing() as writer:
            found = writer.execute(_BLOCKS_AFTER, (_LAID_OUT, begin, _LAID_OUT_AT_ONCE)).fetchall()
            for first, count, packed in found:
                messages = _unpacked(self.path, first, packed, zstandard.ZstdDecompressor())
                if isinstance(messages, list) and len(messages) == count:
                    writer.execute(
                        "INSERT OR REPLACE INTO blocks VALUES (?, ?, ?)", _row(first, messages, _compressor())
                    )
            if found:
                writer.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (_LAID_OUT, found[-1][0]))
            self.hurried = bool(found)
        return bool(found)

    def give_back(self, *, some: bool) -> bool:
        """
        Give room back that is not needed any more, if it is worth it.

        Args:
            some: Only a little of it, for more may be added meanwhile; nothing of a file that an earlier version made.

        Returns:
            Whether there may be more.

        Raises:
            OSError: If there is no room to work in.
        """
        self.hurried = False
        with self._lock:
            try:
                pages, unused, mode = [
                    self._writer.execute(f"PRAGMA {name}").fetchone()[0]
                    for name in ("page_count", "freelist_count", "auto_vacuum")
                ]
                if unused * _WORTH_IT <= pages or (some and mode != _INCREMENTAL):
                    return False
                if some:
                    self._writer.executescript(f"PRAGMA incremental_vacuum({_GIVEN_BACK_AT_ONCE})")
            except sqlite3.Error as error:
                raise OSError(f"{self.path}: {error}") from None
        if not some:
            self._give_back()
        elif unused - _GIVEN_BACK_AT_ONCE <= 0 or (unused - _GIVEN_BACK_AT_ONCE) * _WORTH_IT <= pages:
            self.fold()  # which cuts the file
        else:
            self.hurried = True
        return self.hurried

    def compact(self) -> None:
        """
        Give back the room of what was deleted; nothing is added meanwhile.

        It works a little at a time, for there may be hardly any room to work in. Damaged blocks stay as they are.

        Raises:
            OSError: If that cannot be written.
        """
        while self._compact_some():
            self._give_back()
        with self._writing() as writer:  # what is in no block, for an earlier version took it out
            self._forget_deleted(writer, -1, _MAX_PLACE)
        self._give_back()

    def _compact_some(self) -> bool:
        """Write some blocks again without what was deleted of them; False when there are none."""
        with self._writing() as writer:
            found = writer.execute(_BLOCKS_WITH_DELETED, (_COMPACTED_AT_ONCE,)).fetchall()
            for first, count in found:
                places = writer.execute(
                    "SELECT place FROM deleted WHERE place >= ? AND place < ?", (first, first + count)
                )
                self._thin_out(writer, first, count, {place - first for (place,) in places})
                self._forget_deleted(writer, first, first + count)
        return bool(found)

    def _forget_deleted(self, writer: sqlite3.Connection, first: int, end: int) -> None:
        """Remember only how many messages were deleted of some places."""
        forgotten = writer.execute("DELETE FROM deleted WHERE place >= ? AND place < ?", (first, end)).rowcount
        writer.execute("INSERT OR IGNORE INTO marks VALUES ('removed', 0)")
        writer.execute("UPDATE marks SET place = place + ? WHERE name = 'removed'", (forgotten,))

    def _give_back(self) -> None:
        """Give unused pages back to the file system."""
        with self._lock:
            try:
                (mode,) = self._writer.execute("PRAGMA auto_vacuum").fetchone()
                if mode == _INCREMENTAL:
                    self._writer.executescript("PRAGMA incremental_vacuum")  # `execute` gives one page back
                else:  # an earlier version made the file
                    self._writer.execute(f"PRAGMA auto_vacuum = {_INCREMENTAL}")
                    self._writer.execute("VACUUM")
            except sqlite3.Error as error:
                raise OSError(f"{self.path}: {error}") from None
        self.fold()

    def _thin_out(self, writer: sqlite3.Connection, first: int, count: int, dead: set[int]) -> None:
        """Write a block again without some of its messages, which leave empty places."""
        if len(dead) == count and first != self._begin:
            writer.execute("DELETE FROM blocks WHERE first = ?", (first,))
            return
        (packed,) = writer.execute("SELECT packed FROM blocks WHERE first = ?", (first,)).fetchone()
        whole = list(_unpacked(self.path, first, packed, zstandard.ZstdDecompressor()))
        if len(whole) != count:  # damaged
            return
        messages = [b"" if position in dead else each for position, each in enumerate(whole)]
        writer.execute("INSERT OR REPLACE INTO blocks VALUES (?, ?, ?)", _row(first, messages, _compressor()))
        if first == self._begin:
            self._block = messages

    def fold(self) -> None:
        """Fold SQLite's log into the file, for nothing more comes."""
        with self._lock, contextlib.suppress(sqlite3.Error):  # it takes a little more room, no more
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the file; what is not saved is lost, and nothing can be read any more. May be called twice."""
        self._reader.close()
        with self._lock, contextlib.suppress(sqlite3.Error):
            self._writer.close()

    def _open(self, *, new: bool) -> None:
        """Read what is there: the last block goes on."""
        writer = self._writer
        for pragma in (
            f"page_size = {_PAGE_BYTES}",
            f"auto_vacuum = {_INCREMENTAL}",
            f"application_id = {_APPLICATION_ID}",
            "journal_mode = WAL",
            "synchronous = FULL",
        ):
            writer.execute(f"PRAGMA {pragma}")
        writer.executescript(_SCHEMA)
        if new:
            writer.execute("INSERT OR IGNORE INTO marks VALUES ('first', ?)", (self.first,))
        row = writer.execute("SELECT first, messages, packed FROM blocks ORDER BY first DESC LIMIT 1").fetchone()
        mark = writer.execute("SELECT place FROM marks WHERE name = 'first'").fetchone()
        if mark is None:  # of the first format
            mark = writer.execute("SELECT min(first) FROM blocks").fetchone()
        self.first = mark[0] or 0
        if row is not None:
            begin, count, packed = row
            self.saved, self._begin = begin + count - 1, begin
            self._block = list(_unpacked(self.path, begin, packed, zstandard.ZstdDecompressor()))
            if len(self._block) != count:  # damaged: it stays as it is
                self._begin, self._block = begin + count, []
        else:
            self.saved, self._begin = self.first - 1, self.first
        self._count()

    def _count(self) -> None:
        """Look up how many messages were deleted, and how many the index cannot take."""
        (marked,) = self._writer.execute("SELECT ifnull(max(place), 0) FROM marks WHERE name = 'removed'").fetchone()
        (deleted,) = self._writer.execute("SELECT count(*) FROM deleted").fetchone()
        self.removed = marked + deleted
        (self.unindexable,) = self._writer.execute("SELECT count(*) FROM unindexable").fetchone()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Write all of what is in the block, or nothing."""
        with self._lock:
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


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=_BUSY_SECONDS)


def _grouped(first: int, messages: Sequence[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Cut messages into blocks, and give each with its first place."""
    block: list[bytes] = []
    size = 0
    for packed in messages:
        if size >= BLOCK_BYTES:
            yield first, block
            first, block, size = first + len(block), [], 0
        block.append(packed)
        size += len(packed)
    yield first, block


def _compressor(level: int = _LEVEL) -> zstandard.ZstdCompressor:
    return zstandard.ZstdCompressor(level=level, write_checksum=True)


def _row(first: int, messages: list[bytes], compressor: zstandard.ZstdCompressor, *, quickly: bool = False) -> _Row:
    parts = pack_block(messages, quickly=quickly)
    frame = compressor.compressobj(size=sum(map(len, parts)))
    packed = [piece for part in parts for piece in (frame.compress(part), frame.flush(_END_OF_PART))]
    return first, len(messages), b"".join([*packed, frame.flush()])


def _unpacked(path: Path, first: int, packed: bytes, decompressor: zstandard.ZstdDecompressor) -> Sequence[bytes]:
    """Unpack a block; nothing if it is damaged."""
    try:
        return unpack_block(decompressor.decompress(packed))
    except _DAMAGES as error:
        _log.error("%s: the messages from place %d on are damaged: %s", path, first, error)
        return []
