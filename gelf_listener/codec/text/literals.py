"""Literals of Python, which programs print where they meant JSON: read, never evaluated."""

from __future__ import annotations

import warnings

__all__ = ["MAX_LITERAL", "read_literal"]

MAX_LITERAL = 64 * 1024
"""Longest text that is read as a literal: its syntax tree takes a hundred times as much."""


def read_literal(text: str) -> object:
    """Read a literal; a text that is none (an object's repr), or a long one, stays what it is."""
    from ast import literal_eval

    if len(text) > MAX_LITERAL:
        return text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text
