"""Text leaves: what a word, a pattern or a range finds in fields whose terms are words or whole lower-case texts."""

from __future__ import annotations

from gelf_listener.query.nodes import Fuzzy, Phrase, Range, Regex, Term, Wildcard
from gelf_listener.query.times import parse_time
from gelf_listener.query.words import words
from gelf_listener.store.engine import Bounds, Engine
from gelf_listener.store.expressions import ANYTHING, broader, expression_of

DATES = "[0-9]{4}-[0-9]{2}-[0-9]{2}" + ANYTHING
"""Texts that may be read as a time."""

WRITTEN_DATES = "[0-9]{4}(?:-[0-9]{2}|/[0-9]{2}/[0-9]{2})" + ANYTHING
"""Texts that a Graylog's index may take for dates (`graylog_values.date_format_of`)."""


class TextLeaves:
    """
    Translates leaves for text fields of the schema, with the words of a predicate's `CutText` or whole hosts as terms.

    Args:
        engine: Of the partition.
        now: What ``now`` means, UTC Unix seconds.
    """

    def __init__(self, engine: Engine, now: float) -> None:
        self._engine = engine
        self._now = now

    def words(self, node: Term | Phrase | Wildcard | Regex | Fuzzy | Range, column: str) -> Bounds:
        """Words of a text."""
        engine = self._engine
        if not isinstance(node, (Term, Phrase)):
            return self._pattern(node, column)
        wanted = words(node.text)
        if isinstance(node, Term) or len(wanted) < 2:
            return engine.any_of([engine.term(column, word) for word in dict.fromkeys(wanted)])
        if node.slop == 0:
            return engine.phrase(column, wanted)
        together = engine.all_of([engine.term(column, word) for word in dict.fromkeys(wanted)])
        return engine.maybe(together.most)

    def whole(self, node: Term | Phrase | Wildcard | Regex | Fuzzy | Range, column: str) -> Bounds:
        """A whole text in lower case."""
        engine = self._engine
        if isinstance(node, (Term, Phrase)):
            return engine.term(column, node.text.lower())
        found = self._pattern(node, column)
        if isinstance(node, Range) and not node.graylog and _between_times(node, self._now):
            dates = engine.matching(column, DATES)
            if dates is not None and engine.finds(dates.most):  # those are compared as times
                return engine.between(engine.without(found.least, dates.most), engine.either(found.most, dates.most))
        return found

    def _pattern(self, node: Wildcard | Regex | Fuzzy | Range, column: str) -> Bounds:
        engine = self._engine
        if isinstance(node, Fuzzy):
            return engine.near(column, node.text.lower(), node.distance)
        found = engine.matching(column, expression_of(node, lower=True))
        if found is not None:
            return found
        rough = engine.matching(column, broader(node, lower=True))
        return engine.maybe(engine.everything.most if rough is None else rough.most)


def _between_times(node: Range, now: float) -> bool:
    """Whether the ends of a range can be read as times."""
    return all(end is None or parse_time(end, now) is not None for end in (node.low, node.high))
