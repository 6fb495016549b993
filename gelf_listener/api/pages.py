"""
Pages: the files of the web page.

They are plain HTML, CSS and JavaScript modules below ``ui/``, served as they are: no build step, nothing from outside.
They are read once. A browser asks each time whether it has the right ones, so an upgrade shows at once.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

__all__ = ["Page", "find_page"]

_MEDIA_TYPES = {
    "html": b"text/html; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "svg": b"image/svg+xml",
}

_VIEWS = re.compile(
    r"/|/(?:search|senders|rejected|status|start)/?"
    r"|/messages?/(?:[^/]+/)?[0-9A-HJKMNP-TV-Z]{26}"  # a permalink, also as Graylog writes it
)
"""Paths that the page's own code tells apart; the file behind them is always the same."""


class Page(NamedTuple):
    """A file: its bytes, media type and entity tag."""

    body: bytes
    media_type: bytes
    tag: bytes


def find_page(path: str) -> Page | None:
    """Return the file for a path; None when there is none."""
    pages = _pages()
    return pages["index.html"] if _VIEWS.fullmatch(path) else pages.get(path.removeprefix("/ui/"))


@cache
def _pages() -> Mapping[str, Page]:
    found = {}
    for file in files("gelf_listener.api").joinpath("ui").iterdir():
        media_type = _MEDIA_TYPES.get(file.name.rpartition(".")[2])
        if media_type is not None:
            body = file.read_bytes()
            found[file.name] = Page(body, media_type, b'"%s"' % hashlib.sha256(body).hexdigest()[:32].encode())
    return found
