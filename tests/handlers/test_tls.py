"""TLS on every Python (clients.md 2.4): SNI, host name check, client certificates, IPv6, and after a fork."""

import os
import socket
import ssl
from typing import Any

import pytest
from gelf_handlers import GELFHTTPHandler, GELFHTTPSHandler, GELFTLSHandler, handler_for
from receivers import HTTPReceiver, TCPReceiver, wait_for

QUICK: dict[str, Any] = {"retry_min_seconds": 0.02, "retry_max_seconds": 0.1}


def test_messages_arrive_over_tls(attach, server_context):
    with TCPReceiver(context=server_context) as receiver:
        handler = GELFTLSHandler("localhost", receiver.port)
        log = attach(handler)
        for number in range(500):
            log.info("m%d", number)
        receiver.wait(500)
        assert receiver.texts == [f"m{number}" for number in range(500)]
        assert receiver.accepted == 1


def test_certificate_and_name_are_checked_when_asked(attach, certificates, server_context):
    with TCPReceiver(context=server_context) as receiver:
        log = attach(GELFTLSHandler("localhost", receiver.port, validate=True, ca_certs=certificates["ca"]))
        log.info("checked")
        receiver.wait(1)


def test_a_certificate_for_another_name_is_refused(attach, certificates):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates["other"])
    with TCPReceiver(context=context) as receiver:
        handler = GELFTLSHandler("localhost", receiver.port, validate=True, ca_certs=certificates["ca"], **QUICK)
        attach(handler).info("never")
        assert wait_for(lambda: "Hostname mismatch" in (handler.stats.last_error or ""))
        assert not receiver.payloads
        relaxed = GELFTLSHandler(
            "localhost", receiver.port, validate=True, ca_certs=certificates["ca"], check_hostname=False
        )
        attach(relaxed).info("name not checked")
        named = GELFTLSHandler(
            "localhost", receiver.port, True, certificates["ca"], server_hostname="elsewhere.example"
        )
        attach(named).info("other name expected")
        receiver.wait(2)


def test_an_unknown_authority_is_refused_by_an_address_and_taken_by_graypys_default(attach, server_context):
    with TCPReceiver(context=server_context) as receiver:
        strict: Any = handler_for(f"gelf+tls://localhost:{receiver.port}", **QUICK)
        attach(strict).info("never")
        assert wait_for(lambda: "CERTIFICATE_VERIFY_FAILED" in (strict.stats.last_error or ""))
        attach(handler_for(f"gelf+tls://localhost:{receiver.port}?validate=false")).info("unchecked")
        receiver.wait(1)
        assert receiver.texts == ["unchecked"]


def test_server_name_indication_is_sent(attach, server_context):
    names = []
    server_context.sni_callback = lambda _socket, name, _context: names.append(name)
    with TCPReceiver(context=server_context) as receiver:
        attach(GELFTLSHandler("localhost", receiver.port)).info("x")
        receiver.wait(1)
    assert names == ["localhost"]


def test_client_certificate_is_presented(attach, certificates, server_context):
    server_context.verify_mode = ssl.CERT_REQUIRED
    server_context.load_verify_locations(certificates["ca"])
    with TCPReceiver(context=server_context) as receiver:
        attach(GELFTLSHandler("localhost", receiver.port, certfile=certificates["client"])).info("who am I")
        receiver.wait(1)
        assert receiver.peer_certificates[0]["subjectAltName"] == (("email", "client@example.org"),)


def test_a_missing_certificate_file_is_told_to_whoever_configures_it():
    with pytest.raises(OSError, match="No such file"):
        GELFTLSHandler("localhost", certfile="nowhere.pem")


def test_tls_over_ipv6(attach, server_context):
    with TCPReceiver(context=server_context, family=socket.AF_INET6) as receiver:
        attach(GELFTLSHandler("::1", receiver.port)).info("six")
        receiver.wait(1)


def test_a_server_that_speaks_no_tls_is_an_error_not_a_hang(attach):
    class Plain(TCPReceiver):
        def handle(self, connection):
            connection.recv(10)
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with Plain() as receiver:
        handler = GELFTLSHandler("localhost", receiver.port, **QUICK)
        attach(handler).info("x")
        assert wait_for(lambda: "SSLError" in (handler.stats.last_error or ""))


def test_tls_restarted_server_gets_the_rest(attach, server_context):
    first = TCPReceiver(context=server_context)
    handler = GELFTLSHandler("localhost", first.port, **QUICK)
    log = attach(handler)
    log.info("one")
    first.wait(1)
    first.close()
    log.info("two")
    with TCPReceiver(context=server_context, port=first.port) as second:
        second.wait(1)
        assert second.texts == ["two"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
def test_tls_after_fork_keeps_both_streams_whole(run, certificates, server_context):
    """graypy: 2 of 21 arrived, then DECRYPTION_FAILED_OR_BAD_RECORD_MAC."""
    with TCPReceiver(context=server_context) as receiver:
        run(
            """
            import logging, os, sys
            from gelf_handlers import GELFTLSHandler
            log = logging.getLogger(); log.setLevel(20)
            handler = GELFTLSHandler("localhost", int(sys.argv[1]))
            log.addHandler(handler)
            log.info("before")
            handler.flush()
            children = []
            for child in range(3):
                pid = os.fork()
                if pid == 0:
                    for number in range(5):
                        log.info("child %d %d", child, number)
                    logging.shutdown()
                    os._exit(0)
                children.append(pid)
            for number in range(5):
                log.info("parent %d", number)
            for pid in children:
                os.waitpid(pid, 0)
            """,
            receiver.port,
        )
        receiver.wait(21)
        expected = [
            "before",
            *(f"parent {n}" for n in range(5)),
            *(f"child {c} {n}" for c in range(3) for n in range(5)),
        ]
        assert sorted(receiver.texts) == sorted(expected)
        assert receiver.accepted == 4
        assert not receiver.partial


def test_https_with_basic_authentication(attach, certificates, server_context):
    with HTTPReceiver(context=server_context) as receiver:
        handler = GELFHTTPSHandler("localhost", receiver.port, ca_certs=certificates["ca"], username="u", password="p")
        log = attach(handler)
        for number in range(50):
            log.info("m%d", number)
        receiver.wait(50)
        assert receiver.accepted == 1
        assert receiver.requests[0][1]["authorization"] == "Basic dTpw"


def test_https_checks_certificates_by_default(attach, server_context):
    with HTTPReceiver(context=server_context) as receiver:
        handler = GELFHTTPHandler("localhost", receiver.port, tls=True, **QUICK)
        attach(handler).info("never")
        assert wait_for(lambda: "CERTIFICATE_VERIFY_FAILED" in (handler.stats.last_error or ""))
        assert not receiver.payloads
