"""null: count and drop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from gelf_listener.message import Message
from gelf_listener.settings import OutputSettings

__all__ = ["NullOutput", "NullSettings"]


class NullSettings(OutputSettings):
    """Settings of `null:`."""


class NullOutput:
    """
    Counts messages and drops them: the floor to measure inputs and other outputs against.

    Guarantee: none. A message counts as written once it is dropped.
    """

    Settings: ClassVar[type[NullSettings]] = NullSettings

    def __init__(self, settings: NullSettings) -> None:
        self.settings = settings
        self._messages = 0

    async def start(self) -> None:
        """There is nothing to open; see `Output.start`."""

    async def write(self, batch: Sequence[Message]) -> None:
        """Count a batch; see `Output.write`."""
        self._messages += len(batch)

    async def close(self) -> None:
        """There is nothing to release; see `Output.close`."""

    def counters(self) -> dict[str, float]:
        """Return how many messages were dropped on purpose."""
        return {"written_messages_total": self._messages}
