"""
forward, forward+tls: Fluentd's forward protocol, as Fluentd, Fluent Bit, Docker's driver and fluent-loggers send it.

What Docker's driver sends are lines of containers: they are joined and read as `read=text` reads those of its gelf
driver.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Annotated, ClassVar, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator

from gelf_listener.codec.forward.handshake import Handshake
from gelf_listener.codec.forward.session import ForwardLimits, ForwardSession
from gelf_listener.codec.inflater import Inflater
from gelf_listener.codec.text.containers import ContainerReader
from gelf_listener.inputs.allow import AllowList
from gelf_listener.inputs.container_intake import ContainerIntake
from gelf_listener.inputs.heartbeats import Heartbeats
from gelf_listener.inputs.listening import SessionSettings
from gelf_listener.inputs.stream import SessionInput
from gelf_listener.inputs.tls import TlsSettings
from gelf_listener.intake import Intake
from gelf_listener.settings import Duration, Size, ZoneName, zone_named


def _split_users(value: object) -> object:
    """Let a text such as ``ann:secret,bob:other`` stand for a table of users."""
    if not isinstance(value, str):
        return value
    users = {}
    for part in filter(None, value.split(",")):
        name, colon, password = part.partition(":")
        if not (name and colon and password):
            raise ValueError("must be name:password, several of them separated by commas")
        users[name.strip()] = password
    return users


class ForwardSettings(SessionSettings):
    """Settings of `forward://`."""

    port: int = Field(24224, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    shared_key: str = Field("", description="Key that clients must prove to have.", repr=False)
    users: Annotated[Mapping[str, str], BeforeValidator(_split_users)] = Field(
        {}, description="Users that clients must prove to be besides: name:password, comma-separated.", repr=False
    )
    heartbeat: bool = Field(True, description="Answer heartbeats by UDP on the same port.")
    max_event_bytes: Size = Field(
        8 * 1024 * 1024, ge=1024, description="Longest event; a longer one ends its connection."
    )
    max_payload_bytes: Size = Field(64 * 1024 * 1024, ge=1024, description="Largest compressed chunk after inflating.")
    timezone: ZoneName = Field(
        "", description="Zone of times in containers' lines without an offset. Empty: this machine's."
    )
    join_seconds: Duration = Field(
        0.3, ge=0, le=60, description="How long a line of a container waits for the next, which may be its trace."
    )

    @model_validator(mode="after")
    def _users_need_a_key(self) -> Self:
        if self.users and not self.shared_key:
            raise ValueError("users need shared_key: clients prove both in one handshake")
        return self


class ForwardTlsSettings(ForwardSettings, TlsSettings):
    """Settings of `forward+tls://`."""


class ForwardInput(SessionInput):
    """
    Takes events of Fluentd's forward protocol.

    Guarantee: at least once where clients ask for acknowledgements: a chunk is acknowledged when all its messages are
    in the buffers of all outputs, and safe there. At most once otherwise. Back-pressure: while a buffer is crowded,
    connections are not read.
    """

    Settings: ClassVar[type[ForwardSettings]] = ForwardSettings
    scheme: ClassVar[str] = "forward"
    settings: ForwardSettings

    def __init__(self, settings: ForwardSettings) -> None:
        super().__init__(settings)
        self._limits = ForwardLimits(settings.max_event_bytes)
        self._inflater = Inflater(settings.max_payload_bytes)
        self._heartbeats = Heartbeats(self.name, AllowList(settings.allow))
        self._containers: ContainerIntake | None = None

    def session(self) -> ForwardSession:
        """Make what a new connection speaks."""
        settings = self.settings
        handshake = None
        if settings.shared_key:
            handshake = Handshake(settings.shared_key, settings.users, socket.gethostname())
        return ForwardSession(self._limits, self._inflater, handshake)

    async def start(self, intake: Intake) -> None:
        """Listen, for connections and for heartbeats; see `Input.start`."""
        settings = self.settings
        reader = ContainerReader(self.name, zone=zone_named(settings.timezone), join_seconds=settings.join_seconds)
        self._containers = ContainerIntake(intake, reader)
        await super().start(self._containers)
        if settings.heartbeat and settings.socket is None:
            self._heartbeats.start(settings.host, urlsplit(self.listening[0]).port or settings.port)

    async def close(self) -> None:
        """Stop accepting, pass on the lines that wait, close; see `Input.close`."""
        self._heartbeats.close()
        await super().close()
        if self._containers is not None:
            self._containers.flush()

    def counters(self) -> dict[str, float]:
        """Return what the connections counted, and heartbeats."""
        return super().counters() | {"heartbeats_total": self._heartbeats.total}


class ForwardTlsInput(ForwardInput):
    """
    Takes events by TLS.

    Guarantee: as `ForwardInput`.
    """

    Settings: ClassVar[type[ForwardTlsSettings]] = ForwardTlsSettings
    scheme: ClassVar[str] = "forward+tls"
