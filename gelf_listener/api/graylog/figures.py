"""
Figures: groups and metrics of Graylog's aggregations, asked of a store and written as OpenSearch's answers.

What the scripting API (`aggregate`) and the widgets of dashboards (`pivots`) have in common.

Source: answers recorded from Graylog 7.0.1 (``tests/vectors/graylog/aggregate.json``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, get_args

from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.index_types import IndexType, folds, is_number, reading_of
from gelf_listener.api.graylog.streams import Streams, all_of
from gelf_listener.message import FieldValue
from gelf_listener.query.fields import known_field, plain_name
from gelf_listener.query.nodes import Node
from gelf_listener.rendering.graylog_times import index_time, iso
from gelf_listener.store import Store
from gelf_listener.store.answers import GroupKey
from gelf_listener.store.grouping import rank_of
from gelf_listener.store.parameters import Function, Grouping, Metric, Order, Span, TimeGroup, ValuesGroup
from gelf_listener.store.readings import single

EMPTY = "(Empty Value)"
"""The key of messages without the field."""

FUNCTIONS = (*get_args(Function), "percentage")

_NOTHING: Mapping[str, Any] = {
    "avg": "Infinity",
    "min": "Infinity",
    "max": "-Infinity",
    "percentile": "NaN",
    "latest": None,
}
"""What a function gives where there is nothing to compute it of, as JSON has it; 0.0 for all others."""

_MOST_AROUND = 10_000
"""Groups around the streams that are looked for in each stream; those that are shown are the first in all of them."""

_UNGROUPED = ("avg", "max", "min", "percentile", "stddev", "sum", "sumofsquares", "variance")


class Figure(NamedTuple):
    """
    A metric as it is asked for.

    Attributes:
        function: Its name; one of `FUNCTIONS`.
        field: As it is asked for; None for messages.
        metric: What the store is asked.
        dated: Whether the field holds times, whose figures are milliseconds.
    """

    function: str
    field: str | None
    metric: Metric
    dated: bool


class FigureRow(NamedTuple):
    """A group: its keys and figures, as they are written."""

    keys: tuple[GroupKey, ...]
    messages: int
    values: tuple[Any, ...]


def figure(
    function: str,
    field: str | None,
    types: Mapping[str, IndexType],
    percentile: float = 50.0,
    *,
    of_sums: bool = False,
) -> Figure:
    """
    Read a metric.

    Raises:
        ApiError: If there is none of that name, it lacks a field, or the field is none for it.
    """
    name = function.lower()
    if name not in FUNCTIONS:
        known = ", ".join(FUNCTIONS)
        raise ApiError(400, f"Unrecognized metric : {function[:100]}, valid metrics : [{known}]")
    if not field and name not in ("count", "percentage"):
        raise ApiError(
            400, f"{name} metric requires field name to be provided after a colon, i.e. {name}:http_status_code"
        )
    asked = name if name != "percentage" else "sum" if of_sums and field else "count"
    type = types.get(field or "")
    if field and ((type == "text" and name != "latest") or (asked in _UNGROUPED and not is_number(type))):
        raise ApiError(
            400, f"Failed to obtain results. Field [{field}] of type [{type}] is not supported for [{name}]."
        )
    chosen: Function = next(each for each in get_args(Function) if each == asked)
    reading = "stored" if not field else reading_of(field, type)
    meant = plain_name(field) if field else None
    return Figure(name, field or None, Metric(chosen, meant, percentile, reading), type == "date")


def most_frequent(field: str, type: IndexType | None, limit: int, order: tuple[Order, ...]) -> ValuesGroup:
    """
    Group by the values of a field.

    Raises:
        ApiError: If it is a text that is searched by words.
    """
    if type == "text":
        raise ApiError(
            400,
            f"Failed to obtain results. {field} is searched by words; messages cannot be grouped by it.",
        )
    known = known_field(field)
    missing = known is None or not known.always
    return ValuesGroup(plain_name(field), limit, missing=missing, order=order, fold=folds(field))


async def figures_of(
    store: Store, streams: Streams, node: Node, span: Span, groups: Sequence[Grouping], figures: Sequence[Figure]
) -> list[FigureRow]:
    """Ask a store; see `Store.aggregate`. One of the groups may be the streams, which no message has as a field."""
    at = next((at for at, group in enumerate(groups) if group.field == "streams"), -1)
    by = groups[at] if at >= 0 else None
    if not isinstance(by, ValuesGroup):
        return await _stored(store, node, span, groups, figures)
    around, within = groups[:at], groups[at + 1 :]
    wide = [each._replace(limit=_MOST_AROUND) if isinstance(each, ValuesGroup) else each for each in around]
    inside: dict[tuple[GroupKey, ...], list[tuple[tuple[Any, ...], list[FigureRow]]]] = {}
    for id in streams.ids():
        matching = all_of((node, streams.node(id)))
        rows: dict[tuple[GroupKey, ...], list[FigureRow]] = {}
        for row in await _stored(store, matching, span, (*wide, *within), figures) if within else ():
            rows.setdefault(row.keys[:at], []).append(row._replace(keys=(*row.keys[:at], id, *row.keys[at:])))
        for whole in await _stored(store, matching, span, wide, figures):
            if whole.messages:
                sizes = [whole.messages if each.metric is None else whole.values[each.metric] for each in by.order]
                own = rows.get(whole.keys, []) if within else [whole._replace(keys=(*whole.keys, id))]
                inside.setdefault(whole.keys, []).append((rank_of(sizes, id, by), own))
    found = []
    for outer in await _stored(store, node, span, around, figures) if around else [FigureRow((), 0, ())]:
        for _, own in sorted(inside.get(outer.keys, ()), key=itemgetter(0))[: by.limit]:
            found += own
    return found


async def _stored(
    store: Store, node: Node, span: Span, groups: Sequence[Grouping], figures: Sequence[Figure]
) -> list[FigureRow]:
    metrics = [each.metric for each in figures]
    rows = await store.aggregate(node, span, groups, metrics)
    shares = [each.metric for each in figures if each.function == "percentage"]
    wholes = iter((await store.aggregate(node, span, (), shares))[0].values if shares else ())
    whole = [_number(next(wholes)) if each.function == "percentage" else 0.0 for each in figures]
    return [
        FigureRow(
            row.keys, row.messages, tuple(_written(*each) for each in zip(row.values, figures, whole, strict=True))
        )
        for row in rows
    ]


def _number(value: FieldValue | None) -> float:
    return float(value) if isinstance(value, (int, float)) else 0.0


def _written(value: FieldValue | None, figure: Figure, whole: float) -> Any:
    if figure.function == "percentage":
        return int(_number(value)) / whole if whole else 0.0  # sums lose their decimals there
    if figure.function in ("count", "card", "latest"):
        return _latest(value, figure) if figure.function == "latest" else value or 0
    if value is None:
        return _NOTHING.get(figure.function, 0.0)
    number = _number(value)
    if figure.dated:
        number *= 1e6 if figure.function == "variance" else 1e3
        return float(round(number)) if figure.function in ("min", "max") else number
    return number if math.isfinite(number) else str(number)


def _latest(value: FieldValue | None, figure: Figure) -> Any:
    """Return a value as it is stored in the index; times that the listener keeps are written."""
    known = None if figure.field is None else known_field(figure.field)
    if known is not None and known.matching == "time" and isinstance(value, (int, float)):
        return index_time(float(value))
    return value


def key_text(key: GroupKey, group: Grouping, type: IndexType | None) -> str:
    """Return a group's key as OpenSearch writes it: always a text."""
    if key is None:
        return EMPTY
    if isinstance(key, tuple):
        return "-".join("*" if end is None else str(float(end)) for end in key)
    if isinstance(group, TimeGroup):
        return iso(float(key))
    if isinstance(key, bool):
        return "true" if key else "false"
    if type == "float" and isinstance(key, (int, float)):
        return str(single(key))
    return str(key)
