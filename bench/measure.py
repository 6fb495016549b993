"""
Measure: all rounds of a scenario, and their medians.

A round visits every subject once, each freshly started, so that drift of a shared machine hits all alike.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from bench.process import StartError
from bench.scenario import Scenario
from bench.search import search
from bench.subjects.subject import Subject
from bench.trial import Bench, Trial

__all__ = ["Effort", "measure"]


class Effort(NamedTuple):
    """
    How much time to spend.

    Attributes:
        seconds: Length of one trial.
        rounds: Visits to each subject.
        first_steps: Trials of the first search.
        later_steps: Trials of later ones, near the result of the first.
        peer_steps: As later ones, for peers, with one more at first: their place matters, not their third digit.
        until: Monotonic time after which a scenario gets one round only.
    """

    seconds: float
    rounds: int
    first_steps: int
    later_steps: int
    peer_steps: int
    until: float = math.inf


class _Record:
    """What one subject did in one scenario, over all rounds."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.missing: str | None = None
        self.saturated: list[Trial] = []
        self.searches: list[list[tuple[float, Trial]]] = []

    def loss_free(self, trials: list[tuple[float, Trial]]) -> float:
        """Return the highest rate reached without loss."""
        return max((min(rate, trial.sent_rate) for rate, trial in trials if trial.clean), default=0.0)

    def guess(self) -> float:
        """Return where to look next."""
        found = [rate for trials in self.searches if (rate := self.loss_free(trials))]
        if found:
            return statistics.median(found)
        lowest = [trials[-1][0] for trials in self.searches if trials]
        return min(lowest) if lowest else 0.85 * statistics.median(trial.received_rate for trial in self.saturated)

    def result(self) -> dict[str, Any]:
        """Return medians, and all trials."""
        if self.missing is not None:
            return {"subject": self.subject.name, "missing": self.missing}
        rates = [self.loss_free(trials) for trials in self.searches]
        cleanest = [
            max((t for t in trials if t[1].clean), key=lambda t: t[0], default=None) for trials in self.searches
        ]
        costs = [best[1].cpu_us_per_message for best in cleanest if best is not None]
        everything = [*self.saturated, *(trial for trials in self.searches for _, trial in trials)]
        return {
            "subject": self.subject.name,
            "loss_free_rate": round(statistics.median(rates)) if rates else None,
            "loss_free_rates": [round(rate) for rate in rates],
            "saturated_rate": round(statistics.median(trial.received_rate for trial in self.saturated)),
            "saturated_rates": [round(trial.received_rate) for trial in self.saturated],
            "bytes_per_message": round(everything[0].bytes / everything[0].sent),
            "cpu_us_loss_free": round(statistics.median(costs), 2) if costs else None,
            "cpu_us_saturated": round(statistics.median(trial.cpu_us_per_message for trial in self.saturated), 2),
            "cpu_share_saturated": round(statistics.median(trial.cpu_share for trial in self.saturated), 2),
            "peak_rss_mib": round(max(trial.peak_rss_mib for trial in everything), 1),
            "refused": sum(trial.refused for trial in everything),
            "duplicates": sum(trial.duplicates for trial in everything),
            "lost_inside": sum(map(_lost_inside, everything)),
            "trials": [trial._asdict() for trial in everything],
        }


def _lost_inside(trial: Trial) -> int:
    """Return what was taken and not written; what the kernel dropped is the sender's excess."""
    # Dropped chunks do not say how many messages they cost, but never fewer than none.
    return max(trial.lost - trial.kernel_drops, 0)


def _visit(bench: Bench, scenario: Scenario, record: _Record, effort: Effort) -> None:
    """Start the subject, warm it, make its trials."""
    task = scenario.task
    with record.subject.running(task, bench.folder) as running:

        def run(rate: float, seconds: float = effort.seconds) -> Trial:
            order = bench.order(
                running, task, seconds, rate=rate, connections=scenario.connections, depth=scenario.depth
            )
            return bench.run(running, task, order)

        run(200.0 if "chunked" in task.encoding else 5000.0, 0.3)
        record.saturated.append(run(0.0))
        if not task.is_udp:
            return
        peer = record.subject.name != "gelf-listener"
        first = not record.searches
        steps = effort.peer_steps + first if peer else effort.first_steps if first else effort.later_steps
        record.searches.append(search(run, record.guess(), steps, 1.5 if first else 1.1))


def measure(bench: Bench, scenario: Scenario, effort: Effort, say: Callable[[str], None]) -> dict[str, Any]:
    """Return the scenario's results as plain data."""
    records = [_Record(subject) for subject in scenario.takers()]
    for round_ in range(effort.rounds):
        if round_ and time.monotonic() > effort.until:
            say(f"{scenario.name}: out of time after {round_} rounds")
            break
        for record in records:
            if record.missing is not None:
                continue
            try:
                _visit(bench, scenario, record, effort)
            except (StartError, OSError) as error:
                # OSError: a subject that died while its metrics were asked for. The others go on.
                record.missing = str(error)
                say(f"{scenario.name}: {record.subject.name}: {error}")
                continue
            saturated = record.saturated[-1]
            words = f"{saturated.received_rate:,.0f}/s saturated"
            if record.searches:
                words += f", {record.loss_free(record.searches[-1]):,.0f}/s without loss"
            say(f"{scenario.name}: round {round_ + 1}: {record.subject.name}: {words}")
    return {
        "name": scenario.name,
        "goal": scenario.goal,
        "is_udp": scenario.task.is_udp,
        "subjects": [record.result() for record in records],
    }
