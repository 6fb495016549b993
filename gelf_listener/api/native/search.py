"""Search: ``/api/gelf/search`` and ``/api/gelf/export``, and whether a query can be understood."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from typing import Annotated, Any, Literal, NamedTuple

import msgspec
from fastapi import APIRouter, Query, Request
from fastapi.responses import StreamingResponse
from starlette.responses import Response

from gelf_listener.api.context import TheStore
from gelf_listener.api.errors import ApiError, position
from gelf_listener.api.native.empty_results import unknown_field, why_nothing
from gelf_listener.api.native.encoding import chosen, json_response, message_document, missing_document
from gelf_listener.api.native.hints import hints_of
from gelf_listener.api.native.parameters import MEANING, TheAsked, meaning_of
from gelf_listener.api.native.shapes.messages import SearchPage, Validity
from gelf_listener.errors import QueryError, Retry
from gelf_listener.message import Message
from gelf_listener.query import Meaning, parse_as
from gelf_listener.query.fields import getter, is_time_field
from gelf_listener.rendering.csv_rows import csv_rows
from gelf_listener.rendering.timestamps import Timestamps
from gelf_listener.store.parameters import Sort, Span

router = APIRouter(prefix="/api/gelf", tags=["search"])

_MOST_OFFSET = 10_000
"""Graylog's result window; a cursor goes on from there."""
_INSTANT = 1e-6
"""Timestamps are exact to the microsecond."""
_ALWAYS_SORTED = ("timestamp", "gl2_receive_timestamp")
_COLUMNS = ("timestamp", "source", "level", "message")
_MEDIA_TYPES = {"csv": "text/csv", "jsonl": "application/x-ndjson", "gelf": "application/x-ndjson"}

_encode = msgspec.json.Encoder().encode

Format = Literal["csv", "jsonl", "gelf"]


class _Cursor(NamedTuple):
    """Where a page ended: a timestamp, and how many of its messages were given."""

    timestamp: float
    given: int

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(json.dumps(self).encode()).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> _Cursor:
        """Read a cursor; ApiError when it is none."""
        try:
            values = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            timestamp, given = values
            if 0 <= int(given) <= _MOST_OFFSET and abs(float(timestamp)) < 1e12:
                return cls(float(timestamp), int(given))
        except (binascii.Error, UnicodeError, ValueError, TypeError, OverflowError, RecursionError):
            pass
        raise ApiError(400, f"cursor={text[:80]!r} is not a cursor this server issued")


def sort_of(text: str) -> Sort:
    """
    Read ``field``, ``field:asc`` or ``field:desc``.

    Raises:
        ApiError: If the direction is neither.
    """
    field, _, direction = text.partition(":")
    if not field or direction not in ("", "asc", "desc"):
        raise ApiError(400, f"sort={text!r}: write field:asc or field:desc")
    return Sort(field, direction != "asc")


@router.get("/search", response_model=SearchPage)
async def search(
    store: TheStore,
    asked: TheAsked,
    sort: Annotated[str, Query(description="field:asc or field:desc.")] = "timestamp:desc",
    limit: Annotated[int, Query(ge=0, le=10_000)] = 150,
    offset: Annotated[int, Query(ge=0, le=_MOST_OFFSET)] = 0,
    cursor: Annotated[
        str | None, Query(max_length=200, description="Of the page before; only when sorted by timestamp.")
    ] = None,
    fields: Annotated[
        str | None, Query(description="Additional fields to give, separated by commas; all by default.")
    ] = None,
    characters: Annotated[
        int | None, Query(ge=1, description="Longest text; longer ones are cut. For lists, which show no more.")
    ] = None,
) -> Response:
    """Search the store; one page of messages."""
    order = sort_of(sort)
    before = None if cursor is None else _Cursor.parse(cursor)
    total = -1
    span = asked.span
    if before is not None:
        if order.field != "timestamp" or offset:
            raise ApiError(400, "a cursor goes with sort=timestamp and without offset")
        total = await store.count(asked.node, span)
        span, offset = _after(before, span, order), before.given
    hits = await store.search(asked.node, span, limit=limit, offset=offset, sort=order)
    if order.field not in _ALWAYS_SORTED and hits.messages and getter(order.field)(hits.messages[0]) is None:
        unknown = await unknown_field(store, order.field)  # messages without the field come last
        if unknown:
            raise ApiError(400, f"sort={sort!r}: {unknown}")
    more = len(hits.messages) == limit and limit > 0 and hits.total > offset + limit
    following = _next(hits.messages, before) if more and order.field == "timestamp" else None
    wanted = chosen(fields)
    missing = missing_document(store)
    nothing = None
    if limit and before is None and not hits.total:
        with suppress(Retry):  # that there is nothing is an answer, too, when the store has no time to say why
            nothing = await why_nothing(store, asked.node, asked.span)
    return json_response(
        {
            "query": asked.text,
            "total": hits.total if before is None else total,
            "messages": [message_document(message, wanted, characters) for message in hits.messages],
            "cursor": None if following is None else str(following),
            "nothing": nothing,
            "missing": missing,
        }
    )


def _after(cursor: _Cursor, span: Span, order: Sort) -> Span:
    """Narrow a span to where a page ended; its last timestamp is in, for it may have more messages."""
    if order.descending:
        end = cursor.timestamp + _INSTANT
        return Span(span.start, end if span.end is None else min(end, span.end))
    return Span(cursor.timestamp if span.start is None else max(cursor.timestamp, span.start), span.end)


def _next(messages: Sequence[Message], before: _Cursor | None) -> _Cursor | None:
    """Return where a page ends; None when there are too many messages of one timestamp."""
    last = messages[-1].timestamp
    given = sum(abs(message.timestamp - last) < _INSTANT / 2 for message in messages)
    if before is not None and given == len(messages) and abs(before.timestamp - last) < _INSTANT / 2:
        given += before.given
    return _Cursor(last, given) if given <= _MOST_OFFSET else None


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"content": {kind: {} for kind in sorted(set(_MEDIA_TYPES.values()))}}},
)
async def export(
    store: TheStore,
    asked: TheAsked,
    format: Annotated[
        Format, Query(description="csv; jsonl: a message of this API on each line; gelf: GELF 1.1 on each line.")
    ] = "jsonl",
    sort: Annotated[str, Query(description="field:asc or field:desc.")] = "timestamp:asc",
    limit: Annotated[int | None, Query(ge=1, description="All by default.")] = None,
    fields: Annotated[
        str | None,
        Query(description="csv: the columns, separated by commas; jsonl: additional fields. gelf is always whole."),
    ] = None,
    raw: Annotated[
        bool,
        Query(description="csv: control characters, and what a spreadsheet takes for a formula, as they are."),
    ] = False,
) -> StreamingResponse:
    """Export messages, however many; they are written as they are read."""
    order = sort_of(sort)
    write = _writer(format, fields, raw=raw)
    headers = {"Content-Disposition": f'attachment; filename="gelf-listener-export.{_suffix(format)}"'}
    batches = store.scan(asked.node, asked.span, limit=limit, sort=order)
    return StreamingResponse(_export(batches, write), media_type=_MEDIA_TYPES[format], headers=headers)


def _suffix(format: Format) -> str:
    return "csv" if format == "csv" else "jsonl"


async def _export(
    batches: AsyncIterator[Sequence[Message]], write: Callable[[Sequence[Message]], bytes]
) -> AsyncIterator[bytes]:
    head = write(())
    if head:
        yield head
    async for batch in batches:
        for start in range(0, len(batch), 500):  # a piece at a time, for others want the loop as well
            yield write(batch[start : start + 500])


def _writer(format: Format, fields: str | None, *, raw: bool) -> Callable[[Sequence[Message]], bytes]:
    """Return what writes a batch; for an empty one the head of the file."""
    if format == "gelf":
        return lambda batch: b"".join(message.to_gelf() + b"\n" for message in batch)
    if format == "jsonl":
        wanted = chosen(fields)
        return lambda batch: b"".join(_encode(message_document(message, wanted)) + b"\n" for message in batch)
    columns = tuple(name.strip() for name in fields.split(",") if name.strip()) if fields else _COLUMNS
    return _csv_writer(columns, raw=raw)


def _csv_writer(columns: Sequence[str], *, raw: bool) -> Callable[[Sequence[Message]], bytes]:
    """Write columns by the names of the query language; times in ISO 8601, UTC."""
    getters = [(getter(name), is_time_field(name)) for name in columns]
    times = Timestamps(utc=True)

    def row(message: Message) -> list[Any]:
        values = [(get(message), is_time) for get, is_time in getters]
        return [times.rfc3339(value) if is_time and isinstance(value, float) else value for value, is_time in values]

    def write(batch: Sequence[Message]) -> bytes:
        return csv_rows(map(row, batch) if batch else [columns], formulas=raw, controls=raw)

    return write


@router.post("/validate", response_model=Validity)
async def validate(
    request: Request,
    query: Annotated[str, Query(description="Any text.")],
    meaning: Annotated[Meaning | None, MEANING] = None,
    compare: Annotated[bool, Query(description="Whether to say what a real Graylog would find instead.")] = False,
) -> Response:
    """Tell whether a query can be understood, and where not, and whether a real Graylog would find something else."""
    try:
        parsed = parse_as(query, meaning_of(request, meaning))
    except QueryError as error:
        line, column = position(error)
        return json_response(
            {"valid": False, "error": error.detail, "line": line, "column": column, "hints": [], "normalised": None}
        )
    hints = [
        {"text": hint.text, "column": hint.column} for hint in await hints_of(request, parsed, meaning, compare=compare)
    ]
    return json_response(
        {"valid": True, "error": None, "line": None, "column": None, "hints": hints, "normalised": str(parsed.node)}
    )
