"""An output that writes JSON lines while a gate is open: a destination that is away whenever a test wants it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from gelf_listener.plugin import ConfigError, Message, OutputSettings, Retry

__all__ = ["GateOutput", "GateSettings"]

_POLL_SECONDS = 0.02


class GateSettings(OutputSettings):
    """Settings of `gate:`."""

    path: Path = Field(description="File to write.")
    gate: Path | None = Field(None, description="File whose existence opens the gate; always open without.")
    ids: bool = Field(False, description="Write each message's id instead, before its text.")
    delay: float = Field(0.0, ge=0, le=60, description="Seconds each batch takes.")


class GateOutput:
    """
    Writes JSON lines while the gate is open, and waits otherwise.

    Guarantee: a batch that was taken is in the file when `write` returns.
    """

    Settings: ClassVar[type[GateSettings]] = GateSettings

    def __init__(self, settings: GateSettings) -> None:
        self.settings = settings
        self._waits = 0
        self._closed = False

    async def start(self) -> None:
        """Create the file."""
        try:
            self.settings.path.touch()
        except OSError as error:
            raise ConfigError(f"setting 'path': {str(self.settings.path)!r}: {error.strerror}") from None

    async def write(self, batch: Sequence[Message]) -> None:
        """Write a batch, once the gate is open."""
        if self._closed:
            raise Retry("the output is closed")
        gate = self.settings.gate
        if gate is not None and not gate.exists():
            self._waits += 1
            while not gate.exists():
                await asyncio.sleep(_POLL_SECONDS)
        await asyncio.sleep(self.settings.delay)
        with self.settings.path.open("ab") as file:
            file.write(b"".join([self._line(message) for message in batch]))

    def _line(self, message: Message) -> bytes:
        if self.settings.ids:
            return f"{message.id} {message.short_message}\n".encode()
        return message.to_gelf() + b"\n"

    async def close(self) -> None:
        """Take no more; the file is open only while it is written."""
        self._closed = True

    def counters(self) -> dict[str, float]:
        """Return how often a batch found the gate shut."""
        return {"gate_waits_total": self._waits}
