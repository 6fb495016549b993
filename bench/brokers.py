"""
Command: `python -m bench.brokers`: UDP to a real Apache Kafka, and whose processor is the limit.

Needs Java and Maven, as the tests of Kafka do. Datagrams are sent at growing rates; each line says what Kafka
acknowledged, what was lost on the way, and how much of a core the listener and the broker took meanwhile.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import trustme

from bench.corpus import Corpora, Encoding
from bench.process import Process
from bench.pump import Order, Pump, Transport
from bench.sockets import LOOPBACK, free_port
from bench.subjects.listener import METRIC_DROPS, METRIC_MESSAGES, command, environment, metric
from tests.services.kafka import Kafka

_RATES = (10_000, 20_000, 40_000, 60_000, 80_000, 120_000, 160_000)
_SECONDS = 5.0
_LONGEST_DRAIN_SECONDS = 60.0
_WRITTEN = "gelf_output_messages_total"


class Step(NamedTuple):
    """What one rate gave."""

    sent_rate: float
    written_rate: float
    lost: int
    listener_cores: float
    broker_cores: float


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _step(pump: Pump, order: Order, listener: Process, kafka: Kafka, api_port: int) -> Step:
    written, drops = metric(api_port, _WRITTEN), metric(api_port, METRIC_DROPS)
    began = time.perf_counter()
    own, theirs = listener.cpu_seconds(), _cpu_seconds(kafka.pid)
    sent = pump.run(order)
    deadline = time.perf_counter() + _LONGEST_DRAIN_SECONDS
    while time.perf_counter() < deadline:
        now = metric(api_port, _WRITTEN)
        if now == metric(api_port, METRIC_MESSAGES):
            break
        time.sleep(0.05)
    seconds = time.perf_counter() - began
    return Step(
        sent.rate,
        (now - written) / seconds,
        metric(api_port, METRIC_DROPS) - drops,
        (listener.cpu_seconds() - own) / seconds,
        (_cpu_seconds(kafka.pid) - theirs) / seconds,
    )


def _measure(folder: Path) -> None:
    certificate = trustme.CA().issue_cert("localhost")
    cert, key = folder / "cert.pem", folder / "key.pem"
    certificate.cert_chain_pems[0].write_to_path(cert)
    certificate.private_key_pem.write_to_path(key)
    kafka = Kafka(folder, cert, key)
    kafka.start()
    try:
        kafka.create("bench", 2)
        port, api_port = free_port(), free_port()
        inputs, outputs = [f"gelf+udp://{LOOPBACK}:{port}"], [f"kafka://{kafka.address}/bench"]
        work = folder / "listener"
        work.mkdir()
        with Process(command(inputs, outputs, f"{LOOPBACK}:{api_port}"), work, environment(work)) as listener:
            _until_up(listener, api_port)
            pump = Pump(folder)
            corpus = Corpora(folder, 1000).path(Encoding.PLAIN)
            print(f"{'sent/s':>9} {'acked/s':>9} {'lost':>8} {'listener':>9} {'broker':>7}  (cores)")
            for rate in _RATES:
                order = Order(Transport.UDP, port, corpus, _SECONDS, rate=rate)
                step = _step(pump, order, listener, kafka, api_port)
                print(
                    f"{step.sent_rate:9,.0f} {step.written_rate:9,.0f} {step.lost:8,} {step.listener_cores:9.2f}"
                    f" {step.broker_cores:7.2f}",
                    flush=True,
                )
    finally:
        kafka.stop()


def _until_up(listener: Process, api_port: int) -> None:
    while True:
        listener.check()
        try:
            metric(api_port, METRIC_MESSAGES)
        except OSError:
            time.sleep(0.05)
        else:
            return


def main() -> int:
    """Measure and print."""
    with tempfile.TemporaryDirectory(prefix="gelf-bench-", ignore_cleanup_errors=True) as folder:
        _measure(Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
