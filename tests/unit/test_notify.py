"""systemd's notifications, on a socket of our own."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from gelf_listener.notify import notify, notify_reloading

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no UNIX sockets here")


@pytest.mark.parametrize("abstract", [False, True])
def test_states(abstract: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By path and, on Linux, by abstract name."""
    if abstract and sys.platform != "linux":
        pytest.skip("abstract names are Linux's")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        name = f"gelf-listener-test-{id(tmp_path)}" if abstract else str(tmp_path / "notify")
        sock.bind("\0" + name if abstract else name)
        sock.settimeout(20)
        monkeypatch.setenv("NOTIFY_SOCKET", "@" + name if abstract else name)
        notify("READY=1")
        assert sock.recv(100) == b"READY=1"
        notify_reloading()
        state, _, clock = sock.recv(100).partition(b"\nMONOTONIC_USEC=")
        assert state == b"RELOADING=1"
        assert int(clock) > 0


@pytest.mark.parametrize("value", [None, "", "/no/such/socket", "relative"])
def test_nobody_listens(value: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A notification is a courtesy: without systemd nothing happens."""
    if value is None:
        monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    else:
        monkeypatch.setenv("NOTIFY_SOCKET", value)
    assert notify("READY=1") is None
