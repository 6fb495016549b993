"""syslog+udp, syslog+tcp, syslog+tls: send messages as syslog (RFC 5424, 5425, 5426, 6587)."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import ClassVar, Literal

from pydantic import Field

from gelf_listener.client_tls import ClientTlsSettings, client_context
from gelf_listener.codec.syslog.facilities import FACILITIES, KEYWORDS
from gelf_listener.errors import ConfigError
from gelf_listener.message import FieldValue, Message
from gelf_listener.outputs.datagram_output import DatagramOutput
from gelf_listener.outputs.stream_output import StreamOutput, StreamOutputSettings
from gelf_listener.rendering.placeholders import compile_placeholders
from gelf_listener.rendering.values import value_text
from gelf_listener.settings import OutputSettings, Size

_USER = KEYWORDS.index("user")
_INFORMATIONAL = 6
_NOT_PRINTABLE = re.compile(r"[^!-~]+")
_NO_NAME = re.compile(r"[^!#-<>-\\^-~]+")
_ESCAPED = re.compile(r'(["\\\]])')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_MOST_NAME = 32
_CUT = "…".encode()
_SD_ID = re.compile(r"[!#-<>-\\^-~]{1,32}")


class SyslogSettings(OutputSettings):
    """Settings of every syslog output."""

    host: str = Field("localhost", description="The server.")
    facility: str = Field(
        "",
        description="Facility: kern, user, daemon, local0 to local7, ... Empty: the message's own (`_facility_num`), "
        "or user.",
    )
    application: str = Field(
        "{_application_name}", description="APP-NAME; may hold {source}, {input}, {level} and {_field}."
    )
    structured_data: str = Field(
        "gelf@32473",
        description="SD-ID of the element that holds the additional fields; empty leaves them out.",
    )
    full_message: bool = Field(True, description="Send the long text of a message that has one, lines and all.")
    bom: bool = Field(False, description="Begin the text with a byte order mark, as RFC 5424 has it for UTF-8.")


class SyslogUdpSettings(SyslogSettings):
    """Settings of `syslog+udp://`."""

    port: int = Field(514, ge=1, le=65535, description="Its port.")
    max_bytes: Size = Field(8192, ge=480, le=65507, description="Largest datagram; the rest is cut, with an ellipsis.")


class SyslogTcpSettings(SyslogSettings, StreamOutputSettings):
    """Settings of `syslog+tcp://`."""

    port: int = Field(601, ge=1, le=65535, description="Its port.")
    framing: Literal["octets", "newline"] = Field(
        "octets", description="Octet counting (RFC 6587), or a line for each message, with line ends written as #012."
    )


class SyslogTlsSettings(SyslogTcpSettings, ClientTlsSettings):
    """Settings of `syslog+tls://`."""

    port: int = Field(6514, ge=1, le=65535, description="Its port.")


class SyslogFormat:
    """
    Writes a message as RFC 5424 has it.

    Our number behind the ``@`` of the element with the additional fields is the one RFC 5612 keeps for documentation:
    we have none of our own.

    Raises:
        ConfigError: If a setting does not fit.
    """

    def __init__(self, settings: SyslogSettings) -> None:
        if settings.facility and settings.facility not in KEYWORDS:
            raise ConfigError(f"setting 'facility': there is no {settings.facility!r}; {', '.join(KEYWORDS)}")
        if settings.structured_data and not _SD_ID.fullmatch(settings.structured_data):
            raise ConfigError(
                "setting 'structured_data' is not an SD-ID: at most 32 printable characters without = ] \""
            )
        try:
            self._application = compile_placeholders(settings.application)
        except ValueError as error:
            raise ConfigError(f"setting 'application': {error}") from None
        self._facility = KEYWORDS.index(settings.facility) if settings.facility else None
        self._settings = settings

    def line(self, message: Message) -> bytes:
        """Return a message, without framing."""
        level = _INFORMATIONAL if message.level is None or not 0 <= message.level <= 7 else message.level
        fields = message.fields
        facility = _facility(fields.get("facility_num")) if self._facility is None else self._facility
        application = _token(self._application(message), 48)
        process = _token(value_text(fields.get("process_id", fields.get("pid", ""))), 128)
        message_id = _token(value_text(fields.get("message_id", "")), 32)
        carried = {
            "application_name": application,
            "process_id": process,
            "message_id": message_id,
            "facility_num": str(facility),
        }
        if fields.get("facility_num") == facility:
            carried["facility"] = FACILITIES[facility]
        header = (
            f"<{facility * 8 + level}>1 {_time(message.timestamp)} {_token(message.host, 255)}"
            f" {application} {process} {message_id} {self._data(message, carried)} "
        )
        text = message.short_message
        if self._settings.full_message and message.full_message:
            long = message.full_message
            text = long if long.startswith(text) else f"{text}\n{long}"
        bom = "\ufeff" if self._settings.bom else ""
        return (header + bom + text).encode("utf-8", "replace")

    def _data(self, message: Message, carried: Mapping[str, str]) -> str:
        """Return the additional fields, but for those that the header has just as they are, as structured data."""
        if not self._settings.structured_data:
            return "-"
        parts = []
        seen: set[str] = set()
        for name, value in message.fields.items():
            text = value_text(value)
            if carried.get(name) == text:
                continue
            plain = _NO_NAME.sub("_", name)[:_MOST_NAME] or "_"
            number = 2
            while plain in seen:  # cut or cleaned, two names may have become one
                plain = f"{plain[: _MOST_NAME - len(str(number)) - 1]}~{number}"
                number += 1
            seen.add(plain)
            parts.append(f' {plain}="{_ESCAPED.sub(_escape, text)}"')
        return f"[{self._settings.structured_data}{''.join(parts)}]" if parts else "-"


class SyslogUdpOutput(DatagramOutput):
    """
    Sends a datagram for each message.

    Guarantee: at most once. UDP has no acknowledgement.
    """

    Settings: ClassVar[type[SyslogUdpSettings]] = SyslogUdpSettings

    def __init__(self, settings: SyslogUdpSettings) -> None:
        super().__init__(settings)
        self._format = SyslogFormat(settings)
        self._cut = 0

    def encode(self, message: Message) -> Iterable[bytes]:
        """Return the datagram of a message; see `DatagramOutput.encode`."""
        line = self._format.line(message)
        most = self.settings.max_bytes
        if len(line) > most:
            self._cut += 1
            line = line[: most - len(_CUT)].decode("utf-8", "ignore").encode() + _CUT
        return (line,)

    def counters(self) -> dict[str, float]:
        """Return what was sent, and how many messages were cut."""
        return super().counters() | {"cut_messages_total": self._cut}


class SyslogTcpOutput(StreamOutput):
    """
    Sends messages in a stream.

    Guarantee: at least once up to the destination's kernel. Syslog has no acknowledgement: what the destination's
    kernel took and its program did not read before it ended is lost. A batch during which the connection breaks is sent
    again.
    """

    Settings: ClassVar[type[SyslogTcpSettings]] = SyslogTcpSettings
    settings: SyslogTcpSettings

    def __init__(self, settings: SyslogTcpSettings, context: ssl.SSLContext | None = None) -> None:
        super().__init__(settings, context)
        self._format = SyslogFormat(settings)

    def encode(self, batch: Sequence[Message]) -> tuple[bytes, list[Message], str]:
        """Return a batch as bytes; see `StreamOutput.encode`."""
        lines = [self._format.line(message) for message in batch]
        if self.settings.framing == "octets":
            return b"".join([b"%d %s" % (len(line), line) for line in lines]), [], ""
        return b"".join([_one_line(line) + b"\n" for line in lines]), [], ""


class SyslogTlsOutput(SyslogTcpOutput):
    """
    Sends messages in a stream, with TLS.

    Guarantee: as `SyslogTcpOutput`.
    """

    Settings: ClassVar[type[SyslogTlsSettings]] = SyslogTlsSettings

    def __init__(self, settings: SyslogTlsSettings) -> None:
        super().__init__(settings, client_context(settings))


def _time(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    except (ValueError, OverflowError, OSError):
        return "-"


def _facility(value: FieldValue | None) -> int:
    """Return a facility's number; that of user for what is not one."""
    return value if type(value) is int and 0 <= value < len(KEYWORDS) else _USER


def _token(text: str, most: int) -> str:
    """Return a field of the header: printable ASCII without spaces, or a dash."""
    return _NOT_PRINTABLE.sub("_", text)[:most] or "-"


def _escape(match: re.Match[str]) -> str:
    return "\\" + match[1]


def _one_line(line: bytes) -> bytes:
    """Write control characters as rsyslog does: # and three octal digits."""
    if line.isascii() and line.decode("ascii").isprintable():
        return line
    return _CONTROL.sub(lambda match: f"#{ord(match[0]):03o}", line.decode("utf-8", "replace")).encode()
