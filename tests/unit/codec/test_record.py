"""make_message and PayloadDecoder: whatever a decoder of another protocol found becomes a message that keeps the laws."""

from __future__ import annotations

import datetime as dt
import decimal
import logging
import math
import re
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.codec import Batch, PayloadDecoder, Receipt
from gelf_listener.codec.gelf.normaliser import MAX_FIELDS, Normaliser
from gelf_listener.codec.plain import plain
from gelf_listener.codec.record import OF_GELF_ONLY, make_message, read_fields
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Message, Peer

NAME = re.compile(r"[A-Za-z0-9_.@-]+")
NOW = 1.7e9
PEER = Peer("192.0.2.7", 4318)


def made(**given: Any) -> Message:
    return make_message(Receipt("in", PEER, NOW, Batch()), b"raw", **{"short_message": "text"} | given)


def notes(message: Message) -> list[str]:
    return [f"{each.field} {each.deviation.label}".strip() for each in message.notes]


def test_what_is_not_given() -> None:
    """The receive time, the peer's address, and nothing else."""
    message = made()
    assert (message.timestamp, message.host, message.level, message.full_message) == (NOW, "192.0.2.7", None, None)
    assert (message.raw, message.received_at, message.input, message.peer) == (b"raw", NOW, "in", PEER)
    assert (message.fields, message.notes, message.exact) == ({}, (), False)


def test_plain_fields_are_kept_as_they_are() -> None:
    """Types, order, dots and booleans: other protocols have them, so there is nothing to note."""
    fields = {"http.method": "GET", "status": 200, "took": 1.5, "ok": True, "Größe": "ü", "big": (1 << 63) - 1}
    message = made(fields=fields)
    assert message.fields == {**{n: v for n, v in fields.items() if n != "Größe"}, "Gr__e": "ü"}
    assert list(message.fields) == ["http.method", "status", "took", "ok", "Gr__e", "big"]
    assert [type(value) for value in message.fields.values()] == [str, int, float, bool, str, int]
    assert notes(message) == ["_Größe field_name"]


@pytest.mark.parametrize(
    ("fields", "stored", "noted"),
    [
        ({"none": None}, {}, []),
        ({"a": None, "b": 1}, {"b": 1}, []),
        ({"a": {"b": 1, "c": {"d": "x"}}}, {"a.b": 1, "a.c.d": "x"}, []),
        ({"list": [1, "a", None]}, {"list": '[1,"a",null]'}, []),
        ({"tuple": (1, 2)}, {"tuple": "[1,2]"}, []),
        ({"bytes": b"\x00\xff"}, {"bytes": "AP8="}, []),
        ({"inner": {"bytes": b"\x00\xff"}}, {"inner.bytes": "AP8="}, []),
        ({"time": dt.datetime(2026, 1, 2, tzinfo=dt.UTC)}, {"time": "2026-01-02T00:00:00+00:00"}, []),
        ({"decimal": decimal.Decimal("1.10")}, {"decimal": "1.10"}, []),
        ({"id": uuid.UUID(int=1)}, {"id": str(uuid.UUID(int=1))}, ["_id reserved_field"]),
        ({"nan": math.nan, "inf": -math.inf}, {"nan": "NaN", "inf": "-Infinity"}, ["_nan not_a_number", "_inf not_a_number"]),
        ({"huge": 1 << 70}, {"huge": str(1 << 70)}, ["_huge big_integer"]),
        ({"half": "\ud800"}, {"half": "\ufffd"}, ["_half lone_surrogate"]),
        ({"host": "h", "timestamp": 1}, {"host_": "h", "timestamp_": 1}, ["_host reserved_field", "_timestamp reserved_field"]),
        ({"a b": 1, "a_b": 2}, {"a_b": 1, "a_b_2": 2}, ["_a b field_name", "_a_b field_conflict"]),
        ({"": 1}, {"_": 1}, []),
    ],
)  # fmt: skip
def test_fields(fields: dict[str, object], stored: dict[str, object], noted: list[str]) -> None:
    """Nothing is lost in silence: what changes has a note, unless it is only how the protocol says it."""
    message = made(fields=fields)
    assert message.fields == stored
    assert notes(message) == noted


NAMES = st.sampled_from(["a", "b", "a.b", "b.c", "_a", "id", "host", "naïve", "a b", "", "x" * 120])
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.text(max_size=4),
    st.integers(),
    st.floats(),
    st.binary(max_size=3),
    st.just("\ud83d"),
    st.dates(),
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=12
)


@given(st.dictionaries(NAMES, VALUES, max_size=5))
def test_nested_fields_are_what_they_are_one_by_one(fields: dict[str, Any]) -> None:
    """However they are read."""
    receipt = Receipt("in", PEER, NOW, Batch())
    given_ = {name: value for name, value in fields.items() if value is not None}
    normaliser = Normaliser({"_" + name: plain(value) for name, value in given_.items()}, (), receipt, strict=False)
    normaliser.read_fields()
    noted = [each for each in normaliser.notes if each.deviation not in OF_GELF_ONLY]
    found, notes = read_fields(fields, receipt)
    assert (list(found.items()), list(notes)) == (list(normaliser.fields.items()), noted)
    assert [*map(type, found.values())] == [*map(type, normaliser.fields.values())]


def test_many_fields() -> None:
    """As many as GELF may have; then a note."""
    assert len(made(fields={f"f{number}": number for number in range(MAX_FIELDS)}).fields) == MAX_FIELDS
    message = made(fields={f"f{number}": number for number in range(MAX_FIELDS + 1)})
    assert len(message.fields) == MAX_FIELDS
    assert notes(message) == ["too_many_fields"]


def test_deep_values() -> None:
    """Nested deeper than anybody reads, and than Python recurses."""
    value: object = 1
    for _ in range(100_000):
        value = [value]
    assert "nested too deep" in str(made(fields={"deep": value}).fields["deep"])
    assert "nested too deep" in made(short_message=value).short_message


@pytest.mark.parametrize(
    ("given_", "timestamp"),
    [
        ({"timestamp": 1600000000}, 1600000000.0),
        ({"timestamp": 1600000000.123456}, 1600000000.123456),
        ({"timestamp": "2020-09-13T12:26:40.5Z"}, 1600000000.5),
        ({"timestamp": dt.datetime(2020, 9, 13, 12, 26, 40, 250_000)}, 1600000000.25),
        ({"timestamp": dt.datetime(2020, 9, 13, 14, 26, 40, tzinfo=dt.timezone(dt.timedelta(hours=2)))}, 1600000000.0),
        ({"nanoseconds": 1600000000123456789}, 1600000000.123456789),
        ({"nanoseconds": 1600000000999999999}, 1600000000.999999999),
    ],
)
def test_times(given_: dict[str, Any], timestamp: float) -> None:
    """Seconds, text, datetime; nanoseconds lose no more than a float does."""
    message = made(**given_)
    assert message.timestamp == timestamp
    assert type(message.timestamp) is float
    assert message.notes == ()


@pytest.mark.parametrize("timestamp", [0, -5, 1e12, math.nan, "yesterday", True, dt.datetime.max])
def test_times_that_make_no_sense(timestamp: Any) -> None:
    """The receive time is used, and what was sent stays a field."""
    message = made(timestamp=timestamp)
    assert message.timestamp == NOW
    assert message.fields == {"original_timestamp": str(timestamp)}
    assert notes(message) == ["timestamp timestamp_invalid"]


@pytest.mark.parametrize(
    ("level", "severity"), [(0, 0), (7, 7), (20, 6), (50, 2), ("WARN", 4), ("error", 3), ("6", 6), (None, None)]
)
def test_levels(level: Any, severity: int | None) -> None:
    message = made(level=level)
    assert (message.level, message.notes) == (severity, ())


@pytest.mark.parametrize("level", ["loud", -1, 1 << 80, True])
def test_levels_that_make_no_sense(level: Any) -> None:
    message = made(level=level)
    assert message.level is None
    assert message.fields == {"original_level": str(level)}
    assert notes(message) == ["level level_type"]


def test_texts() -> None:
    """Anything may be the text; what no encoder takes is replaced; a blank host is none."""
    assert made(short_message={"a": [1]}).short_message == '{"a":[1]}'
    assert made(short_message=None).short_message == "null"
    message = made(short_message="a\ud800", full_message="b\udfff", host="  ")
    assert (message.short_message, message.full_message, message.host) == ("a\ufffd", "b\ufffd", "192.0.2.7")


@given(
    st.dictionaries(
        st.text(max_size=20),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.datetimes(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
            max_leaves=8,
        ),
        max_size=8,
    ),
    st.one_of(st.none(), st.text(), st.integers(), st.floats()),
)
def test_nothing_raises_and_the_laws_hold(fields: dict[str, Any], anything: Any) -> None:
    """Whatever a decoder found."""
    message = made(fields=fields, short_message=anything, timestamp=anything, level=anything)
    for name, value in message.fields.items():
        assert NAME.fullmatch(name)
        assert type(value) in (str, int, float, bool)
    msgspec.json.decode(message.to_gelf())


class Upper(PayloadDecoder):
    """Texts in capitals."""

    def decode(self, payload: bytes, receipt: Receipt) -> None:
        text = payload.decode("ascii")
        receipt.add(make_message(receipt, payload, short_message=text.upper()))
        if text == "bad":
            raise Rejected(Reason.INVALID_JSON, "bad", payload)


def test_payloads_have_nothing_to_do_with_each_other(caplog: pytest.LogCaptureFixture) -> None:
    """One that is rejected, or meets a bug, stops no other; all carry how they arrived."""
    batch = Batch()
    with caplog.at_level(logging.ERROR):
        Upper("up").decode_datagrams([b"one", b"bad", b"\xff", b"two"], [PEER, None, PEER, PEER], NOW, batch)
    assert [message.short_message for message in batch.messages] == ["ONE", "BAD", "TWO"]
    assert [(each.reason, each.peer, each.input, each.received_at) for each in batch.rejected] == [
        (Reason.INVALID_JSON, None, "up", NOW),
        (Reason.UNEXPECTED_PROTOCOL, PEER, "up", NOW),
    ]
    assert batch.size == 9
    assert "UnicodeDecodeError" in caplog.text
