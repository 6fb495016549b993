"""The page in a real browser: following, searching, one message, and the tables."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from typing import Any

import pytest

from tests.browser.conftest import Open, Site, on_both_stores, open_tool, sync_api
from tests.browser.test_accessibility import violations
from tests.e2e.listener import until

expect = sync_api.expect

TRACEBACK = (
    'Traceback (most recent call last):\n  File "/app/shop.py", line 42, in pay\n    charge(order)\n'
    '  File "/usr/lib/python3.11/site-packages/cards/api.py", line 10, in call\n    raise Declined\n'
    '  File "/usr/lib/python3.11/site-packages/cards/x.py", line 11, in send\n    raise Declined\n'
    "cards.Declined: card 4242"
)


def rows(page: Any) -> Any:
    return page.locator(".list .message:not(.hidden)")


def texts(page: Any) -> list[str]:
    """Texts of the rows, without the fields behind them."""
    return [row.locator("div").last.evaluate("cell => cell.firstChild.textContent") for row in rows(page).all()]


def test_services_of_one_machine_are_told_apart(open_page: Open, site: Site) -> None:
    """The service stands beside the host in the list, whichever field names it; what names none is the host alone."""
    documents: tuple[dict[str, Any], ...] = (
        {"_service": "shop"},
        {"_facility": "cron"},
        {"_container_name": "c1", "_tag": "t"},
        {"_user": 1},
        {"_tag": "web"},
    )
    site.send(*({"short_message": f"m{number}", **fields} for number, fields in enumerate(documents)))
    page = open_page("/?range=all&sort=message:asc")
    expect(rows(page)).to_have_count(5)
    cells = [row.get_by_role("gridcell").nth(2).inner_text() for row in rows(page).all()]
    assert sorted(cells) == sorted(["web/shop", "web/cron", "web/c1", "web", "web"])


@on_both_stores
def test_a_message_is_on_the_page_within_a_second(open_page: Open, site: Site) -> None:
    """Without a reload; the newest at the top."""
    page = open_page("/")
    expect(page.locator(".empty")).to_contain_text("Waiting for messages")
    site.send({"short_message": "order 1 paid"})
    expect(rows(page)).to_have_count(1)
    site.send({"short_message": "order 2 paid", "level": 3})
    expect(rows(page)).to_have_count(2)
    assert texts(page) == ["order 2 paid", "order 1 paid"]
    expect(rows(page).first).to_contain_text("ERROR")


def test_scrolling_pauses_and_the_badge_counts(open_page: Open, site: Site) -> None:
    """Nothing moves under somebody who reads; one press goes on."""
    site.send(*({"short_message": f"m{index}"} for index in range(150)))
    page = open_page("/")
    expect(rows(page).first).to_contain_text("m149")
    page.locator(".list").evaluate("list => { list.scrollTop = 600 }")
    page.wait_for_timeout(200)
    seen = texts(page)
    site.send({"short_message": "meanwhile"}, {"short_message": "meanwhile too"})
    badge = page.locator(".flash")
    expect(badge).to_have_text(re.compile("2 new"))
    assert texts(page) == seen
    badge.click()
    expect(rows(page).first).to_contain_text("meanwhile too")
    expect(badge).to_be_hidden()


@on_both_stores
def test_a_query_filters_the_stream(open_page: Open, site: Site) -> None:
    """Only what matches is shown, also of what comes later."""
    site.send({"short_message": "a", "_user_id": 1}, {"short_message": "b", "_user_id": 2})
    page = open_page("/")
    page.get_by_label("Query", exact=True).fill("user_id:2")
    expect(rows(page)).to_have_count(1)
    site.send({"short_message": "c", "_user_id": 1}, {"short_message": "d", "_user_id": 2})
    expect(rows(page)).to_have_count(2)
    assert texts(page) == ["d", "b"]
    assert "q=user_id" in page.url


@pytest.mark.parametrize(("query", "found"), [("user_id:2", ["b"]), ("user_id:3", [])])
def test_rows_stay_until_the_new_query_is_answered(open_page: Open, site: Site, query: str, found: list[str]) -> None:
    """Dimmed, in the live view as in a search; then only what matches is there."""
    site.send({"short_message": "a", "_user_id": 1}, {"short_message": "b", "_user_id": 2})
    page = open_page("/")
    expect(rows(page)).to_have_count(2)
    held: list[Any] = []
    page.route("**/api/gelf/live?*", lambda route: held.append(route))
    page.get_by_label("Query", exact=True).fill(query)
    expect(page.locator(".list.stale")).to_be_visible()
    assert texts(page) == ["b", "a"]
    while not held:
        page.wait_for_timeout(50)
    for route in held:
        route.continue_()
    expect(page.locator(".list.stale")).to_have_count(0)
    expect(rows(page)).to_have_count(len(found))
    assert texts(page) == found
    if not found:
        expect(page.get_by_text("Waiting for messages that match")).to_be_visible()


def test_a_wrong_query_is_told_with_its_column(open_page: Open, site: Site) -> None:
    """As one types; the list stays."""
    site.send({"short_message": "a"})
    page = open_page("/?range=all")
    expect(rows(page)).to_have_count(1)
    page.get_by_label("Query", exact=True).fill("level:(3 OR")
    expect(page.locator("#query-problem")).to_contain_text("Column")
    expect(rows(page)).to_have_count(1)


def test_a_query_that_differs_in_a_graylog_is_told(open_page: Open, site: Site) -> None:
    """Why, and by how many messages; it is run all the same."""
    site.send({"short_message": "paid", "_user": "olga"}, {"short_message": "olga came"}, {"short_message": "bye"})
    page = open_page("/?range=all")
    page.get_by_label("Query", exact=True).fill("nobody olga")
    expect(rows(page)).to_have_count(2)
    expect(page.locator("#query-problem")).to_contain_text("1 of what is stored match there, 2 here")
    page.get_by_label("Query", exact=True).fill("paid came")
    expect(page.locator("#query-problem")).to_have_text("")
    expect(rows(page)).to_have_count(2)


@on_both_stores
def test_fields_and_values_are_completed(open_page: Open, site: Site) -> None:
    """By keyboard: Tab takes what is offered."""
    site.send(*({"short_message": "x", "_service": name} for name in ("shop", "shop", "billing")))
    page = open_page("/?range=all")
    expect(page.locator(".fields")).to_contain_text("service")
    query = page.get_by_label("Query", exact=True)
    query.click()
    with page.expect_response(lambda answer: "/search" in answer.url):
        page.keyboard.type("ser")
    expect(page.locator(".offers li")).to_have_count(1)
    expect(page.get_by_text("Nothing so far")).to_be_visible()
    expect(rows(page)).to_have_count(3)  # of the query before: this one is half typed
    expect(page.locator(".histogram")).to_contain_text("3 messages")
    page.keyboard.press("Escape")
    expect(rows(page)).to_have_count(0)
    expect(page.get_by_text("No message matches")).to_be_visible()
    page.keyboard.type("v")
    expect(page.locator(".offers li")).to_have_count(1)
    page.keyboard.press("Tab")
    assert query.input_value() == "service:"
    expect(page.locator(".offers li").first).to_contain_text("shop")
    page.keyboard.press("Tab")
    assert query.input_value() == "service:shop"
    expect(rows(page)).to_have_count(2)
    page.keyboard.type(" OR")
    expect(page.locator("#query-problem")).to_contain_text("OR has nothing on its right")
    expect(page.locator(".offers li")).to_have_count(0)  # a word of the language, not the beginning of a field


def test_fields_that_come_late_are_completed(open_page: Open, site: Site) -> None:
    """What was typed before the listener named its fields is completed then, whatever the histogram does."""
    site.send({"short_message": "x", "_order_id": 4711})
    page = open_page("/patterns?range=all")
    held: list[Any] = []
    page.route("**/api/gelf/fields", lambda route: held.append(route))
    page.route("**/api/gelf/histogram?*", lambda route: route.abort())
    page.goto(f"{site.url}/?range=all")
    page.get_by_label("Query", exact=True).click()
    page.keyboard.type("ord")
    expect(page.locator("#query-problem")).to_have_text("")
    until(lambda: page.wait_for_timeout(50) or held, 60)
    expect(page.locator(".offers li")).to_have_count(0)
    for route in held:
        route.continue_()
    expect(page.locator(".offers li")).to_have_text(["order_idlong"])
    page.keyboard.press("Tab")
    assert page.get_by_label("Query", exact=True).input_value() == "order_id:"


def test_the_navigation(open_page: Open, site: Site) -> None:
    """What everybody needs stands by itself; the menu has the rest, says where we are, and that something was rejected."""
    site.send_raw(b"{no json at all")
    page = open_page("/")
    expect(page.locator("#views > a")).to_have_text(["Messages", "Explore", "Boards", "Alerts", "Get started"])
    tools = page.locator("#views .menu > button")
    expect(tools).to_have_text("Tools1 ▾")
    tools.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(page.locator("#views .panel a").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(tools).to_have_text("Patterns1 ▾")
    expect(tools).to_have_attribute("aria-current", "page")
    expect(page.locator("#views .panel")).to_be_hidden()
    page.get_by_role("link", name="Explore").click()
    expect(tools).to_have_text("Tools1 ▾")


def test_the_numbers_of_a_field(open_page: Open, site: Site) -> None:
    """Percentiles, distribution and trend; a percentile and a range narrow the query, and Explore shows more of it."""
    now = time.time()
    site.send(*({"short_message": "x", "timestamp": now - 90 + n, "_took_ms": n} for n in range(1, 41)))
    page = open_page("/?range=15m&live=0")
    page.locator(".fields button.name", has_text="took_ms").click()
    numbers = page.locator(".numbers")
    expect(numbers.get_by_title("Only those from p50 on")).to_have_text("p50 20.5 ms")
    expect(numbers.get_by_role("img", name="Distribution of took_ms")).to_be_visible()
    expect(numbers.get_by_role("img", name="p50 and p95 of took_ms over time")).to_be_visible()
    assert violations(page) == []
    numbers.get_by_title("Only those from p50 on").click()
    expect(page).to_have_url(re.compile(r"q=took_ms%3A%3E%3D20\.5"))
    found = page.locator(".counts")
    expect(found).to_contain_text(re.compile("^20 found"))
    page.go_back()
    expect(found).to_contain_text(re.compile("^40 found"))
    lowest = page.locator(".numbers .range").first
    expect(lowest.locator("title")).to_contain_text(": 2 messages")
    lowest.click()
    expect(page).to_have_url(re.compile("AND"))
    expect(found).to_contain_text(re.compile("^2 found"))
    page.locator(".numbers").get_by_role("link", name="Explore").click()
    expect(page.locator(".explore thead")).to_contain_text("p99 of took_ms")


def test_history_is_kept(open_page: Open, site: Site) -> None:
    """Enter remembers a query, arrow down offers it again."""
    page = open_page("/?range=all")
    query = page.get_by_label("Query", exact=True)
    query.fill("level:3")
    query.press("Enter")
    expect(page).to_have_url(re.compile("q=level"))
    with page.expect_response(lambda answer: "/validate" in answer.url):  # asked for together with a completion
        query.fill("")
        query.press("ArrowDown")
    page.wait_for_timeout(100)
    expect(page.locator(".offers li").first).to_have_text("level:3")


@on_both_stores
def test_time_ranges(open_page: Open, site: Site) -> None:
    """Relative, in words, and since the page was opened; the back button goes back."""
    site.send({"short_message": "old", "timestamp": time.time() - 7200}, {"short_message": "new"})
    page = open_page("/?range=all")
    expect(rows(page)).to_have_count(2)
    page.get_by_title("Time range").click()
    page.get_by_role("button", name="Last hour").click()
    expect(rows(page)).to_have_count(1)
    assert "range=1h" in page.url
    page.get_by_title("Time range").click()
    page.get_by_label("In words").fill("last 3 hours")
    page.get_by_label("In words").press("Enter")
    expect(rows(page)).to_have_count(2)
    page.go_back()
    expect(rows(page)).to_have_count(1)
    page.get_by_title("Time range").click()
    page.get_by_role("button", name="Since I opened this page").click()
    expect(rows(page)).to_have_count(0)


@on_both_stores
def test_dragging_over_the_histogram_zooms(open_page: Open, site: Site) -> None:
    """The range becomes an absolute one."""
    now = time.time()
    site.send(*({"short_message": f"m{index}", "timestamp": now - 600 + index * 10} for index in range(60)))
    page = open_page("/?range=1h")
    chart = page.locator(".histogram > svg")
    expect(page.locator(".histogram")).to_contain_text("60 messages")
    box = chart.bounding_box()
    page.mouse.move(box["x"] + box["width"] * 0.86, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.92, box["y"] + 20, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile("from="))
    expect(page.locator(".counts")).not_to_contain_text("60 found")
    assert 0 < int(re.sub(r"\D", "", page.locator(".counts").inner_text().split("found")[0])) < 60


@on_both_stores
def test_top_values_of_a_field(open_page: Open, site: Site) -> None:
    """With their numbers; pressing one adds it to the query."""
    site.send(*({"short_message": "x", "_service": name, "_took": 5} for name in ("shop", "shop", "billing")))
    page = open_page("/?range=all")
    page.locator(".fields button.name", has_text="service").click()
    facts = page.locator(".facts")
    expect(facts).to_contain_text("in 100 % of 3")
    facts.locator(".top", has_text="billing").click()
    expect(rows(page)).to_have_count(1)
    assert page.get_by_label("Query", exact=True).input_value() == "service:billing"


@on_both_stores
def test_one_message(open_page: Open, site: Site) -> None:
    """Fields with their types, the traceback by frames, JSON as a tree, notes and what a Graylog would do."""
    site.send(
        {
            "short_message": "payment failed",
            "level": 3,
            "full_message": TRACEBACK,
            "_user_id": 4711,
            "_ok": False,
            "_cart": '{"items": [1, 2]}',
            "_request_id": "r-1",
        }
    )
    page = open_page("/?range=all")
    rows(page).first.click()
    detail = page.locator(".detail")
    expect(detail.locator(".said")).to_have_text("payment failed")
    expect(detail.locator(".trace .error")).to_have_text("cards.Declined: card 4242")
    expect(detail.locator(".trace details summary")).to_have_text("2 frames of libraries")
    expect(detail.locator("table.values tr", has_text="user_id")).to_contain_text("4711")
    expect(detail.locator("table.values tr", has_text="user_id").locator(".type")).to_have_text("number")
    expect(detail.locator(".tree").first).to_contain_text("items")
    expect(detail.locator(".note", has_text="boolean")).to_contain_text("ok: a boolean")
    expect(detail.get_by_role("link", name="Same request_id")).to_be_visible()
    detail.get_by_role("button", name="Add to the query: user_id").click()
    assert page.get_by_label("Query", exact=True).input_value() == "user_id:4711"
    page.get_by_role("link", name="Link").click()
    expect(page.locator(".detail .said")).to_have_text("payment failed")
    page.keyboard.press("Escape")
    expect(page.locator(".detail")).to_be_hidden()


def test_copying(open_page: Open, site: Site) -> None:
    """As JSON; as a command and a program that send it again when they are run."""
    text = "it's \U0001f600 paid\u202e\\n"
    site.send({"short_message": text, "_user_id": 1, "_ok": "yes", "_name": "logging has one", "_a.b": 2})
    page = open_page("/?range=all", permissions=["clipboard-read", "clipboard-write"])
    rows(page).first.click()

    def copied(what: str) -> str:
        page.locator(".detail").get_by_role("button", name="Copy ▾").click()
        page.get_by_role("button", name=what).click()
        expect(page.locator("#notices")).to_contain_text(f"{what.removeprefix('As ')} copied")
        return str(page.evaluate("navigator.clipboard.readText()"))

    document = json.loads(copied("As JSON"))
    assert (document["short_message"], document["_user_id"], document["_name"]) == (text, 1, "logging has one")
    command = copied("As curl")
    subprocess.run(["sh", "-c", command], check=True, timeout=60, capture_output=True)
    until(lambda: site.count() == 2, what="what curl sent")
    program = copied("As graypy call")
    assert "name" not in program.rpartition("extra=")[2]
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
    until(lambda: site.count() == 3, what="what graypy sent")
    messages = json.loads(site.listener.get("/api/gelf/search?query=user_id:1")[1])["messages"]
    assert [message["short_message"] for message in messages] == [text] * 3
    assert [message["fields"]["a.b"] for message in messages] == [2] * 3


@on_both_stores
def test_columns_and_highlights_are_in_the_address(open_page: Open, site: Site) -> None:
    """So a link shows the same."""
    site.send({"short_message": "a", "_user_id": 1}, {"short_message": "b", "_user_id": 2})
    page = open_page("/?range=all")
    rows(page).first.click()
    page.get_by_role("button", name="Show as a column: user_id").click()
    expect(page.locator(".heads")).to_contain_text("user_id")
    page.get_by_role("button", name="Highlight: user_id").click()
    expect(page.locator(".list .message.marked")).to_have_count(1)
    assert "columns=user_id" in page.url
    page.reload()
    expect(page.locator(".heads")).to_contain_text("user_id")
    expect(page.locator(".list .message.marked")).to_have_count(1)


def test_the_tables(open_page: Open, site: Site) -> None:
    """Senders, rejected payloads with hex and text, inputs and outputs."""
    site.send({"short_message": "a", "host": "shop-1"})
    site.send_raw(b"{no json at all")
    site.send({"short_message": "b", "host": "shop-1", "_code": 5})
    site.send({"short_message": "c", "host": "shop-2", "_code": "E5"})
    page = open_page("/senders")
    expect(page.locator("table").first).to_contain_text("shop-1")
    expect(page.get_by_role("region", name="Fields that differ in kind")).to_contain_text(
        "codea numbershop-1a textshop-2"
    )
    open_tool(page, "Rejected")
    card = page.locator("article.card")
    expect(card).to_contain_text("{no json at all")
    card.locator("summary").click()
    expect(card).to_contain_text("7b 6e 6f 20 6a 73 6f 6e")
    open_tool(page, "Inputs & outputs")
    expect(page.locator("main")).to_contain_text("gelf+udp://127.0.0.1:")
    expect(page.locator("main")).to_contain_text("works")


def test_getting_started_turns_green(open_page: Open, site: Site) -> None:
    """With the first message; the snippets have the real ports."""
    page = open_page("/start")
    light = page.locator(".card[role=status]")
    expect(light).to_contain_text("Waiting for your first message")
    expect(page.locator("main")).to_contain_text(str(site.port))
    page.get_by_role("button", name="Node: gelf-pro").click()
    expect(page.locator("#snippet")).to_contain_text(f"port: {site.port}")
    page.reload()  # whoever writes Node does so the next time as well
    expect(page.locator("#snippet")).to_contain_text(f"port: {site.port}")
    site.send({"short_message": "first"})
    expect(light.locator(".dot.good")).to_be_visible()


@on_both_stores
def test_export_import_and_delete(open_page: Open, site: Site, tmp_path: Any) -> None:
    """What matches, as it was sent; back again; and away."""

    def choose(name: str) -> None:
        page.get_by_label("More").click()
        page.get_by_role("button", name=name).click()

    site.send({"short_message": "keep", "_n": 1}, {"short_message": "export", "_n": 2})
    page = open_page("/?range=all&q=n:2")
    expect(rows(page)).to_have_count(1)
    page.get_by_label("More").click()
    with page.expect_download() as waiting:
        page.get_by_role("link", name="GELF", exact=True).click()
    file = tmp_path / "export.jsonl"
    waiting.value.save_as(file)
    (line,) = file.read_text().splitlines()
    assert json.loads(line)["short_message"] == "export"
    page.get_by_label("GELF file").set_input_files(file)
    expect(page.locator("#notices")).to_contain_text("1 message imported")
    assert site.count() == 3
    choose("What matches …")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#notices")).to_contain_text("2 messages deleted")
    assert site.count() == 1
    choose("Clear all …")
    expect(page.get_by_role("dialog")).to_contain_text("Delete all 1 message from the store?")
    page.get_by_role("button", name="Keep").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert site.count() == 1
    choose("Clear all …")
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(page.locator("#notices")).to_contain_text("1 message deleted")
    assert site.count() == 0


def test_keys(open_page: Open, site: Site) -> None:
    """The keyboard is enough."""
    site.send({"short_message": "a"}, {"short_message": "b"})
    page = open_page("/?range=all")
    expect(rows(page)).to_have_count(2)
    page.keyboard.press("j")
    expect(page.locator(".detail .said")).to_have_text("b")
    page.keyboard.press("j")
    expect(page.locator(".detail .said")).to_have_text("a")
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.get_by_label("Query", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    page.keyboard.press("g")
    page.keyboard.press("r")
    expect(page).to_have_url(re.compile("/rejected"))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()


def test_a_phone(open_page: Open, site: Site) -> None:
    """Nothing is wider than the screen, and a message fills it."""
    site.send({"short_message": "a" * 500})
    page = open_page("/?range=all", viewport={"width": 360, "height": 640})
    expect(rows(page)).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    assert rows(page).first.locator("div").last.bounding_box()["x"] < 180  # room for the message
    assert page.locator("#top").bounding_box()["height"] < 90
    site.send_raw(b"{no json")
    expect(page.locator("#views .badge").first).to_have_text("1")
    places = page.locator("#views > *").evaluate_all("each => each.map(one => one.getBoundingClientRect().top)")
    assert len(set(places)) == 1  # in one line, and what has no room there is in the menu
    open_tool(page, "Get started")
    expect(page.locator("#views [aria-current]").first).to_contain_text("Get started")
    open_tool(page, "Inputs & outputs")  # a long name, beside the badge
    expect(page.locator("#views .menu > button")).to_contain_text("Inputs")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    page.go_back()
    page.go_back()
    rows(page).first.click()
    expect(page.locator(".detail .said")).to_be_visible()
