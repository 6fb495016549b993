"""Flatness: whether a message costs the same after millions of them as at first, one process all along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bench.corpus import Encoding
from bench.subjects.listener import Listener
from bench.subjects.subject import Target, Task
from bench.trial import Bench

__all__ = ["measure_flatness"]

_MARKS = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)
_WARM_UP = 5_000


def measure_flatness(bench: Bench, rate: float, most: int, say: Callable[[str], None]) -> list[dict[str, Any]]:
    """
    Send up to `most` messages at a steady rate in parts.

    Returns:
        For each mark the cost of the messages since the mark before it, so that growth is not averaged away.
    """
    task = Task(Encoding.PLAIN, Target.FILE)
    points = []
    with Listener().running(task, bench.folder) as running:

        def send(count: int) -> dict[str, Any]:
            order = replace(bench.order(running, task, count / rate, rate=rate), count=count)
            return bench.run(running, task, order)._asdict()

        send(_WARM_UP)
        before = 0
        for mark in (mark for mark in _MARKS if mark <= most):
            trial = send(mark - before)
            before = mark
            points.append(
                {
                    "messages": mark,
                    "cpu_us": round(trial["cpu_us_per_message"], 2),
                    "rss_mib": round(running.process.rss_mib(), 1),
                    "lost": trial["lost"],
                }
            )
            say(f"flatness: {mark:,} messages: {points[-1]['cpu_us']} us each, {points[-1]['rss_mib']} MiB")
    return points
