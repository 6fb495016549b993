"""Patterns: wildcards and fuzzy words as tests of a whole text, in time that grows with the text only."""

from __future__ import annotations

import re
from collections.abc import Callable

_TextTest = Callable[[str], bool]

_MAX_SEARCHED = 64
"""Longest piece with question marks that `re` looks for: it repeats nothing, so that is its most steps a character."""


def compile_wildcards(parts: tuple[tuple[bool, str], ...]) -> _TextTest:
    """
    Compile a wildcard pattern; see `nodes.Wildcard` for its parts.

    Between two ``*`` the first place that fits is as good as any, so nothing is ever tried twice.
    """
    pieces: list[list[str | None]] = [[]]  # what stands between the stars; None is a question mark
    for wild, text in parts:
        if wild and text == "*":
            pieces.append([])
        else:
            pieces[-1] += [None] if wild else list(text)
    head, tail = _Piece(pieces[0]), _Piece(pieces[-1])
    if len(pieces) == 1:
        return lambda text: len(text) == head.size and head.is_at(text, 0)
    middle = [_Piece(piece) for piece in pieces[1:-1] if piece]
    if not middle and head.literal is not None and tail.literal is not None:
        prefix, suffix, shortest = head.literal, tail.literal, head.size + tail.size
        if not suffix:
            return lambda text: text.startswith(prefix)
        return lambda text: len(text) >= shortest and text.startswith(prefix) and text.endswith(suffix)
    if len(middle) == 1 and middle[0].literal is not None and not head.size and not tail.size:
        infix = middle[0].literal
        return lambda text: infix in text

    def matches(text: str) -> bool:
        end = len(text) - tail.size
        at = head.size
        if end < at or not head.is_at(text, 0) or not tail.is_at(text, end):
            return False
        for piece in middle:
            at = piece.find(text, at, end)
            if at < 0:
                return False
            at += piece.size
        return True

    return matches


class _Piece:
    """Characters and question marks in a row."""

    __slots__ = ("_literals", "_masks", "_other", "_search", "literal", "size")

    def __init__(self, characters: list[str | None]) -> None:
        self.size = len(characters)
        self.literal = "".join(c for c in characters if c is not None) if None not in characters else None
        self._literals = [(place, c) for place, c in enumerate(characters) if c is not None]
        self._search: re.Pattern[str] | None = None
        self._masks: dict[str, int] = {}
        self._other = sum(1 << place for place, c in enumerate(characters) if c is None)
        for place, character in self._literals:
            self._masks[character] = self._masks.get(character, self._other) | 1 << place

    def is_at(self, text: str, start: int) -> bool:
        """Whether it stands at a position; there is room."""
        if self.literal is not None:
            return text.startswith(self.literal, start)
        return all(text[start + place] == character for place, character in self._literals)

    def find(self, text: str, start: int, end: int) -> int:
        """Return the first place between two positions, or -1."""
        if self.literal is not None:
            return text.find(self.literal, start, end)
        if not self._literals:
            return start if start + self.size <= end else -1
        if self.size <= _MAX_SEARCHED:
            found = self._pattern().search(text, start, end)
            return -1 if found is None else found.start()
        # Shift-And: one bit for every prefix of the piece that ends here.
        masks, other = self._masks, self._other
        last = 1 << (self.size - 1)
        bits = 0
        for position in range(start, end):
            bits = (bits << 1 | 1) & masks.get(text[position], other)
            if bits & last:
                return position + 1 - self.size
        return -1

    def _pattern(self) -> re.Pattern[str]:
        """Return what `re` looks for, made on first use: a query may have thousands of pieces."""
        if self._search is None:
            pattern = ["."] * self.size
            for place, character in self._literals:
                pattern[place] = re.escape(character)
            self._search = re.compile("".join(pattern), re.DOTALL)
        return self._search


def compile_fuzzy(wanted: str, distance: int) -> _TextTest:
    """
    Compile a word that may be so many edits away.

    An edit brings at most one letter that is missing, so counting those settles most texts.
    """
    letters = frozenset(wanted)
    size = len(wanted)

    def matches(text: str) -> bool:
        if abs(len(text) - size) > distance or len(letters.difference(text)) > distance:
            return False
        return within(text, wanted, distance)

    return matches


def within(text: str, wanted: str, distance: int) -> bool:
    """
    Whether two texts are at most so many edits apart (insert, delete, replace, swap neighbours).

    Only the cells near the diagonal are looked at, so a long text takes no more than its length.
    """
    if text == wanted:
        return True
    size = len(wanted)
    if distance == 0 or abs(len(text) - size) > distance:
        return False
    far = distance + 1
    width = 2 * distance + 1  # cell k of row i is column i + k - distance
    older = [far] * width
    before = [abs(k - distance) if k >= distance else far for k in range(width)]
    for i, character in enumerate(text, 1):
        row = [far] * width
        best = far
        for k in range(width):
            j = i + k - distance
            if j < 0 or j > size:
                continue
            if j == 0:
                cost = i
            else:
                other = wanted[j - 1]
                cost = before[k] + (character != other)
                if k + 1 < width and before[k + 1] + 1 < cost:
                    cost = before[k + 1] + 1
                if k and row[k - 1] + 1 < cost:
                    cost = row[k - 1] + 1
                if i > 1 and j > 1 and character == wanted[j - 2] and text[i - 2] == other and older[k] + 1 < cost:
                    cost = older[k] + 1
            row[k] = cost
            best = min(best, cost)
        if best > distance:
            return False
        older, before = before, row
    return before[size - len(text) + distance] <= distance
