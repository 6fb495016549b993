"""
Partition: a directory with one tantivy index, the messages it finds (`blocks`), and what is known without asking it.

Laws:

* Only the newest partition is written to, and only by the store's writing thread.
* A message is added to the blocks first. What the index lacks of them, after a crash or because it could not be
  written, is added to it from there (`index`); so nothing that was saved is ever lost to searches.
* ``partition.json`` is written before the commit it belongs to, so it never knows less than the index: its span and its
  names may be too wide, never too narrow.
* A partition whose files are damaged is not opened; its directory is set aside under another name.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import shutil
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gelf_listener.message import Message
from gelf_listener.packing import Packer
from gelf_listener.store.blocks import Blocks
from gelf_listener.store.schema import Names, document_of, make_schema, micros

if TYPE_CHECKING:
    import tantivy

__all__ = ["DamagedPartition", "Partition"]

_log = logging.getLogger(__name__)

_HEAP_BYTES = 40_000_000
"""What the indexing thread gathers before it writes a segment: twice as much is no faster (`make bench`)."""

_PAGE = 10_000
"""Places of messages asked for at once."""
_STEP = 1000
_STEP_BYTES = 4 * 1024 * 1024
"""What is given to the index at once."""
_MAX_WAITING = 50_000
_MAX_WAITING_BYTES = 32 * 1024 * 1024
"""What is kept in memory for the index; when it lacks more, it reads it from the blocks."""

_META = "partition.json"


class DamagedPartition(Exception):
    """The files of a partition cannot be read."""


class Partition:
    """
    One index.

    Args:
        path: Its directory; made if it is not there.
        packer: Makes bytes of messages, and messages of bytes.

    Raises:
        DamagedPartition: If what is there makes no sense.
        OSError: If it cannot be read or made now, for example because the disk is full.
    """

    def __init__(self, path: Path, packer: Packer) -> None:
        import tantivy  # noqa: PLC0415  (not before somebody needs a store)

        self.path = path
        self._packer = packer
        self._fields = Names()
        self.first: int | None = None
        """Earliest timestamp, microseconds; None while it is empty."""
        self.last: int | None = None
        self.created_at = time.time()
        self._writer: tantivy.IndexWriter | None = None
        self._known: str = ""
        self._lock = threading.Lock()
        self._sized = (float("-inf"), 0)
        path.mkdir(parents=True, exist_ok=True)
        try:
            self._read_meta()
            self.engine = tantivy.Index(make_schema(), path=str(path))
            self.engine.config_reader("manual", 0)
            self.engine.reload()
            self._searcher = self.engine.searcher()
            indexed = self._last_indexed()
            self._blocks = Blocks(path, new=indexed < 0)
            if self._blocks.last < indexed:
                raise ValueError("messages are missing that the index finds")  # noqa: TRY301
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DamagedPartition(f"{path}: {error}") from None
        self.committed = max(indexed, self._blocks.indexed)
        """The last place that can be found."""
        self._indexed = self.committed
        """The last place that the index was given."""
        self._waiting: deque[Message] = deque()
        """What it lacks, while that is little enough to be kept in memory."""
        self._waiting_bytes = 0
        self._in_memory = self._indexed >= self._blocks.last
        self._changed = False

    def __str__(self) -> str:
        """Return its name."""
        return self.path.name

    @property
    def names(self) -> dict[str, set[str]]:
        """Kinds of every field key; see `schema.kind_of`."""
        return self._fields.kinds

    @property
    def schema(self) -> tantivy.Schema:
        """The index's schema."""
        return self.engine.schema

    @property
    def searcher(self) -> tantivy.Searcher:
        """What was committed last, to be searched."""
        return self._searcher

    @property
    def messages(self) -> int:
        """How many messages it has, pending ones included."""
        with self._lock:
            return int(self._searcher.num_docs) + self.pending

    @property
    def pending(self) -> int:
        """Messages that were added and cannot be found before the next commit."""
        return self._blocks.last - self.committed if self._blocks.last >= 0 else 0

    @property
    def uncommitted(self) -> int:
        """How many of them the index was given."""
        return self._indexed - self.committed

    @property
    def unsaved_bytes(self) -> int:
        """What memory messages take that are not on disk."""
        return self._blocks.unsaved_bytes

    @property
    def size(self) -> int:
        """What it takes on disk; looked up at most once a second."""
        at, size = self._sized
        if time.monotonic() - at > 1:
            size = _size(self.path)
            self._sized = (time.monotonic(), size)
        return size

    @property
    def fate_of_pending(self) -> str:
        """What becomes of messages that are pending when the process ends."""
        if self._blocks.unsaved:
            return f"{self._blocks.unsaved} messages are lost"
        return "nothing is lost; the next start finishes it"

    def last_order(self) -> int:
        """Return the highest place in receive order; -1 when it is empty."""
        return max(self._blocks.last, self.committed)

    def _last_indexed(self) -> int:
        found = self._maximum("order")
        return -1 if found is None else int(found)

    def last_received(self) -> float | None:
        """Return when the newest message arrived, UTC Unix seconds; None when it is empty."""
        found = self._maximum("received")
        return None if found is None else found / 1e6

    def _maximum(self, column: str) -> float | None:
        import tantivy  # noqa: PLC0415

        found: Any = self._searcher.aggregate(tantivy.Query.all_query(), {"x": {"max": {"field": column}}})
        value = found["x"]["value"]
        return None if value is None else float(value)

    def add(self, messages: Sequence[Message], order: int) -> None:
        """
        Add messages; they are safe after `save`, and found after `index` and `commit` (writing thread).

        Args:
            messages: What to add.
            order: Place of the first one; the others follow.
        """
        if self._blocks.last < 0:
            self.committed = self._indexed = order - 1
        add, pack = self._blocks.add, self._packer.pack
        for place, message in enumerate(messages, order):
            add(place, pack(message))
        if self._in_memory:
            self._waiting.extend(messages)
            self._waiting_bytes += sum([len(message.raw) for message in messages])
            if len(self._waiting) > _MAX_WAITING or self._waiting_bytes > _MAX_WAITING_BYTES:
                self._forget_waiting()

    def index(self, most: int) -> bool:
        """
        Give the index the next messages that it lacks (writing thread).

        Args:
            most: Messages.

        Returns:
            Whether it lacks more.

        Raises:
            OSError: If that cannot be written; the next call tries again.
        """
        messages: list[tuple[int, Message]] = []
        room = _STEP_BYTES
        for each in self._lacking():
            messages.append(each)
            room -= len(each[1].raw)
            if len(messages) == most or room <= 0:
                self._index(messages)
                break
        else:
            self._index(messages)
            self._indexed = self._blocks.last  # the last ones may have been deleted, or be damaged
        self._in_memory = self._in_memory or self._indexed == self._blocks.last
        return self._indexed < self._blocks.last

    def _lacking(self) -> Iterator[tuple[int, Message]]:
        """Give what the index was not given yet; from memory, each is given but once."""
        if not self._in_memory:
            self.save()
            yield from self._unpacked(self._blocks.since(self._indexed + 1))
            return
        for order in range(self._indexed + 1, self._blocks.last + 1):
            message = self._waiting.popleft()
            self._waiting_bytes -= len(message.raw)
            yield order, message

    def _index(self, messages: Sequence[tuple[int, Message]]) -> None:
        if not messages:
            return
        times = [message.timestamp for _, message in messages]
        first, last = micros(min(times)), micros(max(times))
        self.first = first if self.first is None else min(self.first, first)
        self.last = last if self.last is None else max(self.last, last)
        documents = list(self._documents(messages))
        try:
            add = self._open_writer().add_json
            for document in documents:
                add(document)
        except ValueError as error:
            self._roll_back()
            raise OSError(str(error)) from None
        self._indexed = messages[-1][0]
        self._changed = True

    def _documents(self, messages: Sequence[tuple[int, Message]]) -> Iterator[str]:
        """Make the documents of messages, but for those of which none can be made."""
        for order, message in messages:
            try:
                yield document_of(message, order, self._fields)
            except Exception:  # noqa: BLE001  (one odd message must not keep the others from being found)
                _log.exception("the message %s cannot be indexed; it is stored, and not found", message.id)

    def _forget_waiting(self) -> None:
        """Read what the index lacks from the blocks."""
        self._waiting.clear()
        self._waiting_bytes = 0
        self._in_memory = False

    def delete(self, query: tantivy.Query) -> None:
        """
        Delete what matches; nothing may be pending, and it is gone after the next commit (writing thread).

        Raises:
            OSError: If that cannot be written.
        """
        self._blocks.mark_indexed()
        self._open_writer().delete_documents_by_query(query)
        self._changed = True

    def save(self) -> None:
        """
        Make what was added safe (writing thread).

        Raises:
            OSError: If it cannot be written; the next call tries again.
        """
        self._blocks.save()

    def catch_up(self) -> None:
        """
        Make all that was added safe and searchable (writing thread).

        Raises:
            OSError: If it cannot be written; the next call tries again.
        """
        while self.index(_STEP):
            pass
        self.commit()

    def commit(self) -> None:
        """
        Make what was added safe, and what the index was given of it searchable (writing thread).

        Raises:
            OSError: If it cannot be written; the next call tries again.
        """
        self.save()
        if self._writer is None or not self._changed:
            self.committed = self._indexed  # what the index could not be given is damaged
            return
        try:
            self._write_meta()
            self._writer.commit()
        except (ValueError, OSError) as error:
            self._roll_back()
            raise OSError(str(error)) from None
        self.engine.reload()
        with self._lock:  # the two change together for whoever counts
            self._searcher = self.engine.searcher()
            self.committed = self._indexed
        self._changed = False

    def _roll_back(self) -> None:
        """Let the index forget what was added since the last commit."""
        writer, self._writer = self._writer, None
        self._indexed = self.committed
        self._forget_waiting()
        if writer is not None:
            with contextlib.suppress(ValueError, OSError):  # it is broken; the next one begins at the last commit
                writer.rollback()
            del writer

    def read(self, orders: Iterable[int]) -> Iterator[tuple[int, Message]]:
        """Give messages and their places, rising, but for those that were deleted meanwhile or are damaged."""
        yield from self._unpacked(self._blocks.read(sorted(orders)))

    def _unpacked(self, found: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, Message]]:
        for order, packed in found:
            try:
                yield order, self._packer.unpack(packed)
            except ValueError as error:
                _log.error("a message of the store in %s is damaged: %s", self.path, error)

    def _open_writer(self) -> tantivy.IndexWriter:
        if self._writer is None:
            self._writer = self.engine.writer(_HEAP_BYTES, 1)
        return self._writer

    def close_writer(self) -> None:
        """Commit, finish merging and give the writer's memory back (writing thread)."""
        self.catch_up()
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.wait_merging_threads()
            self.engine.reload()
            self._searcher = self.engine.searcher()
        self._blocks.fold()

    def close(self) -> None:
        """Finish writing and close all files; nothing can be read any more (writing thread)."""
        try:
            self.close_writer()
        finally:
            self._blocks.close()

    def compact(self) -> None:
        """
        Merge what can be merged and give back the room of what was deleted (writing thread).

        Raises:
            OSError: If that cannot be written.
        """
        self.catch_up()
        writer = self._open_writer()
        writer.garbage_collect_files()
        self.close_writer()
        self._blocks.keep(self._living())

    def _living(self) -> Iterator[int]:
        """Give the places of all messages that are left, rising."""
        import tantivy  # noqa: PLC0415

        kind, place = tantivy.FieldType.Unsigned, 0
        while True:
            rest = tantivy.Query.range_query(self.schema, "order", kind, place, None)
            found: Any = self._searcher.search(
                rest, limit=_PAGE, count=False, order_by_field="order", order=tantivy.Order.Asc
            )
            places = [int(order) for order, _ in found.hits]
            yield from places
            if len(places) < _PAGE:
                return
            place = places[-1] + 1

    def overlaps(self, start: int | None, end: int | None) -> bool:
        """Whether it may have messages from `start` up to, not including, `end` (microseconds)."""
        if self.first is None or self.last is None:
            return False
        return (start is None or self.last >= start) and (end is None or self.first < end)

    def within(self, start: int | None, end: int | None) -> bool:
        """Whether all its messages lie in a span."""
        if self.first is None or self.last is None:
            return True
        return (start is None or self.first >= start) and (end is None or self.last < end)

    def remove(self) -> None:
        """Delete it with its directory; whoever searches it now finds messages that are not there (writing thread)."""
        self._writer = None
        self._blocks.close()
        doomed = self.path.with_name(self.path.name + ".deleted")
        self.path.rename(doomed)  # at once, so that a crash in the middle does not leave half an index
        shutil.rmtree(doomed, ignore_errors=True)

    def _read_meta(self) -> None:
        try:
            text = (self.path / _META).read_text("utf-8")
        except FileNotFoundError:
            return
        meta: dict[str, Any] = json.loads(text)
        self.first, self.last = meta["first"], meta["last"]
        self.created_at = float(meta["created_at"])
        self._fields = Names({key: set(kinds) for key, kinds in meta["names"].items()})
        self._known = text

    def _write_meta(self) -> None:
        names = {key: sorted(kinds) for key, kinds in list(self.names.items())}
        text = json.dumps({"first": self.first, "last": self.last, "created_at": self.created_at, "names": names})
        if text == self._known:
            return
        draft = self.path / (_META + ".new")
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path / _META)
        self._known = text


def _size(path: Path) -> int:
    """Return the bytes of a directory's files; those that a merge deletes meanwhile count nothing."""
    size = 0
    try:
        with os.scandir(path) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    size += entry.stat().st_size
    except OSError:
        pass
    return size
