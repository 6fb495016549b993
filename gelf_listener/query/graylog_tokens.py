"""
Graylog tokens: a query cut as Lucene's classic query parser does, which is what OpenSearch's ``query_string`` uses.

At each place the longest token counts, and of several of one length the first in the parser's list. A sign that is
followed by a blank is a token of its own (``sign``), which the grammar takes for a word.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from gelf_listener.errors import QueryError

_BLANK = r"[ \t\n\r\u3000]"
_START = r'(?:[^ \t\n\r\u3000+\-!():^\[\]"{}~*?\\/]|\\.)'
_INNER = r'(?:[^ \t\n\r\u3000!():^\[\]"{}~*?\\/]|\\.)'

_TOKENS = [
    (kind, re.compile(pattern, re.DOTALL))
    for kind, pattern in (
        ("blank", _BLANK),
        ("AND", "AND|&&"),
        ("OR", r"OR|\|\|"),
        ("NOT", "NOT|!"),
        ("+", r"\+"),
        ("-", "-"),
        ("sign", rf"[+\-!]{_BLANK}"),
        ("(", r"\("),
        (")", r"\)"),
        (":", ":"),
        ("*", r"\*"),
        ("^", r"\^"),
        ("quoted", r'"(?:[^"\\]|\\.)*"'),
        ("word", rf"{_START}{_INNER}*"),
        ("~", rf"~{_INNER}*"),
        ("prefix", rf"{_START}{_INNER}*\*"),
        ("wildcard", rf"(?:{_START}|[*?])(?:{_INNER}|[*?])*"),
        ("regex", r"/(?:[^/]|(?<=\\)/)*/"),
        ("[", r"\["),
        ("{", r"\{"),
    )
]
_NUMBER = [("number", re.compile(r"[0-9]+(?:\.[0-9]+)?"))]
_RANGE = [
    (kind, re.compile(pattern, re.DOTALL))
    for kind, pattern in (
        ("blank", _BLANK),
        ("TO", "TO"),
        ("]", r"\]"),
        ("}", r"\}"),
        ("quoted", r'"(?:[^"]|(?<=\\)")+"'),
        ("end", r"[^ \]}]+"),
    )
]
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|(.))", re.DOTALL)


class Token(NamedTuple):
    """
    A piece of a query.

    Attributes:
        kind: A name of the tables above, or ``end of query``.
        text: As it is written.
        start: Where it begins, from 0.
    """

    kind: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where the next character is."""
        return self.start + len(self.text)


def tokens_of(text: str) -> list[Token]:
    """
    Cut a query.

    Raises:
        QueryError: Where no token begins.
    """
    found: list[Token] = []
    place = 0
    table = _TOKENS
    while place < len(text):
        kind, end = _longest(text, place, table)
        if not kind:
            raise QueryError(_complaint(text, place, table), text, place + 1)
        if kind != "blank":
            found.append(Token(kind, text[place:end], place))
        if table is _NUMBER or kind in ("]", "}"):
            table = _TOKENS
        elif table is _TOKENS:
            table = _NUMBER if kind == "^" else _RANGE if kind in ("[", "{") else _TOKENS
        place = end
    found.append(Token("end of query", "", place))
    return found


def _longest(text: str, place: int, table: list[tuple[str, re.Pattern[str]]]) -> tuple[str, int]:
    best, end = "", place
    for kind, pattern in table:
        match = pattern.match(text, place)
        if match is not None and match.end() > end:
            best, end = kind, match.end()
    return best, end


def _complaint(text: str, place: int, table: list[tuple[str, re.Pattern[str]]]) -> str:
    character = text[place]
    if table is _NUMBER:
        return "^ needs a number, as in ssh^2"
    if character == '"':
        return "this quotation mark is never closed"
    if character == "/":
        return "this regular expression is never closed by /; write \\/ to search for a slash"
    if character == "\\":
        return "a backslash at the end escapes nothing; write \\\\ for a backslash"
    return f"unexpected {character!r}; write \\{character} to search for it"


def unescaped(token: Token, text: str, query: str) -> str:
    r"""
    Take away backslashes: ``\u`` and four digits, or any character.

    Args:
        token: Where the text stands, for errors.
        text: What to read.
        query: All of it.

    Raises:
        QueryError: If the last backslash escapes nothing, or the digits behind ``\u`` are none.
    """
    if "\\" not in text:
        return text

    def character(match: re.Match[str]) -> str:
        if match[2] == "u":
            raise QueryError("\\u needs four hexadecimal digits", query, token.start + match.start() + 1)
        return chr(int(match[1], 16)) if match[1] else match[2]

    if re.search(r"(?<!\\)(?:\\\\)*\\\Z", text):
        raise QueryError("a backslash at the end escapes nothing; write \\\\ for a backslash", query, token.end)
    return _ESCAPE.sub(character, text)
