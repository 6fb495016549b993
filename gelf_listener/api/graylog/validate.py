"""Validate and suggest: what Graylog's search bar asks while somebody types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from gelf_listener.api.context import TheStore
from gelf_listener.api.errors import position
from gelf_listener.api.graylog.documents import answer
from gelf_listener.errors import QueryError
from gelf_listener.query import parse
from gelf_listener.query.nodes import Group, MatchAll, Node

__all__ = ["router"]

router = APIRouter(prefix="/api/search", tags=["Search"])

_KNOWN = frozenset(
    ("_id", "message", "short_message", "full_message", "source", "host", "level", "timestamp", "streams")
)


class ValidateRequest(BaseModel):
    """A query, and where it would be asked."""

    query: str | dict[str, Any] | None = ""
    streams: list[str] | None = Field(None, max_length=500)
    timerange: dict[str, Any] | None = None
    filter: str | dict[str, Any] | None = None


class SuggestRequest(BaseModel):
    """A field and how its values begin."""

    field: str = Field(min_length=1, max_length=1000)
    input: str | None = Field("", max_length=1000)
    size: int | None = Field(10, ge=1, le=1000)
    streams: list[str] | None = Field(None, max_length=500)
    timerange: dict[str, Any] | None = None


@router.post("/validate")
async def validate(store: TheStore, body: ValidateRequest) -> Response:
    """Tell what is wrong in a query, and what is probably not meant."""
    text = body.query.get("query_string", "") if isinstance(body.query, dict) else body.query or ""
    text = str(text)
    try:
        query = parse(text)
    except QueryError as error:
        line, column = position(error)
        found = _explanation(
            "ERROR", "QUERY_PARSING_ERROR", "Query parsing error", f"Cannot parse query, cause: {error.detail}"
        )
        found |= {"begin_line": line, "end_line": line, "begin_column": column - 1, "end_column": column}
        return answer({"status": "ERROR", "explanations": [found], "context": {}})
    explanations = []
    for hint in query.hints:
        found = _explanation("WARNING", "INVALID_OPERATOR", "Probably not meant", hint.text)
        line, column = position(QueryError(hint.text, text, hint.column))
        explanations.append(
            found | {"begin_line": line, "end_line": line, "begin_column": column - 1, "end_column": column}
        )
    known = {field.name for field in await store.fields()}
    known |= {name.replace(".", "_") for name in known} | _KNOWN
    for field, columns in dict(_fields(query.node)).items():
        if field.removeprefix("_") not in known and field not in known and not field.startswith("gl2_"):
            found = _explanation("WARNING", "UNKNOWN_FIELD", "Unknown field", f"Query contains unknown field: {field}")
            found |= {"begin_line": 1, "end_line": 1, "begin_column": columns[0] - 1, "end_column": columns[1] - 1}
            explanations.append(found | {"related_property": field})
    return answer({"status": "WARNING" if explanations else "OK", "explanations": explanations, "context": {}})


def _explanation(status: str, type: str, title: str, message: str) -> dict[str, Any]:
    return {
        "error_type": type,
        "validation_status": status,
        "error_title": title,
        "error_message": message,
        "related_property": None,
    }


def _fields(node: Node) -> Iterator[tuple[str, tuple[int, int]]]:
    if isinstance(node, Group):
        for inner in (*node.must, *node.should, *node.must_not):
            yield from _fields(inner)
    elif not isinstance(node, MatchAll) and node.field is not None:
        yield node.field, node.columns


@router.post("/suggest")
async def suggest(store: TheStore, body: SuggestRequest) -> Response:
    """Return the most frequent values of a field that begin with a text."""
    found = await store.suggest(body.field, body.input or "", body.size or 10)
    return answer(
        {
            "field": body.field,
            "input": body.input or "",
            "suggestions": [{"value": str(each.value), "occurrence": each.messages, "title": None} for each in found],
            "sum_other_docs_count": 0,
            "error": None,
        }
    )
