"""
Background: whether this task asks a store for itself, and nobody waits for the answer.

A store gets ready for more searches after one that somebody waits for; for one in the background it does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_in_background: ContextVar[bool] = ContextVar("_in_background", default=False)


@contextmanager
def in_background() -> Iterator[None]:
    """Nobody waits for what is asked inside, by this task and those that it starts."""
    token = _in_background.set(True)
    try:
        yield
    finally:
        _in_background.reset(token)


def is_in_background() -> bool:
    """Tell whether nobody waits for the answer."""
    return _in_background.get()
