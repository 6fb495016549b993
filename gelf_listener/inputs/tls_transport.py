"""
TLS between a socket's transport and a protocol, for connections that others open.

uvloop's own loses what it has read and not yet decrypted when the peer closes while reading is paused (0.23.0,
`findings/uvloop-tls-pause-loses.sh`), and loggers write, close, and never read. Here all that was read is handed on at
once, also while reading is paused: pausing stops reading from the socket, and nothing waits in between.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any, cast

_READ_BYTES = 256 * 1024
_NOBODY = asyncio.Protocol()
"""The protocol of a connection that is lost."""


class TlsTransport(asyncio.Transport, asyncio.Protocol):
    """
    The transport of a protocol, and the protocol of a socket's transport.

    Args:
        protocol: Gets what was decrypted; its connection is made when hands were shaken.
        context: With the server's certificate.
        loop: Runs both.
    """

    def __init__(self, protocol: asyncio.Protocol, context: ssl.SSLContext, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.established: asyncio.Future[None] = loop.create_future()
        """Done after the handshake; with `ssl.SSLError` or `OSError` when it failed."""
        self._protocol = protocol
        self._context = context
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._socket: asyncio.Transport
        self._made = False
        self._ended = False
        self._closing = False

    # Protocol of the socket's transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Wait for the client to begin."""
        self._socket = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Decrypt, and hand on all there is."""
        if self._closing:
            return
        self._incoming.write(data)
        if not self._made:
            self._shake_hands()
        if self._made:
            self._read()

    def eof_received(self) -> bool:
        """The peer closed, without a word of TLS as when its process ends: all it sent before was handed on."""
        if not self._made:
            self._failed(ConnectionResetError("the peer closed during the handshake"))
            return False
        if self._end():
            return True
        self.close()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell whoever waits, or the protocol."""
        self._closing = True
        if self._made:
            self._protocol.connection_lost(exc)
            self._protocol = _NOBODY  # which has us for its transport: nothing is left for the collection of garbage
        else:
            lost = ConnectionResetError("the connection was closed during the handshake")
            self._failed(lost if exc is None else exc)

    def pause_writing(self) -> None:
        """Tell the protocol."""
        if self._made:
            self._protocol.pause_writing()

    def resume_writing(self) -> None:
        """Tell the protocol."""
        if self._made:
            self._protocol.resume_writing()

    # Transport of the protocol

    def write(self, data: bytes | bytearray | memoryview[Any]) -> None:
        """Encrypt and send."""
        if data and not self._closing:
            try:
                self._object.write(data)
            except ssl.SSLError:
                self.abort()
                return
            self._send()

    def close(self) -> None:
        """Say goodbye, and close when all is sent."""
        if self._closing:
            return
        self._closing = True
        with contextlib.suppress(ssl.SSLError):  # the peer's goodbye is not waited for
            self._object.unwrap()
        self._send()
        self._socket.close()

    def abort(self) -> None:
        """Close at once."""
        self._closing = True
        self._socket.abort()

    def is_closing(self) -> bool:
        """Whether it is closed, or will be."""
        return self._closing or self._socket.is_closing()

    def pause_reading(self) -> None:
        """Read no more from the socket."""
        self._socket.pause_reading()

    def resume_reading(self) -> None:
        """Read from the socket again."""
        self._socket.resume_reading()

    def is_reading(self) -> bool:
        """Whether the socket is read."""
        return self._socket.is_reading()

    def get_protocol(self) -> asyncio.BaseProtocol:
        """Return who gets what was decrypted."""
        return self._protocol

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand on to another from now on."""
        self._protocol = cast("asyncio.Protocol", protocol)

    def get_write_buffer_size(self) -> int:
        """Return how many encrypted bytes wait."""
        return self._socket.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """Return when the protocol is told to stop and to go on writing."""
        return self._socket.get_write_buffer_limits()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Set when the protocol is told to stop and to go on writing."""
        self._socket.set_write_buffer_limits(high, low)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what is known of TLS, or of the socket."""
        known: dict[str, Callable[[], Any]] = {
            "sslcontext": lambda: self._context,
            "ssl_object": lambda: self._object,
            "peercert": self._object.getpeercert,
            "cipher": self._object.cipher,
        }
        return known[name]() if name in known else self._socket.get_extra_info(name, default)

    # TLS

    def _shake_hands(self) -> None:
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            self._send()
            return
        except (ssl.SSLError, ssl.CertificateError) as error:
            self._send()  # why, for the client
            self._closing = True
            self._socket.close()
            self._failed(error)
            return
        self._send()
        if self.established.done():  # nobody waits any longer
            self.abort()
            return
        self._made = True
        self.established.set_result(None)
        self._protocol.connection_made(self)

    def _failed(self, error: Exception) -> None:
        if not self.established.done():
            self.established.set_exception(error.with_traceback(None))  # whose frames have us, and we have the error

    def _read(self) -> None:
        """Hand on what can be decrypted; a record that was tampered with ends the connection after that."""
        parts: list[bytes] = []
        said_goodbye = False
        broken: ssl.SSLError | None = None
        try:
            while part := self._object.read(_READ_BYTES):
                parts.append(part)
            said_goodbye = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            said_goodbye = True
        except ssl.SSLError as error:
            broken = error
        self._send()
        if parts:
            self._protocol.data_received(b"".join(parts))
        if broken is not None:
            self.abort()
        elif said_goodbye and not self._end():
            self.close()

    def _end(self) -> bool:
        """Tell the protocol once that nothing more comes; whether it closes the connection itself."""
        if self._ended or self._closing:
            return False
        self._ended = True
        return bool(self._protocol.eof_received())

    def _send(self) -> None:
        if data := self._outgoing.read():
            self._socket.write(data)
