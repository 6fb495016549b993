"""BoundedProtocol: connections that never finish a request take little and end."""

from __future__ import annotations

from typing import Any

from uvicorn import Config
from uvicorn.server import ServerState

from gelf_listener.api.protocol import HEAD_SECONDS, MAX_CONNECTIONS, MAX_HEAD_BYTES, BoundedProtocol
from tests.unit.fakes import FakeTransport, run, settle

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def app(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def connect(state: ServerState | None = None) -> FakeTransport:
    config = Config(app, lifespan="off", log_config=None, timeout_keep_alive=1000, ws="none", http=BoundedProtocol)
    config.load()
    return FakeTransport(BoundedProtocol(config, state or ServerState(), {}))


async def answers(transport: FakeTransport) -> int:
    await settle()
    return transport.written.count(b"HTTP/1.1 204")


def test_heads_up_to_the_limit() -> None:
    """At it, one over, and an honest request afterwards."""

    async def main() -> None:
        head = REQUEST[:-2] + b"X: " + b"y" * (MAX_HEAD_BYTES - len(REQUEST) - 5) + b"\r\n\r\n"
        assert len(head) == MAX_HEAD_BYTES
        transport = connect()
        for _ in range(2):
            for start in range(0, len(head), 5000):
                transport.feed(head[start : start + 5000])
            await settle()
        transport.feed(REQUEST)
        assert await answers(transport) == 3
        over = connect()
        over.feed(head[:-4] + b"y" * 5)
        assert over.written.startswith(b"HTTP/1.1 431 ")
        assert over.closed

    run(main())


def test_a_head_that_does_not_end() -> None:
    """From the beginning of the connection, or of a later request, however it trickles."""

    async def main() -> None:
        import asyncio

        silent, slow, later = connect(), connect(), connect()
        later.feed(REQUEST)
        await asyncio.sleep(HEAD_SECONDS * 3)
        assert (silent.aborted, slow.aborted) == (True, True)
        assert (await answers(later), later.aborted) == (1, False)
        later.feed(b"GET / HTTP/1.1\r\nX: ")
        for _ in range(int(HEAD_SECONDS) - 1):
            await asyncio.sleep(1)
            later.feed(b"y")
        assert not later.closed
        await asyncio.sleep(2)
        assert later.aborted

    run(main())


def test_a_long_answer_is_not_late() -> None:
    """The time is that of the head, not of what comes after."""

    async def main() -> None:
        import asyncio

        transport = connect()
        transport.feed(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n")
        await asyncio.sleep(HEAD_SECONDS * 5)
        transport.feed(b"hello" + REQUEST)
        assert await answers(transport) == 2
        assert not transport.closed

    run(main())


def test_most_connections() -> None:
    """One more is closed, and one fewer lets another in."""

    async def main() -> None:
        state = ServerState()
        transports = [connect(state) for _ in range(MAX_CONNECTIONS)]
        assert connect(state).aborted
        transports[0].close()
        await settle()
        assert not connect(state).aborted

    run(main())
