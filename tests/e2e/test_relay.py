"""One listener passes on to another, on every road; and destinations that behave badly hold up nobody."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.conftest import Certificates, Start
from tests.e2e.listener import Listener, free_port, until
from tests.e2e.wire import gelf, send_udp

COUNT = 500


def send(listener: Listener, first: int, count: int) -> None:
    with socket.create_connection(listener.endpoint("gelf+tcp").address) as sock:
        for number in range(first, first + count):
            document = {"version": "1.1", "host": "web1", "short_message": f"m{number}", "level": 3, "_number": number}
            sock.sendall(json.dumps(document | {"timestamp": 1790000000.5, "_text": "ü 日本"}).encode() + b"\0")


@pytest.mark.parametrize(
    ("output", "source", "settings"),
    [
        ("gelf+udp", "gelf+udp", "compression=zlib"),
        ("gelf+udp", "gelf+udp", "chunk_bytes=100"),
        ("gelf+tcp", "gelf+tcp", ""),
        ("gelf+tcp", "gelf+tcp", "framing=newline"),
        ("gelf+tls", "gelf+tls", "ca={ca}"),
        ("gelf+http", "gelf+http", ""),
        ("gelf+http", "gelf+http", "bulk=yes"),
        ("gelf+https", "gelf+https", "ca={ca}&bulk=yes"),
        ("syslog+tcp", "syslog+tcp", ""),
        ("syslog+udp", "syslog+udp", "max_bytes=65000"),
    ],
)
def test_the_same_messages_arrive(
    start: Start, certificates: Certificates, output: str, source: str, settings: str
) -> None:
    """With all they hold."""
    tls = (
        f"?cert={certificates.server_cert}&key={certificates.server_key}"
        if source in ("gelf+tls", "gelf+https")
        else ""
    )
    far = start(f"{source}://127.0.0.1:0{tls}")
    address = f"{output}://127.0.0.1:{far.port(source)}?{settings.format(ca=certificates.ca)}"
    near = start("gelf+tcp://127.0.0.1:0", outputs=[address + "&batch=100"])
    send(near, 0, COUNT)
    found = sorted(
        far.messages(COUNT, 30), key=lambda message: message["_number"] if output[0] == "g" else int(message["_number"])
    )
    assert [message["short_message"] for message in found] == [f"m{number}" for number in range(COUNT)]
    first = found[0]
    assert (first["host"], first["level"], first["timestamp"], first["_text"]) == ("web1", 3, 1790000000.5, "ü 日本")
    assert near.stop()[0] == 0
    assert "Traceback" not in near.log + far.log


@pytest.mark.parametrize(("scheme", "settings"), [("gelf+tcp", ""), ("gelf+http", "bulk=yes&")])
def test_an_outage_costs_nothing(tmp_path: Path, scheme: str, settings: str) -> None:
    """The destination is restarted, and so is the one with the buffer on disk, while messages come."""
    port = free_port()

    def far(number: int) -> Listener:
        folder = tmp_path / f"far{number}"
        folder.mkdir()
        return Listener(
            folder, f"{scheme}://127.0.0.1:{port}", outputs=[f"file://{tmp_path}/arrived.jsonl?format=json"]
        )

    def near(number: int) -> Listener:
        folder = tmp_path / f"near{number}"
        folder.mkdir()
        address = f"{scheme}://127.0.0.1:{port}?{settings}buffer=disk&buffer_path={tmp_path}/buffer&batch=50"
        return Listener(folder, "gelf+tcp://127.0.0.1:0", outputs=[address])

    def arrived() -> set[int]:
        path = tmp_path / "arrived.jsonl"
        return {json.loads(line)["_number"] for line in path.read_bytes().splitlines()} if path.exists() else set()

    with near(1) as first:
        with far(1) as away:
            send(first, 0, 200)
            until(lambda: len(arrived()) == 200, 20)
            assert away.stop()[0] == 0
        send(first, 200, 200)
        first.said("retrying", 20)
        until(
            lambda: json.loads(first.get("/health")[1])["outputs"][f"{scheme}://127.0.0.1:{port}"]["waiting"] == 200, 20
        )
        status, report = first.stop()
        assert (status, "kept in buffers on disk: 200" in report) == (0, True)
    with near(2) as second, far(2):
        send(second, 400, 200)
        until(lambda: len(arrived()) == 600, 60, "everything at the destination")


def test_a_loop_has_an_end(start: Start) -> None:
    """Two listeners that forward to each other: a message goes there and back, and no further."""
    port = free_port()
    one = start(f"gelf+tcp://127.0.0.1:{port}", outputs=["null:"])
    two = start(
        "gelf+tcp://127.0.0.1:0",
        outputs=[f"gelf+tcp://127.0.0.1:{port}?forwarder=two", "null:"],
    )
    three = start("gelf+udp://127.0.0.1:0", outputs=[f"gelf+tcp://127.0.0.1:{two.port('gelf+tcp')}?forwarder=two"])
    send_udp(three.endpoint("gelf+udp").address, gelf("round"))
    until(lambda: "refused_by_output" in two.get("/metrics")[1] or "messages_total" in two.get("/metrics")[1], 10)
    until(lambda: json.loads(two.get("/api/gelf/rejected")[1])["total"] == 1, 20, "the refusal")
    assert json.loads(one.get("/api/gelf/stats")[1])["messages"] == 0


class Bad:
    """Servers that accept connections and then behave badly, each on a port of its own."""

    def __init__(self) -> None:
        self._sockets: list[socket.socket] = []

    def port(self, said: bytes | None) -> int:
        """Say something to whoever sends; None says nothing and reads nothing."""
        server = socket.create_server(("127.0.0.1", 0))
        self._sockets.append(server)
        threading.Thread(target=self._serve, args=(server, said), daemon=True).start()
        return int(server.getsockname()[1])

    def _serve(self, server: socket.socket, said: bytes | None) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            self._sockets.append(connection)
            if said is not None:
                threading.Thread(target=self._talk, args=(connection, said), daemon=True).start()

    def _talk(self, connection: socket.socket, said: bytes) -> None:
        try:
            while connection.recv(65536):
                connection.sendall(said)
        except OSError:
            return

    def close(self) -> None:
        for sock in self._sockets:
            sock.close()


@contextmanager
def bad_servers() -> Iterator[Bad]:
    bad = Bad()
    try:
        yield bad
    finally:
        bad.close()


def said(status: int, body: bytes = b"") -> bytes:
    """An answer of HTTP."""
    return b"HTTP/1.1 %d x\r\ncontent-length: %d\r\n\r\n" % (status, len(body)) + body


def test_far_sides_that_behave_badly_hold_up_nobody(start: Start) -> None:
    """Down, silent, full of garbage, refusing, half taking: all messages are in the file, and at once."""
    half = b'{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":429}}]}'
    with bad_servers() as bad:
        servers = {
            "silent": ("webhook+http", bad.port(None), "/?"),
            "unread": ("gelf+tcp", bad.port(None), "?"),
            "garbage": ("webhook+http", bad.port(bytes(range(256))), "/?"),
            "denied": ("webhook+http", bad.port(said(403)), "/?"),
            "broken": ("loki+http", bad.port(said(500)), "/?"),
            "half": ("opensearch+http", bad.port(said(200, half)), "/i?template=no&"),
            "nonsense": ("forward", bad.port(b"nonsense"), "?"),
            "redis": ("redis", bad.port(b"-ERR no\r\n"), "/?"),
            "down": ("webhook+http", free_port(), "/?"),
        }
        outputs = [f"{scheme}://127.0.0.1:{port}{rest}name={name}" for name, (scheme, port, rest) in servers.items()]
        common = "&when_full=drop_newest&max_buffer_messages=2000"
        listener = start(
            "gelf+tcp://127.0.0.1:0",
            environment={"GELF_DRAIN_SECONDS": "2"},
            arguments=[flag for output in outputs for flag in ("--output", output + common)],
        )
        for first in range(0, 5000, 1000):
            send(listener, first, 1000)
        assert len(listener.messages(5000, 30)) == 5000
        stats = {output["name"]: output for output in json.loads(listener.get("/api/gelf/stats")[1])["outputs"]}
        assert len(stats) == len(outputs) + 1
        for name, output in stats.items():
            if not name.startswith("file"):
                assert output["messages"] == 0 or name in ("half", "unread"), output
                assert output["failing_since"] is not None or name in ("silent", "unread"), output
        status, report = listener.stop(60)
        assert status == 1
        assert "unwritten at the end" in report
        assert "Traceback" not in listener.log
