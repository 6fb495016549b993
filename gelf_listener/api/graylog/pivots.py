"""Pivots: rows, columns and figures, as the widgets of Graylog's dashboards ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gelf_listener.api.graylog.figures import Figure, FigureRow, figure, figures_of, key_text, most_frequent
from gelf_listener.api.graylog.index_types import IndexType, index_types
from gelf_listener.api.graylog.intervals import interval_of, time_group
from gelf_listener.api.graylog.streams import Streams
from gelf_listener.api.graylog.views_query import (
    Group,
    PercentageSeries,
    PercentileSeries,
    PivotType,
    RangeGroup,
    Series,
    TimesGroup,
)
from gelf_listener.query.nodes import Node
from gelf_listener.store import Store
from gelf_listener.store.answers import GroupKey
from gelf_listener.store.parameters import Grouping, Order, RangesGroup, Span, ValuesGroup


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


async def pivot(store: Store, streams: Streams, node: Node, span: Span, asked: PivotType) -> dict[str, Any]:
    """
    Compute a pivot.

    Args:
        store: What is searched.
        streams: All of them.
        node: Which messages.
        span: When.
        asked: Which groups and figures.

    Returns:
        Its rows, the names of its columns and the number of messages.

    Raises:
        ApiError: If a figure does not fit its field.
    """
    row_fields = [(group, field) for group in asked.row_groups for field in group.fields]
    column_fields = [(group, field) for group in asked.column_groups for field in group.fields]
    fields = [*(each.field for each in asked.series if each.field), *(field for _, field in row_fields + column_fields)]
    types = await index_types(store, fields)
    series = [_series(each, types) for each in asked.series]
    what = _Asked(store, streams, node, span, types, series, _order(asked, series), asked.timezone)
    rows_by = [await _group(what, group, field) for group, field in row_fields]
    columns_by = [await _group(what, group, field) for group, field in column_fields]
    total = await store.count(node, span)
    rows = await _rows(what, rows_by, columns_by, rollup=asked.rollup)
    names = [field for _, field in row_fields + column_fields]
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


def _series(asked: Series, types: Mapping[str, IndexType]) -> _Series:
    percentile = asked.percentile if isinstance(asked, PercentileSeries) else 50.0
    of_sums = isinstance(asked, PercentageSeries) and asked.strategy == "SUM"
    return _Series(asked.id or "", figure(asked.type, asked.field, types, percentile, of_sums=of_sums))


def _order(asked: PivotType, series: Sequence[_Series]) -> tuple[Order, ...]:
    """Return by which series values are sorted; by number of messages otherwise."""
    found = [
        Order(index, sort.descending)
        for sort in asked.sort
        for index, each in enumerate(series)
        if sort.type == "series" and sort.field == each.id
    ]
    return tuple(found) or (Order(),)


async def _group(what: _Asked, asked: Group, field: str) -> Grouping:
    type = what.types.get(field)
    if isinstance(asked, TimesGroup):
        return time_group(field, await interval_of(what.store, what.node, what.span, asked.interval), type, what.zone)
    if isinstance(asked, RangeGroup):
        return RangesGroup(field, tuple((each.start, each.end) for each in asked.ranges))
    group: ValuesGroup = most_frequent(field, type, asked.limit, what.order)
    return group._replace(missing=group.missing and not asked.skip_empty_values)


def _values(
    row: FigureRow, series: Sequence[_Series], column: tuple[str, ...], *, rollup: bool, source: str
) -> list[dict[str, Any]]:
    return [
        {"key": [*column, each.id], "value": value, "rollup": rollup, "source": source}
        for each, value in zip(series, row.values, strict=True)
        if value is not None
    ]
