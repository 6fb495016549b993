"""
What a log call costs the caller: this project's handlers beside graypy, pygelf and the standard library's.

Side by side in one run, interleaved round by round, each round in a process of its own::

    python bench/handlers.py [--calls 20000] [--rounds 3] [--pause 0] [--output bench/results]

The machine is shared: compare the columns of one run, not numbers of different runs. Every process times a
NullHandler too, block by block in turn with the handler; ``over NullHandler`` is the difference of the two medians, and
``noise`` is the NullHandler's own p99.9: what the machine does to any call.

Situations: ``normal`` (a server that takes everything), ``down``
(nothing listens), ``unresolvable`` (the resolver takes 20 ms and fails, as one that answers quickly would),
``not reading`` (a server that accepts and reads nothing). Writes ``handlers.json`` and ``handlers.md``.
"""

from __future__ import annotations

import argparse
import json
import logging
import logging.handlers
import os
import platform
import queue
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, cast

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "handlers"))

SITUATIONS = {
    "udp": ("normal", "down", "unresolvable"),
    "tcp": ("normal", "down", "unresolvable", "not reading"),
    "http": ("normal", "down", "unresolvable", "not reading"),
    "none": ("normal",),
}
# name: (transport, share of the calls, for handlers so slow that all would take minutes)
CANDIDATES = {
    "NullHandler": ("none", 1.0),
    "gelf_handlers UDP": ("udp", 1.0),
    "gelf_handlers TCP": ("tcp", 1.0),
    "gelf_handlers HTTP": ("http", 1.0),
    "graypy UDP": ("udp", 0.1),
    "graypy TCP": ("tcp", 0.1),
    "graypy HTTP": ("http", 0.02),
    "pygelf UDP": ("udp", 0.1),
    "pygelf TCP": ("tcp", 0.1),
    "pygelf HTTP": ("http", 0.02),
    "QueueHandler + graypy UDP": ("udp", 1.0),
    "QueueHandler + graypy TCP": ("tcp", 1.0),
    "SysLogHandler UDP": ("udp", 0.1),
    "HTTPHandler": ("http", 0.02),
}
MAX_SECONDS = 4.0


def make(name: str, host: str, port: int) -> logging.Handler:
    """Make a candidate with its defaults."""
    library, _, transport = name.rpartition(" ")
    if name == "NullHandler":
        return logging.NullHandler()
    if library == "gelf_handlers":
        import gelf_handlers

        return {
            "UDP": gelf_handlers.GELFUDPHandler,
            "TCP": gelf_handlers.GELFTCPHandler,
            "HTTP": gelf_handlers.GELFHTTPHandler,
        }[transport](host, port, flush_timeout_seconds=0)
    if name == "SysLogHandler UDP":
        return logging.handlers.SysLogHandler((host, port))
    if name == "HTTPHandler":
        return logging.handlers.HTTPHandler(f"{host}:{port}", "/gelf", method="POST")
    if library.startswith("QueueHandler"):
        records: queue.Queue[logging.LogRecord] = queue.Queue()
        logging.handlers.QueueListener(records, make(f"graypy {transport}", host, port)).start()
        return logging.handlers.QueueHandler(records)
    if library == "graypy":
        import graypy

        handlers = {"UDP": graypy.GELFUDPHandler, "TCP": graypy.GELFTCPHandler, "HTTP": graypy.GELFHTTPHandler}
        return cast("logging.Handler", handlers[transport](host, port))
    import pygelf

    handlers = {"UDP": pygelf.GelfUdpHandler, "TCP": pygelf.GelfTcpHandler, "HTTP": pygelf.GelfHttpHandler}
    return cast("logging.Handler", handlers[transport](host=host, port=port))


def measure(name: str, situation: str, port: int, calls: int, pause: float) -> dict[str, float]:  # noqa: PLR0915
    """Time each call of a burst."""
    host = "127.0.0.1"
    if situation == "unresolvable":
        host = "graylog.invalid"

        def fail(*_arguments: object, **_options: object) -> None:
            time.sleep(0.02)
            raise socket.gaierror(-2, "Name or service not known")

        socket.getaddrinfo = fail  # type: ignore[assignment]
    logging.raiseExceptions = False
    try:
        handler = make(name, host, port)
    except OSError as error:
        return {"calls": 0, "raised_in_constructor": 1, "error": type(error).__name__}  # type: ignore[dict-item]
    log = logging.getLogger("bench.orders")
    log.propagate = False
    log.setLevel(logging.INFO)
    log.addHandler(handler)
    clock = time.perf_counter_ns
    info = log.info
    null = logging.getLogger("bench.null")
    null.propagate = False
    null.setLevel(logging.INFO)
    null.addHandler(logging.NullHandler())
    null_info = null.info
    times = []
    null_times = []
    raised = 0
    for number in range(200):  # imports, first connection, caches
        try:
            info("order %d of %s paid", number, "ada")
        except Exception:
            raised += 1
        if number > 5 and raised > 5:
            break
    time.sleep(0.3)
    raised = 0
    end = time.monotonic() + MAX_SECONDS
    for number in range(calls):
        if number % 100 == 0:
            for other in range(100):
                started = clock()
                null_info("order %d of %s paid", other, "ada")
                null_times.append(clock() - started)
        started = clock()
        try:
            info("order %d of %s paid", number, "ada")
        except Exception:
            raised += 1
        times.append(clock() - started)
        if pause:
            time.sleep(pause)
        if number % 16 == 0 and time.monotonic() > end:
            break
    times.sort()
    null_times.sort()

    def at(share: float, values: list[int] = times) -> float:
        return values[min(len(values) - 1, int(len(values) * share))] / 1000

    return {
        "calls": len(times),
        "raised": raised,
        "median_us": at(0.5),
        "over_us": at(0.5) - at(0.5, null_times),
        "noise_us": at(0.999, null_times),
        "p99_us": at(0.99),
        "p999_us": at(0.999),
        "max_us": times[-1] / 1000,
        "over_100us": sum(value > 100_000 for value in times) / len(times),
    }


SERVER = r"""
import socket, sys, threading
kind, reading = sys.argv[1], sys.argv[2] == "1"
if kind == "udp":
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1], flush=True)
    while True: s.recv(65536)
s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536); s.bind(("127.0.0.1", 0)); s.listen(512)
print(s.getsockname()[1], flush=True)
held = []
def serve(c):
    c.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    buffer = b""
    try:
        while data := c.recv(1 << 18):
            if kind != "http": continue
            buffer += data
            replies = 0
            while (end := buffer.find(b"\r\n\r\n")) >= 0:
                head = buffer[:end].lower()
                at = head.find(b"content-length:")
                length = int(head[at + 15:].split(b"\r\n")[0]) if at >= 0 else 0
                if len(buffer) < end + 4 + length: break
                buffer = buffer[end + 4 + length:]
                replies += 1
            if replies: c.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n" * replies)
    except OSError: pass
    c.close()
while True:
    c, _ = s.accept()
    if reading: threading.Thread(target=serve, args=(c,), daemon=True).start()
    else: held.append(c)
"""


def run_one(name: str, situation: str, calls: int, pause: float) -> dict[str, Any]:
    """Measure in a process of its own, against a server in another."""
    transport, share = CANDIDATES[name]
    server = None
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    if situation in ("normal", "not reading") and transport != "none":
        reading = "1" if situation == "normal" else "0"
        server = subprocess.Popen([sys.executable, "-c", SERVER, transport, reading], stdout=subprocess.PIPE)
        port = int(server.stdout.readline())  # type: ignore[union-attr]
    try:
        done = subprocess.run(
            [
                sys.executable,
                __file__,
                "--one",
                name,
                situation,
                str(port),
                str(max(200, int(calls * share))),
                str(pause),
            ],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"calls": 0, "error": "blocked for more than 30 s"}
    finally:
        if server is not None:
            server.kill()
            server.wait()
            server.stdout.close()  # type: ignore[union-attr]
    if done.returncode:
        raise SystemExit(done.stderr)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def middle(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Take the least disturbed round's figures (others share the machine), the maximum of the maxima."""
    measured = [r for r in rounds if r.get("calls")]
    if not measured:
        return rounds[0]
    merged = {key: min(r[key] for r in measured) for key in measured[0]}
    merged["max_us"] = max(r["max_us"] for r in measured)
    merged["calls"] = sum(r["calls"] for r in measured)
    merged["raised"] = sum(r["raised"] for r in measured)
    return merged


def table(results: dict[tuple[str, str], dict[str, Any]], machine: dict[str, Any], settings: argparse.Namespace) -> str:
    """Return the report."""
    null = results["NullHandler", "normal"]["median_us"]
    ours = {
        (CANDIDATES[name][0], situation): figures
        for (name, situation), figures in results.items()
        if name.startswith("gelf_handlers")
    }
    columns = ["situation", "handler", "calls", "median", "over NullHandler", "times ours", "p99", "p99.9", "max"]
    columns += ["over 100 us", "noise", "raised"]
    lines = [
        "# Cost of a log call",
        "",
        (
            f"{machine['cores']} cores ({machine['cpu']}), {machine['python']}, load {machine['load']} when it "
            f"started, {settings.rounds} interleaved rounds of {settings.calls} calls in a tight loop (slow handlers "
            f"fewer, and at most {MAX_SECONDS:g} s). Microseconds. The machine was shared: each figure is that of its "
            "least disturbed round, max is over all. `noise` is the p99.9 of a NullHandler timed in the same process."
        ),
        f"NullHandler's median in this run: {null:.2f}.",
        "",
        "| " + " | ".join(columns) + " |",
        "|---|---|" + "---:|" * (len(columns) - 2),
    ]
    for wanted in ("normal", "down", "unresolvable", "not reading"):
        for (name, situation), figures in results.items():
            if situation != wanted:
                continue
            if not figures.get("calls"):
                lines.append(f"| {situation} | {name} | 0 {'| ' * (len(columns) - 4)}| {figures.get('error')} |")
                continue
            mine = ours.get((CANDIDATES[name][0], situation))
            ratio = f"{figures['over_us'] / max(mine['over_us'], 0.01):.1f}" if mine else ""
            lines.append(
                f"| {situation} | {name} | {figures['calls']} | {figures['median_us']:.2f} | "
                f"{figures['over_us']:.2f} | {ratio} | "
                f"{figures['p99_us']:.1f} | {figures['p999_us']:.1f} | {figures['max_us']:.0f} | "
                f"{figures['over_100us']:.3%} | {figures['noise_us']:.1f} | {figures['raised']} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run all and write the report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pause", type=float, default=0.0)
    parser.add_argument("--output", type=Path, default=ROOT / "bench" / "results")
    parser.add_argument("--only", default="")
    parser.add_argument("--one", nargs=5, help=argparse.SUPPRESS)
    settings = parser.parse_args()
    if settings.one:
        name, situation, port, calls, pause = settings.one
        print(json.dumps(measure(name, situation, int(port), int(calls), float(pause))), flush=True)
        os._exit(0)
    info = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    cpu = next((line.split(":")[1].strip() for line in info.splitlines() if "model name" in line), platform.machine())
    machine = {
        "cores": os.cpu_count(),
        "cpu": cpu,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "load": f"{os.getloadavg()[0]:.1f}",
    }
    rounds: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for number in range(settings.rounds):
        for name, (transport, _) in CANDIDATES.items():
            if settings.only and name != "NullHandler" and settings.only not in name:
                continue
            for situation in SITUATIONS[transport]:
                figures = run_one(name, situation, settings.calls, settings.pause)
                rounds.setdefault((name, situation), []).append(figures)
                print(f"{number + 1} {situation:13} {name:28} {figures}", file=sys.stderr, flush=True)
    results = {key: middle(value) for key, value in rounds.items()}
    text = table(results, machine, settings)
    settings.output.mkdir(parents=True, exist_ok=True)
    (settings.output / "handlers.md").write_text(text)
    raw = [{"handler": name, "situation": situation, "rounds": value} for (name, situation), value in rounds.items()]
    (settings.output / "handlers.json").write_text(json.dumps({"machine": machine, "raw": raw}, indent=1) + "\n")
    print(text)


if __name__ == "__main__":
    main()
