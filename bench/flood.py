"""
Command: `python -m bench.flood [--rate N] [--seconds N] [--rounds N] [--against REV]`: a listener's store in a flood.

A listener is sent messages by UDP at a rate, and watched meanwhile: how old is the newest message that a search finds,
how much memory do all its processes take, what does a message cost them, what did the kernel drop, when was everything
found, and what does a message take on disk. With `--against` a build of another commit takes turns with ours.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import statistics
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.corpus import Corpora, Encoding
from bench.machine import describe, load
from bench.process import Process
from bench.pump import Order, Pump, Transport
from bench.sockets import LOOPBACK, free_port
from bench.subjects.listener import METRIC_DROPS, METRIC_MESSAGES, command, environment, metric

__all__ = ["Build", "builds", "flood"]

_ROOT = Path(__file__).parents[1]
_PATIENCE_SECONDS = 300.0
_PROBE_SECONDS = 0.5


class Build(NamedTuple):
    """A checkout of the product, and what it is called in results."""

    name: str
    root: Path


@contextlib.contextmanager
def builds(against: str | None) -> Iterator[Sequence[Build]]:
    """Give our build, and the one of another commit in a worktree of its own, which is removed afterwards."""
    ours = Build("this build", _ROOT)
    if against is None:
        yield [ours]
        return
    with tempfile.TemporaryDirectory(prefix="gelf-bench-build-") as folder:
        path = Path(folder) / "build"
        git = ["git", "-C", str(_ROOT), "worktree"]
        subprocess.run([*git, "add", "--quiet", "--detach", str(path), against], check=True)
        try:
            yield [ours, Build(against, path)]
        finally:
            subprocess.run([*git, "remove", "--force", str(path)], check=True)


def _ask(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=120) as answer:
        return json.loads(answer.read())


def _stored(port: int) -> int:
    return int(_ask(port, "/api/gelf/search?query=*&limit=0")["total"])


def _age_of_newest(port: int) -> float:
    """Return how long ago the newest message that is found had arrived, seconds; asked by a search, and after it."""
    found = _ask(port, "/api/gelf/search?query=*&limit=1&sort=gl2_receive_timestamp:desc")["messages"]
    return time.time() - found[0]["received_at"] if found else 0.0


def _started(build: Build, folder: Path) -> tuple[Process, int, int]:
    """Start a listener with a store; return it, its port and the port of its API."""
    port, api = free_port(), free_port()
    line = command([f"gelf+udp://{LOOPBACK}:{port}"], [f"store://{folder}/store?max_bytes=0"], f"{LOOPBACK}:{api}")
    process = Process(line, folder, environment(folder) | {"PYTHONPATH": str(build.root)})
    deadline = time.monotonic() + 20
    while True:
        try:
            _ask(api, "/health")
            return process, port, api
        except OSError:
            if time.monotonic() > deadline:
                process.stop()
                raise
            time.sleep(0.05)


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in (folder / "store").rglob("*") if file.is_file())


def flood(build: Build, folder: Path, pump: Pump, corpus: Path, rate: float, seconds: float) -> dict[str, Any]:
    """Send messages at a rate for some seconds; return what became of them."""
    folder.mkdir(parents=True)
    process, port, api = _started(build, folder)
    ages: list[float] = []
    rss = 0.0
    with process:
        _stored(api)  # what the API loads is not the store's
        before = process.family_cpu_seconds()
        with pump.start(Order(Transport.UDP, port, corpus, seconds, rate=rate)) as sending:
            while sending.running():
                time.sleep(_PROBE_SECONDS)
                ages.append(_age_of_newest(api))
                rss = max(rss, process.family_rss_mib())
            sent = sending.result(seconds + 60)
        ended = time.perf_counter()
        found = _stored(api)
        while time.perf_counter() - ended < _PATIENCE_SECONDS:
            taken, found = metric(api, METRIC_MESSAGES), _stored(api)
            if found >= taken == metric(api, METRIC_MESSAGES):
                break
        until_found = time.perf_counter() - ended
        cpu = process.family_cpu_seconds() - before
        drops = metric(api, METRIC_DROPS)
        process.stop()
    return {
        "build": build.name,
        "rate": round(sent.rate),
        "sent": sent.messages,
        "found": found,
        "kernel drops": drops,
        "seconds until all was found": round(until_found, 2),
        "kept up with": round(found / (sent.seconds + until_found)),
        "oldest newest message s": round(max(ages, default=0.0), 2),
        "cpu us a message": round(cpu / max(found, 1) * 1e6, 1),
        "sender cpu us a message": round(sent.cpu_seconds / sent.messages * 1e6, 1),
        "peak rss mib": round(rss),
        "bytes a message": round(_size(folder) / max(found, 1), 1),
    }


def main() -> int:
    """Measure and print; with ``--output`` write as well."""
    parser = argparse.ArgumentParser(prog="python -m bench.flood", description="Measure the store in a flood.")
    parser.add_argument("--rate", type=float, default=75_000)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--against", default=None, help="a commit to take turns with")
    parser.add_argument("--output", type=Path, default=None, help="JSON file for the results; other parts in it stay")
    arguments = parser.parse_args()
    results: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="gelf-bench-flood-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        pump, corpus = Pump(folder), Corpora(folder).path(Encoding.PLAIN)
        with builds(arguments.against) as found:
            for number in range(arguments.rounds):
                for build in found:
                    before = load()
                    place = folder / f"{number}-{build.name.replace(' ', '-')}"
                    result = flood(build, place, pump, corpus, arguments.rate, arguments.seconds)
                    results.append(result | {"load": f"{before}, {load()}"})
                    print(json.dumps(results[-1]), flush=True)
    for name in dict.fromkeys(result["build"] for result in results):
        own = [result for result in results if result["build"] == name]
        keys = ("kept up with", "cpu us a message", "bytes a message", "oldest newest message s")
        print(name, {key: statistics.median(result[key] for result in own) for key in keys})
    if arguments.output is not None:
        kept = json.loads(arguments.output.read_text("utf-8")) if arguments.output.exists() else {}
        kept["flood"] = {"machine": describe(), "runs": results}
        arguments.output.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
