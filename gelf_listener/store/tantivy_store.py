"""
Tantivy store: the embedded store, in partitions.

Laws:

* One thread adds, one indexes (or has a process of its own do it), a few read; the loop never waits for a disk.
* What was added is saved first and indexed from there, so a burst may be faster than the index is, and neither an odd
  message nor a full partition holds up adding.
* What was added is found by every later search: a search has it indexed first. Where that takes too long, as in a flood
  or while an index is made again, it answers without the rest, and `missing` says so.
* What was saved is there after a crash, and found: the index goes on with what it lacks.
* A batch is taken whole or not at all. What cannot be saved, for example because the disk is full, is kept in memory
  and tried again; until that works nothing more is taken.
* Only one process has a store open (``lock``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar

from gelf_listener.errors import QueryError, Retry
from gelf_listener.message import Message, OpenFields
from gelf_listener.packing import Packer
from gelf_listener.query.nodes import Node
from gelf_listener.store.answers import (
    FieldInfo,
    FieldStatistics,
    Hits,
    Missing,
    Row,
    StoreInfo,
    ValueCount,
    known_and,
)
from gelf_listener.store.cuts import noted
from gelf_listener.store.indexing import Indexing
from gelf_listener.store.looks import Look, lacking, look_at
from gelf_listener.store.panics import guarded
from gelf_listener.store.parameters import NEWEST_FIRST, Grouping, Metric, Sort, Span
from gelf_listener.store.partitions import Partitions
from gelf_listener.store.schedule import Schedule

if TYPE_CHECKING:
    from gelf_listener.store.tantivy_search import TantivySearch

_log = logging.getLogger(__name__)

T = TypeVar("T")

_READERS = 3
_MAX_UNSAVED_BYTES = 4 * 1024 * 1024
"""Packed messages after which is saved whatever the time."""
_MAX_RECENT = 100_000
"""Messages that came with an id and that are remembered as long as the index has not all of them."""
_RETRY_SECONDS = (0.2, 5.0)
"""How long is waited after something went wrong, the first time and at most."""

_late: ContextVar[int] = ContextVar("_late", default=0)
"""How many messages the last search of this task did without."""
_cut: ContextVar[str] = ContextVar("_cut", default="")
"""Why the last search of this task looked at the newest messages only."""


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
        max_age_seconds: How long messages are kept; None is no limit.
        max_bytes: What the store may take on disk; None is no limit.
        clock: UTC Unix seconds.
        indexing: Where messages are indexed: in a thread, which starts at once, or in a process of its own, which is
            faster and keeps whatever goes wrong there away from receiving.
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
        indexing: Literal["thread", "process"] = "thread",
    ) -> None:
        self.path = path
        self.trouble = ""
        """Why what was added cannot be saved or found at the moment; empty when it can."""
        self.written_before: Callable[[], Awaitable[None]] | None = None
        """Waits until everything has been added that senders were told is taken; set by whoever fills the store."""
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
        self._recent: set[int] = set()
        """Keys of messages that the index does not find yet: those that came with an id, from a disk buffer."""
        self._unlisted = False
        """Whether there are others."""
        self._schedule = Schedule(self._all)
        self._indexes = Indexing(self._all, self._schedule, open_fields, indexing)
        self._search: TantivySearch | None = None
        self._adding = ThreadPoolExecutor(1, "store-adding")
        self._indexing = ThreadPoolExecutor(1, "store-indexing")
        self._readers = ThreadPoolExecutor(_READERS, "store-reader")
        self._index_lock = asyncio.Lock()
        """Held by whoever changes an index."""
        self._offer_lock = asyncio.Lock()
        """Held while messages are added that may be there: what one call adds, the next has to know."""
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._opened = False
        self._left = 0
        """Messages that could not be saved before it was closed."""

    @property
    def messages(self) -> int:
        """How many messages it has, pending ones included."""
        return sum(partition.messages for partition in self._all.list)

    @property
    def pending(self) -> int:
        """How many of them searches do not find before they are indexed."""
        return sum(partition.pending for partition in self._all.list)

    @property
    def unindexable(self) -> int:
        """How many messages the index cannot take: they are stored, and not found."""
        return sum(partition.blocks.unindexable for partition in self._all.list)

    @property
    def lost(self) -> int:
        """How many messages were lost with files that somebody else deleted."""
        return self._all.lost

    @property
    def commits(self) -> int:
        """How many commits to an index were made."""
        return self._indexes.commits

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

    def missing(self) -> Missing:
        """Return what the last search of this task could not look at."""
        return Missing(_late.get(), self.unindexable, len(self.set_aside), self.trouble, _cut.get())

    @property
    def problem(self) -> str:
        """What is wrong at the moment, for whoever looks after it; empty when nothing is."""
        if not self.trouble:
            return ""
        return f"{self.trouble} ({self.unsaved} messages are not safe, {self.pending} are not found by searches)"

    # --- life

    async def open(self) -> None:
        """
        Open the store, making its directory if need be.

        Raises:
            ConfigError: If another process has it, or the directory cannot be used.
            Retry: If it cannot be opened now, for example because the disk is full.
        """
        if not self._opened:
            await self._in(self._adding, self._all.open)
            self._opened = True
            self._unlisted = self.pending > 0
            loop = asyncio.get_running_loop()
            self._tasks = [
                loop.create_task(self._keep_up(), name="store indexing"),
                loop.create_task(self._retain_again_and_again(), name="store retention"),
            ]
            self._wake.set()  # the index may lack something since the last time

    async def close(self) -> None:
        """Index what is pending and let go of the directory. May be called twice."""
        if not self._opened:
            return
        self._opened = False
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)
        self._settle()
        try:
            await self._finish()
        except OSError as error:
            _log.error("the store could not be written when it was closed (%s): %s", self._fate, error)
        try:
            self._left = self.unsaved
            await self._in(self._indexing, self._indexes.close)
            await self._in(self._adding, self._all.close)
        finally:
            for executor in (self._adding, self._indexing, self._readers):
                executor.shutdown(wait=False)

    @property
    def _fate(self) -> str:
        """What becomes of messages that are pending when the process ends."""
        return f"{self.unsaved} messages are lost" if self.unsaved else "nothing is lost; the next start finishes it"

    @property
    def unsaved(self) -> int:
        """How many messages are lost if the process ends now, or were when it was closed."""
        return self._left + sum(partition.blocks.unsaved for partition in self._all.list)

    # --- adding

    async def add(self, messages: Sequence[Message]) -> None:
        """Add messages; see `Store.add`."""
        if not messages:
            return
        if any([message.stored_id for message in messages]):
            async with self._offer_lock:
                messages = await self._new(messages)
                await self._put(messages)
                self._recent.update([message.key for message in messages if message.stored_id])
        else:
            await self._put(messages)

    async def _put(self, messages: Sequence[Message]) -> None:
        """
        Add messages that are not there.

        Raises:
            Retry: If nothing is taken now.
        """
        try:
            await self._in(self._adding, partial(self._add, messages))
        except OSError as error:
            self._wake.set()
            raise Retry(f"the store cannot write: {error}") from None
        self._unlisted = self._unlisted or not all([message.stored_id for message in messages])
        self._schedule.added(len(messages))
        self._wake.set()

    def _add(self, messages: Sequence[Message]) -> None:
        partition = self._all.current
        if partition.blocks.unsaved_bytes >= _MAX_UNSAVED_BYTES or (self.trouble and partition.blocks.unsaved):
            self._all.save()  # or nothing more is taken
            partition = self._all.current
        if not messages:
            return
        partition.add(messages)
        if self._commit_seconds == 0:
            try:
                self._all.save()
            except OSError:
                self._all.current.blocks.take_back(len(messages))
                raise

    async def _new(self, messages: Sequence[Message]) -> Sequence[Message]:
        """
        Leave out those that are there: they come from a disk buffer, or after a failure, again.

        Raises:
            Retry: If nobody can tell, because the index cannot be written now: they might be stored twice.
        """
        await self._run(self._all.find_damage)
        unsure = self._unlisted or any([partition.rebuilding or partition.broken for partition in self._all.list])
        if unsure or len(self._recent) > _MAX_RECENT:
            late = lacking(await self._indexed(whole=True, rebuilt=True))
            if late:
                raise Retry(
                    f"{late} messages are not indexed yet, so what comes again may be among them: {self.trouble}"
                )
            self._recent.clear()
        again = {message.id for message in messages if message.stored_id}
        known = await self._run(lambda: self._engine().known(again))
        here: set[int] = set()
        new = []
        for message in messages:
            if message.stored_id:
                if message.key in self._recent or message.key in here or message.id in known:
                    continue
                here.add(message.key)
            new.append(message)
        return new

    # --- indexing

    async def flush(self) -> None:
        """
        Make everything that was added safe and searchable.

        Raises:
            Retry: If that cannot be written now.
        """
        await self._catch_up(whole=True)
        if self.trouble:
            raise Retry(f"the store cannot write: {self.trouble}")

    async def _keep_up(self) -> None:
        """Save what was added and have it indexed, as long as the store is open."""
        pause, longest = _RETRY_SECONDS
        busy_at = time.monotonic()
        untidy = False
        while True:
            try:
                worked = await self._do_next()
            except OSError as error:
                self._in_trouble(str(error))
                self._settle()
                await asyncio.sleep(pause)
                pause = min(pause * 2, longest)
                continue
            if worked:
                busy_at = time.monotonic()
                if self.trouble:
                    _log.info("the store can write again")
                self.trouble, pause = "", _RETRY_SECONDS[0]
                continue
            if time.monotonic() - busy_at > self._schedule.idle_seconds:
                busy_at = math.inf
                async with self._index_lock:
                    await self._in(self._indexing, self._indexes.rest)
                untidy = True
            idle = busy_at == math.inf
            if not self._wake.is_set() and (untidy if idle else self._all.hurried and not self._schedule.flooded):
                async with self._index_lock:
                    untidy = await self._in(self._indexing, self._indexes.tidy)
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._schedule.until_due(self._commit_seconds, idle=idle)):
                    await self._wake.wait()
            self._wake.clear()

    async def _do_next(self) -> bool:
        """
        Save, index or commit what is next.

        Returns:
            Whether anything was done.

        Raises:
            OSError: If it could not be done.
        """
        saved = await self._save_if_due()
        partition = self._schedule.next_partition()
        if partition is None:
            return saved
        async with self._index_lock:
            await self._in(self._indexing, partial(self._indexes.index, partition))
        if not self.pending:
            self._recent.clear()
            self._unlisted = False
        self._settle()
        return True

    async def _save_if_due(self) -> bool:
        current = self._all.current
        if not current.blocks.unsaved:
            return False
        now = time.monotonic()
        hurry = self._schedule.awaited or self.trouble or current.blocks.unsaved_bytes >= _MAX_UNSAVED_BYTES
        if not hurry and now - self._all.saved_at < self._commit_seconds:
            return False
        await self._in(self._adding, self._all.save)
        return True

    async def _finish(self) -> None:
        """
        Save and index everything.

        Raises:
            OSError: If that cannot be written.
        """
        await self._in(self._adding, self._all.save)
        async with self._index_lock:
            await self._in(self._indexing, self._indexes.index_all)

    def _in_trouble(self, why: str) -> None:
        if not self.trouble:
            _log.warning("the store cannot write: %s; trying again", why)
        self.trouble = why

    def _settle(self) -> None:
        """Let searches go on that need not wait any longer."""
        self._schedule.settle(hopeless=bool(self.trouble) or not self._opened)

    async def _retain_again_and_again(self) -> None:
        """Delete what is too old or too much now and then, also when nothing comes in."""
        while True:
            try:
                await self._in(self._adding, self._retain)
            except OSError as error:
                _log.warning("retention: %s", error)
            await asyncio.sleep(self._all.retention_seconds)

    def _retain(self) -> None:
        self._all.begin_again_where_lost()
        self._all.retain()

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
        await self._run(self._all.find_damage)
        looks = await self._catch_up(whole=True, rebuilt=True)
        pages = (await self._run(self._engine)).pages(query, span, limit, sort)
        batch = await self._run(partial(next, pages, None))  # from here on it looks at what it has opened
        _late.set(lacking(looks))
        while batch is not None:
            yield batch
            batch = await self._run(partial(next, pages, None))

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
        return known_and(self._all.field_types())

    async def suggest(self, field: str, prefix: str, limit: int = 10) -> list[ValueCount]:
        """Return frequent values; see `Store.suggest`."""
        return await self._asked(lambda: self._engine().suggest(field, prefix, limit))

    async def delete(self, query: Node, span: Span) -> int:
        """Delete messages; see `Store.delete`."""
        try:
            with contextlib.suppress(OSError):  # the disk is full: what is found can be deleted all the same
                await self._finish()
            async with self._index_lock:
                return await self._delete(query, span)
        except OSError as error:
            self._wake.set()
            raise Retry(f"the store cannot write: {error}") from None

    async def _delete(self, query: Node, span: Span) -> int:
        counted = await self._run(lambda: self._engine().counted(query, span))
        deleted = 0
        for partition, found, messages in counted:
            if not await self._in(self._adding, partial(self._all.drop_whole, partition, messages)):
                await self._in(self._indexing, partial(self._indexes.delete, partition, found))
            deleted += messages
        return deleted

    async def compact(self, done: Callable[[int], None] = lambda _: None) -> None:
        """
        Merge what can be merged, and give back the room of what was deleted.

        Args:
            done: Is told the messages of each partition that is done.

        Raises:
            Retry: If that cannot be written; what could be given back has been.
        """
        with contextlib.suppress(OSError):  # the disk is full: that is why
            await self._finish()
        try:
            await self._compact_all(done)
        except OSError as error:
            raise Retry(f"the store cannot write: {error}") from None

    async def _compact_all(self, done: Callable[[int], None]) -> None:
        async with self._index_lock:
            current = self._all.current
            if current.messages and current.blocks.removed:  # nothing may be added to what is compacted
                await self._in(self._adding, self._all.begin_anyhow)
            for partition in self._all.list:
                if partition.blocks.removed:
                    await self._in(self._indexing, partial(self._indexes.compact, partition))
                done(partition.messages)

    async def info(self) -> StoreInfo:
        """Return how much there is; see `Store.info`."""
        return await self._run(self._all.info)

    # --- threads

    def _engine(self) -> TantivySearch:
        """Return what searches; imported on first use, for the query language costs start-up time."""
        if self._search is None:
            from gelf_listener.store.tantivy_search import TantivySearch

            self._search = TantivySearch(self._all, self._clock)
        return self._search

    async def _asked(self, function: Callable[[], T]) -> T:
        """Answer in a reading thread, after what was added can be found."""
        looks = await self._catch_up()

        def answer() -> tuple[T, str]:
            with noted() as cuts:
                return function(), "; ".join(cuts)

        _cut.set("")
        try:
            answered, cut = await self._run(answer)
            _cut.set(cut)
            return answered
        finally:
            _late.set(lacking(looks))
            if any([partition.broken for partition in self._all.list]):
                self._wake.set()

    async def _catch_up(self, *, whole: bool = False, rebuilt: bool = False) -> list[Look]:
        """
        Have what was added until now indexed and committed, a little at a time so that adding goes on.

        Args:
            whole: Whether to wait for that however long it takes.
            rebuilt: Whether to wait also for an index that is made again.

        Returns:
            How whole each partition is, to be compared with how whole it is after the search.
        """
        self._schedule.asked()
        if self.written_before is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._schedule.patience):
                    await self.written_before()
        looks = await self._indexed(whole=whole, rebuilt=rebuilt)
        _late.set(lacking(looks))
        return looks

    async def _indexed(self, *, whole: bool, rebuilt: bool) -> list[Look]:
        """Have what this store was given until now indexed; see `_catch_up`."""
        place = self._all.current.blocks.last
        if not self._schedule.is_found(place, rebuilt=rebuilt):
            self._wake.set()
            await self._schedule.wait(place, rebuilt=rebuilt, seconds=None if whole else self._schedule.patience)
        return look_at(self._all.list, place)

    async def _run(self, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._readers, guarded(function, _search_failed))

    async def _in(self, executor: ThreadPoolExecutor, function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(executor, guarded(function, OSError))


def _search_failed(detail: str) -> QueryError:
    return QueryError(detail, "", 1)
