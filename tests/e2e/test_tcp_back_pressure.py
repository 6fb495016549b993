"""TCP: an output that is away makes senders wait, costs bounded memory, and loses nothing."""

from __future__ import annotations

import json
import socket
import threading
import time
from pathlib import Path

import pytest

from tests.e2e.conftest import Certificates, Start
from tests.e2e.listener import ANSWER_SECONDS, until
from tests.e2e.wire import gelf

BUFFER = 8 * 1024 * 1024
"""Bytes the output's buffer may hold."""

MARGIN = 32
"""MiB over the memory at rest: the buffer, kept objects, the reads under way, and the allocator's waste."""

MESSAGES = 30_000
PADDING = "x" * 1000


@pytest.mark.parametrize("scheme", ["gelf+tcp", "gelf+tls"])
def test_senders_wait_and_nothing_is_lost(
    start: Start, plugin_path: Path, tmp_path: Path, certificates: Certificates, scheme: str
) -> None:
    """30 MB are sent to an output that is away: most of them stay with the sender until it is back."""
    written, gate = tmp_path / "written.jsonl", tmp_path / "open"
    options = f"?cert={certificates.server}" if scheme == "gelf+tls" else ""
    listener = start(
        f"{scheme}://127.0.0.1:0{options}",
        outputs=[f"gate://{written}?gate={gate}&max_buffer_bytes={BUFFER}"],
        environment={"PYTHONPATH": str(plugin_path)},
    )
    at_rest = listener.memory()[0]
    sock = socket.create_connection(listener.endpoint(scheme).address, ANSWER_SECONDS)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 64 * 1024)
    if scheme == "gelf+tls":
        sock = certificates.client_context().wrap_socket(sock, server_hostname="localhost")
    sock.settimeout(60)
    sent = 0

    def send() -> None:
        nonlocal sent
        for number in range(MESSAGES):
            sock.sendall(gelf(f"{number}", _padding=PADDING) + b"\0")
            sent = number + 1

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    last = -1
    while sent != last:  # until sendall has not returned for half a second
        last = sent
        time.sleep(0.5)
    assert sender.is_alive(), "all was sent: nothing made the sender wait"
    assert sent < MESSAGES
    held = listener.metric("gelf_buffer_bytes")
    assert held < BUFFER + 2 * 1024 * 1024
    blocked = listener.memory()[1]
    status, health = listener.health()
    assert status == 200 or health["outputs"], "the API answers while the output is away"

    gate.touch()
    sender.join(60)
    assert sent == MESSAGES
    sock.close()
    until(lambda: listener.metric("gelf_output_messages_total") == MESSAGES, 30, "all written")
    peak = listener.memory()[1]
    print(
        f"\n{scheme}: sender blocked after {last} of {MESSAGES} messages with {held / 2**20:.1f} MiB buffered; "
        f"RSS {at_rest:.0f} MiB at rest, {blocked:.0f} MiB blocked, {peak:.0f} MiB at its peak"
    )
    assert blocked < at_rest + MARGIN, f"{blocked:.0f} MiB with the output away, {at_rest:.0f} MiB at rest"
    assert peak < at_rest + MARGIN, f"{peak:.0f} MiB at its peak, {at_rest:.0f} MiB at rest"
    assert listener.stop()[0] == 0
    found = [json.loads(line)["short_message"] for line in written.read_text().splitlines()]
    assert found == [str(number) for number in range(MESSAGES)]


def test_udp_drops_are_counted(start: Start, plugin_path: Path, tmp_path: Path) -> None:
    """UDP cannot be made to wait: what the kernel drops while nothing is read is counted per socket."""
    written, gate = tmp_path / "written.jsonl", tmp_path / "open"
    listener = start(
        "gelf+udp://127.0.0.1:0?receive_buffer_bytes=262144",
        outputs=[f"gate://{written}?gate={gate}&max_buffer_messages=1000&batch=100"],
        environment={"PYTHONPATH": str(plugin_path)},
    )
    total = 20_000
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for number in range(total):
            sock.sendto(gelf(f"{number}"), listener.endpoint("gelf+udp").address)
    time.sleep(0.3)
    gate.touch()
    until(lambda: listener.metric("gelf_buffer_messages") == 0, what="the buffer is empty")
    time.sleep(0.3)
    drops = int(listener.metric("gelf_input_kernel_drops_total"))
    read = int(listener.metric("gelf_input_datagrams_total"))
    print(f"\n{total} sent: {read} read, {drops} dropped by the kernel")
    assert drops > 0
    assert read + drops == total
    status, report = listener.stop()
    assert status == 0
    assert f"by the kernel {drops}" in report
    assert len(written.read_text().splitlines()) == read


@pytest.mark.parametrize("policy", ["drop_oldest", "drop_newest"])
def test_dropping_instead_of_waiting(start: Start, plugin_path: Path, tmp_path: Path, policy: str) -> None:
    """A buffer that drops never makes anybody wait; what it let go is counted and reported."""
    written, gate = tmp_path / "written.jsonl", tmp_path / "open"
    listener = start(
        "gelf+tcp://127.0.0.1:0",
        outputs=[f"gate://{written}?gate={gate}&max_buffer_messages=1000&batch=100&when_full={policy}"],
        environment={"PYTHONPATH": str(plugin_path)},
    )
    total = 20_000
    with socket.create_connection(listener.endpoint("gelf+tcp").address, ANSWER_SECONDS) as sock:
        sock.settimeout(10)
        for number in range(total):
            sock.sendall(gelf(f"{number}") + b"\0")
    until(lambda: listener.metric("gelf_input_messages_total") == total, what="all taken")
    gate.touch()
    until(lambda: listener.metric("gelf_buffer_messages") == 0, what="the buffer is empty")
    dropped = int(listener.metric("gelf_output_dropped_total"))
    status, report = listener.stop()
    assert status == 0
    assert f"dropped by buffers {dropped}" in report
    found = [int(json.loads(line)["short_message"]) for line in written.read_text().splitlines()]
    assert len(found) + dropped == total
    assert dropped > total / 2
    assert found == sorted(found)
    assert (found[-1] == total - 1) is (policy == "drop_oldest")
    assert found[0] == 0
