"""
Shapes: messages counted by what their texts look like.

A text is masked (`gelf_listener.patterns.masking`). Masked texts that differ in one word only are one shape when there
are many of them: that word is a name. The result does not depend on the order in which messages come, and memory is
bounded: beyond so many different texts, a text is counted as one of the others.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from gelf_listener.message import Message
from gelf_listener.patterns.masking import WILD, masked

_MOST_TEXTS = 3000
_VARIANTS = 5
"""How many words there have to be in one place, with all else equal, until they are taken for names."""
_LEAST_WORDS = 2
"""That stay, at least half of all: or every text of three words would be one shape."""
_MOST_WORDS = 40
"""Of texts that are taken together."""
_ROUNDS = 4


class Shape:
    """
    One shape.

    Attributes:
        words: Its words; ``<*>`` is one that varies.
        counts: Messages in each of the ranges.
        first: The earliest timestamp in the first range, UTC Unix seconds; infinity when it is not in there.
        last: The latest one.
        example: Id of the latest message; of another range when the first has none.
        text: Its short_message.
        level: The most severe level; None when no message has one.
    """

    __slots__ = ("counts", "example", "first", "last", "level", "text", "words")

    def __init__(self, words: tuple[str, ...], ranges: int) -> None:
        self.words = words
        self.counts = [0] * ranges
        self.first = float("inf")
        self.last = float("-inf")
        self.example = ""
        self.text = ""
        self.level: int | None = None

    def __str__(self) -> str:
        return " ".join(self.words)

    @property
    def query(self) -> str:
        """A query that finds its messages, and perhaps some more: its longest rows of words that stay."""
        rows = sorted(" ".join(self.words).split(WILD), key=len, reverse=True)[:3]
        kept = [row.strip() for row in rows if sum(map(str.isalnum, row)) > 1]
        return " AND ".join(f'message:"{_quoted(row)}"' for row in kept) or "*"

    def add(self, message: Message, side: int) -> None:
        """Count a message of one of the ranges."""
        self.counts[side] += 1
        if message.level is not None:
            self.level = message.level if self.level is None else min(self.level, message.level)
        if side == 0:
            self.first = min(self.first, message.timestamp)
        if not self.example or (side == 0 and message.timestamp >= self.last):
            self.example, self.text = message.id, message.short_message
        if side == 0:
            self.last = max(self.last, message.timestamp)

    def take(self, other: Shape) -> None:
        """Add what another shape counted."""
        self.counts = [mine + its for mine, its in zip(self.counts, other.counts, strict=True)]
        if not self.example or other.last > self.last:
            self.example, self.text = other.example, other.text
        self.first, self.last = min(self.first, other.first), max(self.last, other.last)
        levels = [level for level in (self.level, other.level) if level is not None]
        self.level = min(levels, default=None)


class Shapes:
    """
    Counts messages by shape.

    Args:
        ranges: How many ranges of messages are told apart.
    """

    def __init__(self, ranges: int = 1) -> None:
        self._ranges = ranges
        self._texts: dict[str, Shape] = {}
        self.others = [0] * ranges
        """Messages of each range whose texts there was no room for."""
        self.messages = [0] * ranges
        """Messages that were counted, of each range."""

    def add(self, messages: Iterable[Message], side: int = 0) -> None:
        """Count messages of one of the ranges, the first by default."""
        texts, count = self._texts, 0
        for message in messages:
            count += 1
            text = masked(message.short_message)
            shape = texts.get(text)
            if shape is None:
                if len(texts) >= _MOST_TEXTS:
                    self.others[side] += 1
                    continue
                shape = texts[text] = Shape(tuple(text.split(" ")), self._ranges)
            shape.add(message, side)
        self.messages[side] += count

    def merged(self) -> list[Shape]:
        """Return the shapes, those with most messages first."""
        shapes: dict[tuple[str, ...], Shape] = {}
        for text in sorted(self._texts):
            found = self._texts[text]
            copy = shapes.setdefault(found.words, Shape(found.words, self._ranges))
            copy.take(found)
        for _ in range(_ROUNDS):
            merged = _merge(shapes, self._ranges)
            if len(merged) == len(shapes):
                break
            shapes = merged
        return sorted(shapes.values(), key=lambda shape: (-sum(shape.counts), shape.words))


def _merge(shapes: dict[tuple[str, ...], Shape], ranges: int) -> dict[tuple[str, ...], Shape]:
    """Take shapes together that differ in one word, those with most variants first."""
    families: defaultdict[tuple[int, int, int], list[tuple[str, ...]]] = defaultdict(list)
    for words in shapes:
        for place, rest in _rests(words):
            families[len(words), place, rest].append(words)
    merged = dict(shapes)
    wide = [(place, family) for (_, place, _), family in families.items() if len(family) >= _VARIANTS]
    for place, family in sorted(wide, key=lambda pair: (-len(pair[1]), pair[0], pair[1])):
        left = [words for words in family if words in merged]
        if len(left) < _VARIANTS:
            continue
        general = (*left[0][:place], WILD, *left[0][place + 1 :])
        shape = merged.setdefault(general, Shape(general, ranges))
        for words in left:
            shape.take(merged.pop(words))
    return merged


def _rests(words: Sequence[str]) -> Iterable[tuple[int, int]]:
    """Give the places of the words that may vary, each with a number that stands for all other words."""
    staying = sum(WILD not in word for word in words)
    if len(words) > _MOST_WORDS or staying - 1 < _LEAST_WORDS or 2 * (staying - 1) < len(words):
        return
    hashes = [hash((place, word)) for place, word in enumerate(words)]
    total = sum(hashes)
    for place, word in enumerate(words):
        if WILD not in word:
            yield place, total - hashes[place]


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
