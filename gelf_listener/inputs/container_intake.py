"""Container intake: stands between an input and the pipeline, and reads what containers printed (`read=text`)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from gelf_listener.codec import Batch
from gelf_listener.codec.text.containers import ContainerReader
from gelf_listener.errors import Rejected
from gelf_listener.inputs.gelf import TextSettings
from gelf_listener.intake import Intake
from gelf_listener.message import Message
from gelf_listener.settings import zone_named


class ContainerIntake:
    """
    An intake that joins and reads lines before it passes them on.

    Guarantee: what was accepted is passed on within the reader's time, or when `flush` or `when_safe` is called.

    Args:
        intake: Takes what was read.
        reader: Reads lines.
    """

    def __init__(self, intake: Intake, reader: ContainerReader) -> None:
        self._intake = intake
        self._reader = reader
        self._timer: asyncio.TimerHandle | None = None

    def accept(self, messages: list[Message], size: int) -> None:  # noqa: ARG002  (of what comes out it is another)
        """Read a batch; see `Intake.accept`."""
        now, batch = time.time(), Batch()
        for message in messages:
            self._reader.take(message, now, batch)
        batch.hand_over(self._intake)
        self._wait()

    def flush(self) -> None:
        """Pass on everything that waits."""
        batch = Batch()
        self._reader.release(time.time(), batch)
        batch.hand_over(self._intake)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def reject(self, rejected: Rejected) -> None:
        """Count and keep a rejection."""
        self._intake.reject(rejected)

    @property
    def full(self) -> bool:
        """See `Intake.full`."""
        return self._intake.full

    @property
    def greedy(self) -> frozenset[str]:
        """See `Intake.greedy`."""
        return self._intake.greedy

    def spares(self, host: str) -> bool:
        """See `Intake.spares`."""
        return self._intake.spares(host)

    @property
    def crowded(self) -> bool:
        """See `Intake.crowded`."""
        return self._intake.crowded

    def when_ready(self, callback: Callable[[], None]) -> None:
        """Call back once; see `Intake.when_ready`."""
        self._intake.when_ready(callback)

    def when_calm(self, callback: Callable[[], None]) -> None:
        """Call back once; see `Intake.when_calm`."""
        self._intake.when_calm(callback)

    def when_safe(self, callback: Callable[[str | None], None]) -> None:
        """Pass on what waits, and call back once; see `Intake.when_safe`. What is acknowledged must not wait here."""
        self.flush()
        self._intake.when_safe(callback)

    def _wait(self) -> None:
        """Come back for lines that wait; the reader may by then wait for others, and is asked again."""
        deadline = self._reader.deadline
        if deadline is not None and self._timer is None:
            seconds = max(deadline - time.time(), 0.001)
            self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def _expire(self) -> None:
        self._timer = None
        batch = Batch()
        self._reader.expire(time.time(), batch)
        batch.hand_over(self._intake)
        self._wait()


def reading_containers(intake: Intake, settings: TextSettings, input: str) -> Intake:
    """Put a reader of what containers printed before an intake, if the settings of an input say so."""
    if settings.read != "text":
        return intake
    reader = ContainerReader(input, zone=zone_named(settings.timezone), join_seconds=settings.join_seconds)
    return ContainerIntake(intake, reader)


class ReadsContainers:
    """What inputs of GELF have in common that may read what containers printed: a base beside that of the transport."""

    settings: Any
    name: str
    _containers: ContainerIntake | None = None

    async def start(self, intake: Intake) -> None:
        """Start the transport, with the reader of containers behind it if the settings say so; see `Input.start`."""
        intake = reading_containers(intake, self.settings, self.name)
        if isinstance(intake, ContainerIntake):
            self._containers = intake
        await super().start(intake)  # type: ignore[misc]  # the transport's

    async def close(self) -> None:
        """Close the transport, and pass on the lines that wait; see `Input.close`."""
        await super().close()  # type: ignore[misc]  # the transport's
        if self._containers is not None:
            self._containers.flush()
