"""Log records of OpenTelemetry: in protobuf, in JSON, and both the same."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from gelf_listener.codec import Batch, Receipt
from gelf_listener.codec.otlp import json_form, protobuf
from gelf_listener.codec.otlp.records import Taker
from gelf_listener.codec.otlp.severity import SEVERITY_NUMBERS, read_severity
from gelf_listener.errors import Rejected
from gelf_listener.message import Message, Peer
from gelf_listener.outputs.otlp import OtlpOutput

NOW = 1_795_913_700.0
TIME = 1_795_913_692_953_713_408
NESTED: dict[str, Any] = {"name": "Ada", "address": {"city": "Oslo"}}


def any_value(value: Any) -> AnyValue:
    made = AnyValue()
    if value is None:
        return made
    if isinstance(value, bool):
        made.bool_value = value
    elif isinstance(value, int):
        made.int_value = value
    elif isinstance(value, float):
        made.double_value = value
    elif isinstance(value, bytes):
        made.bytes_value = value
    elif isinstance(value, list):
        made.array_value.values.extend([any_value(each) for each in value])
        made.array_value.SetInParent()
    elif isinstance(value, dict):
        made.kvlist_value.values.extend(pairs(value))
        made.kvlist_value.SetInParent()
    else:
        made.string_value = value
    return made


def pairs(values: dict[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=name, value=any_value(value)) for name, value in values.items()]


def request(*records: LogRecord, resource: dict[str, Any] | None = None, **scope: Any) -> ExportLogsServiceRequest:
    export = ExportLogsServiceRequest()
    logs = export.resource_logs.add()
    logs.resource.attributes.extend(pairs(resource or {}))
    inner = logs.scope_logs.add(log_records=records)
    inner.scope.attributes.extend(pairs(scope.pop("attributes", {})))
    for name, value in scope.items():
        setattr(inner.scope, name, value)
    return export


def record(body: Any = "text", **values: Any) -> LogRecord:
    attributes = values.pop("attributes", {})
    return LogRecord(body=any_value(body), attributes=pairs(attributes), **values)


def decode(data: bytes | dict[str, Any]) -> tuple[Batch, Taker]:
    batch = Batch()
    taker = Taker(Receipt("otlp", Peer("192.0.2.7", 4318), NOW, batch))
    is_json = isinstance(data, dict)
    raw = json.dumps(data).encode() if isinstance(data, dict) else data
    for _ in (json_form if is_json else protobuf).decode_logs(raw, taker):
        pass
    return batch, taker


def as_json(export: ExportLogsServiceRequest) -> dict[str, Any]:
    """The same in OTLP's JSON, whose ids are hexadecimal."""
    document: dict[str, Any] = MessageToDict(export, use_integers_for_enums=True)
    for logs in document.get("resourceLogs", []):
        for scope in logs.get("scopeLogs", []):
            for each in scope.get("logRecords", []):
                for name in ("traceId", "spanId"):
                    if name in each:
                        each[name] = base64.b64decode(each[name]).hex()
    return document


def decoded(export: ExportLogsServiceRequest) -> Message:
    """The message of a request, which is the same in both forms."""
    messages = [decode(data)[0].messages for data in (export.SerializeToString(), as_json(export))]
    assert [len(each) for each in messages] == [1, 1]
    first, second = (
        (each.timestamp, each.host, each.short_message, each.full_message, each.level, each.fields)
        for each in (messages[0][0], messages[1][0])
    )
    assert first == second
    return messages[0][0]


def test_everything_a_record_has() -> None:
    """Each in its place."""
    message = decoded(
        request(
            record(
                "order placed",
                time_unix_nano=TIME,
                observed_time_unix_nano=TIME + 5,
                severity_number=9,
                severity_text="INFO",
                attributes={
                    "user_id": 42,
                    "amount": 19.95,
                    "paid": True,
                    "coupon": None,
                    "customer": NESTED,
                    "items": ["tea", 1],
                },
                dropped_attributes_count=3,
                flags=0x101,
                trace_id=bytes(range(16)),
                span_id=bytes(range(8)),
                event_name="order.placed",
            ),
            resource={"host.name": "web-1", "service.name": "shop", "user_id": "of the resource"},
            name="shop.orders",
            version="1.0",
            attributes={"tier": "gold"},
        )
    )
    assert (message.host, message.short_message, message.level) == ("web-1", "order placed", 6)
    assert message.timestamp == pytest.approx(TIME / 1e9, abs=1e-6)
    assert message.fields == {
        "user_id": 42,
        "amount": 19.95,
        "paid": True,
        "customer.name": "Ada",
        "customer.address.city": "Oslo",
        "items": '["tea",1]',
        "trace_id": bytes(range(16)).hex(),
        "span_id": bytes(range(8)).hex(),
        "trace_flags": 1,
        "event_name": "order.placed",
        "otel.dropped_attributes_count": 3,
        "service.name": "shop",
        "tier": "gold",
        "logger": "shop.orders",
        "otel.scope.version": "1.0",
    }
    assert message.notes == ()
    assert message.peer == Peer("192.0.2.7", 4318)


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("text", "text"),
        ("", ""),
        ("ü" * 100, "ü" * 100),
        (True, True),
        (False, False),
        (0, 0),
        (127, 127),
        (128, 128),
        (200, 200),
        (16_384, 16_384),
        (-1, -1),
        ((1 << 63) - 1, (1 << 63) - 1),
        (-(1 << 63), -(1 << 63)),
        (1.5, 1.5),
        (0.0, 0.0),
        (float("inf"), "Infinity"),
        (b"\x00\xff", "AP8="),
        ([], "[]"),
        ([1, "a", None, [True]], '[1,"a",null,[true]]'),
        ({}, "{}"),
        (None, None),
    ],
)
def test_values_keep_their_types(value: Any, kept: Any) -> None:
    """As attributes."""
    found = decoded(request(record(attributes={"a": value}))).fields.get("a")
    assert (found, type(found)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("body", "text"),
    [("a\n  b", "a\n  b"), (42, "42"), (True, "true"), ([1, "a"], '[1,"a"]'), (b"bytes", "bytes"), (b"\xff", "/w==")],
)
def test_bodies_become_texts(body: Any, text: str) -> None:
    """Whatever they are."""
    assert decoded(request(record(body, severity_number=9))).short_message == text


def test_a_map_is_a_body() -> None:
    """Named by its event, or itself; one with a text is a logger's record."""
    body = {"what": "map", "count": 3}
    message = decoded(request(record(body, event_name="shop.extra")))
    assert (message.short_message, message.fields["body.what"], message.fields["body.count"]) == (
        "shop.extra",
        "map",
        3,
    )
    assert decoded(request(record(body))).short_message == '{"what":"map","count":3}'
    message = decoded(request(record({"log": "hello\n", "stream": "stderr", "level": "warn"})))
    assert (message.short_message, message.level, message.fields) == ("hello", 4, {"stream": "stderr"})


def test_what_is_odd_in_gelf_only_is_not_noted_on_a_map() -> None:
    """A name that had to be changed is, and once."""
    body = {"msg": "sold", "order": {"id": 7, "items": ["tea"]}, "paid": True, "id": 1, "a b": 2}
    message = decoded(request(record(body, severity_number=9, time_unix_nano=TIME)))
    assert message.fields["order.items"] == '["tea"]'
    assert [(note.deviation.value[0], note.field) for note in message.notes] == [
        ("reserved_field", "_id"),
        ("field_name", "_a b"),
    ]


def test_a_time_in_a_map_that_is_far_from_the_records_stays_a_field() -> None:
    """It means something else; one that is close is the same."""
    far = {"msg": "sold", "time": "2020-01-01T00:00:00Z"}
    message = decoded(request(record(far, severity_number=9, time_unix_nano=TIME)))
    assert (message.timestamp, message.fields["time"]) == (pytest.approx(TIME / 1e9), far["time"])
    near = {"msg": "sold", "time": TIME / 1e9 - 1}
    message = decoded(request(record(near, severity_number=9, time_unix_nano=TIME)))
    assert (message.timestamp, message.fields.get("time")) == (pytest.approx(TIME / 1e9), None)


def test_a_record_without_body() -> None:
    """Its event's name, what was raised, or a remark; without anything it is none."""
    export = request(LogRecord(attributes=pairs({"exception.type": "E", "exception.message": "m"})))
    assert decoded(export).short_message == "E: m"
    assert decoded(request(LogRecord(event_name="started"))).short_message == "started"
    assert decoded(request(LogRecord(attributes=pairs({"a": 1})))).short_message == "(a record without a text)"
    same: tuple[Any, ...] = (
        request(LogRecord()).SerializeToString(),
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [{}]}]}]},
    )
    for data in same:
        batch, taker = decode(data)
        assert (batch.messages, taker.rejected, len(batch.rejected)) == ([], 1, 1)


def test_exceptions() -> None:
    """The trace is the longer text."""
    attributes = {"exception.type": "E", "exception.message": "m", "exception.stacktrace": "E: m\n\tat a.b(C.java:1)\n"}
    message = decoded(request(record("failed", severity_number=17, attributes=attributes)))
    assert (message.short_message, message.full_message) == ("failed", "E: m\n\tat a.b(C.java:1)")
    assert message.fields == {"exception.type": "E", "exception.message": "m"}
    attributes["stack"] = attributes["exception.stacktrace"]
    assert decoded(request(record("failed", severity_number=17, attributes=attributes))).fields == message.fields
    stack = {"code.stacktrace": "main.main\n\t/app/main.go:47\nruntime.main\n\t/go/proc.go:290"}  # zap without an error
    message = decoded(request(record("failed", severity_number=17, attributes=stack)))
    assert (message.full_message, message.fields) == (stack["code.stacktrace"], {})
    message = decoded(request(record("failed\nTraceback (most recent call last):\n  File\nE: m", severity_number=17)))
    assert (message.short_message, message.full_message) == (
        "failed",
        "Traceback (most recent call last):\n  File\nE: m",
    )


def test_times() -> None:
    """Its own, when it was observed, what its text says, or when it came; what makes no sense is kept."""
    assert decoded(request(record(observed_time_unix_nano=TIME))).timestamp == pytest.approx(TIME / 1e9)
    assert decoded(request(record())).timestamp == NOW
    assert decoded(request(record("2026-11-29T10:00:00Z ERROR x"))).timestamp == 1_795_946_400.0
    message = decoded(request(record(time_unix_nano=1)))
    assert (message.timestamp, message.fields) == (NOW, {"original_timestamp": 1})


@pytest.mark.parametrize("name", ["host.name", "k8s.pod.name", "container.name"])
def test_hosts(name: str) -> None:
    """What the resource says, or else the sender's address."""
    assert decoded(request(record(), resource={name: "web-1"})).host == "web-1"
    assert decoded(request(record(), resource={name: ""})).host == "192.0.2.7"


def test_texts_without_severity_are_read() -> None:
    """As lines of text are everywhere: what the collector reads from files."""
    message = decoded(
        request(record('{"level":"error","msg":"hello","user_id":7}', attributes={"log.file.name": "a.log"}))
    )
    assert (message.short_message, message.level) == ("hello", 3)
    assert message.fields == {"log.file.name": "a.log", "user_id": 7}
    assert decoded(request(record("WARN low stock"))).level == 4
    message = decoded(request(record('{"level":"error","msg":"hello"}', severity_number=9)))
    assert (message.short_message, message.level) == ("hello", 6)


def test_zero_ids_are_none() -> None:
    """Nor are those of another length."""
    assert decoded(request(record(trace_id=bytes(16), span_id=bytes(8)))).fields == {}
    assert decode(request(record(trace_id=b"abc")).SerializeToString())[0].messages[0].fields == {}


def test_the_resource_may_stand_behind_its_records() -> None:
    """The order of fields is free; and unknown fields are passed over."""
    export = request(record("a"), resource={"host.name": "web-1"}).resource_logs[0]
    scope_logs = export.scope_logs[0].SerializeToString() + b"\x98\x06\x01\xa2\x06\x01x\xad\x06abcd\xb1\x06abcdefgh"
    resource = export.resource.SerializeToString()
    raw = b"\x12" + bytes([len(scope_logs)]) + scope_logs + b"\x0a" + bytes([len(resource)]) + resource
    (message,) = decode(b"\x0a" + bytes([len(raw)]) + raw)[0].messages
    assert (message.host, message.short_message) == ("web-1", "a")


@pytest.mark.parametrize(
    "extra", [b"\x98\x06\x05", b"\xa2\x06\x01x", b"\xad\x06abcd", b"\xb1\x06abcdefgh", b"\x20\x07"]
)
def test_unknown_fields_of_records_are_passed_over(extra: bytes) -> None:
    """Later versions of the protocol have more."""
    raw = extra + record("a", severity_number=9).SerializeToString() + extra
    scope_logs = b"\x12" + bytes([len(raw)]) + raw
    data = b"\x12" + bytes([len(scope_logs)]) + scope_logs
    assert [each.short_message for each in decode(b"\x0a" + bytes([len(data)]) + data)[0].messages] == ["a"]


@pytest.mark.parametrize(
    ("number", "text", "level"),
    [
        *((number, "", 7) for number in range(1, 9)),
        *((number, "", 6) for number in range(9, 13)),
        *((number, "", 4) for number in range(13, 17)),
        *zip((17, 18, 19, 20), [""] * 4, (3, 2, 1, 3), strict=True),
        *((number, "", 2) for number in range(21, 25)),
        (10, "notice", 5),
        (9, "NOTICE", 5),
        (21, "emerg", 0),
        (21, "EMERGENCY", 0),
        (19, "alert", 1),
        (17, "Warning", 3),
        (0, "Warning", 4),
        (0, "Level 5", 7),
        (9, "Level 25", 5),
        (0, "Level 999", 2),
        (0, "Level x", None),
        (0, "", None),
        (0, "audit", None),
    ],
)
def test_severities(number: int, text: str, level: int | None) -> None:
    """The number counts; the text says which of syslog's levels is meant."""
    assert read_severity(number, text).level == level


def test_severities_come_back_as_they_went() -> None:
    """What our output writes, our input reads."""
    for level, name in enumerate(("emerg", "alert", "crit", "error", "warning", "notice", "info", "debug")):
        assert read_severity(SEVERITY_NUMBERS[level], name) == (level, 0, "")


def test_what_says_more_than_the_level_is_kept() -> None:
    """TRACE is not DEBUG, and AUDIT is not INFO."""
    fields = decoded(request(record(severity_number=1, severity_text="AUDIT"))).fields
    assert fields == {"severity_number": 1, "severity_text": "AUDIT"}


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        ({"severity_number": "SEVERITY_NUMBER_WARN2", "body": {"string_value": "a"}}, (4, "a", NOW)),
        ({"severityNumber": "13", "timeUnixNano": TIME}, (4, "text", TIME / 1e9)),
        ({"severityNumber": 99, "timeUnixNano": "soon", "traceId": 5, "attributes": "none"}, (None, "text", NOW)),
        ({"time_unix_nano": str(TIME), "severity_text": "error"}, (3, "text", TIME / 1e9)),
        ({"body": "plain"}, (None, "plain", NOW)),
        ({"body": {"intValue": "7"}}, (None, "7", NOW)),
    ],
)
def test_json_that_deviates(changes: dict[str, Any], kept: tuple[Any, ...]) -> None:
    """Names as in protobuf, numbers as texts and the other way round; nonsense is left out."""
    document = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "text"}, **changes}]}]}]}
    (message,) = decode(document)[0].messages
    assert (message.level, message.short_message) == kept[:2]
    assert message.timestamp == pytest.approx(kept[2])


def test_json_ids_in_base64() -> None:
    """What a JSON encoder of protobuf makes of them."""
    ids = {"traceId": base64.b64encode(bytes(range(16))).decode(), "spanId": base64.b64encode(bytes(range(8))).decode()}
    document = {"resourceLogs": [{"scopeLogs": [{"logRecords": [{"body": {"stringValue": "a"}, **ids}]}]}]}
    fields = decode(document)[0].messages[0].fields
    assert fields == {"trace_id": bytes(range(16)).hex(), "span_id": bytes(range(8)).hex()}


VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 63) - 1)
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=200)
@given(VALUES, st.dictionaries(st.text(max_size=200), VALUES, max_size=6), st.integers(0, 24), st.text(max_size=20))
def test_both_forms_say_the_same(body: Any, attributes: dict[str, Any], number: int, text: str) -> None:
    """Whatever is in a record."""
    made = record(body, attributes=attributes, severity_number=number, severity_text=text, event_name="e")
    message = decoded(request(made, resource=attributes))
    message.to_gelf()


@given(st.binary(max_size=80))
def test_garbage_is_rejected_or_read(data: bytes) -> None:
    """Nothing else happens."""
    for raw in (
        data,
        b"\x0a" + bytes([len(data)]) + data,
        b"\x0a%c\x12%c\x12%c" % (len(data) + 4, len(data) + 2, len(data)) + data,
    ):
        try:
            batch, _ = decode(raw)
        except Rejected:
            continue
        for message in batch.messages:
            message.to_gelf()


def test_errors_of_loggers_behind_an_sdk() -> None:
    """pino's and others' are objects with a stack."""
    error = {"type": "E", "message": "m", "stack": "E: m\n    at f (a.js:1:2)\n    at g (a.js:3:4)"}
    message = decoded(request(record("failed", severity_number=17, attributes={"err": error})))
    assert (message.full_message, message.fields) == (error["stack"], {"err.type": "E", "err.message": "m"})
    message = decoded(request(record("failed", severity_number=17, attributes={"error": "short"})))
    assert (message.full_message, message.fields) == (None, {"error": "short"})


def test_the_stream_it_was_printed_on() -> None:
    """What the collector says of a container's lines, which say nothing themselves."""
    assert decoded(request(record("plain", attributes={"log.iostream": "stderr"}))).level == 3
    assert decoded(request(record("WARN x", attributes={"log.iostream": "stderr"}))).level == 4


def test_what_our_output_writes_comes_back() -> None:
    """A record that came by OTLP goes out as it came, but for its scope."""
    original = record(
        "text",
        time_unix_nano=1_795_913_692_953_713_000,
        severity_number=22,
        severity_text="AUDIT",
        attributes={"user_id": 42, "ok": True, "exception.stacktrace": "E: m\n\tat a.b(C.java:1)"},
        flags=1,
        trace_id=bytes(range(16)),
        span_id=bytes(range(8)),
        event_name="order.placed",
    )
    first = decoded(request(original, resource={"host.name": "web-1", "service.name": "shop"}))
    again = OtlpOutput(OtlpOutput.Settings()).encode([first])
    (second,) = decode(again.body)[0].messages
    assert second.fields.pop("gelf.id")
    assert second.fields.pop("logger") == "gelf-listener"
    assert second.fields.pop("otel.scope.version")
    parts = ("timestamp", "host", "short_message", "full_message", "level", "fields")
    assert [getattr(second, name) for name in parts] == [getattr(first, name) for name in parts]
    exported = ExportLogsServiceRequest.FromString(again.body).resource_logs[0]
    assert {each.key: each.value.string_value for each in exported.resource.attributes} == {
        "host.name": "web-1",
        "service.name": "shop",
    }
    (sent,) = exported.scope_logs[0].log_records
    assert (sent.severity_number, sent.severity_text, sent.flags) == (22, "AUDIT", 1)
    assert sent.event_name == "order.placed"
