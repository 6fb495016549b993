"""Fixtures of the browser tests: Chromium, and a listener with a store and its page."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.listener import Listener, until
from tests.e2e.toolchains import JAVA_SECONDS
from tests.requirements import missing, need
from tests.services.opensearch import OpenSearch

sync_api = pytest.importorskip("playwright.sync_api")
sync_api.expect.set_options(timeout=40_000)  # the machine may be busy


class Site:
    """A running listener, seen from outside: its page's address, and ways to send to it."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        self.url = listener.api_url
        self.port = listener.endpoint("gelf+udp").port
        self._sent = 0

    def send(self, *documents: dict[str, Any]) -> None:
        """Send GELF by UDP, or by TCP what is too long for it, and wait until it can be searched."""
        before = self.count()
        for document in documents:
            payload = json.dumps({"version": "1.1", "host": "web", "level": 6} | document).encode()
            if len(payload) < 60_000:
                with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
                    sock.sendto(payload, ("127.0.0.1", self.port))
            else:
                with socket.create_connection(("127.0.0.1", self.listener.endpoint("gelf+tcp").port)) as sock:
                    sock.sendall(payload + b"\0")
        until(lambda: self.count() >= before + len(documents), 15, "the messages in the store")

    def send_raw(self, payload: bytes) -> None:
        """Send bytes by UDP."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.sendto(payload, ("127.0.0.1", self.port))

    def count(self) -> int:
        """How many messages are stored."""
        status, text = self.listener.get("/api/gelf/search?limit=0")
        assert status == 200, text
        return int(json.loads(text)["total"])


def make_listener(
    directory: Path,
    *flags: str,
    api: str = "127.0.0.1:0",
    environment: Mapping[str, str] | None = None,
    store: str = "",
) -> Listener:
    """A listener with a store, by default an embedded one, which is not started yet."""
    directory.mkdir(exist_ok=True)
    arguments = ["--input", "gelf+udp://127.0.0.1:0", "--input", "gelf+tcp://127.0.0.1:0", "--api", api]
    arguments += ["--output", store or f"store://{directory}/store", *flags]
    return Listener(directory, plain=True, arguments=arguments, environment=environment)


def open_tool(page: Any, name: str) -> None:
    """Choose a view in the menu of the navigation."""
    page.locator("#views .menu > button").click()
    page.locator("#views .panel").get_by_role("link", name=name).click()


on_both_stores = pytest.mark.parametrize(
    "site",
    [
        "embedded",
        pytest.param("opensearch", marks=[pytest.mark.external, pytest.mark.timeout(JAVA_SECONDS)]),
    ],
    indirect=True,
)
"""Runs a test with the embedded store, and with one in an OpenSearch that all tests of a run share."""


@pytest.fixture
def site(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Site]:
    """A listener of the test's own."""
    store = ""
    if getattr(request, "param", "embedded") == "opensearch":
        opensearch: OpenSearch = request.getfixturevalue("opensearch")
        store = f"store+opensearch+http://127.0.0.1:{opensearch.port}/page{uuid.uuid4().hex[:8]}"
    with make_listener(tmp_path / "listener", store=store) as listener:
        yield Site(listener)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """
    One browser for all tests of a file.

    Not of the whole run: while Playwright is there, its event loop counts as running in this thread, and no other test
    of the worker could use `asyncio.run`.
    """
    # The engine without the rest of a browser, where it is installed: it takes less than half the processor time.
    program = shutil.which("chromium-headless-shell") or need("chromium")
    with sync_api.sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        except sync_api.Error as error:
            missing(f"chromium does not start: {error}")
        yield browser
        browser.close()


@pytest.fixture
def windowed_chromium() -> Iterator[Any]:
    """A browser with a window, on a screen that nobody sees: prompts of the browser's own are only there."""
    chromium, xvfb = need("chromium"), need("Xvfb")
    reading, writing = os.pipe()
    screen = subprocess.Popen(
        [xvfb, "-displayfd", str(writing), "-screen", "0", "1300x900x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    with open(reading) as ready:
        display = ":" + ready.readline().strip()
    try:
        with sync_api.sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=chromium,
                headless=False,
                args=["--no-sandbox", "--host-resolver-rules=MAP plain.test 127.0.0.1"],
                env={**os.environ, "DISPLAY": display},
            )
            yield browser
            browser.close()
    finally:
        screen.terminate()
        screen.wait(10)


Open = Callable[..., Any]


@pytest.fixture
def open_page(chromium: Any, site: Site) -> Iterator[Open]:
    """Open the page; a test fails when the page throws, or the content security policy stops something."""
    problems: list[str] = []
    contexts = []

    def begin(path: str = "/", url: str = "", **options: Any) -> Any:
        context = chromium.new_context(**({"viewport": {"width": 1300, "height": 800}} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(f"pageerror: {error}"))
        page.on("console", lambda line: problems.append(line.text) if "Content Security Policy" in line.text else None)
        page.goto((url or site.url) + path)
        return page

    yield begin
    for context in contexts:
        context.close()
    assert problems == []
