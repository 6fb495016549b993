"""A tab that stays open: its memory stays as it is, and it keeps up."""

from __future__ import annotations

import json
import os
import socket
import threading
import time

import pytest

from tests.browser.conftest import Open, Site, sync_api

expect = sync_api.expect

RATE = 1000
MINUTES = float(os.environ.get("GELF_SOAK_MINUTES", "10"))
MOST_GROWTH_BYTES = 20_000_000
"""Between the end of the first fifth of the time and the end: lists are full by then."""


class Flood(threading.Thread):
    """Sends messages at a steady rate."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.sent = 0
        self.stop = threading.Event()
        self._port = port

    def run(self) -> None:
        began = time.monotonic()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            while not self.stop.wait(0.02):
                while self.sent < (time.monotonic() - began) * RATE:
                    document = {
                        "version": "1.1",
                        "host": "web",
                        "level": self.sent % 8,
                        "short_message": f"m{self.sent}",
                    }
                    fields = {"_user_id": self.sent % 1000, "_request_id": f"r-{self.sent}", "timestamp": time.time()}
                    sock.sendto(json.dumps(document | fields).encode(), ("127.0.0.1", self._port))
                    self.sent += 1


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_memory_stays_flat(open_page: Open, site: Site) -> None:
    """At a thousand messages a second, followed live; and the page still answers at the end."""
    page = open_page("/")
    developer = page.context.new_cdp_session(page)
    developer.send("Performance.enable")

    def heap() -> float:
        developer.send("HeapProfiler.collectGarbage")
        metrics = developer.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "JSHeapUsedSize"))

    flood = Flood(site.port)
    flood.start()
    sizes = []
    for _ in range(10):
        page.wait_for_timeout(MINUTES * 6000)
        sizes.append(heap())
    nodes = page.evaluate("document.querySelectorAll('*').length")
    flood.stop.set()
    flood.join()
    print(f"\n{flood.sent} messages; heap in MB: {' '.join(f'{size / 1e6:.1f}' for size in sizes)}; {nodes} elements")
    assert max(sizes[2:]) - sizes[1] < MOST_GROWTH_BYTES
    assert nodes < 3000
    site.send({"short_message": "the last one", "_last": 1})
    page.get_by_label("Query", exact=True).fill("last:1")
    expect(page.locator(".list .message:not(.hidden)")).to_have_count(1)
