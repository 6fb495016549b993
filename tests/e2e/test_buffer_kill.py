"""
A listener with a buffer on disk that is killed at random moments, again and again, under load, while the destination comes
and goes: what it acknowledged arrives, and what arrives twice has one id.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import socket
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Self

import msgpack
import pytest

from gelf_listener.message import ulid
from tests.e2e.listener import Listener, until
from tests.e2e.toolchains import JAVA_SECONDS
from tests.services.kafka import Kafka
from tests.services.rabbitmq import RabbitMq

LOAD_SECONDS = (0.2, 1.2)
"""How long a listener lives."""
PAUSE_SECONDS = 0.002
"""What a sender leaves between two sends: enough is under way at a kill, and most of the processor is not spent on load."""
OUTAGE_SECONDS = (0.02, 0.3)
"""How long the destination is away, and how long it is there."""
ARRIVAL_SECONDS = 60.0


class Load:
    """
    Senders in threads, which number their messages; `acknowledged` are the numbers somebody vouched for.

    Args:
        connect: Makes a context manager of a function that sends numbers and returns those that were acknowledged.
        threads: How many.
    """

    def __init__(
        self, connect: Callable[[], contextlib.AbstractContextManager[Callable[[list[int]], list[int]]]], threads: int
    ) -> None:
        self.acknowledged: set[int] = set()
        self.sent = 0
        self._connect = connect
        self._count = threads
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._problems: list[BaseException] = []

    def __enter__(self) -> Self:
        self._stop.clear()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(self._count)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(30)
            assert not thread.is_alive(), "a sender hangs"
        assert self._problems == []

    def _numbers(self) -> list[int]:
        with self._lock:
            count = random.choice((1, 1, 1, 5, 50))
            first, self.sent = self.sent, self.sent + count
            return list(range(first, first + count))

    def _run(self) -> None:
        try:
            with self._connect() as send:
                while not self._stop.wait(PAUSE_SECONDS):
                    done = send(self._numbers())
                    with self._lock:
                        self.acknowledged.update(done)
        except (OSError, http.client.HTTPException):
            return  # the listener was killed
        except BaseException as error:
            self._problems.append(error)


class Gate(threading.Thread):
    """A destination that comes and goes."""

    def __init__(self, path: Path) -> None:
        super().__init__(daemon=True)
        self.path = path
        self._ending = threading.Event()

    def run(self) -> None:
        while not self._ending.wait(random.uniform(*OUTAGE_SECONDS)):
            if self.path.exists():
                self.path.unlink()
            else:
                self.path.touch()

    def open(self) -> None:
        """Be there for good."""
        self._ending.set()
        self.join()
        self.path.touch()


class Scene:
    """What outlives the listeners: the buffer, and what arrived."""

    def __init__(self, folder: Path, plugin_path: Path, *inputs: str) -> None:
        self.arrived = folder / "arrived"
        self.gate = Gate(folder / "gate")
        self._folder = folder
        self._plugin_path = plugin_path
        self._inputs = inputs
        self._listeners = 0
        output = f"gate://{self.arrived}?gate={self.gate.path}&ids=yes&buffer=disk&buffer_path={folder}/buffer"
        self._output = f"{output}&batch=500&write_timeout=0.2"

    def listener(self) -> Listener:
        """Make the next one; there is another output, which must not matter."""
        self._listeners += 1
        directory = self._folder / f"listener{self._listeners}"
        directory.mkdir()
        return Listener(
            directory,
            *self._inputs,
            outputs=[self._output, "null:"],
            environment={"PYTHONPATH": str(self._plugin_path), "GELF_LOG_LEVEL": "error"},
        )

    def found(self) -> dict[int, set[str]]:
        """Return the ids each number arrived with; a line that a kill cut in two is none."""
        ids: dict[int, set[str]] = {}
        for line in self.arrived.read_text().split("\n")[:-1]:
            id, _, text = line.partition(" ")
            if len(id) == 26 and text.startswith("m") and text.endswith(";"):
                ids.setdefault(int(text[1:-1]), set()).add(id)
        return ids

    def waiting(self, listener: Listener) -> int:
        status, text = listener.get("/api/gelf/stats")
        assert status == 200, text
        return int(sum(output["waiting"] for output in json.loads(text)["outputs"]))


def text_of(number: int) -> str:
    """What a message says: its end shows that it is whole."""
    return f"m{number};"


def document(number: int) -> bytes:
    return json.dumps({"version": "1.1", "host": "h", "short_message": text_of(number)}).encode()


def check(scene: Scene, load_for: Callable[[Listener], Load], rounds: int) -> None:
    """Kill so often; then let everything arrive, and count."""
    loads = None
    scene.gate.start()
    for _ in range(rounds):
        with scene.listener() as listener:
            loads = load_for(listener)
            with loads:
                time.sleep(random.uniform(*LOAD_SECONDS))
                listener.kill()
    assert loads is not None
    scene.gate.open()
    before = len(loads.acknowledged & scene.found().keys())
    with scene.listener() as listener:
        missing = until_arrived(scene, loads)
        until(lambda: scene.waiting(listener) == 0, ARRIVAL_SECONDS, "an empty buffer")
        assert "damaged" not in listener.log
        assert listener.stop()[0] == 0
    assert missing == set()
    assert len(loads.acknowledged) > rounds * 5
    assert before > 0, "no listener lived long enough to pass anything on"
    several = {number: ids for number, ids in scene.found().items() if len(ids) > 1}
    assert several == {}
    print(
        f"{rounds} kills: {loads.sent} sent, {len(loads.acknowledged)} acknowledged, "
        f"{before} arrived between the kills and all in the end"
    )


def until_arrived(scene: Scene, load: Load) -> set[int]:
    """Wait for what was acknowledged, as long as more of it comes; return what did not come."""
    least, deadline = len(load.acknowledged) + 1, 0.0
    while missing := load.acknowledged - scene.found().keys():
        now = time.monotonic()
        if len(missing) < least:
            least, deadline = len(missing), now + ARRIVAL_SECONDS
        elif now > deadline:
            break
        time.sleep(0.5)
    return missing


class Requests(NamedTuple):
    """How a protocol on HTTP takes numbered messages: an answer of this status is an acknowledgement."""

    scheme: str
    path: str
    body: Callable[[list[int]], bytes]
    status: int


def lines_of(write: Callable[[int], bytes]) -> Callable[[list[int]], bytes]:
    """Make a body of something for each number."""
    return lambda numbers: b"".join(write(number) for number in numbers)


HTTP = {
    "gelf": Requests("gelf+http", "/gelf", lambda numbers: b"\n".join(map(document, numbers)), 202),
    "elasticsearch": Requests(
        "elasticsearch+http",
        "/_bulk",
        lines_of(lambda number: b'{"create":{"_index":"logs"}}\n{"message":"%s"}\n' % text_of(number).encode()),
        200,
    ),
    "splunk": Requests(
        "splunk+hec",
        "/services/collector/event",
        lines_of(lambda number: b'{"event":"%s"}' % text_of(number).encode()),
        200,
    ),
    "journal": Requests(
        "journal+http",
        "/upload",
        lines_of(lambda number: b"__CURSOR=i=%d\nMESSAGE=%s\n\n" % (number, text_of(number).encode())),
        202,
    ),
}


def check_http(folder: Path, plugin_path: Path, requests: Requests, rounds: int) -> None:
    """Requests with one message or several."""
    scene = Scene(folder, plugin_path, f"{requests.scheme}://127.0.0.1:0")
    port = 0

    @contextlib.contextmanager
    def connect() -> Iterator[Callable[[list[int]], list[int]]]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)

        def send(numbers: list[int]) -> list[int]:
            connection.request("POST", requests.path, requests.body(numbers))
            answer = connection.getresponse()
            answer.read()
            return numbers if answer.status == requests.status else []

        try:
            yield send
        finally:
            connection.close()

    load = Load(connect, 3)

    def load_for(listener: Listener) -> Load:
        nonlocal port
        port = listener.endpoint(requests.scheme).port
        return load

    check(scene, load_for, rounds)


def check_forward(folder: Path, plugin_path: Path, rounds: int) -> None:
    """Chunks of Fluentd's forward protocol, acknowledged by their ids."""
    scene = Scene(folder, plugin_path, "forward://127.0.0.1:0")
    address = ("127.0.0.1", 0)

    @contextlib.contextmanager
    def connect() -> Iterator[Callable[[list[int]], list[int]]]:
        with socket.create_connection(address, timeout=10) as connection:

            def send(numbers: list[int]) -> list[int]:
                chunk = uuid.uuid4().hex
                events = b"".join(msgpack.packb([0, {"message": text_of(number)}]) for number in numbers)
                connection.sendall(msgpack.packb(["load", events, {"chunk": chunk}]))
                expected = msgpack.packb({"ack": chunk})
                answer = b""
                while len(answer) < len(expected) and (piece := connection.recv(1000)):
                    answer += piece
                if answer != expected:
                    raise ConnectionError("not acknowledged")
                return numbers

            yield send

    load = Load(connect, 3)

    def load_for(listener: Listener) -> Load:
        nonlocal address
        address = listener.endpoint("forward").address
        return load

    check(scene, load_for, rounds)


def check_amqp(folder: Path, plugin_path: Path, rabbitmq: RabbitMq, rounds: int) -> None:
    """What the broker confirmed is its and then ours; messages carry ids, so one that is delivered twice is the same."""
    import amqp

    name = f"kill-{uuid.uuid4().hex}"
    scene = Scene(folder, plugin_path, f"gelf+amqp://{rabbitmq.authority}/?exchange={name}&queue={name}")
    with rabbitmq.connect() as connection:  # before the first listener: what nobody has bound is dropped
        channel = connection.channel()
        channel.exchange_declare(name, type="fanout", durable=True, auto_delete=False)
        channel.queue_declare(name, durable=True, auto_delete=False)
        channel.queue_bind(name, name)

    @contextlib.contextmanager
    def connect() -> Iterator[Callable[[list[int]], list[int]]]:
        with amqp.Connection(
            f"127.0.0.1:{rabbitmq.port}", "guest", "guest", confirm_publish=True, connect_timeout=5
        ) as connection:
            channel = connection.channel()

            def send(numbers: list[int]) -> list[int]:
                for number in numbers:
                    message = amqp.Message(
                        document(number), delivery_mode=2, message_id=ulid(time.time(), number, origin=1)
                    )
                    channel.basic_publish_confirm(message, exchange=name)
                return numbers

            yield send

    load = Load(connect, 1)
    check(scene, lambda _: load, rounds)


def check_kafka(folder: Path, plugin_path: Path, kafka: Kafka, rounds: int) -> None:
    """What the cluster acknowledged is its and then ours; a record that is read twice has one id."""
    from confluent_kafka import Producer

    topic = f"kill-{uuid.uuid4().hex}"
    kafka.create(topic, 2)
    # One static member: it has its partitions as soon as it is back, where a dead member is waited for otherwise.
    properties = "group.instance.id=one,session.timeout.ms=6000,heartbeat.interval.ms=300,auto.offset.reset=earliest"
    scene = Scene(
        folder,
        plugin_path,
        f"gelf+kafka://{kafka.address}/{topic}?group={topic}&commit_interval_seconds=0.1&properties={properties}",
    )

    @contextlib.contextmanager
    def connect() -> Iterator[Callable[[list[int]], list[int]]]:
        producer = Producer({"bootstrap.servers": kafka.address, "acks": "all", "linger.ms": 1})

        def send(numbers: list[int]) -> list[int]:
            for number in numbers:
                producer.produce(topic, document(number))
            assert producer.flush(10) == 0
            return numbers

        yield send

    load = Load(connect, 1)
    check(scene, lambda _: load, rounds)


LONG = pytest.param(100, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])
ROUNDS = [pytest.param(5), LONG]
JAVA_ROUNDS = [pytest.param(5, marks=pytest.mark.timeout(JAVA_SECONDS)), LONG]
"""A time-out of the function would hold for the long run too."""


@pytest.mark.parametrize("rounds", ROUNDS)
@pytest.mark.parametrize("protocol", HTTP)
def test_http(tmp_path: Path, plugin_path: Path, protocol: str, rounds: int) -> None:
    """Requests of each protocol on HTTP, answered with success."""
    check_http(tmp_path, plugin_path, HTTP[protocol], rounds)


@pytest.mark.parametrize("rounds", ROUNDS)
def test_forward(tmp_path: Path, plugin_path: Path, rounds: int) -> None:
    """Chunks of Fluentd's forward protocol."""
    check_forward(tmp_path, plugin_path, rounds)


@pytest.mark.external
@pytest.mark.parametrize("rounds", ROUNDS)
def test_amqp(tmp_path: Path, plugin_path: Path, rabbitmq: RabbitMq, rounds: int) -> None:
    """Deliveries of a RabbitMQ."""
    check_amqp(tmp_path, plugin_path, rabbitmq, rounds)


@pytest.mark.external
@pytest.mark.parametrize("rounds", JAVA_ROUNDS)
def test_kafka(tmp_path: Path, plugin_path: Path, kafka: Kafka, rounds: int) -> None:
    """Records of an Apache Kafka."""
    check_kafka(tmp_path, plugin_path, kafka, rounds)
