"""GELF over UDP."""

from __future__ import annotations

import socket
from collections.abc import Iterable
from typing import Final, Unpack

import graypy.handler as graypy

from gelf_handlers.chunkers import GELFWarningChunker
from gelf_handlers.datagram import DatagramTransport
from gelf_handlers.handler import HandlerOptions, QueuedGELFHandler
from gelf_handlers.resolve import Resolver
from gelf_handlers.stats import Counters

__all__ = ["GELFUDPHandler"]

_WARNING_CHUNKER: Final = GELFWarningChunker()


class GELFUDPHandler(QueuedGELFHandler, graypy.GELFUDPHandler):
    """
    Sends GELF over UDP, chunked and zlib-compressed; graypy's class of that name, without blocking.

    Guarantee: at most once; a datagram that finds the port closed is counted as possibly lost.

    Args:
        host: Name or address, IPv4 or IPv6.
        port: graypy's default, 12202.
        gelf_chunker: Any graypy chunker.
        compress: Whether to zlib-compress.
        resolve_seconds: How often the name is looked up again.
        options: See `HandlerOptions`.
    """

    def __init__(
        self,
        host: str,
        port: int = 12202,
        gelf_chunker: graypy.BaseGELFChunker = _WARNING_CHUNKER,
        *,
        compress: bool = True,
        resolve_seconds: float = 60.0,
        **options: Unpack[HandlerOptions],
    ) -> None:
        theirs, ours = self._split_options(options)
        graypy.GELFUDPHandler.__init__(self, host, port, gelf_chunker, compress=compress, **theirs)
        self.resolve_seconds = resolve_seconds
        self._start_queue(f"gelf+udp://{host}:{port}", **ours)

    def _new_transport(self, counters: Counters) -> DatagramTransport:
        resolver = Resolver(self.host, self.port, socket.SOCK_DGRAM, self.resolve_seconds)
        return DatagramTransport(resolver, self._split, counters)

    def _split(self, message: bytes) -> Iterable[bytes]:
        # At most, not less than (graypy): 1420 bytes exactly need no chunking.
        if len(message) <= self.gelf_chunker.chunk_size:
            return (message,)
        return self.gelf_chunker.chunk_message(message)  # type: ignore[no-any-return]
