"""What is said about a query that finds something else in a real Graylog."""

from __future__ import annotations

import pytest

from gelf_listener.message import Message
from gelf_listener.query import QueryError, compile_predicate, parse
from gelf_listener.query.differences import difference
from tests.unit.query.samples import EXCEPTIONS, RECORDED, expected_hits, recorded_messages
from tests.unit.query.samples import NOW_RECORDED as NOW


@pytest.fixture(scope="module")
def messages() -> list[Message]:
    return recorded_messages()


def test_no_recorded_difference_is_silent(messages: list[Message]) -> None:
    """Every recorded query that found something else, or was refused, has a reason."""
    different = 0
    for entry in RECORDED:
        try:
            query = parse(entry["query"])
        except QueryError:
            continue
        if entry["query"] in EXCEPTIONS:
            continue
        matches = compile_predicate(query, lambda: NOW)
        found = {message.fields["n"] for message in messages if matches(message)}
        told = difference(query)
        assert (told.node is None) is (entry["status"] != 200)
        if entry["status"] != 200 or found != expected_hits(entry, found):
            different += 1
            assert told.hints, entry["query"]
    assert different > 100


@pytest.mark.parametrize(
    "text",
    [
        "",
        "*",
        "ssh",
        "ssh AND login OR foo",
        "message:(ssh login)",
        "message:(ssh login) AND full_message:a",
        "source:(web1 OR web2)",
        "level:<=3 AND code:>=5",
        "user:[* TO *]",
        "_exists_:user",
        "_id:*",
        "source:foo~1",
        "source:exam?le*",
        "message:fail*",
        "message:/fail.*/",
        'timestamp:["2019-07-23 09:53:08.175" TO *]',
        "timestamp:>now-5m",
        r"path:\/posts\/45326",
        r"user:user\ 7",
        r"a\-b",
        "date:2024-05-05",
        "date:[2024-05-05 TO 2024-05-06}",
        'date:"2024-05-05T10:00:00Z"',
        "ssh^2 -(foo)",
    ],
)
def test_nothing_to_say(text: str) -> None:
    """Where a Graylog does the same."""
    assert difference(parse(text)).hints == ()


@pytest.mark.parametrize(
    ("text", "column", "part"),
    [
        ("(a) web1 foo", 5, "'web1 foo' as a whole in every field but message"),
        ("user:(a b)", 7, "a user that is 'a b'; write OR"),
        ("foo - bar", 5, "- with a blank behind it is a word"),
        ("user:-5", 6, "refuses this: unexpected '-'"),
        ("a foo~", 3, "allows 1 edit here; write foo~2"),
        ("fo~", 1, "allows no edit here; write fo~2"),
        ("longword~1.9", None, ""),
        ("timestamp:2024-05-05", 1, "takes times of timestamp only as"),
        ("x:>= 5", 1, "takes no blank behind >="),
        ('x:>"a"', 1, "takes no quotation marks behind >"),
        ("host:web1", 1, "has no field host; write source"),
        ("_user:x", 1, "without the underscore; write user"),
        ("a.b:x", 1, "write a_b"),
        ("a OR level:error", 6, "by their numbers only; write 3"),
        ("level:<=warning", 1, "by their numbers only; write 4"),
        ("level:3*", 1, "finds no numbers and no dates by a pattern"),
        ("x:2024-05", 1, "a month or year as its first day"),
        (r"us\*:a", 1, "every field whose name fits us*"),
        ("a&&b", 1, "reads this as a\\&\\&b"),
    ],
)
def test_reason(text: str, column: int | None, part: str) -> None:
    """The first one, with its place."""
    try:
        told = difference(parse(text)).hints
    except QueryError:
        assert column is None
        return
    assert part in told[0].text
    assert told[0].column == column


def test_a_service_is_one_field_there() -> None:
    """Here it may have several names."""
    (hint,) = difference(parse("service:shop")).hints
    assert "the field service only" in hint.text
    assert not difference(parse("facility:shop")).hints
