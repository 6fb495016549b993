"""systemd: told when the listener is ready, reloads and stops."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

from tests.e2e.conftest import Start


def test_notifications(start: Start, tmp_path: Path) -> None:
    """READY after the sockets are open, RELOADING with the clock, STOPPING before the drain."""
    path = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(str(path))
        notify.settimeout(60)
        listener = start("gelf+udp://127.0.0.1:0", environment={"NOTIFY_SOCKET": str(path)})
        assert notify.recv(1024) == b"READY=1"
        listener.signal(signal.SIGHUP)
        state, clock = notify.recv(1024).decode().split("\n")
        assert state == "RELOADING=1"
        assert int(clock.removeprefix("MONOTONIC_USEC=")) > 0
        assert notify.recv(1024) == b"READY=1"
        assert listener.stop()[0] == 0
        assert notify.recv(1024) == b"STOPPING=1"


def test_an_abstract_socket_and_a_missing_one(start: Start) -> None:
    """systemd may use an abstract address; nobody listening is no reason not to run."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind("")  # the kernel picks an abstract address
        notify.settimeout(60)
        name = notify.getsockname()
        start("gelf+udp://127.0.0.1:0", environment={"NOTIFY_SOCKET": "@" + name[1:].decode()})
        assert notify.recv(1024) == b"READY=1"
    listener = start("gelf+udp://127.0.0.1:0", environment={"NOTIFY_SOCKET": "/nobody/there"})
    assert listener.stop()[0] == 0
