"""Settings of inputs that bind an address, and of those that accept connections."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from gelf_listener.settings import Duration, InputSettings, Networks, Size


class ListeningSettings(InputSettings):
    """Where an input listens."""

    host: str = Field(
        "localhost",
        description="Address or name to bind; a name binds all its addresses, * binds every interface.",
    )
    port: int = Field(0, ge=0, le=65535, description="Port to bind; 0 picks a free one.")


class StreamSettings(ListeningSettings):
    """Settings of inputs that accept connections."""

    socket: Path | None = Field(None, description="Unix socket to listen on, instead of host and port.")
    socket_mode: str = Field(
        "600", pattern="^0?[0-7]{3}$", description="Permissions of the Unix socket: who may send, in octal digits."
    )
    proxies: Networks = Field(
        (),
        description="Networks (CIDR, comma-separated) of proxies that say whom they forward: with the PROXY protocol, "
        "and in HTTP with X-Forwarded-For. Empty: nobody is believed.",
    )
    max_connections: int = Field(1024, ge=1, description="Connections at a time; see docs for who gives way.")
    max_pending_bytes: Size = Field(
        128 * 1024 * 1024, ge=1024, description="Bytes of unfinished messages that all connections may hold."
    )

    @model_validator(mode="after")
    def _a_socket_has_no_network(self) -> Self:
        if self.socket is not None and self.allow:
            raise ValueError("allow has no meaning for a Unix socket: socket_mode says who may send")
        return self


class SessionSettings(StreamSettings):
    """Settings of inputs whose connections send messages as they come, without requests."""

    idle_timeout_seconds: Duration = Field(
        0.0, ge=0, description="Close a connection without a complete message for so long; 0: never, as Graylog."
    )
    keepalive: bool = Field(True, description="TCP keep-alive, so that dead peers are noticed.")
