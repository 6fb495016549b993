"""Shapes in JSON: records like those before them, read by columns, say what they say when they are read by themselves."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.otlp import json_form
from gelf_listener.codec.otlp.json_shapes import JsonRecordShapes
from gelf_listener.codec.otlp.records import Scope, Taker
from gelf_listener.codec.receipt import Receipt
from tests.unit.codec.otlp.test_otlp import NOW, TIME
from tests.unit.codec.otlp.test_shapes import RECEIPT, TEXTS, said

TRACE, SPAN = bytes(range(16)).hex(), bytes(range(8)).hex()
INTEGERS = st.one_of(st.integers(-(1 << 63), (1 << 63) - 1), st.integers(0, 300))
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "stringValue": TEXTS,
    "intValue": st.one_of(
        INTEGERS.map(str), INTEGERS, st.sampled_from(("", " 7", "1_0", "٣", "-", "9" * 25, True, 1.0))
    ),
    "doubleValue": st.one_of(
        st.floats(allow_nan=False, allow_infinity=False), INTEGERS, st.sampled_from(("NaN", "0.5"))
    ),
    "boolValue": st.sampled_from((True, False, "true")),
    "arrayValue": st.lists(st.sampled_from(({"intValue": 7}, {"stringValue": "é"}, {})), max_size=2).map(
        lambda values: {"values": values}
    ),
    "kvlistValue": st.just({"values": [{"key": "a", "value": {"intValue": "1"}}]}),
    "bytesValue": st.just("AAE="),
}
NAMES = ("user", "count", "a.b", "a b", "user", "exception.stacktrace", "trace_id", "logger", "")
PARTS: dict[str, st.SearchStrategy[Any]] = {
    "timeUnixNano": st.sampled_from((str(TIME), TIME, str(TIME + 5), "0", 0, "", "-5", 1, str((1 << 64) - 1), None)),
    "observedTimeUnixNano": st.sampled_from((str(TIME + 9), TIME, "0")),
    "severityNumber": st.sampled_from((9, 17, 0, 25, "9", "SEVERITY_NUMBER_WARN")),
    "severityText": st.sampled_from(("INFO", "", "Notice", 7)),
    "traceId": st.sampled_from(
        (TRACE, TRACE.upper(), "", "0" * 32, "AAECAwQFBgcICQoLDA0ODw==", "abcd" * 6, "7" * 31, SPAN)
    ),
    "spanId": st.sampled_from((SPAN, "", "0" * 16, "AAECAwQFBgc=", TRACE, "zz" * 8)),
    "flags": st.sampled_from((1, 0, 257, 1 << 33, "1")),
    "eventName": st.sampled_from(("", "order.placed")),
    "droppedAttributesCount": st.sampled_from((0, 2, "0")),
    "span_id": st.just(SPAN),
    "more": st.just(1),
}


def usual(**values: Any) -> dict[str, Any]:
    """A record as services send them."""
    attributes = [
        {"key": "user", "value": {"stringValue": "ada"}},
        {"key": "count", "value": {"intValue": "3"}},
        {"key": "ratio", "value": {"doubleValue": 0.5}},
        {"key": "paid", "value": {"boolValue": True}},
        {"key": "nothing", "value": {}},
    ]
    has = {"timeUnixNano": str(TIME), "severityNumber": 9, "severityText": "INFO", "body": {"stringValue": "placed"}}
    return {**has, "attributes": attributes, "traceId": TRACE, "spanId": SPAN, "flags": 1, **values}


@st.composite
def families(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Records of one line of code, usual in most respects."""
    kinds = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from([*VALUES])), max_size=4))
    parts = draw(st.lists(st.sampled_from([*PARTS]), max_size=3))
    some = []
    for _ in range(draw(st.integers(1, 5))):
        record = usual(body={"stringValue": draw(TEXTS)}, **{part: draw(PARTS[part]) for part in parts})
        record["attributes"] = [
            {
                "key": name,
                "value": draw(
                    st.just({kind: draw(VALUES[kind])}) | st.just({})
                    if name == "a b"
                    else st.just({kind: draw(VALUES[kind])})
                ),
            }
            for name, kind in kinds
        ]
        some.append(record)
    return some


def decode(request: bytes) -> Batch:
    batch = Batch()
    for _ in json_form.decode_logs(request, Taker(Receipt("otlp", None, NOW, batch))):
        pass
    return batch


def request_of(some: list[dict[str, Any]], name: str = "resourceLogs") -> bytes:
    resource = {
        "attributes": [
            {"key": "service.name", "value": {"stringValue": "shop"}},
            {"key": "user", "value": {"stringValue": "of the resource"}},
        ]
    }
    scope_logs = {"scope": {"name": "shop.orders"}, "logRecords": some}
    return json.dumps({name: [{"resource": resource, "scopeLogs": [scope_logs]}]}).encode()


@settings(deadline=None, max_examples=100)
@given(families(), families())
def test_they_change_nothing(often: list[dict[str, Any]], some: list[dict[str, Any]]) -> None:
    """Whatever came before: a request with a name of protobuf in it is read without shapes."""
    decode(request_of(often * 70))
    records = [*often, *some, *often]
    shaped, by_itself = decode(request_of(records)), decode(request_of(records, "resource_logs"))
    assert [said(each) for each in shaped.messages] == [said(each) for each in by_itself.messages]
    assert [(each.reason, each.detail) for each in shaped.rejected] == [
        (each.reason, each.detail) for each in by_itself.rejected
    ]


def taught(record: dict[str, Any]) -> JsonRecordShapes:
    """Shapes that have seen a record often enough."""
    shapes = JsonRecordShapes()
    for _ in range(3):
        shapes.read([json.dumps(record).encode()] * 64)
    return shapes


def read_one(shapes: JsonRecordShapes, record: Any) -> Any:
    return shapes.read([json.dumps(record).encode()])[0]


def test_a_record_like_those_before_is_read_at_once() -> None:
    """Other texts, numbers and ids; its fields in another order."""
    attributes = usual()["attributes"]
    other = [
        {"value": {"stringValue": "é"}, "key": "user"},
        {"key": "count", "value": {"intValue": "-5"}},
        *attributes[2:],
    ]
    read = read_one(taught(usual()), usual(body={"stringValue": "B"}, attributes=other, traceId=TRACE.upper()))
    assert read is not None
    shape, seconds, body, values = read
    fields = dict(zip(shape.within(Scope(RECEIPT, {}))[0].names, values, strict=True))
    assert (shape.level, body, seconds) == (6, "B", pytest.approx(TIME / 1e9))
    assert fields == {
        "user": "é", "count": -5, "ratio": 0.5, "paid": True, "trace_id": TRACE, "span_id": SPAN, "trace_flags": 1
    }  # fmt: skip


def test_lists_are_read_at_once() -> None:
    """Node's SDK sends them."""
    tags = {"key": "tags", "value": {"arrayValue": {"values": [{"stringValue": "é"}, {"intValue": 7}, {}]}}}
    read = read_one(taught(usual(attributes=[tags])), usual(attributes=[tags]))
    assert read is not None
    assert read[3][0] == '["é",7,null]'


@pytest.mark.parametrize(
    "other",
    [
        usual(severityNumber=17),
        usual(severityText="Notice"),
        usual(flags=0),
        usual(attributes=usual()["attributes"][:2]),
        usual(attributes=[*usual()["attributes"], {"key": "more", "value": {}}]),
        usual(traceId="0" * 32),
        usual(spanId=TRACE),
        usual(timeUnixNano="1"),
        usual(timeUnixNano="12 "),
        usual(droppedAttributesCount=1),
        7,
    ],
)
def test_another_record_is_read_field_by_field(other: Any) -> None:
    """What a shape takes as given is different."""
    assert read_one(taught(usual()), other) is None


def test_few_shapes_are_kept() -> None:
    """Those that come least go."""
    shapes = JsonRecordShapes()
    several = [usual(eventName=f"event {number}") for number in range(20)]
    for record in several:
        shapes.read([json.dumps(record).encode()] * 70)
    known = [record for record in several if read_one(shapes, record) is not None]
    assert 1 <= len(known) <= 8
    assert several[-1] in known


def test_a_request_with_half_a_character_in_it_is_read() -> None:
    """And one with a number that is too large; what is not UTF-8 is refused whole."""
    request = request_of([usual(body={"stringValue": "HALF"}), usual(body={"stringValue": "whole"})])
    half = decode(request.replace(b"HALF", b"\\ud83d"))
    assert [each.short_message for each in half.messages] == ["\ufffd", "whole"]
    large = decode(request.replace(b'"intValue": "3"', b'"doubleValue": 1e999', 1))
    assert [each.short_message for each in large.messages] == ["HALF", "whole"]
