"""A client of gRPC of the plainest kind."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import ConnectionTerminated, DataReceived, ResponseReceived, StreamEnded, StreamReset, TrailersReceived

__all__ = ["EXPORT", "Called", "call", "framed"]

EXPORT = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"


class Called(NamedTuple):
    """What a call came to."""

    status: int
    detail: str
    message: bytes
    http_status: int = 200


def framed(message: bytes, *, compressed: bool = False) -> bytes:
    """Write the prefix of a message."""
    return bytes([compressed]) + len(message).to_bytes(4) + message


async def call(
    listening: str,
    messages: Sequence[bytes],
    context: ssl.SSLContext | None = None,
    *,
    path: str = EXPORT,
    content_type: str = "application/grpc",
    **headers: str,
) -> list[Called]:
    """Make calls one by one on a connection of their own; each message has its prefix."""
    split = urlsplit(listening)
    name = "localhost" if context is not None else None
    reader, writer = await asyncio.open_connection(split.hostname, split.port, ssl=context, server_hostname=name)
    http = H2Connection(H2Configuration(header_encoding="utf-8"))
    http.initiate_connection()
    http.increment_flow_control_window(1 << 20)
    named = [(key.replace("_", "-"), value) for key, value in headers.items()]
    called = []
    try:
        for message in messages:
            stream = http.get_next_available_stream_id()
            pseudo = [(":method", "POST"), (":scheme", "http"), (":path", path), (":authority", "x")]
            http.send_headers(stream, [*pseudo, ("content-type", content_type), ("te", "trailers"), *named])
            called.append(await _finish(http, stream, message, reader, writer))
    finally:
        writer.close()
    return called


async def _finish(
    http: H2Connection, stream: int, message: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> Called:
    found: dict[str, str] = {}
    answer, ended, sent_all = b"", False, False
    while not ended:
        while not sent_all:
            size = min(http.local_flow_control_window(stream), http.max_outbound_frame_size, len(message))
            if message and not size:
                break
            http.send_data(stream, message[:size], end_stream=size == len(message))
            message, sent_all = message[size:], size == len(message)
        writer.write(http.data_to_send())
        await writer.drain()
        data = await reader.read(65_536)
        if not data:
            raise ConnectionError("closed without an answer")
        for event in http.receive_data(data):
            if isinstance(event, (ResponseReceived, TrailersReceived)):
                found |= {str(key): str(value) for key, value in event.headers or ()}
            elif isinstance(event, DataReceived):
                answer += event.data or b""
            elif isinstance(event, (StreamEnded, StreamReset, ConnectionTerminated)):
                ended = True
    detail = unquote(found.get("grpc-message", ""))
    return Called(int(found.get("grpc-status", "-1")), detail, answer, int(found.get(":status", "0")))
