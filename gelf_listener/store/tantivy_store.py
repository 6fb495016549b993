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
import itertools
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from gelf_listener.errors import QueryError, Retry
from gelf_listener.message import Message, OpenFields, ulid_key
from gelf_listener.packing import Packer
from gelf_listener.query.nodes import MatchAll, Node
from gelf_listener.store import aggregation, grouping, searching
from gelf_listener.store.answers import (
    FieldInfo,
    FieldStatistics,
    FieldType,
    Hits,
    PartitionInfo,
    Row,
    StoreInfo,
    ValueCount,
)
from gelf_listener.store.memory_store import KNOWN_FIELDS
from gelf_listener.store.partition import Partition
from gelf_listener.store.partitions import Partitions
from gelf_listener.store.requests import EVERYTHING, NEWEST_FIRST, Grouping, Metric, Sort, Span, TimeGroup, ValuesGroup
from gelf_listener.store.schema import field_name
from gelf_listener.store.searching import Target
from gelf_listener.store.translation import Translator, span_of

__all__ = ["TantivyStore"]

_log = logging.getLogger(__name__)

T = TypeVar("T")

_READERS = 3
_MAX_PENDING = 20_000
"""Messages after which is committed whatever the time: they are kept in memory until then."""
_SLICE = 500
"""Messages added in one go, before a search that waits gets its turn."""
_MAX_READ = 100_000
"""Messages that are read to group by a field without a column."""
_BATCH = 500
_PAGE = 10_000
"""Messages whose places are looked up at once when all are read."""
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
        known = self._known(again)
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
        if not messages:
            return set()
        ids = {message.id for message in messages}
        found = {message.id for message, _, _ in self._pending if message.id in ids}
        for partition in self._all.list:
            translator = self._translator(partition)
            for id in self._ids(partition, translator, [ulid_key(id) for id in ids - found]):
                if id in ids:
                    found.add(id)
        return found

    def _ids(self, partition: Partition, translator: Translator, keys: list[int]) -> list[str]:
        import tantivy  # noqa: PLC0415

        if not keys:
            return []
        query = tantivy.Query.term_set_query(partition.schema, "key", keys)
        hits = translator.searcher.search(query, limit=len(keys) * 2, count=False).hits
        return [self._read(translator.searcher, address).id for _, address in hits]

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
        return await self._asked(partial(self._search, query, span, limit, offset, sort))

    def _search(self, query: Node, span: Span, limit: int, offset: int, sort: Sort) -> Hits:
        targets = self._targets(query, span)
        found = searching.places(targets, sort, limit, offset, self._read)
        messages = [self._read(targets[place.target].searcher, place.address) for place in found.places]
        return Hits(found.total, messages)

    async def scan(
        self, query: Node, span: Span, *, limit: int | None = None, sort: Sort = NEWEST_FIRST
    ) -> AsyncIterator[Sequence[Message]]:
        """Give everything that matches; see `Store.scan`."""
        targets = await self._asked(partial(self._targets, query, span))
        left = await self._run(partial(searching.count, targets))
        left = left if limit is None else min(limit, left)
        after: searching.Place | None = None
        while left > 0:
            page = min(left, _PAGE) if sort.field == "timestamp" else left
            narrowed = targets if after is None else [searching.after(target, after, sort) for target in targets]
            found = await self._run(partial(searching.places, narrowed, sort, page, 0, self._read))
            for start in range(0, len(found.places), _BATCH):
                yield await self._run(partial(self._read_places, targets, found.places[start : start + _BATCH]))
            if len(found.places) < page:
                return
            left -= page
            after = found.places[-1]

    def _read_places(self, targets: Sequence[Target], places: Sequence[searching.Place]) -> list[Message]:
        return [self._read(targets[place.target].searcher, place.address) for place in places]

    async def count(self, query: Node, span: Span) -> int:
        """Return how many match; see `Store.count`."""
        return await self._asked(lambda: searching.count(self._targets(query, span)))

    async def get(self, id: str) -> Message | None:
        """Return a message; see `Store.get`."""
        return await self._asked(partial(self._get, id))

    def _get(self, id: str) -> Message | None:
        import tantivy  # noqa: PLC0415

        if len(id) != 26:
            return None
        for partition in reversed(self._all.list):
            searcher = partition.searcher
            query = tantivy.Query.term_query(partition.schema, "key", ulid_key(id), "basic")
            for _, address in searcher.search(query, limit=10, count=False).hits:
                message = self._read(searcher, address)
                if message.id == id:
                    return message
        return None

    async def aggregate(
        self, query: Node, span: Span, groups: Sequence[Grouping] = (), metrics: Sequence[Metric] = ()
    ) -> list[Row]:
        """Group messages; see `Store.aggregate`."""
        return await self._asked(partial(self._aggregate, query, span, groups, metrics))

    def _aggregate(self, query: Node, span: Span, groups: Sequence[Grouping], metrics: Sequence[Metric]) -> list[Row]:
        targets = self._targets(query, span)
        partitions = [target.partition for target in targets]
        self._check(metrics, partitions)
        grouped = [(group, aggregation.column_of(group.field, partitions)) for group in groups]
        measured = [
            (metric, None if metric.field is None else aggregation.column_of(metric.field, partitions))
            for metric in metrics
        ]
        covered = [(group, column) for group, column in grouped if column is not None and _has_column(group, column)]
        missing = any(isinstance(group, ValuesGroup) and group.missing for group in groups[1:])
        blind = any(
            metric.field is not None and (column is None or metric.function == "latest") for metric, column in measured
        )
        if len(covered) < len(groups) or missing or blind:
            return grouping.aggregate(self._few(targets), groups, metrics)
        return aggregation.aggregate(targets, covered, measured)

    def _check(self, metrics: Sequence[Metric], partitions: Sequence[Partition]) -> None:
        """Refuse figures of texts, as Graylog does."""
        for metric in metrics:
            if metric.function not in grouping.NUMERIC:
                continue
            if metric.field is None:
                raise QueryError("this metric needs a field", "", 1)
            column = aggregation.column_of(metric.field, partitions)
            if column is None or column.path == "host":
                raise QueryError(f"{metric.field} holds texts; the metric needs numbers", metric.field, 1)
            kinds: set[str] = set()
            for partition in partitions:
                kinds |= partition.names.get(column.path.removeprefix("added."), set())
            if kinds == {"text"}:
                raise QueryError(f"{metric.field} holds texts; the metric needs numbers", metric.field, 1)

    def _few(self, targets: Sequence[Target]) -> list[Message]:
        """Read the messages that match, for what no column answers."""
        found = searching.places(targets, Sort("gl2_receive_timestamp"), _MAX_READ + 1, 0, self._read)
        if len(found.places) > _MAX_READ:
            raise QueryError(f"more than {_MAX_READ} messages would have to be read; narrow the search", "", 1)
        return self._read_places(targets, found.places)

    async def statistics(self, query: Node, span: Span, field: str) -> FieldStatistics:
        """Return what a field holds; see `Store.statistics`."""
        return await self._asked(partial(self._statistics, query, span, field))

    def _statistics(self, query: Node, span: Span, field: str) -> FieldStatistics:
        targets = self._targets(query, span)
        column = aggregation.column_of(field, [target.partition for target in targets])
        if column is None:
            return grouping.statistics(self._few(targets), field)
        functions: list[Any] = ["count", "card", "min", "max", "avg", "sum", "stddev"]
        asked = [(Metric(function, field), column) for function in functions]
        if column.path == "host":
            asked = asked[:2]
        (row,) = aggregation.aggregate(targets, [], asked)
        values: list[Any] = [*row.values, None, None, None, None, None]
        present, distinct, low, high, mean, total, deviation = values[:7]
        return FieldStatistics(row.messages, int(present), int(distinct), low, high, mean, total, deviation)

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
        return await self._asked(partial(self._suggest, field, prefix, limit))

    def _suggest(self, field: str, prefix: str, limit: int) -> list[ValueCount]:
        targets = self._targets(MatchAll(), EVERYTHING)[-3:]
        column = aggregation.column_of(field, [target.partition for target in targets])
        if column is None:
            return []
        rows = aggregation.aggregate(targets, [(ValuesGroup(field, 10_000), column)], [])
        begin = prefix.lower()
        found = [
            ValueCount(row.keys[0], row.messages) for row in rows if not isinstance(row.keys[0], (tuple, type(None)))
        ]
        return [each for each in found if str(each.value).lower().startswith(begin)][:limit]

    async def delete(self, query: Node, span: Span) -> int:
        """Delete messages; see `Store.delete`."""
        await self.flush()
        try:
            return await self._write(partial(self._delete, query, span))
        except OSError as error:
            raise Retry(f"the store cannot write: {error}") from None

    def _delete(self, query: Node, span: Span) -> int:
        deleted = 0
        targets = self._targets(query, span)
        counts = [searching.count([target]) for target in targets]
        for target, messages in zip(targets, counts, strict=True):
            if not messages:
                continue
            deleted += messages
            partition = target.partition
            if messages == partition.messages and partition is not self._all.current:
                self._all.drop(partition)
                continue
            partition.delete(target.query)
            if partition is self._all.current:
                partition.commit()
            else:
                partition.close_writer()
        return deleted

    async def compact(self) -> None:
        """Merge what can be merged, and give back the room of what was deleted."""
        await self.flush()
        await self._write(self._compact)

    def _compact(self) -> None:
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

    def _targets(self, query: Node, span: Span) -> list[Target]:
        """Translate a query for every partition that may have something, oldest first."""
        start, end = span_of(span)
        found = []
        for partition in self._all.list:
            if partition.overlaps(start, end):
                translator = self._translator(partition)
                found.append(Target(partition, translator.searcher, translator.exact(query, span)))
        return found

    def _translator(self, partition: Partition) -> Translator:
        return Translator(partition, self._packer.unpack, self._clock())

    def _read(self, searcher: Any, address: Any) -> Message:
        return self._packer.unpack(searcher.doc(address).get_first("doc"))

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


def _has_column(group: Grouping, column: aggregation.Column) -> bool:
    """Whether tantivy can group by a column in this way."""
    if isinstance(group, TimeGroup):
        return group.unit is None or column.scale != 1.0
    if isinstance(group, ValuesGroup):
        return True
    ends = sorted(
        (-float("inf") if low is None else low, float("inf") if high is None else high) for low, high in group.ranges
    )
    return all(first[1] <= second[0] for first, second in itertools.pairwise(ends))


def _seconds(micros: int | None) -> float | None:
    return None if micros is None else micros / 1e6
