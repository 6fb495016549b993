"""
Words: how a text is cut into words, as Lucene's StandardAnalyzer does it.

Follows the word boundaries of Unicode (UAX #29) closely: letters, digits and underscores hold together; so do a dot,
colon or apostrophe between letters (``example.org`` is one word) and a dot, comma or semicolon between digits
(``3.14``); Han characters and Hiragana are words one by one. Words are lower-cased.
"""

from __future__ import annotations

import re

__all__ = ["words"]

_SINGLE = "\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3040-\u309f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_WORD = re.compile(
    rf"""
    [{_SINGLE}]
  | (?:(?![{_SINGLE}])\w)+
    (?:(?:(?<=[^\W\d_])[.:'\u2019\u00b7](?=[^\W\d_])|(?<=\d)[.,;'\u2019](?=\d))(?:(?![{_SINGLE}])\w)+)*
    """,
    re.VERBOSE,
)


def words(text: str) -> list[str]:
    """Cut a text into lower-case words, in order."""
    return _WORD.findall(text.lower())
