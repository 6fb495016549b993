"""forward: what is around its sessions: acknowledging, containers, heartbeats, sockets and settings."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgpack
import pytest
from pydantic import ValidationError

from gelf_listener.inputs.forward import ForwardInput, ForwardSettings
from gelf_listener.outputs.forward import ForwardOutput
from gelf_listener.testing.contracts import RecordingIntake, run, until
from tests.unit.inputs.clients import exchange, send_stream
from tests.unit.outputs.messages import make_message

AT = 1795913000


def with_input(use: Callable[[ForwardInput, RecordingIntake], Awaitable[None]], **settings: Any) -> RecordingIntake:
    intake = RecordingIntake()

    async def main() -> None:
        made = ForwardInput(ForwardSettings(**{"host": "127.0.0.1", "port": 0, "join_seconds": 0.05, **settings}))
        await made.start(intake)
        try:
            await use(made, intake)
        finally:
            await made.close()

    run(main())
    return intake


def docker(line: str, **more: str) -> list[Any]:
    return ["docker.c", AT, {"container_id": "c", "container_name": "/web", "source": "stderr", "log": line, **more}]


def test_lines_of_containers_are_joined_and_read() -> None:
    """As their driver sends them: a trace in pieces, a long line in parts, JSON as a text."""
    lines = [
        docker("it failed\n"),
        docker("Traceback (most recent call last):"),
        docker('  File "x", line 1, in f'),
        docker("ValueError: no"),
        docker("one long ", partial_message="true", partial_id="1", partial_ordinal="1", partial_last="false"),
        docker("line", partial_message="true", partial_id="1", partial_ordinal="2", partial_last="true"),
        docker('{"level":"info","msg":"from JSON","order":7}'),
        docker("  "),
    ]

    async def use(made: ForwardInput, intake: RecordingIntake) -> None:
        await send_stream(made.listening[0], b"".join(msgpack.packb(line) for line in lines))
        await until(lambda: len(intake.messages) == 3)

    failed, long, read = with_input(use).messages
    assert (failed.short_message, failed.level, failed.timestamp) == ("it failed", 3, AT)
    assert failed.full_message == 'Traceback (most recent call last):\n  File "x", line 1, in f\nValueError: no'
    assert long.short_message == "one long line"
    assert long.fields == {"tag": "docker.c", "container_id": "c", "container_name": "/web", "stream": "stderr"}
    assert (read.short_message, read.level, read.fields["order"]) == ("from JSON", 6, 7)


def test_a_line_that_waits_is_handed_over_before_its_chunk_is_acknowledged() -> None:
    """What is acknowledged must be in a buffer."""

    async def use(made: ForwardInput, intake: RecordingIntake) -> None:
        data = msgpack.packb([*docker("waits for its trace"), {"chunk": "abc"}])
        assert await exchange(made.listening[0], data, 9) == msgpack.packb({"ack": "abc"})
        assert intake.texts == ["waits for its trace"]

    with_input(use, join_seconds=60)


def test_our_output_sends_to_our_input() -> None:
    """With a key, a user and compression; nothing of a message is lost but fractions below a microsecond."""
    sent = make_message("a", level=3, full_message="long", fields={"n": 1, "message": "mine"})

    async def use(made: ForwardInput, intake: RecordingIntake) -> None:
        port = urlsplit(made.listening[0]).port
        settings = {"port": port, "shared_key": "secret", "user": "ann", "password": "pw", "mode": "compressed"}
        output = ForwardOutput(ForwardOutput.Settings(host="127.0.0.1", **settings))
        await output.start()
        await output.write([sent])
        await output.close()
        assert intake.texts == ["a"]

    (taken,) = with_input(use, shared_key="secret", users="ann:pw,bob:other").messages
    assert (taken.host, taken.level, taken.full_message) == (sent.host, 3, "long")
    assert taken.timestamp == sent.timestamp
    assert taken.fields == {"tag": f"gelf.{sent.host}", "n": 1, "message_": "mine"}


def test_answers_heartbeats() -> None:
    """One byte by UDP on the same port; not to who is not allowed."""

    def beat(listening: str) -> bytes:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(0.3)
            sock.sendto(b"\0", ("127.0.0.1", urlsplit(listening).port or 0))
            try:
                return sock.recv(10)
            except TimeoutError:
                return b"nothing"

    async def use(made: ForwardInput, intake: RecordingIntake) -> None:
        answers.append(await asyncio.to_thread(beat, made.listening[0]))
        assert made.counters()["heartbeats_total"] == len(answers[-1].strip(b"nothing"))

    answers: list[bytes] = []
    with_input(use)
    with_input(use, allow="192.0.2.0/24")
    assert answers == [b"\0", b"nothing"]


def test_a_port_without_heartbeats_does_not_stop_the_input(caplog: pytest.LogCaptureFixture) -> None:
    """Somebody else has it by UDP: said in the log."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        with socket.create_server(("127.0.0.1", 0)) as free:  # by TCP: others may have one that is free by UDP
            port = free.getsockname()[1]
            taken.bind(("127.0.0.1", port))

        async def use(made: ForwardInput, intake: RecordingIntake) -> None:
            await send_stream(made.listening[0], msgpack.packb(["a", AT, {"message": "x"}]))
            await until(lambda: intake.texts == ["x"])

        with_input(use, port=port)
    assert "heartbeats by UDP are not answered" in caplog.text


def test_a_unix_socket(tmp_path: Path) -> None:
    """As fluent-logger-golang and Docker's driver know it."""

    async def use(made: ForwardInput, intake: RecordingIntake) -> None:
        _, writer = await asyncio.open_unix_connection(tmp_path / "fluent.sock")
        writer.write(msgpack.packb(["a", AT, {"message": "x"}]))
        writer.close()
        await until(lambda: intake.texts == ["x"])

    with_input(use, socket=tmp_path / "fluent.sock")


def test_a_client_without_the_key_gets_no_further() -> None:
    """It is told, and the connection is closed."""

    async def use(made: ForwardInput, intake: RecordingIntake) -> None:
        answer = await send_stream(made.listening[0], msgpack.packb(["PING", "web1", b"salt", "wrong", "", ""]))
        unpacker = msgpack.Unpacker()
        unpacker.feed(answer)
        hello, pong = unpacker
        assert (hello[0], pong[:3]) == ("HELO", ["PONG", False, "shared_key mismatch"])
        await until(lambda: intake.rejected)

    assert with_input(use, shared_key="secret").texts == []


@pytest.mark.parametrize("settings", [{"users": "ann:pw"}, {"users": "ann", "shared_key": "x"}])
def test_settings_that_make_no_sense(settings: dict[str, Any]) -> None:
    """Users are part of the handshake of a key."""
    with pytest.raises(ValidationError, match=r"users|name:password"):
        ForwardSettings(**settings)
