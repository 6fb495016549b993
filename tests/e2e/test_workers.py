"""Workers: several processes take messages on the same ports, and the listener speaks for all of them."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import socket
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.e2e.conftest import Certificates, Start
from tests.e2e.listener import ANSWER_SECONDS, Listener, free_port, run_cli, until
from tests.e2e.test_api_live import seen, watching
from tests.e2e.test_reload import configure, reload
from tests.e2e.wire import HttpClient, chunks, gelf, send_tcp, texts

TWO = ("--workers", "2")


def stats(listener: Listener) -> dict[str, Any]:
    """What the API tells of the listener."""
    found: dict[str, Any] = json.loads(listener.get("/api/gelf/stats")[1])
    return found


def pids(listener: Listener) -> list[int]:
    """The workers' process ids; those that are started again just now have none."""
    return [worker["pid"] for worker in stats(listener)["workers"] if worker["pid"] is not None]


def has_share(pid: int, kind: str, port: int) -> bool:
    """Whether a process has a socket bound to a port."""
    inodes = {
        line.split()[9]
        for line in Path(f"/proc/net/{kind}").read_text(encoding="ascii").splitlines()[1:]
        if line.split()[1].endswith(f":{port:04X}")
    }
    targets = [os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()]
    return any(target == f"socket:[{inode}]" for target in targets for inode in inodes)


def send_mixed(address: tuple[str, int], sockets: int, each: int, begin: str = "m") -> list[str]:
    """Send plain, compressed and chunked messages from many sockets, chunks out of order; return their texts."""
    sent = []
    order = random.Random(7)
    for number in range(sockets):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            for count in range(each):
                text = f"{begin}-{number}-{count}"
                payload = gelf(text, _filling="x" * 3000 if count % 3 == 2 else "")
                datagrams = [payload, zlib.compress(payload)][count % 3 : count % 3 + 1] or chunks(payload, 500)
                order.shuffle(datagrams)
                for datagram in datagrams:
                    sock.sendto(datagram, address)
                sent.append(text)
    return sorted(sent)


def test_everything_is_there_once(start: Start, certificates: Certificates, tmp_path: Path) -> None:
    """By UDP plain, compressed and chunked, TCP, TLS and HTTP; in a file, in a store, and counted where it is dropped."""
    listener = start(
        "gelf+udp://127.0.0.1:0",
        "gelf+tcp://127.0.0.1:0",
        f"gelf+tls://127.0.0.1:0?cert={certificates.server}",
        "gelf+http://127.0.0.1:0",
        outputs=[f"file://{tmp_path}/messages.jsonl", f"store://{tmp_path}/store", "null:"],
        arguments=TWO,
    )
    listener.file = tmp_path / "messages.jsonl"
    udp, tcp, tls, http = (endpoint.address for endpoint in listener.endpoints)
    expected = send_mixed(udp, sockets=40, each=12)
    for number in range(20):
        send_tcp(tcp, *(gelf(f"tcp {number} {count}") + b"\0" for count in range(10)))
        expected += [f"tcp {number} {count}" for count in range(10)]
        with HttpClient(http) as client:
            assert client.post(gelf(f"http {number}")).status == 202
        expected.append(f"http {number}")
        plain = socket.create_connection(tls, ANSWER_SECONDS)
        with certificates.client_context().wrap_socket(plain, server_hostname="localhost") as encrypted:
            encrypted.sendall(gelf(f"tls {number}") + b"\0")
        expected.append(f"tls {number}")
    assert sorted(texts(listener.messages(len(expected)))) == sorted(expected)
    until(lambda: listener.metric("gelf_output_messages_total", output="null:") == len(expected), 10, "a full count")
    until(lambda: listener.metric("gelf_input_messages_total") == len(expected), 10, "the count of messages")
    until(lambda: listener.metric("gelf_input_chunked_messages_complete_total") == 40 * 4, 10, "that of chunked ones")
    answer = httpx.get(f"{listener.api_url}/api/gelf/search?query=*&limit=1000", timeout=60).json()
    assert answer["total"] == len(expected) < 1000
    assert len({found["id"] for found in answer["messages"]}) == len(expected)
    assert listener.stop()[0] == 0


def test_the_kernel_gives_each_a_share(start: Start) -> None:
    """Every worker has a socket of the port, and the processes' figures are in the metrics."""
    listener = start("gelf+udp://127.0.0.1:0", arguments=TWO)
    port = listener.port("gelf+udp")
    found = pids(listener)
    assert len(set(found)) == 2
    assert all(has_share(pid, "udp", port) for pid in found)
    until(lambda: listener.metric("gelf_worker_memory_bytes") > 0, 10, "reports")
    assert listener.metric("gelf_worker_running") == 2
    assert listener.metric("gelf_worker_restarts_total") == 0


def test_a_worker_that_dies_is_replaced(start: Start) -> None:
    """It takes its connections with it; what was acknowledged, and what comes meanwhile, is there."""
    listener = start("gelf+udp://127.0.0.1:0", "gelf+http://127.0.0.1:0", arguments=TWO)
    udp, http = (endpoint.address for endpoint in listener.endpoints)
    expected = []
    for number in range(20):
        with HttpClient(http) as client:
            assert client.post(gelf(f"before {number}")).status == 202
        expected.append(f"before {number}")
    victim, survivor = pids(listener)
    # A worker tells its figures once a second: those of its last moment are gone with it.
    until(lambda: listener.metric("gelf_input_messages_total") == len(expected), 10, "all of them counted")
    os.kill(victim, signal.SIGKILL)
    expected += send_mixed(udp, sockets=20, each=6, begin="meanwhile")
    listener.said("worker 1 ended with status -9")
    assert sorted(texts(listener.messages(len(expected)))) == sorted(expected)
    until(lambda: listener.health()[0] == 200, 10, "good health")
    workers = listener.health()[1]["workers"]
    assert {number: (each["status"], each["restarts"]) for number, each in workers.items()} == {
        "1": ("ok", 1),
        "2": ("ok", 0),
    }
    new = pids(listener)
    assert victim not in new
    assert survivor in new
    assert listener.metric("gelf_worker_restarts_total") == 1
    until(lambda: listener.metric("gelf_input_messages_total") == len(expected), 10, "the count of inputs")
    until(lambda: listener.metric("gelf_worker_messages_total") == len(expected), 10, "the count of workers")
    shown = run_cli(listener.directory, "stats", "--url", listener.api_url).stdout
    assert re.search(r"^  1: process \d+, \d+ messages?, works; restarted 1 time$", shown, re.MULTILINE), shown
    assert re.search(rf"^  2: process {survivor}, \d+ messages?, works$", shown, re.MULTILINE), shown
    assert listener.stop()[0] == 0


def test_health_while_a_worker_is_away(start: Start) -> None:
    """It is unhealthy, and says why, until the next one has started."""
    listener = start("gelf+udp://127.0.0.1:0", arguments=TWO)
    victim = pids(listener)[1]
    os.kill(victim, signal.SIGKILL)
    status, health = until(lambda: (found := listener.health())[0] == 503 and found, 10, "bad health")
    assert (status, health["workers"]["2"]["error"]) == (503, "ended with status -9")
    until(lambda: listener.health()[0] == 200, 10, "good health")


def test_a_reload_reaches_all(start: Start, tmp_path: Path) -> None:
    """Outputs change in every worker, and inputs come and go, while the one that stays keeps its port."""
    config, output = tmp_path / "config.toml", tmp_path / "messages.jsonl"
    stays, goes, comes = (f"gelf+udp://127.0.0.1:{free_port()}?name={name}" for name in ("stays", "goes", "comes"))
    configure(config, [stays, goes], ["null:?name=first"], "workers = 2\n")
    listener = start(plain=True, arguments=["--config", str(config)])
    listener.file = output
    kept, removed = (endpoint.address for endpoint in listener.endpoints)
    before = pids(listener)
    sent = len(send_mixed(kept, 20, 3) + send_mixed(removed, 20, 3))
    until(lambda: listener.metric("gelf_output_messages_total", output="first") == sent, 10, "messages in the first")

    configure(config, [stays, comes], ["null:?name=second", f"file://{output}"], "workers = 2\n")
    assert "not reloaded" not in reload(listener)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(removed)  # every worker has let go of it
    added = listener.endpoints[1].address
    expected = send_mixed(kept, 20, 3, "again") + send_mixed(added, 20, 3, "new")
    assert sorted(texts(listener.messages(len(expected)))) == sorted(expected)
    until(lambda: listener.metric("gelf_output_messages_total", output="second") == len(expected), 10, "the second")
    assert pids(listener) == before
    assert set(listener.health()[1]["inputs"]) == {"stays", "comes"}


def test_stopping_writes_what_all_have(start: Start) -> None:
    """In the kernel's buffers or in theirs; the report speaks for all."""
    listener = start("gelf+udp://127.0.0.1:0", "gelf+tcp://127.0.0.1:0", arguments=TWO)
    udp, tcp = (endpoint.address for endpoint in listener.endpoints)
    expected = []
    streams = [socket.create_connection(tcp, ANSWER_SECONDS) for _ in range(10)]
    for number, stream in enumerate(streams):
        stream.sendall(b"".join(gelf(f"tcp {number} {count}") + b"\0" for count in range(300)))
        expected += [f"tcp {number} {count}" for count in range(300)]
    expected += send_mixed(udp, sockets=30, each=30)
    status, report = listener.stop()
    for stream in streams:
        stream.close()
    assert status == 0
    assert sorted(texts(listener.lines())) == sorted(expected)
    assert f"{len(expected):,} messages taken, 0 rejected" in report


def test_watchers_see_what_all_take(start: Start) -> None:
    """Whether or not an output of the listener itself wants the messages."""
    for outputs in (None, ["null:"]):
        listener = start("gelf+udp://127.0.0.1:0", outputs=outputs, arguments=TWO)
        with watching(listener, "?query=*") as stream:
            expected = send_mixed(listener.endpoint("gelf+udp").address, sockets=20, each=3)
            assert sorted(each["short_message"] for each in seen(stream, len(expected))) == expected
        assert listener.stop()[0] == 0


def test_rejections_senders_and_conflicts(start: Start) -> None:
    """What workers refuse is kept, who sends is added up, and kinds are compared across them."""
    listener = start("gelf+udp://127.0.0.1:0", outputs=["null:"], arguments=TWO)
    address = listener.endpoint("gelf+udp").address
    for number in range(40):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(gelf("kinds", host="web", _amount=number if number < 20 else f"many {number}"), address)
            sock.sendto(b"not gelf %d" % number, address)

    def rejected() -> Any:
        found = json.loads(listener.get("/api/gelf/rejected?limit=1000")[1])
        return found["total"] == 40 and found

    kept = until(rejected, 10, "rejections")
    assert sorted(each["payload_text"] for each in kept["rejected"]) == sorted(f"not gelf {n}" for n in range(40))
    assert listener.rejected("invalid_json") == 40

    def counted() -> Any:
        found = json.loads(listener.get("/api/gelf/senders")[1])
        sums: Counter[str] = Counter()
        for sender in found["senders"]:
            sums.update(messages=sender["messages"], rejected=sender["rejected"])
        return sums == {"messages": 40, "rejected": 40} and found

    found = until(counted, 10, "senders")
    assert {sender["host"] for sender in found["senders"]} == {"web", ""}
    assert [each["field"] for each in found["conflicts"]] == ["amount"]


def test_a_port_that_somebody_has(start: Start, tmp_path: Path) -> None:
    """Two listeners with workers do not share a port by accident."""
    first = start("gelf+udp://127.0.0.1:0", arguments=TWO)
    port = first.port("gelf+udp")
    again = run_cli(
        tmp_path,
        "run",
        "--workers",
        "2",
        "--input",
        f"gelf+udp://127.0.0.1:{port}",
        "--output",
        "null:",
        "--api",
        "off",
    )
    assert again.returncode == 2
    assert "in use by another program" in again.stderr


def test_a_certificate_that_cannot_be_read(tmp_path: Path) -> None:
    """Is the usage error that it is with one process."""
    command = ["run", "--workers", "2", "--output", "null:", "--api", "off"]
    done = run_cli(tmp_path, *command, "--input", "gelf+tls://127.0.0.1:0?cert=missing.pem")
    assert done.returncode == 2
    assert "missing.pem" in done.stderr


def test_workers_end_with_their_listener(start: Start) -> None:
    """However it ends."""
    listener = start("gelf+udp://127.0.0.1:0", arguments=TWO)
    found = pids(listener)
    listener.signal(signal.SIGKILL)
    listener.wait()
    until(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in found), 10, "the end of the workers")
