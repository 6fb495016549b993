"""Texts: how words and phrases are found in ``message`` and ``full_message``."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable

from gelf_listener.query.words import words

_MAX_GLANCES = 32


class CutText:
    """A text with what has been worked out about it so far. Safe to share: every part is set once, and whole."""

    __slots__ = ("_distinct", "_joined", "_ordered", "_places", "_words", "glances", "lower", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.lower = text.lower()
        self.glances = 0
        self._words: list[str] | None = None
        self._distinct: frozenset[str] | None = None
        self._joined: str | None = None
        self._ordered: list[str] | None = None
        self._places: dict[str, list[int]] | None = None

    @property
    def is_cut(self) -> bool:
        """Whether the words are known already."""
        return self._distinct is not None

    @property
    def words(self) -> list[str]:
        """All words in order."""
        if self._words is None:
            self._words = words(self.text)
        return self._words

    @property
    def distinct(self) -> frozenset[str]:
        """Every word once."""
        if self._distinct is None:
            self._distinct = frozenset(self.words)
        return self._distinct

    @property
    def ordered(self) -> list[str]:
        """Every word once, in the order of its letters."""
        if self._ordered is None:
            self._ordered = sorted(self.distinct)
        return self._ordered

    @property
    def joined(self) -> str:
        """All words with a NUL, which no word holds, before and behind each."""
        if self._joined is None:
            self._joined = "\0" + "\0".join(self.words) + "\0"
        return self._joined

    @property
    def places(self) -> dict[str, list[int]]:
        """Where each word stands, ascending."""
        if self._places is None:
            places: dict[str, list[int]] = {}
            for place, word in enumerate(self.words):
                places.setdefault(word, []).append(place)
            self._places = places
        return self._places


_Test = Callable[[CutText], bool]


def compile_term(text: str) -> _Test:
    """Compile a term; one of several words means any of them, as in Elasticsearch."""
    wanted = frozenset(words(text))
    if len(wanted) != 1:
        return lambda found: not wanted.isdisjoint(found.distinct)
    (only,) = wanted
    size = len(only)

    def matches(found: CutText) -> bool:
        if found.is_cut:
            return only in found.distinct
        # Most messages do not have the letters at all, and where white space is on both sides it is a word.
        lower = found.lower
        start = lower.find(only)
        if start < 0:
            found.glances += 1
            if found.glances > _MAX_GLANCES:  # so many words to look for: cutting once is cheaper
                return only in found.distinct
            return False
        end = start + size
        if (not start or lower[start - 1] == " ") and (end == len(lower) or lower[end] == " "):
            return True
        return only in found.distinct

    return matches


def compile_phrase(text: str, slop: int) -> _Test:
    """Compile a phrase: words in a row, at most `slop` moves apart (Lucene's distance of positions)."""
    phrase = words(text)
    if not phrase:
        return lambda found: False  # noqa: ARG005
    if len(phrase) == 1:
        return compile_term(phrase[0])
    first = phrase[0]
    if slop == 0:
        row = "\0" + "\0".join(phrase) + "\0"
        return lambda found: first in found.lower and row in found.joined
    distinct = frozenset(phrase)
    near = _near if len(distinct) == len(phrase) else _near_with_repeats
    return lambda found: first in found.lower and distinct <= found.distinct and near(found.places, phrase, slop)


def _shifted(places: dict[str, list[int]], phrase: list[str]) -> list[tuple[int, int]]:
    """Shift each word by its place in the phrase: an exact phrase falls on one number, moves spread it."""
    return sorted((place - index, index) for index, word in enumerate(phrase) for place in places[word])


def _near(places: dict[str, list[int]], phrase: list[str], slop: int) -> bool:
    """Whether the smallest window with one of every word is small enough."""
    shifted = _shifted(places, phrase)
    counts = [0] * len(phrase)
    missing = len(phrase)
    left = 0
    for value, index in shifted:
        missing -= counts[index] == 0
        counts[index] += 1
        while missing == 0:
            if value - shifted[left][0] <= slop:
                return True
            counts[shifted[left][1]] -= 1
            missing += counts[shifted[left][1]] == 0
            left += 1
    return False


def _near_with_repeats(places: dict[str, list[int]], phrase: list[str], slop: int) -> bool:
    """Like `_near`, where each word of the text stands for one word of the phrase only."""
    for low in sorted({value for value, _ in _shifted(places, phrase)}):
        following: dict[str, int] = {}
        for index, word in enumerate(phrase):
            spots = places[word]
            spot = max(bisect_left(spots, low + index), following.get(word, 0))
            if spot == len(spots) or spots[spot] > low + index + slop:
                break
            following[word] = spot + 1
        else:
            return True
    return False
