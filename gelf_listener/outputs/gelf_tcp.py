"""gelf+tcp, gelf+tls: pass messages on to a Graylog or another listener, in a stream."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import ClassVar, Literal

import msgspec
from pydantic import Field

from gelf_listener.client_tls import ClientTlsSettings, client_context
from gelf_listener.message import Message
from gelf_listener.outputs.forwarding import Forwarding, Loop
from gelf_listener.outputs.stream_output import StreamOutput, StreamOutputSettings

_DELIMITERS = {"nul": b"\0", "newline": b"\n"}


class GelfTcpSettings(StreamOutputSettings):
    """Settings of `gelf+tcp://`."""

    port: int = Field(12201, ge=1, le=65535, description="Its port.")
    framing: Literal["nul", "newline"] = Field("nul", description="What ends a message; Graylog's default is `nul`.")
    forwarder: str = Field(
        "", description="Name for the field `_forwarder`; `auto` is this machine's. Empty: no such field."
    )


class GelfTlsSettings(GelfTcpSettings, ClientTlsSettings):
    """Settings of `gelf+tls://`."""


class GelfTcpOutput(StreamOutput):
    """
    Sends GELF with a delimiter behind each message.

    Guarantee: at least once up to the destination's kernel. GELF by TCP has no acknowledgement: what the destination's
    kernel took and its program did not read before it ended is lost. A batch during which the connection breaks is sent
    again.
    """

    Settings: ClassVar[type[GelfTcpSettings]] = GelfTcpSettings
    settings: GelfTcpSettings

    def __init__(self, settings: GelfTcpSettings, context: ssl.SSLContext | None = None) -> None:
        super().__init__(settings, context)
        self._forwarding = Forwarding(settings.forwarder)
        self._delimiter = _DELIMITERS[settings.framing]

    def encode(self, batch: Sequence[Message]) -> tuple[bytes, list[Message], str]:
        """Return a batch as bytes; see `StreamOutput.encode`."""
        if not self._forwarding.name:
            return self._framed([message.to_gelf() for message in batch]), [], ""
        payloads: list[bytes] = []
        looping: list[Message] = []
        for message in batch:
            try:
                payloads.append(self._forwarding.payload(message))
            except Loop:
                looping.append(message)
        return self._framed(payloads), looping, f"it was passed on by {self._forwarding.name!r} before"

    def _framed(self, payloads: list[bytes]) -> bytes:
        """Join payloads; one that contains the delimiter itself is written again, which escapes it."""
        if not payloads:
            return b""
        data = self._delimiter.join(payloads)
        if data.count(self._delimiter) >= len(payloads):
            data = self._delimiter.join(
                msgspec.json.encode(msgspec.json.decode(payload)) if self._delimiter in payload else payload
                for payload in payloads
            )
        return data + self._delimiter


class GelfTlsOutput(GelfTcpOutput):
    """
    Sends GELF with TLS.

    Guarantee: as `GelfTcpOutput`.
    """

    Settings: ClassVar[type[GelfTlsSettings]] = GelfTlsSettings

    def __init__(self, settings: GelfTlsSettings) -> None:
        super().__init__(settings, client_context(settings))
