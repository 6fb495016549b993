"""``/search/messages``: chosen fields of messages, for programs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from gelf_listener.api.context import TheService, TheStore
from gelf_listener.api.graylog.message_encoding import flat
from gelf_listener.api.graylog.ranges import effective, span_of, written_span
from gelf_listener.api.graylog.rows import column_type, rows_response
from gelf_listener.api.graylog.search_parameters import TheStreams, names, node_for, page
from gelf_listener.api.graylog.streams import Streams
from gelf_listener.api.graylog.tables import AS_TABLE
from gelf_listener.api.graylog.titles import Column
from gelf_listener.api.node import node_id
from gelf_listener.store import Store
from gelf_listener.store.parameters import Sort, Span

if TYPE_CHECKING:
    from gelf_listener.api.contract import Listener

__all__ = ["DAY", "Order", "router"]

router = APIRouter(prefix="/api/search", tags=["Search"])

DAY: dict[str, Any] = {"type": "relative", "range": 86400}
"""The time range of the scripting API where none is given."""

Order = Literal["asc", "desc", "Ascending", "Descending"]

_FIELDS = ("source", "timestamp")


class MessagesRequest(BaseModel):
    """What to return of which messages."""

    query: str | None = "*"
    streams: list[str] | None = Field(None, max_length=500)
    stream_categories: list[str] | None = Field(None, description="Accepted; there are no categories.")
    timerange: dict[str, Any] | None = None
    fields: list[str] | None = Field(None, max_length=500)
    from_: int = Field(0, alias="from")
    size: int = 10
    sort: str | None = "timestamp"
    sort_order: Order | None = "desc"


@router.post("/messages", responses=AS_TABLE)
async def post_messages(
    request: Request, service: TheService, store: TheStore, streams: TheStreams, body: MessagesRequest
) -> Response:
    """Return fields of messages; JSON, CSV or a table by the header Accept."""
    now = time.time()
    return await _messages(request, service, store, streams, body, span_of(body.timerange or DAY, now), now)


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
    sort_order: Annotated[Order, Query(alias="sortOrder")] = "desc",
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
        sort_order=sort_order,
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
    node = node_for(streams, body.query or "*", body.streams or ())
    limit, offset = page(body.size, body.from_, default=10)
    descending = (body.sort_order or "desc").lower().startswith("desc")
    columns = [Column(service, name) for name in body.fields or _FIELDS]
    hits = await store.search(node, span, limit=limit, offset=offset, sort=Sort(body.sort or "timestamp", descending))
    types = {field.name: column_type(field.types) for field in await store.fields()}
    rows = [_row(flat(message, streams.of(message), node_id(service)), columns) for message in hits.messages]
    schema = [
        {
            "column_type": "field",
            "type": column.type(types.get(column.field, "unknown")),
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
