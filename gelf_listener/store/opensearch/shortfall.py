"""Shortfall: what the last search of a task could not look at."""

from __future__ import annotations

from contextvars import ContextVar


class Shortfall:
    """
    What a search could not look at; whatever it asks in other tasks and threads says it here.

    Attributes:
        cut: Why it looked at the newest messages only; empty when it looked at all.
        unseen: Why it did not see all parts of the store; empty when it did.
    """

    def __init__(self) -> None:
        self.cut = ""
        self.unseen = ""

    def lack(self, why: str) -> None:
        """Note why it did not see all parts of the store, unless there is a reason already."""
        self.unseen = self.unseen or why


_shortfall: ContextVar[Shortfall] = ContextVar("_opensearch_shortfall")


def shortfall() -> Shortfall:
    """Return that of this task's last search."""
    found = _shortfall.get(None)
    return begin_shortfall() if found is None else found


def begin_shortfall() -> Shortfall:
    """Begin a search, which lacks nothing yet."""
    found = Shortfall()
    _shortfall.set(found)
    return found
