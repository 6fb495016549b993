"""
Edge listener -> Kafka -> group of listeners -> OpenSearch, while parts of it are killed.

What the edge acknowledged is found, each message once; the pages of the listeners that live go on answering; what was
killed and started again goes on by itself.
"""

from __future__ import annotations

import http.client
import json
import math
import os
import random
import threading
import time
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.listener import Listener, free_port, until
from tests.e2e.toolchains import JAVA_SECONDS
from tests.services.kafka import Kafka
from tests.services.opensearch import OpenSearch, is_whole, opensearch_cluster

pytestmark = [pytest.mark.external, pytest.mark.timeout(JAVA_SECONDS)]

_REQUEST_MESSAGES = 250
_PAGE = 10_000
_QUIET_SECONDS = 120.0
"""How long nothing may arrive before we say that the rest is lost."""
_VISIT_SECONDS = 0.5
_LATE = 0.01
"""How many of the answers may say that a search took too long."""
_SESSION = "session.timeout.ms=6000"
"""How long Kafka waits for a member that was killed before others get its partitions; 45 s by default."""


class Sender(threading.Thread):
    """
    Posts numbered messages to the edge, and notes which of them were acknowledged.

    What came without an answer is not sent again: it may or may not be there, and then once.
    """

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.acknowledged: set[int] = set()
        self._port = port
        self._wanted = 0
        self._more = threading.Condition()
        self._ended = False

    def want(self, count: int) -> None:
        """Send on until so many are acknowledged."""
        with self._more:
            self._wanted = count
            self._more.notify()

    def end(self) -> None:
        """Send no more."""
        with self._more:
            self._ended = True
            self._more.notify()
        self.join()

    def run(self) -> None:
        connection: http.client.HTTPConnection | None = None
        first = 0
        while True:
            with self._more:
                self._more.wait_for(lambda: self._ended or len(self.acknowledged) < self._wanted)
                if self._ended:
                    break
            numbers = range(first, first + _REQUEST_MESSAGES)
            first = numbers.stop
            body = b"\n".join([_gelf(number) for number in numbers])
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
                connection.request("POST", "/gelf", body)
                answer = connection.getresponse()
                answer.read()
                if answer.status == 202:
                    self.acknowledged.update(numbers)
            except (OSError, http.client.HTTPException):
                if connection is not None:
                    connection.close()
                connection = None
                time.sleep(0.05)  # the edge is away
        if connection is not None:
            connection.close()


def _gelf(number: int) -> bytes:
    document = {
        "version": "1.1",
        "host": f"web-{number % 7}",
        "short_message": f"order {number} has been paid by customer {number * 7919 % 100_003}",
        "timestamp": time.time(),
        "level": 6,
        "_n": number,
        "_user": f"u{number % 500}",
    }
    return json.dumps(document).encode()


class Visitor(threading.Thread):
    """
    Looks at the page of a listener again and again, and searches.

    Attributes:
        answers: How many there were of each status, 0 for none, while it was expected to answer.
        slowest: Seconds the slowest of them took, and what was asked.
        failures: What was said instead of an answer.
        unseen: What answers said that they did not see, and how often.
    """

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.answers: Counter[int] = Counter()
        self.slowest = (0.0, "")
        self.failures: list[str] = []
        self.unseen: Counter[str] = Counter()
        self.expected = True
        """Whether the listener is there; one that is not does not answer."""
        self._port = port
        self._ending = threading.Event()

    def run(self) -> None:
        while not self._ending.wait(_VISIT_SECONDS):
            for path in ("/", "/api/gelf/search?query=paid+AND+level:6&limit=5"):
                expected, began = self.expected, time.monotonic()
                status, text = ask(self._port, path)
                if expected and self.expected:
                    self.answers[status] += 1
                    self.slowest = max(self.slowest, (time.monotonic() - began, f"{path} {status}"))
                    if status == 200 and text.startswith("{") and (missing := json.loads(text)["missing"]):
                        self.unseen[missing["text"]] += 1
                    if status != 200:
                        self.failures.append(f"{path} {status} after {time.monotonic() - began:.1f} s: {text[:300]}")

    def end(self) -> None:
        """Look no more."""
        self._ending.set()
        self.join()


def ask(port: int, path: str, seconds: float = 120.0) -> tuple[int, str]:
    """Ask a listener; status 0 when there is no answer."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=seconds) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()
    except (OSError, http.client.HTTPException) as error:
        return 0, repr(error)


class Part:
    """A listener that is started again when it was killed, as a service manager does."""

    def __init__(self, name: str, folder: Path, port: int, arguments: list[str]) -> None:
        self.name = name
        self.port = port
        self._folder = folder
        self._arguments = [*arguments, "--api", f"127.0.0.1:{port}"]
        folder.mkdir()
        self.listener = self._started()
        self.visitor = Visitor(port)
        self.visitor.start()

    def _started(self) -> Listener:
        return Listener(self._folder, plain=True, arguments=self._arguments).__enter__()

    def kill(self) -> None:
        """Kill it, and start it again."""
        self.visitor.expected = False
        self.listener.kill()
        self.listener = self._started()
        self.visitor.expected = True

    def end(self) -> None:
        """End it and its visitor."""
        self.visitor.end()
        self.listener.kill()


def kill_rounds(
    folder: Path,
    kafka: Kafka,
    nodes: list[OpenSearch],
    count: int,
    rounds: int,
    members: int,
    seed: int,
    seconds: float = math.inf,
) -> str:
    """
    Send messages through everything while it is killed; return what happened, in figures.

    An OpenSearch that is alone is left alive: to start one takes most of a minute where the machine is slow.

    Args:
        folder: For the listeners.
        kafka: The broker.
        nodes: One cluster of OpenSearch.
        count: Messages that are acknowledged.
        rounds: How often a listener, the connections to the broker and one of several nodes are killed.
        members: Listeners of the group.
        seed: Of what is random.
        seconds: After how many no further round begins.
    """
    chance = random.Random(seed)
    name = f"kill-{uuid.uuid4().hex[:8]}"
    kafka.create(name, 2 * members)
    hosts = [f"127.0.0.1:{node.port}" for node in nodes]
    replicas = 1 if len(hosts) > 1 else 0
    began = time.monotonic()
    with ExitStack() as stack:
        proxy = stack.enter_context(kafka.proxy())
        edge_port = free_port()
        edge = Part(
            "edge",
            folder / "edge",
            free_port(),
            [
                *("--input", f"gelf+http://127.0.0.1:{edge_port}"),
                *("--output", f"kafka://127.0.0.1:{proxy.port}/{name}?buffer=disk"),
            ],
        )
        stack.callback(edge.end)
        parts = [edge]
        for number in range(members):
            store = f"store+opensearch+http://{hosts[0]}/{name}?buffer=disk&replicas={replicas}&node=member{number}"
            store += f"&more_hosts={','.join(hosts[1:])}" if hosts[1:] else ""
            source = f"gelf+kafka://127.0.0.1:{proxy.port}/{name}?group={name}&properties={_SESSION}"
            part = Part(
                f"member{number}", folder / f"member{number}", free_port(), ["--input", source, "--output", store]
            )
            stack.callback(part.end)
            parts.append(part)
        edge.visitor.end()  # it has no store
        sender = Sender(edge_port)
        sender.start()
        stack.callback(sender.end)
        happened: Counter[str] = Counter()
        for number in range(rounds):
            if time.monotonic() > began + seconds:
                break
            sender.want(count * (number + 1) // rounds)
            kills = [
                lambda: chance.choice(parts).kill(),
                lambda: happened.update(connections=proxy.break_connections()),
            ]
            if len(nodes) > 1:
                kills.append(lambda: _kill_node(chance.choice(nodes)))
            for kill in chance.sample(kills, len(kills)):
                time.sleep(chance.random())  # in the middle of whatever happens
                kill()
            happened["rounds"] += 1
            if len(nodes) > 1:
                until(lambda: is_whole(nodes), 60, "a whole cluster")
            until(lambda wanted=count * (number + 1) // rounds: len(sender.acknowledged) >= wanted, 120, "the edge")  # type: ignore[misc]
            print(f"round {number}: {len(sender.acknowledged)} acknowledged, {time.monotonic() - began:.0f} s")
        sender.end()
        found = _arrived(nodes[0], name, sender.acknowledged)
        seconds = time.monotonic() - began
        for part in parts[1:]:
            part.visitor.end()
            status, text = ask(part.port, "/api/gelf/search?limit=0")
            assert status == 200, text
            assert json.loads(text)["total"] == sum(found.values()), part.name
            assert "Traceback" not in part.listener.log, part.listener.log
        assert not sender.acknowledged - found.keys()
        assert max(found.values()) == 1, f"{sum(each > 1 for each in found.values())} messages are there twice"
        visited = _visited([part.visitor for part in parts[1:]])
        return f"{len(sender.acknowledged)} messages, {dict(happened)}, {seconds:.0f} s, {visited}"


def _visited(visits: list[Visitor]) -> str:
    """Say what visitors saw, who were answered each time, if only that the cluster does not answer in time."""
    answers = sum((visit.answers for visit in visits), Counter())
    unseen = sum((visit.unseen for visit in visits), Counter())
    failures = [failure for visit in visits for failure in visit.failures]
    seconds, path = max(visit.slowest for visit in visits)
    said = f"answers {dict(answers)}, the slowest {seconds:.1f} s ({path}), not whole: {dict(unseen)}"
    late = answers[503]  # the time for a search was over, which on a busy machine may be
    assert late == len(failures), f"{said}\n" + "\n".join(failures)
    assert late <= _LATE * answers[200], f"{said}\n" + "\n".join(failures)
    return said


def _kill_node(node: OpenSearch) -> None:
    node.kill()
    node.start()


def _arrived(node: OpenSearch, name: str, wanted: set[int]) -> Counter[int]:
    """Wait until everything is there that is wanted, or nothing comes any more; return what is there how often."""
    last, quiet_since = -1, time.monotonic()
    while True:
        node.ask("POST", f"/{name}-*/_refresh")
        there = node.ask("GET", f"/{name}-*/_count")["count"]
        if there >= len(wanted):
            found = Counter(_numbers(node, name))
            if wanted <= found.keys():
                return found
        if there != last:
            last, quiet_since = there, time.monotonic()
        elif time.monotonic() > quiet_since + _QUIET_SECONDS:
            return Counter(_numbers(node, name))
        time.sleep(0.5)


def _numbers(node: OpenSearch, name: str) -> Iterator[int]:
    """Give the number of every message that is there."""
    after = None
    while True:
        body: dict[str, Any] = {"size": _PAGE, "_source": False, "sort": [{"n.n": "asc"}, {"id": "asc"}]}
        hits = node.ask("POST", f"/{name}-*/_search", body if after is None else body | {"search_after": after})
        hits = hits["hits"]["hits"]
        for hit in hits:
            yield int(hit["sort"][0])
        if len(hits) < _PAGE:
            return
        after = hits[-1]["sort"]


@pytest.mark.timeout(2 * JAVA_SECONDS)  # a broker and an OpenSearch may have to be started first
def test_nothing_is_lost_or_doubled_in_a_round(tmp_path: Path, kafka: Kafka, opensearch: OpenSearch) -> None:
    """Two members; a listener and the connections to the broker are killed."""
    print(kill_rounds(tmp_path, kafka, [opensearch], 2000, 1, 2, seed=random.randrange(1000)))


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_nothing_is_lost_or_doubled_in_twenty_rounds(tmp_path: Path, kafka: Kafka) -> None:
    """Three members and three nodes of OpenSearch (GELF_SOAK_MESSAGES, GELF_SOAK_ROUNDS, GELF_SOAK_SECONDS)."""
    count, rounds = int(os.environ.get("GELF_SOAK_MESSAGES", "2000000")), int(os.environ.get("GELF_SOAK_ROUNDS", "20"))
    seconds = float(os.environ.get("GELF_SOAK_SECONDS", "inf"))
    seed = int(os.environ.get("GELF_SOAK_SEED", random.randrange(1000)))
    with opensearch_cluster(tmp_path / "cluster", 3) as nodes:
        print(kill_rounds(tmp_path, kafka, nodes, count, rounds, 3, seed, seconds))
