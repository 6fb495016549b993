"""An input: every datagram is the text of one message."""

from __future__ import annotations

import asyncio
import time
from typing import ClassVar, cast

import msgspec
from pydantic import Field

from gelf_listener import ConfigError, Message, Peer, Reason, Rejected
from gelf_listener.inputs import Intake
from gelf_listener.settings import InputSettings

__all__ = ["TextUdpInput", "TextUdpSettings"]


class TextUdpSettings(InputSettings):
    """Settings of `text+udp://`."""

    host: str = Field("127.0.0.1", description="Address to bind.")
    port: int = Field(5140, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    level: int = Field(6, ge=0, le=7, description="Severity of every message.")


class _Protocol(asyncio.DatagramProtocol):
    def __init__(self, owner: TextUdpInput, intake: Intake) -> None:
        self._owner = owner
        self._intake = intake

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        peer = Peer(address[0], address[1])
        try:
            self._intake.accept([self._owner.message(data, peer)], len(data))
        except UnicodeDecodeError as error:
            self._intake.reject(
                Rejected(Reason.NO_MESSAGE, f"no UTF-8: {error}", data, peer=peer, input=self._owner.name)
            )


class TextUdpInput:
    """Takes text by UDP."""

    Settings: ClassVar[type[TextUdpSettings]] = TextUdpSettings

    def __init__(self, settings: TextUdpSettings) -> None:
        self.settings = settings
        self.name = settings.name or f"text+udp-{settings.port}"
        self.listening: list[str] = []
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, intake: Intake) -> None:
        """Bind and begin to read."""
        settings = self.settings
        try:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Protocol(self, intake), local_addr=(settings.host, settings.port)
            )
        except OSError as error:
            raise ConfigError(f"cannot bind {settings.host} port {settings.port}: {error.strerror}") from None
        self._transport = cast("asyncio.DatagramTransport", transport)
        port = transport.get_extra_info("sockname")[1]
        self.listening = [f"text+udp://{settings.host}:{port}"]

    async def close(self) -> None:
        """Stop reading."""
        if self._transport is not None:
            self._transport.close()

    def counters(self) -> dict[str, float]:
        """Return no counters of our own."""
        return {}

    def message(self, data: bytes, peer: Peer) -> Message:
        """Make a message of a datagram."""
        now = time.time()
        text = data.decode().strip()
        raw = msgspec.json.encode(
            {"version": "1.1", "host": peer.host, "short_message": text, "timestamp": now, "level": self.settings.level}
        )
        return Message(
            timestamp=now,
            host=peer.host,
            short_message=text,
            full_message=None,
            level=self.settings.level,
            raw=raw,
            received_at=now,
            input=self.name,
            peer=peer,
            exact=True,
        )
