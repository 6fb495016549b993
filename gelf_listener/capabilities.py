"""
Capabilities: what an input or output can do besides its contract.

It can when it has the attribute or method; nothing has to be declared. The service looks with ``isinstance``.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from gelf_listener.message import OpenFields, ReadColumns

if TYPE_CHECKING:
    from gelf_listener.store import Store
    from gelf_listener.store.opensearch.documents import SharedDocuments


@runtime_checkable
class Reopens(Protocol):
    """An input or output that opens its files and certificates again when the listener gets ``SIGHUP``."""

    def reopen(self) -> Awaitable[None] | None:
        """Open them again; what is under way goes on with the old ones."""


@runtime_checkable
class Concurrent(Protocol):
    """An output that can write several batches at the same time (setting ``concurrency``), in no particular order."""

    concurrent: ClassVar[bool]


@runtime_checkable
class Parallel(Protocol):
    """An output that several processes may have open at the same time, so that each worker writes by itself."""

    parallel: ClassVar[bool]


@runtime_checkable
class SharesPorts(Protocol):
    """An input that binds a port, and that workers can share."""

    def shared_port(self) -> tuple[socket.SocketKind, str, int] | None:
        """Return what it binds: kind, host and port; None if it has to be alone."""

    def url(self, sock: socket.socket) -> str:
        """Write where a socket listens."""


@runtime_checkable
class KeepsPayloads(Protocol):
    """An output that keeps raw payloads and gives messages back later, without knowing how their fields are read."""

    open_fields: OpenFields
    """Set before the start."""


@runtime_checkable
class ReadsColumns(Protocol):
    """An output that writes every field of messages, many messages at once, without knowing how they are read."""

    read_columns: ReadColumns
    """Set before the start."""


@runtime_checkable
class Searchable(Protocol):
    """An output whose messages can be searched: the API and the page show those of the first."""

    @property
    def store(self) -> Store | None:
        """The store; None until it is open."""


@runtime_checkable
class Shares(Protocol):
    """An output whose store belongs to several listeners, which keep there what they have to know of each other."""

    @property
    def shared_documents(self) -> SharedDocuments:
        """Where they keep it."""

    @property
    def node_name(self) -> str:
        """What this listener is called among them."""


@runtime_checkable
class OwnsDirectory(Protocol):
    """An output that has a directory alone. Its successor after a reload is started again until that is closed."""

    @property
    def own_directory(self) -> Path:
        """Where it is."""


A_DAY = 20_787
"""The day that outputs name an index of, so that their names can be compared: 2026-11-30, in days since 1970."""


@runtime_checkable
class WritesIndex(Protocol):
    """An output that writes into indices of a search engine."""

    @property
    def written_index(self) -> tuple[str, bool]:
        """The URL of the index of `A_DAY`, and whether it is a store's, which has it alone."""
