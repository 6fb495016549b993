"""
Recent: the listeners that ran during the current test, so that its report can show what they received.

Only what runs tests turns this on (`watch`); otherwise nothing is remembered. Cheap to import: the pytest plugin does.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from gelf_listener.errors import Rejected
    from gelf_listener.message import Message

_MOST = 16
"""Listeners that are remembered: a test that opens hundreds must not keep what all of them received."""


class Listener(Protocol):
    """What is asked of a listener that is remembered."""

    @property
    def open(self) -> bool:
        """Whether it still receives."""

    @property
    def counts(self) -> tuple[int, int]:
        """How many messages arrived, and how many payloads were rejected."""

    def clear(self) -> None:
        """Forget what was received."""

    def received_since(self, arrived: int, refused: int) -> tuple[Sequence[Message], Sequence[Rejected]]:
        """Return what came after so many messages and rejections."""


class Recent(NamedTuple):
    """A listener, and what it had received before the test began."""

    listening: Listener
    arrived: int
    refused: int


for_session: list[Listener] = []
"""Listeners that serve several tests."""

_recent: deque[Recent] = deque(maxlen=_MOST)
_watching: list[object] = []


def watch(who: object) -> None:
    """Remember listeners from now on."""
    _watching.append(who)


def unwatch(who: object) -> None:
    """Stop when nobody else wants it, and forget everything."""
    if who in _watching:
        _watching.remove(who)
    if not _watching:
        _recent.clear()


def add(listening: Listener) -> None:
    """Note a listener that starts."""
    if _watching:
        _recent.append(Recent(listening, 0, 0))


def begin_test() -> None:
    """Forget listeners that are closed; what the others received so far does not belong to the test that begins."""
    still_open = [each.listening for each in _recent if each.listening.open]
    _recent.clear()
    _recent.extend(Recent(listening, *listening.counts) for listening in still_open)


def listeners() -> list[Recent]:
    """Return the listeners of the current test, the oldest first."""
    return list(_recent)
