"""
Command: `python -m bench.page`: how soon the page shows something, and how soon after a keystroke a result.

Fills a store, then opens the page in Chromium several times. First paint is the browser's own figure; a search is timed
from the last keystroke to the list that shows its result, the pause in which the page waits for more keys included.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.corpus import Corpora, Encoding
from bench.machine import describe, load
from bench.process import cpu_seconds
from bench.pump import Order, Pump, Transport
from tests.e2e.listener import Listener, until
from tests.requirements import need

_ROUNDS = 10
_QUERIES = ("level:3", "user_id:4711", "source:web*", "message:order", "level:<=4 AND user_id:>100")
_RATE = 10_000
_IDLE_SECONDS = 17
"""Longer than the store's indexer waits for more."""
_TIME_IT = """() => {
  const foot = document.querySelector(".counts");
  window.took = 0;
  document.querySelector("textarea").addEventListener("input", () => {
    const began = performance.now();
    new MutationObserver((_, self) => {
      if (!foot.textContent.includes("found")) return;
      window.took = performance.now() - began;
      self.disconnect();
    }).observe(foot, { childList: true, characterData: true, subtree: true });
  }, { once: true });
}"""


def _total(listener: Listener) -> int:
    return int(json.loads(listener.get("/api/gelf/search?limit=0", 60)[1])["total"])


def _fill(listener: Listener, folder: Path, messages: int) -> None:
    corpus = Corpora(folder, 20_000).path(Encoding.PLAIN)
    order = Order(Transport.UDP, listener.port("gelf+udp"), corpus, 100_000, count=messages, rate=_RATE)
    Pump(folder).run(order)
    last = -1
    while (now := _total(listener)) != last:  # what the kernel dropped does not come
        last = now
        time.sleep(1)


def _settle(pid: int) -> None:
    """Wait until nothing is left to be done behind a flood: the store lays its blocks out again."""
    time.sleep(_IDLE_SECONDS)
    before = -math.inf
    while cpu_seconds(pid) - before > 0.1:
        before = cpu_seconds(pid)
        time.sleep(2)


def _first_paint(browser: Any, url: str) -> float:
    page = browser.new_page()
    page.goto(url + "/")
    # Asked again and again from here: the page's policy allows no script that is given as a text.
    until(lambda: page.evaluate("performance.getEntriesByName('first-contentful-paint').length"))
    found = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    page.close()
    return float(found)


def _keystroke(browser: Any, url: str, query: str) -> float:
    page = browser.new_page()
    page.goto(url + "/?range=all")
    page.locator(".list .message:not(.hidden)").first.wait_for()
    page.wait_for_timeout(500)
    box = page.get_by_label("Query", exact=True)
    box.fill(query[:-1])
    page.wait_for_timeout(1500)
    page.evaluate(_TIME_IT)
    box.press("End")
    box.press_sequentially(query[-1])
    found = until(lambda: page.evaluate("window.took"), what="a result")
    page.close()
    return float(found)


def measure(messages: int) -> dict[str, Any]:
    """Fill, look, and return milliseconds."""
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory(prefix="gelf-bench-") as temporary:
        folder = Path(temporary)
        with Listener(folder, "gelf+udp://127.0.0.1:0", outputs=[f"store://{folder}/store"]) as listener:
            _fill(listener, folder, messages)
            until(lambda: listener.get("/health")[0] == 200, 60)
            stored = _total(listener)
            _settle(listener.pid)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=need("chromium"), args=["--no-sandbox"])
                paints = [_first_paint(browser, listener.api_url) for _ in range(_ROUNDS)]
                searches = {
                    query: [_keystroke(browser, listener.api_url, query) for _ in range(3)] for query in _QUERIES
                }
                browser.close()
    return {"messages": stored, "first paint": paints, "keystroke to result": searches}


def run(about: str, measure: Callable[[int], dict[str, Any]], say: Callable[[dict[str, Any]], None]) -> int:
    """Measure over a store of so many messages and print; keep the figures where that is wanted."""
    parser = argparse.ArgumentParser(description=about.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--messages", type=int, default=1_000_000, help="how many are stored")
    parser.add_argument("--output", type=Path, help="file for the figures, as JSON")
    options = parser.parse_args()
    before = load()
    found = measure(options.messages)
    print(f"{found['messages']:,} messages stored; load {before}, {load()}")
    say(found)
    if options.output:
        document = {"machine": describe(), "load before": before, **found}
        options.output.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return 0


def say(found: dict[str, Any]) -> None:
    """Print milliseconds, median and worst."""
    print(f"first paint: {statistics.median(found['first paint']):.0f}, {max(found['first paint']):.0f}")
    for query, times in found["keystroke to result"].items():
        print(f"keystroke to result, {query}: {statistics.median(times):.0f}, {max(times):.0f}")


if __name__ == "__main__":
    sys.exit(run(__doc__, measure, say))
