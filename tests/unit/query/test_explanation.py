"""Why a message does not match: exactly when the predicate says so, clause by clause."""

from __future__ import annotations

import pytest

from gelf_listener.errors import QueryError
from gelf_listener.message import Message
from gelf_listener.query import compile_predicate, parse
from gelf_listener.query.explanation import explain

MESSAGE = Message(
    1700000000.0,
    "web-01",
    "order 4711 paid",
    None,
    6,
    b"",
    1700000000.0,
    _fields={"user_id": 42, "env": "dev", "ok": True},
)


@pytest.mark.parametrize(
    ("query", "lines"),
    [
        ("level:6 AND order", []),
        ("", []),
        ("level:3", ["level:3: level is 6"]),
        ("source:db AND order", ["source:db: source is 'web-01'"]),
        ("host:db", ["host:db: source is 'web-01'"]),
        ("level:<=3 AND refused", ["level:<=3: level is 6", "refused: no field has it"]),
        ("level:<=error AND NOT user_id:>=42", ["level:<=error: level is 6", "NOT user_id:>=42: user_id is 42"]),
        ("level:(3 OR 4)", ["none of: level:3: level is 6; level:4: level is 6"]),
        ("userid:42", ["userid:42: there is no field 'userid'; there is 'user_id'"]),
        ("nothing_like_it:42", ["nothing_like_it:42: there is no field 'nothing_like_it'"]),
        ("_exists_:full_message", ["_exists_:full_message: there is no field 'full_message'"]),
        ("order AND NOT user_id:42", ["NOT user_id:42: user_id is 42"]),
        ("order AND NOT paid", ["NOT paid: it matches"]),
        ("NOT _exists_:env", ["NOT _exists_:env: it is there"]),
        ("order AND NOT (paid OR level:6)", ["NOT (paid level:6): it matches"]),
        ("level:3 OR env:prod", ["none of: level:3: level is 6; env:prod: env is 'dev'"]),
        ("order AND (level:3 OR level:4)", ["none of: level:3: level is 6; level:4: level is 6"]),
        ("ok:false", ["ok:false: ok is True"]),
    ],
)  # fmt: skip
def test_explained(query: str, lines: list[str]) -> None:
    """Each clause that fails, with what is there instead."""
    assert explain(query, MESSAGE) == lines
    assert explain(parse(query), MESSAGE) == lines
    assert len(explain(parse(query).node, MESSAGE)) == len(lines)
    assert compile_predicate(parse(query))(MESSAGE) is (lines == [])


def test_long_values_are_cut() -> None:
    """A stack trace does not fill the screen."""
    long = Message(0.0, "h", "x" * 10_000, None, None, b"", 0.0)
    (line,) = explain("message:y", long)
    assert len(line) < 250
    assert line.endswith("…")


def test_no_query() -> None:
    """The column is said, as everywhere."""
    with pytest.raises(QueryError) as caught:
        explain("level:(", MESSAGE)
    assert caught.value.column > 0
