"""Sending frames over a byte stream: TCP, TLS, syslog over either."""

from __future__ import annotations

import codecs
import select
import socket
import ssl
import struct
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from gelf_handlers.stats import Counters
from gelf_handlers.transport import Interrupted

__all__ = ["StreamTransport", "connect", "unacknowledged_bytes"]

_SLICE_SECONDS: Final = 0.25
_MAX_SEND_BYTES: Final = 1 << 18
_REMEMBERED_BYTES: Final = 1 << 23
_LINGER_SECONDS: Final = 2.0
_SIOCOUTQ: Final = 0x5411

codecs.lookup("idna")  # see gelf_handlers.resolve


def connect(
    host: str, port: int, timeout_seconds: float, context: ssl.SSLContext | None = None, name: str | None = None
) -> socket.socket:
    """
    Connect over TCP, to whichever of the name's addresses answers, IPv6 or IPv4, and shake hands where it is TLS.

    Keep-alive is on: a peer that vanished (power, firewall) is noticed within about a minute while idle.

    Args:
        host: Name or address.
        port: Its port.
        timeout_seconds: To connect, and for each step of the handshake.
        context: For TLS; None without.
        name: To expect of the server, if not `host`.
    """
    connected = socket.create_connection((host, port), timeout_seconds)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for keep_alive, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 10), ("TCP_KEEPCNT", 3)):
        option = getattr(socket, keep_alive, None)
        if option is not None:
            connected.setsockopt(socket.IPPROTO_TCP, option, value)
    if context is None:
        return connected
    try:
        return context.wrap_socket(connected, server_hostname=name or host)
    except BaseException:
        connected.close()
        raise


def unacknowledged_bytes(connected: socket.socket) -> int:
    """Return the bytes the kernel holds that the peer's kernel has not acknowledged (Linux; else 0)."""
    if not sys.platform.startswith("linux"):
        return 0
    import fcntl

    try:
        return int(struct.unpack("i", fcntl.ioctl(connected.fileno(), _SIOCOUTQ, b"\0\0\0\0"))[0])
    except (OSError, ValueError):
        return 0


class StreamTransport:
    """
    Sends frames over one connection, kept open and watched.

    Guarantee: a frame counts as sent when the kernel has taken all of it. Before each batch the peer is
    checked: one that has closed is left before anything is written to it (graypy's first record after a close
    vanishes). A frame the kernel took in part is sent again, whole, over the next connection. What the kernel took
    but the peer had not acknowledged when the connection broke is counted as possibly lost.

    A peer that is there but reads nothing is waited for, without limit; the queue's bound holds meanwhile.
    """

    max_batch = 128
    idle_seconds: float | None = None

    def __init__(self, open_socket: Callable[[], socket.socket], counters: Counters) -> None:
        self.stopping: Callable[[], bool] = lambda: False
        self._open = open_socket
        self._counters = counters
        self._socket: socket.socket | None = None
        # Lengths of the frames last handed over, to tell how many the unacknowledged bytes are.
        self._recent: deque[int] = deque()
        self._recent_bytes = 0

    def send(self, batch: deque[bytes]) -> None:
        """Send what is in the batch as one stretch of bytes."""
        connected = self._connected()
        frames = list(batch)
        data = memoryview(b"".join(frames))
        position = 0
        settled = 0
        settled_bytes = 0
        try:
            while position < len(data):
                try:
                    position += connected.send(data[position : position + _MAX_SEND_BYTES])
                except (TimeoutError, ssl.SSLWantWriteError, ssl.SSLWantReadError):
                    if self.stopping():
                        raise Interrupted("closing while the peer reads nothing") from None
                    if self._closed_by_peer(connected):
                        raise ConnectionResetError("closed by the peer") from None
                while settled < len(frames) and settled_bytes + len(frames[settled]) <= position:
                    settled_bytes += len(frames[settled])
                    self._remember(len(frames[settled]))
                    settled += 1
                    batch.popleft()
                    self._counters.sent += 1
        except OSError:
            self._broken(connected, position - settled_bytes)
            raise

    def _remember(self, length: int) -> None:
        self._recent.append(length)
        self._recent_bytes += length
        while self._recent_bytes > _REMEMBERED_BYTES and len(self._recent) > 1:
            self._recent_bytes -= self._recent.popleft()

    def _connected(self) -> socket.socket:
        connected = self._socket
        if connected is not None:
            if not self._closed_by_peer(connected):
                return connected
            self._broken(connected, 0)
        connected = self._open()
        connected.settimeout(_SLICE_SECONDS)
        self._socket = connected
        self._counters.connections += 1
        return connected

    @staticmethod
    def _closed_by_peer(connected: socket.socket) -> bool:
        """Tell whether the peer has closed; what it may have written (it should not) is read and forgotten."""
        try:
            while True:
                pending = isinstance(connected, ssl.SSLSocket) and connected.pending() > 0
                if not pending and not _readable(connected):
                    return False
                timeout = connected.gettimeout()
                connected.settimeout(0)
                try:
                    if not connected.recv(4096):
                        return True
                finally:
                    connected.settimeout(timeout)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False  # TLS's own business: session tickets
        except (OSError, ValueError):
            return True

    def _broken(self, connected: socket.socket, partial: int) -> None:
        """Close a connection that failed, and count the frames whose arrival is in doubt."""
        doubtful = unacknowledged_bytes(connected) - partial
        lost = 0
        while doubtful > 0 and self._recent:
            doubtful -= self._recent.pop()
            lost += 1
        self._counters.possibly_lost += lost
        self.abandon()

    def idle(self) -> None:
        """The kernel keeps the connection alive."""

    def close(self) -> None:
        """
        Half-close, wait for the kernel to deliver what it holds, close.

        Unread bytes (TLS session tickets) are read first: closing over them makes the kernel send a reset, and
        a reset makes the peer throw away what it has not read yet.
        """
        connected = self._socket
        if connected is None:
            return
        try:
            if not self._closed_by_peer(connected):
                connected.settimeout(0)
                if isinstance(connected, ssl.SSLSocket):
                    _say_goodbye(connected)
                connected.shutdown(socket.SHUT_WR)
                deadline = time.monotonic() + _LINGER_SECONDS
                while unacknowledged_bytes(connected) > 1 and time.monotonic() < deadline:
                    time.sleep(0.005)
        except (OSError, ValueError):
            pass
        if self._socket is not None:
            self._broken(connected, 1)  # our FIN counts as one byte

    def abandon(self) -> None:
        """Close this process's copy of the socket."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._recent.clear()
        self._recent_bytes = 0


def _readable(connected: socket.socket) -> bool:
    if hasattr(select, "poll"):
        poll = select.poll()  # unlike select(), not limited to descriptors below 1024
        poll.register(connected, select.POLLIN)
        return bool(poll.poll(0))
    return bool(select.select([connected], [], [], 0)[0])


def _say_goodbye(connected: ssl.SSLSocket) -> None:
    """Send close_notify without waiting for the peer's."""
    try:
        connected.unwrap()
    except (OSError, ValueError):
        return
