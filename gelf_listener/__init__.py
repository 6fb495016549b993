"""
gelf-listener: a lightweight listener for GELF and its neighbours.

The public API of the package; everything else may change between minor versions. Names are imported when they are
asked for: the pytest plugin is loaded by every test suite of an environment, and must cost those nothing that do not
use it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    """Import a public name when somebody asks for it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gelf_listener import errors, message, notes

    home: Any = next(module for module in (errors, message, notes) if hasattr(module, name))
    return getattr(home, name)
