"""
Profile: where the listener's time goes, `python -m bench.profile [SCENARIO] [--stages]`.

With py-spy installed it samples a whole listener at work and prints microseconds per message by line: samples of a
line, times the CPU the process used, over the messages it took. Sampling slows the listener down a good deal; the
shares stay right. `--stages` needs nothing: it runs the parts on the
way of a message by themselves, in this process, on the same messages.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bench.messages import messages
from bench.scenario import SCENARIOS, Scenario
from bench.subjects.listener import Listener
from bench.trial import Bench, Trial

_SECONDS = 6.0
_ROUNDS = 15
_BATCH = 256
_TOP = 30
_WAITING = ("epoll_pwait", "PyThread_acquire_lock_timed", "pthread_cond_timedwait")
"""Frames of a thread that waits, which native sampling does not tell from one that works."""


def _spy() -> str | None:
    beside = Path(sys.executable).parent / "py-spy"
    return str(beside) if beside.exists() else shutil.which("py-spy")


def _sample(scenario: Scenario, folder: Path, rate: float) -> tuple[Trial, Counter[tuple[str, ...]]]:
    """Run the scenario with py-spy beside it; return the trial and how often each stack was seen."""
    spy = _spy()
    if spy is None:
        raise SystemExit("py-spy is not installed; pip install py-spy, or use --stages")
    bench = Bench(folder, 200_000)
    bench.corpora.path(scenario.task.encoding)
    stacks = folder / "stacks.txt"
    with Listener().running(scenario.task, folder) as running:
        order = bench.order(
            running,
            scenario.task,
            _SECONDS,
            rate=rate,
            connections=scenario.connections,
            depth=scenario.depth,
        )
        command = [spy, "record", "--pid", str(running.process.pid), "--duration", str(int(_SECONDS) - 1)]
        command += ["--rate", "250", "--native", "--format", "raw", "--output", str(stacks)]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as sampler:
            try:
                time.sleep(0.3)
                trial = bench.run(running, scenario.task, order)
                _, errors = sampler.communicate(timeout=30)
            finally:
                if sampler.poll() is None:
                    sampler.kill()
        if not stacks.exists():
            raise SystemExit(f"py-spy: {errors.decode(errors='replace').strip()}")
    seen: Counter[tuple[str, ...]] = Counter()
    for line in stacks.read_text(encoding="utf-8", errors="replace").splitlines():
        stack, _, count = line.rpartition(" ")
        if not any(word in stack for word in _WAITING):
            seen[tuple(stack.split(";"))] += int(count)
    return trial, seen


def _print_samples(trial: Trial, seen: Counter[tuple[str, ...]]) -> None:
    total = sum(seen.values())
    if not total:
        raise SystemExit("no samples")
    own: Counter[str] = Counter()
    inner: dict[str, Counter[str]] = {}
    within: Counter[str] = Counter()
    for stack, count in seen.items():
        # Native time is charged to the line of Python that asked for it, which is where one can do something about it.
        lines = [frame for frame in stack if ".py:" in frame] or [stack[-1]]
        own[lines[-1]] += count
        inner.setdefault(lines[-1], Counter())[stack[-1].split(" (")[0]] += count
        for line in set(lines):
            within[line] += count
    cost = trial.cpu_us_per_message / total
    print(f"{trial.received_rate:,.0f} messages/s, {trial.cpu_us_per_message:.2f} us CPU a message, {total} samples")
    print("\nus a message by line, and the native functions most of it went to")
    for line, count in own.most_common(_TOP):
        print(f"{count * cost:10.3f}  {line}  [{', '.join(name for name, _ in inner[line].most_common(3))}]")
    print("\nus a message by line with what it calls")
    for line, count in within.most_common(_TOP):
        print(f"{count * cost:10.3f}  {line}")


def _stages() -> None:
    """Time the parts of a message's way in turns, and print the least and the median of each."""
    from gelf_listener.codec import Batch, GelfDecoder
    from gelf_listener.message import Peer

    peer = Peer("127.0.0.1", 1)
    plain = [(message, peer) for message in messages(_BATCH * 16)]
    deflated = [(zlib.compress(message), peer) for message, _ in plain]
    decoder = GelfDecoder("lenient", "bench")

    def decode(payloads: list[tuple[bytes, Peer]]) -> None:
        for at in range(0, len(payloads), _BATCH):
            decoder.decode_all(payloads[at : at + _BATCH], 1.0, Batch())

    def inflate() -> None:
        for payload, _ in deflated:
            zlib.decompress(payload)

    def join() -> None:
        for at in range(0, len(plain), _BATCH):
            b"\n".join([message for message, _ in plain[at : at + _BATCH]])

    stages: dict[str, Callable[[], None]] = {
        "Decoder.decode_all, plain": lambda: decode(plain),
        "Decoder.decode_all, zlib": lambda: decode(deflated),
        "zlib.decompress alone": inflate,
        "joining lines": join,
    }
    figures: dict[str, list[float]] = {name: [] for name in stages}
    for _ in range(_ROUNDS):
        for name, stage in stages.items():
            start = time.process_time_ns()
            stage()
            figures[name].append((time.process_time_ns() - start) / len(plain) / 1000)
    for name, values in figures.items():
        print(f"{name:28} {min(values):6.2f} us at least, {statistics.median(values):6.2f} median")


def main() -> None:
    """Profile what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("scenario", nargs="?", default="udp-plain-file", choices=[s.name for s in SCENARIOS])
    parser.add_argument("--rate", type=float, default=0.0, help="messages a second; flat out without")
    parser.add_argument("--stages", action="store_true", help="time the parts by themselves")
    arguments = parser.parse_args()
    if arguments.stages:
        _stages()
        return
    scenario = next(scenario for scenario in SCENARIOS if scenario.name == arguments.scenario)
    with tempfile.TemporaryDirectory(prefix="gelf-bench-") as folder:
        _print_samples(*_sample(scenario, Path(folder), arguments.rate))


if __name__ == "__main__":
    main()
