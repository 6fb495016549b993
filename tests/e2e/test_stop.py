"""Stopping: what was accepted is written, and what could not be is reported."""

from __future__ import annotations

import re
import signal
import socket
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Certificates, Start
from tests.e2e.listener import ANSWER_SECONDS, until
from tests.e2e.wire import HttpClient, gelf, texts


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_what_was_sent_before_is_written(start: Start, certificates: Certificates, number: signal.Signals) -> None:
    """In the kernel's buffers, in ours, or half read: all of it is in the file when the process has ended."""
    listener = start(
        "gelf+udp://127.0.0.1:0",
        "gelf+tcp://127.0.0.1:0",
        f"gelf+tls://127.0.0.1:0?cert={certificates.server}",
        "gelf+http://127.0.0.1:0",
    )
    udp, tcp, tls, http = (endpoint.address for endpoint in listener.endpoints)
    expected = []
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        socket.create_connection(tcp, ANSWER_SECONDS) as stream,
        certificates.client_context().wrap_socket(
            socket.create_connection(tls, ANSWER_SECONDS), server_hostname="localhost"
        ) as encrypted,
        HttpClient(http) as client,
    ):
        assert client.post(b"\n".join(gelf(f"http {line}") for line in range(1000))).status == 202
        expected += [f"http {line}" for line in range(1000)]
        for line in range(5000):
            encrypted.sendall(gelf(f"tls {line}") + b"\0")
            stream.sendall(gelf(f"tcp {line}") + b"\0")
            expected += [f"tls {line}", f"tcp {line}"]
        for line in range(300):  # not more than the kernel holds while the listener is kept from running
            datagrams.sendto(gelf(f"udp {line}"), udp)
            expected.append(f"udp {line}")
        stream.sendall(gelf("not ended"))
        expected.append("not ended")
        listener.signal(number)
        assert listener.wait() == 0
    assert sorted(texts(listener.lines())) == sorted(expected)
    report = next(line for line in listener.stderr if line.startswith("stopped: "))
    assert f"{len(expected):,} messages taken, 0 rejected" in report
    assert f" {len(expected)}" in report.partition("written: ")[2]


def test_what_the_kernel_holds_is_read_before_the_end(start: Start) -> None:
    """Sent while the process could not run at all: nothing of it was read when the signal came."""
    listener = start("gelf+udp://127.0.0.1:0", "gelf+tcp://127.0.0.1:0")
    udp, tcp = (endpoint.address for endpoint in listener.endpoints)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams,
        socket.create_connection(tcp, ANSWER_SECONDS) as known,
    ):
        known.sendall(gelf("first") + b"\0")
        listener.messages(1)
        listener.signal(signal.SIGSTOP)
        for line in range(2000):
            datagrams.sendto(gelf(f"udp {line}"), udp)
        known.sendall(b"".join(gelf(f"tcp {line}") + b"\0" for line in range(2000)))
        with socket.create_connection(tcp, ANSWER_SECONDS) as unknown:  # not accepted yet
            unknown.sendall(b"".join(gelf(f"new tcp {line}") + b"\0" for line in range(500)))
            listener.signal(signal.SIGTERM)
            listener.signal(signal.SIGCONT)
            assert listener.wait() == 0
    expected = ["first", *(f"new tcp {line}" for line in range(500))]
    expected += [f"{kind} {line}" for line in range(2000) for kind in ("udp", "tcp")]
    assert sorted(texts(listener.lines())) == sorted(expected)


def test_an_output_that_is_away_delays_the_end_only_for_so_long(
    start: Start, plugin_path: Path, tmp_path: Path
) -> None:
    """Status 1, and the number of messages that were lost."""
    written, gate = tmp_path / "written.jsonl", tmp_path / "open"
    listener = start(
        "gelf+http://127.0.0.1:0",
        outputs=[f"gate://{written}?gate={gate}"],
        arguments=["--drain-seconds", "0.5"],
        environment={"PYTHONPATH": str(plugin_path)},
    )
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        for number in range(100):
            assert client.post(gelf(f"{number}")).status == 202
    began = time.monotonic()
    status, report = listener.stop()
    assert status == 1
    assert time.monotonic() - began < 20
    match = re.search(r"100 messages taken.* unwritten at the end (\d+)", report)
    assert match, report
    assert int(match[1]) == 100


def test_an_output_that_comes_back_in_time(start: Start, plugin_path: Path, tmp_path: Path) -> None:
    """The drain waits for it, and says so."""
    written, gate = tmp_path / "written.jsonl", tmp_path / "open"
    listener = start(
        "gelf+http://127.0.0.1:0",
        outputs=[f"gate://{written}?gate={gate}&batch=7"],
        environment={"PYTHONPATH": str(plugin_path)},
    )
    with HttpClient(listener.endpoint("gelf+http").address) as client:
        for number in range(100):
            assert client.post(gelf(f"{number}")).status == 202
    listener.signal(signal.SIGTERM)
    until(lambda: any("stopping: still writing: gate:" in line for line in listener.stderr), 5)
    assert listener.alive
    gate.touch()
    assert listener.wait() == 0
    assert len(written.read_text().splitlines()) == 100


def test_open_connections_do_not_delay_the_end(start: Start, certificates: Certificates) -> None:
    """Idle ones, silent ones before a handshake, half requests: the listener closes them."""
    listener = start(
        "gelf+tcp://127.0.0.1:0", f"gelf+tls://127.0.0.1:0?cert={certificates.server}", "gelf+http://127.0.0.1:0"
    )
    socks = [
        socket.create_connection(endpoint.address, ANSWER_SECONDS) for endpoint in listener.endpoints for _ in range(5)
    ]
    socks[-1].sendall(HttpClient.request(gelf())[:-5])
    api = socket.create_connection(("127.0.0.1", int(listener.api_url.rpartition(":")[2])), ANSWER_SECONDS)
    time.sleep(0.2)
    began = time.monotonic()
    assert listener.stop()[0] == 0
    assert time.monotonic() - began < 20
    for sock in [*socks, api]:
        sock.close()
