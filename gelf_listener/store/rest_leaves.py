"""
Rest leaves: what a leaf finds among the values that have no column.

A partition keeps columns for a limited number of names, and for texts of a limited length. The values of all other
fields are terms of ``rest`` (`schema.rest_terms`): once with the name of their field, once without, for searches
without a field.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable

from gelf_listener.message import FieldValue
from gelf_listener.query.graylog_values import fits, may_be_other
from gelf_listener.query.graylog_values import number_of as graylog_number
from gelf_listener.query.nodes import Fuzzy, Phrase, Range, Regex, Term, Wildcard
from gelf_listener.query.ranges import number_of
from gelf_listener.query.times import parse_time, time_of
from gelf_listener.store.column_leaves import may_be_number
from gelf_listener.store.engine import Bounds, Engine
from gelf_listener.store.expressions import ANYTHING, broader, escaped, expression_of, prefixed
from gelf_listener.store.schema import LONG, MAX_TEXT_CHARACTERS, REST, field_key, rest_value
from gelf_listener.store.text_leaves import WRITTEN_DATES

_Leaf = Term | Phrase | Wildcard | Regex | Fuzzy | Range
_Test = Callable[[FieldValue], bool]


class RestLeaves:
    """
    Translates leaves for values without a column.

    Args:
        engine: Of the partition.
        test_of: Gives the predicate's test of one value.
    """

    def __init__(self, engine: Engine, test_of: Callable[[_Leaf], _Test]) -> None:
        self._engine = engine
        self._test_of = test_of

    @property
    def has_names(self) -> bool:
        """Whether there may be fields that are not among the partition's names."""
        return REST in self._engine.partition.names

    @property
    def has_long(self) -> bool:
        """Whether there may be texts that are too long for a column."""
        return LONG in self._engine.partition.names

    def exists(self, key: str) -> Bounds:
        """Messages that have a field."""
        return self._matching(key, ANYTHING)

    def alike(self, bare: str, names: list[str]) -> Bounds:
        """Messages with a field whose dots are the underscores of a name, other than some names."""
        expression = "(?:_|\\x{25}2e;)".join(escaped(field_key(part)) for part in bare.split("_"))
        found = self._engine.matching("rest", expression + "\x00" + ANYTHING)
        if found is None:
            return self._engine.everything
        return self._engine.all_but(found, self._engine.any_of([self.exists(name) for name in names]))

    def leaf(self, node: _Leaf, key: str) -> Bounds:
        """Translate a leaf for a field; the empty key means every field."""
        found = [self.long(node, key)] if self.has_long else []
        if self.has_names:
            found.append(self._short(node, key))
        return self._engine.any_of(found)

    def long(self, node: _Leaf, key: str) -> Bounds:
        """What a leaf may find among texts too long for a column."""
        if isinstance(node, (Term, Phrase)) and len(node.text) <= MAX_TEXT_CHARACTERS and number_of(node.text) is None:
            return self._engine.nothing
        return self._engine.maybe(self._engine.term("rest", f"{key}\x00l").most)

    def _short(self, node: _Leaf, key: str) -> Bounds:
        if node.graylog:
            return self._typed(node, key)
        if isinstance(node, (Term, Phrase)):
            return self._equal(node, key)
        if isinstance(node, (Wildcard, Regex)):
            expression = expression_of(node, lower=False)
            found = (
                None
                if expression is None
                else self._engine.matching("rest", prefixed(f"{escaped(key)}\x00(?:s[=#]|n|b)", expression))
            )
            return found or self._engine.maybe(
                self._matching(key, prefixed("s[=#]|n|b", broader(node, lower=False))).most
            )
        if isinstance(node, Fuzzy) and not key:
            return self._near(node)
        return self._tried(node, key)

    def _typed(self, node: _Leaf, key: str) -> Bounds:
        """In Graylog's meaning: patterns look at texts, and texts that are dates at dates only."""
        if isinstance(node, (Term, Phrase)):
            found = self._equal(node, key)
            if may_be_other(node.text):
                found = self._engine.any_of([found, self._engine.maybe(self._matching(key, "s=" + WRITTEN_DATES).most)])
            return found
        if isinstance(node, Range) or (isinstance(node, Fuzzy) and key):
            return self._tried(node, key)
        expression = expression_of(node, lower=False)
        rough = prefixed("s=", broader(node, lower=False) if expression is None else expression)
        return self._engine.maybe(self._matching(key, rough).most)

    def _near(self, node: Fuzzy) -> Bounds:
        """
        What is at most so many edits away in any field.

        Edits may touch what a term begins with; what that finds too much are numbers, where the text is nearly one.
        """
        engine, test = self._engine, self._test_of(node)
        truths = engine.terms("rest", ["\x00b" + spelled for spelled in ("true", "false") if test(spelled == "true")])
        near = engine.near("rest", "\x00s=" + node.text, node.distance)
        if may_be_number(node):
            near = engine.maybe(engine.any_of([near, self._matching("", "(?:n|s#)" + ANYTHING)]).most)
        return engine.any_of([near, truths])

    def _equal(self, node: Term | Phrase, key: str) -> Bounds:
        text = node.text
        if not node.graylog and time_of(text) is not None and parse_time(text, 0.0) is not None:
            return self._tried(node, key)
        terms: list[FieldValue] = [f"{key}\x00s={text}"] if len(text) <= MAX_TEXT_CHARACTERS else []
        if text in ("true", "false"):
            terms.append(f"{key}\x00b{text}")
        if node.graylog:
            number = graylog_number(text)
            if number is not None and not fits(number):  # no whole number then
                number = float(number)
            kinds: tuple[str, ...] = ("n",)
        else:
            number, kinds = number_of(text), ("n", "s#")
        if number is not None:
            terms += [f"{key}\x00{kind}{spelled}" for kind in kinds for spelled in _spelled(number)]
        return self._engine.terms("rest", terms)

    def _tried(self, node: _Leaf, key: str) -> Bounds:
        """Try the predicate on a field's values; where they are too many, on the messages."""
        values = self._engine.terms_of("rest", key + "\x00") if key else None
        if values is None:
            return self._engine.maybe(self._matching(key, "[snb]" + ANYTHING).most)
        test = self._test_of(node)
        known = [(term, rest_value(term)) for term in values]
        return self._engine.terms("rest", [term for term, value in known if value is not None and test(value)])

    def _matching(self, key: str, expression: str) -> Bounds:
        found = self._engine.matching("rest", prefixed(escaped(key) + "\x00", expression))
        return found or self._engine.everything


def _spelled(number: float) -> list[str]:
    """Return how a number may have been written."""
    found = {str(number)}
    with contextlib.suppress(OverflowError):
        if float(number) == number:
            found.add(str(float(number)))
    if isinstance(number, int) or number.is_integer():
        found.add(str(int(number)))
    return sorted(found)
