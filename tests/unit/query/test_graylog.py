"""Queries with Graylog's meaning: what a Graylog 7.0.1 found among 320 messages, and what it refused."""

from __future__ import annotations

from typing import Any

import pytest

from gelf_listener.message import Message
from gelf_listener.query import QueryError, compile_predicate, parse_as
from gelf_listener.query.graylog_leaves import NOTHING
from gelf_listener.query.limits import MAX_CLAUSES, MAX_DEPTH, MAX_QUERY_CHARACTERS
from gelf_listener.query.nodes import Exists, Fuzzy, Group, MatchAll, Node, Phrase, Range, Regex, Term, Wildcard
from tests.unit.query.samples import EXCEPTIONS, RECORDED, expected_hits, message, recorded_messages
from tests.unit.query.samples import NOW_RECORDED as NOW


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    return recorded_messages()


@pytest.mark.parametrize(
    "entry", [pytest.param(e, id=repr(e["query"])) for e in RECORDED if e["query"] not in EXCEPTIONS]
)
def test_recorded(entry: dict[str, Any], messages: list[Message]) -> None:
    """The same messages, or a refusal where there was one."""
    if entry["status"] != 200:
        with pytest.raises(QueryError):
            parse_as(entry["query"], "graylog")
        return
    matches = compile_predicate(parse_as(entry["query"], "graylog"), lambda: NOW)
    found = {message.fields["n"] for message in messages if matches(message)}
    assert found == expected_hits(entry, found)


def test_exceptions_are_in_the_record() -> None:
    """None is left over."""
    assert set(EXCEPTIONS) <= {entry["query"] for entry in RECORDED}


def leaf(kind: type, *values: Any, **more: Any) -> Node:
    made: Node = kind(*values, graylog=True, **more)
    return made


A, B, C = (leaf(Term, None, text) for text in "abc")
TREES: list[tuple[str, Node]] = [
    ("a b", leaf(Term, None, "a b")),
    ("a  b", leaf(Term, None, "a b")),
    ("a b AND c", Group(must=(B, C), should=(A,))),
    ("a OR b AND c", Group(must=(B, C), should=(A,))),
    ("a b c AND a", Group(must=(C, A), should=(leaf(Term, None, "a b"),))),
    ("a (b) c", Group(should=(A, B, C))),
    ('a b "c"', Group(should=(leaf(Term, None, "a b"), leaf(Phrase, None, "c")))),
    ("a b c*", Group(should=(leaf(Term, None, "a b"), leaf(Wildcard, None, ((False, "c"), (True, "*")))))),
    ("a b c~", Group(should=(leaf(Term, None, "a b"), leaf(Fuzzy, None, "c", 0)))),
    ("a b user:c", Group(should=(leaf(Term, None, "a b"), leaf(Term, "user", "c")))),
    ("user:a b", Group(should=(leaf(Term, "user", "a"), B))),
    ("user:(a b)", leaf(Term, "user", "a b")),
    ("message:(a user:b)", Group(should=(leaf(Term, "message", "a"), leaf(Term, "user", "b")))),
    ("- a", Group(should=(leaf(Term, None, "-"), A))),
    ("-a", Group(must_not=(A,))),
    ("a !b", Group(should=(A,), must_not=(B,))),
    ("a! b", Group(should=(A, leaf(Term, None, "!"), B))),
    ("a&&b", leaf(Term, None, "a&&b")),
    ("a && b", Group(must=(A, B))),
    ("a+b", leaf(Term, None, "a+b")),
    ('a"b"', Group(should=(A, leaf(Phrase, None, "b")))),
    ("a/b/c", Group(should=(A, leaf(Regex, None, "b"), C))),
    (r"a\ b", leaf(Term, None, "a b")),
    (r"us\er:a", leaf(Term, "user", "a")),
    ("n:>5", leaf(Range, "n", "5", None, False)),
    ("n:>=5", leaf(Range, "n", "5", None)),
    ("n:<=5", leaf(Range, "n", None, "5")),
    ("n:>= 5", Group(should=(leaf(Range, "n", "=", None, False), leaf(Term, None, "5")))),
    ("n:[TO TO 5}", leaf(Range, "n", "TO", "5", True, False)),
    ('n:["a b" TO *]', leaf(Range, "n", "a b", None)),
    ("word~", leaf(Fuzzy, None, "word", 1)),
    ("ab~", leaf(Fuzzy, None, "ab", 0)),
    ("sixsix~", leaf(Fuzzy, None, "sixsix", 2)),
    ("word~0.9", leaf(Fuzzy, None, "word", 0)),
    ("word~7", leaf(Fuzzy, None, "word", 2)),
    ("word~auto", leaf(Fuzzy, None, "word", 1)),
    ('"a b"~2.7', leaf(Phrase, None, "a b", 2)),
    ('"a b"~x', leaf(Phrase, None, "a b")),
    ('"a b"^2~3', leaf(Phrase, None, "a b", 3)),
    ("a^2 b", Group(should=(A, B))),
    ("*:a", A),
    ("* : a", A),
    ("*", MatchAll()),
    (" \t", MatchAll()),
    ("user:*", leaf(Exists, "user")),
    ("user:[* TO *]", leaf(Exists, "user")),
    ("_exists_:user", leaf(Exists, "user")),
    ("_exists_:us*", NOTHING),
    ("_exists_:*", NOTHING),
    ("a.b:x", NOTHING),
    ('message:"--"', NOTHING),
    ('message:"--" a', A),
    ('message:"--" AND a', A),
    ('NOT message:"--"', NOTHING),
    ("user:/a(/", NOTHING),
]


@pytest.mark.parametrize(("text", "node"), TREES, ids=[repr(text) for text, _ in TREES])
def test_tree(text: str, node: Node) -> None:
    """Each as OpenSearch 2.19 explains it."""
    assert parse_as(text, "graylog").node == node


REFUSED = [
    ("a AND", 3, "nothing on its right"),
    ("OR a", 1, "nothing on its left"),
    ("NOT NOT a", 5, "unexpected"),
    ("--a", 2, "unexpected"),
    ("n:-5", 3, "unexpected"),
    ("a!", 2, "nothing on its right"),
    ("()", 1, "empty parentheses"),
    ("(a", 1, "never closed"),
    ("a)", 2, "unexpected"),
    ("user:", 6, "has no value"),
    ("us*:a", 4, "unexpected"),
    ("a:b:c", 4, "unexpected"),
    ("a/b", 2, "never closed by /"),
    ('a "b', 3, "never closed"),
    ("a\\", 2, "escapes nothing"),
    ("\\user:a", 1, "four hexadecimal digits"),
    ("a\\user*b", 2, "four hexadecimal digits"),
    ("/\\user/", 2, "four hexadecimal digits"),
    ("a^", 3, "needs a number"),
    ("a^b", 3, "needs a number"),
    ("n:[1 5]", 6, "expected TO"),
    ("n:[1 TO", 3, "never closed"),
    ("n:[1 TO 5", 3, "never closed"),
    ("a~x", 2, "number of edits"),
    ("a]", 2, "unexpected"),
    ("(" * (MAX_DEPTH + 1) + "a", MAX_DEPTH + 2, "nested deeper"),
    ("x" * (MAX_QUERY_CHARACTERS + 1), MAX_QUERY_CHARACTERS + 1, "longer than"),
    ("a " * (MAX_CLAUSES + 1), 1, "more than 1024 terms"),
    ("a OR " * MAX_CLAUSES + "a", 5 * MAX_CLAUSES + 1, "more than 1024 terms"),
]


@pytest.mark.parametrize(("text", "column", "part"), REFUSED, ids=[repr(text[:20]) for text, *_ in REFUSED])
def test_refused(text: str, column: int, part: str) -> None:
    """With the column and what is wrong."""
    with pytest.raises(QueryError) as caught:
        parse_as(text, "graylog")
    assert part in caught.value.detail
    assert caught.value.column == column


VALUES: list[tuple[str, str, bool]] = [
    ("200", "x:2*", True),
    ("2024-05-05", "x:2024*", False),
    ("2024-05-05", "x:/2024.*/", False),
    ("2024-05-05", "x:2024-05-05", True),
    ("2024-05-05T10:00:00Z", "x:2024-05-05", True),
    ("2024-05-05T10:00:00+02:00", 'x:"2024-05-05T08:00:00"', True),
    ("2024-05-05T10:00:00Z", "x:2024-05", False),
    ("2024-05-01T10:00:00Z", "x:2024-05", True),
    ("2024-05-05T10:00:00Z", 'x:"2024-05-05 10:00:00"', False),
    ("2024-05-05T10:00:00.123Z", "x:1714903200123", True),
    ("2024/05/05", 'x:"2024/05/05"', True),
    ("2024/05/05", 'x:"2024-05-05"', False),
    ("2024/05/05 10:00:00", 'x:["2024/05/05" TO "2024/05/06"}', True),
    ("2024-05-05T10:00:00Z", "x:[2024-05-05 TO 2024-05-05]", True),
    ("2024-05-05T10:00:00Z", "x:>2024-05-05", False),
    ("2024-05-05T10:00:00Z", "x:[now-900d/d TO now]", False),
    ("2024-05-05T10:00:00Z", "x:>now-10y", True),
    ("2024-05-05 10:00:00", "x:2024*", True),
    ("2024-13-05", "x:2024*", True),
    ("20240505", "x:2024*", True),
]


@pytest.mark.parametrize(("value", "query", "found"), VALUES)
def test_values(value: str, query: str, found: bool) -> None:
    """A text that date detection takes for a date is one, and nothing else."""
    matches = compile_predicate(parse_as(query, "graylog"), lambda: NOW)
    assert matches(message(fields={"x": value})) is found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("x:5.0", True),
        ("x:05", True),
        ("x:0.5e1", True),
        ("x:\\+5", True),
        ('x:" 5"', False),
        ("x:5*", False),
        ("x:/5/", False),
        ("x:5~", False),
        ("x:[4.5 TO 5.5]", True),
        ("x:<99999999999999999999", False),
        ("_x:5", False),
        ("xx\\*:5", False),
        ("x\\*:5", True),
        ("\\*:5", True),
        ("_exists_:\\*", True),
        ("_exists_:x\\*", True),
        ("x\\*:*", True),
        ("[4 TO 6]", True),
        (">4", True),
        (">zz", False),
    ],
)
def test_numbers(query: str, found: bool) -> None:
    """By value, and by nothing else; names as they are stored."""
    assert compile_predicate(parse_as(query, "graylog"))(message(level=None, fields={"x": 5})) is found


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("host:example.org", False),
        ("short_message:short", False),
        ("source:EXAMPLE.ORG", True),
        ("Source:example.org", False),
        ("_id:*", True),
        ("_index:graylog_0", True),
        ("gl2_source_node:*", True),
        ("_exists_:gl2_source_input", True),
        ("_exists_:host", False),
        ('timestamp:["2019-07-27 09:53:08.000" TO "2019-07-27 09:53:08.000"]', True),
        ('timestamp:"2019-07-27 09:53:08.000"', True),
        ('["2019-07-27 09:53:08.000" TO "2019-07-27 09:53:08.000"]', True),
        ('timestamp:["2019-07-27 09:53:08" TO *]', False),
        ("timestamp:2019*", False),
        ("timestamp:1564221188000", False),
        ("timestamp:>now-50y", True),
        ("message:/SHORT/", True),
        ("source:/EXAMPLE.*/", True),
        ("message:/\\W+/", True),
    ],
)
def test_known_fields(query: str, found: bool) -> None:
    """Graylog's names; expressions are made lower case whole, so that ``\\W`` is ``\\w``."""
    assert compile_predicate(parse_as(query, "graylog"), lambda: NOW)(message()) is found


def test_a_name_that_gelf_has_for_itself() -> None:
    """``_host`` is stored as ``host``, which is not a name of the source then."""
    assert compile_predicate(parse_as("host:x", "graylog"))(message(fields={"host": "x"}))


@pytest.mark.parametrize("query", ["127.0.0.1", '"127.0.0.1"', "2001\\:db8\\:\\:1", "00000000000000000000000005"])
def test_what_the_listener_adds_is_found_without_a_field(query: str) -> None:
    """The sender's address and the message's id, also where they look like a date or a number."""
    text = query.replace("\\", "").strip('"')
    test = compile_predicate(parse_as(query, "graylog"))
    assert test(message(peer=(text, 4711), id=text.rjust(26, "0")))
    assert not test(message(peer=("127.0.0.2", 4711), id="00000000000000000000000006"))


def test_an_expression_that_is_not_valid_is_told() -> None:
    """It finds nothing there, so that is all that can be said."""
    (hint,) = parse_as("a OR user:/a(/", "graylog").hints
    assert "finds nothing" in hint.text
    assert hint.column == 6
