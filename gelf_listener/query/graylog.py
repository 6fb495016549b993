"""
Graylog: queries as a real Graylog understands them -> nodes.

Graylog hands a query to OpenSearch's ``query_string``, which is Lucene's classic grammar with OR between clauses. What
is particular to it, and what `query.parser` reads in a more pleasant way:

* Words side by side are one text (`_Parser._words`). ``web1 foo`` looks for a ``source`` that is ``web1 foo``; only
  ``message`` and ``full_message`` take it word by word.
* A sign with a blank behind it is a word, ``&&`` without blanks is part of one, a sign in front of a value an error.
* Field names and values are those of the index (`query.graylog_leaves`, `query.graylog_values`).

Measured with Graylog 7.0.1 and OpenSearch 2.19: `tests/vectors/graylog/search.json`.
"""

from __future__ import annotations

import re

from gelf_listener.errors import QueryError
from gelf_listener.query.graylog_leaves import NOTHING, Leaves, Parts
from gelf_listener.query.graylog_tokens import Token, tokens_of, unescaped
from gelf_listener.query.limits import Budget
from gelf_listener.query.nodes import Group, MatchAll, Node
from gelf_listener.query.parser import Hint, Query

_VALUES = frozenset(("word", "*", "prefix", "wildcard", "regex", "sign", "quoted", "[", "{"))
_BEGIN = _VALUES | frozenset(("AND", "OR", "NOT", "+", "-", "("))
_NOT_AFTER_WORDS = frozenset((":", "*", "~", "^", "AND", "OR"))
_LOOKS_LIKE_OPERATOR = frozenset(("AND", "OR", "NOT"))


def parse_graylog(text: str) -> Query:
    """
    Parse a query as a Graylog does.

    Args:
        text: Lucene's syntax; empty, blank or ``*`` matches everything.

    Raises:
        QueryError: If a Graylog refuses it, with the column; also beyond our own limits.
    """
    budget = Budget(text)
    if text.strip(" \t\r\n") in ("", "*", "*:*"):
        return Query(text, MatchAll(), ())
    parser = _Parser(text, budget)
    return Query(text, parser.whole(), tuple(parser.hints))


class _Parser:
    """Lucene's classic grammar, its productions by their names there: Query, MultiTerm, Clause, Term."""

    def __init__(self, text: str, budget: Budget) -> None:
        self._text = text
        self._tokens = tokens_of(text)
        self._at = 0
        self._budget = budget
        self._leaves = Leaves(budget)
        self.hints = self._leaves.hints

    # --- tokens

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    def _kind(self, ahead: int = 0) -> str:
        place = self._at + ahead
        return self._tokens[place].kind if place < len(self._tokens) else ""

    def _take(self) -> Token:
        token = self._tokens[self._at]
        self._at += 1
        return token

    def _taken(self, *kinds: str) -> Token | None:
        return self._take() if self._kind() in kinds else None

    def _unescaped(self, token: Token, text: str | None = None) -> str:
        return unescaped(token, token.text if text is None else text, self._text)

    def _fail(self, detail: str, token: Token | None = None) -> QueryError:
        return QueryError(detail, self._text, (token or self._next).start + 1)

    def _unexpected(self, before: Token | None) -> QueryError:
        """Say what is wrong with the next token, where a clause had to begin."""
        token = self._next
        if token.kind in ("end of query", ")") and before is not None:
            if before.kind == "(":
                return self._fail("empty parentheses", before)
            if before.kind == ":":
                return self._fail("the field has no value", token)
            return self._fail(f"{before.text} has nothing on its right", before)
        if token.kind in ("AND", "OR"):
            return self._fail(f"{token.text} has nothing on its left" if before is None else f"unexpected {token.text}")
        if token.kind == "end of query":
            return self._fail("nothing to search for")
        return self._fail(f"unexpected {token.text!r}; write \\{token.text} to search for it")

    # --- structure

    def whole(self) -> Node:
        """Parse everything. A query of which nothing is left finds nothing."""
        node = self._query(None, 0, None)
        if self._kind() != "end of query":
            raise self._unexpected(None)
        return NOTHING if node is None else node

    def _query(self, field: str | None, depth: int, before: Token | None) -> Node | None:
        self._budget.nest(depth, self._next.start)
        start = self._next.start
        clauses: list[tuple[str, Node]] = []
        first = True
        while first or self._kind() in _BEGIN:
            if self._is_words():
                conjunction, modifier, node = "", "", self._words(field)
            else:
                conjunction, modifier, node = self._modified_clause(field, depth, before if first else None, first)
            first = False
            if conjunction == "AND" and clauses and clauses[-1][0] == "":
                clauses[-1] = ("+", clauses[-1][1])
            if node is not None:
                clauses.append((modifier or ("+" if conjunction == "AND" else ""), node))
        if len(clauses) == 1 and clauses[0][0] != "-":
            return clauses[0][1]
        if not clauses:
            return None
        return Group(
            must=tuple(node for modifier, node in clauses if modifier == "+"),
            should=tuple(node for modifier, node in clauses if modifier == ""),
            must_not=tuple(node for modifier, node in clauses if modifier == "-"),
            columns=(start + 1, self._tokens[self._at - 1].end + 1),
        )

    def _modified_clause(
        self, field: str | None, depth: int, before: Token | None, first: bool
    ) -> tuple[str, str, Node | None]:
        taken = None if first else self._taken("AND", "OR")
        conjunction = "" if taken is None else taken.kind
        sign = self._taken("+", "-", "NOT")
        node = self._clause(field, depth, sign or taken or before)
        modifier = "" if sign is None else "+" if sign.kind == "+" else "-"
        return conjunction, modifier, node

    def _is_words(self) -> bool:
        """Whether at least two words follow that are one text."""
        return self._kind() == "word" and self._is_one_more(1)

    def _is_one_more(self, ahead: int) -> bool:
        return self._kind(ahead) == "word" and self._kind(ahead + 1) not in _NOT_AFTER_WORDS

    def _words(self, field: str | None) -> Node | None:
        """Take words side by side: they are looked for as one text with blanks."""
        tokens = [self._take()]
        while self._is_one_more(0):
            tokens.append(self._take())
        for token in tokens:
            self._hint_operator(token)
        text = " ".join(self._unescaped(token) for token in tokens)
        return self._leaves.text(field, text, (tokens[0].start + 1, tokens[-1].end + 1))

    def _clause(self, field: str | None, depth: int, before: Token | None) -> Node | None:
        start = self._next.start
        if self._kind() in ("word", "*") and self._kind(1) == ":":
            name = self._take()
            before = self._take()
            field = "*" if name.kind == "*" else self._unescaped(name)
        opening = self._taken("(")
        if opening is None:
            if self._kind() not in _VALUES:
                raise self._unexpected(before)
            return self._term(field, start)
        node = self._query(field, depth + 1, opening)
        if self._taken(")") is None:
            if self._kind() == "end of query":
                raise self._fail("this parenthesis is never closed", opening)
            raise self._unexpected(None)
        self._boost()
        return node

    # --- leaves

    def _term(self, field: str | None, start: int) -> Node | None:
        token = self._take()
        if token.kind in ("[", "{"):
            node = self._range(field, token, start)
            self._boost()
            return node
        boosted = self._boost()
        edits = self._taken("~")
        if edits is not None and not boosted:
            self._boost()
        columns = (start + 1, self._tokens[self._at - 1].end + 1)
        if token.kind == "quoted":
            text = self._unescaped(token, token.text[1:-1])
            return self._leaves.phrase(field, text, _slop(edits), columns)
        return self._bare(field, token, edits, columns)

    def _bare(self, field: str | None, token: Token, edits: Token | None, columns: tuple[int, int]) -> Node | None:
        text = token.text[0] if token.kind == "sign" else self._unescaped(token)  # patterns have to be right as well
        if token.kind in ("*", "wildcard"):
            return self._leaves.pattern(field, _parts(token.text), columns)
        if token.kind == "prefix":
            literal = self._unescaped(token, token.text[:-1])
            return self._leaves.pattern(field, ((False, literal), (True, "*")), columns)
        if token.kind == "regex":
            return self._leaves.regex(field, token.text[1:-1], token.start + 1, columns)
        if edits is not None:
            return self._leaves.fuzzy(field, text, (edits.text[1:], edits.start), columns)
        if field is None:
            self._hint_operator(token)
        return self._leaves.text(field, text, columns)

    def _boost(self) -> bool:
        """Skip ``^n``: it changes scores, and nothing here is sorted by score."""
        if self._taken("^") is None:
            return False
        if self._taken("number") is None:
            raise self._fail("^ needs a number, as in ssh^2")
        return True

    def _range(self, field: str | None, opening: Token, start: int) -> Node | None:
        low = self._end(opening)
        if self._taken("TO") is None:
            raise self._fail("expected TO between the ends of the range, as in [1 TO 5]")
        high = self._end(opening)
        closing = self._taken("]", "}")
        if closing is None:
            raise self._fail("this range is never closed by ] or }", opening)
        include = (opening.kind == "[", closing.kind == "]")
        return self._leaves.range(field, low, high, include, (start + 1, closing.end + 1))

    def _end(self, opening: Token) -> str:
        token = self._taken("end", "quoted", "TO")
        if token is None:
            if self._kind() == "end of query":
                raise self._fail("this range is never closed by ] or }", opening)
            raise self._fail("an end of the range is missing, as in [1 TO 5]")
        return self._unescaped(token, token.text[1:-1] if token.kind == "quoted" else token.text)

    def _hint_operator(self, token: Token) -> None:
        if token.text.upper() in _LOOKS_LIKE_OPERATOR and token.kind == "word":
            hint = f"{token.text!r} is a word to search for; operators are written {token.text.upper()}"
            self.hints.append(Hint(hint, token.start + 1, token.text))


def _slop(edits: Token | None) -> int:
    """Return by how many places words may be apart; what is not a number counts for nothing."""
    found = re.fullmatch(r"~(\d+)(?:\.\d*)?", edits.text, re.ASCII) if edits is not None else None
    return int(found[1][:9]) if found is not None else 0


def _parts(pattern: str) -> Parts:
    """Cut a pattern at its wildcards; a backslash takes away what the sign behind it means."""
    parts: list[tuple[bool, str]] = []
    for match in re.finditer(r"\\(.)|(.)", pattern, re.DOTALL):
        wild = match[2] in ("*", "?") if match[2] is not None else False
        text = match[2] if match[1] is None else match[1]
        if not wild and parts and not parts[-1][0]:
            parts[-1] = (False, parts[-1][1] + text)
        else:
            parts.append((wild, text))
    return tuple(parts)
