"""Levels: their names in queries, which mean the numbers that messages have."""

from __future__ import annotations

import difflib
from dataclasses import replace

from gelf_listener.query.fields import known_field
from gelf_listener.query.nodes import Group, Node, Phrase, Range, Term

LEVEL_WORDS = {
    "emergency": 0,
    "emerg": 0,
    "panic": 0,
    "alert": 1,
    "critical": 2,
    "crit": 2,
    "fatal": 2,
    "error": 3,
    "err": 3,
    "warning": 4,
    "warn": 4,
    "notice": 5,
    "informational": 6,
    "info": 6,
    "debug": 7,
    "trace": 7,
}
"""Syslog's names, and those that loggers use and the page shows."""

_NAMES = "emergency, alert, critical, error, warning, notice, info, debug"


def named_levels(node: Node) -> tuple[Node, list[tuple[str, int]]]:
    """
    Put numbers for the names of levels.

    Returns:
        The tree, and what is to be said of it: a text, and the column it is about.
    """
    said: list[tuple[str, int]] = []
    return _named(node, said), said


def nearest_level(text: str) -> str | None:
    """Return the name of a level that was probably meant; None where none is near."""
    return next(iter(difflib.get_close_matches(text.strip().lower(), LEVEL_WORDS, n=1)), None)


def _named(node: Node, said: list[tuple[str, int]]) -> Node:
    if isinstance(node, Group):
        must, should, must_not = (
            tuple([_named(each, said) for each in part]) for part in (node.must, node.should, node.must_not)
        )
        return node if (must, should, must_not) == (node.must, node.should, node.must_not) else replace(
            node, must=must, should=should, must_not=must_not
        )  # fmt: skip
    if not isinstance(node, Term | Phrase | Range) or not _is_level(node.field):
        return node
    texts = (node.low, node.high) if isinstance(node, Range) else (node.text,)
    numbers = [LEVEL_WORDS.get((text or "").strip().lower()) for text in texts]
    for text, number in zip(texts, numbers, strict=True):
        if number is not None:
            said.append((f"{text!r} is level {number}", node.columns[0]))
        elif text is not None and text.strip().isalpha():
            near = nearest_level(text)
            meant = f"did you mean {near}?" if near else f"they are 0 to 7, or {_NAMES}"
            said.append((f"{text!r} is not a level: {meant}", node.columns[0]))
    if all(number is None for number in numbers):
        return node
    written = [text if number is None else str(number) for text, number in zip(texts, numbers, strict=True)]
    if isinstance(node, Range):
        return replace(node, low=written[0], high=written[1])
    return Term(node.field, written[0] or "", columns=node.columns)


def _is_level(field: str | None) -> bool:
    known = None if field is None else known_field(field)
    return known is not None and known.matching == "level"
