"""
Trial: one run of the pump against one subject, and what came of it.

Loss is what was sent less the distinct messages found at the far end. The kernel's drop counter is kept beside it.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import NamedTuple

from bench.corpus import Corpora, Encoding
from bench.pump import Order, Pump, Transport
from bench.sockets import udp_state
from bench.subjects.subject import Running, Task

__all__ = ["Bench", "Trial"]

_QUIET_SECONDS = 0.35
"""So long without progress means done; longer than any subject's flush interval."""

_DRAIN_SECONDS = 15


class Trial(NamedTuple):
    """
    Figures of one trial.

    Attributes:
        seconds: From the first message sent to the last one written.
        lag_seconds: From the last message sent to the last one written: what was waiting in buffers.
    """

    sent: int
    received: int
    duplicates: int
    lost: int
    kernel_drops: int
    bytes: int
    sent_rate: float
    received_rate: float
    seconds: float
    lag_seconds: float
    cpu_us_per_message: float
    cpu_share: float
    peak_rss_mib: float
    refused: int

    @property
    def clean(self) -> bool:
        """Tell whether nothing was lost, and nothing was merely put off: buffers hide overload in a short run."""
        return self.lost == 0 and self.lag_seconds < 0.1 + 0.1 * (self.seconds - self.lag_seconds)


class Bench:
    """
    The tools of one bench run.

    Args:
        folder: Temporary, for everything.
        distinct_compressed: Distinct messages in a compressed corpus.
    """

    def __init__(self, folder: Path, distinct_compressed: int) -> None:
        self.folder = folder
        self.corpora = Corpora(folder, distinct_compressed)
        self.pump = Pump(folder)
        self._serial = 0

    def order(
        self,
        running: Running,
        task: Task,
        seconds: float,
        *,
        rate: float = 0.0,
        connections: int = 4,
        depth: int = 1,
        udp: Transport = Transport.UDP,
    ) -> Order:
        """Return the order that fits a task."""
        transport = udp if task.is_udp else Transport.TCP if task.encoding is Encoding.TCP else Transport.HTTP
        return Order(
            transport,
            running.port,
            self.corpora.path(task.encoding),
            seconds,
            rate=rate,
            connections=connections,
            depth=depth,
            first_serial=self._serial,
        )

    def run(self, running: Running, task: Task, order: Order) -> Trial:
        """Send, wait until the subject has settled, count."""
        running.take()
        drops, cpu = _drops(running, task), running.process.cpu_seconds()
        start = time.perf_counter()
        sent = self.pump.run(order)
        ended = time.perf_counter()
        settled = self._settle(running, task, ended)
        self._serial += sent.messages
        cpu = running.process.cpu_seconds() - cpu
        received, distinct = running.take()
        lost, duplicates = sent.messages - distinct, received - distinct
        repeats = self.corpora.repeats_after(task.encoding)
        if repeats is not None and sent.messages > repeats:
            # Serials came round again, so only the sum tells.
            lost, duplicates = sent.messages - received, 0
        # The pump's own start-up, mapping the corpus, is not the subject's.
        seconds = settled - ended + sent.seconds
        return Trial(
            sent=sent.messages,
            received=received,
            duplicates=duplicates,
            lost=lost,
            kernel_drops=_drops(running, task) - drops,
            bytes=sent.bytes,
            sent_rate=sent.rate,
            received_rate=received / seconds,
            seconds=seconds,
            lag_seconds=settled - ended,
            cpu_us_per_message=cpu / received * 1e6 if received else 0.0,
            cpu_share=cpu / (settled - start),
            peak_rss_mib=running.process.peak_rss_mib(),
            refused=sent.answers - sent.accepted,
        )

    @staticmethod
    def _settle(running: Running, task: Task, ended: float) -> float:
        """Return when progress ended."""
        last, changed = running.progress(), ended
        while (now := time.perf_counter()) < ended + _DRAIN_SECONDS:
            time.sleep(running.poll_seconds)
            progress = running.progress()
            if progress != last:
                last, changed = progress, time.perf_counter()
            elif now - changed > _QUIET_SECONDS:
                state = udp_state(running.port) if task.is_udp else None
                if state is None or state.queued_bytes == 0:
                    break
        return changed


def _drops(running: Running, task: Task) -> int:
    state = udp_state(running.port) if task.is_udp else None
    return state.drops if state else 0
