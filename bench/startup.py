"""Startup: from the command to the first message accepted, and what an idle listener weighs."""

from __future__ import annotations

import socket
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench.messages import messages, numbered
from bench.process import Process, StartError
from bench.sockets import LOOPBACK, free_port
from bench.subjects.listener import command, environment
from bench.tally import FileTally

__all__ = ["measure_startup"]

_PROBE_SECONDS = 0.002
_GIVE_UP_SECONDS = 10
_IDLE_SECONDS = 2


def _once(folder: Path) -> tuple[float, float]:
    """
    Start a listener and send it numbered messages until one is in its file.

    Returns:
        Milliseconds until a message was accepted, and until the first one could be read from the file.
    """
    port, path = free_port(), folder / "out.jsonl"
    message = messages(1)[0]
    tally = FileTally(path)
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe,
        Process(command([f"gelf+udp://{LOOPBACK}:{port}"], [f"file://{path}"]), folder, environment(folder)) as process,
    ):
        sent: list[float] = []
        while (now := time.perf_counter()) < process.started + _GIVE_UP_SECONDS:
            # Unconnected, so that a port not open yet does not fail the next send.
            probe.sendto(numbered(message, len(sent)), (LOOPBACK, port))
            sent.append(now - process.started)
            time.sleep(_PROBE_SECONDS)
            if tally.size() == 0:
                continue
            readable = time.perf_counter() - process.started
            first = path.read_bytes().split(b'"_serial":"', 1)
            if len(first) == 2:
                return sent[int(first[1][:10])] * 1000, readable * 1000
        process.check()
        raise StartError(f"no message after {_GIVE_UP_SECONDS} s: {process.last_words()}")


def _idle(folder: Path) -> float:
    """Return MiB resident of a listener with all three inputs, a file and the web side, after it has settled."""
    inputs = [f"{scheme}://{LOOPBACK}:{free_port()}" for scheme in ("gelf+udp", "gelf+tcp", "gelf+http")]
    flags = command(inputs, [f"file://{folder / 'out.jsonl'}"], f"{LOOPBACK}:{free_port()}")
    with Process(flags, folder, environment(folder)) as process:
        time.sleep(_IDLE_SECONDS)
        process.check()
        return process.rss_mib()


def measure_startup(folder: Path, times: int) -> dict[str, Any]:
    """Return medians; the first start, which may compile modules, is not counted."""
    runs = []
    for _ in range(times + 1):
        with TemporaryDirectory(dir=folder) as own:
            runs.append(_once(Path(own)))
    with TemporaryDirectory(dir=folder) as own:
        idle = _idle(Path(own))
    accepted, readable = zip(*runs[1:], strict=True)
    return {
        "accepted_ms": round(statistics.median(accepted)),
        "readable_ms": round(statistics.median(readable)),
        "accepted_ms_runs": [round(value) for value in accepted],
        "idle_rss_mib": round(idle, 1),
    }
