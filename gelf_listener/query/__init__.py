"""
Query: Graylog's Lucene-like query language -> a tree -> a predicate over messages.

One meaning everywhere: routes, searches and tests read the same tree. See docs/query-language.md.
"""

from __future__ import annotations

from gelf_listener.errors import QueryError
from gelf_listener.query.parser import Query, parse
from gelf_listener.query.predicate import compile_predicate

__all__ = ["Query", "QueryError", "compile_predicate", "parse"]
