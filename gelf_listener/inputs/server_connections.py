"""
Connections: accept them, bound their number, share it fairly.

Laws:

* At most ``max_connections`` are open, handshakes included. When one more comes, the connection that has been
  without a complete message for longest, of the peer address that holds most, gives way. So one address cannot
  lock out another.
* At most ``max_pending_bytes`` of unfinished messages are held on all connections together; the same rule says who
  gives way.
* A proxy that is believed says at the beginning of a connection whom it forwards (PROXY protocol). From then on, that
  is the peer: it has to be allowed, and messages and rejections name it.
* A TLS connection is looked at before the handshake: plain text on it is rejected with a reason, and a failed
  handshake is a rejection too, with what OpenSSL said.
"""

from __future__ import annotations

import asyncio
import functools
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable
from time import perf_counter
from typing import NamedTuple, Protocol

from gelf_listener.errors import Reason, Rejected
from gelf_listener.inputs import Intake
from gelf_listener.inputs.allow import AllowList
from gelf_listener.inputs.proxy_protocol import MOST_BYTES, may_begin, parse_header
from gelf_listener.inputs.sockets import peer_of
from gelf_listener.inputs.tls_transport import TlsTransport
from gelf_listener.inputs.turns import TURN_SECONDS, turns_of
from gelf_listener.message import Peer

_log = logging.getLogger(__name__)

_ACCEPTS_PER_TURN = 64
_SWEEP_SECONDS = 1.0
_LOOK_SECONDS = 0.05
_PROXY_SECONDS = 5.0
"""How long a proxy may take to say whom it forwards; it does so before anything else."""
_PROXY_STEP_SECONDS = 0.01
_LONGEST_FAREWELL_SECONDS = 1.0
"""How long a connection may take to send its last answers when the input closes."""


class Connection(Protocol):
    """What the collection asks of a connection's protocol."""

    peer: Peer | None
    active_at: float
    """Loop time of the last complete message, or of the connection's start."""

    def abort(self) -> None:
        """Close at once."""

    def finish(self) -> None:
        """Hand over what is complete and close."""

    def resume(self) -> None:
        """Go on reading after back-pressure."""

    def expired(self, now: float) -> bool:
        """Whether a time-out of the protocol has passed."""


class _Handshake(NamedTuple):
    """A connection that is accepted, but not yet with its protocol."""

    peer: Peer | None
    began_at: float
    """Loop time."""


class Connections:
    """
    The open connections of one input, on all its listening sockets.

    Args:
        name: The input's name.
        intake: Takes rejections.
        make: Makes the protocol for a new connection; it calls `opened` and `closed` here.
        context: With TLS, the server's side of it.
        handshake_timeout_seconds: With TLS, time for a handshake.
        max_connections: Most connections at a time.
        allow: Who may connect.
        proxies: Who is believed when it says whom it forwards.
        asks_requests: Whether a proxy that does not say so at the beginning may in each request.
        sweep: Called once a second, for what the input itself has to time out.
        max_pending_bytes: Most bytes of unfinished messages on all connections together.
    """

    def __init__(
        self,
        name: str,
        intake: Intake,
        make: Callable[[], asyncio.Protocol],
        *,
        max_connections: int,
        allow: AllowList,
        proxies: AllowList | None = None,
        asks_requests: bool = False,
        context: ssl.SSLContext | None = None,
        handshake_timeout_seconds: float = 10.0,
        sweep: Callable[[], None] | None = None,
        max_pending_bytes: int = 128 * 1024 * 1024,
    ) -> None:
        self._name = name
        self._intake = intake
        self._make = make
        self._max_connections = max_connections
        self.allow = allow
        self.proxies = AllowList(()) if proxies is None else proxies
        self._asks_requests = asks_requests
        self._forwarded: dict[object, Peer] = {}
        """Whom a proxy said that it forwards, by the protocol that does not know yet."""
        self.context = context
        self._handshake_timeout_seconds = handshake_timeout_seconds
        self._loop = asyncio.get_running_loop()
        self._listening: list[socket.socket] = []
        self._open: dict[Connection, None] = {}
        self._handshakes: dict[asyncio.Task[None], _Handshake] = {}
        self._starting: dict[object, asyncio.Task[None]] = {}
        """The handshake a new protocol belongs to."""
        self._held: Counter[str] = Counter()
        self._max_pending_bytes = max_pending_bytes
        self._pending: dict[Connection, int] = {}
        """Bytes of the unfinished message of each connection that has one."""
        self.pending_bytes = 0
        self._paused: dict[Connection, None] = {}
        self._closed = asyncio.Event()
        """Set whenever a connection ends."""
        self._waiting = False
        """Whether the intake will call `_resume`."""
        self._look: asyncio.TimerHandle | None = None
        """When those are looked for that need not wait any longer, while some do."""
        self._input_sweep = sweep
        self._sweeper: asyncio.TimerHandle | None = None
        self.accepted_total = 0
        self.evicted_total = 0
        self.timed_out_total = 0
        self.failed_handshakes_total = 0

    def __len__(self) -> int:
        """Return how many connections are open, handshakes included."""
        return len(self._open) + len(self._handshakes)

    def listen(self, sockets: list[socket.socket]) -> None:
        """Accept connections on listening sockets from now on."""
        for sock in sockets:
            self._listening.append(sock)
            self._loop.add_reader(sock.fileno(), self._accept, sock)
        self._sweep()

    async def close(self) -> None:
        """Stop accepting, let every connection hand over what is complete, close."""
        for sock in self._listening:
            self._loop.remove_reader(sock.fileno())
            sock.close()
        self._listening = []
        for timer in (self._sweeper, self._look):
            if timer is not None:
                timer.cancel()
        for task in list(self._handshakes):
            task.cancel()
        await asyncio.gather(*self._handshakes, return_exceptions=True)
        for connection in list(self._open):
            connection.finish()
        try:
            async with asyncio.timeout(_LONGEST_FAREWELL_SECONDS):
                while self._open:
                    self._closed.clear()
                    await self._closed.wait()
        except TimeoutError:
            pass  # a peer that does not take its answers
        for connection in list(self._open):
            connection.abort()

    def opened(self, connection: Connection) -> None:
        """Note a connection that is ready to read; called by its protocol."""
        task = self._starting.pop(connection, None)
        if task is not None:
            self._shook_hands(task)  # not when the task ends, a moment later: it would count twice until then
        self._open[connection] = None
        self._hold(connection.peer)

    def closed(self, connection: Connection) -> None:
        """Forget a connection; called by its protocol, once."""
        self.pend(connection, 0)
        self._paused.pop(connection, None)
        self._closed.set()
        if self._open.pop(connection, 0) is None:
            self._release(connection.peer)

    def unfinished(self) -> list[Connection]:
        """Return the connections that hold a message that has not ended."""
        return list(self._pending)

    def pend(self, connection: Connection, size: int) -> None:
        """
        Note how many bytes of an unfinished message a connection holds.

        When all hold too much, the largest of the peer address that holds most is closed, until there is room.
        """
        before = self._pending.pop(connection, 0)
        if size:
            self._pending[connection] = size
        self.pending_bytes += size - before
        while self.pending_bytes > self._max_pending_bytes:
            by_host: Counter[str] = Counter()
            for pending, held in self._pending.items():
                by_host[_host(pending)] += held
            heaviest = by_host.most_common(1)[0][0]
            of_heaviest = [pending for pending in self._pending if _host(pending) == heaviest]
            largest = max(of_heaviest, key=self._pending.__getitem__)
            self.evicted_total += 1
            largest.abort()
            self.closed(largest)

    def moved(self, connection: Connection) -> None:
        """Count a connection as just active; keeps the least active first."""
        if connection in self._open:
            del self._open[connection]
            self._open[connection] = None

    def spares(self, connection: Connection) -> bool:
        """Whether a connection need not wait for a crowded or full intake; see `Intake.spares`."""
        return connection.peer is not None and self._intake.spares(connection.peer.host)

    def wait_for_room(self, connection: Connection) -> None:
        """Resume a connection, which has stopped reading, when the intake has room, for others or for its peer."""
        self._paused[connection] = None
        if self._look is None:
            self._look = self._loop.call_later(_LOOK_SECONDS, self._resume_spared)
        if not self._waiting:
            self._waiting = True
            self._intake.when_calm(self._resume)

    def counters(self) -> dict[str, float]:
        """Return counters by metric name."""
        return {
            "connections": len(self),
            "connections_pending_bytes": self.pending_bytes,
            "connections_total": self.accepted_total,
            "connections_evicted_total": self.evicted_total,
            "connections_timed_out_total": self.timed_out_total,
            "tls_handshakes_failed_total": self.failed_handshakes_total,
        }

    def _resume_spared(self) -> None:
        """Have those go on whose messages are written, while others go on crowding the intake."""
        self._look = None
        for connection in [each for each in self._paused if self.spares(each)]:
            del self._paused[connection]
            connection.resume()
        if self._paused and self._look is None:
            self._look = self._loop.call_later(_LOOK_SECONDS, self._resume_spared)

    def _resume(self) -> None:
        self._waiting = False
        paused, self._paused = self._paused, {}
        for connection in paused:
            if connection in self._open:
                connection.resume()

    def _accept(self, listening: socket.socket) -> None:
        ends_at = perf_counter() + TURN_SECONDS  # in a flood there are always more
        for _ in range(_ACCEPTS_PER_TURN):
            if perf_counter() > ends_at:
                return
            try:
                sock, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as error:  # out of file descriptors: leave it in the backlog for a moment
                _log.warning("%s: cannot accept a connection: %s", self._name, error)
                self._loop.remove_reader(listening.fileno())
                self._loop.call_later(1.0, self._accept_again, listening)
                return
            self.accepted_total += 1
            peer = peer_of(address)
            if not (self.is_proxy(peer) or self.allow.allows(peer)):
                self._intake.reject(self.allow.rejection(peer, b"", self._name))
                sock.close()
                continue
            if len(self) >= self._max_connections:
                self._make_room()
            sock.setblocking(False)
            task = self._loop.create_task(self._connect(sock, peer))
            self._handshakes[task] = _Handshake(peer, self._loop.time())
            self._hold(peer)
            task.add_done_callback(functools.partial(self._connected, sock))

    def _accept_again(self, listening: socket.socket) -> None:
        if listening in self._listening:
            self._loop.add_reader(listening.fileno(), self._accept, listening)

    def _make_room(self) -> None:
        """Close the least active connection, or the oldest handshake, of whoever holds most."""
        heaviest = self._held.most_common(1)[0][0] if self._held else None

        def gives_way(peer: Peer | None) -> bool:
            return heaviest is None or (peer is not None and peer.host == heaviest)

        # Both are in order of age, and at least one has an entry: the limit was reached.
        connection = next((open_ for open_ in self._open if gives_way(open_.peer)), None)
        task = next((task for task, handshake in self._handshakes.items() if gives_way(handshake.peer)), None)
        self.evicted_total += 1
        if task is not None and (connection is None or self._handshakes[task].began_at < connection.active_at):
            self._shook_hands(task)  # at once: cancelling takes a turn of the loop
            task.cancel()
        elif connection is not None:
            connection.abort()
            self.closed(connection)

    def _connected(self, sock: socket.socket, task: asyncio.Task[None]) -> None:
        """Forget a handshake that ended; one that was cancelled before its first step has not closed its socket."""
        self._shook_hands(task)
        if task.cancelled():
            sock.close()

    def _shook_hands(self, task: asyncio.Task[None]) -> None:
        """Forget a handshake, once."""
        handshake = self._handshakes.pop(task, None)
        if handshake is not None:
            self._release(handshake.peer)

    def _hold(self, peer: Peer | None) -> None:
        if peer is not None:
            self._held[peer.host] += 1

    def _release(self, peer: Peer | None) -> None:
        if peer is not None:
            self._held[peer.host] -= 1
            if not self._held[peer.host]:
                del self._held[peer.host]

    async def _connect(self, sock: socket.socket, peer: Peer | None) -> None:
        """Hand a socket to its protocol, through TLS where there is a context."""
        protocol = self._make()
        self._starting[protocol] = _this_task()  # no name for it here: one that is cancelled would keep its own frame
        try:
            await turns_of(self._loop).room("" if peer is None else peer.host)
            if self.is_proxy(peer):
                forwarded = await self._ask_proxy(sock, peer)
                if forwarded is None:
                    return
                peer = self._forwarded[protocol] = forwarded
            if self.context is None:
                await self._loop.connect_accepted_socket(lambda: protocol, sock)
                return
            async with asyncio.timeout(self._handshake_timeout_seconds):
                first = await self._peek(sock)
                if not first:
                    sock.close()
                    return
                if first[0] != 0x16:
                    detail = "plain text on a port that speaks TLS: configure the client for TLS"
                    self._fail(sock, Reason.UNEXPECTED_PROTOCOL, detail, first, peer)
                    return
                secured = TlsTransport(protocol, self.context, self._loop)
                await self._loop.connect_accepted_socket(lambda: secured, sock)
                try:
                    await secured.established
                except BaseException:
                    secured.abort()
                    del secured  # it has the error, and the error has this frame
                    raise
        except TimeoutError:
            self._fail(sock, Reason.UNEXPECTED_PROTOCOL, "TLS handshake took too long", b"", peer)
        except ssl.SSLError as error:
            detail = f"TLS handshake failed: {error.reason or error}"
            self._fail(sock, Reason.UNEXPECTED_PROTOCOL, detail, b"", peer)
        except OSError:
            sock.close()  # the peer went away
        finally:
            self._starting.pop(protocol, None)
            self._forwarded.pop(protocol, None)

    def is_proxy(self, peer: Peer | None) -> bool:
        """Whether a peer is believed when it says whom it forwards."""
        return bool(self.proxies) and self.proxies.allows(peer)

    def peer_of(self, protocol: object, transport: asyncio.BaseTransport) -> Peer | None:
        """Return whom a new connection comes from: the peer, or whom a proxy forwards."""
        return self._forwarded.pop(protocol, None) or peer_of(transport.get_extra_info("peername"))

    def forwards(self, protocol: object, peer: Peer | None) -> None:
        """Tell a protocol that takes over from another whom its connection comes from."""
        if peer is not None:
            self._forwarded[protocol] = peer

    async def _ask_proxy(self, sock: socket.socket, peer: Peer | None) -> Peer | None:
        """Read what a proxy puts in front of a connection; None when the connection was refused."""
        size = -1
        data = b""
        found: Peer | None = None
        try:
            async with asyncio.timeout(_PROXY_SECONDS):
                while True:
                    data = await self._peek(sock, MOST_BYTES)
                    if not data or not may_begin(data):
                        break
                    header = parse_header(data)
                    if header is not None:
                        sock.recv(header.size)
                        found = header.peer
                        break
                    if len(data) == size:
                        await asyncio.sleep(_PROXY_STEP_SECONDS)
                    size = len(data)
        except TimeoutError:
            if size >= 0:
                self._refuse(sock, Reason.UNEXPECTED_PROTOCOL, "a PROXY protocol header that does not end", data, peer)
                return None
        except ValueError as error:
            self._refuse(sock, Reason.UNEXPECTED_PROTOCOL, str(error), data, peer)
            return None
        if found is None and self._asks_requests:
            return peer
        peer = peer if found is None else found
        if self.allow.allows(peer):
            return peer
        self._intake.reject(self.allow.rejection(peer, b"", self._name))
        sock.close()
        return None

    async def _peek(self, sock: socket.socket, most: int = 64) -> bytes:
        """Wait for the first bytes and leave them in the socket."""
        while True:
            try:
                return sock.recv(most, socket.MSG_PEEK)
            except (BlockingIOError, InterruptedError):
                readable: asyncio.Future[None] = self._loop.create_future()
                self._loop.add_reader(sock.fileno(), _resolve, readable)
                try:
                    await readable
                finally:
                    self._loop.remove_reader(sock.fileno())

    def _fail(self, sock: socket.socket, reason: Reason, detail: str, payload: bytes, peer: Peer | None) -> None:
        self.failed_handshakes_total += 1
        self._refuse(sock, reason, detail, payload, peer)

    def _refuse(self, sock: socket.socket, reason: Reason, detail: str, payload: bytes, peer: Peer | None) -> None:
        self._intake.reject(Rejected(reason, detail, payload, peer=peer, input=self._name))
        sock.close()

    def _sweep(self) -> None:
        """Once a second, close connections whose time is up."""
        now = self._loop.time()
        for connection in [connection for connection in self._open if connection.expired(now)]:
            self.timed_out_total += 1
            connection.abort()
        if self._input_sweep is not None:
            self._input_sweep()
        self._sweeper = self._loop.call_later(_SWEEP_SECONDS, self._sweep)


def _this_task() -> asyncio.Task[None]:
    task = asyncio.current_task()
    assert task is not None  # noqa: S101
    return task


def _host(connection: Connection) -> str:
    return "" if connection.peer is None else connection.peer.host


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
