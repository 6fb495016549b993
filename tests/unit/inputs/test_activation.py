"""Sockets that systemd hands over: found by the address an input names, and closed by nobody."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from gelf_listener.errors import ConfigError
from gelf_listener.inputs import sockets
from gelf_listener.inputs.activation import Inherited
from gelf_listener.inputs.udp import UdpInput, UdpSettings
from tests.requirements import need
from tests.unit.fakes import FakeIntake

FIRST = 300


@pytest.fixture
def handed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[socket.socket]]:
    """UDP, TCP and Unix sockets at numbers in a row, as systemd leaves them."""
    udp, tcp = socket.socket(type=socket.SOCK_DGRAM), socket.socket()
    unix = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    for sock in (udp, tcp):
        sock.bind(("127.0.0.1", 0))
    tcp.listen()
    unix.bind(str(tmp_path / "log"))
    given = [udp, tcp, unix]
    for number, sock in enumerate(given):
        os.dup2(sock.fileno(), FIRST + number)
    environment = {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "3"}
    found = Inherited(environment, os.getpid(), FIRST)
    monkeypatch.setattr(sockets, "inherited", lambda: found)
    yield given
    for number, sock in enumerate(given):
        os.close(FIRST + number)
        sock.close()


def test_they_are_used_instead_of_binding(handed: list[socket.socket], tmp_path: Path) -> None:
    """By their address, as often as an input starts again; nothing is removed that was not made here."""
    udp, tcp, _ = handed
    for _ in range(2):
        (bound,) = sockets.bind_all(socket.SOCK_DGRAM, "127.0.0.1", udp.getsockname()[1])
        udp.sendto(b"hello", bound.getsockname())
        assert bound.recv(10) == b"hello"
        assert not bound.getblocking()
        bound.close()
    (listening,) = sockets.bind_all(socket.SOCK_STREAM, "127.0.0.1", tcp.getsockname()[1])
    socket.create_connection(listening.getsockname()).close()
    listening.close()
    local, inode = sockets.bind_unix(tmp_path / "log", 0o600, socket.SOCK_DGRAM)
    assert (local.getsockname(), inode) == (str(tmp_path / "log"), 0)
    local.close()


def test_another_address_is_bound(handed: list[socket.socket]) -> None:
    """And so is another kind of the same port."""
    tcp_port = handed[1].getsockname()[1]
    (bound,) = sockets.bind_all(socket.SOCK_DGRAM, "127.0.0.1", 0)
    assert bound.getsockname()[1] not in (tcp_port, handed[0].getsockname()[1])
    bound.close()


@pytest.mark.parametrize("host", ["*", "0.0.0.0", "::"])
def test_a_socket_of_both_families(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    """As `ListenDatagram=514` opens it: it is the one socket of the input."""
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    udp.bind(("::", 0))
    os.dup2(udp.fileno(), FIRST)
    found = Inherited({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}, os.getpid(), FIRST)
    monkeypatch.setattr(sockets, "inherited", lambda: found)
    bound = sockets.bind_all(socket.SOCK_DGRAM, host, udp.getsockname()[1])
    assert [sock.getsockname()[:2] for sock in bound] == [udp.getsockname()[:2]]
    for sock in (*bound, udp):
        sock.close()
    os.close(FIRST)


@pytest.mark.parametrize(
    "environment",
    [{}, {"LISTEN_FDS": "1"}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_PID": "x", "LISTEN_FDS": "x"}],
)
def test_what_was_meant_for_another_process_is_left_alone(environment: dict[str, str]) -> None:
    """As sd_listen_fds(3) has it."""
    assert Inherited(environment, os.getpid()).take(socket.SOCK_DGRAM, "127.0.0.1", 1) is None


def test_a_descriptor_that_is_no_socket_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """And the others are used."""
    file = os.open(tmp_path / "x", os.O_CREAT | os.O_RDWR)
    os.dup2(file, FIRST)
    try:
        Inherited({"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}, os.getpid(), FIRST)
    finally:
        os.close(FIRST)
        os.close(file)
    assert f"descriptor {FIRST}" in caplog.text


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors of a child are set up with sh")
def test_a_listener_takes_them_over() -> None:
    """The real process, started as systemd starts it: LISTEN_PID is its own."""
    udp = socket.socket(type=socket.SOCK_DGRAM)
    udp.bind(("127.0.0.1", 0))
    port = udp.getsockname()[1]
    program = (
        "import os, socket, sys\n"
        "from gelf_listener.inputs.sockets import bind_all\n"
        f"(sock,) = bind_all(socket.SOCK_DGRAM, '127.0.0.1', {port})\n"
        "print(sock.recv(100).decode())\n"
    )
    udp.sendto(b"sent before it started", udp.getsockname())
    shell = f'exec 3<&{udp.fileno()}; LISTEN_PID=$$ LISTEN_FDS=1 exec "{sys.executable}" -c "$0"'
    done = subprocess.run(
        [need("bash"), "-c", shell, program],
        pass_fds=[udp.fileno()],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    udp.close()
    assert done.stdout == "sent before it started\n", done.stderr


def test_they_are_shared(handed: list[socket.socket], caplog: pytest.LogCaptureFixture) -> None:
    """Connections of one socket are accepted by all; its datagrams, chunks among them, are one worker's."""
    udp, tcp, _ = handed
    shares = sockets.bind_shared(socket.SOCK_STREAM, "127.0.0.1", tcp.getsockname()[1], 2)
    assert [share[0].getsockname() for share in shares] == [tcp.getsockname()] * 2
    with socket.create_connection(tcp.getsockname()):
        (accepted, _), blocked = shares[1][0].accept(), shares[0][0]
        accepted.close()
        with pytest.raises(BlockingIOError):
            blocked.accept()
    assert caplog.text == ""
    datagrams = sockets.bind_shared(socket.SOCK_DGRAM, "127.0.0.1", udp.getsockname()[1], 2)
    assert [len(share) for share in datagrams] == [1, 0]
    assert "one worker reads it alone" in caplog.text
    for sock in [*(share[0] for share in shares), datagrams[0][0]]:
        sock.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what it dropped")
def test_what_was_dropped_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Is not counted by the next one that has the socket: a worker's outlives it."""
    found = Inherited({}, os.getpid())
    monkeypatch.setattr(sockets, "inherited", lambda: found)

    async def drops_after_more() -> tuple[float, float]:
        made = UdpInput(UdpSettings(host="127.0.0.1", port=address[1], receive_buffer_bytes=4096))
        await made.start(FakeIntake())
        before = made.counters()["kernel_drops_total"]
        flood()
        after = made.counters()["kernel_drops_total"]
        await made.close()
        return before, after

    def flood() -> None:
        for _ in range(200):
            sender.sendto(b"x" * 1000, address)

    with socket.socket(type=socket.SOCK_DGRAM) as given, socket.socket(type=socket.SOCK_DGRAM) as sender:
        given.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        given.bind(("127.0.0.1", 0))
        address = given.getsockname()
        found.add([given.fileno()])
        flood()
        before, after = asyncio.run(drops_after_more())
        assert before == 0
        assert 0 < after <= 200


def test_a_worker_binds_nothing_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has what it was given, and no more when that is taken back."""
    found = Inherited({}, os.getpid())
    found.only = True
    monkeypatch.setattr(sockets, "inherited", lambda: found)
    with socket.socket(type=socket.SOCK_DGRAM) as given:
        given.bind(("127.0.0.1", 0))
        port = given.getsockname()[1]
        found.add([given.fileno()])
        (bound,) = sockets.bind_all(socket.SOCK_DGRAM, "localhost", port)
        assert bound.getsockname() == given.getsockname()
        found.forget([given.fileno()])
        with pytest.raises(ConfigError, match="no address"):
            sockets.bind_all(socket.SOCK_DGRAM, "localhost", port)
        bound.close()
