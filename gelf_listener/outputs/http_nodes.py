"""HTTP nodes: one of several servers that answer alike, and the next when it is away."""

from __future__ import annotations

import math
import time

from gelf_listener.errors import ConfigError, Retry
from gelf_listener.outputs.http_client import HttpClient, HttpOutputSettings


class HttpNodes:
    """
    Sends requests to the nodes of a cluster.

    Requests go to one node until it is away, busy or broken, then to the next one. Whoever asks makes sure that a
    request may come twice.

    Args:
        settings: How; they name the first node.
        more: The others: ``host:port``, separated by commas.
        port: Of a node when none is named.
        tls: Whether the scheme is HTTPS.

    Raises:
        ConfigError: If the settings can never work.
    """

    def __init__(self, settings: HttpOutputSettings, more: str, port: int, *, tls: bool) -> None:
        places = [{}, *(_place(text.strip()) for text in more.split(",") if text.strip())]
        self._clients = [HttpClient(settings.model_copy(update=place), port, tls=tls) for place in places]
        self._current = 0
        self.base = self._clients[0].base

    async def request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = "application/json",
        *,
        seconds: float = math.inf,
    ) -> bytes:
        """
        Send a request; see `HttpClient.request`.

        Args:
            method: See there.
            path: See there.
            body: See there.
            content_type: See there.
            seconds: How long all nodes together have.

        Raises:
            Retry: If no node takes it now.
            Denied: If a node will never take it.
        """
        last = None
        until = time.monotonic() + seconds
        for _ in self._clients:
            current = self._current
            try:
                left = until - time.monotonic()
                return await self._clients[current].request(method, path, body, content_type, seconds=left)
            except Retry as error:
                last = error
                if self._current == current:  # nobody else went on meanwhile
                    self._current = (current + 1) % len(self._clients)
                if time.monotonic() >= until:
                    break
        assert last is not None  # noqa: S101  (there is a first node)
        raise last

    async def close(self) -> None:
        """Close all connections. May be called twice; a request after it opens new ones."""
        for client in self._clients:
            await client.close()


def _place(text: str) -> dict[str, object]:
    """
    Read ``host:port``.

    Raises:
        ConfigError: If it is neither that nor a host.
    """
    host, colon, port = text.rpartition(":")
    if not colon or text.endswith("]"):
        return {"host": text.strip("[]"), "port": None}
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f"setting 'more_hosts': {text!r} is not host:port")
    return {"host": host.strip("[]"), "port": int(port)}
