"""Datagrams: a UDP socket that sends to one destination."""

from __future__ import annotations

import asyncio
import contextlib
import socket

_REFUSAL_SECONDS = 0.01
_RESOLVE_SECONDS = 60.0
"""How long an address that was looked up is believed."""


class Datagrams:
    """
    Sends datagrams.

    The socket is connected, so the system tells when a datagram was refused: nothing is listening on that port.

    Args:
        host: Name or address.
        port: UDP port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._socket: socket.socket | None = None
        self._resolved_at = 0.0
        self.sent = 0

    async def open(self) -> None:
        """
        Look the address up, if that is due.

        Raises:
            OSError: If there is none.
        """
        loop = asyncio.get_running_loop()
        if self._socket is not None and loop.time() - self._resolved_at < _RESOLVE_SECONDS:
            return
        found = await loop.getaddrinfo(self._host, self._port, type=socket.SOCK_DGRAM)
        self.close()
        # UDP cannot tell which family is listened on; of localhost's, a container publishes IPv4 for certain.
        first = min(found, key=lambda info: info[0] != socket.AF_INET) if self._host == "localhost" else found[0]
        family, kind, protocol, _, address = first
        self._socket = socket.socket(family, kind, protocol)
        self._socket.setblocking(False)
        self._socket.connect(address)
        self._resolved_at = loop.time()

    async def send(self, datagram: bytes) -> None:
        """
        Send a datagram; waits while the system has no room.

        Raises:
            OSError: If this one cannot be sent, or the one before was refused.
        """
        sock = self._socket
        if sock is None:
            raise ConnectionError("the socket is closed")
        while True:
            try:
                sock.send(datagram)
            except BlockingIOError:
                await _writable(sock)
            else:
                self.sent += 1
                return

    async def refused(self) -> bool:
        """Tell whether the last datagram was refused, which the system needs a moment to learn."""
        sock = self._socket
        if sock is None:
            return False
        await asyncio.sleep(_REFUSAL_SECONDS)
        return sock.fileno() >= 0 and sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0

    def close(self) -> None:
        """Close the socket. May be called twice; `open` opens another."""
        sock, self._socket = self._socket, None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.close()


async def _writable(sock: socket.socket) -> None:
    """Wait until a socket takes more."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[None] = loop.create_future()
    loop.add_writer(sock, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_writer(sock)
