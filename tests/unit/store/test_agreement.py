"""
One meaning everywhere: the embedded store finds just the messages that the predicate lets through.

Random messages and random query trees; the store in memory, which asks the predicate, is the judge.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gelf_listener.message import Message, Peer
from gelf_listener.query.nodes import Exists, Fuzzy, MatchAll, Node, Phrase, Range, Regex, Term, Wildcard
from gelf_listener.store import engine, schema
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.parameters import EVERYTHING, Span
from tests.unit.store.embedded import store_at
from tests.unit.store.samples import PHASES, START, trees

WORDS = [
    "foo",
    "bar",
    "Baz",
    "error",
    "example.org",
    "3.14",
    "größe",
    "日本",
    "a_b",
    "404",
    "x" * 300,
    "foo-bar",
    "don't",
    "ſ",
]
IDS = ["0d96f816-1c94-4dfb-9165-a438d30cf7e2", "0d96f816-1c94-4dfb-9165-a438d30cf7e3", "user-123456", "12345678"]
NAMES = [
    "user",
    "code",
    "a.b",
    "a_b",
    "_user",
    "level",
    "timestamp",
    "full_message",
    "message",
    "odd name",
    "é",
    "gl2_x",
    "service",
    "service.name",
    "tag",
    "_host",
    "host_",
    "level_",
]
VALUES = st.one_of(
    st.sampled_from(
        [
            *WORDS,
            *IDS,
            "",
            "true",
            "5",
            "5.0",
            "-1",
            "1e3",
            "2026-11-23",
            "2026-11-23T10:00:00Z",
            "2026/11/23",
            "=x",
            "#5",
            "A*b?",
        ]
    ),
    st.sampled_from([0, 1, 5, -1, 404, 2**53 + 1, 2**63 - 1, 2**64 - 1, -(2**63), 10**30]),
    st.sampled_from([0.0, -0.0, 5.0, 1.5, -0.5, 1e30, 1e300, float(2**53)]),
    st.booleans(),
    st.text(max_size=6),
    st.just("y" * 9000),
)
TEXTS = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join) | st.text(max_size=20)
MESSAGES = st.builds(
    lambda at, host, text, full, level, fields, peer: Message(
        START + at, host, text, full, level, b"", START + at, "gelf+udp://x", peer, _fields=fields
    ),
    st.sampled_from([0.0, 0.5, 1.0, 60.0, 86400.0, -1e9]),
    st.sampled_from(["web", "Web", "example.org", "größe"]),
    TEXTS,
    st.none() | TEXTS,
    st.none() | st.integers(0, 7),
    st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=5),
    st.none() | st.just(Peer("127.0.0.1", 4711)),
)
FIELDS = st.sampled_from(
    [None, *NAMES, "source", "host", "short_message", "gl2_remote_ip", "gl2_remote_port", "gl2_source_input", "nothing",
     "gl2_message_id", "gl2_receive_timestamp", "_level", "_a_b", "x_y", "service", "_service", "service_name"]
)  # fmt: skip
NAMED = FIELDS.map(lambda name: name or "user")
LITERALS = st.one_of(
    st.sampled_from(
        [*WORDS, *IDS, "5", "5.0", "1e3", "404", "true", "web", "2026-11-23", "2026", "2023-11-14", "127.0.0.1", "4711"]
    ),
    st.sampled_from(
        [
            "2026-11-23T10",
            "2026/11/23",
            "2026-11-23 10:00:00",
            "2023-11-14 22:13:20.000",
            "1795428000000",
            "2026-11||/M",
        ]
    ),
    st.sampled_from(
        ["9007199254740993", "18446744073709551615", "1000000000000000000000000000000", "foo bar", "=x", "#5"]
    ),
    st.text(min_size=1, max_size=5),
)
PARTS = st.lists(
    st.tuples(st.booleans(), st.sampled_from(["*", "?", "f", "oo", "ba", "e", "4", ".", "0d96", "user-"])),
    min_size=1,
    max_size=4,
).map(lambda parts: tuple((wild and text in "*?", text) for wild, text in parts))
ENDS = st.none() | LITERALS
LEAVES: st.SearchStrategy[Node] = st.one_of(
    st.builds(Term, FIELDS, LITERALS),
    st.builds(Phrase, FIELDS, LITERALS | st.just("foo bar"), st.sampled_from([0, 0, 1, 3])),
    st.builds(Wildcard, FIELDS, PARTS),
    st.builds(
        Regex,
        FIELDS,
        st.sampled_from(
            [
                "f.*",
                "ba[rz]",
                "[0-9]+",
                "foo|bar",
                "exam.*org",
                ".",
                "err?or",
                "~foo",
                "fo.&@o",
                "F\\W+",
                ".*[0-9]{6}.*",
            ]
        ),
    ),
    st.builds(
        Fuzzy,
        FIELDS,
        st.sampled_from(["foo", "baz", "eror", "404", "exmaple.org", "user-12356"]),
        st.sampled_from([1, 2]),
    ),
    st.builds(Range, NAMED, ENDS, ENDS, st.booleans(), st.booleans()),
    st.builds(Exists, NAMED),
    st.just(MatchAll()),
)


def as_in_graylog(leaf: Any) -> Node:
    """Give a leaf Graylog's meaning."""
    return leaf if isinstance(leaf, MatchAll) else replace(leaf, graylog=True)


GRAYLOG_LEAVES = LEAVES.map(as_in_graylog) | st.builds(
    lambda *ends: Range(None, *ends, graylog=True), ENDS, LITERALS, st.booleans(), st.booleans()
)
TREES = trees(LEAVES | GRAYLOG_LEAVES)
SPANS = st.sampled_from(
    [EVERYTHING, EVERYTHING, Span(START, START + 60), Span(None, START + 1), Span(START + 0.5, None)]
)


async def agree(messages: list[Message], questions: list[tuple[Node, Span]], path: Path, **settings: Any) -> None:
    store, judge = store_at(path, clock=lambda: START, **settings), MemoryStore(clock=lambda: START)
    await store.open()
    try:
        for message in messages:
            await store.add([message])
        await judge.add(messages)
        for node, span in questions:
            found = await store.search(node, span, limit=1000)
            expected = await judge.search(node, span, limit=1000)
            names = {message.id: number for number, message in enumerate(messages)}
            assert [names[message.id] for message in found.messages] == [
                names[message.id] for message in expected.messages
            ], (repr(node), [(m.level, m.host, m.fields) for m in messages])
            assert found.total == expected.total
    finally:
        await store.close()


def check(messages: list[Message], questions: list[tuple[Node, Span]], partition_messages: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(agree(messages, questions, Path(directory), partition_messages=partition_messages))


QUESTIONS = st.lists(st.tuples(TREES, SPANS), min_size=20, max_size=20)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(st.lists(MESSAGES, min_size=1, max_size=12), QUESTIONS, st.sampled_from([4, 1000]))
def test_the_store_finds_what_the_predicate_lets_through(
    messages: list[Message], questions: list[tuple[Node, Span]], partition_messages: int
) -> None:
    """Twenty queries on each set of messages."""
    check(messages, questions, partition_messages)


@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(st.lists(MESSAGES, min_size=1, max_size=12), QUESTIONS)
def test_it_finds_the_same_without_lists_of_values(messages: list[Message], questions: list[tuple[Node, Span]]) -> None:
    """As with a field of millions of different values: patterns and ranges are the engine's own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "MAX_DISTINCT", 1)
        check(messages, questions, 1000)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(st.lists(MESSAGES, min_size=1, max_size=12), QUESTIONS)
def test_it_finds_the_same_without_columns(messages: list[Message], questions: list[tuple[Node, Span]]) -> None:
    """As after a flood of names: most fields have no column."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "MAX_FIELDS", 5)
        check(messages, questions, 1000)


@pytest.mark.soak
@settings(
    max_examples=int(os.environ.get("GELF_AGREEMENT_EXAMPLES", "2000")),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(st.lists(MESSAGES, min_size=1, max_size=40), QUESTIONS, st.sampled_from([4, 1000]))
def test_for_long(messages: list[Message], questions: list[tuple[Node, Span]], partition_messages: int) -> None:
    """The same, for as long as one likes."""
    check(messages, questions, partition_messages)
