"""redis: streams of a real Redis."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from gelf_listener.address import Address
from gelf_listener.errors import ConfigError, Refused, Retry
from gelf_listener.outputs.redis import RedisOutput
from gelf_listener.plugins import OUTPUT_GROUP, make
from gelf_listener.testing.contracts import OutputContract, run
from tests.services.redis import RedisServer
from tests.services.runner import start_patiently, write_patiently
from tests.unit.outputs.messages import make_batch, make_message

pytestmark = pytest.mark.external


@pytest.fixture
def client(redis_server: RedisServer) -> Iterator[Any]:
    """An independent client; what the test changed in the server's configuration is changed back."""
    with redis_server.client() as made:
        yield made
        made.config_set("maxmemory", 0)


@pytest.fixture
def stream() -> str:
    """A new name."""
    return f"gelf-{uuid.uuid4().hex}"


def output(server: RedisServer, stream: str, **settings: Any) -> RedisOutput:
    made: RedisOutput = make(
        OUTPUT_GROUP, Address.parse(f"redis://127.0.0.1:{server.port}"), {"stream": stream} | settings
    )
    return made


async def written(made: RedisOutput, batch: list[Any]) -> None:
    try:
        await made.start()
        await made.write(batch)
    finally:
        await made.close()


def texts(client: Any, stream: str) -> list[str]:
    return [json.loads(fields["gelf"])["short_message"] for _, fields in client.xrange(stream)]


class TestOutputContract(OutputContract):
    """The laws of every output."""

    scheme = "redis"

    @pytest.fixture(autouse=True)
    def _stream(self, redis_server: RedisServer, client: Any, stream: str) -> None:
        self.server, self.client, self.stream = redis_server, client, stream

    def make(self, tmp_path):
        return output(self.server, self.stream)

    def texts(self, tmp_path):
        return texts(self.client, self.stream)


def test_what_is_appended(redis_server: RedisServer, client: Any, stream: str) -> None:
    """GELF as it came, and the id beside it."""
    message = make_message("hello")
    run(written(output(redis_server, stream), [message]))
    ((_, fields),) = client.xrange(stream)
    assert fields == {"id": message.id, "gelf": message.raw.decode()}


def test_a_stream_for_each_source(redis_server: RedisServer, client: Any, stream: str) -> None:
    """In the order of writing."""
    batch = [make_message(f"m{number}", host=f"web{number % 2}") for number in range(2500)]
    run(written(output(redis_server, stream + "-{source}"), batch))
    assert texts(client, f"{stream}-web0") == [f"m{number}" for number in range(0, 2500, 2)]
    assert client.xlen(f"{stream}-web1") == 1250


def test_old_entries_are_deleted(redis_server: RedisServer, client: Any, stream: str) -> None:
    """About so many are kept: Redis deletes whole nodes of a hundred."""
    run(written(output(redis_server, stream, max_entries=100), make_batch(1000)))
    assert 100 <= client.xlen(stream) <= 300
    assert texts(client, stream)[-1] == "message 999"
    run(written(output(redis_server, stream, max_entries=0), make_batch(500)))
    assert client.xlen(stream) >= 600


def test_another_database(redis_server: RedisServer, stream: str) -> None:
    """By the path of the address."""
    address = f"redis://127.0.0.1:{redis_server.port}/3?stream={stream}"
    run(written(make(OUTPUT_GROUP, Address.parse(address)), make_batch(2)))
    from redis import Redis

    with Redis(port=redis_server.port, db=3) as other:
        assert other.xlen(stream) == 2


def test_a_key_that_is_no_stream(redis_server: RedisServer, client: Any, stream: str) -> None:
    """Its messages are refused, the others are written."""
    client.set(f"{stream}-bad", "a string")
    batch = [make_message("a", host="good"), make_message("b", host="bad"), make_message("c", host="good")]
    with pytest.raises(Refused, match="WRONGTYPE") as caught:
        run(written(output(redis_server, stream + "-{source}"), batch))
    assert list(caught.value.messages) == [batch[1]]
    assert texts(client, f"{stream}-good") == ["a", "c"]


def test_out_of_memory(redis_server: RedisServer, client: Any, stream: str) -> None:
    """Passes, perhaps: tried again, and nothing is written twice."""
    batch = make_batch(5)

    async def main() -> None:
        made = output(redis_server, stream)
        await made.start()
        client.config_set("maxmemory", 1)
        with pytest.raises(Retry, match="maxmemory"):
            await made.write(batch)
        client.config_set("maxmemory", 0)
        await made.write(batch)
        await made.close()

    run(main())
    assert texts(client, stream) == [f"message {number}" for number in range(5)]


def test_tls_and_password(redis_server: RedisServer, client: Any, stream: str, server_certificates: Any) -> None:
    """Both sides prove who they are."""

    def secure(password: str, **settings: Any) -> RedisOutput:
        address = f"redis://ann:{password}@localhost:{redis_server.tls_port}?tls=yes&stream={stream}"
        made: RedisOutput = make(OUTPUT_GROUP, Address.parse(address), settings)
        return made

    run(written(secure("secret", ca=server_certificates.ca), make_batch(1)))
    assert client.xlen(stream) == 1
    with pytest.raises(Retry, match="invalid username-password"):
        run(written(secure("wrong", ca=server_certificates.ca), []))
    with pytest.raises(Retry, match="certificate verify failed"):
        run(written(secure("secret"), []))


def test_the_server_is_away(redis_server: RedisServer, client: Any, stream: str) -> None:
    """Absent, frozen, or ended while we were connected: tried again."""
    with pytest.raises(Retry, match=r"refused|Connect"):
        run(written(make(OUTPUT_GROUP, Address.parse("redis://127.0.0.1:1")), []))

    async def main() -> None:
        made = output(redis_server, stream, timeout_seconds=0.3)
        await start_patiently(made)
        redis_server.freeze()
        try:
            with pytest.raises(Retry, match=r"[Tt]imeout"):
                await made.write(make_batch(1))
        finally:
            redis_server.thaw()
        redis_server.stop()
        with pytest.raises(Retry):
            await made.write(make_batch(1))
        redis_server.start()
        await write_patiently(made, make_batch(2))
        await made.close()

    run(main())
    assert texts(client, stream)[-2:] == ["message 0", "message 1"]


def test_settings_that_cannot_work() -> None:
    """Are said before anything is opened."""
    for address, why in {
        "redis://x?stream={nope}": "does not exist",
        "redis://x/logs": "pattern",
        "redis://x?tls=yes&ca=/no/such": "does not exist",
    }.items():
        with pytest.raises(ConfigError, match=why):
            make(OUTPUT_GROUP, Address.parse(address))
