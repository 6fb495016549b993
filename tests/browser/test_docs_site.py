"""The site of docs/: it builds without a warning, its links lead somewhere, and it loads nothing from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

from tests.browser.conftest import sync_api

ROOT = Path(__file__).parents[2]
SOURCE = "https://github.com/gelf-listener/gelf-listener"


class Page(HTMLParser):
    """What a page loads by itself, what it links to, and its anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        elif tag not in ("a", "form"):
            self.loads += [values[name] for name in ("src", "href", "data", "poster") if name in values]
            self.loads += [each.split()[0] for each in values.get("srcset", "").split(",") if each.strip()]
        self.loads += urls(values.get("style", ""))

    def handle_data(self, data: str) -> None:
        if self.cdata_elem == "style":
            self.loads += urls(data)


def urls(css: str) -> list[str]:
    """What a style sheet loads."""
    return re.findall(r"""(?:url\(|@import\s+)\s*["']?([^"')\s]+)""", css)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole site, with warnings as errors (`strict` in mkdocs.yml)."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    return folder


@pytest.fixture(scope="module")
def pages(built: Path) -> dict[Path, Page]:
    return {path: Page(path) for path in built.rglob("*.html")}


def test_every_page_is_there(built: Path) -> None:
    """Those of docs/, and those that lie elsewhere."""
    expected = {path.relative_to(ROOT / "docs").with_suffix(".html") for path in (ROOT / "docs").rglob("*.md")}
    expected = {path.with_name("index.html") if path.stem == "README" else path for path in expected}
    expected |= {Path(f"{name}.html") for name in ("index", "contributing", "changelog", "handlers")}
    assert {path.relative_to(built) for path in built.rglob("*.html")} - {Path("404.html")} == expected
    assert not list(built.rglob("*.py"))


def test_nothing_is_loaded_from_elsewhere(built: Path, pages: dict[Path, Page]) -> None:
    """No script, style, font or picture has a host; what has none is there."""
    assert urls("a { b: url('//x/y.woff') } @import \"https://z\"") == ["//x/y.woff", "https://z"]
    loaded = {(path, target) for path, page in pages.items() for target in page.loads}
    styles = {(path, target) for path in built.rglob("*.css") for target in urls(path.read_text(encoding="utf-8"))}
    assert len(loaded) > len(pages)
    for path, target in loaded | styles:
        parts = urlsplit(target)
        assert parts.scheme in ("", "data"), f"{path} loads {target}"
        assert not parts.netloc, f"{path} loads {target}"
        if not parts.scheme and parts.path and path.name != "404.html":  # its addresses are those of a server
            assert (path.parent / parts.path).exists(), f"{path} loads {target}"


def test_links(built: Path, pages: dict[Path, Page]) -> None:
    """To a page, with its anchor, or to a file of the repository; the links that the hook turns are of both kinds."""
    ours, elsewhere = 0, set()
    for path, page in pages.items():
        for link in page.links if path.name != "404.html" else ():
            parts = urlsplit(link)
            if link.startswith(f"{SOURCE}/"):
                elsewhere.add(parts.path.removeprefix(urlsplit(SOURCE).path))
            elif not parts.scheme:
                target = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
                assert target.exists(), f"{path} links to {link}"
                if parts.fragment and target.suffix == ".html":
                    assert unquote(parts.fragment) in pages[target].anchors, f"{path} links to {link}"
                ours += 1
    assert ours > 1000
    files = {match[1]: match[2] for link in elsewhere if (match := re.fullmatch(r"/(blob|tree)/main/(.+)", link))}
    assert set(files) == {"blob", "tree"}
    for link in elsewhere:
        match = re.fullmatch(r"/(blob|tree)/main/([^#]+)", link)
        if match:
            path = ROOT / match[2]
            assert path.is_dir() if match[1] == "tree" else path.is_file(), link
    assert "handlers.html" in pages[built / "index.html"].links
    assert "../handlers.html" in pages[built / "recipes" / "index.html"].links


def test_search_from_a_folder(chromium: Any, built: Path) -> None:
    """Without a server, where the search has no worker; and the browser asks no host for anything."""
    page = chromium.new_page()
    page.set_default_timeout(90_000)  # the index is read and searched in the page's own thread
    asked: list[str] = []
    problems: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto((built / "inputs" / "syslog.html").as_uri())
    box = page.get_by_role("textbox", name="Search")
    box.click()
    # What is typed before the index is there may be missed.
    sync_api.expect(page.locator(".md-search-result__meta")).to_contain_text("Type to start", timeout=90_000)
    box.press_sequentially("retention")
    page.locator(".md-search-result__item a").first.click()
    page.wait_for_url(lambda url: "syslog.html" not in url)
    assert "retention" in page.locator("article").inner_text().lower()
    assert {urlsplit(url).scheme for url in asked} <= {"file", "data", "about"}
    assert problems == []
    page.close()
