"""Datagram output: what outputs that send by UDP have in common."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from gelf_listener.errors import Retry, describe
from gelf_listener.message import Message
from gelf_listener.outputs.datagram_sender import Datagrams
from gelf_listener.outputs.progress import Progress

__all__ = ["DatagramOutput"]

_MESSAGES_BETWEEN_PAUSES = 256
"""Messages sent before others have a turn."""


class DatagramOutput:
    """Sends each message in datagrams; a derived class says in which (`encode`)."""

    Settings: ClassVar[type[Any]]

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self._datagrams = Datagrams(settings.host, settings.port)
        self._progress = Progress()
        self._closed = False
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

    async def start(self) -> None:
        """Look up the address; see `Output.start`."""
        self._closed = False
        await self._open()

    async def write(self, batch: Sequence[Message]) -> None:
        """Send a batch; see `Output.write`."""
        if self._closed:
            raise Retry("the output is closed")
        left = self._progress.begin(batch)
        await self._open()
        retry = ""
        for start in range(0, len(left), _MESSAGES_BETWEEN_PAUSES):
            try:
                await self._send(left[start : start + _MESSAGES_BETWEEN_PAUSES])
            except OSError as error:
                self._datagrams.close()
                retry = self._said(error)
                break
            await asyncio.sleep(0)
        self._progress.finish(retry)

    async def close(self) -> None:
        """Close the socket, once the system had time to say that the last datagram was refused; see `Output.close`."""
        self._closed = True
        if await self._datagrams.refused():
            self.unwritten += 1
            self.problem = self._said(ConnectionRefusedError(errno.ECONNREFUSED, os.strerror(errno.ECONNREFUSED)))
        self._datagrams.close()

    def counters(self) -> dict[str, float]:
        """Return what was sent."""
        return {"written_messages_total": self._progress.written_messages, "datagrams_total": self._datagrams.sent}

    async def _open(self) -> None:
        try:
            await self._datagrams.open()
        except OSError as error:
            self._datagrams.close()
            raise Retry(self._said(error)) from None

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
