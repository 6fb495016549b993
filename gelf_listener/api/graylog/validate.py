"""Validate and suggest: what Graylog's search bar asks while somebody types."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from gelf_listener.api.context import TheStore
from gelf_listener.api.errors import position
from gelf_listener.api.graylog.bodies import Body, Whole
from gelf_listener.api.graylog.figures import key_text
from gelf_listener.api.graylog.index_types import IndexType, folds, index_type, index_types
from gelf_listener.api.graylog.message_encoding import INDEX, answer
from gelf_listener.api.graylog.ranges import body_span, effective
from gelf_listener.api.graylog.search_parameters import TheStreams
from gelf_listener.api.graylog.streams import Streams
from gelf_listener.errors import QueryError
from gelf_listener.query.fields import known_field, plain_name
from gelf_listener.query.nodes import Leaf, Range, leaves_of
from gelf_listener.query.ranges import number_of
from gelf_listener.query.times import parse_time
from gelf_listener.store.parameters import ValuesGroup
from gelf_listener.store.readings import moment_of

router = APIRouter(prefix="/api/search", tags=["Search"])

_RECENT = {"type": "relative", "range": 300}
_MOST_SUGGESTED = 10_000

_TITLES = {
    "QUERY_PARSING_ERROR": "Query parsing error",
    "INVALID_OPERATOR": "Invalid operator",
    "UNKNOWN_FIELD": "Unknown field",
    "INVALID_VALUE_TYPE": "Invalid value type",
}


class ValidateRequest(BaseModel):
    """A query, and where it would be asked."""

    query: str | dict[str, Any]
    streams: list[str] | None = Field(None, max_length=500)
    timerange: dict[str, Any] | None = None
    filter: str | dict[str, Any] | None = None


class SuggestRequest(Body):
    """A field and how its values begin."""

    field: str = Field(min_length=1, max_length=1000)
    input: str = Field(max_length=1000)
    size: Whole | None = Field(10, ge=1, le=1000)
    streams: list[str] | None = Field(None, max_length=500)
    timerange: dict[str, Any] | None = None


@router.post("/validate")
async def validate(store: TheStore, streams: TheStreams, body: ValidateRequest) -> Response:
    """Tell what is wrong in a query, and what is probably not meant."""
    text = str(body.query.get("query_string", "") if isinstance(body.query, dict) else body.query)
    now = time.time()
    context = _context(effective(body_span(body.timerange or _RECENT, now), now), streams, body.streams)
    try:
        query = streams.parse(text)
    except QueryError as error:
        found = _explanation("QUERY_PARSING_ERROR", f"Cannot parse query, cause: {error.detail}")
        place = _place(text, 1, error.column + 1)  # from the beginning, as there
        return answer({"status": "ERROR", "explanations": [found | place], "context": context})
    explanations = []
    for hint in query.hints:
        if hint.field == "streams":
            continue  # in routes there are none
        if "." in hint.field:
            explanations.append(_unknown(text, hint.field, hint.column))
            continue
        found = _explanation("INVALID_OPERATOR", hint.text)
        if hint.operator:
            found["error_message"] = (
                f'Query contains invalid operator "{hint.operator}". '
                "All AND / OR / NOT operators have to be written uppercase"
            )
            found["related_property"] = hint.operator
        explanations.append(found | _place(text, hint.column, hint.column + len(hint.operator or " ")))
    leaves = [leaf for leaf in leaves_of(query.node) if leaf.field is not None]
    names = {name for leaf in leaves for name in (leaf.field or "", (leaf.field or "").removeprefix("_"))}
    types = await index_types(store, names)
    for leaf in leaves:
        explanations += _judge(text, leaf, types, now)
    told = {"explanations": explanations} if explanations else {}
    return answer({"status": "WARNING" if explanations else "OK", **told, "context": context})


def _context(searched: Mapping[str, str], streams: Streams, ids: Sequence[str] | None) -> dict[str, Any]:
    """Say where is searched: everything is in one index."""
    titles = [streams.title(id) for id in ids or streams.ids()]
    index = {"index_name": INDEX, "begin": 0, "end": 0, "is_warm_tiered": False, "stream_names": titles}
    return {"searched_time_range": searched, "searched_index_ranges": [index], "data_routed_streams": []}


def _judge(text: str, node: Leaf, types: Mapping[str, IndexType], now: float) -> Iterator[dict[str, Any]]:
    """Say when a field is not known, or holds numbers or times and is compared with something else."""
    field = node.field or ""
    type = types.get(field) or (None if node.graylog else types.get(field.removeprefix("_")))
    if type is None:
        known = known_field(field, graylog=node.graylog) is not None or field == "streams"
        if not known and not field.startswith("gl2_") and "*" not in field:
            yield _unknown(text, field, node.columns[0])
        return
    values = (node.low, node.high) if isinstance(node, Range) else (getattr(node, "text", None),)
    for value in values:
        if value is None or (isinstance(node, Range) and value == "*"):
            continue
        wrong_number = type in ("long", "float") and number_of(value) is None
        wrong_time = type == "date" and parse_time(value, now) is None and moment_of(value) is None
        if wrong_number or wrong_time:
            found = _explanation("INVALID_VALUE_TYPE", f"Type of {field} is {type}, cannot use value {value}")
            yield found | _place(text, *_value_columns(text, node, value))


def _value_columns(text: str, node: Leaf, value: str) -> tuple[int, int]:
    """Return where a value stands; for the ends of a range the name of the field is pointed at, as there."""
    start = node.columns[0]
    name = node.field or ""
    at = text.find(value, start - 1 + len(name))
    if isinstance(node, Range) or at < 0:
        return start, start + len(name)
    return at + 1, at + 1 + len(value)


def _unknown(text: str, field: str, column: int) -> dict[str, Any]:
    """Say that no message has a field, whose name begins in a column."""
    found = _explanation("UNKNOWN_FIELD", f"Query contains unknown field: {field}")
    return found | _place(text, column, column + len(field)) | {"related_property": field}


def _explanation(type: str, message: str) -> dict[str, Any]:
    return {"error_type": type, "error_title": _TITLES[type], "error_message": message}


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


@router.post("/suggest")
async def suggest(store: TheStore, body: SuggestRequest) -> Response:
    """Return the most frequent values of a field that begin with a text."""
    asked = {"field": body.field, "input": body.input}
    type = await index_type(store, body.field)
    if type in (None, "text"):
        why = f"no mapping found for field [{body.field}]" if type is None else f"{body.field} is searched by words"
        return answer(asked | {"error": {"type": "illegal_argument_exception", "reason": why}})
    counted: Counter[str] = Counter()
    for each in await store.suggest(plain_name(body.field), body.input, _MOST_SUGGESTED):
        text = key_text(each.value, ValuesGroup(body.field), type)
        counted[text.lower() if folds(body.field) else text] += each.messages
    if not counted:
        return answer(asked)
    ranked = sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))
    size = body.size or 10
    suggestions = [{"value": value, "occurrence": messages} for value, messages in ranked[:size]]
    return answer(
        asked
        | {
            "suggestions": suggestions,
            "sum_other_docs_count": sum(messages for _, messages in ranked[size:]),
        }
    )
