"""Levels: syslog severities by the numbers and names that loggers use."""

from __future__ import annotations

import re

LEVEL_WORDS = {
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
"""Severities by names that are whole, as a person writes them."""

LEVEL_NAMES = {
    **LEVEL_WORDS,
    # Short forms: Serilog and zerolog (three letters), logrus, slog and log15 (four), .NET's console, NATS.
    **dict.fromkeys(("ftl", "fata", "critic", "pani", "pnc", "dpanic", "shout"), 2),
    **dict.fromkeys(("erro", "eror", "fail"), 3),
    **dict.fromkeys(("wrn", "deprecated", "deprecation"), 4),
    **dict.fromkeys(("inf", "log", "note", "system", "http", "default"), 6),
    **dict.fromkeys(("dbg", "dbug", "debg", "debu", "trc", "trce", "trac", "vrb", "config", "spam"), 7),
    **dict.fromkeys((f"debug{number}" for number in range(1, 6)), 7),  # PostgreSQL
    # Cut to four or five letters: Open vSwitch, OrientDB, Python's %(levelname).5s; of their own: rippled, dnf.
    "emer": 0,
    "criti": 2,
    "sever": 3,
    "warni": 4,
    "notic": 5,
    "nfo": 6,
    "ddebug": 7,
    "subdebug": 7,
}
"""Severities by the names loggers use: syslog's, Python's, log4j's, java.util.logging's, npm's, loguru's and others."""

LEVEL_LETTERS = {
    "A": 1,
    "C": 2,
    "F": 2,
    "E": 3,
    "W": 4,
    "N": 5,
    "I": 6,
    "D": 7,
    "T": 7,
    "V": 7,
}
"""Severities by the one letter that glog, Ruby, tornado, etcd and others write, in forms of their own."""

_OFFSET = re.compile(r"([A-Za-z]+)[+-]\d{1,4}\Z", re.ASCII)

_UNNAMED = re.compile(r"[Ll]evel (\d{1,3})\Z", re.ASCII)

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
    named = LEVEL_NAMES.get(text.lower())
    if named is not None:
        return named
    try:
        number = float(text)
    except ValueError:
        return _severity_of_derived(text)
    return severity_of_number(number)


def _severity_of_derived(text: str) -> int | None:
    """Read a level without a name of its own: Go's slog writes the one below and how far it is, Python a number."""
    offset = _OFFSET.match(text)
    if offset is not None:
        return LEVEL_NAMES.get(offset[1].lower())
    unnamed = _UNNAMED.match(text)
    return None if unnamed is None else severity_of_number(min(max(int(unnamed[1]), 8), 100))
