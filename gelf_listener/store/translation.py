"""
Translation: a query tree -> a tantivy query over one partition, with exactly the predicate's meaning.

What a leaf finds depends on what kind of field it looks at: words and whole texts (`text_leaves`), additional fields
(`column_leaves`, and `rest_leaves` for values without a column), times (`time_leaves`). What the engine cannot decide
(proximity, ids as patterns) is found roughly and finished by the predicate on the messages. So counting and grouping
always work on an exact tantivy query.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from gelf_listener.message import FieldValue
from gelf_listener.query import compile_predicate
from gelf_listener.query.fields import Known, added_getter
from gelf_listener.query.nodes import Node, Phrase, Term
from gelf_listener.store.column_leaves import ColumnLeaves
from gelf_listener.store.cuts import cut
from gelf_listener.store.engine import Bounds, Engine
from gelf_listener.store.parameters import Span
from gelf_listener.store.partition import Partition
from gelf_listener.store.rest_leaves import RestLeaves
from gelf_listener.store.schema import LARGE_LEVEL, ODD_LEVELS, micros
from gelf_listener.store.text_leaves import TextLeaves
from gelf_listener.store.tree import Leaf, TreeTranslator

if TYPE_CHECKING:
    import tantivy

MAX_VERIFIED = 200_000
"""Messages of a partition that are looked at one by one to finish a query."""


class Translator(TreeTranslator["tantivy.Query"]):
    """
    Translates queries for one partition as it was committed last.

    Args:
        partition: Where to search.
        now: What ``now`` means, UTC Unix seconds.
    """

    def __init__(self, partition: Partition, now: float) -> None:
        self.partition = partition
        engine = Engine(partition)
        super().__init__(engine, partition.names, now)
        self._engine: Engine = engine
        self.searcher = engine.searcher
        self._texts = TextLeaves(engine, now)
        self._columns = ColumnLeaves(engine, now, self._value_test)
        self._rest = RestLeaves(engine, self._value_test)

    def exact(self, node: Node, span: Span) -> tantivy.Query:
        """
        Return a query that finds just the messages that match and lie in a span.

        Raises:
            QueryError: If too many messages would have to be looked at one by one and nobody takes note of a `cut`.
        """
        engine = self._engine
        found = self.translate(node)
        within = self._span(span)
        if within is not None:
            found = engine.all_of([within, found])
        if found.exact:
            return found.most
        open_question = engine.without(found.most, found.least)
        return engine.any_of([engine.exactly(found.least), self._verified(open_question, node)]).most

    # --- leaves

    def _words(self, node: Leaf, terms: str) -> Bounds:
        return self._texts.words(node, terms)

    def _whole(self, node: Leaf, terms: str) -> Bounds:
        return self._columns.leaf(node, terms)

    @property
    def _unnamed(self) -> bool:
        return self._rest.has_names

    def _alike(self, bare: str, keys: list[str]) -> Bounds:
        found = self._rest.alike(bare, keys)
        return found if self._engine.finds(found.most) else self._engine.nothing

    def _source(self, node: Leaf) -> Bounds:
        """Hosts, of which those of thousands of characters are cut in the index."""
        found, hard = self._texts.whole(node, "source"), self._engine.term("marks", "hard")
        if self._engine.finds(hard.most):
            return self._engine.between(
                self._engine.without(found.least, hard.most), self._engine.either(found.most, hard.most)
            )
        return found

    def _has(self, key: str) -> Bounds:
        """Messages that have a field of this name."""
        found = []
        if key in self.partition.names:
            found.append(self._engine.has(f"added.{key}"))
        if self._rest.has_names or self._rest.has_long:
            found.append(self._rest.exists(key))
        return self._engine.any_of(found)

    def _stored(self, node: Leaf, key: str) -> Bounds:
        """Translate a leaf that looks at one additional field."""
        if key not in self.partition.names:
            return self._rest.leaf(node, key)
        found = [self._columns.leaf(node, key)]
        if self._rest.has_long:
            found.append(self._rest.long(node, key))
        return self._engine.any_of(found)

    def _has_known(self, known: Known) -> Bounds:
        """Messages that have a field that the listener knows."""
        engine = self._engine
        if known.always:
            return engine.everything
        if known.matching == "words":
            return engine.term("marks", known.terms)
        if not known.column:
            return engine.maybe(engine.everything.most)
        found = [engine.has(known.column)]
        if known.matching == "level" and LARGE_LEVEL in self.partition.names:
            found.append(engine.has(f"added.{LARGE_LEVEL}"))
        return engine.any_of(found)

    def _any_field(self, node: Leaf) -> Bounds:
        """Translate a leaf that looks into every field."""
        value = replace(node, field="value")
        found = [self._texts.words(node, "words"), self._source(node), self._texts.words(node, "full")]
        found += [self._level(value), self._columns.any(value), self._rest.leaf(value, "")]
        if isinstance(node, (Term, Phrase)) and added_getter(node.text) is not None:
            found += [self._id(node), self._columns.leaf(node, "@ip")]
        return self._engine.any_of(found)

    def _level(self, node: Leaf) -> Bounds:
        engine, names, test = self._engine, self.partition.names, self._value_test(node)
        levels: list[FieldValue] = [level for level in range(8) if test(level)]
        found = []
        if ODD_LEVELS in names:
            odd = engine.distinct("level")
            if odd is None:
                return engine.maybe(self._exists("level").most)
            levels += [level for each in odd if not 0 <= (level := int(each)) <= 7 and test(level)]
        if LARGE_LEVEL in names:
            found.append(self._columns.leaf(node, LARGE_LEVEL))
        return engine.any_of([engine.terms("level", levels), *found])

    def _id(self, node: Leaf) -> Bounds:
        engine = self._engine
        if isinstance(node, (Term, Phrase)):
            return engine.ids([node.text]) if len(node.text) == 26 else engine.nothing
        return engine.maybe(engine.everything.most)

    def _span(self, span: Span) -> Bounds | None:
        if self.partition.within(*span_of(span)):
            return None
        return self._times.between("timestamp", span.start, span.end)

    def _verified(self, rough: tantivy.Query, node: Node) -> Bounds:
        """Look at what was found roughly, message by message."""
        found = self.searcher.search(rough, limit=MAX_VERIFIED + 1, count=False, order_by_field="order")
        if len(found.hits) > MAX_VERIFIED:
            detail = f"more than {MAX_VERIFIED} messages would have to be looked at one by one"
            cut(f"{detail}; narrow it by a field or by time", str(node)[:100])
        predicate = compile_predicate(node, self._clock)
        orders = [int(order) for order, _ in found.hits[:MAX_VERIFIED]]
        return self._engine.at([order for order, message in self.partition.read(orders) if predicate(message)])


def span_of(span: Span) -> tuple[int | None, int | None]:
    """Return a span in microseconds."""
    return None if span.start is None else micros(span.start), None if span.end is None else micros(span.end)
