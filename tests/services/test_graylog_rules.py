"""Rules of streams and keyword time ranges, against Graylog's own classes."""

from __future__ import annotations

import base64
import datetime as dt
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from gelf_listener.api.graylog.keywords import parse_graylog_keyword
from gelf_listener.api.graylog.rules import Rule, compile_rules
from gelf_listener.codec import Batch, GelfDecoder
from gelf_listener.message import Message
from gelf_listener.timeranges import TimeRangeError
from tests.e2e.toolchains import JAVA_SECONDS
from tests.services.graylog import GraylogCodecs
from tests.services.test_graylog import PEER, SEEDS

pytestmark = [pytest.mark.external, pytest.mark.timeout(JAVA_SECONDS)]


@pytest.fixture(scope="module")
def graylog(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GraylogCodecs]:
    codecs = GraylogCodecs(tmp_path_factory.mktemp("graylog") / "log")
    yield codecs
    codecs.stop()


TEXTS = [
    "web1", "WEB", "5", "-5", "5.0", "5e0", "0x10", "0x1p3", "05", "1,000", "1.5", "abc", "Error 500", "a b", "line\nbreak", "é",
    "ÀB", "[x]", "a.b", "/posts/45", '{"a":1}', "2024-06-03", "NaN", "Infinity", "-Infinity", "1e400", "5d", "5f", " 5", "5 ",
    "9223372036854775807", "true", "k=v; q", "ß", "a\\b", "^", "10.0.0.1", "٥", "+5", ".5", "5.", "", "  ",
]  # fmt: skip
NUMBERS = [0, 1, 5, -5, 5.5, -0.0, 1e10, 100, 2**53, 1e-5, 1e7, 12345678.9, 0.1, True, False, None, [1, 2], {"a": 1}]
FIELDS = [
    "a",
    "b",
    "a.b",
    "a_b",
    "_x",
    "n",
    "A",
    "level",
    "source",
    "message",
    "full_message",
    "facility",
    "line",
    "host",
]
EXPRESSIONS = [
    "a", ".*", r"\d+", "[0-9]", r"\w+", r"\s", "^", "$", "(a|b)", "err(or)?", "(?i)error", "(?i)WEB", r"web\d", r"\.", "[a-z]{2,3}",
    r"\bssh\b", r"\b5\b", "(?=s)ssh", "(?!x)", "x*", "+", "[", "(", "a{2}", r"\Qa.b\E", r"\p{L}", r"\p{Lu}", "[^a]", r"\S+", r"\W",
    "(?s).+x", "(?m)^l", "a+?", "(?:ab)", r"\x41", r"\t", r"\n", "5|6", "^web1$", "^$", "[a-z&&[^b]]", r"(a)\1", "/posts", "$1",
    "^[A-Z]", "(?<n>a)", "é", "#", '"x"', "<1-5>", "~", "@", "&", r"\h", "[[:alpha:]]", r"\p{Alpha}", r"\p{Punct}", "a*+", "(?>a)",
    "(?<=s)h", ".", r"\Aweb", r"\z", r"\Z", r"\y", "{",
]  # fmt: skip


def documents(made: random.Random, count: int) -> Iterator[dict[str, Any]]:
    """Make GELF with values that rules read in different ways."""
    for _ in range(count):
        document: dict[str, Any] = {
            "version": "1.1",
            "host": made.choice(["web1", "Web1", "db-1"]),
            "level": made.randrange(8),
        }
        document["short_message"] = made.choice(["ssh login", "Error 500", "foo bar", "multi\nline", *TEXTS[:40]])
        for name in made.sample(["full_message", "facility", "_a", "_b", "_a.b", "_n", "_A", "_x", "_line"], 4):
            document[name] = made.choice(TEXTS if made.random() < 0.6 or name[0] != "_" else NUMBERS)
        yield document


def rules(made: random.Random, count: int) -> Iterator[Rule]:
    """Make rules of all types that look at messages."""
    for _ in range(count):
        kind = made.choice([1, 1, 2, 2, 2, 3, 4, 5, 6, 6, 7])
        value = made.choice([*TEXTS, *map(json.dumps, NUMBERS)])
        if kind == 2:
            value = "".join(made.choice(EXPRESSIONS) for _ in range(made.choice([1, 1, 2, 3])))
        elif kind == 6 and made.random() < 0.6:
            value = value[1:3]
        yield Rule(type=kind, field=made.choice(FIELDS), value=value, inverted=made.random() < 0.4)


def decoded(payload: bytes) -> Message | None:
    batch = Batch()
    GelfDecoder("graylog", "test").decode_all([(payload, PEER)], 1.0, batch)
    return batch.messages[0] if batch.messages else None


@pytest.mark.parametrize("seed", SEEDS)
def test_random_rules(graylog: GraylogCodecs, seed: int) -> None:
    """A rule matches the same messages, whatever its expression, number or field."""
    made = random.Random(seed)
    asked = list(rules(made, 300))
    tests = [compile_rules([rule], "AND") for rule in asked]
    payloads = [json.dumps(document).encode() for document in documents(made, 60)]
    shared = [rule.model_dump() for rule in asked]
    questions = [
        json.dumps({"payload": base64.b64encode(payload).decode(), "rules": shared}).encode() for payload in payloads
    ]
    for payload, answer in zip(payloads, graylog.ask("rules", questions), strict=True):
        message = decoded(payload)
        if message is None:
            continue  # test_graylog.py asks about these
        wrong = [
            (rule, matched)
            for rule, test, matched in zip(asked, tests, answer["matched"], strict=True)
            if test(message) != matched
        ]
        assert wrong == [], (payload, wrong[:3])


UNITS = [
    "seconds",
    "sec",
    "minute",
    "minutes",
    "mins",
    "hour",
    "hours",
    "hrs",
    "day",
    "days",
    "week",
    "weeks",
    "month",
    "months",
    "year",
]
DAYS = ["monday", "tuesday", "wed", "thurs", "friday", "sat", "sunday"]
MONTHS = ["january", "feb", "march", "apr", "may", "june", "jul", "august", "sept", "october", "nov", "december"]
NUMERALS = ["1", "2", "5", "12", "30", "90", "one", "three", "ten", "twelve", "thirty one"]
TIMES = [
    "10:00",
    "8:00",
    "23:59:59",
    "10pm",
    "8am",
    "12am",
    "5:30 pm",
    "noon",
    "midnight",
    "10:00 UTC",
    "9:30 EST",
    "7:00+02:00",
]
HOLIDAYS = [
    "christmas",
    "halloween",
    "thanksgiving",
    "black friday",
    "new years day",
    "labor day",
    "mlk day",
    "last christmas",
]
NOWS = [
    "2024-05-15T14:30:45Z",
    "2025-01-01T00:30:20Z",
    "2025-02-03T09:05:59Z",
    "2026-11-29T12:00:30Z",
    "2024-02-29T23:00:00Z",
]


class Phrases:
    """
    Makes keywords: dates, times and distances, one or two of them.

    Args:
        seed: Of the random choice.
    """

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.choice = self.random.choice

    def date(self) -> str:
        choice, day = self.choice, self.random.randint(1, 28)
        written = f"{day}{ {1: 'st', 2: 'nd', 3: 'rd', 21: 'st', 22: 'nd', 23: 'rd'}.get(day, 'th') }"
        return choice(
            [
                choice(["today", "yesterday", "tomorrow", "day before yesterday", "day after tomorrow"]),
                f"{choice(['last ', 'next ', 'this ', ''])}{choice(DAYS)}",
                f"20{choice(['23', '24'])}-{self.random.randint(1, 12):02}-{day:02}",
                f"{self.random.randint(1, 12)}/{day}/2024",
                f"{choice(MONTHS)} {choice([str(day), written])}{choice(['', ' 2024', ', 2023'])}",
                f"{written} of {choice(MONTHS)}",
                f"{choice(NUMERALS)} {choice(['days', 'weeks', 'months', 'years'])} ago",
                choice(HOLIDAYS),
            ]
        )

    def distance(self) -> str:
        choice = self.choice
        return choice(
            [
                f"{choice(['last', 'past', 'next'])} {choice(NUMERALS)} {choice(UNITS)}",
                f"{choice(['last', 'next', 'this', 'current'])} {choice(UNITS)}",
                f"{choice(NUMERALS)} {choice(UNITS)} ago",
                f"{choice(NUMERALS)} {choice(UNITS)} from now",
                f"{choice(NUMERALS)} {choice(['days', 'weeks'])} {choice(NUMERALS)} days ago",
                f"{choice(['first', 'last'])} day of {choice(['last month', 'this week', choice(MONTHS)])}",
                f"{choice(['first', 'second', 'last'])} {choice(DAYS)} of {choice(MONTHS)}",
            ]
        )

    def phrase(self) -> str:
        choice = self.choice
        time = f"{self.date()}{choice([' ', ' at '])}{choice(TIMES)}"
        one = choice([self.date(), self.date(), time, self.distance(), choice(TIMES)])
        if self.random.random() < 0.6:
            return f"{choice(['', '', 'since ', 'errors from '])}{one}"
        return f"{choice(['', 'from '])}{choice([self.date(), choice(TIMES), time])} to {choice([self.date(), choice(TIMES)])}"


@pytest.mark.parametrize("seed", SEEDS)
def test_random_keywords(graylog: GraylogCodecs, seed: int) -> None:
    """A keyword means the same time, in any zone."""
    phrases = Phrases(seed)
    asked: list[dict[str, Any]] = [
        {
            "keyword": phrases.phrase(),
            "zone": phrases.choice(["Etc/UTC", "Europe/Berlin", "America/New_York"]),
            "now": round(dt.datetime.fromisoformat(phrases.choice(NOWS)).timestamp() * 1000),
        }
        for _ in range(1000)
    ]
    wrong = []
    for question, answer in zip(
        asked, graylog.ask("keyword", [json.dumps(each).encode() for each in asked]), strict=True
    ):
        expected = (answer["from"] / 1000, answer["to"] / 1000) if "from" in answer else None
        try:
            found = tuple(parse_graylog_keyword(question["keyword"], question["zone"], question["now"] / 1000))
        except TimeRangeError:
            found = None
        if found != expected:
            wrong.append((question, answer, found))
    assert wrong == [], (len(wrong), wrong[:5])
