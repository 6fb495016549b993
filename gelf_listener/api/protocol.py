"""
Protocol: uvicorn's, with bounds on what a client takes that never finishes a request.

uvicorn's own times out idle connections only after their first answer, gathers a request's head however long it is,
waits for a body indefinitely, and drops the body of a request that offers to upgrade.

Laws:

* At most `MAX_CONNECTIONS` are open. When one more comes, the connection that has been without a complete request for
  longest, of the address that holds most, gives way: one address cannot lock out another.
* A head takes `HEAD_SECONDS` at most. A body comes at `LEAST_BODY_RATE` at least, and within `BODY_SECONDS`, unless it
  is one of those that are read piece by piece (`STREAMED`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from gelf_listener.inputs.http_server.upgrades import head_without_upgrade

MAX_CONNECTIONS = 512

MAX_HEAD_BYTES = 64 * 1024
"""Of request line and headers, what was read along with them included."""

HEAD_SECONDS = 15.0
"""How long a request's head may take from the first of the connection or the end of the request before."""

BODY_SECONDS = 120.0
"""How long a body may take from the end of the head."""

LEAST_BODY_RATE = 1024
"""Bytes of a body a second, over `_WINDOW_SECONDS`; while we are not reading, nothing is expected."""
_WINDOW_SECONDS = 10.0

STREAMED = frozenset(("/api/gelf/import",))
"""Paths whose bodies are read piece by piece, whatever their size and however long that takes."""

_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    _timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True
    _body_bytes = 0
    """Of the current body, since the window began."""
    _body_ends_at = 0.0
    active_at = 0.0
    """Loop time of the last complete request, or of the connection's start."""

    @property
    def host(self) -> str:
        """The peer's address."""
        return self.client[0] if self.client else ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to read; when there are too many, somebody has to go."""
        super().connection_made(transport)
        self.active_at = self.loop.time()
        if len(self.connections) > MAX_CONNECTIONS:
            _give_way(self.connections)
        self._timer = self.loop.call_later(HEAD_SECONDS, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a head that is too long is answered with 431."""
        if self.transport.is_closing():
            return
        if self._timer is None and self._in_head:
            self._timer = self.loop.call_later(HEAD_SECONDS, self._late)
        if self._in_head:
            self._head_bytes += len(data)
        self._unset_keepalive_if_required()
        while data:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._without_upgrade() + data[upgrade.args[0] :]
            except httptools.HttpParserError:
                self.send_400_response("Invalid HTTP request received.")
                return
            else:
                break
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._end(_TOO_LONG)

    def on_headers_complete(self) -> None:
        """Note the end of a head; a request that offers to upgrade comes again without the offer."""
        self._head_bytes = 0
        if self.parser.should_upgrade():
            return
        self._in_head = False
        self._stop_timer()
        super().on_headers_complete()
        self._body_bytes = 0
        self._body_ends_at = self.loop.time() + BODY_SECONDS
        self._timer = self.loop.call_later(_WINDOW_SECONDS, self._look_at_body)

    def on_body(self, body: bytes) -> None:
        """Count a body's bytes."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Note the end of a request; what follows is the next one's head."""
        if self.parser.should_upgrade():
            return
        self._stop_timer()
        self._in_head = True
        self.active_at = self.loop.time()
        super().on_message_complete()

    def _without_upgrade(self) -> bytes:
        """Return the current request's head for a new parser; of CONNECT, which is nothing else, nothing."""
        method, version = self.parser.get_method(), self.parser.get_http_version()
        self.parser = httptools.HttpRequestParser(self)
        if method == b"CONNECT":
            self.send_400_response("CONNECT is not supported.")
            return b""
        return head_without_upgrade(method, self.url, version, self.headers)

    def _look_at_body(self) -> None:
        """End a body that comes too slowly, or takes too long in all."""
        self._timer = None
        streamed = self.scope.get("path") in STREAMED
        slow = self._body_bytes < LEAST_BODY_RATE * _WINDOW_SECONDS and not self.flow.read_paused
        if slow or (not streamed and self.loop.time() >= self._body_ends_at):
            self._end(_TOO_SLOW)
            return
        self._body_bytes = 0
        self._timer = self.loop.call_later(_WINDOW_SECONDS, self._look_at_body)

    def _end(self, answer: bytes) -> None:
        """Close, with an answer where none has begun."""
        if not self.transport.is_closing():
            cycle = getattr(self, "cycle", None)  # None before the first request, whatever uvicorn's types say
            if cycle is None or self._in_head or not cycle.response_started:
                self.transport.write(answer)
            self.transport.close()

    def _late(self) -> None:
        self._timer = None
        self.transport.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _give_way(connections: set[Any]) -> None:
    """Close the least active connection of the address that has most."""
    heaviest = Counter(connection.host for connection in connections).most_common(1)[0][0]
    theirs = [connection for connection in connections if connection.host == heaviest]
    least = min(theirs, key=lambda connection: connection.active_at)
    connections.discard(least)
    least.transport.abort()
