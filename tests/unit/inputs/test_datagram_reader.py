"""Datagram readers: both give the same for every size, family and number of datagrams."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator

import pytest

from gelf_listener.inputs.datagram_reader import DatagramReader, RecvFrom, RecvMmsg, datagram_reader
from gelf_listener.inputs.sockets import bind_all
from gelf_listener.message import Peer

READERS: list[Callable[[socket.socket], DatagramReader]] = [RecvFrom]
if sys.platform == "linux":
    READERS.append(RecvMmsg)


@pytest.fixture(params=["127.0.0.1", "::1"])
def sockets(request: pytest.FixtureRequest) -> Iterator[tuple[socket.socket, socket.socket]]:
    """A bound socket and one that is connected to it."""
    family = socket.AF_INET6 if ":" in request.param else socket.AF_INET
    try:
        (bound,) = bind_all(socket.SOCK_DGRAM, request.param, 0)
    except Exception as error:
        pytest.skip(f"no {request.param}: {error}")
    with bound, socket.socket(family, socket.SOCK_DGRAM) as sender:
        sender.connect(bound.getsockname())
        yield bound, sender


@pytest.mark.parametrize("make", READERS)
def test_what_arrives(
    make: Callable[[socket.socket], DatagramReader], sockets: tuple[socket.socket, socket.socket]
) -> None:
    """Zero bytes, one, a chunk, and the longest there is, in order and with their sender."""
    bound, sender = sockets
    longest = 65507 if bound.family == socket.AF_INET else 65527
    sent = [b"", b"x", b"y" * 1420, bytes(range(256)) * 200, b"z" * longest, b"", b"last"]
    reader = make(bound)
    for data in sent:
        sender.send(data)
    payloads, peers = reader.read()
    assert payloads == sent
    name = sender.getsockname()
    assert list(peers) == [Peer(name[0], name[1])] * len(sent)
    assert reader.read() == ([], [])


@pytest.mark.parametrize("make", READERS)
def test_batches(make: Callable[[socket.socket], DatagramReader], sockets: tuple[socket.socket, socket.socket]) -> None:
    """A full batch means that there may be more; a short one that there is not. Buffers are used again."""
    bound, sender = sockets
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    reader = make(bound)
    count = reader.batch // 4
    for turn in range(6):
        for number in range(count):
            sender.send(b"%d-%d" % (turn, number))
        payloads, peers = reader.read()
        assert payloads == [b"%d-%d" % (turn, number) for number in range(count)]
        assert len(peers) == count
    for number in range(reader.batch + 1):
        sender.send(b"%d" % number)
    assert len(reader.read()[0]) == reader.batch
    assert reader.read()[0] == [b"%d" % reader.batch]
    assert reader.read() == ([], [])


@pytest.mark.parametrize("make", READERS)
def test_many_senders(
    make: Callable[[socket.socket], DatagramReader], sockets: tuple[socket.socket, socket.socket]
) -> None:
    """Interleaved datagrams keep their senders."""
    bound, sender = sockets
    reader = make(bound)
    with socket.socket(bound.family, socket.SOCK_DGRAM) as other:
        other.connect(bound.getsockname())
        for number in range(10):
            (sender, other)[number % 2].send(b"%d" % (number % 2))
        payloads, peers = reader.read()
        ports = [sender.getsockname()[1], other.getsockname()[1]]
    assert [peer.port for peer in peers] == [ports[int(payload)] for payload in payloads]
    assert len(payloads) == 10


@pytest.mark.skipif(sys.platform != "linux", reason="recvmmsg is Linux's")
def test_the_memory_for_peers_is_bounded(
    sockets: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spoofed senders do not fill memory."""
    monkeypatch.setattr("gelf_listener.inputs.datagram_reader._MAX_PEERS", 3)
    bound, _ = sockets
    reader = RecvMmsg(bound)
    for number in range(10):
        with socket.socket(bound.family, socket.SOCK_DGRAM) as sender:
            sender.connect(bound.getsockname())
            sender.send(b"%d" % number)
            payloads, peers = reader.read()
            assert payloads == [b"%d" % number]
            assert peers[0].port == sender.getsockname()[1]
    assert len(reader._peers) <= 3


def test_the_fastest_reader(sockets: tuple[socket.socket, socket.socket]) -> None:
    """Linux has recvmmsg, everything else the portable loop."""
    assert isinstance(datagram_reader(sockets[0]), RecvMmsg if sys.platform == "linux" else RecvFrom)


@pytest.mark.parametrize("make", READERS)
def test_a_broken_socket(make: Callable[[socket.socket], DatagramReader]) -> None:
    """It raises rather than looks empty."""
    (bound,) = bind_all(socket.SOCK_DGRAM, "127.0.0.1", 0)
    reader = make(bound)
    bound.close()
    with pytest.raises(OSError):
        reader.read()
