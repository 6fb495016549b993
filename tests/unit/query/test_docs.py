"""Every query in docs/query-language.md is one, and runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gelf_listener.query import QueryError, compile_predicate, parse
from gelf_listener.query.fields import KNOWN_NAMES
from gelf_listener.query.parser import MAX_CLAUSES, MAX_DEPTH, MAX_PATTERNS, MAX_QUERY_CHARACTERS
from tests.unit.query.samples import message

_PAGE = (Path(__file__).parents[3] / "docs" / "query-language.md").read_text(encoding="utf-8")


def _lines(kind: str) -> list[str]:
    blocks = re.findall(rf"^```{kind}\n(.*?)^```$", _PAGE, re.DOTALL | re.MULTILINE)
    return [line for block in blocks for line in block.splitlines()]


@pytest.mark.parametrize("text", _lines("query"))
def test_an_example_runs(text: str):
    query = parse(text)
    assert compile_predicate(query)(message()) in (True, False)
    assert [hint for hint in query.hints if "operator" in hint.text] == []


@pytest.mark.parametrize("text", _lines("query-error"))
def test_a_wrong_example_is_refused(text: str):
    with pytest.raises(QueryError):
        parse(text)


def test_limits_are_as_documented():
    for limit in (MAX_QUERY_CHARACTERS, MAX_CLAUSES, MAX_PATTERNS, MAX_DEPTH):
        assert f"{limit:,}" in _PAGE


def test_every_known_field_is_documented():
    assert [name for name in KNOWN_NAMES if f"`{name}`" not in _PAGE] == []
