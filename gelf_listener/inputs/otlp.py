"""OTLP over HTTP: logs of OpenTelemetry's SDKs and collector, in protobuf and JSON (specification, "OTLP/HTTP")."""

from __future__ import annotations

from collections.abc import Generator
from typing import ClassVar, Literal

from pydantic import Field

from gelf_listener.codec import Receipt
from gelf_listener.codec.otlp.export import Code, Signal, export, write_status
from gelf_listener.errors import Reason
from gelf_listener.inputs.http_server.answers import Response
from gelf_listener.inputs.http_server.requests import Request
from gelf_listener.inputs.http_server.responder import Responder, run_steps
from gelf_listener.inputs.http_server.server import HttpServerInput
from gelf_listener.inputs.http_server.settings import HttpServerSettings
from gelf_listener.inputs.tls import TlsSettings
from gelf_listener.settings import InputSettings

_JSON = "application/json"
_PROTOBUF = "application/x-protobuf"
_PROTOBUFS = (_PROTOBUF, "application/protobuf", "application/vnd.google.protobuf")

_CODES = {
    401: Code.UNAUTHENTICATED,
    404: Code.NOT_FOUND,
    405: Code.UNIMPLEMENTED,
    429: Code.RESOURCE_EXHAUSTED,
    500: Code.INTERNAL,
    503: Code.UNAVAILABLE,
}
"""Codes of google.rpc.Status by HTTP status; of everything else it is INVALID_ARGUMENT, which nobody tries again."""


class OtlpInputSettings(InputSettings):
    """What both transports of OTLP do with what is not a log."""

    spans: Literal["none", "events"] = Field(
        "none", description="Of traces: `events` makes a message of each event of a span; `none` keeps nothing of them."
    )


class OtlpHttpSettings(OtlpInputSettings, HttpServerSettings):
    """Settings of `otlp+http://`."""

    port: int = Field(4318, ge=0, le=65535, description="Port to bind; 0 picks a free one.")


class OtlpHttpsSettings(OtlpHttpSettings, TlsSettings):
    """Settings of `otlp+https://`."""


class OtlpResponder(Responder):
    """
    Takes export requests on `/v1/logs`, `/v1/traces` and `/v1/metrics`, below any path: gateways have prefixes.

    Args:
        settings: Of the input.
        input: Its name.
        events: Whether events of spans are messages.
    """

    cors_headers: ClassVar[str] = "Authorization, *"

    def __init__(self, settings: HttpServerSettings, input: str, *, events: bool) -> None:
        super().__init__(settings, input)
        self._events = events
        self._signals = {f"/v1/{signal.path}".encode(): signal for signal in Signal}

    def check(self, request: Request) -> Response | None:
        """Refuse other paths, methods and media types."""
        path = request.target.partition(b"?")[0].rstrip(b"/")
        signal = self._signals.get(path[path.rfind(b"/v1/") :])
        if signal is None:
            return self.error(request, 404, "no such path; send logs with POST to /v1/logs")
        if request.method != "POST":
            return self.error(request, 405, f"send {signal.path} with POST")
        kind = request.content_type
        if kind and kind != _JSON and kind not in _PROTOBUFS:
            return self.error(request, 415, f"Content-Type {kind[:100]} is not supported; use {_PROTOBUF} or {_JSON}")
        request.context = signal
        return None

    def respond(self, request: Request, receipt: Receipt) -> Response:
        """Take an export request at once."""
        return run_steps(self.respond_in_steps(request, receipt))

    def respond_in_steps(self, request: Request, receipt: Receipt) -> Generator[None, None, Response]:
        """Take an export request some records at a time."""
        signal, is_json = request.context, _is_json(request)
        assert isinstance(signal, Signal)  # noqa: S101  (`check` put it there)
        answer = yield from export(signal, request.body, receipt, is_json=is_json, events=self._events)
        return Response(200, answer, _JSON if is_json else _PROTOBUF)

    def error_body(
        self,
        request: Request,
        status: int,
        detail: str,
        reason: Reason | None,  # noqa: ARG002  (google.rpc.Status has no place for it)
    ) -> tuple[bytes, str]:
        """Write an error as google.rpc.Status, in the form of the request."""
        code, is_json = _CODES.get(status, Code.INVALID_ARGUMENT), _is_json(request)
        return write_status(code, detail, is_json=is_json), _JSON if is_json else _PROTOBUF


def _is_json(request: Request) -> bool:
    """Whether a request is in JSON, by its type, or without one by its first byte."""
    kind = request.content_type
    return kind == _JSON or (kind not in _PROTOBUFS and request.body[:1] not in (b"", b"\n"))


class OtlpHttpInput(HttpServerInput):
    """
    Takes OTLP by HTTP.

    Guarantee: what was answered with 200, and is not counted in a partial success, is in the buffers of all outputs,
    and safe there (`Intake.when_safe`).
    """

    Settings: ClassVar[type[OtlpHttpSettings]] = OtlpHttpSettings
    scheme: ClassVar[str] = "otlp+http"
    settings: OtlpHttpSettings

    def responder(self) -> OtlpResponder:
        """Make what answers the requests of all connections."""
        return OtlpResponder(self.settings, self.name, events=self.settings.spans == "events")


class OtlpHttpsInput(OtlpHttpInput):
    """
    Takes OTLP by HTTPS.

    Guarantee: as `OtlpHttpInput`.
    """

    Settings: ClassVar[type[OtlpHttpsSettings]] = OtlpHttpsSettings
    scheme: ClassVar[str] = "otlp+https"
