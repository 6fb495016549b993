"""``/search/aggregate``: figures of groups of messages, for programs."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, get_args

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from gelf_listener.api.context import TheService, TheStore
from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.intervals import automatic, timeunit
from gelf_listener.api.graylog.message_encoding import iso
from gelf_listener.api.graylog.ranges import bounds, effective, span_of, written_span
from gelf_listener.api.graylog.rows import column_type, rows_response
from gelf_listener.api.graylog.search_messages import DAY, Order
from gelf_listener.api.graylog.search_parameters import TheStreams, names, node_for
from gelf_listener.api.graylog.streams import Streams
from gelf_listener.api.graylog.tables import AS_TABLE
from gelf_listener.api.graylog.titles import Column
from gelf_listener.errors import QueryError
from gelf_listener.query.fields import is_time_field
from gelf_listener.store import Store
from gelf_listener.store.parameters import Function, Grouping, Metric, RangesGroup, Span, TimeGroup, ValuesGroup

if TYPE_CHECKING:
    from gelf_listener.api.contract import Listener

__all__ = ["function_of", "router"]

router = APIRouter(prefix="/api/search", tags=["Search"])

_FUNCTIONS = get_args(Function)
_MOST_GROUPS = 5
_MOST_METRICS = 20
_MOST_VALUES = 10_000


class RangeRequest(BaseModel):
    """Numbers from one up to, but not including, another."""

    from_: float | None = Field(None, alias="from", allow_inf_nan=False)
    to: float | None = Field(None, allow_inf_nan=False)


class GroupRequest(BaseModel):
    """By what messages are grouped: the values of a field, stretches of time, or ranges of numbers."""

    field: str = Field(min_length=1, max_length=1000)
    limit: int | None = Field(None, ge=1, le=_MOST_VALUES)
    timeunit: str | None = Field(None, description="1h, 5m, 1d, ...", max_length=20)
    scaling: float | None = Field(None, gt=0, le=100, description="How many stretches, against what is usual.")
    ranges: list[RangeRequest] | None = Field(None, min_length=1, max_length=100)


class MetricConfiguration(BaseModel):
    """Which percentile."""

    percentile: float | None = Field(None, ge=0, le=100)


class MetricRequest(BaseModel):
    """A figure of each group."""

    function: str = Field(max_length=100)
    field: str | None = Field(None, max_length=1000)
    sort: Order | None = None
    configuration: MetricConfiguration | None = None


class AggregateRequest(BaseModel):
    """Which figures of which groups of which messages."""

    query: str | None = "*"
    streams: list[str] | None = Field(None, max_length=500)
    stream_categories: list[str] | None = Field(None, description="Accepted; there are no categories.")
    timerange: dict[str, Any] | None = None
    group_by: list[GroupRequest] = Field(min_length=1, max_length=_MOST_GROUPS)
    metrics: list[MetricRequest] = Field(min_length=1, max_length=_MOST_METRICS)


@router.post("/aggregate", responses=AS_TABLE)
async def post_aggregate(
    request: Request, service: TheService, store: TheStore, streams: TheStreams, body: AggregateRequest
) -> Response:
    """Return figures of groups; JSON, CSV or a table by the header Accept."""
    now = time.time()
    return await _aggregate(request, service, store, streams, body, span_of(body.timerange or DAY, now), now)


@router.get("/aggregate", responses=AS_TABLE)
async def get_aggregate(
    request: Request,
    service: TheService,
    store: TheStore,
    streams: TheStreams,
    groups: Annotated[str, Query(description="Fields, separated by commas.", min_length=1)],
    metrics: Annotated[str, Query(description="function:field, separated by commas.")] = "count:",
    query: str = "*",
    stream_ids: Annotated[str, Query(alias="streams")] = "",
    stream_categories: Annotated[str, Query(description="Accepted; there are no categories.")] = "",  # noqa: ARG001
    timerange: Annotated[str, Query(description="5m, 1d, or words such as yesterday.", max_length=500)] = "",
    size: Annotated[int, Query(ge=1, le=_MOST_VALUES, description="Groups of each field.")] = 15,
) -> Response:
    """Return figures of groups; JSON, CSV or a table by the header Accept."""
    fields, figures = names(groups), names(metrics)
    if not 0 < len(fields) <= _MOST_GROUPS or not 0 < len(figures) <= _MOST_METRICS:
        raise ApiError(400, f"expected 1 to {_MOST_GROUPS} groups and 1 to {_MOST_METRICS} metrics")
    if any(figure.partition(":")[0] == "percentile" for figure in figures):
        raise ApiError(400, "The percentile is not named in a GET request; use POST")
    body = AggregateRequest(
        query=query,
        streams=names(stream_ids),
        group_by=[GroupRequest(field=field[:1000], limit=size) for field in fields],
        metrics=[_written_metric(figure) for figure in figures],
    )
    now = time.time()
    return await _aggregate(request, service, store, streams, body, written_span(timerange, now), now)


def _written_metric(text: str) -> MetricRequest:
    function, _, field = text[:1000].partition(":")
    return MetricRequest(function=function[:100], field=field or None)


async def _aggregate(
    request: Request,
    service: Listener,
    store: Store,
    streams: Streams,
    body: AggregateRequest,
    span: Span,
    now: float,
) -> Response:
    node = node_for(streams, body.query or "*", body.streams or ())
    columns = [Column(service, group.field) for group in body.group_by]
    figures = [_figure(each) for each in body.metrics]
    order = next(((index, each.sort) for index, each in enumerate(body.metrics) if each.sort), None)
    start, end = await bounds(store, node, span) if any(each.scaling for each in body.group_by) else (0.0, 0.0)
    groups = [
        _group(each, column.field, start, end, order) for each, column in zip(body.group_by, columns, strict=True)
    ]
    try:
        found = await store.aggregate(node, span, groups, figures)
    except QueryError as error:
        raise ApiError(400, f"Failed to obtain results. {error.detail}") from None
    types = {field.name: column_type(field.types) for field in await store.fields()}
    rows = [
        [
            *(column.shown(_key(key, group)) for key, column, group in zip(row.keys, columns, groups, strict=True)),
            *(_value(value, metric) for value, metric in zip(row.values, figures, strict=True)),
        ]
        for row in found
    ]
    return rows_response(request, _schema(columns, body.metrics, figures, types), rows, effective(span, now))


def function_of(name: str) -> Function:
    """Return the function with a name; ``count`` for one that does not exist, as in Graylog."""
    found: Function = next((each for each in _FUNCTIONS if each == name.lower()), "count")
    return found


def _figure(asked: MetricRequest) -> Metric:
    function = function_of(asked.function)
    if asked.field is None and function not in ("count", "percentage"):
        raise ApiError(400, f"the metric {function} needs a field")
    percentile = None if asked.configuration is None else asked.configuration.percentile
    if function == "percentile" and percentile is None:
        raise ApiError(400, 'the metric percentile needs "configuration": {"percentile": 95}')
    return Metric(function, asked.field or None, 50.0 if percentile is None else percentile)


def _group(asked: GroupRequest, field: str, start: float, end: float, order: tuple[int, str | None] | None) -> Grouping:
    chosen = [name for name in ("limit", "timeunit", "scaling", "ranges") if getattr(asked, name) is not None]
    if len(chosen) > 1:
        raise ApiError(400, f"a group has one of limit, timeunit, scaling and ranges, not {' and '.join(chosen)}")
    if asked.timeunit is not None:
        return timeunit(field, asked.timeunit)
    if asked.scaling is not None:
        return automatic(field, start, end, asked.scaling)
    if asked.ranges is not None:
        return RangesGroup(field, tuple((each.from_, each.to) for each in asked.ranges))
    by, direction = order or (None, "desc")
    descending = (direction or "desc").lower().startswith("desc")
    return ValuesGroup(field, asked.limit or 15, missing=True, sort_by=by, descending=descending)


def _key(key: Any, group: Grouping) -> Any:
    if key is None:
        return "(Empty Value)"
    if isinstance(key, tuple):
        return "-".join("*" if end is None else str(float(end)) for end in key)
    if isinstance(group, TimeGroup) or (is_time_field(group.field) and isinstance(key, (int, float))):
        return iso(float(key))
    return key


def _value(value: Any, metric: Metric) -> Any:
    if value is None:
        return "-"
    timed = (
        metric.field is not None and is_time_field(metric.field) and metric.function in ("latest", "max", "min", "avg")
    )
    return iso(float(value)) if timed and isinstance(value, (int, float)) else value


def _schema(
    columns: Sequence[Column], asked: Sequence[MetricRequest], figures: Sequence[Metric], types: Mapping[str, str]
) -> list[dict[str, Any]]:
    schema: list[dict[str, Any]] = [
        {
            "column_type": "grouping",
            "type": column.type(types.get(column.field, "unknown")),
            "field": column.name,
            "name": f"grouping: {column.name}",
        }
        for column in columns
    ]
    for each, metric in zip(asked, figures, strict=True):
        field = each.field or ""
        inner = f"{field},{metric.percentile}" if metric.function == "percentile" else field
        schema.append(
            {
                "column_type": "metric",
                "type": types.get(field, "unknown") if metric.function == "latest" else "numeric",
                "function": metric.function,
                "field": field,
                "name": f"metric: {metric.function}({inner})",
            }
        )
    return schema
