"""forward, against a server of the protocol that is not ours."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.errors import Retry
from gelf_listener.outputs.forward import ForwardOutput, ForwardTlsOutput
from gelf_listener.testing.contracts import OutputContract, run
from tests.e2e.toolchains import NODE_SECONDS
from tests.services.fixtures import ServerCertificates
from tests.services.fluent import FluentServer
from tests.unit.outputs.messages import RECEIVED_AT, make_batch, make_message

pytestmark = [pytest.mark.external, pytest.mark.timeout(NODE_SECONDS)]


def output(fluent: FluentServer, **settings: Any) -> ForwardOutput:
    return ForwardOutput(
        ForwardOutput.Settings(host="127.0.0.1", port=fluent.port, **{"timeout_seconds": 10, **settings})
    )


async def written(made: ForwardOutput, *batches: Any) -> None:
    await made.start()
    for batch in batches:
        await made.write(batch)
    await made.close()


@pytest.mark.parametrize("settings", [{}, {"mode": "compressed"}, {"ack": False}])
def test_modes(fluent: FluentServer, settings: dict[str, Any]) -> None:
    """Packed and compressed, acknowledged or not: tags, times and records arrive."""
    fluent.start()
    batch = [
        make_message("a", level=3, full_message="long", fields={"n": 1, "big": 1 << 80, "message": "mine", "ok": True}),
        make_message("b", host="db 1"),
    ]
    run(written(output(fluent, **settings), batch))
    first, second = fluent.entries(2)
    assert (first["tag"], second["tag"]) == ("gelf.web1", "gelf.db 1")
    assert first["record"] == {
        "message": "a", "host": "web1", "gelf_id": batch[0].id, "level": 3, "full_message": "long",
        "n": 1, "big": str(1 << 80), "_message": "mine", "ok": True,
    }  # fmt: skip
    assert first["time"] == {"_epoch": int(RECEIVED_AT), "_nano": 0}


def test_a_shared_key(fluent: FluentServer) -> None:
    """Both sides prove that they have it."""
    fluent.start(sharedKey="secret")
    run(written(output(fluent, shared_key="secret"), make_batch(3)))
    assert len(fluent.entries(3)) == 3


def test_a_user(fluent: FluentServer) -> None:
    """Beside the key."""
    fluent.start(sharedKey="secret", authorize=True, userDict={"ann": "pass"})
    run(written(output(fluent, shared_key="secret", user="ann", password="pass"), make_batch(1)))
    assert len(fluent.entries(1)) == 1


@pytest.mark.parametrize(
    "settings", [{"shared_key": "wrong"}, {"shared_key": "secret", "user": "ann", "password": "no"}]
)
def test_wrong_secrets(fluent: FluentServer, settings: dict[str, str]) -> None:
    """Are tried again, once somebody has put them right; nothing is sent before."""
    fluent.start(sharedKey="secret", authorize=True, userDict={"ann": "pass"})

    async def main() -> None:
        made = output(fluent, **settings)
        with pytest.raises(Retry, match=r"denies us|closed"):
            await made.start()
        with pytest.raises(Retry):
            await made.write(make_batch(1))
        await made.close()

    run(main())


def test_a_server_without_a_key(fluent: FluentServer) -> None:
    """Says no HELO."""
    fluent.start()

    async def main() -> None:
        with pytest.raises(Retry, match="no answer in time"):
            await output(fluent, shared_key="secret", timeout_seconds=0.3).start()

    run(main())


def test_tls(fluent: FluentServer, server_certificates: ServerCertificates) -> None:
    """With the destination's certificate checked."""
    fluent.start(tls=True)
    settings = ForwardTlsOutput.Settings(host="localhost", port=fluent.port, ca=server_certificates.ca)
    run(written(ForwardTlsOutput(settings), make_batch(2)))
    assert len(fluent.entries(2)) == 2

    async def untrusted() -> None:
        made = ForwardTlsOutput(ForwardTlsOutput.Settings(host="localhost", port=fluent.port))
        with pytest.raises(Retry, match="certificate"):
            await made.start()

    run(untrusted())


def test_a_server_that_comes_back(fluent: FluentServer) -> None:
    """What was not acknowledged is sent again."""
    fluent.start()

    async def main() -> None:
        made = output(fluent)
        await made.start()
        await made.write(make_batch(2))
        fluent.entries(2)  # it acknowledges before it prints
        fluent.stop()
        batch = make_batch(4)[2:]
        with pytest.raises(Retry):
            await made.write(batch)
        fluent.start()
        await made.write(batch)
        await made.close()
        assert made.counters()["written_messages_total"] == 4

    asyncio.run(main())
    assert [entry["record"]["message"] for entry in fluent.entries(4)] == [f"message {number}" for number in range(4)]


def test_a_server_that_never_acknowledges() -> None:
    """Has its time; then the batch comes again."""

    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.read(65536):
                pass
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        settings = ForwardOutput.Settings(
            host="127.0.0.1", port=server.sockets[0].getsockname()[1], timeout_seconds=0.3
        )
        made = ForwardOutput(settings)
        await made.start()
        with pytest.raises(Retry, match="no answer in time"):
            await made.write(make_batch(1))
        await made.close()
        server.close()

    run(main())


@pytest.mark.parametrize(
    "said", [b"\xc1\xc1\xc1", b"\x01", b"\x81\xa3ack\xa1x", b"\x93\x01\x02\x03", b"\xdf\xff\xff\xff\xff"]
)
def test_garbage(said: bytes) -> None:
    """Is no acknowledgement."""

    async def main() -> None:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.read(65536)
            writer.write(said)
            await asyncio.sleep(0.2)
            writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        settings = ForwardOutput.Settings(host="127.0.0.1", port=server.sockets[0].getsockname()[1], timeout_seconds=5)
        made = ForwardOutput(settings)
        await made.start()
        with pytest.raises(Retry):
            await made.write(make_batch(1))
        assert made.counters()["written_messages_total"] == 0
        await made.close()
        server.close()

    run(main())


class TestForward(OutputContract):
    """forward."""

    scheme = "forward"

    @pytest.fixture(autouse=True)
    def server(self, fluent: FluentServer):
        self._fluent = fluent
        fluent.start()

    def make(self, tmp_path: Path) -> ForwardOutput:
        return output(self._fluent)

    def texts(self, tmp_path: Path) -> None:
        return None
