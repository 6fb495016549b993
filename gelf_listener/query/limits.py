"""Limits: what keeps a search short, whatever the query and the messages."""

from __future__ import annotations

from gelf_listener.errors import QueryError
from gelf_listener.query.automaton import MAX_WORK, Automaton
from gelf_listener.query.nodes import Fuzzy, Node, Phrase, Regex, Term, Wildcard
from gelf_listener.query.words import words

MAX_QUERY_CHARACTERS = 16 * 1024
MAX_DEPTH = 50
MAX_CLAUSES = 1024
"""Most terms, as Elasticsearch limits the clauses of a query."""

MAX_PATTERNS = 128
"""Most patterns (wildcards, regular expressions, fuzzy words, phrases with ~): each looks at every word."""

MAX_SLOP = 1000
_MAX_SLOP_WORDS = 50


class Budget:
    """
    What a query may still cost.

    Args:
        text: The query.

    Raises:
        QueryError: If it is too long; each method, if it is too much of something.
    """

    def __init__(self, text: str) -> None:
        if len(text) > MAX_QUERY_CHARACTERS:
            detail = f"a query of {len(text)} characters is longer than {MAX_QUERY_CHARACTERS}"
            raise QueryError(detail, text[:100], MAX_QUERY_CHARACTERS + 1)
        self._text = text
        self._clauses = 0
        self._patterns = 0
        self._work = 0

    def fail(self, detail: str, position: int) -> QueryError:
        """Make an error of what is wrong at a place, from 0."""
        return QueryError(detail, self._text, position + 1)

    def nest(self, depth: int, position: int) -> None:
        """Go into parentheses."""
        if depth > MAX_DEPTH:
            raise self.fail(f"nested deeper than {MAX_DEPTH} levels", position)

    def spend(self, node: Node, position: int) -> None:
        """Take a leaf in."""
        self._clauses += 1 + (node.text.count(" ") if isinstance(node, Term) else 0)  # words side by side in a Graylog
        if self._clauses > MAX_CLAUSES:
            raise self.fail(f"more than {MAX_CLAUSES} terms", position)
        if isinstance(node, Phrase) and node.slop and len(words(node.text)) > _MAX_SLOP_WORDS:
            raise self.fail(f"a phrase with ~ may have at most {_MAX_SLOP_WORDS} words", position)
        if isinstance(node, (Wildcard, Regex, Fuzzy)) or (isinstance(node, Phrase) and node.slop):
            self._patterns += 1
            if self._patterns > MAX_PATTERNS:
                detail = "wildcards, regular expressions, fuzzy words and phrases with ~"
                raise self.fail(f"more than {MAX_PATTERNS} {detail}", position)

    def compile(self, pattern: str, position: int, *, fold: bool) -> None:
        """Make the automaton of a regular expression, which is kept for the search; its text begins at `position`."""
        try:
            self._work += Automaton.from_regex(pattern, fold=fold).work
        except QueryError as error:
            raise self.fail(error.detail, position + error.column - 1) from None
        if self._work > 4 * MAX_WORK:
            raise self.fail("the regular expressions of this query are too complex together", position)
