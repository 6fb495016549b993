"""Tantivy search: what the embedded store answers, from its partitions as they were committed last."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from gelf_listener.errors import QueryError
from gelf_listener.message import Message
from gelf_listener.query.fields import FIRST_OF, known_field, underscored
from gelf_listener.query.nodes import MatchAll, Node
from gelf_listener.store import aggregation, grouping, searching
from gelf_listener.store.answers import FieldStatistics, Hits, Row, ValueCount, beginning_with
from gelf_listener.store.columns import Column
from gelf_listener.store.cuts import cut
from gelf_listener.store.engine import Engine
from gelf_listener.store.parameters import EVERYTHING, Grouping, Metric, Sort, Span, TimeGroup, ValuesGroup
from gelf_listener.store.partition import Partition
from gelf_listener.store.partitions import Partitions
from gelf_listener.store.schema import field_key, text_term
from gelf_listener.store.searching import Place, Target
from gelf_listener.store.translation import Translator, span_of

if TYPE_CHECKING:
    import tantivy

_MAX_READ = 100_000
"""Messages that are read to group by a field without a column."""
_BATCH = 500
_FIRST_BATCH = 20
_BATCH_BYTES = 4 * 1024 * 1024
"""What a batch may take, going by the one before it."""
_PAGE = 10_000
"""Messages whose places are looked up at once when all are read."""


_NO_FIELD = "@none"
"""A key that no field has."""


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
        wanted = set(ids)
        found: set[str] = set()
        for partition in self._all.list if wanted else ():
            found |= wanted.intersection([message.id for message in _with_ids(partition, wanted)])
        return found

    def get(self, id: str) -> Message | None:
        """Return a message; see `Store.get`."""
        if len(id) != 26:
            return None
        found = (message for partition in reversed(self._all.list) for message in _with_ids(partition, [id]))
        return next((message for message in found if message.id == id), None)

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
        told_apart = [column for group, column in covered if isinstance(group, ValuesGroup)]
        told_apart += [column for metric, column in measured if column is not None and metric.function == "card"]
        computed = [column for metric, column in measured if column is not None and metric.function in grouping.NUMERIC]
        blind = blind or _any(_rounds, targets, told_apart) or _any(_lacks_numbers, targets, computed)
        if len(covered) < len(groups) or missing or blind:
            return grouping.aggregate(self._few(targets), groups, metrics)
        return self._from_columns(targets, covered, measured)

    def _from_columns(
        self,
        targets: Sequence[Target],
        groups: Sequence[tuple[Grouping, Column]],
        metrics: Sequence[tuple[Metric, Column | None]],
    ) -> list[Row]:
        """Aggregate from columns; what is the first of several fields is in another one for each share of messages."""
        shared = [asked.field for asked, column in (*groups, *metrics) if column is aggregation.SHARED]
        names = FIRST_OF[shared[0]] if shared and shared[0] is not None else ()
        shares = [share for target in targets for share in self._shares(target, names)] if names else []
        return aggregation.aggregate(targets, groups, metrics, shares)

    def _shares(self, target: Target, names: Sequence[str]) -> list[aggregation.Share]:
        translator = self._translator(target.partition)
        shares = translator.shares(names)
        columns = [aggregation.column_at(f"added.{key}") for key in (*[key for key, _ in shares], _NO_FIELD)]
        return [
            aggregation.Share(target._replace(query=query, between=None), column)
            for query, column in zip(translator.shared_out(target.query, shares), columns, strict=True)
        ]

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
            keys = [column.path.removeprefix("added.")]
            if column is aggregation.SHARED:
                keys = [field_key(name) for name in FIRST_OF[metric.field]]
            if set().union(*(partition.names.get(key, ()) for partition in partitions for key in keys)) == {"text"}:
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
        if column is None or _any(_rounds, targets, [column]) or _any(_lacks_numbers, targets, [column]):
            return grouping.statistics(self._few(targets), field)
        functions: list[Any] = ["count", "card", "min", "max", "avg", "sum", "stddev"]
        asked = [(Metric(function, field), column) for function in functions]
        if column.path == "host":
            asked = asked[:2]
        (row,) = self._from_columns(targets, [], asked)
        values: list[Any] = [*row.values, None, None, None, None, None]
        present, distinct, low, high, mean, total, deviation = values[:7]
        return FieldStatistics(row.messages, int(present), int(distinct), low, high, mean, total, deviation)

    def suggest(self, field: str, prefix: str, limit: int) -> list[ValueCount]:
        """Return frequent values of the newest partitions; see `Store.suggest`."""
        targets = self._targets(MatchAll(), EVERYTHING)[-3:]
        column = aggregation.column_of(field, [target.partition for target in targets])
        if column is None:
            return []
        if column is aggregation.SHARED:
            rows = self._from_columns(targets, [(ValuesGroup(field, 10_000), column)], [])
            return beginning_with(rows, prefix, limit)
        return aggregation.beginning_with(targets, column, prefix, limit)

    def _targets(self, query: Node, span: Span) -> list[Target]:
        """Translate a query for every partition that may have something, oldest first."""
        start, end = span_of(span)

        def translated(partition: Partition) -> Target:
            translator = self._translator(partition)
            between = partition.cut_by(start, end) if isinstance(query, MatchAll) else None
            return Target(partition, translator.searcher, translator.exact(query, span), between)

        return searching.side_by_side(translated, [each for each in self._all.list if each.overlaps(start, end)])

    def _translator(self, partition: Partition) -> Translator:
        return Translator(partition, self._clock())


def _with_ids(partition: Partition, ids: Iterable[str]) -> Iterator[Message]:
    """Give what may be the messages with some ids."""
    engine = Engine(partition)
    query = engine.ids(ids).most
    count = engine.count(query)
    if count:
        hits: Any = engine.searcher.search(query, limit=count, count=False, order_by_field="order").hits
        yield from (message for _, message in partition.read([int(order) for order, _ in hits]))


def _any(test: Callable[[Partition, str], bool], targets: Sequence[Target], columns: Iterable[Column]) -> bool:
    """Whether something is true of the column of an additional field, in any partition."""
    paths = {column.path for column in columns if column.mixed}
    return any(test(target.partition, path) for target in targets for path in paths)


def _lacks_numbers(partition: Partition, path: str) -> bool:
    """Whether some numbers of a field stand among its texts, for they do not fit 64 bits."""
    key = path.removeprefix("added.")
    if "text" not in partition.names.get(key, ()):
        return False
    return bool(partition.searcher.terms_with_prefix("terms", text_term(key, "#"), limit=1))


def _rounds(partition: Partition, path: str) -> bool:
    """Whether a column may take different numbers for the same: it has one type for all that a segment has."""
    kinds = partition.names.get(path.removeprefix("added."), set())
    if "long" not in kinds:
        return False
    engine = Engine(partition)

    def has(numbers: str) -> bool:
        found = engine.parsed(f"{path}:{numbers}")
        return found is None or engine.finds(found.most)

    if "double" in kinds:
        return has(f"[{1 << 53} TO *]") or has(f"[* TO -{1 << 53}]")
    return has(f"[{1 << 63} TO *]") and has("[* TO -1]")


def _has_column(group: Grouping, column: Column) -> bool:
    """Whether tantivy can group by a column in this way."""
    if isinstance(group, TimeGroup):
        return group.reading == "stored" and (group.unit is None or column.scale != 1.0)
    if isinstance(group, ValuesGroup):
        return True
    ends = sorted(
        (-float("inf") if low is None else low, float("inf") if high is None else high) for low, high in group.ranges
    )
    return all(first[1] <= second[0] for first, second in itertools.pairwise(ends))
