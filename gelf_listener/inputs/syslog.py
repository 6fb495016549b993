"""
Syslog over UDP, TCP and TLS (RFC 5426, 6587 and 5425): what rsyslog, syslog-ng, `logger` and devices send.

The port is 1514: Graylog's 514 needs root, and no syslog input is on unless it is asked for, because a machine often
has one already.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from gelf_listener.codec import DatagramDecoder, FramedSession
from gelf_listener.codec.framing.syslog_frames import SyslogFramer
from gelf_listener.codec.syslog.decoder import SyslogDecoder, SyslogOptions
from gelf_listener.codec.syslog.graylog import GraylogSyslog
from gelf_listener.codec.syslog.session import SyslogSession
from gelf_listener.inputs.listening import ListeningSettings, SessionSettings
from gelf_listener.inputs.sockets import bind_unix, remove_unix
from gelf_listener.inputs.stream import SessionInput
from gelf_listener.inputs.stream_connection import StreamConnection, TextConnection
from gelf_listener.inputs.tls import TlsSettings
from gelf_listener.inputs.udp import DatagramInput, DatagramSettings
from gelf_listener.intake import Intake
from gelf_listener.settings import Charset, InputSettings, Size, ZoneName, ZoneNames, zone_named, zones_by_name

_PAUSE_SECONDS = 2.0
"""After so long a message of a sender that ends none is whole: longer than a network keeps a part of one back."""


class SyslogReading(InputSettings):
    """How syslog is read; the options are those of Graylog's."""

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

    def decoder(self, input: str, host: str = "") -> DatagramDecoder:
        """
        Make a decoder with these settings.

        Args:
            input: Name put on messages.
            host: Of messages that name none; empty: the peer's address.
        """
        options = SyslogOptions(
            self.store_full_message,
            self.expand_structured_data,
            self.allow_override_date,
            zone_named(self.timezone),
            zones_by_name(self.zone_names),
            self.charset,
            host,
        )
        return SyslogDecoder(input, options) if self.mode == "lenient" else GraylogSyslog(input, options)


class SyslogSettings(SyslogReading, ListeningSettings):
    """Settings of the syslog inputs on the network."""

    port: int = Field(1514, ge=0, le=65535, description="Port to bind; 0 picks a free one.")


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


class SyslogConnection(TextConnection):
    """A connection whose sender may end its messages with nothing but a pause."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self._read_at = 0.0

    def data_received(self, data: bytes) -> None:
        """Take bytes, and note when."""
        self._read_at = self._loop.time()
        super().data_received(data)

    def rest(self) -> None:
        """Take what nothing ends, once nothing has come for a while that we would have read."""
        waits = self._closing or self._paused or self._backlog
        if not waits and self._loop.time() - self._read_at >= _PAUSE_SECONDS:
            self._run(self._session.rest)
            self.count_pending()


class SyslogTcpInput(SessionInput):
    """
    Takes syslog by TCP, framed as its sender frames it.

    Guarantee: at most once; syslog over TCP has no acknowledgement, so what a peer sent and we had not read when either
    side ended is lost. Back-pressure: while a buffer is crowded, connections are not read.
    """

    Settings: ClassVar[type[SyslogTcpSettings]] = SyslogTcpSettings
    scheme: ClassVar[str] = "syslog+tcp"
    connection: ClassVar[type[StreamConnection]] = SyslogConnection
    settings: SyslogTcpSettings

    def __init__(self, settings: SyslogTcpSettings) -> None:
        super().__init__(settings)
        self._decoder = settings.decoder(self.name)

    def session(self) -> FramedSession:
        """Make what a new connection speaks."""
        framer = SyslogFramer(self.settings.max_frame_bytes)
        lenient = self.settings.mode == "lenient"
        return SyslogSession(framer, self._decoder) if lenient else FramedSession(framer, self._decoder)

    def sweep(self, intake: Intake) -> None:  # noqa: ARG002  (connections have it)
        """Take messages that nothing ends."""
        for connection in self._connections.unfinished() if self._connections is not None else ():
            if isinstance(connection, SyslogConnection):
                connection.rest()


class SyslogTlsInput(SyslogTcpInput):
    """
    Takes syslog by TLS.

    Guarantee: as `SyslogTcpInput`.
    """

    Settings: ClassVar[type[SyslogTlsSettings]] = SyslogTlsSettings
    scheme: ClassVar[str] = "syslog+tls"


class SyslogUnixSettings(SyslogReading):
    """Settings of `syslog+unix:///path`."""

    path: Path = Field(Path("/dev/log"), description="The socket: what syslog(3) writes to is /dev/log.")
    kind: Literal["datagram", "stream"] = Field(
        "datagram", description="What its clients write: datagrams, as nearly all do, or a stream."
    )
    socket_mode: str = Field(
        "600", pattern="^0?[0-7]{3}$", description="Permissions of the Unix socket: who may send, in octal digits."
    )
    source: str = Field("", description="Host of messages that do not name one. Empty: this machine's name.")
    receive_buffer_bytes: Size = Field(
        1024 * 1024, ge=4096, description="Kernel buffer of datagrams to ask for; beyond it their senders wait."
    )
    max_frame_bytes: Size = Field(
        1024 * 1024, ge=1024, description="Longest message of a stream; a longer one is skipped."
    )

    @model_validator(mode="after")
    def _a_socket_has_no_network(self) -> Self:
        if self.allow:
            raise ValueError("allow has no meaning for a Unix socket: socket_mode says who may send")
        return self

    def local_decoder(self, input: str) -> DatagramDecoder:
        """Make a decoder for what this machine sends itself."""
        return self.decoder(input, self.source or socket.gethostname() or "localhost")


class _UnixDatagrams(DatagramInput):
    """
    Reads datagrams of a Unix socket.

    Guarantee: at most once; senders wait while its buffer is full.
    """

    scheme: ClassVar[str] = "syslog+unix"
    senders_wait: ClassVar[bool] = True

    def __init__(self, settings: SyslogUnixSettings) -> None:
        self._unix = settings
        self._inode = 0
        super().__init__(settings)

    @property
    def place(self) -> str:
        """The path."""
        return str(self._unix.path)

    def decoder(self) -> DatagramDecoder:
        """Make what reads the datagrams."""
        return self._unix.local_decoder(self.name)

    def bind(self) -> list[socket.socket]:
        """Open the socket."""
        sock, self._inode = bind_unix(self._unix.path, int(self._unix.socket_mode, 8), socket.SOCK_DGRAM)
        return [sock]

    def url(self, sock: socket.socket) -> str:  # noqa: ARG002  (there is one)
        """Write where it listens."""
        return f"{self.scheme}://{self._unix.path}"

    async def close(self) -> None:
        """Read what the kernel still holds, then close, and remove the socket."""
        await super().close()
        if self._inode:
            remove_unix(self._unix.path, self._inode)
            self._inode = 0


class _UnixStreams(SyslogTcpInput):
    """
    Takes streams of a Unix socket.

    Guarantee: as `SyslogTcpInput`.
    """

    scheme: ClassVar[str] = "syslog+unix"

    def __init__(self, settings: SyslogUnixSettings) -> None:
        read = {name: getattr(settings, name) for name in SyslogReading.model_fields}
        place = {"socket": settings.path, "socket_mode": settings.socket_mode}
        super().__init__(SyslogTcpSettings(**read, **place, max_frame_bytes=settings.max_frame_bytes))
        self._decoder = settings.local_decoder(self.name)

    def url(self, sock: socket.socket) -> str:  # noqa: ARG002  (there is one)
        """Write where it listens."""
        return f"{self.scheme}://{self.settings.socket}"


class SyslogUnixInput:
    """
    Takes what syslog(3), `logger` and Python's SysLogHandler write to a Unix socket such as /dev/log.

    Guarantee: at most once; what a sender wrote and we had not read when the process ends is lost. Back-pressure: while
    buffers are full nothing is read, and senders wait.
    """

    Settings: ClassVar[type[SyslogUnixSettings]] = SyslogUnixSettings

    def __init__(self, settings: SyslogUnixSettings) -> None:
        self.settings = settings
        self._inner = _UnixDatagrams(settings) if settings.kind == "datagram" else _UnixStreams(settings)
        self.name: str = self._inner.name

    @property
    def listening(self) -> list[str]:
        """Where it listens; see `Input.listening`."""
        return self._inner.listening

    async def start(self, intake: Intake) -> None:
        """Make the socket and begin to read; see `Input.start`."""
        await self._inner.start(intake)

    async def close(self) -> None:
        """Hand over what was sent, and remove the socket; see `Input.close`."""
        await self._inner.close()

    def counters(self) -> dict[str, float]:
        """Return those of datagrams or of connections."""
        return self._inner.counters()
