"""
Tantivy store: the embedded store, in partitions.

Laws:

* One thread writes, a few read; the loop never waits for a disk.
* What was added is found by every later search: a search commits first when something is pending.
* What was committed is there after a crash. Messages that were added but not committed are kept in memory, and added
  again when a commit fails, for example because the disk is full.
* Only one process has a store open (``lock``).
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
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
from gelf_listener.store.partitions import Partitions
from gelf_listener.store.requests import NEWEST_FIRST, Grouping, Metric, Sort, Span
from gelf_listener.store.schema import field_name

if TYPE_CHECKING:
    from gelf_listener.store.tantivy_search import TantivySearch

__all__ = ["TantivyStore"]

_log = logging.getLogger(__name__)

T = TypeVar("T")

_READERS = 3
_MAX_PENDING = 20_000
"""Messages after which is committed whatever the time: they are kept in memory until then."""
_SLICE = 500
"""Messages added in one go, before a search that waits gets its turn."""
_TYPES: dict[str, FieldType] = {"text": "string", "long": "long", "double": "double", "boolean": "boolean"}


class TantivyStore:
    """
    Stores messages in a directory; see `Store`.

    Guarantee: with ``commit_seconds=0`` a message is safe when `add` returns; otherwise what was added in the last
    ``commit_seconds`` may be lost with the process. A message is never there twice.

    Args:
        path: The directory.
        open_fields: Reads additional fields of payloads that are in order.
        commit_seconds: How long added messages may wait for a commit; 0 commits before `add` returns.
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
            partition_messages=partition_messages,
            max_age_seconds=max_age_seconds,
            max_bytes=max_bytes,
            clock=clock,
        )
        self._pending: list[tuple[Message, int, bytes]] = []
        self._offered: set[int] = set()
        """Keys of messages whose adding failed: they are offered again, and some of them may be there."""
        self._order = 0
        self._dirty = False
        self._search: TantivySearch | None = None
        self._writer = ThreadPoolExecutor(1, "store-writer")
        self._readers = ThreadPoolExecutor(_READERS, "store-reader")
        self._timer: asyncio.TimerHandle | None = None
        self._retaining: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._opened = False

    @property
    def messages(self) -> int:
        """How many messages it has, pending ones included."""
        return sum(partition.messages for partition in self._all.list)

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
            self._retaining = asyncio.get_running_loop().create_task(self._retain_for_ever(), name="store retention")

    async def close(self) -> None:
        """Commit what is pending and let go of the directory. May be called twice."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._opened:
            return
        self._opened = False
        if self._retaining is not None:
            self._retaining.cancel()
        for task in list(self._tasks):
            with contextlib.suppress(Exception):
                await task
        try:
            await self._write(self._close)
        finally:
            self._all.release()
            self._writer.shutdown(wait=False)
            self._readers.shutdown(wait=False)

    def _close(self) -> None:
        try:
            self._commit()
        except OSError as error:
            _log.error("store: %s messages could not be written: %s", len(self._pending), error)
        for partition in self._all.list:
            with contextlib.suppress(OSError):
                partition.close_writer()

    # --- writing

    async def add(self, messages: Sequence[Message]) -> None:
        """Add messages; see `Store.add`."""
        try:
            for start in range(0, len(messages), _SLICE):
                await self._write(partial(self._add, messages[start : start + _SLICE]))
            if self._commit_seconds == 0:
                await self._write(self._commit)
        except OSError as error:
            self._offered.update(message.key for message in messages)
            raise Retry(f"the store cannot write: {error}") from None
        if self._offered:
            self._offered.difference_update([message.key for message in messages])
        if self._dirty and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._commit_seconds, self._due)

    async def flush(self) -> None:
        """
        Commit what is pending.

        Raises:
            Retry: If that cannot be written now.
        """
        if self._dirty:
            try:
                await self._write(self._commit)
            except OSError as error:
                raise Retry(f"the store cannot write: {error}") from None

    def _due(self) -> None:
        self._timer = None
        task = asyncio.get_running_loop().create_task(self._commit_when_due())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _commit_when_due(self) -> None:
        try:
            await self.flush()
        except (Retry, OSError) as error:
            _log.warning("%s; trying again", error)
            if self._timer is None and self._opened:
                self._timer = asyncio.get_running_loop().call_later(self._commit_seconds or 1.0, self._due)

    def _add(self, messages: Sequence[Message]) -> None:
        if self._dirty and self._pending and not self._all.current.pending:
            self._add_again()
        offered = self._offered
        again = [message for message in messages if message.stored_id or (offered and message.key in offered)]
        known = self._known(again) if again else set()
        pack = self._packer.pack
        partition = self._all.current
        for message in messages:
            if again and (message.stored_id or message.key in offered):
                if message.id in known:
                    continue
                known.add(message.id)
            entry = (message, self._order, pack(message))
            partition.add(*entry)
            self._order += 1
            self._pending.append(entry)
            self._dirty = True
        if len(self._pending) >= _MAX_PENDING:
            self._commit()

    def _add_again(self) -> None:
        """After a commit that failed: what it had is added once more."""
        for entry in self._pending:
            self._all.current.add(*entry)

    def _known(self, messages: Sequence[Message]) -> set[str]:
        """Return the ids of those that are there already: they come from a disk buffer, or after a failure, again."""
        ids = {message.id for message in messages}
        found = {message.id for message, _, _ in self._pending if message.id in ids}
        return found | self._engine().known(ids - found)

    def _commit(self) -> None:
        if not self._dirty:
            return
        partition = self._all.current
        if self._pending and not partition.pending:
            self._add_again()
        partition.commit()
        self.commits += 1
        self._pending.clear()
        self._dirty = False
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
        pages = (await self._asked(self._engine)).pages(query, span, limit, sort)
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
        self._commit()  # in this thread, so nothing comes in between
        deleted = 0
        current = self._all.current
        for partition, found, messages in self._engine().counted(query, span):
            deleted += messages
            if messages == partition.messages and partition is not current:
                self._all.drop(partition)
                continue
            partition.delete(found)
            if partition is current:
                partition.commit()
            else:
                partition.close_writer()
        return deleted

    async def compact(self) -> None:
        """Merge what can be merged, and give back the room of what was deleted."""
        await self._write(self._compact)

    def _compact(self) -> None:
        self._commit()
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

            self._search = TantivySearch(self._all, self._packer.unpack, self._clock)
        return self._search

    async def _asked(self, function: Callable[[], T]) -> T:
        """Commit what is pending, then answer in a reading thread."""
        with contextlib.suppress(Retry):  # the disk is full: what was committed can be searched all the same
            await self.flush()
        return await self._run(function)

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
