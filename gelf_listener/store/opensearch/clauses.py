"""Clauses: queries in OpenSearch's query language, and how they are put together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gelf_listener.query.nodes import Fuzzy, Range, Regex, Wildcard
from gelf_listener.store.algebra import Algebra, Bounds

Clause = dict[str, Any]
"""A query as JSON."""

_MAX_REGEX_CHARACTERS = 900
"""OpenSearch refuses more than 1000."""
_MAX_STATES = 100_000
_MAX_EXPANSIONS = 1000
_DATE = "[0-9]{4}(-[0-9]{2}|/[0-9]{2}/[0-9]{2}).*"
"""Texts that may be read as a time."""
_REGEX_SPECIAL = frozenset('.?+*|{}[]()"\\#@&<>~^$-')


class Clauses(Algebra[Clause]):
    """Makes queries."""

    def __init__(self) -> None:
        super().__init__(nothing={"match_none": {}}, everything={"match_all": {}})

    def all(self, queries: Sequence[Clause]) -> Clause:
        """What all queries find."""
        return queries[0] if len(queries) == 1 else {"bool": {"filter": list(queries)}}

    def any(self, queries: Sequence[Clause]) -> Clause:
        """What one of the queries finds."""
        return queries[0] if len(queries) == 1 else {"bool": {"should": list(queries), "minimum_should_match": 1}}

    def without(self, query: Clause, unwanted: Clause) -> Clause:
        """What a query finds and another does not."""
        return {"bool": {"filter": [query], "must_not": [unwanted]}}

    def numbers(self, column: str, low: float | None, high: float | None) -> Bounds[Clause]:
        """Numbers of a column from `low` up to, not including, `high`."""
        return self.between_ends(column, {"gte": low, "lt": high})

    def between_ends(self, field: str, ends: dict[str, Any]) -> Bounds[Clause]:
        """What lies between ends, of which None is open; a field with any value lies between two of those."""
        given = {name: end for name, end in ends.items() if end is not None}
        return self.exactly({"range": {field: given}} if given else {"exists": {"field": field}})

    def term(self, field: str, value: str | float) -> Bounds[Clause]:
        """A term."""
        return self.exactly({"term": {field: {"value": value}}})

    def terms(self, field: str, values: Sequence[str | float]) -> Bounds[Clause]:
        """One of several terms."""
        return self.exactly({"terms": {field: list(values)}}) if values else self.nothing

    def ids(self, ids: Sequence[str]) -> Bounds[Clause]:
        """Messages by their ids."""
        return self.exactly({"ids": {"values": list(ids)}}) if ids else self.nothing

    def has(self, field: str) -> Bounds[Clause]:
        """Messages that have a field."""
        return self.exactly({"exists": {"field": field}})

    def phrase(self, field: str, words: Sequence[str]) -> Bounds[Clause]:
        """Words in a row."""
        return self.exactly({"match_phrase": {field: " ".join(words)}})

    def prefix(self, field: str, text: str) -> Bounds[Clause]:
        """Terms that begin with a text."""
        return self.exactly({"prefix": {field: {"value": text}}})

    def dates(self, field: str, mark: str = "") -> Bounds[Clause]:
        """Texts that may be read as a time."""
        return self.exactly({"regexp": {field: {"value": mark + _DATE, "flags": "NONE"}}})

    def regex(self, field: str, expression: str) -> Bounds[Clause]:
        """Terms that match an expression of our own making, in Lucene's plain syntax."""
        return self.exactly({"regexp": {field: {"value": expression, "flags": "NONE"}}})

    def pattern(self, node: Wildcard | Regex | Fuzzy, field: str, mark: str = "", *, lower: bool) -> Bounds[Clause]:
        """
        Terms that a pattern matches.

        Args:
            node: The pattern.
            field: Where to look.
            mark: What stands before every text there.
            lower: Whether the texts there are in lower case.
        """
        if isinstance(node, Wildcard):
            return self._wildcard(node, field, mark, lower=lower)
        if isinstance(node, Fuzzy):
            text = node.text.lower() if lower else node.text
            if node.distance == 0:
                return self.term(field, mark + text)
            fuzzy = {
                "value": mark + text,
                "fuzziness": node.distance,
                "prefix_length": len(mark),
                "transpositions": True,
                "max_expansions": _MAX_EXPANSIONS,
                "rewrite": "constant_score",
            }
            return self.exactly({"fuzzy": {field: fuzzy}})
        if len(node.pattern) > _MAX_REGEX_CHARACTERS or (lower and not node.pattern.isascii()):
            return self.maybe(self.prefix(field, mark).most)
        expression = f"{mark}({node.pattern})" if mark else node.pattern
        regex: dict[str, Any] = {"value": expression, "flags": "ALL", "max_determinized_states": _MAX_STATES}
        return self.exactly({"regexp": {field: regex | ({"case_insensitive": True} if lower else {})}})

    def _wildcard(self, node: Wildcard, field: str, mark: str, *, lower: bool) -> Bounds[Clause]:
        written = mark
        for wild, text in node.parts:
            literal = text.lower() if lower else text
            written += text if wild else literal.replace("\\", "\\\\").replace("*", "\\*").replace("?", "\\?")
        return self.exactly({"wildcard": {field: {"value": written}}})

    def texts_between(self, node: Range, field: str, mark: str = "", *, lower: bool) -> Bounds[Clause]:
        """Texts between two ends, letter by letter."""
        ends: dict[str, Any] = {}
        if node.low is not None:
            ends["gte" if node.include_low else "gt"] = mark + (node.low.lower() if lower else node.low)
        elif mark:
            ends["gte"] = mark
        if node.high is not None:
            ends["lte" if node.include_high else "lt"] = mark + (node.high.lower() if lower else node.high)
        elif mark:
            ends["lt"] = chr(ord(mark) + 1)
        return self.between_ends(field, ends)

    @staticmethod
    def literal(text: str) -> str:
        """Write a text for `regex`."""
        return "".join("\\" + character if character in _REGEX_SPECIAL else character for character in text)
