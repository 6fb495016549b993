"""
Cuts: what an answer left out because looking at everything would take too long.

Whoever asks takes note of them (`noted`), and gets an answer about the newest messages; without that, it is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from gelf_listener.errors import QueryError

_notes: ContextVar[list[str] | None] = ContextVar("cuts", default=None)


@contextmanager
def noted() -> Iterator[list[str]]:
    """Take note of what is cut while this is entered, in this thread."""
    notes: list[str] = []
    token = _notes.set(notes)
    try:
        yield notes
    finally:
        _notes.reset(token)


def cut(detail: str, query: str = "") -> None:
    """
    Note that an answer is about the newest messages only.

    Args:
        detail: What would have had to be looked at, and what to do about it.
        query: The part of the query that asks for it.

    Raises:
        QueryError: If nobody takes note of it.
    """
    notes = _notes.get()
    if notes is None:
        raise QueryError(f"too much to search: {detail}", query, 1)
    if detail not in notes:
        notes.append(detail)
