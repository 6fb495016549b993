"""Trace: ``/api/gelf/trace``, everything that one request caused, across services, oldest first."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from gelf_listener.api.context import TheStore
from gelf_listener.api.errors import ApiError
from gelf_listener.api.native.encoding import json_response, message_document, missing_document
from gelf_listener.api.native.messages import same, stored
from gelf_listener.api.native.shapes.patterns import TraceShape
from gelf_listener.message import FieldValue, Message
from gelf_listener.query.nodes import Group
from gelf_listener.rendering.usual import TRACE_FIELDS, service_field
from gelf_listener.store.parameters import EVERYTHING, Sort

router = APIRouter(prefix="/api/gelf", tags=["messages"])

_OLDEST_FIRST = Sort("timestamp", descending=False)


@router.get("/trace", response_model=TraceShape)
async def trace(
    store: TheStore,
    id: Annotated[str | None, Query(min_length=1, max_length=1000, description="Of the trace or request.")] = None,
    message: Annotated[str | None, Query(max_length=26, description="Id of a message of it, instead.")] = None,
    limit: Annotated[int, Query(ge=1, le=5000, description="Most messages, the oldest.")] = 1000,
) -> Response:
    """Return all messages with the same trace_id, request_id or correlation_id, and which services they are of."""
    pairs = await _pairs(store, id, message)
    node = Group(should=tuple(same(field, value) for field, value in pairs))
    hits = await store.search(node, EVERYTHING, limit=limit, sort=_OLDEST_FIRST)
    messages = [message_document(each) | {"service": _service(each)} for each in hits.messages]
    used = {field for each in hits.messages for field, value in pairs if each.fields.get(field) == value}
    return json_response(
        {
            "ids": [{"field": field, "value": value} for field, value in pairs if message or field in used],
            "total": hits.total,
            "start": messages[0]["timestamp"] if messages else None,
            "end": messages[-1]["timestamp"] if messages else None,
            "services": _services(messages),
            "messages": messages,
            "missing": missing_document(store),
        }
    )


async def _pairs(store: TheStore, id: str | None, message: str | None) -> list[tuple[str, FieldValue]]:
    """
    Return the fields that name a trace, with their values.

    Raises:
        ApiError: If there is no such message, it has none of the fields, or nothing is asked for.
    """
    if (id is None) == (message is None):
        raise ApiError(400, "give either id or message")
    if message is None:
        return [(field, str(id)) for field in TRACE_FIELDS]
    found = await stored(store, message)
    pairs = [(field, found.fields[field]) for field in TRACE_FIELDS if found.fields.get(field) not in (None, "")]
    if not pairs:
        raise ApiError(400, f"the message has none of the fields {', '.join(TRACE_FIELDS)}")
    return pairs


def _service(message: Message) -> str:
    """Return what the message is of: a service, or a host where it names none."""
    field = service_field(message.fields)
    return message.host if field is None else str(message.fields[field])


def _services(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the services in the order in which they come, with what there is of each."""
    found: dict[str, dict[str, Any]] = {}
    for each in messages:
        at, level = each["timestamp"], each["level"]
        service = found.setdefault(
            each["service"], {"name": each["service"], "messages": 0, "first": at, "last": at, "level": level}
        )
        service["messages"] += 1
        service["last"] = at
        if level is not None:
            service["level"] = level if service["level"] is None else min(service["level"], level)
    return list(found.values())
