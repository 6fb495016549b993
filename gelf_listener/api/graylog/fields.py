"""Fields: which there are, and of which type."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from gelf_listener.api.context import TheStore
from gelf_listener.api.graylog.index_types import IndexType, index_types
from gelf_listener.api.graylog.message_encoding import answer
from gelf_listener.query.fields import FieldType
from gelf_listener.store import Store

router = APIRouter(prefix="/api", tags=["Fields"])

_ADDED: dict[str, tuple[FieldType, ...]] = {"_id": ("string",), "streams": ("string",)}
"""What Graylog's API adds to every message."""

_PROPERTIES = {"text": ["full-text-search"], "long": ["numeric", "enumerable"], "float": ["numeric", "enumerable"]}
_OWN_TYPES = {
    "gl2_processing_duration_ms": "int",
    "gl2_source_input": "input",
    "gl2_source_node": "node",
    "streams": "streams",
}
_SERVERS: dict[str, IndexType] = {
    "streams": "keyword",
    "gl2_source_node": "keyword",
    "gl2_accounted_message_size": "long",
    "gl2_processing_duration_ms": "long",
    "gl2_processing_timestamp": "date",
}
"""What Graylog's server adds to every message beside the fields that the store keeps."""
_UNITS = {
    "gl2_processing_duration_ms": {"unit_type": "time", "abbrev": "ms"},
    "gl2_accounted_message_size": {"unit_type": "size", "abbrev": "b"},
}


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
    return answer([_document(name, type) for name, type in await _types(store)])


@router.post("/views/fields")
async def types_for(store: TheStore, body: FieldsRequest) -> Response:  # noqa: ARG001  (see FieldsRequest)
    """Return all fields with their types."""
    return answer([_document(name, type) for name, type in await _types(store)])


async def _types(store: Store) -> list[tuple[str, IndexType]]:
    """Return all fields with the types an index would give them."""
    found = await index_types(store, [field.name.replace(".", "_") for field in await store.fields()])
    return sorted((found | _SERVERS).items())


async def _fields(store: Store) -> list[tuple[str, Sequence[FieldType]]]:
    found: dict[str, Sequence[FieldType]] = dict(_ADDED)
    for field in await store.fields():
        found[field.name.replace(".", "_")] = field.types
    return sorted(found.items())


def _document(name: str, type: IndexType) -> dict[str, Any]:
    shown = _OWN_TYPES.get(name) or ("string" if type in ("text", "keyword") else type)
    properties = ["full-text-search", "enumerable"] if name == "source" else _PROPERTIES.get(type, ["enumerable"])
    return {
        "name": name,
        "type": {"type": shown, "properties": properties, "index_names": []},
        "unit": _UNITS.get(name),
    }
