"""
Command: `python -m bench.store [PART] [--output FILE]`: the embedded store, filled and searched.

1. UDP to the store of a real listener at growing rates: what was lost, when it could be searched, what it cost.
2. A store of N messages, filled without the network: its size beside the raw JSON, and how long searches take.
3. Searches of a running listener while messages come in at half the rate that lost nothing, 50,000 at most.
4. One message at a time: from sending it to the answer of a search that finds it.
5. All of intake, size and searches beside VictoriaLogs and, with ``--base``, another build (`bench.rivals`).
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import random
import socket
import statistics
import tempfile
import time
import urllib.request
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from bench import rivals
from bench.corpus import Corpora, Encoding
from bench.machine import describe, load
from bench.messages import messages
from bench.process import Process
from bench.pump import Order, Pump, Transport
from bench.sockets import LOOPBACK, free_port
from bench.subjects.listener import METRIC_DROPS, METRIC_MESSAGES, command, environment, metric
from gelf_listener.codec.batch import Batch
from gelf_listener.codec.gelf.lenient import LenientGelf, read_fields
from gelf_listener.query import parse
from gelf_listener.store.parameters import EVERYTHING, Span, TimeGroup, ValuesGroup
from gelf_listener.store.tantivy_store import TantivyStore

_SECONDS = 8.0
_BATCH = 5000
_DISTINCT = 50_000
_REPEATS = 20
_FRESH = 100
_GOAL = 50_000.0
"""Messages a second to be stored without loss."""
_DAY = 86400.0


def ask(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=60) as answer:
        return json.loads(answer.read())


def _stored(port: int) -> int:
    found = ask(port, "/api/gelf/search?query=*&limit=0")["total"]
    return int(found)


def _percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Running:
    """A listener with a store in a folder, and more arguments."""

    def __init__(self, folder: Path, *more: str) -> None:
        self.port, self.api = free_port(), free_port()
        inputs, outputs = [f"gelf+udp://{LOOPBACK}:{self.port}"], [f"store://{folder}/store?max_bytes=0"]
        self.process = Process(
            [*command(inputs, outputs, f"{LOOPBACK}:{self.api}"), *more], folder, environment(folder)
        )
        deadline = time.monotonic() + 20
        while True:
            try:
                ask(self.api, "/health")
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)


def _ingest(folder: Path, pump: Pump, corpus: Path, rate: float, first: int) -> dict[str, Any]:
    """Send at a rate; return what became of it."""
    folder.mkdir()
    running = Running(folder)
    with running.process:
        _stored(running.api)  # what the API loads is not the store's
        cpu = running.process.family_cpu_seconds()
        sent = pump.run(Order(Transport.UDP, running.port, corpus, _SECONDS, rate=rate, first_serial=first))
        began = time.perf_counter()
        taken = metric(running.api, METRIC_MESSAGES)
        while True:
            found = _stored(running.api)
            now = metric(running.api, METRIC_MESSAGES)
            if found >= now and now == taken:
                break
            taken = now
            if time.perf_counter() - began > 60:
                break
        return {
            "rate": round(sent.rate),
            "sent": sent.messages,
            "stored": found,
            "kernel drops": metric(running.api, METRIC_DROPS),
            "seconds until all was found": round(time.perf_counter() - began, 2),
            "cpu us a message": round((running.process.family_cpu_seconds() - cpu) / max(found, 1) * 1e6, 1),
            "peak rss mib": round(running.process.peak_rss_mib()),
        }


async def fill(folder: Path, count: int) -> tuple[TantivyStore, int, float]:
    """Fill a store; return it, the bytes of raw JSON and the seconds it took."""
    store = TantivyStore(folder, read_fields)
    await store.open()
    codec = LenientGelf("bench")
    payloads = messages(_DISTINCT)
    random_ = random.Random(1)
    began, raw = time.perf_counter(), 0
    start = time.time() - _DAY
    for first in range(0, count, _BATCH):
        batch = Batch()
        texts = []
        for number in range(first, min(first + _BATCH, count)):
            document = payloads[number % _DISTINCT]
            at = start + _DAY * number / count
            # Its own time and a user out of many, so that messages differ as they do in life.
            texts.append(document[:-1] + b',"timestamp":%.3f,"_user_id":%d}' % (at, random_.randrange(100_000)))
        codec.decode_all(((text, None) for text in texts), time.time(), batch)
        raw += batch.size
        await store.add(batch.messages)
    await store.flush()
    return store, raw, time.perf_counter() - began


async def _searches(store: TantivyStore) -> dict[str, Any]:
    """Time the searches that the page and Graylog's clients make."""
    now = time.time()
    last_hour = Span(now - 3600, now)

    def search(query: str, span: Span = EVERYTHING) -> Callable[[], Awaitable[Any]]:
        node = parse(query).node
        return lambda: store.search(node, span, limit=150)

    everything = parse("*").node
    asked: dict[str, Callable[[], Awaitable[Any]]] = {
        "expired, the last hour, newest 150": search("expired", last_hour),
        "expired, newest 150": search("expired"),
        "user_id:4711": search("user_id:4711"),
        "user_id:4711 and the last hour": search("user_id:4711", last_hour),
        "level:<=3 AND source:inventory*": search("level:<=3 AND source:inventory*"),
        "expi*": search("expi*"),
        "path:*inventory*": search("path:*inventory*", last_hour),
        "everything, newest 150": search("*"),
        "histogram over all": lambda: store.aggregate(everything, EVERYTHING, [TimeGroup(seconds=900)]),
        "histogram by level over all": lambda: store.aggregate(
            everything, EVERYTHING, [ValuesGroup("level"), TimeGroup(seconds=900)]
        ),
        "top 10 of source": lambda: store.aggregate(everything, EVERYTHING, [ValuesGroup("source", 10)]),
    }
    result = {}
    for name, ask in asked.items():
        times: list[float] = []
        found: Any = None
        for _ in range(_REPEATS):
            began = time.perf_counter()
            found = await ask()
            times.append((time.perf_counter() - began) * 1000)
            if sum(times) > 20_000:
                break
        total = found.total if hasattr(found, "total") else len(found)
        result[name] = {
            "found": total,
            "median ms": round(statistics.median(times), 1),
            "p95 ms": round(_percentile(times, 0.95), 1),
        }
    return result


def _while_ingesting(folder: Path, pump: Pump, corpus: Path, rate: float) -> dict[str, Any]:
    """Search a listener while messages come in."""
    folder.mkdir()
    running = Running(folder)
    times: list[float] = []
    queries = ("level:3", "user", "source:inventory*", "status:503", "*")
    with running.process:
        _stored(running.api)
        order = Order(Transport.UDP, running.port, corpus, _SECONDS * 2, rate=rate)
        with pump.start(order) as sending:
            number = 0
            while sending.running():
                began = time.perf_counter()
                ask(running.api, f"/api/gelf/search?query={queries[number % len(queries)]}&limit=150")
                times.append((time.perf_counter() - began) * 1000)
                number += 1
                time.sleep(0.05)
            sent = sending.result(20)
        deadline = time.perf_counter() + 60
        while _stored(running.api) < sent.messages and time.perf_counter() < deadline:
            time.sleep(0.2)
        return {
            "rate": round(sent.rate),
            "sent": sent.messages,
            "stored": _stored(running.api),
            "searches": len(times),
            "median ms": round(statistics.median(times), 1),
            "p99 ms": round(_percentile(times, 0.99), 1),
        }


def _freshness(folder: Path) -> dict[str, Any]:
    """Send a message, search until it is found, and so on."""
    folder.mkdir()
    running = Running(folder)
    times = []
    with running.process, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        _stored(running.api)
        for number in range(_FRESH):
            document = {"version": "1.1", "host": "bench", "short_message": f"fresh{number}"}
            began = time.perf_counter()
            sender.sendto(json.dumps(document).encode(), (LOOPBACK, running.port))
            while not ask(running.api, f"/api/gelf/search?query=fresh{number}&limit=1")["total"]:
                pass
            times.append((time.perf_counter() - began) * 1000)
    return {
        "messages": _FRESH,
        "median ms": round(statistics.median(times), 1),
        "p95 ms": round(_percentile(times, 0.95), 1),
    }


def _say(name: str, value: Any) -> None:
    print(f"{name}: {json.dumps(value)}", flush=True)


def _listening(folder: Path, rates: list[float]) -> dict[str, Any]:
    """Measure a real listener: what it takes, what searches take meanwhile, and how soon a message is found."""
    pump, corpus = Pump(folder), Corpora(folder).path(Encoding.PLAIN)
    steps, lossless = [], 0.0
    for number, rate in enumerate(rates):
        step = _ingest(folder / f"ingest{number}", pump, corpus, rate, 0)
        steps.append(step)
        _say("UDP to store", step)
        if step["stored"] == step["sent"]:
            lossless = max(lossless, step["rate"])
    both = _while_ingesting(folder / "both", pump, corpus, max(min(lossless, _GOAL) / 2, 1000.0))
    _say("searching while ingesting", both)
    fresh = _freshness(folder / "fresh")
    _say("from sending a message to finding it", fresh)
    return {"ingest": steps, "highest rate without loss": lossless, "while ingesting": both, "one message": fresh}


async def _filled(folder: Path, count: int) -> dict[str, Any]:
    """Measure a store of many messages: its size, and searches."""
    store, raw, seconds = await fill(folder, count)
    size = (await store.info()).bytes
    filled = {
        "messages": count,
        "messages a second": round(count / seconds),
        "raw mib": round(raw / 2**20, 1),
        "store mib": round(size / 2**20, 1),
        "share of raw": round(size / raw, 3),
    }
    _say("filled", filled)
    searches = await _searches(store)
    for query, figures in searches.items():
        _say(query, figures)
    await store.close()
    return {"filled": filled, "searches": searches}


def main() -> int:
    """Measure and print; with ``--output`` write as well."""
    parser = argparse.ArgumentParser(prog="python -m bench.store", description="Measure the embedded store.")
    parser.add_argument("part", nargs="?", choices=["listening", "filled", "rivals"], help="all by default")
    parser.add_argument("--messages", type=int, default=10_000_000)
    parser.add_argument("--rates", default="20000,30000,40000,50000,60000")
    parser.add_argument("--base", type=Path, default=None, help="another build's source tree, with its own .venv")
    parser.add_argument("--intake", type=int, default=1_000_000, help="messages that each rival takes")
    parser.add_argument("--asked", type=int, default=2_000_000, help="messages of the rivals' stores that are asked")
    parser.add_argument("--rounds", type=int, default=9, help="how often rivals are asked each question")
    parser.add_argument("--output", type=Path, default=None, help="JSON file for the results; other parts in it stay")
    arguments = parser.parse_args()
    gc.set_threshold(100_000, 20, 20)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="gelf-bench-store-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        if arguments.part in (None, "listening"):
            before = load()
            found = _listening(folder, list(map(float, arguments.rates.split(","))))
            results["listening"] = {"machine": describe(), "load": f"{before}, {load()}", **found}
        if arguments.part in (None, "filled"):
            before = load()
            found = asyncio.run(_filled(folder / "filled", arguments.messages))
            results["filled"] = {"machine": describe(), "load": f"{before}, {load()}", **found}
        if arguments.part in (None, "rivals"):
            before = load()
            found = rivals.compare(
                folder / "rivals",
                arguments.base,
                intake=arguments.intake,
                asked=arguments.asked,
                rounds=arguments.rounds,
                say=_say,
            )
            results["rivals"] = {"machine": describe(), "load": f"{before}, {load()}", **found}
    if arguments.output is not None:
        kept = json.loads(arguments.output.read_text("utf-8")) if arguments.output.exists() else {}
        arguments.output.write_text(json.dumps(kept | results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
