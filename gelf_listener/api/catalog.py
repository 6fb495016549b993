"""
Catalog: what was made through the API and outlives a restart: inputs, streams, tokens, boards, searches, alerts.

There are two: `FileCatalog` is one listener's own, `SharedCatalog` lies in the cluster of its store and belongs to all
listeners there. Both hold a copy of everything in memory, so reading never waits, and both are bounded.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, Protocol, TypeAlias

from gelf_listener.errors import GelfError

Kind: TypeAlias = Literal[
    "inputs",
    "streams",
    "tokens",
    "searches",
    "boards",
    "saved_searches",
    "alerts",
    "alert_states",
    "silences",
    "leases",
]

MAX_DOCUMENTS: Mapping[Kind, int] = {
    "inputs": 64,
    "streams": 500,
    "tokens": 500,
    "searches": 500,
    "boards": 100,
    "saved_searches": 500,
    "alerts": 100,
    "alert_states": 1000,
    "silences": 1000,
    "leases": 10,
}
"""Of each kind. Of searches (jobs of Graylog's API), one for each question of some clients, the oldest gives way."""

MAX_DOCUMENT_BYTES = 256 * 1024
"""Of each as JSON: all of them are held in memory."""


class CatalogFull(GelfError):
    """There are as many of a kind as there may be, or one is too large."""


class CatalogConflict(GelfError):
    """Another listener changed or removed the document that was to be changed."""


class CatalogAway(GelfError):
    """What keeps the documents cannot be reached, so a change would be lost."""


class Catalog(Protocol):
    """Documents by kind and id."""

    async def open(self, changed: Callable[[], Awaitable[None]]) -> None:
        """
        Begin to see what others change.

        Args:
            changed: Called after documents were changed by somebody else; also for those that are there at first.
        """

    def all(self, kind: Kind) -> Mapping[str, dict[str, Any]]:
        """Return all documents of a kind by id, oldest first; not to be changed."""

    def get(self, kind: Kind, id: str) -> dict[str, Any] | None:
        """Return a document, not to be changed; None when there is none."""

    async def put(self, kind: Kind, id: str, document: dict[str, Any]) -> None:
        """
        Keep a document, in the place of the one with the same id that `get` returns.

        Raises:
            CatalogFull: If there are too many, or it is too large.
            CatalogConflict: If somebody else changed it meanwhile.
            CatalogAway: If it cannot be kept now.
        """

    async def remove(self, kind: Kind, id: str) -> bool:
        """
        Forget a document; False when there was none.

        Raises:
            CatalogAway: If that cannot be kept now.
        """

    def close(self) -> None:
        """Let go of everything. May be called twice."""


def fitting(document: dict[str, Any]) -> str:
    """
    Return a document as JSON.

    Raises:
        CatalogFull: If it is too large.
    """
    body = json.dumps(document)
    if len(body) > MAX_DOCUMENT_BYTES:
        raise CatalogFull(f"{len(body)} bytes are too many; there is room for {MAX_DOCUMENT_BYTES}")
    return body


def oldest_to_go(kind: Kind, id: str, documents: Mapping[str, Any]) -> str | None:
    """
    Return the id of the document that has to give way to another one; None when there is room.

    Raises:
        CatalogFull: If there is none, and none of the kind may go.
    """
    if id in documents or len(documents) < MAX_DOCUMENTS[kind]:
        return None
    if kind != "searches":
        raise CatalogFull(f"there are {len(documents)} {kind} already; delete some")
    return next(iter(documents))
