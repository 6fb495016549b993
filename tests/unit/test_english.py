"""Plain English: phrases that came up often, and that need a second reading, do not come back."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

INSTEAD = {
    r"\b[Ff]or ever\b": "indefinitely, or: no limit",
    r"\b[Aa]new\b": "again",
    r"\b[Ff]ar sides?\b": "destination",
    r"\b[Nn]obody (?:listens|answers)\b": "nothing is listening, nothing answers",
    r"\b[Nn]obody need\b": "no login is needed",
    r"\broads?\b": "ways to send logs",
    r"\boperator's mistake\b": "usage error",
    r"\b(?:falls?|fell) silent\b": "stops writing",
    r"\b[Mm]end(?:s|ed|ing)?\b": "repair",
    r"\bare (?:already watching|watching already)\b": "too many live viewers (limit N)",
    r"\bis none that was given\b": "is not a cursor this server issued",
    r"\btwo beginnings\b": "are mutually exclusive",
    r"\bTell it what to do\b": "Configuration",
    r"(?:end|begin|send it|with|within|last|for) so many\b": "this many",
    r"(?<!here )\b(?:is|are) no (?:\w*(?:JSON|TOML|HTTP|GELF|UTF|YAML|SQL|CSV|XML|TLS)\b"
    r"|valid\b|number\b|time\b|date\b|text\b|query\b|record\b|message|address\b|name\b|id\b|list\b|table\b|file\b)": (
        "is not valid X, is not an X"
    ),
}
"""What not to write, and what to write instead."""


def texts() -> Iterator[Path]:
    """Everything that a person reads: the docs, and all of the code, whose strings are errors, help and log lines."""
    for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "Makefile", "handlers/README.md"):
        yield ROOT / name
    yield from sorted((ROOT / "docs").rglob("*.md"))
    yield from sorted((ROOT / "deploy").rglob("*.md"))
    for folder in ("gelf_listener", "handlers/gelf_handlers"):
        for ending in ("py", "js", "html"):
            yield from sorted((ROOT / folder).rglob(f"*.{ending}"))


TEXTS = list(texts())


@pytest.mark.parametrize("phrase", INSTEAD)
def test_it_is_said_plainly(phrase: str) -> None:
    """In docs, errors, log lines, help, the page, docstrings and comments."""
    pattern = re.compile(phrase)
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in TEXTS
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]
    assert found == [], f"write: {INSTEAD[phrase]}"


@pytest.mark.parametrize(
    "line",
    [
        "settings.toml is no TOML",
        "0: for ever",
        "the far side answers",
        "nobody listens there",
        "it is mended anew",
        "every usual road",
        "send it so many times",
        "what is no message, and bytes that are no JSON",
    ],
)
def test_the_phrases_are_found(line: str) -> None:
    """Or the test above would pass for nothing."""
    assert any(re.search(phrase, line) for phrase in INSTEAD)


@pytest.mark.parametrize("line", ["there is no time", "python -m bench.ways", "is not valid TOML", "so many reasons"])
def test_ordinary_sentences_are_not(line: str) -> None:
    """These are plain."""
    assert not any(re.search(phrase, line) for phrase in INSTEAD)
