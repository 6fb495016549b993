"""OTLP by HTTP: what clients send is read, and answered in the form it came in."""

from __future__ import annotations

import gzip
import json
import zlib
from functools import partial
from typing import Any

import pytest
import zstandard
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from gelf_listener.codec.protobuf import fields, write_field
from gelf_listener.testing.contracts import RecordingIntake
from tests.unit.inputs import http_clients
from tests.unit.inputs.http_clients import Answer
from tests.unit.inputs.loki_requests import snap
from tests.unit.inputs.wire import assert_read, clients, requests_of

PROTOBUF, JSON = "application/x-protobuf", "application/json"


exchange = partial(http_clients.exchange, "otlp+http")


def request(body: bytes, kind: str = PROTOBUF, path: str = "/v1/logs", **headers: str) -> bytes:
    return http_clients.request(body, kind, path, {name.replace("_", "-"): value for name, value in headers.items()})


def post(body: bytes | dict[str, Any], kind: str = PROTOBUF, **more: Any) -> tuple[RecordingIntake, Answer]:
    settings = more.pop("settings", {})
    if isinstance(body, dict):
        body, kind = json.dumps(body).encode(), JSON
    intake, answers = exchange([request(body, kind, **more)], **settings)
    return intake, answers[0]


def logs(count: int = 1, **record: Any) -> ExportLogsServiceRequest:
    export = ExportLogsServiceRequest()
    scope = export.resource_logs.add().scope_logs.add()
    for number in range(count):
        made = scope.log_records.add(**record)
        if "body" not in record:
            made.body.string_value = f"text {number}"
    return export


@pytest.mark.parametrize("client", clients("otlp-http-protobuf", "otlp-http-json"))
def test_reads_what_clients_send(client: str) -> None:
    """Requests as they came on the wire, head and all."""
    intake, answers = exchange(requests_of(client))
    assert [answer.status for answer in answers] == [200] * len(answers)
    assert answers[0].headers["content-type"] == (JSON if "json" in client else PROTOBUF)
    assert answers[0].body == (b"{}" if "json" in client else b"")
    assert intake.rejected == []
    assert_read(client, intake.messages)


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("zstd", zstandard.ZstdCompressor().compress),
        ("zlib", zlib.compress),
        ("snappy", snap),
    ],
)
def test_undoes_encodings(encoding: str, compress: Any) -> None:
    """SDKs know gzip; the collector the others besides."""
    intake, answer = post(compress(logs(3).SerializeToString()), Content_Encoding=encoding)
    assert (answer.status, intake.texts) == (200, ["text 0", "text 1", "text 2"])


def test_a_long_request_is_read_in_steps() -> None:
    """All of it, in order."""
    intake, answer = post(logs(3000).SerializeToString())
    assert (answer.status, intake.texts) == (200, [f"text {number}" for number in range(3000)])


@pytest.mark.parametrize("path", ["/v1/logs/", "/otlp/v1/logs", "/a/b/v1/logs?token=x"])
def test_paths_may_have_a_prefix(path: str) -> None:
    """As gateways have."""
    assert post(logs().SerializeToString(), path=path)[1].status == 200


@pytest.mark.parametrize("kind", ["", "application/protobuf", "application/x-protobuf; charset=utf-8"])
def test_takes_other_names_of_protobuf(kind: str) -> None:
    """Or none, by the first byte."""
    intake, answer = post(logs().SerializeToString(), kind)
    assert (answer.status, intake.texts) == (200, ["text 0"])


def test_an_empty_request_is_fine() -> None:
    """It exports nothing."""
    assert post(b"")[1].status == 200
    assert post({})[1].json == {}


def status_of(answer: Answer) -> dict[int, Any]:
    """Read a google.rpc.Status in protobuf."""
    return {number: answer.body[value:end] if end else value for number, _, value, end in fields(answer.body)}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"\x0a\xff\xff\xff\xff\x0f", "invalid_protobuf"),
        (b"\x0a\x05\x12\x03\x12\x05\x09", "invalid_protobuf"),
        (b"hello, world", "invalid_protobuf"),
        (b"\xff" * 40, "invalid_protobuf"),
        (b"\x0b\x0c", ""),
    ],
)
def test_refuses_what_is_not_protobuf(body: bytes, reason: str) -> None:
    """With a status in protobuf, which clients do not try again, and a rejection."""
    intake, answer = post(body)
    assert (answer.status, answer.headers["content-type"]) == (400, PROTOBUF)
    assert status_of(answer)[1] == 3
    assert status_of(answer)[2]
    assert [str(each.reason) for each in intake.rejected] == [reason or "invalid_protobuf"]
    assert intake.messages == []


@pytest.mark.parametrize(
    ("body", "reason"), [(b"{", "invalid_json"), (b"[]", "not_an_object"), (b"[" * 100_000, "too_complex")]
)
def test_refuses_what_is_not_json(body: bytes, reason: str) -> None:
    """With a status in JSON."""
    intake, answer = post(body, JSON)
    assert answer.status == (413 if reason == "too_complex" else 400)
    assert answer.json["code"] == 3
    assert answer.json["message"]
    assert [str(each.reason) for each in intake.rejected] == [reason]


def test_refuses_other_media_types_paths_and_methods() -> None:
    """Before the body is read."""
    assert post(b"x", "text/plain")[1].status == 415
    assert post(b"x", "application/grpc")[1].status == 415
    assert post(b"x", path="/v1/profiles")[1].status == 404
    assert post(b"x", path="/")[1].status == 404
    _, answers = exchange([b"GET /v1/logs HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"])
    assert answers[0].status == 405


def test_bounds_records_and_bytes() -> None:
    """One over each is refused, and an honest request afterwards is taken."""
    many = logs(0)
    many.resource_logs[0].scope_logs[0].log_records.extend(
        [type(logs().resource_logs[0].scope_logs[0].log_records[0])()] * 100_001
    )
    long = logs(1, body=AnyValue(string_value="x" * 5000))
    intake, answers = exchange(
        [
            request(many.SerializeToString()),
            request(gzip.compress(long.SerializeToString()), Content_Encoding="gzip"),
            request(logs().SerializeToString()),
        ],
        max_payload_bytes=4096,
    )
    assert [answer.status for answer in answers] == [413, 413, 200]
    assert [str(each.reason) for each in intake.rejected] == ["too_complex", "payload_too_large"]
    assert intake.texts == ["text 0"]


def test_bounds_maps_and_lists() -> None:
    """Values in one record, by their bytes; a long text is none of them."""
    items = AnyValue()
    items.array_value.values.extend([AnyValue(int_value=1)] * 70_000)
    export = logs(1, attributes=[KeyValue(key="items", value=items)])
    export.resource_logs[0].scope_logs[0].log_records.add(severity_number=9).body.string_value = "x" * 1_000_000
    intake, answer = post(export.SerializeToString())
    assert (answer.status, [len(text) for text in intake.texts]) == (200, [1_000_000])
    assert [str(each.reason) for each in intake.rejected] == ["too_complex"]


@pytest.mark.parametrize("data", [b"\x10\x00", b"\x0a\x00", b"\x0a\x02\x12\x00", b"\x0a\x02\x0a\x00"])
def test_bounds_what_says_nothing(data: bytes) -> None:
    """Fields that mean nothing, and resources and scopes without records, cost little."""
    intake, answer = post(data * (2_000_000 // len(data)))
    assert (answer.status, [str(each.reason) for each in intake.rejected]) == (413, ["too_complex"])


@pytest.mark.parametrize("is_scope", [False, True])
def test_bounds_resources_and_scopes(is_scope: bool) -> None:
    """Whose attributes are read at once."""
    export = logs(1)
    place = export.resource_logs[0].scope_logs[0].scope if is_scope else export.resource_logs[0].resource
    place.attributes.add(key="a").value.string_value = "x" * 256 * 1024
    document = {"attributes": [{"key": "a", "value": {"stringValue": "x" * 256 * 1024}}]}
    name = "scope" if is_scope else "resource"
    inner = {"logRecords": [{"body": {"stringValue": "a"}}], **({name: document} if is_scope else {})}
    outer = {"scopeLogs": [inner], **({} if is_scope else {name: document})}
    for body in (export.SerializeToString(), {"resourceLogs": [outer]}):
        intake, answer = post(body)
        assert (answer.status, [str(each.reason) for each in intake.rejected]) == (413, ["too_complex"])


def test_bounds_depth() -> None:
    """Values within values, in both forms; the records beside them are taken in JSON."""
    nested = write_field(1, b"x")
    for _ in range(80):
        nested = write_field(5, write_field(1, nested))
    records = write_field(2, write_field(5, nested)) + write_field(2, write_field(5, write_field(1, b"beside")))
    intake, answer = post(write_field(1, write_field(2, records)))
    assert (answer.status, intake.texts) == (200, ["beside"])
    assert ExportLogsServiceResponse.FromString(answer.body).partial_success.rejected_log_records == 1
    assert [str(each.reason) for each in intake.rejected] == ["too_complex"]
    deep: Any = {"stringValue": "x"}
    for _ in range(80):
        deep = {"arrayValue": {"values": [deep]}}
    intake, answer = post(json_logs({"body": deep}, {"body": {"stringValue": "beside"}}))
    assert (answer.status, intake.texts) == (200, ["beside"])
    assert answer.json["partialSuccess"]["rejectedLogRecords"] == "1"


def json_logs(*records: Any) -> dict[str, Any]:
    return {"resourceLogs": [{"scopeLogs": [{"logRecords": list(records)}]}]}


def test_says_which_records_are_no_messages() -> None:
    """A partial success, with how many and why; the others are taken."""
    export = logs(1)
    export.resource_logs[0].scope_logs[0].log_records.add(severity_number=9)
    intake, answer = post(export.SerializeToString())
    partial = ExportLogsServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_log_records, intake.texts) == (200, 1, ["text 0"])
    assert "without body" in partial.error_message
    assert [str(each.reason) for each in intake.rejected] == ["no_message"]

    intake, answer = post(json_logs({"body": {"stringValue": "a"}}, {}, "b"))
    assert (intake.texts, answer.json["partialSuccess"]["rejectedLogRecords"]) == (["a"], "2")


def test_asks_for_a_token() -> None:
    """As a header of the exporter (OTEL_EXPORTER_OTLP_HEADERS)."""
    body = logs().SerializeToString()
    intake, answers = exchange([request(body), request(body, Authorization="Bearer secret")], token="secret")
    assert [answer.status for answer in answers] == [401, 200]
    assert status_of(answers[0])[1] == 16
    assert intake.texts == ["text 0"]


def test_asks_to_try_again() -> None:
    """When the buffers are full, or messages could not be made safe."""
    intake = RecordingIntake()
    intake.full = True
    _, answers = exchange([request(logs().SerializeToString()), request(b"{}", JSON)], intake)
    assert [answer.status for answer in answers] == [503, 503]
    assert answers[0].headers["retry-after"]
    assert status_of(answers[0])[1] == 14
    assert answers[1].json["code"] == 14


def spans(count: int = 2) -> ExportTraceServiceRequest:
    export = ExportTraceServiceRequest()
    resource = export.resource_spans.add()
    resource.resource.attributes.append(KeyValue(key="host.name", value=AnyValue(string_value="web-1")))
    scope = resource.scope_spans.add()
    scope.scope.name = "shop"
    for number in range(count):
        span = scope.spans.add(trace_id=bytes(range(16)), span_id=bytes(range(8)), name=f"GET /{number}")
        event = span.events.add(name="exception", time_unix_nano=1_795_913_692_953_713_408)
        for name, text in (
            ("type", "CardError"),
            ("message", "declined"),
            ("stacktrace", "Traceback:\n  File\nCardError"),
        ):
            event.attributes.append(KeyValue(key=f"exception.{name}", value=AnyValue(string_value=text)))
        span.events.add(name="retried", time_unix_nano=1_795_913_692_953_713_408)
    return export


def test_answers_traces_and_metrics_so_that_nobody_tries_again() -> None:
    """A success that says how many are not kept."""
    intake, answer = post(spans().SerializeToString(), path="/v1/traces")
    partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_spans) == (200, 2)
    assert "spans=events" in partial.error_message
    metrics = ExportMetricsServiceRequest()
    scope = metrics.resource_metrics.add().scope_metrics.add()
    scope.metrics.add(name="a").gauge.data_points.add(as_int=1)
    scope.metrics.add(name="b").sum.data_points.extend([scope.metrics[0].gauge.data_points[0]] * 2)
    _, answer = post(metrics.SerializeToString(), path="/v1/metrics")
    points = ExportMetricsServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, points.rejected_data_points) == (200, 3)
    document: dict[str, Any] = {
        "resourceMetrics": [{"scopeMetrics": [{"metrics": [{"gauge": {"dataPoints": [{}, {}]}}]}]}]
    }
    assert post(document, path="/v1/metrics")[1].json["partialSuccess"]["rejectedDataPoints"] == "2"
    assert post({"resourceSpans": []}, path="/v1/traces")[1].json == {}
    assert intake.messages == intake.rejected == []


def test_takes_events_of_spans_on_request() -> None:
    """In both forms; an exception is an error with its trace."""
    export = spans(1)
    span = {
        "traceId": bytes(range(16)).hex(),
        "spanId": bytes(range(8)).hex(),
        "name": "GET /0",
        "events": [
            {
                "name": event.name,
                "timeUnixNano": str(event.time_unix_nano),
                "attributes": [
                    {"key": a.key, "value": {"stringValue": a.value.string_value}} for a in event.attributes
                ],
            }
            for event in export.resource_spans[0].scope_spans[0].spans[0].events
        ],
    }
    resource = {"attributes": [{"key": "host.name", "value": {"stringValue": "web-1"}}]}
    document = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "shop"}, "spans": [span]}]}]}
    for body in (export.SerializeToString(), document):
        intake, answer = post(body, path="/v1/traces", settings={"spans": "events"})
        assert answer.status == 200
        error, event = intake.messages
        assert (error.short_message, error.level, error.host) == ("CardError: declined", 3, "web-1")
        assert error.full_message == "Traceback:\n  File\nCardError"
        assert error.timestamp == pytest.approx(1_795_913_692.953713)
        assert (event.short_message, event.level) == ("retried", 6)
        assert event.fields == {
            "span_name": "GET /0",
            "trace_id": bytes(range(16)).hex(),
            "span_id": bytes(range(8)).hex(),
            "event_name": "retried",
            "logger": "shop",
        }


@pytest.mark.parametrize("scheme", ["otlp+http", "loki+http", "elasticsearch+http", "splunk+hec"])
def test_pages_may_send_with_any_header(scheme: str) -> None:
    """Exporters in browsers are told what to send besides, such as a key or a trace."""
    ask = b"OPTIONS /v1/logs HTTP/1.1\r\nHost: x\r\nOrigin: http://a\r\nAccess-Control-Request-Headers: x-key\r\n\r\n"
    _, (answer,) = http_clients.exchange(scheme, [ask])
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (200, "http://a")
    assert answer.headers["access-control-allow-headers"] == "Authorization, *"
