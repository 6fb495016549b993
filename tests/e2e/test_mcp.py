"""mcp, as an editor runs it: the SDK's client over standard input and output, against a running listener."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters

from tests.e2e.conftest import Start
from tests.e2e.listener import Listener, free_port, until
from tests.e2e.wire import send_udp

TRACE = (
    "Traceback (most recent call last):\n" + '  File "shop.py", line 12, in pay\n' * 500 + "ValueError: card expired"
)

Ask = Callable[..., Awaitable[str]]


def send(listener: Listener, **fields: Any) -> None:
    document = {"version": "1.1", "host": "web", "timestamp": time.time()} | fields
    send_udp(listener.endpoint("gelf+udp").address, json.dumps(document).encode())
    time.sleep(0.001)


def total(listener: Listener) -> int:
    return int(json.loads(listener.get("/api/gelf/search?limit=0")[1])["total"])


@pytest.fixture(scope="module")
def listener(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Listener]:
    """One with 150 messages of two services, a failed request, and a rejection."""
    folder = tmp_path_factory.mktemp("mcp")
    with Listener(folder, "gelf+udp://127.0.0.1:0", outputs=[f"store://{folder}/store"]) as running:
        for number in range(149):
            service = "shop" if number % 3 else "billing"
            request = "r-42" if 70 <= number < 72 else f"r-{1000 + number}"
            fields = {"_service": service, "_request_id": request, "_duration_ms": number}
            send(running, short_message=f"order {number} \u202epaid", level=6, **fields)
        failed = {"_service": "shop", "_request_id": "r-42", "_status": 500, "full_message": TRACE}
        send(running, short_message="order could not be paid", level=3, **failed)
        send_udp(running.endpoint("gelf+udp").address, b"nonsense")
        until(lambda: total(running) == 150, 20)
        yield running


def talk(url: str, main: Callable[[Ask], Awaitable[None]], **environment: str) -> None:
    """Start the command as an editor does, and talk to it; a failed call gives its text after ``error: ``."""
    command = ["-m", "gelf_listener", "mcp", "--url", url]

    async def begin() -> None:
        server = StdioServerParameters(command=sys.executable, args=command, env=environment, cwd=Path.cwd())
        async with Client(server) as client:

            async def ask(tool: str, **arguments: Any) -> str:
                result = await client.call_tool(tool, arguments)
                (content,) = result.content
                return ("error: " if result.is_error else "") + content.text  # type: ignore[union-attr]

            await main(ask)

    asyncio.run(begin())


def test_patterns_compare_trace_alerts_and_lint(listener: Listener) -> None:
    """What messages look like, what is different, the story of a request."""

    async def main(ask: Ask) -> None:
        head, paid, failed = (await ask("patterns")).splitlines()
        assert head == "150 messages:"
        assert paid.startswith("149, info  order <*> \\u202epaid (")
        assert failed.startswith("1, error  order could not be paid (")
        assert (await ask("compare", query="request_id:r-42", other_query="NOT request_id:r-42")).splitlines()[0] == (
            "here: 3 messages; there: 147 messages"
        )
        title, *lines = (await ask("trace", id="r-42")).splitlines()
        assert title.startswith("3 messages within ")
        assert "order could not be paid" in lines[-1]
        assert "no message has" in await ask("trace", id="nobody")
        assert await ask("alerts") == "0 alerts"
        assert "host" in await ask("lint", payload='{"version": "1.1", "short_message": "x"}')

    talk(listener.api_url, main)


def test_why_a_request_failed_in_three_calls(listener: Listener) -> None:
    """Where errors are, the message, and its traceback with what was logged around it."""

    async def main(ask: Ask) -> None:
        assert await ask("aggregate", by=["service", "level"], query="level:error") == (
            "1 message matches:\nservice | level | count\nshop | 3 error | 1"
        )
        found = await ask("search", query="level:error", since="1h")
        title, line = found.splitlines()
        assert title == "1 message matches, 1 shown:"
        assert f"error web/shop: order could not be paid [full_message: {len(TRACE):,}".replace(",", " ") in line
        assert "{service=shop, request_id=r-42, status=500}" in line
        told = await ask("message", id=line.rpartition("id=")[2], same="request_id")
        assert "  ValueError: card expired\n" in told
        assert "characters left out…]" in told
        assert "  status: 500\n" in told
        around = told.partition("around it, with the same request_id (r-42), oldest first:\n")[2].splitlines()
        assert [line.partition("shop: ")[2][:8] for line in around[:2]] == ["order 70", "order 71"]
        assert around[2].endswith("(this message)")
        assert len(told) < 12_000

    talk(listener.api_url, main)


def test_answers_are_short(listener: Listener) -> None:
    """What is left out is counted; only chosen fields are shown, and nothing drives a terminal."""

    async def main(ask: Ask) -> None:
        title, *lines = (await ask("search", query="paid", limit=3, fields=["duration_ms"])).splitlines()
        assert title == "150 messages match, 3 shown, 147 more (narrow the query or since, or raise limit):"
        assert len(lines) == 3
        assert all("\\u202epaid {duration_ms=14" in line for line in lines[1:])
        assert await ask("count", query="service:shop AND level:6") == "99 messages match"
        assert (await ask("top", field="service", limit=1)).splitlines() == [
            "150 messages match; by service:",
            "100  shop",
            "50 messages with another value of service, or without it",
        ]
        assert "none has a field 'nosuch'" in await ask("top", field="nosuch")
        fields = await ask("fields", contains="_id", limit=1)
        assert "1 more" in fields or "2 more" in fields
        assert "request_id (string)" in await ask("fields", contains="request")
        slow = await ask("aggregate", by=["service"], metrics=["max:duration_ms", "count"])
        assert slow.splitlines()[1:] == [
            "service | max:duration_ms | count",
            "shop | 148 | 100",
            "billing | 147 | 50",
        ]
        assert "stretches of 1h" in await ask("aggregate", by=["time"], interval="1h")
        rejected = await ask("rejected")
        assert rejected.startswith("1 rejected since the listener started (invalid_json 1); the newest 1:\n")
        assert rejected.endswith("8 bytes: nonsense")

    talk(listener.api_url, main)


def test_nothing_and_errors_are_explained(listener: Listener) -> None:
    """In sentences: why nothing matches, where a query is wrong, what a time looks like."""

    async def main(ask: Ask) -> None:
        assert "there is 'request_id'" in await ask("search", query="reqest_id:r-42")
        assert "there is 'request_id'" in await ask("count", query="reqest_id:r-42")
        assert "there is 'request_id'" in await ask("patterns", query="reqest_id:r-42")
        assert "there is 'request_id'" in await ask("aggregate", by=[], query="reqest_id:r-42")
        assert "here: no message matches: no mess" in await ask("compare", query="reqest_id:r-42", other_query="*")
        assert "column 8: empty parentheses" in await ask("search", query="level:(")
        assert "column 8: empty parentheses" in await ask("wait", query="level:(")
        assert "since='lately' is not a time" in await ask("count", since="lately")
        assert "texts; the metric needs numbers" in await ask("aggregate", by=[], metrics=["avg:service"])
        assert "no message has the id 'nope'" in await ask("message", id="nope")
        assert (await ask("count", query="level:(")).startswith("error: ")

    talk(listener.api_url, main)


def test_what_arrives(start: Start) -> None:
    """tail takes what comes from now on; wait also what came just before, and says what comes closest."""
    listener = start("gelf+udp://127.0.0.1:0", outputs=["store:"])

    async def main(ask: Ask) -> None:
        send(listener, short_message="before", _status=200)
        assert (await ask("wait", query="before")).startswith("1 message, as wanted:\n")
        missed = await ask("wait", query="status:500", seconds=0.3)
        assert missed.startswith("0 of 1 message within 300ms\nwhat came closest:\n")
        assert missed.endswith("does not match: status:500: status is 200")
        assert await ask("wait", query="before", seconds=0.1, since="0s") == "0 of 1 message within 100ms"
        watching = asyncio.ensure_future(ask("tail", query="order", seconds=40, limit=2))
        for number in range(400):
            if watching.done():
                break
            await asyncio.to_thread(send, listener, short_message=f"order {number}")
            await asyncio.sleep(0.1)
        seen = (await watching).splitlines()
        assert seen[0] == "2 messages within 40s; it ended at the limit, more may have come:"
        assert [": order " in line for line in seen[1:]] == [True, True]

    talk(listener.api_url, main)


def test_a_login(start: Start) -> None:
    """The token comes from a variable; without it the error says what to give."""
    token = "secret-token-0123456789"
    login = {"arguments": ["--api-auth", "on"], "environment": {"GELF_API_TOKENS": token}}
    listener = start("gelf+udp://127.0.0.1:0", outputs=["store:"], **login)

    async def refused(ask: Ask) -> None:
        assert "answered 401" in (answer := await ask("count"))
        assert "GELF_API_TOKEN" in answer

    async def allowed(ask: Ask) -> None:
        assert (await ask("count")).startswith("no message matches")

    talk(listener.api_url, refused)
    talk(listener.api_url, allowed, GELF_API_TOKEN=token)


def test_the_listener_may_start_later(start: Start) -> None:
    """An editor starts its servers when it opens, and a developer the listener when it is needed."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    async def main(ask: Ask) -> None:
        assert f"nothing answers at {url}" in await ask("search")
        await asyncio.to_thread(start, "gelf+udp://127.0.0.1:0", outputs=["store:"], api=f"127.0.0.1:{port}")
        assert (await ask("count")).startswith("no message matches")

    talk(url, main)


def test_it_ends_with_its_editor(listener: Listener) -> None:
    """At once, though a wait is on its way."""
    command = [sys.executable, "-m", "gelf_listener", "mcp", "--url", listener.api_url]
    info = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    call = {"name": "wait", "arguments": {"query": "never_comes", "seconds": 50}}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for request in (
            {"id": 1, "method": "initialize", "params": info},
            {"method": "notifications/initialized"},
            {"id": 2, "method": "tools/call", "params": call},
        ):
            process.stdin.write(json.dumps({"jsonrpc": "2.0"} | request).encode() + b"\n")
        process.stdin.flush()
        assert json.loads(process.stdout.readline())["result"]["serverInfo"]["name"] == "gelf-listener"
        time.sleep(1)
        process.stdin.close()
        began = time.monotonic()
        assert process.wait(40) == 0
        assert time.monotonic() - began < 20
        assert process.stderr is not None
        assert process.stderr.read() == b""


def test_it_ends_with_an_interrupt(listener: Listener) -> None:
    """Though nothing comes from standard input, as when a person has started it by hand."""
    command = [sys.executable, "-m", "gelf_listener", "mcp", "--url", listener.api_url]
    main, side = pty.openpty()
    with subprocess.Popen(command, stdin=side, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        assert b"this is for an assistant" in process.stderr.readline()
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == -signal.SIGINT
        assert process.stderr.read() == b""
    os.close(main)
    os.close(side)
