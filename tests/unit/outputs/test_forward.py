"""forward: servers that are not Fluentd, and those that behave badly."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from typing import Any

import msgpack
import pytest

from gelf_listener.errors import Retry
from gelf_listener.outputs.forward import ForwardOutput
from gelf_listener.testing.contracts import run
from tests.unit.outputs.messages import make_batch

KEY = b"secret"
NONCE = bytes(range(128, 144))
"""No UTF-8."""

Serve = Callable[["Peer"], Awaitable[None]]


class Peer:
    """A connection that speaks msgpack."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._unpacker = msgpack.Unpacker()

    async def read(self) -> Any:
        while True:
            try:
                return self._unpacker.unpack()
            except msgpack.OutOfData:
                data = await self._reader.read(65536)
                if not data:
                    raise ConnectionError from None
                self._unpacker.feed(data)

    def say(self, value: Any) -> None:
        """Write it as Fluent Bit does: it knows no binary."""
        self._writer.write(msgpack.packb(value, use_bin_type=False))

    def say_bytes(self, data: bytes) -> None:
        self._writer.write(data)


def write(serve: Serve, **settings: Any) -> None:
    """Write a batch of three to a server."""

    async def main() -> None:
        async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                await serve(Peer(reader, writer))
            except ConnectionError:
                pass
            finally:
                writer.close()

        async with await asyncio.start_server(begin, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            made = ForwardOutput.Settings(host="127.0.0.1", port=port, **{"timeout_seconds": 5, **settings})
            output = ForwardOutput(made)
            try:
                await output.start()
                await output.write(make_batch(3))
            finally:
                await output.close()

    run(main())


def digest(*parts: bytes) -> str:
    return hashlib.sha512(b"".join(parts)).hexdigest()


def test_fluent_bit_shakes_hands_with_texts_that_are_none() -> None:
    """Its nonce is random bytes in a text, and it takes the salt of a client as a text only."""
    shaken: list[bool] = []

    async def serve(peer: Peer) -> None:
        peer.say([b"HELO", {b"nonce": NONCE, b"auth": NONCE}])
        ping = await peer.read()
        shaken.append(all(isinstance(part, str) for part in ping))
        kind, name, salt, digested, user, password = (part.encode() for part in ping)
        shaken.append((kind, digested.decode()) == (b"PING", digest(salt, name, NONCE, KEY)))
        shaken.append(password.decode() == digest(NONCE, user, b"pass"))
        peer.say([b"PONG", True, b"", b"far", digest(salt, b"far", NONCE, KEY)])
        _, _, option = await peer.read()
        peer.say({b"ack": option["chunk"]})
        await peer.read()

    write(serve, shared_key=KEY.decode(), user="ann", password="pass")
    assert shaken == [True, True, True]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (b"\xc1", None),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "no acknowledgement"),
        (msgpack.packb({"ack": "another"}), "no acknowledgement"),
        (b"\x80" * 1000, "no acknowledgement"),
        (b"", "in time"),
        (b"\xdd\xff\xff\xff\xff", None),
    ],
)
def test_garbage_instead_of_an_acknowledgement(said: bytes, why: str | None) -> None:
    """The batch is offered again."""

    async def serve(peer: Peer) -> None:
        await peer.read()
        peer.say_bytes(said)
        await asyncio.sleep(3600)

    with pytest.raises(Retry, match=why):
        write(serve, timeout_seconds=0.3)
