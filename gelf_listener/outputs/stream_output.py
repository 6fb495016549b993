"""Stream output: what outputs that write to a TCP connection or a Unix socket have in common."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from gelf_listener.errors import Refused, Retry, describe
from gelf_listener.message import Message
from gelf_listener.outputs.client_connection import Connection
from gelf_listener.settings import Duration, OutputSettings


class StreamOutputSettings(OutputSettings):
    """Where a stream goes."""

    host: str = Field("localhost", description="Who takes the messages.")
    port: int = Field(0, ge=0, le=65535, description="Its port.")
    socket: Path | None = Field(None, description="Unix socket of who takes the messages, instead of host and port.")
    timeout_seconds: Duration = Field(
        10.0, gt=0, le=600, description="Time to connect, and longest time in which the destination takes nothing."
    )


class StreamOutput:
    """
    Writes batches to a connection, and connects again when it breaks; a derived class says what is written (`encode`).

    Args:
        settings: Of the derived class's ``Settings``.
        context: For TLS.
    """

    Settings: ClassVar[type[StreamOutputSettings]]
    parallel: ClassVar[bool] = True
    settings: StreamOutputSettings

    def __init__(self, settings: Any, context: ssl.SSLContext | None = None) -> None:
        self.settings = settings
        self._context = context
        self._connection: Connection | None = None
        self._closed = False
        self._written = 0
        self._connections = 0

    def encode(self, batch: Sequence[Message]) -> tuple[bytes, list[Message], str]:
        """Return a batch as bytes, and which of its messages are refused for what reason."""
        raise NotImplementedError

    async def start(self) -> None:
        """Connect; see `Output.start`."""
        self._closed = False
        await self._connected()

    async def write(self, batch: Sequence[Message]) -> None:
        """Send a batch and wait until the destination's kernel has it; see `Output.write`."""
        if self._closed:
            raise Retry("the output is closed")
        data, refused, why = self.encode(batch)
        if data:
            connection = await self._connected()
            try:
                await connection.write(data, self.settings.timeout_seconds)
            except OSError as error:
                await self._disconnect()
                raise Retry(self._said(error)) from None
            except BaseException:  # cancelled: half a batch is on its way
                await self._disconnect()
                raise
        self._written += len(batch) - len(refused)
        if refused:
            raise Refused(refused, why)

    async def close(self) -> None:
        """Disconnect; see `Output.close`."""
        self._closed = True
        await self._disconnect()

    def counters(self) -> dict[str, float]:
        """Return what was sent, and how often we connected."""
        return {"written_messages_total": self._written, "connections_total": self._connections}

    async def _connected(self) -> Connection:
        if self._connection is not None:
            if self._connection.lost is None:
                return self._connection
            await self._disconnect()
        settings = self.settings
        try:
            if settings.socket is not None:
                self._connection = await Connection.open_unix(settings.socket, self._context, settings.timeout_seconds)
            else:
                self._connection = await Connection.open(
                    settings.host, settings.port, self._context, settings.timeout_seconds
                )
        except OSError as error:
            raise Retry(self._said(error)) from None
        self._connections += 1
        return self._connection

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    def _said(self, error: OSError) -> str:
        settings = self.settings
        return f"{settings.socket or f'{settings.host}:{settings.port}'}: {describe(error)}"
