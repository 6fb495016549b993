"""
Ways to send logs besides GELF, held to their goals: `python -m bench.ways [--quick]` writes bench/results/ways.json.

Syslog by UDP to a file, and what `gelf-listener pipe` adds to the command it runs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.machine import describe, load
from bench.measure import Effort, measure
from bench.pipe import measure_pipe
from bench.report import headline
from bench.scenario import SCENARIOS
from bench.trial import Bench

_RESULTS = Path(__file__).parent / "results" / "ways.json"
_SCENARIO = "udp-syslog-file"
_FULL = Effort(seconds=1.0, rounds=5, first_steps=6, later_steps=3, peer_steps=2)
_QUICK = Effort(seconds=0.8, rounds=1, first_steps=4, later_steps=0, peer_steps=2)
PIPE_GOAL_PERCENT = 5.0
"""What pipe may add to the time of a command that prints 100,000 lines a second."""


def measure_syslog(effort: Effort) -> dict[str, Any]:
    """Search for the highest rate without loss."""
    (scenario,) = (scenario for scenario in SCENARIOS if scenario.name == _SCENARIO)
    with tempfile.TemporaryDirectory(prefix="gelf-bench-", ignore_cleanup_errors=True) as folder:
        found = measure(Bench(Path(folder), distinct_compressed=1), scenario, effort, _say)
    (subject,) = found["subjects"]
    del subject["trials"]  # the rates of all rounds are figures of their own
    rate = headline(found, subject)
    return {
        "goal": scenario.goal,
        "loss_free_rate": rate,
        "met": bool(rate and rate >= (scenario.goal or 0)),
        **subject,
    }


def main() -> int:
    """Measure both, print, and keep the figures of a complete run."""
    parser = argparse.ArgumentParser(prog="python -m bench.ways", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of each; prints, writes nothing")
    parser.add_argument("--output", type=Path, default=_RESULTS, help="file for the figures")
    arguments = parser.parse_args()
    before = load()
    syslog = measure_syslog(_QUICK if arguments.quick else _FULL)
    pipe = measure_pipe(1) if arguments.quick else measure_pipe()
    added = pipe["seconds"]["added percent"]
    complete = pipe["lines arrived"] == pipe["lines printed"]
    pipe = {"goal_percent": PIPE_GOAL_PERCENT, "met": complete and added < PIPE_GOAL_PERCENT, **pipe}
    results = {"machine": describe(), "load": f"{before}, {load()}", _SCENARIO: syslog, "pipe": pipe}
    text = json.dumps(results, indent=1) + "\n"
    print(text, end="")
    if not arguments.quick:
        arguments.output.write_text(text, encoding="utf-8")
    return 0


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
