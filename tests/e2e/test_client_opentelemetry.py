"""OpenTelemetry's SDKs, unmodified: Python's, Node's and Go's exporters by HTTP and by gRPC."""

from __future__ import annotations

import logging
import socket
import subprocess
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from tests.e2e.conftest import Certificates, Start
from tests.e2e.expect import LARGE, TEXT, Now
from tests.e2e.listener import free_port, until
from tests.e2e.test_client_graypy import logging_to
from tests.e2e.toolchains import GO_SECONDS, NODE_SECONDS, go_client, node_client, run_job

COLLECTOR_SECONDS = 600
"""Time to build the collector."""

RESOURCE = Resource.create({"service.name": "shop", "service.version": "1.2.3", "host.name": "web-1"})


@contextmanager
def exporting(exporter: LogRecordExporter) -> Iterator[logging.Logger]:
    """A logger whose records go through the SDK; all are exported at the end."""
    provider = LoggerProvider(RESOURCE)
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", DeprecationWarning
        )  # the handler moved to opentelemetry-instrumentation-logging
        handler = LoggingHandler(logger_provider=provider)
    with logging_to(handler) as logger:
        yield logger
        provider.shutdown()


def log_samples(logger: logging.Logger) -> str:
    """One message with everything, one with a traceback, one that is large; returns the trace's id."""
    with TracerProvider().get_tracer("shop").start_as_current_span("checkout") as span:
        extra = {"order": "A-17", "count": 42, "ratio": 0.5, "flag": True, "items": ["tea", "mug"]}
        logger.warning("%s", TEXT, extra=extra)
        try:
            raise ValueError("no stock")
        except ValueError:
            logger.exception("order failed")
    logger.debug(LARGE)
    return trace.format_trace_id(span.get_span_context().trace_id)


def check_samples(messages: list[dict[str, Any]], now: Now, trace_id: str) -> None:
    """All three arrived whole."""
    first, failed, large = messages
    for message in messages:
        assert now.holds(message)
        assert (message["host"], message["_service.name"], message["_logger"]) == ("web-1", "shop", "shop.orders")
    assert [message["level"] for message in messages] == [4, 3, 7]
    assert first["short_message"] == TEXT
    found = {name: first[f"_{name}"] for name in ("order", "count", "ratio", "flag", "items", "trace_id")}
    assert found == {
        "order": "A-17",
        "count": 42,
        "ratio": 0.5,
        "flag": True,
        "items": '["tea","mug"]',
        "trace_id": trace_id,
    }
    assert first["_trace_flags"] & 1
    assert (failed["short_message"], failed["_exception.type"]) == ("order failed", "ValueError")
    assert failed["full_message"].startswith("Traceback (most recent call last):")
    assert failed["full_message"].endswith("ValueError: no stock")
    assert (large["short_message"], "_trace_id" in large) == (LARGE, False)


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip, Compression.Deflate])
def test_python_http(start: Start, compression: Compression) -> None:
    """Protobuf by HTTP, in every compression there is."""
    listener = start("otlp+http://127.0.0.1:0?token=secret")
    now = Now()
    headers = {"authorization": "Bearer secret"}
    url = f"http://127.0.0.1:{listener.port('otlp+http')}/v1/logs"
    with exporting(HttpExporter(url, headers=headers, compression=compression)) as logger:
        trace_id = log_samples(logger)
    check_samples(listener.messages(3), now, trace_id)
    assert listener.rejected() == 0


def test_python_https(start: Start, certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same, encrypted."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)  # requests prefers them to what its session was told
    listener = start(f"otlp+https://127.0.0.1:0?cert={certificates.server}")
    now = Now()
    url = f"https://localhost:{listener.port('otlp+https')}/v1/logs"
    with exporting(HttpExporter(url, certificate_file=str(certificates.ca))) as logger:
        trace_id = log_samples(logger)
    check_samples(listener.messages(3), now, trace_id)


@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_python_grpc(start: Start, compression: str) -> None:
    """By gRPC."""
    from grpc import Compression as GrpcCompression

    listener = start("otlp+grpc://127.0.0.1:0?token=secret")
    now = Now()
    chosen = GrpcCompression.Gzip if compression == "gzip" else GrpcCompression.NoCompression
    endpoint = f"127.0.0.1:{listener.port('otlp+grpc')}"
    headers = (("authorization", "Bearer secret"),)
    with exporting(GrpcExporter(endpoint, insecure=True, headers=headers, compression=chosen)) as logger:
        trace_id = log_samples(logger)
    check_samples(listener.messages(3), now, trace_id)
    assert listener.rejected() == 0


def test_python_grpcs(start: Start, certificates: Certificates) -> None:
    """By gRPC, encrypted: its clients insist on HTTP/2 being agreed on."""
    from grpc import ssl_channel_credentials

    listener = start(f"otlp+grpcs://127.0.0.1:0?cert={certificates.server}")
    now = Now()
    credentials = ssl_channel_credentials(certificates.ca.read_bytes())
    with exporting(GrpcExporter(f"localhost:{listener.port('otlp+grpcs')}", credentials=credentials)) as logger:
        trace_id = log_samples(logger)
    check_samples(listener.messages(3), now, trace_id)


def test_python_traces(start: Start) -> None:
    """Events of spans, on request."""
    listener = start("otlp+http://127.0.0.1:0?spans=events")
    provider = TracerProvider(resource=RESOURCE)
    url = f"http://127.0.0.1:{listener.port('otlp+http')}/v1/traces"
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(url)))
    with provider.get_tracer("shop").start_as_current_span("checkout") as span:
        span.add_event("retried", {"attempt": 2})
        span.record_exception(ValueError("no stock"))
    provider.shutdown()
    event, failed = listener.messages(2)
    assert (event["short_message"], event["_attempt"], event["_span_name"]) == ("retried", 2, "checkout")
    assert (failed["short_message"], failed["level"], failed["host"]) == ("ValueError: no stock", 3, "web-1")


def check_other(messages: list[dict[str, Any]], now: Now) -> None:
    """What the clients of other languages send."""
    first, failed, large = messages
    assert now.holds(first)
    assert (first["host"], first["_service.name"], first["_logger"]) == ("web-1", "shop", "shop.orders")
    assert (first["short_message"], first["level"]) == (TEXT, 4)
    expected: Mapping[str, Any] = {"order": "A-17", "count": 42, "ratio": 0.5, "flag": True, "deep.er": "x"}
    assert {name: first[f"_{name}"] for name in expected} == expected
    assert (failed["short_message"], failed["level"]) == ("order failed", 3)
    assert failed["_exception.message"] == "no stock"
    assert (large["short_message"], large["level"]) == (LARGE, 7)


@pytest.mark.external
@pytest.mark.timeout(NODE_SECONDS + 60)
@pytest.mark.parametrize("form", ["json", "proto", "grpc"])
def test_node(start: Start, form: str) -> None:
    """All three exporters."""
    scheme = "otlp+grpc" if form == "grpc" else "otlp+http"
    listener = start(f"{scheme}://127.0.0.1:0")
    now = Now()
    job = {"client": "otlp", "form": form, "port": listener.port(scheme), "text": TEXT, "large": LARGE}
    command = node_client()
    run_job(command[:2], {**job, "modules": command[2]})
    messages = listener.messages(3)
    check_other(messages, now)
    assert messages[1]["full_message"].startswith("Error: no stock\n    at ")
    assert listener.rejected() == 0


@pytest.mark.external
@pytest.mark.timeout(GO_SECONDS + 60)
@pytest.mark.parametrize("form", ["http", "http-gzip", "grpc"])
def test_go(start: Start, form: str) -> None:
    """Both exporters, without texts for severities."""
    scheme = "otlp+grpc" if form == "grpc" else "otlp+http"
    listener = start(f"{scheme}://127.0.0.1:0")
    now = Now()
    run_job(go_client("otlp"), {"form": form, "port": listener.port(scheme), "text": TEXT, "large": LARGE})
    check_other(listener.messages(3), now)
    assert listener.rejected() == 0


COLLECTOR = """
receivers:
  otlp:
    protocols:
      http: {{endpoint: "127.0.0.1:{port}"}}
exporters:
  otlp_http: {{endpoint: "http://127.0.0.1:{http}", encoding: {encoding}, compression: {compression}}}
  otlp_grpc: {{endpoint: "127.0.0.1:{grpc}", tls: {{insecure: true}}, compression: {compression}}}
service:
  telemetry: {{metrics: {{level: none}}, logs: {{level: warn}}}}
  pipelines:
    logs: {{receivers: [otlp], exporters: [{exporter}]}}
"""


@pytest.mark.external
@pytest.mark.timeout(COLLECTOR_SECONDS + 60)
@pytest.mark.parametrize(
    ("exporter", "encoding", "compression"),
    [
        ("otlp_http", "proto", "gzip"),
        ("otlp_http", "proto", "zstd"),
        ("otlp_http", "proto", "deflate"),
        ("otlp_http", "json", "none"),
        ("otlp_grpc", "proto", "gzip"),
        ("otlp_grpc", "proto", "none"),
    ],
)
def test_collector(start: Start, tmp_path: Path, exporter: str, encoding: str, compression: str) -> None:
    """OpenTelemetry's collector between a service and us, with both of its exporters."""
    command = go_client("collector", COLLECTOR_SECONDS)
    listener = start("otlp+http://127.0.0.1:0", "otlp+grpc://127.0.0.1:0")
    port, config = free_port(), tmp_path / "collector.yaml"
    ports = {"port": port, "http": listener.port("otlp+http"), "grpc": listener.port("otlp+grpc")}
    config.write_text(COLLECTOR.format(**ports, exporter=exporter, encoding=encoding, compression=compression))
    now = Now()
    with (tmp_path / "log").open("wb") as log, subprocess.Popen([*command, str(config)], stderr=log) as collector:
        try:
            until(lambda: _listens(port) or collector.poll() is not None, 20, "the collector")
            assert collector.poll() is None, (tmp_path / "log").read_text()[-1000:]
            with exporting(HttpExporter(f"http://127.0.0.1:{port}/v1/logs")) as logger:
                trace_id = log_samples(logger)
            check_samples(listener.messages(3), now, trace_id)
        finally:
            collector.terminate()
    assert listener.rejected() == 0


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
