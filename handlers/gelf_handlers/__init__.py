"""Logging handlers for services, on graypy: never slow, never throwing, nothing lost at exit."""

from gelf_handlers.chunkers import (
    LAN_CHUNK,
    WAN_CHUNK,
    BaseGELFChunker,
    GELFChunkOverflowWarning,
    GELFTruncatingChunker,
    GELFTruncationFailureWarning,
    GELFWarningChunker,
)
from gelf_handlers.config import configure, handler_for
from gelf_handlers.context import bind, bound_fields
from gelf_handlers.formatters import GELFFormatter, RFC5424Formatter, SysLogHandler
from gelf_handlers.handler import QueuedGELFHandler
from gelf_handlers.http import GELFHTTPHandler, GELFHTTPSHandler
from gelf_handlers.rabbit import ExcludeFilter, GELFRabbitHandler
from gelf_handlers.stats import HandlerStats
from gelf_handlers.stdout import StdoutHandler
from gelf_handlers.syslog import RFC5424Handler
from gelf_handlers.tcp import GELFTCPHandler, GELFTLSHandler
from gelf_handlers.udp import GELFUDPHandler

__version__ = "0.1.0"

__all__ = [
    "LAN_CHUNK",
    "WAN_CHUNK",
    "BaseGELFChunker",
    "ExcludeFilter",
    "GELFChunkOverflowWarning",
    "GELFFormatter",
    "GELFHTTPHandler",
    "GELFHTTPSHandler",
    "GELFRabbitHandler",
    "GELFTCPHandler",
    "GELFTLSHandler",
    "GELFTruncatingChunker",
    "GELFTruncationFailureWarning",
    "GELFUDPHandler",
    "GELFWarningChunker",
    "HandlerStats",
    "QueuedGELFHandler",
    "RFC5424Formatter",
    "RFC5424Handler",
    "StdoutHandler",
    "SysLogHandler",
    "bind",
    "bound_fields",
    "configure",
    "handler_for",
]
