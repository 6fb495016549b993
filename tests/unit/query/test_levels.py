"""Names of levels: they mean the numbers wherever these stand, and a hint says which."""

from __future__ import annotations

import pytest

from gelf_listener.query import compile_predicate, parse, parse_as
from gelf_listener.query.levels import LEVEL_WORDS
from tests.unit.outputs.messages import make_message


@pytest.mark.parametrize(
    ("query", "levels"),
    [
        ("level:error", {3}),
        ("level:Error", {3}),
        ('level:"err"', {3}),
        ("level:(warn OR fatal)", {2, 4}),
        ("level:<=warning", {0, 1, 2, 3, 4}),
        ("level:>error", {4, 5, 6, 7}),
        ("level:[error TO info]", {3, 4, 5, 6}),
        ("level:{crit TO *]", {3, 4, 5, 6, 7}),
        ("NOT level:debug", {0, 1, 2, 3, 4, 5, 6}),
        ("level:3", {3}),
    ],
)
def test_names_mean_numbers(query: str, levels: set[int]) -> None:
    """As terms, phrases, ranges and comparisons, in groups and negated, in any case."""
    parsed = parse(query)
    predicate = compile_predicate(parsed)
    assert {level for level in range(8) if predicate(make_message("x", level=level))} == levels
    assert parse(str(parsed.node)).node == parsed.node
    assert parse(str(parsed.node)).hints == ()


def test_hints_say_the_number() -> None:
    """Where the name stands; and which names there are, for one that is none."""
    assert [(hint.text, hint.column) for hint in parse("x AND level:[err TO warn]").hints] == [
        ("'err' is level 3", 7),
        ("'warn' is level 4", 7),
    ]
    (hint,) = parse("level:oops").hints
    assert hint.text.startswith("'oops' is not a level: they are 0 to 7, or emergency")


def test_only_the_level_has_names() -> None:
    """Other fields hold such words; and in Graylog's meaning a level is a number."""
    assert parse("kind:error").hints == ()
    assert compile_predicate(parse("kind:error"))(make_message("x", fields={"kind": "error"}))
    assert not compile_predicate(parse_as("level:error", "graylog"))(make_message("x", level=3))


def test_every_name_is_one_of_eight() -> None:
    """No name without a number of syslog's."""
    assert set(LEVEL_WORDS.values()) == set(range(8))


def test_what_was_meant() -> None:
    """A name that is nearly one; and a pair as other languages have it."""
    assert [hint.text for hint in parse("level:eror").hints] == ["'eror' is not a level: did you mean error?"]
    (hint,) = parse("a OR user_id=42").hints
    assert (hint.text, hint.column) == ("a field and its value have a colon between them: user_id:42", 6)
    assert not parse("message:a=b").hints
    assert not parse('"a=b" OR =x').hints
