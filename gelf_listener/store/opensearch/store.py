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
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import aclosing
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from gelf_listener.errors import Busy, ConfigError, QueryError, Retry, describe
from gelf_listener.message import Message, ids_of
from gelf_listener.query import compile_predicate
from gelf_listener.query.fields import FIRST_OF
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
from gelf_listener.store.deadline import limited, seconds_left
from gelf_listener.store.opensearch.clauses import Clause, Clauses
from gelf_listener.store.opensearch.cluster import Ask, Cluster, count_request, total_of
from gelf_listener.store.opensearch.freshness import Freshness
from gelf_listener.store.opensearch.names import IndexNames
from gelf_listener.store.opensearch.pages import PAGE, Pages
from gelf_listener.store.opensearch.shape import Shape
from gelf_listener.store.opensearch.shortfall import begin_shortfall, shortfall
from gelf_listener.store.opensearch.target import Target
from gelf_listener.store.parameters import EVERYTHING, NEWEST_FIRST, Grouping, Metric, Sort, Span, ValuesGroup

_P = ParamSpec("_P")
_T = TypeVar("_T")
_log = logging.getLogger(__name__)

_BULK_MESSAGES = 1000
_MAX_WINDOW = 10_000
"""OpenSearch gives no more than the first 10 000 of a search; deeper pages are walked to."""
_MAX_EXACT = 10_000
"""Up to so many messages are sorted and computed with one by one, as the store in memory does."""
_MAX_VERIFIED = 50_000
"""Messages that are looked at one by one to finish a query; no more than a clause may name."""
_RETENTION_SECONDS = 60.0
_NO_FIELD = "@none"
"""A key that no field has."""
_CONFLICT = 409
_SHARE = 0.5
"""Of the time that a question has, for seeing what was added before it; of that, for writing what was taken."""


def _in_time(
    question: Callable[Concatenate[OpenSearchStore, _P], Coroutine[Any, Any, _T]],
) -> Callable[Concatenate[OpenSearchStore, _P], Coroutine[Any, Any, _T]]:
    """Have a question answered within the seconds that the store has for one."""

    @wraps(question)
    async def limited_question(store: OpenSearchStore, /, *args: _P.args, **options: _P.kwargs) -> _T:
        with limited(store.search_seconds):
            return await question(store, *args, **options)

    return limited_question


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
        search_seconds: How long a question may take; no limit by default. Half of that is for seeing what was added
            before it was asked; what is not seen by then is left out, and `missing` says so.
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
        search_seconds: float = math.inf,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.written_before: Callable[[], Awaitable[None]] | None = None
        """Waits until everything has been added that senders were told is taken; set by whoever fills the store."""
        self.unmapped = 0
        """Messages that were stored without columns for their additional fields."""
        self.unindexable = 0
        """Messages that the cluster refused altogether."""
        self.search_seconds = search_seconds
        """See above."""
        self._shape = shape
        self._cluster = Cluster(ask, shape.names, refused, patience_seconds)
        self._pages = Pages(self._cluster, shape)
        self._fresh = Freshness(self._cluster, shape)
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
        self._retention: asyncio.Task[None] | None = None

    @property
    def names(self) -> IndexNames:
        """What its indices are called."""
        return self._shape.names

    pending = 0
    """A search makes the cluster show everything first."""

    def missing(self) -> Missing:
        """Return what the last search of this task could not look at."""
        lacks = shortfall()
        return Missing(unindexable=self.unindexable, trouble=self.problem, cut=lacks.cut, unseen=lacks.unseen)

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
        await self._fresh.look_at_columns(time.monotonic())
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

    # --- searching

    async def _ready(self) -> None:
        """Make the cluster show what was added before this was asked."""
        begin_shortfall()
        with limited(_SHARE * seconds_left()):
            await self._write_what_was_taken()
            await self._fresh.show()

    async def _write_what_was_taken(self) -> None:
        if self.written_before is not None:
            seconds = _SHARE * seconds_left()
            try:
                async with asyncio.timeout(None if seconds == math.inf else seconds):
                    await self.written_before()
            except TimeoutError:
                why = f": {self.problem}" if self.problem else ""
                shortfall().lack(f"what was taken last is not written yet{why}")

    async def _bounds(self, query: Node, span: Span) -> Bounds[Clause]:
        """Return clauses that find what surely and what maybe matches."""
        asked = time.monotonic()
        await self._ready()
        translator = self._shape.translator(self._clock())
        found = translator.within(query, span)
        if translator.has_unknown and self._fresh.looked_at < asked:
            await self._fresh.look_at_columns(asked)
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
        doubtful = self._pages.request(_doubt(found), NEWEST_FIRST, PAGE)
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
        async for messages in self._pages.walk(_doubt(found), NEWEST_FIRST, _MAX_VERIFIED + 1, first):
            ids += [message.id for message in messages[: _MAX_VERIFIED - looked_at] if predicate(message)]
            looked_at += len(messages)
        if looked_at > _MAX_VERIFIED:
            why = f"more than {_MAX_VERIFIED} messages would have to be looked at one by one; narrow the search"
            shortfall().cut = why
        return clauses.any_of([clauses.exactly(found.least), clauses.ids(ids)]).most

    @_in_time
    async def search(
        self, query: Node, span: Span, *, limit: int = 150, offset: int = 0, sort: Sort = NEWEST_FIRST
    ) -> Hits:
        """Return a page; see `Store.search`."""
        if not self._pages.can_sort(sort):
            clause, answer = await self._answer(query, span, count_request)
            found = await self._pages.newest(clause, sort)
            return Hits(total_of(answer), found[offset : offset + limit])
        if offset + limit > _MAX_WINDOW:
            clause, answer = await self._answer(query, span, count_request)
            pages = [page async for page in self._pages.walk(clause, sort, offset + limit)]
            return Hits(total_of(answer), list(itertools.chain.from_iterable(pages))[offset:])
        more = {"from": offset, "track_total_hits": True}
        _, answer = await self._answer(query, span, lambda clause: self._pages.request(clause, sort, limit) | more)
        return Hits(total_of(answer), self._pages.messages(answer))

    async def scan(
        self, query: Node, span: Span, *, limit: int | None = None, sort: Sort = NEWEST_FIRST
    ) -> AsyncIterator[Sequence[Message]]:
        """Give everything that matches; see `Store.scan`."""
        with limited(self.search_seconds, alone=True):
            clause = await self._exact(query, span)
            newest = [] if self._pages.can_sort(sort) else (await self._pages.newest(clause, sort))[:limit]
        for start in range(0, len(newest), PAGE):
            yield newest[start : start + PAGE]
        if not self._pages.can_sort(sort):
            return
        async with aclosing(self._pages.walk(clause, sort, limit)) as pages:
            while True:
                with limited(self.search_seconds, alone=True):  # each page, however many there are
                    messages = await anext(pages, None)
                if messages is None:
                    return
                yield messages

    @_in_time
    async def count(self, query: Node, span: Span) -> int:
        """Return how many match; see `Store.count`."""
        return total_of((await self._answer(query, span, count_request))[1])

    @_in_time
    async def get(self, id: str) -> Message | None:
        """Return a message; see `Store.get`."""
        if len(id) != 26 or not id.isalnum():
            return None
        await self._ready()
        wanted = {"query": {"ids": {"values": [id]}}, "size": 1, "_source": self._pages.source}
        found = self._pages.messages(await self._cluster.search(wanted))
        if not found and shortfall().unseen:
            raise Busy(f"the message may be there: {shortfall().unseen}")
        return next(iter(found), None)

    # --- figures

    @_in_time
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
            return grouping.aggregate(await self._pages.newest(clause, Sort("gl2_receive_timestamp")), groups, metrics)
        loop = asyncio.get_running_loop()
        target = Target(self._cluster, clause, loop)
        shared = [asked.field for asked, column in (*covered, *measured) if column is aggregation.SHARED]
        shares = self._shares(clause, loop, FIRST_OF[shared[0] or ""]) if shared else []
        return await asyncio.to_thread(aggregation.aggregate, [target], covered, measured, shares)

    def _shares(self, clause: Clause, loop: asyncio.AbstractEventLoop, names: Sequence[str]) -> list[aggregation.Share]:
        """Return the messages that a clause finds, in shares by the first of some names that they have."""
        translator = self._shape.translator(self._clock(), shared=True)
        shares = translator.shares(names)
        columns = [self._shape.column_of(key, values=True) for key in (*[key for key, _ in shares], _NO_FIELD)]
        return [
            aggregation.Share(Target(self._cluster, each, loop), column)
            for each, column in zip(translator.shared_out(clause, shares), columns, strict=True)
        ]

    @_in_time
    async def statistics(self, query: Node, span: Span, field: str) -> FieldStatistics:
        """Return what a field holds; see `Store.statistics`."""
        clause, answer = await self._answer(query, span, count_request)
        total = total_of(answer)
        if total <= _MAX_EXACT:
            return grouping.statistics(await self._pages.newest(clause, Sort("gl2_receive_timestamp")), field)
        functions: tuple[Any, ...] = ("count", "card", "min", "max", "avg", "sum", "stddev")
        counted = await self.aggregate(query, span, [], [Metric(function, field) for function in functions[:2]])
        present, distinct = counted[0].values
        figures: Sequence[Any] = (None,) * 5
        column = self._shape.column(field, values=False)
        if column is not None and column.path not in ("host", "source"):
            rows = await self.aggregate(query, span, [], [Metric(function, field) for function in functions[2:]])
            figures = rows[0].values
        return FieldStatistics(total, int(present or 0), int(distinct or 0), *figures)

    @_in_time
    async def fields(self) -> list[FieldInfo]:
        """Return all fields; see `Store.fields`."""
        await self._ready()
        wanted = self._shape.types_request()
        found = await self._cluster.search({"size": 0, "aggs": wanted}) if wanted else {}
        return known_and(self._shape.types(found.get("aggregations", {})))

    @_in_time
    async def suggest(self, field: str, prefix: str, limit: int = 10) -> list[ValueCount]:
        """Return frequent values; see `Store.suggest`."""
        rows = await self.aggregate(MatchAll(), EVERYTHING, [ValuesGroup(field, 10_000)])
        return beginning_with(rows, prefix, limit)

    # --- the rest

    async def delete(self, query: Node, span: Span) -> int:
        """Delete messages; see `Store.delete`."""
        clause = await self._exact(query, span)
        lacks = shortfall()
        if lacks.cut:
            raise QueryError(f"not deleted: {lacks.cut}", "", 1)
        if lacks.unseen:
            raise Busy(f"not deleted: {lacks.unseen}")
        deleted = 0
        async for messages in self._pages.walk(clause, NEWEST_FIRST, None):
            doomed = [(self._cluster.index_of(message), message.id) for message in messages]
            deleted += await self._cluster.delete(doomed)
        if lacks.unseen:
            raise Busy(f"{deleted} messages were deleted, others may be left: {lacks.unseen}")
        return deleted

    @_in_time
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
