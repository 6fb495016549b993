"""Intake: what inputs hand their messages and rejections to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from gelf_listener.errors import Rejected
from gelf_listener.message import Message


class Intake(Protocol):
    """What an input hands its messages to: the pipeline, or a stand-in in tests."""

    def accept(self, messages: list[Message], size: int) -> None:
        """
        Take a batch.

        Never blocks and never refuses: look at ``full`` before reading more.

        Args:
            messages: In receive order; the list belongs to the intake from now on.
            size: Sum of the lengths of their raw payloads, in bytes.
        """

    def reject(self, rejected: Rejected) -> None:
        """Count and keep a rejection."""

    @property
    def full(self) -> bool:
        """Whether a buffer that blocks is full: inputs stop reading until `when_ready` calls back."""

    @property
    def greedy(self) -> frozenset[str]:
        """
        The addresses whose messages a full intake has too many of, while others send too.

        An input whose senders cannot wait may read on and let go of theirs; it stops reading when there are none.
        """

    def spares(self, host: str) -> bool:
        """Whether the sender at an address need not wait for a crowded or full intake: others crowd it."""

    @property
    def crowded(self) -> bool:
        """Whether inputs whose senders can wait should stop reading until `when_calm` calls back."""

    def when_ready(self, callback: Callable[[], None]) -> None:
        """Call back once, soon, when nothing is full (soon too when nothing is now)."""

    def when_calm(self, callback: Callable[[], None]) -> None:
        """Call back once, soon, when nothing is crowded (soon too when nothing is now)."""

    def when_safe(self, callback: Callable[[str | None], None]) -> None:
        """
        Call back once, when all that was accepted so far is in every buffer that asked for `disk`.

        For inputs that acknowledge. Without a disk buffer the call comes at once, before this returns.

        Args:
            callback: Gets None, or why a disk buffer could not take it: then nothing may be acknowledged.
        """
