"""
Graylog translation: a query tree -> clauses about indices as a Graylog has them.

The structure of a query is ours in either meaning; what a leaf finds is what the index makes of it, in the words in
which a Graylog asks (``query_string``). So a value is compared as its field's type says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from gelf_listener.query.fields import Known, added_getter
from gelf_listener.query.nodes import Node, Phrase, Term, Wildcard
from gelf_listener.store.algebra import Bounds
from gelf_listener.store.opensearch.clauses import Clause, Clauses
from gelf_listener.store.opensearch.shape import SpanTranslator
from gelf_listener.store.parameters import Span
from gelf_listener.store.schema import field_name
from gelf_listener.store.tree import Leaf

ADDED = {"@ip": "gl2_remote_ip", "@port": "gl2_remote_port", "@input": "gl2_source_input", "@node": "gl2_source_node"}
"""What the listener adds to a message: where `query.fields` says it is -> its field here."""

_TEXTS = {"words": "message", "full": "full_message"}
_TIMES = {"timestamp": "timestamp", "received": "gl2_receive_timestamp"}
_MOST_FIELDS = 900
"""OpenSearch asks no more than 1024 fields at once by their names."""
_OPEN_MICROS = 1 << 62
"""Beyond it, an end of a span is open (`TimeLeaves`)."""


class _GraylogClauses(Clauses):
    """Makes queries; times are milliseconds."""

    def numbers(self, column: str, low: float | None, high: float | None) -> Bounds[Clause]:
        """Numbers of a column from `low` up to, not including, `high`; of a time in microseconds."""
        if column not in _TIMES:
            return super().numbers(column, low, high)
        ends = {
            name: -(-int(end) // 1000)
            for name, end in (("gte", low), ("lt", high))
            if end is not None and abs(end) < _OPEN_MICROS
        }
        if not ends:
            return self.everything
        return self.exactly({"range": {_TIMES[column]: {**ends, "format": "epoch_millis"}}})

    def asked(self, node: Leaf, fields: Sequence[str]) -> Bounds[Clause]:
        """What a leaf finds in some fields."""
        bare = replace(node, field=None)
        if isinstance(bare, Term) and bare.text[:1] in ("<", ">"):  # as a word it would begin a range
            bare = Phrase(None, bare.text)
        query = {"query": str(bare), "fields": list(fields), "lenient": True, "allow_leading_wildcard": True}
        return self.exactly({"query_string": query})


class GraylogTranslator(SpanTranslator):
    """
    Translates queries for all indices of a store.

    Args:
        names: Keys of the additional fields that have columns.
        now: What ``now`` means, UTC Unix seconds.
        rest: Finds messages that have something that no column holds; None where there are none.
    """

    def __init__(self, names: Mapping[str, set[str]], now: float, rest: Clause | None) -> None:
        clauses = _GraylogClauses()
        super().__init__(clauses, names, now)
        self._engine: _GraylogClauses = clauses
        self._rest = rest

    def within(self, node: Node, span: Span) -> Bounds[Clause]:
        """Translate a query about messages of a span; what no column holds is looked at one by one."""
        engine, found = self._engine, self.translate(node)
        if self._rest is not None:
            found = engine.between(engine.without(found.least, self._rest), engine.either(found.most, self._rest))
        if span.start is None and span.end is None:
            return found
        return engine.all_of([self._times.between("timestamp", span.start, span.end), found])

    def _field(self, node: Leaf, field: str) -> Bounds[Clause]:
        return super()._field(node, field if node.graylog else field.replace(".", "_"))

    def _exists(self, field: str, *, graylog: bool = False) -> Bounds[Clause]:
        return super()._exists(field if graylog else field.replace(".", "_"), graylog=graylog)

    def _words(self, node: Leaf, terms: str) -> Bounds[Clause]:
        return self._ask(node, [_TEXTS[terms]])

    def _source(self, node: Leaf) -> Bounds[Clause]:
        return self._ask(node, ["source"])

    def _level(self, node: Leaf) -> Bounds[Clause]:
        engine = self._engine
        if node.graylog:
            return self._ask(node, ["level"])
        test = self._value_test(node)
        others = engine.any_of([engine.numbers("level", None, 0), engine.numbers("level", 8, None)])
        usual = engine.terms("level", [level for level in range(8) if test(level)])
        return engine.any_of([usual, engine.maybe(others.most)])

    def _id(self, node: Leaf) -> Bounds[Clause]:
        if isinstance(node, (Term, Phrase)):
            return self._engine.ids([node.text])
        return self._ask(node, ["gl2_message_id"])

    def _whole(self, node: Leaf, terms: str) -> Bounds[Clause]:
        return self._ask(node, [ADDED[terms]])

    def _any_field(self, node: Leaf) -> Bounds[Clause]:
        self.has_unknown = True
        fields = ["message", "full_message", "source", "level", *map(field_name, self._names)]
        found = [self._ask(node, fields if len(fields) <= _MOST_FIELDS else ["*"])]
        if isinstance(node, (Term, Phrase)) and added_getter(node.text) is not None:
            found += [self._id(node), self._whole(node, "@ip")]
        return self._engine.any_of(found)

    def _stored(self, node: Leaf, key: str) -> Bounds[Clause]:
        return self._ask(node, [field_name(key)])

    def _ask(self, node: Leaf, fields: Sequence[str]) -> Bounds[Clause]:
        if isinstance(node, Wildcard) and node.parts == ((True, "*"),):
            return self._engine.any_of([self._engine.has(field) for field in fields])
        return self._engine.asked(node, fields)

    def _has(self, key: str) -> Bounds[Clause]:
        return self._engine.has(field_name(key))

    def _has_known(self, known: Known) -> Bounds[Clause]:
        return self._engine.everything if known.always else self._engine.has(ADDED.get(known.terms, known.name))

    @property
    def _unnamed(self) -> bool:
        return False

    def _alike(self, bare: str, keys: list[str]) -> Bounds[Clause]:  # noqa: ARG002
        return self._engine.nothing
