"""Export: all messages a query finds, however many, as CSV or JSON lines."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response, StreamingResponse

from gelf_listener.api.context import TheService, TheStore
from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.ranges import body_span
from gelf_listener.api.graylog.search_parameters import TheStreams, node_for
from gelf_listener.api.graylog.tables import CSV, acceptable, attachment, csv_lines, rows_of
from gelf_listener.api.node import node_id
from gelf_listener.errors import QueryError
from gelf_listener.store.parameters import Sort

router = APIRouter(prefix="/api/views/search", tags=["Search/Export"])

_NDJSON = "application/x-ndjson"
_DEFAULT: dict[str, Any] = {"type": "relative", "range": 300}
_FIELDS = ("timestamp", "source", "message")


class QueryText(BaseModel):
    """A query in Graylog's language."""

    type: str = "elasticsearch"
    query_string: str = ""


class ExportRequest(BaseModel):
    """Which fields of which messages."""

    query_string: str | QueryText | None = ""
    timerange: dict[str, Any] | None = None
    streams: list[str] | None = Field(None, max_length=500)
    fields_in_order: list[str] | None = Field(None, max_length=500)
    limit: int | None = Field(None, ge=1)
    chunk_size: int | None = Field(None, description="Accepted; chunks are as large as the store gives them.")
    time_zone: str | None = Field(None, description="Accepted; times are UTC.")


@router.post(
    "/messages",
    response_class=StreamingResponse,
    responses={200: {"content": {each: {"schema": {"type": "string"}} for each in (CSV, _NDJSON)}}},
)
async def export(
    request: Request, service: TheService, store: TheStore, streams: TheStreams, body: ExportRequest
) -> Response:
    """Give all messages that match, oldest first: CSV, or JSON lines where the header Accept says so."""
    media_type = acceptable(request.headers.get("accept", ""), (CSV, _NDJSON))
    if media_type is None:
        return Response(status_code=415)
    text = body.query_string.query_string if isinstance(body.query_string, QueryText) else body.query_string or ""
    try:
        node = node_for(streams, text, body.streams or ())
    except QueryError as error:
        raise ApiError(400, f"Request validation failed: {error.detail}") from None
    span = body_span(body.timerange or _DEFAULT, time.time())
    fields = body.fields_in_order or list(_FIELDS)
    node_name = node_id(service)

    async def csv_pieces() -> AsyncIterator[bytes]:
        yield csv_lines([fields]).encode("utf-8", "replace")
        async for messages in store.scan(node, span, limit=body.limit, sort=Sort("timestamp", descending=False)):
            yield csv_lines(rows_of(messages, fields, streams, node_name)).encode("utf-8", "replace")

    async def json_pieces() -> AsyncIterator[bytes]:
        async for messages in store.scan(node, span, limit=body.limit, sort=Sort("timestamp", descending=False)):
            rows = rows_of(messages, fields, streams, node_name)
            yield b"".join(json.dumps(dict(zip(fields, row, strict=True))).encode() + b"\n" for row in rows)

    if media_type == _NDJSON:
        return attachment(json_pieces(), _NDJSON, "graylog-search-result.ndjson")
    return attachment(csv_pieces(), CSV, "graylog-search-result.csv")
