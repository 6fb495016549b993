"""Routes of streams; what a stream is, `gelf_listener.api.graylog.streams` tells."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from gelf_listener.api.catalog import Catalog
from gelf_listener.api.context import TheService
from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.bodies import Body
from gelf_listener.api.graylog.message_encoding import answer
from gelf_listener.api.graylog.rules import Rule, RuleRequest, compile_rules, query_of
from gelf_listener.api.graylog.stream_words import ATTRIBUTES, INDEX_SET
from gelf_listener.api.graylog.streams import DEFAULT_STREAM, DEFAULT_TITLE
from gelf_listener.api.identity import TheUser
from gelf_listener.message import Message
from gelf_listener.query import compile_predicate, parse
from gelf_listener.rendering.graylog_times import iso
from gelf_listener.timeranges import TimeRangeError, parse_moment

router = APIRouter(prefix="/api/streams", tags=["Streams"])

MAX_RULES = 100
"""Of a stream."""


class StreamRequest(Body):
    """A stream: rules as Graylog has them, or a query."""

    title: str = Field(min_length=1, max_length=1000)
    description: str | None = Field("", max_length=10_000)
    rules: list[RuleRequest] | None = Field(None, max_length=MAX_RULES)
    matching_type: Literal["AND", "OR"] | None = "AND"
    query: str | None = Field(None, description="Our own: in place of rules.", max_length=16_384)
    remove_matches_from_default_stream: bool | None = False
    index_set_id: str | None = Field(None, description="Accepted; there is one.")


class WrappedStream(BaseModel):
    """A stream with whom it is shared; so since Graylog 6.3."""

    entity: StreamRequest
    share_request: dict[str, Any] | None = None


class StreamChange(Body):
    """What changes of a stream; what is left out stays."""

    title: str | None = Field(None, min_length=1, max_length=1000)
    description: str | None = Field(None, max_length=10_000)
    rules: list[Rule] | None = Field(None, max_length=MAX_RULES)
    matching_type: Literal["AND", "OR"] | None = None
    query: str | None = Field(None, max_length=16_384)
    remove_matches_from_default_stream: bool | None = None


@router.get("")
async def listing(service: TheService) -> Response:
    """Return all streams."""
    found = _all(service.catalog, service.started_at)
    return answer({"total": len(found), "streams": found})


@router.get("/enabled")
async def enabled(service: TheService) -> Response:
    """Return the streams that are not paused."""
    found = [stream for stream in _all(service.catalog, service.started_at) if not stream["disabled"]]
    return answer({"total": len(found), "streams": found})


@router.get("/paginated")
async def paginated(service: TheService, page: int = 1, per_page: int = 50, query: str = "") -> Response:
    """Return a page of the streams whose title has a text in it."""
    if page < 1 or not 1 <= per_page <= 1000:
        raise ApiError(400, "page begins with 1, and per_page is at most 1000")
    every = _all(service.catalog, service.started_at)
    text = query.partition("title:")[2] if query.startswith("title:") else query
    found = sorted(
        (stream for stream in every if text.lower() in stream["title"].lower()),
        key=lambda stream: str(stream["title"]).lower(),
    )
    elements = found[(page - 1) * per_page : page * per_page]
    pagination = {"total": len(found), "count": len(elements), "page": page, "per_page": per_page}
    return answer(
        {
            "query": query,
            "pagination": pagination,
            "total": len(every),
            "sort": "title",
            "order": "asc",
            "elements": elements,
            "attributes": ATTRIBUTES,
            "defaults": {"sort": {"id": "title", "direction": "ASC"}},
        }
    )


@router.post("", status_code=201)
async def create(service: TheService, body: WrappedStream, user: TheUser) -> Response:
    """Create a stream; it is on at once."""
    asked = body.entity
    id = secrets.token_hex(12)
    document = {
        "id": id,
        "creator_user_id": user,
        "created_at": iso(time.time()),
        "disabled": False,
        "content_pack": None,
        "title": asked.title,
        "description": asked.description or "",
        "remove_matches_from_default_stream": bool(asked.remove_matches_from_default_stream),
        **_ruled(asked.rules or [], asked.matching_type or "AND", asked.query),
    }
    await service.catalog.put("streams", id, document)
    return _created(id)


def _created(id: str) -> Response:
    response = answer({"stream_id": id}, 201)
    response.headers["Location"] = f"/api/streams/{id}"
    return response


def _ruled(rules: Sequence[Rule], matching: Literal["AND", "OR"], query: str | None) -> dict[str, Any]:
    """Return what a stream remembers of its rules, checked."""
    if query is not None:
        parse(query)
    return {
        "rules": [rule.model_dump() | {"id": secrets.token_hex(12)} for rule in rules],
        "matching_type": matching,
        "query": query_of(rules, matching) if query is None else query,
        "written": query is not None,
    }


@router.get("/{stream_id}")
async def get(service: TheService, stream_id: str) -> Response:
    """Return a stream."""
    if stream_id == DEFAULT_STREAM:
        return answer(_default(service.started_at))
    return answer(shown(stored(service.catalog, stream_id)))


@router.put("/{stream_id}")
async def update(service: TheService, stream_id: str, body: StreamChange) -> Response:
    """Change a stream."""
    old = stored(service.catalog, stream_id)
    changed = {
        name: value
        for name in ("title", "description", "remove_matches_from_default_stream")
        if (value := getattr(body, name)) is not None
    }
    if body.rules is not None or body.matching_type is not None or body.query is not None:
        rules = [Rule.model_validate(rule) for rule in old["rules"]] if body.rules is None else body.rules
        query = old["query"] if body.rules is None and body.query is None and old["written"] else body.query
        changed |= _ruled(rules, body.matching_type or old["matching_type"], query)
    document = old | changed
    await service.catalog.put("streams", stream_id, document)
    return answer(shown(document))


@router.get("/{stream_id}/pipelines")
async def pipelines(service: TheService, stream_id: str) -> Response:
    """Return the pipelines of a stream, of which there are none."""
    if stream_id != DEFAULT_STREAM:
        stored(service.catalog, stream_id)
    return answer([])


@router.get("/{stream_id}/outputs")
async def outputs(service: TheService, stream_id: str) -> Response:
    """Return the outputs of a stream, of which there are none."""
    if stream_id != DEFAULT_STREAM:
        stored(service.catalog, stream_id)
    return answer({"total": 0, "outputs": []})


@router.delete("/{stream_id}", status_code=204)
async def delete(service: TheService, stream_id: str) -> Response:
    """Delete a stream; no message goes with it."""
    stored(service.catalog, stream_id)
    await service.catalog.remove("streams", stream_id)
    return Response(status_code=204)


@router.post("/{stream_id}/pause", status_code=204)
async def pause(service: TheService, stream_id: str) -> Response:
    """Leave a stream out of messages' lists of streams."""
    await service.catalog.put("streams", stream_id, stored(service.catalog, stream_id) | {"disabled": True})
    return Response(status_code=204)


@router.post("/{stream_id}/resume", status_code=204)
async def resume(service: TheService, stream_id: str) -> Response:
    """Undo a pause."""
    await service.catalog.put("streams", stream_id, stored(service.catalog, stream_id) | {"disabled": False})
    return Response(status_code=204)


class CloneRequest(Body):
    """How the copy is called."""

    title: str = Field(min_length=1, max_length=1000)
    description: str | None = Field("", max_length=10_000)


@router.post("/{stream_id}/clone", status_code=201)
async def clone(service: TheService, stream_id: str, body: CloneRequest, user: TheUser) -> Response:
    """Copy a stream."""
    id = secrets.token_hex(12)
    document = stored(service.catalog, stream_id) | {
        "id": id,
        "title": body.title,
        "description": body.description or "",
        "creator_user_id": user,
        "created_at": iso(time.time()),
    }
    await service.catalog.put("streams", id, document)
    return _created(id)


class TestMatchRequest(BaseModel):
    """A message as its fields."""

    message: dict[str, Any]


@router.post("/{stream_id}/testMatch")
async def test_match(service: TheService, stream_id: str, body: TestMatchRequest) -> Response:
    """Tell whether a message would be in a stream, and which of its rules it matches."""
    document = stored(service.catalog, stream_id)
    if not body.message.get("_id"):
        raise ApiError(400, "message id cannot be null; add an _id to the message")
    message = _message(body.message)
    found = {rule["id"]: compile_rules([Rule.model_validate(rule)], "AND")(message) for rule in document["rules"]}
    if document.get("written") or not found:
        matches = service.store is not None and compile_predicate(parse(document["query"]).node)(message)
    else:
        matches = any(found.values()) if document["matching_type"] == "OR" else all(found.values())
    return answer({"matches": matches, "rules": found})


def _message(fields: Mapping[str, Any]) -> Message:
    """Make a message of its fields, named as they are stored."""
    level = fields.get("level")
    others = {
        name: value if isinstance(value, (str, int, float)) else json.dumps(value)
        for name, value in fields.items()
        if name not in ("_id", "source", "message", "full_message", "level", "timestamp") and value is not None
    }
    full = fields.get("full_message")
    return Message(
        _moment(fields.get("timestamp")),
        str(fields.get("source", "unknown")),
        str(fields.get("message", "")),
        None if full is None else str(full),
        level if isinstance(level, int) and not isinstance(level, bool) else None,
        b"",
        time.time(),
        _fields=others,
        stored_id=str(fields["_id"]),
    )


def _moment(value: Any) -> float:
    try:
        return parse_moment(value, time.time()) if isinstance(value, str) else time.time()
    except TimeRangeError as error:
        raise ApiError(400, f"timestamp: {error}") from None


def stored(catalog: Catalog, id: str) -> dict[str, Any]:
    """Return a stream that was made, as the catalog has it; an ApiError tells that there is none."""
    document = catalog.get("streams", id)
    if document is None:
        if id == DEFAULT_STREAM:
            raise ApiError(400, "The default stream cannot be changed.")
        raise ApiError(404, f"Stream <{id[:100]}> not found!")
    return document


def _all(catalog: Catalog, started_at: float) -> list[dict[str, Any]]:
    return [_default(started_at), *map(shown, catalog.all("streams").values())]


def shown(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stream as Graylog shows one."""
    hidden = ("written",) if document.get("written") else ("written", "query")
    kept = ("field", "id", "type", "inverted", "value")
    return {name: value for name, value in document.items() if name not in hidden} | {
        "rules": [
            {name: rule.get(name) for name in kept}
            | {"stream_id": document["id"], "description": rule.get("description") or ""}
            for rule in document["rules"]
        ],
        "is_default": False,
        "is_editable": True,
        "outputs": [],
        "categories": [],
        "index_set_id": INDEX_SET,
    }


def _default(started_at: float) -> dict[str, Any]:
    document = {
        "id": DEFAULT_STREAM,
        "creator_user_id": "local:admin",
        "created_at": iso(started_at),
        "disabled": False,
        "content_pack": None,
        "title": DEFAULT_TITLE,
        "description": "Contains messages that are not explicitly routed to other streams",
        "remove_matches_from_default_stream": False,
        "rules": [],
        "matching_type": "AND",
    }
    return shown(document) | {"is_default": True}
