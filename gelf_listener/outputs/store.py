"""store: messages where they can be searched, in the embedded store."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from gelf_listener.directories import state_directory
from gelf_listener.errors import Retry
from gelf_listener.lock import LockedError
from gelf_listener.outputs.store_output import StoreBase
from gelf_listener.settings import Duration, Size, ThreadSettings

if TYPE_CHECKING:
    from gelf_listener.store.tantivy_store import TantivyStore


class StoreSettings(ThreadSettings):
    """Settings of `store:`."""

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
    linger: Duration = Field(
        0.02, ge=0, le=60, description="Time to wait for more messages before a batch is written; a search ends it."
    )


class StoreOutput(StoreBase):
    """
    Keeps messages in an embedded full-text store that the API and the page search.

    Guarantee: with ``commit_seconds=0`` a written message survives a crash; otherwise what came in the last
    ``commit_seconds`` may be lost with the process. A message that is offered again is stored once.
    """

    Settings: ClassVar[type[StoreSettings]] = StoreSettings

    settings: StoreSettings
    store: TantivyStore | None = None

    async def start(self) -> None:
        """Open the store; see `Output.start`."""
        from gelf_listener.store.tantivy_store import TantivyStore  # the engine costs start-up time

        settings = self.settings
        store = TantivyStore(
            self.own_directory,
            self.open_fields,
            commit_seconds=settings.commit_seconds,
            partition_messages=settings.max_partition_messages,
            max_age_seconds=settings.max_age or None,
            max_bytes=int(settings.max_bytes) or None,
            indexing="process",
        )
        store.written_before = self.written_before
        try:
            await store.open()
        except LockedError as error:
            if error.pid != os.getpid():
                raise
            raise Retry(
                f"the store at {self.own_directory} is being closed, to be opened with other settings"
            ) from None
        self.store = store

    @property
    def own_directory(self) -> Path:
        """The store's directory; see `OwnsDirectory`."""
        return Path(self.settings.path) if self.settings.path else state_directory() / "store"

    @property
    def unwritten(self) -> int:
        """How many messages that counted as written are lost, now that it is closed."""
        return 0 if self.store is None else self.store.unsaved

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
