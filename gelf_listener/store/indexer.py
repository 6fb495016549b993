"""
Indexer: carries out orders to index what is saved, one partition after the other.

It needs nothing but the directories named in its orders, so it runs in a thread (`Indexer`) or in a process of its own
(`IndexerProcess`), which keeps the work, and what an odd message may do to the engine, away from receiving.
"""

from __future__ import annotations

import threading
from pathlib import Path

import msgspec

from gelf_listener.errors import describe
from gelf_listener.message import OpenFields
from gelf_listener.packing import Packer
from gelf_listener.store.blocks import FILE_NAME, BlockReader
from gelf_listener.store.documents import Documents, OpenDocument
from gelf_listener.store.index_writer import IndexWriter, empty_index, is_index
from gelf_listener.store.schema import Names

_ALONE_HEAP_BYTES = 15_000_000
"""The least that the engine takes."""


class Order(msgspec.Struct, frozen=True):
    """
    What to do next.

    Attributes:
        path: The partition's directory.
        upto: The last place that is saved.
        most: How many places to go on, at most.
        commit: Whether to make what was given searchable afterwards.
        last: Whether no further orders for the partition come, once this one is done.
        alone: Only to try the message at `upto` in an index of its own, which is forgotten.
    """

    path: str
    upto: int
    most: int
    commit: bool = False
    last: bool = False
    alone: bool = False


class Report(msgspec.Struct, frozen=True):
    """
    How far a partition's index is.

    Attributes:
        given: The last place that it was given.
        committed: The last place that searches may find.
        unindexable: Places of messages that it cannot take, and why.
        error: Why the order could not be carried out; empty when it was.
        damaged: Whether that is because the index has to be made again.
    """

    given: int
    committed: int
    unindexable: list[tuple[int, str]] = []
    error: str = ""
    damaged: bool = False


class Indexer:
    """
    Carries out orders in the thread that gives them; one at a time.

    Args:
        open_fields: Reads the additional fields of payloads that are in order.
        open_document: See `Documents`.
    """

    def __init__(self, open_fields: OpenFields, open_document: OpenDocument | None = None) -> None:
        self._packer = Packer(open_fields)
        self._open_document = open_document
        self._writer: IndexWriter | None = None
        self._finishing: list[threading.Thread] = []
        """They merge what the last commit of a partition left to merge."""

    def work(self, order: Order) -> Report:
        """Carry out an order; what goes wrong is in the report."""
        path = Path(order.path)
        if order.alone:
            return self._try_alone(path, order.upto)
        try:
            writer = self._open(path)
        except OSError as error:
            return Report(-1, -1, error=describe(error))
        except ValueError as error:
            return Report(-1, -1, error=str(error), damaged=True)
        trouble = ""
        try:
            if order.most:
                writer.step(order.upto, order.most)
            if order.commit or (order.last and writer.given >= order.upto):
                writer.commit()
        except OSError as error:
            if (path / FILE_NAME).exists() and not is_index(path):  # somebody removed it while it was open
                self.release()
                return Report(-1, -1, error=describe(error), damaged=True)
            trouble = describe(error)
        report = Report(writer.given, writer.committed, writer.unindexable, trouble)
        writer.unindexable = []
        if order.last and writer.committed >= order.upto:
            self._finish()
        return report

    def release(self) -> None:
        """Let go of every partition; what was given and not committed is given again when it is needed."""
        writer, self._writer = self._writer, None
        if writer is not None:
            writer.close()
        for thread in self._finishing:
            thread.join()
        self._finishing = []

    def close(self) -> None:
        """Release everything. May be called twice."""
        self.release()

    def _try_alone(self, path: Path, place: int) -> Report:
        """Index one message by itself; what matters is whether the process lives to tell."""
        documents = Documents(self._packer, Names(), self._open_document)
        index = empty_index()
        reader = BlockReader(path)
        try:
            for at, packed in reader.since(place, place):
                writer = index.writer(_ALONE_HEAP_BYTES, 1)
                writer.add_json(documents.of(packed, at).text)
                writer.commit()
                writer.wait_merging_threads()
        except Exception as error:  # noqa: BLE001  (it lives)
            return Report(-1, -1, error=repr(error))
        finally:
            reader.close()
        return Report(place, place)

    def _open(self, path: Path) -> IndexWriter:
        if self._writer is not None and self._writer.path != path:
            self._finish()
        if self._writer is None:
            self._writer = IndexWriter(path, self._packer, self._open_document)
        return self._writer

    def _finish(self) -> None:
        """Close the partition's index in a thread, for merging may take seconds."""
        writer, self._writer = self._writer, None
        if writer is not None:
            self._finishing = [thread for thread in self._finishing if thread.is_alive()]
            thread = threading.Thread(target=writer.close, name="store-merging", daemon=True)
            thread.start()
            self._finishing.append(thread)
