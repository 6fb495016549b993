"""Target: messages of a cluster that a clause finds, to compute figures of."""

from __future__ import annotations

import asyncio
from typing import Any

from gelf_listener.errors import QueryError
from gelf_listener.store import aggregation
from gelf_listener.store.opensearch.clauses import Clause, Clauses
from gelf_listener.store.opensearch.cluster import Cluster, count_request, total_of


class Target:
    """
    Messages of the cluster that a clause finds, for `aggregation`, which runs in a thread.

    Args:
        cluster: Where they are.
        clause: Finds them.
        loop: Sends the requests.
    """

    def __init__(self, cluster: Cluster, clause: Clause, loop: asyncio.AbstractEventLoop) -> None:
        self._cluster = cluster
        self._clause = clause
        self._loop = loop

    def aggregate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Return what the cluster computes; see `Aggregable.aggregate`."""
        return self.counted(wanted)[1]

    def counted(self, wanted: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """Return how many messages there are as well; see `Aggregable.counted`."""
        answer = self._computed(wanted)
        return total_of(answer), answer.get("aggregations", {})

    def _computed(self, wanted: dict[str, Any]) -> dict[str, Any]:
        body = count_request(self._clause) | {"aggs": _as_opensearch(wanted)}
        try:
            answer: dict[str, Any] = self._wait(self._cluster.search(body))
        except QueryError as error:
            if "too_many_buckets" in str(error):
                raise ValueError(f"{aggregation.TOO_MUCH}: {error}") from None
            raise
        return answer

    def total(self) -> int:
        """Return how many messages there are."""
        return int(self._wait(self._cluster.count(self._clause)))

    def lacking(self, column: str) -> Target:
        """Return those that have nothing in a column."""
        return Target(self._cluster, Clauses().without(self._clause, {"exists": {"field": column}}), self._loop)

    def _wait(self, asking: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(asking, self._loop).result()


def _as_opensearch(wanted: dict[str, Any]) -> dict[str, Any]:
    """Write a request of the embedded engine in OpenSearch's words, which differ in one."""
    return {
        ("shard_size" if name == "segment_size" else name): _as_opensearch(value) if isinstance(value, dict) else value
        for name, value in wanted.items()
    }
