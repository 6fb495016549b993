"""Queries as data: which messages they find, or where they are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.query import QueryError, compile_predicate, parse
from tests.unit.query.samples import message

_FILES = sorted((Path(__file__).parents[2] / "vectors" / "query").glob("*.json"))
_SETS: list[dict[str, Any]] = [json.loads(path.read_text(encoding="utf-8")) for path in _FILES]


@pytest.mark.parametrize(
    ("vectors", "case"), [pytest.param(s, c, id=repr(c["query"])) for s in _SETS for c in s["cases"]]
)
def test_a_query_finds_its_messages(vectors: dict[str, Any], case: dict[str, Any]):
    query = parse(case["query"])
    matches = compile_predicate(query, clock=lambda: vectors["now"])
    messages = {name: message(**fields) for name, fields in vectors["messages"].items()}
    assert [name for name, sample in messages.items() if matches(sample)] == case["ids"]
    assert len(query.hints) == len(case.get("hints", []))
    for hint, part in zip(query.hints, case.get("hints", []), strict=True):
        assert part in hint.text
        assert 1 <= hint.column <= len(query.text)
    assert parse(str(query.node)).node == query.node


@pytest.mark.parametrize("case", [pytest.param(c, id=repr(c["query"])) for s in _SETS for c in s["errors"]])
def test_a_wrong_query_is_refused_with_its_column(case: dict[str, Any]):
    with pytest.raises(QueryError) as caught:
        parse(case["query"])
    assert case["text"] in caught.value.detail
    assert caught.value.column == case["column"]
