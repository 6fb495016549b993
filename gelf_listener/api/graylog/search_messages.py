"""``/search/messages``: chosen fields of messages, for programs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gelf_listener.api.context import TheService, TheStore
from gelf_listener.api.graylog.index_types import index_types
from gelf_listener.api.graylog.message_encoding import flat
from gelf_listener.api.graylog.ranges import body_span, effective, written_span
from gelf_listener.api.graylog.rows import column_type, rows_response, scripting
from gelf_listener.api.graylog.search_parameters import Direction, TheStreams, check_sort, names, node_for, page
from gelf_listener.api.graylog.streams import Streams
from gelf_listener.api.graylog.tables import AS_TABLE
from gelf_listener.api.graylog.titles import Column
from gelf_listener.api.node import node_id
from gelf_listener.store import Store
from gelf_listener.store.parameters import Sort, Span

if TYPE_CHECKING:
    from gelf_listener.api.contract import Listener

__all__ = ["DAY", "router"]

router = APIRouter(prefix="/api/search", tags=["Search"])

DAY: dict[str, Any] = {"type": "relative", "range": 86400}
"""The time range of the scripting API where none is given."""

_FIELDS = ("source", "timestamp")


class MessagesRequest(BaseModel):
    """What to return of which messages."""

    model_config = ConfigDict(extra="forbid")

    query: str | None = "*"
    streams: list[str] | None = Field(None, max_length=500)
    stream_categories: list[str] | None = Field(None, description="Accepted; there are no categories.")
    timerange: dict[str, Any] | None = None
    fields: list[str] | None = Field(None, max_length=500)
    from_: int = Field(0, alias="from")
    size: int = 10
    sort: str | None = "timestamp"
    sort_order: Direction = "desc"


@router.post("/messages", responses=AS_TABLE)
async def post_messages(
    request: Request, service: TheService, store: TheStore, streams: TheStreams, body: MessagesRequest
) -> Response:
    """Return fields of messages; JSON, CSV or a table by the header Accept."""
    now = time.time()
    return await _messages(
        request, service, store, streams, body, body_span(DAY if body.timerange is None else body.timerange, now), now
    )


@router.get("/messages", responses=AS_TABLE)
async def get_messages(
    request: Request,
    service: TheService,
    store: TheStore,
    streams: TheStreams,
    query: str = "*",
    stream_ids: Annotated[str, Query(alias="streams")] = "",
    stream_categories: Annotated[str, Query(description="Accepted; there are no categories.")] = "",  # noqa: ARG001
    timerange: Annotated[str, Query(description="5m, 1d, or words such as yesterday.", max_length=500)] = "",
    fields: str = "",
    sort: str = "timestamp",
    sort_order: Annotated[Literal["Ascending", "Descending"], Query(alias="sortOrder")] = "Descending",
    from_: Annotated[int, Query(alias="from")] = 0,
    size: int = 10,
) -> Response:
    """Return fields of messages; JSON, CSV or a table by the header Accept."""
    body = MessagesRequest(
        query=query,
        streams=names(stream_ids),
        fields=names(fields),
        size=size,
        sort=sort,
        sort_order="asc" if sort_order == "Ascending" else "desc",
        **{"from": from_},
    )
    now = time.time()
    return await _messages(request, service, store, streams, body, written_span(timerange, now), now)


async def _messages(
    request: Request,
    service: Listener,
    store: Store,
    streams: Streams,
    body: MessagesRequest,
    span: Span,
    now: float,
) -> Response:
    columns = [Column(service, name) for name in body.fields or _FIELDS]
    sort = Sort(body.sort or "timestamp", body.sort_order != "asc")
    with scripting():
        limit, offset = page(body.size, max(body.from_, 0), default=10)
        node = node_for(streams, body.query or "*", streams.existing(body.streams))
        types = await index_types(store, [sort.field, *(each.field for each in columns)])
        check_sort(sort.field, types.get(sort.field))
        hits = await store.search(node, span, limit=limit, offset=offset, sort=sort)
    rows = [_row(flat(message, streams.of(message), node_id(service)), columns) for message in hits.messages]
    schema = [
        {
            "column_type": "field",
            "type": column.type(column_type(types.get(column.field))),
            "field": column.name,
            "name": f"field: {column.name}",
        }
        for column in columns
    ]
    return rows_response(request, schema, rows, effective(span, now))


def _row(document: dict[str, Any], columns: Sequence[Column]) -> list[Any]:
    row = []
    for column in columns:
        value = document.get(column.field, document.get(column.field.replace(".", "_")))
        row.append("-" if value is None else column.shown(value))
    return row
