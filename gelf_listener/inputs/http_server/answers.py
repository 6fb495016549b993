"""Answers: responses, and how they are written."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

_SERVER = b"Server: gelf-listener\r\n"
"""Tells clients such as gelf-handlers that newline-delimited bodies are welcome."""

_PHRASES = {status.value: status.phrase for status in HTTPStatus} | {413: "Content Too Large"}
"""gelf-php matches that of 202."""

_LINE_ENDS = re.compile(r"[\r\n\0]+")
"""What may be in a header's value that came from a client, and would begin another header."""

_WITHOUT_BODY = frozenset((204, 304))


class Response:
    """
    What a request is answered with. It may answer many requests.

    Args:
        status: HTTP status.
        body: The content.
        content_type: Its media type; empty when there is no content.
        headers: More headers, names and values in ASCII.
        close: Whether to close the connection behind it.
    """

    __slots__ = ("_plain", "body", "close", "content_type", "headers", "status")

    def __init__(
        self,
        status: int,
        body: bytes = b"",
        content_type: str = "",
        headers: Sequence[tuple[str, str]] = (),
        *,
        close: bool = False,
    ) -> None:
        self.status = status
        self.body = body
        self.content_type = content_type
        self.headers = headers
        self.close = close
        self._plain = b""

    @classmethod
    def json(cls, status: int, value: Any, headers: Sequence[tuple[str, str]] = ()) -> Response:
        """Make a response of a JSON value."""
        return cls(status, json.dumps(value).encode(), "application/json", headers)

    @property
    def plain(self) -> bytes:
        """The whole response, to a client that keeps its connection and is not a browser."""
        if not self._plain:
            self._plain = self.encode()
        return self._plain

    def encode(self, more: bytes = b"", *, head: bool = False) -> bytes:
        """
        Write the response.

        Args:
            more: Header lines that depend on the client.
            head: Whether the client asked with HEAD: it gets the headers only.
        """
        lines = [head_of(self.status), _SERVER]
        if self.content_type:
            lines.append(b"Content-Type: %s\r\n" % self.content_type.encode("latin-1"))
        lines += [
            _LINE_ENDS.sub(" ", f"{name}: {value}").encode("latin-1", "replace") + b"\r\n"
            for name, value in self.headers
        ]
        lines.append(more)
        if self.status not in _WITHOUT_BODY:
            lines.append(b"Content-Length: %d\r\n" % len(self.body))  # without it clients wait for the end
        lines.append(b"\r\n")
        if not head and self.status not in _WITHOUT_BODY:
            lines.append(self.body)
        return b"".join(lines)


SILENCE = Response(0, close=True)
"""The connection is closed without an answer."""


def head_of(status: int, version: bytes = b"1.1") -> bytes:
    """Write the first line of an answer."""
    return b"HTTP/%s %d %s\r\n" % (version, status, _PHRASES.get(status, "").encode())


def cors_lines(origin: bytes, methods: str, headers: str) -> bytes:
    """Write what lets a browser's page of another origin send, and read the answer."""
    return (
        b"Access-Control-Allow-Origin: %s\r\n"
        b"Access-Control-Allow-Headers: %s\r\n"
        b"Access-Control-Allow-Methods: %s\r\n"
        b"Vary: Origin\r\n" % (origin, headers.encode("latin-1"), methods.encode("latin-1"))
    )
