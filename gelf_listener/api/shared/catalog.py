"""
Catalog in a cluster: all listeners of a store have the same inputs, streams, tokens and saved searches.

Laws:

* What `put` returned from is kept as the cluster keeps what it acknowledges, and every listener sees it within seconds.
* A change is made to the document that this listener sees. When another listener changed it first, it is refused with
  `CatalogConflict`, and the other's change is what `get` returns from then on. Saved searches, which clients send whole
  each time, are the exception: the later one counts.
* While the cluster is away, changes are refused with `CatalogAway`.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from gelf_listener.api.catalog import MAX_DOCUMENTS, CatalogAway, CatalogConflict, Kind, fitting, oldest_to_go
from gelf_listener.api.shared.mirror import Mirror
from gelf_listener.errors import Retry
from gelf_listener.store.opensearch.documents import SharedConflict, SharedDocument, Version

_MOST_ID_CHARACTERS = 100
_TRIES = 5


class SharedCatalog:
    """
    Documents that all listeners of a store share; see `Catalog`.

    Args:
        mirror: Where they are.
    """

    def __init__(self, mirror: Mirror) -> None:
        self._mirror = mirror
        self._read: dict[str, tuple[Version, float, str, dict[str, Any]]] = {}
        """Version, when it was made, id and document, by the id in the mirror."""
        self._sorted: dict[Kind, tuple[int, dict[str, dict[str, Any]]]] = {}
        """The generation of a kind, and its documents, oldest first."""

    async def open(self, changed: Callable[[], Awaitable[None]]) -> None:
        """Begin to see what others change; see `Catalog.open`."""

        async def told(kinds: AbstractSet[str]) -> None:
            if kinds & MAX_DOCUMENTS.keys():
                await changed()

        self._mirror.on_change.append(told)

    def all(self, kind: Kind) -> Mapping[str, dict[str, Any]]:
        """Return all documents of a kind; see `Catalog.all`."""
        generation = self._mirror.generation(kind)
        if kind not in self._sorted or self._sorted[kind][0] != generation:
            opened = [self._opened(key, shared) for key, shared in self._mirror.of_kind(kind)]
            opened.sort(key=lambda each: each[1:3])
            self._sorted[kind] = (generation, {id: document for _, _, id, document in opened})
        return self._sorted[kind][1]

    def get(self, kind: Kind, id: str) -> dict[str, Any] | None:
        """Return a document; see `Catalog.get`."""
        key = _key(kind, id)
        shared = self._mirror.get(key)
        return None if shared is None else self._opened(key, shared)[3]

    async def put(self, kind: Kind, id: str, document: dict[str, Any]) -> None:
        """Keep a document; see `Catalog.put`."""
        fitting(document)
        key = _key(kind, id)
        for _ in range(_TRIES if kind == "searches" else 1):
            shared = self._mirror.get(key)
            made = time.time() if shared is None else self._opened(key, shared)[1]
            gone = oldest_to_go(kind, id, self.all(kind))
            body = json.dumps({"id": id, "made": made, "document": document})
            try:
                if gone is not None:
                    await self.remove(kind, gone)
                await self._mirror.put(key, kind, body, None if shared is None else shared.version)
            except SharedConflict:
                await self._look()
            except Retry as error:
                raise _away(error) from None
            else:
                return
        raise CatalogConflict("another listener changed this at the same time; look at it and try again")

    async def remove(self, kind: Kind, id: str) -> bool:
        """Forget a document; see `Catalog.remove`."""
        key = _key(kind, id)
        for _ in range(_TRIES):  # whatever somebody made of it, it is to go
            shared = self._mirror.get(key)
            if shared is None:
                return False
            try:
                await self._mirror.remove(key, shared.version)
            except SharedConflict:
                await self._look()
            except Retry as error:
                raise _away(error) from None
            else:
                self._read.pop(key, None)
                return True
        raise CatalogConflict("other listeners keep changing this; try again")

    def close(self) -> None:
        """Do nothing: whoever made the mirror closes it; see `Catalog.close`."""

    async def _look(self) -> None:
        try:
            await self._mirror.look()
        except Retry as error:
            raise _away(error) from None

    def _opened(self, key: str, shared: SharedDocument) -> tuple[Version, float, str, dict[str, Any]]:
        """Read a document, once for each version."""
        known = self._read.get(key)
        if known is None or known[0] != shared.version:
            body = json.loads(shared.body)
            known = self._read[key] = (shared.version, body["made"], body["id"], body["document"])
            if len(self._read) > 2 * sum(MAX_DOCUMENTS.values()):
                self._read = {each: value for each, value in self._read.items() if self._mirror.get(each) is not None}
        return known


def _key(kind: Kind, id: str) -> str:
    """Return the id in the mirror; clients choose some, of any length."""
    if len(id) > _MOST_ID_CHARACTERS or not id.isascii():
        id = hashlib.sha256(id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{kind}/{id}"


def _away(error: Retry) -> CatalogAway:
    return CatalogAway(f"this is not kept, for the cluster that all listeners share cannot take it now: {error}")
