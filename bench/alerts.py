"""
Alerts: what ten alerts cost intake, in processor time for each message.

The processor time is that of the listener and of its indexer, messages have the time they are sent at, and alerts ask
about fields that they have.

Run it with ``python -m bench.alerts`` (six minutes; ``--rounds 1`` for a try). Runs with and without take turns,
for the machine is never quite the same twice; what counts is the median of the ratios.
"""

from __future__ import annotations

import argparse
import re
import socket
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.messages import messages
from bench.process import Family, StartError
from bench.sockets import LOOPBACK, free_port, tcp_answers
from bench.subjects.listener import METRIC_MESSAGES, command, environment, metric

_ALERTS = 10
_TIME = re.compile(rb'"timestamp":[^,]*,')
_RATE = 5000
_CONDITIONS = (
    "more_than = 1000000",
    "none = true",
    'metric = "p95:duration_ms"\nabove = 1e9',
    'new_value_of = "logger"',
)


def _configuration(count: int) -> str:
    """Return alerts of every kind; they look every ten seconds."""
    return "\n".join(
        f'[[alerts]]\nname = "alert {n}"\nquery = "level:<={n % 8}"\nwindow = "1m"\nevery = "10s"\n'
        f"{_CONDITIONS[n % len(_CONDITIONS)]}\n"
        for n in range(count)
    )


def _send(port: int, seconds: float) -> int:
    """Send at a steady rate; return how many messages that were."""
    batch = [_TIME.sub(b"", message) + b"\0" for message in messages(1000)]
    step = b"".join(batch[: _RATE // 50])
    sent, start = 0, time.perf_counter()
    with socket.create_connection((LOOPBACK, port)) as connection:
        while (now := time.perf_counter()) < start + seconds:
            if (early := start + sent / _RATE - now) > 0:
                time.sleep(early)
            connection.sendall(step)
            sent += _RATE // 50
    return sent


def _one(folder: Path, alerts: int, seconds: float) -> tuple[float, int]:
    """Return microseconds of processor for each message, and how often alerts were looked at."""
    port, api = free_port(), free_port()
    (folder / "gelf.toml").write_text(_configuration(alerts), encoding="utf-8")
    flags = command([f"gelf+tcp://{LOOPBACK}:{port}"], [f"store://{folder}/store"], f"{LOOPBACK}:{api}")
    with Family([*flags, "--config", str(folder / "gelf.toml")], folder, environment(folder)) as process:
        deadline = time.monotonic() + 60
        while not all(map(tcp_answers, (port, api))):
            process.check()
            if time.monotonic() > deadline:
                raise StartError(f"not listening: {process.last_words()}")
            time.sleep(0.1)
        _send(port, 2)  # whatever is loaded at the first message is loaded
        before, cpu = metric(api, METRIC_MESSAGES), process.cpu_seconds()
        sent = _send(port, seconds)
        while metric(api, METRIC_MESSAGES) < before + sent:
            time.sleep(0.2)
        cost = (process.cpu_seconds() - cpu) / sent * 1e6
        return cost, metric(api, "gelf_alert_looks_total")


def main() -> None:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=20.0)
    given = parser.parse_args()
    ratios = []
    for number in range(given.rounds):
        costs: dict[int, float] = {}
        for count in (0, _ALERTS) if number % 2 else (_ALERTS, 0):
            with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                costs[count], looks = _one(Path(folder), count, given.seconds)
            print(f"round {number + 1}, {count} alerts: {costs[count]:.2f} us a message, {looks} looks", flush=True)
        ratios.append(costs[_ALERTS] / costs[0])
    print(f"{_ALERTS} alerts cost {100 * (statistics.median(ratios) - 1):+.1f} % (median of {given.rounds})")


if __name__ == "__main__":
    main()
