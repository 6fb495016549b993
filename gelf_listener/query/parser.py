"""
Parser: query text -> nodes.

A recursive descent over Lucene's classic grammar as Elasticsearch's ``query_string`` reads it, with OR between
clauses that have no operator. Written here rather than taken from luqum, which leaves ``&&``, ``||`` and ``!`` as
words, reads ``x:-5`` as a prohibition, gives no column for half of its errors and builds its tables on import.

Operators combine as in Lucene: AND makes the clauses on both of its sides required, so ``a OR b AND c`` is
``a +b +c``. Parentheses make a group of its own.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from gelf_listener.errors import QueryError
from gelf_listener.query.fields import is_analysed, is_lower_case, is_time_field
from gelf_listener.query.levels import named_levels
from gelf_listener.query.limits import MAX_SLOP, Budget
from gelf_listener.query.nodes import (
    Exists,
    Fuzzy,
    Group,
    MatchAll,
    Node,
    Phrase,
    Range,
    Regex,
    Term,
    Wildcard,
)
from gelf_listener.query.ranges import number_of
from gelf_listener.query.times import parse_time

_MAX_DISTANCE = 2
_DEFAULT_DISTANCE = 2

_SPACE = " \t\r\n\f\v\u3000"
_ENDS_TERM = frozenset(_SPACE + '()[]{}"^~:')
_NOT_AT_START = frozenset("+-!&|/")
_PAIR = re.compile(r"([A-Za-z_@][\w.@-]*)==?(.+)")
"""What a field and its value look like in other languages."""
_LOOKS_LIKE_OPERATOR = frozenset(("AND", "OR", "NOT"))


class Hint(NamedTuple):
    """
    Something that is allowed but probably not meant.

    Attributes:
        text: What, and what to write instead.
        column: Where, from 1.
        operator: The word that was taken for one to search for.
        field: The field that no message has.
    """

    text: str
    column: int
    operator: str = ""
    field: str = ""


class Query(NamedTuple):
    """
    A parsed query.

    Attributes:
        text: As it was written.
        node: Its tree.
        hints: What is probably not meant, such as a lower-case operator.
    """

    text: str
    node: Node
    hints: tuple[Hint, ...]


def parse(text: str) -> Query:
    """
    Parse a query.

    Args:
        text: Lucene syntax; empty or ``*`` matches everything.

    Raises:
        QueryError: If it cannot be understood, with the column.
    """
    parser = _Parser(text)
    parser.skip_space()
    node: Node = MatchAll() if parser.at_end() else parser.group(None, 0)
    if not parser.at_end():
        raise parser.fail("unexpected ')'; write \\) to search for it")
    node, said = named_levels(node)
    hints = [*parser.hints, *(Hint(words, max(column, 1)) for words, column in said)]
    return Query(text, node, tuple(hints))


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.hints: list[Hint] = []
        self._budget = Budget(text)

    # Characters

    def at_end(self) -> bool:
        return self.position >= len(self.text)

    def peek(self) -> str:
        return self.text[self.position] if self.position < len(self.text) else ""

    def starts(self, prefix: str) -> bool:
        return self.text.startswith(prefix, self.position)

    def skip_space(self) -> None:
        while self.position < len(self.text) and self.text[self.position] in _SPACE:
            self.position += 1

    def fail(self, detail: str, position: int | None = None) -> QueryError:
        return QueryError(detail, self.text, (self.position if position is None else position) + 1)

    # Structure

    def group(self, field: str | None, depth: int) -> Node:
        """Parse clauses up to the end or a closing parenthesis, which stays."""
        self._budget.nest(depth, self.position)
        clauses: list[tuple[str, Node]] = []
        conjunction = ""
        self.skip_space()
        start = end = self.position
        while True:
            self.skip_space()
            if self.at_end() or self.peek() == ")":
                break
            at = self.position
            operator = self._operator()
            if operator in ("AND", "OR"):
                if not clauses:
                    raise self.fail(f"{operator} has nothing on its left", at)
                if conjunction:
                    raise self.fail(f"{operator} follows another operator", at)
                conjunction = operator
                continue
            modifier = self._modifiers(operator, at)
            node = self._clause(field, depth)
            if conjunction == "OR" and modifier == "-":
                text = (
                    "behind OR, NOT excludes from the whole, as without OR; write OR (NOT ...) to add everything else"
                )
                self.hints.append(Hint(text, at + 1))
            if conjunction == "AND":
                if clauses[-1][0] == "":
                    clauses[-1] = ("+", clauses[-1][1])
                modifier = modifier or "+"
            clauses.append((modifier, node))
            conjunction = ""
            end = self.position
        if conjunction:
            raise self.fail(f"{conjunction} has nothing on its right")
        if not clauses and not (depth == 0 and self.peek() == ")"):
            raise self.fail("empty parentheses" if depth else "nothing to search for")
        return _make_group(clauses, (start + 1, end + 1))

    def _operator(self) -> str:
        """Take an operator word or symbol, if one is here."""
        for symbol, name in (("&&", "AND"), ("||", "OR")):
            if self.starts(symbol):
                self.position += 2
                return name
        for word in ("AND", "OR", "NOT"):
            end = self.position + len(word)
            if self.starts(word) and (end >= len(self.text) or self.text[end] in _SPACE or self.text[end] in '()"+-!'):
                self.position = end
                return word
        return ""

    def _modifiers(self, operator: str, at: int) -> str:
        """Read NOT, !, + and - in front of a clause; two negations cancel out."""
        negative = operator == "NOT"
        positive = False
        while True:
            self.skip_space()
            if self.peek() in ("+", "-", "!") and self.peek():
                positive = positive or self.peek() == "+"
                negative = negative != (self.peek() != "+")
                self.position += 1
                continue
            here = self.position
            word = self._operator()
            if word == "NOT":
                negative = not negative
                continue
            if word:
                raise self.fail(f"{word} follows another operator", here)
            break
        if self.at_end() or self.peek() == ")":
            name = operator or self.text[at]
            raise self.fail(f"{name} has nothing on its right", at)
        return "-" if negative else "+" if positive else ""

    def _clause(self, field: str | None, depth: int) -> Node:
        start = self.position
        name = self._field_name()
        if name is not None:
            field = name  # inside the parentheses of another field this one goes first, as in Lucene
            self._hint_field(name, start)
            self.skip_space()
            if self.at_end() or self.peek() == ")":
                raise self.fail(f"field {name!r} has no value", self.position)
        if self.peek() == "(":
            return self._parentheses(field, depth)
        return replace(self._leaf(field), columns=(start + 1, self.position + 1))

    def _hint_field(self, name: str, start: int) -> None:
        if name == "_missing_":
            text = "_missing_ is no longer known to Graylog; write NOT _exists_:field"
            self.hints.append(Hint(text, start + 1, field=name))
        elif name == "streams":
            text = "only searches know streams; in a route (where=) no message has this field"
            self.hints.append(Hint(text, start + 1, field=name))

    def _parentheses(self, field: str | None, depth: int) -> Node:
        opening = self.position
        self.position += 1
        node = self.group(field, depth + 1)
        if self.peek() != ")":
            raise self.fail("this parenthesis is never closed", opening)
        self.position += 1
        self._boost()
        return node

    def _field_name(self) -> str | None:
        """Take a field name and its colon, if this is one."""
        start = self.position
        if self.peek() in _NOT_AT_START or self.peek() in _ENDS_TERM:
            return None
        if self.starts("*:*"):
            return None
        name, wild = self._word(in_value=False)
        end = self.position
        self.skip_space()
        if self.peek() == ":" and name and not wild:
            self.position += 1
            return name
        if self.peek() == ":" and wild and end > start:
            raise self.fail("a field name may not contain wildcards", start)
        self.position = start
        return None

    # Leaves

    def _leaf(self, field: str | None) -> Node:
        start = self.position
        character = self.peek()
        node: Node
        if self.starts("*:*"):
            self.position += 3
            node = MatchAll()
        elif character == '"':
            node = self._phrase(field)
        elif character == "/":
            node = self._regex(field)
        elif character in ("[", "{") and character:
            node = self._range(field)
        elif character in ("<", ">") and character and field is not None:
            node = self._comparison(field)
        elif character in (")", "]", "}", ":", "^", "~") and character and not (field and self.starts("::")):
            raise self.fail(f"unexpected {character!r}; write \\{character} to search for it")
        else:
            node = self._term(field)
        if field == "_exists_":
            if not isinstance(node, (Term, Phrase)):
                raise self.fail("_exists_ takes the name of a field", start)
            node = Exists(node.text)
        self._boost()
        self._count(node, start)
        return node

    def _count(self, node: Node, start: int) -> None:
        """Hold the limits, and look at what is left to say about a leaf."""
        self._budget.spend(node, start)
        if isinstance(node, (Term, Phrase)) and node.field is not None and number_of(node.text) is None:
            self._check_bound(node.field, node.text, start)
        if isinstance(node, Term) and len(node.text) > 2 and node.text[0] == node.text[-1] == "$":
            hint = f"{node.text!r} is searched for as it is; parameters are not filled in"
            self.hints.append(Hint(hint, start + 1))

    def _boost(self) -> None:
        """Skip ``^n``: it changes scores, and nothing here is sorted by score."""
        if self.peek() != "^":
            return
        start = self.position
        self.position += 1
        digits = self._number()
        if not digits:
            raise self.fail("^ needs a number, as in ssh^2", start)

    def _number(self) -> str:
        start = self.position
        while self.peek() and self.peek() in "0123456789.":
            self.position += 1
        text = self.text[start : self.position]
        return text if text.count(".") <= 1 and text.strip(".") and len(text) <= 20 and text.isascii() else ""

    def _word(self, *, in_value: bool) -> tuple[str, list[tuple[bool, str]]]:
        """
        Take characters up to the end of a term.

        Returns:
            The text without escapes, and its parts when it has wildcards (else empty).
        """
        parts: list[tuple[bool, str]] = []
        literal: list[str] = []
        wild = False
        while not self.at_end():
            character = self.text[self.position]
            if character == "\\":
                if self.position + 1 >= len(self.text):
                    raise self.fail("a backslash at the end escapes nothing; write \\\\ for a backslash")
                escaped, self.position = self._escape()
                literal.append(escaped)
                continue
            if character in _ENDS_TERM and not (character == ":" and in_value and self._colon_inside()):
                break
            if character in "*?":
                wild = True
                if literal:
                    parts.append((False, "".join(literal)))
                    literal = []
                parts.append((True, character))
            elif self.starts("&&") or self.starts("||"):
                break
            else:
                literal.append(character)
            self.position += 1
        if literal:
            parts.append((False, "".join(literal)))
        return "".join(text for _, text in parts), parts if wild else []

    def _escape(self) -> tuple[str, int]:
        r"""Read what follows a backslash: ``\u`` and four digits, or any character."""
        character = self.text[self.position + 1]
        digits = self.text[self.position + 2 : self.position + 6]
        if character == "u" and len(digits) == 4 and all(digit in "0123456789abcdefABCDEF" for digit in digits):
            return chr(int(digits, 16)), self.position + 6
        return character, self.position + 2

    def _colon_inside(self) -> bool:
        """Whether a colon belongs to the value: times and addresses are often left unescaped."""
        before = self.text[self.position - 1] if self.position else ""
        after = self.text[self.position + 1] if self.position + 1 < len(self.text) else ""
        return (before.isalnum() or before == ":") and (after.isalnum() or after == ":" or before == ":")

    def _term(self, field: str | None) -> Node:
        start = self.position
        sign = ""
        if field is not None and self.peek() in ("-", "+"):  # x:-5 is a number, not a prohibition
            sign = self.peek()
            self.position += 1
        text, parts = self._word(in_value=field is not None)
        text = sign + text
        if self.position == start + len(sign) and not text.strip("+-"):
            raise self.fail(f"unexpected {self.peek() or sign!r}", start)
        if parts:
            if sign and not parts[0][0]:
                parts[0] = (False, sign + parts[0][1])
            elif sign:
                parts.insert(0, (False, sign))
            if self.peek() == "~":
                raise self.fail("~ does not go with wildcards")
            if field == "_exists_" or parts != [(True, "*")]:
                return Wildcard(field, tuple(parts))
            return MatchAll() if field is None else Exists(field)
        if self.peek() == "~":
            return self._fuzzy(field, text)
        named = self.text[:start].rstrip(_SPACE).endswith(":")
        if text.upper() in _LOOKS_LIKE_OPERATOR and text.upper() != text and not named:
            hint = f"{text!r} is a word to search for; operators are written {text.upper()}"
            self.hints.append(Hint(hint, start + 1, text))
        pair = _PAIR.fullmatch(text) if field is None else None
        if pair is not None:
            self.hints.append(Hint(f"a field and its value have a colon between them: {pair[1]}:{pair[2]}", start + 1))
        return Term(field, text)

    def _fuzzy(self, field: str | None, text: str) -> Node:
        at = self.position
        self.position += 1
        digits = self._number()
        if not digits:
            return Fuzzy(field, text, _DEFAULT_DISTANCE)
        value = float(digits)
        if 0 < value < 1:  # Lucene's old similarity
            return Fuzzy(field, text, min(int((1 - value) * len(text)), _MAX_DISTANCE))
        if value not in (0, 1, 2):
            raise self.fail(f"{digits} edits: at most {_MAX_DISTANCE} are possible", at)
        return Fuzzy(field, text, int(value))

    def _phrase(self, field: str | None) -> Node:
        opening = self.position
        text = self._quoted()
        slop = 0
        if self.peek() == "~":
            at = self.position
            self.position += 1
            digits = self._number()
            if not digits or float(digits) > MAX_SLOP:
                raise self.fail(f'~ behind a phrase needs a number up to {MAX_SLOP}, as in "foo bar"~5', at)
            slop = int(float(digits))
        if field is None and not text:
            raise self.fail("an empty phrase matches nothing; name a field or leave it out", opening)
        return Phrase(field, text, slop)

    def _quoted(self) -> str:
        opening = self.position
        self.position += 1
        characters: list[str] = []
        while True:
            if self.at_end():
                raise self.fail("this quotation mark is never closed", opening)
            character = self.text[self.position]
            if character == '"':
                self.position += 1
                return "".join(characters)
            if character == "\\" and self.position + 1 < len(self.text):
                escaped, self.position = self._escape()
                characters.append(escaped)
                continue
            characters.append(character)
            self.position += 1

    def _regex(self, field: str | None) -> Node:
        opening = self.position
        self.position += 1
        start = self.position
        while True:
            if self.at_end():
                raise self.fail(
                    "this regular expression is never closed by /; write \\/ to search for a slash", opening
                )
            character = self.text[self.position]
            if character == "\\":
                self.position += 2
                continue
            if character == "/":
                break
            self.position += 1
        pattern = self.text[start : self.position]
        self.position += 1
        if not pattern:
            raise self.fail("an empty regular expression; write \\/ to search for a slash", opening)
        for fold in _folds(field):
            self._budget.compile(pattern, start, fold=fold)
        if self.peek() and self.peek() not in _SPACE + ")^":
            hint = f"/{pattern}/ is a regular expression; write \\/ for a slash, or the whole value in quotation marks"
            self.hints.append(Hint(hint, opening + 1))
        return Regex(field, pattern)

    def _comparison(self, field: str) -> Node:
        start = self.position
        less = self.peek() == "<"
        self.position += 1
        include = self.peek() == "="
        if include:
            self.position += 1
        self.skip_space()
        at = self.position
        value = self._end_of_range("", at, more_ends="^") if not self.at_end() and self.peek() != ")" else None
        if value is None:
            raise self.fail(f"{self.text[start:at].strip()} needs a value", at)
        self._check_bound(field, value, at)
        if less:
            return Range(field, None, value, include_high=include)
        return Range(field, value, None, include_low=include)

    def _range(self, field: str | None) -> Node:
        opening = self.position
        if field is None:
            raise self.fail("a range needs a field, as in level:[0 TO 3]", opening)
        include_low = self.peek() == "["
        self.position += 1
        self.skip_space()
        low_at = self.position
        low = self._end_of_range("the lower end", opening)
        self.skip_space()
        if not self.starts("TO") or self.text[self.position + 2 : self.position + 3] not in tuple(_SPACE):
            raise self.fail("expected TO between the ends of the range, as in [1 TO 5]")
        self.position += 2
        self.skip_space()
        high_at = self.position
        high = self._end_of_range("the upper end", opening)
        self.skip_space()
        if self.at_end() or self.peek() not in "]}":
            raise self.fail("this range is never closed by ] or }", opening)
        include_high = self.peek() == "]"
        self.position += 1
        self._check_bound(field, low, low_at)
        self._check_bound(field, high, high_at)
        return Range(field, low, high, include_low, include_high)

    def _end_of_range(self, what: str, opening: int, more_ends: str = "") -> str | None:
        """Take one end; None for ``*``."""
        if self.peek() == '"':
            return self._quoted()
        start = self.position
        characters: list[str] = []
        ends = _SPACE + ")]}" + more_ends
        while not self.at_end() and self.text[self.position] not in ends:
            if self.text[self.position] == "\\" and self.position + 1 < len(self.text):
                escaped, self.position = self._escape()
                characters.append(escaped)
                continue
            characters.append(self.text[self.position])
            self.position += 1
        text = "".join(characters)
        if not text:
            if self.at_end():
                raise self.fail("this range is never closed by ] or }", opening)
            raise self.fail(f"{what or 'the value'} is missing")
        return None if self.text[start : self.position] == "*" else text

    def _check_bound(self, field: str, value: str | None, at: int) -> None:
        if value is not None and is_time_field(field) and parse_time(value, 0.0) is None:
            raise self.fail(
                f'{value!r} is not a time; write 2026-11-23, "2026-11-23 09:53:08.175", 2026-11-23T09:53:08Z or now-5m',
                at,
            )


def _folds(field: str | None) -> tuple[bool, ...]:
    """How the values of a field are compared: lower-cased or not, or both."""
    if field is None:
        return False, True
    return (is_analysed(field) or is_lower_case(field),)


def _make_group(clauses: list[tuple[str, Node]], columns: tuple[int, int]) -> Node:
    if len(clauses) == 1 and clauses[0][0] != "-":
        return clauses[0][1]
    return Group(
        must=tuple(node for modifier, node in clauses if modifier == "+"),
        should=tuple(node for modifier, node in clauses if modifier == ""),
        must_not=tuple(node for modifier, node in clauses if modifier == "-"),
        columns=columns,
    )
