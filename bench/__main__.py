"""
Command: `python -m bench [--quick] [SCENARIO ...]`.

Writes bench/results/listener.{md,json,svg} when everything ran; with scenarios named it prints and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.abuse import measure_abuse
from bench.flatness import measure_flatness
from bench.machine import describe, load
from bench.measure import Effort, measure
from bench.native import compiler
from bench.plot import svg
from bench.process import StartError
from bench.report import headline, markdown
from bench.scenario import SCENARIOS
from bench.startup import measure_startup
from bench.trial import Bench
from bench.watchers import measure_watchers

_RESULTS = Path(__file__).parent / "results"
_EXTRAS = ("startup", "flatness", "abuse", "watchers")
_FULL = Effort(seconds=1.0, rounds=3, first_steps=5, later_steps=3, peer_steps=2)
_QUICK = Effort(seconds=0.8, rounds=1, first_steps=4, later_steps=0, peer_steps=2)
_QUICK_SCENARIOS = frozenset(
    {"udp-plain-file", "udp-plain-null", "udp-zlib-file", "udp-chunked-8154-file", "tcp-plain-file"}
    | {"http-single-file", "http-pipelined-file", "http-ndjson-file"}
)
_DEFAULT_FLATNESS_RATE = 50_000
_ROUNDS_SECONDS = 720
"""Time for scenarios before rounds are cut; flatness and abuse take up to three minutes more."""

_FLATNESS_SECONDS = 120


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure the listener and its peers.")
    names = [scenario.name for scenario in SCENARIOS]
    parser.add_argument("only", nargs="*", metavar="SCENARIO", help=", ".join([*names, *_EXTRAS]))
    parser.add_argument("--quick", action="store_true", help="one round of short trials, two minutes")
    parser.add_argument("--no-peers", action="store_true", help="the listener and the bare receiver only")
    parser.add_argument("--results", type=Path, default=_RESULTS, help="folder for the results of a complete run")
    arguments = parser.parse_args()
    if unknown := set(arguments.only) - {*names, *_EXTRAS}:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join([*names, *_EXTRAS])}")
    return arguments


def _say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def _flatness_rate(scenarios: list[dict[str, Any]]) -> float:
    """Return seven tenths of what was found loss-free: room enough for a noisy machine."""
    for scenario in scenarios:
        if scenario["name"] == "udp-plain-file" and (rate := headline(scenario, scenario["subjects"][0])):
            return 0.7 * rate
    return _DEFAULT_FLATNESS_RATE


def _run(arguments: argparse.Namespace, folder: Path) -> dict[str, Any]:
    quick, only = arguments.quick, set(arguments.only)
    effort = (_QUICK if quick else _FULL)._replace(until=time.monotonic() + _ROUNDS_SECONDS)
    bench = Bench(folder, distinct_compressed=200_000 if quick else 400_000)
    before = load()
    if compiler() is None:
        _say("no C compiler: the sender is slow, and saturated figures are the sender's")
    scenarios = []
    for scenario in SCENARIOS:
        if scenario.name in only or (not only and (not quick or scenario.name in _QUICK_SCENARIOS)):
            chosen = scenario
            if arguments.no_peers:
                chosen = scenario._replace(subjects=("gelf-listener", "bare recvmmsg in C"))
            scenarios.append(measure(bench, chosen, effort, _say))
    results: dict[str, Any] = {
        "quick": quick,
        "rounds": effort.rounds,
        "machine": describe(),
        "compiled sender": bench.pump.native,
        "scenarios": scenarios,
    }
    wanted = only or set(_EXTRAS)
    try:
        if "startup" in wanted:
            results["startup"] = measure_startup(folder, 3 if quick else 7)
        if "flatness" in wanted:
            results["flatness_rate"] = round(_flatness_rate(scenarios))
            # On a slow machine ten million would take too long; the table says how far it went.
            most = 300_000 if quick else int(min(10_000_000, results["flatness_rate"] * _FLATNESS_SECONDS))
            results["flatness"] = measure_flatness(bench, results["flatness_rate"], most, _say)
    except StartError as error:
        _say(f"gelf-listener: {error}")
        results.setdefault("startup", {"missing": str(error)})
    if "abuse" in wanted:
        results["abuse"] = measure_abuse(folder, bench.pump, 2 if quick else 6, _say)
    if "watchers" in wanted:
        results["watchers"] = measure_watchers(folder, bench.pump, 2 if quick else 6, _say)
    results["load"] = f"{before}, {load()}"
    return results


def main() -> int:
    """Run what was asked for."""
    arguments = _arguments()
    # So that the blocks that end children and remove folders are left in order.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="gelf-bench-", ignore_cleanup_errors=True) as folder:
        results = _run(arguments, Path(folder))
    page = markdown(results)
    print(page)
    if not arguments.only:
        arguments.results.mkdir(parents=True, exist_ok=True)
        (arguments.results / "listener.md").write_text(page, encoding="utf-8")
        (arguments.results / "listener.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
        (arguments.results / "listener.svg").write_text(svg(results), encoding="utf-8")
    _say(f"done in {time.monotonic() - start:.0f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
