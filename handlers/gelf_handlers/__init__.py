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
from gelf_handlers.context import bind, bound_fields
from gelf_handlers.stats import HandlerStats
from gelf_handlers.tcp import GELFTCPHandler, GELFTLSHandler
from gelf_handlers.udp import GELFUDPHandler

__version__ = "0.1.0"
