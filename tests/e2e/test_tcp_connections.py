"""TCP: many connections, and who gives way when there are too many."""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack

from tests.e2e.conftest import Certificates, Start
from tests.e2e.listener import until
from tests.e2e.wire import gelf, texts

MAX = 20


def connect(stack: ExitStack, address: tuple[str, int], source: str) -> socket.socket:
    """Open a connection from an address; it is closed with the stack."""
    sock = socket.create_connection(address, 5, source_address=(source, 0))
    stack.callback(sock.close)
    return sock


def is_open(sock: socket.socket) -> bool:
    """Whether the listener still holds the connection."""
    sock.setblocking(False)
    try:
        return sock.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    finally:
        sock.setblocking(True)


def test_the_idlest_connection_of_whoever_holds_most_gives_way(start: Start) -> None:
    """One address cannot lock out another, however many connections it opens."""
    listener = start(f"gelf+tcp://127.0.0.1:0?max_connections={MAX}")
    address = listener.endpoint("gelf+tcp").address
    with ExitStack() as stack:
        honest = [connect(stack, address, "127.0.0.1") for _ in range(3)]
        for sock in honest:
            sock.sendall(gelf("honest") + b"\0")
        listener.messages(3)
        flood = [connect(stack, address, "127.0.0.2") for _ in range(MAX - 3)]
        until(lambda: listener.metric("gelf_input_connections") == MAX, what="all accepted")
        flood[0].sendall(gelf("active") + b"\0")  # the first opened, but no longer the idlest
        listener.messages(4)
        more = [connect(stack, address, "127.0.0.2") for _ in range(10)]
        until(lambda: listener.metric("gelf_input_connections_total") == MAX + 10, what="all accepted")
        assert listener.metric("gelf_input_connections_evicted_total") == 10
        assert listener.metric("gelf_input_connections") == MAX
        assert all(is_open(sock) for sock in honest)
        assert is_open(flood[0])
        assert not any(is_open(sock) for sock in flood[1:11])
        assert all(is_open(sock) for sock in [*flood[11:], *more])
        for sock in honest:
            sock.sendall(gelf("still here") + b"\0")
        assert texts(listener.messages(7))[4:] == ["still here"] * 3


def test_a_newcomer_gets_in_when_one_address_holds_everything(start: Start) -> None:
    """And what the evicted had sent before is kept."""
    listener = start(f"gelf+tcp://127.0.0.1:0?max_connections={MAX}")
    address = listener.endpoint("gelf+tcp").address
    with ExitStack() as stack:
        for number in range(MAX):
            connect(stack, address, "127.0.0.2").sendall(gelf(f"{number}"))  # not ended: taken when it gives way
        until(lambda: listener.metric("gelf_input_connections") == MAX, what="all accepted")
        time.sleep(0.3)  # and read: nothing shows that half a message is there
        for number in range(5):
            connect(stack, address, "127.0.0.1").sendall(gelf(f"honest {number}") + b"\0")
        until(lambda: texts(listener.lines()).count("honest 4") == 1, what="the newcomer's message")
        assert listener.metric("gelf_input_connections_evicted_total") == 5
    found = texts(listener.messages(MAX + 5))
    assert sorted(found) == sorted([*map(str, range(MAX)), *(f"honest {number}" for number in range(5))])


def test_connections_that_never_shake_hands(start: Start, certificates: Certificates) -> None:
    """On a TLS port, silence before the handshake is what costs nothing to send: it gives way first."""
    listener = start(f"gelf+tls://127.0.0.1:0?max_connections={MAX}&cert={certificates.server}")
    address = listener.endpoint("gelf+tls").address
    context = certificates.client_context()
    with ExitStack() as stack:
        honest = context.wrap_socket(connect(stack, address, "127.0.0.1"), server_hostname="localhost")
        stack.callback(honest.close)
        honest.sendall(gelf("before") + b"\0")
        listener.messages(1)
        for _ in range(3 * MAX):
            connect(stack, address, "127.0.0.2")
        until(lambda: listener.metric("gelf_input_connections_total") == 3 * MAX + 1, what="all accepted")
        assert listener.metric("gelf_input_connections") <= MAX
        honest.sendall(gelf("after") + b"\0")
        second = context.wrap_socket(connect(stack, address, "127.0.0.1"), server_hostname="localhost")
        stack.callback(second.close)
        second.sendall(gelf("newcomer") + b"\0")
        assert sorted(texts(listener.messages(3))) == ["after", "before", "newcomer"]
