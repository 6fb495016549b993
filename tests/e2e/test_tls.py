"""TLS: certificates of the server and of clients, and every way to get it wrong."""

from __future__ import annotations

import contextlib
import socket
import ssl
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from tests.e2e.conftest import Certificates, Start
from tests.e2e.listener import ANSWER_SECONDS, Listener, until
from tests.e2e.wire import HttpClient, gelf, read_all, send_tcp, texts

REJECTED = "unexpected_protocol"


def send_tls(listener: Listener, context: ssl.SSLContext, data: bytes, scheme: str = "gelf+tls") -> bytes:
    """Send over TLS and return what came back; raises what the handshake raises."""
    with (
        socket.create_connection(listener.endpoint(scheme).address, ANSWER_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as sock,
    ):
        sock.sendall(data)
        sock.unwrap()
        return b""


def refused(listener: Listener, context: ssl.SSLContext) -> bool:
    """Whether the listener ends the handshake; TLS 1.3 tells the client only when it reads."""
    try:
        with (
            socket.create_connection(listener.endpoint("gelf+tls").address, ANSWER_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as sock,
        ):
            sock.sendall(gelf("refused") + b"\0")
            return sock.recv(1) == b""
    except (ssl.SSLError, ConnectionError):
        return True


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_server_certificate(start: Start, certificates: Certificates, version: ssl.TLSVersion) -> None:
    """One file or two, TLS 1.2 and 1.3, a large message in many records."""
    files = f"cert={certificates.server_cert}&key={certificates.server_key}"
    listener = start(f"gelf+tls://127.0.0.1:0?{files}")
    context = certificates.client_context()
    context.minimum_version = context.maximum_version = version
    large = "x" * 500_000
    send_tls(listener, context, gelf("small") + b"\0" + gelf(large) + b"\0")
    assert texts(listener.messages(2)) == ["small", large]


def test_clients_that_only_write_lose_nothing_when_they_close(start: Start, certificates: Certificates) -> None:
    """A session ticket that lies unread makes closing a reset, and the last messages are gone (graypy never reads)."""
    listener = start(f"gelf+tls://127.0.0.1:0?cert={certificates.server}")
    context = certificates.client_context()
    for number in range(20):
        plain = socket.create_connection(listener.endpoint("gelf+tls").address, ANSWER_SECONDS)
        sock = context.wrap_socket(plain, server_hostname="localhost")
        for part in range(50):
            sock.sendall(gelf(f"{number}/{part}", _padding="x" * 2000) + b"\0")
        sock.close()  # without telling TLS, as sockets are closed when a process ends
    expected = [f"{number}/{part}" for number in range(20) for part in range(50)]
    assert sorted(texts(listener.messages(1000))) == sorted(expected)


def test_min_tls(start: Start, certificates: Certificates) -> None:
    """An old client is refused and counted when only TLS 1.3 is allowed."""
    listener = start(f"gelf+tls://127.0.0.1:0?cert={certificates.server}&min_tls=1.3")
    old = certificates.client_context()
    old.maximum_version = ssl.TLSVersion.TLSv1_2
    assert refused(listener, old)
    assert listener.rejected(REJECTED) == 1
    send_tls(listener, certificates.client_context(), gelf("new") + b"\0")
    assert texts(listener.messages(1)) == ["new"]


@pytest.mark.parametrize("client_auth", ["required", "optional"])
def test_client_certificates(start: Start, certificates: Certificates, client_auth: str) -> None:
    """Required: only the authority's own. Optional: also none, but never a stranger's."""
    options = f"cert={certificates.server}&client_ca={certificates.ca}&client_auth={client_auth}"
    listener = start(f"gelf+tls://127.0.0.1:0?{options}")
    known = certificates.client_context()
    known.load_cert_chain(certificates.client)
    stranger = certificates.client_context()
    stranger.load_cert_chain(certificates.stranger)
    assert refused(listener, stranger)
    until(lambda: listener.rejected(REJECTED) == 1, what="the stranger counted")
    if client_auth == "required":
        assert refused(listener, certificates.client_context())
        until(lambda: listener.rejected(REJECTED) == 2, what="the client without certificate counted")
        expected = ["known"]
    else:
        send_tls(listener, certificates.client_context(), gelf("anonymous") + b"\0")
        listener.messages(1)
        expected = ["anonymous", "known"]
    send_tls(listener, known, gelf("known") + b"\0")
    assert texts(listener.messages(len(expected))) == expected
    assert "TLS handshake failed" in listener.said("handshake")


def test_encrypted_key(start: Start, certificates: Certificates, tmp_path: Path) -> None:
    """PKCS#8 with a password; without the right one it says so and does not ask on the terminal."""
    key = serialization.load_pem_private_key(certificates.server_key.read_bytes(), None)
    encrypted = tmp_path / "encrypted.pem"
    encrypted.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"pass word"),
        )
    )
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in encrypted.read_bytes()
    files = f"cert={certificates.server_cert}&key={encrypted}"
    listener = start(f"gelf+tls://127.0.0.1:0?{files}&key_password=pass%20word")
    send_tls(listener, certificates.client_context(), gelf("hello") + b"\0")
    assert texts(listener.messages(1)) == ["hello"]
    assert "pass word" not in listener.log
    for password in ("", "&key_password=wrong"):
        with pytest.raises(AssertionError, match="status 2") as failed:
            start(f"gelf+tls://127.0.0.1:0?{files}{password}")
        assert "key_password" in str(failed.value)


def test_plain_text_on_the_tls_port(start: Start, certificates: Certificates) -> None:
    """A client that forgot TLS: counted, with what to do about it."""
    listener = start(f"gelf+tls://127.0.0.1:0?cert={certificates.server}")
    assert send_tcp(listener.endpoint("gelf+tls").address, gelf("in the clear") + b"\0") == b""
    until(lambda: listener.rejected(REJECTED) == 1, what="the rejection")
    assert "plain text on a port that speaks TLS" in listener.said("rejected")
    assert listener.metric("gelf_input_tls_handshakes_failed_total") == 1
    send_tls(listener, certificates.client_context(), gelf("encrypted") + b"\0")
    assert texts(listener.messages(1)) == ["encrypted"]


def test_tls_on_the_plain_port(start: Start, certificates: Certificates) -> None:
    """And a client that should not have: the handshake is recognised."""
    listener = start("gelf+tcp://127.0.0.1:0")
    with (
        socket.create_connection(listener.endpoint("gelf+tcp").address, ANSWER_SECONDS) as plain,
        pytest.raises((ssl.SSLError, OSError)),
    ):
        certificates.client_context().wrap_socket(plain, server_hostname="localhost")
    until(lambda: listener.rejected(REJECTED) == 1, what="the rejection")
    assert "TLS handshake on a port without TLS" in listener.said("rejected")
    send_tcp(listener.endpoint("gelf+tcp").address, gelf("in the clear") + b"\0")
    assert texts(listener.messages(1)) == ["in the clear"]


def test_a_handshake_that_takes_too_long(start: Start, certificates: Certificates) -> None:
    """Neither silence nor half a hello keeps a connection indefinitely."""
    listener = start(f"gelf+tls://127.0.0.1:0?cert={certificates.server}&handshake_timeout_seconds=0.5")
    address = listener.endpoint("gelf+tls").address
    with (
        socket.create_connection(address, ANSWER_SECONDS) as silent,
        socket.create_connection(address, ANSWER_SECONDS) as half,
    ):
        half.sendall(b"\x16\x03\x01\x02\x00\x01\x00")
        for sock in (silent, half):
            with contextlib.suppress(ConnectionError):
                assert read_all(sock)[:1] in (b"", b"\x15")  # closed, perhaps with an alert
    until(lambda: listener.rejected(REJECTED) == 2, what="both counted")


def test_https_and_gelf_on_one_tls_port(start: Start, certificates: Certificates) -> None:
    """What a connection speaks is told by its first bytes, inside of TLS too."""
    listener = start(f"gelf+tls://127.0.0.1:0?cert={certificates.server}")
    context = certificates.client_context()
    plain = socket.create_connection(listener.endpoint("gelf+tls").address, ANSWER_SECONDS)
    with HttpClient(("", 0), context.wrap_socket(plain, server_hostname="localhost")) as client:
        for number in range(3):
            assert client.post(gelf(f"https {number}")).status == 202
    send_tls(listener, context, gelf("gelf") + b"\0")
    assert texts(listener.messages(4)) == ["https 0", "https 1", "https 2", "gelf"]
