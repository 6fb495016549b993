"""UDP: datagrams read in batches; GELF, plain, zlib or gzip, whole or in chunks."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import sys
import time
from collections.abc import Sequence
from functools import partial
from time import perf_counter
from typing import Any, ClassVar

from pydantic import Field

from gelf_listener.codec import Batch, DatagramDecoder, GelfDecoder
from gelf_listener.codec.text.bodies import foreign_frame
from gelf_listener.inputs.allow import AllowList
from gelf_listener.inputs.container_intake import ReadsContainers
from gelf_listener.inputs.datagram_reader import DatagramReader, Datagrams, datagram_reader
from gelf_listener.inputs.gelf import GelfInputSettings, expire_chunks
from gelf_listener.inputs.listening import ListeningSettings
from gelf_listener.inputs.sockets import bind_all, listening_url
from gelf_listener.inputs.turns import READ_SECONDS
from gelf_listener.intake import Intake
from gelf_listener.message import Peer
from gelf_listener.settings import Size

_log = logging.getLogger(__name__)

_SO_RCVBUFFORCE = 33
_SO_MEMINFO = 55
_SK_MEMINFO_DROPS = 8
_LONGEST_CLOSE_SECONDS = 2.0
"""How long we read what the kernel holds before we close: in a flood there is always more."""
_FULL_STEP_SECONDS = 0.01
_PAUSE_AFTER_ERROR_SECONDS = 1.0
_NAMED_EVERY_SECONDS = 60.0
_MOST_NAMED = 3
_FIRST_READ = 32
_DEAR_SECONDS = 0.004
_CHEAP_SECONDS = 0.001
"""What one read may cost: the next ones take half as many datagrams, or twice as many."""


class DatagramSettings(ListeningSettings):
    """Settings of inputs that read datagrams."""

    receive_buffer_bytes: Size = Field(
        32 * 1024 * 1024,
        ge=4096,
        le=2**31 - 1,
        description="Kernel buffer to ask for: it holds what arrives while we are busy; beyond it the kernel drops.",
    )


class UdpSettings(GelfInputSettings, DatagramSettings):
    """Settings of `gelf+udp://`."""

    port: int = Field(12201, ge=0, le=65535, description="Port to bind; 0 picks a free one.")


class DatagramInput:
    """
    Reads datagrams; subclasses say what is in them.

    Guarantee: at most once. What the kernel drops before we read it is lost; `kernel_drops_total` counts it
    per socket. Everything read becomes a message or a counted rejection, but what senders that fill a buffer send while
    it is full and others send too: `dropped_total` counts that, and the log names them.
    """

    Settings: ClassVar[type[DatagramSettings]]
    scheme: ClassVar[str]
    senders_wait: ClassVar[bool] = False
    """Whether senders are made to wait when nothing is read."""
    settings: DatagramSettings

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.name = settings.name or f"{self.scheme}-{self.place}"
        self.listening: list[str] = []
        self._decoder = self.decoder()
        self._allow = AllowList(settings.allow)
        self._sockets: list[socket.socket] = []
        self._readers: dict[int, DatagramReader] = {}
        self._most = _FIRST_READ
        """Datagrams of the next read; it grows while they are cheap, for garbage and bombs are not."""
        self._reading = False
        self._closed_drops = 0
        self._expiry: asyncio.TimerHandle | None = None
        self._datagrams = 0
        self._dropped = 0
        self._named_at = float("-inf")
        """When the log named who fills a buffer, loop time."""

    @property
    def place(self) -> str:
        """What tells this input from others of its scheme, for its name."""
        return str(self.settings.port)

    def decoder(self) -> DatagramDecoder:
        """Make what reads the datagrams."""
        raise NotImplementedError

    def bind(self) -> list[socket.socket]:
        """Open the sockets."""
        return bind_all(socket.SOCK_DGRAM, self.settings.host, self.settings.port)

    def shared_port(self) -> tuple[socket.SocketKind, str, int] | None:
        """Return what workers may share; see `SharesPorts`."""
        return socket.SOCK_DGRAM, self.settings.host, self.settings.port

    def url(self, sock: socket.socket) -> str:
        """Write where a socket listens."""
        return listening_url(self.scheme, sock)

    async def start(self, intake: Intake) -> None:
        """Bind the sockets and begin to read; see `Input.start`."""
        self._intake = intake
        self._loop = asyncio.get_running_loop()
        self._sockets = self.bind()
        for sock in self._sockets:
            _enlarge_receive_buffer(sock, self.settings.receive_buffer_bytes)
            self._readers[sock.fileno()] = datagram_reader(sock)
            self.listening.append(self.url(sock))
            self._closed_drops -= _kernel_drops(sock)
        self._resume()
        self._expire()

    async def close(self) -> None:
        """Read what the kernel still holds, then close; see `Input.close`."""
        if not self._sockets:
            return
        self._pause()
        if self._expiry is not None:
            self._expiry.cancel()
        deadline = self._loop.time() + _LONGEST_CLOSE_SECONDS
        for reader in self._readers.values():
            while self._loop.time() < deadline:
                if self._intake.full and not self._greedy:
                    await asyncio.sleep(_FULL_STEP_SECONDS)
                elif self._read(reader, reader.batch) < reader.batch:
                    break
                else:
                    await asyncio.sleep(0)
        self.sweep(closing=True)
        self._closed_drops += sum(_kernel_drops(sock) for sock in self._sockets)
        for sock in self._sockets:
            sock.close()
        self._sockets = []
        self._readers = {}

    def counters(self) -> dict[str, float]:
        """Return what the kernel counted."""
        return {
            "datagrams_total": self._datagrams,
            "dropped_total": self._dropped,
            "kernel_drops_total": self._closed_drops + sum(_kernel_drops(sock) for sock in self._sockets),
        }

    def sweep(self, *, closing: bool = False) -> None:
        """Let go, once a second and when the input closes, of what waits too long."""

    def _resume(self) -> None:
        if not self._reading:
            self._reading = True
            for fileno, reader in self._readers.items():
                self._loop.add_reader(fileno, partial(self._readable, reader))

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            for fileno in self._readers:
                self._loop.remove_reader(fileno)

    def _readable(self, reader: DatagramReader) -> None:
        """Read for some milliseconds: the loop has other work too."""
        began = now = perf_counter()
        while now - began < READ_SECONDS:
            if self._intake.full and not self._greedy:
                self._pause()
                self._intake.when_ready(self._ready)
                return
            most, before = min(self._most, reader.batch), now
            count = self._read(reader, most)
            now = perf_counter()
            if now - before > _DEAR_SECONDS:
                self._most = max(count // 2, 1)
            elif count == most and now - before < _CHEAP_SECONDS:
                self._most = most * 2
            if count < most:
                return

    def _ready(self) -> None:
        if self._sockets:
            self._resume()

    def _read(self, reader: DatagramReader, most: int) -> int:
        """Take one batch from the kernel and hand it on; return how many datagrams it had."""
        try:
            payloads, peers = reader.read(most)
        except OSError as error:
            _log.warning("%s: reading failed: %s", self.name, error)
            self._pause()  # the socket stays readable: without a pause the loop would do nothing else
            self._loop.call_later(_PAUSE_AFTER_ERROR_SECONDS, self._ready)
            return 0
        if not payloads:
            return 0
        now = time.time()
        batch = Batch()
        count = len(payloads)
        self._datagrams += count
        if self._allow:
            payloads, peers = self._sift(payloads, peers, batch)
        if self._intake.full:
            payloads, peers = self._spared(payloads, peers)
        self._decoder.decode_datagrams(payloads, peers, now, batch)
        batch.hand_over(self._intake)
        return count

    def _sift(self, payloads: list[bytes], peers: Sequence[Peer], batch: Batch) -> Datagrams:
        """Leave out what peers sent that are not allowed."""
        good: list[bytes] = []
        senders: list[Peer] = []
        for data, peer in zip(payloads, peers, strict=True):
            if self._allow.allows(peer):
                good.append(data)
                senders.append(peer)
            else:
                batch.rejected.append(self._allow.rejection(peer, data, self.name))
        return good, senders

    @property
    def _greedy(self) -> frozenset[str]:
        """Of a full intake, whose datagrams are let go; nobody's: none are read."""
        return frozenset() if self.senders_wait else self._intake.greedy

    def _spared(self, payloads: list[bytes], peers: Sequence[Peer]) -> Datagrams:
        """Let go of what senders sent that fill a buffer, so that others lose nothing by them."""
        greedy = self._greedy
        if not greedy:
            return payloads, peers
        kept = [(data, peer) for data, peer in zip(payloads, peers, strict=True) if peer.host not in greedy]
        if len(kept) < len(payloads):
            self._dropped += len(payloads) - len(kept)
            self._name(greedy)
        return [data for data, _ in kept], [peer for _, peer in kept]

    def _name(self, greedy: frozenset[str]) -> None:
        """Say, once in a while, whose datagrams are dropped."""
        now = self._loop.time()
        if now - self._named_at >= _NAMED_EVERY_SECONDS:
            self._named_at = now
            some = ", ".join(sorted(greedy)[:_MOST_NAMED]) + (", ..." if len(greedy) > _MOST_NAMED else "")
            _log.warning("%s: a buffer is full, most of it from %s: dropping what comes from there", self.name, some)

    def _expire(self) -> None:
        self.sweep()
        self._expiry = self._loop.call_later(1.0, self._expire)


class UdpInput(ReadsContainers, DatagramInput):
    """
    Reads GELF datagrams.

    Guarantee: at most once; see `DatagramInput`.
    """

    Settings: ClassVar[type[UdpSettings]] = UdpSettings
    scheme: ClassVar[str] = "gelf+udp"
    settings: UdpSettings
    _decoder: GelfDecoder

    def decoder(self) -> GelfDecoder:
        """Make what reads the datagrams."""
        return self.settings.decoder(self.name, foreign_frame)

    def counters(self) -> dict[str, float]:
        """Return what the kernel and the chunk reassembly counted."""
        chunks = self._decoder.reassembler.counters
        return super().counters() | {
            "chunks_total": chunks.total_chunks,
            "chunked_messages_complete_total": chunks.complete_messages,
            "chunked_messages_expired_total": chunks.expired_messages,
            "chunked_messages_evicted_total": chunks.evicted_messages,
            "chunks_expired_total": chunks.expired_chunks,
            "chunks_duplicate_total": chunks.duplicate_chunks,
            "chunked_messages_pending": len(self._decoder.reassembler),
            "chunked_bytes_pending": self._decoder.reassembler.pending_bytes,
        }

    def sweep(self, *, closing: bool = False) -> None:
        """Let go of messages whose chunks stopped coming."""
        expire_chunks(self._decoder, self._intake, closing=closing)


def _enlarge_receive_buffer(sock: socket.socket, wanted: int) -> None:
    """Ask for a receive buffer, past the system's maximum where we may; warn when we get less."""
    if sys.platform == "linux":
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, wanted)
        except OSError:
            pass
        else:
            return
    with contextlib.suppress(OSError):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted)
    got = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
    if sys.platform == "linux":
        got //= 2  # the kernel doubles what is asked for
    if got < wanted:
        _log.warning(
            "UDP receive buffer is %d bytes, not %d: bursts may be dropped by the kernel; "
            "allow more with: sysctl -w net.core.rmem_max=%d",
            got,
            wanted,
            wanted,
        )


def _kernel_drops(sock: socket.socket) -> int:
    """Datagrams the kernel dropped on a socket, as `/proc/net/udp` shows them (Linux; 0 elsewhere)."""
    if sys.platform != "linux":
        return 0
    try:
        words = sock.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 36)
    except OSError:
        return 0
    values = struct.unpack(f"{len(words) // 4}I", words)
    return values[_SK_MEMINFO_DROPS] if len(values) > _SK_MEMINFO_DROPS else 0
