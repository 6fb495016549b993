"""Lucene's regular expressions, and what they may cost."""

from __future__ import annotations

import pytest

from gelf_listener.query import QueryError
from gelf_listener.query.automaton import Automaton


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("a(b|c)*d", ["ad", "abcbd"], ["abcb", "xad"]),
        ("^a$", ["^a$"], ["a"]),
        ('"a.b"+', ["a.b", "a.ba.b"], ["axb", ""]),
        ("<8-12>", ["8", "10", "12"], ["7", "13", "010"]),
        ("<08-12>", ["08", "12"], ["8"]),
        ("a@", ["a", "a\nb"], ["b"]),
        ("()", [""], ["a"]),
        ("(a)?", ["a", ""], ["b"]),
        ("a||b", ["a", "|b"], ["", "b"]),
        ("(|a)", ["|a"], ["", "a"]),
        ("()", [""], ["()"]),
        ("[]a]", ["]", "a"], ["b"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[^\\d-]", ["a"], ["5", "-"]),
        ("[\\]\\\\]", ["]", "\\"], ["a"]),
        ("x{2,3}", ["xx", "xxx"], ["x", "xxxx"]),
        ("(ab){2,}", ["abab", "ababab"], ["ab", "aba"]),
        ("x++++?*", ["", "xxx"], ["y"]),
        ("\\S\\s\\w\\W", ["a b-"], ["abcd"]),
        ("~a", ["", "b", "aa"], ["a"]),
        ("~(a.*)b", ["b", "xab"], ["ab", "x"]),
        ("~a*", ["", "bb"], ["a"]),
        ("~(@)", [], ["", "a"]),
        ("~~a", ["a"], ["", "b"]),
        (".*a.*&.*b.*|c", ["ab", "ba", "c"], ["a", "b"]),
        ("a.{2}&.*[0-9]", ["ab1"], ["abc", "a1"]),
        ("\\~\\&", ["~&"], ["~", ""]),
        (".", ["\n", "é", "\U0001f525"], ["", "ab"]),
    ],
)
def test_an_expression_covers_the_whole_text(pattern: str, yes: list[str], no: list[str]):
    automaton = Automaton.from_regex(pattern)
    assert [text for text in yes + no if automaton.matches(text)] == yes


def test_folded_expressions_match_lower_cased_texts():
    assert Automaton.from_regex("[A-Z]ÄB\\W", fold=True).matches("xäb-")
    assert not Automaton.from_regex("[^A]", fold=True).matches("a")
    assert Automaton.from_regex("[^A]").matches("a")


@pytest.mark.parametrize(
    "pattern",
    [
        "((a{100}){100}){100}",
        ".*a.{1000}",
        "x{1,2}?" * 1000,
        "x" + "{1,2}?" * 1000,
        "a" * 16_000,
        "(a?){1000}a{1000}",
        "a{1001}",
        "~(.*a.{8})~(.*b.{8})",
        "~" * 60 + "a",
        "<1-9999>",
        "<5-1>",
        "(" * 51 + ")" * 51,
    ],
)
def test_what_would_be_too_large_is_refused(pattern: str):
    with pytest.raises(QueryError):
        Automaton.from_regex(pattern)


@pytest.mark.parametrize(
    "pattern",
    [  # noqa: RUF005  (longer lines otherwise)
        "x" + "+?*" * 3000,
        "(){1000}",
        "a{1000}",
        "[a-z]{0,1000}",
        "<1-1000>",
        "(a{100}){99}",
        "a|" * 4000 + "a",
        "(" * 49 + ")" * 49,
    ]
    + ["[" + "".join(chr(0x4E00 + 2 * i) for i in range(8000)) + "]{1000}"],
)
def test_what_stays_small_is_accepted(pattern: str):
    Automaton.from_regex(pattern).matches("a" * 100_000)


def test_many_different_characters_fit_the_cache():
    text = "".join(map(chr, range(0x100, 0xD000)))
    assert Automaton.from_regex(".*[^a]").matches(text * 2)


@pytest.mark.parametrize("pattern", ["a|", "(a|)", "a&", "(a|b|)c", "(", "~"])
def test_an_alternative_that_ends_too_early_is_refused(pattern: str):
    """As in Lucene, where it finds nothing."""
    with pytest.raises(QueryError):
        Automaton.from_regex(pattern)
