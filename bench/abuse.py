"""
Abuse: what one bad sender costs the listener and an honest one beside it.

The honest sender, at another address, sends a message every ten milliseconds; its delay is from the send to the line
in the output file. Floods are paced below what the kernel's queue can take: a socket that overflows loses honest
datagrams too, whoever reads it, and that would measure the kernel.

`python -m bench.abuse` measures all of it and writes bench/results/abuse.md; its status is 1 if a limit is passed.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import socket
import statistics
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from bench import report
from bench.corpus import Record
from bench.machine import describe, load
from bench.messages import messages, numbered
from bench.process import Process, StartError
from bench.pump import Order, Pump, Transport
from bench.sockets import LOOPBACK, free_port, tcp_answers, udp_state
from bench.subjects.listener import (
    METRIC_DROPS,
    METRIC_MESSAGES,
    METRIC_REJECTED,
    command,
    environment,
    metric,
)

__all__ = ["measure_abuse"]

_HONEST_ADDRESS = "127.0.0.2"
_HONEST_SECONDS = 0.01
_GRACE_SECONDS = 2
_START_SECONDS = 60
_MOST_P99_MS = 100.0
_MOST_RSS_MIB = 300.0
"""What the project promises beside every flood."""
_BOMB_BYTES = 60 << 20
_SMALL_BOMB_BYTES = 2 << 20
_BODIES = 400
_BODY_BYTES = 8 << 20
_RESULTS = Path(__file__).parent / "results" / "abuse.md"
_SLOW_CONNECTIONS = 1000
_LOADED_CONNECTIONS = 50
_NAME = b'{"version":"1.1","host":"h","short_message":"m","_name%d":1}\0'
_LOADS = {
    "frames of nothing": b"{}\n" * 85_000,
    "garbage by TCP": random.Random(4).randbytes(1_000_000),
    "new names": b"".join(_NAME % number for number in range(20_000)),
}
_LOADED = """
import os, socket, sys, threading
os.nice(19)
port, load = int(sys.argv[1]), sys.stdin.buffer.read()
def connect():
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 10) as sock:
                sock.sendall(load)
        except OSError:
            pass
for _ in range(int(sys.argv[2])): threading.Thread(target=connect).start()
"""
"""
Connects over and over, in a process of its own, until it is killed. Who floods is elsewhere: fifty threads are not to
compete with the listener for two processors, so they get what it leaves.
"""


_SLOW_SECONDS = 0.02
_SLOW = """
import http.server, sys, time
class Slow(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        lines = self.rfile.read(int(self.headers["Content-Length"])).splitlines(True)
        time.sleep(float(sys.argv[2]))
        out.writelines(line for line in lines if b'"_serial":"' in line)
        out.flush()
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *given):
        pass
out = open(sys.argv[3], "ab")
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Slow).serve_forever()
"""
"""A destination that takes a while for each batch, and keeps what the honest sender sent."""


class _Abuse(NamedTuple):
    """A flood: records for the pump and their rate, or connections held open."""

    name: str
    words: str
    records: Callable[[], list[Record]] | None
    rate: float = 0.0


def _incomplete() -> list[Record]:
    # The pump writes a new message id into each, so every one opens a message that will never be complete.
    data = b"\x1e\x0f" + bytes(8) + b"\x00\x80" + random.Random(1).randbytes(1400)
    return [Record(data, id_offset=2)]


def _garbage() -> list[Record]:
    random_ = random.Random(2)
    return [Record(random_.randbytes(415)) for _ in range(1000)]


def _bombs() -> list[Record]:
    return [Record(zlib.compress(bytes(_BOMB_BYTES), 9))]


def _small_bombs() -> list[Record]:
    return [Record(zlib.compress(bytes(_SMALL_BOMB_BYTES), 9))]


def _more_than_written() -> list[Record]:
    return [Record(data.replace(b'"_serial"', b'"_number"')) for data in messages(1000)]


_ABUSES = (
    _Abuse("none", "honest sender alone", None),
    _Abuse("incomplete chunks", "20 000/s, 1.4 kB, first of 128, each a new message id", _incomplete, 20_000),
    _Abuse("garbage", "20 000/s, 415 random bytes", _garbage, 20_000),
    _Abuse("bombs", "20/s, 60 kB that inflate to 60 MiB", _bombs, 20),
    _Abuse("small bombs", "100/s, 2 kB that inflate to 2 MiB", _small_bombs, 100),
    _Abuse("frames of nothing", f"{_LOADED_CONNECTIONS} TCP connections at a time, 85 000 frames '{{}}' each", None),
    _Abuse("garbage by TCP", f"{_LOADED_CONNECTIONS} TCP connections at a time, 1 MB of random bytes each", None),
    _Abuse("new names", f"{_LOADED_CONNECTIONS} TCP connections at a time, 20 000 messages, a new field in each", None),
    _Abuse("unfinished bodies", f"{_BODIES} connections to the API, 8 MiB of body announced and half sent", None),
    _Abuse(
        "more than is written",
        f"20 000/s, messages, to a destination that takes {_SLOW_SECONDS * 1000:g} ms for 200",
        _more_than_written,
        20_000,
    ),
    _Abuse("slow connections", f"{_SLOW_CONNECTIONS} TCP and HTTP connections that never finish", None),
)


@contextlib.contextmanager
def _slow_connections(tcp_port: int, http_port: int) -> Iterator[None]:
    """Hold connections, half within a frame and half within a request head."""
    with contextlib.ExitStack() as stack:
        for number in range(_SLOW_CONNECTIONS):
            port, data = (
                (tcp_port, b'{"version":"1.1",') if number % 2 else (http_port, b"POST /gelf HTTP/1.1\r\nHost: ")
            )
            with contextlib.suppress(OSError):
                connection = stack.enter_context(socket.create_connection((LOOPBACK, port), 1))
                connection.send(data)
        yield


@contextlib.contextmanager
def _unfinished_bodies(port: int) -> Iterator[None]:
    """Hold requests to the API, each with half of a large body, as far as it is taken."""
    head = b"POST /api/gelf/import HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % _BODY_BYTES
    with contextlib.ExitStack() as stack:
        for _ in range(_BODIES):
            with contextlib.suppress(OSError):
                connection = stack.enter_context(socket.create_connection((LOOPBACK, port), 1))
                connection.setblocking(False)  # what is not taken at once is not waited for
                connection.send(head)
                connection.send(bytes(_BODY_BYTES // 2))
        yield


@contextlib.contextmanager
def _loaded_connections(port: int, load: bytes) -> Iterator[None]:
    """Keep connections busy that each have a second's worth of work to look at."""
    command = [sys.executable, "-c", _LOADED, str(port), str(_LOADED_CONNECTIONS)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE)
    try:
        assert process.stdin is not None
        process.stdin.write(load)
        process.stdin.close()
        yield
    finally:
        process.kill()
        process.wait()


class _Honest:
    """The honest sender and its stopwatch."""

    def __init__(self, port: int, path: Path) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((_HONEST_ADDRESS, 0))
        self._to = (LOOPBACK, port)
        self._path = path
        self._message = messages(1)[0]
        self._offset = 0
        self._carry = b""
        self.sent: list[float] = []
        self.delays: dict[int, float] = {}

    def run(self, seconds: float) -> None:
        """Send and watch for so long, then wait a little for what is late."""
        start = time.perf_counter()
        while (now := time.perf_counter()) < start + seconds:
            if now >= start + len(self.sent) * _HONEST_SECONDS:
                self._socket.sendto(numbered(self._message, len(self.sent)), self._to)
                self.sent.append(now)
            self._watch()
            time.sleep(0.0005)
        while time.perf_counter() < start + seconds + _GRACE_SECONDS and len(self.delays) < len(self.sent):
            self._watch()
            time.sleep(0.0005)

    def _watch(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._offset)
            data = file.read()
        if not data:
            return
        now = time.perf_counter()
        self._offset += len(data)
        *lines, self._carry = (self._carry + data).split(b"\n")
        for line in lines:
            _, mark, rest = line.partition(b'"_serial":"')
            if mark:
                serial = int(rest[:10])
                self.delays.setdefault(serial, now - self.sent[serial])

    def close(self) -> None:
        self._socket.close()


def _flood(abuse: _Abuse, pump: Pump, folder: Path, seconds: float, ports: list[int]) -> AbstractContextManager[object]:
    """Return what has the flood running for the length of a block."""
    if abuse.name == "slow connections":
        return _slow_connections(ports[1], ports[2])
    if abuse.name == "unfinished bodies":
        return _unfinished_bodies(ports[3])
    if abuse.name in _LOADS:
        return _loaded_connections(ports[1], _LOADS[abuse.name])
    if abuse.records is None:
        return contextlib.nullcontext()
    corpus = folder / "flood.corpus"
    corpus.write_bytes(b"".join(record.pack() for record in abuse.records()))
    return pump.start(Order(Transport.UDP, ports[0], corpus, seconds, rate=abuse.rate))


@contextlib.contextmanager
def _output(abuse: _Abuse, path: Path) -> Iterator[str]:
    """Give the address of what writes messages to a file, which is slow where that is the abuse."""
    if abuse.records is not _more_than_written:
        yield f"file://{path}"
        return
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", _SLOW, str(port), str(_SLOW_SECONDS), str(path)])
    try:
        while not tcp_answers(port) and process.poll() is None:
            time.sleep(0.02)
        yield f"gelf+http://{LOOPBACK}:{port}/gelf?bulk=yes&compress=none&batch=200"
    finally:
        process.kill()
        process.wait()


def _one(abuse: _Abuse, pump: Pump, folder: Path, seconds: float) -> dict[str, Any]:
    ports = [free_port() for _ in range(4)]
    api_port, path = ports[3], folder / "out.jsonl"
    schemes = ("gelf+udp", "gelf+tcp", "gelf+http")
    inputs = [f"{scheme}://{LOOPBACK}:{port}" for scheme, port in zip(schemes, ports, strict=False)]
    with contextlib.ExitStack() as stack:
        output = stack.enter_context(_output(abuse, path))
        flags = command(inputs, [output], f"{LOOPBACK}:{api_port}")
        process = stack.enter_context(Process(flags, folder, environment(folder)))
        deadline = time.monotonic() + _START_SECONDS
        while not all(map(tcp_answers, ports[1:])) or udp_state(ports[0]) is None:
            process.check()
            if time.monotonic() > deadline:
                raise StartError(f"not listening: {process.last_words()}")
            time.sleep(0.02)
        honest = _Honest(ports[0], path)
        with contextlib.closing(honest):
            before, cpu, start = process.rss_mib(), process.cpu_seconds(), time.perf_counter()
            with _flood(abuse, pump, folder, seconds, ports):
                honest.run(seconds)
                share = (process.cpu_seconds() - cpu) / (time.perf_counter() - start)
                peak = process.peak_rss_mib()
        delays = sorted(honest.delays.values())
        return {
            "name": abuse.name,
            "words": abuse.words,
            "honest_sent": len(honest.sent),
            "honest_lost": len(honest.sent) - len(delays),
            "delay_ms_p50": round(statistics.median(delays) * 1000, 1) if delays else None,
            "delay_ms_p99": round(delays[int(len(delays) * 0.99)] * 1000, 1) if delays else None,
            "delay_ms_max": round(delays[-1] * 1000, 1) if delays else None,
            "rss_before_mib": round(before, 1),
            "rss_peak_mib": round(peak, 1),
            "cpu_share": round(share, 2),
            "messages": metric(api_port, METRIC_MESSAGES),
            "rejected": metric(api_port, METRIC_REJECTED),
            "kernel_drops": metric(api_port, METRIC_DROPS),
        }


def measure_abuse(
    folder: Path, pump: Pump, seconds: float, say: Callable[[str], None], only: str = ""
) -> list[dict[str, Any]]:
    """Return figures for each kind of abuse; the first is the honest sender alone."""
    results: list[dict[str, Any]] = []
    for abuse in (each for each in _ABUSES if only in each.name):
        with TemporaryDirectory(dir=folder) as own:
            try:
                result = _one(abuse, pump, Path(own), seconds)
            except (StartError, OSError) as error:
                result = {"name": abuse.name, "words": abuse.words, "missing": str(error)}
        results.append(result)
        say(
            f"abuse: {abuse.name}: "
            + (result.get("missing") or f"{result['delay_ms_p99']} ms p99, {result['rss_peak_mib']} MiB at most")
        )
    return results


def _within(result: dict[str, Any]) -> bool:
    """Whether an honest sender and the memory are as promised."""
    return (
        "missing" not in result
        and result["delay_ms_p99"] is not None
        and result["delay_ms_p99"] < _MOST_P99_MS
        and result["rss_peak_mib"] < _MOST_RSS_MIB
    )


def _page(results: list[dict[str, Any]], seconds: float, loads: str) -> str:
    """Return the page of results."""
    machine = ", ".join(f"{name} {value}" for name, value in describe().items())
    lines = [
        "# Beside a bad sender\n",
        "Made by `python -m bench.abuse`; read `docs/benchmarks.md` for what is measured.\n",
        f"Machine: {machine}; load before, after: {loads}.\n",
        f"{seconds:g} s each. Promised: p99 below {_MOST_P99_MS:g} ms and RSS below {_MOST_RSS_MIB:g} MiB.\n",
        *report.abuse_table(results),
    ]
    failed = [result["name"] for result in results if not _within(result)]
    lines.append(f"Not as promised: {', '.join(failed)}." if failed else "All as promised.")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(prog="python -m bench.abuse", description="Measure an honest sender in floods.")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each flood (10)")
    parser.add_argument("--output", type=Path, default=_RESULTS, help="where the page is written")
    parser.add_argument("--only", default="", help="floods whose name has this in it; the page is not written")
    arguments = parser.parse_args()
    before = load()
    with TemporaryDirectory(prefix="gelf-bench-", ignore_cleanup_errors=True) as folder:
        results = measure_abuse(Path(folder), Pump(Path(folder)), arguments.seconds, print, arguments.only)
    page = _page(results, arguments.seconds, f"{before}, {load()}")
    print(page)
    if not arguments.only:
        arguments.output.write_text(page, encoding="utf-8")
    return 0 if all(map(_within, results)) else 1


if __name__ == "__main__":
    raise SystemExit(main())
