"""Receive buffer: as large as the system lets anybody have it, so that a test that floods loses little."""

from __future__ import annotations

from pathlib import Path

_WANTED = 8 * 1024 * 1024
_EVERYWHERE = 64 * 1024
"""What any system gives."""


def receive_buffer_bytes(limit: Path = Path("/proc/sys/net/core/rmem_max")) -> int:
    """Return how much to ask for, without a warning in the log of the test that there is less."""
    try:
        return max(min(int(limit.read_text(encoding="ascii")), _WANTED), _EVERYWHERE)
    except (OSError, ValueError):
        return _EVERYWHERE
