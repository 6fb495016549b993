"""Levels: the names severities are shown by."""

from __future__ import annotations

LEVELS = ("emerg", "alert", "crit", "error", "warning", "notice", "info", "debug")
"""Syslog severities 0..7."""


def level_name(level: int | None) -> str:
    """Return a level's name, its number where it has none, and an empty text when it is unknown."""
    if level is None:
        return ""
    return LEVELS[level] if 0 <= level < len(LEVELS) else str(level)
