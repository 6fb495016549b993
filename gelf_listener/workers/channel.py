"""Channel: frames over a stream socket between two processes: a length (4 bytes, big endian), then so many bytes."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable

_LENGTH = struct.Struct(">I")
_FIRST_BUFFER_BYTES = 256 * 1024
_MOST_BYTES = 1 << 30
"""No batch is as long: such a length is damage."""


class Channel(asyncio.BufferedProtocol):
    """
    One end of a channel.

    Args:
        heard: Called with each frame.
        ended: Called once, when the other end is gone.
    """

    def __init__(self, heard: Callable[[memoryview], None], ended: Callable[[], None]) -> None:
        self.congested = False
        """Whether the other end does not keep up: what can be left out should be."""
        self._heard = heard
        self._ended = ended
        self._transport: asyncio.Transport | None = None
        self._buffer = bytearray(_FIRST_BUFFER_BYTES)
        self._filled = 0

    def send(self, frame: bytes) -> None:
        """Send a frame; after the end of the channel it is let go."""
        if self._transport is not None:
            self._transport.writelines((_LENGTH.pack(len(frame)), frame))

    def close(self) -> None:
        """Send what is left and close."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "writelines")  # noqa: S101
        self._transport = transport  # type: ignore[assignment]  # uvloop's is no subclass

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002
        """End."""
        self._transport = None
        self._ended()

    def pause_writing(self) -> None:
        """The other end does not keep up."""
        self.congested = True

    def resume_writing(self) -> None:
        """It does again."""
        self.congested = False

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Return where the next bytes go."""
        return memoryview(self._buffer)[self._filled :]

    def buffer_updated(self, nbytes: int) -> None:
        """Hand on the frames that are complete."""
        self._filled += nbytes
        start, needed = 0, _LENGTH.size
        while self._filled - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer, start)
            needed = _LENGTH.size + length
            if length > _MOST_BYTES:
                assert self._transport is not None  # noqa: S101
                self._transport.abort()
                return
            if self._filled - start < needed:
                break
            self._heard(memoryview(self._buffer)[start + _LENGTH.size : start + needed])
            start, needed = start + needed, _LENGTH.size
        self._keep(start, needed)

    def eof_received(self) -> bool:
        """Close."""
        return False

    def _keep(self, start: int, needed: int) -> None:
        """Move the beginning of a frame to the front of a buffer that it fits; one that got large is let go."""
        rest = bytes(memoryview(self._buffer)[start : self._filled])
        size = max(needed, _FIRST_BUFFER_BYTES)
        if len(self._buffer) != size:
            self._buffer = bytearray(size)
        self._buffer[: len(rest)] = rest
        self._filled = len(rest)


async def open_channel(sock: socket.socket, heard: Callable[[memoryview], None], ended: Callable[[], None]) -> Channel:
    """Begin to talk by one of a pair of sockets."""
    channel = Channel(heard, ended)
    sock.setblocking(False)
    await asyncio.get_running_loop().connect_accepted_socket(lambda: channel, sock)
    return channel
