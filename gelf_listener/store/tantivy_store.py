"""
Tantivy store: the embedded store, in partitions.

Laws:

* One thread writes, a few read; the loop never waits for a disk.
* What was added is saved first and indexed when there is time, so a burst may be faster than the index is.
* What was added is found by every later search: a search has it indexed first. Only in a flood, while thousands come in
  every second, does it answer without the last second, or without what the index is further behind.
* What was saved is there after a crash, and found: opening the store goes on with what the index lacks.
* What cannot be saved, for example because the disk is full, is kept in memory and tried again; until that works
  nothing more is taken.
* Only one process has a store open (``lock``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from gelf_listener.errors import QueryError, Retry
from gelf_listener.message import Message, OpenFields
from gelf_listener.packing import Packer
from gelf_listener.query.nodes import Node
from gelf_listener.store.answers import (
    KNOWN_FIELDS,
    FieldInfo,
    FieldStatistics,
    FieldType,
    Hits,
    PartitionInfo,
    Row,
    StoreInfo,
    ValueCount,
)
from gelf_listener.store.parameters import NEWEST_FIRST, Grouping, Metric, Sort, Span
from gelf_listener.store.partitions import Partitions
from gelf_listener.store.schema import field_name

if TYPE_CHECKING:
    from gelf_listener.store.tantivy_search import TantivySearch

__all__ = ["TantivyStore"]

_log = logging.getLogger(__name__)

T = TypeVar("T")

_READERS = 3
_SLICE = 500
"""Messages added in one go, before a search that waits gets its turn."""
_STEP = 250
"""Messages indexed in one go, before more are added."""
_MAX_UNCOMMITTED = 100_000
"""Messages after which is committed to the index whatever the time."""
_COMMIT_SECONDS = 5.0
"""How long messages may wait for that when nobody searches."""
_WATCHED_COMMIT_SECONDS = 0.5
_WATCHED_SECONDS = 10.0
"""How long they may wait within so many seconds of a search, so that in a flood no search has to wait."""
_MAX_UNSAVED_BYTES = 4 * 1024 * 1024
"""Compressed messages after which is saved whatever the time."""
_MAX_PENDING = 1_000_000
"""Messages that may wait for the index; in a longer flood adding waits for it too."""
_PATIENCE_SECONDS = 10.0
_FLOOD_PATIENCE_SECONDS = 1.0
"""How long a search waits for the index, and how long while more comes in."""
_FLOOD = 2000
"""Messages added within a second that make a flood of the next one."""
_GREAT_FLOOD = 30_000
"""The same of one in which indexing takes turns with doing nothing: inputs that cannot wait need the processor."""
_CATCH_UP_STEP = 1000
_TYPES: dict[str, FieldType] = {"text": "string", "long": "long", "double": "double", "boolean": "boolean"}


class TantivyStore:
    """
    Stores messages in a directory; see `Store`.

    Guarantee: with ``commit_seconds=0`` a message is safe when `add` returns; otherwise what was added in the last
    ``commit_seconds`` may be lost with the process. A message is never there twice.

    Args:
        path: The directory.
        open_fields: Reads additional fields of payloads that are in order.
        commit_seconds: How long added messages may wait to be saved; 0 saves them before `add` returns.
        partition_messages: Messages after which a new partition is begun.
        max_age_seconds: How long messages are kept; None for ever.
        max_bytes: What the store may take on disk; None is no limit.
        clock: UTC Unix seconds.
    """

    def __init__(
        self,
        path: Path,
        open_fields: OpenFields,
        *,
        commit_seconds: float = 1.0,
        partition_messages: int = 1_000_000,
        max_age_seconds: float | None = None,
        max_bytes: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self.commits = 0
        self._packer = Packer(open_fields)
        self._commit_seconds = commit_seconds
        self._clock = clock
        self._all = Partitions(
            path,
            self._packer,
            partition_messages=partition_messages,
            max_age_seconds=max_age_seconds,
            max_bytes=max_bytes,
            clock=clock,
        )
        self._offered: set[int] = set()
        """Keys of messages that were taken while `add` failed: they are offered again."""
        self._recent: set[int] = set()
        """Keys of messages that the index does not find yet: those that came with an id, from a disk buffer."""
        self._unlisted = False
        """Whether there are others."""
        self._order = 0
        self._saved_at = self._committed_at = time.monotonic()
        self._asked_at = -math.inf
        self._second = (-math.inf, 0, 0)
        """When the current second of adding began, how many were added in it, and in the one before."""
        self._asking = asyncio.Lock()
        """Held by the search that has messages committed; those that wait for it find theirs committed too."""
        self._search: TantivySearch | None = None
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._readers = ThreadPoolExecutor(_READERS, "store-reader")
        self._added = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._opened = False

    @property
    def messages(self) -> int:
        """How many messages it has, pending ones included."""
        return sum(partition.messages for partition in self._all.list)

    @property
    def pending(self) -> int:
        """How many of them searches do not find before they are indexed."""
        return self._all.current.pending

    @property
    def partitions(self) -> int:
        """How many partitions it has."""
        return len(self._all.list)

    @property
    def evicted(self) -> int:
        """How many messages retention deleted."""
        return self._all.evicted

    @property
    def set_aside(self) -> list[str]:
        """Directories that could not be read."""
        return self._all.set_aside

    # --- life

    async def open(self) -> None:
        """
        Open the store, making its directory if need be.

        Raises:
            ConfigError: If another process has it, or the directory cannot be used.
        """
        if not self._opened:
            self._order = await self._write(self._all.open)
            self._opened = True
            loop = asyncio.get_running_loop()
            self._tasks = [
                loop.create_task(self._keep_up(), name="store indexing"),
                loop.create_task(self._retain_for_ever(), name="store retention"),
            ]
            self._added.set()  # the index may lack something since the last time

    async def close(self) -> None:
        """Commit what is pending and let go of the directory. May be called twice."""
        if not self._opened:
            return
        self._opened = False
        for task in self._tasks:
            task.cancel()
        try:
            await self._write(self._all.close)
        finally:
            self._writer.shutdown(wait=False)
            self._readers.shutdown(wait=False)

    # --- writing

    async def add(self, messages: Sequence[Message]) -> None:
        """Add messages; see `Store.add`."""
        taken = 0
        try:
            while taken < len(messages):
                part = messages[taken : taken + _SLICE]
                await self._write(partial(self._add, part))
                taken += len(part)
            if self._commit_seconds == 0:
                await self._write(self._save)
        except OSError as error:
            self._offered.update([message.key for message in messages[:taken]])
            raise Retry(f"the store cannot write: {error}") from None
        finally:
            self._count(taken)
            self._added.set()
        if self._offered:
            self._offered.difference_update([message.key for message in messages])

    def _count(self, messages: int) -> None:
        """Count what was added in this second."""
        now, (began, count, before) = time.monotonic(), self._second
        if now - began >= 1:
            began, count, before = now, 0, count if now - began < 2 else 0
        self._second = (began, count + messages, before)

    def _flooded(self, messages: int = _FLOOD) -> bool:
        """Whether so many messages come in every second."""
        began, _, before = self._second
        return before >= messages and time.monotonic() - began < 2

    async def flush(self) -> None:
        """
        Make everything that was added safe and searchable.

        Raises:
            Retry: If that cannot be written now.
        """
        if self._all.current.pending:
            try:
                await self._write(self._finish)
            except OSError as error:
                raise Retry(f"the store cannot write: {error}") from None

    async def _keep_up(self) -> None:
        """Index what was added, a little at a time so that adding goes first; save and commit when it is time."""
        while True:
            await self._added.wait()
            self._added.clear()
            pause = self._commit_seconds or 1.0
            while self._all.current.pending:
                try:
                    began = time.monotonic()
                    if await self._write(self._keep):
                        if self._flooded(_GREAT_FLOOD):
                            await asyncio.sleep(time.monotonic() - began)
                        continue
                except OSError as error:
                    _log.warning("the store cannot write: %s; trying again", error)
                    await asyncio.sleep(pause)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):
                        await self._added.wait()
                self._added.clear()

    def _keep(self) -> bool:
        """Do a little; return whether there is more to index."""
        now, partition = time.monotonic(), self._all.current
        if now - self._saved_at > self._commit_seconds:
            self._save()
        more = self._index(_STEP)
        seconds = _WATCHED_COMMIT_SECONDS if now - self._asked_at < _WATCHED_SECONDS else _COMMIT_SECONDS
        if partition.uncommitted >= _MAX_UNCOMMITTED or now - self._committed_at > seconds or self._all.full:
            self._commit()
        return more

    def _add(self, messages: Sequence[Message]) -> None:
        if self._all.current.unsaved_bytes >= _MAX_UNSAVED_BYTES:
            self._save()  # or nothing more is taken
        if self._all.current.pending >= _MAX_PENDING:
            self._index(len(messages))
        new = self._new(messages)
        self._all.current.add(new, self._order)
        self._order += len(new)

    def _new(self, messages: Sequence[Message]) -> Sequence[Message]:
        """Leave out those that are there: they come from a disk buffer, or after a failure, again."""
        if self._offered:
            messages = [message for message in messages if message.key not in self._offered]
        again = {message.id for message in messages if message.stored_id}
        if not again:
            self._unlisted = True
            return messages
        if self._unlisted:
            self._finish()
        known, recent = self._engine().known(again), self._recent
        new = []
        for message in messages:
            if message.stored_id:
                if message.key in recent or message.id in known:
                    continue
                recent.add(message.key)
            else:
                self._unlisted = True
            new.append(message)
        return new

    def _save(self) -> None:
        self._saved_at = time.monotonic()
        self._all.current.save()

    def _finish(self) -> None:
        """Make all that was added searchable."""
        self._commit(whole=True)

    def _index(self, most: int) -> bool:
        return self._all.current.index(most)

    def _commit(self, *, whole: bool = False) -> None:
        """Make what was indexed searchable; `whole` has the rest indexed before."""
        partition = self._all.current
        self._saved_at = self._committed_at = time.monotonic()
        if whole:
            partition.catch_up()
        else:
            partition.commit()
        self.commits += 1
        if not partition.pending:
            self._recent.clear()
            self._unlisted = False
            self._all.roll()

    async def _retain_for_ever(self) -> None:
        """Delete what is too old or too much now and then, also when nothing comes in."""
        while True:
            try:
                await self.flush()
                await self._write(self._all.retain)
            except (Retry, OSError) as error:
                _log.warning("retention: %s", error)
            await asyncio.sleep(self._all.retention_seconds)

    # --- searching

    async def search(
        self, query: Node, span: Span, *, limit: int = 150, offset: int = 0, sort: Sort = NEWEST_FIRST
    ) -> Hits:
        """Return a page; see `Store.search`."""
        return await self._asked(lambda: self._engine().search(query, span, limit, offset, sort))

    async def scan(
        self, query: Node, span: Span, *, limit: int | None = None, sort: Sort = NEWEST_FIRST
    ) -> AsyncIterator[Sequence[Message]]:
        """Give everything that matches; see `Store.scan`."""
        await self._catch_up(whole=True)
        pages = (await self._run(self._engine)).pages(query, span, limit, sort)
        while (batch := await self._run(partial(next, pages, None))) is not None:
            yield batch

    async def count(self, query: Node, span: Span) -> int:
        """Return how many match; see `Store.count`."""
        return await self._asked(lambda: self._engine().count(query, span))

    async def get(self, id: str) -> Message | None:
        """Return a message; see `Store.get`."""
        return await self._asked(lambda: self._engine().get(id))

    async def aggregate(
        self, query: Node, span: Span, groups: Sequence[Grouping] = (), metrics: Sequence[Metric] = ()
    ) -> list[Row]:
        """Group messages; see `Store.aggregate`."""
        return await self._asked(lambda: self._engine().aggregate(query, span, groups, metrics))

    async def statistics(self, query: Node, span: Span, field: str) -> FieldStatistics:
        """Return what a field holds; see `Store.statistics`."""
        return await self._asked(lambda: self._engine().statistics(query, span, field))

    async def fields(self) -> list[FieldInfo]:
        """Return all fields; see `Store.fields`."""
        await self._catch_up()
        types: dict[str, set[FieldType]] = {}
        for partition in self._all.list:
            for key, kinds in list(partition.names.items()):
                name = field_name(key)
                if not key.startswith("@") and name not in KNOWN_FIELDS:
                    types.setdefault(name, set()).update(_TYPES[kind] for kind in list(kinds))
        found = KNOWN_FIELDS | {name: tuple(sorted(each)) for name, each in types.items()}
        return [FieldInfo(name, found[name]) for name in sorted(found)]

    async def suggest(self, field: str, prefix: str, limit: int = 10) -> list[ValueCount]:
        """Return frequent values; see `Store.suggest`."""
        return await self._asked(lambda: self._engine().suggest(field, prefix, limit))

    async def delete(self, query: Node, span: Span) -> int:
        """Delete messages; see `Store.delete`."""
        try:
            return await self._write(partial(self._delete, query, span))
        except OSError as error:
            raise Retry(f"the store cannot write: {error}") from None

    def _delete(self, query: Node, span: Span) -> int:
        self._finish()  # in this thread, so nothing comes in between
        deleted = 0
        for partition, found, messages in self._engine().counted(query, span):
            deleted += messages
            if messages == partition.messages:
                if partition is self._all.current:
                    self._all.begin()
                self._all.drop(partition)
                continue
            partition.delete(found)
            if partition is self._all.current:
                partition.commit()
            else:
                partition.close_writer()
        return deleted

    async def compact(self) -> None:
        """Merge what can be merged, and give back the room of what was deleted."""
        await self._write(self._compact)

    def _compact(self) -> None:
        self._finish()
        for partition in self._all.list:
            partition.compact()

    async def info(self) -> StoreInfo:
        """Return how much there is; see `Store.info`."""
        return await self._run(self._info)

    def _info(self) -> StoreInfo:
        partitions = [
            PartitionInfo(str(each), _seconds(each.first), _seconds(each.last), each.messages, each.size)
            for each in self._all.list
        ]
        firsts = [each.first for each in partitions if each.first is not None and each.messages]
        lasts = [each.last for each in partitions if each.last is not None and each.messages]
        return StoreInfo(
            str(self.path),
            sum(each.messages for each in partitions),
            sum(each.bytes for each in partitions),
            min(firsts, default=None),
            max(lasts, default=None),
            partitions,
        )

    # --- threads

    def _engine(self) -> TantivySearch:
        """Return what searches; imported on first use, for the query language costs start-up time."""
        if self._search is None:
            from gelf_listener.store.tantivy_search import TantivySearch  # noqa: PLC0415

            self._search = TantivySearch(self._all, self._clock)
        return self._search

    async def _asked(self, function: Callable[[], T]) -> T:
        """Answer in a reading thread, after what was added can be found."""
        await self._catch_up()
        return await self._run(function)

    async def _catch_up(self, *, whole: bool = False) -> None:
        """
        Have what was added until now indexed and committed, a little at a time so that adding goes on.

        Args:
            whole: Whether to wait for that however long it takes.
        """
        wanted, began = self._order - 1, time.monotonic()
        self._asked_at = began
        if not self._lacks(wanted):
            return
        if self._flooded() and not whole and began - self._committed_at < _FLOOD_PATIENCE_SECONDS:
            return
        async with self._asking:
            with contextlib.suppress(OSError):  # the disk is full: what was committed can be searched all the same
                while self._lacks(wanted):
                    patience = _FLOOD_PATIENCE_SECONDS if self._flooded() else _PATIENCE_SECONDS
                    late = not whole and time.monotonic() - began > patience
                    if late or not await self._write(partial(self._index, _CATCH_UP_STEP)):
                        await self._write(self._commit)
                        return

    def _lacks(self, place: int) -> bool:
        """Whether a message cannot be found yet."""
        partition = self._all.current
        return partition.pending > 0 and partition.committed < place

    async def _run(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, _guarded(function, _search_failed))

    async def _write(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._writer, _guarded(function, OSError))


def _search_failed(detail: str) -> QueryError:
    return QueryError(detail, "", 1)


def _guarded(function: Callable[[], T], error_of: Callable[[str], Exception]) -> Callable[[], T]:
    """Turn a panic in tantivy, which is no `Exception`, into an error that ends one call and nothing else."""

    def call() -> T:
        try:
            return function()
        except BaseException as error:
            if type(error).__name__ != "PanicException":
                raise
            _log.error("the store's engine failed: %s", error)
            raise error_of(f"the store's engine failed: {error}") from None

    return call


def _seconds(micros: int | None) -> float | None:
    return None if micros is None else micros / 1e6
