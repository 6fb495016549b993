"""Cluster: the requests that a store makes of OpenSearch."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from gelf_listener.errors import Busy, QueryError, Retry
from gelf_listener.message import Message, ulid_seconds
from gelf_listener.store.deadline import seconds_left
from gelf_listener.store.opensearch.names import TEMPLATES, IndexNames
from gelf_listener.store.opensearch.shortfall import shortfall

_T = TypeVar("_T")

_BUSY_SECONDS = 10.0
"""How long what needs a shard that is not there yet is tried again: that of an index which was just made needs less
than a second, those of a node that starts need some."""
_PARTIAL_SHARE = 0.5
"""Of the time that is left, for shards that lack in an answer: what is asked after it needs some, too."""
_FIRST_PAUSE_SECONDS = 0.05
_MOST_PAUSE_SECONDS = 0.5
_NOT_FOUND = 404
_TOO_MANY = 429
_UNAVAILABLE = 503
_HIDDEN = "expand_wildcards=open&allow_no_indices=true&ignore_unavailable=true"
_OLDEST_ID_SECONDS = 30 * 86_400.0
"""Ids of messages that waited for longer in buffers and brokers do not say where they belong."""
_LATEST_ID_SECONDS = 86_400.0
"""Clocks of listeners differ."""
_decode = msgspec.json.Decoder().decode
_encode_lines = msgspec.json.Encoder().encode_lines


_LINES = "application/x-ndjson"
_BULK_SECONDS = 20
"""How long the cluster waits for a shard that no node has; then it says so, before our client gives it up."""
_MOST_LEFT_OUT = 100
"""Names of indices that fit into the line of a request."""
_BULK = f"/_bulk?timeout={_BULK_SECONDS}s&filter_path=errors,items.*.status,items.*.error"


_TIME_CHARACTERS = 10
"""Of an id, which many messages of a batch share."""
_made_at = lru_cache(maxsize=256)(ulid_seconds)


class _Place(msgspec.Struct, rename={"index": "_index", "id": "_id"}, gc=False):
    """Where a document lies."""

    index: str
    id: str


class _Creation(msgspec.Struct, gc=False):
    """What precedes a document that is added."""

    create: _Place


class _Outcome(msgspec.Struct):
    """Whether anything in a bulk request failed: its items need not be read otherwise."""

    errors: bool


_read_outcome = msgspec.json.Decoder(_Outcome).decode


class Incomplete(Busy):
    """
    The cluster answered, and some of its shards cannot be searched.

    Args:
        why: How many.
        found: What it answered.
    """

    def __init__(self, why: str, found: Any) -> None:
        super().__init__(why)
        self.found = found


class Ask(Protocol):
    """Sends a request to the cluster."""

    def __call__(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = "application/json",
        *,
        seconds: float = math.inf,
    ) -> Awaitable[bytes]:
        """
        Return the body of the answer, which may take some seconds at most.

        Raises:
            Busy: If the cluster answers that it cannot at the moment.
            Retry: If it is away.
            Exception: If it refuses the request; its text says why.
        """


class IndexInfo(NamedTuple):
    """An index: its name, when it begins (UTC Unix seconds), its messages and bytes, whether no node has a shard."""

    name: str
    begins: float
    messages: int
    bytes: int
    lacks_shards: bool


class Cluster:
    """
    Speaks to the indices of one store, of which each day of arrival has one.

    What is asked, and asked again, ends when the task's time is over (`store.deadline`); adding and deleting are not
    limited by it.

    Args:
        ask: Sends requests.
        names: What they are called.
        refused: What `ask` raises for a request that is refused.
        patience_seconds: How long a search is tried again while the cluster is away: nodes that go on without one of
            them need some seconds until another copy of its shards is asked.
    """

    def __init__(self, ask: Ask, names: IndexNames, refused: type[Exception], patience_seconds: float = 0.0) -> None:
        self.unready: Sequence[str] = ()
        """Names of indices that are not waited for, because no node has a shard of theirs."""
        self._patience_seconds = patience_seconds
        self._ask = ask
        self._names = names
        self._refused = refused
        self._day = (-1, "")
        self._pattern = names.pattern

    def indices_of(self, messages: Sequence[Message]) -> list[str]:
        """Return the index of each message; see `index_of`."""
        first = messages[0].received_at // 86_400
        if all([message.received_at // 86_400 == first and not message.stored_id for message in messages]):
            return [self.index_of(messages[0])] * len(messages)
        return list(map(self.index_of, messages))

    def index_of(self, message: Message) -> str:
        """
        Return the index of a message: that of the day its id was made.

        A message that a broker gives again arrives again, perhaps on the next day, under the id it had. An id that is
        far from any arrival says nothing about it, and must not make indices for whatever times peers think of.
        """
        seconds = message.received_at
        if message.stored_id:
            made = _made_at(message.stored_id[:_TIME_CHARACTERS])
            if -_LATEST_ID_SECONDS <= seconds - made <= _OLDEST_ID_SECONDS:
                seconds = made
        day = int(seconds // 86_400)
        if day != self._day[0]:
            self._day = (day, self._names.of(day))
        return self._day[1]

    async def put_template(self, name: str, pattern: str, mappings: dict[str, Any], settings: dict[str, Any]) -> None:
        """Make a template of indices; where several fit, the one with the longest pattern counts."""
        body = {
            "index_patterns": [pattern],
            "priority": 500 + len(pattern),
            "template": {"mappings": mappings, "settings": settings},
        }
        await self._asked("PUT", f"/_index_template/{TEMPLATES}{name}", body)

    async def create(
        self, indices: Sequence[str], ids: Sequence[str], documents: Sequence[Any]
    ) -> Sequence[tuple[int, str]]:
        """
        Add documents by the names of their indices and their ids.

        Returns:
            The status of each, and why it was refused; nothing when all were added.

        Raises:
            Retry: If the cluster is away.
        """
        lines: list[Any] = [None] * (2 * len(ids))
        lines[::2] = map(_Creation, map(_Place, indices, ids))
        lines[1::2] = documents
        answer = await self._ask("POST", _BULK, _encode_lines(lines), _LINES)
        try:
            if not _read_outcome(answer).errors:
                return ()
        except msgspec.MsgspecError:
            raise Retry("what answers to a bulk request is not OpenSearch") from None
        results = _results(answer)
        if len(results) != len(ids):
            raise Retry(f"{len(results)} results for {len(ids)} messages")
        return results

    async def delete(self, places: Sequence[tuple[str, str]]) -> int:
        """
        Delete documents by the names of their indices and their ids; return how many were there.

        Raises:
            Retry: If some of them cannot be deleted now; others may have been.
        """
        left, deleted = list(places), 0

        async def go_on() -> None:
            nonlocal left, deleted
            lines = [{"delete": {"_index": index, "_id": id}} for index, id in left]
            results = _results(await self._ask("POST", _BULK, _encode_lines(lines), _LINES))
            deleted += sum([status < 300 for status, _ in results])
            settled = [status < 300 or status == _NOT_FOUND for status, _ in results]
            if not all(settled):
                status, why = results[settled.index(False)]
                left = [place for place, is_settled in zip(left, settled, strict=True) if not is_settled]
                kind = Busy if status == _UNAVAILABLE else Retry
                raise kind(f"{len(left)} messages were not deleted: status {status}: {why}")

        await self._patiently(go_on)
        return deleted

    async def refresh(self) -> None:
        """Make what was added found, but for indices that are `unready`: the cluster waits for their shards."""
        pattern = ",-".join([self._pattern, *self.unready[:_MOST_LEFT_OUT]])
        await self._patiently(lambda: self._asked("POST", f"/{pattern}/_refresh?{_HIDDEN}"))

    async def search(self, body: dict[str, Any]) -> dict[str, Any]:
        """
        Search all indices, or the point in time that the body names.

        Shards that cannot be searched are waited for; when they do not come, the answer is without them, and the
        `shortfall` says so.

        Raises:
            QueryError: If the query is refused.
        """
        path = "/_search" if "pit" in body else f"/{self._pattern}/_search?{_HIDDEN}"
        try:
            return await self._as_far_as_seen(lambda: self._search(path, body))
        except self._refused as error:
            raise QueryError(f"OpenSearch refuses the query: {error}", "", 1) from None

    async def _search(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = await self._asked("POST", path, body)
        _check_shards([found], found)
        return found

    async def _as_far_as_seen(self, asking: Callable[[], Awaitable[_T]]) -> _T:
        try:
            return await self._patiently(asking)
        except Incomplete as error:
            shortfall().lack(str(error))
            found: _T = error.found
            return found

    async def searches(self, bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """
        Search all indices several times with one request; see `search`.

        Raises:
            QueryError: If a query is refused.
        """
        return await self._as_far_as_seen(lambda: self._searches(bodies))

    async def _searches(self, bodies: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        lines: list[Any] = [{}] * (2 * len(bodies))
        lines[1::2] = bodies
        path = f"/{self._pattern}/_msearch?{_HIDDEN}"
        found = _decode(await self._ask("POST", path, _encode_lines(lines), _LINES, seconds=seconds_left()))
        for each in found["responses"]:
            if "error" in each:
                status, why = each.get("status", 500), _why(each["error"])
                if 400 <= status < 500 and status != _TOO_MANY:
                    raise QueryError(f"OpenSearch refuses the query: status {status}: {why}", "", 1)
                raise (Busy if status == _UNAVAILABLE else Retry)(f"OpenSearch: status {status}: {why}")
        answers: list[dict[str, Any]] = found["responses"]
        _check_shards(answers, answers)
        return answers

    async def _patiently(self, asking: Callable[[], Awaitable[_T]]) -> _T:
        """Try a request that may be made twice again, while there is patience and time."""
        began, whole, pause = time.monotonic(), seconds_left(), _FIRST_PAUSE_SECONDS
        while True:
            try:
                return await asking()
            except Retry as error:
                patience = max(self._patience_seconds, _BUSY_SECONDS if isinstance(error, Busy) else 0.0)
                patience = min(patience, whole)
                if isinstance(error, Incomplete):
                    lacks_already = self.unready or shortfall().unseen  # somebody waited before
                    patience = 0.0 if lacks_already else min(patience, _PARTIAL_SHARE * whole)
                if time.monotonic() + pause > began + patience:
                    raise
            await asyncio.sleep(pause)
            pause = min(2 * pause, _MOST_PAUSE_SECONDS)

    async def count(self, query: dict[str, Any]) -> int:
        """Return how many messages a query finds."""
        return total_of(await self.search(count_request(query)))

    async def open_moment(self, keep_alive: str) -> str | None:
        """Hold what is there now for a while; return its name, None when there is no index."""
        if not await self.indices():
            return None
        partial = "true" if self.unready else "false"
        path = f"/{self._pattern}/_search/point_in_time?keep_alive={keep_alive}&allow_partial_pit_creation={partial}"
        answer = await self._patiently(lambda: self._asked("POST", path))
        return str(answer["pit_id"])

    async def close_moment(self, name: str) -> None:
        """Let go of what `open_moment` holds; otherwise it goes by itself after a while."""
        with contextlib.suppress(Retry, self._refused):
            await self._asked("DELETE", "/_search/point_in_time", {"pit_id": [name]})

    async def delete_index(self, name: str) -> None:
        """Delete an index."""
        await self._asked("DELETE", f"/{name}")

    async def expunge(self) -> None:
        """Give back the room of what was deleted."""
        await self._asked("POST", f"/{self._pattern}/_forcemerge?only_expunge_deletes=true&{_HIDDEN}")

    async def mappings(self) -> list[dict[str, Any]]:
        """Return the properties that each index maps."""
        answer = await self._patiently(lambda: self._asked("GET", f"/{self._pattern}/_mapping?{_HIDDEN}"))
        return [index["mappings"].get("properties", {}) for index in answer.values()]

    async def foreign(self, field: str) -> str:
        """Return the name of an index of ours whose documents lack a field that all of ours have; empty without one."""
        answer = await self._patiently(lambda: self._asked("GET", f"/{self._pattern}/_mapping?{_HIDDEN}"))
        for name, index in answer.items():
            properties = index["mappings"].get("properties", {})
            if properties and field not in properties and self._names.day(name) is not None:
                return str(name)
        return ""

    async def name_newest(self) -> None:
        """Let the alias mean the newest index, where there is one."""
        indices = await self.indices() if self._names.alias else []
        if indices:
            alias, newest = self._names.alias, indices[-1].name
            old = {"remove": {"index": f"{self._names.prefix}_*", "alias": alias, "must_exist": False}}
            new = {"add": {"index": newest, "alias": alias, "is_write_index": True}}
            await self._asked("POST", "/_aliases", {"actions": [old, new]})

    async def indices(self) -> list[IndexInfo]:
        """Return all indices, the oldest first."""
        path = f"/_cat/indices/{self._pattern}?format=json&bytes=b&h=index,health,docs.count,store.size"
        try:
            rows = await self._patiently(lambda: self._asked("GET", path))
        except self._refused:  # there is none
            return []
        found = []
        for row in rows:
            day = self._names.day(str(row["index"]))
            if day is not None:
                size, messages = int(row["store.size"] or 0), int(row["docs.count"] or 0)
                lacks = row.get("health") == "red"
                found.append(IndexInfo(str(row["index"]), day * 86_400.0, messages, size, lacks))
        return sorted(found, key=lambda each: each.begins)

    async def versions(self, index: str, most: int) -> dict[str, tuple[int, int]]:
        """Return the ids of an index's documents, with the sequence number and the primary term of each."""
        body = {"size": most, "_source": False, "seq_no_primary_term": True}
        found = await self._patiently(lambda: self._search(f"/{index}/_search?{_HIDDEN}", body))
        return {hit["_id"]: (hit["_seq_no"], hit["_primary_term"]) for hit in found["hits"]["hits"]}

    async def documents(self, index: str, ids: Collection[str]) -> list[dict[str, Any]]:
        """Return an index's documents by their ids, as they are now."""

        async def fetch() -> list[dict[str, Any]]:
            found = await self._asked("POST", f"/{index}/_mget", {"ids": list(ids)})
            for each in found["docs"]:
                if "error" in each:
                    raise Busy(f"documents of {index} cannot be read: {_why(each['error'])}")
            return list(found["docs"])

        return await self._patiently(fetch)

    async def change(self, lines: Sequence[Any], *, seen: bool) -> dict[str, Any]:
        """Send a bulk request of one item; return what became of it. `seen`: searches see it at once."""
        answer = await self._ask("POST", f"/_bulk?refresh={str(seen).lower()}", _encode_lines(lines), _LINES)
        item: dict[str, Any] = next(iter(_decode(answer)["items"][0].values()))
        return item

    async def _asked(self, method: str, path: str, body: Any = None) -> Any:
        encoded = None if body is None else msgspec.json.encode(body)
        answer = await self._ask(method, path, encoded, seconds=seconds_left())
        return _decode(answer) if answer else {}


def count_request(query: dict[str, Any]) -> dict[str, Any]:
    """Return the request that counts what a query finds; see `total_of`."""
    return {"query": query, "size": 0, "track_total_hits": True}


def total_of(found: Mapping[str, Any]) -> int:
    """Return how many messages a search found."""
    return int(found["hits"]["total"]["value"])


def _check_shards(answers: Sequence[dict[str, Any]], found: Any) -> None:
    """
    Look whether searches looked at everything.

    A shard that no node has is not among those that fail: where others answer, only their number says so.

    Args:
        answers: Of each search.
        found: All of them.

    Raises:
        Incomplete: If one could not look at all shards.
    """
    for answer in answers:
        shards = answer.get("_shards", {})
        total = shards.get("total", 0)
        lacking = total - shards.get("successful", 0)
        if lacking:
            raise Incomplete(f"{lacking} of {total} shards of the store cannot be searched", found)


def _results(answer: bytes) -> list[tuple[int, str]]:
    """Return the status of each item of a bulk request, and why it was refused."""
    items = [next(iter(item.values())) for item in _decode(answer).get("items", ())]
    return [(int(item.get("status", 500)), _why(item.get("error"))) for item in items]


def _why(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error or "")[:300]
    cause = error.get("caused_by")
    deeper = f": {cause.get('reason')}" if isinstance(cause, dict) else ""
    return f"{error.get('type')}: {error.get('reason')}{deeper}"[:300]
