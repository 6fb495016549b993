"""Predicates at their edges: floods, shared texts, and the laws of groups."""

from __future__ import annotations

import pytest

from gelf_listener.query import compile_predicate, parse
from gelf_listener.query.nodes import Group, MatchAll
from tests.unit.query.samples import message

_UNIQUE = " ".join(f"{number:x}" for number in range(30_000))
_REPEATED = "a b " * 40_000


@pytest.mark.parametrize(
    ("query", "text"),
    [
        (" OR ".join(f"w{number}" for number in range(1024)), _UNIQUE),
        (" AND ".join(["zzzz~"] * 20), _UNIQUE),
        ("a*b*c " * 100, _UNIQUE),
        ('"a b zz" ' * 1000, _REPEATED),
        ('"a a b zz"~9 ' * 100, _REPEATED),
        ("message:/(.*a){3}zz/ " * 10, _UNIQUE),
        ("x:" + "a" * 16_000 + "~", "a" * 500_000),
        ("x:" + "a" * 16_000 + "~", "a" * 15_999 + "b"),
        ("x:*" + "a?" * 8000, "a" * 500_000 + "b"),
        ("x:*" + "a*" * 8000, "a" * 500_000),
        ("x:/.*a.{6}/", "ab" * 250_000),
        ("message:[zz TO zzz] " * 500, _UNIQUE),
    ],
)
def test_a_large_query_on_a_large_text_ends(query: str, text: str):
    assert compile_predicate(parse(query))(message(text, fields={"x": text})) in (True, False)


def test_the_last_text_does_not_answer_for_the_next():
    matches = compile_predicate(parse("ssh AND login"))
    found = [matches(message(text)) for text in ("ssh login", "ssh", "login ssh", "", "ssh login")]
    assert found == [True, False, True, False, True]


def test_full_message_may_be_missing():
    matches = compile_predicate(parse("full_message:a OR full_message:[a TO b]"))
    assert not matches(message("a"))
    assert matches(message("x", full_message="A"))


def test_an_empty_group_matches_everything():
    assert compile_predicate(Group())(message())
    assert not compile_predicate(Group(must_not=(MatchAll(),)))(message())


def test_odd_numbers_never_raise():
    sample = message(level=10**5000, fields={"nan": float("nan"), "inf": float("inf"), "huge": 10**5000, "ok": True})
    for text in (
        "5",
        "huge:>1",
        "huge:1*",
        "huge:[a TO b]",
        "nan:[* TO 5]",
        "nan:/n.*/",
        "inf:>=1e308",
        "ok:>0",
        "ok:1",
        "1~",
    ):
        assert compile_predicate(parse(text))(sample) in (True, False)
    assert not compile_predicate(parse("ok:1"))(sample)
    assert compile_predicate(parse("inf:>=1e308 AND huge:>1"))(sample)


def test_now_moves_with_the_clock():
    time = 1000.0
    matches = compile_predicate(parse("timestamp:>=now-10s"), clock=lambda: time)
    sample = message(timestamp=995.0)
    assert matches(sample)
    time = 1006.0
    assert not matches(sample)


def test_a_message_is_found_by_its_id_alone():
    sample, other = message(), message()
    matches = compile_predicate(parse(sample.id))
    assert matches(sample)
    assert not matches(other)


def test_a_node_alone_compiles():
    assert compile_predicate(parse("short").node)(message())
