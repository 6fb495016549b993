"""
Command: `python -m bench.explore`: how long figures take over a store of many messages, and a board of eight charts.

Fills a store without the network, asks a listener over it as the page's Explore does, and opens a board of eight
charts in Chromium. The processor time of the listener is measured beside the time that passes, for a busy machine
stretches that. A million messages take about a minute to fill; all of it less than six.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.page import run
from bench.sockets import LOOPBACK
from bench.store import Running, ask, fill
from tests.requirements import need

_ROUNDS = 5
_ASKED = {
    "messages over time": "by=time",
    "messages by logger over time": "by=logger,time&buckets=60",
    "p95 by logger": "by=logger&metric=p95:duration_ms",
    "p95 by logger over time": "by=logger,time&metric=p95:duration_ms&buckets=60",
    "p95 by source (128) over time": "by=source,time&metric=p95:duration_ms&buckets=60",
    "p50, p95, p99 over time": "by=time&metric=p50:duration_ms,p95:duration_ms,p99:duration_ms&buckets=60",
    "messages by logger and status": "by=logger,status",
    "different users by logger": "by=logger&metric=distinct:user_id",
    "messages by user (100 000) over time": "by=user_id,time&buckets=60",
}
_PANELS: list[dict[str, Any]] = [
    {"title": "Messages", "show": "bars", "by": ["time", "level"]},
    {"title": "p95 by logger", "show": "lines", "by": ["time", "logger"], "metric": ["p95:duration_ms"], "limit": 5},
    {"title": "Percentiles", "by": ["time"], "metric": ["p50:duration_ms", "p95:duration_ms", "p99:duration_ms"]},
    {"title": "Loggers", "show": "bars", "by": ["logger"]},
    {"title": "Statuses", "show": "heat", "by": ["logger", "status"]},
    {"title": "Figures", "show": "figures", "metric": ["count", "p95:duration_ms", "distinct:status"]},
    {"title": "Errors", "show": "bars", "by": ["time", "logger"], "query": "level:<=3"},
    {"title": "Methods", "show": "table", "by": ["method"], "metric": ["avg:duration_ms"]},
]


def _timed(running: Running, asked: str) -> dict[str, float]:
    """Time a question, with another query each time, for answers about all messages are remembered."""
    passed, spent = [], []
    for number in range(_ROUNDS):
        before, began = running.process.cpu_seconds(), time.perf_counter()
        ask(running.api, f"/api/gelf/aggregate?{asked}&query=NOT+nowhere{number}")
        passed.append((time.perf_counter() - began) * 1000)
        spent.append((running.process.cpu_seconds() - before) * 1000)
    return {"median ms": round(statistics.median(passed)), "processor ms": round(statistics.median(spent))}


def _board(browser: Any, url: str) -> float:
    """Open a board; return the milliseconds until all its panels have an answer."""
    page = browser.new_page(viewport={"width": 1280, "height": 1600})
    page.goto(f"{url}/boards")
    page.get_by_role("link", name="Bench").wait_for()
    began = time.perf_counter()
    page.get_by_role("link", name="Bench").click()
    page.locator(".tile [role=status]:not(:empty)").nth(len(_PANELS) - 1).wait_for()
    took = (time.perf_counter() - began) * 1000
    page.close()
    return took


def measure(messages: int) -> dict[str, Any]:
    """Fill, ask, and return milliseconds."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="gelf-bench-", ignore_cleanup_errors=True) as temporary:
        folder = Path(temporary)

        async def filled() -> None:
            store, _, _ = await fill(folder / "store", messages)
            await store.close()

        asyncio.run(filled())
        boards = folder / "boards.json"
        boards.write_text(json.dumps({"boards": [{"name": "Bench", "range": {}, "panels": _PANELS}]}), encoding="utf-8")
        running = Running(folder, "--boards", str(boards))
        with running.process, sync_playwright() as playwright:
            assert ask(running.api, "/api/gelf/search?limit=0")["total"] == messages
            explored = {name: _timed(running, asked) for name, asked in _ASKED.items()}
            browser = playwright.chromium.launch(executable_path=need("chromium"), args=["--no-sandbox"])
            board = [_board(browser, f"http://{LOOPBACK}:{running.api}") for _ in range(_ROUNDS)]
            browser.close()
    return {"messages": messages, "explore": explored, "board of eight": [round(each) for each in board]}


def say(found: dict[str, Any]) -> None:
    """Print milliseconds, and of processor time."""
    for name, figures in found["explore"].items():
        print(f"{name}: {figures['median ms']} ms, {figures['processor ms']} ms of processor time")
    board = found["board of eight"]
    print(f"board of eight charts: {statistics.median(board):.0f} ms, the first time {board[0]}")


if __name__ == "__main__":
    sys.exit(run(__doc__, measure, say))
