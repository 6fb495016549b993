"""
GELF over TCP and TLS: frames that end with a NUL, or however the client ends them.

A connection whose first bytes are an HTTP request is handed to the HTTP protocol, so `POST /gelf` works on the
same port. Nothing is ever written to a GELF connection: gelf-rb reads what comes, others never do.
"""

from __future__ import annotations

import asyncio
import socket
import time
from itertools import repeat
from typing import Any, ClassVar, cast

from pydantic import Field

from gelf_listener.codec import Batch, Receipt
from gelf_listener.codec.framing.gelf_frames import Framer
from gelf_listener.codec.pickles import PICKLE_ADVICE
from gelf_listener.errors import Reason, Rejected
from gelf_listener.inputs import Intake
from gelf_listener.inputs.http import HttpConnection, HttpSettings
from gelf_listener.inputs.server_connections import Connections
from gelf_listener.inputs.sockets import peer_of
from gelf_listener.inputs.stream import StreamInput, StreamSettings
from gelf_listener.inputs.tls import TlsSettings
from gelf_listener.message import Peer

__all__ = ["TcpConnection", "TcpInput", "TcpSettings", "TlsInput", "TlsInputSettings"]

_METHODS = (b"POST ", b"GET ", b"PUT ", b"HEAD ", b"OPTIONS ", b"DELETE ", b"PATCH ")
_LONG_READ_SECONDS = 0.02
"""A read that takes longer (an honest one: 2 ms) makes its connection rest as long, so that others are read."""

_LONGEST_METHOD = max(map(len, _METHODS))
_PICKLE_STARTS = (0x7D, 0x80)
"""First byte of a pickled dict: protocol 1 (`SocketHandler`) and later ones."""


class TcpSettings(StreamSettings):
    """Settings of `gelf+tcp://`."""

    port: int = Field(12201, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    max_frame_bytes: int = Field(2 * 1024 * 1024, ge=1024, description="Longest frame; a longer one is skipped.")
    idle_timeout_seconds: float = Field(
        0.0, ge=0, description="Close a connection without a complete message for so long; 0: never, as Graylog."
    )
    http: bool = Field(True, description="Take HTTP requests (POST /gelf) on the same port.")
    keepalive: bool = Field(True, description="TCP keep-alive, so that dead peers are noticed.")


class TlsInputSettings(TcpSettings, TlsSettings):
    """Settings of `gelf+tls://`."""

    port: int = Field(12204, ge=0, le=65535, description="Port to bind; 0 picks a free one.")


class TcpConnection(asyncio.Protocol):
    """
    One connection: frames in, nothing out.

    Args:
        connections: The collection it belongs to.
        intake: Takes what was sent.
        decoder: Decodes frames.
        settings: Of the input.
        http: Settings for a connection that speaks HTTP; None turns that off.
    """

    def __init__(
        self,
        connections: Connections,
        intake: Intake,
        decoder: Any,
        settings: Any,
        http: HttpSettings | None = None,
    ) -> None:
        self.peer: Peer | None = None
        self.active_at = 0.0
        self._connections = connections
        self._intake = intake
        self._decoder = decoder
        self._settings = settings
        self._http = http
        self._framer = self._make_framer()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._first: bytes | None = b""
        """The connection's first bytes until its protocol is known, then None."""
        self._pending = 0
        """Bytes of the unfinished frame, as the collection knows them."""
        self._closing = False
        self._paused = False

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start reading."""
        self._transport = cast("asyncio.Transport", transport)
        self.peer = peer_of(transport.get_extra_info("peername"))
        self.active_at = self._loop.time()
        sock = transport.get_extra_info("socket")
        if sock is not None and self._settings.keepalive:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        self._connections.opened(self)

    def data_received(self, data: bytes) -> None:
        """Cut frames, decode them, hand them on."""
        if self._closing:
            return
        if self._first is not None:
            self._first += data
            if not self._recognise(self._first):
                return
            data, self._first = self._first, None
        began = time.perf_counter()
        receipt = self._receipt()
        self._hand_over(self._cut(data, receipt), receipt)
        if self._framer.pending_bytes != self._pending:
            self._pending = self._framer.pending_bytes
            self._connections.pend(self, self._pending)
        spent = time.perf_counter() - began
        if self._intake.crowded and not self._paused:
            self._pause()
            self._connections.wait_for_room(self)
        elif spent > _LONG_READ_SECONDS and not self._paused:
            self._pause()
            self._loop.call_later(spent, self.resume)

    def eof_received(self) -> bool:
        """Take the last frame, which many clients do not end; the transport then closes itself."""
        self._flush()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Take what is complete and forget the connection."""
        self._flush()
        self._closing = True
        self._connections.closed(self)

    # What the collection asks

    def abort(self) -> None:
        """Close at once; what is complete was handed over before."""
        self._flush()
        self._closing = True
        self._transport.abort()

    def finish(self) -> None:
        """Take the last frame and close."""
        self._flush()
        self._closing = True
        self._transport.close()

    def resume(self) -> None:
        """Go on reading."""
        if self._paused and not self._closing:
            self._paused = False
            self.active_at = self._loop.time()  # we kept it waiting, it did not keep us
            self._transport.resume_reading()

    def expired(self, now: float) -> bool:
        """Whether the connection has been without a complete message for too long."""
        limit = self._settings.idle_timeout_seconds
        return bool(limit) and not self._paused and now - self.active_at > limit

    def _pause(self) -> None:
        self._paused = True
        self._transport.pause_reading()

    # Frames

    def _recognise(self, first: bytes) -> bool:
        """Tell GELF from other protocols by the first bytes; False when GELF cannot go on (yet)."""
        if self._http is not None and first[:1].isupper() and first[:1].isalpha():
            if first.startswith(_METHODS):
                self._become_http(first)
                return False
            if len(first) < _LONGEST_METHOD and any(method.startswith(first) for method in _METHODS):
                return False
        if first[:1] == b"\x16" and first[1:2] in (b"", b"\x03"):
            if len(first) > 1:
                self._refuse("a TLS handshake on a port without TLS: use the TLS port, or turn TLS off", first)
            return False
        if first[:1] == b"\0" and len(first) < 5:
            return False
        if first[:1] == b"\0" and len(first) >= 5 and first[4] in _PICKLE_STARTS and first[1] == 0:
            self._refuse(PICKLE_ADVICE, first)
            return False
        return True

    def _make_framer(self) -> Any:
        return Framer(self._settings.max_frame_bytes, self._settings.max_payload_bytes)

    def _cut(self, data: bytes, receipt: Receipt) -> list[bytes]:
        """Cut frames, within the room this sender has for compressed ones."""
        self._framer.max_payload_bytes = self._decoder.room(receipt.time, self.peer)
        frames: list[bytes] = self._framer.feed(data, receipt)
        for rejected in receipt.batch.rejected:
            if rejected.reason is Reason.PAYLOAD_TOO_LARGE:
                self._decoder.strike(self.peer)
        self._decoder.judge(len(data), sum(map(len, frames)), self.peer)
        return frames

    def _become_http(self, first: bytes) -> None:
        assert self._http is not None  # noqa: S101
        self._connections.closed(self)
        self._closing = True
        self._first = None
        protocol = HttpConnection(self._connections, self._intake, self._decoder, self._http)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(first)

    def _refuse(self, detail: str, data: bytes) -> None:
        self._intake.reject(
            Rejected(Reason.UNEXPECTED_PROTOCOL, detail, data, peer=self.peer, input=self._decoder.input)
        )
        self._first = None
        self._closing = True
        self._transport.abort()

    def _flush(self) -> None:
        if self._closing:
            return
        receipt = self._receipt()
        frames: list[bytes] = []
        if self._first:
            frames = self._framer.feed(self._first, receipt)
            self._first = None
        frames += self._framer.feed_eof(receipt)
        self._hand_over(frames, receipt)

    def _receipt(self) -> Receipt:
        return Receipt(self._decoder.input, self.peer, time.time(), Batch())

    def _hand_over(self, frames: list[bytes], receipt: Receipt) -> None:
        if frames:
            self.active_at = self._loop.time()
            self._connections.moved(self)
            self._decoder.decode_all(zip(frames, repeat(self.peer)), receipt.time, receipt.batch)
        receipt.batch.hand_over(self._intake)


class TcpInput(StreamInput):
    """
    Takes GELF frames by TCP.

    Guarantee: at most once; GELF over TCP has no acknowledgement, so what a peer sent and we had not read when
    either side ended is lost. Back-pressure: while a buffer that blocks is full, connections are not read.
    """

    Settings: ClassVar[type[TcpSettings]] = TcpSettings
    scheme: ClassVar[str] = "gelf+tcp"

    def __init__(self, settings: TcpSettings) -> None:
        super().__init__(settings)
        same = {"mode": settings.mode, "max_payload_bytes": settings.max_payload_bytes}
        self._http = HttpSettings.from_values(same, self.name) if settings.http else None

    def protocol(self, connections: Connections, intake: Intake) -> TcpConnection:
        """Make the protocol of a new connection."""
        return TcpConnection(connections, intake, self._decoder, self.settings, self._http)


class TlsInput(TcpInput):
    """Takes GELF frames by TLS; see `TcpInput`."""

    Settings: ClassVar[type[TlsInputSettings]] = TlsInputSettings
    scheme: ClassVar[str] = "gelf+tls"
