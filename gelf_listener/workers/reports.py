"""Reports: what a worker tells its parent of what happened since the last time, and of how things are."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from gelf_listener.errors import Rejected
from gelf_listener.figures import OutputFigures
from gelf_listener.inputs import Input
from gelf_listener.pipeline import Pipeline
from gelf_listener.senders import Senders
from gelf_listener.workers.wire import RejectedRecord, Report

Key = TypeVar("Key")

_MOST_RECENT = 100
"""Rejections of one report that are sent with their payload; all are counted."""


class Reporter:
    """
    Compares what was counted with what was reported.

    Args:
        pipeline: Counts messages and rejections.
        inputs: The open ones.
        outputs: Returns the figures of the outputs.
        senders: Counts by sender.
        lost: Messages dropped when an output ended, by its name.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        inputs: Sequence[Input],
        outputs: Callable[[], Sequence[OutputFigures]],
        senders: Senders,
        lost: Counter[str],
    ) -> None:
        self._pipeline = pipeline
        self._inputs = inputs
        self._outputs = outputs
        self._senders = senders
        self._lost = lost
        self._recent: list[Rejected] = []
        self._reported: dict[str, Counter[object]] = {}
        pipeline.rejections.taps.append(self._note)

    def report(self, unwritten: int = 0) -> Report:
        """Return what happened since the last report."""
        pipeline = self._pipeline
        recent, self._recent = self._recent, []
        rejected = self._grown("rejected", pipeline.rejections.counts)
        return Report(
            messages=self._grown("messages", pipeline.messages),
            bytes=self._grown("bytes", pipeline.bytes),
            rejected=[(input, reason, count) for (input, reason), count in rejected.items()],
            recent=[RejectedRecord.of(each) for each in recent],
            senders=self._senders.take(),
            lost=self._grown("lost", self._lost),
            full=pipeline.full,
            inputs={input.name: input.counters() for input in self._inputs},
            outputs=list(self._outputs()),
            cpu_seconds=sum(os.times()[:2]),
            memory_bytes=_memory(),
            unwritten=unwritten,
        )

    def _note(self, rejected: Rejected) -> None:
        self._recent.append(rejected)
        if len(self._recent) > 2 * _MOST_RECENT:
            del self._recent[:-_MOST_RECENT]

    def _grown(self, what: str, counts: Mapping[Key, int]) -> dict[Key, int]:
        """Return by how much counts grew."""
        before: Counter[object] = self._reported.get(what, Counter())
        self._reported[what] = Counter(counts)
        return {key: count - before[key] for key, count in counts.items() if count != before[key]}


def _memory() -> int:
    """Return how much memory this process has, as far as the system tells."""
    if sys.platform != "linux":
        return 0
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123  (asked for several times a second)
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
