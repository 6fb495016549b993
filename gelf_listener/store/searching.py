"""
Searching: one page of messages from several partitions.

Partitions are asked from the end the sort begins with, and only counted once those that are left can have nothing for
the page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from gelf_listener.errors import QueryError
from gelf_listener.message import FieldValue, Message
from gelf_listener.query.fields import getter, is_lower_case, known_field
from gelf_listener.store.parameters import Sort
from gelf_listener.store.partition import Partition

if TYPE_CHECKING:
    import tantivy

T = TypeVar("T")
R = TypeVar("R")

_AT_ONCE = 2
"""Partitions that one search asks at once."""

_TOTAL = "total"
"""Is not what a metric or a group is called in a request."""

_NUMBERS, _TEXTS, _MISSING = 0, 1, 2

_MANY_TIMES = 8
"""How many times as many messages there have to be as a page shows, for it to be looked for where time ends or begins.
"""

_MAX_READ_BYTES = 256 * 1024 * 1024
"""What the messages of one page may take: an answer of them takes several times that."""


class Target(NamedTuple):
    """
    A partition and an exact query for it.

    Attributes:
        partition: Where to search.
        searcher: What was committed there.
        query: What to find.
        between: The span of which it finds all messages, microseconds; None at an end that is beyond the partition's.
            None in all when time alone does not say what it finds.
    """

    partition: Partition
    searcher: tantivy.Searcher
    query: tantivy.Query
    between: tuple[int | None, int | None] | None = None

    @property
    def whole(self) -> bool:
        """Whether it finds all messages of the partition."""
        return self.between == (None, None)

    def aggregate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Return what the engine computes of the messages that match."""
        found: dict[str, Any] = self.searcher.aggregate(self.query, wanted)
        return found

    def counted(self, wanted: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return how many messages match as well; each has a place."""
        if self.whole:
            return self.searcher.num_docs, self.aggregate(wanted)
        for name, each in wanted.items():
            if each.get("stats") == {"field": "timestamp"}:  # so has each a time
                found = self.aggregate(wanted)
                return int(found[name]["count"]), found
        found = self.aggregate({**wanted, _TOTAL: {"value_count": {"field": "order"}}})
        return int(found.pop(_TOTAL)["value"]), found

    def total(self) -> int:
        """Return how many messages match; all of a partition need not be counted."""
        return self.searcher.num_docs if self.whole else total_of(self.searcher, self.query)

    def lacking(self, column: str) -> Target:
        """Return what finds those of the messages that have nothing in a column."""
        import tantivy

        clauses = [(tantivy.Occur.Must, self.query), (tantivy.Occur.MustNot, tantivy.Query.exists_query(column))]
        return self._replace(query=tantivy.Query.boolean_query(clauses), between=None)


class Place(NamedTuple):
    """
    Where a message stands: sorts by value, then by receive order.

    Attributes:
        kind: Numbers come before texts; messages without the field come last.
        value: Of the sort field.
        order: Receive order in the store.
        target: Number of the partition asked.
    """

    kind: int
    value: Any
    order: int
    target: int


class Found(NamedTuple):
    """How many match, and where those of a page are, in order."""

    total: int
    places: Sequence[Place]


def count(targets: Sequence[Target]) -> int:
    """Return how many messages match."""
    return sum(side_by_side(Target.total, targets))


def side_by_side(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Ask several partitions at once; the engine works without holding up other threads."""
    if len(items) < 2:
        return [function(item) for item in items]
    with ThreadPoolExecutor(_AT_ONCE, "store-partition") as pool:
        # Each has a copy of the context, so that what is cut there is noted here.
        return [each.result() for each in [pool.submit(copy_context().run, function, item) for item in items]]


def total_of(searcher: tantivy.Searcher, query: tantivy.Query) -> int:
    """Return how many messages a query finds."""
    result: Any = searcher.search(query, limit=1, count=True)
    return int(result.count)


def after(target: Target, place: Place, sort: Sort) -> Target:
    """Narrow a query to what comes after a place when sorted by timestamp."""
    import tantivy

    occur, query, schema = tantivy.Occur, tantivy.Query, target.partition.schema
    signed, unsigned = tantivy.FieldType.Integer, tantivy.FieldType.Unsigned
    at, order = place.value, place.order
    same = query.range_query(schema, "timestamp", signed, at, at)
    if sort.descending:
        further = query.range_query(schema, "timestamp", signed, None, at, include_upper=False)
        among = query.range_query(schema, "order", unsigned, 0, order, include_upper=False)
    else:
        further = query.range_query(schema, "timestamp", signed, at, None, include_lower=False)
        among = query.range_query(schema, "order", unsigned, order, None, include_lower=False)
    tied = query.boolean_query([(occur.Must, same), (occur.Must, among)])
    rest = query.boolean_query([(occur.Should, further), (occur.Should, tied)])
    return target._replace(between=None, query=query.boolean_query([(occur.Must, target.query), (occur.Must, rest)]))


def places(targets: Sequence[Target], sort: Sort, limit: int, offset: int) -> Found:
    """
    Find a page.

    Args:
        targets: Partitions and their queries, oldest first.
        sort: By what.
        limit: Most messages.
        offset: How many to leave out first.
    """
    wanted = limit + offset
    known = known_field(sort.field)
    column = known.order or None if known is not None else None
    total = 0
    beyond: list[Target] = []
    kept: list[Place] = []
    numbered = list(enumerate(targets))
    for number, target in reversed(numbered) if sort.descending else numbered:
        if wanted == 0 or (column == "timestamp" and len(kept) >= wanted and _beyond(target.partition, kept[-1], sort)):
            beyond.append(target)
            continue
        if column is not None:
            matched, found = _by_column(number, target, column, wanted, descending=sort.descending)
        else:
            matched, found = _by_value(number, target, sort, wanted)
        total += matched
        kept = _best(kept + found, sort)[:wanted]
    return Found(total + count(beyond), kept[offset:])


def read(targets: Sequence[Target], places: Sequence[Place]) -> list[Message]:
    """
    Read messages, in the order of their places; those that were deleted meanwhile are left out.

    Raises:
        QueryError: If they are too large to be read at once.
    """
    orders: dict[int, list[int]] = {}
    for place in places:
        orders.setdefault(place.target, []).append(place.order)
    found: dict[int, dict[int, Message]] = {number: {} for number in orders}
    room = _MAX_READ_BYTES
    for number, wanted in orders.items():
        for order, message in targets[number].partition.read(wanted):
            room -= len(message.raw)
            if room < 0:
                detail = f"these messages take more than {_MAX_READ_BYTES // 2**20} MiB; ask for fewer, or export them"
                raise QueryError(detail, "", 1)
            found[number][order] = message
    return [found[place.target][place.order] for place in places if place.order in found[place.target]]


def _best(found: list[Place], sort: Sort) -> list[Place]:
    """Sort places; messages without the field come last both ways, the newest first when descending."""
    if not sort.descending:
        return sorted(found, key=lambda place: place[:3])
    have = [place for place in found if place.kind != _MISSING]
    missing = [place for place in found if place.kind == _MISSING]
    have.sort(key=lambda place: place[:3], reverse=True)
    return have + sorted(missing, key=lambda place: place.order, reverse=True)


def _beyond(partition: Partition, last: Place, sort: Sort) -> bool:
    """Whether everything in a partition comes after what has been found."""
    if sort.descending:
        return partition.last is not None and partition.last < last.value
    return partition.first is not None and partition.first > last.value


def _by_column(number: int, target: Target, column: str, wanted: int, *, descending: bool) -> tuple[int, list[Place]]:
    """
    Sort by a column of its own.

    tantivy sorts by one column only. Those that share the last value are asked for once more, by receive order.
    """
    import tantivy

    order = tantivy.Order.Desc if descending else tantivy.Order.Asc
    searcher = target.searcher
    near = _at_the_end(target, wanted, descending=descending) if target.whole and column == "timestamp" else None
    result: Any = near or searcher.search(target.query, limit=wanted, count=True, order_by_field=column, order=order)
    total = int(result.count) if near is None else target.total()
    hits = [(value, address) for value, address in result.hits if value is not None]
    if column != "order" and len(hits) == wanted < total:
        last = hits[-1][0]
        sure = [hit for hit in hits if hit[0] != last]
        kind = tantivy.FieldType.Integer
        tied = tantivy.Query.boolean_query(
            [
                (tantivy.Occur.Must, target.query),
                (tantivy.Occur.Must, tantivy.Query.range_query(target.partition.schema, column, kind, last, last)),
            ]
        )
        again = searcher.search(tied, limit=wanted - len(sure), count=False, order_by_field="order", order=order)
        hits = sure + [(last, address) for _, address in again.hits]
    orders = searcher.fast_field_values("order", [address for _, address in hits])
    found = [
        Place(_NUMBERS, value, int(position or 0), number) for (value, _), position in zip(hits, orders, strict=True)
    ]
    if len(found) < wanted and column == "level":
        rest = tantivy.Query.boolean_query(
            [
                (tantivy.Occur.Must, target.query),
                (tantivy.Occur.MustNot, tantivy.Query.exists_query("level")),
            ]
        )
        found += _by_order(number, target, rest, wanted - len(found), descending=descending)
    return total, found


def _at_the_end(target: Target, wanted: int, *, descending: bool) -> Any:
    """
    Find what comes first by time among all messages of a partition, where its time ends or begins.

    Sorting a million messages to show a hundred of them takes ten milliseconds, and a look at those of some minutes a
    tenth of one. What matches a query has to be looked at anyhow, to be counted.

    Args:
        target: All messages of a partition.
        wanted: How many of them come first.
        descending: Whether the newest do.

    Returns:
        The engine's answer; None when there may be others.
    """
    import tantivy

    first, last, total = target.partition.first, target.partition.last, target.total()
    if total < _MANY_TIMES * wanted or first is None or last is None:
        return None
    length = (last - first) * _MANY_TIMES // 2 * wanted // total
    low, high = (last - length, None) if descending else (None, first + length)
    near = tantivy.Query.range_query(target.partition.schema, "timestamp", tantivy.FieldType.Integer, low, high)
    both = tantivy.Query.boolean_query([(tantivy.Occur.Must, target.query), (tantivy.Occur.Must, near)])
    order = tantivy.Order.Desc if descending else tantivy.Order.Asc
    found: Any = target.searcher.search(both, limit=wanted, count=False, order_by_field="timestamp", order=order)
    return found if len(found.hits) == wanted else None


def _by_order(number: int, target: Target, query: tantivy.Query, wanted: int, *, descending: bool) -> list[Place]:
    """Messages without the sort field, by receive order."""
    import tantivy

    order = tantivy.Order.Desc if descending else tantivy.Order.Asc
    hits = target.searcher.search(query, limit=wanted, count=False, order_by_field="order", order=order).hits
    return [Place(_MISSING, 0, int(position), number) for position, _ in hits]


_MAX_READ = 100_000


def _by_value(number: int, target: Target, sort: Sort, wanted: int) -> tuple[int, list[Place]]:
    """
    Sort by what is in the messages.

    The newest hundred thousand that match are read; sorting more by a field without a column of its own would take
    longer than anybody waits.
    """
    import tantivy

    key_of = sort_keys(sort.field)
    result: Any = target.searcher.search(
        target.query, limit=_MAX_READ, count=True, order_by_field="order", order=tantivy.Order.Desc
    )
    found = []
    for order, message in target.partition.read([int(order) for order, _ in result.hits]):
        kind, key = key_of(message)
        found.append(Place(kind, key, order, number))
    return int(result.count), _best(found, sort)[:wanted]


def sort_keys(field: str) -> Callable[[Message], tuple[int, Any]]:
    """
    Return what gives the key by which a message is sorted.

    What is matched without regard to case, which is `source`, is sorted so too, as in a Graylog's index.
    """
    get = getter(field)
    if not is_lower_case(field):
        return lambda message: _sort_key(get(message))

    def folded(message: Message) -> tuple[int, Any]:
        value = get(message)
        return _sort_key(value.lower() if isinstance(value, str) else value)

    return folded


def _sort_key(value: FieldValue | None) -> tuple[int, Any]:
    """Return by what a value is sorted: numbers and truth values before texts, nothing last."""
    if value is None:
        return _MISSING, 0
    if isinstance(value, str):
        return _TEXTS, value
    return (_NUMBERS, value) if value == value else (_MISSING, 0)  # noqa: PLR0124  (NaN)
