"""``/mcp``, as an editor asks it: the SDK's client over HTTP, against a running listener."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import httpx
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client

from tests.e2e.conftest import Start
from tests.e2e.listener import ANSWER_SECONDS, Listener, until
from tests.e2e.wire import send_udp

TOKEN = "a-token-of-the-test-suite"
ACCEPT = {"Accept": "application/json, text/event-stream"}
INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
}

Ask = Callable[..., Awaitable[str]]


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    """One with a failed request among others, and a login."""
    folder = tmp_path_factory.mktemp("mcp")
    environment = {"GELF_API_USERS": "alice:hunter2", "GELF_API_TOKENS": TOKEN}
    options: dict[str, Any] = {"arguments": ["--api-auth", "on"], "environment": environment}
    with Listener(folder, "gelf+udp://127.0.0.1:0", outputs=[f"store://{folder}/store"], **options) as running:
        address = running.endpoint("gelf+udp").address
        for number in range(9):
            level, text = (3, "order could not be paid") if number == 5 else (6, f"order {number} paid")
            document = {"version": "1.1", "host": "web", "timestamp": time.time(), "short_message": text}
            document |= {"level": level, "_request_id": f"r-{number // 3}", "_service": "shop"}
            send_udp(address, json.dumps(document).encode())

        def stored() -> bool:
            answer = httpx.get(
                f"{running.api_url}/api/gelf/search?limit=0", auth=(TOKEN, "token"), timeout=ANSWER_SECONDS
            )
            return bool(answer.json()["total"] == 9)

        until(stored, 20)
        yield running


def talk(listener: Listener, main: Callable[[Ask], Awaitable[None]], mode: str = "auto", **options: Any) -> None:
    """Connect as an editor does; a failed call gives its text after ``error: ``."""

    async def begin() -> None:
        async with httpx2.AsyncClient(timeout=ANSWER_SECONDS, **options) as http:
            transport = streamable_http_client(f"{listener.api_url}/mcp", http_client=http)
            async with Client(transport, mode=mode) as client:

                async def ask(tool: str, **arguments: Any) -> str:
                    result = await client.call_tool(tool, arguments)
                    (content,) = result.content
                    return ("error: " if result.is_error else "") + content.text  # type: ignore[union-attr]

                await main(ask)

    asyncio.run(begin())


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_why_a_request_failed(listener: Listener, mode: str) -> None:
    """The tools of the command, for clients of either generation of the protocol."""

    async def main(ask: Ask) -> None:
        assert await ask("aggregate", by=["service"], query="level:error") == (
            "1 message matches:\nservice | count\nshop | 1"
        )
        title, line = (await ask("search", query="level:error")).splitlines()
        assert title == "1 message matches, 1 shown:"
        told = await ask("message", id=line.rpartition("id=")[2], same="request_id")
        assert "short_message: order could not be paid\n" in told
        around = told.partition("around it, with the same request_id (r-1), oldest first:\n")[2].splitlines()
        assert len(around) == 3
        assert around[2].endswith("(this message)")
        assert "there is 'request_id'" in await ask("count", query="reqest_id:r-1")
        assert "column 8: empty parentheses" in await ask("count", query="level:(")
        assert (await ask("wait", query="never_comes", seconds=0.1)).startswith("0 of 1 message within 100ms")

    talk(listener, main, mode, headers={"Authorization": f"Bearer {TOKEN}"})


@pytest.mark.parametrize("auth", [("alice", "hunter2"), (TOKEN, "token")])
def test_a_login(listener: Listener, auth: tuple[str, str]) -> None:
    """With what the rest of the API takes."""

    async def main(ask: Ask) -> None:
        assert await ask("count") == "9 messages match"

    talk(listener, main, auth=auth)


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"auth": ("alice", "wrong")}, 401),
        ({"headers": {"Authorization": "Bearer not-the-token-of-the-suite"}}, 401),
        ({}, 401),
        ({"auth": (TOKEN, "token"), "headers": {"Origin": "https://evil.example"}}, 403),
        ({"auth": (TOKEN, "token"), "headers": {"Host": "evil.example"}}, 403),
    ],
    ids=["password", "token", "nothing", "origin", "host"],
)
def test_who_is_refused(listener: Listener, options: dict[str, Any], status: int) -> None:
    """A wrong password or token, none, a page from elsewhere, a name that is not ours."""
    statuses = set()

    async def note(response: httpx2.Response) -> None:
        statuses.add(response.status_code)

    async def main(ask: Ask) -> None:
        raise AssertionError(await ask("count"))

    with pytest.raises(ExceptionGroup) as caught:
        talk(listener, main, event_hooks={"response": [note]}, **options)
    assert caught.value.subgroup(MCPError) is not None
    assert statuses == {status}


def test_the_statuses(listener: Listener) -> None:
    """403 with the API's words; nothing but POST; no session; a bound on the body."""
    with httpx.Client(base_url=listener.api_url, timeout=ANSWER_SECONDS, headers=ACCEPT) as client:
        good: dict[str, Any] = {"auth": (TOKEN, "token")}
        foreign = client.post("/mcp", json=INITIALIZE, headers={"Origin": "https://evil.example"}, **good)
        assert foreign.status_code == 403
        assert foreign.json()["message"] == "requests from pages of 'https://evil.example' are not answered"
        for method in ("GET", "DELETE"):
            answer = client.request(method, "/mcp", **good)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        answer = client.post("/mcp", json=INITIALIZE, **good)
        assert answer.json()["result"]["serverInfo"]["name"] == "gelf-listener"
        assert "mcp-session-id" not in answer.headers
        assert answer.headers["cache-control"] == "no-store"
        assert client.post("/mcp", json=INITIALIZE | {"padding": "x" * 2**20}, **good).status_code == 413
        assert client.post("/mcp", content=json.dumps(INITIALIZE), **good).status_code == 400  # as a form could


def test_without_a_store(start: Start) -> None:
    """The tool says what is missing; one that needs no store answers."""
    listener = start("gelf+udp://127.0.0.1:0", outputs=["null:"])

    async def main(ask: Ask) -> None:
        assert "no store configured" in await ask("search")
        assert (await ask("rejected")).startswith("0 rejected")

    talk(listener, main)
