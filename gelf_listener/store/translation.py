"""
Translation: a query tree -> a tantivy query over one partition, with exactly the predicate's meaning.

What a leaf finds depends on what kind of field it looks at: words and whole texts (`text_leaves`), additional fields
(`column_leaves`, and `rest_leaves` for values without a column), times (`time_leaves`). What the engine cannot decide
(proximity, ids as patterns) is found roughly and finished by the predicate on the messages. So counting and grouping
always work on an exact tantivy query.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from gelf_listener.message import FieldValue, Message, ulid_key
from gelf_listener.query import compile_predicate
from gelf_listener.query.fields import Known, added_getter, known_field, underscored
from gelf_listener.query.nodes import (
    Exists,
    Fuzzy,
    Group,
    MatchAll,
    Matches,
    Node,
    Phrase,
    Range,
    Regex,
    Term,
    Wildcard,
)
from gelf_listener.store.column_leaves import ColumnLeaves
from gelf_listener.store.cuts import cut
from gelf_listener.store.engine import Bounds, Engine
from gelf_listener.store.parameters import Span
from gelf_listener.store.partition import Partition
from gelf_listener.store.rest_leaves import RestLeaves
from gelf_listener.store.schema import LARGE_LEVEL, ODD_LEVELS, field_key, field_name, micros
from gelf_listener.store.text_leaves import TextLeaves
from gelf_listener.store.time_leaves import TimeLeaves

if TYPE_CHECKING:
    import tantivy

__all__ = ["MAX_VERIFIED", "Translator", "span_of"]

MAX_VERIFIED = 200_000
"""Messages of a partition that are looked at one by one to finish a query."""

_Leaf: TypeAlias = Term | Phrase | Wildcard | Regex | Fuzzy | Range


class Translator:
    """
    Translates queries for one partition as it was committed last.

    Args:
        partition: Where to search.
        now: What ``now`` means, UTC Unix seconds.
    """

    def __init__(self, partition: Partition, now: float) -> None:
        self.partition = partition
        self._engine = engine = Engine(partition)
        self.searcher = engine.searcher
        self._now = now
        self._texts = TextLeaves(engine, now)
        self._times = TimeLeaves(engine, now)
        self._columns = ColumnLeaves(engine, now, self._value_test)
        self._rest = RestLeaves(engine, self._value_test)

    def exact(self, node: Node, span: Span) -> tantivy.Query:
        """
        Return a query that finds just the messages that match and lie in a span.

        Raises:
            QueryError: If too many messages would have to be looked at one by one and nobody takes note of a `cut`.
        """
        engine = self._engine
        found = self._translate(node)
        within = self._span(span)
        if within is not None:
            found = engine.all_of([within, found])
        if found.exact:
            return found.most
        open_question = engine.without(found.most, found.least)
        return engine.any_of([engine.exactly(found.least), self._verified(open_question, node)]).most

    # --- structure

    def _translate(self, node: Node) -> Bounds:
        if isinstance(node, MatchAll):
            return self._engine.everything
        if isinstance(node, Group):
            return self._group(node)
        if isinstance(node, Matches):
            return self._engine.maybe(self._translate(node.roughly).most)
        if isinstance(node, Exists):
            return self._exists(node.field, graylog=node.graylog)
        if node.field is None:
            return self._any_field(node)
        if isinstance(node, Range) and node.low is None and node.high is None:
            return self._exists(node.field, graylog=node.graylog)
        return self._field(node, node.field)

    def _group(self, node: Group) -> Bounds:
        engine = self._engine
        if node.must:
            found = engine.all_of([self._translate(inner) for inner in node.must])
        elif node.should:
            found = engine.any_of([self._translate(inner) for inner in node.should])
        else:
            found = engine.everything
        unwanted = [self._translate(inner) for inner in node.must_not]
        return engine.all_but(found, engine.any_of(unwanted)) if unwanted else found

    # --- leaves

    def _field(self, node: _Leaf, field: str) -> Bounds:
        """Translate a leaf that looks at one field."""
        known = known_field(field, graylog=node.graylog)
        if known is not None:
            return self._known(node, known)
        return self._first_of(node, field)

    def _known(self, node: _Leaf, known: Known) -> Bounds:
        """Translate a leaf that looks at a field that the listener knows."""
        if not known.terms:
            return self._engine.maybe(self._engine.everything.most)
        if known.matching == "words":
            return self._texts.words(node, known.terms)
        if known.matching == "lower case":
            return self._source(node)
        if known.matching == "time":
            return self._times.leaf(node, known.terms)
        if known.matching == "level":
            return self._level(node)
        if known.matching == "id":
            return self._id(node)
        return self._columns.leaf(node, known.terms)

    def _source(self, node: _Leaf) -> Bounds:
        """Hosts, of which those of thousands of characters are cut in the index."""
        found, hard = self._texts.whole(node, "source"), self._engine.term("marks", "hard")
        if self._engine.finds(hard.most):
            return Bounds(self._engine.without(found.least, hard.most), self._engine.either(found.most, hard.most))
        return found

    def _first_of(self, node: _Leaf, field: str) -> Bounds:
        """Look at the first of the names a field may be stored under that a message has (`query.fields.getter`)."""
        engine, names = self._engine, self.partition.names
        bare = _bare(field, graylog=node.graylog)
        dotted = self._dotted(bare)
        rest = self._rest
        stored = dict.fromkeys((field_key(field), field_key(bare)))
        choices = [(self._has(key), self._stored(node, key)) for key in stored if key in names or rest.has_names]
        also = None if node.graylog else underscored(field)
        if also is not None:
            choices.append((self._exists(also.name), self._underscored(node, also)))
        choices += [(self._has(key), self._stored(node, key)) for key in dotted]
        alike = engine.nothing
        if "_" in bare and rest.has_names:
            alike = rest.alike(bare, [field_key(bare)])
            alike = alike if engine.finds(alike.most) else engine.nothing
        if len(dotted) > 1 or alike is not engine.nothing:  # which comes first is in the message only
            return engine.maybe(engine.any_of([alike, *(found for _, found in choices)]).most)
        found: list[Bounds] = []
        before: list[Bounds] = []
        for has, each in choices:
            found.append(engine.all_but(each, engine.any_of(before)) if before else each)
            before.append(has)
        return engine.any_of(found)

    def _has(self, key: str) -> Bounds:
        """Messages that have a field of this name."""
        found = []
        if key in self.partition.names:
            found.append(self._engine.has(f"added.{key}"))
        if self._rest.has_names or self._rest.has_long:
            found.append(self._rest.exists(key))
        return self._engine.any_of(found)

    def _stored(self, node: _Leaf, key: str) -> Bounds:
        """Translate a leaf that looks at one additional field."""
        if key not in self.partition.names:
            return self._rest.leaf(node, key)
        found = [self._columns.leaf(node, key)]
        if self._rest.has_long:
            found.append(self._rest.long(node, key))
        return self._engine.any_of(found)

    def _underscored(self, node: _Leaf, known: Known) -> Bounds:
        """``_level`` and the like, where no such field was sent; of a text it means the whole, which no index holds."""
        if known.matching == "words":
            return self._engine.maybe(self._exists(known.name).most)
        return self._known(replace(node, field=known.name), known)

    def _dotted(self, bare: str) -> list[str]:
        if "_" not in bare:
            return []
        stored = ((key, field_name(key)) for key in list(self.partition.names) if "%2e;" in key)
        return [key for key, name in stored if name.replace(".", "_") == bare]

    def _exists(self, field: str, *, graylog: bool = False) -> Bounds:
        engine, known = self._engine, known_field(field, graylog=graylog)
        if known is not None:
            return self._has_known(known)
        bare = _bare(field, graylog=graylog)
        keys = dict.fromkeys((field_key(field), field_key(bare), *self._dotted(bare)))
        found = [self._has(key) for key in keys if key in self.partition.names or self._rest.has_names]
        if "_" in bare and self._rest.has_names:
            found.append(self._rest.alike(bare, []))
        also = None if graylog else underscored(field)
        if also is not None:
            found.append(self._has_known(also))
        return engine.any_of(found)

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

    def _any_field(self, node: _Leaf) -> Bounds:
        """Translate a leaf that looks into every field."""
        value = replace(node, field="value")
        found = [self._texts.words(node, "words"), self._source(node), self._texts.words(node, "full")]
        found += [self._level(value), self._columns.any(value), self._rest.leaf(value, "")]
        if isinstance(node, (Term, Phrase)) and added_getter(node.text) is not None:
            found += [self._id(node), self._columns.leaf(node, "@ip")]
        return self._engine.any_of(found)

    def _level(self, node: _Leaf) -> Bounds:
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

    def _id(self, node: _Leaf) -> Bounds:
        engine = self._engine
        if isinstance(node, (Term, Phrase)):
            return engine.term("key", ulid_key(node.text)) if len(node.text) == 26 else engine.nothing
        return engine.maybe(engine.everything.most)

    def _span(self, span: Span) -> Bounds | None:
        if self.partition.within(*span_of(span)):
            return None
        return self._times.between("timestamp", span.start, span.end)

    # --- the predicate

    def _value_test(self, node: _Leaf) -> Callable[[FieldValue], bool]:
        """Return the predicate's test of one value."""
        test = compile_predicate(replace(node, field="value"), self._clock)
        return lambda value: test(Message(0.0, "", "", None, None, b"", 0.0, _fields={"value": value}))

    @property
    def _clock(self) -> Callable[[], float]:
        now = self._now
        return lambda: now

    def _verified(self, rough: tantivy.Query, node: Node) -> Bounds:
        """Look at what was found roughly, message by message."""
        found = self.searcher.search(rough, limit=MAX_VERIFIED + 1, count=False, order_by_field="order")
        if len(found.hits) > MAX_VERIFIED:
            detail = f"more than {MAX_VERIFIED} messages would have to be looked at one by one"
            cut(f"{detail}; narrow it by a field or by time", str(node)[:100])
        predicate = compile_predicate(node, self._clock)
        orders = [int(order) for order, _ in found.hits[:MAX_VERIFIED]]
        keys: list[FieldValue] = [message.key for _, message in self.partition.read(orders) if predicate(message)]
        return self._engine.terms("key", keys)


def _bare(field: str, *, graylog: bool) -> str:
    """Return a field's name without the underscore that the extended language may have before it."""
    return field[1:] if field.startswith("_") and len(field) > 1 and not graylog else field


def span_of(span: Span) -> tuple[int | None, int | None]:
    """Return a span in microseconds."""
    return None if span.start is None else micros(span.start), None if span.end is None else micros(span.end)
