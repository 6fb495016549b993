"""GELF over TCP and over TLS."""

from __future__ import annotations

import socket
import ssl
from typing import Final, Unpack

import graypy.handler as graypy

from gelf_handlers.handler import HandlerOptions, QueuedGELFHandler
from gelf_handlers.stats import Counters
from gelf_handlers.stream import StreamTransport, connect
from gelf_handlers.tls import make_context

__all__ = ["GELFTCPHandler", "GELFTLSHandler"]

_CONNECT_SECONDS: Final = 5.0


class GELFTCPHandler(QueuedGELFHandler, graypy.GELFTCPHandler):
    """
    Sends GELF over TCP, frames ended by NUL, never compressed; graypy's class of that name, without blocking.

    Guarantee: at most once. While the server is away records are kept and then sent in order; at most what was in
    the kernel's buffer when the connection broke is lost, and it is counted where the kernel tells.

    Args:
        host: Name or address, IPv4 or IPv6.
        port: graypy's default, 12201.
        options: See `HandlerOptions`.
    """

    _scheme = "gelf+tcp"

    def __init__(self, host: str, port: int = 12201, **options: Unpack[HandlerOptions]) -> None:
        theirs, ours = self._split_options(options)
        graypy.GELFTCPHandler.__init__(self, host, port, **theirs)
        self._start_queue(f"{self._scheme}://{host}:{port}", **ours)

    def _new_transport(self, counters: Counters) -> StreamTransport:
        return StreamTransport(lambda: self.makeSocket(_CONNECT_SECONDS), counters)

    def makeSocket(self, timeout: float = 1) -> socket.socket:
        """Connect; called by the worker."""
        return connect(self.host, self.port, timeout)


class GELFTLSHandler(GELFTCPHandler, graypy.GELFTLSHandler):
    """
    Sends GELF over TLS; graypy's class of that name, working on every Python.

    Args:
        host: Name or address; sent as SNI.
        port: graypy's default, 12204.
        validate: Check the server's certificate and name; graypy's default is not to.
        ca_certs: Bundle to check against; needed with `validate`.
        certfile: The client's certificate.
        keyfile: The client's key, unless it is in `certfile`.
        ssl_context: A context of your own, in place of the four above.
        server_hostname: The name to expect and to send as SNI, if not `host`.
        check_hostname: Check the name, with `validate`.
        options: See `HandlerOptions`.
    """

    _scheme = "gelf+tls"

    def __init__(
        self,
        host: str,
        port: int = 12204,
        validate: bool = False,
        ca_certs: str | None = None,
        certfile: str | None = None,
        keyfile: str | None = None,
        *,
        ssl_context: ssl.SSLContext | None = None,
        server_hostname: str | None = None,
        check_hostname: bool = True,
        **options: Unpack[HandlerOptions],
    ) -> None:
        if ssl_context is None:
            if validate and ca_certs is None:
                raise ValueError("CA bundle file path must be specified")
            if keyfile is not None and certfile is None:
                raise ValueError("certfile must be specified")
            ssl_context = make_context(
                validate=validate, ca_certs=ca_certs, certfile=certfile, keyfile=keyfile, check_hostname=check_hostname
            )
        self.ssl_context = ssl_context
        self.server_hostname = server_hostname
        self.ca_certs = ca_certs
        self.reqs = ssl_context.verify_mode
        self.certfile = certfile
        self.keyfile = keyfile or certfile
        GELFTCPHandler.__init__(self, host, port, **options)

    def makeSocket(self, timeout: float = 1) -> socket.socket:
        """Connect and shake hands; called by the worker."""
        return connect(self.host, self.port, timeout, self.ssl_context, self.server_hostname)
