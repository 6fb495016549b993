"""Trace: everything that one request caused, from a message to its story and back."""

from __future__ import annotations

import re
import time

import pytest

from tests.browser.conftest import Open, Site, sync_api
from tests.browser.test_accessibility import violations

expect = sync_api.expect

STEPS = [
    (0.0, "gateway", 6, "POST /checkout"),
    (0.02, "billing", 6, "calling the bank"),
    (1.02, "billing", 3, "the bank does not answer"),
    (1.03, "gateway", 3, "<b>502</b>"),
]


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1300, "light")])
def test_the_story_of_a_request(open_page: Open, site: Site, width: int, scheme: str) -> None:
    """From a message that failed: who did what when, the gap where the time went, and the messages again."""
    start = time.time() // 1 - 60
    site.send(
        *(
            {"short_message": text, "level": level, "timestamp": start + at, "_service": service, "_request_id": "r-42"}
            for at, service, level, text in reversed(STEPS)
        ),
        {"short_message": "another request", "timestamp": start, "_request_id": "r-43"},
    )
    page = open_page("/?range=all", viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.locator(".list .message:not(.hidden)", has_text="does not answer").click()
    page.get_by_role("link", name="Everything with this request_id").click()
    expect(page.locator(".story li .step > a")).to_have_text([text for *_, text in STEPS])
    expect(page.locator(".story .of")).to_have_text([service for _, service, *_ in STEPS])
    expect(page.locator(".story .offset")).to_have_text(["+0", "+20 ms", "+1.02 s", "+1.03 s"])
    expect(page.get_by_role("main").get_by_role("status")).to_contain_text("4 messages · 2 services · 1.03 s")
    expect(page.locator(".lane circle")).to_have_count(4)
    expect(page.locator(".story .gap").nth(1)).to_have_text("1 s later")
    heights = [gap.bounding_box()["height"] for gap in page.locator(".story .gap").all()]
    assert heights[1] > 20 * heights[0] > 0  # a gap of 20 ms and one of a second
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("link", name="the bank does not answer").click()
    expect(page.locator(".detail .said")).to_have_text("the bank does not answer")
    page.keyboard.press("Escape")
    expect(page.locator(".list .message:not(.hidden)")).to_have_count(4)


def test_an_id_that_is_not_there(open_page: Open, site: Site) -> None:
    """The id can be written by hand; nothing found is said."""
    page = open_page("/trace")
    page.get_by_label("Id of a request").fill("r-44")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("No message has this id")
    expect(page).to_have_url(re.compile("/trace\\?.*trace=r-44"))
