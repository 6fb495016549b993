"""
Shared documents: small ones that all listeners of a store read and change, in an index beside the messages.

Laws:

* A change names the version it means; when somebody else made another one, it is refused and nothing is lost.
* A document is its body as JSON text, so the cluster neither reads nor maps what is in it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from gelf_listener.errors import Retry
from gelf_listener.store.opensearch.cluster import Cluster

MAX_SHARED = 5000
"""Documents that are looked at."""
_FETCHED_AT_ONCE = 20
"""Documents fetched with one request: each may take a quarter of a MiB."""
_CONFLICT = 409
_NOT_FOUND = 404

_MAPPINGS: dict[str, Any] = {"dynamic": False, "properties": {"kind": {"type": "keyword"}}}
_SETTINGS: dict[str, Any] = {"index.number_of_shards": 1, "index.auto_expand_replicas": "0-1"}


class Version(NamedTuple):
    """What tells one state of a document from another: its sequence number and the term of its primary shard."""

    number: int
    term: int


class SharedConflict(Exception):
    """Somebody else changed the document."""


class SharedDocument(NamedTuple):
    """A document: which state it is, its kind, and its body, JSON."""

    version: Version
    kind: str
    body: str


class SharedDocuments:
    """
    Documents by id.

    Args:
        cluster: Where they are.
        index: The name of their index.
    """

    def __init__(self, cluster: Cluster, index: str) -> None:
        self.index = index
        self._cluster = cluster
        self._made = False

    async def changes(self, known: Mapping[str, Version]) -> tuple[dict[str, SharedDocument], set[str]]:
        """
        Return what is new, changed or gone.

        Args:
            known: Versions by id, as they were seen last.

        Returns:
            Documents that are new or changed, by id; ids of those that are gone.

        Raises:
            Retry: If the cluster is away.
        """
        found = await self._cluster.versions(self.index, MAX_SHARED)
        versions = {id: Version(*version) for id, version in found.items()}
        stale = [id for id, version in versions.items() if known.get(id) != version]
        fetched: dict[str, SharedDocument] = {}
        for start in range(0, len(stale), _FETCHED_AT_ONCE):
            fetched |= await self._fetch(stale[start : start + _FETCHED_AT_ONCE])
        return fetched, known.keys() - versions.keys()

    async def _fetch(self, ids: Collection[str]) -> dict[str, SharedDocument]:
        found = await self._cluster.documents(self.index, ids)
        return {
            each["_id"]: SharedDocument(
                Version(each["_seq_no"], each["_primary_term"]), each["_source"]["kind"], each["_source"]["body"]
            )
            for each in found
            if each.get("found")
        }

    async def put(self, id: str, kind: str, body: str, version: Version | None, *, seen: bool = True) -> Version:
        """
        Keep a document in the place of a version, None: of nothing; return its version.

        Args:
            id: Its id.
            kind: Its kind.
            body: JSON.
            version: What it replaces.
            seen: Whether `changes` has to see it at once.

        Raises:
            SharedConflict: If there is something else than that version.
            Retry: If the cluster is away.
        """
        await self._make_index()
        action = {"create": self._at(id, None)} if version is None else {"index": self._at(id, version)}
        done = await self._cluster.change([action, {"kind": kind, "body": body}], seen=seen)
        return self._settled(done)

    async def remove(self, id: str, version: Version) -> None:
        """
        Remove a version of a document; nothing happens when it is gone.

        Raises:
            SharedConflict: If there is another version.
            Retry: If the cluster is away.
        """
        done = await self._cluster.change([{"delete": self._at(id, version)}], seen=True)
        if done["status"] != _NOT_FOUND:
            self._settled(done)

    def _at(self, id: str, version: Version | None) -> dict[str, Any]:
        place: dict[str, Any] = {"_index": self.index, "_id": id}
        return place if version is None else place | {"if_seq_no": version.number, "if_primary_term": version.term}

    @staticmethod
    def _settled(done: dict[str, Any]) -> Version:
        if done["status"] == _CONFLICT:
            raise SharedConflict
        if done["status"] >= 300:
            raise Retry(f"OpenSearch: status {done['status']}: {done.get('error')}"[:300])
        return Version(done["_seq_no"], done["_primary_term"])

    async def _make_index(self) -> None:
        if not self._made:
            await self._cluster.put_template(self.index, self.index, _MAPPINGS, _SETTINGS)
            self._made = True
