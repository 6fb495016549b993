"""Directories: where things are kept when nobody says where."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["state_directory"]


def state_directory() -> Path:
    """Return where messages are kept by default: the platform's directory for a user's state."""
    base = os.environ.get("XDG_STATE_HOME")
    if base:
        return Path(base) / "gelf-listener"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "gelf-listener"
    return Path.home() / ".local" / "state" / "gelf-listener"
