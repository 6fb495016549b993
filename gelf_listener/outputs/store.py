"""store: messages where they can be searched, in the embedded store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from gelf_listener.directories import state_directory
from gelf_listener.errors import Retry
from gelf_listener.message import FieldValue, Message
from gelf_listener.notes import Note
from gelf_listener.settings import Duration, OutputSettings, Size

if TYPE_CHECKING:
    from gelf_listener.message import OpenFields
    from gelf_listener.store.tantivy_store import TantivyStore

__all__ = ["StoreOutput", "StoreSettings"]


class StoreSettings(OutputSettings):
    """Settings of `store:`."""

    write_timeout: Duration = Field(
        0.0,
        ge=0,
        description="As for every output, but without limit: what a thread writes cannot be stopped half way.",
    )
    path: str = Field("", description="Directory of the store; by default `store` in the user's state directory.")
    max_age: Duration = Field(7 * 86400, description="How long messages are kept, such as 30d. 0: no limit.")
    max_bytes: Size = Field(
        2 * 1024**3, ge=0, description="Size on disk beyond which the oldest go, such as 10GiB. 0: no limit."
    )
    max_partition_messages: int = Field(
        1_000_000, ge=1000, description="Messages in a partition; retention deletes whole partitions."
    )
    commit_seconds: Duration = Field(
        1.0, ge=0, le=60, description="Longest time until a message is safe on disk. 0: before it counts as written."
    )


class StoreOutput:
    """
    Keeps messages in an embedded full-text store that the API and the page search.

    Guarantee: with ``commit_seconds=0`` a written message survives a crash; otherwise what came in the last
    ``commit_seconds`` may be lost with the process. A message that is offered again is stored once.
    """

    Settings: ClassVar[type[StoreSettings]] = StoreSettings

    def __init__(self, settings: StoreSettings) -> None:
        self.settings = settings
        self.open_fields: OpenFields = _no_fields
        """Set by the service: reads the additional fields of a stored payload."""
        self.written_before: Callable[[], Awaitable[None]] | None = None
        """Set by the service: waits until everything that was taken for this output has been written to it."""
        self.store: TantivyStore | None = None
        self._closed = False

    async def start(self) -> None:
        """Open the store; see `Output.start`."""
        from gelf_listener.store.tantivy_store import TantivyStore  # the engine costs start-up time

        settings = self.settings
        store = TantivyStore(
            Path(settings.path) if settings.path else state_directory() / "store",
            self.open_fields,
            commit_seconds=settings.commit_seconds,
            partition_messages=settings.max_partition_messages,
            max_age_seconds=settings.max_age or None,
            max_bytes=int(settings.max_bytes) or None,
            indexing="process",
        )
        store.written_before = self.written_before
        await store.open()
        self.store = store

    async def write(self, batch: Sequence[Message]) -> None:
        """Add a batch; see `Output.write`."""
        if self._closed or self.store is None:
            raise Retry("the store is not open")
        await self.store.add(batch)

    @property
    def unwritten(self) -> int:
        """How many messages that counted as written are lost, now that it is closed."""
        return 0 if self.store is None else self.store.unsaved

    async def close(self) -> None:
        """Commit and close the store; see `Output.close`."""
        self._closed = True
        if self.store is not None:
            await self.store.close()

    @property
    def problem(self) -> str:
        """Why what was written is not safe or not found as it should be; empty when it is; see `/health`."""
        return "" if self.store is None else self.store.problem

    def counters(self) -> dict[str, float]:
        """Return how often was committed, what retention deleted, and what could not be read."""
        store = self.store
        if store is None:
            return {}
        return {
            "store_commits_total": store.commits,
            "store_evicted_messages_total": store.evicted,
            "store_damaged_partitions": len(store.set_aside),
            "store_lost_messages_total": store.lost,
            "store_unindexable_messages": store.unindexable,
            "store_messages": store.messages,
            "store_pending_messages": store.pending,
            "store_partitions": store.partitions,
        }


def _no_fields(payload: bytes) -> tuple[dict[str, FieldValue], tuple[Note, ...]]:
    raise NotImplementedError("the service says how fields are read")
