"""A server that says what a test wants, word for word."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from collections.abc import Callable
from typing import NamedTuple, Self

__all__ = ["Asked", "Web", "answer"]


class Asked(NamedTuple):
    """A request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    """Inflated."""


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    """Write an answer of HTTP/1.1."""
    lines = [f"HTTP/1.1 {status} x", f"content-length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Web:
    """
    Answers each request with what a function makes of it; an empty answer closes the connection, None says nothing ever.

    A context manager.
    """

    def __init__(self, respond: Callable[[Asked], bytes | None], context: ssl.SSLContext | None = None) -> None:
        self.asked: list[Asked] = []
        self.connections = 0
        self._respond = respond
        self._context = context
        self._server: asyncio.Server
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def port(self) -> int:
        return int(self._server.sockets[0].getsockname()[1])

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._context)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *lines = head.decode().strip().split("\r\n")
                method, path, _ = first.split(" ")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                if headers.get("content-encoding") == "gzip":
                    body = gzip.decompress(body)
                self.asked.append(Asked(method, path, headers, body))
                said = self._respond(self.asked[-1])
                if said is None:
                    await asyncio.sleep(3600)
                if not said:
                    break
                writer.write(said)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # Cancelled at the end of a test; the streams of Python 3.11 report it as an error unless it is caught.
        finally:
            writer.close()
