"""Loki's push API: what promtail, Alloy, Fluent Bit, Vector, Docker's driver and logging handlers send to Loki."""

from __future__ import annotations

from collections.abc import Generator
from typing import ClassVar

from pydantic import Field

from gelf_listener.codec import Receipt
from gelf_listener.codec.encodings import unpack
from gelf_listener.codec.loki.push import decode_push
from gelf_listener.codec.otlp.export import Signal
from gelf_listener.errors import Reason, Rejected
from gelf_listener.inputs.http_server.answers import Response
from gelf_listener.inputs.http_server.requests import Request
from gelf_listener.inputs.http_server.responder import Responder, run_steps
from gelf_listener.inputs.http_server.server import HttpServerInput
from gelf_listener.inputs.http_server.settings import HttpServerSettings
from gelf_listener.inputs.otlp import OtlpResponder
from gelf_listener.inputs.tls import TlsSettings

_PATHS = ("/loki/api/v1/push", "/api/prom/push")
_OTLP_PATH = "/otlp/v1/logs"
_READY = Response(200, b"ready\n", "text/plain; charset=utf-8")
_TAKEN = Response(204)


class LokiSettings(HttpServerSettings):
    """Settings of `loki+http://`."""

    port: int = Field(3100, ge=0, le=65535, description="Port to bind; 0 picks a free one.")


class LokiTlsSettings(LokiSettings, TlsSettings):
    """Settings of `loki+https://`."""


class LokiResponder(Responder):
    """
    Takes push requests as Loki does: 204 when all entries are taken, 400 when any is not, 429 when there is no room.

    Args:
        settings: Of the input.
        input: Its name.
    """

    methods: ClassVar[str] = "GET, POST, OPTIONS"
    cors_headers: ClassVar[str] = "Authorization, *"
    busy_status: ClassVar[int] = 429
    undoes_encoding: ClassVar[bool] = True

    def __init__(self, settings: LokiSettings, input: str) -> None:
        super().__init__(settings, input)
        self._otlp = OtlpResponder(settings, input, events=False)

    def check(self, request: Request) -> Response | None:
        """Refuse other paths and methods; say that we are ready."""
        path = request.path.rstrip("/")
        if path.endswith(_OTLP_PATH):
            return self._otlp.check(request)
        if path.endswith("/ready") or path == "/ready":
            return _READY if request.method in ("GET", "HEAD") else self.error(request, 405, "ask with GET")
        if not path.endswith(_PATHS):
            return self.error(request, 404, f"no such path; push to {_PATHS[0]}")
        if request.method != "POST":
            return self.error(request, 405, "push with POST")
        return None

    def respond(self, request: Request, receipt: Receipt) -> Response:
        """Take a push request at once."""
        return run_steps(self.respond_in_steps(request, receipt))

    def respond_in_steps(self, request: Request, receipt: Receipt) -> Generator[None, None, Response]:
        """Take a push request some entries at a time."""
        if isinstance(request.context, Signal):
            request.body = yield from unpack(request.body, _encoding(request), self.inflater, receipt)
            return (yield from self._otlp.respond_in_steps(request, receipt))
        body = yield from self._plain(request, receipt)
        tenant = request.header("x-scope-orgid").strip()
        is_json = request.content_type == "application/json"
        first = yield from decode_push(body, receipt, is_json=is_json, tenant=tenant)
        return _TAKEN if first is None else self.rejection(request, first.reason, first.detail)

    def _plain(self, request: Request, receipt: Receipt) -> Generator[None, None, bytes]:
        """Undo the encoding that is named, and that of protobuf, which is compressed whether it is named or not."""
        encoding = _encoding(request)
        if request.content_type == "application/json":
            return (yield from unpack(request.body, encoding, self.inflater, receipt))
        if encoding != b"snappy":
            encoding = b"snappy," + encoding
        try:
            return (yield from unpack(request.body, encoding, self.inflater, receipt))
        except Rejected as rejected:
            if request.body[:1] != b"{":
                raise
            detail = f"{rejected.detail}; JSON needs Content-Type: application/json"
            raise Rejected(rejected.reason, detail, request.body) from rejected

    def error_body(
        self,
        request: Request,
        status: int,
        detail: str,
        reason: Reason | None,
    ) -> tuple[bytes, str]:
        """Write an error as Loki does: a line of text."""
        if isinstance(request.context, Signal):
            return self._otlp.error_body(request, status, detail, reason)
        return f"{detail}\n".encode("utf-8", "replace"), "text/plain; charset=utf-8"


def _encoding(request: Request) -> bytes:
    return request.headers.get(b"content-encoding", b"").lower()


class LokiInput(HttpServerInput):
    """
    Takes what is pushed to Loki, by HTTP.

    Guarantee: what was answered with 204 is in the buffers of all outputs, and safe there (`Intake.when_safe`).
    """

    Settings: ClassVar[type[LokiSettings]] = LokiSettings
    scheme: ClassVar[str] = "loki+http"
    settings: LokiSettings

    def responder(self) -> LokiResponder:
        """Make what answers the requests of all connections."""
        return LokiResponder(self.settings, self.name)


class LokiTlsInput(LokiInput):
    """
    Takes what is pushed to Loki, by HTTPS.

    Guarantee: as `LokiInput`.
    """

    Settings: ClassVar[type[LokiTlsSettings]] = LokiTlsSettings
    scheme: ClassVar[str] = "loki+https"
