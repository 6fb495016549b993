"""Aggregate: ``/api/gelf/aggregate``, figures of groups of messages."""

from __future__ import annotations

import math
from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from gelf_listener.api.context import TheStore
from gelf_listener.api.errors import ApiError
from gelf_listener.api.native.buckets import extent, interval_of
from gelf_listener.api.native.empty_results import why_nothing
from gelf_listener.api.native.encoding import json_response, missing_document
from gelf_listener.api.native.parameters import TheAsked
from gelf_listener.api.native.shapes.fields import AggregateShape
from gelf_listener.store.parameters import Grouping, Metric, Order, TimeGroup, ValuesGroup
from gelf_listener.store.written import parse_metric

router = APIRouter(prefix="/api/gelf", tags=["fields"])

_MOST_BY, _MOST_METRICS, _MOST_GROUPS = 2, 8, 50_000
_TIME = "time"


@router.get("/aggregate", response_model=AggregateShape)
async def aggregate(
    store: TheStore,
    asked: TheAsked,
    by: Annotated[
        str, Query(description="At most two of: a field, or time; separated by commas.", max_length=1000)
    ] = "",
    metric: Annotated[
        str,
        Query(description="count, or p95, avg, sum, ... with :field; separated by commas.", max_length=2000),
    ] = "count",
    interval: Annotated[
        str, Query(description="Length of a stretch of time (30s, 5m, 1h); auto chooses one.", max_length=30)
    ] = "auto",
    buckets: Annotated[int, Query(ge=1, le=1000, description="Most stretches of time, for auto.")] = 120,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most values of a field.")] = 10,
) -> Response:
    """Group messages by fields or time, and compute figures of each group."""
    names, metrics = _names(by), _names(metric)
    if len(names) > _MOST_BY or names.count(_TIME) > 1:
        raise ApiError(400, f"by={by[:100]!r}: expected at most {_MOST_BY} fields, or time and a field")
    if not 0 < len(metrics) <= _MOST_METRICS:
        raise ApiError(400, f"metric={metric[:100]!r}: expected 1 to {_MOST_METRICS} metrics")
    figures = [_metric(each) for each in metrics]
    span = await extent(store, asked) if _TIME in names else None
    seconds = _seconds(span, interval, buckets, limit) if _TIME in names else None
    if _TIME not in names and limit ** len(names) > _MOST_GROUPS:
        raise ApiError(400, f"limit={limit}: more than {_MOST_GROUPS} groups")
    order = (Order(None if figures[0].field is None else 0),)
    groups: list[Grouping] = [
        ValuesGroup(name, limit, order=order) if seconds is None or name != _TIME else TimeGroup(seconds=seconds)
        for name in names
    ]
    rows = await store.aggregate(asked.node, asked.span, groups, figures)
    total = await store.count(asked.node, asked.span)
    document = {
        "by": names,
        "metrics": metrics,
        "seconds": seconds,
        "start": None if span is None else span[0],
        "end": None if span is None else span[1],
        "messages": total,
        "groups": [{"keys": row.keys, "messages": row.messages, "values": row.values} for row in rows],
        "nothing": None if total else await why_nothing(store, asked.node, asked.span),
        "missing": missing_document(store),
    }
    return json_response(document)


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _seconds(span: tuple[float, float] | None, interval: str, buckets: int, limit: int) -> float:
    """Choose or read how long a stretch of time is."""
    length = 0.0 if span is None else span[1] - span[0]
    seconds = interval_of(interval, length, buckets)
    if math.ceil(length / seconds) * limit > _MOST_GROUPS:
        raise ApiError(400, f"interval={interval}: more than {_MOST_GROUPS} groups with limit={limit}")
    return seconds


def _metric(text: str) -> Metric:
    """
    Read a metric; see `parse_metric`.

    Raises:
        ApiError: If it is none.
    """
    try:
        return parse_metric(text)
    except ValueError as error:
        raise ApiError(400, str(error)) from None
