"""Shapes: records like those before them, read by one match, say what they say when they are read field by field."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from gelf_listener.codec.otlp.records import Scope
from gelf_listener.codec.otlp.shapes import Shapes
from gelf_listener.codec.receipt import Receipt
from gelf_listener.message import Message
from tests.unit.codec.otlp.test_otlp import TIME, as_json, decode, record, request

RECEIPT = Receipt("otlp", None, TIME / 1e9, decode(b"")[0])
SCOPE = Scope(RECEIPT, {"service.name": "shop", "user": "of the resource"})

TEXTS = st.one_of(
    st.sampled_from(
        ("", "order placed", "E2*2\n\x08path2\x12", "{not json", "a\nb", "x" * 127, "x" * 128, "y" * 20_000)
    ),
    st.text(max_size=200),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "user": TEXTS,
    "url.path": TEXTS,
    "count": st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 300)),
    "ratio": st.floats(),
    "paid": st.booleans(),
    "items": st.lists(st.integers(0, 9), max_size=2),
}


def usual(**values: Any) -> LogRecord:
    """A record as services send them."""
    has = {"body": "order placed", "time_unix_nano": TIME, "severity_number": 9, "severity_text": "INFO"}
    has |= {"trace_id": bytes(range(16)), "span_id": bytes(range(8)), "flags": 1}
    has |= {"attributes": {"user": "ada", "count": 3, "ratio": 0.5}}
    return record(**(has | values))


@st.composite
def records(draw: st.DrawFn) -> LogRecord:
    """Records that are usual in most respects."""
    values: dict[str, Any] = {"body": draw(TEXTS)}
    names = draw(st.one_of(st.just(["user", "count", "ratio"]), st.lists(st.sampled_from([*VALUES]), unique=True)))
    values["attributes"] = {name: draw(VALUES[name]) for name in names}
    if draw(st.booleans()):
        values["severity_number"] = draw(st.integers(0, 25))
        values["severity_text"] = draw(st.sampled_from(("", "INFO", "WARN", "Notice")))
    if draw(st.booleans()):
        values["trace_id"] = draw(st.sampled_from((b"", bytes(16), bytes(range(1, 17)), b"short")))
        values["time_unix_nano"] = draw(st.sampled_from((0, 1, TIME, (1 << 64) - 1)))
        values["observed_time_unix_nano"] = draw(st.sampled_from((0, TIME + 5)))
        values["event_name"] = draw(st.sampled_from(("", "order.placed")))
        values["dropped_attributes_count"] = draw(st.integers(0, 2))
    return usual(**values)


def said(message: Message) -> tuple[Any, ...]:
    """Everything but where it came from."""
    return (
        *(message.timestamp, message.host, message.short_message, message.full_message, message.level),
        list(message.fields.items()),
        {note.deviation for note in message.notes},
    )


@settings(deadline=None, max_examples=60)
@given(st.lists(records(), min_size=1, max_size=30))
def test_they_change_nothing(some: list[LogRecord]) -> None:
    """Whatever came before, a record in protobuf is what it is in JSON, which knows no shapes by these names."""
    many = request(*some * 3, resource={"service.name": "shop"})
    for _ in range(2):  # what the first teaches counts in the second
        in_protobuf, in_json = (
            decode(many.SerializeToString())[0],
            decode({"resource_logs": as_json(many)["resourceLogs"]})[0],
        )
        assert [said(each) for each in in_protobuf.messages] == [said(each) for each in in_json.messages]


def taught(*some: LogRecord) -> Shapes:
    """Shapes that have seen records often enough."""
    shapes = Shapes()
    for each in some:
        for _ in range(70):
            read_one(shapes, each)
    return shapes


def read_one(shapes: Shapes, each: LogRecord) -> Any:
    data = b"\x0a" + each.SerializeToString() + b"\x0a"
    return shapes.read(data, [(1, len(data) - 1, SCOPE)])[0]


def test_a_record_like_those_before_is_read_at_once() -> None:
    """Other texts and numbers, of other lengths: the same shape."""
    shapes = taught(usual())
    read = read_one(shapes, usual(body="B" * 300, attributes={"user": "é2*E", "count": -5, "ratio": -1.5}))
    assert read is not None
    shape, seconds, body, values = read
    fields = dict(zip(shape.within(Scope(RECEIPT, {}))[0].names, values, strict=True))
    assert (shape.level, body, seconds) == (6, "B" * 300, pytest.approx(TIME / 1e9))
    assert fields == {
        "user": "é2*E",
        "count": -5,
        "ratio": -1.5,
        "trace_id": bytes(range(16)).hex(),
        "span_id": bytes(range(8)).hex(),
        "trace_flags": 1,
    }


@pytest.mark.parametrize(
    "other",
    [
        usual(severity_number=17),
        usual(severity_text="Notice"),
        usual(flags=0),
        usual(attributes={"user": "ada", "count": 3}),
        usual(attributes={"user": 7, "count": 3, "ratio": 0.5}),
        usual(attributes={"user": "ada", "count": 3, "ratio": math.inf}),
        usual(attributes={"user": "ada", "count": 3, "ratio": 0.5, "more": 1}),
        usual(trace_id=bytes(16)),
        usual(time_unix_nano=1),
        usual(dropped_attributes_count=1),
    ],
)
def test_another_record_is_read_field_by_field(other: LogRecord) -> None:
    """What a shape takes as given is different."""
    assert read_one(taught(usual()), other) is None


def test_lengths_that_do_not_fit_are_never_believed() -> None:
    """A text that holds what looks like the next attribute is read by its length."""
    shapes = taught(usual())
    inner = usual().attributes[1].SerializeToString()
    text = b"x2" + bytes((len(inner),)) + inner + b"2"
    other = usual(attributes={"user": text.decode(), "count": 3, "ratio": 0.5})
    read = read_one(shapes, other)
    assert read is None or text.decode() in read[3]


def test_a_long_text_of_what_may_be_the_next_key_is_read_in_a_moment() -> None:
    """It is searched once, however often the byte that the next attribute begins with is in it."""
    read = read_one(taught(usual()), usual(body="2" * 200_000))
    assert read is None or read[2] == "2" * 200_000


def test_few_shapes_are_kept() -> None:
    """Those that match least go."""
    several = [usual(attributes={f"name_{number}": "x"}) for number in range(12)]
    shapes = taught(*several)
    known = [each for each in several if read_one(shapes, each) is not None]
    assert 1 <= len(known) <= 4
    assert several[-1] in known
