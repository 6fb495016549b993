"""
Command: `python -m bench.relay`: UDP to a destination, through memory or disk, and whose processor is the limit.

The destinations are a sink that reads TCP and throws it away, and a real OpenSearch (which needs Java and Maven, as its
tests do). Datagrams are sent at growing rates; each line says what the destination took, what was lost, and how
much of a core the listener and the destination had meanwhile.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.corpus import Corpora, Encoding
from bench.machine import describe, load
from bench.process import Family, Process, cpu_seconds
from bench.pump import Order, Pump, Transport
from bench.sockets import LOOPBACK, free_port
from bench.subjects.listener import METRIC_DROPS, METRIC_MESSAGES, command, environment, metric

_RATES = (20_000, 40_000, 60_000, 80_000, 100_000, 125_000, 150_000, 180_000)
_SECONDS = 5.0
_LONGEST_DRAIN_SECONDS = 60.0
_WRITTEN = "gelf_output_messages_total"

_SINK = """
import socket, sys
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
buffer = bytearray(1 << 20)
while True:
    connection, _ = server.accept()
    while connection.recv_into(buffer):
        pass
"""


class Step(NamedTuple):
    """What one rate gave; rates a second, processors in cores."""

    sent_rate: float
    written_rate: float
    lost: int
    listener_cores: float
    far_cores: float
    microseconds: float
    """Of the listener's processor, a message."""


def _step(pump: Pump, order: Order, listener: Process, far_pid: int, api_port: int) -> Step:
    taken, written, drops = (metric(api_port, name) for name in (METRIC_MESSAGES, _WRITTEN, METRIC_DROPS))
    began = time.perf_counter()
    own, theirs = listener.cpu_seconds(), cpu_seconds(far_pid)
    sent = pump.run(order)
    deadline = time.perf_counter() + _LONGEST_DRAIN_SECONDS
    now = written
    while time.perf_counter() < deadline:
        now = metric(api_port, _WRITTEN)
        if now - written == metric(api_port, METRIC_MESSAGES) - taken:
            break
        time.sleep(0.02)
    seconds = time.perf_counter() - began
    used = listener.cpu_seconds() - own
    return Step(
        sent.rate,
        (now - written) / seconds,
        int(metric(api_port, METRIC_DROPS) - drops),
        used / seconds,
        (cpu_seconds(far_pid) - theirs) / seconds,
        1e6 * used / max(now - written, 1),
    )


@contextmanager
def _sink(folder: Path) -> Iterator[tuple[str, int]]:
    port = free_port()
    with Process([sys.executable, "-c", _SINK, str(port)], folder, {}) as process:
        while True:
            try:
                socket.create_connection((LOOPBACK, port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"gelf+tcp://{LOOPBACK}:{port}", process.pid


@contextmanager
def _opensearch(folder: Path) -> Iterator[tuple[str, int]]:
    from tests.services.opensearch import OpenSearch

    made = OpenSearch(folder)
    made.start()
    try:
        yield f"opensearch+http://{LOOPBACK}:{made.port}/bench", made.pid
    finally:
        made.stop()


class FarSide(NamedTuple):
    """What is measured against: how it starts, the output's settings, and the rates to try."""

    make: Callable[[Path], AbstractContextManager[tuple[str, int]]]
    """Gives the output's address and the destination's process."""
    settings: str
    rates: Sequence[int]


DISK = "buffer=disk&buffer_path={folder}/buffer"
FAR_SIDES = {
    "tcp": FarSide(_sink, "", _RATES),
    "disk-tcp": FarSide(_sink, DISK, _RATES),
    "opensearch": FarSide(_opensearch, "", (2_000, 5_000, 10_000, 20_000)),
    "disk-opensearch": FarSide(_opensearch, DISK, (2_000, 5_000, 10_000)),
}


def measure(name: str, far: FarSide, seconds: float, workers: int = 0) -> list[Step]:
    """Run one destination at all its rates, and print as it goes; with workers given, from 64 sockets."""
    found = []
    with tempfile.TemporaryDirectory(prefix="gelf-bench-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)
        far_folder, work = folder / "far", folder / "listener"
        far_folder.mkdir()
        work.mkdir()
        port, api_port = free_port(), free_port()
        with far.make(far_folder) as (address, far_pid):
            output = f"{address}?{far.settings.format(folder=folder)}"
            run = command([f"gelf+udp://{LOOPBACK}:{port}"], [output], f"{LOOPBACK}:{api_port}", max(workers, 1))
            with (Family if workers > 1 else Process)(run, work, environment(work)) as listener:
                _until_up(listener, api_port)
                pump = Pump(folder)
                corpus = Corpora(folder, 1000).path(Encoding.PLAIN)
                print(
                    f"{name}\n{'sent/s':>9} {'written/s':>9} {'lost':>8} {'listener':>9} {'far':>6} {'us/message':>11}"
                )
                for rate in far.rates:
                    kind = Transport.UDP_MANY if workers else Transport.UDP
                    order = Order(kind, port, corpus, seconds, rate=rate, connections=64)
                    step = _step(pump, order, listener, far_pid, api_port)
                    found.append(step)
                    print(
                        f"{step.sent_rate:9,.0f} {step.written_rate:9,.0f} {step.lost:8,} {step.listener_cores:9.2f}"
                        f" {step.far_cores:6.2f} {step.microseconds:11.2f}",
                        flush=True,
                    )
    return found


def _until_up(listener: Process, api_port: int) -> None:
    while True:
        listener.check()
        try:
            metric(api_port, METRIC_MESSAGES)
        except OSError:
            time.sleep(0.05)
        else:
            return


def run(description: str, far_sides: Mapping[str, FarSide]) -> int:
    """Measure destinations as the command line says, and print; keep the figures where that is wanted."""
    parser = argparse.ArgumentParser(description=description.strip().split("\n\n")[0])
    parser.add_argument("far", nargs="*", choices=[[], *far_sides], help="destinations; all of them by default")
    parser.add_argument("--seconds", type=float, default=_SECONDS, help="time for each rate")
    parser.add_argument("--workers", type=int, default=0, help="processes of the listener; then from 64 sockets")
    parser.add_argument("--rates", type=lambda text: [int(each) for each in text.split(",")], help="messages a second")
    parser.add_argument("--output", type=Path, help="file for the figures, as JSON")
    options = parser.parse_args()
    before = load()
    figures = {
        name: [
            step._asdict()
            for step in measure(
                name,
                far_sides[name]._replace(rates=options.rates or far_sides[name].rates),
                options.seconds,
                options.workers,
            )
        ]
        for name in options.far or far_sides
    }
    if options.output:
        document = {"machine": describe(), "load before": before, "destinations": figures}
        options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(run(__doc__, FAR_SIDES))
