"""
Graylog's meaning of queries, against the engine that gives it: a bare OpenSearch with Graylog's mapping.

What a whole Graylog 7.0.1 found is in the vectors. OpenSearch gives the same hits but for queries about what the server
itself adds, so it is the judge of queries that nobody recorded.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import time
import urllib.request
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gelf_listener.message import Message
from gelf_listener.query import QueryError, compile_predicate, parse_as
from gelf_listener.store.opensearch.store import OpenSearchStore
from gelf_listener.store.parameters import EVERYTHING
from tests.e2e.toolchains import JAVA_SECONDS
from tests.services.opensearch import OpenSearch
from tests.services.opensearch_store import opened
from tests.unit.query.samples import EXCEPTIONS, RECORDED, expected_hits, message, recorded_messages
from tests.unit.store.samples import PHASES, SOAK_EXAMPLES

pytestmark = [pytest.mark.external, pytest.mark.timeout(JAVA_SECONDS)]

_INDEX = json.loads((Path(__file__).parents[1] / "vectors" / "graylog" / "index.json").read_text(encoding="utf-8"))

ODD = [
    "a*b",
    "a?b",
    "-",
    "+",
    "!",
    "(p)",
    "TO",
    "AND",
    "now",
    "#1",
    "&",
    "a&&b",
    "\\",
    "/x/",
    "q~1",
    "é",
    "🔥",
    "ſ",
    "x^2",
]
"""Values that are written with care."""


def messages() -> list[Message]:
    odd = [message(f"odd {value}", fields={"odd": value, "n": 1000 + n}) for n, value in enumerate(ODD)]
    return recorded_messages() + odd


def document(each: Message) -> dict[str, Any]:
    """Return what a Graylog hands to its index, without what the server adds."""
    moment = dt.datetime.fromtimestamp(round(each.timestamp, 3), dt.UTC)
    made: dict[str, Any] = {name.replace(".", "_"): value for name, value in each.fields.items()}
    made |= {"message": each.short_message, "source": each.host, "level": each.level}
    made["timestamp"] = f"{moment:%Y-%m-%d %H:%M:%S}.{moment.microsecond // 1000:03}"
    return made if each.full_message is None else made | {"full_message": each.full_message}


class Judge:
    """An index with messages, asked several queries at once."""

    def __init__(self, server: OpenSearch, kept: Sequence[Message]) -> None:
        self._server = server
        self.name = f"q{uuid.uuid4().hex}"
        server.ask("PUT", f"/{self.name}", {"mappings": _INDEX["mappings"], "settings": _INDEX["settings"]})
        lines: list[Any] = []
        for each in kept:
            lines += [{"index": {"_id": str(each.fields["n"])}}, document(each)]
        answer = self._post("_bulk?refresh=true", lines)
        assert not answer["errors"], [item for item in answer["items"] if item["index"]["status"] >= 300][:3]

    def _post(self, path: str, lines: Sequence[Any]) -> Any:
        body = "".join(json.dumps(line) + "\n" for line in lines).encode()
        url = f"http://127.0.0.1:{self._server.port}/{self.name}/{path}"
        request = urllib.request.Request(url, body, {"content-type": "application/x-ndjson"}, method="POST")
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.loads(answer.read())

    def find(self, queries: Sequence[str]) -> list[set[int] | None]:
        """Return the numbers of the messages that each query finds; None where it is refused."""
        lines: list[Any] = []
        for query in queries:
            wanted = {"query_string": {"query": query, "allow_leading_wildcard": True}}
            lines += [{}, {"size": 1000, "_source": False, "query": {"bool": {"must": [wanted]}}}]
        found = self._post("_msearch", lines)["responses"]
        return [None if "error" in each else {int(hit["_id"]) for hit in each["hits"]["hits"]} for each in found]


@pytest.fixture(scope="module")
def kept() -> list[Message]:
    return messages()


@pytest.fixture(scope="module")
def judge(opensearch: OpenSearch, kept: list[Message]) -> Judge:
    return Judge(opensearch, kept)


def ours(query: str, kept: Sequence[Message]) -> set[Any] | None:
    """Return what we find."""
    try:
        matches = compile_predicate(parse_as(query, "graylog"), lambda: now)
    except QueryError:
        return None
    now = time.time()
    return {each.fields["n"] for each in kept if matches(each)}


def test_recorded(judge: Judge, kept: list[Message]) -> None:
    """The judge agrees with the whole Graylog, but for what the server adds."""
    entries = [entry for entry in RECORDED if entry["query"] not in EXCEPTIONS and "state" not in entry]
    different = []
    for entry, found in zip(entries, judge.find([entry["query"] for entry in entries]), strict=True):
        if entry["status"] != 200 or found is None:
            assert (entry["status"] != 200) is (found is None), entry["query"]
            continue
        odd = {n for n in found if n >= 1000}
        if found - odd != expected_hits(entry, found):
            different.append(entry["query"])
        assert ours(entry["query"], kept) == found, entry["query"]
    assert different == []


async def found_by(store: OpenSearchStore, query: str) -> set[Any] | None:
    """Return the numbers of the messages that a store finds; None where the query is refused."""
    try:
        hits = await store.search(parse_as(query, "graylog").node, EVERYTHING, limit=1000)
    except QueryError:
        return None
    assert hits.total == len(hits.messages)
    return {each.fields["n"] for each in hits.messages}


@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.soak)])
@pytest.mark.parametrize("shape", ["own", "graylog"])
def test_recorded_through_our_store(opensearch: OpenSearch, shape: str, every: int) -> None:
    """A Graylog's hits, of some queries or of all: what the cluster cannot decide is finished on the messages."""
    entries = [entry for entry in RECORDED if entry["query"] not in EXCEPTIONS and "state" not in entry][::every]

    async def main() -> list[tuple[str, set[Any] | None, set[Any] | None]]:
        room = asyncio.Semaphore(8)
        async with opened(opensearch, shape=shape, clock=time.time) as store:
            await store.add(recorded_messages())

            async def ask(entry: dict[str, Any]) -> tuple[str, set[Any] | None, set[Any] | None]:
                async with room:
                    found = await found_by(store, entry["query"])
                wanted = expected_hits(entry, found or set()) if entry["status"] == 200 else None
                return entry["query"], found, wanted

            return await asyncio.gather(*map(ask, entries))

    asked = asyncio.run(main())
    assert len(asked) > 1000 // every
    assert [(query, found, wanted) for query, found, wanted in asked if found != wanted] == []


WORDS = st.sampled_from(
    [*ODD, "ssh", "login", "foo", "bar", "web1", "DB-Master", "alice", "Bob", "user 7", "200", "5", "05", "-5", "4.2",
     "E-42", "10.0.0.17", "O'Neil", "MÜLLER", "2024-05-05", "2024-05", "2024", "1e2", "true", "or", "a.b.c", "日本語",
     "/posts/45326", "C:\\Windows", "Dotted Value", "1714903200000", "2024/06/03", ""]
)  # fmt: skip
FIELDS = st.sampled_from(
    ["user", "level", "http_status", "took_ms", "message", "full_message", "source", "code", "tag", "path", "when",
     "date_day", "MixedCase", "a_b", "a.b", "temperature", "n", "iso", "isoz", "day", "day2", "word", "words", "odd",
     "_n", "host", "short_message", "nosuch", "timestamp", "_exists_", r"us\*", r"m\*", "*", r"\*", "bytes", "zero"]
)  # fmt: skip
ENDS = st.sampled_from(
    ["*", "5", "300", "-1", "400.5", "a", "Z", "web1", "2024-05-05", "2024-05||/M", '"2024-06-03 08:10:00.123"', "now-3y",
     "now-1y/y", '"2024-05-05T10:00:00Z||+1d"', '"a b"', '"2024/06/03"', "TO"]
)  # fmt: skip
REGEXES = st.sampled_from(
    ["ss.", "[a-z]+", "al.*", "web[12]", r"\d+", r"\W+", "[A-Z].*", "~alice", "a.*&.*e", "<1-5>", "@", "fo{2}", "foo|bar",
     "[^a]*", "(", "a{2,3}", r"A\D*", '"alice"', ""]
)  # fmt: skip
_SPECIAL = frozenset('+-!():^[]"{}~*?\\/ ')


def escaped(word: str) -> str:
    return "".join("\\" + sign if sign in _SPECIAL else sign for sign in word)


def quoted(words: Sequence[str]) -> str:
    return '"' + " ".join(words).replace("\\", "\\\\").replace('"', '\\"') + '"'


PLAIN = WORDS | WORDS.map(escaped)
LEAVES = st.one_of(
    PLAIN,
    PLAIN,
    st.tuples(
        st.lists(WORDS, min_size=1, max_size=3).map(quoted), st.sampled_from(["", "", "~", "~1", "~3", "^2"])
    ).map("".join),
    st.tuples(WORDS.map(escaped), st.sampled_from(["*", "?", "*o*", "**"])).map("".join),
    REGEXES.map(lambda pattern: f"/{pattern}/"),
    st.tuples(WORDS.map(escaped), st.sampled_from(["~", "~1", "~0", "~0.7", "~auto", "~x"])).map("".join),
    st.tuples(st.sampled_from("[{"), ENDS, st.just(" TO "), ENDS, st.sampled_from("]}")).map("".join),
    st.tuples(st.sampled_from([">", ">=", "<", "<="]), ENDS).map("".join),
    st.just("*"),
)
SIGNS = st.sampled_from(["", "", "", "", "+", "-", "!", "NOT ", "- ", "+ "])
BETWEEN = st.sampled_from([" ", " ", " ", " AND ", " OR ", " && ", " || ", "&&", "  "])


def joined(parts: Sequence[tuple[str, str, str, str]]) -> str:
    return "".join(between + sign + field + leaf for between, sign, field, leaf in parts).strip()


QUERIES = st.recursive(
    LEAVES,
    lambda inner: st.lists(
        st.tuples(
            BETWEEN,
            SIGNS,
            st.just("") | FIELDS.map(lambda name: name + ":"),
            inner | inner.map(lambda text: f"({text})"),
        ),
        min_size=1,
        max_size=4,
    ).map(joined),
    max_leaves=6,
)
PIECES = st.lists(
    st.sampled_from(
        [*'()[]{}"/~^*?:<>\\+-!&|=.,; ', " ", " ", "ssh", "foo", "a", "1", "AND", "OR", "NOT", "TO", "&&", "||", "user",
         "level", "\u3000", "\t", "now-1d", "é"]
    ),
    max_size=10,
).map("".join)  # fmt: skip


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
@given(st.lists(QUERIES | PIECES, min_size=25, max_size=25))
def test_random_queries(judge: Judge, kept: list[Message], queries: list[str]) -> None:
    """Ours against theirs: the same messages, or a refusal by both."""
    asked = [query for query in queries if query.strip()]
    for query, theirs in zip(asked, judge.find(asked) if asked else [], strict=True):
        assert ours(query, kept) == theirs, query


@pytest.mark.parametrize("examples", [4, SOAK_EXAMPLES])
@pytest.mark.parametrize("shape", ["own", "graylog"])
def test_random_queries_through_our_store(opensearch: OpenSearch, shape: str, examples: int) -> None:
    """In Graylog's meaning, refusals included: what the predicate lets through, of a store that is opened once."""
    recorded = recorded_messages()
    loop = asyncio.new_event_loop()
    opening = opened(opensearch, shape=shape, clock=time.time)

    async def ask(store: OpenSearchStore, queries: list[str]) -> None:
        for query in queries:
            found, wanted = await found_by(store, query), ours(query, recorded)
            assert found == wanted, query

    try:
        store = loop.run_until_complete(opening.__aenter__())
        loop.run_until_complete(store.add(recorded))

        @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck), phases=PHASES)
        @given(st.lists(QUERIES, min_size=10, max_size=10))
        def check(queries: list[str]) -> None:
            loop.run_until_complete(ask(store, [query for query in queries if query.strip()]))

        check()
        loop.run_until_complete(opening.__aexit__(None, None, None))
    finally:
        loop.close()
