"""Rows: whole times with the date between days, fields behind the text, widths, and messages that nobody stores."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.browser.conftest import Open, Site, sync_api
from tests.e2e.listener import Listener

expect = sync_api.expect

DAY = 86_400


def rows(page: Any) -> Any:
    return page.locator(".list .message:not(.hidden)")


def test_each_day_has_its_date(open_page: Open, site: Site) -> None:
    """In a row of its own; times have milliseconds, in UTC where the address says so."""
    noon = 1_795_953_600.125  # 2026-11-29 12:00:00.125 UTC
    site.send(*({"short_message": f"m{days}", "timestamp": noon - days * DAY} for days in range(3)))
    page = open_page("/?live=0&range=all&zone=utc", timezone_id="Asia/Tokyo")
    expect(rows(page)).to_have_count(3)
    expect(page.locator(".list .day")).to_have_text(
        ["Sunday 2026-11-29", "Saturday 2026-11-28", "Friday 2026-11-27"], use_inner_text=True
    )
    expect(rows(page).first).to_contain_text("12:00:00.125")
    page.get_by_title("Time range").click()
    page.get_by_role("button", name="Local time").click()
    expect(rows(page).first).to_contain_text("21:00:00.125")
    assert "zone" not in page.url
    page.get_by_title("Sort by source").click()
    expect(page.locator(".list .day:not(.hidden)")).to_have_count(0)
    expect(rows(page).filter(has_text="2026-11-29 21:00:00.125")).to_have_count(1)


def test_fields_stand_behind_the_text(open_page: Open, site: Site) -> None:
    """The usual ones, those that were chosen, or none; the service stands beside the host, whole."""
    site.send(
        {"short_message": "paid", "host": "build-machine-7", "_service": "checkout", "_status": 500, "_file": "a.py"}
    )
    site.send(*({"short_message": "took", "_ms": ms, "timestamp": 1_700_000_000} for ms in (1, 1.5)))
    page = open_page("/?live=0&range=all")
    expect(rows(page).first).to_contain_text("paid status=500")
    expect(rows(page).first).not_to_contain_text("a.py")
    source = rows(page).first.locator("div").nth(2)
    expect(source).to_have_text("build-machine-7/checkout")
    assert source.evaluate("cell => cell.scrollWidth <= cell.clientWidth")
    expect(page.get_by_label("Fields", exact=True).get_by_role("button", name="ms 1.5")).to_be_visible()
    page.get_by_label("Fields", exact=True).get_by_role("button", name="file").click()
    page.get_by_role("button", name="In rows").click()
    expect(rows(page).first).to_contain_text("paid file=a.py")
    assert "inline=file" in page.url
    page.get_by_label("More").click()
    page.get_by_role("button", name="No fields").click()
    expect(rows(page).first.locator("div").last).to_have_text("paid")
    rows(page).first.click()
    expect(page.locator(".detail .head strong")).to_have_text("build-machine-7/checkout")
    expect(page.locator(".detail .values tr").nth(2)).to_contain_text("service")


def test_lines_are_wrapped_on_request(open_page: Open, site: Site) -> None:
    """And stay so for this browser."""
    site.send({"short_message": "long " * 60})
    page = open_page("/?live=0&range=all")
    expect(rows(page)).to_have_count(1)
    before = rows(page).first.bounding_box()["height"]
    page.get_by_label("More").click()
    page.get_by_role("button", name="Wrap lines").click()
    expect(page.locator(".list.wrap")).to_be_visible()
    assert rows(page).first.bounding_box()["height"] > 2 * before
    page.reload()
    expect(page.locator(".list.wrap")).to_be_visible()


def test_columns_are_made_wider_by_key(open_page: Open, site: Site) -> None:
    """Home takes the width back."""
    site.send({"short_message": "a", "_user": "x"})
    page = open_page("/?live=0&range=all&columns=user")
    expect(rows(page)).to_have_count(1)
    cell = rows(page).first.locator("div").nth(3)
    before = cell.bounding_box()["width"]
    handle = page.get_by_role("separator", name="Width of user")
    handle.focus()
    for _ in range(3):
        handle.press("ArrowRight")
    assert cell.bounding_box()["width"] > before + 40
    handle.press("Home")
    assert abs(cell.bounding_box()["width"] - before) < 2


def test_hints_stand_on_links(open_page: Open, site: Site) -> None:
    """And are not shown as errors."""
    site.send({"short_message": "a", "_request_id": "7"})
    page = open_page("/?live=0&range=all&q=reqest_id:7")
    problem = page.locator("#query-problem")
    expect(problem).to_contain_text("no message has a field 'reqest_id'; there is 'request_id'")
    faint = page.locator(".counts").evaluate("each => getComputedStyle(each).color")
    assert problem.evaluate("each => getComputedStyle(each).color") == faint


def test_a_message_that_nobody_stores_opens(open_page: Open, site: Site, tmp_path: Path) -> None:
    """The page says that nothing is stored, and what to do; what it shows is whole."""
    arguments = ["--input", "gelf+udp://127.0.0.1:0", "--api", "127.0.0.1:0", "--output", "null:"]
    with Listener(tmp_path, plain=True, arguments=arguments) as listener:
        other = Site(listener)
        page = open_page("/", url=other.url)
        expect(page.get_by_role("note")).to_contain_text("Nothing is stored")
        text = "x" * 600 + "end"
        deadline = time.monotonic() + 30
        while not rows(page).count() and time.monotonic() < deadline:
            other.send_raw(b'{"version":"1.1","host":"web","short_message":"%s","_user":"alice"}' % text.encode())
            page.wait_for_timeout(300)
        rows(page).first.click()
        expect(page.locator(".detail")).to_contain_text("alice")
        expect(page.locator(".detail")).to_contain_text("end")


def test_rejections_say_what_to_do(open_page: Open, site: Site) -> None:
    """As lint does."""
    site.send_raw(b"plain text")
    page = open_page("/rejected")
    expect(page.locator(".card")).to_contain_text("It sends plain text: run the program with gelf-listener pipe")


def test_the_language_is_shown_by_examples(open_page: Open, site: Site) -> None:
    """Pressing one puts it into the box, behind what is there."""
    site.send({"short_message": "a", "level": 3}, {"short_message": "b"})
    page = open_page("/?live=0&range=all&q=a")
    page.get_by_role("button", name="How to search").click()
    page.get_by_role("dialog").get_by_text("level:error").click()
    expect(page.get_by_label("Query", exact=True)).to_have_value("a AND level:error")
    expect(rows(page)).to_have_count(1)
