"""
Rules: Graylog's conditions of a stream -> a query.

Types are Graylog's: 1 equals, 2 matches a regular expression, 3 greater, 4 smaller, 5 present, 6 contains, 7 always,
8 came from an input; each may be inverted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, Field

from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.patterns import alternatives, anywhere, in_words
from gelf_listener.errors import QueryError
from gelf_listener.query import parse
from gelf_listener.query.fields import is_analysed
from gelf_listener.query.nodes import Exists, Group, MatchAll, Node, Phrase, Range, Regex, Wildcard

__all__ = ["Rule", "query_of"]


class Rule(BaseModel):
    """One condition."""

    type: int = Field(1, ge=1, le=8)
    field: str | None = Field("", max_length=1000)
    value: str | None = Field("", max_length=10_000)
    inverted: bool = False
    description: str | None = Field(None, max_length=1000)


def query_of(rules: Sequence[Rule], matching: Literal["AND", "OR"]) -> str:
    """
    Write rules as a query. No rules match nothing in Graylog.

    Raises:
        ApiError: If a rule cannot be written in the query language.
    """
    nodes = [_inverted(_node(rule)) if rule.inverted else _node(rule) for rule in rules]
    if not nodes:
        node: Node = Group(must_not=(MatchAll(),))
    elif len(nodes) == 1:
        node = nodes[0]
    else:
        node = Group(must=tuple(nodes)) if matching == "AND" else Group(should=tuple(nodes))
    text = str(node)
    try:
        parse(text)
    except QueryError as error:
        raise ApiError(400, f"a rule of the stream cannot be a query: {error}") from None
    return text


def _inverted(node: Node) -> Node:
    return Group(must_not=(node,))


def _node(rule: Rule) -> Node:
    field, value = rule.field or "", rule.value or ""
    if rule.type == 7:
        return MatchAll()
    if rule.type == 8:
        return Phrase("gl2_source_input", value)
    if not field:
        raise ApiError(400, f"a stream rule of type {rule.type} needs a field")
    if rule.type == 5:
        return Exists(field)
    if not value:
        raise ApiError(400, f"a stream rule of type {rule.type} needs a value")
    if rule.type in (3, 4):
        return _compared(field, value, greater=rule.type == 3)
    if rule.type == 2:
        return _regex(field, value)
    if rule.type == 1 or (is_analysed(field) and len(value.split()) > 1):
        return Phrase(field, value)  # texts are searched by words
    return Wildcard(field, ((True, "*"), (False, value), (True, "*")))


def _compared(field: str, value: str, *, greater: bool) -> Node:
    try:
        float(value)
    except ValueError:
        raise ApiError(400, f"a stream rule compares with numbers, not with {value[:100]!r}") from None
    low, high = (value, None) if greater else (None, value)
    return Range(field, low, high, include_low=not greater, include_high=greater)


def _regex(field: str, value: str) -> Node:
    choices = [_of_words(field, in_words(each)) if is_analysed(field) else Regex(field, anywhere(each))
               for each in alternatives(value)]  # fmt: skip
    return choices[0] if len(choices) == 1 else Group(should=tuple(choices))


def _of_words(field: str, patterns: Sequence[str]) -> Node:
    nodes = tuple(Regex(field, pattern) for pattern in patterns)
    return Group(must=nodes) if len(nodes) > 1 else nodes[0] if nodes else Exists(field)
