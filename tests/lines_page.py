"""The table of docs/inputs/lines.md, made of the vectors: `python -m tests.lines_page` writes it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "inputs" / "lines.md"
FOLDER = ROOT / "tests" / "vectors" / "lines"
BEGIN = "<!-- From here on made of tests/vectors/lines by `python -m tests.lines_page`. -->\n"

_LONGEST = 100
_WORDS = {"short_message": "text", "timestamp": "time", "full_message": "trace"}


def vectors(path: Path) -> list[dict[str, Any]]:
    """Return the vectors of a file."""
    return list(json.loads(path.read_text()))


def table() -> str:
    """Return the tables, one a file of vectors."""
    parts = []
    for path in sorted(FOLDER.glob("*.json")):
        rows = [
            f"| {vector['program']} | {_shown(vector['lines'])} | {_read(vector['messages'])} |"
            for vector in vectors(path)
        ]
        unique = list(dict.fromkeys(rows))
        parts.append(
            f"\n### {path.stem.replace('_', ' ').capitalize()}\n\n| program | prints | read |\n|---|---|---|\n"
            + "\n".join(unique)
            + "\n"
        )
    return "".join(parts)


def _shown(text: str) -> str:
    """Show the beginning of some lines as code in a table."""
    first = text.strip("\n").replace("\n", " ⏎ ").replace("\t", " ").replace("\x1b", "")
    first = first if len(first) <= _LONGEST else first[:_LONGEST] + "…"
    return f"`` {first.replace('|', '¦')} ``"


def _read(messages: list[dict[str, Any]]) -> str:
    """Say what is read."""
    first = messages[0]
    parts = [] if first.get("level_unsaid") or "level" not in first else [f"level {first['level']}"]
    parts += ["time"] if first.get("timestamp") else []
    parts += ["host"] if first.get("host") else []
    parts += ["trace"] if first.get("full_message") else []
    parts += [f"`{name}`" for name in first.get("fields", ())]
    return ", ".join(parts) if parts else "text"


def main() -> None:
    """Write the page."""
    text = PAGE.read_text()
    PAGE.write_text(text.partition(BEGIN)[0] + BEGIN + table())


if __name__ == "__main__":
    main()
