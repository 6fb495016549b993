r"""
Patterns: Java's regular expressions, as Graylog's stream rules have them -> Lucene's, as queries have them.

Java's find something anywhere in a value; Lucene's have to match all of it. On ``message`` and ``full_message``, which
are searched word by word, a pattern becomes one for each word it reaches into: ``^ERROR: .*timeout \d+`` is
``/error/``, ``/.*timeout/`` and ``/\d+.*/``, all of them. So their order is lost, and more is found, never less.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from gelf_listener.query.words import words

_PIECE = re.compile(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", re.DOTALL)
_QUANTIFIER = re.compile(r"([*+?]|\{\d*,?\d*\})[?+]?")
_ESCAPED = frozenset('"<>@#&~/')
"""Plain characters in Java that mean something in Lucene's expressions or end them."""
_NOT_PLAIN = re.compile(r"\(\?(?!:)|\\[^bBdDsSwWtnr\W]|\[[^\]]*(?:\[|&&)")
_BLANK = frozenset(("\\s", "\\t", "\\n", "\\r"))


class _Atom(NamedTuple):
    """One character, class or group, and how often."""

    text: str
    quantifier: str


def alternatives(pattern: str) -> list[str]:
    """Split a pattern at the ``|`` outside of parentheses."""
    found, depth = [""], 0
    for piece in _PIECE.findall(pattern):
        depth += (piece == "(") - (piece == ")")
        if piece == "|" and depth == 0:
            found.append("")
        else:
            found[-1] += piece
    return found


def has_plain_words(pattern: str) -> bool:
    """Whether `in_words` may be asked about a pattern: it has no flags and does not look around, name or quote."""
    return _NOT_PLAIN.search(pattern.removeprefix("(?i)")) is None


def in_words(pattern: str) -> list[str]:
    """Return an expression for each word of a text that a match reaches into; none when any text will do."""
    text, starts_word, ends_word = _anchors(pattern)
    found: list[str] = []
    current, before = "", "" if starts_word else ".*"
    needed = False
    """Whether something of the current word has to be there."""

    def close(after: str) -> None:
        nonlocal current, before, needed
        if needed:
            found.append(before + _lucene(current) + after)
        current, before, needed = "", after, False

    for atom in _atoms(text):
        between = _between_words(atom)
        if between is None:
            current += atom.text + atom.quantifier
            needed = needed or not _is_optional(atom.quantifier)
        else:
            close("" if between else ".*")
    close("" if ends_word else ".*")
    return found


def _anchors(pattern: str) -> tuple[str, bool, bool]:
    """Take ``^`` and ``$`` off."""
    text = pattern.removeprefix("(?i)")
    start = text.startswith("^")
    end = text.endswith("$") and not text.endswith("\\$")
    return text[start : len(text) - end], start, end


def _atoms(pattern: str) -> Iterator[_Atom]:
    position = 0
    while position < len(pattern):
        end = _end_of_atom(pattern, position)
        quantifier = _QUANTIFIER.match(pattern, end)
        yield _Atom(pattern[position:end], "" if quantifier is None else quantifier[1])
        position = end if quantifier is None else quantifier.end()


def _end_of_atom(pattern: str, position: int) -> int:
    depth = 0
    for piece in _PIECE.finditer(pattern, position):
        depth += (piece[0] == "(") - (piece[0] == ")")
        if depth <= 0:
            return piece.end()
    return len(pattern)


def _between_words(atom: _Atom) -> bool | None:
    """Whether an atom surely ends a word (True), may do so (False), or stands within one (None)."""
    text, quantifier = atom
    if text == "|":
        return None
    if text.startswith("("):
        return False if any(_between_words(each) is not None for each in _atoms(text[1:-1])) else None
    if text in ("\\b", "\\W"):
        return False  # the dot of "a.b" is not a part of a word in Java, and no end of one in the index
    if text.startswith("["):
        inside = text[1:-1].replace("\\", "").replace("-", "")
        return False if inside.startswith("^") or "\\s" in text or any(map(_may_break, inside)) else None
    if text in _BLANK or (text not in (".", "\\S", "\\D") and _breaks(text)):
        return not _is_optional(quantifier)
    return False if text in (".", "\\S", "\\D") or _may_break(text[-1]) else None


def _is_optional(quantifier: str) -> bool:
    return quantifier[:1] in ("*", "?") or quantifier.startswith(("{0", "{,"))


def _breaks(text: str) -> bool:
    """Whether words end at a character, whatever stands around it."""
    return all(len(words(around.format(text[-1]))) > 1 for around in ("a{}a", "1{}1", "a{}1"))


def _may_break(character: str) -> bool:
    return any(len(words(around.format(character))) > 1 for around in ("a{}a", "1{}1", "a{}1"))


def _lucene(pattern: str) -> str:
    """Write a pattern so that Lucene reads what Java does."""
    written, last = "", ""
    for piece in _PIECE.findall(pattern.replace("(?:", "(")):
        lazy = piece in ("?", "+") and last in ("*", "+", "?", "}")
        if piece in _ESCAPED:
            written += "\\" + piece
        elif not lazy and piece not in ("\\b", "\\B"):
            written += re.sub(r"(?<!\\)/", r"\/", piece) if piece[0] == "[" else piece
        last = piece
    return written
