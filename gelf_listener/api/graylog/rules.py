"""
Rules: Graylog's conditions of a stream.

Types are Graylog's: 1 equals, 2 matches a regular expression, 3 greater, 4 smaller, 5 present, 6 contains, 7 always,
8 came from an input; each may be inverted. They look at a message as it arrived, not at the index: values are
compared as texts, with their case, and names of fields are those the client sent.

Source: routing recorded from Graylog 7.0.1 (``tests/vectors/graylog/rules.json``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Literal

from pydantic import BaseModel, Field

from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.patterns import alternatives, anywhere, in_words
from gelf_listener.errors import QueryError
from gelf_listener.message import FieldValue, Message
from gelf_listener.query.automaton import Automaton
from gelf_listener.query.fields import Known, is_analysed, is_lower_case, known_field
from gelf_listener.query.nodes import Exists, Group, MatchAll, Matches, Node, Phrase, Range, Regex, Term, Wildcard
from gelf_listener.rendering.graylog_times import iso
from gelf_listener.rendering.values import value_text

__all__ = ["Rule", "compile_rules", "node_of", "query_of"]

_Test = Callable[[Message], bool]
_FLAGS = re.compile(r"\(\?([a-zA-Z]+)\)")


class Rule(BaseModel):
    """One condition."""

    type: int = Field(1, ge=1, le=8)
    field: str | None = Field("", max_length=1000)
    value: str | None = Field("", max_length=10_000)
    inverted: bool = False
    description: str | None = Field(None, max_length=1000)


def compile_rules(rules: Sequence[Rule], matching: Literal["AND", "OR"]) -> _Test:
    """
    Compile rules to a test of messages. No rules match nothing in Graylog.

    Raises:
        ApiError: If a rule lacks what its type needs.
    """
    tests = [_test(rule) for rule in rules]
    if not tests:
        return lambda message: False  # noqa: ARG005
    if matching == "AND":
        return lambda message: all([test(message) for test in tests])
    return lambda message: any([test(message) for test in tests])


def _test(rule: Rule) -> _Test:
    """Compile one rule. A field that is missing, or no number, fails a comparison even where that is inverted."""
    field, value, inverted = rule.field or "", rule.value or "", rule.inverted
    if rule.type == 7:
        return lambda message: True  # noqa: ARG005
    if rule.type == 8:
        return lambda message: (message.input == value) != inverted
    if not field:
        raise ApiError(400, f"a stream rule of type {rule.type} needs a field")
    get = _getter(field)
    if rule.type == 5:
        return lambda message: (get(message) is not None) != inverted
    if rule.type in (3, 4):
        return _comparison(get, value, greater=rule.type == 3, inverted=inverted)
    if rule.type == 2:
        pattern = _pattern(value)
        if pattern is None:  # an expression that is wrong matches nothing, nor does its inversion
            return lambda message: inverted and get(message) is None
        holds = pattern
    elif rule.type == 6:
        holds = lambda text: value in text  # noqa: E731
    else:
        holds = lambda text: text.strip() == value  # noqa: E731

    def matches(message: Message) -> bool:
        found = get(message)
        return inverted if found is None else holds(value_text(found)) != inverted

    return matches


def _comparison(get: Callable[[Message], FieldValue | None], value: str, *, greater: bool, inverted: bool) -> _Test:
    limit = _number(value)

    def matches(message: Message) -> bool:
        number = _number(get(message))
        if number is None or limit is None:
            return False
        return (number > limit if greater else number < limit) != inverted

    return matches


def _pattern(pattern: str) -> Callable[[str], bool] | None:
    """Compile an expression of Java's that may match anywhere; None for one that is wrong."""
    flags = _FLAGS.match(pattern)
    fold = flags is not None and "i" in flags[1]
    plain = pattern if flags is None else pattern[flags.end() :]
    try:
        automata = [Automaton.from_regex(anywhere(each), fold=fold) for each in alternatives(plain)]
    except QueryError:
        return None
    return lambda text: any([automaton.matches(text.lower() if fold else text) for automaton in automata])


def _known(field: str) -> Known | None:
    """Return what is known of a field by its name in Graylog; GELF's names mean nothing to a rule."""
    known = known_field(field)
    return known if known is not None and known.name == field else None


def _getter(field: str) -> Callable[[Message], FieldValue | None]:
    known = _known(field)
    if known is not None:
        get_known = known.get
        if known.matching == "time":
            return lambda message: iso(float(get_known(message) or 0.0))
        return get_known
    if "." not in field and "_" not in field:
        return lambda message: message.fields.get(field)
    stored, sent = field.replace(".", "_"), f'"_{field}"'.encode()

    def get(message: Message) -> FieldValue | None:
        """Dots have become underscores on the way, but a rule means the name that was sent."""
        found = message.fields.get(field)
        if found is None and stored != field:
            found = message.fields.get(stored)
        return found if found is None or not message.raw or sent in message.raw else None

    return get


def _number(value: FieldValue | None) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def query_of(rules: Sequence[Rule], matching: Literal["AND", "OR"]) -> str:
    """Write rules as the query that comes nearest to them, for people and for links."""
    return str(node_of(rules, matching))


def node_of(rules: Sequence[Rule], matching: Literal["AND", "OR"]) -> Node:
    """
    Make what searches the messages that rules match. No rules match nothing in Graylog.

    Raises:
        ApiError: If a rule lacks what its type needs.
    """
    nodes = tuple(_node(rule) for rule in rules)
    if not nodes:
        return Group(must_not=(MatchAll(),))
    if len(nodes) == 1:
        return nodes[0]
    return Group(must=nodes) if matching == "AND" else Group(should=nodes)


def _node(rule: Rule) -> Node:
    """Make what one rule searches: a query that means the same where there is one, else a rough one and the test."""
    test = _test(rule)
    node = _exactly(rule)
    if node is None:
        plain = rule.model_copy(update={"inverted": False})
        node = Matches(_roughly(plain), _test(plain))
        if rule.inverted and rule.type in (2, 3, 4):  # an inversion that is not the opposite
            return Matches(MatchAll() if rule.type == 2 else Exists(rule.field or ""), test)
    return Group(must_not=(node,)) if rule.inverted and rule.type != 7 else node


def _exactly(rule: Rule) -> Node | None:
    """Return the query that finds just what a rule that is not inverted matches; None where no query does."""
    field, value = rule.field or "", rule.value or ""
    if rule.type == 7:
        return MatchAll()
    if rule.type == 8:
        return Phrase("gl2_source_input", value)
    if "." in field or "_" in field or is_analysed(field) or is_lower_case(field):
        return None
    if rule.type == 5:
        return Exists(field)
    if rule.type == 1 and _known(field) is None and value.strip() == value and _is_word(value):
        return Phrase(field, value)
    if rule.type in (3, 4) and field == "level" and _number(value) is not None and not rule.inverted:
        greater = rule.type == 3
        low, high = (value, None) if greater else (None, value)
        return Range(field, low, high, include_low=not greater, include_high=greater)
    return None


def _is_word(value: str) -> bool:
    """Whether a text equals itself only: it is not a number, truth value or date."""
    return value.isalpha() and value.lower() not in ("true", "false", "nan", "infinity", "inf", "now")


def _roughly(rule: Rule) -> Node:
    """Return a query that finds at least what a rule matches."""
    field, value = rule.field or "", rule.value or ""
    anything: Node = Exists(field.replace(".", "_") if "." in field else field)
    if "." in field or "_" in field or not value:
        return Group(should=(anything, Exists(field)))
    if rule.type == 6:
        return _containing(field, value)
    if rule.type == 2 and is_analysed(field) and not _FLAGS.match(value) and _pattern(value) is not None:
        return _regex(field, value)
    if rule.type == 1 and is_lower_case(field):
        return Phrase(field, value)
    return anything


def _containing(field: str, value: str) -> Node:
    if not is_analysed(field):
        return Wildcard(field, ((True, "*"), (False, value), (True, "*")))
    pieces = value.split()
    if not pieces or not all(piece.isalnum() and piece.isascii() for piece in pieces):
        return Exists(field)  # where words end is not clear
    nodes: list[Node] = []
    for number, piece in enumerate(pieces):
        before = ((True, "*"),) if number == 0 and not value[0].isspace() else ()
        after = ((True, "*"),) if number == len(pieces) - 1 and not value[-1].isspace() else ()
        nodes.append(Wildcard(field, (*before, (False, piece), *after)) if before or after else Term(field, piece))
    return Group(must=tuple(nodes)) if len(nodes) > 1 else nodes[0]


def _regex(field: str, value: str) -> Node:
    choices = [_of_words(field, in_words(each)) for each in alternatives(value)]
    return choices[0] if len(choices) == 1 else Group(should=tuple(choices))


def _of_words(field: str, patterns: Sequence[str]) -> Node:
    nodes = tuple(Regex(field, pattern) for pattern in patterns)
    return Group(must=nodes) if len(nodes) > 1 else nodes[0] if nodes else Exists(field)
