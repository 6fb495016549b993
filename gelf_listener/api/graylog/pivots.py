"""Pivots: rows, columns and figures, as the widgets of Graylog's dashboards ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.aggregate import function_of
from gelf_listener.api.graylog.intervals import interval_of
from gelf_listener.api.graylog.message_encoding import iso
from gelf_listener.api.graylog.ranges import bounds
from gelf_listener.query.fields import is_time_field
from gelf_listener.query.nodes import Node
from gelf_listener.store import Store
from gelf_listener.store.answers import Row
from gelf_listener.store.parameters import Grouping, Metric, RangesGroup, Span, TimeGroup, ValuesGroup

__all__ = ["pivot"]

_MOST_GROUPS = 6
_MOST_SERIES = 20
_MOST_VALUES = 10_000
_EMPTY = "(Empty Value)"


class _Series(NamedTuple):
    """A figure and what the request calls it."""

    id: str
    metric: Metric


async def pivot(store: Store, node: Node, span: Span, asked: Mapping[str, Any]) -> dict[str, Any]:
    """
    Compute a pivot.

    Args:
        store: What is searched.
        node: Which messages.
        span: When.
        asked: The search type as it stands in the request.

    Returns:
        Its rows and the number of messages.

    Raises:
        ApiError: If it cannot be understood.
        QueryError: If a figure does not fit its field.
    """
    series = [_series(each) for each in _objects(asked, "series", _MOST_SERIES)]
    start, end = await bounds(store, node, span)
    zone = str(asked.get("timezone") or "UTC")
    metrics = [each.metric for each in series]
    order = _order(asked, series)
    rows_by = _groups(asked, "row_groups", start, end, zone, order)
    columns_by = _groups(asked, "column_groups", start, end, zone, order)
    total = await store.count(node, span)
    rollup = asked.get("rollup", True) is not False
    leaves = await store.aggregate(node, span, rows_by, metrics) if rows_by else []
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in leaves:
        values = _values(row, series, (), rollup=True, source="row-leaf") if rollup or not columns_by else []
        found[_keys(row.keys, rows_by)] = values
    if columns_by:
        for row in await store.aggregate(node, span, [*rows_by, *columns_by], metrics):
            row_key = _keys(row.keys[: len(rows_by)], rows_by)
            column_key = _keys(row.keys[len(rows_by) :], columns_by)
            found.setdefault(row_key, []).extend(_values(row, series, column_key, rollup=False, source="col-leaf"))
    rows = [{"key": list(key), "values": values, "source": "leaf"} for key, values in found.items() if key]
    if rollup or not rows_by:
        whole = [
            value
            for row in await store.aggregate(node, span, (), metrics)
            for value in _values(row, series, (), rollup=True, source="row-inner" if rows_by else "row-leaf")
        ]
        rows.append({"key": [], "values": [*whole, *found.get((), [])], "source": "non-leaf" if rows_by else "leaf"})
    return {"rows": rows, "total": total}


def _objects(asked: Mapping[str, Any], name: str, most: int) -> list[Mapping[str, Any]]:
    found = asked.get(name) or []
    if not isinstance(found, list) or len(found) > most or not all(isinstance(each, dict) for each in found):
        raise ApiError(400, f"{name} of a pivot is a list of at most {most} objects")
    return found


def _series(asked: Mapping[str, Any]) -> _Series:
    function = function_of(str(asked.get("type", "count")))
    field = asked.get("field")
    field = str(field) if field else None
    percentile = asked.get("percentile", 50.0)
    if isinstance(percentile, bool) or not isinstance(percentile, (int, float)) or not 0 <= percentile <= 100:
        raise ApiError(400, "percentile of a series is a number from 0 to 100")
    if field is None and function not in ("count", "percentage"):
        raise ApiError(400, f"the series {function} needs a field")
    inner = f"{field},{float(percentile)}" if function == "percentile" else field or ""
    return _Series(str(asked.get("id") or f"{function}({inner})"), Metric(function, field, float(percentile)))


def _order(asked: Mapping[str, Any], series: Sequence[_Series]) -> tuple[int | None, bool]:
    """Return by which series values are sorted, and whether descending; by number of messages otherwise."""
    for sort in _objects(asked, "sort", _MOST_SERIES):
        for index, each in enumerate(series):
            if sort.get("type") == "series" and sort.get("field") == each.id:
                return index, not str(sort.get("direction", "Descending")).lower().startswith("asc")
    return None, True


def _groups(
    asked: Mapping[str, Any], name: str, start: float, end: float, zone: str, order: tuple[int | None, bool]
) -> list[Grouping]:
    groups: list[Grouping] = []
    for group in _objects(asked, name, _MOST_GROUPS):
        fields = [str(each) for each in group.get("fields") or [group.get("field")] if each]
        if not fields or len(fields) + len(groups) > _MOST_GROUPS:
            raise ApiError(400, f"{name} of a pivot name 1 to {_MOST_GROUPS} fields")
        groups += [_group(group, field, start, end, zone, order) for field in fields]
    return groups


def _group(
    asked: Mapping[str, Any], field: str, start: float, end: float, zone: str, order: tuple[int | None, bool]
) -> Grouping:
    kind = asked.get("type", "values")
    if kind == "time":
        interval = asked.get("interval")
        return interval_of(field, interval if isinstance(interval, dict) else {}, start, end, zone)
    if kind == "range":
        return RangesGroup(field, tuple(_range(each) for each in _objects(asked, "ranges", 100)))
    if kind != "values":
        raise ApiError(400, f"a group's type is {str(kind)[:50]!r}; expected values, time or range")
    limit = asked.get("limit") or 15
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= _MOST_VALUES:
        raise ApiError(400, f"limit of a group is a number from 1 to {_MOST_VALUES}")
    skip = asked.get("skip_empty_values") is True
    return ValuesGroup(field, limit, missing=not skip, sort_by=order[0], descending=order[1])


def _range(asked: Mapping[str, Any]) -> tuple[float | None, float | None]:
    ends = asked.get("from"), asked.get("to")
    if any(isinstance(end, bool) or not isinstance(end, (int, float, type(None))) for end in ends):
        raise ApiError(400, "from and to of a range are numbers")
    low, high = (None if end is None else float(end) for end in ends)
    return low, high


def _keys(keys: Sequence[Any], groups: Sequence[Grouping]) -> tuple[str, ...]:
    return tuple(_key(key, group) for key, group in zip(keys, groups, strict=True))


def _key(key: Any, group: Grouping) -> str:
    if key is None:
        return _EMPTY
    if isinstance(key, tuple):
        return "-".join("*" if end is None else str(float(end)) for end in key)
    if isinstance(group, TimeGroup) or (is_time_field(group.field) and not isinstance(key, (str, bool))):
        return iso(float(key))
    return str(key).lower() if isinstance(key, bool) else str(key)


def _values(
    row: Row, series: Sequence[_Series], column: tuple[str, ...], *, rollup: bool, source: str
) -> list[dict[str, Any]]:
    return [
        {"key": [*column, each.id], "value": value, "rollup": rollup, "source": source}
        for each, value in zip(series, row.values, strict=True)
        if value is not None
    ]
