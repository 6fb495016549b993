"""Which client a payload comes from: real ones, captured or made here; and nothing where nothing tells."""

from __future__ import annotations

import json
import logging
import socket
import zlib
from typing import Any

import graypy
import pygelf
import pytest
from gelf_handlers import GELFUDPHandler
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.codec.clients import guess_client


def sent(make: type[logging.Handler], **options: object) -> bytes:
    """What a handler sends."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(20)
        handler = make("127.0.0.1", sock.getsockname()[1], **options)  # type: ignore[call-arg]
        logger = logging.Logger("shop.cart")  # noqa: LOG001  (nobody else finds it)
        logger.addHandler(handler)
        logger.warning("paid", extra={"user_id": 1})
        handler.close()
        data = sock.recv(65536)
        return zlib.decompress(data) if data[:1] == b"x" else data


@pytest.mark.parametrize(
    ("make", "options", "client"),
    [
        (graypy.GELFUDPHandler, {}, "graypy"),
        (graypy.GELFUDPHandler, {"debugging_fields": False}, "graypy"),
        (GELFUDPHandler, {"facility": "shop"}, "gelf-handlers"),
        (pygelf.GelfUdpHandler, {"debug": True}, "pygelf"),
    ],
)
def test_python_clients(make: type[logging.Handler], options: dict[str, object], client: str) -> None:
    """Asked themselves."""
    assert guess_client(sent(make, **options)) == client


DOCUMENTS: dict[str, dict[str, Any]] = {
    "Docker": {"_container_id": "a", "_container_name": "b", "_image_id": "c", "_command": "d", "_created": "e"},
    "logback-gelf": {"full_message": "x\n", "_logger_name": "com.example.Shop", "_thread_name": "main"},
    "Spring Boot": {"_process_pid": 1, "_process_thread_name": "main", "_log_logger": "a"},
    "Log4j 2": {"_thread": "main", "_logger": "com.example.Shop"},
    "Serilog": {"_facility": None, "_stringLevel": "Information"},
    "go-gelf": {"facility": "app", "_file": "main.go", "_line": 7},
    "gelf-rb": {"version": "1.0", "facility": "gelf-rb", "file": "x.rb", "line": 7},
    "logstash-gelf": {"facility": "logstash-gelf"},
    "slog-gelf (Rust)": {"_module": "a", "_file": "src/a.rs", "_line": 7, "_column": 9},
    "Quarkus": {"facility": "jboss-logmanager", "_LoggerName": "a", "_SourceSimpleClassName": "B"},
    "": {"_user_id": 1},
}


@pytest.mark.parametrize("client", DOCUMENTS)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_others(client: str, separators: tuple[str, str]) -> None:
    """By the keys that are theirs, however they are spaced."""
    document = {"version": "1.1", "host": "h", "short_message": "x"} | DOCUMENTS[client]
    assert guess_client(json.dumps(document, separators=separators).encode()) == client


@pytest.mark.parametrize(
    ("payload", "client"),
    [
        (b"<14>1 2026-11-23T10:00:00Z h app - - - x", "syslog (RFC 5424)"),
        (b"<14>Nov 23 10:00:00 h app: x", "syslog (RFC 3164)"),
        (b"name=a&msg=x&levelno=30&pathname=%2Fx.py", "HTTPHandler"),
        (b'{"name": "a", "levelno": 30, "pathname": "/x.py"}', "LogRecord as JSON"),
        (b"", ""),
        (
            b'{"facility":"m","file":"m","host":"h","level":6,"_levelname":"Info","line":1,"short_message":"x"}',
            "gelf_logger (Rust)",
        ),
        (b'{"version":"1.1","timestamp":1.5,"host":"h","short_message":"x","level":6,"_a":1}', "gelfclient (Java)"),
        (b'{"version":"1.1","host":"h","short_message":"x","level":3,"timestamp":1.5,"_facility":"f"}', "gelf-php"),
        (b'{"version":"1.1","host":"h","short_message":"x","timestamp":1795906320,"level":"6"}', "rsyslog"),
        (b'{"version":"1.1", "short_message":"x", "_a":1, "timestamp":1.500}', "Fluent Bit"),
        (b"<14>1 2026-11-23T10:00:00.123456+01:00 h app 7 - -  x", "rsyslog"),
        (b"<189>45: Aug  3 08:11:02: %LINK-3-UPDOWN: x", "Cisco"),
        (b"<189>date=2026-11-28 time=10:00:00 devname=FG1 devid=F", "Fortinet"),
    ],
)
def test_what_is_no_gelf(payload: bytes, client: str) -> None:
    """Has signs too."""
    assert guess_client(payload) == client


@given(st.binary(max_size=200))
def test_whatever_comes(payload: bytes) -> None:
    """It is a text, and no error."""
    assert isinstance(guess_client(b"{" + payload), str)


def test_a_long_message() -> None:
    """Is not searched through."""
    document = {"version": "1.1", "short_message": "x" * 1_000_000, "_stringLevel": "Information"}
    assert guess_client(json.dumps(document).encode()) == "Serilog"
