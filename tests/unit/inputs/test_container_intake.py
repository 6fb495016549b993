"""`read=text`: what containers printed is read on its way from an input to the pipeline."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import Any

import pytest

from gelf_listener.codec import Batch, GelfDecoder
from gelf_listener.inputs.container_intake import ContainerIntake, reading_containers
from gelf_listener.inputs.udp import UdpInput, UdpSettings
from tests.unit.fakes import FakeIntake


def docker(text: str, **more: Any) -> bytes:
    """A message of Docker's driver."""
    document = {"version": "1.1", "host": "node1", "short_message": text, "timestamp": 1.7e9, "level": 6}
    return json.dumps({**document, "_container_id": "abc", "_image_name": "shop:1", **more}).encode()


async def send(datagrams: list[bytes], intake: FakeIntake, count: int, **settings: Any) -> None:
    """Send datagrams to an input and wait for messages."""
    made = UdpInput(UdpSettings(**{"port": 0, "host": "127.0.0.1", "read": "text"} | settings))
    await made.start(intake)
    port = int(made.listening[0].rpartition(":")[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for datagram in datagrams:
            sock.sendto(datagram, ("127.0.0.1", port))
    async with asyncio.timeout(5):
        while len(intake.messages) < count:
            await asyncio.sleep(0.005)
    await made.close()


def test_a_trace_of_a_container_is_one_message() -> None:
    """It is passed on when its line has waited; two containers do not mix, and other GELF is as it was."""
    lines = ["ERROR it failed", "Traceback (most recent call last):", '  File "x.py", line 1, in f', "ValueError: bad"]
    intake = FakeIntake()
    datagrams = []
    for line in lines:
        datagrams += [docker(line), docker("INFO fine", _container_id="other")]
    datagrams.append(b'{"version":"1.1","host":"h","short_message":"ERROR gelf","timestamp":1.7e9,"level":6}')
    asyncio.run(send(datagrams, intake, 6, join_seconds=0.05))
    found = [(made.short_message, made.level, made.host, made.full_message) for made in intake.messages]
    assert ("ERROR it failed", 3, "node1", "\n".join(lines[1:])) in found
    assert found.count(("INFO fine", 6, "node1", None)) == 4
    assert ("ERROR gelf", 6, "h", None) in found
    assert len(found) == 6


def test_what_waits_is_passed_on_at_the_end() -> None:
    """An input that closes loses nothing."""
    intake = FakeIntake()

    async def main() -> None:
        made = UdpInput(UdpSettings(port=0, host="127.0.0.1", read="text", join_seconds=60))
        await made.start(intake)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(docker("ERROR it"), ("127.0.0.1", int(made.listening[0].rpartition(":")[2])))
        await made.close()

    asyncio.run(main())
    assert [(made.short_message, made.level) for made in intake.messages] == [("ERROR it", 3)]


@pytest.mark.parametrize(
    ("text", "message", "level"),
    [
        ('{"level":50,"time":1700000000500,"msg":"boom","order":7}', "boom", 3),
        ('{"version":"1.1","host":"inner","short_message":"gelf","level":4}', "gelf", 4),
        ("\x1b[31mERROR\x1b[0m it", "ERROR it", 3),
        ("no level here", "no level here", 6),
    ],
)
def test_lines(text: str, message: str, level: int) -> None:
    """JSON, GELF, colours and text; the container's fields are on each."""
    intake = FakeIntake()
    asyncio.run(send([docker(text)], intake, 1, join_seconds=0.0))
    (made,) = intake.messages
    assert (made.short_message, made.level) == (message, level)
    assert made.fields["container_id"] == "abc"
    assert json.loads(made.to_gelf())["_image_name"] == "shop:1"


def test_acknowledged_messages_do_not_wait() -> None:
    """What is to be safe is handed over first."""

    async def main() -> None:
        intake = FakeIntake()
        between = reading_containers(intake, UdpSettings(read="text", join_seconds=60), "x")
        assert isinstance(between, ContainerIntake)
        assert reading_containers(intake, UdpSettings(), "x") is intake
        batch = Batch()
        GelfDecoder("lenient", "x").decode(docker("ERROR it"), 1.7e9, None, batch)
        batch.hand_over(between)
        assert intake.messages == []
        safe: list[str | None] = []
        between.when_safe(safe.append)
        assert [made.short_message for made in intake.messages] == ["ERROR it"]
        assert safe == [None]

    asyncio.run(main())
