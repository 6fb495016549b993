"""pygelf, unmodified: UDP, TCP, TLS, HTTP and HTTPS."""

from __future__ import annotations

import logging
import socket
from typing import Any

import pygelf
import pytest

from tests.e2e.conftest import Certificates, Start
from tests.e2e.expect import LARGE, TEXT, Now
from tests.e2e.test_client_graypy import logging_to

OPTIONS: dict[str, Any] = {"debug": True, "include_extra_fields": True, "_app": "shop", "plain": "no underscore"}


def log_samples(logger: logging.Logger) -> None:
    """One message with everything, one with a traceback, one that is large."""
    extra = {"order": "A-17", "count": 42, "ratio": 0.5, "flag": True, "nothing": None, "nan": float("nan")}
    logger.warning("%s", TEXT, extra=extra)
    try:
        raise ValueError("no stock for A-17: ✗")
    except ValueError:
        logger.exception("order failed")
    logger.debug(LARGE)


def check_samples(messages: list[dict[str, Any]], now: Now) -> None:
    """All three arrived whole."""
    first, failed, large = messages
    assert all(now.holds(message) for message in messages)
    assert {message["host"] for message in messages} == {socket.gethostname()}
    assert [message["level"] for message in messages] == [4, 3, 7]
    assert first["short_message"] == TEXT
    found = {name: value for name, value in first.items() if name.startswith("_")}
    assert isinstance(found.pop("_line"), int)
    found.pop("_nan", None)  # no number: whether it is kept, and as which text, is the codec's to say
    assert found == {
        "_app": "shop",
        "_plain": "no underscore",
        "_order": "A-17",
        "_count": 42,
        "_ratio": 0.5,
        "_flag": True,
        "_file": "test_client_pygelf.py",
        "_module": "test_client_pygelf",
        "_func": "log_samples",
        "_logger_name": "shop.orders",
    }
    assert failed["short_message"] == "order failed"
    assert failed["full_message"].rstrip().endswith("ValueError: no stock for A-17: ✗")
    assert large["short_message"] == LARGE


def as_logged(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """In the order of their own times: nothing orders what comes by several connections."""
    return sorted(messages, key=lambda message: message["timestamp"])


@pytest.mark.parametrize("compress", [True, False], ids=["zlib", "plain"])
def test_udp(start: Start, compress: bool) -> None:
    """In chunks of 1300 bytes, whether compressed or not."""
    listener = start("gelf+udp://127.0.0.1:0")
    now = Now()
    handler = pygelf.GelfUdpHandler("127.0.0.1", listener.port("gelf+udp"), compress=compress, **OPTIONS)
    with logging_to(handler) as logger:
        log_samples(logger)
    check_samples(listener.messages(3), now)
    assert listener.metric("gelf_input_chunked_messages_complete_total") >= 1
    assert listener.rejected() == 0


def test_tcp(start: Start) -> None:
    """NUL after every message."""
    listener = start("gelf+tcp://127.0.0.1:0")
    now = Now()
    with logging_to(pygelf.GelfTcpHandler("127.0.0.1", listener.port("gelf+tcp"), **OPTIONS)) as logger:
        log_samples(logger)
        check_samples(listener.messages(3), now)


def test_tls(start: Start, certificates: Certificates) -> None:
    """On every Python: pygelf has a context, unlike graypy."""
    listener = start(f"gelf+tls://127.0.0.1:0?cert={certificates.server_cert}&key={certificates.server_key}")
    now = Now()
    handler = pygelf.GelfTlsHandler(
        host="localhost", port=listener.port("gelf+tls"), validate=True, ca_certs=str(certificates.ca), **OPTIONS
    )
    with logging_to(handler) as logger:
        log_samples(logger)
        check_samples(listener.messages(3), now)


@pytest.mark.parametrize("compress", [True, False], ids=["zlib", "plain"])
def test_http(start: Start, compress: bool) -> None:
    """One connection for each message, closed before the answer is read."""
    listener = start("gelf+http://127.0.0.1:0")
    now = Now()
    handler = pygelf.GelfHttpHandler("127.0.0.1", listener.port("gelf+http"), compress=compress, **OPTIONS)
    with logging_to(handler) as logger:
        log_samples(logger)
    check_samples(as_logged(listener.messages(3)), now)
    assert listener.rejected() == 0


def test_https(start: Start, certificates: Certificates) -> None:
    """The same, encrypted."""
    listener = start(f"gelf+https://127.0.0.1:0?cert={certificates.server}")
    now = Now()
    handler = pygelf.GelfHttpsHandler(
        "localhost", listener.port("gelf+https"), validate=True, ca_certs=str(certificates.ca), **OPTIONS
    )
    with logging_to(handler) as logger:
        log_samples(logger)
    check_samples(as_logged(listener.messages(3)), now)
    assert listener.rejected() == 0
