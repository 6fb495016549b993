"""ApiServer on loopback: answers, and ends."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import urllib.request

import httpx
import pytest

from gelf_listener.address import Address
from gelf_listener.api.auth import Auth
from gelf_listener.api.server import ApiServer
from gelf_listener.config import Config
from gelf_listener.errors import ConfigError
from gelf_listener.service import Service


def service() -> Service:
    return Service(Config.from_values({"inputs": [], "outputs": [], "api": "off"}, "test"))


def fetch(url: str) -> dict[str, object]:
    with urllib.request.urlopen(url, timeout=5) as answer:
        found: dict[str, object] = json.load(answer)
        return found


def test_answers_from_the_moment_it_says_so() -> None:
    """The URL has the real port; after closing nothing is listening there."""

    async def main() -> None:
        server = ApiServer(service(), Auth(required=False, users={}, tokens=[]), Address.parse("http://127.0.0.1:0"))
        url = await server.start()
        assert (await asyncio.to_thread(fetch, f"{url}/health"))["status"] == "ok"
        await server.close()
        await server.close()
        port = int(url.rpartition(":")[2])
        with pytest.raises(OSError):
            socket.create_connection(("127.0.0.1", port), 1).close()

    asyncio.run(main())


def test_clients_know_it_by_its_header() -> None:
    """Every answer names the node, as Graylog's do, those to nobody in particular too."""

    async def main() -> None:
        server = ApiServer(service(), Auth(required=True, users={}, tokens=[]), Address.parse("http://127.0.0.1:0"))
        url = await server.start()
        for path, status in (("/health", 200), ("/api/api-browser", 401)):
            async with httpx.AsyncClient() as client:
                answer = await client.get(url + path)
            assert answer.status_code == status
            assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Graylog-Node-ID"])
        await server.close()

    asyncio.run(main())


def test_closing_does_not_wait_for_idle_clients() -> None:
    """A browser that keeps its connection open does not keep the listener."""

    async def main() -> None:
        server = ApiServer(service(), Auth(required=False, users={}, tokens=[]), Address.parse("http://127.0.0.1:0"))
        port = int((await server.start()).rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert await reader.readline() == b"HTTP/1.1 200 OK\r\n"
        async with asyncio.timeout(40):
            await server.close()
        writer.close()

    asyncio.run(main())


def test_a_port_in_use() -> None:
    """Says how to do without; closing is harmless."""

    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            server = ApiServer(
                service(),
                Auth(required=False, users={}, tokens=[]),
                Address.parse(f"http://127.0.0.1:{taken.getsockname()[1]}"),
            )
            with pytest.raises(
                ConfigError, match=r"^api: 127\.0\.0\.1 port \d+ is in use .* turn it off with --api off$"
            ):
                await server.start()
            await server.close()

    asyncio.run(main())
