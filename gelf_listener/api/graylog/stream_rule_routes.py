"""Routes of the rules of a stream; see `stream_routes`."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from gelf_listener.api.catalog import Catalog
from gelf_listener.api.context import TheService
from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.message_encoding import answer
from gelf_listener.api.graylog.rules import Rule, RuleRequest, query_of
from gelf_listener.api.graylog.stream_routes import MAX_RULES, shown, stored
from gelf_listener.api.graylog.stream_words import RULE_TYPES
from gelf_listener.api.graylog.streams import DEFAULT_STREAM

router = APIRouter(prefix="/api/streams", tags=["Streams"])


@router.get("/{stream_id}/rules")
async def rules(service: TheService, stream_id: str) -> Response:
    """Return the rules of a stream."""
    found = [] if stream_id == DEFAULT_STREAM else shown(stored(service.catalog, stream_id))["rules"]
    return answer({"total": len(found), "stream_rules": found})


@router.get("/{stream_id}/rules/types")
async def rule_types(service: TheService, stream_id: str) -> Response:
    """Return the types of rules there are."""
    if stream_id != DEFAULT_STREAM:
        stored(service.catalog, stream_id)
    return answer(RULE_TYPES)


@router.get("/{stream_id}/rules/{rule_id}")
async def rule(service: TheService, stream_id: str, rule_id: str) -> Response:
    """Return one rule of a stream."""
    stream = shown(stored(service.catalog, stream_id))
    return answer(stream["rules"][_at(stream, rule_id)])


@router.post("/{stream_id}/rules", status_code=201)
async def add_rule(service: TheService, stream_id: str, body: RuleRequest) -> Response:
    """Add a rule to a stream."""
    document = _of_rules(service.catalog, stream_id)
    if len(document["rules"]) >= MAX_RULES:
        raise ApiError(400, f"A stream has at most {MAX_RULES} rules.")
    id = secrets.token_hex(12)
    await service.catalog.put(
        "streams", stream_id, _with_rules(document, [*document["rules"], body.model_dump() | {"id": id}])
    )
    response = answer({"streamrule_id": id}, 201)
    response.headers["Location"] = f"/api/streams/{stream_id}/rules/{id}"
    return response


@router.put("/{stream_id}/rules/{rule_id}")
async def change_rule(service: TheService, stream_id: str, rule_id: str, body: RuleRequest) -> Response:
    """Put a rule in the place of another."""
    document = _of_rules(service.catalog, stream_id)
    at = _at(document, rule_id)
    changed = [*document["rules"][:at], body.model_dump() | {"id": rule_id}, *document["rules"][at + 1 :]]
    await service.catalog.put("streams", stream_id, _with_rules(document, changed))
    return answer({"streamrule_id": rule_id})


@router.delete("/{stream_id}/rules/{rule_id}", status_code=204)
async def delete_rule(service: TheService, stream_id: str, rule_id: str) -> Response:
    """Delete a rule."""
    document = _of_rules(service.catalog, stream_id)
    at = _at(document, rule_id)
    await service.catalog.put(
        "streams", stream_id, _with_rules(document, [*document["rules"][:at], *document["rules"][at + 1 :]])
    )
    return Response(status_code=204)


def _of_rules(catalog: Catalog, stream_id: str) -> dict[str, Any]:
    """Return a stream that has rules, or may have."""
    document = stored(catalog, stream_id)
    if document.get("written"):
        raise ApiError(400, "This stream was made with a query and has no rules.")
    return document


def _at(document: Mapping[str, Any], rule_id: str) -> int:
    """Return which rule of a stream has an id."""
    for at, each in enumerate(document["rules"]):
        if each["id"] == rule_id:
            return at
    raise ApiError(404, f"Stream rule <{rule_id[:100]}> not found!")


def _with_rules(document: Mapping[str, Any], rules: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a stream with other rules, which keep their ids."""
    read = [Rule.model_validate(each) for each in rules]
    return {**document, "rules": rules, "query": query_of(read, document["matching_type"])}
