"""Compare: what is different since the deploy, each difference with its messages."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.conftest import Open, Site, sync_api
from tests.browser.test_accessibility import violations
from tests.browser.test_patterns import deploy, since

expect = sync_api.expect


def row(page: Any, table: str, text: str) -> Any:
    return page.get_by_role("table", name=table).locator("tbody tr").filter(has_text=text)


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1300, "light")])
def test_what_differs(open_page: Open, site: Site, width: int, scheme: str) -> None:
    """With the range before, and with the messages of another query; a figure opens its messages."""
    deployed = deploy(site)
    options = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    page = open_page(f"/compare?{since(deployed)}", **options)
    failed = row(page, "Patterns", "could not be paid")
    expect(failed).to_contain_text(re.compile(r"more\s*57.1 % \(8\)\s*0.0 % \(0\)"))
    expect(row(page, "Patterns", "was paid")).to_contain_text(re.compile(r"less\s*42.9 % \(6\)\s*100.0 % \(12\)"))
    expect(row(page, "Values of fields", "release: 1.1")).to_contain_text("more")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    row(page, "Values of fields", "release: 1.0").get_by_title("Its messages in the other range").click()
    expect(page.locator(".list .message:not(.hidden)")).to_have_count(12)
    page.go_back()
    page.get_by_label("Compared with").select_option("query")
    page.get_by_label("The other query").fill("level:3")
    page.get_by_label("The other query").press("Enter")
    expect(failed).to_contain_text(re.compile(r"less\s*57.1 % \(8\)\s*100.0 % \(8\)"))
    page.get_by_label("Compared with").select_option("time")
    expect(page.get_by_label("The other from")).to_be_focused()


def test_nothing_to_compare(open_page: Open, site: Site) -> None:
    """A range without a beginning has none before it; an empty one has nothing to compare."""
    page = open_page("/compare?range=all")
    expect(page.get_by_role("alert")).to_contain_text("compare what?")
    page.goto(f"{site.url}/compare?range=5m")
    expect(page.locator("main")).to_contain_text(
        "This range has nothing to compare. No message matches: the store is empty."
    )
