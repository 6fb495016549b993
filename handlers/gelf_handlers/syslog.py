"""RFC 5424 over UDP, TCP and TLS, on the same queue as the GELF handlers."""

from __future__ import annotations

import socket
import ssl
from logging.handlers import SysLogHandler as _StandardSysLogHandler
from typing import Any, Final, Literal, Unpack

from graypy.handler import BaseGELFHandler

from gelf_handlers.capture import Captured
from gelf_handlers.datagram import DatagramTransport
from gelf_handlers.handler import HandlerOptions, QueuedGELFHandler
from gelf_handlers.resolve import Resolver
from gelf_handlers.rfc5424 import app_name, syslog_message
from gelf_handlers.stats import Counters
from gelf_handlers.stream import StreamTransport, connect
from gelf_handlers.transport import Transport

__all__ = ["RFC5424Handler"]

_MAX_DATAGRAM: Final = 65_507
_DEFAULT_PORTS: Final = {"udp": 514, "tcp": 514, "tls": 6514}


class RFC5424Handler(QueuedGELFHandler):
    """
    Sends RFC 5424 without blocking: datagrams, or octet-counted frames (RFC 6587, RFC 5425) over TCP and TLS.

    Guarantee: as `GELFUDPHandler` and `GELFTCPHandler`.

    Args:
        host: Name or address.
        port: 514, with TLS 6514, when None.
        transport: ``udp``, ``tcp`` or ``tls``.
        syslog_facility: A name `logging.handlers.SysLogHandler` knows.
        appname: APP-NAME; `facility` or the logger's name when None.
        ssl_context: With ``tls``; the system's certificate authorities and name check when None.
        resolve_seconds: With ``udp``: how often the name is looked up again.
        options: See `HandlerOptions`.
    """

    def __init__(
        self,
        host: str,
        port: int | None = None,
        *,
        transport: Literal["udp", "tcp", "tls"] = "udp",
        syslog_facility: str = "user",
        appname: str | None = None,
        ssl_context: ssl.SSLContext | None = None,
        resolve_seconds: float = 60.0,
        **options: Unpack[HandlerOptions],
    ) -> None:
        theirs, ours = self._split_options(options)
        BaseGELFHandler.__init__(self, compress=False, **theirs)
        if transport not in _DEFAULT_PORTS:
            raise ValueError(f"transport must be udp, tcp or tls, not {transport!r}")
        names: dict[str, Any] = _StandardSysLogHandler.facility_names
        if syslog_facility not in names:
            raise ValueError(f"unknown syslog facility {syslog_facility!r}; one of {', '.join(sorted(names))}")
        self.host = host
        self.port = _DEFAULT_PORTS[transport] if port is None else port
        self.transport = transport
        self.syslog_facility = int(names[syslog_facility])
        self.appname = appname
        self.resolve_seconds = resolve_seconds
        self.ssl_context = (ssl_context or ssl.create_default_context()) if transport == "tls" else None
        self._start_queue(f"syslog+{transport}://{host}:{self.port}", **ours)

    def _new_transport(self, counters: Counters) -> Transport:
        if self.transport == "udp":
            resolver = Resolver(self.host, self.port, socket.SOCK_DGRAM, self.resolve_seconds)
            return DatagramTransport(resolver, lambda payload: (payload[:_MAX_DATAGRAM],), counters)
        return StreamTransport(self._open, counters)

    def _open(self) -> socket.socket:
        return connect(self.host, self.port, 5.0, self.ssl_context)

    def _encode(self, captured: Captured) -> bytes:
        record = self._restore(captured)
        message = self._make_gelf_dict(record)
        name = app_name(self.appname or self.facility or record.name)
        text = (
            f"<{self.syslog_facility * 8 + message['level']}>{syslog_message(message, name, record.process)}".encode()
        )
        return text if self.transport == "udp" else b"%d %b" % (len(text), text)
