"""Allow lists and address families."""

from __future__ import annotations

import contextlib
import socket

import pytest

from tests.e2e.conftest import Start
from tests.e2e.listener import until
from tests.e2e.wire import HttpClient, gelf, send_tcp, send_udp, texts
from tests.requirements import missing

REASON = "peer_not_allowed"


def test_allow_list_of_each_input(start: Start) -> None:
    """UDP, TCP and HTTP take from the networks they are told to; everybody else is counted."""
    listener = start(
        "gelf+udp://127.0.0.1:0?allow=127.0.0.1/32,10.0.0.0/8",
        "gelf+tcp://127.0.0.1:0?allow=127.0.0.1",
        "gelf+http://127.0.0.1:0?allow=127.0.0.1/32&allow=::1",
        "gelf+tcp://127.0.0.1:0?name=open",
    )
    udp, tcp, http, open_ = (endpoint.address for endpoint in listener.endpoints)
    send_udp(udp, gelf("stranger"), b"", gelf("stranger"), source="127.0.0.2")
    send_udp(udp, gelf("udp"), source="127.0.0.1")
    listener.messages(1)
    assert send_tcp(tcp, gelf("stranger") + b"\0", source="127.0.0.2") == b""
    send_tcp(tcp, gelf("tcp") + b"\0", source="127.0.0.1")
    listener.messages(2)
    stranger = socket.create_connection(http, 5, source_address=("127.0.0.2", 0))
    with stranger, contextlib.suppress(ConnectionError):
        assert stranger.recv(1) == b""  # closed before it says anything
    with HttpClient(http) as client:
        assert client.post(gelf("http")).status == 202
    send_tcp(open_, gelf("everybody") + b"\0", source="127.0.0.2")
    assert texts(listener.messages(4)) == ["udp", "tcp", "http", "everybody"]
    until(lambda: listener.rejected(REASON) == 5, what="3 datagrams and 2 connections counted")


def need_ipv6() -> None:
    """Skip on a machine without IPv6."""
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        missing("needs IPv6 on the loopback interface")


@pytest.mark.parametrize("host", ["[::1]", "localhost", "*"])
def test_ipv6(start: Start, host: str) -> None:
    """On its own, and beside IPv4 on the same port for names with both."""
    need_ipv6()
    listener = start(*(f"gelf+{kind}://{host}:0" for kind in ("udp", "tcp", "http")))
    sent = []
    for endpoint in listener.endpoints:
        address = ({"::": "::1", "0.0.0.0": "127.0.0.1"}.get(endpoint.host, endpoint.host), endpoint.port)
        sent.append(f"{endpoint.scheme} {address[0]}")
        if endpoint.scheme == "gelf+udp":
            send_udp(address, gelf(sent[-1]))
        elif endpoint.scheme == "gelf+tcp":
            send_tcp(address, gelf(sent[-1]) + b"\0")
        else:
            with HttpClient(address) as client:
                assert client.post(gelf(sent[-1])).status == 202
        listener.messages(len(sent))
    assert texts(listener.messages(len(sent))) == sent
    assert len(sent) == (3 if host == "[::1]" else 6)
    ports = {endpoint.scheme: set[int]() for endpoint in listener.endpoints}
    for endpoint in listener.endpoints:
        ports[endpoint.scheme].add(endpoint.port)
    assert [len(found) for found in ports.values()] == [1, 1, 1]
