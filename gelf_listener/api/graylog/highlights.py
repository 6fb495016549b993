"""Highlights: where the words of a query stand in a message's texts."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, TypeAlias

from gelf_listener.query.fields import is_analysed, is_lower_case
from gelf_listener.query.nodes import Fuzzy, Group, Node, Phrase, Regex, Term, Wildcard
from gelf_listener.query.predicate import pattern_test
from gelf_listener.query.words import word_places, words

_MOST_RANGES = 100
"""Of one message."""
_MOST_LEAVES = 50
_MOST_WORDS = 20
_MOST_CHARACTERS = 32 * 1024
"""Of a text that are looked at."""

_Leaf: TypeAlias = Term | Phrase | Wildcard | Regex | Fuzzy

_STORED = {"short_message": "message", "host": "source"}


def highlights(fields: Mapping[str, Any], node: Node) -> dict[str, list[dict[str, int]]]:
    """
    Return what to highlight: ranges (start and length in characters) by field.

    Marked is what a term, a phrase or a pattern (wildcards, a regular expression, a fuzzy word) matches: words of
    texts, other values as a whole. What was negated is not.
    """
    found: dict[str, list[dict[str, int]]] = {}
    room = _MOST_RANGES
    for leaf, _ in zip(_leaves(node), range(_MOST_LEAVES), strict=False):
        named = ("message", "full_message") if leaf.field is None else (_STORED.get(leaf.field, leaf.field),)
        for name in named:
            value = fields.get(name)
            if isinstance(value, str):
                for start, end in _places(name, value, leaf):
                    if room > 0:
                        room -= 1
                        found.setdefault(name, []).append({"start": start, "length": end - start})
    for ranges in found.values():
        ranges.sort(key=lambda each: each["start"])
    return found


def _leaves(node: Node) -> Iterator[_Leaf]:
    """Give the terms, phrases and patterns that a message is found by."""
    if isinstance(node, _Leaf):
        yield node
    elif isinstance(node, Group):
        for inner in (*node.must, *node.should):
            yield from _leaves(inner)


def _places(name: str, value: str, leaf: _Leaf) -> Iterator[tuple[int, int]]:
    if not is_analysed(name):
        if _matches_whole(name, value, leaf):
            yield 0, len(value)
        return
    if not isinstance(leaf, (Term, Phrase)):
        test = _tested(leaf, lower=True)
        yield from ((start, start + len(word)) for start, word in word_places(value[:_MOST_CHARACTERS]) if test(word))
        return
    found = words(leaf.text)[:_MOST_WORDS]
    if found:
        pattern = r"\W+".join(map(re.escape, found))
        for match in re.finditer(rf"(?<!\w){pattern}(?!\w)", value[:_MOST_CHARACTERS], re.IGNORECASE):
            yield match.span()


def _matches_whole(name: str, value: str, leaf: _Leaf) -> bool:
    if isinstance(leaf, (Term, Phrase)):
        return value.lower() == leaf.text.lower()
    lower = is_lower_case(name)
    return _tested(leaf, lower=lower)(value.lower() if lower else value)


@lru_cache(maxsize=_MOST_LEAVES)
def _tested(leaf: Wildcard | Regex | Fuzzy, *, lower: bool) -> Callable[[str], bool]:
    """Compile a pattern once for all messages of an answer."""
    return pattern_test(leaf, lower=lower)
