"""
Lines a second through `stdin:`: `python -m bench.stdin [--before FOLDER]`, where FOLDER has another build.

A pipe is filled as fast as the listener reads it, with the output a file; what counts is the time from the first byte
to the last line in the file. Builds take turns, so that a busy machine is busy for both.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.machine import describe
from bench.process import cpu_seconds

ROUNDS = 5
RESULTS = Path(__file__).parent / "results" / "stdin.json"
_ROOT = Path(__file__).parents[1]
_QUIET_SECONDS = 0.5
_LONGEST_SECONDS = 120
_START_SECONDS = 2.0

_STAMP = b"2026-11-23 18:00:%02d,%03d"
KINDS: dict[str, tuple[int, Callable[[int], bytes]]] = {
    "logging": (600_000, lambda n: (_STAMP + b" INFO app.orders: order %06d accepted\n") % (n // 20_000, n % 1000, n)),
    "text": (600_000, lambda n: b"order %06d accepted and shipped to the customer\n" % n),
    "JSON": (300_000, lambda n: b'{"time":"2026-11-23T18:00:00.123Z","level":"INFO","msg":"it","order":%d}\n' % n),
    "logfmt": (200_000, lambda n: b'time=2026-11-23T18:00:00.123Z level=info msg="it was" order=%d\n' % n),
}


def once(build: Path, data: bytes, lines: int, folder: Path) -> dict[str, float]:
    """Return lines a second and the listener's processor seconds."""
    out = folder / "out.jsonl"
    out.unlink(missing_ok=True)
    home = {name: str(folder) for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    read, write = os.pipe()
    command = [
        sys.executable,
        "-m",
        "gelf_listener",
        "run",
        "--input",
        "stdin:",
        "--output",
        f"file://{out}",
        "--api",
        "off",
    ]
    process = subprocess.Popen(
        command, stdin=read, cwd=build, env={**os.environ, **home, "PYTHONPATH": str(build)}, stderr=subprocess.DEVNULL
    )
    os.close(read)
    try:
        time.sleep(_START_SECONDS)
        before = cpu_seconds(process.pid)
        began = time.monotonic()
        feeder = threading.Thread(target=_feed, args=(write, data))
        feeder.start()
        took = _until_quiet(out, feeder, began)
        spent = cpu_seconds(process.pid) - before
    finally:
        os.close(write)
        process.terminate()
        process.wait()
    assert out.read_bytes().count(b"\n") >= lines - 1  # the last waits for the next, if the pipe is not closed in time
    return {"lines a second": round(lines / took), "processor microseconds a line": round(spent / lines * 1e6, 2)}


def _feed(write: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(write, view[: 1 << 20]) :]


def _until_quiet(out: Path, feeder: threading.Thread, began: float) -> float:
    """Return how long it took until the file grew no more."""
    size, grew = -1, began
    while time.monotonic() - began < _LONGEST_SECONDS:
        time.sleep(0.01)
        now = out.stat().st_size if out.exists() else 0
        if now != size:
            size, grew = now, time.monotonic()
        elif not feeder.is_alive() and time.monotonic() - grew > _QUIET_SECONDS:
            break
    return grew - began


def measure_stdin(builds: dict[str, Path], rounds: int = ROUNDS) -> dict[str, Any]:
    """Measure builds in turns; return each kind's medians and figures, and ratios of the last build to the first."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        for kind, (lines, line) in KINDS.items():
            data = b"".join([line(number) for number in range(lines)])
            runs: dict[str, list[dict[str, float]]] = {build: [] for build in builds}
            for _ in range(rounds):
                for build, path in builds.items():
                    runs[build].append(once(path, data, lines, Path(name)))
            medians = {
                build: {what: statistics.median(run[what] for run in each) for what in each[0]}
                for build, each in runs.items()
            }
            first, *_, last = medians.values()
            ratios = {what: round(last[what] / first[what], 2) for what in first}
            found[kind] = {"lines": lines, "medians": medians, "ratios": ratios, "runs": runs}
            print(kind, medians, ratios)
    return found


def main() -> None:
    """Measure, print and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, help="folder of another build")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    given = parser.parse_args()
    builds = {"before": given.before.resolve()} if given.before else {}
    found = measure_stdin({**builds, "now": _ROOT}, given.rounds)
    RESULTS.write_text(json.dumps({"machine": describe(), "load": os.getloadavg(), **found}, indent=1) + "\n")


if __name__ == "__main__":
    main()
