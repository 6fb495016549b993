"""Store output: what outputs have in common that keep messages where they can be searched."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

from gelf_listener.errors import Retry
from gelf_listener.message import FieldValue, Message, OpenFields
from gelf_listener.notes import Note


def _no_fields(payload: bytes) -> tuple[dict[str, FieldValue], tuple[Note, ...]]:
    raise NotImplementedError("the service says how fields are read")


class StoreBase:
    """Adds messages to a store; a derived class opens it and sets `store`."""

    Settings: ClassVar[type[Any]]
    settings: Any
    store: Any = None

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.open_fields: OpenFields = _no_fields
        """Set by the service: reads the additional fields of a stored payload."""
        self.written_before: Callable[[], Awaitable[None]] | None = None
        """Set by the service: waits until everything that was taken for this output has been written to it."""
        self._closed = False

    async def write(self, batch: Sequence[Message]) -> None:
        """Add a batch; see `Output.write`."""
        if self._closed or self.store is None:
            raise Retry("the store is not open")
        await self.store.add(batch)

    async def close(self) -> None:
        """Close the store; see `Output.close`."""
        self._closed = True
        if self.store is not None:
            await self.store.close()

    @property
    def problem(self) -> str:
        """Why what was written is not safe or not found as it should be; empty when it is; see `/health`."""
        return "" if self.store is None else str(self.store.problem)
