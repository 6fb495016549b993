"""Stream inputs: what TCP, TLS, HTTP and HTTPS have in common."""

from __future__ import annotations

import asyncio
import socket
import ssl
from functools import partial
from typing import Any, ClassVar

from pydantic import Field

from gelf_listener.inputs import Intake
from gelf_listener.inputs.allow import AllowList
from gelf_listener.inputs.gelf import GelfInputSettings, expire_chunks
from gelf_listener.inputs.server_connections import Connections
from gelf_listener.inputs.sockets import bind_all, listening_url
from gelf_listener.inputs.tls import TlsSettings, server_context

__all__ = ["StreamInput", "StreamSettings"]


class StreamSettings(GelfInputSettings):
    """Settings of inputs that accept connections."""

    port: int = Field(0, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    max_connections: int = Field(1024, ge=1, description="Connections at a time; see docs for who gives way.")


class StreamInput:
    """
    Listens, with TLS where the settings have a certificate, and makes a protocol for each connection.

    Subclasses say which protocol, and where they listen.
    """

    Settings: ClassVar[type[StreamSettings]]
    scheme: ClassVar[str]

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.name = settings.name or f"{self.scheme}-{settings.port}"
        self.listening: list[str] = []
        self._decoder = settings.decoder(self.name)
        self._connections: Connections | None = None
        self._context = self._make_context()

    def protocol(self, connections: Connections, intake: Intake) -> asyncio.Protocol:
        """Make the protocol of a new connection."""
        raise NotImplementedError

    def url(self, sock: socket.socket) -> str:
        """Write where a socket listens."""
        return listening_url(self.scheme, sock)

    async def start(self, intake: Intake) -> None:
        """Bind and begin to accept; see `Input.start`."""
        settings = self.settings
        sockets = bind_all(socket.SOCK_STREAM, settings.host, settings.port)
        self._connections = connections = Connections(
            self.name,
            intake,
            lambda: self.protocol(connections, intake),
            max_connections=settings.max_connections,
            allow=AllowList(settings.allow),
            context=self._context,
            handshake_timeout_seconds=getattr(settings, "handshake_timeout_seconds", 10.0),
            sweep=partial(self.sweep, intake),
            max_pending_bytes=settings.max_pending_bytes,
        )
        self.listening = [self.url(sock) for sock in sockets]
        connections.listen(sockets)

    def sweep(self, intake: Intake) -> None:
        """Let go, once a second, of what waits too long."""
        expire_chunks(self._decoder, intake)

    async def close(self) -> None:
        """Stop accepting, take what is complete, close; see `Input.close`."""
        if self._connections is not None:
            await self._connections.close()

    def reopen(self) -> None:
        """Read certificates again; connections that are open keep the old ones."""
        self._context = self._make_context()
        if self._connections is not None:
            self._connections.context = self._context

    def counters(self) -> dict[str, float]:
        """Return what the connections counted."""
        return self._connections.counters() if self._connections is not None else {}

    def _make_context(self) -> ssl.SSLContext | None:
        return server_context(self.settings) if isinstance(self.settings, TlsSettings) else None
