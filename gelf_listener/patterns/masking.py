"""
Masking: what varies in a text is replaced by ``<*>``, so that texts of one origin become equal.

Masked are quoted texts, addresses, paths, times, UUIDs, and words with digits in them: of ``worker7`` the number.
Only the first line counts, and so many words of it. It is done word by word, because most words have nothing to mask:
one pattern for a whole line took twenty times as long.
"""

from __future__ import annotations

import re

WILD = "<*>"
_MOST_CHARACTERS = 600
_MOST_WORDS = 60
_MOST_LETTERS = 120

_QUOTED = re.compile(r'"(?<!\w")[^"]{1,300}"(?!\w)')
_SINGLE_QUOTED = re.compile(r"'(?<!\w')[^']{1,300}'(?!\w)")
"""The first character is a literal, which is searched for at memchr's speed."""
_DIGIT = re.compile(r"\d")
_UUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_NAMED_NUMBER = re.compile(r"(?:(?<!\w)[+-])?(?<![^\W\d_])([^\W\d_]*)(\d\w*)")
_HEX = re.compile(r"[0-9A-Fa-f]{7,}")
_RUN = re.compile(r"<\*>(?:[.,:;/|x+-]*<\*>)+")
_PLACE = re.compile(
    r"[\w.+-]{1,64}@[\w.-]{1,253}|(?:[A-Za-z][\w+.-]{0,20}:/|(?:[A-Za-z]:)?[/\\])[/\\]?[^\s\"'<>(),;]{2,}"
)
"""An e-mail address, an address with a scheme, or an absolute path; at the beginning of a word, or behind its ``=``."""


def masked(text: str) -> str:
    """Return the first line of a text with ``<*>`` for what varies, single blanks between its words."""
    line = text[:_MOST_CHARACTERS].strip().partition("\n")[0]
    if '"' in line:
        line = _QUOTED.sub(WILD, line)
    if "'" in line:
        line = _SINGLE_QUOTED.sub(WILD, line)
    return " ".join(
        [word if word.isalpha() else _word(word) for word in line.split(maxsplit=_MOST_WORDS)[:_MOST_WORDS]]
    )


def _word(word: str) -> str:
    """Mask a word that has more than letters."""
    if word.isdecimal() or len(word) > _MOST_LETTERS:
        return WILD
    if "/" in word or "\\" in word or "@" in word:
        found = _PLACE.match(word, 1 if word[0] in "([" else 0) or _PLACE.match(word, word.find("=") + 1)
        if found is not None:
            return f"{word[: found.start()]}{WILD}{word[found.end() :]}"
    if _DIGIT.search(word) is None:
        return word
    if "-" in word:
        word = _UUID.sub(WILD, word)
    word = _NAMED_NUMBER.sub(_number, word)
    return _RUN.sub(WILD, word) if word.count(WILD) > 1 else word


def _number(match: re.Match[str]) -> str:
    """Keep the name before a number, but not what may be the beginning of a hexadecimal one."""
    name, rest = match[1], match[2]
    return f"{name}{WILD}" if rest.isdecimal() and not _HEX.fullmatch(name + rest) else WILD
