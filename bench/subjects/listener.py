"""Listener: gelf-listener itself, as its users run it. Flags and metric names stand here and nowhere else."""

from __future__ import annotations

import os
import sys
import urllib.request
from pathlib import Path
from typing import ClassVar

from bench.corpus import Encoding
from bench.process import Family, Process
from bench.sockets import LOOPBACK, free_port
from bench.subjects.subject import FileRunning, Running, Subject, Target, Task
from bench.tally import Tallied

__all__ = ["METRIC_DROPS", "METRIC_MESSAGES", "METRIC_REJECTED", "Listener", "command", "environment", "metric"]

METRIC_MESSAGES = "gelf_input_messages_total"
METRIC_REJECTED = "gelf_input_rejected_total"
METRIC_DROPS = "gelf_input_kernel_drops_total"

_ROOT = Path(__file__).parents[2]
_SCHEMES = {
    Encoding.TCP: "gelf+tcp",
    Encoding.HTTP: "gelf+http",
    Encoding.NDJSON: "gelf+http",
    Encoding.SYSLOG: "syslog+udp",
}


def environment(folder: Path) -> dict[str, str]:
    """Return what keeps a user's own settings and state out of a run."""
    home = {name: str(folder) for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")}
    return home | {"PYTHONPATH": f"{_ROOT}:{os.environ.get('PYTHONPATH', '')}"}


def command(inputs: list[str], outputs: list[str], api: str = "off", workers: int = 1) -> list[str]:
    """Return the command line."""
    flags = [flag for address in inputs for flag in ("--input", address)]
    flags += [flag for address in outputs for flag in ("--output", address)]
    if workers > 1:
        flags += ["--workers", str(workers)]
    return [sys.executable, "-m", "gelf_listener", "run", *flags, "--api", api]


def metric(api_port: int, name: str) -> int:
    """Return the sum of a counter over its labels."""
    with urllib.request.urlopen(f"http://{LOOPBACK}:{api_port}/metrics", timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    values = [line.rsplit(" ", 1)[1] for line in lines if line.startswith((name + "{", name + " "))]
    return int(sum(map(float, values)))


class _NullRunning(Running):
    """Counted by the listener's own metrics: nothing else knows what it decoded."""

    poll_seconds = 0.05

    def __init__(self, process: Process, port: int, api_port: int) -> None:
        self.process = process
        self.port = port
        self._api_port = api_port
        self._taken = 0

    def progress(self) -> int:
        return metric(self._api_port, METRIC_MESSAGES)

    def take(self) -> Tallied:
        total = metric(self._api_port, METRIC_MESSAGES)
        new = total - self._taken
        self._taken = total
        return Tallied(new, new)


class Listener(Subject):
    """
    gelf-listener with one input and one output.

    Args:
        workers: How many processes take messages.
    """

    name: ClassVar[str] = "gelf-listener"

    def __init__(self, workers: int = 1) -> None:
        self.workers = workers

    def takes(self, task: Task) -> bool:
        return True

    def start(self, task: Task, folder: Path) -> Running:
        port = free_port()
        inputs = [f"{_SCHEMES.get(task.encoding, 'gelf+udp')}://{LOOPBACK}:{port}"]
        if task.target is Target.FILE:
            path = folder / "out.jsonl"
            line = command(inputs, [f"file://{path}"], workers=self.workers)
            process = (Process if self.workers == 1 else Family)(line, folder, environment(folder))
            return FileRunning(process, port, path)
        api_port = free_port()
        line = command(inputs, ["null:"], f"{LOOPBACK}:{api_port}", self.workers)
        process = (Process if self.workers == 1 else Family)(line, folder, environment(folder))
        return _NullRunning(process, port, api_port)
