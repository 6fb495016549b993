"""The tables of docs/inputs/lines.md and syslog.md, made of vectors: `python -m tests.lines_page` writes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "inputs" / "lines.md"
FOLDER = ROOT / "tests" / "vectors" / "lines"
BEGIN = "<!-- From here on made of tests/vectors/lines by `python -m tests.lines_page`. -->\n"

SYSLOG_PAGE = ROOT / "docs" / "inputs" / "syslog.md"
SYSLOG_FOLDER = ROOT / "tests" / "vectors" / "syslog"
SYSLOG_BEGIN = "<!-- From here on made of tests/vectors/syslog by `python -m tests.lines_page`. -->\n"

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


def syslog_table() -> str:
    """Return the tables of what devices send."""
    parts = []
    for path in sorted(SYSLOG_FOLDER.glob("*.json")):
        rows = [
            f"| {vector['program']} | {_shown(vector['line'])} | {_read_of_header(vector)} |"
            for vector in vectors(path)
        ]
        title = path.stem.replace("_", " ").capitalize()
        parts.append(f"\n### {title}\n\n| from | sends | read |\n|---|---|---|\n" + "\n".join(rows) + "\n")
    return "".join(parts)


def _read_of_header(vector: dict[str, Any]) -> str:
    """Say what is read of a syslog message."""
    guessed = " (guessed)" if "guessed" in vector["notes"] else ""
    parts = ["host"] if vector["host"] else []
    parts += ["time"] if vector["timestamp"] else []
    parts += ["trace"] if vector.get("full_message") else []
    parts += [f"`{name}`" for name in vector["fields"]]
    return (", ".join(parts) or "text") + guessed


def main() -> None:
    """Write the pages."""
    for page, begin, made in ((PAGE, BEGIN, table()), (SYSLOG_PAGE, SYSLOG_BEGIN, syslog_table())):
        page.write_text(page.read_text().partition(begin)[0] + begin + made)


if __name__ == "__main__":
    main()
