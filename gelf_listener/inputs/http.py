"""
GELF over HTTP and HTTPS: POST /gelf, one message a request, or many.

httptools parses; the protocol below answers. Each request with at least one usable message gets 202 Accepted
once its messages are safe (`Intake.when_safe`), or 503 if a disk buffer cannot take them; a request without any
gets 400 and says why (`graylog` mode: 202, as Graylog answers before it looks). Bodies are told from their bytes:
several clients send a Content-Encoding that does not fit the body.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import logging
import socket
import time
import zlib
from itertools import repeat
from typing import ClassVar, cast

import httptools
from pydantic import Field, model_validator

from gelf_listener.codec import Batch, Decoder, Receipt
from gelf_listener.codec.compression import is_gzip, is_zlib
from gelf_listener.codec.gelf.lenient import LenientGelf
from gelf_listener.codec.text.logrecord import LogRecords
from gelf_listener.errors import Reason, Rejected
from gelf_listener.inputs import Intake
from gelf_listener.inputs.server_connections import Connections
from gelf_listener.inputs.sockets import peer_of
from gelf_listener.inputs.stream import StreamInput, StreamSettings
from gelf_listener.inputs.tls import TlsSettings
from gelf_listener.message import Peer

__all__ = ["HttpConnection", "HttpInput", "HttpSettings", "HttpsInput", "HttpsSettings", "body_frames"]

_log = logging.getLogger(__name__)

_SMALL_BODY_BYTES = 64 * 1024
"""Bodies that are not counted among the unfinished: all connections together cannot hold much of them."""

MAX_LINES = 100_000
"""Most messages of one body: each costs memory of its own until it is written."""

_MAX_HEADER_BYTES = 32 * 1024
_MAX_URL_BYTES = 8 * 1024
_MOST_ERRORS_PER_READ = 256
"""Answers with errors are longer than the requests that get them: more in one read close the connection."""
_HEADERS_TOO_LONG = f"headers longer than {_MAX_HEADER_BYTES} bytes"

_RECORDS_PATH = b"/logrecord"
"""Takes the records of logging's `HTTPHandler`, and JSON of `LogRecord.__dict__`."""

_PHRASES = {
    200: "OK",
    201: "Created",
    202: "Accepted",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Content Too Large",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

_SERVER = b"Server: gelf-listener\r\n"
"""Tells clients such as gelf-handlers that newline-delimited bodies are welcome."""

_ACCEPTED = b"HTTP/1.1 202 Accepted\r\n" + _SERVER + b"Content-Length: 0\r\n\r\n"
"""gelf-php matches the reason phrase; Content-Length: 0 is what keeps a connection alive."""

_HEADERS = frozenset(
    (b"authorization", b"content-encoding", b"content-length", b"expect", b"origin", b"transfer-encoding")
)
"""Headers that matter to us."""

_LONGEST_PAUSE_SECONDS = 1.0
"""How long a crowded buffer keeps a request unread: a client that waits wants an answer, if only 503."""

_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class HttpSettings(StreamSettings):
    """Settings of `gelf+http://`."""

    port: int = Field(12203, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    path: str = Field("/gelf", pattern="^/", description="Path that takes messages.")
    user: str = Field("", description="With `password`: requests must carry it (Basic).")
    password: str = Field("", description="Password of `user`.", repr=False)
    token: str = Field("", description="Requests must carry it in an Authorization: Bearer header.", repr=False)
    max_body_bytes: int = Field(8 * 1024 * 1024, ge=1024, description="Largest body as sent; 413 beyond it.")
    header_timeout_seconds: float = Field(10.0, gt=0, description="Time for a request's headers.")
    body_timeout_seconds: float = Field(60.0, gt=0, description="Time for a request's body.")
    idle_timeout_seconds: float = Field(75.0, gt=0, description="Time between requests on one connection.")
    cors: bool = Field(True, description="Answer browsers of any origin, as Graylog does by default.")

    @model_validator(mode="after")
    def _password_needs_user(self) -> HttpSettings:
        if bool(self.user) != bool(self.password):
            raise ValueError("user and password go together")
        return self


class HttpsSettings(HttpSettings, TlsSettings):
    """Settings of `gelf+https://`."""


def body_frames(body: bytes) -> list[bytes]:
    """
    Cut a body into what a decoder should see at once.

    Newline-delimited objects become one frame a line; anything else (one object, an array, objects printed over
    several lines) stays whole, for the decoder to look into.

    Raises:
        Rejected: If there are more than `MAX_LINES`.
    """
    if 10 not in body:
        return [body]
    lines = [line for line in body.split(b"\n") if line and not line.isspace()]
    if len(lines) > MAX_LINES:
        raise Rejected(Reason.TOO_COMPLEX, f"{len(lines)} lines, more than {MAX_LINES}", body)
    if len(lines) > 1 and all([line[0] == 0x7B and line.rstrip()[-1] == 0x7D for line in lines]):
        return lines
    return [body]


class HttpConnection(asyncio.Protocol):
    """
    One connection: requests in, answers out, in order.

    Args:
        connections: The collection it belongs to.
        intake: Takes what was sent.
        decoder: Decodes bodies.
        settings: Of the input.
    """

    def __init__(self, connections: Connections, intake: Intake, decoder: Decoder, settings: HttpSettings) -> None:
        self.peer: Peer | None = None
        self.active_at = 0.0
        self._connections = connections
        self._intake = intake
        self._decoder = decoder
        self._settings = settings
        self._secrets = _secrets(settings)
        self._path = settings.path.encode()
        self._lenient = settings.mode == "lenient"
        self._transport: asyncio.Transport
        self._parser = httptools.HttpRequestParser(self)
        self._header_bytes = 0
        """Bytes read since the last that were body: an end of the headers, or of a chunk, must come some time."""
        self._loop = asyncio.get_running_loop()
        self._closing = False
        self._paused = False
        self._pending = False
        """Whether the collection knows of an unfinished body."""
        self._unread = False
        """The peer does not read its answers: it gets no more before it does."""
        self._batch = Batch()
        self._answers: list[bytes] = []
        """Answers to the requests of one read, which leave together once their messages are safe."""
        self._held: list[bytes] = []
        """Answers whose messages are handed over, but not safe yet; nothing is read meanwhile."""
        self._stopped = False
        """Whether reading stopped for them."""
        self._reset()

    def _reset(self) -> None:
        self._url = b""
        self._body: list[bytes] = []
        self._size = 0
        self._head_bytes = 0
        self._encoding = b""
        self._authorization = b""
        self._origin = b""
        self._expect = False
        self._framing = b""
        """Headers that say where the body ends, as they came."""
        self._error = 0
        self._detail = ""
        self._records = False
        """Whether the request carries log records rather than GELF."""
        self._stage = "idle"

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start; also called when a TCP connection turned out to speak HTTP."""
        self._transport = cast("asyncio.Transport", transport)
        self.peer = peer_of(transport.get_extra_info("peername"))
        self.active_at = self._stage_at = self._loop.time()
        self._connections.opened(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Forget the connection; a request that was not whole was never accepted."""
        self._closing = True
        self._connections.closed(self)

    def data_received(self, data: bytes) -> None:
        """Parse; hand over the messages of all whole requests, then answer them."""
        while data and not self._closing:
            self._header_bytes += len(data)
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._without_upgrade() + data[upgrade.args[0] :]
                continue
            except httptools.HttpParserCallbackError:
                _log.exception("%s: a request of %s failed", self._decoder.input, self.peer)
                self._answer(500, "a bug of the listener; its log has the details", close=True)
            except httptools.HttpParserError as error:
                self._refuse(data, f"not HTTP: {error}")
            else:
                if self._stage != "idle" and self._header_bytes > _MAX_HEADER_BYTES + _MAX_URL_BYTES:
                    self._answer(431, _HEADERS_TOO_LONG, close=True)
            break
        self._flush()

    def pause_writing(self) -> None:
        """Stop reading: who sends requests and reads no answers would fill our memory."""
        self._unread = True
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """Go on reading."""
        self._unread = False
        if not self._paused and not self._held and not self._closing:
            self._transport.resume_reading()

    def _flush(self) -> None:
        """Hand over, then answer: a 202 means that the message is safe."""
        if self._held:
            return  # they are answered first
        batch = self._batch
        if batch:
            self._batch = Batch()
            batch.hand_over(self._intake)
            if batch.messages:
                self._held, self._answers = self._answers, []
                self._intake.when_safe(self._settle)
                if self._held:
                    self._stopped = True
                    self._transport.pause_reading()
                return
        if self._answers:
            self._transport.write(b"".join(self._answers))
            self._answers.clear()
        if self._closing:
            self._transport.close()
        elif self._intake.crowded:
            self._pause()

    def _settle(self, error: str | None) -> None:
        """Answer what was held: as it is, or with 503 where that would promise what a disk buffer could not keep."""
        held, self._held = self._held, []
        if self._transport.is_closing():
            return
        if error is not None:
            held = [_not_safe(answer, error) for answer in held]
        self._transport.write(b"".join(held))
        if self._stopped:
            self._stopped = False
            self._stage_at = self._loop.time()  # the client waited for us
            if not self._paused and not self._unread and not self._closing:
                self._transport.resume_reading()
        self._flush()

    # httptools callbacks

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._reset()
        self._stage = "headers"
        self._stage_at = self._loop.time()

    def on_url(self, url: bytes) -> None:
        """Collect the request target."""
        self._url += url
        if len(self._url) > _MAX_URL_BYTES:
            self._fail(431, f"request target longer than {_MAX_URL_BYTES} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note the few headers that matter."""
        self._head_bytes += len(name) + len(value) + 4  # colon, space and line end
        if self._head_bytes > _MAX_HEADER_BYTES:
            self._fail(431, _HEADERS_TOO_LONG)
        name = name.lower()
        if name not in _HEADERS:
            return
        if name == b"authorization":
            self._authorization = value
        elif name == b"content-encoding":
            self._encoding = value.lower()
        elif name == b"origin":
            self._origin = value
        elif name == b"expect":
            self._expect = value.lower() == b"100-continue"
        elif name == b"content-length":
            self._framing += b"Content-Length: %s\r\n" % value
            if value.isdigit() and (len(value) > 18 or int(value) > self._settings.max_body_bytes):
                self._fail(413, f"body longer than {self._settings.max_body_bytes} bytes")
        elif name == b"transfer-encoding":
            self._framing += b"Transfer-Encoding: %s\r\n" % value

    def on_headers_complete(self) -> None:
        """Refuse what can be refused before the body."""
        if self._closing:
            return
        self._stage = "body"
        self._stage_at = self._loop.time()
        self._header_bytes = 0
        if self._parser.should_upgrade():
            return  # the request comes again without the offer
        if not self._error:
            self._check()
        if self._error == 413 or (self._error and self._expect):
            self._answer(self._error, self._detail, close=True)  # rather than read a body for nothing
        elif self._expect and self._parser.get_http_version() == "1.1":
            self._answers.append(_CONTINUE)

    def on_body(self, body: bytes) -> None:
        """Collect the body within its bound."""
        self._header_bytes = 0
        if self._error or self._closing:
            return
        self._size += len(body)
        if self._size > self._settings.max_body_bytes:
            self._body = []
            self._fail(413, f"body longer than {self._settings.max_body_bytes} bytes")
            self._answer(self._error, self._detail, close=True)
            return
        self._body.append(body)
        if self._size > _SMALL_BODY_BYTES:
            self._pending = True
            self._connections.pend(self, self._size)

    def on_message_complete(self) -> None:
        """Answer the request."""
        if self._closing or self._parser.should_upgrade():
            return
        self.active_at = self._loop.time()
        self._connections.moved(self)
        keep_alive = self._parser.should_keep_alive()
        if self._error:
            self._answer(self._error, self._detail, close=not keep_alive)
        else:
            self._take(keep_alive=keep_alive)
        self._body = []
        if self._pending:
            self._pending = False
            self._connections.pend(self, 0)
        self._stage = "idle"
        self._stage_at = self.active_at
        self._header_bytes = 0

    # What the collection asks

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        self._transport.abort()

    def finish(self) -> None:
        """Close after what was answered is sent."""
        self._closing = True
        self._flush()

    def resume(self) -> None:
        """Go on reading."""
        if self._paused and not self._closing:
            self._paused = False
            if not self._unread and not self._held:
                self._transport.resume_reading()

    def expired(self, now: float) -> bool:
        """Whether headers, body or the next request took too long."""
        if self._held:
            return False
        waited = now - self._stage_at
        if self._stage == "idle":
            return waited > self._settings.idle_timeout_seconds and not self._paused
        if self._stage == "headers":
            return waited > self._settings.header_timeout_seconds
        return waited > self._settings.body_timeout_seconds

    # Requests

    def _fail(self, status: int, detail: str) -> None:
        """Note that the request is refused; the answer waits until it may be sent."""
        self._error = status
        self._detail = detail

    def _check(self) -> None:
        """Refuse what is refused whatever the body, in Graylog's order."""
        method = self._parser.get_method()
        wanted = self._path
        if method == b"POST" and self._url == wanted and not self._secrets:
            return
        path = self._url.partition(b"?")[0]
        use = f"send messages with POST to {self._settings.path}"
        if method == b"OPTIONS":
            self._fail(200, "")
        elif self._secrets and not _knows(self._authorization, self._secrets):
            self._fail(401, "authorization is missing or wrong; nothing was stored")
        elif self._lenient and path.rstrip(b"/") == _RECORDS_PATH:
            self._records = True
            if method not in (b"POST", b"GET"):
                self._fail(405, "send log records with POST or GET")
        elif method != b"POST" and (path == wanted or not self._lenient):
            self._fail(405, use)
        elif (self._lenient and path.rstrip(b"/") != wanted.rstrip(b"/")) or (
            not self._lenient and self._url != wanted
        ):
            self._fail(404, f"no such path; {use}")
        elif method != b"POST":
            self._fail(405, use)

    def _without_upgrade(self) -> bytes:
        """
        Return the head of the current request without its offer to upgrade, for a new parser.

        Java's client offers h2c with every request; like any server that does not speak it, we answer in
        HTTP/1.1. The parser stops before the body of such a request, so it is given a plain one.
        """
        method, version = self._parser.get_method(), self._parser.get_http_version().encode()
        if method == b"CONNECT":  # means an upgrade whatever its headers say; no path of ours is asked for
            self._fail(405, f"send messages with POST to {self._settings.path}")
            self._answer(self._error, self._detail, close=True)
            return b""
        head = [b"%s %s HTTP/%s\r\n" % (method, self._url, version), self._framing]
        for name, value in (
            (b"Authorization", self._authorization),
            (b"Content-Encoding", self._encoding),
            (b"Origin", self._origin),
            (b"Expect", b"100-continue" if self._expect else b""),
        ):
            if value:
                head.append(b"%s: %s\r\n" % (name, value))
        self._parser = httptools.HttpRequestParser(self)
        return b"".join([*head, b"\r\n"])

    def _take(self, *, keep_alive: bool) -> None:
        """Decode the body and answer."""
        if self._intake.full:
            self._answer(503, "the buffers are full; try again", close=not keep_alive, extra=b"Retry-After: 1\r\n")
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        batch = self._batch
        messages, rejections = len(batch.messages), len(batch.rejected)
        self._decode(body, batch)
        if len(batch.messages) > messages or not self._lenient or len(batch.rejected) == rejections:
            # Also for a chunk of a message (nothing yet): the rest is on its way.
            if self._records or self._origin or not keep_alive or self._parser.get_http_version() == "1.0":
                self._answer(201 if self._records else 202, "", close=not keep_alive)
            else:
                self._answers.append(_ACCEPTED)
        else:
            first = batch.rejected[rejections]
            status = 413 if first.reason in (Reason.PAYLOAD_TOO_LARGE, Reason.TOO_COMPLEX) else 400
            self._answer(status, first.detail, close=not keep_alive, reason=first.reason)

    def _decode(self, body: bytes, batch: Batch) -> None:
        now = time.time()
        if self._records:
            self._decode_records(body, now, batch)
            return
        if body[:1] == b"{" and 10 not in body:
            self._decoder.gelf.decode(body, now, self.peer, batch)  # what most clients send
            return
        try:
            if self._encoding:
                body = self._unpack(body)
            if self._lenient and (is_gzip(body) or is_zlib(body)):
                body = self._decoder.inflate(
                    body, now, self.peer
                )  # here, so that newline-delimited bodies are cut afterwards
            frames = body_frames(body) if self._lenient and body else []
        except Rejected as rejected:
            Receipt(self._decoder.input, self.peer, now, batch).add_rejection(rejected)
            return
        if frames:
            self._decoder.decode_all(zip(frames, repeat(self.peer)), now, batch)
        else:
            self._decoder.decode(body, now, self.peer, batch)

    def _decode_records(self, body: bytes, now: float, batch: Batch) -> None:
        """Decode log records: of the body, or of the query as `HTTPHandler` sends them with GET."""
        if self._parser.get_method() == b"GET":
            body = self._url.partition(b"?")[2]
        try:
            if self._encoding:
                body = self._unpack(body)
            if is_gzip(body) or is_zlib(body):
                body = self._decoder.inflate(body, now, self.peer)
        except Rejected as rejected:
            Receipt(self._decoder.input, self.peer, now, batch).add_rejection(rejected)
            return
        gelf = self._decoder.gelf
        assert isinstance(gelf, LenientGelf)  # noqa: S101  (the path does not exist otherwise)
        LogRecords(gelf).decode(body, now, self.peer, batch)

    def _unpack(self, body: bytes) -> bytes:
        """Undo a Content-Encoding that the bytes themselves do not show; the decoder undoes the others."""
        if is_gzip(body) or is_zlib(body) or body.lstrip()[:1] in (b"{", b"["):
            return body
        if self._encoding == b"deflate":
            limit = self._settings.max_payload_bytes
            stream = zlib.decompressobj(-zlib.MAX_WBITS)  # "deflate" without zlib's header, as some clients mean it
            try:
                plain = stream.decompress(body, limit + 1)
            except zlib.error as error:
                raise Rejected(Reason.CORRUPT_COMPRESSION, f"damaged deflate body: {error}", body) from None
            if len(plain) > limit:
                raise Rejected(Reason.PAYLOAD_TOO_LARGE, f"body inflates to more than {limit} bytes", body)
            if not stream.eof:
                raise Rejected(Reason.CORRUPT_COMPRESSION, "the deflate body ends too early", body)
            return plain
        if self._encoding in (b"br", b"zstd", b"compress"):
            detail = f"Content-Encoding {self._encoding.decode()} is not supported; use gzip or deflate"
            raise Rejected(Reason.UNKNOWN_COMPRESSION, detail, body)
        return body

    def _pause(self) -> None:
        if not self._paused:
            self._paused = True
            self._transport.pause_reading()
            self._connections.wait_for_room(self)
            self._loop.call_later(_LONGEST_PAUSE_SECONDS, self.resume)

    def _refuse(self, data: bytes, detail: str) -> None:
        """Reject bytes that are no HTTP."""
        if self._closing:
            return  # behind the last answer
        self._batch.rejected.append(
            Rejected(Reason.UNEXPECTED_PROTOCOL, detail, data, peer=self.peer, input=self._decoder.input)
        )
        self._answer(400, detail, close=True)

    def _answer(
        self, status: int, detail: str, *, close: bool, reason: Reason | None = None, extra: bytes = b""
    ) -> None:
        """Add a response; errors have a JSON body of Graylog's form with our reason beside."""
        if self._closing:
            return
        body = b""
        head = [b"HTTP/1.1 %d %s\r\n" % (status, _PHRASES[status].encode()), _SERVER]
        if status >= 400:
            close = close or len(self._answers) >= _MOST_ERRORS_PER_READ
            error = {"type": "ApiError", "message": detail}
            if reason is not None:
                error["reason"] = reason.value
            body = json.dumps(error).encode()
            head.append(b"Content-Type: application/json\r\n")
        if status == 401:
            head.append(b'WWW-Authenticate: Basic realm="gelf-listener"\r\n')
        if status in (200, 405):
            head.append(b"Allow: GET, POST, OPTIONS\r\n" if self._records else b"Allow: POST, OPTIONS\r\n")
        if self._origin and self._settings.cors:
            head.append(
                b"Access-Control-Allow-Origin: %s\r\n"
                b"Access-Control-Allow-Headers: Authorization, Content-Type\r\n"
                b"Access-Control-Allow-Methods: POST, OPTIONS\r\n"
                b"Vary: Origin\r\n" % self._origin
            )
        if close:
            head.append(b"Connection: close\r\n")
        elif self._parser.get_http_version() == "1.0":
            head.append(b"Connection: keep-alive\r\n")
        head.append(extra)
        head.append(b"Content-Length: %d\r\n\r\n" % len(body))
        if self._parser.get_method() != b"HEAD":
            head.append(body)
        self._answers.append(b"".join(head))
        if close:
            self._closing = True


def _not_safe(answer: bytes, why: str) -> bytes:
    """Turn an acceptance into a 503 with the same headers; other answers stay as they are."""
    if not answer.startswith((b"HTTP/1.1 202 ", b"HTTP/1.1 201 ")):
        return answer
    headers = answer.partition(b"\r\n")[2].removesuffix(b"Content-Length: 0\r\n\r\n")
    body = json.dumps({"type": "ApiError", "message": f"not stored: {why}; try again"}).encode()
    return (
        b"HTTP/1.1 503 Service Unavailable\r\n%sRetry-After: 1\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (headers, len(body), body)
    )


def _secrets(settings: HttpSettings) -> tuple[bytes, ...]:
    """Return the Authorization values that open the input."""
    secrets = []
    if settings.user:
        pair = f"{settings.user}:{settings.password}".encode()
        secrets.append(b"Basic " + base64.b64encode(pair))
    if settings.token:
        secrets.append(b"Bearer " + settings.token.encode())
    return tuple(secrets)


def _knows(authorization: bytes, secrets: tuple[bytes, ...]) -> bool:
    """Compare in constant time, with every secret."""
    scheme, _, value = authorization.partition(b" ")
    given = scheme.capitalize() + b" " + value.strip()
    return any([hmac.compare_digest(given, secret) for secret in secrets])


class HttpInput(StreamInput):
    """
    Takes GELF by HTTP.

    Guarantee: what was answered with 202 is in the buffers of all outputs, and safe there (`Intake.when_safe`).
    """

    Settings: ClassVar[type[HttpSettings]] = HttpSettings
    scheme: ClassVar[str] = "gelf+http"

    def protocol(self, connections: Connections, intake: Intake) -> HttpConnection:
        """Make the protocol of a new connection."""
        return HttpConnection(connections, intake, self._decoder, self.settings)

    def url(self, sock: socket.socket) -> str:
        """Write where a socket listens, with the path that takes messages."""
        return super().url(sock) + str(self.settings.path)


class HttpsInput(HttpInput):
    """Takes GELF by HTTPS; see `HttpInput`."""

    Settings: ClassVar[type[HttpsSettings]] = HttpsSettings
    scheme: ClassVar[str] = "gelf+https"
