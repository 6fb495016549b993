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
import itertools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextvars import ContextVar
from typing import Any

from gelf_listener.errors import ConfigError, QueryError, Retry, describe
from gelf_listener.message import Message, ids_of
from gelf_listener.query import compile_predicate
from gelf_listener.query.fields import FIRST_OF, known_field
from gelf_listener.query.nodes import MatchAll, Node
from gelf_listener.store import aggregation, grouping
from gelf_listener.store.algebra import Bounds
from gelf_listener.store.answers import (
    FieldInfo,
    FieldStatistics,
    Hits,
    Missing,
    PartitionInfo,
    Row,
    StoreInfo,
    ValueCount,
    beginning_with,
    known_and,
)
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.opensearch.clauses import Clause, Clauses
from gelf_listener.store.opensearch.cluster import Ask, Cluster, count_request, total_of
from gelf_listener.store.opensearch.names import IndexNames
from gelf_listener.store.opensearch.shape import Shape
from gelf_listener.store.parameters import EVERYTHING, NEWEST_FIRST, Grouping, Metric, Sort, Span, ValuesGroup

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
_NO_FIELD = "@none"
"""A key that no field has."""
_CONFLICT = 409

_cut: ContextVar[str] = ContextVar("_opensearch_cut", default="")
"""Why the last search of this task looked at the newest messages only."""


class OpenSearchStore:
    """
    Stores messages in a cluster; see `Store`.

    Guarantee: a message is safe when `add` returns, as far as the cluster keeps what it acknowledges.

    Args:
        ask: Sends requests.
        refused: What `ask` raises for a request that is refused.
        shape: How messages lie there.
        location: Shown to people.
        shards: Of an index.
        replicas: Copies of each shard.
        max_age_seconds: How long messages are kept; None is no limit.
        max_bytes: What all indices may take; None is no limit.
        patience_seconds: See `Cluster`.
        clock: UTC Unix seconds.
    """

    def __init__(
        self,
        ask: Ask,
        refused: type[Exception],
        shape: Shape,
        *,
        location: str = "OpenSearch",
        shards: int = 1,
        replicas: int = 0,
        max_age_seconds: float | None = None,
        max_bytes: int | None = None,
        patience_seconds: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.written_before: Callable[[], Awaitable[None]] | None = None
        """Waits until everything has been added that senders were told is taken; set by whoever fills the store."""
        self.unmapped = 0
        """Messages that were stored without columns for their additional fields."""
        self.unindexable = 0
        """Messages that the cluster refused altogether."""
        self._shape = shape
        self._cluster = Cluster(ask, shape.names, refused, patience_seconds)
        self._location = location
        copies = {"index.number_of_shards": shards, "index.number_of_replicas": replicas}
        self._settings = shape.settings | copies
        self._max_age_seconds = max_age_seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self.evicted = 0
        """How many messages retention deleted."""
        self.problem = ""
        """Why messages cannot be added or found at the moment; empty when they can."""
        self._looked_at = float("-inf")
        self._looking = asyncio.Lock()
        self._retention: asyncio.Task[None] | None = None
        self._refreshing = asyncio.Lock()
        self._refreshed_from = -1.0
        """When the last refresh that is done began (monotonic)."""

    @property
    def names(self) -> IndexNames:
        """What its indices are called."""
        return self._shape.names

    pending = 0
    """A search makes the cluster show everything first."""

    def missing(self) -> Missing:
        """Return what the last search of this task could not look at."""
        return Missing(unindexable=self.unindexable, trouble=self.problem, cut=_cut.get())

    # --- life

    async def open(self) -> None:
        """Make the template of the indices; see `Store.open`."""
        names = self._shape.names
        foreign = await self._cluster.foreign(self._shape.marker)
        if foreign:
            raise ConfigError(
                f"the index {foreign} has documents that are none of a store, such as those of opensearch+http://, "
                "whose indices are called alike by default: give the store another path"
            )
        template = names.alias or names.prefix
        await self._cluster.put_template(template, names.template_pattern, self._shape.mappings, self._settings)
        await self._cluster.name_newest()
        await self._look_at_columns(time.monotonic())
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
        """Delete the oldest indices that are too old, or too much; never the newest, which the alias then means."""
        indices = await self._cluster.indices()
        room = self._max_bytes
        total = sum(index.bytes for index in indices)
        for index in indices[:-1]:
            old = self._max_age_seconds is not None and index.begins + 86_400 < self._clock() - self._max_age_seconds
            if not old and (room is None or total <= room):
                break
            await self._cluster.delete_index(index.name)
            total -= index.bytes
            self.evicted += index.messages
        await self._cluster.name_newest()

    # --- adding

    async def add(self, messages: Sequence[Message]) -> None:
        """Add messages; see `Store.add`."""
        for start in range(0, len(messages), _BULK_MESSAGES):
            await self._add(messages[start : start + _BULK_MESSAGES])

    async def _add(self, messages: Sequence[Message]) -> None:
        try:
            refused = await self._send(messages, mapped=True)
            if refused:
                self.unmapped += len(refused)
                lost = await self._send(refused, mapped=False)
                self.unindexable += len(lost)
        except Retry as error:
            self.problem = str(error)
            raise
        self.problem = ""

    async def _send(self, messages: Sequence[Message], *, mapped: bool) -> list[Message]:
        """
        Send messages; return those that the cluster refuses.

        Raises:
            Retry: If it cannot take some of them now.
        """
        ids = ids_of(messages)
        documents = self._shape.documents_of(messages, ids, mapped=mapped)
        results = await self._cluster.create(self._cluster.indices_of(messages), ids, documents)
        refused: list[Message] = []
        if not results:
            return refused
        for message, (status, why) in zip(messages, results, strict=True):
            if status in (400, 413):
                _log.warning("OpenSearch refuses the message %s: %s", message.id, why)
                refused.append(message)
            elif status >= 300 and status != _CONFLICT:
                raise Retry(f"OpenSearch: status {status}: {why}")
        return refused

    async def _look_at_columns(self, since: float) -> None:
        """
        See which columns other listeners made, and whether there is something that has none.

        Args:
            since: When somebody must have looked last, otherwise we do (monotonic).
        """
        shape = self._shape
        async with self._looking:  # searches at the same time share it
            is_due = shape.has_new or self._looked_at < since
            if is_due:
                self._looked_at, shape.has_new = time.monotonic(), False
                shape.learn(await self._cluster.mappings())
            if not shape.has_rest and (is_due or not shape.knows_rest):
                shape.has_rest = bool(await self._cluster.count(shape.rest))

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
        await self._look_at_columns(asked - _COLUMNS_SECONDS)
        _cut.set("")

    async def _bounds(self, query: Node, span: Span) -> Bounds[Clause]:
        """Return clauses that find what surely and what maybe matches."""
        asked = time.monotonic()
        await self._ready()
        translator = self._shape.translator(self._clock())
        found = translator.within(query, span)
        if translator.has_unknown and self._looked_at < asked:
            await self._look_at_columns(asked)
            found = self._shape.translator(self._clock()).within(query, span)
        return found

    async def _exact(self, query: Node, span: Span) -> Clause:
        """Return a clause that finds just what matches."""
        found = await self._bounds(query, span)
        return found.most if found.exact else await self._settled(query, found, None)

    async def _answer(
        self, query: Node, span: Span, wanted: Callable[[Clause], dict[str, Any]]
    ) -> tuple[Clause, dict[str, Any]]:
        """
        Ask about what matches.

        Mostly all that may match does, or nothing of it: the cluster is asked both at once, and only otherwise again.

        Args:
            query: The query.
            span: When.
            wanted: Makes the request of a clause that finds just what matches.

        Returns:
            The clause, and the answer.
        """
        found = await self._bounds(query, span)
        if found.exact:
            return found.most, await self._cluster.search(wanted(found.most))
        doubtful = self._page(_doubt(found), NEWEST_FIRST, _PAGE)
        first, answer = await self._cluster.searches([doubtful, wanted(found.least)])
        if not first["hits"]["hits"]:
            return found.least, answer
        clause = await self._settled(query, found, first)
        return clause, await self._cluster.search(wanted(clause))

    async def _settled(self, query: Node, found: Bounds[Clause], first: dict[str, Any] | None) -> Clause:
        """
        Look at what only may match one by one.

        Args:
            query: The query.
            found: What surely and what maybe matches.
            first: The first page of the difference, if it is there.
        """
        clauses = Clauses()
        predicate = compile_predicate(query, self._clock)
        ids: list[str] = []
        looked_at = 0
        async for messages in self._walk(_doubt(found), NEWEST_FIRST, _MAX_VERIFIED + 1, first):
            ids += [message.id for message in messages[: _MAX_VERIFIED - looked_at] if predicate(message)]
            looked_at += len(messages)
        if looked_at > _MAX_VERIFIED:
            _cut.set(f"more than {_MAX_VERIFIED} messages would have to be looked at one by one; narrow the search")
        return clauses.any_of([clauses.exactly(found.least), clauses.ids(ids)]).most

    async def search(
        self, query: Node, span: Span, *, limit: int = 150, offset: int = 0, sort: Sort = NEWEST_FIRST
    ) -> Hits:
        """Return a page; see `Store.search`."""
        known = known_field(sort.field)
        if known is None or known.name not in self._shape.sorted_by:
            clause, answer = await self._answer(query, span, count_request)
            found = await self._newest(clause, sort)
            return Hits(total_of(answer), found[offset : offset + limit])
        if offset + limit > _MAX_WINDOW:
            clause, answer = await self._answer(query, span, count_request)
            pages = [page async for page in self._walk(clause, sort, offset + limit)]
            return Hits(total_of(answer), list(itertools.chain.from_iterable(pages))[offset:])
        more = {"from": offset, "track_total_hits": True}
        _, answer = await self._answer(query, span, lambda clause: self._page(clause, sort, limit) | more)
        return Hits(total_of(answer), self._messages(answer))

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
        if known is None or known.name not in self._shape.sorted_by:
            found = (await self._newest(clause, sort))[:limit]
            for start in range(0, len(found), _PAGE):
                yield found[start : start + _PAGE]
            return
        async for messages in self._walk(clause, sort, limit):
            yield messages

    async def _walk(
        self, clause: Clause, sort: Sort, limit: int | None, first: dict[str, Any] | None = None
    ) -> AsyncIterator[list[Message]]:
        """Give what a clause finds at this moment, page by page; `first`: the answer with the first, if it is there."""
        size = _PAGE if limit is None else min(_PAGE, limit)
        answer = first or await self._cluster.search(self._page(clause, sort, size))
        count = len(answer["hits"]["hits"])
        if count < size or count == limit:  # as it mostly is; only more has to be held
            if count:
                yield self._messages(answer)
            return
        moment = await self._cluster.open_moment(_KEEP_ALIVE)
        if moment is None:
            return
        try:
            left, after = limit, None
            while left is None or left > 0:
                size = _PAGE if left is None else min(_PAGE, left)
                body = self._page(clause, sort, size) | {"pit": {"id": moment, "keep_alive": _KEEP_ALIVE}}
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

    def _page(self, clause: Clause, sort: Sort, size: int) -> dict[str, Any]:
        """Return a request for the first messages that a clause finds, without their total."""
        wanted = {"query": clause, "size": size, "sort": self._sort_of(sort), "_source": self._source}
        return wanted | {"track_total_hits": False}

    def _messages(self, answer: dict[str, Any]) -> list[Message]:
        return [self._shape.message_of(hit["_source"]) for hit in answer["hits"]["hits"]]

    @property
    def _source(self) -> Any:
        return self._shape.source or True

    def _sort_of(self, sort: Sort) -> list[dict[str, Any]]:
        known = known_field(sort.field)
        assert known is not None  # noqa: S101  (whoever asks looked)
        order = "desc" if sort.descending else "asc"
        fields = self._shape.sorted_by
        return [{fields[known.name]: {"order": order}}, {fields["gl2_message_id"]: {"order": order}}]

    async def count(self, query: Node, span: Span) -> int:
        """Return how many match; see `Store.count`."""
        return total_of((await self._answer(query, span, count_request))[1])

    async def get(self, id: str) -> Message | None:
        """Return a message; see `Store.get`."""
        if len(id) != 26 or not id.isalnum():
            return None
        await self._ready()
        answer = await self._cluster.search({"query": {"ids": {"values": [id]}}, "size": 1, "_source": self._source})
        return next(iter(self._messages(answer)), None)

    # --- figures

    async def aggregate(
        self, query: Node, span: Span, groups: Sequence[Grouping] = (), metrics: Sequence[Metric] = ()
    ) -> list[Row]:
        """Group messages; see `Store.aggregate`."""
        clause, answer = await self._answer(query, span, count_request)
        total = total_of(answer)
        grouped = [(group, self._shape.column(group.field, values=isinstance(group, ValuesGroup))) for group in groups]
        measured = [
            (
                metric,
                None
                if metric.field is None
                else self._shape.column(metric.field, values=metric.function in ("count", "card")),
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
        shared = [asked.field for asked, column in (*covered, *measured) if column is aggregation.SHARED]
        shares = self._shares(clause, loop, FIRST_OF[shared[0] or ""]) if shared else []
        return await asyncio.to_thread(aggregation.aggregate, [target], covered, measured, shares)

    def _shares(self, clause: Clause, loop: asyncio.AbstractEventLoop, names: Sequence[str]) -> list[aggregation.Share]:
        """Return the messages that a clause finds, in shares by the first of some names that they have."""
        translator = self._shape.translator(self._clock(), shared=True)
        shares = translator.shares(names)
        columns = [self._shape.column_of(key, values=True) for key in (*[key for key, _ in shares], _NO_FIELD)]
        return [
            aggregation.Share(_Target(self._cluster, each, loop), column)
            for each, column in zip(translator.shared_out(clause, shares), columns, strict=True)
        ]

    async def statistics(self, query: Node, span: Span, field: str) -> FieldStatistics:
        """Return what a field holds; see `Store.statistics`."""
        clause, answer = await self._answer(query, span, count_request)
        total = total_of(answer)
        if total <= _MAX_EXACT:
            return grouping.statistics(await self._newest(clause, Sort("gl2_receive_timestamp")), field)
        functions: tuple[Any, ...] = ("count", "card", "min", "max", "avg", "sum", "stddev")
        counted = await self.aggregate(query, span, [], [Metric(function, field) for function in functions[:2]])
        present, distinct = counted[0].values
        figures: Sequence[Any] = (None,) * 5
        column = self._shape.column(field, values=False)
        if column is not None and column.path not in ("host", "source"):
            rows = await self.aggregate(query, span, [], [Metric(function, field) for function in functions[2:]])
            figures = rows[0].values
        return FieldStatistics(total, int(present or 0), int(distinct or 0), *figures)

    async def fields(self) -> list[FieldInfo]:
        """Return all fields; see `Store.fields`."""
        await self._ready()
        wanted = self._shape.types_request()
        found = await self._cluster.search({"size": 0, "aggs": wanted}) if wanted else {}
        return known_and(self._shape.types(found.get("aggregations", {})))

    async def suggest(self, field: str, prefix: str, limit: int = 10) -> list[ValueCount]:
        """Return frequent values; see `Store.suggest`."""
        rows = await self.aggregate(MatchAll(), EVERYTHING, [ValuesGroup(field, 10_000)])
        return beginning_with(rows, prefix, limit)

    # --- the rest

    async def delete(self, query: Node, span: Span) -> int:
        """Delete messages; see `Store.delete`."""
        clause = await self._exact(query, span)
        if _cut.get():
            raise QueryError(f"not deleted: {_cut.get()}", "", 1)
        deleted = 0
        async for messages in self._walk(clause, NEWEST_FIRST, None):
            doomed = [(self._cluster.index_of(message), message.id) for message in messages]
            deleted += await self._cluster.delete(doomed)
        return deleted

    async def info(self) -> StoreInfo:
        """Return how much there is; see `Store.info`."""
        await self._ready()
        indices = await self._cluster.indices()
        wanted = {"low": {"min": {"field": "timestamp"}}, "high": {"max": {"field": "timestamp"}}}
        answer = await self._cluster.search({"size": 0, "track_total_hits": True, "aggs": wanted})
        total = total_of(answer)
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
            None if first is None else first / self._shape.ticks,
            None if last is None else last / self._shape.ticks,
            partitions,
            self._max_bytes,
            self._max_age_seconds,
        )


def _doubt(found: Bounds[Clause]) -> Clause:
    """Return what finds the messages that only may match."""
    return Clauses().without(found.most, found.least)


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
