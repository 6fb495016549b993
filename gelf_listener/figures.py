"""Figures: what outputs and workers did and how they are, as the API, the metrics and other processes are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

if TYPE_CHECKING:
    from gelf_listener.runner import Runner

Circuit = Literal["closed", "open", "half_open"]
"""As in electricity: closed, messages flow; open, the destination failed and is left alone; half open, it is tried."""


class OutputFigures(msgspec.Struct, frozen=True, gc=False):
    """
    One output.

    Attributes:
        name: Its name.
        where: Which messages it wants.
        buffer: Where they wait, `memory` or `disk`.
        written: Messages written.
        batches: Batches written.
        retries: Batches offered again.
        refused: Messages the destination will never take.
        dropped: Messages let go because the buffer was full, or at the end.
        waiting: Messages neither written nor refused, those that are being written included.
        waiting_bytes: Their raw bytes.
        buffer_bytes: What the buffer holds.
        max_messages: Most messages the buffer holds.
        max_bytes: Most bytes it holds.
        full: Whether it makes inputs stop.
        oldest_at: Receive time of the oldest message that waits, UTC Unix seconds.
        failing_since: Since when the destination takes nothing, UTC Unix seconds; None while it does.
        next_try_at: When it is tried again, UTC Unix seconds; None when nobody waits for that.
        last_error: What went wrong last; empty when nothing did.
        problem: What keeps it from its work just now; empty when nothing does.
        buffer_problem: Why the buffer cannot keep messages safe just now; empty when it can.
        buffer_damaged: Files and parts of files of the buffer that were damaged.
        counters: What the output itself counts.
    """

    name: str
    where: str = ""
    buffer: str = "memory"
    written: int = 0
    batches: int = 0
    retries: int = 0
    refused: int = 0
    dropped: int = 0
    waiting: int = 0
    waiting_bytes: int = 0
    buffer_bytes: int = 0
    max_messages: int = 0
    max_bytes: int = 0
    full: bool = False
    oldest_at: float | None = None
    failing_since: float | None = None
    next_try_at: float | None = None
    last_error: str = ""
    problem: str = ""
    buffer_problem: str = ""
    buffer_damaged: int = 0
    counters: dict[str, float] = {}

    @property
    def circuit(self) -> Circuit:
        """What the destination is trusted with."""
        if self.failing_since is None:
            return "closed"
        return "half_open" if self.next_try_at is None else "open"


class WorkerFigures(NamedTuple):
    """
    One worker.

    Attributes:
        number: Which, from 1 on.
        pid: Its process id; None while it is started again.
        messages: Messages it took, those of its predecessors included.
        restarts: How often it ended, or hung and was ended, and was started again.
        problem: Why it does not take messages, or not all; empty when it does.
        cpu_seconds: Processor time, that of its predecessors included.
        memory_bytes: Its memory.
    """

    number: int
    pid: int | None
    messages: int
    restarts: int
    problem: str
    cpu_seconds: float
    memory_bytes: int


def output_figures(runner: Runner) -> OutputFigures:
    """Return the figures of the output that a runner drives in this process."""
    buffer, output, settings = runner.buffer, runner.output, runner.output.settings
    failing = runner.failing_since is not None and not buffer.problem
    return OutputFigures(
        name=runner.name,
        where=settings.where,
        buffer=settings.buffer,
        written=runner.written,
        batches=runner.batches,
        retries=runner.retries,
        refused=runner.refused,
        dropped=buffer.dropped + runner.given_up,
        waiting=runner.waiting,
        waiting_bytes=runner.waiting_bytes,
        buffer_bytes=buffer.bytes,
        max_messages=settings.buffer_messages_limit,
        max_bytes=settings.buffer_bytes_limit,
        full=buffer.full,
        oldest_at=runner.oldest_at,
        failing_since=runner.failing_since,
        next_try_at=runner.next_try_at,
        last_error=runner.last_error,
        problem=(runner.last_error or "failing") if failing else buffer.problem or getattr(output, "problem", ""),
        buffer_problem=buffer.problem,
        buffer_damaged=buffer.damaged,
        counters=output.counters(),
    )


_SUMS = (
    *("written", "batches", "retries", "refused", "dropped", "waiting", "waiting_bytes"),
    *("buffer_bytes", "max_messages", "max_bytes", "buffer_damaged"),
)
_EARLIEST = ("oldest_at", "failing_since", "next_try_at")
_FIRST_SAID = ("last_error", "problem", "buffer_problem")


def together(parts: Sequence[OutputFigures]) -> OutputFigures:
    """Return the figures of one output that several processes have open; at least one part."""
    if len(parts) == 1:
        return parts[0]
    failing_first = sorted(parts, key=lambda part: part.failing_since is None)
    changes: dict[str, object] = {name: sum(getattr(part, name) for part in parts) for name in _SUMS}
    changes |= {name: min(_given(parts, name), default=None) for name in _EARLIEST}
    changes |= {name: next(filter(None, (getattr(part, name) for part in failing_first)), "") for name in _FIRST_SAID}
    counters: Counter[str] = Counter()
    for part in parts:
        counters.update(part.counters)
    changes |= {"full": any(part.full for part in parts), "counters": dict(counters)}
    return msgspec.structs.replace(parts[0], **changes)


def _given(parts: Iterable[OutputFigures], name: str) -> list[float]:
    return [value for part in parts if (value := getattr(part, name)) is not None]
