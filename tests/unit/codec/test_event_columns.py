"""Event columns: events of Splunk's HEC like those before them say what they say when each is read by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.hec.event_columns import take_events
from gelf_listener.codec.hec.events import HecError, read_value, split_events, split_usual, take_event
from gelf_listener.codec.receipt import Receipt
from gelf_listener.message import Peer

NOW = 1_795_913_692.5
PEER = Peer("192.0.2.7", 8088)
WORDS = st.sampled_from(("shop", "a b", "web-1", " ", "", "é", "/var/log/x", "error", "level"))
SCALARS = st.one_of(WORDS, st.integers(0, 9), st.booleans(), st.none(), st.floats(0, 1), st.just(1 << 63))
TIMES = st.sampled_from(
    (1_795_913_692.25, 1_795_913_692, "1795913692.192", 1_795_913_692_123, 0, -5, True, "x", None, 1.0, [1], 1e300)
)
AROUND: dict[str, st.SearchStrategy[Any]] = {
    "time": TIMES,
    "host": st.one_of(WORDS, st.just(7), st.none()),
    "source": st.one_of(WORDS, st.just(7), st.none()),
    "sourcetype": SCALARS,
    "index": SCALARS,
    "more": st.one_of(SCALARS, st.just({"a": [1]})),
}
FIELDS: dict[str, st.SearchStrategy[Any]] = dict.fromkeys(
    ("service", "severity", "level", "user", "a b", "sourcetype", "message"), SCALARS
)
EVENT: dict[str, st.SearchStrategy[Any]] = {
    "time": st.sampled_from(("2026-11-29T00:54:52.250Z", "2026-11-29T00:54:52Z", "2001-01-01T00:00:00Z", "x", None)),
    "host": WORDS,
    "user": SCALARS,
    "tags": st.lists(SCALARS, min_size=1, max_size=2),
    "source": st.sampled_from(("stdout", "x")),
    "line": WORDS,
    "properties": st.dictionaries(WORDS, SCALARS, max_size=1),
    "logger": WORDS,
    "http": st.fixed_dictionaries({"status": SCALARS, "of": st.fixed_dictionaries({"a": SCALARS})}),
}
USUAL_TEXTS = st.one_of(st.sampled_from(("order placed", "two\nlines", "", "{}")), st.text(max_size=10), WORDS)


@st.composite
def families(draw: st.DrawFn) -> list[bytes]:
    """Events of one line of code, usual in most respects."""
    kinds = [
        draw(st.lists(st.sampled_from([*some]), unique=True, max_size=most))
        for some, most in ((AROUND, 6), (FIELDS, 3), (EVENT, 3))
    ]
    level, text = draw(st.sampled_from(("level", "severity", "lvl"))), draw(st.sampled_from(("message", "msg")))
    has_fields, is_text = draw(st.booleans()), draw(st.integers(0, 5)) == 5
    ascii_only = draw(st.booleans())
    some = []
    for _ in range(draw(st.integers(1, 5))):
        event: Any = {level: draw(st.sampled_from(("info", "ERROR", "?", "info", 6))), text: draw(USUAL_TEXTS)}
        event |= {name: draw(EVENT[name]) for name in kinds[2]}
        around = {name: draw(AROUND[name]) for name in kinds[0]}
        if has_fields:
            around["fields"] = {name: draw(FIELDS[name]) for name in kinds[1]}
        around["event"] = draw(st.sampled_from((event, event, event, {}, None, 7))) if not is_text else draw(WORDS)
        some.append(json.dumps(around, ensure_ascii=ascii_only).encode("utf-8", "replace"))
    return some


def said(batch: Batch) -> list[tuple[Any, ...]]:
    return [
        *(
            (
                *(each.timestamp, each.host, each.short_message, each.full_message, each.level, each.raw),
                dict(sorted(each.fields.items())),
                {note.deviation for note in each.notes},
            )
            for each in batch.messages
        ),
        *((each.reason, each.detail, each.payload) for each in batch.rejected),
    ]


def together(events: list[bytes]) -> tuple[Batch, list[tuple[int, Any]]]:
    batch = Batch()
    errors = take_events(events, Receipt("hec", PEER, NOW, batch))
    return batch, [(number, error.fault) for number, error in errors]


def one_by_one(events: list[bytes]) -> tuple[Batch, list[tuple[int, Any]]]:
    batch, errors = Batch(), []
    receipt = Receipt("hec", PEER, NOW, batch)
    for number, (value, raw) in enumerate(split_events(b"".join(events))):
        try:
            take_event(value, raw, {}, receipt)
        except HecError as error:
            receipt.add_rejection(error)
            errors.append((number, error.fault))
    return batch, errors


@settings(deadline=None, max_examples=150)
@given(families(), families())
def test_they_change_nothing(often: list[bytes], some: list[bytes]) -> None:
    """Whatever came before."""
    together(often * 40)
    together(often * 40)
    events = [*often, *some, *often]
    columns, alone = together(events), one_by_one(events)
    assert columns[1] == alone[1]
    assert said(columns[0]) == said(alone[0])


def usual(**more: Any) -> bytes:
    event = {"message": "order placed", "severity": "INFO", "order": 7}
    around = {"time": 1_795_913_692.25, "host": "web-1", "source": "shop", "sourcetype": "_json", "index": "main"}
    return json.dumps({**around, "event": event, "fields": {"env": "dev"}, **more}).encode()


def test_fields_are_those_around_first() -> None:
    """And a record's own count, of names that both have."""
    events = [usual()] * 64 + [usual(fields={"env": "dev", "order": "x"})]
    together(events)
    batch, errors = together(events)
    assert (errors, len(batch.messages)) == ([], 65)
    first = batch.messages[0]
    assert (first.short_message, first.level, first.host, first.timestamp) == (
        "order placed",
        6,
        "web-1",
        1795913692.25,
    )
    assert first.fields == {"sourcetype": "_json", "index": "main", "service": "shop", "env": "dev", "order": 7}
    assert batch.messages[64].fields["order"] == 7


@pytest.mark.parametrize(
    ("body", "count"),
    [
        (b'{"event":"a"}{"event":"b"}\n {"event":"c"}', 3),
        (b'{"event":"a"},{"event":"b"}', None),
        (b'[{"event":"a"}]', None),
        (b'{"event":"a"} 5', None),
        (b'{"event":"a"', None),
        (b'{"event":"\xff"}', None),
        (b'\xef\xbb\xbf{"event":"a"}', None),
        (b'{"event":"two\nlines"}', None),
        (b'{"event":NaN}', None),
        (b"[" * 2000, None),
        (b"", None),
    ],
)
def test_what_is_cut_at_once(body: bytes, count: int | None) -> None:
    """Objects; all else is cut value by value."""
    events = split_usual(body)
    assert (None if events is None else len(events)) == count
    if events is not None:
        assert events == [raw for _, raw in split_events(body)]


@pytest.mark.parametrize(
    "event",
    [
        '{"event":"stock is low","time":1795913692.123}',
        '{"event":{"n":123456789012345678901234567890,"f":-0.0,"g":1e-400,"a":1,"a":2}}',
        '{"event":"x","time":1e400}',
        r'{"event":"half \ud83d of one, a whole \ud83d\ude00"}',
    ],
)
def test_odd_events_are_read_as_the_others(event: str) -> None:
    """Which parser reads one depends on what is in it, and what it says does not."""
    ((value, _),) = split_events(event.encode())
    assert repr(read_value(event.encode())) == repr(value)
