"""store+opensearch+http, store+opensearch+https: messages where they can be searched, in an OpenSearch cluster."""

from __future__ import annotations

import re
import socket
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, field_validator

from gelf_listener.capabilities import A_DAY
from gelf_listener.errors import ConfigError
from gelf_listener.outputs.http_client import Compression, Denied, HttpOutputSettings
from gelf_listener.outputs.http_nodes import HttpNodes
from gelf_listener.outputs.store_output import StoreBase
from gelf_listener.settings import Duration, Size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gelf_listener.message import FieldColumns, Message, ReadColumns
    from gelf_listener.store.opensearch.documents import SharedDocuments
    from gelf_listener.store.opensearch.shape import Shape
    from gelf_listener.store.opensearch.store import OpenSearchStore

_PATIENCE_SECONDS = 15.0
"""How long is waited for a cluster of several nodes to go on without one of them; searches have `search_timeout`."""
_NODE = re.compile(r"[A-Za-z0-9._-]{1,100}")


def _no_columns(messages: Sequence[Message]) -> list[FieldColumns]:
    raise NotImplementedError("the service says how fields are read")


class OpenSearchStoreSettings(HttpOutputSettings):
    """Settings of `store+opensearch+http://`."""

    compress: Compression = Field(
        "none",
        description="How bodies are compressed: gzip, zlib, none; gzip takes as long as making them. "
        "Unless it is none, answers are gzip.",
    )
    path: str = Field("/gelf", description="After the slash: what the names of indices begin with.")
    shape: Literal["own", "graylog"] = Field(
        "own",
        description="How messages lie in the indices: `own`, made for the listener, or `graylog`, as a Graylog has "
        "them.",
    )
    more_hosts: str = Field(
        "", description="More nodes of the cluster to ask when that one is away: `host:port`, separated by commas."
    )
    node: str = Field(
        "",
        description="What this listener is called among those of the store, and in its messages (`gl2_source_node`). "
        "The host's name by default: give each its own where several run on one host.",
    )
    search_timeout: Duration = Field(
        10.0,
        gt=0,
        le=600,
        description="How long a search may take, and all that one answer of the API asks the cluster. What it has not "
        "seen by then is said; without an answer it is an error (503).",
    )
    max_age: Duration = Field(7 * 86400, description="How long messages are kept, such as 30d. 0: no limit.")
    max_bytes: Size = Field(0, ge=0, description="Size of all indices beyond which the oldest go. 0: no limit.")
    shards: int = Field(1, ge=1, le=1000, description="Shards of an index; there is one index a day.")
    replicas: int = Field(0, ge=0, le=100, description="Copies of each shard on other nodes.")

    @field_validator("node")
    @classmethod
    def _is_plain(cls, node: str) -> str:
        if node and not _NODE.fullmatch(node):
            raise ValueError(f"{node!r} cannot be the name of a listener: up to 100 letters, digits, - . and _")
        return node

    @field_validator("path")
    @classmethod
    def _is_name(cls, path: str) -> str:
        name = path.strip("/")
        if not (name.isascii() and name.replace("-", "").replace("_", "").isalnum() and name == name.lower()):
            raise ValueError(f"{name!r} cannot begin the name of an index: lower-case letters, digits, - and _")
        if name[0] in "-_":
            raise ValueError(f"{name!r} cannot begin the name of an index: a letter or digit comes first")
        return path


class OpenSearchStoreOutput(StoreBase):
    """
    Keeps messages in an OpenSearch cluster that the API and the page search, with any number of other listeners.

    Guarantee: at least once, and once in the indices: a message's document has its id and lies in the index of the
    day it arrived.
    """

    Settings: ClassVar[type[OpenSearchStoreSettings]] = OpenSearchStoreSettings
    concurrent: ClassVar[bool] = True
    parallel: ClassVar[bool] = True
    tls: ClassVar[bool] = False
    port: ClassVar[int] = 9200

    settings: OpenSearchStoreSettings
    store: OpenSearchStore | None = None

    def __init__(self, settings: OpenSearchStoreSettings) -> None:
        super().__init__(settings)
        self.read_columns: ReadColumns = _no_columns
        """Set by the service: reads the fields of messages."""
        self._client = HttpNodes(settings, settings.more_hosts, self.port, tls=self.tls)
        self._prefix = settings.path.strip("/")

    @property
    def node_name(self) -> str:
        """What this listener is called among those of the store; see `Shares`."""
        return self.settings.node or _NODE.findall(f"{socket.gethostname()}")[0]

    @property
    def written_index(self) -> tuple[str, bool]:
        """Where messages of `A_DAY` go, and whether nothing else may; see `WritesIndex`."""
        return f"{self._client.base}/{self._shape().names.of(A_DAY)}", True

    @cached_property
    def shared_documents(self) -> SharedDocuments:
        """What the listeners of the store share; see `Shares`."""
        from gelf_listener.store.opensearch.cluster import Cluster
        from gelf_listener.store.opensearch.documents import SharedDocuments

        cluster = Cluster(self._client.request, self._shape().names, Denied)
        return SharedDocuments(cluster, f"{self._prefix}.shared")  # no pattern of messages' indices finds it

    async def start(self) -> None:
        """Open the store; see `Output.start`."""
        from gelf_listener.store.opensearch.store import OpenSearchStore

        settings = self.settings
        prefix = self._prefix
        store = OpenSearchStore(
            self._client.request,
            Denied,
            self._shape(),
            location=f"{self._client.base}/{prefix}",
            shards=settings.shards,
            replicas=settings.replicas,
            max_age_seconds=settings.max_age or None,
            max_bytes=int(settings.max_bytes) or None,
            search_seconds=settings.search_timeout,
            patience_seconds=_PATIENCE_SECONDS if settings.more_hosts else 0.0,
        )
        store.written_before = self.written_before
        try:
            await store.open()
        except Denied as error:
            raise ConfigError(f"OpenSearch refuses the index template: {error}") from None
        self.store = store

    def _shape(self) -> Shape:
        from gelf_listener.store.opensearch.graylog_shape import GraylogShape
        from gelf_listener.store.opensearch.own_shape import OwnShape

        if self.settings.shape == "graylog":
            return GraylogShape(self._prefix, self.node_name)
        return OwnShape(self._prefix, self.node_name, self.open_fields, self.read_columns)

    async def close(self) -> None:
        """Let go of the cluster; see `Output.close`."""
        await super().close()
        await self._client.close()

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
