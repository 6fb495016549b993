"""Directories: where things are kept when nobody says where."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gelf_listener.settings import OutputSettings

_NOT_PLAIN = re.compile(r"[^A-Za-z0-9._-]+")


def state_directory() -> Path:
    """Return where messages are kept by default: the platform's directory for a user's state."""
    base = os.environ.get("XDG_STATE_HOME")
    if base:
        return Path(base) / "gelf-listener"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "gelf-listener"
    return Path.home() / ".local" / "state" / "gelf-listener"


def buffers_directory() -> Path:
    """Return where buffers on disk are kept by default, each in a directory of its own."""
    return state_directory() / "buffers"


def buffer_directory(name: str, settings: OutputSettings) -> Path:
    """Return where an output's buffer on disk is: as its settings say, or a directory of its name."""
    if settings.buffer_path:
        return Path(settings.buffer_path)
    plain = _NOT_PLAIN.sub("_", name).strip("._")[:80]
    if plain != name:  # two names must not become one
        plain += "-" + hashlib.sha256(name.encode()).hexdigest()[:8]
    return buffers_directory() / plain
