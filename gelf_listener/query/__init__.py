"""
Query: Graylog's Lucene-like query language -> a tree -> a predicate over messages.

One meaning everywhere: routes, searches and tests read the same tree. See docs/query-language.md.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from gelf_listener.errors import QueryError

if TYPE_CHECKING:
    from gelf_listener.query.meaning import Meaning, parse_as
    from gelf_listener.query.parser import Query, parse
    from gelf_listener.query.predicate import compile_predicate

__all__ = ["Meaning", "Query", "QueryError", "compile_predicate", "parse", "parse_as"]


_HOMES = {
    "Meaning": "meaning",
    "parse_as": "meaning",
    "Query": "parser",
    "parse": "parser",
    "compile_predicate": "predicate",
}


def __getattr__(name: str) -> Any:
    """Import the parser and the compiler when somebody asks for them: they cost start-up time."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
