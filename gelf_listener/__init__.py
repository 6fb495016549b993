"""
gelf-listener: a lightweight listener for GELF and its neighbours.

The public API of the package; everything else may change between minor versions.
"""

from __future__ import annotations

from gelf_listener.errors import ConfigError, GelfError, OutputError, QueryError, Reason, Refused, Rejected, Retry
from gelf_listener.message import Message, Peer
from gelf_listener.notes import Deviation, Note

__all__ = [
    "ConfigError",
    "Deviation",
    "GelfError",
    "Message",
    "Note",
    "OutputError",
    "Peer",
    "QueryError",
    "Reason",
    "Refused",
    "Rejected",
    "Retry",
    "__version__",
]

__version__ = "0.1.0"
