"""
Syslog over UDP, TCP and TLS (RFC 5426, 6587 and 5425): what rsyslog, syslog-ng, `logger` and devices send.

The port is 1514: Graylog's 514 needs root, and no syslog input is on unless it is asked for, because a machine often
has one already.
"""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import Field

from gelf_listener.codec import Receipt
from gelf_listener.codec.framing.syslog_frames import SyslogFramer
from gelf_listener.codec.syslog.decoder import SyslogDecoder, SyslogOptions
from gelf_listener.inputs import Intake
from gelf_listener.inputs.server_connections import Connections
from gelf_listener.inputs.stream import StreamInput
from gelf_listener.inputs.tcp import TcpConnection
from gelf_listener.inputs.tls import TlsSettings
from gelf_listener.inputs.udp import DatagramInput
from gelf_listener.settings import InputSettings, ZoneName, zone_named

__all__ = [
    "SyslogConnection",
    "SyslogSettings",
    "SyslogTcpInput",
    "SyslogTcpSettings",
    "SyslogTlsInput",
    "SyslogTlsSettings",
    "SyslogUdpInput",
    "SyslogUdpSettings",
]


class SyslogSettings(InputSettings):
    """Settings of every syslog input; the options are those of Graylog's."""

    host: str = Field(
        "localhost",
        description="Address or name to bind; a name binds all its addresses, * binds every interface.",
    )
    port: int = Field(1514, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    store_full_message: bool = Field(False, description="Keep the whole text, header included, as full_message.")
    expand_structured_data: bool = Field(
        False, description="Put the SD-ID before the names of structured data: sdid_name instead of name."
    )
    allow_override_date: bool = Field(
        True, description="Use the receive time where the time stamp is missing or unusable; otherwise reject."
    )
    timezone: ZoneName = Field(
        "", description="Zone of time stamps without an offset, for example Europe/Berlin. Empty: this machine's."
    )

    def decoder(self, input: str) -> SyslogDecoder:
        """Make a decoder with these settings; the input's name goes on its messages."""
        zone = zone_named(self.timezone)
        options = SyslogOptions(self.store_full_message, self.expand_structured_data, self.allow_override_date, zone)
        return SyslogDecoder(input, options)


class SyslogUdpSettings(SyslogSettings):
    """Settings of `syslog+udp://`."""

    receive_buffer_bytes: int = Field(
        32 * 1024 * 1024,
        ge=4096,
        description="Kernel buffer to ask for: it holds what arrives while we are busy; beyond it the kernel drops.",
    )


class SyslogTcpSettings(SyslogSettings):
    """Settings of `syslog+tcp://`."""

    max_frame_bytes: int = Field(1024 * 1024, ge=1024, description="Longest message; a longer one is skipped.")
    max_connections: int = Field(1024, ge=1, description="Connections at a time; see docs for who gives way.")
    max_pending_bytes: int = Field(
        128 * 1024 * 1024, ge=1024, description="Bytes of unfinished messages that all connections may hold."
    )
    idle_timeout_seconds: float = Field(
        0.0, ge=0, description="Close a connection without a complete message for so long; 0: never, as Graylog."
    )
    keepalive: bool = Field(True, description="TCP keep-alive, so that dead peers are noticed.")


class SyslogTlsSettings(SyslogTcpSettings, TlsSettings):
    """Settings of `syslog+tls://`."""

    port: int = Field(6514, ge=0, le=65535, description="Port to bind; 0 picks a free one.")


class SyslogUdpInput(DatagramInput):
    """
    Reads syslog datagrams, a message each.

    See `DatagramInput` for what is guaranteed.
    """

    Settings: ClassVar[type[SyslogUdpSettings]] = SyslogUdpSettings
    scheme: ClassVar[str] = "syslog+udp"


class SyslogConnection(TcpConnection):
    """One connection: messages in, nothing out; framed as its sender frames them (see `SyslogFramer`)."""

    def _make_framer(self) -> Any:
        return SyslogFramer(self._settings.max_frame_bytes)

    def _cut(self, data: bytes, receipt: Receipt) -> list[bytes]:
        frames: list[bytes] = self._framer.feed(data, receipt)
        return frames


class SyslogTcpInput(StreamInput):
    """
    Takes syslog by TCP.

    Guarantee: at most once; syslog over TCP has no acknowledgement, so what a peer sent and we had not read when either
    side ended is lost. Back-pressure: while a buffer that blocks is full, connections are not read.
    """

    Settings: ClassVar[type[SyslogTcpSettings]] = SyslogTcpSettings  # type: ignore[assignment]  # none of GELF's
    scheme: ClassVar[str] = "syslog+tcp"

    def protocol(self, connections: Connections, intake: Intake) -> SyslogConnection:
        """Make the protocol of a new connection."""
        return SyslogConnection(connections, intake, self._decoder, self.settings)

    def sweep(self, intake: Intake) -> None:
        """Do nothing: syslog has no chunks."""


class SyslogTlsInput(SyslogTcpInput):
    """Takes syslog by TLS; see `SyslogTcpInput`."""

    Settings: ClassVar[type[SyslogTlsSettings]] = SyslogTlsSettings
    scheme: ClassVar[str] = "syslog+tls"
