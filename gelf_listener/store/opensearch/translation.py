"""
Translation: a query tree -> clauses for OpenSearch that find what the predicate lets through.

Where a clause finds too much, or less than it might, the bounds say so, and the store finishes it with the predicate on
the messages between the two.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from gelf_listener.query.fields import Known, added_getter
from gelf_listener.query.graylog_values import may_be_other
from gelf_listener.query.nodes import Node, Phrase, Range, Term
from gelf_listener.query.ranges import number_of
from gelf_listener.query.times import parse_time, time_of
from gelf_listener.query.words import words
from gelf_listener.store.algebra import Bounds
from gelf_listener.store.column_leaves import may_be_number
from gelf_listener.store.opensearch.clauses import Clause, Clauses
from gelf_listener.store.opensearch.shape import SpanTranslator
from gelf_listener.store.opensearch.values import marked
from gelf_listener.store.schema import MAX_TEXT_CHARACTERS, field_key
from gelf_listener.store.tree import Leaf

_INEXACT = float(1 << 53)
"""From here on a column of doubles does not tell which whole number a value was."""


class ClauseTranslator(SpanTranslator):
    """
    Translates queries for all indices of a store.

    Args:
        names: Keys of the additional fields that have columns.
        now: What ``now`` means, UTC Unix seconds.
        rest: Whether there are fields without columns.
    """

    def __init__(self, names: Mapping[str, set[str]], now: float, *, rest: bool) -> None:
        clauses = Clauses()
        super().__init__(clauses, names, now)
        self._engine: Clauses = clauses
        self._rest = rest

    def translate(self, node: Node) -> Bounds[Clause]:
        """Translate a query; what Graylog's meaning finds is among what the extended one does."""
        found = super().translate(node)
        if getattr(node, "graylog", False) and found is not self._engine.nothing:
            return self._engine.maybe(found.most)
        return found

    # --- texts

    def _words(self, node: Leaf, terms: str) -> Bounds[Clause]:
        engine = self._engine
        if isinstance(node, (Term, Phrase)):
            wanted = words(node.text)
            if isinstance(node, Term) or len(wanted) < 2:
                return engine.any_of([engine.term(terms, word) for word in dict.fromkeys(wanted)])
            if node.slop == 0:
                return engine.phrase(terms, wanted)
            return engine.maybe(engine.all_of([engine.term(terms, word) for word in dict.fromkeys(wanted)]).most)
        if isinstance(node, Range):
            return engine.texts_between(node, terms, lower=True)
        return engine.pattern(node, terms, lower=True)

    def _source(self, node: Leaf) -> Bounds[Clause]:
        engine = self._engine
        if isinstance(node, (Term, Phrase)):
            found = engine.term("source", node.text.lower()[:MAX_TEXT_CHARACTERS])
        elif isinstance(node, Range):
            found = self._beside_dates(node, engine.texts_between(node, "source", lower=True), "source", "")
        else:
            found = engine.pattern(node, "source", lower=True)
        hard = engine.term("marks", "hard").most
        return engine.between(engine.without(found.least, hard), engine.either(found.most, hard))

    def _beside_dates(self, node: Range, found: Bounds[Clause], field: str, mark: str) -> Bounds[Clause]:
        """Texts that are times are compared as times, where both ends are."""
        ends = [end for end in (node.low, node.high) if end is not None]
        if not all(parse_time(end, self._now) is not None for end in ends):
            return found
        engine, dates = self._engine, self._engine.dates(field, mark).most
        return engine.between(engine.without(found.least, dates), engine.either(found.most, dates))

    # --- values

    def _whole(self, node: Leaf, terms: str) -> Bounds[Clause]:
        return self._value(node, f"v.{terms}", f"n.{terms}")

    def _stored(self, node: Leaf, key: str) -> Bounds[Clause]:
        engine = self._engine
        found = [engine.maybe(engine.term("rest", key).most)] if self._rest else []
        if key in self._names:
            found.append(self._value(node, f"v.{key}", f"n.{key}"))
        if not self._is_short(node):
            found.append(engine.maybe(engine.term("long", key).most))
        return engine.any_of(found)

    @staticmethod
    def _is_short(node: Leaf) -> bool:
        """Whether only a text can match that is short enough to be a term."""
        text = node.text if isinstance(node, (Term, Phrase)) else None
        return text is not None and len(text) <= MAX_TEXT_CHARACTERS and number_of(text) is None

    def _value(self, node: Leaf, field: str, numbers: str) -> Bounds[Clause]:
        """Translate a leaf that looks at values of any kind."""
        engine = self._engine
        found: list[Bounds[Clause]] = []
        if node.graylog and (not isinstance(node, (Term, Phrase)) or may_be_other(node.text)):
            found.append(engine.maybe(engine.dates(field, "=").most))
        if isinstance(node, (Term, Phrase)):
            return engine.any_of([*found, *self._equal(node.text, field)])
        if isinstance(node, Range):
            texts = engine.texts_between(node, field, "=", lower=False)
            return engine.any_of([*found, self._beside_dates(node, texts, field, "="), self._between(node, numbers)])
        found.append(engine.pattern(node, field, "=", lower=False))
        test = self._value_test(node)
        found.append(engine.terms(field, [term for term in ("btrue", "bfalse") if test(term == "btrue")]))
        if may_be_number(node):  # it depends on how they were sent, which no column tells
            found.append(engine.maybe(engine.prefix(field, "n").most))
        return engine.any_of(found)

    def _equal(self, text: str, field: str) -> list[Bounds[Clause]]:
        engine, number = self._engine, number_of(text)
        found = [engine.term(field, "=" + text)] if len(text) <= MAX_TEXT_CHARACTERS else []
        term = None if number is None else marked(number)
        if term is not None:
            found.append(engine.term(field, term))
        if text in ("true", "false"):
            found.append(engine.term(field, "b" + text))
        interval = None if time_of(text) is None else parse_time(text, 0.0)
        if interval is not None:
            day = dt.datetime.fromtimestamp(interval.start, dt.UTC).date()
            for step in (-1, 0, 1):  # an offset moves a date by one
                moved = dt.date.fromordinal(min(max(day.toordinal() + step, 1), dt.date.max.toordinal()))
                found += [
                    engine.maybe(engine.prefix(field, f"={moved:{form}}").most) for form in ("%Y-%m-%d", "%Y/%m/%d")
                ]
        return found

    def _between(self, node: Range, numbers: str) -> Bounds[Clause]:
        """Numbers between two ends, by value."""
        engine = self._engine
        low = None if node.low is None else number_of(node.low)
        high = None if node.high is None else number_of(node.high)
        if (low is None) is not (node.low is None) or (high is None) is not (node.high is None):
            return engine.nothing
        if any(end is not None and abs(end) >= _INEXACT for end in (low, high)):
            return engine.maybe(engine.has(numbers).most)
        return engine.between_ends(
            numbers, {"gte" if node.include_low else "gt": low, "lte" if node.include_high else "lt": high}
        )

    # --- others

    def _any_field(self, node: Leaf) -> Bounds[Clause]:
        engine, value = self._engine, replace(node, field="value")
        found = [self._words(node, "words"), self._source(node), self._words(node, "full"), self._level(value)]
        found.append(self._value(value, "any", "anyn"))
        if not self._is_short(node):
            found.append(engine.maybe(engine.has("long").most))
        if isinstance(node, (Term, Phrase)) and added_getter(node.text) is not None:
            found += [self._id(node), self._whole(node, "@ip")]
        return engine.any_of(found)

    def _level(self, node: Leaf) -> Bounds[Clause]:
        engine, test = self._engine, self._value_test(node)
        others = [
            engine.numbers("level", None, 0),
            engine.numbers("level", 8, None),
            engine.term("marks", "level"),
        ]
        usual = engine.terms("level", [level for level in range(8) if test(level)])
        return engine.any_of([usual, engine.maybe(engine.any_of(others).most)])

    def _id(self, node: Leaf) -> Bounds[Clause]:
        engine = self._engine
        return engine.ids([node.text]) if isinstance(node, (Term, Phrase)) else engine.maybe(engine.everything.most)

    def _has(self, key: str) -> Bounds[Clause]:
        return self._engine.term("names", key)

    def _has_known(self, known: Known) -> Bounds[Clause]:
        engine = self._engine
        if known.always:
            return engine.everything
        if known.matching == "words":
            return engine.term("marks", known.terms)
        if known.matching == "level":
            return engine.any_of([engine.has("level"), engine.term("marks", "level")])
        return engine.has(f"v.{known.terms}")

    @property
    def _unnamed(self) -> bool:
        return self._rest

    def _alike(self, bare: str, keys: list[str]) -> Bounds[Clause]:
        engine = self._engine
        expression = "(_|%2e;)".join(engine.literal(field_key(part)) for part in bare.split("_"))
        found = engine.regex("rest", expression)
        return engine.all_but(found, engine.any_of([engine.term("rest", key) for key in keys]))
