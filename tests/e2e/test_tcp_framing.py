"""TCP: every way clients end a message, and nothing ever written back."""

from __future__ import annotations

import gzip
import json
import logging.handlers
import socket
import time
import zlib
from collections.abc import Iterator

import pytest

from tests.e2e.conftest import Start
from tests.e2e.listener import Listener, until
from tests.e2e.wire import gelf, send_tcp, texts

A, B, C = gelf("a"), gelf("b ✓"), gelf("c")

STREAMS = {
    "NUL": [A + b"\0" + B + b"\0" + C + b"\0"],
    "newline (logging-gelf)": [A + b"\n" + B + b"\n" + C + b"\n"],
    "NUL and newline (logging-gelf, log4j2)": [A + b"\0\n" + B + b"\0\n" + C + b"\0\n"],
    "newline and NUL (log4j2)": [A + b"\n\0" + B + b"\n\0" + C + b"\n\0"],
    "CR LF": [A + b"\r\n" + B + b"\r\n" + C + b"\r\n"],
    "nothing before the end (gelf-pro, crashes)": [A + b"\0" + B + b"\0" + C],
    "NUL in a segment of its own": [A, b"\0", B, b"\0", C, b"\0"],
    "white space before": [b" \n\n" + A + b"\0\n  " + B + b"\0" + b"\t" + C + b"\0"],
    "zlib (asyncgelf): NULs inside": [b"".join(zlib.compress(m) + b"\0" for m in (A, B, C))],
    "gzip (log4j2)": [b"".join(gzip.compress(m) + b"\0" for m in (A, B, C))],
    "zlib and plain mixed": [zlib.compress(A) + b"\0" + B + b"\0" + gzip.compress(C) + b"\0"],
    "octets counted (RFC 6587)": [b"".join(b"%d %s" % (len(m), m) for m in (A, B, C))],
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    """One listener for all framings: each is a connection of its own."""
    with Listener(tmp_path_factory.mktemp("framing"), "gelf+tcp://127.0.0.1:0") as listener:
        yield listener


@pytest.mark.parametrize("name", STREAMS)
def test_framing(shared: Listener, name: str) -> None:
    """Sent whole, and then again a few bytes at a time; the listener never writes (gelf-rb reads what comes)."""
    address = shared.endpoint("gelf+tcp").address
    before = len(shared.lines())
    assert send_tcp(address, *STREAMS[name], pause=0.02) == b""
    assert texts(shared.messages(before + 3))[before:] == ["a", "b ✓", "c"]
    stream = b"".join(STREAMS[name])
    assert send_tcp(address, *(stream[at : at + 37] for at in range(0, len(stream), 37)), pause=0.001) == b""
    assert texts(shared.messages(before + 6))[before + 3 :] == ["a", "b ✓", "c"]
    assert shared.rejected() == 0


def test_objects_over_several_lines(start: Start) -> None:
    """A pretty-printed object that ends with a NUL is one message, although it has newlines."""
    listener = start("gelf+tcp://127.0.0.1:0")
    pretty = json.dumps(json.loads(gelf("pretty", _more="x\ny")), indent=2).encode()
    send_tcp(listener.endpoint("gelf+tcp").address, pretty + b"\0" + pretty + b"\0")
    assert texts(listener.messages(2)) == ["pretty", "pretty"]


def test_a_connection_for_each_message(start: Start) -> None:
    """gelf-pro's way, two hundred times."""
    listener = start("gelf+tcp://127.0.0.1:0")
    address = listener.endpoint("gelf+tcp").address
    for number in range(200):
        assert send_tcp(address, gelf(f"{number}") + b"\0") == b""
    assert texts(listener.messages(200)) == [str(number) for number in range(200)]
    until(lambda: listener.metric("gelf_input_connections") == 0, what="all connections closed")


def test_ten_thousand_messages_in_one_stream(start: Start) -> None:
    """In order, none lost, whatever the segments."""
    listener = start("gelf+tcp://127.0.0.1:0")
    send_tcp(listener.endpoint("gelf+tcp").address, b"".join(gelf(f"{n}") + b"\0" for n in range(10_000)))
    assert texts(listener.messages(10_000)) == [str(number) for number in range(10_000)]


def test_a_message_that_was_cut_off(start: Start) -> None:
    """Docker's driver resends after a reconnect: half a message at the end, then the whole on a new connection."""
    listener = start("gelf+tcp://127.0.0.1:0")
    address = listener.endpoint("gelf+tcp").address
    send_tcp(address, A + b"\0" + B[:40])
    send_tcp(address, B + b"\0")
    assert texts(listener.messages(2)) == ["a", "b ✓"]
    until(lambda: listener.rejected("frame_truncated") == 1, what="the half counted")


def test_frames_beyond_the_limit(start: Start) -> None:
    """At the limit it is taken, one byte more is rejected, and the stream goes on with the next message."""
    limit = 10_000
    listener = start(f"gelf+tcp://127.0.0.1:0?max_frame_bytes={limit}")
    address = listener.endpoint("gelf+tcp").address
    size = limit - len(gelf("", timestamp=1.5))
    fits = gelf("x" * size, timestamp=1.5)
    assert len(fits) == limit
    send_tcp(address, fits + b"\0" + gelf("x" * (size + 1), timestamp=1.5) + b"\0" + A + b"\0")
    assert texts(listener.messages(2)) == ["x" * size, "a"]
    assert listener.rejected("frame_too_large") == 1
    send_tcp(address, b"x" * 10 * limit)  # no end at all, indefinitely
    send_tcp(address, C + b"\0")
    assert texts(listener.messages(3))[-1] == "c"
    assert listener.rejected("frame_too_large") == 2


def test_a_pickled_record_is_never_loaded(start: Start) -> None:
    """logging's SocketHandler on a GELF port: rejected with what to do instead."""
    listener = start("gelf+tcp://127.0.0.1:0")
    address = listener.endpoint("gelf+tcp").address
    handler = logging.handlers.SocketHandler(*address)
    handler.handle(logging.LogRecord("x", logging.INFO, __file__, 1, "pickled", (), None))
    until(lambda: listener.rejected("unexpected_protocol") == 1, what="the rejection")
    handler.close()
    assert "SocketHandler" in listener.said("pickled record")
    send_tcp(address, A + b"\0")
    listener.messages(1)


def test_a_silent_connection_is_left_alone(start: Start) -> None:
    """Without a time-out a connection may be silent for as long as it likes, as in Graylog; with one, not."""
    listener = start("gelf+tcp://127.0.0.1:0", "gelf+tcp://127.0.0.1:0?idle_timeout_seconds=0.5&name=hasty")
    patient, hasty = (socket.create_connection(endpoint.address, 40) for endpoint in listener.endpoints)
    with patient, hasty:
        began = time.monotonic()
        assert hasty.recv(1) == b""
        assert 0.4 < time.monotonic() - began < 40
        patient.sendall(A + b"\0")
        assert texts(listener.messages(1)) == ["a"]
    assert listener.metric("gelf_input_connections_timed_out_total", input="hasty") == 1
