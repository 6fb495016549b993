"""Sockets: ports on both families, and errors that say what to do."""

from __future__ import annotations

import contextlib
import errno
import select
import socket
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from gelf_listener.errors import ConfigError
from gelf_listener.inputs.sockets import _explain, bind_all, bind_shared, listening_url, peer_of
from gelf_listener.message import Peer

KINDS = [socket.SOCK_STREAM, socket.SOCK_DGRAM]


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")


@pytest.fixture
def closing() -> Iterator[list[socket.socket]]:
    sockets: list[socket.socket] = []
    yield sockets
    for sock in sockets:
        sock.close()


@needs_ipv6
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("host", ["localhost", "*", ""])
def test_one_port_on_both_families(kind: socket.SocketKind, host: str, closing: list[socket.socket]) -> None:
    """Port 0 picks a port that is free on both, IPv4 first; no socket blocks."""
    closing += bind_all(kind, host, 0)
    assert [sock.family for sock in closing] == [socket.AF_INET, socket.AF_INET6]
    assert len({sock.getsockname()[1] for sock in closing}) == 1
    assert not any(sock.getblocking() for sock in closing)


@needs_ipv6
def test_port_0_tries_again_when_the_other_family_has_the_port(
    closing: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port that is free for IPv4 may be taken for IPv6."""
    closing += bind_all(socket.SOCK_STREAM, "::1", 0)
    taken = closing[0].getsockname()[1]
    closing[0].listen()
    real, ports = socket.socket.bind, [taken]

    class Socket(socket.socket):
        def bind(self, address):
            if self.family == socket.AF_INET and ports:
                address = (address[0], ports.pop())
            return real(self, address)

    monkeypatch.setattr("gelf_listener.inputs.sockets.socket.socket", Socket)
    found = bind_all(socket.SOCK_STREAM, "localhost", 0)
    closing += found
    assert ports == []
    assert {sock.getsockname()[1] for sock in found} != {taken}
    assert len(found) == 2


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_a_numeric_host(host: str, closing: list[socket.socket]) -> None:
    """One address is one socket."""
    closing += bind_all(socket.SOCK_DGRAM, host, 0)
    assert [sock.getsockname()[0] for sock in closing] == [host]


@pytest.mark.parametrize("kind", KINDS)
def test_in_use(kind: socket.SocketKind, closing: list[socket.socket]) -> None:
    """The error names the port and what to do, and nothing stays bound."""
    closing += bind_all(kind, "127.0.0.1", 0)
    port = closing[0].getsockname()[1]
    if kind == socket.SOCK_STREAM:
        closing[0].listen()
    with pytest.raises(ConfigError) as caught:
        bind_all(kind, "localhost", port)
    assert str(caught.value) == f"localhost port {port} is in use by another program; stop it or choose another port"


def test_streams_listen_at_once(closing: list[socket.socket]) -> None:
    """Who reads that we listen may connect; and a port that cannot be listened on is found with the others."""
    closing += bind_all(socket.SOCK_STREAM, "127.0.0.1", 0)
    with socket.create_connection(closing[0].getsockname(), 5):
        pass
    with pytest.raises(ConfigError, match="in use"):
        bind_all(socket.SOCK_STREAM, "127.0.0.1", closing[0].getsockname()[1])


@pytest.mark.parametrize("host", ["no-such-host.invalid", "a..b", "x" * 70])
def test_unresolvable(host: str) -> None:
    """A name that cannot be resolved, or is none, is a usage error."""
    with pytest.raises(ConfigError, match="cannot be resolved"):
        bind_all(socket.SOCK_DGRAM, host, 0)


def test_not_of_this_machine() -> None:
    """A documentation address is nobody's."""
    with pytest.raises(ConfigError, match=r"'192\.0\.2\.1' is not an address of this machine"):
        bind_all(socket.SOCK_DGRAM, "192.0.2.1", 0)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "CAP_NET_BIND_SERVICE"),
        (errno.EADDRINUSE, "in use"),
        (errno.EADDRNOTAVAIL, "not an address of this machine"),
        (errno.ENOBUFS, "cannot be bound: No buffer"),
    ],
)
def test_explanations(number: int, words: str) -> None:
    """Each error says what to do, or at least what the system said."""
    assert words in _explain(OSError(number, "No buffer"), "host", 1)


@pytest.mark.parametrize(
    ("address", "peer"),
    [
        (("1.2.3.4", 5), Peer("1.2.3.4", 5)),
        (("::1", 5, 0, 0), Peer("::1", 5)),
        (("fe80::1%eth0", 5, 0, 2), Peer("fe80::1", 5)),
        ("/run/socket", Peer("127.0.0.1", 0)),
        ("", Peer("127.0.0.1", 0)),
        (None, None),
        ((), None),
    ],
)
def test_peer_of(address: object, peer: Peer | None) -> None:
    """A Unix socket has this machine at its other end."""
    assert peer_of(address) == peer


@needs_ipv6
def test_listening_url(closing: list[socket.socket]) -> None:
    """With the real port, IPv6 in brackets."""
    closing += bind_all(socket.SOCK_DGRAM, "localhost", 0)
    port = closing[0].getsockname()[1]
    assert [listening_url("gelf+udp", sock) for sock in closing] == [
        f"gelf+udp://127.0.0.1:{port}",
        f"gelf+udp://[::1]:{port}",
    ]


needs_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux divides a port between sockets")


@needs_linux
@pytest.mark.parametrize("kind", KINDS)
def test_a_shared_port(kind: socket.SocketKind, closing: list[socket.socket]) -> None:
    """Every share has a socket of the same port, on every address."""
    shares = bind_shared(kind, "localhost", 0, 3)
    closing += [sock for share in shares for sock in share]
    ports = {sock.getsockname()[1] for share in shares for sock in share}
    assert len(ports) == 1
    assert len({len(share) for share in shares}) == 1
    assert {sock.getsockname()[0] for sock in shares[2]} == {sock.getsockname()[0] for sock in shares[0]}
    assert not any(sock.getblocking() for share in shares for sock in share)


@needs_linux
def test_one_sender_stays_with_one_share(closing: list[socket.socket]) -> None:
    """Chunks have to meet; many senders are divided."""
    shares = bind_shared(socket.SOCK_DGRAM, "127.0.0.1", 0, 2)
    closing += [sock for share in shares for sock in share]
    address = shares[0][0].getsockname()
    for number in range(64):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(5):
                sender.sendto(b"%d" % number, address)
    found: list[Counter[bytes]] = []
    for (sock,) in shares:
        got: Counter[bytes] = Counter()
        with contextlib.suppress(BlockingIOError):
            while True:
                got[sock.recv(10)] += 1
        found.append(got)
    one, other = found
    assert set(one.values()) | set(other.values()) == {5}
    assert not set(one) & set(other)
    assert len(one) + len(other) == 64
    assert min(len(one), len(other)) > 8  # by chance less once in 10 million runs


@needs_linux
def test_what_came_for_a_share_stays_in_it(closing: list[socket.socket]) -> None:
    """As long as somebody holds the socket: a copy that is closed changes nothing."""
    shares = bind_shared(socket.SOCK_DGRAM, "127.0.0.1", 0, 2)
    closing += [sock for share in shares for sock in share]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"before", shares[0][0].getsockname())
        for share in shares:
            share[0].dup().close()
        sender.sendto(b"after", shares[0][0].getsockname())
    holds = next(sock for (sock,) in shares if select.select([sock], [], [], 0)[0])
    assert (holds.recv(10), holds.recv(10)) == (b"before", b"after")


@needs_linux
@pytest.mark.parametrize("kind", KINDS)
def test_a_shared_port_that_is_taken(kind: socket.SocketKind, closing: list[socket.socket]) -> None:
    """Also by somebody who shares it: messages of two listeners must not mix."""
    closing += [sock for share in bind_shared(kind, "127.0.0.1", 0, 2) for sock in share]
    with pytest.raises(ConfigError, match="in use by another program"):
        bind_shared(kind, "127.0.0.1", closing[0].getsockname()[1], 2)
