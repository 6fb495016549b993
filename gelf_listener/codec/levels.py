"""Levels: syslog severities by the numbers and names that loggers use."""

from __future__ import annotations

__all__ = ["LEVEL_NAMES", "severity_of_number", "severity_of_text"]

LEVEL_NAMES = {
    "emerg": 0,
    "emergency": 0,
    "panic": 0,
    "alert": 1,
    "crit": 2,
    "critical": 2,
    "fatal": 2,
    "err": 3,
    "error": 3,
    "severe": 3,
    "warn": 4,
    "warning": 4,
    "notice": 5,
    "success": 5,
    "info": 6,
    "information": 6,
    "informational": 6,
    "debug": 7,
    "trace": 7,
    "verbose": 7,
    "fine": 7,
    "finer": 7,
    "finest": 7,
    "silly": 7,
}
"""Severities by the names loggers use: syslog's, Python's, log4j's, java.util.logging's, npm's, loguru's."""

_MAX_TEXT = 64
"""Longest text read as a number: reading millions of digits takes a while."""


def severity_of_number(level: float) -> int | None:
    """
    Map a number to a syslog severity.

    0..7 are severities. 8 and above are read as the numbers of Python's logging (10, 20, ... 50), which
    bunyan's and pino's resemble. Anything else is None.
    """
    if not 0 <= level <= 100:  # nor is a NaN
        return None
    number = int(level)
    if number <= 7:
        return number
    for most, severity in ((10, 7), (20, 6), (29, 5), (39, 4), (49, 3)):
        if number <= most:
            return severity
    return 2


def severity_of_text(text: str) -> int | None:
    """Map a name, or a number in a string (rsyslog's old template), to a syslog severity."""
    text = text.strip()
    if len(text) > _MAX_TEXT:
        return None
    try:
        number = float(text)
    except ValueError:
        return LEVEL_NAMES.get(text.lower())
    return severity_of_number(number)
