"""Confirmed output: what outputs have in common whose destination tells what became of each message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from gelf_listener.errors import Retry
from gelf_listener.message import Message
from gelf_listener.outputs.progress import Progress


class ConfirmedOutput:
    """
    Offers what is left of a batch until the destination has all of it.

    A derived class says how that is done (`send`), and how the destination is reached (`connect`, `disconnect`).
    """

    Settings: ClassVar[type[Any]]
    parallel: ClassVar[bool] = True
    settings: Any

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self._progress = Progress()
        self._closed = False

    async def connect(self) -> None:
        """
        Reach the destination, unless that is so already.

        Raises:
            Retry: If it is not there.
        """
        raise NotImplementedError

    async def disconnect(self) -> None:
        """Let go of the destination."""
        raise NotImplementedError

    async def send(self, messages: Sequence[Message]) -> str:
        """Send messages and note what became of each (`Progress`); return why some have to be offered again."""
        raise NotImplementedError

    async def start(self) -> None:
        """Connect; see `Output.start`."""
        self._closed = False
        await self.connect()

    async def write(self, batch: Sequence[Message]) -> None:
        """Send a batch and wait for all answers; see `Output.write`."""
        if not batch:
            return
        if self._closed:
            raise Retry("the output is closed")
        self._progress.finish(await self.send(self._progress.begin(batch)))

    async def close(self) -> None:
        """Disconnect; see `Output.close`."""
        self._closed = True
        await self.disconnect()

    def counters(self) -> dict[str, float]:
        """Return how many messages the destination has confirmed."""
        return {"written_messages_total": self._progress.written_messages}
