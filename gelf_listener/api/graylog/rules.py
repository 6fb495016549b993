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

from pydantic import Field

from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.bodies import Body
from gelf_listener.api.graylog.java_patterns import found_anywhere
from gelf_listener.api.graylog.patterns import alternatives, has_plain_words, in_words
from gelf_listener.codec.gelf.jackson import as_text
from gelf_listener.errors import QueryError
from gelf_listener.message import FieldValue, Message
from gelf_listener.query.automaton import Automaton
from gelf_listener.query.fields import Known, is_analysed, is_lower_case, known_field
from gelf_listener.query.nodes import Exists, Group, MatchAll, Matches, Node, Phrase, Range, Regex, Term, Wildcard
from gelf_listener.rendering.graylog_times import iso
from gelf_listener.rendering.values import value_text

_Test = Callable[[Message], bool]
_DECIMAL = re.compile(r"-?[0-9]{1,9}(?:\.[0-9]{1,9})?")
_DOUBLE = re.compile(
    r"(?P<number>[+-]?(?:NaN|Infinity|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?=[fFdD]?$)))[fFdD]?"
    r"|(?P<hex>[+-]?0[xX](?:[0-9a-fA-F]+\.?[0-9a-fA-F]*|\.[0-9a-fA-F]+)[pP][+-]?[0-9]+)[fFdD]?"
)


class Rule(Body):
    """One condition."""

    type: int = Field(1, ge=1, le=8)
    field: str | None = Field("", max_length=1000)
    value: str | None = Field("", max_length=10_000)
    inverted: bool = False
    description: str | None = Field(None, max_length=1000)


class RuleRequest(Rule):
    """One condition as it is made: a field and a value are said even where they do not count."""

    field: str = Field(max_length=1000)
    value: str = Field(max_length=10_000)


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
        return lambda message: not inverted  # noqa: ARG005
    if rule.type == 8:
        return lambda message: (message.input.strip().lower() == value.lower()) != inverted
    if not field:
        raise ApiError(400, f"a stream rule of type {rule.type} needs a field")
    get = _getter(field)
    if rule.type == 5:
        return lambda message: (get(message) is not None) != inverted
    if rule.type in (3, 4):
        return _comparison(get, value, greater=rule.type == 3, inverted=inverted)
    if rule.type == 2:
        pattern = found_anywhere(value)
        if pattern is None:  # an expression that is wrong matches nothing, nor does its inversion
            return lambda message: inverted and get(message) is None
        holds = pattern
    elif rule.type == 6:
        holds = lambda text: value in text  # noqa: E731
    else:
        holds = lambda text: text.strip() == value  # noqa: E731

    def matches(message: Message) -> bool:
        found = get(message)
        return inverted if found is None else holds(_text(found)) != inverted

    return matches


def _comparison(get: Callable[[Message], FieldValue | None], value: str, *, greater: bool, inverted: bool) -> _Test:
    limit = _number(value)

    def matches(message: Message) -> bool:
        number = _number(get(message))
        if number is None or limit is None:
            return False
        return (number > limit if greater else number < limit) != inverted

    return matches


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


def _text(value: FieldValue) -> str:
    """Write a value as Java does; numbers of any length."""
    return as_text(value) if isinstance(value, float) else value_text(value)


def _number(value: FieldValue | None) -> float | None:
    """Read a number as Graylog does, by Guava's `Doubles.tryParse`: ``5d`` is one, and `` 5`` is not."""
    if isinstance(value, bool) or value is None:
        return None
    try:
        if not isinstance(value, str):
            return float(value)
        match = _DOUBLE.fullmatch(value)
        if match is None:
            return None
        return float.fromhex(match["hex"]) if match["hex"] else float(match["number"])
    except OverflowError:
        return float("-inf" if str(value).startswith("-") else "inf")


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
    return Group(must_not=(node,)) if rule.inverted else node


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
    if rule.type in (3, 4) and field == "level" and _DECIMAL.fullmatch(value) and not rule.inverted:
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
    if rule.type == 2 and is_analysed(field) and has_plain_words(value) and found_anywhere(value) is not None:
        return _regex(field, value) or anything
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


def _regex(field: str, value: str) -> Node | None:
    """Return a query for the words an expression reaches into; None where one of them takes too many states."""
    choices = [in_words(each) for each in alternatives(value)]
    try:
        for pattern in (pattern for patterns in choices for pattern in patterns):
            Automaton.from_regex(pattern)
    except QueryError:
        return None
    nodes = tuple(_of_words(field, patterns) for patterns in choices)
    return nodes[0] if len(nodes) == 1 else Group(should=nodes)


def _of_words(field: str, patterns: Sequence[str]) -> Node:
    nodes = tuple(Regex(field, pattern) for pattern in patterns)
    return Group(must=nodes) if len(nodes) > 1 else nodes[0] if nodes else Exists(field)
