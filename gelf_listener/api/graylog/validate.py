"""Validate and suggest: what Graylog's search bar asks while somebody types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from gelf_listener.api.context import TheStore
from gelf_listener.api.errors import position
from gelf_listener.api.graylog.message_encoding import answer
from gelf_listener.api.graylog.search_parameters import TheStreams
from gelf_listener.errors import QueryError
from gelf_listener.query.nodes import (
    Exists,
    Fuzzy,
    Group,
    MatchAll,
    Matches,
    Node,
    Phrase,
    Range,
    Regex,
    Term,
    Wildcard,
)
from gelf_listener.query.ranges import number_of

__all__ = ["router"]

router = APIRouter(prefix="/api/search", tags=["Search"])

_ALWAYS = {
    name: frozenset(("string",))
    for name in ("_id", "message", "short_message", "full_message", "source", "host", "timestamp", "streams")
} | {"level": frozenset(("long",))}
_NUMBERS = frozenset(("long", "double"))

_TITLES = {
    "QUERY_PARSING_ERROR": "Query parsing error",
    "INVALID_OPERATOR": "Invalid operator",
    "UNKNOWN_FIELD": "Unknown field",
    "INVALID_VALUE_TYPE": "Invalid value type",
}

_Leaf: TypeAlias = Term | Phrase | Wildcard | Regex | Fuzzy | Range | Exists


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
async def validate(store: TheStore, streams: TheStreams, body: ValidateRequest) -> Response:
    """Tell what is wrong in a query, and what is probably not meant."""
    text = body.query.get("query_string", "") if isinstance(body.query, dict) else body.query or ""
    text = str(text)
    try:
        query = streams.parse(text)
    except QueryError as error:
        found = _explanation("ERROR", "QUERY_PARSING_ERROR", f"Cannot parse query, cause: {error.detail}")
        return answer({"status": "ERROR", "explanations": [found | _place(text, error.column)], "context": {}})
    explanations = []
    for hint in query.hints:
        if hint.field == "streams":
            continue  # in routes there are none
        found = _explanation("WARNING", "INVALID_OPERATOR", hint.text)
        if hint.operator:
            found["error_message"] = (
                f'Query contains invalid operator "{hint.operator}". '
                "All AND / OR / NOT operators have to be written uppercase"
            )
        explanations.append(found | _place(text, hint.column, hint.column + len(hint.operator or " ")))
    types = dict(_ALWAYS)
    for known in await store.fields():
        types[known.name] = types[known.name.replace(".", "_")] = frozenset(known.types)
    for node in _leaves(query.node):
        explanations += _judge(text, node, types)
    return answer({"status": "WARNING" if explanations else "OK", "explanations": explanations, "context": {}})


def _judge(text: str, node: _Leaf, types: Mapping[str, frozenset[str]]) -> Iterator[dict[str, Any]]:
    """Say when a field is not known, or holds numbers only and is compared with something else."""
    field = node.field or ""
    known = types.get(field) or types.get(field.removeprefix("_"))
    if known is None:
        if not field.startswith("gl2_"):
            found = _explanation("WARNING", "UNKNOWN_FIELD", f"Query contains unknown field: {field}")
            yield found | _place(text, *node.columns) | {"related_property": field}
        return
    values = (node.low, node.high) if isinstance(node, Range) else (getattr(node, "text", None),)
    wrong = next((each for each in values if each is not None and number_of(each) is None), None)
    if wrong is not None and known <= _NUMBERS:
        message = f"Field {field} holds numbers, and {wrong!r} is none"
        found = _explanation("WARNING", "INVALID_VALUE_TYPE", message)
        yield found | _place(text, *node.columns) | {"related_property": field}


def _explanation(status: str, type: str, message: str) -> dict[str, Any]:
    return {
        "error_type": type,
        "validation_status": status,
        "error_title": _TITLES[type],
        "error_message": message,
        "related_property": None,
    }


def _place(text: str, start: int, end: int = 0) -> dict[str, int]:
    """Return lines, from 1, and columns, from 0, of what stands between two columns of a query."""
    (begin_line, begin_column), (end_line, end_column) = (
        position(QueryError("", text, column)) for column in (start, max(end, start + 1))
    )
    return {
        "begin_line": begin_line,
        "end_line": end_line,
        "begin_column": begin_column - 1,
        "end_column": end_column - 1,
    }


def _leaves(node: Node) -> Iterator[_Leaf]:
    """Return what looks at a field that is named, in the order it is written."""
    if isinstance(node, Group):
        for inner in (*node.must, *node.should, *node.must_not):
            yield from _leaves(inner)
    elif not isinstance(node, (MatchAll, Matches)) and node.field is not None:
        yield node


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
