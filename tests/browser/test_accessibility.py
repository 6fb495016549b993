"""axe finds nothing, on any view, by day and by night."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Open, Site, sync_api

axe = pytest.importorskip("axe_playwright_python.sync_playwright")
expect = sync_api.expect


def violations(page: Any) -> list[str]:
    found = axe.Axe().run(page).response["violations"]
    return [f"{each['id']}: {each['help']}: {[node['html'][:200] for node in each['nodes'][:3]]}" for each in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view(open_page: Open, site: Site, scheme: str) -> None:
    """With messages of every level, one of them open, and something rejected."""
    site.send(
        *(
            {"short_message": f"level {level}", "level": level, "_user_id": level, "_cart": '{"a": [1]}'}
            for level in range(8)
        )
    )
    site.send({"short_message": "failed", "level": 3, "full_message": 'Traceback\n  File "a.py", line 1, in f\nE: x'})
    site.send_raw(b"nonsense")
    page = open_page("/?range=all", color_scheme=scheme)
    expect(page.locator(".list .message:not(.hidden)")).to_have_count(9)
    expect(page.locator(".fields")).to_contain_text("user_id")
    assert violations(page) == []
    page.locator(".fields button.name", has_text="user_id").click()
    page.locator(".list .message:not(.hidden)").first.click()
    expect(page.locator(".detail .said")).to_be_visible()
    page.wait_for_timeout(300)
    assert violations(page) == []
    for path, text in (("/senders", "web"), ("/rejected", "nonsense"), ("/status", "works"), ("/start", "graypy")):
        page.goto(site.url + path)
        expect(page.locator("main")).to_contain_text(text)
        page.wait_for_timeout(300)
        assert violations(page) == [], path


@pytest.mark.parametrize("width", [390, 1300])
def test_what_opens(open_page: Open, site: Site, width: int) -> None:
    """Menus, dialogs, completions, and what is said when there is nothing; on a phone as well."""
    page = open_page("/", viewport={"width": width, "height": 800})
    expect(page.locator(".empty")).to_contain_text("Waiting for messages")
    assert violations(page) == []
    site.send({"short_message": "a", "_service": "shop"})
    expect(page.locator(".list .message:not(.hidden)")).to_have_count(1)
    for opener in (page.get_by_title("Time range"), page.get_by_label("More")):
        opener.click()
        expect(page.locator(".panel:not(.hidden)")).to_be_visible()
        assert violations(page) == []
        page.keyboard.press("Escape")
    query = page.get_by_label("Query", exact=True)
    query.click()
    page.keyboard.type("service:")
    expect(page.locator(".offers li")).to_have_count(1)
    assert violations(page) == []
    query.fill("level:(")
    expect(page.locator("#query-problem")).to_contain_text("Column")
    assert violations(page) == []
    query.press("Escape")
    query.blur()
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    assert violations(page) == []
