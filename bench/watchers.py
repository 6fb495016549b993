"""
Watchers: what those who look on cost somebody who sends.

The honest sender posts a message every ten milliseconds on one connection; its delay is from the request to the answer.
Beside it comes a flood that is no abuse, and live streams or waits with an expensive query watch all of it.
"""

from __future__ import annotations

import contextlib
import http.client
import statistics
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.corpus import Record
from bench.messages import messages, numbered
from bench.process import Process, StartError
from bench.pump import Order, Pump, Transport
from bench.sockets import LOOPBACK, free_port, tcp_answers, udp_state
from bench.subjects.listener import METRIC_DROPS, METRIC_MESSAGES, command, environment, metric

__all__ = ["measure_watchers"]

_RATE = 10_000
_HONEST_SECONDS = 0.01
_PATTERNS = " OR ".join(f"message:/.*w{number}[a-z]+x.*/" for number in range(60))

_READER = """
import selectors, socket, sys
port, count, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
reading = selectors.DefaultSelector()
for _ in range(count):
    sock = socket.create_connection(("127.0.0.1", port))
    sock.sendall(f"GET {path} HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n".encode())
    reading.register(sock, selectors.EVENT_READ)
print("ready", flush=True)
while reading.get_map():
    for key, _ in reading.select():
        if not key.fileobj.recv(1 << 20):
            reading.unregister(key.fileobj)
"""
"""Reads as fast as it can, in a process of its own, until it is killed."""


@dataclass(frozen=True)
class _Watching:
    """Who looks on: how many ask for which path."""

    name: str
    count: int = 0
    path: str = ""


_WAIT = "/api/gelf/wait?" + urllib.parse.urlencode({"query": _PATTERNS, "timeout": "120", "count": 10_000})
_WATCHINGS = (
    _Watching("nobody"),
    _Watching("20 live streams", 20, "/api/gelf/live?query=*"),
    _Watching("128 live streams", 128, "/api/gelf/live?query=*"),
    _Watching("one wait, a query of 60 patterns", 1, _WAIT),
    _Watching("10 waits, a query of 60 patterns each", 10, _WAIT),
)


@contextlib.contextmanager
def _watched(port: int, watching: _Watching) -> Iterator[None]:
    if not watching.count:
        yield
        return
    arguments = [sys.executable, "-c", _READER, str(port), str(watching.count), watching.path]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(1)
        yield
    finally:
        process.kill()
        process.communicate()


def _post(port: int, seconds: float) -> list[float]:
    """Post every ten milliseconds; return how long each took."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=60)
    message, delays = messages(1)[0], []
    start = time.perf_counter()
    number = 0
    while (now := time.perf_counter()) < start + seconds:
        if (early := start + number * _HONEST_SECONDS - now) > 0:
            time.sleep(early)
        number = max(number + 1, int((now - start) / _HONEST_SECONDS))  # late ones are not made up for
        began = time.perf_counter()
        connection.request("POST", "/gelf", numbered(message, number))
        connection.getresponse().read()
        delays.append(time.perf_counter() - began)
    connection.close()
    return delays


def _one(watching: _Watching, pump: Pump, folder: Path, seconds: float) -> dict[str, Any]:
    udp, post, api = (free_port() for _ in range(3))
    inputs = [f"gelf+udp://{LOOPBACK}:{udp}", f"gelf+http://{LOOPBACK}:{post}"]
    flags = command(inputs, [f"store://{folder}/store"], f"{LOOPBACK}:{api}")
    corpus = folder / "watched.corpus"
    corpus.write_bytes(b"".join(Record(message).pack() for message in messages(1000)))
    with Process(flags, folder, environment(folder)) as process:
        deadline = time.monotonic() + 10
        while not all(map(tcp_answers, (post, api))) or udp_state(udp) is None:
            process.check()
            if time.monotonic() > deadline:
                raise StartError(f"not listening: {process.last_words()}")
            time.sleep(0.02)
        flood = Order(Transport.UDP, udp, corpus, seconds + 2, rate=_RATE)
        with _watched(api, watching), pump.start(flood):
            time.sleep(1)
            cpu, start = process.cpu_seconds(), time.perf_counter()
            delays = sorted(_post(post, seconds))
            share = (process.cpu_seconds() - cpu) / (time.perf_counter() - start)
        return {
            "name": watching.name,
            "posts": len(delays),
            "delay_ms_p50": round(statistics.median(delays) * 1000, 1),
            "delay_ms_p99": round(delays[int(len(delays) * 0.99)] * 1000, 1),
            "delay_ms_max": round(delays[-1] * 1000, 1),
            "cpu_share": round(share, 2),
            "rss_peak_mib": round(process.peak_rss_mib(), 1),
            "messages": metric(api, METRIC_MESSAGES),
            "kernel_drops": metric(api, METRIC_DROPS),
        }


def measure_watchers(folder: Path, pump: Pump, seconds: float, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """Return figures for each kind of watchers; the first is without any."""
    results: list[dict[str, Any]] = []
    for watching in _WATCHINGS:
        with TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as own:
            try:
                result = _one(watching, pump, Path(own), seconds)
            except (StartError, OSError) as error:
                result = {"name": watching.name, "missing": str(error)}
        results.append(result)
        say(f"watchers: {watching.name}: " + (result.get("missing") or f"{result['delay_ms_p99']} ms p99"))
    return results
