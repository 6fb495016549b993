"""
Outputs: where messages go, one file per destination.

An output writes batches it is given by its runner. It never knows an input, and nothing but its own runner
calls it, one batch at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Protocol

from gelf_listener.message import Message


class Output(Protocol):
    """
    A destination of messages.

    A class is registered under its address scheme in the entry point group ``gelf_listener.outputs``. It has
    a ``Settings`` model and is made as ``cls(settings)``.
    """

    Settings: ClassVar[Any]
    """Derived from `OutputSettings`. If it were declared so, type checkers would refuse derived settings."""
    settings: Any

    async def start(self) -> None:
        """
        Open the destination.

        Raises:
            ConfigError: If the settings can never work, with what to do about it.
            Retry: If the destination is not there yet.
        """

    async def write(self, batch: Sequence[Message]) -> None:
        """
        Write a batch; return when the destination has it.

        Blocking work runs in a thread of the output's own, never in the loop.

        Raises:
            Retry: The same batch should be offered again later.
            Refused: Some messages will never be taken; the others were.
        """

    async def close(self) -> None:
        """Write what is pending and release the destination. May be called twice."""

    def counters(self) -> dict[str, float]:
        """Return the destination's own counters by metric name (without the ``gelf_output_`` prefix)."""
