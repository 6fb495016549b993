"""Kafka in and out, against a real Apache Kafka."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from gelf_listener.address import Address
from gelf_listener.errors import ConfigError, Refused, Retry
from gelf_listener.inputs.kafka import KafkaInput
from gelf_listener.outputs.kafka import KafkaOutput
from gelf_listener.plugins import INPUT_GROUP, OUTPUT_GROUP, make
from gelf_listener.testing.contracts import InputContract, OutputContract
from tests.e2e.toolchains import JAVA_SECONDS
from tests.services.intake import SafeIntake
from tests.services.kafka import Kafka
from tests.services.relay import relay
from tests.services.runner import write_patiently
from tests.unit.outputs.messages import RECEIVED_AT, make_batch, make_message

pytestmark = [pytest.mark.external, pytest.mark.timeout(JAVA_SECONDS)]


class Topic:
    """A topic of the cluster's, used by an independent client."""

    def __init__(self, kafka: Kafka, partitions: int = 1, **config: str) -> None:
        self.kafka = kafka
        self.name = f"gelf-{uuid.uuid4().hex}"
        kafka.create(self.name, partitions, **config)

    def records(self) -> list[Any]:
        """Return all records, partition by partition."""
        consumer = Consumer({"bootstrap.servers": self.kafka.address, "group.id": "look", "enable.auto.commit": False})
        found: list[Any] = []
        try:
            for partition in consumer.list_topics(self.name, timeout=10).topics[self.name].partitions:
                place = TopicPartition(self.name, partition, 0)
                _, end = consumer.get_watermark_offsets(place, timeout=10)
                consumer.assign([place])
                count = end
                while count:
                    taken = consumer.consume(count, 5)
                    assert taken, f"{count} of {end} records did not come"
                    found += taken
                    count = end - taken[-1].offset() - 1  # type: ignore[operator]
        finally:
            consumer.close()
        return found

    def put(self, *values: bytes | str | None, **options: Any) -> None:
        """Produce, as clients do."""
        producer = Producer({"bootstrap.servers": self.kafka.address, "acks": "all"})
        for value in values:
            producer.produce(self.name, value, **options)
        assert producer.flush(10) == 0

    def committed(self, group: str = "", partition: int = 0) -> int:
        """Return the offset a group committed; negative when none."""
        consumer = Consumer({"bootstrap.servers": self.kafka.address, "group.id": group or self.name})
        try:
            return int(consumer.committed([TopicPartition(self.name, partition)], timeout=10)[0].offset)
        finally:
            consumer.close()


@pytest.fixture
def topic(kafka: Kafka) -> Topic:
    """A new topic with one partition."""
    return Topic(kafka)


def output(topic: Topic, **settings: Any) -> KafkaOutput:
    made: KafkaOutput = make(OUTPUT_GROUP, Address.parse(f"kafka://{topic.kafka.address}/{topic.name}"), settings)
    return made


QUICK = "session.timeout.ms=6000,heartbeat.interval.ms=300"


def source(topic: Topic, **settings: Any) -> KafkaInput:
    """An input whose group has the topic's name."""
    address = f"gelf+kafka://{topic.kafka.address}/{topic.name}"
    wanted = {"group": topic.name, "commit_interval_seconds": 0.1, "properties": QUICK} | settings
    made: KafkaInput = make(INPUT_GROUP, Address.parse(address), wanted)
    return made


def gelf(text: str, **fields: Any) -> str:
    return json.dumps({"version": "1.1", "host": "web1", "short_message": text, **fields})


def texts(records: list[Any]) -> list[str]:
    return [json.loads(record.value())["short_message"] for record in records]


def run(coroutine: Any, seconds: float = 200) -> Any:
    """Run a coroutine; one that hangs is an error, not a hanging test suite."""
    return asyncio.run(asyncio.wait_for(coroutine, seconds))


async def until(condition: Callable[[], Any], what: str = "the condition") -> None:
    """Wait for something the cluster does."""
    deadline = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true"
        await asyncio.sleep(0.02)


class TestOutputContract(OutputContract):
    """The laws of every output."""

    scheme = "kafka"

    @pytest.fixture(autouse=True)
    def _topic(self, topic: Topic) -> None:
        self.topic = topic

    def make(self, tmp_path):
        return output(self.topic)

    def texts(self, tmp_path):
        return texts(self.topic.records())


class TestInputContract(InputContract):
    """The laws of every input."""

    scheme = "gelf+kafka"
    fetches = True
    nonsense = b"no JSON"

    @pytest.fixture(autouse=True)
    def _topic(self, topic: Topic) -> None:
        self.topic = topic

    def make(self, tmp_path):
        return source(self.topic)

    async def send(self, input, texts):
        await asyncio.to_thread(self.topic.put, *map(gelf, texts))

    async def send_bytes(self, input, data):
        await asyncio.to_thread(self.topic.put, data)

    def is_waiting(self, input, intake):
        return input._paused


async def written(made: KafkaOutput, batch: list[Any]) -> None:
    try:
        await made.start()
        await made.write(batch)
    finally:
        await made.close()


def test_what_is_produced(topic: Topic) -> None:
    """GELF as it came, keyed by its source, with its id, at the time it was received."""
    message = make_message("hello", timestamp=RECEIVED_AT - 9e8)
    run(written(output(topic), [message]))
    (record,) = topic.records()
    assert record.value() == message.raw
    assert record.key() == b"web1"
    assert record.headers() == [("id", message.id.encode())]
    assert record.timestamp()[1] == RECEIVED_AT * 1000


@pytest.mark.parametrize("compression", ["none", "gzip", "snappy", "lz4", "zstd"])
def test_compression(topic: Topic, compression: str) -> None:
    """Every kind can be read by another client."""
    run(written(output(topic, compression=compression), make_batch(50)))
    assert len(topic.records()) == 50


def test_keys_keep_a_source_in_one_partition(kafka: Kafka) -> None:
    """And in order, whatever is written between."""
    topic = Topic(kafka, partitions=4)
    batch = [make_message(f"m{number}", fields={"app": f"app{number % 7}"}) for number in range(70)]
    run(written(output(topic, record_key="{_app}"), batch))
    records = topic.records()
    for app in range(7):
        mine = [record for record in records if record.key() == f"app{app}".encode()]
        assert len({record.partition() for record in mine}) == 1
        assert texts(mine) == [f"m{number}" for number in range(app, 70, 7)]


def test_no_key(topic: Topic) -> None:
    """Then the client spreads the records."""
    run(written(output(topic, record_key=""), make_batch(1)))
    assert topic.records()[0].key() is None


def test_a_message_too_long_for_the_topic_is_refused_by_itself(kafka: Kafka) -> None:
    """The broker refuses the whole request; the others in it are written all the same."""
    topic = Topic(kafka, max_message_bytes="2000")
    batch = [make_message("a"), make_message("x" * 3000), *make_batch(20), make_message("y" * 5000)]

    async def main() -> None:
        made = output(topic, max_message_bytes=4096, compression="none")
        await made.start()
        with pytest.raises(Refused, match=r"longer|too large") as caught:
            await made.write(batch)
        assert [message.short_message[0] for message in caught.value.messages] == ["y", "x"]
        assert made.counters()["written_messages_total"] == 21
        await made.write(make_batch(1, start=100))
        await made.close()

    run(main())
    assert sorted(texts(topic.records())) == sorted(["a", *(f"message {n}" for n in range(20)), "message 100"])


def test_a_topic_that_wants_keys(kafka: Kafka) -> None:
    """A compacted topic takes no record without a key: that is for good."""
    topic = Topic(kafka, cleanup_policy="compact")
    batch = make_batch(3)
    with pytest.raises(Refused) as caught:
        run(written(output(topic, record_key=""), batch))
    assert list(caught.value.messages) == batch
    run(written(output(topic), batch))


def test_a_topic_that_is_not_there(kafka: Kafka) -> None:
    """Somebody may make it: tried again."""
    made = make(OUTPUT_GROUP, Address.parse(f"kafka://{kafka.address}/no!such"))
    with pytest.raises(Retry, match="no!such"):
        run(written(made, []))


def test_an_absent_cluster() -> None:
    """Says where it was looked for, and why it is not there."""
    made = make(OUTPUT_GROUP, Address.parse("kafka://127.0.0.1:1/logs?delivery_timeout_seconds=3"))
    with pytest.raises(Retry, match=r"127\.0\.0\.1:1.*refused"):
        run(written(made, []))


def test_more_brokers_to_ask(topic: Topic) -> None:
    """The first one of the address may be away."""
    address = f"kafka://127.0.0.1:1/{topic.name}?bootstrap_servers={topic.kafka.address}"
    run(written(make(OUTPUT_GROUP, Address.parse(address)), make_batch(1)))
    assert len(topic.records()) == 1


def secure(topic: Topic, password: str, **settings: Any) -> KafkaOutput:
    address = f"kafka://ann:{password}@localhost:{topic.kafka.secure_port}/{topic.name}"
    made: KafkaOutput = make(OUTPUT_GROUP, Address.parse(address), {"tls": True} | settings)
    return made


def test_tls_and_password(topic: Topic, server_certificates: Any) -> None:
    """Both sides prove who they are."""
    run(written(secure(topic, "secret", ca=server_certificates.ca), make_batch(1)))
    assert len(topic.records()) == 1
    with pytest.raises(Retry, match=r"[Aa]uthentication"):
        run(written(secure(topic, "wrong", ca=server_certificates.ca, delivery_timeout_seconds=15), []))
    with pytest.raises(Retry, match="certificate"):
        run(written(secure(topic, "secret", delivery_timeout_seconds=15), []))


def test_settings_that_cannot_work() -> None:
    """Are said before anything is opened, or when the client is made."""
    for address, why in {
        "kafka://x": "'path' is missing",
        "kafka://x/": "name one topic",
        "kafka://x/a/b": "name one topic",
        "kafka://x/a?record_key={nope}": "does not exist",
        "kafka://x/a?properties=nonsense": "name=value",
        "kafka://x/a?tls=yes&ca=/no/such": "does not exist",
    }.items():
        with pytest.raises(ConfigError, match=why):
            make(OUTPUT_GROUP, Address.parse(address))
    with pytest.raises(ConfigError, match="up to the broker"):
        make(INPUT_GROUP, Address.parse("gelf+kafka://x/a?allow=10.0.0.0/8"))
    made = make(OUTPUT_GROUP, Address.parse("kafka://x/a?properties=no.such.thing%3D1"))
    with pytest.raises(ConfigError, match=r"no\.such\.thing"):
        run(written(made, []))


def test_a_broker_that_freezes(kafka: Kafka, topic: Topic) -> None:
    """The time to acknowledge is up: offered again; what was written before is recognised."""
    batch = make_batch(10)

    async def main() -> None:
        made = output(topic, delivery_timeout_seconds=1)
        await made.start()
        kafka.freeze()
        try:
            with pytest.raises(Retry):
                await made.write(batch)
        finally:
            kafka.thaw()
        await write_patiently(made, batch)
        await made.close()

    run(main())
    assert {record.headers()[0][1] for record in topic.records()} == {message.id.encode() for message in batch}


def test_closing_does_not_wait_for_a_frozen_broker(kafka: Kafka, topic: Topic) -> None:
    """What is not acknowledged is given up, and claimed by nobody."""

    async def main() -> None:
        made = output(topic)
        await made.start()
        kafka.freeze()
        try:
            writing = asyncio.create_task(made.write(make_batch(3)))
            await asyncio.sleep(0.3)
            await made.close()
            with pytest.raises(Retry):
                await writing
            assert made.counters()["written_messages_total"] == 0
        finally:
            kafka.thaw()

    run(main(), 20)


# The input


async def consumed(made: KafkaInput, intake: SafeIntake, condition: Callable[[], Any]) -> None:
    await made.start(intake)
    try:
        await until(condition)
    except AssertionError:
        raise AssertionError(f"taken: {intake.texts}, rejected: {intake.reasons}, {made.counters()}") from None
    finally:
        await made.close()


def test_takes_what_clients_produce(topic: Topic) -> None:
    """Plain and compressed; tombstones are skipped, what is not GELF is rejected; all of it is committed."""
    topic.put(gelf("one"), zlib.compress(gelf("two").encode()), None, b"", b"nonsense", b"\x1e\x0f" + bytes(20))
    topic.put(json.dumps({"version": "1.1", "short_message": "three"}))
    intake = SafeIntake()
    made = source(topic)
    run(consumed(made, intake, lambda: len(intake.messages) == 3))
    assert intake.texts == ["one", "two", "three"]
    assert sorted(intake.reasons) == ["empty_payload", "invalid_json", "unexpected_protocol"]
    assert intake.messages[2].host == "unknown"
    assert made.counters()["records_total"] == 7
    assert made.counters()["tombstones_total"] == 1
    assert topic.committed() == 7


def test_tombstones_alone_are_committed(topic: Topic) -> None:
    """A batch without any message has nothing to wait for."""
    topic.put(None, None)
    made = source(topic)
    run(consumed(made, SafeIntake(), lambda: made.counters()["tombstones_total"] == 2))
    assert topic.committed() == 2


def ids_of(intake: SafeIntake) -> list[str]:
    """Return each once: a member that a busy machine delays reads again what it had not committed."""
    return list(dict.fromkeys(message.id for message in intake.messages))


def test_ids_are_the_same_whenever_a_record_is_read(topic: Topic) -> None:
    """The header's, or one made from topic, partition and offset; in the order of the partition."""
    batch = make_batch(2)
    run(written(output(topic), batch))
    topic.put(gelf("a"), gelf("b"))
    topic.put(gelf("c"), headers={"id": "not a ULID"})
    first, second, third = SafeIntake(), SafeIntake(), SafeIntake()
    run(consumed(source(topic, group=f"{topic.name}-one"), first, lambda: len(ids_of(first)) == 5))
    run(consumed(source(topic, group=f"{topic.name}-two"), second, lambda: len(ids_of(second)) == 5))
    run(consumed(source(topic, group=f"{topic.name}-three", keep_ids=False), third, lambda: len(ids_of(third)) == 5))
    ids = ids_of(first)
    assert ids == ids_of(second)
    assert ids[:2] == [message.id for message in batch]
    assert len(set(ids)) == 5
    assert ids[2:] == sorted(ids[2:])
    assert ids_of(third)[2:] == ids[2:]
    assert not set(ids_of(third)[:2]) & set(ids)


def test_commits_only_what_is_safe(topic: Topic) -> None:
    """Whatever time passes; the next member of the group reads the rest."""
    topic.put(*(gelf(f"m{number}") for number in range(10)))
    intake, after = SafeIntake(), SafeIntake()
    intake.hold_safe()

    async def main() -> None:
        made = source(topic, batch=5)
        await made.start(intake)
        await until(lambda: len(intake.messages) == 10)
        await asyncio.sleep(0.5)  # several intervals
        assert await asyncio.to_thread(topic.committed) < 0
        intake.held.pop(1)(None)  # the second half is safe, and still the first is not
        await asyncio.sleep(0.5)
        assert await asyncio.to_thread(topic.committed) < 0
        intake.held.pop(0)(None)
        await until(lambda: topic.committed() == 10)
        await made.close()
        await asyncio.to_thread(topic.put, gelf("next"))
        await consumed(source(topic), after, lambda: after.messages)

    run(main())
    assert after.texts == ["next"]


def test_what_cannot_be_made_safe_is_read_again(topic: Topic) -> None:
    """With the same id, and nothing after it is committed before."""
    topic.put(gelf("again"))
    intake = SafeIntake()
    intake.fail_safe("no space left", times=1)
    made = source(topic)
    run(consumed(made, intake, lambda: len(intake.messages) == 2))
    assert len({message.id for message in intake.messages}) == 1
    assert made.counters()["records_reread_total"] == 1
    assert topic.committed() == 1


def test_a_crowded_buffer_pauses_reading(topic: Topic) -> None:
    """The member stays in its group, and goes on where it was."""
    intake = SafeIntake()

    async def main() -> None:
        made = source(topic, batch=10)
        await made.start(intake)
        await until(lambda: made.counters()["partitions"] == 1)
        intake.crowded = True
        await asyncio.sleep(0.3)
        await asyncio.to_thread(topic.put, *(gelf(f"m{number}") for number in range(30)))
        await asyncio.sleep(0.5)
        assert intake.texts == []
        intake.crowded = False
        await until(lambda: len(intake.messages) == 30)
        assert made.counters()["rebalances_total"] == 1
        await made.close()

    run(main())
    assert intake.texts == [f"m{number}" for number in range(30)]


def test_a_group_shares_partitions(kafka: Kafka) -> None:
    """A member that joins takes half, one that leaves gives back, and nothing is lost or, when in order, repeated."""
    topic = Topic(kafka, partitions=2)
    first, second = SafeIntake(), SafeIntake()

    async def put(start: int) -> None:
        for number in range(start, start + 40):
            await asyncio.to_thread(topic.put, gelf(f"m{number}"), partition=number % 2)

    async def main() -> None:
        one, two = source(topic), source(topic, name="two")
        await one.start(first)
        await until(lambda: one.counters()["partitions"] == 2)
        writing = asyncio.create_task(put(0))
        await two.start(second)
        await until(lambda: (one.counters()["partitions"], two.counters()["partitions"]) == (1, 1), "an even share")
        await writing
        await put(40)
        await until(lambda: len(first.messages) + len(second.messages) >= 80)
        await one.close()
        await until(lambda: two.counters()["partitions"] == 2)
        await put(80)
        await until(lambda: len(first.messages) + len(second.messages) >= 120)
        await two.close()

    run(main(), 60)
    assert sorted(first.texts + second.texts) == sorted(f"m{number}" for number in range(120))
    assert len(second.texts) > 40


def test_several_topics_and_patterns(kafka: Kafka) -> None:
    """As Graylog's topic_filter."""
    one, two = Topic(kafka), Topic(kafka)
    one.put(gelf("one"))
    two.put(gelf("two"))
    for path in (f"{one.name},{two.name}", f"^({one.name}|{two.name})$"):
        intake = SafeIntake()
        address = Address.parse(f"gelf+kafka://{kafka.address}/x")._replace(path=f"/{path}")
        made = make(INPUT_GROUP, address, {"group": uuid.uuid4().hex})
        run(consumed(made, intake, lambda: len(intake.messages) == 2))  # noqa: B023
        assert sorted(intake.texts) == ["one", "two"]


def test_through_two_listeners(kafka: Kafka, topic: Topic, tmp_path: Path) -> None:
    """From a datagram to a file behind the cluster."""
    address = f"kafka://{kafka.address}/{topic.name}"
    relay(tmp_path, address, f"gelf+{address}")


@pytest.mark.parametrize("end", ["stop", pytest.param("kill", marks=pytest.mark.soak)])
def test_the_cluster_restarts(kafka: Kafka, topic: Topic, end: str) -> None:
    """Input and output go on by themselves; what was acknowledged is there."""
    intake = SafeIntake()
    before, after = make_batch(20), make_batch(20, start=20)

    async def main() -> None:
        made, out = source(topic), output(topic)
        await made.start(intake)
        await out.start()
        await out.write(before)
        await until(lambda: len(intake.messages) == 20)
        await asyncio.to_thread(getattr(kafka, end))
        writing = asyncio.create_task(out.write(after))
        await asyncio.to_thread(kafka.start)
        await writing
        await until(lambda: len({message.id for message in intake.messages}) == 40)
        await out.close()
        await made.close()

    run(main(), 90)
    assert {message.id for message in intake.messages} == {message.id for message in before + after}


def test_an_absent_cluster_does_not_keep_the_input_from_closing() -> None:
    """Nor from starting."""

    async def main() -> None:
        made = make(INPUT_GROUP, Address.parse("gelf+kafka://127.0.0.1:1/logs"))
        await made.start(SafeIntake())
        await asyncio.sleep(0.3)
        await made.close()

    run(main(), 15)
