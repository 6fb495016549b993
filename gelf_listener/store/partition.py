"""
Partition: a directory with messages (`blocks`), the index that finds them, and what is known without asking it.

Laws:

* Only the newest partition is added to, and only by the store's adding thread.
* A message is added to the blocks first. The index is made from there, by whoever has the store's indexer, so nothing
  that was saved is ever lost to searches.
* Searches look at the index as it was when `refresh` was called last.
* A partition whose messages cannot be read is not opened; its directory is set aside under another name. An index that
  cannot be read is made again.
"""

from __future__ import annotations

import logging
import os
import shutil
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gelf_listener.message import Message
from gelf_listener.packing import Packer
from gelf_listener.store.blocks import FILE_NAME, Blocks
from gelf_listener.store.description import Description
from gelf_listener.store.index_writer import (
    HALF_DELETED,
    IndexWriter,
    empty_index,
    is_index,
    open_index,
    throw_away_index,
)
from gelf_listener.store.schema import FORMAT

if TYPE_CHECKING:
    import tantivy

_log = logging.getLogger(__name__)

_PAGE = 50_000
"""Places of messages asked for at once."""

_INDEXED = "indexed"
"""Mark: the last place that the index has for certain."""


class DamagedPartition(Exception):
    """The files of a partition cannot be read."""


class UnfinishedPartition(Exception):
    """The process ended while it made this partition: it is empty, and nobody knows where it would begin."""


class Partition:
    """
    One index and its messages.

    Args:
        path: Its directory.
        packer: Makes bytes of messages, and messages of bytes.
        first: Place of its first message, if it is to be made.
        created_at: When it is made, UTC Unix seconds.

    Raises:
        DamagedPartition: If what is there makes no sense.
        UnfinishedPartition: If it holds nothing, for it was not made to the end.
        OSError: If it cannot be read or made now, for example because the disk is full.
    """

    def __init__(
        self, path: Path, packer: Packer, *, first: int | None = None, created_at: float | None = None
    ) -> None:
        self.path = path
        self._packer = packer
        self._lock = threading.Lock()
        """Held while what searches look at is opened or changed."""
        self._index: tantivy.Index | None = None
        self._searcher: tantivy.Searcher | None = None
        self._sized = (float("-inf"), 0)
        self._received = float("-inf")
        self._made_again = False
        self.broken = False
        """Whether the index turned out to be damaged, so that nothing is found here before it is made again."""
        self.setbacks = 0
        """How often searches came to find less here than before; an answer during which it rises may lack anything."""
        if first is not None:
            path.mkdir(parents=True)
        elif not any(path.iterdir()):
            raise UnfinishedPartition(f"{path} is empty")
        try:
            self._description = Description.read(path)
        except ValueError as error:
            _log.error("%s: %s; its index is made again", path, error)
            throw_away_index(path)
            self._description = Description()
            self._made_again = True
        try:
            self.blocks = Blocks(path, first=first)
        except ValueError as error:
            raise DamagedPartition(f"{path}: {error}") from None
        if first is None and not Description.is_there(path) and self.blocks.saved < self.blocks.first:
            self.blocks.close()
            raise UnfinishedPartition(f"{path} has no messages and no description")
        self._identity = self._look()
        if first is not None:
            if created_at is not None:
                self._description.created_at = created_at
            self._description.write(path)  # last, for it says that the partition is whole
        elif self._description.format == FORMAT:
            self._description.write(path)  # before anything is: an earlier format with the same index becomes this one
        if self._made_again or (self.blocks.mark(HALF_DELETED) and self.format == FORMAT):
            self.make_again()
        indexed = self.blocks.mark(_INDEXED) if self.format == FORMAT else None
        self.given = self.committed = self.blocks.first - 1 if indexed is None else min(indexed, self.blocks.saved)
        """The last place that the index was given, and the last that searches find, as far as is known."""
        self.rebuilding = self.format < FORMAT or self._made_again
        """Whether the whole index is made again, which takes too long for a search to wait for."""

    def __str__(self) -> str:
        """Return its name."""
        return self.path.name

    # --- what is known of it

    @property
    def format(self) -> int:
        """Of its index; see `schema.FORMAT`."""
        return self._description.format

    @property
    def names(self) -> dict[str, set[str]]:
        """Kinds of every field key; see `schema.kind_of`."""
        return self._description.names.kinds

    @property
    def letters(self) -> dict[str, str]:
        """Characters of the ids of some fields; see `Names.letters`."""
        return self._description.names.letters

    @property
    def first(self) -> int | None:
        """Earliest timestamp, microseconds; None while searches find nothing."""
        return self._description.first

    @property
    def last(self) -> int | None:
        """Latest timestamp, microseconds."""
        return self._description.last

    @property
    def created_at(self) -> float:
        """When it was begun, UTC Unix seconds."""
        return self._description.created_at

    @property
    def messages(self) -> int:
        """How many messages it has, pending ones included."""
        return self.blocks.messages

    @property
    def pending(self) -> int:
        """Messages that were added and cannot be found before the next commit."""
        return self.blocks.last - self.committed

    @property
    def unindexed(self) -> int:
        """Saved messages that the index was not given."""
        return self.blocks.saved - self.given

    @property
    def uncommitted(self) -> int:
        """Messages that the index was given and does not find yet."""
        return self.given - self.committed

    def lacks(self, place: int, setbacks: int) -> int:
        """
        Return how many messages up to a place a search does not find, or did not.

        Args:
            place: The last that was there when it was asked.
            setbacks: What `setbacks` was before it looked.
        """
        whole = not self.broken and setbacks == self.setbacks  # asked before `committed`, which `make_again` sets first
        found = self.committed if whole else self.blocks.first - 1
        return max(0, min(self.messages, min(place, self.blocks.last) - found))

    @property
    def size(self) -> int:
        """What it takes on disk; looked up at most once a second."""
        at, size = self._sized
        if time.monotonic() - at > 1:
            size = size_of(self.path)
            self._sized = (time.monotonic(), size)
        return size

    @property
    def last_received(self) -> float | None:
        """When the newest message arrived, UTC Unix seconds; None when that is not known."""
        known = self._description.received
        received = max(self._received, float("-inf") if known is None else known / 1e6)
        return None if received == float("-inf") else received

    @property
    def lost(self) -> bool:
        """Whether its files are no longer where they were: somebody deleted or moved them."""
        return self._look() != self._identity

    def overlaps(self, start: int | None, end: int | None) -> bool:
        """Whether it may have messages from `start` up to, not including, `end` (microseconds)."""
        if self.first is None or self.last is None:
            return False
        return (start is None or self.last >= start) and (end is None or self.first < end)

    def within(self, start: int | None, end: int | None) -> bool:
        """Whether all its messages lie in a span."""
        return self.cut_by(start, end) == (None, None)

    def cut_by(self, start: int | None, end: int | None) -> tuple[int | None, int | None]:
        """Return a span, without those of its ends beyond which it has no messages."""
        first, last = self.first, self.last
        if first is None or last is None:
            return None, None
        return (
            None if start is None or first >= start else start,
            None if end is None or last < end else end,
        )

    # --- adding

    def add(self, messages: Sequence[Message]) -> None:
        """Add messages; they are safe after `save`, and found once they are indexed (adding thread)."""
        pack = self._packer.pack
        self.blocks.add([pack(message) for message in messages])
        self._received = max([self._received, *(message.received_at for message in messages)])

    def save(self, *, quickly: bool = False) -> None:
        """
        Make what was added safe (adding thread).

        Args:
            quickly: Whether time is scarcer than room.

        Raises:
            OSError: If it cannot be written; the next call tries again.
        """
        self.blocks.save(quickly=quickly)

    # --- searching

    @property
    def engine(self) -> tantivy.Index:
        """The index, opened when somebody asks for it."""
        with self._lock:
            return self._opened()

    @property
    def schema(self) -> tantivy.Schema:
        """The index's schema."""
        return self.engine.schema

    @property
    def searcher(self) -> tantivy.Searcher:
        """What was committed last, to be searched."""
        with self._lock:
            if self._searcher is None:
                searcher = self._opened().searcher()
                if self._index is None:  # there may be more next time
                    return searcher
                self._searcher = searcher
            return self._searcher

    def refresh(self, committed: int) -> None:
        """
        Let searches find what was committed.

        Args:
            committed: The last place that the index has.

        Raises:
            OSError: If that cannot be read.
        """
        try:
            description = Description.read(self.path)
        except ValueError as error:
            self.set_back(error)
            raise OSError(str(error)) from None
        with self._lock:
            if self.rebuilding:  # what is open may be of the index that was thrown away
                self._index = self._searcher = None
            if self._index is not None:
                try:
                    self._index.reload()
                except ValueError as error:
                    raise OSError(str(error)) from None
                self._searcher = self._index.searcher()
            self._description = description
            self.committed = committed
            if committed >= self.blocks.saved:
                self.rebuilding = False

    def read(self, orders: Iterable[int]) -> Iterator[tuple[int, Message]]:
        """Give messages and their places, rising, but for those that were deleted meanwhile or are damaged."""
        for order, packed in self.blocks.read(sorted(orders)):
            try:
                yield order, self._packer.unpack(packed)
            except ValueError as error:
                _log.error("a message of the store in %s is damaged: %s", self.path, error)

    # --- looking after it, while no indexer has it

    def make_again(self) -> None:
        """
        Throw the index away, for it to be made again.

        Raises:
            OSError: If that cannot be done.
        """
        with self._lock:
            self.broken = True
            self.setbacks += 1
            self._index = self._searcher = None
        throw_away_index(self.path)
        self.blocks.set_mark(_INDEXED, None)
        self.blocks.set_mark(HALF_DELETED, None)
        self._description = self._description.of_nothing()
        self._description.write(self.path)
        self.given = self.committed = self.blocks.first - 1
        self.rebuilding = self._made_again = True
        self.broken = False  # last: until then it is known that nothing is found

    def set_back(self, why: object) -> None:
        """Note that the index is damaged, for it to be made again."""
        _log.error("the index of %s is damaged and is made again: %s", self.path, why)
        with self._lock:
            self._break()

    def _break(self) -> None:
        self.setbacks += 1
        self.broken = True
        self._index = self._searcher = None

    def migrate(self) -> None:
        """
        Bring it up to date, if an earlier version made it.

        Raises:
            OSError: If that cannot be done now.
        """
        if self.format < FORMAT:
            from gelf_listener.store.migration import migrate  # once in a partition's life

            self._description = migrate(self.path, self.blocks, self._description)

    def delete(self, query: tantivy.Query) -> None:
        """
        Delete what matches; nothing may be pending.

        Raises:
            OSError: If that cannot be written.
        """
        self._check_index()
        self.blocks.delete(self._places(query), HALF_DELETED)
        writer = self._index_writer()
        try:
            writer.delete(query)
        finally:
            writer.close()
        self.blocks.set_mark(HALF_DELETED, None)
        self.refresh(self.committed)

    def compact(self) -> None:
        """
        Merge what can be merged and give back the room of what was deleted; nothing may be added meanwhile.

        Raises:
            OSError: If that cannot be written.
        """
        self._check_index()
        writer = self._index_writer()
        try:
            writer.collect_garbage()
        finally:
            writer.close()
        self.refresh(self.committed)
        self.blocks.compact()

    def _check_index(self) -> None:
        """
        See that there is an index before a writer makes an empty one, which would be taken for what was there.

        Raises:
            OSError: If somebody removed it.
        """
        if self.committed >= self.blocks.first and not is_index(self.path):
            self.set_back("it is not there any more")
            raise OSError(f"the index of {self.path} is not there any more")

    def _index_writer(self) -> IndexWriter:
        try:
            return IndexWriter(self.path, self._packer)
        except ValueError as error:
            self.set_back(error)
            raise OSError(str(error)) from None

    def _places(self, query: tantivy.Query) -> Iterator[int]:
        """Give the places of messages that match, rising."""
        import tantivy  # not before somebody needs it

        kind, place = tantivy.FieldType.Unsigned, 0
        while True:
            rest = tantivy.Query.range_query(self.schema, "order", kind, place, None)
            both = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, rest)])
            found: Any = self.searcher.search(
                both, limit=_PAGE, count=False, order_by_field="order", order=tantivy.Order.Asc
            )
            places = [int(order) for order, _ in found.hits]
            yield from places
            if len(places) < _PAGE:
                return
            place = places[-1] + 1

    # --- the end of it

    def finish(self) -> None:
        """Note that nothing more is added (adding thread)."""
        self.blocks.fold()

    def remember_indexed(self) -> None:
        """
        Note how far the index is, so that the next start need not ask it.

        Raises:
            OSError: If that cannot be written.
        """
        if self.committed >= self.blocks.first and self.blocks.mark(_INDEXED) != self.committed:
            self.blocks.set_mark(_INDEXED, self.committed)

    def close(self) -> None:
        """Close all files; nothing can be read any more. May be called twice."""
        self.blocks.close()
        with self._lock:
            self._index = self._searcher = None

    def remove(self) -> None:
        """Delete it with its directory; whoever searches it now finds messages that are not there."""
        self.close()
        doomed = self.path.with_name(self.path.name + ".deleted")
        try:
            self.path.rename(doomed)  # at once, so that a crash in the middle does not leave half a partition
        except FileNotFoundError:
            return
        shutil.rmtree(doomed, ignore_errors=True)

    def _opened(self) -> tantivy.Index:
        if self._index is None and not self.broken and (self.committed >= self.blocks.first or is_index(self.path)):
            try:
                self._index = open_index(self.path, new=False)
            except ValueError as error:
                _log.error("the index of %s is damaged and is made again: %s", self.path, error)
                self._break()
            except OSError:
                if not self.rebuilding:
                    raise
                self.setbacks += 1  # it is being made; the next search looks again
        return self._index or empty_index()

    def _look(self) -> tuple[int, int] | None:
        """Return what tells the messages' file from every other; None when it is not there."""
        try:
            found = (self.path / FILE_NAME).stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino


def size_of(path: Path) -> int:
    """Return the bytes of a directory's files; those that a merge deletes meanwhile count nothing."""
    size = 0
    for directory, _, names in os.walk(path):
        for name in names:
            try:
                size += os.stat(os.path.join(directory, name)).st_size  # noqa: PTH116, PTH118  (thousands of them)
            except OSError:
                continue
    return size
