"""Alerts: made, tried, seen firing, silenced, changed, deleted and brought back; configured ones only looked at."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Open, Site, make_listener, sync_api
from tests.browser.test_accessibility import violations

expect = sync_api.expect

CONFIGURATION = """
destinations = ["console:?name=ops"]

[[alerts]]
name = "no heartbeat"
query = "heartbeat"
none = true
window = "1h"
to = "ops"
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A listener with an alert of its configuration, a catalog of its own, and four failures."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    file = tmp_path / "listener.toml"
    file.write_text(CONFIGURATION, encoding="utf-8")
    with make_listener(tmp_path / "listener", "--config", str(file)) as listener:
        site = Site(listener)
        site.send(*({"short_message": f"failed {number}", "level": 3} for number in range(4)))
        yield site


def card(page: Any, name: str) -> Any:
    return page.locator(".alerts .card").filter(has=page.get_by_role("heading", name=name))


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1300, "light")])
def test_made_and_seen_firing(open_page: Open, site: Site, width: int, scheme: str) -> None:
    """As a person does it; what was typed stays when it is refused."""
    page = open_page("/?range=all&q=level%3A3", viewport={"width": width, "height": 900}, color_scheme=scheme)
    page.get_by_role("link", name="Alerts").click()
    configured = card(page, "no heartbeat")
    expect(configured).to_contain_text("none in 1h")
    expect(configured.get_by_role("button", name="Delete")).to_have_count(0)
    page.get_by_role("button", name="New alert").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Query")).to_have_value("level:3")
    form.get_by_label("Most messages").fill("2")
    form.get_by_label("ops").check()
    form.get_by_role("button", name="Try").click()
    expect(form.get_by_role("status")).to_contain_text("It would fire: 4 (more than 2 in 5m)")
    assert violations(page) == []
    for name, query, told in (("no heartbeat", "level:3", "already"), ("failures", "level:(", "query")):
        form.get_by_label("Name").fill(name)
        form.get_by_label("Query").fill(query)
        form.get_by_role("button", name="Save").click()
        expect(form.get_by_role("alert")).to_contain_text(told)
    form.get_by_label("Query").fill("level:3")
    form.get_by_role("button", name="Save").click()
    expect(form).to_have_count(0)
    made = card(page, "failures")
    expect(made.locator(".badge")).to_have_text("firing")
    expect(made).to_contain_text("now 4")
    expect(made).to_contain_text("Notices go to ops")
    made.get_by_text("History").click()
    expect(made.locator("tbody tr")).to_contain_text("firing")
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    made.get_by_role("link", name="Its messages").click()
    expect(page.locator(".list .message:not(.hidden)")).to_have_count(4)


def test_silenced_changed_and_deleted(open_page: Open, site: Site) -> None:
    """A silence ends, a change keeps what the form does not show, and a deletion can be taken back."""
    page = open_page("/alerts")
    alert = {"name": "failures", "query": "level:3", "more_than": 2, "to": ["ops"], "every": "20s"}
    headers = {"X-Requested-By": "test"}
    assert page.request.put(f"{site.url}/api/gelf/alerts/failures", data=alert, headers=headers).ok
    made = card(page, "failures")
    made.get_by_role("button", name="Silence").click()
    expect(made.locator(".badge")).to_have_text("silenced")
    made.get_by_role("button", name="End the silence").click()
    expect(made.locator(".badge")).to_have_text("firing")
    made.get_by_role("button", name="Change").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_label("Within")).to_have_value("5m")
    form.get_by_label("It fires when").select_option("metric")
    form.get_by_label("Highest value").fill("1")
    form.get_by_label("Figure", exact=True).fill("max:level")
    form.get_by_role("button", name="Save").click()
    expect(made).to_contain_text("max:level above 1 in 5m")
    made.get_by_role("button", name="Delete").click()
    expect(made).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(made).to_contain_text("max:level above 1 in 5m")
    status, text = site.listener.get("/api/gelf/alerts/failures")
    definition = json.loads(text)["definition"]
    assert (status, definition["to"], definition["every"]) == (200, ["ops"], 20)
