"""Clients of the plainest kind, for what every input must do."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

__all__ = ["exchange", "post", "send_datagrams", "send_stream"]


def _where(listening: str) -> tuple[str, int]:
    split = urlsplit(listening)
    assert split.hostname is not None
    assert split.port is not None
    return split.hostname, split.port


async def send_datagrams(listening: str, payloads: Sequence[bytes]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for payload in payloads:
            sock.sendto(payload, _where(listening))
            await asyncio.sleep(0)


async def send_stream(listening: str, data: bytes, context: ssl.SSLContext | None = None) -> bytes:
    """Send on a connection of its own, end it, and return what was answered."""
    name = "localhost" if context is not None else None
    reader, writer = await asyncio.open_connection(*_where(listening), ssl=context, server_hostname=name)
    try:
        writer.write(data)
        await writer.drain()
        if context is None:
            writer.write_eof()
            return await reader.read()
        return b""
    except ConnectionError:
        return b""
    finally:
        writer.close()


async def exchange(listening: str, data: bytes, length: int, context: ssl.SSLContext | None = None) -> bytes:
    """Send on a connection of its own, and return the answer of some bytes; less when the connection ends."""
    name = "localhost" if context is not None else None
    reader, writer = await asyncio.open_connection(*_where(listening), ssl=context, server_hostname=name)
    try:
        writer.write(data)
        return await reader.readexactly(length)
    except (ConnectionError, asyncio.IncompleteReadError):
        return b""
    finally:
        writer.close()


async def post(
    listening: str, bodies: Sequence[bytes], context: ssl.SSLContext | None = None, path: str = ""
) -> list[int]:
    """Send requests one by one on a connection of their own, and return how they were answered."""
    name = "localhost" if context is not None else None
    reader, writer = await asyncio.open_connection(*_where(listening), ssl=context, server_hostname=name)
    statuses = []
    try:
        for body in bodies:
            target = path or urlsplit(listening).path
            writer.write(
                b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s" % (target.encode(), len(body), body)
            )
            head = await reader.readuntil(b"\r\n\r\n")
            statuses.append(int(head.split(b" ")[1]))
            lengths = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
            await reader.readexactly(int(lengths[0].partition(b":")[2]) if lengths else 0)
    finally:
        writer.close()
    return statuses
