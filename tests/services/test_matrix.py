"""Every input through the outputs that only a real server can stand in for; the others: tests/unit/test_matrix.py."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import aiormq
import nats
import pytest
from confluent_kafka import Consumer, TopicPartition

from gelf_listener.address import Address
from gelf_listener.message import Message
from gelf_listener.plugins import OUTPUT_GROUP, make
from tests.e2e.toolchains import JAVA_SECONDS
from tests.matrix.inputs import INPUTS, received
from tests.matrix.meaning import Meaning, differences, in_order, microseconds, typed
from tests.matrix.outputs import OUTPUTS, expected, parts_of
from tests.matrix.readers import read_gelf
from tests.services.kafka import Kafka
from tests.services.nats import NatsServer
from tests.services.postgresql import PostgreSql
from tests.services.rabbitmq import RabbitMq
from tests.services.redis import RedisServer

pytestmark = [pytest.mark.external, pytest.mark.timeout(JAVA_SECONDS)]


@pytest.fixture(scope="module")
def came_in(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Message]]:
    """What each input makes of what is sent to it."""
    return {scheme: received(scheme, tmp_path_factory.mktemp("input")) for scheme in INPUTS}


@pytest.fixture
def name() -> str:
    """A new one."""
    return f"gelf{uuid.uuid4().hex}"


def assert_the_same(
    address: str, came_in: dict[str, list[Message]], found: Callable[[], Sequence[Meaning]], **settings: Any
) -> None:
    """Write everything to an output, and compare what is found at its destination."""
    at = Address.parse(address)
    parts = parts_of(make(OUTPUT_GROUP, at, settings), found, list(came_in.values()))
    for (input, messages), part in zip(came_in.items(), parts, strict=True):
        for one, meant in zip(in_order(part), in_order(expected(messages, at.scheme)), strict=True):
            assert differences(one, meant) == {}, input


def test_redis(redis_server: RedisServer, came_in: dict[str, list[Message]], name: str) -> None:
    """Entries of a stream."""
    with redis_server.client() as client:
        address = f"redis://127.0.0.1:{redis_server.port}"
        entries = lambda: [read_gelf(fields["gelf"]) for _, fields in client.xrange(name)]  # noqa: E731
        assert_the_same(address, came_in, entries, stream=name)


def test_nats(nats_server: NatsServer, came_in: dict[str, list[Message]], name: str) -> None:
    """Messages of a stream."""
    server = f"nats://127.0.0.1:{nats_server.port}"

    async def kept() -> list[Meaning]:
        client = await nats.connect(server)
        stream = client.jetstream()
        last = (await stream.stream_info(name)).state.last_seq
        found = [read_gelf((await stream.get_msg(name, number)).data or b"") for number in range(1, last + 1)]
        await client.close()
        return found

    assert_the_same(f"{server}/{name}.x", came_in, lambda: asyncio.run(kept()), stream=name)


def test_postgresql(postgresql: PostgreSql, came_in: dict[str, list[Message]], name: str) -> None:
    """Rows of a table."""
    columns = "short_message, full_message, level, timestamp, host, fields"

    def rows() -> list[Meaning]:
        with postgresql.connect() as connection:
            found = connection.execute(f"select {columns} from {name} order by received_at, id").fetchall()
        return [
            Meaning(text, full_text, level, microseconds(at.timestamp()), host, typed(fields))
            for text, full_text, level, at, host, fields in found
        ]

    assert_the_same(f"postgresql://postgres@127.0.0.1:{postgresql.port}/postgres?table={name}", came_in, rows)


def test_kafka(kafka: Kafka, came_in: dict[str, list[Message]], name: str) -> None:
    """Records of a topic."""
    kafka.create(name, 1)

    def records() -> list[Meaning]:
        consumer = Consumer({"bootstrap.servers": kafka.address, "group.id": "look", "enable.auto.commit": False})
        place = TopicPartition(name, 0, 0)
        found: list[Meaning] = []
        _, end = consumer.get_watermark_offsets(place, timeout=10)
        consumer.assign([place])
        while len(found) < end:
            found += [read_gelf(record.value() or b"") for record in consumer.consume(end - len(found), 5)]
        consumer.close()
        return found

    assert_the_same(f"kafka://{kafka.address}/{name}", came_in, records)


def test_amqp(rabbitmq: RabbitMq, came_in: dict[str, list[Message]], name: str) -> None:
    """Messages of a queue."""
    with_queue = f"amqp://{rabbitmq.authority}/?exchange={name}&queue={name}"

    async def waiting() -> list[Meaning]:
        connection = await aiormq.connect(f"amqp://{rabbitmq.authority}/")
        channel, found = await connection.channel(), []
        while (delivered := await channel.basic_get(name)).body:
            found.append(read_gelf(delivered.body))
        await connection.close()  # nothing was acknowledged: they wait for the next look
        return found

    assert_the_same(with_queue, came_in, lambda: asyncio.run(waiting()))


def test_every_output_without_a_stand_in_is_here() -> None:
    """A row that says so needs a test of its scheme's name."""
    assert {row.scheme for row in OUTPUTS.values() if row.open is None} <= {
        test.removeprefix("test_") for test in globals()
    }
