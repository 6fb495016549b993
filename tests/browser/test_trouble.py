"""The page when something is wrong: a query, a time, the listener, who asks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.browser.conftest import Open, Site, make_listener, sync_api
from tests.browser.test_page import open_tool, rows, texts
from tests.e2e.listener import free_port

expect = sync_api.expect


@pytest.mark.parametrize("live", ["0", "1"])
def test_a_wrong_query_in_the_address(open_page: Open, site: Site, live: str) -> None:
    """Somebody sent a link to it: what is wrong and where is told, and a right one goes on from there."""
    site.send({"short_message": "a"})
    page = open_page(f"/?range=all&live={live}&q={quote('level:(3')}")
    expect(page.locator("#query-problem")).to_contain_text("Column 7")
    expect(page.locator(".empty")).to_contain_text("never closed")
    page.get_by_label("Query", exact=True).fill("level:6")
    expect(rows(page)).to_have_count(1)
    expect(page.locator("#query-problem")).to_be_hidden()


@pytest.mark.parametrize("time", ["keyword=some+time", "from=nonsense", "range=banana"])
def test_a_wrong_time_in_the_address(open_page: Open, site: Site, time: str) -> None:
    """It is told, with a way on."""
    site.send({"short_message": "a"})
    page = open_page(f"/?live=0&{time}")
    expect(page.locator(".empty")).to_contain_text("is not a time")
    page.get_by_role("button", name="Search all messages").click()
    expect(rows(page)).to_have_count(1)


def test_workers_are_shown(open_page: Open) -> None:
    """Each with its process, what it took, how often it was started again, and what is wrong with it."""
    page = open_page("/")
    healthy = {"number": 1, "pid": 4711, "messages": 1234, "restarts": 0, "problem": ""}
    silent = {"number": 2, "pid": 4712, "messages": 5, "restarts": 3, "problem": "has said nothing for 12 s"}
    figures = {"cpu_seconds": 1.5, "memory_bytes": 1 << 20}

    def with_workers(route: Any) -> None:
        found = route.fetch().json()
        route.fulfill(json=found | {"workers": [healthy | figures, silent | figures]})

    page.route("**/api/gelf/stats", with_workers)
    open_tool(page, "Inputs & outputs")
    shown = page.get_by_role("region", name="Workers").get_by_role("row")
    expect(shown.nth(1)).to_contain_text(re.compile("4711.*works.*1,234"))
    expect(shown.nth(2)).to_contain_text(re.compile("4712.*has said nothing for 12 s.*5.*3"))


def test_a_message_without_its_payload(open_page: Open, site: Site) -> None:
    """A store that keeps none says nothing of how the message came."""
    site.send({"short_message": "no payload"})
    page = open_page("/?live=0&range=all")

    def without(route: Any) -> None:
        found = route.fetch().json()
        route.fulfill(json=found | {"raw_bytes": 0, "raw_text": "", "raw_base64": "", "notes": [], "graylog": None})

    page.route(re.compile("/api/gelf/messages/[0-9A-Z]{26}$"), without)
    rows(page).first.click()
    expect(page.get_by_text("Its payload is not stored.")).to_be_visible()
    expect(page.get_by_text("It did not come as GELF.")).to_have_count(0)


def test_what_is_being_typed_stays(open_page: Open, site: Site) -> None:
    """A look at a message does not take a half-written query away."""
    site.send({"short_message": "a"})
    page = open_page("/?range=all")
    query = page.get_by_label("Query", exact=True)
    query.fill("level:(")
    expect(page.locator("#query-problem")).to_contain_text("Column")
    rows(page).first.click()
    expect(page.locator(".detail .said")).to_have_text("a")
    assert query.input_value() == "level:("


def test_a_part_of_the_store_is_damaged(open_page: Open, tmp_path: Path) -> None:
    """An answer that lacks messages says so, and why."""
    store = tmp_path / "first" / "store"
    with make_listener(tmp_path / "first") as listener:
        Site(listener).send({"short_message": "before"})
        listener.stop()
    (messages,) = store.glob("p*/messages.sqlite")
    messages.write_bytes(b"garbage" * 1000)
    (tmp_path / "second").mkdir()
    store.rename(tmp_path / "second" / "store")
    with make_listener(tmp_path / "second") as listener:
        Site(listener).send({"short_message": "after"})
        page = open_page("/?range=all&live=0", url=listener.api_url)
        expect(rows(page)).to_have_count(1)
        expect(page.locator(".counts")).to_contain_text("Not everything was looked at")
        expect(page.locator(".counts")).to_contain_text("damaged")


def test_the_listener_stops_and_comes_back(open_page: Open, tmp_path: Path) -> None:
    """It is said; then everything goes on by itself, nothing twice."""
    listener = make_listener(tmp_path / "restarted", api=f"127.0.0.1:{free_port()}")
    with listener:
        Site(listener).send({"short_message": "before"})
        page = open_page("/", url=listener.api_url)
        expect(rows(page)).to_have_count(1)
        listener.stop()
        expect(page.locator(".counts")).to_contain_text("does not answer")
        expect(page.locator("#pulse")).to_contain_text("does not answer")
        page.get_by_label("Query", exact=True).fill("level:6")
    with listener:
        expect(page.locator(".counts")).to_contain_text("messages/s")
        Site(listener).send({"short_message": "after"})
        expect(rows(page)).to_have_count(2)
        assert texts(page) == ["after", "before"]
        expect(page.locator("#query-problem")).to_be_hidden()


@pytest.mark.parametrize(
    ("path", "asked"),
    [("/patterns", "patterns"), ("/compare", "compare"), ("/trace?trace=x", "trace"), ("/explore", "aggregate")],
)
def test_a_slow_answer(open_page: Open, site: Site, path: str, asked: str) -> None:
    """While there is no answer yet, the view does not look as if there was nothing."""
    site.send({"short_message": "one", "_trace_id": "x"})
    page = open_page("/")
    held: list[Any] = []
    page.route(f"**/api/gelf/{asked}?*", lambda route: held.append(route))
    page.goto(site.url + path)
    looking = page.get_by_text("Looking …")
    expect(looking).to_be_visible()
    while not held:
        page.wait_for_timeout(50)
    for route in held:
        route.continue_()
    expect(looking).to_have_count(0)


def test_logging_in_and_out(open_page: Open, tmp_path: Path) -> None:
    """Where the API wants it: the page asks, shows what was asked for, and lets go again."""
    environment = {"GELF_API_PASSWORD": "correct horse battery staple"}
    with make_listener(tmp_path / "guarded", "--api-auth", "on", environment=environment) as listener:
        page = open_page("/?range=all&q=level:3", url=listener.api_url)
        dialog = page.get_by_role("dialog", name="Log in")
        dialog.get_by_label("User").fill("admin")
        dialog.get_by_label("Password").fill("wrong")
        dialog.get_by_role("button", name="Log in").click()
        expect(dialog).to_contain_text("Wrong user or password")
        dialog.get_by_label("Password").fill("correct horse battery staple")
        dialog.get_by_role("button", name="Log in").click()
        expect(page.locator(".counts")).to_contain_text("0 found")
        assert page.get_by_label("Query", exact=True).input_value() == "level:3"
        page.get_by_role("button", name="Log out").click()
        expect(page.get_by_role("dialog", name="Log in")).to_be_visible()


def test_a_message_that_is_gone(open_page: Open, site: Site) -> None:
    """Retention took it, the link stayed."""
    page = open_page("/message/01ARZ3NDEKTSV4RRFFQ69G5FAV")
    expect(page.locator(".detail")).to_contain_text(re.compile("no message has the id"))
    page.get_by_role("button", name="Close the message").click()
    expect(page.locator(".detail")).to_be_hidden()
