"""BoundedProtocol: connections that never finish a request take little and end."""

from __future__ import annotations

from typing import Any

import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from gelf_listener.api.protocol import (
    BODY_SECONDS,
    HEAD_SECONDS,
    LEAST_BODY_RATE,
    MAX_CONNECTIONS,
    MAX_HEAD_BYTES,
    BoundedProtocol,
)
from tests.unit.fakes import FakeTransport, run, settle

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


BODIES: list[bytes] = []


async def app(scope: Any, receive: Any, send: Any) -> None:
    body, more = b"", True
    while more:
        event = await receive()
        body += event.get("body", b"")[:10]
        more = event.get("more_body", False)
    BODIES.append(body)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def connect(state: ServerState | None = None, peer: tuple[str, int] = ("192.0.2.9", 1)) -> FakeTransport:
    config = Config(app, lifespan="off", log_config=None, timeout_keep_alive=1000, ws="none", http=BoundedProtocol)
    config.load()
    return FakeTransport(BoundedProtocol(config, state or ServerState(), {}), peer)


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
        transport.feed(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
        await asyncio.sleep(HEAD_SECONDS * 5)
        transport.feed(REQUEST)
        assert await answers(transport) == 2
        assert not transport.closed

    run(main())


def test_a_body_that_trickles() -> None:
    """A body needs some bytes a second; one that comes at that rate may take two minutes, a stream as long as it likes."""

    async def main() -> None:
        import asyncio

        head = b"POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 90000000\r\n\r\n"
        slow, steady, stream = connect(), connect(), connect()
        slow.feed(head % b"/")
        steady.feed(head % b"/")
        stream.feed(head % b"/api/gelf/import")
        for second in range(int(BODY_SECONDS) + 20):
            for transport, size in ((slow, 100), (steady, LEAST_BODY_RATE + 1), (stream, LEAST_BODY_RATE + 1)):
                if not transport.closed:
                    transport.feed(bytes(size))
            await asyncio.sleep(1)
            assert slow.closed == (second >= 9), second
            assert steady.closed == (second >= BODY_SECONDS - 1), second
        assert not stream.closed
        stream.feed(b"")
        await asyncio.sleep(30)
        assert stream.closed

    run(main())


@pytest.mark.parametrize("method", [b"POST", b"GET"])
def test_an_offer_to_upgrade(method: bytes) -> None:
    """Java's client offers h2c with every request: it is answered in HTTP/1.1, its body is read, and what follows too."""

    async def main() -> None:
        offer = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
        request = method + b" / HTTP/1.1\r\nHost: x\r\n" + offer + b"Content-Length: 5\r\n\r\nhello"
        for step in (1, 7, len(request) * 2):
            transport = connect()
            both = request + REQUEST
            for start in range(0, len(both), step):
                transport.feed(both[start : start + step])
            assert await answers(transport) == 2
            assert BODIES[-2:] == [b"hello", b""]

    run(main())


def test_an_address_with_many_connections_gives_way() -> None:
    """One more than the limit closes the least active of the address that has most, not somebody else's."""

    async def main() -> None:
        import asyncio

        state = ServerState()
        honest = connect(state, ("192.0.2.1", 1))
        flood = []
        for _ in range(MAX_CONNECTIONS - 1):
            flood.append(connect(state, ("192.0.2.2", 1)))
            await asyncio.sleep(0.001)
        late = connect(state, ("192.0.2.3", 1))
        assert flood[0].aborted
        assert [transport.aborted for transport in (honest, *flood[1:], late)] == [False] * (MAX_CONNECTIONS)
        assert connect(state, ("192.0.2.2", 1)).aborted is False
        assert flood[1].aborted
        late.feed(REQUEST)
        assert await answers(late) == 1

    run(main())
