"""Connection: a stream to a destination, by TCP or TLS, that knows what the destination's kernel has."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
import sys
from pathlib import Path
from typing import Self, cast

_FIRST_POLL_SECONDS = 0.0002
_LONGEST_POLL_SECONDS = 0.02
_CLOSE_SECONDS = 2.0
_ESTABLISHED = 1
"""State of a TCP connection that is whole."""
_MOST_UNREAD_BYTES = 1024 * 1024
"""What a destination may say that nobody reads."""

try:
    import fcntl
    import termios

    _OUTQ: int | None = termios.TIOCOUTQ if sys.platform == "linux" else None
except ImportError:  # Windows
    _OUTQ = None


class Connection(asyncio.Protocol):
    """
    Writes to a stream.

    GELF and syslog have no acknowledgements. What TCP has is used instead: `write` returns when the destination's
    kernel acknowledged the last byte (where the system tells: Linux), so what it lost with a broken connection is
    known.
    """

    def __init__(self, *, keep: bool = False) -> None:
        self._transport: asyncio.Transport
        self._lost: str | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._gone = asyncio.Event()
        self._said = bytearray()
        self._heard = asyncio.Event()
        self._keep = keep

    @classmethod
    async def open(
        cls, host: str, port: int, context: ssl.SSLContext | None, seconds: float, *, keep: bool = False
    ) -> Self:
        """
        Connect.

        Args:
            host: Name or address.
            port: TCP port.
            context: For TLS.
            seconds: Longest time it may take.
            keep: Keep what the destination says, for `read`; otherwise it is thrown away.

        Raises:
            OSError: If the destination cannot be reached; time-outs and what TLS minds are of this kind too.
        """
        loop = asyncio.get_running_loop()
        server_hostname = host if context is not None else None
        async with asyncio.timeout(seconds):
            transport, made = await loop.create_connection(
                lambda: cls(keep=keep), host, port, ssl=context, server_hostname=server_hostname
            )
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return made

    @classmethod
    async def open_unix(cls, path: Path, context: ssl.SSLContext | None, seconds: float, *, keep: bool = False) -> Self:
        """Connect to a Unix socket; see `open`. What is written has arrived when the program at its end has read it."""
        async with asyncio.timeout(seconds):
            _, made = await asyncio.get_running_loop().create_unix_connection(
                lambda: cls(keep=keep), str(path), ssl=context, server_hostname="localhost" if context else None
            )
        return made

    @property
    def lost(self) -> str | None:
        """Why nothing can be written any more; None while it can."""
        return self._lost

    async def write(self, data: bytes, seconds: float) -> None:
        """
        Write, and wait until the destination's kernel has it.

        Args:
            data: All of it.
            seconds: Longest time in which the destination takes nothing. One that is slow takes less than a batch in
                any time that is short enough to notice one that hangs, and would be sent the batch again indefinitely.

        Raises:
            OSError: If that fails; nobody knows how much of the data arrived.
        """
        self._check()
        self._transport.write(data)
        clock = asyncio.get_running_loop().time
        least, since = len(data) + 1, clock()
        poll = _FIRST_POLL_SECONDS
        while left := self._unacknowledged():
            if left < least:
                least, since = left, clock()
            elif clock() - since > seconds:
                raise TimeoutError
            if self._room.is_set():
                await asyncio.sleep(poll)
                poll = min(poll * 2, _LONGEST_POLL_SECONDS)
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(_LONGEST_POLL_SECONDS):
                        await self._room.wait()

    async def read(self, seconds: float) -> bytes:
        """
        Return what the destination said since the last call, some bytes at least.

        Raises:
            OSError: If it ends, or says nothing in time.
        """
        async with asyncio.timeout(seconds):
            while not self._said:
                self._check()
                self._heard.clear()
                await self._heard.wait()
        data = bytes(self._said)
        self._said.clear()
        self._transport.resume_reading()
        return data

    async def close(self) -> None:
        """Close, after what was written is on its way. May be called twice."""
        self._end("closed")
        self._transport.close()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._gone.wait()
        except TimeoutError:
            self._transport.abort()

    def _check(self) -> None:
        if self._lost is not None:
            raise ConnectionError(self._lost)

    def _unacknowledged(self) -> int:
        """
        How many bytes are on their way; 0 where that cannot be told.

        Raises:
            OSError: If they never will be: a connection that was reset has none on their way either.
        """
        self._check()
        waiting = self._transport.get_write_buffer_size()
        if _OUTQ is None:
            return waiting
        sock: socket.socket = self._transport.get_extra_info("socket")
        count: int = struct.unpack("i", fcntl.ioctl(sock.fileno(), _OUTQ, b"\0\0\0\0"))[0]
        if not waiting and not count and _is_broken(sock):
            raise ConnectionError("the connection was broken")
        return waiting + count

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Keep what somebody wants to read, within bounds."""
        if self._keep:
            self._said += data
            self._heard.set()
            if len(self._said) > _MOST_UNREAD_BYTES:
                self._transport.pause_reading()

    def eof_received(self) -> bool:
        """A destination that says no more has closed: what is written now would be lost without a word."""
        self._end("the destination closed the connection")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Tell whoever waits."""
        self._end(str(error or "the connection was closed"))
        self._gone.set()

    def pause_writing(self) -> None:
        """Let writers wait."""
        self._room.clear()

    def resume_writing(self) -> None:
        """Let writers go on."""
        self._room.set()

    def _end(self, why: str) -> None:
        if self._lost is None:
            self._lost = why
        self._room.set()
        self._heard.set()


def _is_broken(sock: socket.socket) -> bool:
    """Whether a connection with nothing on its way was reset."""
    if sock.family == socket.AF_UNIX:
        return False  # the loop is told before anything is lost
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] != _ESTABLISHED
