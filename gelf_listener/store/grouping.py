"""
Grouping: metrics of groups of messages, worked out message by message.

What a store without columns does, and the embedded one for fields that have none. It is the definition: `aggregation`
gives the same rows, but for percentiles and numbers of distinct values, which may be estimates there.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gelf_listener.calendars import floor_unit, next_unit
from gelf_listener.errors import QueryError
from gelf_listener.message import FieldValue, Message
from gelf_listener.query.fields import getter
from gelf_listener.store.answers import FieldStatistics, GroupKey, Row
from gelf_listener.store.parameters import Grouping, Metric, RangesGroup, TimeGroup, ValuesGroup
from gelf_listener.store.percentiles import percentile_of

__all__ = ["NUMERIC", "aggregate", "boundaries", "fill", "statistics", "zone_of"]

NUMERIC = frozenset(("avg", "max", "min", "percentile", "stddev", "sum", "sumofsquares", "variance"))
"""Functions that need numbers."""

_MAX_STRETCHES = 10_000


def aggregate(messages: Sequence[Message], groups: Sequence[Grouping], metrics: Sequence[Metric]) -> list[Row]:
    """Group messages and compute metrics; see `Store.aggregate`."""
    _check(messages, metrics)
    return _rows(messages, groups, metrics, (), len(messages))


def _check(messages: Iterable[Message], metrics: Sequence[Metric]) -> None:
    """Refuse figures of fields that hold only texts, as Graylog does."""
    wanted = {metric.field for metric in metrics if metric.function in NUMERIC}
    for field in wanted:
        if field is None:
            raise QueryError("this metric needs a field", "", 1)
        get = getter(field)
        values = [value for message in messages if (value := get(message)) is not None]
        if values and all(isinstance(value, str) for value in values):
            raise QueryError(f"{field} holds texts; the metric needs numbers", field, 1)


def _rows(
    messages: Sequence[Message],
    groups: Sequence[Grouping],
    metrics: Sequence[Metric],
    keys: tuple[GroupKey, ...],
    whole: int,
) -> list[Row]:
    if not groups:
        return [Row(keys, len(messages), tuple(_metric(messages, metric, whole) for metric in metrics))]
    group, rest = groups[0], groups[1:]
    rows: list[Row] = []
    for key, members in _grouped(messages, group, metrics, whole):
        rows += _rows(members, rest, metrics, (*keys, key), whole)
    return rows


def _grouped(
    messages: Sequence[Message], group: Grouping, metrics: Sequence[Metric], whole: int
) -> list[tuple[GroupKey, list[Message]]]:
    get = getter(group.field)
    found: dict[Any, list[Message]] = {}
    if isinstance(group, ValuesGroup):
        for message in messages:
            value = get(message)
            if value is not None or group.missing:
                found.setdefault((type(value) is bool, value), []).append(message)
        groups = [(key[1], members) for key, members in found.items()]
        if group.sort_by is None:
            groups.sort(key=lambda pair: _by_size(len(pair[1]), pair[0], descending=group.descending))
        else:
            metric = metrics[group.sort_by]
            groups.sort(
                key=lambda pair: _by_size(_metric(pair[1], metric, whole), pair[0], descending=group.descending)
            )
        return groups[: group.limit]
    if isinstance(group, RangesGroup):
        ranged = []
        for low, high in group.ranges:
            members = []
            for message in messages:
                value = _number(get(message))
                if value is not None and (low is None or value >= low) and (high is None or value < high):
                    members.append(message)
            ranged.append(((low, high), members))
        return list(ranged)
    start_of = _start_of(group)
    for message in messages:
        value = _number(get(message))
        if value is not None:
            found.setdefault(start_of(value), []).append(message)
    return fill(found, group, list)


def fill(found: dict[float, Any], group: TimeGroup, empty: Callable[[], Any]) -> list[tuple[GroupKey, Any]]:
    """Put stretches of time in order, and between them, where that is asked for, those that have nothing."""
    if not found or not group.empty:
        return sorted(found.items())
    starts = boundaries(min(found), max(found), group)
    return [(start, found[start] if start in found else empty()) for start in starts]


def boundaries(first: float, last: float, group: TimeGroup) -> list[float]:
    """
    Return where stretches of time begin, from the one that holds `first` to the one that holds `last`.

    Raises:
        QueryError: If there are more than ten thousand.
    """
    if group.unit is None:
        low, high = math.floor(first / group.seconds + 1e-9), math.floor(last / group.seconds + 1e-9)
        if high - low >= _MAX_STRETCHES:
            raise QueryError(f"more than {_MAX_STRETCHES} stretches of time; choose longer ones", "", 1)
        return [round(number * group.seconds, 6) for number in range(low, high + 1)]
    zone = zone_of(group.zone)
    at = floor_unit(dt.datetime.fromtimestamp(first, zone), group.unit)
    starts = []
    while at.timestamp() <= last:
        starts.append(at.timestamp())
        at = next_unit(at, group.unit)
        if len(starts) > _MAX_STRETCHES:
            raise QueryError(f"more than {_MAX_STRETCHES} stretches of time; choose longer ones", "", 1)
    return starts


def zone_of(name: str) -> ZoneInfo:
    """
    Return a time zone.

    Raises:
        QueryError: If there is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise QueryError(f"{name[:60]!r} is no time zone; write one such as Europe/Berlin", name[:60], 1) from None


def _start_of(group: TimeGroup) -> Callable[[float], float]:
    unit, seconds = group.unit, group.seconds
    if unit is None:
        return lambda value: round(math.floor(round(value * 1e6) / (seconds * 1e6)) * seconds, 6)
    zone = zone_of(group.zone)
    return lambda value: floor_unit(dt.datetime.fromtimestamp(value, zone), unit).timestamp()


def _by_size(size: FieldValue | None, key: GroupKey, *, descending: bool) -> tuple[Any, ...]:
    """Sort by a figure, nothing last, equal ones by their keys."""
    text = str(key)
    if size is None or isinstance(size, str):
        return (1, 0.0, text)
    return (0, -float(size) if descending else float(size), text)


def _number(value: FieldValue | None) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _metric(messages: Sequence[Message], metric: Metric, whole: int) -> FieldValue | None:
    """Compute one metric; None where there is nothing to compute it of."""
    function, field = metric.function, metric.field
    if field is None:
        share = 100.0 * len(messages) / whole if whole else 0.0
        return share if function == "percentage" else len(messages)
    get = getter(field)
    present = [(message, value) for message in messages if (value := get(message)) is not None]
    if function == "count":
        return len(present)
    if function == "percentage":
        return 100.0 * len(present) / whole if whole else 0.0
    if function == "card":
        return len({(type(value) is bool, value) for _, value in present})
    if function == "latest":
        return max(present, key=lambda pair: (pair[0].timestamp, pair[0].id))[1] if present else None
    numbers = [number for _, value in present if (number := _number(value)) is not None]
    return _figure(numbers, function, metric.percentile) if numbers else None


def _figure(numbers: list[float], function: str, percentile: float) -> float | None:
    """Return a figure; None where it is larger than a number can be."""
    try:
        figure = _computed(numbers, function, percentile)
    except OverflowError:
        return None
    return figure if math.isfinite(figure) else None


def _computed(numbers: list[float], function: str, percentile: float) -> float:
    if function == "max":
        return max(numbers)
    if function == "min":
        return min(numbers)
    if function == "sum":
        return math.fsum(numbers)
    if function == "sumofsquares":
        return math.fsum(number * number for number in numbers)
    mean = math.fsum(numbers) / len(numbers)
    if function == "avg":
        return mean
    if function == "percentile":
        return percentile_of([(number, 1) for number in sorted(numbers)], percentile)
    variance = math.fsum((number - mean) ** 2 for number in numbers) / len(numbers)
    return variance if function == "variance" else math.sqrt(variance)


def statistics(messages: Sequence[Message], field: str) -> FieldStatistics:
    """Return what a field holds; see `Store.statistics`."""
    get = getter(field)
    values = [value for message in messages if (value := get(message)) is not None]
    numbers = [number for value in values if (number := _number(value)) is not None and math.isfinite(number)]
    distinct = len({(type(value) is bool, value) for value in values})
    if not numbers:
        return FieldStatistics(len(messages), len(values), distinct, None, None, None, None, None)
    return FieldStatistics(
        len(messages),
        len(values),
        distinct,
        min(numbers),
        max(numbers),
        _figure(numbers, "avg", 0),
        _figure(numbers, "sum", 0),
        _figure(numbers, "stddev", 0),
    )
