"""Cluster: the requests that a store makes of OpenSearch."""

from __future__ import annotations

import datetime as dt
from collections.abc import Awaitable, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from gelf_listener.errors import QueryError, Retry

__all__ = ["Ask", "Cluster", "IndexInfo"]

_HIDDEN = "expand_wildcards=open&allow_no_indices=true&ignore_unavailable=true"
_decode = msgspec.json.Decoder().decode
_encode_lines = msgspec.json.Encoder().encode_lines


class Ask(Protocol):
    """Sends a request to the cluster."""

    def __call__(
        self, method: str, path: str, body: bytes | None = None, content_type: str = "application/json"
    ) -> Awaitable[bytes]:
        """
        Return the body of the answer.

        Raises:
            Retry: If the cluster is away or busy.
            Exception: If it refuses the request; its text says why.
        """


class IndexInfo(NamedTuple):
    """An index: its name, when it begins (UTC Unix seconds), its messages and bytes."""

    name: str
    begins: float
    messages: int
    bytes: int


class Cluster:
    """
    Speaks to the indices of one store: ``PREFIX-YYYY.MM.DD`` by the day of arrival, UTC.

    Args:
        ask: Sends requests.
        prefix: Of the names of indices.
        refused: What `ask` raises for a request that is refused.
    """

    def __init__(self, ask: Ask, prefix: str, refused: type[Exception]) -> None:
        self._ask = ask
        self._prefix = prefix
        self._refused = refused
        self.pattern = f"{prefix}-*"

    def index_of(self, seconds: float) -> str:
        """Return the index of messages that arrived at a time."""
        return f"{self._prefix}-{dt.datetime.fromtimestamp(seconds, dt.UTC):%Y.%m.%d}"

    async def put_template(self, mappings: dict[str, Any], settings: dict[str, Any]) -> None:
        """Make the template of the indices."""
        body = {
            "index_patterns": [self.pattern],
            "priority": 500 + len(self.pattern),
            "template": {"mappings": mappings, "settings": settings},
        }
        await self._asked("PUT", f"/_index_template/gelf-listener-store-{self._prefix}", body)

    async def bulk(self, lines: Sequence[Any]) -> list[tuple[int, str]]:
        """Send a bulk request; return the status of each item, and why it was refused."""
        path = "/_bulk?filter_path=errors,items.*.status,items.*.error"
        answer = _decode(await self._ask("POST", path, _encode_lines(lines), "application/x-ndjson"))
        items = [next(iter(item.values())) for item in answer.get("items", ())]
        return [(int(item.get("status", 500)), _why(item.get("error"))) for item in items]

    async def refresh(self) -> None:
        """Make what was added found."""
        await self._asked("POST", f"/{self.pattern}/_refresh?{_HIDDEN}")

    async def search(self, body: dict[str, Any]) -> dict[str, Any]:
        """
        Search all indices, or the point in time that the body names.

        Raises:
            QueryError: If the query is refused.
        """
        path = "/_search" if "pit" in body else f"/{self.pattern}/_search?{_HIDDEN}"
        try:
            found: dict[str, Any] = await self._asked("POST", path, body)
        except self._refused as error:
            raise QueryError(f"OpenSearch refuses the query: {error}", "", 1) from None
        failed = found.get("_shards", {}).get("failed", 0)
        if failed:
            raise Retry(f"{failed} shards of the store cannot be searched")
        return found

    async def count(self, query: dict[str, Any]) -> int:
        """Return how many messages a query finds."""
        found = await self.search({"query": query, "size": 0, "track_total_hits": True})
        return int(found["hits"]["total"]["value"])

    async def open_moment(self, keep_alive: str) -> str | None:
        """Hold what is there now for a while; return its name, None when there is no index."""
        if not await self.indices():
            return None
        answer = await self._asked("POST", f"/{self.pattern}/_search/point_in_time?keep_alive={keep_alive}")
        return str(answer["pit_id"])

    async def close_moment(self, name: str) -> None:
        """Let go of what `open_moment` holds."""
        await self._asked("DELETE", "/_search/point_in_time", {"pit_id": [name]})

    async def delete_index(self, name: str) -> None:
        """Delete an index."""
        await self._asked("DELETE", f"/{name}")

    async def expunge(self) -> None:
        """Give back the room of what was deleted."""
        await self._asked("POST", f"/{self.pattern}/_forcemerge?only_expunge_deletes=true&{_HIDDEN}")

    async def columns(self) -> set[str]:
        """Return the keys of all additional fields that have columns."""
        answer = await self._asked("GET", f"/{self.pattern}/_mapping?{_HIDDEN}")
        found: set[str] = set()
        for index in answer.values():
            values = index["mappings"].get("properties", {}).get("v", {})
            found.update(values.get("properties", ()))
        return found

    async def indices(self) -> list[IndexInfo]:
        """Return all indices, the oldest first."""
        path = f"/_cat/indices/{self.pattern}?format=json&bytes=b&h=index,docs.count,store.size"
        try:
            rows = await self._asked("GET", path)
        except self._refused:  # there is none
            return []
        found = []
        for row in rows:
            name = str(row["index"])
            try:
                begins = dt.datetime.strptime(name.removeprefix(f"{self._prefix}-"), "%Y.%m.%d").replace(tzinfo=dt.UTC)
            except ValueError:
                continue  # not one of ours
            found.append(IndexInfo(name, begins.timestamp(), int(row["docs.count"] or 0), int(row["store.size"] or 0)))
        return sorted(found, key=lambda each: each.begins)

    async def _asked(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self._ask(method, path, None if body is None else msgspec.json.encode(body))
        return _decode(answer) if answer else {}


def _why(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error or "")[:300]
    cause = error.get("caused_by")
    deeper = f": {cause.get('reason')}" if isinstance(cause, dict) else ""
    return f"{error.get('type')}: {error.get('reason')}{deeper}"[:300]
