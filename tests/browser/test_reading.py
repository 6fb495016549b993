"""The page in a real browser: reading a busy stream, and finding one's way from one message to others."""

from __future__ import annotations

import json
import re
import socket
import time
from typing import Any

import pytest

from tests.browser.conftest import Open, Site, on_both_stores, sync_api
from tests.browser.test_page import rows, texts
from tests.e2e.listener import until

expect = sync_api.expect

FLOOD = 60_000
"""As fast as one can: more than a stream takes in that time."""


def test_a_flood_does_not_freeze_it(open_page: Open, site: Site) -> None:
    """It shows a sample and says so, keeps few elements, and answers keys meanwhile."""
    page = open_page("/")
    expect(page.locator(".counts")).to_contain_text("messages/s")  # it is connected
    payloads = [
        json.dumps({"version": "1.1", "host": "web", "short_message": f"m{index}"}).encode() for index in range(1000)
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for index in range(FLOOD):
            sock.sendto(payloads[index % 1000], ("127.0.0.1", site.port))
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".counts")).to_contain_text("arrived too fast to be shown here; a search finds them")
    assert page.evaluate("document.querySelectorAll('*').length") < 3000
    dropped = site.listener.metric("gelf_input_kernel_drops_total")
    until(lambda: site.count() == FLOOD - dropped, what="all of them in the store")
    expect(page.locator("#pulse")).to_contain_text("/s")


def test_newest_at_the_bottom(open_page: Open, site: Site) -> None:
    """As in a terminal, when somebody wants that; it is remembered."""
    site.send(*({"short_message": f"m{index}"} for index in range(100)))
    page = open_page("/")
    expect(rows(page).first).to_contain_text("m99")
    page.get_by_label("More").click()
    page.get_by_role("button", name="At the bottom").click()
    expect(rows(page).last).to_contain_text("m99")
    page.reload()
    site.send({"short_message": "the newest"})
    expect(rows(page).last).to_contain_text("the newest")
    assert texts(page)[-2] == "m99"


def test_pausing_by_key(open_page: Open, site: Site) -> None:
    """Nothing comes in until one goes on."""
    site.send({"short_message": "before"})
    page = open_page("/")
    expect(rows(page)).to_have_count(1)
    page.keyboard.press("p")
    expect(page.locator(".flash")).to_have_text("Paused: go on")
    site.send({"short_message": "meanwhile"})
    expect(page.locator(".flash")).to_contain_text("1 new")
    assert texts(page) == ["before"]
    page.keyboard.press("p")
    expect(rows(page)).to_have_count(2)


def test_searches_are_saved(open_page: Open, site: Site) -> None:
    """Under a name, with their time and columns; and forgotten again."""
    site.send({"short_message": "a", "_user_id": 1}, {"short_message": "b", "_user_id": 2})
    page = open_page("/?range=all&live=0&columns=user_id&q=user_id:2")
    expect(rows(page)).to_have_count(1)
    page.get_by_label("More").click()
    page.get_by_label("Name of this search").fill("user two")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#notices")).to_contain_text("Saved")
    page.goto(site.url)
    page.get_by_label("More").click()
    page.get_by_role("link", name="user two").click()
    expect(rows(page)).to_have_count(1)
    expect(page.locator(".heads")).to_contain_text("user_id")
    assert page.get_by_label("Query", exact=True).input_value() == "user_id:2"
    page.get_by_label("More").click()
    page.get_by_label("Forget user two").click()
    page.get_by_label("More").click()
    expect(page.get_by_role("link", name="user two")).to_have_count(0)


def test_the_query_is_coloured(open_page: Open, site: Site) -> None:
    """Fields, values and operators are told apart, and a wrong place is marked."""
    site.send({"short_message": "a"})
    page = open_page("/?range=all")
    page.get_by_label("Query", exact=True).fill('user_id:42 AND "a b" OR /x.*/')
    colours = page.locator(".query")
    expect(colours.locator(".q-field")).to_have_text("user_id:")
    expect(colours.locator(".q-word")).to_have_text(["AND", "OR"])
    expect(colours.locator(".q-text")).to_have_text('"a b"')
    expect(colours.locator(".q-regex")).to_have_text("/x.*/")
    page.get_by_label("Query", exact=True).fill("level:(3 OR")
    expect(colours.locator(".q-wrong").first).to_be_visible()


def test_a_value_is_excluded(open_page: Open, site: Site) -> None:
    """One press at a field of a message."""
    site.send({"short_message": "a", "_service": "shop"}, {"short_message": "b", "_service": "noisy neighbour"})
    page = open_page("/?range=all")
    rows(page).first.click()
    page.get_by_role("button", name="Exclude: service").click()
    expect(rows(page)).to_have_count(1)
    assert texts(page) == ["a"]
    assert page.get_by_label("Query", exact=True).input_value() == 'NOT service:"noisy neighbour"'


def test_an_absolute_range(open_page: Open, site: Site) -> None:
    """From and to, as one reads them on a clock; it stays in the address."""
    now = time.time()
    site.send({"short_message": "old", "timestamp": now - 90_000}, {"short_message": "new", "timestamp": now})
    page = open_page("/?range=all", timezone_id="Europe/Berlin")
    expect(rows(page)).to_have_count(2)
    local = "date => { const at = new Date(date * 1000 - new Date(date * 1000).getTimezoneOffset() * 60000);"
    local += " return at.toISOString().slice(0, 19) }"
    page.get_by_title("Time range").click()
    page.get_by_label("From", exact=True).fill(page.evaluate(local, now - 91_000))
    page.get_by_label("To", exact=True).fill(page.evaluate(local, now - 89_000))
    page.get_by_role("button", name="Apply").first.click()
    expect(rows(page)).to_have_count(1)
    assert texts(page) == ["old"]
    assert "from=" in page.url


@on_both_stores
def test_what_surrounds_a_message(open_page: Open, site: Site) -> None:
    """The same request in other services; the same source before and after; and the link of one message."""
    now = time.time()
    site.send(
        {"short_message": "asked", "host": "web", "timestamp": now - 2, "_request_id": "r-1"},
        {"short_message": "paid", "host": "shop", "timestamp": now - 1, "_request_id": "r-1"},
        {"short_message": "else", "host": "web", "timestamp": now, "_request_id": "r-2"},
        {"short_message": "long ago", "host": "web", "timestamp": now - 3600},
    )
    page = open_page("/?range=all&q=asked")
    rows(page).first.click()
    page.get_by_role("link", name="Same request_id").click()
    expect(rows(page)).to_have_count(2)
    assert texts(page) == ["paid", "asked"]
    page.goto(site.url + "/?range=all&q=asked")
    rows(page).first.click()
    page.get_by_role("link", name="Same source ± 10 s").click()
    expect(rows(page)).to_have_count(2)
    assert texts(page) == ["else", "asked"]
    page.goto(site.url + "/?range=all&q=asked")
    rows(page).first.click()
    link = page.get_by_role("link", name="Link").get_attribute("href")
    assert re.fullmatch(r"/message/[0-9A-Z]{26}", link)
    page.goto(site.url + link)
    expect(page.locator(".detail .said")).to_have_text("asked")


def test_raw_bytes_and_origin(open_page: Open, site: Site) -> None:
    """What came, from where, through which input, and by which client."""
    site.send_raw(b'{"version":"1.1", "host":"shop","short_message":"as it came","timestamp":1.50,"_n":"1e3"}')
    page = open_page("/?range=all")
    rows(page).first.click()
    detail = page.locator(".detail")
    expect(detail.get_by_role("table", name="Received")).to_contain_text("gelf+udp")
    expect(detail.get_by_role("table", name="Received")).to_contain_text("127.0.0.1:")
    detail.locator("summary", has_text="Raw bytes").click()
    expect(detail).to_contain_text('"timestamp":1.50,"_n":"1e3"')


def test_exports(open_page: Open, site: Site, tmp_path: Any) -> None:
    """CSV has the columns that are shown first, then every other field; JSON lines have everything."""
    site.send({"short_message": "=1+1", "_user_id": 7, "_service": "shop", "full_message": "whole"})
    page = open_page("/?range=all&columns=user_id")
    expect(rows(page)).to_have_count(1)

    def export(name: str) -> str:
        page.get_by_label("More").click()
        with page.expect_download() as waiting:
            page.get_by_role("link", name=name, exact=True).click()
        page.keyboard.press("Escape")
        waiting.value.save_as(tmp_path / name)
        return str((tmp_path / name).read_text())

    head, line = export("CSV").splitlines()
    assert head == "timestamp,level,source,user_id,message,service,full_message"
    assert line.endswith("web,7,'=1+1,shop,whole")
    assert json.loads(export("JSON lines"))["fields"] == {"user_id": 7, "service": "shop"}


def test_light_and_dark(open_page: Open, site: Site) -> None:
    """As the system says, until somebody chooses; the choice is kept."""
    page = open_page("/", color_scheme="dark")
    background = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(background)
    page.keyboard.press("t")
    light = page.evaluate(background)
    assert dark != light
    page.reload()
    assert page.evaluate(background) == light


def test_working_offline_of_everything_else(open_page: Open, site: Site) -> None:
    """Nothing is asked of anybody but the listener."""
    page = open_page("/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.reload()
    expect(page.locator(".empty")).to_contain_text("Waiting for messages")
    assert asked
    assert all(url.startswith(site.url) for url in asked)


def test_words_mean_the_days_of_the_reader(open_page: Open, site: Site) -> None:
    """Yesterday begins and ends at midnight where the browser is: here fourteen hours before it does in UTC."""
    ahead, day = 14 * 3600, 86400
    begin = (time.time() + ahead) // day * day - day - ahead
    site.send(
        {"short_message": "early", "timestamp": begin + 1800},
        {"short_message": "late", "timestamp": begin + day - 1800},
    )
    page = open_page("/?keyword=yesterday", timezone_id="Etc/GMT-14")
    expect(rows(page)).to_have_count(2)


@on_both_stores
def test_live_begins_with_what_is_in_the_range(open_page: Open, site: Site) -> None:
    """As the histogram above it; what is older is a press away, and what was stored before is not a rate."""
    now = time.time()
    site.send(*({"short_message": f"m{index}", "timestamp": now - 3600} for index in range(90)))
    page = open_page("/")
    expect(page.locator(".empty")).to_contain_text("Waiting for messages")
    expect(page.locator(".counts")).to_have_text("0 messages/s0 shown")
    site.send({"short_message": "now"})
    expect(rows(page)).to_have_count(1)
    page.reload()
    expect(page.locator(".counts")).to_have_text("0 messages/s1 shown")
    page.get_by_title("Time range").click()
    page.get_by_role("button", name="Since I opened this page").click()
    page.get_by_role("button", name="Search older messages").click()
    expect(page.locator(".counts")).to_contain_text("91 found")
    page.goto(f"{site.url}/?q=level:0")
    expect(page.locator(".empty")).to_contain_text("Waiting for messages that match")
    expect(page.get_by_text("How to send some")).to_have_count(0)


@on_both_stores
def test_values_of_the_field_list(open_page: Open, site: Site) -> None:
    """Excluded and highlighted from there as well."""
    site.send(*({"short_message": name, "_service": name} for name in ("shop", "shop", "billing")))
    page = open_page("/?range=all")
    page.locator(".fields button.name", has_text="service").click()
    page.get_by_role("button", name="Highlight: service:billing").click()
    expect(page.locator(".list .message.marked")).to_have_text(re.compile("billing"))
    page.get_by_role("button", name="Exclude: service:billing").click()
    expect(rows(page)).to_have_count(2)
    assert page.get_by_label("Query", exact=True).input_value() == "NOT service:billing"


def test_every_field_can_be_a_column(open_page: Open, site: Site) -> None:
    """Those the listener adds, those whose names JavaScript knows, and those of messages with thousands."""
    site.send(
        {"short_message": "many", "_constructor": "mine", "_last": "x"} | {f"_f{index}": index for index in range(100)}
    )
    site.send({"short_message": "few"})
    page = open_page("/?range=all&columns=gl2_remote_ip,gl2_message_id,gl2_receive_timestamp,constructor")
    expect(rows(page)).to_have_count(2)
    for row, constructor in zip(rows(page).all(), ("", "mine"), strict=True):
        address, id_, received, mine = row.locator("div").all_inner_texts()[3:7]
        assert (address, mine) == ("127.0.0.1", constructor)
        assert re.fullmatch("[0-9A-Z]{26}", id_)
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}", received)
    page.goto(site.url + "/?range=all")
    page.get_by_label("Find a field").fill("last")
    page.locator(".fields button.name", has_text="last").click()
    page.get_by_role("button", name="Column").click()
    expect(rows(page).last.locator("div").nth(3)).to_have_text("x")


def test_the_histogram_by_key(open_page: Open, site: Site) -> None:
    """Arrows choose bars, Enter zooms in: the same as dragging."""
    now = time.time()
    site.send(*({"short_message": f"m{index}", "timestamp": now - 600 + index * 10} for index in range(60)))
    page = open_page("/?range=all")
    expect(page.locator(".histogram")).to_contain_text("60 messages")
    page.locator(".histogram > svg").focus()
    page.keyboard.press("End")
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator(".histogram [role=status]")).to_contain_text("message")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("from=.*to="))
    expect(page.locator(".counts")).to_contain_text("found")
    expect(page.locator(".counts")).not_to_contain_text("60 found")
    expect(rows(page)).not_to_have_count(0)


@on_both_stores
def test_the_histogram_by_severity(open_page: Open, site: Site) -> None:
    """Every message is in a bar, also one without a level; pressing a severity filters."""
    site.send(*({"short_message": f"m{level}", "level": level} for level in (0, 2, 3, 6, 6)))
    site.send_raw(b'{"version":"1.1","host":"web","short_message":"no level"}')
    until(lambda: site.count() == 6, what="all of them")
    page = open_page("/?range=all")
    legend = page.locator(".histogram .legend")
    expect(legend).to_contain_text("6 messages")
    assert [each.inner_text() for each in legend.get_by_role("button").all()] == [
        "critical 2",
        "error 1",
        "no level 1",
        "info 2",
    ]
    expect(page.locator(".histogram rect.bar-none").first).to_be_attached()
    legend.get_by_role("button", name="no level").click()
    expect(rows(page)).to_have_count(1)
    assert texts(page) == ["no level"]


def test_a_long_query_is_scrolled_with_its_colours(open_page: Open, site: Site) -> None:
    """What is seen is what is under the caret."""
    page = open_page("/?range=all")
    query = page.get_by_label("Query", exact=True)
    query.fill(" OR ".join(f"user_id:{index}" for index in range(400)))
    query.press("Control+End")
    page.wait_for_function("document.querySelector('.query textarea').scrollTop > 0")
    page.wait_for_function(
        "document.querySelector('.query textarea').scrollTop === document.querySelector('.query pre').scrollTop"
    )


TRACES = {
    "java": "java.lang.IllegalStateException: no stock\n\tat shop.Orders.place(Orders.java:88)\n"
    "\tat java.base/java.lang.Thread.run(Thread.java:840)\nCaused by: shop.Declined: card\n\tat shop.Pay.charge(Pay.java:3)",
    "node": "TypeError: x is not a function\n    at place (/srv/shop/orders.js:88:5)\n    at async /srv/shop/main.js:3:1\n"
    "    at Module._compile (node:internal/modules/cjs/loader:1256:14)",
    "dotnet": "System.InvalidOperationException: no stock\n   at Shop.Orders.Place(Order order) in /src/Orders.cs:line 88\n"
    "   at Shop.Program.Main(String[] args) in /src/Program.cs:line 3\n   at System.Threading.Thread.Start()",
    "php": "Exception: no stock in /srv/shop/orders.php:88\nStack trace:\n#0 /srv/shop/index.php(3): place()\n"
    "#1 /srv/shop/vendor/kernel.php(9): run()\n#2 {main}",
}


@pytest.mark.parametrize("language", TRACES)
def test_traces_of_other_languages(open_page: Open, site: Site, language: str) -> None:
    """Frame by frame, wherever a client puts them: in the message, or in a field."""
    site.send({"short_message": "failed", "_stack": TRACES[language]}, {"short_message": TRACES[language]})
    page = open_page("/?range=all")
    for index, place in enumerate((".said", "table.values")):
        rows(page).nth(index).click()
        frames = page.locator(f".detail {place} .trace .frame")
        expect(frames).to_have_count(3)
        expect(page.locator(f".detail {place} .trace .frame.library")).to_have_count(1)
        expect(page.locator(f".detail {place} .trace .error").first).to_be_visible()
