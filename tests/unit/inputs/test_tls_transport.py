"""TLS on a socket's transport: all that was sent arrives, whatever is paused when the peer closes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest
import trustme
import uvloop

from gelf_listener.inputs.tls_transport import TlsTransport

AUTHORITY = trustme.CA()
LOOPS = pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])


class Recorder(asyncio.Protocol):
    """Keeps what came, and pauses when it is told to."""

    def __init__(self, *, pauses: bool = False, keeps_open: bool = False) -> None:
        self.data = b""
        self.events: list[str] = []
        self.lost = asyncio.get_running_loop().create_future()
        self.came = asyncio.Event()
        self.ended = asyncio.Event()
        self.transport: Any
        self._pauses, self._keeps_open = pauses, keeps_open

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self.events.append("made")

    def data_received(self, data: bytes) -> None:
        self.data += data
        self.came.set()
        if self._pauses:
            self.transport.pause_reading()

    def eof_received(self) -> bool:
        self.events.append("eof")
        self.ended.set()
        return self._keeps_open

    def connection_lost(self, exc: Exception | None) -> None:
        self.events.append("lost")
        self.lost.set_result(exc)


def context(*, server: bool) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH if server else ssl.Purpose.SERVER_AUTH)
    if server:
        AUTHORITY.issue_cert("localhost").configure_cert(made)
        made.num_tickets = 0
    else:
        AUTHORITY.configure_trust(made)
    return made


def run(loop: Callable[[], asyncio.AbstractEventLoop], main: Callable[[], Any]) -> None:
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(asyncio.wait_for(main(), 60))


async def accepted(protocol: asyncio.Protocol) -> tuple[TlsTransport, socket.socket]:
    """A transport that waits for a handshake, and the client's socket."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    loop = asyncio.get_running_loop()
    made = TlsTransport(protocol, context(server=True), loop)
    await loop.connect_accepted_socket(lambda: made, ours)
    return made, theirs


def secured(sock: socket.socket) -> ssl.SSLSocket:
    sock.settimeout(60)
    return context(server=False).wrap_socket(sock, server_hostname="localhost")


@LOOPS
def test_a_peer_that_closes_while_reading_is_paused(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Nothing of what it sent is lost, with and without a goodbye of TLS."""
    sent = bytes(range(256)) * 2000

    async def main() -> None:
        for goodbye in (False, True):
            recorder = Recorder(pauses=True)
            transport, sock = await accepted(recorder)

            def client(sock: socket.socket = sock, goodbye: bool = goodbye) -> None:
                with secured(sock) as stream:
                    stream.sendall(sent)
                    if goodbye:
                        stream.settimeout(0.01)
                        with contextlib.suppress(OSError):  # it is not answered while nothing is read
                            stream.unwrap()

            sending = asyncio.get_running_loop().run_in_executor(None, client)
            await transport.established
            while not recorder.lost.done():
                await recorder.came.wait()
                recorder.came.clear()
                await asyncio.sleep(0.01)  # the rest, and the end, come while reading is paused
                transport.resume_reading()
                if len(recorder.data) == len(sent):
                    await recorder.lost
            await sending
            assert recorder.data == sent
            assert recorder.events == ["made", "eof", "lost"]

    run(loop, main)


@LOOPS
def test_an_answer_after_the_end(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """A client that ends its half of the stream still gets what is written then, and the goodbye."""

    async def main() -> None:
        recorder = Recorder(keeps_open=True)
        transport, sock = await accepted(recorder)

        def client() -> bytes:
            with secured(sock) as stream:
                stream.sendall(b"question")
                socket.socket.shutdown(stream, socket.SHUT_WR)  # its own would end TLS in both directions
                return b"".join(iter(lambda: stream.recv(100), b""))

        asking = asyncio.get_running_loop().run_in_executor(None, client)
        await recorder.ended.wait()
        transport.write(b"an" + b"s" * 100_000)
        transport.write(b"wer")
        transport.close()
        assert transport.is_closing()
        transport.write(b"nothing more")
        assert await asking == b"an" + b"s" * 100_000 + b"wer"
        await recorder.lost
        assert recorder.data == b"question"

    run(loop, main)


@LOOPS
@pytest.mark.parametrize("first", [b"\x16\x03\x01\x00\x05hello", b"\x16"])
def test_a_handshake_that_fails(loop: Callable[[], asyncio.AbstractEventLoop], first: bytes) -> None:
    """Whoever waits is told; the protocol never hears of it."""

    async def main() -> None:
        recorder = Recorder()
        transport, sock = await accepted(recorder)
        sock.sendall(first)
        sock.shutdown(socket.SHUT_WR)
        with pytest.raises(OSError, match=r"closed during the handshake|SSL"):
            await transport.established
        sock.close()
        assert recorder.events == []

    run(loop, main)


@LOOPS
def test_a_record_that_was_tampered_with(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """What came before it is handed on, and the connection ends."""

    async def main() -> None:
        recorder = Recorder()
        _, sock = await accepted(recorder)

        def client() -> None:
            stream = secured(sock)
            stream.sendall(b"good")
            with socket.socket(fileno=stream.detach()) as plain:
                plain.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))

        await asyncio.get_running_loop().run_in_executor(None, client)
        await recorder.lost
        assert recorder.data == b"good"
        assert recorder.events == ["made", "lost"]

    run(loop, main)


@LOOPS
def test_what_is_known_of_it(loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """Of TLS, and of the socket beneath."""

    async def main() -> None:
        recorder = Recorder()
        transport, sock = await accepted(recorder)
        shaking = asyncio.get_running_loop().run_in_executor(None, secured, sock)
        await transport.established
        assert isinstance(transport.get_extra_info("sslcontext"), ssl.SSLContext)
        assert transport.get_extra_info("cipher")[0].startswith("TLS_")
        assert transport.get_extra_info("socket").fileno() >= 0
        assert transport.get_extra_info("nothing", "none") == "none"
        assert transport.get_protocol() is recorder
        assert transport.is_reading()
        transport.abort()
        await recorder.lost
        (await shaking).close()

    run(loop, main)
