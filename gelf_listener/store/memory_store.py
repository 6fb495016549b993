"""
Memory store: messages in a list, searched with the predicate.

It is the reference: what it answers is what every other store has to answer. It is also what a listener inside a test
uses, for it costs nothing to start.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence

from gelf_listener.message import FieldValue, Message
from gelf_listener.query import compile_predicate
from gelf_listener.query.fields import FieldType, getter
from gelf_listener.query.nodes import MatchAll, Node
from gelf_listener.store.answers import FieldInfo, FieldStatistics, Hits, Missing, Row, StoreInfo, ValueCount, known_and
from gelf_listener.store.grouping import aggregate, statistics
from gelf_listener.store.parameters import EVERYTHING, NEWEST_FIRST, Grouping, Metric, Sort, Span
from gelf_listener.store.searching import sort_keys

_BATCH = 500


class MemoryStore:
    """
    Keeps messages in memory.

    Guarantee: none beyond the process. When it is full the oldest messages go.

    Args:
        max_messages: Most messages.
        clock: What ``now`` means, UTC Unix seconds.
    """

    def __init__(self, max_messages: int = 100_000, clock: Callable[[], float] = time.time) -> None:
        self._max_messages = max_messages
        self._clock = clock
        self._messages: dict[str, Message] = {}
        self._evicted = 0

    pending = 0
    """Nothing is: what was added is found at once."""
    problem = ""
    """Nothing goes wrong here."""

    @property
    def evicted(self) -> int:
        """How many messages went because it was full."""
        return self._evicted

    async def open(self) -> None:
        """Need nothing; see `Store.open`."""

    async def close(self) -> None:
        """Need nothing; see `Store.close`."""

    async def flush(self) -> None:
        """Need nothing; see `Store.flush`."""

    async def compact(self) -> None:
        """Need nothing; see `Store.compact`."""

    async def add(self, messages: Sequence[Message]) -> None:
        """Add messages; see `Store.add`."""
        for message in messages:
            self._messages.setdefault(message.id, message)
        while len(self._messages) > self._max_messages:
            del self._messages[next(iter(self._messages))]
            self._evicted += 1

    async def search(
        self, query: Node, span: Span, *, limit: int = 150, offset: int = 0, sort: Sort = NEWEST_FIRST
    ) -> Hits:
        """Return a page; see `Store.search`."""
        found = self.sorted(self._matching(query, span), sort)
        return Hits(len(found), found[offset : offset + limit])

    async def scan(
        self, query: Node, span: Span, *, limit: int | None = None, sort: Sort = NEWEST_FIRST
    ) -> AsyncIterator[Sequence[Message]]:
        """Give everything that matches; see `Store.scan`."""
        found = self.sorted(self._matching(query, span), sort)[:limit]
        for start in range(0, len(found), _BATCH):
            yield found[start : start + _BATCH]
            await asyncio.sleep(0)

    async def count(self, query: Node, span: Span) -> int:
        """Return how many match; see `Store.count`."""
        return len(self._matching(query, span))

    async def get(self, id: str) -> Message | None:
        """Return a message; see `Store.get`."""
        return self._messages.get(id)

    async def aggregate(
        self, query: Node, span: Span, groups: Sequence[Grouping] = (), metrics: Sequence[Metric] = ()
    ) -> list[Row]:
        """Group messages; see `Store.aggregate`."""
        return aggregate(self._matching(query, span), groups, metrics)

    async def statistics(self, query: Node, span: Span, field: str) -> FieldStatistics:
        """Return what a field holds; see `Store.statistics`."""
        return statistics(self._matching(query, span), field)

    async def fields(self) -> list[FieldInfo]:
        """Return all fields; see `Store.fields`."""
        types: dict[str, set[FieldType]] = {}
        for message in self._messages.values():
            for name, value in message.fields.items():
                types.setdefault(name, set()).add(types_of(value))
        return known_and(types)

    async def suggest(self, field: str, prefix: str, limit: int = 10) -> list[ValueCount]:
        """Return frequent values; see `Store.suggest`."""
        get = getter(field)
        begin = prefix.lower()
        counts: Counter[tuple[bool, FieldValue]] = Counter()
        for message in self._messages.values():
            value = get(message)
            if value is not None and str(value).lower().startswith(begin):
                counts[type(value) is bool, value] += 1
        ordered = sorted(counts.items(), key=lambda pair: (-pair[1], str(pair[0][1])))
        return [ValueCount(value, messages) for (_, value), messages in ordered[:limit]]

    async def delete(self, query: Node, span: Span) -> int:
        """Delete messages; see `Store.delete`."""
        doomed = self._matching(query, span)
        for message in doomed:
            del self._messages[message.id]
        return len(doomed)

    async def info(self) -> StoreInfo:
        """Return how much there is; see `Store.info`."""
        messages = self._matching(MatchAll(), EVERYTHING)
        times = [message.timestamp for message in messages]
        size = sum(len(message.raw) for message in messages)
        return StoreInfo("memory", len(messages), size, min(times, default=None), max(times, default=None), ())

    def missing(self) -> Missing:
        """Return nothing: it is all in memory."""
        return Missing()

    def _matching(self, query: Node, span: Span) -> list[Message]:
        now = self._clock()
        predicate = compile_predicate(query, lambda: now)
        start = float("-inf") if span.start is None else span.start
        end = float("inf") if span.end is None else span.end
        return [m for m in self._messages.values() if start <= m.timestamp < end and predicate(m)]

    @staticmethod
    def sorted(messages: list[Message], sort: Sort) -> list[Message]:
        """Sort by value and then receive order; those without the field come last."""
        key_of = sort_keys(sort.field)
        keyed = [(key_of(message), place, message) for place, message in enumerate(messages)]
        have = sorted((each for each in keyed if each[0][0] != 2), key=lambda each: each[:2], reverse=sort.descending)
        missing = [each for each in keyed if each[0][0] == 2]
        return [message for *_, message in have + (missing[::-1] if sort.descending else missing)]


def types_of(value: FieldValue) -> FieldType:
    """Return what type of field a value makes."""
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "boolean"
    return "long" if isinstance(value, int) else "double"
