"""OTLP by gRPC: what clients send is read, and answered in their words."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Iterable
from typing import Any

import pytest
import zstandard
from h2.connection import H2Connection
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from gelf_listener.codec import Batch, Receipt
from gelf_listener.errors import Reason, Rejected
from gelf_listener.inputs.otlp_grpc import OtlpGrpcInput, OtlpGrpcSettings
from gelf_listener.testing.contracts import RecordingIntake
from tests.unit.inputs.clients import send_stream
from tests.unit.inputs.grpc_client import EXPORT, Called, call, framed
from tests.unit.inputs.loki_requests import snap
from tests.unit.inputs.wire import WIRE, assert_read, clients

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"


def logs(*texts: str) -> bytes:
    export = ExportLogsServiceRequest()
    scope = export.resource_logs.add().scope_logs.add()
    for text in texts:
        scope.log_records.add().body.string_value = text
    return export.SerializeToString()


def calls(
    messages: Iterable[bytes], intake: RecordingIntake | None = None, **more: Any
) -> tuple[RecordingIntake, list[Called]]:
    intake = intake or RecordingIntake()
    options = more.pop("settings", {})

    async def main() -> list[Called]:
        made = OtlpGrpcInput(OtlpGrpcSettings(port=0, **options))
        await made.start(intake)
        try:
            return await call(made.listening[0], list(messages), **more)
        finally:
            await made.close()

    return intake, asyncio.run(main())


@pytest.mark.parametrize("client", clients("otlp-grpc"))
def test_reads_what_clients_send(client: str) -> None:
    """The message of their call."""
    intake, (called,) = calls([framed((WIRE / client / "request-1.bin").read_bytes())])
    assert (called.status, called.message) == (0, framed(b""))
    assert_read(client, intake.messages)


@pytest.mark.parametrize("size", [10_000_000, 1000, 7])
@pytest.mark.parametrize("client", clients("otlp-grpc"))
def test_reads_the_bytes_of_clients(client: str, size: int) -> None:
    """All that one wrote to its connection, however it is cut."""
    data = (WIRE / client / "tcp-stream-1.bin").read_bytes()
    batch = Batch()
    session = OtlpGrpcInput(OtlpGrpcSettings(port=0)).session()
    for at in range(0, len(data), size):
        session.feed(data[at : at + size], Receipt("in", None, 1_795_913_700.0, batch))
        while session.has_more:
            session.feed(b"", Receipt("in", None, 1_795_913_700.0, batch))
    assert batch.rejected == []
    assert_read(client, batch.messages)
    assert session.pending_bytes == 0


def test_takes_long_messages_in_steps() -> None:
    """Longer than any window, and one after another on a connection."""
    texts = [f"text {number} {'x' * 100}" for number in range(12_000)]
    intake, called = calls([framed(logs(*texts)), framed(logs("last"))])
    assert [each.status for each in called] == [0, 0]
    assert intake.texts == [*texts, "last"]


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        *(("gzip", gzip.compress), ("deflate", zlib.compress), ("snappy", snap)),
        ("zstd", zstandard.ZstdCompressor().compress),
    ],
)
def test_undoes_encodings(encoding: str, compress: Any) -> None:
    """Those that clients of gRPC have."""
    intake, (called,) = calls([framed(compress(logs("hello")), compressed=True)], grpc_encoding=encoding)
    assert (called.status, intake.texts) == (0, ["hello"])


def test_says_which_records_are_no_messages() -> None:
    """A partial success."""
    export = ExportLogsServiceRequest.FromString(logs("hello"))
    export.resource_logs[0].scope_logs[0].log_records.add(severity_number=9)
    intake, (called,) = calls([framed(export.SerializeToString())])
    partial = ExportLogsServiceResponse.FromString(called.message[5:]).partial_success
    assert (called.status, partial.rejected_log_records, intake.texts) == (0, 1, ["hello"])


def test_other_signals_and_health() -> None:
    """Are answered so that nobody tries again."""
    _, (called,) = calls([framed(b"\x0a\x06\x12\x04\x12\x02\x2a\x00")], path=TRACES)
    assert ExportTraceServiceResponse.FromString(called.message[5:]).partial_success.rejected_spans == 1
    assert calls([framed(b"")], path="/grpc.health.v1.Health/Check")[1][0].message == framed(b"\x08\x01")


@pytest.mark.parametrize(
    ("message", "more", "status", "reason"),
    [
        (framed(b"hello"), {}, 3, Reason.INVALID_PROTOBUF),
        (b"", {}, 3, Reason.FRAME_TRUNCATED),
        (b"\0\0\0\0\x09ab", {}, 3, Reason.FRAME_TRUNCATED),
        (framed(b"") * 2, {}, 3, Reason.FRAME_TRUNCATED),
        (framed(b"ab", compressed=True), {}, 3, Reason.UNKNOWN_COMPRESSION),
        (framed(b"ab", compressed=True), {"grpc_encoding": "gzip"}, 3, Reason.CORRUPT_COMPRESSION),
        (framed(zlib.compress(bytes(5000)), compressed=True), {"grpc_encoding": "gzip"}, 3, Reason.PAYLOAD_TOO_LARGE),
        (framed(bytes(5000)), {}, 3, Reason.PAYLOAD_TOO_LARGE),
        (framed(bytes(500_000)), {}, 3, Reason.PAYLOAD_TOO_LARGE),
        (framed(b""), {"grpc_encoding": "br"}, 12, None),
        (framed(b""), {"path": "/package.Service/Method"}, 12, None),
        (framed(b""), {"settings": {"token": "secret"}}, 16, None),
        (framed(b""), {"settings": {"token": "secret"}, "authorization": "Bearer wrong"}, 16, None),
        (framed(b""), {"settings": {"token": "secret"}, "authorization": "Bearer secret"}, 0, None),
    ],
)
def test_refuses_with_a_status(message: bytes, more: dict[str, Any], status: int, reason: Reason | None) -> None:
    """Which clients do not try again, and a rejection."""
    options = {"max_body_bytes": 4096, "max_payload_bytes": 4096, **more.pop("settings", {})}
    intake, (called,) = calls([message], settings=options, **more)
    assert called.status == status
    assert bool(called.detail) == (status != 0)
    assert [each.reason for each in intake.rejected] == [reason] * (reason is not None)


def test_other_media_types() -> None:
    """Are not gRPC."""
    assert calls([b""], content_type="application/json")[1][0].http_status == 415


def test_an_honest_call_after_a_refused_one() -> None:
    """On the same connection."""
    intake, called = calls(
        [framed(b"hello"), framed(bytes(5000)), framed(logs("hello"))], settings={"max_body_bytes": 4096}
    )
    assert [each.status for each in called] == [3, 3, 0]
    assert intake.texts == ["hello"]


@pytest.mark.parametrize(
    "data", [b"POST /v1/logs HTTP/1.1\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 20]
)
def test_refuses_what_is_not_http_2(data: bytes) -> None:
    """And says where it may belong."""
    intake = RecordingIntake()

    async def main() -> None:
        made = OtlpGrpcInput(OtlpGrpcSettings(port=0))
        await made.start(intake)
        await send_stream(made.listening[0], data)
        await made.close()

    asyncio.run(main())
    (rejected,) = intake.rejected
    assert rejected.reason is (Reason.UNEXPECTED_PROTOCOL if data.startswith(b"POST") else Reason.FRAME_TOO_LARGE)
    assert ("4318" in rejected.detail) == data.startswith(b"POST")


def frame(kind: int, size: int, flags: int = 0, stream: int = 1) -> bytes:
    return size.to_bytes(3) + bytes([kind, flags]) + stream.to_bytes(4) + bytes(size)


@pytest.mark.parametrize(
    ("frames", "refused"),
    [
        (frame(0, 128 * 1024 + 1)[:9], True),
        (frame(0x0B, 128 * 1024 + 1)[:9], True),
        (frame(0x0B, 128 * 1024), False),
        (frame(1, 16 * 1024 + 1)[:9], True),
        (frame(1, 8 * 1024) + frame(9, 8 * 1024 + 1)[:9], True),
        (frame(1, 8 * 1024) + frame(9, 8 * 1024), False),
    ],
)
def test_bounds_frames_before_they_have_come(frames: bytes, refused: bool) -> None:
    """Of data and of others, and the headers of a call together."""
    session = OtlpGrpcInput(OtlpGrpcSettings(port=0)).session()
    receipt = Receipt("in", None, 0.0, Batch())
    session.feed(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, stream=0), receipt)
    if refused:
        with pytest.raises(Rejected) as caught:
            session.feed(frames, receipt)
        assert caught.value.reason is Reason.FRAME_TOO_LARGE
    else:
        session.feed(frames, receipt)


def test_headers_that_are_not_utf_8_end_the_connection() -> None:
    """HTTP/2 carries bytes, and h2 decodes them."""
    client = H2Connection()
    client.initiate_connection()
    pseudo = [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", b"x"), (b":path", EXPORT.encode())]
    client.send_headers(1, [*pseudo, (b"x", b"gr\xf6\xdfe")])
    session = OtlpGrpcInput(OtlpGrpcSettings(port=0)).session()
    with pytest.raises(Rejected, match="not UTF-8") as caught:
        session.feed(client.data_to_send(), Receipt("in", None, 0.0, Batch()))
    assert caught.value.reason is Reason.UNEXPECTED_PROTOCOL


@settings(max_examples=200)
@given(st.data())
def test_changed_bytes_end_a_connection_or_are_read(data: st.DataObject) -> None:
    """Nothing else happens, and nothing is held beyond bounds."""
    stream = bytearray((WIRE / "otlp-grpc/java/tcp-stream-1.bin").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    session = OtlpGrpcInput(OtlpGrpcSettings(port=0)).session()
    receipt = Receipt("in", None, 1_795_913_700.0, Batch())
    try:
        session.feed(bytes(stream), receipt)
        while session.has_more:
            session.feed(b"", receipt)
    except Rejected:
        pass
    for message in receipt.batch.messages:
        message.to_gelf()


def test_the_path_of_logs() -> None:
    """As the specification has it."""
    assert EXPORT in OtlpGrpcInput(OtlpGrpcSettings(port=0))._methods
