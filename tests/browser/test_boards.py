"""Boards and saved searches: made, looked at, changed, sent to others; and none that only this browser has."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Open, Site, make_listener, open_tool, sync_api
from tests.browser.test_accessibility import violations
from tests.browser.test_explore import shop
from tests.e2e.listener import until

expect = sync_api.expect

PANELS = [
    {"title": "Calls", "show": "bars", "by": ["time", "service"]},
    {"title": "p95", "show": "lines", "by": ["time", "service"], "metric": ["p95:took_ms"]},
    {"title": "Services", "show": "bars", "by": ["service"]},
    {"title": "Heat", "show": "heat", "by": ["service", "status"]},
    {"title": "All in all", "show": "figures", "metric": ["count", "max:took_ms"]},
    {"title": "As a table", "show": "table", "by": ["status"]},
    {"title": "Failures", "show": "messages", "query": "status:500", "columns": ["status"], "wide": True},
]
BOARD = {"name": "Shop", "description": "What matters", "range": {"since": "1d"}, "panels": PANELS}


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A catalog of the test's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


def tile(page: Any, title: str) -> Any:
    return page.locator("article.tile").filter(has=page.get_by_role("heading", name=title))


def test_a_board_from_nothing(open_page: Open, site: Site) -> None:
    """Made, filled, reordered, copied, deleted and brought back, as a person does; a link shows it to somebody else."""
    shop(site)
    page = open_page("/")
    page.get_by_role("link", name="Boards").click()
    page.get_by_role("button", name="New board").click()
    page.get_by_label("Name").fill("Shop")
    page.get_by_label("Time range").last.select_option("1d")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="Shop")).to_be_visible()
    for title, by in (("Calls", "service"), ("Statuses", "status")):
        page.get_by_role("button", name="+ Panel").click()
        page.get_by_label("Title").fill(title)
        page.get_by_label("Group by").last.fill(by)
        page.get_by_role("button", name="Save").click()
        expect(tile(page, title).get_by_role("status").last).to_have_text("8 messages")
    page.get_by_label("Move forward: Statuses").click()
    expect(page.locator("article.tile h2").first).to_have_text("Statuses")
    other = open_page(page.url.removeprefix(site.url))
    expect(other.locator("article.tile h2")).to_have_text(["Statuses", "Calls"])
    page.get_by_label("Remove: Statuses").click()
    expect(page.locator("article.tile h2")).to_have_text(["Calls"])
    page.get_by_label("More").last.click()
    page.get_by_role("button", name="Delete").click()
    expect(page.locator("main")).to_contain_text("A board shows charts")
    page.get_by_role("button", name="Undo").click()
    expect(page.locator("article.tile h2")).to_have_text(["Calls"])
    tile(page, "Calls").get_by_role("link", name="Calls").click()
    expect(page.get_by_label("Group by").first).to_have_value("service")


def test_a_service_has_one_colour(open_page: Open, site: Site) -> None:
    """In every panel, whatever its place there is; different services have different ones, after loading again too."""
    start = shop(site, services=7)
    site.send(
        *(
            {"short_message": "more", "timestamp": start, "_service": "s06", "_status": 500, "_took_ms": 1}
            for _ in "xyz"
        )
    )
    panels = [
        {"title": "Calls", "show": "bars", "by": ["time", "service"]},
        {"title": "Slowest", "show": "lines", "by": ["time", "service"], "metric": ["max:took_ms"]},
        {"title": "By status", "show": "bars", "by": ["status", "service"]},
        {"title": "Some", "show": "lines", "by": ["time", "service"], "query": "service:(s06 s02)"},
    ]
    board = {"name": "Shop", "range": {"since": "1d"}, "panels": panels}
    page = open_page("/boards")
    page.get_by_label("File of boards").set_input_files(
        {"name": "b.json", "mimeType": "application/json", "buffer": json.dumps({"boards": [board]}).encode()}
    )
    page.get_by_role("link", name="Shop").click()

    def colours(title: str) -> dict[str, str]:
        entries = tile(page, title).locator(".legend li")
        fill = "rect => getComputedStyle(rect).fill"
        return {each.inner_text().strip(): each.locator("rect").evaluate(fill) for each in entries.all()}

    before: dict[str, str] = {}
    for _ in range(2):
        expect(tile(page, "Some").locator(".legend li")).to_have_count(2)
        expect(tile(page, "By status").locator(".legend li")).to_have_count(7)
        known = colours("Calls")
        assert len(set(known.values())) == len(known) == 7
        assert colours("Slowest") == colours("By status") == known
        some = colours("Some")
        assert some == {name: known[name] for name in ("s02", "s06")}
        assert not before or before == known
        before = known
        page.reload()


def test_a_file_in_and_out(open_page: Open, site: Site, tmp_path: Path) -> None:
    """What is exported is imported; what is wrong in a file is told with its place."""
    page = open_page("/boards")
    expect(page.get_by_role("button", name="Import")).to_be_visible()
    wrong = {"boards": [{"name": "x", "panels": [{"query": "level:("}]}]}
    for content, told in (
        ("{", "is not JSON"),
        ("[]", "is not a file of boards"),
        (json.dumps(wrong), "wrong.json: boards.[0].panels.[0].query"),
    ):
        file = tmp_path / "wrong.json"
        file.write_text(content, encoding="utf-8")
        page.get_by_label("File of boards").set_input_files(file)
        expect(page.locator("#notices .bad").last).to_contain_text(told)
    file = tmp_path / "boards.json"
    file.write_text(json.dumps({"boards": [BOARD]}), encoding="utf-8")
    page.get_by_label("File of boards").set_input_files(file)
    expect(page.get_by_role("link", name="Shop")).to_be_visible()
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Export all").click()
    exported = json.loads(Path(downloading.value.path()).read_text(encoding="utf-8"))
    assert [each["name"] for each in exported["boards"]] == ["Shop"]
    assert len(exported["boards"][0]["panels"]) == len(PANELS)


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1300, "dark")])
def test_configured_boards(chromium: Any, tmp_path: Path, width: int, scheme: str) -> None:
    """A board in Git: everything it shows, live, and nothing to change; axe finds nothing, a phone shows all of it."""
    file = tmp_path / "boards.json"
    file.write_text(json.dumps({"boards": [BOARD]}), encoding="utf-8")
    with make_listener(tmp_path / "listener", "--boards", str(file)) as listener:
        site = Site(listener)
        shop(site)
        page = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.goto(f"{site.url}/boards?board=configured-shop")
        expect(tile(page, "Failures").locator("tbody tr")).to_have_count(2)
        for title in ("Calls", "p95", "Services", "Heat"):
            expect(tile(page, title).locator(".cover")).to_be_attached()
        expect(tile(page, "All in all")).to_contain_text(re.compile("8.*203 ms", re.DOTALL))
        expect(tile(page, "As a table").locator("tbody tr")).to_have_count(2)
        expect(page.get_by_role("button", name="+ Panel")).to_have_count(0)
        expect(page.get_by_label("Remove: Calls")).to_have_count(0)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        tile(page, "Failures").scroll_into_view_if_needed()
        site.send({"short_message": "late", "_service": "s00", "_took_ms": 1, "_status": 500})
        expect(tile(page, "Failures")).to_contain_text("late")  # it asks again by itself
        tile(page, "Failures").get_by_role("link", name="late").click()
        expect(page.locator(".detail .said")).to_contain_text("late")
        page.close()


def test_a_board_that_nobody_sees_asks_nothing(open_page: Open, site: Site) -> None:
    """Nor one that was left, or is not live."""
    page = open_page("/boards")
    made = page.request.post(f"{site.url}/api/gelf/boards", data=BOARD, headers={"X-Requested-By": "test"}).json()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/aggregate" in request.url else None)
    page.goto(f"{site.url}/boards?board={made['id']}")
    until(lambda: page.wait_for_timeout(100) or len(asked) >= 12, 60)  # twice each
    page.get_by_role("button", name="Live").click()
    expect(page.locator("article.tile").first.get_by_role("status").last).to_contain_text("0 messages")
    page.wait_for_load_state("networkidle")
    before = len(asked)
    page.wait_for_timeout(6000)
    assert len(asked) == before
    open_tool(page, "Senders")
    page.wait_for_timeout(6000)
    assert len(asked) == before
