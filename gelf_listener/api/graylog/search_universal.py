"""Universal search: Graylog's oldest, which most clients use: relative, absolute and keyword."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Annotated, Any, NamedTuple

from fastapi import APIRouter, Depends, Query
from starlette.responses import Response, StreamingResponse

from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.bodies import Whole32
from gelf_listener.api.graylog.index_types import index_type
from gelf_listener.api.graylog.message_encoding import answer, flat, hit
from gelf_listener.api.graylog.ranges import effective, span_of
from gelf_listener.api.graylog.search_parameters import Asking, TheAsking, check_sort, names, node_for, page, sort_of
from gelf_listener.api.graylog.tables import (
    AS_CSV,
    CSV,
    acceptable,
    attachment,
    csv_lines,
    csv_response,
    negotiated,
    one_line,
    rows_of,
)
from gelf_listener.api.graylog.violations import check, not_empty
from gelf_listener.query.nodes import Node
from gelf_listener.store.parameters import Sort, Span

router = APIRouter(prefix="/api/search/universal", tags=["Search/Universal"])


class _Wanted(NamedTuple):
    """The parameters that all kinds of range share, and what answers them."""

    asking: Asking
    query: str
    node: Node
    limit: int
    offset: int
    fields: list[str]
    sort: Sort


def _wanted(
    asking: TheAsking,
    query: Annotated[str, Query(description="In Graylog's query language.", min_length=1)],
    limit: Annotated[Whole32, Query(description="0 means 150, or everything for an export.")] = 0,
    offset: Whole32 = 0,
    filter: Annotated[str, Query(description="streams:<id>[,<id>], or any query.")] = "",
    fields: Annotated[str, Query(description="Names separated by commas; CSV needs them.")] = "",
    sort: Annotated[str, Query(description="field:asc or field:desc.")] = "",
    stream_ids: Annotated[str, Query(alias="streams", description="Ids separated by commas.")] = "",
    decorate: Annotated[str, Query(description="Accepted; there are no decorators.")] = "",  # noqa: ARG001
    batch_size: Annotated[int, Query(description="Accepted; an export chooses its own.")] = 500,  # noqa: ARG001
) -> Any:
    node = node_for(asking.streams, query, asking.streams.existing(names(stream_ids)), filter)
    return _Wanted(asking, query, node, limit, offset, names(fields), sort_of(sort))


def _relative(range: Annotated[int, Query(ge=0, le=2**31 - 1, description="Seconds; 0 is all time.")]) -> Any:
    return span_of({"type": "relative", "range": range}, time.time())


def _absolute(start: Annotated[str, Query(alias="from")], end: Annotated[str, Query(alias="to")]) -> Any:
    return span_of({"type": "absolute", "from": start, "to": end}, time.time())


def _of_keyword(
    timezone: Annotated[str, Query(min_length=1, max_length=100, description="In which the words are meant.")],
    keyword: Annotated[str, Query(min_length=1, max_length=500)],
) -> Any:
    return span_of({"type": "keyword", "keyword": keyword, "timezone": timezone}, time.time())


Wanted = Annotated[_Wanted, Depends(_wanted)]
Relative = Annotated[Span, Depends(_relative)]
Absolute = Annotated[Span, Depends(_absolute)]
OfKeyword = Annotated[Span, Depends(_of_keyword)]


@router.get("/relative", responses=AS_CSV)
async def search_relative(wanted: Wanted, span: Relative) -> Response:
    """Search the last seconds, minutes or hours."""
    return await _search(wanted, span)


@router.get("/absolute", responses=AS_CSV)
async def search_absolute(wanted: Wanted, span: Absolute) -> Response:
    """Search between two times."""
    return await _search(wanted, span)


@router.get("/keyword", responses=AS_CSV)
async def search_keyword(wanted: Wanted, span: OfKeyword) -> Response:
    """Search a time in words: last hour, yesterday."""
    return await _search(wanted, span)


@router.get("/relative/export", response_class=StreamingResponse, responses=AS_CSV)
async def export_relative(wanted: Wanted, span: Relative, range: int) -> Response:
    """Give all messages of the last seconds, minutes or hours as a CSV file."""
    return _export(wanted, span, f"relative-{range}")


@router.get("/absolute/export", response_class=StreamingResponse, responses=AS_CSV)
async def export_absolute(wanted: Wanted, span: Absolute) -> Response:
    """Give all messages between two times as a CSV file."""
    found = effective(span, 0.0)
    name = f"absolute-{found['from']}-{found['to']}".replace(":", "-")
    return _export(wanted, span, name)


@router.get("/keyword/export", response_class=StreamingResponse, responses=AS_CSV)
async def export_keyword(wanted: Wanted, span: OfKeyword) -> Response:
    """Give all messages of a time in words as a CSV file."""
    return _export(wanted, span, "keyword")


async def _search(asked: _Wanted, span: Span) -> Response:
    _, _, store, streams = asked.asking
    node = asked.asking.node
    as_csv = negotiated(asked.asking.accept, (CSV, "application/json")) == CSV
    fields = _columns(asked.fields) if as_csv else asked.fields
    limit, offset = page(asked.limit, max(asked.offset, 0))
    check_sort(asked.sort.field, await index_type(store, asked.sort.field))
    began = time.perf_counter()
    hits = await store.search(asked.node, span, limit=limit, offset=offset, sort=asked.sort)
    if as_csv:
        return csv_response([fields, *one_line(rows_of(hits.messages, fields, streams, node))])
    searched = effective(span, time.time())

    def build() -> Response:
        found = [flat(message, streams.of(message), node) for message in hits.messages]
        return answer(
            {
                "query": asked.query,
                "built_query": asked.query or "*",
                "used_indices": [],
                "messages": [hit(each, asked.node, fields) for each in found],
                "fields": _columns(fields) if fields else [],
                "time": round((time.perf_counter() - began) * 1000),
                "total_results": hits.total,
                "from": searched["from"],
                "to": searched["to"],
                "decoration_stats": None,
            }
        )

    return await asyncio.to_thread(build)  # ten thousand messages would keep the inputs waiting


def _export(asked: _Wanted, span: Span, name: str) -> Response:
    _, _, store, streams = asked.asking
    if acceptable(asked.asking.accept, (CSV,)) is None:
        raise ApiError(406, "HTTP 406 Not Acceptable")
    fields = _columns(asked.fields)

    async def lines() -> AsyncIterator[bytes]:
        yield csv_lines([fields]).encode("utf-8", "replace")
        async for messages in store.scan(
            asked.node, span, limit=asked.limit if asked.limit > 0 else None, sort=asked.sort
        ):
            yield csv_lines(one_line(rows_of(messages, fields, streams, asked.asking.node))).encode("utf-8", "replace")

    return attachment(lines(), CSV, f"graylog-search-result-{name}.csv")


def _columns(fields: list[str]) -> list[str]:
    """Return the columns of a CSV file: timestamp comes first."""
    check(not_empty("fields", fields or None))
    return ["timestamp", *(name for name in fields if name != "timestamp")]
