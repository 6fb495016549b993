"""Explore: figures of groups, as charts and as a table, each of whose cells opens its messages."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from tests.browser.conftest import Open, Site, sync_api
from tests.browser.test_accessibility import violations

expect = sync_api.expect


def shop(site: Site, *, services: int = 2) -> float:
    """Send four messages of each service, a minute apart, the later services slower; return when the first was."""
    start = time.time() // 60 * 60 - 600
    site.send(
        *(
            {
                "short_message": f"call {minute} of s{service:02}",
                "timestamp": start + 60 * minute + 1,
                "_service": f"s{service:02}",
                "_took_ms": 100 * (service + 1) + minute,
                "_status": 500 if minute == 3 else 200,
            }
            for service in range(services)
            for minute in range(4)
        )
    )
    return start


def cells(page: Any) -> list[list[str]]:
    rows = page.locator(".explore tbody tr")
    return [row.locator("th, td").all_inner_texts() for row in rows.all()]


def test_what_is_asked_is_in_the_address(open_page: Open, site: Site) -> None:
    """By mouse and keyboard as a person would; the address shows a colleague the same."""
    shop(site)
    page = open_page("/?range=all")
    page.get_by_role("link", name="Explore").click()
    expect(page.locator(".explore .figures [role=status]")).to_have_text("8 messages")
    assert page.locator(".explore .bar").count() > 0
    page.get_by_label("Group by").fill("service")
    page.keyboard.press("Enter")
    expect(page.locator(".explore thead")).to_contain_text("service")
    assert cells(page) == [["s00", "4"], ["s01", "4"]]
    page.get_by_label("Figure", exact=True).select_option("p95")
    page.get_by_label("Field of figure", exact=True).fill("took_ms")
    page.keyboard.press("Enter")
    expect(page.locator(".explore thead")).to_contain_text("p95 of took_ms")
    assert cells(page) == [["s01", "203 ms"], ["s00", "103 ms"]]
    page.get_by_role("button", name="+ Figure").click()
    page.get_by_label("Figure 2", exact=True).select_option("count")
    expect(page.locator(".explore thead")).to_contain_text("messages")
    assert cells(page) == [["s01", "203 ms", "4"], ["s00", "103 ms", "4"]]
    expect(page.locator(".explore .plot")).to_have_count(2)  # two units, two axes
    other = open_page(page.url.removeprefix(site.url))
    expect(other.locator(".explore tbody tr")).to_have_count(2)
    assert cells(other) == cells(page)
    page.go_back()
    expect(page.locator(".explore thead")).not_to_contain_text("messages")


def test_utc_or_local_times(open_page: Open, site: Site) -> None:
    """The same switch as among the messages."""
    at = 1_700_000_000  # 22:13:20 in UTC
    site.send({"short_message": "x", "timestamp": at})
    page = open_page(f"/explore?from={at - 60}&to={at + 60}&zone=utc", timezone_id="Asia/Tokyo")
    head = page.locator(".explore tbody th").first
    expect(head).to_have_text(re.compile("^2023-11-14 22:1"))
    picker = page.locator(".explore").get_by_title("Time range")
    expect(picker).to_contain_text("2023-11-14 22:12:20.000")
    picker.click()
    page.locator(".explore").get_by_role("button", name="Local time").click()
    expect(head).to_have_text(re.compile("^2023-11-15 07:1"))


@pytest.mark.parametrize("look", ["lines", "bars", "heat"])
def test_a_point_opens_its_messages(open_page: Open, site: Site, look: str) -> None:
    """The chart by the pointer; stretches without messages are there too."""
    start = shop(site)
    span = f"from={start - 120:.0f}&to={start + 600:.0f}"
    page = open_page(f"/explore?{span}&by=time,service&metric=max:took_ms&chart={look}")
    expect(page.locator(".explore tbody tr").first).to_be_visible()
    found = cells(page)
    assert sum(row[1:] == ["–", "–"] for row in found) >= 6
    assert [row[1:] for row in found if row[1] != "–"] == [[f"20{n} ms", f"10{n} ms"] for n in range(4)]
    expect(page.locator(".plot .alone")).to_have_count(8 if look == "lines" else 0)  # no line leads to a point alone
    # The lower one of the two services, at its third stretch.
    index = [row[1] for row in found].index("202 ms")
    box = page.locator(".plot .cover").bounding_box()
    across = box["x"] + (index + 0.7) * box["width"] / len(found)
    down = box["y"] + box["height"] * (0.75 if look == "heat" else 0.7)
    page.mouse.move(across, down)
    tip = page.locator(".plot .tip")
    expect(tip).to_contain_text("202 ms")
    expect(tip.locator(".chosen")).to_contain_text("s00")
    expect(tip.locator(".chosen")).to_contain_text("of 1 message")
    page.mouse.click(across, down)
    expect(page.locator(".list .message:not(.hidden)")).to_have_count(1)
    expect(page.locator(".list .message:not(.hidden)")).to_contain_text("call 2 of s00")
    assert "q=service%3As00" in page.url


def test_a_cell_opens_its_messages(open_page: Open, site: Site) -> None:
    """By the keyboard alone."""
    shop(site)
    page = open_page("/explore?range=all&by=service,status&q=call")
    expect(page.locator(".explore thead")).to_contain_text("500")
    assert cells(page) == [["s00", "3", "1"], ["s01", "3", "1"]]
    page.get_by_role("link", name="1", exact=True).last.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".list .message:not(.hidden)")).to_have_count(1)
    expect(page.locator(".list .message:not(.hidden)")).to_contain_text("call 3 of s01")
    page.go_back()
    expect(page.locator(".explore tbody tr")).to_have_count(2)


def test_what_is_not_among_the_most_frequent_is_others(open_page: Open, site: Site) -> None:
    """Of any metric, and it opens its messages too."""
    shop(site, services=7)
    page = open_page("/explore?range=all&by=service&metric=max:took_ms&limit=5")
    expect(page.locator(".explore tbody tr")).to_have_count(6)
    assert cells(page)[-1] == ["others", "203 ms"]
    page.get_by_role("row", name="others").get_by_role("link").click()
    expect(page.locator(".list .message:not(.hidden)")).to_have_count(8)
    page.goto(f"{site.url}/explore?range=all&by=time,service&metric=count&limit=5")
    expect(page.locator(".explore thead")).to_contain_text("others")
    expect(page.locator(".plot .legend li")).to_have_count(6)
    counted = [int(number) for row in cells(page) for number in row[1:] if number != "–"]
    assert sum(counted) == 28


def test_what_goes_wrong_is_told(open_page: Open, site: Site) -> None:
    """A field of texts, a query that is not one, and nothing found."""
    shop(site)
    site.send({"short_message": "no figure is of it", "_service": "quiet"})
    page = open_page("/explore?range=all&by=service&metric=p95:took_ms")
    expect(page.locator(".explore tbody th")).to_have_text(["s01", "s00"])
    page.goto(f"{site.url}/explore?range=all&by=service&metric=p95:service")
    expect(page.get_by_role("alert")).to_contain_text("service holds texts")
    page.goto(f"{site.url}/explore?range=all&q=nowhere")
    expect(page.locator(".figures")).to_contain_text("No message matches: ")
    page.goto(f"{site.url}/explore?range=all&by=nosuch")
    expect(page.locator(".figures")).to_contain_text("No message has these fields")
    page.goto(f"{site.url}/explore?range=all&by=none&metric=p50:took_ms,count")
    expect(page.locator(".big")).to_have_text(re.compile("152 ms.*9", re.DOTALL))
    expect(page.locator(".explore table")).to_be_hidden()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1300])
def test_everybody_can_use_it(open_page: Open, site: Site, scheme: str, width: int) -> None:
    """axe finds nothing; nothing is wider than a phone; a chart is as wide as its window, also when that changes."""
    shop(site, services=7)
    page = open_page("/explore?range=all", color_scheme=scheme, viewport={"width": width, "height": 800})
    for asked in ("by=time,service", "by=service,status", "by=service&metric=p95:took_ms,count", "by=none"):
        page.goto(f"{site.url}/explore?range=all&limit=5&{asked}")
        expect(page.locator(".explore .figures [role=status]")).to_have_text(re.compile("28 messages"))
        assert violations(page) == [], asked
        assert page.evaluate("document.documentElement.scrollWidth") <= width, asked
    page.goto(f"{site.url}/explore?range=all&by=time,service")
    expect(page.locator(".plot .cover")).to_be_visible()
    page.set_viewport_size({"width": 700, "height": 800})
    drawing = page.locator(".plot .canvas > svg")
    expect(drawing).to_have_attribute("width", str(page.locator(".plot").evaluate("plot => plot.clientWidth")))


def test_long_names_can_be_told_apart(open_page: Open, site: Site) -> None:
    """Beside bars on a phone, and in the table of a message's fields: they differ at their ends."""
    names = [f"a-service-with-a-rather-long-name-{number}" for number in range(3)]
    site.send(*({"short_message": "x", "_service": name, f"_{'field_' * 8}{name}": 1} for name in names))
    page = open_page("/explore?range=1d&by=service", viewport={"width": 390, "height": 844})
    expect(page.locator(".plot text[text-anchor=end]")).to_have_count(3)
    texts = page.locator(".plot text[text-anchor=end]").all_text_contents()
    assert sorted(text[-2:] for text in texts) == ["-0", "-1", "-2"]
    assert all("…" in text and len(text) <= 14 for text in texts)
    page.goto(f"{site.url}/?range=1d&live=0")
    page.locator(".message").first.click()
    name = page.locator("table.values td:first-child", has_text="field_field").first
    expect(name).to_be_visible()
    assert name.evaluate("cell => cell.scrollWidth <= cell.clientWidth")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
