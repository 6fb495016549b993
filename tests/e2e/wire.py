"""Bytes on the wire: a GELF sender with no library between it and the socket."""

from __future__ import annotations

import errno
import json
import os
import socket
import struct
import time
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

__all__ = ["Answer", "HttpClient", "chunks", "gelf", "send_tcp", "send_udp", "texts"]


def gelf(text: str = "hello", **fields: Any) -> bytes:
    """One GELF 1.1 document; keyword arguments are more keys, as they are."""
    document = {"version": "1.1", "host": "wire", "short_message": text, "timestamp": round(time.time(), 3), "level": 6}
    return json.dumps(document | fields).encode()


def texts(lines: Iterable[Mapping[str, Any]]) -> list[str]:
    """The short messages of what the output file has."""
    return [line["short_message"] for line in lines]


def chunks(payload: bytes, size: int = 1420, message_id: bytes | None = None) -> list[bytes]:
    """Cut a payload into chunk datagrams with so many bytes of data each."""
    parts = [payload[start : start + size] for start in range(0, len(payload), size)] or [b""]
    message_id = os.urandom(8) if message_id is None else message_id
    return [
        b"\x1e\x0f" + message_id + struct.pack("BB", number, len(parts)) + part for number, part in enumerate(parts)
    ]


def send_udp(address: tuple[str, int], *datagrams: bytes, source: str = "") -> None:
    """Send datagrams from one socket, optionally bound to a source address."""
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        if source:
            sock.bind((source, 0))
        for datagram in datagrams:
            sock.sendto(datagram, address)


def send_tcp(address: tuple[str, int], *parts: bytes, pause: float = 0.0, source: str = "") -> bytes:
    """
    Send segments on one connection, close the sending side, read until the listener closes.

    Returns:
        What the listener wrote: nothing, on a GELF connection.
    """
    with socket.create_connection(address, 5, source_address=(source, 0) if source else None) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for part in parts:
                sock.sendall(part)
                time.sleep(pause)
            sock.shutdown(socket.SHUT_WR)
            return read_all(sock)
        except OSError as error:  # a listener that refuses what it sees resets the connection
            if isinstance(error, ConnectionError) or error.errno == errno.ENOTCONN:
                return b""
            raise


def read_all(sock: socket.socket) -> bytes:
    """Read until the other side closes."""
    found = b""
    while data := sock.recv(65536):
        found += data
    return found


class Answer(NamedTuple):
    """One HTTP response."""

    status: int
    phrase: str
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The JSON document of an error."""
        document: dict[str, Any] = json.loads(self.body)
        return document


class HttpClient:
    """
    An HTTP client that sends exactly the bytes it is given and reads one response at a time.

    The clients of libraries repair too much: none sends a body that its headers contradict.
    """

    def __init__(self, address: tuple[str, int], sock: socket.socket | None = None) -> None:
        self.sock = sock or socket.create_connection(address, 40)
        self.sock.settimeout(40)
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        """Send raw bytes."""
        self.sock.sendall(data)

    def post(
        self, body: bytes, *headers: str, path: str = "/gelf", method: str = "POST", length: bool = True
    ) -> Answer:
        """Send one request and read its response."""
        self.send(self.request(body, *headers, path=path, method=method, length=length))
        return self.read(method)

    @staticmethod
    def request(
        body: bytes, *headers: str, path: str = "/gelf", method: str = "POST", length: bool = True, version: str = "1.1"
    ) -> bytes:
        """Write one request."""
        head = [f"{method} {path} HTTP/{version}", "Host: localhost", *headers]
        if length:
            head.append(f"Content-Length: {len(body)}")
        return ("\r\n".join(head) + "\r\n\r\n").encode() + body

    def read(self, method: str = "POST") -> Answer:
        """Read one response."""
        while b"\r\n\r\n" not in self._buffer:
            self._more()
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        _, status, phrase = first.split(" ", 2)
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        size = 0 if method == "HEAD" or status.startswith("1") else int(headers.get("content-length", "0"))
        while len(self._buffer) < size:
            self._more()
        body, self._buffer = self._buffer[:size], self._buffer[size:]
        return Answer(int(status), phrase, headers, body)

    def closed(self, seconds: float = 20.0) -> bool:
        """Whether the listener closes the connection in time, with nothing more to say."""
        self.sock.settimeout(seconds)
        try:
            return not self._buffer and self.sock.recv(1) == b""
        except ConnectionError:
            return True
        except TimeoutError:
            return False

    def _more(self) -> None:
        data = self.sock.recv(65536)
        if not data:
            raise ConnectionError(f"closed in the middle of an answer; had {self._buffer!r}")
        self._buffer += data
