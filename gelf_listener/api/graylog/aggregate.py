"""``/search/aggregate``: figures of groups of messages, for programs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import ConfigDict, Field, model_validator
from starlette.responses import Response

from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.bodies import Body, Whole
from gelf_listener.api.graylog.figures import EMPTY, Figure, figure, figures_of, key_text, most_frequent
from gelf_listener.api.graylog.index_types import IndexType, index_types
from gelf_listener.api.graylog.intervals import automatic, time_group, timeunit
from gelf_listener.api.graylog.ranges import body_span, effective, written_span
from gelf_listener.api.graylog.rows import rows_response, scripting
from gelf_listener.api.graylog.search_messages import DAY
from gelf_listener.api.graylog.search_parameters import Asking, Direction, TheAsking, names, node_for
from gelf_listener.api.graylog.tables import AS_TABLE
from gelf_listener.api.graylog.titles import Column
from gelf_listener.api.graylog.violations import check, not_blank, not_empty
from gelf_listener.query.nodes import Node
from gelf_listener.store import Store
from gelf_listener.store.parameters import Grouping, Order, Span

router = APIRouter(prefix="/api/search", tags=["Search"])

_MOST_GROUPS = 8
_MOST_METRICS = 50
_MOST_VALUES = 10_000
_USUAL_VALUES = 15


class GroupRequest(Body):
    """By what messages are grouped: the values of a field, or stretches of time."""

    model_config = ConfigDict(extra="forbid")

    field: str | None = Field(None, max_length=1000)
    limit: Whole | None = Field(None, description="0 and less mean 15; at most 10 000 are given.")
    timeunit: str | None = Field(None, description="1h, 5m, 1d, ...", max_length=20)
    scaling: float | None = Field(None, gt=0, le=100, description="Of automatic stretches, more are longer.")

    @model_validator(mode="after")
    def _only_one(self) -> GroupRequest:
        if sum(each is not None for each in (self.limit, self.timeunit, self.scaling)) > 1:
            raise ValueError("Only one attribute out of 'limit', 'timeunit' or 'scaling' can be specified")
        return self


class MetricConfiguration(Body):
    """Which percentile, or of what a percentage."""

    percentile: float | None = None
    strategy: Literal["COUNT", "SUM"] | None = None


class MetricRequest(Body):
    """A figure of each group."""

    model_config = ConfigDict(extra="forbid")

    function: str = Field("", max_length=100)
    field: str | None = Field(None, max_length=1000)
    sort: Direction = None
    configuration: MetricConfiguration | None = None


class AggregateRequest(Body):
    """Which figures of which groups of which messages."""

    model_config = ConfigDict(extra="forbid")

    query: str | None = "*"
    streams: list[str] | None = Field(None, max_length=500)
    stream_categories: list[str] | None = Field(None, description="Accepted; there are no categories.")
    timerange: dict[str, Any] | None = None
    group_by: list[GroupRequest] | None = Field(None, max_length=_MOST_GROUPS)
    metrics: list[MetricRequest] | None = Field(None, max_length=_MOST_METRICS)


@router.post("/aggregate", responses=AS_TABLE)
async def post_aggregate(asking: TheAsking, body: AggregateRequest) -> Response:
    """Return figures of groups; JSON, CSV or a table by the header Accept."""
    now = time.time()
    return await _aggregate(asking, body, body_span(DAY if body.timerange is None else body.timerange, now), now)


@router.get("/aggregate", responses=AS_TABLE)
async def get_aggregate(
    asking: TheAsking,
    groups: Annotated[str, Query(description="Fields, separated by commas.")] = "",
    metrics: Annotated[str, Query(description="function:field, separated by commas.")] = "count:",
    query: str = "*",
    stream_ids: Annotated[str, Query(alias="streams")] = "",
    stream_categories: Annotated[str, Query(description="Accepted; there are no categories.")] = "",  # noqa: ARG001
    timerange: Annotated[str, Query(description="5m, 1d, or words such as yesterday.", max_length=500)] = "",
    size: Annotated[int, Query(description="Groups of each field.")] = _USUAL_VALUES,
) -> Response:
    """Return figures of groups; JSON, CSV or a table by the header Accept."""
    fields, figures = names(groups), names(metrics)
    if len(fields) > _MOST_GROUPS or len(figures) > _MOST_METRICS:
        raise ApiError(400, f"expected at most {_MOST_GROUPS} groups and {_MOST_METRICS} metrics")
    if any(figure.partition(":")[0].lower() == "percentile" for figure in figures):
        raise ApiError(
            400, "Percentile metric cannot be used in simplified query format; use POST, with a configuration"
        )
    body = AggregateRequest(
        query=query,
        streams=names(stream_ids),
        group_by=[GroupRequest(field=field[:1000], limit=size) for field in fields],
        metrics=[_written_metric(figure) for figure in figures],
    )
    now = time.time()
    return await _aggregate(asking, body, written_span(timerange, now), now)


def _written_metric(text: str) -> MetricRequest:
    function, _, field = text[:1000].partition(":")
    return MetricRequest(function=function[:100], field=field or None)


async def _aggregate(asking: Asking, body: AggregateRequest, span: Span, now: float) -> Response:
    request, service, store, streams = asking
    by, asked = body.group_by or [], body.metrics or []
    path = "ScriptingApiResource.executeQuery.arg0"
    check(
        not_empty(f"{path}.groupings", body.group_by),
        not_empty(f"{path}.metrics", body.metrics),
        *(not_blank(f"{path}.groupings[{index}].fieldName", each.field) for index, each in enumerate(by)),
    )
    columns = [Column(service, each.field or "") for each in by]
    with scripting():
        node = node_for(streams, body.query or "*", streams.existing(body.streams))
        types = await index_types(
            store, [each.field for each in columns] + [each.field for each in asked if each.field]
        )
        figures = [_figure(each, types) for each in asked]
        order = tuple(Order(number, each.sort == "desc") for number, each in enumerate(asked) if each.sort)
        groups = [
            await _group(store, node, span, each, column.field, types, order or (Order(),))
            for each, column in zip(by, columns, strict=True)
        ]
        found = await figures_of(store, streams, node, span, groups, figures)

    def build() -> Response:
        rows = [[*_keys(row.keys, groups, columns, types), *map(_dash, row.values)] for row in found]
        return rows_response(request, _schema(columns, figures), rows, effective(span, now))

    return await asyncio.to_thread(build)  # ten thousands of rows would keep the inputs waiting


def _figure(asked: MetricRequest, types: Mapping[str, IndexType]) -> Figure:
    configuration = asked.configuration or MetricConfiguration(percentile=None, strategy=None)
    if asked.function.lower() == "percentile" and configuration.percentile is None:
        raise ApiError(400, 'the metric percentile needs "configuration": {"percentile": 95}')
    percentile = 50.0 if configuration.percentile is None else configuration.percentile
    if not 0 <= percentile <= 100:
        raise ApiError(400, f"Failed to obtain results. percent must be in [0,100], got [{percentile}].")
    return figure(asked.function, asked.field, types, percentile, of_sums=configuration.strategy == "SUM")


async def _group(
    store: Store,
    node: Node,
    span: Span,
    asked: GroupRequest,
    field: str,
    types: Mapping[str, IndexType],
    order: tuple[Order, ...],
) -> Grouping:
    type = types.get(field)
    if asked.timeunit is not None:
        return time_group(field, timeunit(asked.timeunit), type)
    if asked.scaling is not None or type == "date":
        return time_group(field, await automatic(store, node, span, asked.scaling or 1.0), type)
    limit = min(asked.limit, _MOST_VALUES) if asked.limit is not None and asked.limit > 0 else _USUAL_VALUES
    return most_frequent(field, type, limit, order)


def _keys(
    keys: Sequence[Any], groups: Sequence[Grouping], columns: Sequence[Column], types: Mapping[str, IndexType]
) -> list[Any]:
    texts = [key_text(key, group, types.get(group.field)) for key, group in zip(keys, groups, strict=True)]
    return [text if text == EMPTY else column.shown(text) for text, column in zip(texts, columns, strict=True)]


def _dash(value: Any) -> Any:
    return "-" if value is None else value


def _schema(columns: Sequence[Column], figures: Sequence[Figure]) -> list[dict[str, Any]]:
    schema: list[dict[str, Any]] = [
        {"column_type": "grouping", "type": "string", "field": column.name, "name": f"grouping: {column.name}"}
        for column in columns
    ]
    for each in figures:
        column = {
            "column_type": "metric",
            "type": "string" if each.function == "latest" else "numeric",
            "function": each.function,
        }
        if each.field is not None:
            column["field"] = each.field
        schema.append(column | {"name": f"metric: {each.function}({each.field or ''})"})
    return schema
