"""
Pages: the files of the web page.

They are plain HTML, CSS and JavaScript modules below ``ui/``, served as they are: no build step, nothing from outside.
They are read once. A browser asks each time whether it has the right ones, so an upgrade shows at once.

``index.html`` names the others relatively, as seen from ``/``, and is the page of paths of several depths: for those
the names get ``../`` before them. So the page works behind any path of a reverse proxy without knowing it.

``known.js`` is given the table of known fields, so that the page knows a new one without being told.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from importlib.resources import files
from typing import NamedTuple

from gelf_listener.query.fields import KNOWN_FIELDS, SERVICE_FIELDS
from gelf_listener.rendering.usual import NOISE, TRACE_FIELDS

_MEDIA_TYPES = {
    "html": b"text/html; charset=utf-8",
    "js": b"text/javascript; charset=utf-8",
    "css": b"text/css; charset=utf-8",
    "svg": b"image/svg+xml",
}

_VIEWS = re.compile(
    r"/|/(?:search|explore|patterns|compare|boards|trace|alerts|senders|rejected|status|start)/?"
    r"|/messages?/(?:[^/]+/)?[0-9A-HJKMNP-TV-Z]{26}"  # a permalink, also as Graylog writes it
)
"""Paths that the page's own code tells apart; the file behind them is always the same."""
_MOST_FOLDERS = 20
"""Of an address that somebody made up."""


class Page(NamedTuple):
    """A file: its bytes, media type and entity tag."""

    body: bytes
    media_type: bytes
    tag: bytes


def find_page(path: str) -> Page | None:
    """Return the file for a path; None when there is none."""
    if _VIEWS.fullmatch(path):
        return _at_depth("index.html", path.count("/") - 1)
    return _pages().get(path.removeprefix("/ui/"))


def unknown_page(path: str) -> Page:
    """Return the page that says that there is nothing at a path."""
    return _at_depth("unknown.html", min(path.count("/") - 1, _MOST_FOLDERS))


@lru_cache(maxsize=2 * _MOST_FOLDERS)
def _at_depth(name: str, depth: int) -> Page:
    """Return a page for a path so many folders deep."""
    page = _pages()[name]
    return _page(page.body.replace(b'"./', b'"./' + b"../" * depth), page.media_type)


@cache
def _pages() -> Mapping[str, Page]:
    found = {}
    for file in files("gelf_listener.api").joinpath("ui").iterdir():
        media_type = _MEDIA_TYPES.get(file.name.rpartition(".")[2])
        if media_type is not None:
            found[file.name] = _page(_filled(file.name, file.read_bytes()), media_type)
    return found


def _filled(name: str, body: bytes) -> bytes:
    """Put the tables of known fields where the page expects them."""
    if name != "known.js":
        return body
    table = [
        {"name": known.name, "aliases": known.aliases, "type": known.type, "property": known.property}
        for known in KNOWN_FIELDS
    ]
    body = body.replace(b"KNOWN = [];", b"KNOWN = %b;" % json.dumps(table).encode(), 1)
    body = body.replace(b"NOISE = [];", b"NOISE = %b;" % json.dumps(sorted(NOISE)).encode(), 1)
    body = body.replace(b"TRACE_FIELDS = [];", b"TRACE_FIELDS = %b;" % json.dumps(TRACE_FIELDS).encode(), 1)
    return body.replace(b"SERVICE_FIELDS = [];", b"SERVICE_FIELDS = %b;" % json.dumps(SERVICE_FIELDS).encode(), 1)


def _page(body: bytes, media_type: bytes) -> Page:
    return Page(body, media_type, b'"%s"' % hashlib.sha256(body).hexdigest()[:32].encode())
