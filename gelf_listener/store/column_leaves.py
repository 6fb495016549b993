"""
Column leaves: what a leaf finds in one column of ``added``, the additional fields.

Few different values are tried by the predicate itself. Where there are more than the engine tells (`MAX_DISTINCT`), it
is asked with an expression, a range or an edit distance of its own, which needs no list of values at all. Numbers and
ids have no terms: they are looked up in their column, one after another (`_MAX_LOOKED_UP`), or by their places.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable, Collection, Sequence
from decimal import Decimal

from gelf_listener.message import FieldValue
from gelf_listener.query import graylog_values
from gelf_listener.query.graylog_values import fits, may_be_other
from gelf_listener.query.nodes import Fuzzy, Phrase, Range, Regex, Term, Wildcard
from gelf_listener.query.ranges import number_of
from gelf_listener.query.times import Interval, parse_time, time_of
from gelf_listener.store.engine import Bounds, Engine
from gelf_listener.store.expressions import ANYTHING, broader, escaped, expression_of, prefixed
from gelf_listener.store.schema import (
    ID_DIGITS,
    IDS,
    MAX_TEXT_CHARACTERS,
    is_id,
    term_of,
    text_term,
    truth_term,
    value_of,
)
from gelf_listener.store.text_leaves import DATES, WRITTEN_DATES

_LARGE = 1 << 62
"""Ends of ranges from which tantivy overflows now and then."""
_INEXACT = 1 << 53
"""From here on the values of a column may not be those that were sent: it has one type for all of its numbers."""
_SMALLEST = 5e-324
"""No number lies between it and zero."""
_SAFE = re.compile(r"[A-Za-z0-9_./-]{1,200}")
"""Ends of ranges of texts that tantivy's language takes as they are."""
_MAX_AT_ONCE = 40
"""Columns that are asked one by one; more of them are asked with one expression over all."""

_MAX_LOOKED_UP = 500
"""Values that are looked up in a column: of a million messages each takes up to a millisecond."""
_MAX_BESIDE = 40
"""Ids that are looked up so; the places of more of them are asked for at once."""

_ID_PIECE = re.compile("[0-9A-Za-z_-]*")
_IDS = "[0-9A-Za-z_-]+"
"""Texts that may be ids, and more."""

_NUMERIC = frozenset("0123456789.-+einfa")
"""What a number is spelled with."""

_Leaf = Term | Phrase | Wildcard | Regex | Fuzzy | Range
_Test = Callable[[FieldValue], bool]


class ColumnLeaves:
    """
    Translates leaves for columns.

    Args:
        engine: Of the partition.
        now: What ``now`` means, UTC Unix seconds.
        test_of: Gives the predicate's test of one value.
    """

    def __init__(self, engine: Engine, now: float, test_of: Callable[[_Leaf], _Test]) -> None:
        self._engine = engine
        self._names = engine.partition.names
        self._letters = engine.partition.letters
        self._now = now
        self._test_of = test_of

    def leaf(self, node: _Leaf, key: str) -> Bounds:
        """Translate a leaf that looks at one column."""
        kinds = self._names.get(key, set())
        found = []
        if "text" in kinds:
            found.append(self._texts(node, [key]))
        if not kinds <= {"text"}:
            found.append(self._others(node, key, kinds))
        return self._engine.any_of(found)

    def any(self, node: _Leaf) -> Bounds:
        """Translate a leaf that looks at all columns of additional fields."""
        names = {key: kinds for key, kinds in list(self._names.items()) if not key.startswith("@")}
        found = [self._texts(node, self._text_keys)]
        if isinstance(node, (Term, Phrase)) and _number(node, node.text) is None and node.text not in ("true", "false"):
            return found[0]
        found += [self._others(node, key, kinds) for key, kinds in names.items() if not kinds <= {"text"}]
        return self._engine.any_of(found)

    # --- texts

    @property
    def _text_keys(self) -> list[str]:
        """All additional fields that have texts."""
        return [key for key, kinds in list(self._names.items()) if "text" in kinds and not key.startswith("@")]

    def _texts(self, node: _Leaf, keys: Sequence[str]) -> Bounds:
        """What a leaf finds among the texts of columns."""
        if not keys:
            return self._engine.nothing
        if node.graylog:
            return self._typed(node, keys)
        if isinstance(node, (Term, Phrase)):
            return self._equal(node, keys)
        if isinstance(node, Fuzzy):
            return self._engine.any_of([self._near(node, key) for key in keys])
        if isinstance(node, Range):
            return self._engine.any_of([self._range(node, key) for key in keys])
        return self._pattern(node, keys)

    def _typed(self, node: _Leaf, keys: Sequence[str]) -> Bounds:
        """In Graylog's meaning a text that is a date is compared with dates only."""
        engine, dates = self._engine, "=" + WRITTEN_DATES
        dated: list[str] = []
        if not isinstance(node, (Term, Phrase)) or may_be_other(node.text):
            rough = self._expressed(None, dates)
            if rough is None or engine.finds(rough.most):
                of_key = [(key, self._expressed(key, dates)) for key in keys]
                dated = [key for key, each in of_key if each is None or engine.finds(each.most)]
        found = [self._plain(node, [key for key in keys if key not in dated])]
        for key in dated:
            apart = self._expressed(key, dates) or engine.has(f"added.{key}")
            found += [engine.all_but(self._plain(node, [key]), apart), self._tried(self._test_of(node), key, dates)]
        return engine.any_of(found)

    def _plain(self, node: _Leaf, keys: Sequence[str]) -> Bounds:
        """What a leaf finds among texts that are nothing else."""
        if not keys:
            return self._engine.nothing
        if isinstance(node, (Term, Phrase)):
            return self._same(node.text, keys)
        if isinstance(node, Fuzzy):
            return self._engine.any_of([self._near(node, key) for key in keys])
        if isinstance(node, Range):
            return self._engine.any_of([self._ordered(node, key) for key in keys])
        return self._pattern(node, keys)

    def _same(self, text: str, keys: Sequence[str]) -> Bounds:
        """A whole text."""
        if len(text) > MAX_TEXT_CHARACTERS:
            return self._engine.nothing
        engine, apart = self._engine, [key for key in keys if self._has_ids(key)] if is_id(text) else []
        found = [engine.valued(f"added.{key}", "=" + text) for key in apart]
        terms = [key for key in keys if key not in apart]
        if len(terms) > _MAX_AT_ONCE:
            found.append(self._expressed(None, "=" + escaped(text)) or self._one_by_one(terms, "=" + text))
        else:
            found.append(self._one_by_one(terms, "=" + text))
        return engine.any_of(found)

    def _has_ids(self, key: str) -> bool:
        """Whether a column has ids that are not terms."""
        return key in self._names.get(IDS, ())

    def _equal(self, node: Term | Phrase, keys: Sequence[str]) -> Bounds:
        text = node.text
        found = [self._same(text, keys)]
        number = number_of(text)
        huge = None if number is None else _huge(number)
        if huge is not None:
            found.append(self._one_by_one(keys, huge))
        interval = None if time_of(text) is None else parse_time(text, 0.0)
        if interval is not None:
            found += [self._dates(node, key, interval) for key in keys]
        return self._engine.any_of(found)

    def _one_by_one(self, keys: Sequence[str], term: str) -> Bounds:
        return self._engine.terms("terms", [text_term(key, term) for key in keys])

    def _pattern(self, node: Wildcard | Regex, keys: Sequence[str]) -> Bounds:
        engine = self._engine
        expression = expression_of(node, lower=False)
        kinds = "=" if node.graylog else "[=#]"  # no number is found as text there, however large it is
        if isinstance(node, Wildcard) and len(keys) <= _MAX_AT_ONCE:
            beginnings = [self._beginning(node, key) for key in keys]
            if None not in beginnings:
                return engine.any_of([each for each in beginnings if each is not None])
        whole = None if expression is None else prefixed(kinds, expression)
        if whole is None or engine.matching("terms", whole) is None:
            test = self._test_of(node)
            rough = prefixed(kinds, broader(node, lower=False))
            return engine.any_of([self._tried(test, key, rough) for key in keys])
        terms = self._expressed_in(keys, whole)
        if terms is None:
            return engine.any_of([self._few_or_expressed(key, whole) for key in keys])
        ids = [key for key in keys if self._has_ids(key) and may_be_id(node, self._letters.get(key))]
        return engine.any_of([terms, *(self._few_or_expressed(key, whole) for key in ids)])

    def _expressed_in(self, keys: Sequence[str], expression: str) -> Bounds | None:
        """Match texts of some columns by the engine's terms, in one walk through them; ids are not among these."""
        if len(keys) > _MAX_AT_ONCE or len(keys) == len(self._text_keys):
            return self._expressed(None, expression)
        start = "|".join(escaped(text_term(key, "")) for key in keys)
        return self._engine.matching("terms", prefixed(f"(?:{start})", expression))

    def _few_or_expressed(self, key: str, expression: str) -> Bounds:
        engine, path = self._engine, f"added.{key}"
        few = engine.distinct(path, expression)
        if few is not None:
            return self._listed(key, [value for value in few if isinstance(value, str)], expression)
        found = self._expressed(key, expression) or engine.maybe(engine.has(path).most)
        return engine.between(found.least, engine.has(path).most) if self._has_ids(key) else found

    def _tried(self, test: _Test, key: str, expression: str) -> Bounds:
        """Try a test on the texts that match an expression; where they are too many, on the messages."""
        engine, path = self._engine, f"added.{key}"
        few = engine.distinct(path, expression)
        if few is not None:
            found = [term for term in few if isinstance(term, str) and test(value_of(term))]
            return self._listed(key, found, expression)
        rough = None if self._has_ids(key) else self._expressed(key, expression)
        return engine.maybe((rough or engine.has(path)).most)

    def _listed(self, key: str, terms: Sequence[str], expression: str) -> Bounds:
        """Some texts of a column, all of which match an expression."""
        engine, path = self._engine, f"added.{key}"
        ids = {term for term in terms if is_id(term[1:])} if self._has_ids(key) else set()
        found = [engine.terms("terms", [text_term(key, term) for term in terms if term not in ids])]
        if len(ids) > _MAX_BESIDE:
            places = engine.places(path, expression)
            rare = [places[each] for each in ids if each in places and places[each][0] <= 2]
            found.append(engine.at(sorted({place for _, *ends in rare for place in ends})))
            ids = {each for each in ids if each in places and places[each][0] > 2}
        if len(ids) > _MAX_LOOKED_UP:
            found.append(engine.maybe(engine.has(path).most))
        else:
            found += [engine.valued(path, each) for each in sorted(ids)]
        return engine.any_of(found)

    def _expressed(self, key: str | None, expression: str | None) -> Bounds | None:
        """Match texts of one column, or of all that are additional fields, by the engine's own terms."""
        if expression is None:
            return None
        start = "[^@\x00][^\x00]*\x00s" if key is None else escaped(text_term(key, ""))
        return self._engine.matching("terms", prefixed(start, expression))

    def _beginning(self, node: Wildcard, key: str) -> Bounds | None:
        """What begins with a text; None where that is not all that is asked, or cannot be said."""
        if len(node.parts) != 2 or node.parts[0][0] or node.parts[1] != (True, "*"):
            return None
        text = node.parts[0][1]
        if not _SAFE.fullmatch(text):
            return None
        found = self._engine.parsed(f"added.{key}:[={text} TO ={text[:-1]}{chr(ord(text[-1]) + 1)}}}")
        may_be_number = not text[0].isalpha() or "inf".startswith(text) or "nan".startswith(text)
        if found is None or node.graylog or not may_be_number:
            return found
        return self._engine.any_of([found, self._tried(self._test_of(node), key, "#" + ANYTHING)])

    def _near(self, node: Fuzzy, key: str) -> Bounds:
        engine, path, test = self._engine, f"added.{key}", self._test_of(node)
        close = engine.near("terms", text_term(key, "=" + node.text), node.distance)  # edits may touch the key, too
        candidates = engine.maybe(engine.both(close.most, engine.has(path).most))
        few = engine.distinct(path, "=" + ANYTHING, candidates.most)
        if few is not None:
            near = [term for term in few if isinstance(term, str) and test(value_of(term))]
            candidates = engine.terms("terms", [text_term(key, term) for term in near])
        found = [candidates, self._tried(test, key, "#" + ANYTHING)]
        if self._has_ids(key) and may_be_near_id(node):
            found.append(self._tried(test, key, "=" + _IDS))
        return engine.any_of(found)

    def _range(self, node: Range, key: str) -> Bounds:
        engine, path = self._engine, f"added.{key}"
        numbers = self._tried(self._test_of(node), key, "#" + ANYTHING)
        found = self._ordered(node, key)
        low, high = (None if end is None else parse_time(end, self._now) for end in (node.low, node.high))
        if (low is None) is (node.low is None) and (high is None) is (node.high is None):
            dates = self._expressed(key, "=" + DATES)
            if dates is not None and engine.finds(engine.both(engine.has(path).most, dates.most)):
                found = engine.any_of(
                    [engine.all_but(found, dates), self._tried(self._test_of(node), key, "=" + DATES)]
                )
        return engine.any_of([found, numbers])

    def _ordered(self, node: Range, key: str) -> Bounds:
        """Texts between two ends, letter by letter."""
        ends = [end for end in (node.low, node.high) if end is not None]
        path = f"added.{key}"
        if all(_SAFE.fullmatch(end) for end in ends):
            opening, closing = "[" if node.include_low else "{", "]" if node.include_high else "}"
            low = f"[{'='}" if node.low is None else f"{opening}={node.low}"
            high = ">}" if node.high is None else f"={node.high}{closing}"
            found = self._engine.parsed(f"{path}:{low} TO {high}")
            if found is not None:
                return found
        expression = expression_of(node, lower=False)
        if expression is not None:
            whole = prefixed("=", expression)
            found = self._expressed(key, whole)
            if found is not None:
                return self._few_or_expressed(key, whole) if self._has_ids(key) else found
        return self._tried(self._test_of(node), key, prefixed("=", broader(node, lower=False)))

    def _dates(self, node: Term | Phrase, key: str, interval: Interval) -> Bounds:
        """Texts that are times within a day or less; an offset moves their date by one."""
        first = dt.datetime.fromtimestamp(interval.start, dt.UTC)
        days = "|".join(
            escaped(day.date().isoformat()) for step in (-1, 0, 1) if (day := _moved(first, step)) is not None
        )
        return self._tried(self._test_of(node), key, f"=(?:{days}){ANYTHING}")

    # --- numbers and truth values

    def _others(self, node: _Leaf, key: str, kinds: set[str]) -> Bounds:
        """What a leaf finds among the values of a column that are not texts."""
        engine, path = self._engine, f"added.{key}"
        numeric = kinds & {"long", "double"}
        if isinstance(node, (Term, Phrase)):
            number = _number(node, node.text)
            if number is not None and abs(number) >= _LARGE and numeric:
                return engine.maybe(self._far(path).most)
            if node.graylog and number is not None and not fits(number):
                number = float(number) if "double" in kinds else None
            found = [] if number is None or not numeric else [self._number(path, number, numeric)]
            if node.text in ("true", "false") and "boolean" in kinds:
                found.append(engine.term("terms", truth_term(key, node.text == "true")))
            return engine.any_of(found)
        if isinstance(node, Range):
            return self._between(node, path, numeric) if numeric else engine.nothing
        if node.graylog:
            return engine.nothing
        found = []
        if "boolean" in kinds:
            test = self._test_of(node)
            found.append(engine.terms("terms", [truth_term(key, value) for value in (True, False) if test(value)]))
        if numeric and may_be_number(node):
            found.append(self._spelled(node, path, numeric))
        return engine.any_of(found)

    def _number(self, path: str, number: float, kinds: set[str]) -> Bounds:
        """A number; a column of whole and other numbers, or of very large ones, may not have what was sent."""
        engine = self._engine
        if not number:
            return self._row(path, 0, 0)
        found = engine.valued(path, number)
        if abs(number) < _INEXACT or (kinds == {"long"} and not self._reaches(path, _LARGE)):
            return found
        return engine.maybe(found.most)

    def _numbers(self, path: str, wanted: Collection[float], values: Sequence[float]) -> Bounds:
        """
        Some numbers of a column, where they follow one another at once.

        Args:
            path: The column.
            wanted: The numbers.
            values: All that it has.
        """
        rows = [list(row) for chosen, row in itertools.groupby(sorted(values), lambda each: each in wanted) if chosen]
        if len(rows) > _MAX_LOOKED_UP:
            return self._engine.maybe(self._engine.has(path).most)
        return self._engine.any_of([self._row(path, row[0], row[-1]) for row in rows])

    def _row(self, path: str, first: float, last: float) -> Bounds:
        """Numbers from one to another, which are in a column."""
        engine = self._engine
        found = [
            engine.parsed(f"{path}:{each}") for each in (f"{_beginning(first)} TO *]", f"[* TO {_written(last or 0)}]")
        ]
        return engine.all_of([each or engine.maybe(engine.has(path).most) for each in found])

    def _spelled(self, node: _Leaf, path: str, kinds: set[str]) -> Bounds:
        """
        Try a pattern on the numbers of a column, as a query would spell them.

        Of some it depends on how they were sent: a column of whole and other numbers forgets whether 5 was 5.0.
        """
        values = self._engine.distinct(path)
        if values is None:
            return self._engine.maybe(self._engine.has(path).most)
        test = self._test_of(node)
        numbers = [term for term in values if not isinstance(term, (str, bool))]
        sure: set[float] = set()
        unsure: set[float] = set()
        inexact = False
        for term in numbers:
            if abs(term) >= _INEXACT:
                inexact = True
                continue
            whole = float(term).is_integer()
            spellings = {test(int(term) if whole and "long" in kinds else float(term))}
            if whole and len(kinds) == 2:
                spellings = {test(int(term)), test(float(term))}
            if not term and "double" in kinds:  # zero may have had a sign
                spellings |= {test(0.0), test(-0.0)}
            if spellings == {True}:
                sure.add(term)
            elif len(spellings) == 2:
                unsure.add(term)
        found = [self._numbers(path, sure, numbers)]
        if unsure:
            found.append(self._engine.maybe(self._numbers(path, unsure, numbers).most))
        if inexact:
            found.append(self._engine.maybe(self._far(path).most))
        return self._engine.any_of(found)

    def _far(self, path: str) -> Bounds:
        """Messages with a number from which on a column may not have what was sent."""
        ends = (f"[{_INEXACT} TO *]", f"[* TO -{_INEXACT}]")
        return self._engine.any_of([self._engine.parsed(f"{path}:{each}") or self._engine.has(path) for each in ends])

    def _reaches(self, path: str, number: int) -> bool:
        """Whether a column has such a number, or a larger one."""
        found = self._engine.parsed(f"{path}:[{number} TO *]")
        return found is None or self._engine.finds(found.most)

    def _compared(self, node: Range, path: str) -> Bounds:
        """Try a range on the different numbers of a column, as far as it tells which they were."""
        engine, test, values = self._engine, self._test_of(node), self._engine.distinct(path)
        numbers = [] if values is None else [term for term in values if not isinstance(term, (str, bool))]
        if values is None or any(abs(number) >= _INEXACT for number in numbers):
            return engine.maybe(engine.has(path).most)
        found: set[float] = set()
        sure: set[float] = set()
        for number in numbers:
            verdicts = {test(float(number))} | ({test(int(number))} if float(number).is_integer() else set())
            if verdicts != {False}:
                found.add(number)
            if verdicts == {True}:
                sure.add(number)
        least = self._numbers(path, sure, numbers)
        return least if sure == found else engine.between(least.least, self._numbers(path, found, numbers).most)

    def _between(self, node: Range, path: str, kinds: set[str]) -> Bounds:
        """Numbers between two ends, by value."""
        engine = self._engine
        low = None if node.low is None else _number(node, node.low)
        high = None if node.high is None else _number(node, node.high)
        if (low is None) is not (node.low is None) or (high is None) is not (node.high is None):
            return engine.nothing
        least = _INEXACT if len(kinds) == 2 else _LARGE
        if any(end is not None and abs(end) >= least for end in (low, high)):
            return self._compared(node, path)
        if node.graylog and "long" in kinds and self._reaches(path, _INEXACT):  # Graylog's index may not hold it
            return engine.maybe(engine.has(path).most)
        # An end at a time: tantivy panics when one is whole and the other is not.
        found = []
        if low is not None:
            found.append(self._from(path, low, include=node.include_low))
        if high is not None:
            found.append(engine.parsed(f"{path}:[* TO {_written(high or 0)}{']' if node.include_high else '}'}"))
        both = engine.all_of([each for each in found if each is not None])
        if high == 0 and not node.include_high and "double" in kinds:
            return engine.all_but(both, self._row(path, 0, 0))  # zero may have a sign, and is less then
        return both

    def _from(self, path: str, low: float, *, include: bool) -> Bounds | None:
        """Numbers from one on."""
        if include:
            return self._engine.parsed(f"{path}:{_beginning(low)} TO *]")
        return self._engine.parsed(f"{path}:{{{_written(low or 0)} TO *]")


def _number(node: _Leaf, text: str) -> int | float | None:
    """Read a number as a leaf does."""
    return graylog_values.number_of(text) if node.graylog else number_of(text)


def _moved(day: dt.datetime, days: int) -> dt.datetime | None:
    try:
        return day + dt.timedelta(days=days)
    except OverflowError:
        return None


def may_be_number(node: _Leaf) -> bool:
    """Whether a pattern may match a number; where it does not, no column of numbers needs to be looked through."""
    if isinstance(node, Wildcard):
        return all(wild or _NUMERIC.issuperset(text) for wild, text in node.parts)
    if isinstance(node, Fuzzy):
        return sum(character not in _NUMERIC for character in node.text) <= node.distance
    return True


def may_be_id(node: Wildcard | Regex, letters: str | None) -> bool:
    """
    Whether a pattern may match an id; where it does not, no column of ids needs to be looked through.

    Args:
        node: The pattern.
        letters: All characters that the ids have; None where that is not known.
    """
    if isinstance(node, Regex):
        return True
    texts = [text for wild, text in node.parts if not wild]
    return all(_ID_PIECE.fullmatch(text) and (letters is None or not text.strip(letters)) for text in texts)


def may_be_near_id(node: Fuzzy) -> bool:
    """Whether some edits may make an id of a text."""
    return sum(character.isdigit() for character in node.text) >= ID_DIGITS - node.distance


def _huge(number: float) -> str | None:
    """Return how a whole number stands in the index that no column holds; None for any other."""
    if isinstance(number, float):
        if not number.is_integer():
            return None
        number = int(number)
    term = term_of(number)
    return term if isinstance(term, str) else None


def _beginning(number: float) -> str:
    """Write the beginning of a range that has a number; zero may have a sign, and is less then."""
    return f"[{_written(number)}" if number else "{" + _written(-_SMALLEST)


def _written(number: float) -> str:
    """Write an end of a range for tantivy's parser, which reads no exponents after a minus."""
    if isinstance(number, int) and -(1 << 63) <= number < 1 << 64:
        return str(number)
    return format(Decimal(repr(float(min(max(number, -1.7e308), 1.7e308)))), "f")
