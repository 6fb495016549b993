"""
Partition: one tantivy index in a directory of its own, and what is known of it without asking the index.

Laws:

* Only the newest partition is written to, and only by the store's writing thread.
* ``partition.json`` is written before the commit it belongs to, so it never knows less than the index: its span and its
  names may be too wide, never too narrow.
* A partition whose files are damaged is not opened; its directory is set aside under another name.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gelf_listener.message import Message
from gelf_listener.store.schema import Names, document_of, make_schema, micros

if TYPE_CHECKING:
    import tantivy

__all__ = ["DamagedPartition", "Partition"]

_HEAP_BYTES = 40_000_000
"""What the indexing thread gathers before it writes a segment: twice as much is no faster (`make bench`)."""

_META = "partition.json"


class DamagedPartition(Exception):
    """The files of a partition cannot be read."""


class Partition:
    """
    One index.

    Args:
        path: Its directory; made if it is not there.

    Raises:
        DamagedPartition: If it is there and cannot be read.
    """

    def __init__(self, path: Path) -> None:
        import tantivy  # noqa: PLC0415  (not before somebody needs a store)

        self.path = path
        self._fields = Names()
        self.first: int | None = None
        """Earliest timestamp, microseconds; None while it is empty."""
        self.last: int | None = None
        self.created_at = time.time()
        self.pending = 0
        """Messages that were added and not committed."""
        self._writer: tantivy.IndexWriter | None = None
        self._known: str = ""
        self._lock = threading.Lock()
        self._sized = (float("-inf"), 0)
        path.mkdir(parents=True, exist_ok=True)
        try:
            self._read_meta()
            self.index = tantivy.Index(make_schema(), path=str(path))
            self.index.config_reader("manual", 0)
            self.index.reload()
            self._searcher = self.index.searcher()
        except (ValueError, OSError, KeyError, TypeError, AttributeError) as error:
            raise DamagedPartition(f"{path}: {error}") from None

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
        return self.index.schema

    @property
    def searcher(self) -> tantivy.Searcher:
        """What was committed last, to be searched."""
        return self._searcher

    @property
    def messages(self) -> int:
        """How many messages it has, pending ones included."""
        return int(self._searcher.num_docs) + self.pending

    @property
    def size(self) -> int:
        """What it takes on disk; looked up at most once a second."""
        at, size = self._sized
        if time.monotonic() - at > 1:
            size = _size(self.path)
            self._sized = (time.monotonic(), size)
        return size

    def last_order(self) -> int:
        """Return the highest place in receive order; -1 when it is empty."""
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

    def add(self, message: Message, order: int, packed: bytes) -> None:
        """
        Add a message; it is found after the next commit (writing thread).

        Raises:
            OSError: If that cannot be written; what was added since the last commit is to be added again.
        """
        timestamp = micros(message.timestamp)
        if self.first is None or self.last is None:
            self.first = self.last = timestamp
        elif timestamp < self.first:
            self.first = timestamp
        elif timestamp > self.last:
            self.last = timestamp
        document = document_of(message, order, packed, self._fields)
        try:
            self._open_writer().add_json(document)
        except ValueError as error:
            self.roll_back()
            raise OSError(str(error)) from None
        self.pending += 1

    def delete(self, query: tantivy.Query) -> None:
        """Delete what matches; it is gone after the next commit (writing thread)."""
        self._open_writer().delete_documents_by_query(query)

    def commit(self) -> None:
        """
        Make what was added safe and searchable (writing thread).

        Raises:
            OSError: If it cannot be written; what was added since the last commit is to be added again.
        """
        if self._writer is None:
            return
        try:
            self._write_meta()
            self._writer.commit()
        except (ValueError, OSError) as error:
            self.roll_back()
            raise OSError(str(error)) from None
        self.index.reload()
        with self._lock:  # the two change together for whoever counts
            self._searcher = self.index.searcher()
            self.pending = 0

    def roll_back(self) -> None:
        """Forget what was added since the last commit (writing thread)."""
        writer, self._writer = self._writer, None
        self.pending = 0
        if writer is not None:
            with contextlib.suppress(ValueError, OSError):  # it is broken; the next one begins at the last commit
                writer.rollback()
            del writer

    def _open_writer(self) -> tantivy.IndexWriter:
        if self._writer is None:
            self._writer = self.index.writer(_HEAP_BYTES, 1)
        return self._writer

    def close_writer(self) -> None:
        """Commit, finish merging and give the writer's memory back (writing thread)."""
        if self._writer is None:
            return
        self.commit()
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.wait_merging_threads()
            self.index.reload()
            self._searcher = self.index.searcher()

    def compact(self) -> None:
        """Merge what can be merged and delete files nobody needs (writing thread)."""
        writer = self._open_writer()
        self.commit()
        writer.garbage_collect_files()
        self.close_writer()

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
        """Delete it with its directory; whoever searches it now may finish (writing thread)."""
        self._writer = None
        self.pending = 0
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
