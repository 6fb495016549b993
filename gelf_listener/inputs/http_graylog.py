"""
GELF over HTTP as a Graylog answers it: the `graylog` mode.

A body is one message, however many lines it has, unless the input receives in bulk; then the bodies of a connection are
one stream of lines, and a line that is not ended waits for the next body. Answers have no body, say 202 before anybody
looks at the message, and are written as a Graylog 7.0.1 writes them.
"""

from __future__ import annotations

import zlib
from typing import ClassVar

from gelf_listener.codec import GelfDecoder, Receipt
from gelf_listener.codec.framing.graylog_frames import GraylogFramer
from gelf_listener.errors import Reason
from gelf_listener.inputs.http_server.answers import SILENCE, Response, head_of
from gelf_listener.inputs.http_server.requests import Request
from gelf_listener.inputs.http_server.responder import Responder
from gelf_listener.inputs.http_server.settings import HttpServerSettings

GRAYLOG_BODY_BYTES = 64 * 1024
"""`max_chunk_size` of Graylog's HTTP inputs, plain: 413 beyond it."""

_MAX_FRAME_BYTES = 2 * 1024 * 1024
_SHORTEST_BYTES = 2
_KEEP_ALIVE = (("connection", "keep-alive"),)
"""What it says before it closes because of an error."""

_CODINGS = {b"gzip": (31,), b"x-gzip": (31,), b"deflate": (15, -15), b"x-deflate": (15, -15)}
"""Content-Encodings that are undone, and zlib's window bits for them; bodies of others pass as they are."""


class GraylogResponder(Responder):
    """
    Takes GELF of one connection.

    Args:
        settings: Of the input.
        decoder: Reads bodies.
        path: The path that takes messages.
        bulk: Whether the bodies of the connection are a stream of lines.
    """

    undoes_encoding: ClassVar[bool] = True
    drains: ClassVar[bool] = True

    def __init__(self, settings: HttpServerSettings, decoder: GelfDecoder, path: str, *, bulk: bool) -> None:
        super().__init__(settings, decoder.input)
        self._decoder = decoder
        self._path = path.encode()
        self._framer = GraylogFramer(_MAX_FRAME_BYTES, b"\n") if bulk else None

    def check(self, request: Request) -> Response | None:
        """Refuse other methods and paths, in Graylog's order."""
        if request.method != "POST":
            return Response(405)
        return None if request.target == self._path else Response(404)

    def is_quick(self, request: Request) -> bool:
        """Take what a Graylog takes at once: no more than that comes out of a compressed body."""
        return len(request.body) <= GRAYLOG_BODY_BYTES

    def respond(self, request: Request, receipt: Receipt) -> Response:
        """Accept the body, whatever is in it; close behind one of less than two bytes."""
        coding = request.headers.get(b"content-encoding", b"").strip().lower()
        body = request.body
        if coding in _CODINGS:
            plain = _inflate(body, _CODINGS[coding], self.settings.max_body_bytes + 1)
            if plain is None:
                receipt.reject(Reason.CORRUPT_COMPRESSION, f"body is not {coding.decode()}", body)
                return SILENCE
            body = plain
        if len(body) > self.settings.max_body_bytes:
            detail = f"body inflates to more than {self.settings.max_body_bytes} bytes"
            receipt.reject(Reason.PAYLOAD_TOO_LARGE, detail, request.body)
            return Response(413, close=True)
        framer = self._framer
        if framer is not None:
            self._decode(framer.feed(body, receipt), receipt)
            closes = framer.ended
        else:
            closes = len(body) < _SHORTEST_BYTES
            if closes:
                detail = f"a body of {len(body)} bytes: Graylog closes the connection"
                receipt.reject(Reason.EMPTY_PAYLOAD, detail, body)
            else:
                self._decode([body], receipt)
        return Response(202, headers=_KEEP_ALIVE, close=True) if closes else Response(202)

    @property
    def held_bytes(self) -> int:
        """Bytes of a line that has not ended."""
        return 0 if self._framer is None else self._framer.pending_bytes

    def end(self, receipt: Receipt) -> None:
        """Take the last line of the connection, which nobody ended."""
        if self._framer is not None and not self._framer.ended:
            self._decode(self._framer.feed_eof(receipt), receipt)

    def rejection(self, request: Request, reason: Reason, detail: str) -> Response:  # noqa: ARG002
        """Accept before looking."""
        return Response(413 if reason is Reason.PAYLOAD_TOO_LARGE else 202)

    def encode(self, request: Request) -> bytes:
        """Write the answer as Graylog does: no body, and the version that was asked for."""
        response = request.response
        assert response is not None  # noqa: S101  (they are answered)
        if response is SILENCE:
            return b""
        status, old = (response.status, request.old) if request.method else (405, True)  # without one it was not HTTP
        head = head_of(status, b"1.0" if old else b"1.1") + b"content-length: 0\r\n"
        if request.closes and (_asks_to_close(request) or not response.headers):
            head += b"connection: close\r\n"
        elif response.status != 413:
            head += b"connection: keep-alive\r\n"
        origin = request.headers.get(b"origin")
        if origin is not None and self.settings.cors and response.status != 413:
            head += b"access-control-allow-origin: %s\r\naccess-control-allow-credentials: true\r\n" % origin
            head += b"access-control-allow-headers: %s\r\n" % self.cors_headers.encode()
        return head + b"\r\n"

    def _decode(self, frames: list[bytes], receipt: Receipt) -> None:
        self._decoder.decode_all([(frame, receipt.peer) for frame in frames], receipt.time, receipt.batch)


def _asks_to_close(request: Request) -> bool:
    asked = request.headers.get(b"connection", b"").lower()
    return b"close" in asked or (request.old and b"keep-alive" not in asked)


def _inflate(body: bytes, windows: tuple[int, ...], room: int) -> bytes | None:
    """
    Undo gzip or deflate; None when it is not that.

    What is missing at the end does not matter, and neither does what follows it.
    """
    for window in windows:
        plain = bytearray()
        rest = body
        try:
            while len(plain) < room:
                stream = zlib.decompressobj(window)
                plain += stream.decompress(rest, room - len(plain))
                rest = stream.unused_data
                if not stream.eof or not rest.startswith(b"\x1f\x8b"):
                    break
        except zlib.error:
            if plain:
                return bytes(plain)
            continue
        return bytes(plain)
    return None
