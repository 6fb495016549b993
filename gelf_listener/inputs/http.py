"""
GELF over HTTP and HTTPS: POST /gelf, one message a request, or many.

Each request with at least one usable message gets 202 Accepted once its messages are safe (`Intake.when_safe`), or 503
if a disk buffer cannot take them; a request without any gets 400 and says why (`graylog` mode: see `http_graylog`).
Bodies are told from their bytes: several clients send a Content-Encoding that does not fit the body.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Generator
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from gelf_listener.codec import GelfDecoder, Receipt
from gelf_listener.codec.compression import is_gzip, is_zlib
from gelf_listener.codec.encodings import unpack
from gelf_listener.codec.gelf.lenient import LenientGelf
from gelf_listener.codec.text.bodies import decode_text_in_steps, foreign_record, is_json
from gelf_listener.codec.text.logrecord import LogRecords
from gelf_listener.errors import Reason, Rejected
from gelf_listener.inputs.container_intake import ReadsContainers
from gelf_listener.inputs.gelf import GelfInputSettings, expire_chunks
from gelf_listener.inputs.http_graylog import GRAYLOG_BODY_BYTES, GraylogResponder
from gelf_listener.inputs.http_server.answers import Response
from gelf_listener.inputs.http_server.protocol import HttpProtocol
from gelf_listener.inputs.http_server.requests import Request
from gelf_listener.inputs.http_server.responder import Responder, run_steps
from gelf_listener.inputs.http_server.server import HttpServerInput
from gelf_listener.inputs.http_server.settings import HttpServerSettings
from gelf_listener.inputs.server_connections import Connections
from gelf_listener.inputs.sockets import listening_url
from gelf_listener.inputs.tls import TlsSettings
from gelf_listener.intake import Intake
from gelf_listener.settings import Size, zone_named

MAX_LINES = 100_000
"""Most messages of one body: each costs memory of its own until it is written."""

_QUICK_BYTES = 1024

_RECORDS_PATH = b"/logrecord"
"""Takes the records of logging's `HTTPHandler`, and JSON of `LogRecord.__dict__`."""

_ACCEPTED = Response(202)
_CREATED = Response(201)


class HttpSettings(GelfInputSettings, HttpServerSettings):
    """Settings of `gelf+http://`."""

    port: int = Field(12203, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    path: str = Field("/gelf", pattern="^/", description="Path that takes messages.", repr=False)
    max_body_bytes: Size = Field(
        8 * 1024 * 1024,
        ge=1024,
        description="Largest body as sent; 413 beyond it. 64 KiB with mode=graylog, unless it is set.",
    )
    bulk: bool = Field(
        False, description="mode=graylog: receive in bulk, a message a line, as Graylog's enable_bulk_receiving."
    )

    @model_validator(mode="before")
    @classmethod
    def _graylog_limits(cls, values: Any) -> Any:
        """Let bodies be as long as Graylog's by default."""
        if isinstance(values, dict) and values.get("mode") == "graylog":
            return {"max_body_bytes": GRAYLOG_BODY_BYTES} | values
        return values

    @model_validator(mode="after")
    def _bulk_needs_graylog(self) -> Self:
        if self.bulk and self.mode != "graylog":
            raise ValueError("bulk needs mode=graylog; any other body may have many lines anyway")
        return self

    @property
    def shown_path(self) -> str:
        """The path, if it is the one that everybody has; any other may be a secret."""
        return self.path if self.path == type(self).model_fields["path"].default else "/***"


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


class GelfResponder(Responder):
    """
    Takes GELF, and log records as Python's `HTTPHandler` sends them.

    Args:
        settings: Of the input.
        decoder: Reads bodies.
    """

    undoes_encoding: ClassVar[bool] = True
    settings: HttpSettings

    def __init__(self, settings: HttpSettings, decoder: GelfDecoder) -> None:
        super().__init__(settings, decoder.input)
        self.inflater = decoder.inflater
        self._decoder = decoder
        self._path = settings.path.encode()
        self._use = f"send messages with POST to {settings.shown_path}"
        self._zone = zone_named(settings.timezone)
        self._records = LogRecords(decoder.gelf) if isinstance(decoder.gelf, LenientGelf) else None

    def check(self, request: Request) -> Response | None:
        """Refuse other methods and paths."""
        posts, target, wanted = request.method == "POST", request.target, self._path
        if posts and target == wanted:
            return None
        path = target.partition(b"?")[0]
        if path.rstrip(b"/") == _RECORDS_PATH:
            request.context = self._records
            if not posts and request.method != "GET":
                allow = [("Allow", "GET, POST, OPTIONS")]
                return self.error(request, 405, "send log records with POST or GET", headers=allow)
        elif path.rstrip(b"/") != wanted.rstrip(b"/"):
            return self.error(request, 404, f"no such path; {self._use}")
        elif not posts:
            return self.error(request, 405, self._use)
        return None

    def is_quick(self, request: Request) -> bool:
        """See `Responder.is_quick`; most clients send one short document."""
        return (len(request.body) <= _QUICK_BYTES and request.body[:1] == b"{") or super().is_quick(request)

    def respond(self, request: Request, receipt: Receipt) -> Response:
        """Decode the body, and accept the request if anything is in it."""
        body = request.body
        if request.context is None and body[:1] == b"{" and 10 not in body:
            before = receipt.batch.count, len(receipt.batch.rejected)
            self._decoder.gelf.decode(body, receipt.time, receipt.peer, receipt.batch)  # what most clients send
            return self._response(request, receipt, before)
        return run_steps(self.respond_in_steps(request, receipt))

    def respond_in_steps(self, request: Request, receipt: Receipt) -> Generator[None, None, Response]:
        """Decode a body of many documents or lines some at a time; see `respond`."""
        batch = receipt.batch
        before = batch.count, len(batch.rejected)
        records = request.context
        body = request.target.partition(b"?")[2] if request.method == "GET" else request.body
        body = yield from self._plain(body, request, receipt)
        yield
        if request.method == "POST" and _is_text(request, body):
            yield from decode_text_in_steps(body, receipt, self._zone)
        elif isinstance(records, LogRecords):
            yield from records.decode_in_steps(body, receipt.time, receipt.peer, batch)
        else:
            frames = body_frames(body) if body else [body]
            yield from self._decoder.decode_in_steps(frames, receipt.time, receipt.peer, batch)
        return self._response(request, receipt, before)

    def _response(self, request: Request, receipt: Receipt, before: tuple[int, int]) -> Response:
        """Say what became of a request, given how many messages and rejections there were before it."""
        batch, records = receipt.batch, request.context
        messages, rejections = before
        if batch.count > messages or len(batch.rejected) == rejections:
            # Also for a chunk of a message (nothing yet): the rest is on its way.
            return _ACCEPTED if records is None else _CREATED
        first = batch.rejected[rejections]
        return self.rejection(request, first.reason, first.detail)

    def rejection(self, request: Request, reason: Reason, detail: str) -> Response:
        """Answer a request without any message."""
        status = 413 if reason in (Reason.PAYLOAD_TOO_LARGE, Reason.TOO_COMPLEX) else 400
        return self.error(request, status, detail, reason)

    def error_body(
        self,
        request: Request,  # noqa: ARG002
        status: int,  # noqa: ARG002
        detail: str,
        reason: Reason | None,
    ) -> tuple[bytes, str]:
        """Write an error in Graylog's form, with our reason beside it."""
        error = {"type": "ApiError", "message": detail} | ({} if reason is None else {"reason": reason.value})
        return json.dumps(error).encode(), "application/json"

    def _plain(self, body: bytes, request: Request, receipt: Receipt) -> Generator[None, None, bytes]:
        """Undo the encoding that the header names, or the bytes show: newline-delimited bodies are cut afterwards."""
        encoding = request.headers.get(b"content-encoding")
        if encoding and not (is_gzip(body) or is_zlib(body) or body.lstrip()[:1] in (b"{", b"[")):
            return (yield from unpack(body, encoding.lower(), self.inflater, receipt))
        if is_gzip(body) or is_zlib(body):
            return self.inflater.inflate(body, receipt)
        return body


def _is_text(request: Request, body: bytes) -> bool:
    """Whether a body is plain text by its type, and does not look like JSON that was sent under a wrong one."""
    kind = request.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    return kind == b"text/plain" and not is_json(body)


class HttpInput(ReadsContainers, HttpServerInput):
    """
    Takes GELF by HTTP.

    Guarantee: what was answered with 202 is in the buffers of all outputs, and safe there (`Intake.when_safe`).
    """

    Settings: ClassVar[type[HttpSettings]] = HttpSettings
    scheme: ClassVar[str] = "gelf+http"
    settings: HttpSettings

    def responder(self) -> GelfResponder:
        """Make what answers the requests of all connections."""
        self._decoder = self.settings.decoder(self.name, foreign_record)
        return GelfResponder(self.settings, self._decoder)

    def protocol(self, connections: Connections, intake: Intake) -> HttpProtocol:
        """Make the protocol of a new connection, which answers as Graylog does if the settings say so."""
        settings = self.settings
        if settings.mode == "lenient":
            return super().protocol(connections, intake)
        responder = GraylogResponder(settings, self._decoder, settings.path, bulk=settings.bulk)
        return HttpProtocol(connections, intake, responder)

    def sweep(self, intake: Intake) -> None:
        """Let go of messages whose chunks stopped coming."""
        expire_chunks(self._decoder, intake)

    def url(self, sock: socket.socket) -> str:
        """Write where a socket listens, with the path that takes messages."""
        return listening_url(self.scheme, sock, self.settings.shown_path)


class HttpsInput(HttpInput):
    """
    Takes GELF by HTTPS.

    Guarantee: as `HttpInput`.
    """

    Settings: ClassVar[type[HttpsSettings]] = HttpsSettings
    scheme: ClassVar[str] = "gelf+https"
