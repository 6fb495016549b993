"""
Syslog over UDP, TCP and TLS (RFC 5426, 6587 and 5425): what rsyslog, syslog-ng, `logger` and devices send.

The port is 1514: Graylog's 514 needs root, and no syslog input is on unless it is asked for, because a machine often
has one already.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from gelf_listener.codec import DatagramDecoder, FramedSession
from gelf_listener.codec.framing.syslog_frames import SyslogFramer
from gelf_listener.codec.syslog.decoder import SyslogDecoder, SyslogOptions
from gelf_listener.codec.syslog.graylog import GraylogSyslog
from gelf_listener.inputs.listening import ListeningSettings, SessionSettings
from gelf_listener.inputs.stream import SessionInput
from gelf_listener.inputs.stream_connection import StreamConnection, TextConnection
from gelf_listener.inputs.tls import TlsSettings
from gelf_listener.inputs.udp import DatagramInput, DatagramSettings
from gelf_listener.settings import Charset, Size, ZoneName, ZoneNames, zone_named, zones_by_name

__all__ = [
    "SyslogSettings",
    "SyslogTcpInput",
    "SyslogTcpSettings",
    "SyslogTlsInput",
    "SyslogTlsSettings",
    "SyslogUdpInput",
    "SyslogUdpSettings",
]


class SyslogSettings(ListeningSettings):
    """Settings of every syslog input; the options are those of Graylog's."""

    port: int = Field(1514, ge=0, le=65535, description="Port to bind; 0 picks a free one.")
    mode: Literal["lenient", "graylog"] = Field(
        "lenient",
        description="lenient: take apart what can be understood. graylog: store exactly what a Graylog would.",
    )
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
    charset: Charset = Field("", description="Character set of what is not UTF-8, for example latin-1. Empty: none.")
    zone_names: ZoneNames = Field(
        {},
        description="What short names of zones in time stamps mean, for example IST=Asia/Jerusalem,CST=Asia/Shanghai.",
    )

    def decoder(self, input: str) -> DatagramDecoder:
        """Make a decoder with these settings; the input's name goes on its messages."""
        options = SyslogOptions(
            self.store_full_message,
            self.expand_structured_data,
            self.allow_override_date,
            zone_named(self.timezone),
            zones_by_name(self.zone_names),
            self.charset,
        )
        return SyslogDecoder(input, options) if self.mode == "lenient" else GraylogSyslog(input, options)


class SyslogUdpSettings(SyslogSettings, DatagramSettings):
    """Settings of `syslog+udp://`."""


class SyslogTcpSettings(SyslogSettings, SessionSettings):
    """Settings of `syslog+tcp://`."""

    max_frame_bytes: Size = Field(1024 * 1024, ge=1024, description="Longest message; a longer one is skipped.")


class SyslogTlsSettings(SyslogTcpSettings, TlsSettings):
    """Settings of `syslog+tls://`."""

    port: int = Field(6514, ge=0, le=65535, description="Port to bind; 0 picks a free one.")


class SyslogUdpInput(DatagramInput):
    """
    Reads syslog datagrams, a message each.

    Guarantee: at most once; see `DatagramInput`.
    """

    Settings: ClassVar[type[SyslogUdpSettings]] = SyslogUdpSettings
    scheme: ClassVar[str] = "syslog+udp"
    settings: SyslogUdpSettings

    def decoder(self) -> DatagramDecoder:
        """Make what reads the datagrams."""
        return self.settings.decoder(self.name)


class SyslogTcpInput(SessionInput):
    """
    Takes syslog by TCP, framed as its sender frames it (see `SyslogFramer`).

    Guarantee: at most once; syslog over TCP has no acknowledgement, so what a peer sent and we had not read when either
    side ended is lost. Back-pressure: while a buffer is crowded, connections are not read.
    """

    Settings: ClassVar[type[SyslogTcpSettings]] = SyslogTcpSettings
    scheme: ClassVar[str] = "syslog+tcp"
    connection: ClassVar[type[StreamConnection]] = TextConnection
    settings: SyslogTcpSettings

    def __init__(self, settings: SyslogTcpSettings) -> None:
        super().__init__(settings)
        self._decoder = settings.decoder(self.name)

    def session(self) -> FramedSession:
        """Make what a new connection speaks."""
        return FramedSession(SyslogFramer(self.settings.max_frame_bytes), self._decoder)


class SyslogTlsInput(SyslogTcpInput):
    """
    Takes syslog by TLS.

    Guarantee: as `SyslogTcpInput`.
    """

    Settings: ClassVar[type[SyslogTlsSettings]] = SyslogTlsSettings
    scheme: ClassVar[str] = "syslog+tls"
