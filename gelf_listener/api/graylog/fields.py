"""Fields: which there are, and of which type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from gelf_listener.api.context import TheStore
from gelf_listener.api.graylog.message_encoding import INDEX, answer
from gelf_listener.query.fields import FieldType
from gelf_listener.store import Store

__all__ = ["router"]

router = APIRouter(prefix="/api", tags=["Fields"])

_ADDED: dict[str, tuple[FieldType, ...]] = {"_id": ("string",), "streams": ("string",)}
"""What Graylog's API adds to every message."""

_PROPERTIES = {"text": ["full-text-search"], "long": ["numeric", "enumerable"], "double": ["numeric", "enumerable"]}


class FieldsRequest(BaseModel):
    """Of which streams and time; fields are those of everything that is stored."""

    streams: list[str] | None = Field(None, max_length=500)
    timerange: dict[str, Any] | None = None


@router.get("/system/fields")
async def names(store: TheStore, limit: int = 0) -> Response:
    """Return the names of all fields."""
    found = [name for name, _ in await _fields(store)]
    return answer({"fields": found[:limit] if limit > 0 else found})


@router.get("/views/fields")
async def types(store: TheStore) -> Response:
    """Return all fields with their types."""
    return answer([_document(name, found) for name, found in await _fields(store)])


@router.post("/views/fields")
async def types_for(store: TheStore, body: FieldsRequest) -> Response:  # noqa: ARG001  (see FieldsRequest)
    """Return all fields with their types."""
    return answer([_document(name, found) for name, found in await _fields(store)])


async def _fields(store: Store) -> list[tuple[str, Sequence[FieldType]]]:
    found: dict[str, Sequence[FieldType]] = dict(_ADDED)
    for field in await store.fields():
        found[field.name.replace(".", "_")] = field.types
    return sorted(found.items())


def _document(name: str, types: Sequence[FieldType]) -> dict[str, Any]:
    if len(types) > 1:
        type = {"type": f"compound({','.join(types)})", "properties": ["compound"], "index_names": []}
    else:
        shown = "string" if types[0] == "text" else types[0]
        type = {"type": shown, "properties": _PROPERTIES.get(types[0], ["enumerable"]), "index_names": [INDEX]}
    return {"name": name, "type": type}
