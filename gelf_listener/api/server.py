"""Server: runs the web application on the service's own loop."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import uvicorn

from gelf_listener.address import Address
from gelf_listener.api.app import Shell
from gelf_listener.api.auth import Auth
from gelf_listener.api.contract import Listener
from gelf_listener.api.guard import Guard
from gelf_listener.api.hosts import Hosts
from gelf_listener.api.node import node_id
from gelf_listener.api.protocol import BoundedProtocol
from gelf_listener.api.proxied import Proxied
from gelf_listener.errors import ConfigError
from gelf_listener.inputs.sockets import bind_all, listening_url


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the service has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ApiServer:
    """
    Serves the API.

    Args:
        service: What to show.
        auth: Who may ask.
        address: Host and port; port 0 picks a free one.
    """

    def __init__(self, service: Listener, auth: Auth, address: Address) -> None:
        self._service = service
        self._auth = auth
        self._address = address
        self._server: _Server | None = None
        self._task: asyncio.Task[None] | None = None
        self._shell: Shell | None = None

    async def start(self) -> str:
        """
        Bind and begin to answer.

        Returns:
            The URL to open.

        Raises:
            ConfigError: If the address cannot be bound.
        """
        try:
            sockets = bind_all(socket.SOCK_STREAM, self._address.host, self._address.port or 0)
        except ConfigError as error:
            raise ConfigError(f"api: {error}; turn it off with --api off") from None
        self._shell = shell = Shell(self._service)
        self._auth.before_tokens = shell.preload
        settings = self._service.config
        guard = Guard(shell, self._auth, Hosts(settings.api_hosts, self._address.host))
        config = uvicorn.Config(
            Proxied(guard, settings.api_base_path, settings.api_proxies),
            lifespan="off",
            log_config=None,
            http=BoundedProtocol,
            ws="none",
            log_level="error",  # its warnings are of what strangers send, one each
            access_log=False,
            server_header=False,
            headers=[("X-Graylog-Node-ID", node_id(self._service))],  # by which graytail knows a Graylog
            proxy_headers=False,  # `Proxied` reads them, of proxies that the settings name
            timeout_graceful_shutdown=1,
        )
        self._server = _Server(config)
        self._task = asyncio.get_running_loop().create_task(self._server.serve(sockets), name="api")
        return listening_url("http", sockets[0])

    async def close(self) -> None:
        """Stop answering."""
        if self._server is not None and self._task is not None:
            self._server.should_exit = True
            await asyncio.wait([self._task], timeout=3)
            self._server = None
        if self._shell is not None:
            await self._shell.close()
