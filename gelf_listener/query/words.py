"""
Words: how a text is cut into words, as Lucene's StandardAnalyzer does it.

Follows the word boundaries of Unicode (UAX #29) closely: letters, digits and underscores hold together; so do a dot,
colon or apostrophe between letters (``example.org`` is one word) and a dot, comma or semicolon between digits
(``3.14``); Han characters, Hiragana and emoji are words one by one. Words are lower-cased, and one of more than 255
characters is cut into several, which also bounds what a pattern has to look at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

MAX_WORD_CHARACTERS = 255
"""Lucene's ``max_token_length``."""

_SINGLE = "\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3040-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_EMOJI = "\u2600-\u27bf\U0001f300-\U0001faff"
_MARKS = (  # combining characters belong to the letter before them, but are no \w
    "\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
    "\u0900-\u0903\u093a-\u094f\u0951-\u0957\u0962\u0963\u0981-\u0983\u09bc-\u09cd\u0b82\u0bbe-\u0bcd"
    "\u0e31\u0e34-\u0e3a\u0e47-\u0e4e\u1ab0-\u1aff\u1dc0-\u1dff\u200d\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f"
)
_ASCII_WORD = re.compile(r"\w+(?:(?:(?<=[a-z])[.:'](?=[a-z])|(?<=\d)[.,;'](?=\d))\w+)*", re.ASCII)
_LETTER = rf"(?:(?![{_SINGLE}])[\w{_MARKS}])"
_WORD = re.compile(
    rf"""
    [{_SINGLE}{_EMOJI}][{_MARKS}]*
  | (?:(?![{_SINGLE}])\w){_LETTER}*
    (?:(?:(?<=[^\W\d_])[.:'\u2019\u00b7](?=[^\W\d_])|(?<=\d)[.,;'\u2019](?=\d)){_LETTER}+)*
    """,
    re.VERBOSE,
)

_MAYBE_JOINED = re.compile(r"[.:',;](?<=[a-z0-9].)[a-z0-9]")
"""Wherever a mark may hold two words together."""
_MAYBE_LONG = re.compile(rf"\w{{{MAX_WORD_CHARACTERS + 1}}}", re.ASCII)
_SPACED = bytes(code if chr(code).isalnum() or chr(code) == "_" else ord(" ") for code in range(128)) + bytes(128)
_SPACED_TEXTS = b"\0" + _SPACED[1:]


def spaced_words(text: str) -> str:
    """
    Return a text's words with blanks between them.

    Most texts hold plain words only: cutting at every other character takes a third of the time.
    """
    if text.isascii():
        lower = text.lower()
        if _MAYBE_JOINED.search(lower) is None and (len(lower) <= MAX_WORD_CHARACTERS or not _MAYBE_LONG.search(lower)):
            return lower.encode().translate(_SPACED).decode()
    return " ".join(words(text))


def spaced_words_of(texts: Sequence[str]) -> list[str]:
    """Do what `spaced_words` does to many texts: most of them at once."""
    joined = "\0".join(texts)
    if not joined.isascii() or joined.count("\0") != len(texts) - 1 or max(map(len, texts)) > MAX_WORD_CHARACTERS:
        return list(map(spaced_words, texts))
    lower = joined.lower()
    spaced = lower.encode().translate(_SPACED_TEXTS).decode().split("\0")
    if _MAYBE_JOINED.search(lower) is not None:
        for number, text in enumerate(lower.split("\0")):
            if _MAYBE_JOINED.search(text) is not None:
                spaced[number] = " ".join(words(text))
    return spaced


def words(text: str) -> list[str]:
    """Cut a text into lower-case words, in order."""
    text = _lower(text)
    found = (_ASCII_WORD if text.isascii() else _WORD).findall(text)
    if len(text) > MAX_WORD_CHARACTERS and any(len(word) > MAX_WORD_CHARACTERS for word in found):
        return [
            word[start : start + MAX_WORD_CHARACTERS]
            for word in found
            for start in range(0, len(word), MAX_WORD_CHARACTERS)
        ]
    return found


def _lower(text: str) -> str:
    """Return a text in small letters; of Turkish \u0130 an i, as Lucene does, so that ``istanbul`` finds it."""
    return (text.replace("\u0130", "i") if "\u0130" in text else text).lower()


def word_places(text: str) -> Iterator[tuple[int, str]]:
    """Give each word and where it begins; nothing of the few texts whose lower case has another length."""
    lower = _lower(text)
    if len(lower) == len(text):
        for match in (_ASCII_WORD if lower.isascii() else _WORD).finditer(lower):
            yield match.start(), match[0]
