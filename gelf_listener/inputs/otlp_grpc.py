"""OTLP over gRPC: logs of OpenTelemetry's SDKs and collector (OTLP specification, "OTLP/gRPC")."""

from __future__ import annotations

import hmac
import ssl
from collections.abc import Generator
from functools import partial
from typing import ClassVar

from pydantic import Field

from gelf_listener.codec import Receipt
from gelf_listener.codec.grpc import GrpcSession, Method
from gelf_listener.codec.inflater import Inflater
from gelf_listener.codec.otlp.export import Signal, export
from gelf_listener.inputs.listening import SessionSettings
from gelf_listener.inputs.otlp import OtlpInputSettings
from gelf_listener.inputs.stream import SessionInput
from gelf_listener.inputs.stream_connection import StreamConnection
from gelf_listener.inputs.tls import TlsSettings
from gelf_listener.settings import Size

_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SERVING = b"\x08\x01"
"""grpc.health.v1.HealthCheckResponse: SERVING."""


class OtlpGrpcSettings(OtlpInputSettings, SessionSettings):
    """Settings of `otlp+grpc://`."""

    port: int = Field(4317, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    token: str = Field("", description="Calls must carry it as `authorization: Bearer`.", repr=False)
    max_body_bytes: Size = Field(8 * 1024 * 1024, ge=1024, description="Longest message as sent.")
    max_payload_bytes: Size = Field(8 * 1024 * 1024, ge=1024, description="Longest message after inflating.")


class OtlpGrpcTlsSettings(OtlpGrpcSettings, TlsSettings):
    """Settings of `otlp+grpcs://`."""


class GrpcConnection(StreamConnection):
    """A connection that speaks HTTP/2 from its first byte on."""

    def recognise(self, first: bytes) -> bool:
        """Tell HTTP/2 from what is sent to the wrong port; see `StreamConnection.recognise`."""
        if not super().recognise(first):
            return False
        if first[: len(_PREFACE)] != _PREFACE[: len(first)]:
            self.refuse("not HTTP/2, which gRPC needs; OTLP by HTTP/1.1 goes to otlp+http, port 4318", first)
            return False
        return len(first) >= len(_PREFACE)


class OtlpGrpcInput(SessionInput):
    """
    Takes OTLP by gRPC.

    Guarantee: what was answered with success, and is not counted in a partial success, is in the buffers of all
    outputs, and safe there (`Intake.when_safe`).
    """

    Settings: ClassVar[type[OtlpGrpcSettings]] = OtlpGrpcSettings
    scheme: ClassVar[str] = "otlp+grpc"
    connection: ClassVar[type[StreamConnection]] = GrpcConnection
    settings: OtlpGrpcSettings

    def __init__(self, settings: OtlpGrpcSettings) -> None:
        super().__init__(settings)
        self._inflater = Inflater(settings.max_payload_bytes)
        self._methods: dict[str, Method] = {
            f"/{signal.service}/Export": partial(_export, signal, settings.spans == "events") for signal in Signal
        }
        self._methods["/grpc.health.v1.Health/Check"] = _check

    def session(self) -> GrpcSession:
        """Make what a new connection speaks."""
        return GrpcSession(self._methods, self.settings.max_body_bytes, self._inflater, self._authorized)

    def _authorized(self, authorization: str) -> bool:
        """Whether a call shows the token of the settings, if there is one."""
        token = self.settings.token
        scheme, _, value = authorization.partition(" ")
        shown = f"{scheme.lower()} {value.strip()}".encode()
        return not token or hmac.compare_digest(shown, f"bearer {token}".encode())


def _export(signal: Signal, events: bool, message: bytes, receipt: Receipt) -> Generator[None, None, bytes]:
    """Take an export request."""
    return export(signal, message, receipt, is_json=False, events=events)


def _check(message: bytes, receipt: Receipt) -> Generator[None, None, bytes]:  # noqa: ARG001  (of any service)
    """Say that we are up."""
    yield
    return _SERVING


class OtlpGrpcTlsInput(OtlpGrpcInput):
    """
    Takes OTLP by gRPC with TLS.

    Guarantee: as `OtlpGrpcInput`.
    """

    Settings: ClassVar[type[OtlpGrpcTlsSettings]] = OtlpGrpcTlsSettings
    scheme: ClassVar[str] = "otlp+grpcs"

    def _make_context(self) -> ssl.SSLContext | None:
        """Agree on HTTP/2, without which clients of gRPC do not go on."""
        context = super()._make_context()
        if context is not None:
            context.set_alpn_protocols(["h2"])
        return context
