"""store+opensearch+http, store+opensearch+https: messages where they can be searched, in an OpenSearch cluster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field, field_validator

from gelf_listener.errors import ConfigError, Retry
from gelf_listener.message import FieldValue, Message
from gelf_listener.notes import Note
from gelf_listener.outputs.http_client import Denied, HttpClient, HttpOutputSettings
from gelf_listener.settings import Duration, Size

if TYPE_CHECKING:
    from gelf_listener.message import OpenFields
    from gelf_listener.store.opensearch.store import OpenSearchStore

__all__ = ["OpenSearchStoreOutput", "OpenSearchStoreSettings", "OpenSearchStoreTlsOutput"]


class OpenSearchStoreSettings(HttpOutputSettings):
    """Settings of `store+opensearch+http://`."""

    path: str = Field("/gelf", description="After the slash: what the names of indices begin with.")
    node: str = Field("", description="What this listener is called in messages (`gl2_source_node`).")
    max_age: Duration = Field(7 * 86400, description="How long messages are kept, such as 30d. 0: no limit.")
    max_bytes: Size = Field(0, ge=0, description="Size of all indices beyond which the oldest go. 0: no limit.")
    shards: int = Field(1, ge=1, le=1000, description="Shards of an index; there is one index a day.")
    replicas: int = Field(0, ge=0, le=100, description="Copies of each shard on other nodes.")

    @field_validator("path")
    @classmethod
    def _is_name(cls, path: str) -> str:
        name = path.strip("/")
        if not (name.isascii() and name.replace("-", "").replace("_", "").isalnum() and name == name.lower()):
            raise ValueError(f"{name!r} cannot begin the name of an index: lower-case letters, digits, - and _")
        if name[0] in "-_":
            raise ValueError(f"{name!r} cannot begin the name of an index: a letter or digit comes first")
        return path


class OpenSearchStoreOutput:
    """
    Keeps messages in an OpenSearch cluster that the API and the page search, with any number of other listeners.

    Guarantee: at least once, and once in the indices: a message's document has its id and lies in the index of the
    day it arrived.
    """

    Settings: ClassVar[type[OpenSearchStoreSettings]] = OpenSearchStoreSettings
    concurrent: ClassVar[bool] = True
    tls: ClassVar[bool] = False
    port: ClassVar[int] = 9200

    def __init__(self, settings: OpenSearchStoreSettings) -> None:
        self.settings = settings
        self.open_fields: OpenFields = _no_fields
        """Set by the service: reads the additional fields of a stored payload."""
        self.written_before: Callable[[], Awaitable[None]] | None = None
        """Set by the service: waits until everything that was taken for this output has been written to it."""
        self.store: OpenSearchStore | None = None
        self._client = HttpClient(settings, self.port, tls=self.tls)
        self._closed = False

    async def start(self) -> None:
        """Open the store; see `Output.start`."""
        from gelf_listener.store.opensearch.store import OpenSearchStore

        settings = self.settings
        prefix = settings.path.strip("/")
        store = OpenSearchStore(
            self._client.request,
            Denied,
            self.open_fields,
            location=f"{self._client.base}/{prefix}",
            prefix=prefix,
            node=settings.node,
            shards=settings.shards,
            replicas=settings.replicas,
            max_age_seconds=settings.max_age or None,
            max_bytes=int(settings.max_bytes) or None,
        )
        store.written_before = self.written_before
        try:
            await store.open()
        except Denied as error:
            raise ConfigError(f"OpenSearch refuses the index template: {error}") from None
        self.store = store

    async def write(self, batch: Sequence[Message]) -> None:
        """Add a batch; see `Output.write`."""
        if self._closed or self.store is None:
            raise Retry("the store is not open")
        await self.store.add(batch)

    async def close(self) -> None:
        """Let go of the cluster; see `Output.close`."""
        self._closed = True
        if self.store is not None:
            await self.store.close()
        await self._client.close()

    @property
    def problem(self) -> str:
        """Why messages cannot be added or found at the moment; empty when they can; see `/health`."""
        return "" if self.store is None else self.store.problem

    def counters(self) -> dict[str, float]:
        """Return what retention deleted, and what has no columns or could not be stored."""
        store = self.store
        if store is None:
            return {}
        return {
            "store_evicted_messages_total": store.evicted,
            "store_unmapped_messages_total": store.unmapped,
            "store_unindexable_messages": store.unindexable,
        }


class OpenSearchStoreTlsOutput(OpenSearchStoreOutput):
    """
    Keeps messages in an OpenSearch cluster, with TLS.

    Guarantee: as `OpenSearchStoreOutput`.
    """

    tls = True


def _no_fields(payload: bytes) -> tuple[dict[str, FieldValue], tuple[Note, ...]]:
    raise NotImplementedError("the service says how fields are read")
