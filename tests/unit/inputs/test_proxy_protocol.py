"""Whom a proxy forwards: HAProxy's PROXY protocol and X-Forwarded-For, from those who are believed."""

from __future__ import annotations

import asyncio
import re
import socket
import ssl
import struct
from pathlib import Path
from typing import Any

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.inputs.http import HttpInput, HttpSettings
from gelf_listener.inputs.proxy_protocol import MOST_BYTES, ProxyHeader, may_begin, parse_header
from gelf_listener.inputs.tcp import TcpInput, TcpSettings, TlsInput
from gelf_listener.message import Peer
from tests.unit.fakes import FakeIntake

ONE = b"PROXY TCP4 192.0.2.7 192.0.2.1 56324 12201\r\n"
SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"


def two(source: bytes, target: bytes, family: int, command: int = 0x21, more: bytes = b"") -> bytes:
    body = source + target + struct.pack("!HH", 56324, 12201) + more
    return SIGNATURE + struct.pack("!BBH", command, family, len(body)) + body


V4 = two(bytes((192, 0, 2, 7)), bytes(4), 0x11, more=b"\x04\0\x01x")
V6 = two(socket.inet_pton(socket.AF_INET6, "2001:db8::7"), bytes(16), 0x21)
HEADERS = [
    (ONE, Peer("192.0.2.7", 56324)),
    (b"PROXY TCP6 2001:db8::7 ::1 56324 443\r\n", Peer("2001:db8::7", 56324)),
    (b"PROXY UNKNOWN\r\n", None),
    (b"PROXY UNKNOWN ffff:f 1 2 3\r\n", None),
    (V4, Peer("192.0.2.7", 56324)),
    (V6, Peer("2001:db8::7", 56324)),
    (two(bytes(4), bytes(4), 0x11, command=0x20), None),
    (two(bytes(108), bytes(108), 0x31), None),
]


@pytest.mark.parametrize(("header", "peer"), HEADERS)
def test_headers(header: bytes, peer: Peer | None) -> None:
    """Of both versions, with what follows them left alone, and cut anywhere."""
    assert parse_header(header + b"{more}") == ProxyHeader(len(header), peer)
    for end in range(1, len(header)):
        assert may_begin(header[:end])
        assert parse_header(header[:end]) is None


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n",
        b"PROXY TCP4 192.0.2.7\r\n",
        b"PROXY TCP4 2001:db8::7 ::1 1 2\r\n",
        b"PROXY TCP4 192.0.2.7 192.0.2.1 99999 1\r\n",
        b"PROXY TCP4 x y 1 2\r\n",
        b"PROXY TCP5 192.0.2.7 192.0.2.1 1 2\r\n",
        b"PROXY " + b"x" * 200,
        SIGNATURE + struct.pack("!BBH", 0x11, 0x11, 12) + bytes(12),
        SIGNATURE + struct.pack("!BBH", 0x2F, 0x11, 12) + bytes(12),
        SIGNATURE + struct.pack("!BBH", 0x21, 0x11, MOST_BYTES) + bytes(12),
        SIGNATURE + struct.pack("!BBH", 0x21, 0x21, 12) + bytes(12),
    ],
)
def test_what_is_none(data: bytes) -> None:
    """Is refused, however it looks."""
    with pytest.raises(ValueError, match=r"."):
        parse_header(data)


@given(st.binary(max_size=300), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]))
def test_whatever_comes(data: bytes, magic: bytes) -> None:
    """It is a header, the beginning of one, or a ValueError."""
    try:
        parse_header(magic + data)
    except ValueError:
        return


def send(address: str, data: bytes, context: ssl.SSLContext | None = None, header: bytes = b"") -> bytes:
    """Send bytes, behind a header that goes before any handshake, and read what comes back."""
    host, _, port = address.partition("//")[2].partition("/")[0].rpartition(":")
    sock = socket.create_connection((host, int(port)), timeout=20)
    sock.sendall(header[:9])
    sock.sendall(header[9:])
    if context is not None:
        sock = context.wrap_socket(sock, server_hostname="localhost")
    answer = b""
    with sock:
        try:
            sock.sendall(data)
            if context is None:
                sock.shutdown(socket.SHUT_WR)
            while context is None and (more := sock.recv(65536)):
                answer += more
        except OSError:  # it was refused, and closed
            pass
    return answer


def run(made: Any, *sent: tuple[bytes, bytes], context: ssl.SSLContext | None = None) -> tuple[FakeIntake, list[bytes]]:
    """Start an input, send to it, and return what it took."""

    async def main() -> tuple[FakeIntake, list[bytes]]:
        intake = FakeIntake()
        await made.start(intake)
        before = 0
        answers = []
        for header, data in sent:
            answers.append(await asyncio.to_thread(send, made.listening[0], data, context, header))
            async with asyncio.timeout(30):
                while len(intake.messages) + len(intake.rejected) <= before:
                    await asyncio.sleep(0.005)
            before = len(intake.messages) + len(intake.rejected)
        await made.close()
        return intake, answers

    return asyncio.run(main())


GELF = b'{"version":"1.1","host":"h","short_message":"hello","timestamp":1.5}\0'
LOCAL = {"host": "127.0.0.1", "port": 0}


def test_the_client_is_the_peer() -> None:
    """Of its messages; without a header it is the proxy itself."""
    made = TcpInput(TcpSettings(**LOCAL, proxies="127.0.0.0/8"))
    intake, _ = run(made, (ONE, GELF), (V6, GELF), (b"PROXY UNKNOWN\r\n", GELF), (b"", GELF))
    hosts = [message.peer.host for message in intake.messages if message.peer]
    assert hosts == ["192.0.2.7", "2001:db8::7", "127.0.0.1", "127.0.0.1"]
    assert intake.messages[0].peer == Peer("192.0.2.7", 56324)
    assert intake.rejected == []


def test_the_client_has_to_be_allowed() -> None:
    """Not the proxy."""
    made = TcpInput(TcpSettings(**LOCAL, proxies="127.0.0.1", allow="192.0.2.0/24"))
    intake, _ = run(made, (ONE, GELF), (V6, GELF), (b"", GELF))
    assert [message.peer.host for message in intake.messages if message.peer] == ["192.0.2.7"]
    refused = [(rejected.reason, rejected.peer.host) for rejected in intake.rejected if rejected.peer]
    assert refused == [("peer_not_allowed", "2001:db8::7"), ("peer_not_allowed", "127.0.0.1")]


@pytest.mark.parametrize("settings", [{}, {"proxies": "192.0.2.0/24"}])
def test_others_are_not_believed(settings: dict[str, str]) -> None:
    """And told why."""
    for header in (ONE, V4):
        intake, _ = run(TcpInput(TcpSettings(**LOCAL, **settings)), (header, GELF))
        (rejected,) = intake.rejected
        assert (rejected.reason, "proxies" in rejected.detail) == ("unexpected_protocol", True)
        assert intake.messages == []


def test_a_header_that_makes_no_sense() -> None:
    """Ends its connection, with a reason."""
    made = TcpInput(TcpSettings(**LOCAL, proxies="127.0.0.1"))
    intake, _ = run(made, (b"PROXY TCP9 x\r\n", GELF), (ONE, GELF))
    assert [rejected.reason for rejected in intake.rejected] == ["unexpected_protocol"]
    assert len(intake.messages) == 1


def test_tls_behind_the_header(tmp_path: Path) -> None:
    """The proxy passes the handshake on."""
    authority = trustme.CA()
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(tmp_path / "cert.pem")
    context = ssl.create_default_context()
    authority.configure_trust(context)
    made = TlsInput(TlsInput.Settings(**LOCAL, cert=tmp_path / "cert.pem", proxies="127.0.0.1"))
    intake, _ = run(made, (ONE, GELF), context=context)
    assert intake.messages[0].peer == Peer("192.0.2.7", 56324)


def post(*headers: str, close: bool = True) -> bytes:
    body = GELF.rstrip(b"\0")
    lines = [
        "POST /gelf HTTP/1.1",
        "Host: x",
        f"Content-Length: {len(body)}",
        *headers,
        *(["Connection: close"] * close),
    ]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    ("headers", "host"),
    [
        ((), "127.0.0.1"),
        (("X-Forwarded-For: 192.0.2.7",), "192.0.2.7"),
        (("X-Forwarded-For: 203.0.113.9, 192.0.2.7",), "192.0.2.7"),
        (("X-Forwarded-For: 192.0.2.7, 10.0.0.2, 127.0.0.1",), "192.0.2.7"),
        (("X-Forwarded-For: 203.0.113.9", "X-Forwarded-For: 192.0.2.7:1234"), "192.0.2.7"),
        (("X-Forwarded-For: [2001:db8::7]:443",), "2001:db8::7"),
        (("X-Forwarded-For: nonsense",), "127.0.0.1"),
        (("X-Forwarded-For: nonsense, 10.0.0.2",), "10.0.0.2"),
    ],
)
def test_x_forwarded_for(headers: tuple[str, ...], host: str) -> None:
    """The last address that is not a proxy's: what stands before it, anybody may have written."""
    made = HttpInput(HttpSettings(**LOCAL, proxies="127.0.0.1,10.0.0.0/8"))
    intake, _ = run(made, (b"", post(*headers)))
    (message,) = intake.messages
    assert message.peer is not None
    assert message.peer.host == host


def test_x_forwarded_for_of_others_is_not_believed() -> None:
    """Whoever connects is the peer."""
    intake, _ = run(HttpInput(HttpSettings(**LOCAL)), (b"", post("X-Forwarded-For: 192.0.2.7")))
    assert intake.messages[0].peer is not None
    assert intake.messages[0].peer.host == "127.0.0.1"


def test_requests_of_one_connection_have_their_own_clients() -> None:
    """A proxy keeps its connection open for all of them; who is not allowed gets 403."""
    made = HttpInput(HttpSettings(**LOCAL, proxies="127.0.0.1", allow="192.0.2.0/24"))
    requests = [
        post("X-Forwarded-For: 192.0.2.7", close=False),
        post("X-Forwarded-For: 203.0.113.9", close=False),
        post("X-Forwarded-For: 192.0.2.8", close=False),
        post(close=True),
    ]
    intake, (answer,) = run(made, (b"", b"".join(requests)))
    assert [message.peer.host for message in intake.messages if message.peer] == ["192.0.2.7", "192.0.2.8"]
    assert [rejected.peer.host for rejected in intake.rejected if rejected.peer] == ["203.0.113.9", "127.0.0.1"]
    assert re.findall(rb"HTTP/1.1 (\d{3})", answer) == [b"202", b"403", b"202", b"403"]


def test_http_behind_a_proxy_of_connections() -> None:
    """HAProxy in TCP mode."""
    made = HttpInput(HttpSettings(**LOCAL, proxies="127.0.0.1", allow="192.0.2.0/24"))
    intake, _ = run(made, (ONE, post()), (V6, post()))
    assert [message.peer for message in intake.messages] == [Peer("192.0.2.7", 56324)]
    assert [rejected.reason for rejected in intake.rejected] == ["peer_not_allowed"]
