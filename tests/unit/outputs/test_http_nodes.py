"""Nodes of a cluster: a request goes to one that is there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from gelf_listener.errors import ConfigError, Retry
from gelf_listener.outputs.http_client import Denied, HttpOutputSettings
from gelf_listener.outputs.http_nodes import HttpNodes


@asynccontextmanager
async def answering(status: str, asked: list[str]) -> AsyncIterator[int]:
    """A server with one answer, which notes who was asked; its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        asked.append(status)
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}".encode())
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def nodes(*ports: int) -> HttpNodes:
    settings = HttpOutputSettings(host="127.0.0.1", port=ports[0])
    return HttpNodes(settings, ", ".join(f"127.0.0.1:{port}" for port in ports[1:]), 9200, tls=False)


def test_the_next_one_is_asked_and_kept() -> None:
    """One that is away or busy is left for the next, which is asked first from then on."""

    async def main() -> None:
        asked: list[str] = []
        async with answering("503 Busy", asked) as busy, answering("200 OK", asked) as well:
            cluster = nodes(1, busy, well)
            assert await cluster.request("GET", "/") == b"{}"
            assert await cluster.request("GET", "/") == b"{}"
            assert asked == ["503 Busy", "200 OK", "200 OK"]
            await cluster.close()

    asyncio.run(main())


def test_none_is_there() -> None:
    """Each is asked once, and the last one's words are given."""

    async def main() -> None:
        asked: list[str] = []
        async with answering("503 Busy", asked) as busy:
            cluster = nodes(1, busy)
            with pytest.raises(Retry, match="status 503"):
                await cluster.request("GET", "/")
            assert asked == ["503 Busy"]
            await cluster.close()

    asyncio.run(main())


def test_what_one_refuses_no_other_is_asked() -> None:
    """It would say the same."""

    async def main() -> None:
        asked: list[str] = []
        async with answering("400 Bad Request", asked) as refusing, answering("200 OK", asked) as well:
            cluster = nodes(refusing, well)
            with pytest.raises(Denied):
                await cluster.request("GET", "/")
            assert asked == ["400 Bad Request"]
            await cluster.close()

    asyncio.run(main())


@pytest.mark.parametrize("text", ["a:b", "a:0", "a:70000", ":9200"])
def test_what_is_no_place(text: str) -> None:
    """It is named."""
    with pytest.raises(ConfigError, match="more_hosts"):
        HttpNodes(HttpOutputSettings(), text, 9200, tls=False)


def test_a_host_without_a_port() -> None:
    """It has the usual one."""
    assert [client.base for client in HttpNodes(HttpOutputSettings(), "b, [::1]:93", 9200, tls=False)._clients] == [
        "http://localhost:9200",
        "http://b:9200",
        "http://[::1]:93",
    ]
