"""Lanes: how messages get from a worker to its parent, through a runner and a buffer like those of any output."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import ClassVar

from gelf_listener.buffers.memory import MemoryBuffer
from gelf_listener.errors import Refused
from gelf_listener.message import Message
from gelf_listener.settings import OutputSettings
from gelf_listener.workers.batches import BatchPacker
from gelf_listener.workers.wire import Batch, Lane

_BATCH = 2000
"""Messages in a frame: the parent has other work between two."""


class LaneBuffer(MemoryBuffer):
    """
    Holds what the parent does not have yet.

    Guarantee: what `when_safe` was called for before is said to be safe when the parent has said so.

    Addresses take turns here too: the flood of one sender may come to the same worker as an honest one. A batch is on
    its way at a time, so what was put before a mark, and waits no more, is the parent's when a batch is released.
    """

    safe_at_once = False

    def __init__(self, settings: OutputSettings) -> None:
        super().__init__(settings.buffer_messages_limit, settings.buffer_bytes_limit, settings.when_full)
        self._put = self._gone = 0
        """How many messages were put, and how many the parent has or nobody ever will."""
        self._asking: deque[tuple[int, Callable[[str | None], None]]] = deque()
        """Who asks, and the mark of that moment."""

    def put(self, messages: list[Message], size: int) -> None:
        """See `Buffer.put`."""
        self._put += len(messages)
        super().put(messages, size)

    def release(self, batch: list[Message]) -> None:
        """See `Buffer.release`."""
        self._gone += len(batch)
        self._answer()

    def when_safe(self, callback: Callable[[str | None], None]) -> None:
        """Call back when the parent has what was put; see `Buffer.when_safe`."""
        if self._gone >= self._put:
            callback(self.problem or None)
        else:
            self._asking.append((self.mark(), callback))

    async def close(self) -> int:
        """Let everything go; see `Buffer.close`."""
        lost = await super().close()
        if self._asking:
            self.problem = self.problem or "the worker ended before the listener had it"
            self._gone = self._put
            self._answer()
        return lost

    def _answer(self) -> None:
        oldest = self.oldest_number
        while self._asking and self._asking[0][0] < oldest:
            self._asking.popleft()[1](self.problem or None)


class LaneOutput:
    """
    Hands batches to the parent.

    Guarantee: a batch counts as written when the parent has acknowledged it.

    Args:
        lane: Whom they are for.
        packer: Writes them.
        send: Sends a batch to the parent.
        buffer: The lane's own, which hears of problems.
        settings: Of the runner.
    """

    Settings: ClassVar[type[OutputSettings]] = OutputSettings

    def __init__(
        self,
        lane: Lane,
        packer: BatchPacker,
        send: Callable[[Batch], None],
        buffer: MemoryBuffer,
        settings: OutputSettings,
    ) -> None:
        self.settings = settings
        self._lane = lane
        self._packer = packer
        self._send = send
        self._buffer = buffer
        self._told_missed = 0
        self._waiting: asyncio.Future[str | None] | None = None

    @staticmethod
    def settings_for(lane: Lane) -> OutputSettings:
        """Return how a lane is run: watchers wait for nobody, and nobody waits for them."""
        if lane == "outputs":
            return OutputSettings(batch=_BATCH, linger=0, write_timeout=0)
        return OutputSettings(
            batch=_BATCH,
            linger=0,
            write_timeout=0,
            when_full="drop_oldest",
            max_buffer_messages=10_000,
            max_buffer_bytes=16 * 1024 * 1024,
        )

    async def start(self) -> None:
        """There is nothing to open; see `Output.start`."""

    async def write(self, batch: Sequence[Message]) -> None:
        """Send a batch and wait until it is taken; see `Output.write`."""
        data, refused, why = self._packed(batch)
        if data:
            missed, self._told_missed = self._buffer.dropped - self._told_missed, self._buffer.dropped
            self._waiting = asyncio.get_running_loop().create_future()
            self._send(Batch(self._lane, data, missed))
            self._buffer.problem = await self._waiting or ""
        if refused:
            raise Refused(refused, why)

    def taken(self, problem: str | None) -> None:
        """The parent has the batch."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(problem)

    async def close(self) -> None:
        """There is nothing to close; see `Output.close`."""

    def counters(self) -> dict[str, float]:
        """Return nothing: the parent counts."""
        return {}

    def _packed(self, batch: Sequence[Message]) -> tuple[bytes, list[Message], str]:
        """Pack a batch; if something in it cannot be written, message by message what can."""
        try:
            return self._packer.pack(batch), [], ""
        except ValueError:
            good: list[Message] = []
            refused: list[Message] = []
            why = ""
            for message in batch:
                try:
                    self._packer.pack((message,))
                except ValueError as error:
                    refused.append(message)
                    why = str(error)
                else:
                    good.append(message)
            return self._packer.pack(good) if good else b"", refused, why
