"""Every query in docs/query-language.md is one, and runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from gelf_listener.message import Message
from gelf_listener.query import Meaning, QueryError, compile_predicate, parse, parse_as
from gelf_listener.query.fields import KNOWN_NAMES
from gelf_listener.query.limits import MAX_CLAUSES, MAX_DEPTH, MAX_PATTERNS, MAX_QUERY_CHARACTERS
from tests.unit.query.samples import NOW_RECORDED as NOW
from tests.unit.query.samples import RECORDED, message, recorded_messages

_PAGE = (Path(__file__).parents[3] / "docs" / "query-language.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    return recorded_messages()


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


_ROW = re.compile(r"^\| `((?:[^`])+)` \| (\d+|refused) \| (\d+|refused) \| .*\|$", re.MULTILINE)


def _found(text: str, meaning: Meaning, messages: list[Message]) -> str:
    try:
        matches = compile_predicate(parse_as(text, meaning), lambda: NOW)
    except QueryError:
        return "refused"
    return str(sum(map(matches, messages)))


@pytest.mark.parametrize(("written", "extended", "graylog"), _ROW.findall(_PAGE))
def test_a_difference(written: str, extended: str, graylog: str, messages: list[Message]):
    """As counted here, and as recorded."""
    text = written.replace("\\|", "|")
    (entry,) = [each for each in RECORDED if each["query"] == text]
    hits = len(set(entry["hits"]) - set(entry.get("by_server_fields", ()))) if entry["status"] == 200 else "refused"
    assert (_found(text, "extended", messages), str(hits)) == (extended, graylog)
    assert _found(text, "graylog", messages) == graylog


def test_there_are_differences():
    assert len(_ROW.findall(_PAGE)) > 30


def test_limits_are_as_documented():
    for limit in (MAX_QUERY_CHARACTERS, MAX_CLAUSES, MAX_PATTERNS, MAX_DEPTH):
        assert f"{limit:,}" in _PAGE


def test_every_known_field_is_documented():
    assert [name for name in KNOWN_NAMES if f"`{name}`" not in _PAGE] == []
