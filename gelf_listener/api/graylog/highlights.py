"""Highlights: where the words of a query stand in a message's texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gelf_listener.query.fields import is_analysed
from gelf_listener.query.nodes import Group, Node, Phrase, Term
from gelf_listener.query.words import words

__all__ = ["highlights"]

_MOST_RANGES = 100
"""Of one message."""
_MOST_LEAVES = 50
_MOST_WORDS = 20
_MOST_CHARACTERS = 32 * 1024
"""Of a text that are looked at."""

_STORED = {"short_message": "message", "host": "source"}


def highlights(fields: Mapping[str, Any], node: Node) -> dict[str, list[dict[str, int]]]:
    """
    Return what to highlight: ranges (start and length in characters) by field.

    Terms and phrases are marked, words in texts and other values as a whole; wildcards, regular expressions and fuzzy
    words are not, and neither is what was negated.
    """
    found: dict[str, list[dict[str, int]]] = {}
    room = _MOST_RANGES
    for leaf, _ in zip(_leaves(node), range(_MOST_LEAVES), strict=False):
        named = ("message", "full_message") if leaf.field is None else (_STORED.get(leaf.field, leaf.field),)
        for name in named:
            value = fields.get(name)
            if isinstance(value, str):
                for start, end in _places(name, value, leaf.text):
                    if room > 0:
                        room -= 1
                        found.setdefault(name, []).append({"start": start, "length": end - start})
    for ranges in found.values():
        ranges.sort(key=lambda each: each["start"])
    return found


def _leaves(node: Node) -> Iterator[Term | Phrase]:
    """Give the terms and phrases that a message is found by."""
    if isinstance(node, (Term, Phrase)):
        yield node
    elif isinstance(node, Group):
        for inner in (*node.must, *node.should):
            yield from _leaves(inner)


def _places(name: str, value: str, sought: str) -> Iterator[tuple[int, int]]:
    if not is_analysed(name):
        if value.lower() == sought.lower():
            yield 0, len(value)
        return
    found = words(sought)[:_MOST_WORDS]
    if found:
        pattern = r"\W+".join(map(re.escape, found))
        for match in re.finditer(rf"(?<!\w){pattern}(?!\w)", value[:_MOST_CHARACTERS], re.IGNORECASE):
            yield match.span()
