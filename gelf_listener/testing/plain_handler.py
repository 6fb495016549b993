"""Plain handler: sends log records as GELF when no library that does it is installed; for tests, not for services."""

from __future__ import annotations

import http.client
import json
import logging
import socket
from typing import Any

from gelf_listener.codec.gelf.chunking import split
from gelf_listener.testing.endpoint import Endpoint

_CHUNK_BYTES = 8192
_SECONDS = 5.0
_OWN = frozenset((*vars(logging.makeLogRecord({})), "message", "asctime"))
"""Attributes that every record has; the others are a message's additional fields."""


class PlainHandler(logging.Handler):
    """
    Sends each record at once, in the thread that logs it.

    Args:
        endpoint: Where to.
        fields: On every message.
    """

    def __init__(self, endpoint: Endpoint, fields: dict[str, Any] | None = None) -> None:
        super().__init__()
        self._endpoint = endpoint
        self._fields = fields or {}
        self._host = socket.gethostname() or "localhost"

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record."""
        try:
            self._send(json.dumps(self._document(record), default=str).encode())
        except Exception:  # noqa: BLE001  (logging must not fail; logging.raiseExceptions shows it)
            self.handleError(record)

    def _document(self, record: logging.LogRecord) -> dict[str, Any]:
        document: dict[str, Any] = {
            "version": "1.1",
            "host": self._host,
            "short_message": record.getMessage(),
            "timestamp": record.created,
            "level": _severity(record.levelno),
        }
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else record.exc_text
        if trace:
            document["full_message"] = f"{document['short_message']}\n{trace}"
        known = {"logger": record.name, "file": record.pathname, "line": record.lineno, "function": record.funcName}
        extra = {name: value for name, value in vars(record).items() if name not in _OWN}
        return document | {f"_{name}": value for name, value in {**known, **self._fields, **extra}.items()}

    def _send(self, payload: bytes) -> None:
        address = self._endpoint.address
        if self._endpoint.scheme == "gelf+udp":
            family = socket.AF_INET6 if ":" in self._endpoint.host else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as sock:
                for datagram in split(payload, _CHUNK_BYTES):
                    sock.sendto(datagram, address)
        elif self._endpoint.scheme == "gelf+tcp":
            with socket.create_connection(address, _SECONDS) as sock:
                sock.sendall(payload + b"\0")
        else:
            connection = http.client.HTTPConnection(*address, timeout=_SECONDS)
            connection.request("POST", self._endpoint.path or "/gelf", payload, {"Content-Type": "application/json"})
            connection.getresponse().read()
            connection.close()


def _severity(levelno: int) -> int:
    """Return syslog's severity of one of Python's levels."""
    if levelno >= logging.CRITICAL:
        return 2
    if levelno >= logging.ERROR:
        return 3
    if levelno >= logging.WARNING:
        return 4
    return 6 if levelno >= logging.INFO else 7
