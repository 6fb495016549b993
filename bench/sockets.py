"""Sockets: free ports, and what the kernel says about sockets that are not ours."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import NamedTuple

__all__ = ["LOOPBACK", "UdpState", "free_port", "tcp_answers", "udp_state"]

LOOPBACK = "127.0.0.1"


class UdpState(NamedTuple):
    """A UDP socket as /proc/net/udp has it."""

    queued_bytes: int
    drops: int


def free_port() -> int:
    """Return a port free for both UDP and TCP."""
    while True:
        with (
            socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
            socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        ):
            tcp.bind((LOOPBACK, 0))
            port: int = tcp.getsockname()[1]
            try:
                udp.bind((LOOPBACK, port))
            except OSError:
                continue
            return port


def udp_state(port: int) -> UdpState | None:
    """Return the sum over the IPv4 sockets bound to a port, or None when there is none."""
    suffix = f":{port:04X}"
    found = None
    for line in Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(suffix):
            queued = int(fields[4].split(":")[1], 16)
            before = found or UdpState(0, 0)
            found = UdpState(before.queued_bytes + queued, before.drops + int(fields[12]))
    return found


def tcp_answers(port: int) -> bool:
    """Tell whether somebody accepts connections on a port."""
    try:
        socket.create_connection((LOOPBACK, port), 0.2).close()
    except OSError:
        return False
    return True
