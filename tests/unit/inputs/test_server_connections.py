"""Connections: who gives way, who may come, TLS before it is TLS, what is held while nothing is read."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import socket
import ssl
import weakref
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from gelf_listener.inputs import server_connections as module
from gelf_listener.inputs.allow import AllowList
from gelf_listener.inputs.http import HttpInput, HttpSettings
from gelf_listener.inputs.server_connections import Connections
from gelf_listener.inputs.tcp import TcpInput, TcpSettings, TlsInput, TlsInputSettings
from gelf_listener.inputs.turns import Turns
from gelf_listener.message import Peer
from tests.unit.fakes import FakeIntake, run

HELLO = b'{"short_message":"hello"}\0'


async def until(condition: Callable[[], object]) -> None:
    """Let the loop run until something holds."""
    async with asyncio.timeout(40):
        while not condition():
            await asyncio.sleep(0)


@asynccontextmanager
async def listening(made: Any, intake: FakeIntake) -> AsyncIterator[int]:
    """Run an input; its port."""
    await made.start(intake)
    try:
        yield int(made.listening[0].partition("://")[2].partition("/")[0].rpartition(":")[2])
    finally:
        await made.close()


def tcp(**settings: Any) -> TcpInput:
    return TcpInput(TcpSettings(**{"host": "127.0.0.1", "port": 0} | settings))


def connect(port: int, source: str = "127.0.0.1") -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 5, source_address=(source, 0))


def ended(sock: socket.socket) -> bool:
    """Whether the listener has closed a connection."""
    sock.setblocking(False)
    try:
        return sock.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    finally:
        sock.setblocking(True)


class FakeConnection:
    """What the collection asks of a protocol."""

    def __init__(self, peer: str = "", active_at: float = 0.0) -> None:
        self.peer = Peer(peer, 1) if peer else None
        self.active_at = active_at
        self.resumed = 0
        self.aborted = 0

    def abort(self) -> None:
        self.aborted += 1

    finish = abort

    def resume(self) -> None:
        self.resumed += 1

    def expired(self, now: float) -> bool:
        return False


def collection(intake: FakeIntake, limit: int = 3) -> Connections:
    return Connections("c", intake, asyncio.Protocol, max_connections=limit, allow=AllowList(()))


def test_who_gives_way() -> None:
    """The least active connection of whoever holds most, not of whoever is idlest."""

    async def main() -> None:
        held = collection(FakeIntake())
        quiet, first, second = FakeConnection("1.1.1.1", 1), FakeConnection("2.2.2.2", 2), FakeConnection("2.2.2.2", 3)
        for connection in (quiet, first, second):
            held.opened(connection)
        held.moved(first)
        held._make_room()
        assert [connection.aborted for connection in (quiet, first, second)] == [0, 0, 1]
        held.closed(second)
        assert len(held) == 2
        assert held.evicted_total == 1

    run(main())


def test_unfinished_messages_share_a_limit() -> None:
    """At the limit all are kept, one byte over closes the largest of whoever holds most, and others go on."""

    async def main() -> None:
        held = Connections(
            "c", FakeIntake(), asyncio.Protocol, max_connections=9, allow=AllowList(()), max_pending_bytes=100
        )
        honest, small, large = FakeConnection("1.1.1.1"), FakeConnection("2.2.2.2"), FakeConnection("2.2.2.2")
        for connection, size in ((honest, 40), (small, 25), (large, 35)):
            held.opened(connection)
            held.pend(connection, size)
        assert held.pending_bytes == 100
        assert len(held) == 3
        held.pend(small, 26)
        assert [connection.aborted for connection in (honest, small, large)] == [0, 0, 1]
        assert held.pending_bytes == 66
        held.pend(honest, 0)
        held.closed(small)
        assert held.pending_bytes == 0
        assert held.evicted_total == 1

    run(main())


def test_frames_that_never_end_stay_within_the_limit() -> None:
    """Many connections with a long unfinished frame each are closed before they fill memory; an honest one is served."""

    async def main() -> None:
        intake = FakeIntake()
        made = tcp(max_pending_bytes=200_000)
        async with listening(made, intake) as port:
            honest = connect(port)
            floods = [connect(port, "127.0.0.2") for _ in range(10)]
            for sock in floods:
                sock.sendall(b"{" + b"x" * 50_000)
            honest.sendall(b'{"host":"h","short_message":"honest"}\0')
            await until(lambda: intake.messages and made.counters()["connections_evicted_total"] >= 6)
            assert made.counters()["connections_pending_bytes"] <= 200_000
            assert {rejected.reason.value for rejected in intake.rejected} == {"frame_truncated"}
            for sock in (honest, *floods):
                sock.close()
            await until(lambda: made.counters()["connections_pending_bytes"] == 0)

    run(main())


def test_closed_twice_counts_once() -> None:
    """Or an address would seem to hold fewer connections than it does."""

    async def main() -> None:
        held = collection(FakeIntake())
        one, two = FakeConnection("1.1.1.1"), FakeConnection("1.1.1.1")
        held.opened(one)
        held.opened(two)
        held.closed(one)
        held.closed(one)
        assert held._held == {"1.1.1.1": 1}
        held.closed(two)
        assert held._held == {}
        held.closed(FakeConnection("9.9.9.9"))
        assert held._held == {}

    run(main())


def test_paused_connections_are_called_back_once() -> None:
    """One callback for all of them, and none for those that ended."""

    async def main() -> None:
        intake = FakeIntake()
        held = collection(intake)
        one, two = FakeConnection("1.1.1.1"), FakeConnection("2.2.2.2")
        for connection in (one, two):
            held.opened(connection)
            held.wait_for_room(connection)
        assert len(intake.calm) == 1
        held.closed(two)
        intake.relax()
        assert (one.resumed, two.resumed) == (1, 0)
        held.wait_for_room(one)
        assert len(intake.calm) == 1

    run(main())


def test_connections_that_end_while_paused_are_not_held() -> None:
    """Clients that come and go while an output is away do not fill memory."""

    async def main() -> None:
        intake = FakeIntake()
        held = collection(intake)
        for _ in range(100):
            connection = FakeConnection("1.1.1.1")
            held.opened(connection)
            held.wait_for_room(connection)
            held.closed(connection)
        assert len(held._paused) == 0
        assert len(intake.calm) == 1

    run(main())


def test_at_the_limit_over_it_and_after_it() -> None:
    """As many as allowed stay; one more makes one give way; then an honest one is served."""

    async def main() -> None:
        intake = FakeIntake()
        made = tcp(max_connections=3)
        async with listening(made, intake) as port:
            flood = [connect(port, "127.0.0.2") for _ in range(3)]
            await until(lambda: made.counters()["connections_total"] == 3)
            assert made.counters()["connections_evicted_total"] == 0
            honest = connect(port)
            honest.sendall(HELLO)
            await until(lambda: intake.messages)
            assert made.counters()["connections"] == 3
            assert made.counters()["connections_evicted_total"] == 1
            assert [ended(sock) for sock in flood] == [True, False, False]
            for sock in [*flood, honest]:
                sock.close()
            await until(lambda: made.counters()["connections"] == 0)

    asyncio.run(main())


def test_allow_list() -> None:
    """Who may not connect is rejected, closed, and takes no place."""

    async def main() -> None:
        intake = FakeIntake()
        made = tcp(allow="127.0.0.1/32")
        async with listening(made, intake) as port:
            with connect(port, "127.0.0.2") as stranger, connect(port) as honest:
                honest.sendall(HELLO)
                await until(lambda: intake.messages)
                assert intake.reasons == ["peer_not_allowed"]
                assert ended(stranger)
                assert made.counters()["connections"] == 1

    asyncio.run(main())


def test_time_outs_are_swept() -> None:
    """A connection whose time is up is closed and counted."""

    async def main() -> None:
        intake = FakeIntake()
        made = tcp(idle_timeout_seconds=0.001)
        async with listening(made, intake) as port:
            with connect(port) as sock:
                await until(lambda: made.counters()["connections"] == 1)
                await asyncio.sleep(0.002)
                assert made._connections is not None
                assert made._connections._sweeper is not None
                made._connections._sweeper.cancel()
                made._connections._sweep()
                await until(lambda: ended(sock))
                assert made.counters()["connections_timed_out_total"] == 1

    asyncio.run(main())


def test_closing_takes_what_was_read() -> None:
    """A frame whose end has not come is whole all the same; closing twice is harmless."""

    async def main() -> None:
        intake = FakeIntake()
        made = tcp()
        async with listening(made, intake) as port:
            with connect(port) as sock:
                sock.sendall(HELLO + HELLO[:-1])
                await until(lambda: intake.messages)
                await made.close()
                assert intake.texts == ["hello", "hello"]
                assert ended(sock)
                await made.close()

    asyncio.run(main())


def test_no_file_descriptors_left(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection stays in the backlog, with a warning, until there are some again."""

    async def main() -> None:
        intake = FakeIntake()
        made = tcp()
        async with listening(made, intake) as port:
            held = made._connections
            assert held is not None
            again: list[Any] = []
            monkeypatch.setattr(held._loop, "call_later", lambda _, function, *given: again.append((function, given)))

            listening_socket = held._listening[0]

            class Exhausted:
                def fileno(self) -> int:
                    number: int = listening_socket.fileno()
                    return number

                def accept(self) -> Any:
                    raise OSError(24, "Too many open files")

            held._accept(Exhausted())  # type: ignore[arg-type]
            monkeypatch.undo()
            with connect(port) as sock:
                sock.sendall(HELLO)
                for _ in range(20):
                    await asyncio.sleep(0)
                assert intake.messages == []
                assert len(again) == 1
                held._accept_again(held._listening[0])
                await until(lambda: intake.messages)

    asyncio.run(main())
    assert "Too many open files" in caplog.text


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def certificate(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tls") / "cert.pem"
    issued = authority.issue_cert("localhost", "127.0.0.1")
    issued.private_key_and_cert_chain_pem.write_to_path(path)
    return path


def tls(certificate: Path, **settings: Any) -> TlsInput:
    return TlsInput(TlsInputSettings(**{"host": "127.0.0.1", "port": 0, "cert": certificate} | settings))


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


async def send(port: int, context: ssl.SSLContext, data: bytes) -> ssl.SSLObject:
    """Send over TLS and close; the connection's side of TLS."""
    _, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    writer.write(data)
    await writer.drain()
    tls_object: ssl.SSLObject = writer.get_extra_info("ssl_object")
    tls_object.peer_der = tls_object.getpeercert(binary_form=True)  # type: ignore[attr-defined]
    writer.close()
    return tls_object


def test_tls(authority: trustme.CA, certificate: Path) -> None:
    """Messages by TLS, and HTTP on the same port."""

    async def main() -> None:
        intake = FakeIntake()
        made = tls(certificate)
        async with listening(made, intake) as port:
            await send(port, trusting(authority), HELLO)
            body = HELLO[:-1]
            await send(
                port, trusting(authority), b"POST /gelf HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
            )
            await until(lambda: len(intake.messages) == 2)
            await until(lambda: made.counters()["connections"] == 0)
            assert made.counters()["connections_total"] == 2
            assert intake.rejected == []

    asyncio.run(main())


def test_plain_text_on_a_tls_port(certificate: Path) -> None:
    """It is a rejection that says what to configure, with an excerpt; TLS goes on."""

    async def main() -> None:
        intake = FakeIntake()
        made = tls(certificate)
        async with listening(made, intake) as port:
            with connect(port) as sock:
                sock.sendall(HELLO)
                await until(lambda: intake.rejected)
                assert intake.reasons == ["unexpected_protocol"]
                assert "configure the client for TLS" in intake.rejected[0].detail
                assert intake.rejected[0].payload.startswith(b'{"short')
                await until(lambda: ended(sock))
            assert made.counters()["tls_handshakes_failed_total"] == 1
            await until(lambda: made.counters()["connections"] == 0)

    asyncio.run(main())


def test_a_client_without_trust(certificate: Path) -> None:
    """A handshake that fails is a rejection with what OpenSSL said, or at least leaves nothing open."""

    async def main() -> None:
        intake = FakeIntake()
        made = tls(certificate, client_ca=certificate)
        async with listening(made, intake) as port:
            context = ssl.create_default_context()
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            with pytest.raises((ssl.SSLError, ConnectionError)):
                await send(port, context, HELLO)
            await until(lambda: intake.rejected)
            assert "TLS handshake failed" in intake.rejected[0].detail
            assert intake.messages == []
            await until(lambda: made.counters()["connections"] == 0)

    asyncio.run(main())


def test_a_client_that_hangs_up_before_tls(certificate: Path) -> None:
    """Port scanners and health checks are neither rejections nor leaks."""

    async def main() -> None:
        intake = FakeIntake()
        made = tls(certificate)
        async with listening(made, intake) as port:
            connect(port).close()
            await until(lambda: made.counters()["connections_total"] == 1)
            await until(lambda: made.counters()["connections"] == 0)
            assert intake.rejected == []

    asyncio.run(main())


@pytest.mark.parametrize("first", [b"", b"\x16\x03\x01\x02"], ids=["silence", "half a hello"])
def test_a_handshake_has_its_time(certificate: Path, first: bytes) -> None:
    """Then it is rejected, and the connection is gone."""

    async def main() -> None:
        intake = FakeIntake()
        made = tls(certificate, handshake_timeout_seconds=0.05)
        async with listening(made, intake) as port:
            with connect(port) as sock:
                sock.sendall(first)
                await until(lambda: intake.rejected)
                assert intake.rejected[0].detail == "TLS handshake took too long"
                await until(lambda: ended(sock))
                await until(lambda: made.counters()["connections"] == 0)

    asyncio.run(main())


def test_handshakes_take_places_too(authority: trustme.CA, certificate: Path) -> None:
    """Silent connections of one address neither exceed the limit nor cost another its connection."""

    async def main() -> None:
        intake = FakeIntake()
        made = tls(certificate, max_connections=5)
        async with listening(made, intake) as port:
            _, writer = await asyncio.open_connection(
                "127.0.0.1", port, ssl=trusting(authority), server_hostname="localhost"
            )
            writer.write(HELLO)
            await until(lambda: intake.messages)
            flood = [connect(port, "127.0.0.2") for _ in range(100)]
            await until(lambda: made.counters()["connections_total"] == 101)
            assert made.counters()["connections"] == 5
            writer.write(HELLO)
            await until(lambda: len(intake.messages) == 2)
            for sock in flood:
                sock.close()
            writer.close()

    asyncio.run(main())


def test_renewed_certificates(authority: trustme.CA, tmp_path: Path) -> None:
    """`reopen` reads them for new connections."""

    async def main() -> None:
        path = tmp_path / "cert.pem"
        authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(path)
        intake = FakeIntake()
        made = tls(path)
        async with listening(made, intake) as port:
            before = await send(port, trusting(authority), HELLO)
            path.unlink()
            authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(path)
            made.reopen()
            after = await send(port, trusting(authority), HELLO)
            await until(lambda: len(intake.messages) == 2)
            assert before.peer_der != after.peer_der  # type: ignore[attr-defined]

    asyncio.run(main())


def test_answers_are_sent_before_closing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was accepted is answered; a peer that takes its time does not keep us indefinitely."""
    monkeypatch.setattr(module, "_LONGEST_FAREWELL_SECONDS", 0.05)

    async def main() -> None:
        intake = FakeIntake()
        made = HttpInput(HttpSettings(host="127.0.0.1", port=0))
        async with listening(made, intake) as port:
            with connect(port) as sock:
                body = HELLO[:-1]
                sock.sendall(b"POST /gelf HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
                await until(lambda: intake.messages)
                await made.close()
                assert sock.recv(1000).startswith(b"HTTP/1.1 202")
                assert ended(sock)

    asyncio.run(main())


def test_connections_are_accepted_for_some_milliseconds_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many wait to be; they come in later turns."""
    clock = itertools.count(step=0.001)

    async def main() -> None:
        held = collection(FakeIntake(), limit=100)
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=100))
            server.setblocking(False)
            for _ in range(20):
                stack.enter_context(connect(server.getsockname()[1]))
            counts = []
            while held.accepted_total < 20:
                before = held.accepted_total
                held._accept(server)
                counts.append(held.accepted_total - before)
            assert max(counts) <= 3
            for task in list(held._handshakes):
                task.cancel()
            await until(lambda: not held._handshakes)

    monkeypatch.setattr(module, "perf_counter", lambda: next(clock))
    asyncio.run(main())


def test_a_connection_that_gives_way_before_it_is_read_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """No cycles: a flood makes thousands a second, and collecting them held the loop up for 70 ms."""
    gone: list[weakref.ref[asyncio.Protocol]] = []

    class Protocol(asyncio.Protocol):
        """One that can be watched."""

    def make() -> asyncio.Protocol:
        made = Protocol()
        gone.append(weakref.ref(made))
        return made

    async def never(_turns: object, _host: str) -> None:
        await asyncio.get_running_loop().create_future()

    async def main() -> None:
        monkeypatch.setattr(Turns, "room", never)
        held = Connections("c", FakeIntake(), make, max_connections=2, allow=AllowList(()))
        with contextlib.ExitStack() as stack:
            server = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            server.setblocking(False)
            for _ in range(5):
                stack.enter_context(connect(server.getsockname()[1]))
                held._accept(server)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
            assert len(gone) == 5
            assert [each() is not None for each in gone] == [False, False, False, True, True]
            for task in list(held._handshakes):
                task.cancel()
            await until(lambda: not held._handshakes)

    gc.disable()
    try:
        asyncio.run(main())
    finally:
        gc.enable()
