"""nats: JetStream of a real NATS server."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nats
import pytest

from gelf_listener.address import Address
from gelf_listener.errors import ConfigError, Refused, Retry
from gelf_listener.outputs.nats import NatsOutput
from gelf_listener.plugins import OUTPUT_GROUP, make
from gelf_listener.testing.contracts import OutputContract, run
from tests.services.nats import NatsServer
from tests.services.runner import start_patiently, write_patiently
from tests.unit.outputs.messages import make_batch, make_message

pytestmark = pytest.mark.external


@pytest.fixture
def stream() -> str:
    """A name of a stream and of the first token of its subjects."""
    return f"gelf{uuid.uuid4().hex}"


def output(server: NatsServer, stream: str, subject: str = "{source}", **settings: Any) -> NatsOutput:
    address = f"nats://127.0.0.1:{server.port}/{stream}.{subject}?stream={stream}"
    made: NatsOutput = make(OUTPUT_GROUP, Address.parse(address), settings)
    return made


async def written(made: NatsOutput, batch: list[Any]) -> None:
    try:
        await made.start()
        await made.write(batch)
    finally:
        await made.close()


def kept(server: NatsServer, stream: str) -> list[Any]:
    """What is in a stream, by an independent client; nothing when there is no stream."""

    async def look() -> list[Any]:
        client = await nats.connect(f"nats://127.0.0.1:{server.port}")
        try:
            jetstream = client.jetstream()
            try:
                state = (await jetstream.stream_info(stream)).state
            except nats.js.errors.NotFoundError:
                return []
            if not state.messages:
                return []
            return [await jetstream.get_msg(stream, number) for number in range(state.first_seq, state.last_seq + 1)]
        finally:
            await client.close()

    return asyncio.run(look())


def configured(server: NatsServer, stream: str, **config: Any) -> None:
    """Make a stream as an operator does."""

    async def add() -> None:
        client = await nats.connect(f"nats://127.0.0.1:{server.port}")
        await client.jetstream().add_stream(name=stream, subjects=[f"{stream}.>"], **config)
        await client.close()

    asyncio.run(add())


def texts(found: list[Any]) -> list[str]:
    return [json.loads(message.data)["short_message"] for message in found]


class TestOutputContract(OutputContract):
    """The laws of every output."""

    scheme = "nats"

    @pytest.fixture(autouse=True)
    def _stream(self, nats_server: NatsServer, stream: str) -> None:
        self.server, self.stream = nats_server, stream

    def make(self, tmp_path):
        return output(self.server, self.stream)

    def texts(self, tmp_path):
        return texts(kept(self.server, self.stream))


def test_what_is_published(nats_server: NatsServer, stream: str) -> None:
    """GELF as it came, with its id; a value is one token of the subject, whatever is in it."""
    batch = [make_message("hello", host="web.1 > *"), make_message("nameless", host="")]
    run(written(output(nats_server, stream), batch))
    first, second = kept(nats_server, stream)
    assert first.data == batch[0].raw
    assert first.headers["Nats-Msg-Id"] == batch[0].id
    assert (first.subject, second.subject) == (f"{stream}.web_1____", f"{stream}._")


def test_what_comes_again_is_kept_once(nats_server: NatsServer, stream: str) -> None:
    """The stream knows the ids, also those of another connection."""
    batch = make_batch(5)
    run(written(output(nats_server, stream), batch))
    again = output(nats_server, stream)
    run(written(again, batch))
    assert texts(kept(nats_server, stream)) == [f"message {number}" for number in range(5)]
    assert again.counters() == {"written_messages_total": 5, "duplicate_messages_total": 5}


def test_the_stream_that_is_made(nats_server: NatsServer, stream: str) -> None:
    """Has what the settings say; made again, it stays as it is."""
    made = output(nats_server, stream, "{source}.x", max_age_seconds=60, max_stream_bytes=1_000_000, storage="memory")
    run(written(made, make_batch(1)))
    run(written(output(nats_server, stream, "{source}.x", max_age_seconds=5), make_batch(1, start=1)))

    async def look() -> Any:
        client = await nats.connect(f"nats://127.0.0.1:{nats_server.port}")
        info = await client.jetstream().stream_info(stream)
        await client.close()
        return info.config

    config = asyncio.run(look())
    assert config.subjects == [f"{stream}.*.x"]
    assert (config.max_age, config.max_bytes, config.storage) == (60, 1_000_000, "memory")


def test_too_large_messages_are_refused_by_themselves(nats_server: NatsServer, stream: str) -> None:
    """For the server, or for the stream."""
    configured(nats_server, stream, max_msg_size=5000)
    batch = [make_message("x" * 200_000), make_message("good"), make_message("y" * 6000)]
    with pytest.raises(Refused, match="maximum") as caught:
        run(written(output(nats_server, stream), batch))
    assert list(caught.value.messages) == [batch[0], batch[2]]
    assert texts(kept(nats_server, stream)) == ["good"]


def test_a_full_stream_is_tried_again(nats_server: NatsServer, stream: str) -> None:
    """One that discards new messages takes them when there is room."""
    configured(nats_server, stream, max_msgs=2, discard="new")
    batch = make_batch(3)

    async def main() -> None:
        made = output(nats_server, stream)
        await made.start()
        with pytest.raises(Retry, match="maximum messages exceeded"):
            await made.write(batch)
        client = await nats.connect(f"nats://127.0.0.1:{nats_server.port}")
        await client.jetstream().purge_stream(stream)
        await client.close()
        await made.write(batch)
        assert made.counters()["written_messages_total"] == 3
        await made.close()

    run(main())
    assert texts(kept(nats_server, stream)) == ["message 2"]


def test_no_stream_for_the_subject(nats_server: NatsServer, stream: str) -> None:
    """Somebody may make one."""
    with pytest.raises(Retry, match="no response from stream"):
        run(written(output(nats_server, stream, create_stream=False), make_batch(1)))


def test_the_server_is_away(nats_server: NatsServer, stream: str) -> None:
    """Absent, frozen, or ended while we were connected: tried again."""
    with pytest.raises(Retry, match=r"refused|Connect"):
        run(written(make(OUTPUT_GROUP, Address.parse("nats://127.0.0.1:1/x")), []))

    async def main() -> None:
        made = output(nats_server, stream, timeout_seconds=0.5)
        await start_patiently(made)
        nats_server.freeze()
        try:
            with pytest.raises(Retry, match="no answer in time"):
                await made.write(make_batch(1))
        finally:
            nats_server.thaw()
        await write_patiently(made, make_batch(1, start=1))
        nats_server.stop()
        with pytest.raises(Retry):
            await made.write(make_batch(1, start=2))
        nats_server.start()
        await write_patiently(made, make_batch(1, start=2))
        await made.close()

    run(main())
    assert texts(kept(nats_server, stream))[-2:] == ["message 1", "message 2"]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, server_certificates: Any) -> Iterator[NatsServer]:
    """A server with TLS that asks for a password."""
    folder: Path = tmp_path_factory.mktemp("guarded")
    tls = ["--tls", "--tlscert", str(server_certificates.cert), "--tlskey", str(server_certificates.key)]
    made = NatsServer(folder, [*tls, "--user", "ann", "--pass", "secret"])
    try:
        made.start()
        yield made
    finally:
        made.stop()


def test_tls_and_password(guarded: NatsServer, server_certificates: Any) -> None:
    """Both sides prove who they are."""

    def secure(password: str, **settings: Any) -> NatsOutput:
        address = f"nats://ann:{password}@localhost:{guarded.port}/x?tls=yes"
        made: NatsOutput = make(OUTPUT_GROUP, Address.parse(address), settings)
        return made

    made = secure("secret", ca=server_certificates.ca)
    run(written(made, make_batch(2)))
    assert made.counters()["written_messages_total"] == 2
    with pytest.raises(Retry, match=r"[Aa]uthorization"):
        run(written(secure("wrong", ca=server_certificates.ca), []))
    with pytest.raises(Retry, match="certificate verify failed"):
        run(written(secure("secret"), []))


def test_settings_that_cannot_work() -> None:
    """Are said before anything is opened."""
    for address, why in {
        "nats://x/a.*": "no subject",
        "nats://x/a..b": "no subject",
        "nats://x/{nope}": "does not exist",
        "nats://x/a?stream=a.b": "is not a name of a stream",
        "nats://x/a?tls=yes&ca=/no/such": "does not exist",
    }.items():
        with pytest.raises(ConfigError, match=why):
            make(OUTPUT_GROUP, Address.parse(address))
