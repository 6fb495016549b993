"""AMQP in and out, against a real RabbitMQ."""

from __future__ import annotations

import asyncio
import bz2
import json
import logging
import lzma
import sys
import time
import uuid
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from gelf_listener.address import Address
from gelf_listener.errors import ConfigError, Refused, Retry
from gelf_listener.inputs.amqp import AmqpInput
from gelf_listener.outputs.amqp import AmqpOutput
from gelf_listener.plugins import INPUT_GROUP, OUTPUT_GROUP, make
from gelf_listener.testing.contracts import InputContract, OutputContract, run
from tests.services.intake import SafeIntake
from tests.services.rabbitmq import RabbitMq
from tests.services.relay import relay
from tests.services.runner import start_patiently
from tests.unit.outputs.messages import make_batch, make_message

pytestmark = pytest.mark.external


class Queue:
    """A queue of the broker's, used by an independent client."""

    def __init__(self, broker: RabbitMq, exchange: str, kind: str, **declaration: Any) -> None:
        self.name = exchange
        self.connection = broker.connect()
        self.channel = self.connection.channel()
        self.channel.exchange_declare(exchange, type=kind, durable=True, auto_delete=False)
        self.channel.queue_declare(self.name, durable=True, auto_delete=False, **declaration)
        self.channel.queue_bind(self.name, exchange, routing_key="#")

    def take(self) -> list[Any]:
        """Return what is in the queue and remove it."""
        taken = []
        while (message := self.channel.basic_get(self.name, no_ack=True)) is not None:
            taken.append(message)
        return taken

    def put(self, *bodies: str | bytes, **properties: Any) -> None:
        """Publish, as clients do."""
        import amqp

        for body in bodies:
            self.channel.basic_publish(amqp.Message(body, **properties), exchange=self.name, routing_key="")

    def depth(self) -> int:
        """How many messages are ready; those a consumer has and did not acknowledge are not."""
        return int(self.channel.queue_declare(self.name, passive=True).message_count)

    def close(self) -> None:
        try:
            self.channel.queue_delete(self.name)
            self.channel.exchange_delete(self.name)
            self.connection.close()
        except OSError:  # the broker was restarted
            self.connection.collect()


@pytest.fixture
def queue(rabbitmq: RabbitMq) -> Iterator[Queue]:
    """A queue and a fanout exchange of the same new name."""
    made = Queue(rabbitmq, f"gelf.{uuid.uuid4().hex}", "fanout")
    yield made
    made.close()


def output(broker: RabbitMq, exchange: str, **settings: Any) -> AmqpOutput:
    address = f"amqp://{broker.authority}/?exchange={exchange}"
    made: AmqpOutput = make(OUTPUT_GROUP, Address.parse(address), settings)
    return made


def source(broker: RabbitMq, queue: str, **settings: Any) -> AmqpInput:
    address = f"gelf+amqp://{broker.authority}/?exchange={queue}&queue={queue}&recovery_interval_seconds=0.5"
    made: AmqpInput = make(INPUT_GROUP, Address.parse(address), settings)
    return made


def gelf(text: str, **fields: Any) -> str:
    return json.dumps({"version": "1.1", "host": "web1", "short_message": text, **fields})


def text_of(message: Any) -> str:
    return str(json.loads(message.body)["short_message"])


async def until(condition: Callable[[], Any], what: str = "the condition") -> None:
    """Wait for something the broker does."""
    deadline = time.monotonic() + 100
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come true"
        await asyncio.sleep(0.02)


class TestOutputContract(OutputContract):
    """The laws of every output."""

    scheme = "amqp"

    @pytest.fixture(autouse=True)
    def _broker(self, rabbitmq: RabbitMq, queue: Queue) -> None:
        self.broker, self.queue = rabbitmq, queue

    def make(self, tmp_path):
        return output(self.broker, self.queue.name)

    def texts(self, tmp_path):
        return [text_of(message) for message in self.queue.take()]


class TestInputContract(InputContract):
    """The laws of every input."""

    scheme = "gelf+amqp"
    fetches = True
    nonsense = b"no JSON"

    @pytest.fixture(autouse=True)
    def _broker(self, rabbitmq: RabbitMq, queue: Queue) -> None:
        self.broker, self.queue = rabbitmq, queue

    def make(self, tmp_path):
        return source(self.broker, self.queue.name)

    async def send(self, input, texts):
        await asyncio.to_thread(self.queue.put, *map(gelf, texts))

    async def send_bytes(self, input, data):
        await asyncio.to_thread(self.queue.put, data)


async def written(made: AmqpOutput, batch: list[Any]) -> None:
    await made.start()
    try:
        await made.write(batch)
    finally:
        await made.close()


def test_what_is_published(rabbitmq: RabbitMq, queue: Queue) -> None:
    """GELF as it came, persistent, with the message's id and its time."""
    message = make_message("hello", fields={"n": 1})
    run(written(output(rabbitmq, queue.name), [message]))
    (taken,) = queue.take()
    assert taken.body == message.raw
    assert taken.properties["message_id"] == message.id
    assert taken.properties["delivery_mode"] == 2
    assert taken.properties["content_type"] == "application/json"
    assert taken.properties["timestamp"] == int(message.timestamp)


def test_declares_exchange_queue_and_binding(rabbitmq: RabbitMq) -> None:
    """So that nothing is lost before the first consumer comes; the key chooses the queue."""
    name = f"gelf.{uuid.uuid4().hex}"
    made = output(rabbitmq, name, queue=name, exchange_type="topic", routing_key="{source}.{level}.{_app}")
    run(written(made, [make_message("routed", fields={"app": "shop"})]))
    queue = Queue(rabbitmq, name, "topic")
    (taken,) = queue.take()
    assert taken.delivery_info["routing_key"] == "web1.info.shop"
    queue.close()


def test_a_message_no_queue_takes_is_refused(rabbitmq: RabbitMq) -> None:
    """Only that one, and not at all with mandatory=no."""
    name = f"gelf.{uuid.uuid4().hex}"
    queue = Queue(rabbitmq, name, "direct")
    queue.channel.queue_bind(name, name, routing_key="good")
    batch = [make_message("good"), make_message("bad"), make_message("good")]
    for message in batch:
        message.fields["key"] = message.short_message
    with pytest.raises(Refused, match="no queue takes it: NO_ROUTE") as caught:
        run(written(output(rabbitmq, name, exchange_type="direct", routing_key="{_key}"), batch))
    assert list(caught.value.messages) == [batch[1]]
    assert len(queue.take()) == 2
    run(written(output(rabbitmq, name, exchange_type="direct", routing_key="{_key}", mandatory=False), batch))
    assert len(queue.take()) == 2
    queue.close()


def test_what_amqp_cannot_carry_is_refused_by_itself(rabbitmq: RabbitMq, queue: Queue) -> None:
    """A routing key holds 255 bytes; the setting bounds bodies."""
    long_key = make_message("long key", fields={"key": "é" * 128})
    long_body = make_message("x" * 3000)
    good = make_message("good", fields={"key": "é" * 127})
    made = output(rabbitmq, queue.name, routing_key="{_key}", max_message_bytes=2048)
    with pytest.raises(Refused, match="routing key") as caught:
        run(written(made, [long_key, long_body, good]))
    assert list(caught.value.messages) == [long_key, long_body]
    assert [text_of(taken) for taken in queue.take()] == ["good"]


def test_a_queue_that_is_full_is_tried_again(rabbitmq: RabbitMq) -> None:
    """The broker answers with nack; what it took is not published twice."""
    name = f"gelf.{uuid.uuid4().hex}"
    queue = Queue(rabbitmq, name, "fanout", arguments={"x-max-length": 2, "x-overflow": "reject-publish"})
    batch = make_batch(3)

    async def main() -> None:
        made = output(rabbitmq, name)
        await made.start()
        with pytest.raises(Retry, match="nack"):
            await made.write(batch)
        assert [text_of(taken) for taken in queue.take()] == ["message 0", "message 1"]
        await made.write(batch)
        assert [text_of(taken) for taken in queue.take()] == ["message 2"]
        assert made.counters()["written_messages_total"] == 3
        await made.close()

    run(main())
    queue.close()


def test_a_declaration_that_does_not_fit_says_so(rabbitmq: RabbitMq, queue: Queue) -> None:
    """The exchange exists with another type: the broker's words, and no end of the listener."""
    with pytest.raises(Retry, match="PRECONDITION_FAILED"):
        run(written(output(rabbitmq, queue.name, exchange_type="topic"), []))


def test_wrong_password_and_absent_broker(rabbitmq: RabbitMq) -> None:
    """Both may be repaired on the other side, so both are tried again."""
    for authority in (f"guest:wrong@127.0.0.1:{rabbitmq.port}", "127.0.0.1:1"):
        made = make(OUTPUT_GROUP, Address.parse(f"amqp://{authority}"))
        with pytest.raises(Retry, match=r"no connection to 127\.0\.0\.1: .+"):
            run(written(made, []))


def test_tls(rabbitmq: RabbitMq, queue: Queue, server_certificates: Any) -> None:
    """With the authority it connects; without, it does not trust the broker."""

    def encrypted(**settings: Any) -> AmqpOutput:
        address = f"amqp://guest:guest@localhost:{rabbitmq.tls_port}/?exchange={queue.name}&tls=yes"
        made: AmqpOutput = make(OUTPUT_GROUP, Address.parse(address), settings)
        return made

    run(written(encrypted(ca=server_certificates.ca), make_batch(1)))
    assert len(queue.take()) == 1
    with pytest.raises(Retry, match="certificate verify failed"):
        run(written(encrypted(), make_batch(1)))


def test_settings_that_cannot_work(tmp_path) -> None:
    """Are said before anything is opened."""
    for address, why in {
        "amqp://x?routing_key={nope}": "placeholder {nope} does not exist",
        "amqp://x?exchange=": "has to name a queue",
        "amqp://x?tls=yes&ca=/no/such": "does not exist",
        "amqp://x?ca=/no/such": "TLS only",
        "amqp://x?exchange=" + "x" * 256: "longer than 255 bytes",
    }.items():
        with pytest.raises(ConfigError, match=why.replace("{", r"\{")):
            make(OUTPUT_GROUP, Address.parse(address))
    for address, why in {
        "gelf+amqp://x?parallel_queues=2": "need a '%d'",
        "gelf+amqp://x?allow=10.0.0.0/8": "up to the broker",
    }.items():
        with pytest.raises(ConfigError, match=why):
            make(INPUT_GROUP, Address.parse(address))


# The input


async def consumed(made: AmqpInput, intake: SafeIntake, condition: Callable[[], Any]) -> None:
    await made.start(intake)
    try:
        await until(condition, f"taken: {intake.texts}, rejected: {intake.reasons}")
    finally:
        await made.close()


def test_takes_what_clients_publish(rabbitmq: RabbitMq, queue: Queue) -> None:
    """Plain, zlib and gzip; each is acknowledged."""
    plain = gelf("plain").encode()
    gzipper = zlib.compressobj(wbits=31)
    queue.put(plain, zlib.compress(gelf("zlib").encode()), gzipper.compress(gelf("gzip").encode()) + gzipper.flush())
    intake = SafeIntake()
    run(consumed(source(rabbitmq, queue.name), intake, lambda: len(intake.messages) == 3))
    assert intake.texts == ["plain", "zlib", "gzip"]
    assert queue.depth() == 0
    assert intake.messages[0].raw == plain
    assert intake.messages[0].input == f"gelf+amqp-{queue.name}"


def test_a_message_without_host_has_one_as_in_graylog(rabbitmq: RabbitMq, queue: Queue) -> None:
    """There is no peer to take it from."""
    queue.put(json.dumps({"version": "1.1", "short_message": "hi"}))
    intake = SafeIntake()
    run(consumed(source(rabbitmq, queue.name), intake, lambda: intake.messages))
    assert intake.messages[0].host == "unknown"


def test_what_is_no_gelf_goes_to_the_dead_letters(rabbitmq: RabbitMq) -> None:
    """And the good around it is taken; a chunk is not a message."""
    dead = Queue(rabbitmq, f"dead.{uuid.uuid4().hex}", "fanout")
    queue = Queue(rabbitmq, f"gelf.{uuid.uuid4().hex}", "fanout", arguments={"x-dead-letter-exchange": dead.name})
    queue.put(gelf("one"), b"\xff\xfe nonsense", b"", b"\x1e\x0f" + bytes(20), gelf("two"))
    intake = SafeIntake()
    run(consumed(source(rabbitmq, queue.name, declare=False), intake, lambda: len(intake.messages) == 2))
    assert intake.texts == ["one", "two"]
    assert intake.reasons == ["invalid_json", "empty_payload", "unexpected_protocol"]
    assert [message.body for message in dead.take()] == [b"\xff\xfe nonsense", "", b"\x1e\x0f" + bytes(20)]
    assert queue.depth() == 0
    dead.close()
    queue.close()


def test_invalid_messages_are_requeued_once_when_asked(rabbitmq: RabbitMq, queue: Queue) -> None:
    """Not indefinitely: a poisonous message would spin."""
    queue.put(b"nonsense")
    intake = SafeIntake()
    made = source(rabbitmq, queue.name, requeue_invalid=True)
    run(consumed(made, intake, lambda: len(intake.rejected) == 2))
    assert made.counters()["redeliveries_total"] == 1
    assert queue.depth() == 0


def test_acknowledges_only_what_is_safe(rabbitmq: RabbitMq, queue: Queue) -> None:
    """An input that ends before gives everything to the next consumer, with the ids the publisher gave."""
    batch = make_batch(3)
    run(written(output(rabbitmq, queue.name), batch))
    first, second = SafeIntake(), SafeIntake()
    first.hold_safe()
    made = source(rabbitmq, queue.name)

    async def main() -> None:
        await made.start(first)
        await until(lambda: len(first.messages) == 3)
        assert made._task is not None
        made._task.cancel()  # as when the process dies
        await asyncio.sleep(0.1)
        await consumed(source(rabbitmq, queue.name), second, lambda: len(second.messages) == 3)

    run(main())
    assert [taken.id for taken in first.messages] == [taken.id for taken in second.messages]
    assert [taken.id for taken in second.messages] == [message.id for message in batch]
    assert queue.depth() == 0


def test_what_cannot_be_made_safe_goes_back(rabbitmq: RabbitMq, queue: Queue) -> None:
    """A full disk now does not lose what a later moment can take."""
    queue.put(gelf("again"))
    intake = SafeIntake()
    intake.fail_safe("no space left", times=1)
    made = source(rabbitmq, queue.name)
    run(consumed(made, intake, lambda: len(intake.messages) == 2))
    assert intake.texts == ["again", "again"]
    assert made.counters()["returned_deliveries_total"] == 1
    assert queue.depth() == 0


def test_a_crowded_buffer_leaves_messages_with_the_broker(rabbitmq: RabbitMq, queue: Queue) -> None:
    """No more than the prefetch is in our hands."""
    queue.put(*(gelf(f"m{number}") for number in range(30)))
    intake = SafeIntake()
    intake.crowded = True

    async def main() -> None:
        made = source(rabbitmq, queue.name, prefetch=10)
        await made.start(intake)
        await until(lambda: made.counters()["deliveries_total"] == 10)
        await asyncio.sleep(0.2)
        assert (intake.texts, made.counters()["deliveries_total"], queue.depth()) == ([], 10, 20)
        intake.relax()
        await until(lambda: len(intake.messages) == 30)
        await made.close()

    run(main())
    assert intake.texts == [f"m{number}" for number in range(30)]
    assert queue.depth() == 0


def test_several_queues(rabbitmq: RabbitMq) -> None:
    """As Graylog's parallel_queues: each is declared, bound, and read."""
    name = f"gelf.{uuid.uuid4().hex}"
    intake = SafeIntake()
    made = make(
        INPUT_GROUP,
        Address.parse(f"gelf+amqp://{rabbitmq.authority}?exchange={name}&queue={name}-%25d&parallel_queues=2"),
    )

    async def main() -> None:
        await made.start(intake)
        await until(lambda: made.counters()["connections_total"] == 1)
        queue = await asyncio.to_thread(Queue, rabbitmq, name, "fanout")
        await asyncio.to_thread(queue.put, gelf("to all"))
        await until(lambda: len(intake.messages) == 2)
        await made.close()
        queue.channel.queue_delete(f"{name}-0")
        queue.channel.queue_delete(f"{name}-1")
        queue.close()

    run(main())


def test_a_deleted_queue_is_declared_again(rabbitmq: RabbitMq, queue: Queue) -> None:
    """The broker ends the consumer without a word on the connection: a client that overlooks it waits indefinitely."""
    intake = SafeIntake()
    made = source(rabbitmq, queue.name)

    async def main() -> None:
        await made.start(intake)
        await until(lambda: made.counters()["connections_total"] == 1)
        await asyncio.to_thread(queue.channel.queue_delete, queue.name)
        await until(lambda: made.counters()["connections_total"] == 2)
        await asyncio.to_thread(queue.put, gelf("after"))
        await until(lambda: intake.texts == ["after"])
        await made.close()

    run(main())


def graypy_handler(monkeypatch: pytest.MonkeyPatch, url: str, exchange: str) -> logging.Handler:
    """graypy's own code; the library it imports is gone from Python 3, so it gets its successor under that name."""
    import amqp

    class Connection(amqp.Connection):
        def __init__(self, **options: Any) -> None:
            super().__init__(host=options["host"], userid=options["userid"], password=options["password"])
            self.connect()

    old = ModuleType("amqplib.client_0_8")
    old.Connection, old.Message = Connection, amqp.Message  # type: ignore[attr-defined]
    package = ModuleType("amqplib")
    package.client_0_8 = old  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "amqplib", package)
    monkeypatch.setitem(sys.modules, "amqplib.client_0_8", old)
    monkeypatch.delitem(sys.modules, "graypy.rabbitmq", raising=False)
    from graypy.rabbitmq import GELFRabbitHandler

    return GELFRabbitHandler(url, exchange=exchange)


def test_graypy(rabbitmq: RabbitMq, queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler this input is for: level, extras and a traceback arrive."""
    handler = graypy_handler(monkeypatch, f"amqp://{rabbitmq.authority}/", queue.name)
    logger = logging.getLogger(f"tests.{queue.name}")
    logger.propagate = False
    logger.addHandler(handler)
    try:
        raise ValueError("broken")
    except ValueError:
        logger.exception("it %s", "failed", extra={"user": "ann"})
    handler.close()
    intake = SafeIntake()
    run(consumed(source(rabbitmq, queue.name), intake, lambda: intake.messages))
    (message,) = intake.messages
    assert (message.short_message, message.level, message.fields["user"]) == ("it failed", 3, "ann")
    assert "ValueError: broken" in (message.full_message or "")


def test_through_two_listeners(rabbitmq: RabbitMq, tmp_path: Path) -> None:
    """From a datagram to a file behind the broker, with what is declared by default."""
    name = f"gelf.{uuid.uuid4().hex}"
    address = f"amqp://{rabbitmq.authority}/?exchange={name}&queue={name}"
    relay(tmp_path, address, f"gelf+{address}")


def test_the_broker_is_killed(rabbitmq: RabbitMq, queue: Queue) -> None:
    """Input and output connect again by themselves; what was confirmed is there, and has one id however often."""
    intake = SafeIntake()
    made, out = source(rabbitmq, queue.name), output(rabbitmq, queue.name)
    before, after = make_batch(20), make_batch(20, start=20)

    async def main() -> None:
        await made.start(intake)
        await out.start()
        await out.write(before)
        await until(lambda: len(intake.messages) == 20)
        await asyncio.to_thread(rabbitmq.kill)
        with pytest.raises(Retry):
            await out.write(after)
        await asyncio.to_thread(rabbitmq.start)
        await out.write(after)
        await until(lambda: len({taken.id for taken in intake.messages}) == 40)
        await out.close()
        await made.close()

    asyncio.run(asyncio.wait_for(main(), 90))
    assert {taken.id for taken in intake.messages} == {message.id for message in before + after}
    assert made.counters()["connections_total"] == 2


def test_a_broker_that_freezes_is_tried_again(rabbitmq: RabbitMq, queue: Queue) -> None:
    """It holds the connection and says nothing: the confirmation's time is up."""

    async def main() -> None:
        made = output(rabbitmq, queue.name, confirm_timeout_seconds=0.5, connect_timeout_seconds=0.5)
        await start_patiently(made)
        rabbitmq.freeze()
        try:
            with pytest.raises(Retry, match="no answer in time"):
                await made.write(make_batch(2))
        finally:
            rabbitmq.thaw()
        await made.close()

    run(main())


@pytest.mark.parametrize("compress", [bytes, zlib.compress, bz2.compress, lzma.compress])
@pytest.mark.parametrize("packed", ["json", "msgpack", "twice"])
def test_what_kombu_publishes(
    rabbitmq: RabbitMq, queue: Queue, compress: Callable[[bytes], bytes], packed: str
) -> None:
    """Compressed and serialized as its producers may be told to; a text is encoded once more."""
    document = {"version": "1.1", "host": "h", "short_message": "größe", "_n": 1}
    payload, content_type = {
        "json": (json.dumps(document).encode(), "application/json"),
        "msgpack": (msgspec.msgpack.encode(document), "application/x-msgpack"),
        "twice": (json.dumps(json.dumps(document)).encode(), "application/json"),
    }[packed]
    queue.put(compress(payload), content_type=content_type)
    intake = SafeIntake()
    run(consumed(source(rabbitmq, queue.name), intake, lambda: intake.messages))
    assert (intake.messages[0].short_message, intake.messages[0].fields) == ("größe", {"n": 1})
    assert queue.depth() == 0
