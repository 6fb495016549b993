"""Structure, limits and hints of the parser."""

from __future__ import annotations

from typing import Any

import pytest

from gelf_listener.query import QueryError, parse
from gelf_listener.query.limits import MAX_CLAUSES, MAX_DEPTH, MAX_PATTERNS, MAX_QUERY_CHARACTERS
from gelf_listener.query.nodes import Group, MatchAll, Phrase, Range, Term, Wildcard

A, B, C = (Term(None, letter) for letter in "abc")


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("a b", Group(should=(A, B))),
        ("a AND b OR c", Group(must=(A, B), should=(C,))),
        ("a OR b AND c", Group(must=(B, C), should=(A,))),
        ("a AND NOT b", Group(must=(A,), must_not=(B,))),
        ("NOT a AND b", Group(must=(B,), must_not=(A,))),
        ("+a", A),
        ("((a))", A),
        ("NOT NOT a", A),
        ("a && b", Group(must=(A, B))),
        ("!a", Group(must_not=(A,))),
        ("- a", Group(must_not=(A,))),
        (" \t\n", MatchAll()),
        ("x:-5", Term("x", "-5")),
        ("ip:fe80::", Term("ip", "fe80::")),
        ("ip:::1", Term("ip", "::1")),
        (r"\AND", Term(None, "AND")),
        (r"a\*", Term(None, "a*")),
        ("a*", Wildcard(None, ((False, "a"), (True, "*")))),
        ('"a \\" b"', Phrase(None, 'a " b')),
        ("x:[a TO b}", Range("x", "a", "b", include_high=False)),
        ("x:>5^2", Range("x", "5", None, include_low=False)),
        ('x:["*" TO *]', Range("x", "*", None)),
    ],
)
def test_a_text_becomes_its_tree(text: str, node: object):
    assert parse(text).node == node


@pytest.mark.parametrize("text", ["x:+a?", "x:-a*b", "x:-?", "x:+*", "x:a+b?"])
def test_a_wildcard_behind_a_sign_parses_to_itself(text: str):
    """Found by fuzzing: the sign was a part of its own, so one query had two trees."""
    node = parse(text).node
    assert parse(str(node)).node == node


@pytest.mark.parametrize(
    ("at", "over", "part"),
    [
        ("(" * MAX_DEPTH + "a" + ")" * MAX_DEPTH, "(" * (MAX_DEPTH + 1) + "a" + ")" * (MAX_DEPTH + 1), "deeper"),
        ("a " * MAX_CLAUSES, "a " * (MAX_CLAUSES + 1), "terms"),
        ("a~ " * MAX_PATTERNS, "a~ " * (MAX_PATTERNS + 1), "wildcards"),
        ("a" * MAX_QUERY_CHARACTERS, "a" * (MAX_QUERY_CHARACTERS + 1), "longer"),
        ('"' + "a " * 50 + '"~1', '"' + "a " * 51 + '"~1', "words"),
    ],
)
def test_a_limit_holds(at: str, over: str, part: str):
    parse(at)
    with pytest.raises(QueryError, match=part):
        parse(over)
    assert parse("a").node == A


@pytest.mark.parametrize(
    "text",
    ["(" * 16000, "NOT " * 4000, "a:" * 8000, "\\" * 16383, "[" * 16000, "x:(" * 5000, "+-!" * 5000, "/(" * 8000],
)
def test_a_flood_of_syntax_is_refused_only_by_a_query_error(text: str):
    with pytest.raises(QueryError):
        parse(text)


def test_expressions_are_limited_together():
    parse("/(a|b)*a(a|b){9}/")
    with pytest.raises(QueryError, match="together"):
        parse("/(a|b)*a(a|b){9}/ " * 20)


def test_a_hint_has_the_column_of_its_word():
    assert [hint.column for hint in parse("ssh and x:(a or b) y:or").hints] == [5, 14]


def test_a_node_knows_its_columns():
    text = ' (x:[1 TO 2]^2 OR  NOT "a b"~3)  AND y : z* '
    node: Any = parse(text).node
    inner = node.must[0]
    found = [node, inner, inner.should[0], inner.must_not[0], node.must[1]]
    assert [text[start - 1 : end - 1] for start, end in (part.columns for part in found)] == [
        '(x:[1 TO 2]^2 OR  NOT "a b"~3)  AND y : z*',
        'x:[1 TO 2]^2 OR  NOT "a b"~3',
        "x:[1 TO 2]^2",
        '"a b"~3',
        "y : z*",
    ]
