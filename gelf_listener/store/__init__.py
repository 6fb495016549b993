"""
Store: messages that can be searched.

`Store` is what the API searches and the `store:` output fills. The embedded one stands on tantivy
(`tantivy_store`); `memory_store` keeps messages in a list and asks the predicate, which makes it the reference that
every other store is held to.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Protocol

from gelf_listener.message import Message
from gelf_listener.query.nodes import Node
from gelf_listener.store.answers import FieldInfo, FieldStatistics, Hits, Missing, Row, StoreInfo, ValueCount
from gelf_listener.store.parameters import NEWEST_FIRST, Grouping, Metric, Sort, Span


class Store(Protocol):
    """
    Messages that can be searched.

    A query is a tree (`gelf_listener.query.parse(text).node`); a span is half open, in UTC Unix seconds. What a
    query means is what the predicate says (`compile_predicate`). Nothing here blocks the loop: work runs in threads.
    Every search sees what was added before it was asked; what it cannot see, `missing` tells.
    """

    async def open(self) -> None:
        """
        Make it ready; nothing else may be asked before.

        Raises:
            ConfigError: If it cannot be used as it is set up.
            Retry: If it cannot be opened now.
        """

    async def close(self) -> None:
        """Finish what is pending and let go of everything. May be called twice."""

    async def add(self, messages: Sequence[Message]) -> None:
        """
        Add messages; return when the store has them. Adding one whose id is there already does nothing.

        Raises:
            Retry: If there is no room, or the store cannot write now.
        """

    async def search(
        self, query: Node, span: Span, *, limit: int = 150, offset: int = 0, sort: Sort = NEWEST_FIRST
    ) -> Hits:
        """
        Return one page of the messages that match.

        Messages with equal sort values come in receive order (newest first when descending); messages without
        the sort field come last.
        """

    def scan(
        self, query: Node, span: Span, *, limit: int | None = None, sort: Sort = NEWEST_FIRST
    ) -> AsyncIterator[Sequence[Message]]:
        """Give all messages that match, in batches, however many there are; for exports."""

    async def count(self, query: Node, span: Span) -> int:
        """Return how many messages match."""

    async def get(self, id: str) -> Message | None:
        """Return the message with an id."""

    async def aggregate(
        self, query: Node, span: Span, groups: Sequence[Grouping] = (), metrics: Sequence[Metric] = ()
    ) -> list[Row]:
        """
        Group the messages that match and compute metrics of each group.

        Returns:
            A row for every innermost group, in the order the groupings ask for; without groups one row for all.

        Raises:
            QueryError: If a metric does not fit its field (a maximum of texts).
        """

    async def statistics(self, query: Node, span: Span, field: str) -> FieldStatistics:
        """Return what a field holds in the messages that match."""

    async def fields(self) -> list[FieldInfo]:
        """Return every field that is stored, by name, with the types it has had."""

    async def suggest(self, field: str, prefix: str, limit: int = 10) -> list[ValueCount]:
        """Return the most frequent values of a field that begin with a text, without regard to case."""

    async def delete(self, query: Node, span: Span) -> int:
        """Delete the messages that match; return how many."""

    async def flush(self) -> None:
        """
        Make everything that was added safe and searchable.

        Raises:
            Retry: If that cannot be written now.
        """

    async def compact(self) -> None:
        """Give back the room of what was deleted, as far as the store can."""

    async def info(self) -> StoreInfo:
        """Return how much is stored."""

    @property
    def pending(self) -> int:
        """How many messages were added that searches do not find yet."""

    @property
    def evicted(self) -> int:
        """How many messages retention deleted since it was opened."""

    @property
    def problem(self) -> str:
        """What is wrong at the moment, for whoever looks after it; empty when nothing is."""

    def missing(self) -> Missing:
        """Return what the last search of this task could not look at."""
