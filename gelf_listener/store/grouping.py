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
from gelf_listener.query.fields import getter, known_field
from gelf_listener.store.answers import FieldStatistics, GroupKey, Row
from gelf_listener.store.parameters import Grouping, Metric, RangesGroup, TimeGroup, ValuesGroup
from gelf_listener.store.percentiles import percentile_of
from gelf_listener.store.readings import reading_getter
from gelf_listener.store.schema import MAX_TEXT_CHARACTERS

NUMERIC = frozenset(("avg", "max", "min", "percentile", "stddev", "sum", "sumofsquares", "variance"))
"""Functions that need numbers."""

_MAX_STRETCHES = 65_535
"""As many groups as OpenSearch gives."""
_MAX_UNITS = 10_000


def aggregate(messages: Sequence[Message], groups: Sequence[Grouping], metrics: Sequence[Metric]) -> list[Row]:
    """Group messages and compute metrics; see `Store.aggregate`."""
    _check(messages, metrics)
    return _rows(messages, groups, metrics, ())


def _check(messages: Iterable[Message], metrics: Sequence[Metric]) -> None:
    """Refuse figures of fields that hold only texts, as Graylog does."""
    wanted = {(metric.field, metric.reading) for metric in metrics if metric.function in NUMERIC}
    for field, reading in wanted:
        if field is None:
            raise QueryError("this metric needs a field", "", 1)
        get = reading_getter(field, reading)
        values = [value for message in messages if (value := get(message)) is not None]
        if values and all(isinstance(value, str) for value in values):
            raise QueryError(f"{field} holds texts; the metric needs numbers", field, 1)


def _rows(
    messages: Sequence[Message], groups: Sequence[Grouping], metrics: Sequence[Metric], keys: tuple[GroupKey, ...]
) -> list[Row]:
    if not groups:
        return [Row(keys, len(messages), tuple(_metric(messages, metric) for metric in metrics))]
    group, rest = groups[0], groups[1:]
    rows: list[Row] = []
    for key, members in _grouped(messages, group, metrics):
        rows += _rows(members, rest, metrics, (*keys, key))
    return rows


def _grouped(
    messages: Sequence[Message], group: Grouping, metrics: Sequence[Metric]
) -> list[tuple[GroupKey, list[Message]]]:
    if isinstance(group, ValuesGroup):
        return _by_value(messages, group, metrics)
    found: dict[Any, list[Message]] = {}
    get = reading_getter(group.field, group.reading if isinstance(group, TimeGroup) else "stored")
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


def _by_value(
    messages: Sequence[Message], group: ValuesGroup, metrics: Sequence[Metric]
) -> list[tuple[GroupKey, list[Message]]]:
    get = _countable(group.field, getter(group.field))
    found: dict[Any, list[Message]] = {}
    without: list[Message] = []
    for message in messages:
        value = get(message)
        if value is None:
            without.append(message)
        else:
            value = value.lower() if group.fold and isinstance(value, str) else value
            found.setdefault((type(value) is bool, value), []).append(message)

    def rank(pair: tuple[GroupKey, list[Message]]) -> tuple[Any, ...]:
        sizes = [
            len(pair[1]) if each.metric is None else _metric(pair[1], metrics[each.metric]) for each in group.order
        ]
        return rank_of(sizes, pair[0], group)

    groups = sorted(((key[1], members) for key, members in found.items()), key=rank)[: group.limit]
    return [*groups, (None, without)] if group.missing and without else groups


def _countable(field: str, get: Callable[[Message], FieldValue | None]) -> Callable[[Message], FieldValue | None]:
    """Return how to get what a field is told apart by: of a host that is what its column holds."""
    known = known_field(field)
    if known is None or known.column != "host":
        return get

    def cut(message: Message) -> FieldValue | None:
        value = get(message)
        return value[:MAX_TEXT_CHARACTERS] if isinstance(value, str) else value

    return cut


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
        QueryError: If there are too many.
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
        if len(starts) > _MAX_UNITS:
            raise QueryError(f"more than {_MAX_UNITS} stretches of time; choose longer ones", "", 1)
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
        raise QueryError(f"{name[:60]!r} is not a time zone; write one such as Europe/Berlin", name[:60], 1) from None


def _start_of(group: TimeGroup) -> Callable[[float], float]:
    unit, seconds = group.unit, group.seconds
    if unit is None:
        return lambda value: round(math.floor(round(value * 1e6) / (seconds * 1e6)) * seconds, 6)
    zone = zone_of(group.zone)
    return lambda value: floor_unit(dt.datetime.fromtimestamp(value, zone), unit).timestamp()


def rank_of(sizes: Sequence[FieldValue | None], key: GroupKey, group: ValuesGroup) -> tuple[Any, ...]:
    """Return by what a group is sorted: its figures, nothing last, then its key."""
    ranks: list[tuple[int, float]] = []
    for size, order in zip(sizes, group.order, strict=True):
        if size is None or isinstance(size, str):
            ranks.append((1, 0.0))
        else:
            ranks.append((0, -float(size) if order.descending else float(size)))
    if isinstance(key, float) and key.is_integer():
        key = int(key)  # as a column has it
    return (*ranks, str(key), isinstance(key, str))


def _number(value: FieldValue | None) -> float | None:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _metric(messages: Sequence[Message], metric: Metric) -> FieldValue | None:
    """Compute one metric; None where there is nothing to compute it of."""
    function, field = metric.function, metric.field
    if field is None:
        return len(messages)
    get = reading_getter(field, "stored" if metric.function == "latest" else metric.reading)
    present = [(message, value) for message in messages if (value := get(message)) is not None]
    if function == "count":
        return len(present)
    if function == "card":
        countable = _countable(field, get)
        return len({(type(value) is bool, value) for value in [countable(message) for message, _ in present]})
    if function == "latest":
        return max(present, key=lambda pair: (pair[0].timestamp, pair[0].id))[1] if present else None
    numbers = [number for _, value in present if (number := _number(value)) is not None]
    return figure_of(numbers, function, metric.percentile) if numbers else None


def figure_of(numbers: list[float], function: str, percentile: float = 50.0) -> float | None:
    """Return a figure of some numbers, at least one; None where it is larger than a number can be."""
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
    get = _countable(field, getter(field))
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
        figure_of(numbers, "avg", 0),
        figure_of(numbers, "sum", 0),
        figure_of(numbers, "stddev", 0),
    )
