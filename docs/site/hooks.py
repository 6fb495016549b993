"""Hooks of mkdocs: pages that do not lie in docs/, and links to what is not a page."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File, Files

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.pages import Page

_ROOT = Path(__file__).parents[2]
_DOCS = "docs/"
_OUTSIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "handlers/README.md": "handlers.md",
}
"""Pages from elsewhere: path in the repository, and in the site."""
_INSIDE = {site: path for path, site in _OUTSIDE.items()}
_LINK = re.compile(r"(?<=\]\()([^)\s:#]+)(?=[)#])")


def on_files(files: Files, config: MkDocsConfig) -> None:
    """Add the pages from elsewhere."""
    for path, site in _OUTSIDE.items():
        files.append(File.generated(config, site, abs_src_path=str(_ROOT / path)))


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point relative links, which are right in the repository, to where that is in the site, or into the repository."""
    site = page.file.src_uri
    here = _INSIDE.get(site, _DOCS + site)

    def moved(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(posixpath.dirname(here), match[1]))
        target = _ROOT / path
        if not target.exists():  # text that is not a link, or a broken one, of which mkdocs tells
            return match[1]
        there = _OUTSIDE.get(path, path.removeprefix(_DOCS))
        if files.get_file_from_path(there) is None:
            return f"{config.extra['source']}/{'tree' if target.is_dir() else 'blob'}/main/{path}"
        return posixpath.relpath(there, posixpath.dirname(site) or ".")

    return _LINK.sub(moved, markdown)
