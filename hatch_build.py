"""What the build adds to the metadata: the README with absolute links, as an index has no other files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(!?)\[((?:[^\[\]]|!\[[^\]]*\]\([^)]*\))*)\]\((?!https?://|#|mailto:)([^)\s]+)\)")


class AbsoluteLinks(MetadataHookInterface):
    """Lets every relative link of the README point into the repository that `[project.urls]` names."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Add the README; see hatchling's documentation of metadata hooks."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        source = metadata["urls"]["Source"]
        metadata["readme"] = {"content-type": "text/markdown", "text": absolute(text, source)}


def absolute(text: str, source: str) -> str:
    """Return Markdown whose relative links begin with the repository's address; pictures are taken raw."""

    def link(match: re.Match[str]) -> str:
        kind = "raw" if match[1] else "blob"
        return f"{match[1]}[{absolute(match[2], source)}]({source}/{kind}/main/{match[3]})"

    return _LINK.sub(link, text)
