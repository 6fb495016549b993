"""systemd: tell the service manager that we are ready, reloading or stopping (sd_notify)."""

from __future__ import annotations

import os
import socket
import time


def notify(state: str) -> None:
    """Send a state such as ``READY=1`` to systemd; does nothing when it is not listening."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if not path or not hasattr(socket, "AF_UNIX"):
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            sock.connect(address)
            sock.sendall(state.encode())
    except OSError:
        pass  # a notification is a courtesy


def notify_reloading() -> None:
    """Announce a reload; `notify` with ``READY=1`` ends it."""
    notify(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")
