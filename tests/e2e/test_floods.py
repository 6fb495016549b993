"""
Floods from one address: they cost bounded memory, and another address's messages arrive, soon.

The flooding sender is bound to 127.0.0.2 and is a process of its own; the honest one is 127.0.0.1. Each test prints
what it measured. Delays are reported, and only bounded as "still answers": how long they are depends on the machine. So
does whether the kernel drops datagrams of a listener that gets no processor; as many honest ones may be among them.
"""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.conftest import Certificates, Start
from tests.e2e.listener import ANSWER_SECONDS, Listener, until
from tests.e2e.wire import HttpClient, chunks, gelf, send_udp

FLOOD_SECONDS = 1.5
_FLOOD_END_SECONDS = 150.0
"""Until a flood's process has ended: a listener that is short of the processor does not read, and it waits."""
HONEST = "127.0.0.1"
FLOODER = "127.0.0.2"

SMALL_RATE = 20_000
BOMB_RATE = 1_000
"""
Messages a second. A flood by UDP that is faster than one core can read has the kernel drop datagrams before anybody can
tell whose they are; the drops are counted per socket (test_tcp_back_pressure.py), and no listener can do more.
"""

MIB = 2**20

FLOOD = """
import random, socket, sys, time
kind, host, port, seconds, rate, fresh, path = sys.argv[1:]
data = open(path, "rb").read()
sizes = [int(word) for word in open(path + ".sizes").read().split()]
payloads, start = [], 0
for size in sizes:
    payloads.append(data[start : start + size])
    start += size
began = time.monotonic()
sent, sock = 0, None
while time.monotonic() < began + float(seconds):
    if sent >= (time.monotonic() - began) * float(rate):
        time.sleep(0.001)
        continue
    payload = payloads[sent % len(payloads)]
    if fresh == "True":  # a message id of its own for each
        payload = payload[:2] + random.getrandbits(64).to_bytes(8, "big") + payload[10:]
    sent += 1
    try:
        if sock is None:
            sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
            sock.settimeout(30)
            sock.bind(("127.0.0.2", 0))
            sock.connect((host, int(port)))
        sock.sendall(payload)
    except OSError:  # the listener has closed the connection: open another
        sock.close()
        sock = None
print(sent)
"""


CONNECT = """
import socket, sys, threading, time
host, port, seconds, path = sys.argv[1:]
data = open(path, "rb").read()
end = time.monotonic() + float(seconds)
sent = []
def connect():
    while time.monotonic() < end:
        try:
            with socket.create_connection((host, int(port)), 10, source_address=("127.0.0.2", 0)) as sock:
                sock.settimeout(2)
                sock.sendall(data)
        except OSError:
            pass
        sent.append(1)
threads = [threading.Thread(target=connect) for _ in range(50)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(len(sent))
"""


@contextmanager
def flood(
    tmp_path: Path,
    kind: str,
    address: tuple[str, int],
    payloads: list[bytes],
    *,
    rate: int,
    fresh_ids: bool = False,
) -> Iterator[Callable[[], int]]:
    """Send payloads over and over, so many a second, in another process; the value waits and tells how many."""
    path = tmp_path / "flood"
    path.write_bytes(b"".join(payloads))
    Path(f"{path}.sizes").write_text(" ".join(str(len(payload)) for payload in payloads))
    words = [kind, address[0], address[1], FLOOD_SECONDS, rate, fresh_ids, path]
    command = [sys.executable, "-c", FLOOD, *map(str, words)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield lambda: int(process.communicate(timeout=_FLOOD_END_SECONDS)[0])
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(ANSWER_SECONDS)


class Watch:
    """Follows the honest sender's messages into the file and the listener's memory, while a flood goes on."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.at_rest = listener.memory()[0]
        self.delays: dict[str, float] = {}
        self.sent: dict[str, float] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        seen = 0
        while True:
            stopping = self._stop.is_set() or not self.listener.alive
            lines = self.listener.lines()
            now = time.monotonic()
            for line in lines[seen:]:
                name = line["short_message"]
                if name in self.sent:
                    self.delays.setdefault(name, now - self.sent[name])
            seen = len(lines)
            if stopping:
                return
            time.sleep(0.002)

    def honest(self, send: Callable[[str], None], seconds: float = FLOOD_SECONDS) -> None:
        """Send an honest message every 20 ms, for a while."""
        until_ = time.monotonic() + seconds
        number = len(self.sent)
        while time.monotonic() < until_:
            name = f"honest {number}"
            number += 1
            self.sent[name] = time.monotonic()
            send(name)
            time.sleep(0.02)

    def insist(self, name: str, send: Callable[[], None]) -> None:
        """Send an honest datagram again and again until it has arrived: there may be no room for it behind a flood."""
        self.sent[name] = time.monotonic()

        def arrived() -> bool:
            send()
            time.sleep(0.1)
            return name in self.delays

        until(arrived, 20, f"{name!r} in the file")

    def _drops(self) -> int:
        """Return how many datagrams the kernel had no room for; it cannot tell whose they were."""
        return int(self.listener.metric("gelf_input_kernel_drops_total"))

    def report(self, what: str, sent: int, margin: float) -> None:
        """Wait for the honest messages, print the figures, hold memory to its bound."""
        with contextlib.suppress(AssertionError):
            until(lambda: len(self.delays) + self._drops() >= len(self.sent), 20, "every honest message in the file")
        self._stop.set()
        self._thread.join(ANSWER_SECONDS)
        lost = len(self.sent) - len(self.delays)
        delays = sorted(self.delays.values()) or [0.0]
        peak = self.listener.memory()[1]
        drops = self._drops()
        figures = (
            f"{what}: {sent} sent by one address in {FLOOD_SECONDS:g} s, {self.listener.rejected():.0f} rejections, "
            f"{drops} dropped by the kernel; honest: {len(self.sent)} sent, {lost} lost, delay median "
            f"{delays[len(delays) // 2] * 1000:.0f} ms, worst {delays[-1] * 1000:.0f} ms; RSS {self.at_rest:.0f} MiB at "
            f"rest, {peak:.0f} MiB at its peak"
        )
        print("\n" + figures)
        assert self.listener.alive, figures
        assert lost <= drops, figures
        assert peak < self.at_rest + margin, figures
        assert "Traceback" not in self.listener.log, self.listener.log


def udp_sender(address: tuple[str, int]) -> Callable[[str], None]:
    """Send honest messages by UDP, every fifth in chunks."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((HONEST, 0))

    def send(name: str) -> None:
        payload = zlib.compress(gelf(name, full_message="x" * 200))
        if int(name.rsplit(maxsplit=1)[-1]) % 5:
            sock.sendto(payload, address)
        else:
            for part in chunks(payload, 40):
                sock.sendto(part, address)

    return send


def bomb(size: int, members: int = 1) -> bytes:
    """Gzip of so many bytes of JSON text that is one long string."""
    part = gzip.compress(b'{"short_message": "' + b"a" * (size // members), 9)
    return part * members


def test_incomplete_chunks(start: Start, tmp_path: Path) -> None:
    """First chunks of messages that never go on, each with an id of its own."""
    listener = start("gelf+udp://127.0.0.1:0?chunk_timeout_seconds=5")
    address = listener.endpoint("gelf+udp").address
    watch = Watch(listener)
    payloads = [chunks(os.urandom(2800), 1400)[0] for _ in range(64)]
    with flood(tmp_path, "udp", address, payloads, rate=SMALL_RATE, fresh_ids=True) as sent:
        watch.honest(udp_sender(address))
        count = sent()
    assert listener.metric("gelf_input_chunked_messages_pending") <= 4096
    # 4096 pending messages of 1400 bytes, the receive buffers (256 datagrams of up to 64 KiB), and the kept excerpts.
    watch.report("incomplete chunks", count, margin=48)
    until(lambda: listener.metric("gelf_input_chunked_messages_pending") == 0, 10, "all expired")


def test_incomplete_chunks_that_are_large(start: Start, tmp_path: Path) -> None:
    """Up to the bytes that may be pending, and no further."""
    cap = 32 * MIB
    listener = start(f"gelf+udp://127.0.0.1:0?max_pending_bytes={cap}")
    address = listener.endpoint("gelf+udp").address
    watch = Watch(listener)
    payloads = [chunks(os.urandom(120_000), 60_000)[0] for _ in range(16)]
    with flood(tmp_path, "udp", address, payloads, rate=BOMB_RATE, fresh_ids=True) as sent:
        watch.honest(udp_sender(address))
        count = sent()
    assert listener.metric("gelf_input_chunked_bytes_pending") <= cap
    watch.report(f"incomplete chunks of 60 kB, {cap // MIB} MiB allowed", count, margin=cap / MIB + 64)


def test_garbage(start: Start, tmp_path: Path) -> None:
    """Random bytes, broken JSON, broken chunks, broken compression."""
    listener = start("gelf+udp://127.0.0.1:0")
    address = listener.endpoint("gelf+udp").address
    watch = Watch(listener)
    rng = random.Random(7)
    good = gelf("flood", full_message="y" * 300)
    payloads = [rng.randbytes(rng.randrange(0, 600)) for _ in range(100)]
    payloads += [good[: rng.randrange(1, len(good))] for _ in range(50)]
    payloads += [b"\x1e\x0f" + rng.randbytes(rng.randrange(0, 40)) for _ in range(50)]
    payloads += [zlib.compress(good)[: rng.randrange(2, 100)] + b"x" for _ in range(50)]
    payloads += [gzip.compress(good)[: rng.randrange(3, 100)] for _ in range(50)]
    with flood(tmp_path, "udp", address, payloads, rate=SMALL_RATE) as sent:
        watch.honest(udp_sender(address))
        count = sent()
    watch.report("garbage", count, margin=48)


BOMBS = {
    "single": [zlib.compress(b"a" * 60 * MIB, 9)],  # 60 kB that would be 60 MiB
    "below the limit": [zlib.compress(b'{"a": "' + b"a" * 7 * MIB, 9)],
    "gzip of many members": [bomb(50 * MIB, 50)],
    "in chunks": chunks(zlib.compress(b"a" * 100 * MIB, 9), 1400),
    "brackets": [zlib.compress(b"[" * 7 * MIB, 9)],
    "small fields": [zlib.compress(b'{"short_message":"x"' + b',"_a":1' * 900_000 + b"}", 9)],
}


@pytest.mark.parametrize("kind", BOMBS)
def test_decompression_bombs_by_udp(start: Start, tmp_path: Path, kind: str) -> None:
    """However they are wrapped: no more is inflated than the limit, and not at the cost of others."""
    listener = start("gelf+udp://127.0.0.1:0")
    address = listener.endpoint("gelf+udp").address
    watch = Watch(listener)
    with flood(tmp_path, "udp", address, BOMBS[kind], rate=BOMB_RATE) as sent:
        watch.honest(udp_sender(address))
        count = sent()
    # The limit of 8 MiB, inflated and parsed at once, and the chunks that wait.
    watch.report(f"bombs ({kind}, {sum(map(len, BOMBS[kind]))} bytes)", count, margin=80)


def test_decompression_bombs_by_tcp_and_http(start: Start, tmp_path: Path) -> None:
    """As frames and as bodies; an honest sender on its own connection."""
    listener = start("gelf+tcp://127.0.0.1:0", "gelf+http://127.0.0.1:0")
    tcp, http = (endpoint.address for endpoint in listener.endpoints)
    watch = Watch(listener)
    bodies = [bomb(50 * MIB), bomb(7 * MIB), zlib.compress(b"[" * 7 * MIB)]
    requests = [HttpClient.request(body, "Content-Encoding: gzip") for body in bodies]
    (tmp_path / "http").mkdir()
    with (
        flood(tmp_path, "tcp", tcp, [body + b"\0" for body in bodies], rate=BOMB_RATE) as by_tcp,
        flood(tmp_path / "http", "tcp", http, requests, rate=BOMB_RATE) as by_http,
        socket.create_connection(tcp, ANSWER_SECONDS, source_address=(HONEST, 0)) as stream,
        HttpClient(http) as client,
    ):

        def send(name: str) -> None:
            if int(name.rsplit(maxsplit=1)[-1]) % 2:
                stream.sendall(gelf(name) + b"\0")
            else:
                assert client.post(gelf(name)).status == 202

        watch.honest(send)
        count = by_tcp() + by_http()
    watch.report("bombs by TCP and HTTP", count, margin=80)


MANY = [b"{}\n" * 85_000, random.Random(3).randbytes(MIB)]
"""A quarter of a megabyte of frames that are not messages, and a megabyte that is nothing at all."""


@pytest.mark.parametrize("payload", MANY, ids=["frames", "garbage"])
def test_many_connections_with_much_to_look_at(start: Start, tmp_path: Path, payload: bytes) -> None:
    """Fifty connections at a time, each with a second of work; requests of another address wait for milliseconds."""
    listener = start("gelf+tcp://127.0.0.1:0", "gelf+http://127.0.0.1:0")
    tcp, http = (endpoint.address for endpoint in listener.endpoints)
    watch = Watch(listener)
    path = tmp_path / "payload"
    path.write_bytes(payload)
    command = [sys.executable, "-c", CONNECT, tcp[0], str(tcp[1]), str(FLOOD_SECONDS), str(path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        with HttpClient(http) as client:

            def send(name: str) -> None:
                assert client.post(gelf(name)).status == 202

            watch.honest(send)
        count = int(process.communicate(timeout=_FLOOD_END_SECONDS)[0])
    finally:
        process.kill()
        process.wait(ANSWER_SECONDS)
    watch.report("connections with much to look at", count, margin=150)


def test_slow_connections(start: Start) -> None:
    """One address opens all it can, on every port, and sends a byte now and then."""
    listener = start(
        "gelf+tcp://127.0.0.1:0?max_connections=200",
        "gelf+http://127.0.0.1:0?max_connections=200&header_timeout_seconds=2",
    )
    tcp, http = (endpoint.address for endpoint in listener.endpoints)
    watch = Watch(listener)
    slow: list[socket.socket] = []
    stop = threading.Event()

    def trickle() -> None:
        while not stop.is_set():
            for address, byte in ((tcp, b"{"), (http, b"P")):
                try:
                    sock = socket.create_connection(address, 1, source_address=(FLOODER, 0))
                    sock.setblocking(False)
                    sock.send(byte)
                    slow.append(sock)
                except OSError:
                    continue
            time.sleep(0.001)

    thread = threading.Thread(target=trickle, daemon=True)
    thread.start()

    def send(name: str) -> None:
        if int(name.rsplit(maxsplit=1)[-1]) % 2:  # a newcomer each time
            with socket.create_connection(tcp, ANSWER_SECONDS, source_address=(HONEST, 0)) as stream:
                stream.sendall(gelf(name) + b"\0")
        else:
            with HttpClient(http) as client:
                assert client.post(gelf(name)).status == 202

    try:
        watch.honest(send)
        open_ = listener.metric("gelf_input_connections")
        assert open_ <= 400
    finally:
        stop.set()
        thread.join(5)
        for sock in slow:
            sock.close()
    evicted = listener.metric("gelf_input_connections_evicted_total")
    watch.report(f"slow connections ({evicted:.0f} evicted, {open_:.0f} open)", len(slow), margin=32)


def test_random_bytes_on_every_port(start: Start, certificates: Certificates) -> None:
    """A few seconds of anything at all: the process lives, answers, and tells what it rejected."""
    listener = start(
        "gelf+udp://127.0.0.1:0",
        "gelf+tcp://127.0.0.1:0",
        f"gelf+tls://127.0.0.1:0?cert={certificates.server}",
        "gelf+http://127.0.0.1:0",
        f"gelf+https://127.0.0.1:0?cert={certificates.server}",
    )
    watch = Watch(listener)
    rng = random.Random(11)
    starts = [
        b"",
        b"\x16\x03\x01",
        b"POST /gelf HTTP/1.1\r\n",
        b"{",
        b"\x1e\x0f",
        b"\x78\x9c",
        b"\x1f\x8b",
        b"\0\0\0\x10}",
        b"12 {",
    ]
    starts += [
        HttpClient.request(b"x" * 50)[:-49],
        b"<13>1 ",
        b"GET / HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ]
    sent = 0
    api = ("127.0.0.1", int(listener.api_url.rpartition(":")[2]))
    targets = [*((endpoint.scheme, endpoint.address) for endpoint in listener.endpoints), ("api", api)]
    until_ = time.monotonic() + FLOOD_SECONDS
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        while time.monotonic() < until_:
            for scheme, address in targets:
                data = rng.choice(starts) + rng.randbytes(rng.choice((0, 1, 5, 50, 500, 5000)))
                if scheme == "gelf+udp":
                    datagrams.sendto(data, address)
                else:
                    try:
                        with socket.create_connection(address, 5, source_address=(FLOODER, 0)) as sock:
                            sock.sendall(data)
                            if rng.random() < 0.5:
                                sock.shutdown(socket.SHUT_WR)
                    except OSError:
                        pass
                sent += 1
    for scheme, address in targets[:2]:
        name = f"honest {scheme}"
        if scheme == "gelf+udp":
            watch.insist(name, partial(send_udp, address, gelf(name)))
        else:
            watch.sent[name] = time.monotonic()
            with socket.create_connection(address, ANSWER_SECONDS) as sock:
                sock.sendall(gelf(name) + b"\0")
    assert listener.rejected() > 0
    watch.report("random bytes on every port", sent, margin=48)
    status, report = listener.stop()
    assert status == 0, listener.log
    assert json.loads(report.split()[1])
