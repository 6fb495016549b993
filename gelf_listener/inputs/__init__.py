"""
Inputs: where messages come from, one file per transport.

An input turns bytes from its transport into messages and rejections with the codec, and hands them to the
pipeline in batches. It never knows an output.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol

from gelf_listener.intake import Intake

__all__ = ["Input", "Intake"]


class Input(Protocol):
    """
    A source of messages.

    A class is registered under its address scheme in the entry point group ``gelf_listener.inputs``. It has
    a ``Settings`` model and is made as ``cls(settings)``.
    """

    Settings: ClassVar[Any]
    """Derived from `InputSettings`. If it were declared so, type checkers would refuse derived settings."""
    settings: Any

    @property
    def name(self) -> str:
        """Name in metrics and rejections."""

    @property
    def listening(self) -> list[str]:
        """Addresses it listens on after start, as URLs with the real ports."""

    async def start(self, intake: Intake) -> None:
        """
        Open the transport and begin to read.

        Raises:
            ConfigError: If the address cannot be bound or a file cannot be read, with what to do about it.
        """

    async def close(self) -> None:
        """Stop reading, hand over what is complete, release the transport. May be called twice."""

    def counters(self) -> dict[str, float]:
        """Return the transport's own counters by metric name (without the ``gelf_input_`` prefix)."""
