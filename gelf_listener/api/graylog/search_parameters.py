"""Search parameters: what Graylog's searches have in common: a query, streams, a filter, a page, an order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, NamedTuple

from fastapi import Depends, Request
from pydantic import BeforeValidator

from gelf_listener.api.context import TheService, TheStore
from gelf_listener.api.contract import Listener
from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.index_types import IndexType
from gelf_listener.api.graylog.streams import Streams, all_of
from gelf_listener.api.node import node_id
from gelf_listener.query.nodes import MatchAll, Node
from gelf_listener.store import Store
from gelf_listener.store.parameters import NEWEST_FIRST, Sort

MOST_RESULTS = 10_000
"""Graylog's result window: how far pages reach."""

_MOST_NAMES = 1000


def streams_of(request: Request) -> Streams:
    """Return the streams of the application that answers."""
    streams: Streams = request.app.state.streams
    return streams


TheStreams = Annotated[Streams, Depends(streams_of)]


class Asking(NamedTuple):
    """What answers a search: the listener, its store and streams, in the form that the request wants."""

    request: Request
    service: Listener
    store: Store
    streams: Streams

    @property
    def accept(self) -> str:
        """What media types are wanted."""
        return self.request.headers.get("accept", "")

    @property
    def node(self) -> str:
        """What names the listener."""
        return node_id(self.service)


def _asking(request: Request, service: TheService, store: TheStore, streams: TheStreams) -> Any:
    return Asking(request, service, store, streams)


TheAsking = Annotated[Asking, Depends(_asking)]


def node_for(streams: Streams, query: str, ids: Sequence[str] = (), filter: str = "") -> Node:
    """
    Put together what has to match: a query, one of the streams, and a filter.

    Raises:
        QueryError: If a text is not a query.
    """
    asked, within = streams.parse(query).node, _filter(streams, filter)
    return all_of((streams.resolve(asked), streams.any_of(ids), streams.resolve(within)))


def _filter(streams: Streams, text: str) -> Node:
    """Read ``streams:<id>,<id>``, ``streams:*`` for all that have a stream, which is every message, or any query."""
    kind, colon, ids = text.strip().partition(":")
    if kind == "streams" and colon and " " not in ids:
        return MatchAll() if ids == "*" else streams.any_of(names(ids))
    return streams.parse(text).node if text.strip() else MatchAll()


def _direction(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    word = value.lower()
    return {"ascending": "asc", "descending": "desc", "": None}.get(word, word)


Direction = Annotated[Literal["asc", "desc"] | None, BeforeValidator(_direction)]
"""``asc``, ``desc``, ``Ascending`` or ``Descending`` in any case; an empty text is the usual one."""


def names(text: str | None) -> list[str]:
    """Read names separated by commas."""
    found = [name.strip() for name in (text or "").split(",") if name.strip()]
    if len(found) > _MOST_NAMES:
        raise ApiError(400, f"more than {_MOST_NAMES} names")
    return found


def page(limit: int, offset: int, default: int = 150) -> tuple[int, int]:
    """
    Check which messages are wanted; a limit of 0 is the default.

    Raises:
        ApiError: If they are outside the result window.
    """
    limit = default if limit <= 0 else limit
    if offset < 0:
        raise ApiError(400, "offset is negative")
    if limit + offset > MOST_RESULTS:
        raise ApiError(
            400,
            "Unable to perform search query: Result window is too large, from + size must be less than or equal to: "
            f"[{MOST_RESULTS}] but was [{limit + offset}]. The export takes any number.",
        )
    return limit, offset


def check_sort(field: str, type: IndexType | None) -> None:
    """Refuse to sort by a field that no message has, or that is searched by words."""
    if type is None:
        raise ApiError(400, f"Failed to obtain results. No mapping found for [{field}] in order to sort on.")
    if type == "text":
        raise ApiError(400, f"Failed to obtain results. {field} is searched by words; it cannot be sorted by.")


def sort_of(text: str | None) -> Sort:
    """Read ``field:asc`` or ``field:desc``."""
    if not text:
        return NEWEST_FIRST
    field, colon, order = text.rpartition(":")
    if not colon or not field or order.lower() not in ("asc", "desc"):
        raise ApiError(400, f"sort={text[:100]!r}; expected field:asc or field:desc")
    return Sort(field, order.lower() == "desc")
