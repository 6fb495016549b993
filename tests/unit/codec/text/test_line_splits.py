"""A stream gives the same messages however it is cut, in bytes and in time shorter than a line waits; and in bounded time."""

from __future__ import annotations

import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.text.lines import LineDecoder
from gelf_listener.codec.text.plain import read_header
from gelf_listener.codec.text.traces import Trace, begins, continues
from gelf_listener.message import Message

FOLDER = Path(__file__).parents[3] / "vectors" / "lines"
TEXTS = [vector["lines"] for path in sorted(FOLDER.glob("*.json")) for vector in json.loads(path.read_text())]
ENVELOPES = [vector["lines"] for vector in json.loads((FOLDER / "envelopes.json").read_text())]
NOW = dt.datetime(2026, 11, 29, 8, tzinfo=dt.UTC).timestamp()


def said(messages: list[Message]) -> list[tuple[Any, ...]]:
    """What cutting must not change."""
    return [(m.short_message, m.full_message, m.level, m.host, m.fields, m.raw) for m in messages]


def decode(data: bytes, cuts: list[int], step: float) -> list[Message]:
    """Feed a stream in pieces, some time apart."""
    decoder, batch, now = LineDecoder("here", zone=dt.UTC, join_seconds=0.1), Batch(), NOW
    for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
        decoder.feed(data[start:end], now, batch)
        now += step
        decoder.expire(now, batch)
    decoder.feed_eof(now, batch)
    return batch.messages


@pytest.mark.parametrize("seed", range(20))
def test_any_split_gives_the_same_messages(seed: int) -> None:
    """
    All vectors in any order, cut anywhere, with pauses in which no line gives up waiting.

    The lines of several containers on one stream wait each for their own next, so there only bytes are cut.
    """
    chance = random.Random(seed)
    pauses = seed % 2 == 1
    texts = chance.sample([text for text in TEXTS if not (pauses and text in ENVELOPES)], 80)
    data = "\n".join(texts).encode() + b"\n"
    whole = said(decode(data, [], 0.0))
    for _ in range(3):
        cuts = sorted(chance.sample(range(1, len(data)), chance.choice((5, 50, 500))))
        assert said(decode(data, cuts, chance.choice((0.01, 0.099)) if pauses else 0.0)) == whole


@pytest.mark.parametrize("seed", range(10))
def test_every_line_is_in_exactly_one_message(seed: int) -> None:
    """Words of each line of plain text come out once, however lines are mixed."""
    chance = random.Random(seed)
    lines = [
        line for text in TEXTS for line in text.split("\n") if line.strip() and "{" not in line and "=" not in line
    ]
    mixed = [f"{line} mark{number}x" for number, line in enumerate(chance.sample(lines, 200))]
    made = decode("\n".join(mixed).encode() + b"\n", [], 0.0)
    raw = b"\n".join(message.raw for message in made).decode()
    assert [raw.count(f"mark{number}x") for number in range(200)] == [1] * 200


NASTY = [
    *("a" * 100_000, "a." * 50_000, "[" * 100_000, "[a " * 30_000, "1:" * 50_000, "- " * 50_000, " " * 100_000 + "x"),
    *("2026-11-28 10:00:00 " * 5000, "a=" * 50_000, 'a="' * 30_000, "a='" * 30_000, "{" * 100_000, '{"a":' * 10_000),
    *("at " * 30_000, " at a" * 20_000, "x:1:in `" * 10_000, "a.b" * 30_000, "(" * 50_000, "/a" * 50_000 + ":1"),
    *("\x1b[" * 50_000, "| " * 50_000, "a - " * 20_000, "Traceback (most" * 5000, "." * 100_000, "A.B" * 30_000),
]


@pytest.mark.parametrize("text", NASTY, ids=[text[:12] for text in NASTY])
def test_nothing_takes_long(text: str) -> None:
    """A hundred kilobytes of anything take a fraction of a second: no pattern tries the same characters again and again."""
    for line in (text, f"2026-11-28 10:00:00 {text}", f"E {text}", f"    at {text}"):
        read_header(line, NOW)
        begins(line, "\t")
        for trace in Trace:
            continues(trace, line, "  x", 0)
        decode(line.encode() + b"\n", [], 0.0)
