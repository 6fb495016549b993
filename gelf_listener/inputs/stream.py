"""Stream inputs: listen on TCP, TLS or a Unix socket, and make a protocol for each connection."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any, ClassVar

from gelf_listener.codec import Session
from gelf_listener.inputs.allow import AllowList
from gelf_listener.inputs.listening import SessionSettings, StreamSettings
from gelf_listener.inputs.server_connections import Connections
from gelf_listener.inputs.sockets import bind_all, bind_unix, listening_url, remove_unix
from gelf_listener.inputs.stream_connection import StreamConnection
from gelf_listener.inputs.tls import server_context, tls_of
from gelf_listener.intake import Intake


class StreamInput:
    """
    Listens, with TLS where the settings have a certificate, and makes a protocol for each connection.

    Subclasses say which protocol, and where they listen by default.

    Args:
        settings: Of the subclass's ``Settings``.
    """

    Settings: ClassVar[type[StreamSettings]]
    scheme: ClassVar[str]
    asks_requests: ClassVar[bool] = False
    """Whether requests say whom a proxy forwards, and are refused one by one."""

    settings: StreamSettings

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.name: str = settings.name or f"{self.scheme}-{settings.socket or settings.port}"
        self.listening: list[str] = []
        self._connections: Connections | None = None
        self._inode = 0
        """Of the Unix socket we made, if any."""
        self._context = self._make_context()

    def protocol(self, connections: Connections, intake: Intake) -> asyncio.Protocol:
        """Make the protocol of a new connection."""
        raise NotImplementedError

    def shared_port(self) -> tuple[socket.SocketKind, str, int] | None:
        """Return what workers may share; see `SharesPorts`."""
        settings = self.settings
        return None if settings.socket is not None else (socket.SOCK_STREAM, settings.host, settings.port)

    def url(self, sock: socket.socket) -> str:
        """Write where a socket listens."""
        return listening_url(self.scheme, sock)

    def sweep(self, intake: Intake) -> None:
        """Let go, once a second, of what waits too long; for subclasses that hold something between connections."""

    async def start(self, intake: Intake) -> None:
        """Bind and begin to accept; see `Input.start`."""
        settings, tls = self.settings, tls_of(self.settings)
        sockets = self._bind()
        self._connections = connections = Connections(
            self.name,
            intake,
            lambda: self.protocol(connections, intake),
            max_connections=settings.max_connections,
            allow=AllowList(settings.allow),
            proxies=AllowList(settings.proxies),
            asks_requests=self.asks_requests,
            context=self._context,
            handshake_timeout_seconds=0.0 if tls is None else tls.handshake_timeout_seconds,
            sweep=lambda: self.sweep(intake),
            max_pending_bytes=settings.max_pending_bytes,
        )
        self.listening = [self.url(sock) for sock in sockets]
        connections.listen(sockets)

    async def close(self) -> None:
        """Stop accepting, take what is complete, close; see `Input.close`."""
        if self._connections is not None:
            await self._connections.close()
        if self._inode and self.settings.socket is not None:
            remove_unix(self.settings.socket, self._inode)
            self._inode = 0

    def reopen(self) -> None:
        """Read certificates again; connections that are open keep the old ones."""
        self._context = self._make_context()
        if self._connections is not None:
            self._connections.context = self._context

    def counters(self) -> dict[str, float]:
        """Return what the connections counted."""
        return self._connections.counters() if self._connections is not None else {}

    def _bind(self) -> list[socket.socket]:
        settings = self.settings
        if settings.socket is not None:
            sock, self._inode = bind_unix(settings.socket, int(settings.socket_mode, 8))
            return [sock]
        return bind_all(socket.SOCK_STREAM, settings.host, settings.port)

    def _make_context(self) -> ssl.SSLContext | None:
        tls = tls_of(self.settings)
        return None if tls is None else server_context(tls)


class SessionInput(StreamInput):
    """
    A stream input whose connections speak a protocol of bytes: subclasses make its `Session`.

    Guarantee: at most once, unless the protocol acknowledges: what a session answers is sent when the messages
    before it are safe. Back-pressure: while a buffer is crowded, connections are not read.
    """

    connection: ClassVar[type[StreamConnection]] = StreamConnection
    """What is around each session."""

    settings: SessionSettings

    def session(self) -> Session:
        """Make what a new connection speaks."""
        raise NotImplementedError

    def protocol(self, connections: Connections, intake: Intake) -> asyncio.Protocol:
        """Make the protocol of a new connection."""
        return self.connection(connections, intake, self.session(), self.settings, self.name)
