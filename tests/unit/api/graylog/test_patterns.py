"""Patterns of Java, as words of Lucene's."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gelf_listener.api.graylog.patterns import alternatives, has_plain_words, in_words
from gelf_listener.api.graylog.rules import Rule, query_of
from gelf_listener.query import compile_predicate, parse
from tests.unit.query.samples import message


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("timeout", [".*timeout.*"]),
        ("^order 1\\d paid$", ["order", "1\\d", "paid"]),
        ("^ERROR: .*time ?out \\d+", ["ERROR.*", ".*time.*", ".*out", "\\d+.*"]),
        ("\\[(WARN|ERROR)\\]", ["(WARN|ERROR)"]),
        ("example\\.org/path", [".*example.*", ".*org", "path.*"]),
        ("user=\\w+?;", [".*user", "\\w+.*"]),
        ("\\bok\\b", [".*ok.*"]),
        ("(a b|c)d", [".*d.*"]),
        ("[a-f0-9]{8}-[a-f0-9]{4}", [".*[a-f0-9]{8}", "[a-f0-9]{4}.*"]),
        (".*", []),
        ("(?i)^a@b", ["a", "b.*"]),
    ],
)
def test_one_for_each_word(pattern: str, expected: list[str]) -> None:
    assert in_words(pattern) == expected


@pytest.mark.parametrize(
    "pattern", ["(?s)a.b", "(?=a)b", "a(?!b)", "(?<name>a)b", r"\Aa", r"\Qa b\E", r"(a)\1", r"\p{Lu}"]
)
def test_not_told_by_words(pattern: str) -> None:
    """What looks around, has flags or quotes is asked of the whole text only."""
    assert not has_plain_words(pattern)


def test_alternatives() -> None:
    assert alternatives("^a|(b|c)\\|[|]|d$") == ["^a", "(b|c)\\|[|]", "d$"]


TEXTS = [
    "order 17 paid",
    "ERROR: read time out 30 s",
    "user=bob; ok",
    "GET /a/b?c=d 200",
    "a.b 1.5,c x-y",
    "[WARN] a|b",
]
PIECES = st.sampled_from(
    ["order", "1\\d", " ", "paid", ".*", "\\s+", ":", "time", "out", "\\d+", "user", "=", "\\w+", "/a", "\\.", "a", "b",
     "(a|b)", "[a-z]+", "x-y", "\\[", "WARN", "\\]", "(ok)?", ".", "\\b", "1.5", ","]
)  # fmt: skip


@example("\\b(ok)?\\b", "", "")
@example("a\\b", "", "")
@given(st.lists(PIECES, min_size=1, max_size=6).map("".join), st.sampled_from(["", "^"]), st.sampled_from(["", "$"]))
def test_nothing_is_missed(pattern: str, start: str, end: str) -> None:
    """Whatever Java's expression finds in a text (Python's agree here), the stream's query finds."""
    pattern = start + pattern + end
    matches = compile_predicate(parse(query_of([Rule(type=2, field="message", value=pattern)], "AND")).node)
    for text in TEXTS:
        if re.search(pattern, text) is not None:
            assert matches(message(text)), text
