"""graypy 2.1.0, unmodified: its UDP, TCP, TLS and HTTP handlers."""

from __future__ import annotations

import json
import logging
import os
import random
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import graypy
import pytest

from tests.e2e.conftest import Certificates, Start
from tests.e2e.expect import LARGE, TEXT, Now
from tests.e2e.listener import Listener, until
from tests.requirements import missing

DEFAULT_PORTS = {
    graypy.GELFUDPHandler: 12202,
    graypy.GELFTCPHandler: 12201,
    graypy.GELFHTTPHandler: 12203,
}

BEFORE_3_12 = pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="graypy 2.1.0 calls ssl.wrap_socket, which Python 3.12 removed"
)


@contextmanager
def logging_to(handler: logging.Handler) -> Iterator[logging.Logger]:
    """A logger with one handler, as an application has it."""
    logger = logging.getLogger("shop.orders")
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        logger.propagate = True
        logger.setLevel(logging.NOTSET)
        handler.close()


def log_samples(logger: logging.Logger) -> None:
    """One message with everything, one with a traceback, one that is large."""
    extra = {"order": "A-17", "count": 42, "ratio": 0.5, "flag": True, "items": [1, "b"], "deep": {"er": "x"}}
    logger.warning("%s%d", TEXT, 7, extra=extra)
    try:
        raise ValueError("no stock for A-17: ✗")
    except ValueError:
        logger.exception("order failed")
    logger.debug(LARGE)


def in_order(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return messages as they were logged: by HTTP each has a connection of its own, and graypy awaits no answer."""
    return sorted(messages, key=lambda message: message["timestamp"])


def check_samples(messages: list[dict[str, Any]], now: Now) -> None:
    """All three arrived whole."""
    first, failed, large = messages
    assert all(now.holds(message) for message in messages)
    # The file has what the client sent where host, message, timestamp and level need no repairing: all of graypy's.
    assert {message["version"] for message in messages} == {"1.0"}
    assert {message["host"] for message in messages} == {socket.gethostname()}
    assert [message["level"] for message in messages] == [4, 3, 7]

    assert first["short_message"] == TEXT + "7"
    assert "full_message" not in first
    expected = {
        "_order": "A-17",
        "_count": 42,
        "_ratio": 0.5,
        "_flag": True,
        "_items": [1, "b"],
        "_deep": {"er": "x"},
        "_function": "log_samples",
        "_pid": os.getpid(),
        "_thread_name": "MainThread",
        "_process_name": "MainProcess",
        "_stack_info": None,
        "facility": "shop.orders",
        "file": __file__,
    }
    if sys.version_info >= (3, 12):
        expected["_taskName"] = None
    known = {"version", "host", "short_message", "timestamp", "level"}
    found = {name: value for name, value in first.items() if name not in known}
    assert isinstance(found.pop("line"), int)
    assert found == expected

    assert failed["short_message"] == "order failed"
    assert failed["full_message"].startswith("Traceback (most recent call last):")
    assert "log_samples" in failed["full_message"]
    assert failed["full_message"].rstrip().endswith("ValueError: no stock for A-17: ✗")

    assert large["short_message"] == LARGE


def test_udp(start: Start) -> None:
    """Compressed, chunked: what graypy does to everything it sends by UDP."""
    listener = start("gelf+udp://127.0.0.1:0")
    now = Now()
    with logging_to(graypy.GELFUDPHandler("127.0.0.1", listener.port("gelf+udp"))) as logger:
        log_samples(logger)
    check_samples(listener.messages(3), now)
    assert listener.metric("gelf_input_chunked_messages_complete_total") == 1
    assert listener.rejected() == 0


def test_udp_of_exactly_the_chunk_size_is_one_chunk_of_one(start: Start) -> None:
    """graypy sends a payload of exactly 1420 bytes as chunk 1 of 1: it compares with `<`."""
    listener = start("gelf+udp://127.0.0.1:0")
    handler = graypy.GELFUDPHandler("127.0.0.1", listener.port("gelf+udp"), compress=False, debugging_fields=False)
    with logging_to(handler) as logger:
        record = logging.LogRecord("shop.orders", logging.INFO, __file__, 1, "", (), None)
        record.created = 1_700_000_000.25
        record.msg = "x" * (1420 - len(handler.makePickle(record)))
        assert len(handler.makePickle(record)) == 1420
        logger.handle(record)
    [message] = listener.messages(1)
    assert message["short_message"] == record.msg
    assert message["timestamp"] == 1_700_000_000.25
    assert listener.metric("gelf_input_chunks_total") == 1


def test_udp_from_workers_that_share_a_random_seed(start: Start) -> None:
    """`random.seed()` in the application makes graypy's chunk ids repeat: in each process, message by message."""
    listener = start("gelf+udp://127.0.0.1:0")
    port = listener.port("gelf+udp")
    for worker in range(3):
        random.seed(4)
        with logging_to(graypy.GELFUDPHandler("127.0.0.1", port)) as logger:
            logger.info("%d%s", worker, LARGE)
    assert [message["short_message"][0] for message in listener.messages(3)] == ["0", "1", "2"]
    assert listener.metric("gelf_input_chunks_duplicate_total") == 0


def test_tcp(start: Start) -> None:
    """NUL after every message on one connection."""
    listener = start("gelf+tcp://127.0.0.1:0")
    now = Now()
    with logging_to(graypy.GELFTCPHandler("127.0.0.1", listener.port("gelf+tcp"))) as logger:
        log_samples(logger)
        check_samples(listener.messages(3), now)
        assert listener.metric("gelf_input_connections") == 1
    until(lambda: listener.metric("gelf_input_connections") == 0, what="the connection closed")
    assert listener.rejected() == 0


def test_http(start: Start) -> None:
    """A zlib body under `Content-Encoding: gzip,deflate`, and nobody reads the answer."""
    listener = start("gelf+http://127.0.0.1:0")
    now = Now()
    with logging_to(graypy.GELFHTTPHandler("127.0.0.1", listener.port("gelf+http"))) as logger:
        log_samples(logger)
    check_samples(in_order(listener.messages(3)), now)
    assert listener.rejected() == 0


def test_http_on_the_port_of_tcp(start: Start) -> None:
    """graypy's issue 47, "simply not working", was a handler on another transport's port."""
    listener = start("gelf+tcp://127.0.0.1:0")
    now = Now()
    with logging_to(graypy.GELFHTTPHandler("127.0.0.1", listener.port("gelf+tcp"))) as logger:
        log_samples(logger)
    check_samples(in_order(listener.messages(3)), now)


@BEFORE_3_12
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tls(start: Start, certificates: Certificates) -> None:
    """With and without validation of the certificate."""
    listener = start(f"gelf+tls://127.0.0.1:0?cert={certificates.server}")
    now = Now()
    port = listener.port("gelf+tls")
    with logging_to(graypy.GELFTLSHandler("127.0.0.1", port, validate=True, ca_certs=str(certificates.ca))) as logger:
        log_samples(logger)
        check_samples(listener.messages(3), now)
    with logging_to(graypy.GELFTLSHandler("127.0.0.1", port)) as logger:
        logger.info("not validated")
        assert listener.messages(4)[-1]["short_message"] == "not validated"
    assert listener.rejected() == 0


def need_default_ports(*ports: int) -> None:
    """Skip when another program has one of the ports that defaults are about."""
    for port in ports:
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            with closing(socket.socket(socket.AF_INET, kind)) as sock:
                if kind == socket.SOCK_STREAM:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    sock.bind(("127.0.0.1", port))
                except OSError:
                    missing(f"needs port {port}, which another program has")


def stored(listener: Listener, count: int) -> list[dict[str, Any]]:
    """The messages in the store, which is where they go by default."""

    def found() -> list[dict[str, Any]]:
        status, text = listener.get("/api/gelf/export?format=gelf")
        assert status == 200, text
        messages = [json.loads(line) for line in text.splitlines()]
        return messages if len(messages) >= count else []

    messages: list[dict[str, Any]] = until(found, 10, f"{count} messages in the store")
    return messages


@pytest.mark.parametrize("handler", DEFAULT_PORTS, ids=lambda handler: handler.__name__)
def test_default_ports_without_any_configuration(start: Start, handler: Callable[[str], logging.Handler]) -> None:
    """`gelf-listener run` and a handler that is given nothing but a host."""
    need_default_ports(12201, 12202, 12203, 12204, 9000)
    listener = start(plain=True)
    now = Now()
    with logging_to(handler("127.0.0.1")) as logger:
        log_samples(logger)
        check_samples(stored(listener, 3), now)


@BEFORE_3_12
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_default_port_of_tls_with_a_certificate(start: Start, certificates: Certificates) -> None:
    """TLS has to be given a certificate, and nothing else."""
    need_default_ports(12201, 12202, 12203, 12204, 9000)
    listener = start(plain=True, arguments=["--tls-cert", str(certificates.server)])
    now = Now()
    with logging_to(graypy.GELFTLSHandler("127.0.0.1")) as logger:
        log_samples(logger)
        check_samples(stored(listener, 3), now)
        assert json.loads(listener.get("/health")[1])["status"] == "ok"
