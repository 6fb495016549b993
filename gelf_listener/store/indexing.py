"""Indexing: what is done to the indexes of partitions, all of it in one thread."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Literal

from gelf_listener.message import OpenFields
from gelf_listener.store.indexer import Indexer, Order, Report
from gelf_listener.store.partition import Partition
from gelf_listener.store.partitions import Partitions
from gelf_listener.store.schedule import Schedule

if TYPE_CHECKING:
    import tantivy

    from gelf_listener.store.indexer_process import IndexerProcess

_log = logging.getLogger(__name__)

_STEP = 5_000
"""Messages indexed in one go, so that a search that waits is not kept long."""
_LONG_STEP = 15_000
"""Messages indexed in one go while none waits: between two, the indexer waits for a listener that is busy receiving."""


class Indexing:
    """
    Keeps the indexes of a store's partitions.

    Args:
        partitions: All of the store's.
        schedule: Says when is committed.
        open_fields: Reads additional fields of payloads that are in order.
        where: In this thread, or in a process of its own.
    """

    def __init__(
        self, partitions: Partitions, schedule: Schedule, open_fields: OpenFields, where: Literal["thread", "process"]
    ) -> None:
        self.commits = 0
        self.indexer = _indexer(where, open_fields)
        self._all = partitions
        self._schedule = schedule

    def close(self) -> None:
        """End what indexes."""
        self.indexer.close()

    def index(self, partition: Partition) -> None:
        """Do the next piece of a partition's index."""
        made_again = partition.broken
        if made_again:
            self.indexer.release()
            partition.make_again()
        partition.migrate()
        more = min(_STEP if self._schedule.awaited else _LONG_STEP, partition.unindexed)
        commit = self._schedule.commit_due(partition, more)
        last = partition is not self._all.current and more >= partition.unindexed
        began = time.monotonic()
        report = self.indexer.work(
            Order(str(partition.path.absolute()), partition.blocks.saved, more, commit=commit, last=last)
        )
        if partition not in self._all.list:  # retention was faster
            self.indexer.release()
            return
        if report.damaged and not made_again:
            partition.set_back(report.error)
            return
        self._take_in(partition, report, time.monotonic() - began)

    def _take_in(self, partition: Partition, report: Report, seconds: float) -> None:
        """Note how far an index is, and how long the step took."""
        if report.unindexable:
            for place, why in report.unindexable:
                _log.error("a message cannot be indexed; it is stored, and not found: %s, place %d", why, place)
            partition.blocks.leave_out(report.unindexable)
        if report.given < 0:
            partition.given = partition.committed
            raise OSError(report.error)
        if report.committed != partition.committed and report.committed >= 0:
            self._schedule.committed(seconds)
            self.commits += 1
            partition.refresh(report.committed)
        partition.given = report.given
        if report.error:
            raise OSError(report.error)

    def rest(self) -> None:
        """Give back what indexing takes, for nothing comes in."""
        self.indexer.release()
        for partition in self._all.list:
            if not partition.pending:
                with contextlib.suppress(OSError):  # the disk is full, and the next start asks the index
                    partition.remember_indexed()

    def tidy(self) -> bool:
        """
        Lay a few blocks out that were saved in a flood, or give some of their room back.

        Returns:
            Whether there may be more.
        """
        with contextlib.suppress(OSError):  # the disk is full: they stay as they are
            for partition in self._all.list:
                if partition.blocks.lay_out():
                    return True
                if partition.blocks.give_back(some=partition is self._all.current):
                    return True
        return False

    def index_all(self) -> None:
        """
        Index and commit everything.

        Raises:
            OSError: If that cannot be written.
        """
        for partition in self._all.list:
            while partition.broken or partition.unindexed or partition.uncommitted:
                before = (partition.given, partition.committed)
                self._schedule.commit_next()
                self.index(partition)
                if (partition.given, partition.committed) == before:
                    break
        self.rest()

    def delete(self, partition: Partition, query: tantivy.Query) -> None:
        """Delete what matches from a partition, also on a full disk."""
        self.indexer.release()
        with self._all.reserve.released():
            partition.delete(query)

    def compact(self, partition: Partition) -> None:
        """Give back the room of what was deleted from a partition, also on a full disk."""
        self.indexer.release()
        with self._all.reserve.released():
            partition.compact()


def _indexer(indexing: Literal["thread", "process"], open_fields: OpenFields) -> Indexer | IndexerProcess:
    if indexing == "thread":
        return Indexer(open_fields)
    from gelf_listener.store.indexer_process import IndexerProcess  # costs start-up time

    return IndexerProcess()
