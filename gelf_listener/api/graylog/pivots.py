"""Pivots: rows, columns and figures, as the widgets of Graylog's dashboards ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.figures import Figure, FigureRow, figure, figures_of, key_text, most_frequent
from gelf_listener.api.graylog.index_types import IndexType, index_types
from gelf_listener.api.graylog.intervals import interval_of, time_group
from gelf_listener.api.graylog.streams import Streams
from gelf_listener.query.nodes import Node
from gelf_listener.store import Store
from gelf_listener.store.answers import GroupKey
from gelf_listener.store.parameters import Grouping, Order, RangesGroup, Span, ValuesGroup

__all__ = ["pivot"]

_MOST_GROUPS = 6
_MOST_SERIES = 20
_MOST_VALUES = 10_000
_USUAL_VALUES = 15


class _Series(NamedTuple):
    """A figure and what the request calls it."""

    id: str
    figure: Figure


class _Asked(NamedTuple):
    """What a pivot is asked of, and how."""

    store: Store
    streams: Streams
    node: Node
    span: Span
    types: Mapping[str, IndexType]
    series: Sequence[_Series]
    order: tuple[Order, ...]
    zone: str

    async def rows(self, groups: Sequence[Grouping]) -> list[FigureRow]:
        """Return all groups with their figures."""
        return await figures_of(
            self.store, self.streams, self.node, self.span, groups, [each.figure for each in self.series]
        )

    def keys(self, keys: Sequence[GroupKey], groups: Sequence[Grouping]) -> tuple[str, ...]:
        """Write the keys of a group."""
        return tuple(key_text(key, group, self.types.get(group.field)) for key, group in zip(keys, groups, strict=True))


async def pivot(store: Store, streams: Streams, node: Node, span: Span, asked: Mapping[str, Any]) -> dict[str, Any]:
    """
    Compute a pivot.

    Args:
        store: What is searched.
        streams: All of them.
        node: Which messages.
        span: When.
        asked: The search type as it stands in the request.

    Returns:
        Its rows, the names of its columns and the number of messages.

    Raises:
        ApiError: If it cannot be understood, or a figure does not fit its field.
    """
    series_asked = _objects(asked, "series", _MOST_SERIES)
    named = [str(each["field"]) for each in series_asked if each.get("field")]
    row_fields, column_fields = _fields(asked, "row_groups"), _fields(asked, "column_groups")
    types = await index_types(store, [*named, *(field for _, field in [*row_fields, *column_fields])])
    series = [_series(each, types) for each in series_asked]
    what = _Asked(store, streams, node, span, types, series, _order(asked, series), str(asked.get("timezone") or "UTC"))
    rows_by = [await _group(what, group, field) for group, field in row_fields]
    columns_by = [await _group(what, group, field) for group, field in column_fields]
    total = await store.count(node, span)
    rows = await _rows(what, rows_by, columns_by, rollup=asked.get("rollup", True) is not False)
    names = [*(field for _, field in row_fields), *(field for _, field in column_fields)]
    return {"rows": rows, "column_names": [*names, *sorted(each.id for each in series)], "total": total}


async def _rows(
    asked: _Asked, rows_by: Sequence[Grouping], columns_by: Sequence[Grouping], *, rollup: bool
) -> list[dict[str, Any]]:
    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in await asked.rows(rows_by) if rows_by else []:
        values = _values(row, asked.series, (), rollup=True, source="row-leaf") if rollup or not columns_by else []
        found[asked.keys(row.keys, rows_by)] = values
    if columns_by:
        for row in await asked.rows([*rows_by, *columns_by]):
            row_key = asked.keys(row.keys[: len(rows_by)], rows_by)
            column_key = asked.keys(row.keys[len(rows_by) :], columns_by)
            values = _values(row, asked.series, column_key, rollup=False, source="col-leaf")
            found.setdefault(row_key, []).extend(values)
    rows = [{"key": list(key), "values": values, "source": "leaf"} for key, values in found.items() if key]
    if rollup or not rows_by:
        whole = [
            value
            for row in await asked.rows(())
            for value in _values(row, asked.series, (), rollup=True, source="row-inner" if rows_by else "row-leaf")
        ]
        rows.append({"key": [], "values": [*whole, *found.get((), [])], "source": "non-leaf" if rows_by else "leaf"})
    return rows


def _objects(asked: Mapping[str, Any], name: str, most: int) -> list[Mapping[str, Any]]:
    found = asked.get(name) or []
    if not isinstance(found, list) or len(found) > most or not all(isinstance(each, dict) for each in found):
        raise ApiError(400, f"{name} of a pivot is a list of at most {most} objects")
    return found


def _series(asked: Mapping[str, Any], types: Mapping[str, IndexType]) -> _Series:
    function = str(asked.get("type", "count"))
    field = asked.get("field")
    field = str(field) if field else None
    percentile = asked.get("percentile", 50.0)
    if isinstance(percentile, bool) or not isinstance(percentile, (int, float)) or not 0 <= percentile <= 100:
        raise ApiError(400, "percentile of a series is a number from 0 to 100")
    of_sums = asked.get("strategy") == "SUM"
    inner = f"{field},{float(percentile)}" if function == "percentile" else field or ""
    id = str(asked.get("id") or f"{function}({inner})")
    return _Series(id, figure(function, field, types, float(percentile), of_sums=of_sums))


def _order(asked: Mapping[str, Any], series: Sequence[_Series]) -> tuple[Order, ...]:
    """Return by which series values are sorted; by number of messages otherwise."""
    found = []
    for sort in _objects(asked, "sort", _MOST_SERIES):
        for index, each in enumerate(series):
            if sort.get("type") == "series" and sort.get("field") == each.id:
                descending = not str(sort.get("direction", "Descending")).lower().startswith("asc")
                found.append(Order(index, descending))
    return tuple(found) or (Order(),)


def _fields(asked: Mapping[str, Any], name: str) -> list[tuple[Mapping[str, Any], str]]:
    """Return the groups of a pivot with each of their fields."""
    found: list[tuple[Mapping[str, Any], str]] = []
    for group in _objects(asked, name, _MOST_GROUPS):
        fields = [str(each) for each in group.get("fields") or [group.get("field")] if each]
        if not fields or len(fields) + len(found) > _MOST_GROUPS:
            raise ApiError(400, f"{name} of a pivot name 1 to {_MOST_GROUPS} fields")
        found += [(group, field) for field in fields]
    return found


async def _group(what: _Asked, asked: Mapping[str, Any], field: str) -> Grouping:
    kind = asked.get("type", "values")
    type = what.types.get(field)
    if kind == "time":
        interval = asked.get("interval")
        length = await interval_of(what.store, what.node, what.span, interval if isinstance(interval, dict) else {})
        return time_group(field, length, type, what.zone)
    if kind == "range":
        return RangesGroup(field, tuple(_range(each) for each in _objects(asked, "ranges", 100)))
    if kind != "values":
        raise ApiError(400, f"a group's type is {str(kind)[:50]!r}; expected values, time or range")
    limit = asked.get("limit") or _USUAL_VALUES
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= _MOST_VALUES:
        raise ApiError(400, f"limit of a group is a number from 1 to {_MOST_VALUES}")
    group: ValuesGroup = most_frequent(field, type, limit, what.order)
    return group._replace(missing=group.missing and asked.get("skip_empty_values") is not True)


def _range(asked: Mapping[str, Any]) -> tuple[float | None, float | None]:
    ends = asked.get("from"), asked.get("to")
    if any(isinstance(end, bool) or not isinstance(end, (int, float, type(None))) for end in ends):
        raise ApiError(400, "from and to of a range are numbers")
    low, high = (None if end is None else float(end) for end in ends)
    return low, high


def _values(
    row: FigureRow, series: Sequence[_Series], column: tuple[str, ...], *, rollup: bool, source: str
) -> list[dict[str, Any]]:
    return [
        {"key": [*column, each.id], "value": value, "rollup": rollup, "source": source}
        for each, value in zip(series, row.values, strict=True)
        if value is not None
    ]
