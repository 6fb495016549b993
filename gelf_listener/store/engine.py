"""Engine: the queries of one partition of the embedded store."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from gelf_listener.message import FieldValue, is_ulid, ulid_key, ulid_milliseconds
from gelf_listener.store.algebra import Algebra
from gelf_listener.store.algebra import Bounds as _Bounds
from gelf_listener.store.expressions import NOTHING
from gelf_listener.store.kept_answers import answer_of
from gelf_listener.store.schema import slot_and_low
from gelf_listener.store.searching import Target

if TYPE_CHECKING:
    import tantivy

    from gelf_listener.store.partition import Partition

MAX_DISTINCT = 60_000
"""Different values that are asked for at once: tantivy refuses more than 65 000."""

_LAST_MILLISECOND = (1 << 48) - 1
"""Of those that an id may begin with."""

Bounds: TypeAlias = "_Bounds[tantivy.Query]"


class Engine(Algebra["tantivy.Query"]):
    """
    Makes and tries queries of a partition as it was committed last.

    Args:
        partition: Where to search.
    """

    def __init__(self, partition: Partition) -> None:
        import tantivy  # not before somebody needs a store

        self.partition = partition
        self.searcher = partition.searcher
        self.schema = partition.schema
        self._occur = tantivy.Occur
        self._query = tantivy.Query
        self._types = tantivy.FieldType
        super().__init__(nothing=self._query.empty_query(), everything=self._query.all_query())

    # --- putting together

    def all(self, queries: Sequence[tantivy.Query]) -> tantivy.Query:
        """What all queries find."""
        return self._joined(self._occur.Must, queries)

    def any(self, queries: Sequence[tantivy.Query]) -> tantivy.Query:
        """What one of the queries finds."""
        return self._joined(self._occur.Should, queries)

    def without(self, query: tantivy.Query, unwanted: tantivy.Query) -> tantivy.Query:
        """What a query finds and another does not."""
        return self._query.boolean_query([(self._occur.Must, query), (self._occur.MustNot, unwanted)])

    def _joined(self, occur: tantivy.Occur, queries: Sequence[tantivy.Query]) -> tantivy.Query:
        return queries[0] if len(queries) == 1 else self._query.boolean_query([(occur, query) for query in queries])

    # --- looking up

    def term(self, field: str, value: FieldValue) -> Bounds:
        """A term."""
        return self.exactly(self._query.term_query(self.schema, field, value, "basic"))

    def terms(self, field: str, values: Sequence[FieldValue]) -> Bounds:
        """One of several terms."""
        if not values:
            return self.nothing
        if len(values) == 1:
            return self.term(field, values[0])
        return self.exactly(self._query.term_set_query(self.schema, field, list(values)))

    def valued(self, path: str, value: FieldValue) -> Bounds:
        """Messages with a value in a column that has no terms."""
        term = self._query.term_query(self.schema, path, value, "basic")
        return self.exactly(self._query.const_score_query(term, 1.0))  # without a score it is looked up in the column

    def at(self, orders: Iterable[int]) -> Bounds:
        """Messages at some places in receive order."""
        slots: dict[int, list[FieldValue]] = {}
        for order in orders:
            slot, low = slot_and_low(order)
            slots.setdefault(low, []).append(slot)
        return self.any_of(
            [self.all_of([self.term("low", low), self.terms("slot", each)]) for low, each in slots.items()]
        )

    def phrase(self, field: str, words: Sequence[str]) -> Bounds:
        """Words in a row."""
        return self.exactly(self._query.phrase_query(self.schema, field, list(words)))

    def has(self, path: str) -> Bounds:
        """Messages that have a column."""
        return self.exactly(self._query.exists_query(path))

    def ids(self, wanted: Iterable[str]) -> Bounds:
        """What may be the messages with some ids: those that came with such a key, or when the ids say."""
        return self.maybe(self.any_of(self._of_ids(list(wanted))).most)

    def _of_ids(self, wanted: Sequence[str]) -> Iterable[Bounds]:
        yield self.terms("key", [ulid_key(id) for id in wanted])
        times = sorted({ulid_milliseconds(id) for id in wanted if is_ulid(id)})
        for first, last in _rows(times):
            # A millisecond's ends, and what rounding may make of them; what is beyond all ids has their ends.
            low = None if first == 0 else first * 1000 - 1
            yield self.numbers("received", low, None if last == _LAST_MILLISECOND else (last + 1) * 1000 + 1)

    def numbers(self, column: str, low: int | None, high: int | None) -> Bounds:
        """Whole numbers of a column from `low` up to, not including, `high`."""
        kind, open_ended = self._types.Integer, high is None
        return self.exactly(self._query.range_query(self.schema, column, kind, low, high, include_upper=open_ended))

    def parsed(self, query: str) -> Bounds | None:
        """What tantivy's own language means, for what nothing else offers; None where it cannot say it."""
        try:
            return self.exactly(self.partition.engine.parse_query(query))
        except ValueError:
            return None

    def matching(self, field: str, expression: str | None) -> Bounds | None:
        """Terms that match a regular expression; None when the engine finds it too large, or there is none."""
        if expression is None:
            return None
        if expression == NOTHING:
            return self.nothing
        try:
            return self.exactly(self._query.regex_query(self.schema, field, expression))
        except ValueError:
            return None

    def near(self, field: str, text: str, distance: int) -> Bounds:
        """Terms that are at most so many edits away."""
        if distance == 0:
            return self.term(field, text)
        return self.exactly(
            self._query.fuzzy_term_query(self.schema, field, text, distance=distance, transposition_cost_one=True)
        )

    def count(self, query: tantivy.Query) -> int:
        """Return how many messages a query finds."""
        found: Any = self.searcher.search(query, limit=1, count=True)
        return int(found.count)

    def finds(self, query: tantivy.Query) -> bool:
        """Whether a query finds anything."""
        return bool(self.searcher.search(query, limit=1, count=False).hits)

    def terms_of(self, field: str, prefix: str) -> list[str] | None:
        """Return the terms of a text field that begin with a text, or None when they are more than `MAX_DISTINCT`."""
        found = self.searcher.terms_with_prefix(field, prefix, limit=MAX_DISTINCT + 1)
        return None if len(found) > MAX_DISTINCT else [term for term, _ in found]

    def distinct(
        self, path: str, include: str | None = None, among: tantivy.Query | None = None
    ) -> list[FieldValue] | None:
        """
        Return the different values of a column.

        Args:
            path: The column.
            include: Only texts that match this expression; None for all values.
            among: Only of messages that this finds.

        Returns:
            The values as they stand in the index, or None when there are more than `MAX_DISTINCT`.
        """
        if include == NOTHING:
            return []
        wanted: dict[str, Any] = {"field": path, "size": MAX_DISTINCT, "segment_size": MAX_DISTINCT}
        if include is not None:
            wanted["include"] = include
        found = self._of_all({"terms": wanted}) if among is None else self._of(among, {"terms": wanted})
        if found["sum_other_doc_count"] or len(found["buckets"]) >= MAX_DISTINCT:
            return None
        return [bucket["key"] for bucket in found["buckets"] if "key_as_string" not in bucket]

    def places(self, path: str, include: str) -> dict[str, tuple[int, int, int]]:
        """
        Return where the different texts of a column are that match an expression; they are at most `MAX_DISTINCT`.

        Returns:
            By text: how many messages have it, and the places of the first and the last.
        """
        ends = {name: {name: {"field": "order"}} for name in ("min", "max")}
        wanted = {"field": path, "size": MAX_DISTINCT, "segment_size": MAX_DISTINCT, "include": include}
        found = self._of_all({"terms": wanted, "aggs": ends})
        return {
            bucket["key"]: (bucket["doc_count"], int(bucket["min"]["value"]), int(bucket["max"]["value"]))
            for bucket in found["buckets"]
        }

    def _of(self, query: tantivy.Query, values: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = self.searcher.aggregate(query, {"values": values})["values"]
        return found

    def _of_all(self, values: dict[str, Any]) -> dict[str, Any]:
        """Look through all of a partition; what was found is kept, for a page asks for the same more than once."""
        every = Target(self.partition, self.searcher, self.everything.least, (None, None))
        found: dict[str, Any] = answer_of(every, {"values": values}).found["values"]
        return found


def _rows(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Give the first and last of numbers that follow one another; they are rising."""
    row: tuple[int, int] | None = None
    for number in numbers:
        if row is not None and number == row[1] + 1:
            row = (row[0], number)
            continue
        if row is not None:
            yield row
        row = (number, number)
    if row is not None:
        yield row
