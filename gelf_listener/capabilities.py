"""
Capabilities: what an input or output can do besides its contract.

It can when it has the attribute or method; nothing has to be declared. The service looks with ``isinstance``.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, ClassVar, Protocol, runtime_checkable

from gelf_listener.message import OpenFields

if TYPE_CHECKING:
    from gelf_listener.store import Store

__all__ = ["Concurrent", "KeepsPayloads", "Reopens", "Searchable"]


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
class KeepsPayloads(Protocol):
    """An output that keeps raw payloads and gives messages back later, without knowing how their fields are read."""

    open_fields: OpenFields
    """Set before the start."""


@runtime_checkable
class Searchable(Protocol):
    """An output whose messages can be searched: the API and the page show those of the first."""

    @property
    def store(self) -> Store | None:
        """The store; None until it is open."""
