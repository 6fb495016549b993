"""Log lines from strangers: nothing runs, nothing breaks the page, nothing fakes what it shows."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.browser.conftest import Open, Site, make_listener, sync_api

expect = sync_api.expect

HOSTILE = {
    "html": {
        "short_message": "<img src=x onerror=window.ran=1><script>window.ran=1</script>",
        "host": "<b onclick=window.ran=1>",
        "_<i>": "<svg onload=window.ran=1>",
    },
    "escape": {"short_message": "\x1b[31mred\x1b[0m \x1b]0;title\x07", "_a": "\x1b[2J"},
    "bidi": {"short_message": "user \u202egnp.exe\u202c \u2066x\u2069", "host": "web\u202e"},
    "nul": {"short_message": "a\x00b", "_a": "\x00"},
    "right to left": {"short_message": "\u05e9\u05dc\u05d5\u05dd 123 \u0645\u0631\u062d\u0628\u0627"},
    "emoji": {"short_message": "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea done"},
    "line ends": {"short_message": "\n" * 300_000 + "x", "full_message": " \n" * 100_000 + " at", "_a": "\t" * 300_000},
    "nearly a trace": {
        "short_message": " at" + " in" * 100_000,
        "_a": " at " + ":1" * 100_000 + "x",
        "_b": "#1 " + "(1)" * 90_000,
    },
    "a megabyte": {"short_message": "x" * 1_000_000},
    "2000 fields": {"short_message": "many"} | {f"_field_{index}": f"value {index}" for index in range(2000)},
    "prototype": {"short_message": "proto", "___proto__": "x", "_constructor": "y", "_toString": "z"},
    "invisible": {"short_message": "a\u3164b\u2063c\u206ad\ufff9e\u034ff\uffa0g", "host": "w\u00adeb"},
    "a trace": {
        "short_message": "failed",
        "full_message": 'Traceback (most recent call last):\n  File "<script>window.ran=1</script>.py", line 1, in <b>\n'
        "    x\nValueError: \x1b[31m\u202e<img src=x onerror=window.ran=1>",
    },
    "json": {
        "short_message": "deep",
        "_a": "[" * 3000 + "]" * 3000,
        "_b": '{"__proto__": {"<b>": "<svg onload=window.ran=1>"}}',
    },
    "long names": {"short_message": "long", "host": "h" * 3000} | {"_" + "k" * 300: "v" * 3000},
    "lines": {"short_message": "one\n2026-11-23 ERROR faked line\rtwo"},
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One listener for all of them."""
    with make_listener(tmp_path_factory.mktemp("hostile")) as listener:
        yield Site(listener)


@pytest.mark.parametrize("kind", HOSTILE)
def test_it_is_shown_as_what_it_is(kind: str, open_page: Open, site: Site) -> None:
    """In the list, as one message, and in the tables; live as well as stored."""
    case = uuid.uuid4().hex
    page = open_page(f"/?q=case:{case}")
    site.send(HOSTILE[kind] | {"_case": case})
    row = page.locator(".list .message:not(.hidden)")
    expect(row).to_have_count(1)
    assert row.bounding_box()["height"] == 24
    row.click()
    expect(page.locator(".detail .said")).not_to_be_empty()
    page.wait_for_timeout(200)
    assert page.evaluate("window.ran") is None
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.title() == "gelf-listener"
    page.goto(site.url + "/senders")
    expect(page.locator("table")).to_be_visible()
    assert page.evaluate("window.ran") is None


def shown(page: Any) -> str:
    return str(page.locator(".list .message:not(.hidden) div").last.inner_text())


@pytest.mark.parametrize(
    ("kind", "parts"),
    [
        ("escape", ["\u27e8ESC\u27e9[31mred"]),
        ("bidi", ["\u27e8RLO\u27e9gnp.exe\u27e8PDF\u27e9"]),
        ("nul", ["a\u27e8NUL\u27e9b"]),
        ("html", ["<img src=x onerror=window.ran=1>"]),
        ("lines", ["one \u21b5 2026"]),
        (
            "invisible",
            ["a\u27e8U+3164\u27e9b\u27e8U+2063\u27e9c\u27e8U+206A\u27e9d\u27e8U+FFF9\u27e9e\u27e8U+034F\u27e9f"],
        ),
    ],
)
def test_what_would_hide_is_made_visible(kind: str, parts: list[str], open_page: Open, site: Site) -> None:
    """Control and bidirectional characters by their names, line ends as a sign."""
    case = uuid.uuid4().hex
    site.send(HOSTILE[kind] | {"_case": case})
    page = open_page(f"/?range=all&q=case:{case}")
    expect(page.locator(".list .message:not(.hidden)")).to_have_count(1)
    for part in parts:
        assert part in shown(page)
