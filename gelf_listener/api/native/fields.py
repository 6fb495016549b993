"""Fields: what is stored, top values, statistics, and messages over time."""

from __future__ import annotations

import math
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from gelf_listener.api.context import TheStore
from gelf_listener.api.errors import ApiError
from gelf_listener.api.native.encoding import json_response, missing_document
from gelf_listener.api.native.parameters import Asked, TheAsked, duration_of
from gelf_listener.api.native.shapes import FieldsShape, HistogramShape, StatisticsShape, SuggestShape, TopShape
from gelf_listener.store import Store
from gelf_listener.store.parameters import Sort, TimeGroup, ValuesGroup

__all__ = ["router"]

router = APIRouter(prefix="/api/gelf", tags=["fields"])

_INTERVALS = (
    0.001, 0.01, 0.1, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0,
    10800.0, 21600.0, 43200.0, 86400.0, 604800.0, 2592000.0,
)  # fmt: skip
"""Lengths a person can read off an axis, seconds."""

_MOST_BUCKETS = 5000


@router.get("/fields", response_model=FieldsShape)
async def fields(store: TheStore) -> Response:
    """Return every field that is stored, with the types it has had."""
    found = await store.fields()
    return json_response({"fields": [{"name": field.name, "types": list(field.types)} for field in found]})


@router.get("/fields/{name:path}/top", response_model=TopShape)
async def top(
    store: TheStore,
    asked: TheAsked,
    name: str,
    limit: Annotated[int, Query(ge=1, le=1000)] = 10,
) -> Response:
    """Return the most frequent values of a field."""
    messages = await store.count(asked.node, asked.span)
    rows = await store.aggregate(asked.node, asked.span, [ValuesGroup(name, limit)])
    values = [{"value": row.keys[0], "messages": row.messages} for row in rows]
    other = max(0, messages - sum(row.messages for row in rows))
    return json_response(
        {"field": name, "messages": messages, "values": values, "other": other, "missing": missing_document(store)}
    )


@router.get("/fields/{name:path}/statistics", response_model=StatisticsShape)
async def statistics(store: TheStore, asked: TheAsked, name: str) -> Response:
    """Return what a field holds: how many values, how many different ones, and the figures of numbers."""
    found = await store.statistics(asked.node, asked.span, name)
    return json_response({"field": name} | found._asdict() | {"missing": missing_document(store)})


@router.get("/fields/{name:path}/suggest", response_model=SuggestShape)
async def suggest(
    store: TheStore,
    name: str,
    prefix: Annotated[str, Query(description="What is typed so far; its case does not matter.", max_length=200)] = "",
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> Response:
    """Return the most frequent values of a field that begin with a text, for completion."""
    found = await store.suggest(name, prefix, limit)
    return json_response({"field": name, "values": [each._asdict() for each in found]})


@router.get("/histogram", response_model=HistogramShape)
async def histogram(
    store: TheStore,
    asked: TheAsked,
    interval: Annotated[
        str, Query(description="Length of a bucket (30s, 5m, 1h); auto chooses one.", max_length=30)
    ] = "auto",
    buckets: Annotated[int, Query(ge=1, le=1000, description="Most buckets, for auto.")] = 120,
    split: Annotated[str | None, Query(description="A field whose values are counted apart, such as level.")] = None,
    limit: Annotated[int, Query(ge=1, le=50, description="Most values that are counted apart.")] = 8,
) -> Response:
    """Count messages over time, for each value of a field if wanted."""
    span = await _extent(store, asked)
    if span is None:
        return json_response(
            {
                "seconds": 1.0,
                "messages": 0,
                "buckets": [],
                "split": split,
                "series": [],
                "missing": missing_document(store),
            }
        )
    start, end = span
    seconds = _interval(interval, end - start, buckets)
    first = math.floor(start / seconds)
    number = math.ceil(end / seconds) - first
    if number > _MOST_BUCKETS:
        raise ApiError(400, f"interval={interval}: more than {_MOST_BUCKETS} buckets")
    time = TimeGroup(seconds=seconds)
    counts = [0] * number
    for row in await store.aggregate(asked.node, asked.span, [time]):
        _count(counts, row.keys[0], seconds, first, row.messages)
    series: dict[object, list[int]] = {}
    if split:
        for row in await store.aggregate(asked.node, asked.span, [ValuesGroup(split, limit), time]):
            _count(series.setdefault(row.keys[0], [0] * number), row.keys[1], seconds, first, row.messages)
    return json_response(
        {
            "seconds": seconds,
            "messages": sum(counts),
            "buckets": [
                {"start": round((first + index) * seconds, 6), "messages": count} for index, count in enumerate(counts)
            ],
            "split": split,
            "series": [{"value": value, "messages": sum(found), "counts": found} for value, found in series.items()],
            "missing": missing_document(store),
        }
    )


def _count(counts: list[int], start: object, seconds: float, first: int, messages: int) -> None:
    """Add messages to the bucket that begins at a time."""
    if isinstance(start, (int, float)):
        index = round(start / seconds) - first
        if 0 <= index < len(counts):
            counts[index] += messages


async def _extent(store: Store, asked: Asked) -> tuple[float, float] | None:
    """Return from when to when messages are counted: the span, its open ends closed by what matches; None for none."""
    start, end = asked.span

    async def outermost(*, last: bool) -> float | None:
        """The first or last one alone is found a hundred times as fast as the statistics of all."""
        hits = await store.search(asked.node, asked.span, limit=1, sort=Sort("timestamp", last))
        return hits.messages[0].timestamp if hits.messages else None

    if start is None:
        start = await outermost(last=False)
    if end is None and start is not None:
        latest = await outermost(last=True)
        end = None if latest is None else latest + 0.001
    return None if start is None or end is None or start >= end else (start, end)


def _interval(text: str, length: float, buckets: int) -> float:
    """Choose or read the length of a bucket, seconds."""
    if text != "auto":
        seconds = duration_of(text, "interval")
        if not seconds:
            raise ApiError(400, f"interval={text!r}: expected auto, or a duration of more than 0 such as 5m")
        return seconds
    for seconds in _INTERVALS:
        if length / seconds < buckets:
            return seconds
    return math.ceil(length / buckets / _INTERVALS[-1]) * _INTERVALS[-1]
