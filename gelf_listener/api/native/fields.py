"""Fields: what is stored, top values, statistics, and messages over time."""

from __future__ import annotations

import itertools
import math
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from gelf_listener.api.context import TheStore
from gelf_listener.api.errors import ApiError
from gelf_listener.api.native.buckets import MOST_BUCKETS, edges_of, extent, interval_of
from gelf_listener.api.native.encoding import json_response, missing_document
from gelf_listener.api.native.parameters import TheAsked
from gelf_listener.api.native.shapes.fields import (
    DistributionShape,
    FieldsShape,
    HistogramShape,
    StatisticsShape,
    SuggestShape,
    TopShape,
)
from gelf_listener.query.fields import FIRST_OF
from gelf_listener.store.parameters import Grouping, Metric, RangesGroup, TimeGroup, ValuesGroup

router = APIRouter(prefix="/api/gelf", tags=["fields"])

_PERCENTILES = (50.0, 95.0, 99.0)


@router.get("/fields", response_model=FieldsShape)
async def fields(store: TheStore) -> Response:
    """Return every field that is stored, and ``service`` where something names one, with the types it has had."""
    found = await store.fields()
    types = {field.name: list(field.types) for field in found}
    for name, names in FIRST_OF.items():
        if not types.keys().isdisjoint(names):
            types[name] = sorted({type for each in names for type in types.get(each, ())})
    return json_response({"fields": [{"name": name, "types": types[name]} for name in sorted(types)]})


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


@router.get("/fields/{name:path}/distribution", response_model=DistributionShape)
async def distribution(
    store: TheStore,
    asked: TheAsked,
    name: str,
    buckets: Annotated[int, Query(ge=2, le=100, description="About how many ranges.")] = 20,
) -> Response:
    """Count the numbers of a field by ranges of one length; what is far beyond the others is in the last one."""
    metrics = [Metric("min", name), Metric("max", name)] + [Metric("percentile", name, each) for each in _PERCENTILES]
    [row] = await store.aggregate(asked.node, asked.span, [], metrics)
    low, high, p50, p95, p99 = [each if isinstance(each, (int, float)) else None for each in row.values]
    found: list[dict[str, Any]] = []
    if low is not None and high is not None:
        edges = edges_of(low, high, high if p99 is None else p99, buckets)
        ranges: tuple[tuple[float | None, float | None], ...] = tuple(itertools.pairwise(edges))
        if high >= edges[-1]:
            ranges += ((edges[-1], None),)
        rows = await store.aggregate(asked.node, asked.span, [RangesGroup(name, ranges)])
        found = [
            {"from": start, "to": end, "messages": each.messages}
            for (start, end), each in zip(ranges, rows, strict=True)
        ]
    return json_response(
        {
            "field": name,
            "minimum": low,
            "maximum": high,
            "p50": p50,
            "p95": p95,
            "p99": p99,
            "buckets": found,
            "missing": missing_document(store),
        }
    )


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
    span = await extent(store, asked)
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
    seconds = interval_of(interval, end - start, buckets)
    first = math.floor(start / seconds)
    number = math.ceil(end / seconds) - first
    if number > MOST_BUCKETS:
        raise ApiError(400, f"interval={interval}: more than {MOST_BUCKETS} buckets")
    time = TimeGroup(seconds=seconds)
    series: dict[object, list[int]] = {}
    without = [0] * number
    if split:
        groups: list[Grouping] = [ValuesGroup(split, limit, missing=True), time]
        for row in await store.aggregate(asked.node, asked.span, groups):
            counts = without if row.keys[0] is None else series.setdefault(row.keys[0], [0] * number)
            _count(counts, row.keys[1], seconds, first, row.messages)
    parts = [sum(found) for found in zip(without, *series.values(), strict=True)]
    counts = [0] * number
    if split and len(series) < limit:
        counts = parts  # one look: messages that come before a second one would be told as without the field
    else:
        for row in await store.aggregate(asked.node, asked.span, [time]):
            _count(counts, row.keys[0], seconds, first, row.messages)
        counts = [max(count, part) for count, part in zip(counts, parts, strict=True)]
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
