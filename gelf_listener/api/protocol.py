"""
Protocol: uvicorn's, with bounds on what somebody takes who never finishes a request.

uvicorn's own times out idle connections only after their first answer, and gathers a request's head however long it is.
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

__all__ = ["HEAD_SECONDS", "MAX_CONNECTIONS", "MAX_HEAD_BYTES", "BoundedProtocol"]

MAX_CONNECTIONS = 512
"""Beyond, a new one is closed at once."""

MAX_HEAD_BYTES = 64 * 1024
"""Of request line and headers, what was read along with them included."""

HEAD_SECONDS = 15.0
"""How long a request's head may take from the first of the connection or the end of the request before."""


class BoundedProtocol(HttpToolsProtocol):
    """One connection."""

    _timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to read, unless there are too many."""
        super().connection_made(transport)
        if len(self.connections) > MAX_CONNECTIONS:
            transport.abort()
        self._timer = self.loop.call_later(HEAD_SECONDS, self._late)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._stop_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Feed the parser; a head that is too long is answered with 431."""
        if self._timer is None and self._in_head:
            self._timer = self.loop.call_later(HEAD_SECONDS, self._late)
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.transport.write(
                b"HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            self.transport.close()

    def on_headers_complete(self) -> None:
        """Note the end of a head."""
        self._in_head = False
        self._head_bytes = 0
        self._stop_timer()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Note the end of a request; what follows is the next one's head."""
        self._in_head = True
        super().on_message_complete()

    def _late(self) -> None:
        self._timer = None
        self.transport.abort()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
