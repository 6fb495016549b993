"""Tantivy search: what the embedded store answers, from its partitions as they were committed last."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from gelf_listener.errors import QueryError
from gelf_listener.message import Message, ulid_key
from gelf_listener.query.fields import known_field, underscored
from gelf_listener.query.nodes import MatchAll, Node
from gelf_listener.store import aggregation, grouping, searching
from gelf_listener.store.answers import FieldStatistics, Hits, Row, ValueCount
from gelf_listener.store.cuts import cut
from gelf_listener.store.parameters import EVERYTHING, Grouping, Metric, Sort, Span, TimeGroup, ValuesGroup
from gelf_listener.store.partition import Partition
from gelf_listener.store.partitions import Partitions
from gelf_listener.store.searching import Place, Target
from gelf_listener.store.translation import Translator, span_of

if TYPE_CHECKING:
    import tantivy

__all__ = ["TantivySearch"]

_MAX_READ = 100_000
"""Messages that are read to group by a field without a column."""
_BATCH = 500
_FIRST_BATCH = 20
_BATCH_BYTES = 4 * 1024 * 1024
"""What a batch may take, going by the one before it."""
_PAGE = 10_000
"""Messages whose places are looked up at once when all are read."""


class TantivySearch:
    """
    Searches partitions; everything here blocks, and may run in several threads at once.

    Args:
        partitions: Of the store.
        clock: What ``now`` means, UTC Unix seconds.
    """

    def __init__(self, partitions: Partitions, clock: Callable[[], float]) -> None:
        self._all = partitions
        self._clock = clock

    def search(self, query: Node, span: Span, limit: int, offset: int, sort: Sort) -> Hits:
        """Return a page; see `Store.search`."""
        targets = self._targets(query, span)
        found = searching.places(targets, sort, limit, offset)
        return Hits(found.total, searching.read(targets, found.places))

    def pages(self, query: Node, span: Span, limit: int | None, sort: Sort) -> Iterator[Sequence[Message]]:
        """Give everything that matches, in batches; see `Store.scan`."""
        targets = self._targets(query, span)
        left = searching.count(targets)
        left = left if limit is None else min(limit, left)
        after: Place | None = None
        size = _FIRST_BATCH
        while left > 0:
            page = min(left, _PAGE) if sort.field == "timestamp" else left
            narrowed = targets if after is None else [searching.after(target, after, sort) for target in targets]
            places = searching.places(narrowed, sort, page, 0).places
            start = 0
            while start < len(places):
                messages = searching.read(targets, places[start : start + size])
                start += size
                yield messages
                read = sum([len(message.raw) for message in messages])
                size = max(1, min(_BATCH, _BATCH_BYTES * len(messages) // max(read, 1)))
            if len(places) < page:
                return
            left -= page
            after = places[-1]

    def count(self, query: Node, span: Span) -> int:
        """Return how many match; see `Store.count`."""
        return searching.count(self._targets(query, span))

    def counted(self, query: Node, span: Span) -> list[tuple[Partition, tantivy.Query, int]]:
        """Return the partitions that have something that matches, a query that finds it, and how much it is."""
        counts = [(target.partition, target.query, searching.count([target])) for target in self._targets(query, span)]
        return [found for found in counts if found[2]]

    def known(self, ids: Iterable[str]) -> set[str]:
        """Return which of some ids are there."""
        import tantivy

        wanted = {ulid_key(id): id for id in ids}
        found: set[str] = set()
        for partition in self._all.list if wanted else ():
            query = tantivy.Query.term_set_query(partition.schema, "key", list(wanted))
            found.update(message.id for message in _read_all(partition, query, len(wanted) * 2))
        return found.intersection(wanted.values())

    def get(self, id: str) -> Message | None:
        """Return a message; see `Store.get`."""
        import tantivy

        if len(id) != 26:
            return None
        for partition in reversed(self._all.list):
            query = tantivy.Query.term_query(partition.schema, "key", ulid_key(id), "basic")
            for message in _read_all(partition, query, 10):
                if message.id == id:
                    return message
        return None

    def aggregate(self, query: Node, span: Span, groups: Sequence[Grouping], metrics: Sequence[Metric]) -> list[Row]:
        """Group messages; see `Store.aggregate`."""
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
            metric.field is not None and (column is None or metric.function == "latest" or metric.reading == "moment")
            for metric, column in measured
        )
        if len(covered) < len(groups) or missing or blind:
            return grouping.aggregate(self._few(targets), groups, metrics)
        return aggregation.aggregate(targets, covered, measured)

    def _check(self, metrics: Sequence[Metric], partitions: Sequence[Partition]) -> None:
        """Refuse figures of texts, as Graylog does."""
        for metric in metrics:
            if metric.function not in grouping.NUMERIC or metric.reading == "moment":
                continue
            if metric.field is None:
                raise QueryError("this metric needs a field", "", 1)
            column = aggregation.column_of(metric.field, partitions)
            if column is None and known_field(metric.field) is None and underscored(metric.field) is None:
                continue  # its messages are read
            if column is None or column.path == "host":
                raise QueryError(f"{metric.field} holds texts; the metric needs numbers", metric.field, 1)
            kinds: set[str] = set()
            for partition in partitions:
                kinds |= partition.names.get(column.path.removeprefix("added."), set())
            if kinds == {"text"}:
                raise QueryError(f"{metric.field} holds texts; the metric needs numbers", metric.field, 1)

    def _few(self, targets: Sequence[Target]) -> list[Message]:
        """Read the messages that match, for what no column answers."""
        found = searching.places(targets, Sort("gl2_receive_timestamp"), _MAX_READ + 1, 0)
        if len(found.places) > _MAX_READ:
            cut(f"more than {_MAX_READ} messages would have to be read; narrow the search")
        return searching.read(targets, found.places[:_MAX_READ])

    def statistics(self, query: Node, span: Span, field: str) -> FieldStatistics:
        """Return what a field holds; see `Store.statistics`."""
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

    def suggest(self, field: str, prefix: str, limit: int) -> list[ValueCount]:
        """Return frequent values of the newest partitions; see `Store.suggest`."""
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

    def _targets(self, query: Node, span: Span) -> list[Target]:
        """Translate a query for every partition that may have something, oldest first."""
        start, end = span_of(span)

        def translated(partition: Partition) -> Target:
            translator = self._translator(partition)
            whole = isinstance(query, MatchAll) and partition.within(start, end)
            return Target(partition, translator.searcher, translator.exact(query, span), whole)

        return searching.side_by_side(translated, [each for each in self._all.list if each.overlaps(start, end)])

    def _translator(self, partition: Partition) -> Translator:
        return Translator(partition, self._clock())


def _read_all(partition: Partition, query: tantivy.Query, limit: int) -> Iterable[Message]:
    """Read what a query finds."""
    hits: Any = partition.searcher.search(query, limit=limit, count=False, order_by_field="order").hits
    return [message for _, message in partition.read([int(order) for order, _ in hits])]


def _has_column(group: Grouping, column: aggregation.Column) -> bool:
    """Whether tantivy can group by a column in this way."""
    if isinstance(group, TimeGroup):
        return group.reading == "stored" and (group.unit is None or column.scale != 1.0)
    if isinstance(group, ValuesGroup):
        return True
    ends = sorted(
        (-float("inf") if low is None else low, float("inf") if high is None else high) for low, high in group.ranges
    )
    return all(first[1] <= second[0] for first, second in itertools.pairwise(ends))
