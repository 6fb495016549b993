"""
Laws that hold for every query and every message.

No law has a deadline: a busy machine would break it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from functools import reduce

from hypothesis import given, settings
from hypothesis import strategies as st

from gelf_listener.query import QueryError, compile_predicate, parse, parse_as
from gelf_listener.query.automaton import Automaton
from gelf_listener.query.differences import difference
from gelf_listener.query.fields import KNOWN_NAMES
from gelf_listener.query.nodes import Exists, Fuzzy, Group, MatchAll, Phrase, Range, Regex, Term, Wildcard
from gelf_listener.query.patterns import compile_fuzzy, compile_wildcards, within
from gelf_listener.query.texts import CutText, compile_phrase
from gelf_listener.query.words import MAX_WORD_CHARACTERS, words
from tests.unit.query.samples import message

_SYNTAX = st.sampled_from(
    [
        "a",
        "b",
        "AND",
        "OR",
        "NOT",
        "TO",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        '"',
        "/",
        "~",
        "^",
        "*",
        "?",
        ":",
        "<",
        ">=",
        "\\",
        "+",
        "-",
        "!",
        "&&",
        "||",
        "1",
        "level",
        "message",
        "timestamp",
        "now-1d",
        "2019-07-23",
        "$",
        "é",
        "\x00",
        " ",
    ]
)
_QUERIES = st.one_of(st.lists(_SYNTAX, max_size=25).map("".join), st.text(max_size=40))
_TEXTS = st.text(max_size=12)
_NAMES = st.sampled_from(["a", "message", "full_message", "source", "level", "a b", "a:b", "x_y"]) | st.text(min_size=1)
_FIELDS = st.none() | _NAMES
_FILLED = st.text(min_size=1, max_size=8)
_PARTS = (
    st.lists(st.sampled_from("ab*?\\ :"), min_size=2, max_size=6)
    .map(lambda letters: tuple((letter in "*?", letter) for letter in letters))
    .filter(lambda parts: any(wild for wild, _ in parts) and parts[0] != (True, "*"))
)


def _joined(parts: tuple[tuple[bool, str], ...]) -> tuple[tuple[bool, str], ...]:
    """Put neighbouring literals together, as the parser does."""
    result: list[tuple[bool, str]] = []
    for wild, text in parts:
        if not wild and result and not result[-1][0]:
            result[-1] = (False, result[-1][1] + text)
        else:
            result.append((wild, text))
    return tuple(result)


_LEAVES = st.one_of(
    st.builds(MatchAll),
    st.builds(Term, _FIELDS, _FILLED),
    st.builds(Phrase, _FIELDS, _FILLED, st.integers(0, 9)),
    st.builds(Wildcard, _FIELDS, _PARTS.map(_joined)),
    st.builds(Regex, _FIELDS, st.sampled_from(["a+", "[ab]", "a\\/b", "(a|b){2}"])),
    st.builds(Fuzzy, _FIELDS, _FILLED, st.integers(0, 2)),
    st.builds(Range, _NAMES, st.none() | _TEXTS, st.none() | _TEXTS, st.booleans(), st.booleans()),
    st.builds(Exists, _NAMES),
)


def _group(inner: st.SearchStrategy) -> st.SearchStrategy:
    clauses = st.lists(inner, max_size=3).map(tuple)
    return st.builds(Group, clauses, clauses, clauses).filter(
        lambda group: group.must_not or len(group.must) + len(group.should) > 1
    )


def _in_graylog(node):
    """Give a tree Graylog's meaning."""
    if isinstance(node, Group):
        return Group(*(tuple(map(_in_graylog, part)) for part in (node.must, node.should, node.must_not)))
    return node if isinstance(node, MatchAll) else replace(node, graylog=True)


_NODES = st.recursive(_LEAVES, _group, max_leaves=8)
_VALUES = st.one_of(
    _TEXTS, st.integers(), st.floats(), st.booleans(), st.builds(lambda: 10**5000), st.just("2019-07-23T01:00")
)
_MESSAGES = st.builds(
    message,
    st.text(max_size=40),
    _TEXTS,
    full_message=st.none() | st.text(max_size=40),
    level=st.none() | st.integers(),
    timestamp=st.floats(0, 4e9),
    fields=st.dictionaries(st.sampled_from(["a", "b", "x.y", "level", "message"]) | _FILLED, _VALUES, max_size=4),
)


@settings(deadline=None)
@given(_NODES)
def test_a_tree_is_written_so_that_it_parses_to_itself(node):
    try:
        again = parse(str(node))
    except QueryError as error:  # only a time that is none is refused
        assert "is not a time" in error.detail  # noqa: PT017  (not every text is refused)
    else:
        assert again.node == node


@settings(deadline=None)
@given(_QUERIES, _MESSAGES)
def test_any_text_is_a_query_or_a_query_error(text, sample):
    try:
        query = parse(text)
    except QueryError as error:
        assert 1 <= error.column <= len(text) + 1  # noqa: PT017  (not every text is refused)
        return
    assert compile_predicate(query)(sample) in (True, False)
    assert parse(str(query.node)).node == query.node


@settings(deadline=None)
@given(_QUERIES, _MESSAGES)
def test_any_text_is_a_query_or_a_query_error_in_a_graylog(text, sample):
    try:
        query = parse_as(text, "graylog")
    except QueryError as error:
        assert 1 <= error.column <= len(text) + 1  # noqa: PT017  (not every text is refused)
    else:
        assert compile_predicate(query)(sample) in (True, False)
        assert all(1 <= hint.column <= len(text) for hint in query.hints)


@settings(deadline=None)
@given(_QUERIES)
def test_differences_are_told_of_any_query(text):
    try:
        query = parse(text)
    except QueryError:
        return
    told = difference(query)
    assert told.node is not None or len(told.hints) == 1
    assert all(1 <= hint.column <= len(text) + 1 and hint.text for hint in told.hints)


@settings(deadline=None)
@given(_NODES.map(_in_graylog), _MESSAGES)
def test_no_query_of_a_graylog_raises_on_any_message(node, sample):
    matches = compile_predicate(node, clock=lambda: 1.0)
    found = matches(sample)
    assert matches(sample) == found
    assert compile_predicate(Group(must_not=(node,)), clock=lambda: 1.0)(sample) != found


@settings(deadline=None)
@given(_NODES, _MESSAGES)
def test_no_query_raises_on_any_message(node, sample):
    matches = compile_predicate(node, clock=lambda: 1.0)
    found = matches(sample)
    assert found in (True, False)
    assert matches(sample) == found
    negated = compile_predicate(Group(must_not=(node,)), clock=lambda: 1.0)(sample)
    assert negated != found
    assert compile_predicate(Group(must_not=(Group(must_not=(node,)),)), clock=lambda: 1.0)(sample) == found


_WORDS = st.one_of(
    st.builds(Term, st.none(), _FILLED),
    st.builds(Phrase, st.none(), _FILLED, st.integers(0, 2)),
    st.builds(Wildcard, st.none(), _PARTS.map(_joined)),
    st.builds(Fuzzy, st.none(), _FILLED, st.integers(0, 2)),
    st.builds(Regex, st.none(), st.sampled_from(["a+", "[ab]*", ".{1,3}"])),
)


@settings(deadline=None)
@given(_WORDS, _MESSAGES)
def test_a_word_without_a_field_is_looked_for_in_every_field(node, sample):
    own = [name for name in sample.fields if name.lstrip("_") not in KNOWN_NAMES]
    names = ["message", "full_message", "source", "level", *own]
    shadowed = [value for name, value in sample.fields.items() if name not in own]
    expected = any(compile_predicate(replace(node, field=name))(sample) for name in names)
    found = compile_predicate(node)(sample)
    assert found == expected or (shadowed and found)


@settings(deadline=None)
@given(st.sampled_from(["ssh", "level:6", "a OR b", "x:[1 TO 2]", "NOT a", "*"]), _MESSAGES)
def test_two_negations_cancel_out(text, sample):
    once = compile_predicate(parse(f"({text})"))(sample)
    assert compile_predicate(parse(f"NOT NOT ({text})"))(sample) == once
    assert compile_predicate(parse(f"NOT (NOT ({text}))"))(sample) == once


_REGEXES = st.recursive(
    st.sampled_from(["a", "b", ".", "[ab]", "[^a]", "\\d", "\\w", "\\W", "[b-c0-5]", "\\."]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: "(" + "|".join(parts) + ")"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{0,2}", "{1,}", "{0}"])).map(
            lambda p: f"({p[0]}){p[1]}"
        ),
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(_REGEXES, st.lists(st.text("abc0._\n", max_size=6), min_size=1, max_size=8))
def test_the_automaton_agrees_with_re(pattern, texts):
    expected = re.compile(pattern, re.DOTALL | re.ASCII)
    automaton = Automaton.from_regex(pattern)
    for text in texts:
        assert automaton.matches(text) == bool(expected.fullmatch(text))


@settings(deadline=None)
@given(st.text('abA|().*+?{}[]^\\"<>-1,~&@dwsé', max_size=20), st.booleans())
def test_any_text_is_an_expression_or_a_query_error(pattern, fold):
    try:
        Automaton.from_regex(pattern, fold=fold).matches("ab1")
    except QueryError as error:
        assert 1 <= error.column <= len(pattern) + 1  # noqa: PT017  (not every text is refused)


@settings(max_examples=150, deadline=None)
@given(st.text("ab*?", min_size=1, max_size=7), st.lists(st.text("ab", max_size=8), min_size=1, max_size=8))
def test_wildcards_agree_with_re(pattern, texts):
    expected = re.compile(pattern.replace("*", ".*").replace("?", "."), re.DOTALL)
    matches = compile_wildcards(tuple((letter in "*?", letter) for letter in pattern))
    for text in texts:
        assert matches(text) == bool(expected.fullmatch(text))


@settings(max_examples=50, deadline=None)
@given(st.text("ab?", min_size=66, max_size=70), st.text("ab", max_size=9), st.integers(0, 80))
def test_a_long_piece_agrees_with_re(piece, around, flipped):
    """Beyond 64 characters a piece with question marks is looked for bit by bit instead of by `re`."""
    text = around + piece.replace("?", "b") + around
    changed = text[:flipped] + "c" + text[flipped + 1 :]
    pattern = f"*{piece}?*"
    expected = re.compile(pattern.replace("*", ".*").replace("?", "."), re.DOTALL)
    matches = compile_wildcards(tuple((letter in "*?", letter) for letter in pattern))
    for sample in (text, text + "a", changed, changed + "a"):
        assert matches(sample) == bool(expected.fullmatch(sample))


def _distance(one: str, two: str) -> int:
    """Optimal string alignment by its textbook table."""
    table = {(i, 0): i for i in range(len(one) + 1)} | {(0, j): j for j in range(len(two) + 1)}
    for i in range(1, len(one) + 1):
        for j in range(1, len(two) + 1):
            steps = [table[i - 1, j] + 1, table[i, j - 1] + 1, table[i - 1, j - 1] + (one[i - 1] != two[j - 1])]
            if i > 1 and j > 1 and one[i - 1] == two[j - 2] and one[i - 2] == two[j - 1]:
                steps.append(table[i - 2, j - 2] + 1)
            table[i, j] = min(steps)
    return table[len(one), len(two)]


@settings(max_examples=150, deadline=None)
@given(st.text("abc", max_size=7), st.text("abc", max_size=7))
def test_within_agrees_with_the_textbook(one, two):
    expected = [_distance(one, two) <= most for most in (0, 1, 2)]
    assert [within(one, two, most) for most in (0, 1, 2)] == expected
    assert [compile_fuzzy(two, most)(one) for most in (0, 1, 2)] == expected


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), max_size=12), st.lists(st.sampled_from("abc"), min_size=1, max_size=3))
def test_a_phrase_is_words_in_a_row(text, phrase):
    naive = any(text[start : start + len(phrase)] == phrase for start in range(len(text)))
    assert compile_phrase(" ".join(phrase), 0)(CutText(" ".join(text))) == naive


@settings(deadline=None)
@given(
    st.lists(st.sampled_from("abc"), max_size=8),
    st.lists(st.sampled_from("abc"), min_size=2, max_size=3),
    st.integers(1, 4),
)
def test_a_sloppy_phrase_takes_the_narrowest_choice_of_places(text, phrase, slop):
    choices: list[tuple[int, ...]] = reduce(
        lambda known, word: [(*c, p) for c in known for p, found in enumerate(text) if found == word and p not in c],
        phrase,
        [()],
    )
    spreads = [[place - index for index, place in enumerate(choice)] for choice in choices]
    expected = any(max(spread) - min(spread) <= slop for spread in spreads)
    assert compile_phrase(" ".join(phrase), slop)(CutText(" ".join(text))) == expected


@settings(deadline=None)
@given(st.text())
def test_words_are_pieces_of_the_lower_cased_text(text):
    found = words(text)
    position = 0
    lower = text.lower()
    for word in found:
        position = lower.index(word, position) + len(word)
        assert 0 < len(word) <= MAX_WORD_CHARACTERS


@settings(deadline=None)
@given(st.text("ab .:'_-1,é日", max_size=20), st.text("ab.:'_-1,é日", min_size=1, max_size=5))
def test_a_term_finds_the_words_it_is_cut_into(text, term):
    expected = not set(words(term)).isdisjoint(words(text))
    assert compile_predicate(Term("message", term))(message(text)) == expected
