"""The files of the page: found by their paths, complete, and free of what the browser must not run."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urljoin

import pytest

from gelf_listener.api.pages import find_page

UI = Path(__file__).parents[3] / "gelf_listener" / "api" / "ui"
SCRIPTS = sorted(UI.glob("*.js"))


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/search",
        "/explore",
        "/patterns",
        "/boards",
        "/alerts",
        "/compare",
        "/trace",
        "/senders",
        "/rejected",
        "/status",
        "/start",
        "/message/01K9ZZZZZZZZZZZZZZZZZZZZZZ",
        "/messages/graylog_0/01K9ZZZZZZZZZZZZZZZZZZZZZZ",
    ],
)
def test_every_view_is_the_page(path: str) -> None:
    """The page's own code reads the path."""
    page = find_page(path)
    assert page is not None
    assert page.media_type.startswith(b"text/html")
    assert b'<main id="main"' in page.body


@pytest.mark.parametrize(
    "path",
    ["/", "/search", "/status/", "/message/01K9ZZZZZZZZZZZZZZZZZZZZZZ", "/messages/x/01K9ZZZZZZZZZZZZZZZZZZZZZZ"],
)
def test_names_are_relative(path: str) -> None:
    """As a browser resolves them, whatever comes before the path at a reverse proxy."""
    page = find_page(path)
    assert page is not None
    [found] = re.findall(r'href="([^"]*page\.css)"', page.body.decode())
    for before in ("", "/logs", "/a/b"):
        assert urljoin(f"http://x{before}{path}", found) == f"http://x{before}/ui/page.css"


@pytest.mark.parametrize(
    "path",
    ["/ui/", "/ui/../app.py", "/ui/%2e%2e/app.py", "/ui/nothing.js", "/senders/x", "/message/x", "/ui//etc/passwd"],
)
def test_nothing_else_is_found(path: str) -> None:
    """Only files that are in the folder have names."""
    assert find_page(path) is None


def test_every_file_is_served_as_what_it_is() -> None:
    """A browser takes no module of another type."""
    for file in UI.iterdir():
        page = find_page(f"/ui/{file.name}")
        assert page is not None, file.name
        if file.name != "known.js":  # which is filled: tests/unit/store/test_known_fields.py
            assert page.body == file.read_bytes()
    script = find_page("/ui/main.js")
    assert script is not None
    assert script.media_type == b"text/javascript; charset=utf-8"


def test_modules_import_only_each_other() -> None:
    """Nothing comes from elsewhere, so the page works offline."""
    names = {script.name for script in SCRIPTS}
    for script in SCRIPTS:
        for imported in re.findall(r'^import .*"([^"]+)";$', script.read_text(encoding="utf-8"), re.MULTILINE):
            assert imported.startswith("./"), script.name
            assert imported.removeprefix("./") in names, f"{script.name} imports {imported}"


def test_no_text_becomes_html() -> None:
    """Log lines are strangers' texts: the page is built from text nodes only, and nothing is evaluated."""
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function|srcdoc|DOMParser"
    )
    for script in SCRIPTS:
        assert not forbidden.search(script.read_text(encoding="utf-8")), script.name


def test_the_page_has_no_inline_code() -> None:
    """The content security policy would stop it."""
    html = (UI / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", html)
    assert not re.search(r'(?:src|href)="(?!\./|#)', html)


def imported_by(name: str) -> set[str]:
    """A script, and those that a browser loads with it."""
    found: set[str] = set()
    due = [name]
    while due:
        name = due.pop()
        if name not in found:
            found.add(name)
            text = (UI / name).read_text(encoding="utf-8")
            due += re.findall(r'^(?:import|\}) .*"\./([^"]+)";$', text, re.MULTILINE)
    return found


def test_every_script_is_asked_for_at_once() -> None:
    """Or the browser finds out about each only when the one before it has come; views that are opened later are not."""
    page = find_page("/")
    assert page is not None
    named = set(re.findall(r'rel="modulepreload" href="\./ui/([a-z]+\.js)"', page.body.decode()))
    assert named == imported_by("main.js")


def test_what_is_loaded_later_is_there() -> None:
    """Each such script exists, and each script belongs to the page or to what is loaded later."""
    texts = [script.read_text(encoding="utf-8") for script in SCRIPTS]
    later = {name for text in texts for name in re.findall(r'import\("\./([^"]+)"\)', text)}
    assert later
    reached = set().union(imported_by("main.js"), *map(imported_by, later))
    assert reached == {script.name for script in SCRIPTS}
    views = (UI / "views.js").read_text(encoding="utf-8")
    for name in re.findall(r"^  (\w+): \{ title", views, re.MULTILINE):
        assert find_page("/" if name == "messages" else f"/{name}") is not None, name
