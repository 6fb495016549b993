"""Pages: the messages that a clause finds in a cluster, in order."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

from gelf_listener.message import Message
from gelf_listener.query.fields import known_field
from gelf_listener.store.memory_store import MemoryStore
from gelf_listener.store.opensearch.clauses import Clause
from gelf_listener.store.opensearch.cluster import Cluster
from gelf_listener.store.opensearch.shape import Shape
from gelf_listener.store.opensearch.shortfall import shortfall
from gelf_listener.store.parameters import Sort

PAGE = 2000
_MAX_READ = 100_000
_KEEP_ALIVE = "2m"


class Pages:
    """
    Reads messages page by page.

    Args:
        cluster: Where they are.
        shape: How they lie there.
    """

    def __init__(self, cluster: Cluster, shape: Shape) -> None:
        self._cluster = cluster
        self._shape = shape

    def can_sort(self, sort: Sort) -> bool:
        """Whether the cluster sorts by a field; otherwise `newest` does."""
        known = known_field(sort.field)
        return known is not None and known.name in self._shape.sorted_by

    async def newest(self, clause: Clause, sort: Sort) -> list[Message]:
        """Sort the newest messages by a field whose values may be of any kind."""
        found: list[Message] = []
        async for page in self.walk(clause, Sort("gl2_receive_timestamp"), _MAX_READ + 1):
            found += page
        if len(found) > _MAX_READ:
            shortfall().cut = f"more than {_MAX_READ} messages would have to be read; narrow the search"
        return MemoryStore.sorted(found[:_MAX_READ][::-1], sort)

    async def walk(
        self, clause: Clause, sort: Sort, limit: int | None, first: dict[str, Any] | None = None
    ) -> AsyncGenerator[list[Message], None]:
        """Give what a clause finds at this moment, page by page; `first`: the answer with the first, if it is there."""
        size = PAGE if limit is None else min(PAGE, limit)
        answer = first or await self._cluster.search(self.request(clause, sort, size))
        count = len(answer["hits"]["hits"])
        if count < size or count == limit:  # as it mostly is; only more has to be held
            if count:
                yield self.messages(answer)
            return
        moment = await self._cluster.open_moment(_KEEP_ALIVE)
        if moment is None:
            return
        try:
            left, after = limit, None
            while left is None or left > 0:
                size = PAGE if left is None else min(PAGE, left)
                body = self.request(clause, sort, size) | {"pit": {"id": moment, "keep_alive": _KEEP_ALIVE}}
                if after is not None:
                    body["search_after"] = after
                answer = await self._cluster.search(body)
                hits = answer["hits"]["hits"]
                if hits:
                    yield self.messages(answer)
                    after = hits[-1]["sort"]
                if len(hits) < size:
                    return
                left = None if left is None else left - len(hits)
        finally:
            await self._cluster.close_moment(moment)

    def request(self, clause: Clause, sort: Sort, size: int) -> dict[str, Any]:
        """Return a request for the first messages that a clause finds, without their total."""
        wanted = {"query": clause, "size": size, "sort": self._sort_of(sort), "_source": self.source}
        return wanted | {"track_total_hits": False}

    def messages(self, answer: dict[str, Any]) -> list[Message]:
        """Return the messages of an answer."""
        return [self._shape.message_of(hit["_source"]) for hit in answer["hits"]["hits"]]

    @property
    def source(self) -> Any:
        """What an answer has to hold of each document."""
        return self._shape.source or True

    def _sort_of(self, sort: Sort) -> list[dict[str, Any]]:
        known = known_field(sort.field)
        assert known is not None  # noqa: S101  (whoever asks looked)
        order = "desc" if sort.descending else "asc"
        fields = self._shape.sorted_by
        return [{fields[known.name]: {"order": order}}, {fields["gl2_message_id"]: {"order": order}}]
