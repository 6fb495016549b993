"""Views search: what Graylog's own page asks: several queries with several search types each, stored or at once."""

from __future__ import annotations

import asyncio
import secrets
import time
import uuid
from contextlib import suppress
from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field, ValidationError
from starlette.responses import Response

from gelf_listener.api.catalog import Catalog
from gelf_listener.api.context import TheService
from gelf_listener.api.errors import ApiError, position
from gelf_listener.api.graylog.jobs import Job, Jobs
from gelf_listener.api.graylog.message_encoding import answer, flat, hit
from gelf_listener.api.graylog.pivots import pivot
from gelf_listener.api.graylog.ranges import effective, span_of
from gelf_listener.api.graylog.search_parameters import Asking, TheAsking, node_for, page
from gelf_listener.api.graylog.streams import Streams, all_of
from gelf_listener.api.graylog.views_query import (
    RECENT,
    MessagesType,
    PivotType,
    QueryText,
    SearchType,
    SortKey,
    ViewsQuery,
    everywhere,
    shown_query,
)
from gelf_listener.api.identity import TheUser
from gelf_listener.api.node import node_id
from gelf_listener.errors import QueryError, Retry
from gelf_listener.query.nodes import Node
from gelf_listener.store.parameters import Sort, Span
from gelf_listener.timeranges import TimeRangeError

router = APIRouter(prefix="/api/views/search", tags=["Search"])

_MOST_QUERIES = 20
_MOST_SEARCH_TYPES = 100
"""Of all queries of a search together; so are the messages."""
_MOST_MESSAGES = 20_000


class SearchRequest(BaseModel):
    """Queries that are executed together."""

    id: str | None = Field(None, max_length=200)
    queries: list[ViewsQuery] = Field(default_factory=list, max_length=_MOST_QUERIES)
    parameters: list[dict[str, Any]] | None = Field(None, max_length=100)


@router.post("", status_code=201)
async def create(service: TheService, body: SearchRequest, user: TheUser) -> Response:
    """Store a search."""
    _check_size(body)
    body.id = body.id or secrets.token_hex(12)
    document = body.model_dump(by_alias=True) | {"owner": user, "created_at": time.time()}
    await service.catalog.put("searches", body.id, document)
    response = answer(_shown(body), 201)
    response.headers["Location"] = f"/api/views/search/{body.id}"
    return response


@router.get("")
async def listing(service: TheService) -> Response:
    """Return all stored searches; those that an earlier version stored and nobody can execute are left out."""
    shown = []
    for id in service.catalog.all("searches"):
        with suppress(ApiError):
            shown.append(_shown(_stored(service.catalog, id)))
    return answer(shown)


@router.post("/sync")
async def sync(where: TheAsking, body: SearchRequest, user: TheUser) -> Response:
    """Execute a search and wait for it."""
    jobs: Jobs = where.request.app.state.jobs
    messages = _check_size(body)
    job = jobs.start(body.id or secrets.token_hex(12), user, _results(where, body), messages)
    try:
        await asyncio.wait([job.task])
        document = _status(job, where.node)
    finally:
        jobs.forget(job)  # nobody comes back for what was answered
    return await asyncio.to_thread(answer, document)


@router.get("/status/{job_id}")
async def status(
    request: Request,
    service: TheService,
    job_id: str,
    page: int = 1,  # noqa: ARG001  (all results are on one page)
    per_page: int = 0,  # noqa: ARG001
) -> Response:
    """Return how far a search is, and its results."""
    return answer(_status(_job(request, job_id), node_id(service)))


@router.delete("/cancel/{job_id}", response_class=Response)
async def cancel(request: Request, job_id: str) -> Response:
    """Give a search up."""
    _job(request, job_id).task.cancel()
    return Response()


@router.get("/{search_id}")
async def get(service: TheService, search_id: str) -> Response:
    """Return a stored search."""
    return answer(_shown(_stored(service.catalog, search_id)))


class GlobalOverride(BaseModel):
    """What is asked instead of what the queries of a search say."""

    timerange: dict[str, Any] | None = None
    query: QueryText | None = None


class ExecutionState(BaseModel):
    """What is different this time."""

    global_override: GlobalOverride | None = None
    parameter_bindings: dict[str, Any] | None = None


@router.post("/{search_id}/execute", status_code=201)
async def execute(where: TheAsking, search_id: str, user: TheUser, body: ExecutionState | None = None) -> Response:
    """Begin to execute a stored search; ask for its status."""
    search = _stored(where.service.catalog, search_id)
    override = (body.global_override if body else None) or GlobalOverride()
    for query in search.queries:
        query.timerange = override.timerange or query.timerange
        query.query = override.query or query.query
    jobs: Jobs = where.request.app.state.jobs
    messages = _check_size(search)
    job = jobs.start(search_id, user, _results(where, search), messages)
    started = _status(job, where.node)
    del started["progress"]
    response = answer(started | {"cancel_after_seconds": 0}, 201)
    response.headers["Location"] = f"/api/views/search/status/{job.id}"
    return response


def _check_size(search: SearchRequest) -> int:
    """
    Return how many messages a search may give at most.

    Raises:
        ApiError: If that is more than memory is spent on, or there are too many search types.
    """
    asked = [each for query in search.queries for each in query.search_types]
    if len(asked) > _MOST_SEARCH_TYPES:
        raise ApiError(400, f"a search has at most {_MOST_SEARCH_TYPES} search types, not {len(asked)}")
    messages = sum(page(each.limit, each.offset)[0] for each in asked if isinstance(each, MessagesType))
    if messages > _MOST_MESSAGES:
        raise ApiError(400, f"a search gives at most {_MOST_MESSAGES} messages, not {messages}; an export any number")
    return messages


def _stored(catalog: Catalog, id: str) -> SearchRequest:
    """
    Read a stored search.

    Raises:
        ApiError: If there is none of this id, or an earlier version stored something that cannot be executed.
    """
    document = catalog.get("searches", id)
    if document is None:
        raise ApiError(404, f"Search with id {id[:100]} does not exist")
    try:
        return SearchRequest.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise ApiError(400, f"Search with id {id[:100]} cannot be read: {where}: {first['msg']}") from None


def _job(request: Request, id: str) -> Job:
    jobs: Jobs = request.app.state.jobs
    job = jobs.get(id)
    if job is None:
        raise ApiError(404, f"There is no search job with id {id[:100]}")
    return job


def _shown(search: SearchRequest) -> dict[str, Any]:
    queries = [shown_query(query) for query in search.queries]
    parameters = search.parameters or []
    return {"id": search.id, "queries": queries, "parameters": parameters, "skip_no_streams_check": False}


def _status(job: Job, node: str) -> dict[str, Any]:
    done, cancelled = job.task.done(), job.task.cancelled()
    failed = done and not cancelled and job.task.exception() is not None
    results = job.task.result() if done and not cancelled and not failed else {}
    errors = [error for result in results.values() for error in result["errors"]]
    failed = failed or bool(errors)
    return {
        "id": job.id,
        "search_id": job.search_id,
        "owner": job.owner,
        "executing_node": node,
        "progress": 100 if done else 0,
        "execution": {"done": done, "cancelled": cancelled, "completed_exceptionally": failed},
        "results": results,
        **({"errors": errors} if errors else {}),
    }


async def _results(where: Asking, search: SearchRequest) -> dict[str, Any]:
    """Execute all queries; what fails is told in its place."""
    results = {}
    for query in search.queries:
        id = query.id or str(uuid.uuid4())
        results[id] = await _query_result(where, id, query)
    return results


async def _query_result(where: Asking, id: str, query: ViewsQuery) -> dict[str, Any]:
    began = time.time()
    text = query.query or QueryText()
    found: dict[str, Any] = {}
    errors: list[dict[str, Any]] = []
    searched: dict[str, str] | None = None
    for asked in query.search_types:
        type_id = asked.id or str(uuid.uuid4())
        try:
            span = span_of(asked.timerange or query.timerange or RECENT, began)
            node = _node(where.streams, text, query, asked)
            searched = searched or effective(span, began)
            named = {"name": asked.name} if asked.name else {}
            result = await _search_type(where, node, span, asked)
            found[type_id] = named | {"type": asked.type, "id": type_id} | result
            found[type_id]["effective_timerange"] = effective(span, began)
        except (ApiError, QueryError, Retry, TimeRangeError) as error:
            errors.append(_problem(error, id, type_id))
    return {
        "query": shown_query(query.model_copy(update={"id": id, "filter": query.filter or everywhere(where.streams)})),
        "execution_stats": {
            "duration": round((time.time() - began) * 1000),
            "timestamp": effective(Span(began, began), began)["from"],
            "effective_timerange": searched or effective(span_of(query.timerange or RECENT, began), began),
        },
        "search_types": found,
        "errors": errors,
        "state": "COMPLETED",
    }


def _node(streams: Streams, text: QueryText, query: ViewsQuery, asked: SearchType) -> Node:
    own_text = asked.query.query_string if asked.query else ""
    return all_of(
        (
            node_for(streams, text.query_string, _stream_ids(query.filter)),
            node_for(streams, own_text, asked.streams),
        )
    )


def _stream_ids(filter: dict[str, Any] | None) -> list[str]:
    """Return the streams of a filter: ``{"type": "or", "filters": [{"type": "stream", "id": ...}]}``."""
    inner = (filter or {}).get("filters")
    filters = [filter, *(inner if isinstance(inner, list) else [])]
    return [
        str(each["id"])
        for each in filters
        if isinstance(each, dict) and each.get("type") == "stream" and each.get("id")
    ]


async def _search_type(where: Asking, node: Node, span: Span, asked: SearchType) -> dict[str, Any]:
    if isinstance(asked, PivotType):
        return await pivot(where.store, where.streams, node, span, asked)
    if not isinstance(asked, MessagesType):
        kind = asked.type[:50]
        raise ApiError(400, f"Unknown search type {kind!r}, cannot generate query; there are messages and pivot")
    limit, offset = page(asked.limit, asked.offset)
    first = asked.sort[0] if asked.sort else SortKey()
    hits = await where.store.search(node, span, limit=limit, offset=offset, sort=Sort(first.field, first.descending))

    def build() -> list[dict[str, Any]]:
        return [
            hit(flat(message, where.streams.of(message), where.node), node, asked.fields) for message in hits.messages
        ]

    return {"messages": await asyncio.to_thread(build), "total_results": hits.total}


def _problem(error: Exception, query_id: str, type_id: str) -> dict[str, Any]:
    problem: dict[str, Any] = {
        "type": "search_type",
        "description": error.detail if isinstance(error, QueryError) else str(error),
        "query_id": query_id,
        "search_type_id": type_id,
    }
    if isinstance(error, QueryError):
        line, column = position(error)
        problem["description"] += f" (line {line}, column {column})"
    return problem
