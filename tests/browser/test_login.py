"""The login in a browser with a window, where a challenge would make the browser put a prompt of its own over the form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import make_listener, sync_api
from tests.e2e.listener import Listener, free_port

expect = sync_api.expect
PASSWORD = "correct horse battery staple"


@pytest.fixture
def guarded(tmp_path: Path) -> Any:
    """A listener that wants a login."""
    api = f"127.0.0.1:{free_port()}"
    with make_listener(
        tmp_path / "guarded",
        "--api-auth",
        "on",
        "--api-hosts",
        "plain.test",
        api=api,
        environment={"GELF_API_PASSWORD": PASSWORD},
    ) as listener:
        yield listener


def log_in(page: Any, password: str = PASSWORD) -> None:
    dialog = page.get_by_role("dialog", name="Log in")
    dialog.get_by_label("User").fill("admin")
    dialog.get_by_label("Password").fill(password)
    dialog.get_by_role("button", name="Log in").click()


@pytest.mark.parametrize("origin", ["127.0.0.1", "plain.test"])
def test_no_prompt_covers_the_form(windowed_chromium: Any, guarded: Listener, tmp_path: Path, origin: str) -> None:
    """
    Not at first, not after a wrong password, not when the session ends while the live view and links are open.

    A page at a plain http address of another machine gets no Sec-Fetch headers; `plain.test` is such a one.
    """
    url = guarded.api_url.replace("127.0.0.1", origin)
    context = windowed_chromium.new_context(viewport=None)
    page = context.new_page()
    challenged: list[str] = []
    asked: list[str] = []

    def saw(response: Any) -> None:
        asked.append(response.url)
        if "www-authenticate" in response.headers:
            challenged.append(response.url)

    context.on("response", saw)
    page.goto(url)
    expect(page.get_by_role("dialog", name="Log in")).to_be_visible()
    page.wait_for_timeout(4000)  # the live view tries again after 3 s
    assert any("/live" in each for each in asked)
    log_in(page, "wrong")
    expect(page.get_by_role("dialog", name="Log in")).to_contain_text("Wrong user or password")
    log_in(page)
    expect(page.locator(".counts")).to_contain_text("messages/s")
    page.get_by_role("button", name="More").click()
    link = page.get_by_role("link", name="CSV")
    cookie = context.cookies()[0]
    context.add_cookies([cookie | {"value": "ended"}])
    # Not by the mouse: the page may notice first that the session ended, and its form covers the link.
    link.evaluate("link => { link.removeAttribute('download'); link.click() }")
    expect(page.locator("body")).to_contain_text("Unauthorized")
    page.goto(url)
    log_in(page)
    expect(page.locator(".counts")).to_contain_text("messages/s")
    assert challenged == []
    context.close()
