"""
Command: `python -m bench.screenshots`, or `make screenshots`: the pictures in the README and docs/.

Starts a listener with messages of an imaginary shop and takes pictures of its page in Chromium, which has to be there.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.e2e.listener import Listener, until
from tests.requirements import need

_IMAGES = Path(__file__).parents[1] / "docs" / "images"
_MESSAGES = 1500
_SECONDS = 900
_WIDE, _PHONE = {"width": 1280, "height": 760}, {"width": 390, "height": 760}

_TRACEBACK = """Traceback (most recent call last):
  File "/srv/shop/orders.py", line 88, in place
    payment = gateway.charge(order.total, card)
  File "/usr/lib/python3.12/site-packages/requests/adapters.py", line 700, in send
    raise ConnectionError(e, request=request)
  File "/srv/shop/gateway.py", line 31, in charge
    raise PaymentFailed(f"gateway answered {status}")
shop.errors.PaymentFailed: gateway answered 502"""


def _messages() -> Iterator[dict[str, Any]]:
    """Make a quarter of an hour in the life of a shop; the same each time but for the clock."""
    chance = random.Random(7)
    start = time.time() - _SECONDS
    for number in range(_MESSAGES):
        kind = chance.random()
        user, took = chance.randrange(100, 140), round(chance.lognormvariate(3, 0.8), 1)
        message: dict[str, Any] = {
            "version": "1.1",
            "host": chance.choice(("web-1", "web-2", "worker-1")),
            "timestamp": start + number * _SECONDS / _MESSAGES,
            "_request_id": f"{chance.getrandbits(32):08x}",
            "_user_id": user,
            "_service": "shop",
        }
        if kind < 0.75:
            path = chance.choice(("/cart", "/product/4711", "/search?q=lamp", "/login", "/checkout"))
            message |= {
                "short_message": f"GET {path} 200",
                "level": 6,
                "_logger": "shop.http",
                "_took_ms": took,
                "_status": 200,
            }
        elif kind < 0.9:
            cart = json.dumps({"items": [{"sku": "4711", "count": chance.randrange(1, 4)}], "total": 39.9})
            message |= {
                "short_message": f"order {chance.randrange(9000, 9999)} placed",
                "level": 5,
                "_logger": "shop.orders",
                "_cart": cart,
            }
        elif kind < 0.97:
            message |= {
                "short_message": f"slow query: {took * 20:.0f} ms",
                "level": 4,
                "_logger": "shop.db",
                "_service": "stock",
                "_took_ms": took * 20,
            }
        else:
            message |= {
                "short_message": "payment failed: gateway answered 502",
                "full_message": _TRACEBACK,
                "level": 3,
                "_service": "billing",
                "_logger": "shop.orders",
            }
        yield message


def _send(listener: Listener) -> None:
    with socket.create_connection(listener.endpoint("gelf+tcp").address) as sock:
        for message in _messages():
            sock.sendall(json.dumps(message).encode() + b"\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for payload in (
            b'{"version":"1.1","host":"old-app","short_message":""}',
            b"\x1e\x0fbroken",
            b"<html>not a log</html>",
        ):
            sock.sendto(payload, listener.endpoint("gelf+udp").address)
    until(lambda: json.loads(listener.get("/api/gelf/search?limit=0")[1])["total"] >= _MESSAGES, 60)


def _take(browser: Any, listener: Listener) -> None:
    def page(path: str, wait_for: str, scheme: str = "light", size: dict[str, int] | None = None) -> Any:
        made = browser.new_page(viewport=size or _WIDE, color_scheme=scheme, device_scale_factor=1)
        made.goto(listener.api_url + path)
        made.locator(wait_for).first.wait_for()
        made.wait_for_timeout(800)
        return made

    row = ".list .message:not(.hidden)"
    page("/?range=15m", row).close()  # the first search loads the engine: its time would stand in the picture
    page("/?range=15m", row).screenshot(path=_IMAGES / "messages.png")
    one = page("/?range=15m&q=level:3", row, "dark")
    one.locator(row).first.click()
    one.locator(".detail .trace").wait_for()
    one.wait_for_timeout(400)
    one.screenshot(path=_IMAGES / "message.png")
    fields = page("/?range=15m", row)
    fields.locator(".fields button.name", has_text="took_ms").click()
    fields.locator(".facts .top").first.wait_for()
    fields.get_by_label("Query", exact=True).fill("level:<=4 AND took_ms:>500")
    fields.wait_for_timeout(1200)
    fields.screenshot(path=_IMAGES / "search.png")
    explore = "/explore?range=15m&by=time,service"
    page(explore, ".figures tbody tr").screenshot(path=_IMAGES / "explore.png")
    page("/rejected", "article.card", "dark").screenshot(path=_IMAGES / "rejected.png")
    page("/?range=15m", row, "light", _PHONE).screenshot(path=_IMAGES / "phone.png")


def main() -> int:
    """Take all pictures."""
    from playwright.sync_api import sync_playwright

    _IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gelf-screenshots-") as folder:
        inputs = ("gelf+udp://127.0.0.1:0", "gelf+tcp://127.0.0.1:0")
        with Listener(Path(folder), *inputs, outputs=[f"store://{folder}/store?name=store"]) as listener:
            _send(listener)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=need("chromium"), args=["--no-sandbox"])
                _take(browser, listener)
                browser.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
