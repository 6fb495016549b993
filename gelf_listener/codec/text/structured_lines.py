"""
Structured lines: what loggers that write JSON or logfmt to standard output call things, as GELF documents.

Told apart by their keys: structlog (``event``), python-json-logger (``message``, ``levelname``), bunyan and pino
(``msg``, ``time``, ``hostname``, numbers of their own as levels), logback's encoders (``@timestamp``,
``stack_trace``), and logfmt.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gelf_listener.codec.levels import severity_of_text
from gelf_listener.codec.syslog.bsd import iso_seconds

__all__ = ["document_of_json", "pairs_of_logfmt"]

_TEXTS = ("message", "msg", "event", "@m", "log")
_LEVELS = ("level", "levelname", "severity", "log.level", "lvl", "@l", "levelno")
_TIMES = ("timestamp", "time", "ts", "@timestamp", "@t", "asctime", "created")
_HOSTS = ("host", "hostname")
_TRACES = ("exc_info", "exc_text", "exception", "stack_trace", "stack", "stacktrace", "error.stack_trace", "@x")
_NODE_LEVELS = {10: 7, 20: 7, 30: 6, 40: 4, 50: 3, 60: 2}
"""bunyan and pino: 30 is what 20 is in Python."""

_PAIR = re.compile(r'([A-Za-z_@][\w.@/-]*)=(?:"((?:[^"\\]|\\.)*+)"|([^\s"]*))(?:\s+|\Z)')
_ESCAPED = re.compile(r"\\(.)")
_MAX_PAIRS = 1000


def document_of_json(line: Mapping[str, Any]) -> dict[str, Any] | None:
    """
    Give the keys of a logger GELF's names.

    Args:
        line: A JSON object that is no GELF document.

    Returns:
        A document for the normaliser; None when the object has no text, and is therefore no log line.
    """
    rest = dict(line)
    text = _take(rest, _TEXTS)
    if not isinstance(text, str):
        return None
    document: dict[str, Any] = {"version": "1.1", "short_message": text}
    node = "msg" in line and "time" in line  # Python's loggers, whose numbers mean something else, say neither
    level = _take(rest, _LEVELS)
    if node and isinstance(level, int):
        level = _NODE_LEVELS.get(level // 10 * 10, level)
    if isinstance(level, str):
        named = severity_of_text(level)
        level = level if named is None else named  # a name nobody knows stays, noted, beside the message
    if level is not None:
        document["level"] = level
    stamp = _take(rest, _TIMES)
    if isinstance(stamp, str):
        seconds = iso_seconds(stamp, None)  # without an offset it is this machine's time, as in Python's asctime
        stamp = stamp if seconds is None else seconds
    if stamp is not None:
        document["timestamp"] = stamp
    host = _take(rest, _HOSTS)
    if host is not None:
        document["host"] = host
    trace = _trace(rest)
    if trace:
        document["full_message"] = trace
    for name, value in rest.items():
        if value is not None:
            document[f"_{name}"] = value
    return document


def pairs_of_logfmt(line: str) -> dict[str, str] | None:
    """Read a line of logfmt; None when it is none, or has neither a text nor a level or time."""
    pairs: dict[str, str] = {}
    at = 0
    while at < len(line):
        match = _PAIR.match(line, at)
        if match is None or len(pairs) >= _MAX_PAIRS:
            return None
        name, quoted, bare = match.groups()
        pairs[name] = bare if quoted is None else _ESCAPED.sub(_unescape, quoted)
        at = match.end()
    if not pairs.keys() & {"msg", "message"} or not pairs.keys() & {"level", "lvl", "time", "ts", "severity"}:
        return None
    return pairs


def _unescape(match: re.Match[str]) -> str:
    return {"n": "\n", "t": "\t", "r": "\r"}.get(match[1], match[1])


def _take(rest: dict[str, Any], names: tuple[str, ...]) -> Any:
    """Take the first of several keys off."""
    for name in names:
        if rest.get(name) is not None:
            return rest.pop(name)
    return None


def _trace(rest: dict[str, Any]) -> str:
    """Take a traceback off: a text, or pino's and bunyan's object of an error."""
    for name in _TRACES:
        if isinstance(rest.get(name), str) and "\n" in rest[name]:
            return str(rest.pop(name))
    error = rest.get("err")
    if isinstance(error, dict) and isinstance(error.get("stack"), str):
        rest["err"] = {key: value for key, value in error.items() if key != "stack"}
        return str(error["stack"])
    return ""
