"""StreamConnection: the transport around a session. Reading, back-pressure, acknowledging, and ends."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import time
from collections.abc import Callable, Iterator
from typing import cast

from gelf_listener.codec import Batch, Receipt, Session
from gelf_listener.codec.pickles import PICKLE_ADVICE
from gelf_listener.errors import Reason, Rejected
from gelf_listener.inputs.listening import SessionSettings
from gelf_listener.inputs.proxy_protocol import may_begin
from gelf_listener.inputs.server_connections import Connections
from gelf_listener.inputs.turns import Backlog, turns_of
from gelf_listener.intake import Intake
from gelf_listener.message import Peer

_log = logging.getLogger(__name__)

_PICKLE_STARTS = (0x7D, 0x80)
"""First byte of a pickled dict: protocol 1 (`SocketHandler`) and later ones."""

PROXY_HEADER = "a PROXY protocol header from an address that the setting proxies does not name"
_TELLING_BYTES = 6
TLS_ON_PLAIN = "a TLS handshake on a port without TLS: use the TLS port, or turn TLS off"
LUMBERJACK = (
    "what Beats send to Logstash (lumberjack), which is not spoken here: have them send to an elasticsearch+http input "
    "(output.elasticsearch)"
)
_LUMBERJACK_BYTES = 4
_LUMBERJACK_STARTS = (b"1W\0\0", b"2W\0\0")
"""The size of a window, of less than 65 536 events; text has no NULs there."""


def is_lumberjack(first: bytes) -> bool:
    """Whether the first bytes of a connection may be those of Beats' own protocol, in its first or second version."""
    return any(start.startswith(first[:_LUMBERJACK_BYTES]) for start in _LUMBERJACK_STARTS)


class StreamConnection(asyncio.Protocol):
    """
    One connection.

    Args:
        connections: The collection it belongs to.
        intake: Takes what was sent.
        session: What the connection speaks.
        settings: Of the input.
        input: The input's name.
    """

    def __init__(
        self, connections: Connections, intake: Intake, session: Session, settings: SessionSettings, input: str
    ) -> None:
        self.peer: Peer | None = None
        self.active_at = 0.0
        self._connections = connections
        self._intake = intake
        self._session = session
        self._settings = settings
        self._input = input
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._first: bytes | None = b""
        """The connection's first bytes until its protocol is known, then None."""
        self._pending = 0
        """Bytes of the unfinished message, as the collection knows them."""
        self._unsent = 0
        """Answers that wait until the messages before them are safe; nothing is read meanwhile."""
        self._unread = False
        """The peer does not read its answers: it gets no more before it does."""
        self._closing = False
        self._paused = False
        self._in_steps = False
        """Whether the session goes on without being fed."""

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start reading."""
        self._transport = cast("asyncio.Transport", transport)
        self.peer = self._connections.peer_of(self, transport)
        self.active_at = self._loop.time()
        sock = transport.get_extra_info("socket")
        if sock is not None and self._settings.keepalive:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        host = "" if self.peer is None else self.peer.host
        self._backlog = Backlog(turns_of(self._loop), host, self._take, self._stop_reading, self._read_on)
        self._connections.opened(self)
        if self._session.greeting:
            self._transport.write(self._session.greeting)

    def data_received(self, data: bytes) -> None:
        """Give the session what was read, and hand on what it made of it."""
        if self._closing:
            return
        if self._first is not None:
            self._first += data
            if not self.recognise(self._first):
                return
            data, self._first = self._first, None
        self._backlog.feed(data)

    def eof_received(self) -> bool:
        """Take what is complete; the transport then closes itself, unless an answer is on its way."""
        if self._backlog:
            self._backlog.then(self.finish)
        else:
            self._flush()
            if not self._unsent:
                return False
            self._closing = True
        return True

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """Take what is complete and forget the connection."""
        if not self._paused:
            self._backlog.unblock()
        self._backlog.then(self._forget)

    def _forget(self) -> None:
        self._flush()
        self._closing = True
        self._backlog.close()
        self._connections.closed(self)

    def pause_writing(self) -> None:
        """Stop reading: a peer that reads no answers would fill our memory."""
        self._unread = True
        self._backlog.block()
        self._stop_reading()

    def resume_writing(self) -> None:
        """Go on reading."""
        self._unread = False
        if not self._paused:
            self._backlog.unblock()
        self._read_on()

    # What the collection asks

    def abort(self) -> None:
        """Close at once, without looking at what waits for its turn; what is complete before it is handed over."""
        unseen = self._backlog.drop()
        self._flush()
        if unseen:
            receipt = self._receipt()
            detail = f"{unseen} bytes were received but not looked at: their connection had to be closed"
            receipt.reject(Reason.FRAME_TRUNCATED, detail)
            receipt.batch.hand_over(self._intake)
        self._closing = True
        self._transport.abort()

    def finish(self) -> None:
        """Take what is complete and close, once what is answered is sent."""
        self._backlog.finish()
        self._flush()
        self._closing = True
        if not self._unsent:
            self._transport.close()

    def resume(self) -> None:
        """Go on reading."""
        if self._paused:
            self._paused = False
            self.active_at = self._loop.time()  # we kept it waiting, it did not keep us
            if not self._unread:
                self._backlog.unblock()
            self._read_on()

    def expired(self, now: float) -> bool:
        """Whether the connection has been without a complete message for too long."""
        limit = self._settings.idle_timeout_seconds
        waits = self._paused or self._unsent or self._backlog
        return bool(limit) and not waits and now - self.active_at > limit

    # For subclasses

    def recognise(self, first: bytes) -> bool:
        """
        Tell the session's protocol from others by the first bytes; False when it cannot go on (yet).

        Args:
            first: All bytes so far.
        """
        if may_begin(first) and len(first) >= _TELLING_BYTES:
            self.refuse(PROXY_HEADER, first)
            return False
        if first[:1] == b"\x16" and first[1:2] in (b"", b"\x03"):
            if len(first) > 1:
                self.refuse(TLS_ON_PLAIN, first)
            return False
        if is_lumberjack(first):
            if len(first) >= _LUMBERJACK_BYTES:
                self.refuse(LUMBERJACK, first)
            return False
        return True

    def refuse(self, detail: str, data: bytes) -> None:
        """Reject what makes no sense here, and close at once."""
        receipt = self._receipt()
        receipt.reject(Reason.UNEXPECTED_PROTOCOL, detail, data)
        receipt.batch.hand_over(self._intake)
        self._first = None
        self._closing = True
        self._transport.abort()

    def count_pending(self) -> None:
        """Tell the collection when another number of bytes waits in the session."""
        pending = self._session.pending_bytes
        if pending != self._pending:
            self._pending = pending
            self._connections.pend(self, pending)

    # Bytes

    def _receipt(self) -> Receipt:
        return Receipt(self._input, self.peer, time.time(), Batch())

    def _take(self, data: bytes) -> None:
        """Give the session bytes, and more turns when it needs them."""
        self._take_some(data)
        if self._session.has_more and not self._in_steps:
            self._in_steps = True
            self._backlog.steps(self._rest())

    def _rest(self) -> Iterator[None]:
        """Let the session go on with what it has, a step a turn."""
        while self._session.has_more and not self._closing:
            yield
            self._take_some(b"")
        self._in_steps = False

    def _take_some(self, data: bytes) -> None:
        """Give the session bytes, and read no more while a buffer is crowded."""
        if self._closing:
            return
        self._run(lambda receipt: self._session.feed(data, receipt))
        self.count_pending()
        if self._session.ended and not self._closing:
            self._closing = True
            if self._session.resets:
                self._reset()
            elif not self._unsent:
                self._transport.close()
        if self._intake.crowded and not self._paused and not self._connections.spares(self):
            self._paused = True
            self._backlog.block()
            self._stop_reading()
            self._connections.wait_for_room(self)

    def _reset(self) -> None:
        """Close without the peer's leave: it gets an error for what it sends."""
        sock = self._transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def _flush(self) -> None:
        """Take what is complete when no more bytes come."""
        if self._first and not self._closing:
            first, self._first = self._first, None
            self._take(first)
        if not self._closing:
            self._run(self._session.feed_eof)

    def _run(self, feed: Callable[[Receipt], bytes]) -> None:
        """Hand over what the session makes of bytes; close the connection when it cannot go on."""
        receipt = self._receipt()
        try:
            answer = feed(receipt)
        except Rejected as rejected:
            receipt.add_rejection(rejected)
        except Exception:  # noqa: BLE001  (a bug must end neither the input nor other connections)
            _log.exception("%s: reading from %s failed", self._input, self.peer)
            receipt.reject(Reason.UNEXPECTED_PROTOCOL, "a bug of the listener; its log has the details")
        else:
            self._hand_over(receipt, answer)
            return
        self._hand_over(receipt, b"")
        self._closing = True
        self._transport.abort()

    def _hand_over(self, receipt: Receipt, answer: bytes) -> None:
        batch = receipt.batch
        if batch or answer:
            self.active_at = self._loop.time()
            self._connections.moved(self)
            batch.hand_over(self._intake)
        if answer:
            self._unsent += 1
            self._intake.when_safe(lambda error: self._send(answer, error))
            if self._unsent:
                self._stop_reading()

    def _send(self, answer: bytes, error: str | None) -> None:
        """Answer, now that all messages before are safe; not at all when they are not."""
        self._unsent -= 1
        if self._transport.is_closing():
            return
        if error is not None:
            _log.warning("%s: closing %s without an answer: %s", self._input, self.peer, error)
            self._closing = True
            self._transport.abort()
            return
        self._transport.write(answer)
        if self._closing and not self._unsent:
            self._transport.close()
        else:
            self._read_on()

    def _stop_reading(self) -> None:
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def _read_on(self) -> None:
        """Read again, unless there is another reason not to."""
        if not (self._paused or self._unread or self._unsent or self._closing or self._backlog.is_held):
            self._transport.resume_reading()


class TextConnection(StreamConnection):
    """A connection of a protocol that is text, so that what Python's `SocketHandler` sends can be told from it."""

    def recognise(self, first: bytes) -> bool:
        """Tell pickled log records too; see `StreamConnection.recognise`."""
        if first[:1] == b"\0" and len(first) < 5:
            return False
        if first[:1] == b"\0" and first[4] in _PICKLE_STARTS and first[1] == 0:
            self.refuse(PICKLE_ADVICE, first)
            return False
        return super().recognise(first)
