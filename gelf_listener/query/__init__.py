"""
Query: Graylog's Lucene-like query language -> a tree -> a predicate over messages.

One meaning everywhere: routes, searches and tests read the same tree. See docs/query-language.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gelf_listener.errors import QueryError

if TYPE_CHECKING:
    from gelf_listener.query.meaning import Meaning, parse_as
    from gelf_listener.query.parser import Query, parse
    from gelf_listener.query.predicate import compile_predicate

__all__ = ["Meaning", "Query", "QueryError", "compile_predicate", "parse", "parse_as"]


def __getattr__(name: str) -> Any:
    """Import the parser and the compiler when somebody asks for them: they cost start-up time."""
    if name in ("Query", "parse"):
        from gelf_listener.query import parser

        return getattr(parser, name)
    if name in ("Meaning", "parse_as"):
        from gelf_listener.query import meaning

        return getattr(meaning, name)
    if name == "compile_predicate":
        from gelf_listener.query.predicate import compile_predicate

        return compile_predicate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
