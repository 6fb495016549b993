"""
What `gelf-listener pipe` costs the command it runs: `python -m bench.pipe`; `python -m bench.ways` keeps the figures.

A command prints 100,000 lines a second to a file, by itself and under `pipe` with a listener beside it, in turns. What
counts is the command's own time: processor time, and how long printing took it, which grows when it has to wait for us.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.process import Process
from bench.sockets import LOOPBACK, free_port
from bench.subjects.listener import command, environment

LINES_A_SECOND = 100_000
SECONDS = 3
ROUNDS = 5

_PRINTS = f"""
import json, sys, time
began, cpu, waited = time.monotonic(), time.process_time(), 0.0
for tick in range({SECONDS * 100}):
    numbers = range({LINES_A_SECOND // 100})
    text = ''.join([f'2026-11-23 18:00:00,123 INFO app.orders: order {{number:06d}} accepted\\n' for number in numbers])
    at = time.monotonic()
    sys.stdout.write(text)
    sys.stdout.flush()
    waited += time.monotonic() - at
    time.sleep(max(began + (tick + 1) / 100 - time.monotonic(), 0))
print(json.dumps([time.monotonic() - began, time.process_time() - cpu, waited]), file=sys.stderr)
"""


def once(prefix: list[str], folder: Path) -> list[float]:
    """Return the seconds the command took, its processor time, and how long it was in writing."""
    with (folder / "out").open("wb") as out:
        done = subprocess.run(
            [*prefix, sys.executable, "-c", _PRINTS], stdout=out, stderr=subprocess.PIPE, check=True, text=True
        )
    assert (folder / "out").read_bytes().count(b"\n") == SECONDS * LINES_A_SECOND
    print("   ", done.stderr.strip().replace("\n", " | "))
    return list(json.loads(done.stderr.splitlines()[0]))


def measure_pipe(rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure in turns; return medians alone and under pipe, what pipe adds in percent, and how many lines arrived."""
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        shipped = folder / "shipped.jsonl"
        process = Process(
            command([f"gelf+tcp://{LOOPBACK}:{port}"], [f"file://{shipped}"]), folder, environment(folder)
        )
        time.sleep(2)
        piped = [sys.executable, "-m", "gelf_listener", "pipe", "--to", f"gelf+tcp://{LOOPBACK}:{port}", "--"]
        try:
            alone, under = [], []
            for _ in range(rounds):
                alone.append(once([], folder))
                under.append(once(piped, folder))
            time.sleep(2)
            arrived = shipped.read_bytes().count(b"\n")
        finally:
            process.stop()
    found: dict[str, Any] = {"lines_a_second": LINES_A_SECOND, "rounds": rounds}
    for number, what in enumerate(("seconds", "processor seconds", "seconds in writing")):
        one, other = (statistics.median(run[number] for run in runs) for runs in (alone, under))
        found[what] = {
            "alone": round(one, 4),
            "under pipe": round(other, 4),
            "added percent": round((other / one - 1) * 100, 2),
        }
    found["lines printed"] = rounds * (SECONDS * LINES_A_SECOND + 1)  # the figures of each run are a line too
    found["lines arrived"] = arrived
    return found


def main() -> None:
    """Measure and print."""
    for name, value in measure_pipe().items():
        print(f"{name}: {value}")


if __name__ == "__main__":
    main()
