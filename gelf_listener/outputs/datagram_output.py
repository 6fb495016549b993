"""Datagram output: what outputs that send by UDP have in common."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterable, Sequence
from typing import Any

from gelf_listener.errors import Retry, describe
from gelf_listener.message import Message
from gelf_listener.outputs.confirmed import ConfirmedOutput
from gelf_listener.outputs.datagram_sender import Datagrams

_MESSAGES_BETWEEN_PAUSES = 256
"""Messages sent before others have a turn."""


class DatagramOutput(ConfirmedOutput):
    """Sends each message in datagrams; a derived class says in which (`encode`)."""

    def __init__(self, settings: Any) -> None:
        super().__init__(settings)
        self._datagrams = Datagrams(settings.host, settings.port)
        self.unwritten = 0
        """Messages that counted as written and turned out to be refused."""
        self.problem = ""

    def encode(self, message: Message) -> Iterable[bytes]:
        """
        Return the datagrams of a message.

        Raises:
            ValueError: If it cannot be sent.
        """
        raise NotImplementedError

    async def connect(self) -> None:
        """Look up the address; see `ConfirmedOutput.connect`."""
        try:
            await self._datagrams.open()
        except OSError as error:
            self._datagrams.close()
            raise Retry(self._said(error)) from None

    async def disconnect(self) -> None:
        """Close the socket, once the system had time to say that the last datagram was refused."""
        if await self._datagrams.refused():
            self.unwritten += 1
            self.problem = self._said(ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)))
        self._datagrams.close()

    async def send(self, messages: Sequence[Message]) -> str:
        """Send messages; see `ConfirmedOutput.send`."""
        await self.connect()
        for start in range(0, len(messages), _MESSAGES_BETWEEN_PAUSES):
            try:
                await self._send(messages[start : start + _MESSAGES_BETWEEN_PAUSES])
            except OSError as error:
                self._datagrams.close()
                return self._said(error)
            await asyncio.sleep(0)
        return ""

    def counters(self) -> dict[str, float]:
        """Return what was sent."""
        return super().counters() | {"datagrams_total": self._datagrams.sent}

    async def _send(self, messages: Sequence[Message]) -> None:
        """Send messages and note those that are sent, and those that never will be."""
        sent: list[Message] = []
        try:
            for message in messages:
                try:
                    datagrams = list(self.encode(message))
                except ValueError as error:
                    self._progress.refused(message, str(error))
                    continue
                for datagram in datagrams:
                    await self._datagrams.send(datagram)
                sent.append(message)
        except ConnectionRefusedError:  # the message before was, and comes again where that is possible
            if sent:
                sent.pop()
            else:
                self.unwritten += 1
            raise
        finally:
            self._progress.written(sent)

    def _said(self, error: OSError) -> str:
        return f"{self.settings.host}:{self.settings.port}: {describe(error)}"
