"""What a real Graylog 7.0.1 did with 111 ways to send: over real sockets, the inputs with `mode=graylog` do the same."""

from __future__ import annotations

import asyncio
import socket
from typing import Any, NamedTuple

import pytest

from gelf_listener.inputs.http import HttpInput
from gelf_listener.inputs.tcp import TcpInput
from gelf_listener.inputs.udp import UdpInput
from gelf_listener.testing.contracts import RecordingIntake, run
from tests.graylog_vectors import entries, payload, shown

_INPUTS: dict[str, tuple[Any, dict[str, Any]]] = {
    "udp": (UdpInput, {}),
    "tcp": (TcpInput, {}),
    "tcp-newline": (TcpInput, {}),
    "http": (HttpInput, {}),
    "http-bulk": (HttpInput, {"bulk": True}),
}
_QUIET_SECONDS = 0.5
"""After what was expected, something else may come for so long."""
_PATIENCE_SECONDS = 30.0
"""What is expected may take so long on a busy machine."""
_LONGEST_WAIT_SECONDS = 0.05
"""The waits between the pieces of the recording are longer; nothing depends on it."""


class Outcome(NamedTuple):
    stored: list[Any]
    connection: str | None
    responses: list[dict[str, Any]]


async def _udp(entry: dict[str, Any], port: int) -> None:
    senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(entry.get("ports", 1))]
    for number, piece in enumerate(entry["send"]):
        senders[number % len(senders)].sendto(payload(piece), ("127.0.0.1", port))
        await asyncio.sleep(0.002)
    for sender in senders:
        sender.close()
    await asyncio.sleep(_QUIET_SECONDS)


async def _stream(entry: dict[str, Any], port: int) -> tuple[str, bytes]:
    """Send the pieces; return how the connection is a moment later, and what was answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    state, answer = "open", b""
    ends, answers = entry.get("connection") != "open", len(entry.get("responses", []))
    try:
        for piece in entry["send"]:
            writer.write(payload(piece))
            await writer.drain()
            await asyncio.sleep(min(piece.get("wait", 0), _LONGEST_WAIT_SECONDS))
        if entry.get("half_close"):
            writer.write_eof()
        while True:
            complete = not ends and answer.count(b"\r\n\r\n") >= answers
            async with asyncio.timeout(_QUIET_SECONDS if complete else _PATIENCE_SECONDS):
                read = await reader.read(65536)
            if not read:
                state = "closed"
                break
            answer += read
    except TimeoutError:
        pass
    except ConnectionError:
        state = "reset"
    writer.close()
    return state, answer


def _responses(answer: bytes) -> list[dict[str, Any]]:
    """Cut answers, none of which has a body, into what was recorded of each."""
    found = []
    for head in answer.decode().split("\r\n\r\n")[:-1]:
        first, *lines = head.split("\r\n")
        version, status, _ = first.split(" ", 2)
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        found.append({"status": int(status), "version": version, "headers": headers, "body": ""})
    return found


async def _outcome(entry: dict[str, Any]) -> Outcome:
    kind, settings = _INPUTS[entry["transport"]]
    made = kind(kind.Settings(host="127.0.0.1", port=0, mode="graylog", **settings))
    intake = RecordingIntake()
    await made.start(intake)
    port = int(made.listening[0].rpartition(":")[2].partition("/")[0])
    state, answer = None, b""
    if entry["transport"] == "udp":
        await _udp(entry, port)
    else:
        state, answer = await _stream(entry, port)
        await asyncio.sleep(_QUIET_SECONDS)
    await made.close()
    return Outcome([shown(message.short_message) for message in intake.messages], state, _responses(answer))


async def _outcomes() -> dict[str, Outcome]:
    recorded = entries("framing")
    found = await asyncio.gather(*(_outcome(entry) for entry in recorded))
    return {entry["name"]: outcome for entry, outcome in zip(recorded, found, strict=True)}


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """All at the same time: most of it is waiting."""
    return run(_outcomes())


@pytest.mark.parametrize("entry", [pytest.param(entry, id=entry["name"]) for entry in entries("framing")])
def test_framing(entry: dict[str, Any], outcomes: dict[str, Outcome]) -> None:
    """The same messages are stored, the answers are the same to the letter, and the connection ends the same way."""
    ours = outcomes[entry["name"]]
    if isinstance(entry["stored"], dict):
        assert len(ours.stored) == entry["stored"]["count"]
    else:
        assert sorted(map(str, ours.stored)) == sorted(map(str, entry["stored"]))
    assert ours.connection == entry.get("connection")
    assert ours.responses == entry.get("responses", [])
