"""Patterns: messages by what they look like, each of which opens its messages; new ones marked."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from tests.browser.conftest import Open, Site, open_tool, sync_api
from tests.browser.test_accessibility import violations

expect = sync_api.expect


def deploy(site: Site) -> float:
    """Send orders, ten minutes after which some could not be paid, with another release; return the time between."""
    deployed = time.time() // 1 - 300
    orders = [{"short_message": f"order {4000 + number} was paid", "_release": "1.0"} for number in range(12)]
    failures = [
        {"short_message": f"order {5000 + number} could not be paid", "level": 3, "_release": "1.1"}
        for number in range(8)
    ]
    site.send(
        *({"timestamp": deployed - 200 + number} | each for number, each in enumerate(orders)),
        *({"timestamp": deployed + 20 + number} | each for number, each in enumerate(orders[:6])),
        *({"timestamp": deployed + 100 + number} | each for number, each in enumerate(failures)),
    )
    return deployed


def since(deployed: float) -> str:
    return f"from={deployed:.0f}&to={deployed + 250:.0f}"


def rows(page: Any) -> Any:
    return page.locator(".shapes tbody tr")


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1300, "dark")])
def test_what_is_new_since_the_deploy(open_page: Open, site: Site, width: int, scheme: str) -> None:
    """The question of a person who deployed: found, marked, alone on request, and opened."""
    deployed = deploy(site)
    page = open_page(f"/?{since(deployed)}", viewport={"width": width, "height": 800}, color_scheme=scheme)
    open_tool(page, "Patterns")
    expect(rows(page)).to_have_count(2)
    expect(page.locator("[role=status]").filter(has_text="pattern")).to_have_text("14 messages, 2 patterns")
    expect(rows(page).first).to_contain_text(
        re.compile("8.*57.1 %.*ERROR.*new.*order <\\*> could not be paid", re.DOTALL)
    )
    expect(rows(page).first).to_contain_text("order 5007 could not be paid")
    expect(rows(page).last.locator(".badge")).to_have_count(0)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Only new ones").click()
    expect(rows(page)).to_have_count(1)
    page.get_by_role("link", name="order <*> could not be paid").click()
    expect(page.locator(".list .message:not(.hidden)")).to_have_count(8)
    page.go_back()
    expect(rows(page)).to_have_count(1)
    page.get_by_title("The newest").click()
    expect(page.locator(".detail .said")).to_have_text("order 5007 could not be paid")


def test_nothing_to_group(open_page: Open, site: Site) -> None:
    """Without messages, without a range before, and with a query that is wrong."""
    page = open_page("/patterns?range=all")
    expect(page.locator("main")).to_contain_text("No message matches: the store is empty.")
    expect(page.locator("main")).to_contain_text("this time range has no beginning")
    page.goto(f"{site.url}/patterns?range=all&new=1")
    expect(page.get_by_role("alert")).to_contain_text("new compares with the range before")
