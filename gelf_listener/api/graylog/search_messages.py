"""``/search/messages``: chosen fields of messages, for programs."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field
from starlette.responses import Response

from gelf_listener.api.graylog.bodies import Body, Whole, Whole32
from gelf_listener.api.graylog.index_types import index_types
from gelf_listener.api.graylog.message_encoding import flat
from gelf_listener.api.graylog.ranges import body_span, effective, written_span
from gelf_listener.api.graylog.rows import column_type, rows_response, scripting
from gelf_listener.api.graylog.search_parameters import Asking, Direction, TheAsking, check_sort, names, node_for, page
from gelf_listener.api.graylog.tables import AS_TABLE
from gelf_listener.api.graylog.titles import Column
from gelf_listener.store.parameters import Sort, Span

router = APIRouter(prefix="/api/search", tags=["Search"])

DAY: dict[str, Any] = {"type": "relative", "range": 86400}
"""The time range of the scripting API where none is given."""

_FIELDS = ("source", "timestamp")


class MessagesRequest(Body):
    """What to return of which messages."""

    model_config = ConfigDict(extra="forbid")

    query: str | None = "*"
    streams: list[str] | None = Field(None, max_length=500)
    stream_categories: list[str] | None = Field(None, description="Accepted; there are no categories.")
    timerange: dict[str, Any] | None = None
    fields: list[str] | None = Field(None, max_length=500)
    from_: Whole = Field(0, alias="from")
    size: Whole = 10
    sort: str | None = "timestamp"
    sort_order: Direction = "desc"


@router.post("/messages", responses=AS_TABLE)
async def post_messages(asking: TheAsking, body: MessagesRequest) -> Response:
    """Return fields of messages; JSON, CSV or a table by the header Accept."""
    now = time.time()
    return await _messages(asking, body, body_span(DAY if body.timerange is None else body.timerange, now), now)


@router.get("/messages", responses=AS_TABLE)
async def get_messages(
    asking: TheAsking,
    query: str = "*",
    stream_ids: Annotated[str, Query(alias="streams")] = "",
    stream_categories: Annotated[str, Query(description="Accepted; there are no categories.")] = "",  # noqa: ARG001
    timerange: Annotated[str, Query(description="5m, 1d, or words such as yesterday.", max_length=500)] = "",
    fields: str = "",
    sort: str = "timestamp",
    sort_order: Annotated[Literal["Ascending", "Descending"], Query(alias="sortOrder")] = "Descending",
    from_: Annotated[Whole32, Query(alias="from")] = 0,
    size: Whole32 = 10,
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
    return await _messages(asking, body, written_span(timerange, now), now)


async def _messages(asking: Asking, body: MessagesRequest, span: Span, now: float) -> Response:
    request, service, store, streams = asking
    columns = [Column(service, name) for name in body.fields or _FIELDS]
    sort = Sort(body.sort or "timestamp", body.sort_order != "asc")
    with scripting():
        limit, offset = page(body.size, max(body.from_, 0), default=10)
        node = node_for(streams, body.query or "*", streams.existing(body.streams))
        types = await index_types(store, [sort.field, *(each.field for each in columns)])
        check_sort(sort.field, types.get(sort.field))
        hits = await store.search(node, span, limit=limit, offset=offset, sort=sort)
    rows = [_row(flat(message, streams.of(message), asking.node), columns) for message in hits.messages]
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
