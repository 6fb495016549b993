"""null: count and drop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from gelf_listener.errors import Retry
from gelf_listener.message import Message
from gelf_listener.settings import OutputSettings


class NullSettings(OutputSettings):
    """Settings of `null:`."""


class NullOutput:
    """
    Counts messages and drops them: the floor to measure inputs and other outputs against.

    Guarantee: none. A message counts as written once it is dropped.
    """

    Settings: ClassVar[type[NullSettings]] = NullSettings
    parallel: ClassVar[bool] = True

    def __init__(self, settings: NullSettings) -> None:
        self.settings = settings
        self._messages = 0
        self._closed = False

    async def start(self) -> None:
        """There is nothing to open; see `Output.start`."""

    async def write(self, batch: Sequence[Message]) -> None:
        """Count a batch; see `Output.write`."""
        if batch and self._closed:
            raise Retry("the output is closed")
        self._messages += len(batch)

    async def close(self) -> None:
        """Take no more; see `Output.close`."""
        self._closed = True

    def counters(self) -> dict[str, float]:
        """Return how many messages were dropped on purpose."""
        return {"written_messages_total": self._messages}
