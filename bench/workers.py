"""
Command: `python -m bench.workers [PART ...]`: one process against several, in turns, on the same machine.

Each round starts the listener with one worker and with several, freshly, and sends from 64 sockets or connections: flat
out, and for UDP at rates that show where loss begins. The sender takes a part of the cores, so what a message costs the
listener and its workers is printed beside each rate: that is what cores are divided by. `--costs RATE` measures only
that, at a rate that the machine can bear.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench.corpus import Encoding
from bench.machine import describe, load
from bench.process import Process
from bench.pump import Transport
from bench.search import search
from bench.subjects.listener import Listener
from bench.subjects.subject import Running, Target, Task
from bench.trial import Bench, Trial

_SOCKETS = 64
_STEPS = 4
_COST_SECONDS = 4.0


class Part(NamedTuple):
    """What is measured under one name, and where the first search begins with one worker."""

    task: Task
    guess: float = 0.0


PARTS = {
    "udp-plain-null": Part(Task(Encoding.PLAIN, Target.NULL), 200_000),
    "udp-zlib-file": Part(Task(Encoding.ZLIB, Target.FILE), 110_000),
    "udp-zlib-null": Part(Task(Encoding.ZLIB, Target.NULL), 120_000),
    "http-single-null": Part(Task(Encoding.HTTP, Target.NULL)),
    "http-single-file": Part(Task(Encoding.HTTP, Target.FILE)),
}


class Result(NamedTuple):
    """One visit: rates a second, and microseconds of processor a message."""

    loss_free: float
    saturated: float
    listener: float
    """Of the listener's own process."""
    workers: float
    """Of its workers, all together."""


def _visit(bench: Bench, part: Part, workers: int, seconds: float, *, costs: float) -> Result:
    with Listener(workers).running(part.task, bench.folder) as running:

        def run(rate: float, seconds: float = seconds) -> Trial:
            order = bench.order(running, part.task, seconds, rate=rate, connections=_SOCKETS, udp=Transport.UDP_MANY)
            return bench.run(running, part.task, order)

        _until_up(running)
        run(5000.0, 0.3)
        own, all_of_them = Process.cpu_seconds(running.process), running.process.family_cpu_seconds()
        trial = run(costs, _COST_SECONDS if costs else seconds)
        own = Process.cpu_seconds(running.process) - own
        others = max(running.process.family_cpu_seconds() - all_of_them - own, 0.0)
        best = 0.0
        if part.guess and not costs:
            trials = search(run, part.guess * (1 if workers == 1 else 1.5), _STEPS, 1.25)
            best = max((min(rate, found.sent_rate) for rate, found in trials if found.clean), default=0.0)
        share = 1e6 / max(trial.received, 1)
        return Result(best, trial.received_rate, own * share, others * share)


def _until_up(running: Running) -> None:
    while True:
        running.process.check()
        try:
            running.take()
        except OSError:  # its API comes last
            time.sleep(0.05)
        else:
            return


def main() -> int:
    """Measure, and print a table for each part."""
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n\n")[0])
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="what to measure; all by default")
    parser.add_argument("--workers", type=int, default=2, help="beside one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="time for each trial")
    parser.add_argument("--costs", type=float, default=0.0, metavar="RATE", help="only what a message costs at a rate")
    options = parser.parse_args()
    print(", ".join(f"{name}: {value}" for name, value in describe().items()), f"load before: {load()}", sep="\n")
    with tempfile.TemporaryDirectory(prefix="gelf-bench-", ignore_cleanup_errors=True) as temporary:
        bench = Bench(Path(temporary), distinct_compressed=200_000)
        if not bench.pump.native:
            print("a C compiler is needed: the slow sender has one socket", file=sys.stderr)
            return 1
        for name in options.parts or PARTS:
            _measure(bench, name, options)
    return 0


def _measure(bench: Bench, name: str, options: argparse.Namespace) -> None:
    titles = f"{'workers':>8} {'loss-free/s':>12} {'flat out/s':>11} {'listener us':>12} {'workers us':>11}"
    print(f"\n{name}\n{titles}", flush=True)
    found: dict[int, list[Result]] = {1: [], options.workers: []}
    for _ in range(options.rounds):
        for workers, results in found.items():
            results.append(_visit(bench, PARTS[name], workers, options.seconds, costs=options.costs))
            _show(str(workers), results[-1])
    medians = {
        workers: Result(*(statistics.median(values) for values in zip(*results, strict=True)))
        for workers, results in found.items()
    }
    for workers, median in medians.items():
        _show(f"median {workers}", median)
    one, several = medians[1], medians[options.workers]
    ratio = several.loss_free / one.loss_free if one.loss_free else several.saturated / one.saturated
    print(f"{options.workers} workers: {ratio:.2f} times, flat out {several.saturated / one.saturated:.2f} times")


def _show(name: str, result: Result) -> None:
    print(
        f"{name:>8} {result.loss_free:12,.0f} {result.saturated:11,.0f} {result.listener:12.2f} {result.workers:11.2f}",
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
