"""
OpenSearch store: messages in the indices of a cluster.

Laws:

* A message's document has the message's id and lies in the index of the day it arrived, so it is there once however
  often it is offered.
* A search makes the cluster show what was added before it was asked, by whichever listener.
* What a query means is what the predicate says: what the cluster cannot decide is finished on the messages.
* What the cluster cannot map is stored with its additional fields without columns, and found as well.
"""

from __future__ import annotations

import asyncio
import base64
import itertools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any

from gelf_listener.errors import QueryError, Retry, describe
from gelf_listener.message import Message, OpenFields
from gelf_listener.packing import Packer
from gelf_listener.query import compile_predicate
from gelf_listener.query.fields import known_field, underscored
from gelf_listener.query.nodes import MatchAll, Node
from gelf_listener.store import aggregation, grouping
from gelf_listener.store.answers import (
    FieldInfo,
    FieldStatistics,
    FieldType,
    Hits,
    Missing,
    PartitionInfo,
    Row,
    StoreInfo,
    ValueCount,
    known_and,
)
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.opensearch.clauses import Clause, Clauses
from gelf_listener.store.opensearch.cluster import Ask, Cluster
from gelf_listener.store.opensearch.layout import MAPPINGS, MAX_COLUMNS, document_of, settings_of, value_of
from gelf_listener.store.opensearch.translation import ClauseTranslator
from gelf_listener.store.parameters import EVERYTHING, NEWEST_FIRST, Grouping, Metric, Sort, Span, ValuesGroup
from gelf_listener.store.schema import field_key, field_name

__all__ = ["OpenSearchStore"]

_log = logging.getLogger(__name__)

_BULK_MESSAGES = 1000
_PAGE = 2000
_MAX_WINDOW = 10_000
"""OpenSearch gives no more than the first 10 000 of a search; deeper pages are walked to."""
_MAX_EXACT = 10_000
"""Up to so many messages are sorted and computed with one by one, as the store in memory does."""
_MAX_VERIFIED = 50_000
"""Messages that are looked at one by one to finish a query; no more than a clause may name."""
_MAX_READ = 100_000
_COLUMNS_SECONDS = 2.0
"""How long is remembered which columns there are: other listeners make some, too."""
_RETENTION_SECONDS = 60.0
_KEEP_ALIVE = "2m"
_CONFLICT = 409
_SERVER_SORTED = {"timestamp": "timestamp", "gl2_receive_timestamp": "received", "gl2_message_id": "id"}

_cut: ContextVar[str] = ContextVar("_opensearch_cut", default="")
"""Why the last search of this task looked at the newest messages only."""


class OpenSearchStore:
    """
    Stores messages in a cluster; see `Store`.

    Guarantee: a message is safe when `add` returns, as far as the cluster keeps what it acknowledges.

    Args:
        ask: Sends requests.
        refused: What `ask` raises for a request that is refused.
        open_fields: Reads additional fields of payloads that are in order.
        location: Shown to people.
        prefix: Of the names of indices.
        node: Which listener this is.
        shards: Of an index.
        replicas: Copies of each shard.
        max_age_seconds: How long messages are kept; None is no limit.
        max_bytes: What all indices may take; None is no limit.
        clock: UTC Unix seconds.
    """

    def __init__(
        self,
        ask: Ask,
        refused: type[Exception],
        open_fields: OpenFields,
        *,
        location: str = "OpenSearch",
        prefix: str = "gelf",
        node: str = "",
        shards: int = 1,
        replicas: int = 0,
        max_age_seconds: float | None = None,
        max_bytes: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.written_before: Callable[[], Awaitable[None]] | None = None
        """Waits until everything has been added that senders were told is taken; set by whoever fills the store."""
        self.unmapped = 0
        """Messages that were stored without columns for their additional fields."""
        self.unindexable = 0
        """Messages that the cluster refused altogether."""
        self._cluster = Cluster(ask, prefix, refused)
        self._packer = Packer(open_fields)
        self._location = location
        self._node = node
        self._settings = settings_of(shards, replicas)
        self._max_age_seconds = max_age_seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self._evicted = 0
        self._trouble = ""
        self._columns: dict[str, set[str]] = {}
        self._rest = False
        self._looked_at = -_COLUMNS_SECONDS
        self._retention: asyncio.Task[None] | None = None
        self._refreshing = asyncio.Lock()
        self._refreshed_from = -1.0
        """When the last refresh that is done began (monotonic)."""

    pending = 0
    """A search makes the cluster show everything first."""

    @property
    def evicted(self) -> int:
        """How many messages retention deleted."""
        return self._evicted

    @property
    def problem(self) -> str:
        """Why messages cannot be added or found at the moment; empty when they can."""
        return self._trouble

    def missing(self) -> Missing:
        """Return what the last search of this task could not look at."""
        return Missing(unindexable=self.unindexable, trouble=self._trouble, cut=_cut.get())

    # --- life

    async def open(self) -> None:
        """Make the template of the indices; see `Store.open`."""
        await self._cluster.put_template(MAPPINGS, self._settings)
        await self._look_at_columns()
        if self._retention is None:
            self._retention = asyncio.get_running_loop().create_task(self._retain(), name="store retention")

    async def close(self) -> None:
        """Stop looking after the indices. May be called twice."""
        task, self._retention = self._retention, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])

    async def flush(self) -> None:
        """Make everything found that was added; see `Store.flush`."""
        await self._cluster.refresh()

    async def compact(self) -> None:
        """Give back the room of what was deleted; see `Store.compact`."""
        await self._cluster.expunge()

    async def _retain(self) -> None:
        while True:
            try:
                await self.retain()
            except Exception as error:  # noqa: BLE001  (the next time may be better)
                _log.warning("retention of %s: %s", self._location, describe(error))
            await asyncio.sleep(_RETENTION_SECONDS)

    async def retain(self) -> None:
        """Delete the oldest indices that are too old, or too much; never the newest."""
        indices = await self._cluster.indices()
        room = self._max_bytes
        total = sum(index.bytes for index in indices)
        for index in indices[:-1]:
            old = self._max_age_seconds is not None and index.begins + 86_400 < self._clock() - self._max_age_seconds
            if not old and (room is None or total <= room):
                break
            await self._cluster.delete_index(index.name)
            total -= index.bytes
            self._evicted += index.messages

    # --- adding

    async def add(self, messages: Sequence[Message]) -> None:
        """Add messages; see `Store.add`."""
        for start in range(0, len(messages), _BULK_MESSAGES):
            await self._add(messages[start : start + _BULK_MESSAGES])

    async def _add(self, messages: Sequence[Message]) -> None:
        try:
            refused = await self._send(messages, self._columns_of(messages))
            if refused:
                self.unmapped += len(refused)
                lost = await self._send(refused, ())
                self.unindexable += len(lost)
        except Retry as error:
            self._trouble = str(error)
            raise
        self._trouble = ""

    async def _send(self, messages: Sequence[Message], columns: Any) -> list[Message]:
        """
        Send messages; return those that the cluster refuses.

        Raises:
            Retry: If it cannot take some of them now.
        """
        lines: list[Any] = []
        for message in messages:
            index = self._cluster.index_of(message.received_at)
            lines.append({"create": {"_index": index, "_id": message.id}})
            lines.append(document_of(message, self._packer.pack(message), columns, self._node))
        results = await self._cluster.bulk(lines)
        if len(results) != len(messages):
            raise Retry(f"{len(results)} results for {len(messages)} messages")
        refused = []
        for message, (status, why) in zip(messages, results, strict=True):
            if status in (400, 413):
                _log.warning("OpenSearch refuses the message %s: %s", message.id, why)
                refused.append(message)
            elif status >= 300 and status != _CONFLICT:
                raise Retry(f"OpenSearch: status {status}: {why}")
        return refused

    def _columns_of(self, messages: Sequence[Message]) -> dict[str, set[str]]:
        """Give columns to new names, as long as there is room."""
        columns = self._columns
        for message in messages:
            for name in message.fields:
                key = field_key(name)
                if key not in columns:
                    if len(columns) >= MAX_COLUMNS:
                        self._rest = True
                        continue
                    columns[key] = set()
        return columns

    async def _look_at_columns(self) -> None:
        """See which columns other listeners made."""
        now = time.monotonic()
        if now - self._looked_at < _COLUMNS_SECONDS:
            return
        self._looked_at = now
        found = await self._cluster.columns()
        self._columns |= {key: set() for key in found if not key.startswith("@") and key not in self._columns}
        self._rest = self._rest or bool(await self._cluster.count({"exists": {"field": "rest"}}))

    # --- searching

    async def _ready(self) -> None:
        """Make the cluster show what was added before this was asked; searches at the same time share that."""
        if self.written_before is not None:
            await self.written_before()
        asked = time.monotonic()
        async with self._refreshing:
            if self._refreshed_from < asked:
                began = time.monotonic()
                await self._cluster.refresh()
                self._refreshed_from = began
        await self._look_at_columns()
        _cut.set("")

    async def _exact(self, query: Node, span: Span) -> Clause:
        """Return a clause that finds just what matches."""
        await self._ready()
        found = ClauseTranslator(self._columns, self._clock(), rest=self._rest).within(query, span)
        if found.exact:
            return found.most
        clauses = Clauses()
        open_question = clauses.without(found.most, found.least)
        predicate = compile_predicate(query, self._clock)
        ids: list[str] = []
        looked_at = 0
        async for messages in self._walk(open_question, NEWEST_FIRST, _MAX_VERIFIED + 1):
            ids += [message.id for message in messages[: _MAX_VERIFIED - looked_at] if predicate(message)]
            looked_at += len(messages)
        if looked_at > _MAX_VERIFIED:
            _cut.set(f"more than {_MAX_VERIFIED} messages would have to be looked at one by one; narrow the search")
        return clauses.any_of([clauses.exactly(found.least), clauses.ids(ids)]).most

    async def search(
        self, query: Node, span: Span, *, limit: int = 150, offset: int = 0, sort: Sort = NEWEST_FIRST
    ) -> Hits:
        """Return a page; see `Store.search`."""
        clause = await self._exact(query, span)
        known = known_field(sort.field)
        if known is None or known.name not in _SERVER_SORTED:
            total = await self._cluster.count(clause)
            found = await self._newest(clause, sort)
            return Hits(total, found[offset : offset + limit])
        if offset + limit > _MAX_WINDOW:
            total = await self._cluster.count(clause)
            pages = [page async for page in self._walk(clause, sort, offset + limit)]
            return Hits(total, list(itertools.chain.from_iterable(pages))[offset:])
        body = {"query": clause, "from": offset, "size": limit, "sort": _sort_of(sort), "track_total_hits": True}
        answer = await self._cluster.search(body | {"_source": ["packed"]})
        return Hits(int(answer["hits"]["total"]["value"]), self._messages(answer))

    async def _newest(self, clause: Clause, sort: Sort) -> list[Message]:
        """Sort the newest messages by a field whose values may be of any kind."""
        found: list[Message] = []
        async for page in self._walk(clause, Sort("gl2_receive_timestamp"), _MAX_READ + 1):
            found += page
        if len(found) > _MAX_READ:
            _cut.set(f"more than {_MAX_READ} messages would have to be read; narrow the search")
        return MemoryStore.sorted(found[:_MAX_READ][::-1], sort)

    async def scan(
        self, query: Node, span: Span, *, limit: int | None = None, sort: Sort = NEWEST_FIRST
    ) -> AsyncIterator[Sequence[Message]]:
        """Give everything that matches; see `Store.scan`."""
        clause = await self._exact(query, span)
        known = known_field(sort.field)
        if known is None or known.name not in _SERVER_SORTED:
            found = (await self._newest(clause, sort))[:limit]
            for start in range(0, len(found), _PAGE):
                yield found[start : start + _PAGE]
            return
        async for messages in self._walk(clause, sort, limit):
            yield messages

    async def _walk(self, clause: Clause, sort: Sort, limit: int | None) -> AsyncIterator[list[Message]]:
        """Give what a clause finds at this moment, page by page."""
        moment = await self._cluster.open_moment(_KEEP_ALIVE)
        if moment is None:
            return
        try:
            left, after = limit, None
            while left is None or left > 0:
                size = _PAGE if left is None else min(_PAGE, left)
                body: dict[str, Any] = {
                    "query": clause,
                    "size": size,
                    "sort": _sort_of(sort),
                    "pit": {"id": moment, "keep_alive": _KEEP_ALIVE},
                    "_source": ["packed"],
                    "track_total_hits": False,
                }
                if after is not None:
                    body["search_after"] = after
                answer = await self._cluster.search(body)
                hits = answer["hits"]["hits"]
                if hits:
                    yield self._messages(answer)
                    after = hits[-1]["sort"]
                if len(hits) < size:
                    return
                left = None if left is None else left - len(hits)
        finally:
            await self._cluster.close_moment(moment)

    def _messages(self, answer: dict[str, Any]) -> list[Message]:
        return [self._message(hit["_source"]) for hit in answer["hits"]["hits"]]

    def _message(self, source: dict[str, Any]) -> Message:
        return self._packer.unpack(base64.b64decode(source["packed"]))

    async def count(self, query: Node, span: Span) -> int:
        """Return how many match; see `Store.count`."""
        return await self._cluster.count(await self._exact(query, span))

    async def get(self, id: str) -> Message | None:
        """Return a message; see `Store.get`."""
        if len(id) != 26 or not id.isalnum():
            return None
        await self._ready()
        answer = await self._cluster.search({"query": {"ids": {"values": [id]}}, "size": 1, "_source": ["packed"]})
        return next(iter(self._messages(answer)), None)

    # --- figures

    async def aggregate(
        self, query: Node, span: Span, groups: Sequence[Grouping] = (), metrics: Sequence[Metric] = ()
    ) -> list[Row]:
        """Group messages; see `Store.aggregate`."""
        clause = await self._exact(query, span)
        total = await self._cluster.count(clause)
        grouped = [(group, self._column(group.field, values=isinstance(group, ValuesGroup))) for group in groups]
        measured = [
            (
                metric,
                None
                if metric.field is None
                else self._column(metric.field, values=metric.function in ("count", "card")),
            )
            for metric in metrics
        ]
        covered = [(group, column) for group, column in grouped if column is not None]
        blind = any(
            metric.field is not None and (column is None or metric.function == "latest" or metric.reading != "stored")
            for metric, column in measured
        )
        if total <= _MAX_EXACT or len(covered) < len(groups) or blind or _is_read(groups):
            return grouping.aggregate(await self._newest(clause, Sort("gl2_receive_timestamp")), groups, metrics)
        loop = asyncio.get_running_loop()
        target = _Target(self._cluster, clause, loop)
        return await asyncio.to_thread(aggregation.aggregate, [target], covered, measured)

    def _column(self, field: str, *, values: bool) -> aggregation.Column | None:
        """Return where a field is computed with; None where only the messages tell."""
        known = known_field(field)
        if known is not None:
            name = known.name
            if name in ("timestamp", "gl2_receive_timestamp"):
                return aggregation.Column(_SERVER_SORTED[name], 1e6)
            if name in ("source", "level"):
                return aggregation.Column("host" if name == "source" else "level")
            return self._column_of(known.terms, values=values) if known.terms.startswith("@") else None
        if underscored(field) is not None or self._rest:
            return None
        bare = field[1:] if field.startswith("_") and len(field) > 1 else field
        keys = {field_key(field), field_key(bare)}
        keys |= {key for key in self._columns if "_" in bare and key.replace("%2e;", "_") == bare}
        stored = keys & self._columns.keys()
        return self._column_of(next(iter(stored or {field_key(bare)})), values=values) if len(stored) < 2 else None

    @staticmethod
    def _column_of(key: str, *, values: bool) -> aggregation.Column:
        return aggregation.Column(f"v.{key}", 1.0, value_of) if values else aggregation.Column(f"n.{key}")

    async def statistics(self, query: Node, span: Span, field: str) -> FieldStatistics:
        """Return what a field holds; see `Store.statistics`."""
        clause = await self._exact(query, span)
        total = await self._cluster.count(clause)
        if total <= _MAX_EXACT:
            return grouping.statistics(await self._newest(clause, Sort("gl2_receive_timestamp")), field)
        functions: tuple[Any, ...] = ("count", "card", "min", "max", "avg", "sum", "stddev")
        counted = await self.aggregate(query, span, [], [Metric(function, field) for function in functions[:2]])
        present, distinct = counted[0].values
        figures: Sequence[Any] = (None,) * 5
        column = self._column(field, values=False)
        if column is not None and column.path != "host":
            rows = await self.aggregate(query, span, [], [Metric(function, field) for function in functions[2:]])
            figures = rows[0].values
        return FieldStatistics(total, int(present or 0), int(distinct or 0), *figures)

    async def fields(self) -> list[FieldInfo]:
        """Return all fields; see `Store.fields`."""
        await self._ready()
        kinds: dict[str, FieldType] = {"=": "string", "b": "boolean"}
        types: dict[str, set[FieldType]] = {field_name(key): set() for key in self._columns}
        body = {
            "size": 0,
            "aggs": {key: {"terms": {"field": f"v.{key}", "size": 20}} for key in itertools.islice(self._columns, 200)},
        }
        found = (await self._cluster.search(body)).get("aggregations", {}) if self._columns else {}
        for key, answer in found.items():
            for bucket in answer["buckets"]:
                term = str(bucket["key"])
                number: FieldType = "long" if isinstance(value_of(term), int) else "double"
                types[field_name(key)].add(kinds.get(term[:1], number))
        return known_and(types)

    async def suggest(self, field: str, prefix: str, limit: int = 10) -> list[ValueCount]:
        """Return frequent values; see `Store.suggest`."""
        rows = await self.aggregate(MatchAll(), EVERYTHING, [ValuesGroup(field, 10_000)])
        begin = prefix.lower()
        found = [
            ValueCount(row.keys[0], row.messages) for row in rows if not isinstance(row.keys[0], (tuple, type(None)))
        ]
        return [each for each in found if str(each.value).lower().startswith(begin)][:limit]

    # --- the rest

    async def delete(self, query: Node, span: Span) -> int:
        """Delete messages; see `Store.delete`."""
        clause = await self._exact(query, span)
        if _cut.get():
            raise QueryError(f"not deleted: {_cut.get()}", "", 1)
        deleted = 0
        async for messages in self._walk(clause, NEWEST_FIRST, None):
            doomed = [(self._cluster.index_of(message.received_at), message.id) for message in messages]
            results = await self._cluster.bulk([{"delete": {"_index": index, "_id": id}} for index, id in doomed])
            deleted += sum([status < 300 for status, _ in results])
        return deleted

    async def info(self) -> StoreInfo:
        """Return how much there is; see `Store.info`."""
        await self._ready()
        indices = await self._cluster.indices()
        wanted = {"low": {"min": {"field": "timestamp"}}, "high": {"max": {"field": "timestamp"}}}
        answer = await self._cluster.search({"size": 0, "track_total_hits": True, "aggs": wanted})
        total = int(answer["hits"]["total"]["value"])
        found = answer.get("aggregations", {})
        first, last = (found.get(name, {}).get("value") for name in ("low", "high"))
        partitions = [
            PartitionInfo(index.name, index.begins, index.begins + 86_400, index.messages, index.bytes)
            for index in indices
        ]
        size = sum(index.bytes for index in indices)
        return StoreInfo(
            self._location,
            total,
            size,
            None if first is None else first / 1e6,
            None if last is None else last / 1e6,
            partitions,
        )


def _sort_of(sort: Sort) -> list[dict[str, Any]]:
    known = known_field(sort.field)
    assert known is not None  # noqa: S101  (whoever asks looked)
    order = "desc" if sort.descending else "asc"
    return [{_SERVER_SORTED[known.name]: {"order": order}}, {"id": {"order": order}}]


def _is_read(groups: Sequence[Grouping]) -> bool:
    """Whether groups need the messages themselves."""
    return any(getattr(group, "reading", "stored") != "stored" for group in groups) or any(
        isinstance(group, ValuesGroup) and group.missing for group in groups[1:]
    )


class _Target:
    """
    Messages of the cluster that a clause finds, for `aggregation`, which runs in a thread.

    Args:
        cluster: Where they are.
        clause: Finds them.
        loop: Sends the requests.
    """

    def __init__(self, cluster: Cluster, clause: Clause, loop: asyncio.AbstractEventLoop) -> None:
        self._cluster = cluster
        self._clause = clause
        self._loop = loop

    def aggregate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Return what the cluster computes; see `Aggregable.aggregate`."""
        body = {"query": self._clause, "size": 0, "aggs": _as_opensearch(wanted)}
        try:
            answer = self._wait(self._cluster.search(body))
        except QueryError as error:
            if "too_many_buckets" in str(error):
                raise ValueError(f"{aggregation.TOO_MUCH}: {error}") from None
            raise
        found: dict[str, Any] = answer.get("aggregations", {})
        return found

    def total(self) -> int:
        """Return how many messages there are."""
        return int(self._wait(self._cluster.count(self._clause)))

    def lacking(self, column: str) -> _Target:
        """Return those that have nothing in a column."""
        return _Target(self._cluster, Clauses().without(self._clause, {"exists": {"field": column}}), self._loop)

    def _wait(self, asking: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(asking, self._loop).result()


def _as_opensearch(wanted: dict[str, Any]) -> dict[str, Any]:
    """Write a request of the embedded engine in OpenSearch's words, which differ in one."""
    return {
        ("shard_size" if name == "segment_size" else name): _as_opensearch(value) if isinstance(value, dict) else value
        for name, value in wanted.items()
    }
