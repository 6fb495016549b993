"""Meaning: whose rules a query follows, those of a real Graylog or our extended ones."""

from __future__ import annotations

from typing import Literal

from gelf_listener.query.graylog import parse_graylog
from gelf_listener.query.parser import Query, parse

Meaning = Literal["extended", "graylog"]
"""
``graylog``: what a real Graylog would find, its refusals included. ``extended``: the same language with more in it,
such as words side by side that may be in different fields (docs/query-language.md).
"""


def parse_as(text: str, meaning: Meaning) -> Query:
    """
    Parse a query.

    Args:
        text: The query.
        meaning: Whose rules it follows.

    Raises:
        QueryError: If it cannot be understood, with the column.
    """
    return parse_graylog(text) if meaning == "graylog" else parse(text)
