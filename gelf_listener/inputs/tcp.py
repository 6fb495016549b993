"""
GELF over TCP and TLS: frames that end with a NUL, or however the client ends them.

A connection whose first bytes are an HTTP request is handed to the HTTP protocol, so `POST /gelf` works on the
same port. Nothing is ever written to a GELF connection: gelf-rb reads what comes, others never do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain
from typing import Any, ClassVar

from pydantic import Field

from gelf_listener.codec import Batch, FramedSession, GelfDecoder, Receipt
from gelf_listener.codec.framing.gelf_frames import GelfFramer
from gelf_listener.codec.framing.graylog_frames import GraylogFramer
from gelf_listener.codec.text.bodies import foreign_frame, foreign_record
from gelf_listener.errors import Reason
from gelf_listener.inputs.container_intake import ReadsContainers
from gelf_listener.inputs.gelf import GelfInputSettings, expire_chunks
from gelf_listener.inputs.http import GelfResponder, HttpSettings
from gelf_listener.inputs.http_server.protocol import HttpProtocol
from gelf_listener.inputs.listening import SessionSettings
from gelf_listener.inputs.server_connections import Connections
from gelf_listener.inputs.stream import SessionInput
from gelf_listener.inputs.stream_connection import TextConnection
from gelf_listener.inputs.tls import TlsSettings
from gelf_listener.intake import Intake
from gelf_listener.settings import Size

_LONG_FRAME_BYTES = 16 * 1024
"""Longer frames are decoded some messages at a time: they may hold very many."""
_METHODS = (b"POST ", b"GET ", b"PUT ", b"HEAD ", b"OPTIONS ", b"DELETE ", b"PATCH ")
_LONGEST_METHOD = max(map(len, _METHODS))


class TcpSettings(GelfInputSettings, SessionSettings):
    """Settings of `gelf+tcp://`."""

    port: int = Field(12201, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    max_frame_bytes: Size = Field(2 * 1024 * 1024, ge=1024, description="Longest frame; a longer one is skipped.")
    http: bool = Field(True, description="Take HTTP requests (POST /gelf) on the same port; not with mode=graylog.")


class TlsInputSettings(TcpSettings, TlsSettings):
    """Settings of `gelf+tls://`."""

    port: int = Field(12204, ge=0, le=65535, description="Port to bind; 0 picks a free one.")


class GelfSession(FramedSession):
    """
    Frames of GELF.

    Args:
        framer: Cuts this connection's stream.
        decoder: Reads the frames.
    """

    framer: GelfFramer
    decoder: GelfDecoder

    def __init__(self, framer: GelfFramer, decoder: GelfDecoder) -> None:
        super().__init__(framer, decoder)
        self._inflater = decoder.inflater
        self._made = Batch()
        """What `_steps` has made and nobody has yet."""
        self._steps: Iterator[None] | None = None
        """Decodes frames, one of which may hold a second's worth of messages."""

    def feed(self, data: bytes, receipt: Receipt) -> bytes:
        """Cut and decode frames, within the room this sender has for compressed ones; or go on decoding."""
        if self._steps is not None:
            self._go_on(receipt)
        if data:
            self._cut(data, receipt)
        return b""

    def feed_eof(self, receipt: Receipt) -> bytes:
        """Decode what is left."""
        while self._steps is not None:
            self._go_on(receipt)
        super().feed_eof(receipt)
        while self._steps is not None:
            self._go_on(receipt)
        return b""

    def _cut(self, data: bytes, receipt: Receipt) -> None:
        self.framer.max_payload_bytes = self._inflater.room(receipt)
        frames = self.framer.feed(data, receipt)
        for rejected in receipt.batch.rejected:
            if rejected.reason is Reason.PAYLOAD_TOO_LARGE:
                self._inflater.strike(receipt)
        self._inflater.judge(len(data), sum(map(len, frames)), receipt)
        self.decode(frames, receipt)

    def decode(self, frames: Sequence[bytes], receipt: Receipt) -> None:
        """Decode frames; from a long one on, some messages at a time."""
        if not frames or max(map(len, frames)) <= _LONG_FRAME_BYTES:
            super().decode(frames, receipt)
            return
        more = self.decoder.decode_in_steps(frames, receipt.time, receipt.peer, self._made)
        self._steps = more if self._steps is None else chain(self._steps, more)
        self._go_on(receipt)

    def _go_on(self, receipt: Receipt) -> None:
        """Do one step."""
        if self._steps is not None and next(self._steps, self) is self:  # it has ended
            self._steps = None
        self.has_more = self._steps is not None
        self._made.move_to(receipt.batch)


class GraylogSession(FramedSession):
    """
    Frames of GELF as a Graylog cuts them.

    Args:
        framer: Cuts this connection's stream.
        decoder: Reads the frames.
    """

    framer: GraylogFramer

    def feed(self, data: bytes, receipt: Receipt) -> bytes:
        """Cut and decode frames, and end the connection where Graylog does."""
        super().feed(data, receipt)
        self.ended, self.resets = self.framer.ended, self.framer.unread
        return b""


class TcpConnection(TextConnection):
    """
    One connection: frames in, nothing out.

    Args:
        http: Makes the protocol for a connection that turns out to speak HTTP; None turns that off.
        given: What every `StreamConnection` is given.
    """

    def __init__(self, http: Callable[[], asyncio.Protocol] | None, *given: Any) -> None:
        super().__init__(*given)
        self._http = http

    def recognise(self, first: bytes) -> bool:
        """Tell GELF from other protocols; see `TextConnection.recognise`."""
        if self._http is not None and first[:1].isupper() and first[:1].isalpha():
            if first.startswith(_METHODS):
                self._become(self._http(), first)
                return False
            if len(first) < _LONGEST_METHOD and any(method.startswith(first) for method in _METHODS):
                return False
        return super().recognise(first)

    def _become(self, protocol: asyncio.Protocol, first: bytes) -> None:
        self._connections.closed(self)
        self._closing = True
        self._first = None
        self._backlog.close()
        self._transport.set_protocol(protocol)
        self._connections.forwards(protocol, self.peer)
        protocol.connection_made(self._transport)
        protocol.data_received(first)


class TcpInput(ReadsContainers, SessionInput):
    """
    Takes GELF frames by TCP.

    Guarantee: at most once; GELF over TCP has no acknowledgement, so what a peer sent and we had not read when
    either side ended is lost. Back-pressure: while a buffer is crowded, connections are not read.
    """

    Settings: ClassVar[type[TcpSettings]] = TcpSettings
    scheme: ClassVar[str] = "gelf+tcp"
    settings: TcpSettings

    def __init__(self, settings: TcpSettings) -> None:
        super().__init__(settings)
        self._decoder = settings.decoder(self.name, foreign_frame)
        self._responder: GelfResponder | None = None
        if settings.http and settings.mode == "lenient":
            names = ("mode", "max_payload_bytes", "timezone")
            same = HttpSettings.from_values({name: getattr(settings, name) for name in names}, self.name)
            self._bodies = same.decoder(self.name, foreign_record)
            self._responder = GelfResponder(same, self._bodies)

    def session(self) -> FramedSession:
        """Make what a new connection speaks."""
        if self.settings.mode == "graylog":
            return GraylogSession(GraylogFramer(self.settings.max_frame_bytes), self._decoder)
        framer = GelfFramer(self.settings.max_frame_bytes, self.settings.max_payload_bytes)
        return GelfSession(framer, self._decoder)

    def protocol(self, connections: Connections, intake: Intake) -> TcpConnection:
        """Make the protocol of a new connection."""
        http = None if self._responder is None else partial(HttpProtocol, connections, intake, self._responder)
        return TcpConnection(http, connections, intake, self.session(), self.settings, self.name)

    def sweep(self, intake: Intake) -> None:
        """Let go of messages whose chunks stopped coming."""
        expire_chunks(self._decoder, intake)
        if self._responder is not None:
            expire_chunks(self._bodies, intake)


class TlsInput(TcpInput):
    """
    Takes GELF frames by TLS.

    Guarantee: as `TcpInput`.
    """

    Settings: ClassVar[type[TlsInputSettings]] = TlsInputSettings
    scheme: ClassVar[str] = "gelf+tls"
