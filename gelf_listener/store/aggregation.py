"""
Aggregation: groups and metrics from an engine's columns, over several partitions.

Tantivy is asked in the language of OpenSearch, so this serves a cluster too. Each partition answers with trees of
buckets, which are added up. Figures that cannot be added up (percentiles, numbers of distinct values) are worked out
from the values themselves as long as there are few, and estimated beyond.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol, Self
from weakref import WeakKeyDictionary

from gelf_listener.errors import QueryError
from gelf_listener.message import FieldValue
from gelf_listener.query.fields import known_field, underscored
from gelf_listener.store.answers import GroupKey, Row
from gelf_listener.store.cuts import cut
from gelf_listener.store.grouping import boundaries, figure_of, fill, rank_of
from gelf_listener.store.parameters import Grouping, Metric, RangesGroup, TimeGroup, ValuesGroup
from gelf_listener.store.partition import Partition
from gelf_listener.store.percentiles import percentile_of
from gelf_listener.store.readings import read_value
from gelf_listener.store.schema import REST, field_key, value_of
from gelf_listener.store.searching import Target, side_by_side

__all__ = ["TOO_MUCH", "Aggregable", "Column", "aggregate", "column_of"]

TOO_MUCH = "Aborting aggregation"
"""How the engine says that there are too many groups: more than 65 000, or more than half a gigabyte of them."""


class Column(NamedTuple):
    """
    Where an engine keeps a field.

    Attributes:
        path: Its name there.
        scale: What its numbers are to be divided by.
        read: Gives the value that a term stands for; None where it is the term.
    """

    path: str
    scale: float = 1.0
    read: Callable[[Any], FieldValue] | None = None


class Aggregable(Protocol):
    """Messages of a partition that match a query."""

    def aggregate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """
        Return what the engine computes of them.

        Raises:
            ValueError: If it refuses to; see `TOO_MUCH`.
        """

    def total(self) -> int:
        """Return how many they are."""

    def lacking(self, column: str) -> Self:
        """Return those of them that have nothing in a column."""


def column_of(field: str, partitions: Sequence[Partition]) -> Column | None:
    """Return a field's column; None when it has none, or may be stored under several names."""
    known = known_field(field)
    if known is not None:
        return _column(known.column, known.scale) if known.column else None
    if underscored(field) is not None:
        return None
    bare = field[1:] if field.startswith("_") and len(field) > 1 else field
    keys = {field_key(field), field_key(bare)}
    if "_" in bare:
        for partition in partitions:
            keys |= {key for key in list(partition.names) if key.replace("%2e;", "_") == bare}
    stored = {key for partition in partitions for key in keys if key in partition.names}
    if len(stored) > 1 or any(REST in each.names and not keys & each.names.keys() for each in partitions):
        return None
    return _column(f"added.{next(iter(stored)) if stored else field_key(bare)}", 1.0)


def _column(path: str, scale: float) -> Column:
    return Column(path, scale, value_of if path.startswith("added.") else None)


class _Bucket:
    """A group: how many messages, its metrics' parts, and its inner groups."""

    __slots__ = ("inner", "messages", "parts")

    def __init__(self, metrics: int) -> None:
        self.messages = 0
        self.parts: list[dict[str, Any]] = [{} for _ in range(metrics)]
        self.inner: dict[Any, _Bucket] = {}


class _Sizes(NamedTuple):
    """
    How much is asked of each partition.

    Attributes:
        outer: Values of the outermost grouping, in which the most frequent of all are.
        inner: Values of a grouping inside another.
        distinct: Values up to which percentiles and numbers of distinct values are exact.
    """

    outer: int
    inner: int
    distinct: int


_SIZES = (_Sizes(10_000, 1_000, 10_000), _Sizes(3_000, 15, 15), _Sizes(500, 50, 50), _Sizes(50, 30, 30))
"""What is tried, one after another, until the engine takes it."""


class _Asked(NamedTuple):
    """What is asked, with the columns of its fields."""

    groups: Sequence[tuple[Grouping, Column]]
    metrics: Sequence[tuple[Metric, Column | None]]
    spans: tuple[float, float]
    sizes: _Sizes


def aggregate(
    targets: Sequence[Aggregable],
    groups: Sequence[tuple[Grouping, Column]],
    metrics: Sequence[tuple[Metric, Column | None]],
) -> list[Row]:
    """
    Aggregate.

    Args:
        targets: Partitions and exact queries for them.
        groups: Groupings and the columns of their fields, the outermost first.
        metrics: Metrics and the columns of their fields, if they have one; ``latest`` is not among them, for columns do
            not tell which message they belong to.
    """
    spans = _extent(targets, groups)
    for sizes in _SIZES:
        asked = _Asked(groups, metrics, spans, sizes)
        try:
            whole = _whole(targets, asked)
        except ValueError as error:
            if TOO_MUCH not in str(error):
                raise
            continue
        if sizes is not _SIZES[0] and len(groups) > 1:
            cut(
                f"there are too many groups; only the {sizes.outer} and inside them {sizes.inner} largest were compared"
            )
        return list(_rows(whole, asked, 0, ()))
    raise QueryError("there are too many groups; choose longer stretches of time, or fewer fields", "", 1)


class _Answer(NamedTuple):
    """How many messages a partition found, and what it computed of them."""

    messages: int
    found: dict[str, Any]


_known: WeakKeyDictionary[Partition, tuple[Any, dict[str, _Answer]]] = WeakKeyDictionary()
"""By partition: what was last asked of all its messages, as long as nothing was committed since."""
_MAX_KNOWN = 4
_MAX_KNOWN_BUCKETS = 5_000
"""Larger answers are not kept: each bucket takes some hundred bytes."""


def _answer(target: Aggregable, wanted: dict[str, Any]) -> _Answer:
    """Ask one partition; what concerns all its messages is asked once, for pages ask for it again and again."""
    if not (isinstance(target, Target) and target.whole):
        return _asked_now(target, wanted)
    searcher, answers = _known.get(target.partition, (None, {}))
    if searcher is not target.searcher:
        answers = {}
        _known[target.partition] = (target.searcher, answers)
    request = json.dumps(wanted)
    answer = answers.get(request)
    if answer is None:
        answer = _asked_now(target, wanted)
        while len(answers) >= _MAX_KNOWN:
            answers.pop(next(iter(answers)), None)
        if _buckets(answer.found) <= _MAX_KNOWN_BUCKETS:
            answers[request] = answer
    return answer


def _buckets(found: dict[str, Any]) -> int:
    """Count the buckets of an answer, those inside others too."""
    inner = [each for each in found.values() if isinstance(each, dict)]
    buckets = [bucket for each in inner for bucket in each.get("buckets", ())]
    return len(buckets) + sum([_buckets(bucket) for bucket in buckets])


def _asked_now(target: Aggregable, wanted: dict[str, Any]) -> _Answer:
    return _Answer(target.total(), target.aggregate(wanted) if wanted else {})


def _whole(targets: Sequence[Aggregable], asked: _Asked) -> _Bucket:
    """Ask all partitions."""
    groups, wanted = asked.groups, _request(asked, 0)
    whole = _Bucket(len(asked.metrics))
    for target, answer in zip(targets, side_by_side(lambda each: _answer(each, wanted), targets), strict=True):
        whole.messages += answer.messages
        if wanted:
            _take(whole, answer.found, asked, 0)
        if groups and isinstance(groups[0][0], ValuesGroup) and groups[0][0].missing:
            _take_missing(whole, target, asked)
    return whole


def _take_missing(whole: _Bucket, target: Aggregable, asked: _Asked) -> None:
    """Add the group of those that do not have the outermost field."""
    without = target.lacking(asked.groups[0][1].path)
    messages = without.total()
    if messages:
        bucket = whole.inner.setdefault((False, None), _Bucket(len(asked.metrics)))
        bucket.messages += messages
        wanted = _request(asked, 1)
        if wanted:
            _take(bucket, without.aggregate(wanted), asked, 1)


def _extent(targets: Sequence[Aggregable], groups: Sequence[tuple[Grouping, Column]]) -> tuple[float, float]:
    """Return the first and last time, where calendar units need them."""
    for group, column in groups:
        if isinstance(group, TimeGroup) and group.unit is not None:
            lows, highs = [], []
            for target in targets:
                wanted = {"x": {"stats": {"field": column.path}}}
                found = target.aggregate(wanted)["x"]
                if found["count"]:
                    lows.append(found["min"] / column.scale)
                    highs.append(found["max"] / column.scale)
            if lows:
                return min(lows), max(highs)
    return 0.0, 0.0


def _request(asked: _Asked, depth: int) -> dict[str, Any]:
    """Write what tantivy is to compute, from one level inwards."""
    wanted: dict[str, Any] = {}
    for index in _needed(asked, depth):
        metric, measured = asked.metrics[index]
        if measured is not None:
            wanted |= _metric_request(f"m{index}", metric, measured, asked.sizes)
    if depth == len(asked.groups):
        return wanted
    group, column = asked.groups[depth]
    inner = _request(asked, depth + 1)
    kind: dict[str, Any]
    if isinstance(group, ValuesGroup):
        size = asked.sizes.outer if depth == 0 else asked.sizes.inner
        kind = {"terms": {"field": column.path, "size": size, "segment_size": size}}
    elif isinstance(group, RangesGroup):
        ranges = [_range(low, high, column.scale) for low, high in group.ranges]
        kind = {"range": {"field": column.path, "ranges": ranges}}
    elif group.unit is None:
        kind = {"histogram": {"field": column.path, "interval": group.seconds * column.scale, "min_doc_count": 1}}
    else:
        starts = boundaries(*asked.spans, group)
        ends = [*starts[1:], None]
        kind = {"range": {"field": column.path, "ranges": [
            _range(low, high, column.scale) for low, high in zip(starts, ends, strict=True)
        ]}}  # fmt: skip
    return wanted | {"g": kind | ({"aggs": inner} if inner else {})}


def _needed(asked: _Asked, depth: int) -> Iterable[int]:
    """Return which metrics a bucket has: all of them inside the innermost group, elsewhere those it is sorted by."""
    if depth == len(asked.groups):
        return range(len(asked.metrics))
    group = asked.groups[depth - 1][0] if depth else None
    return [each.metric for each in group.order if each.metric is not None] if isinstance(group, ValuesGroup) else []


def _range(low: float | None, high: float | None, scale: float) -> dict[str, float]:
    found = {}
    if low is not None:
        found["from"] = low * scale
    if high is not None:
        found["to"] = high * scale
    return found


def _metric_request(name: str, metric: Metric, column: Column, sizes: _Sizes) -> dict[str, Any]:
    function, field = metric.function, {"field": column.path}
    if function == "count":
        return {name: {"value_count": field}}
    if function == "card":
        return {name: {"terms": field | {"size": sizes.distinct}}, name + "e": {"cardinality": field}}
    if function == "percentile":
        estimate = {"percentiles": field | {"percents": [metric.percentile]}}
        return {name: {"terms": field | {"size": sizes.distinct}}, name + "e": estimate}
    if metric.reading == "single":
        return {name: {"terms": field | {"size": sizes.distinct}}, name + "e": {"extended_stats": field}}
    return {name: {"extended_stats": field}}


def _take(into: _Bucket, found: dict[str, Any], asked: _Asked, depth: int) -> None:
    """Add what one partition answered."""
    for index in _needed(asked, depth):
        metric, measured = asked.metrics[index]
        if measured is not None:
            _take_metric(into.parts[index], metric, measured, found, f"m{index}")
    if depth == len(asked.groups):
        return
    group, column = asked.groups[depth]
    for bucket in found["g"]["buckets"]:
        if not bucket["doc_count"]:
            continue
        key = _key(bucket, group, column)
        if key is _OUTSIDE:
            continue
        if isinstance(group, ValuesGroup) and group.fold and isinstance(key, str):
            key = key.lower()
        inner = into.inner.setdefault((type(key) is bool, key), _Bucket(len(asked.metrics)))
        inner.messages += bucket["doc_count"]
        _take(inner, bucket, asked, depth + 1)


_OUTSIDE = object()


def _key(bucket: dict[str, Any], group: Grouping, column: Column) -> Any:
    if isinstance(group, ValuesGroup):
        return _value(bucket, column)
    if isinstance(group, RangesGroup):
        ends = _ends(bucket, column)
        return ends if ends in group.ranges else _OUTSIDE
    if group.unit is None:
        return round(bucket["key"] / column.scale, 6)
    low, _ = _ends(bucket, column)
    return _OUTSIDE if low is None else low


def _ends(bucket: dict[str, Any], column: Column) -> tuple[float | None, float | None]:
    low, high = bucket.get("from"), bucket.get("to")
    return None if low is None else low / column.scale, None if high is None else high / column.scale


def _value(bucket: dict[str, Any], column: Column) -> FieldValue:
    term: FieldValue = bucket["key"]
    if bucket.get("key_as_string") in ("true", "false") and not isinstance(term, str):
        return bool(bucket["key_as_string"] == "true")
    if column.read is not None:
        term = column.read(term)
    if isinstance(term, float) and column.scale != 1.0:
        return term / column.scale
    if isinstance(term, float) and term.is_integer() and abs(term) < 2**53:
        return int(term)
    if isinstance(term, int) and not isinstance(term, bool) and column.scale != 1.0:
        return term / column.scale
    return term


def _take_metric(parts: dict[str, Any], metric: Metric, column: Column, found: dict[str, Any], name: str) -> None:
    answer = found[name]
    if metric.function == "count":
        parts["count"] = parts.get("count", 0) + answer["value"]
    elif metric.function in ("card", "percentile"):
        _take_values(parts, metric, column, answer)
        estimate = found[name + "e"]
        parts.setdefault("estimates", []).append(
            estimate["value"] if metric.function == "card" else next(iter(estimate["values"].values()))
        )
    elif metric.reading == "single":
        _take_values(parts, metric, column, answer)
        _take_statistics(parts, column, found[name + "e"])
    else:
        _take_statistics(parts, column, answer)


def _take_values(parts: dict[str, Any], metric: Metric, column: Column, answer: dict[str, Any]) -> None:
    """Add up how often each value occurs."""
    values = parts.setdefault("values", {})
    for bucket in answer["buckets"]:
        value = read_value(_value(bucket, column), metric.reading)
        values[type(value) is bool, value] = values.get((type(value) is bool, value), 0) + bucket["doc_count"]
    parts["other"] = parts.get("other", 0) + answer.get("sum_other_doc_count", 0)


def _take_statistics(parts: dict[str, Any], column: Column, answer: dict[str, Any]) -> None:
    if not answer["count"]:
        return
    count, total, before = answer["count"], answer["sum"] / column.scale, parts.get("count", 0)
    # From squares of large numbers, such as times, nothing is left of how far they are apart.
    apart = (answer["variance_population"] or 0.0) * count / column.scale**2
    if before:
        apart += (total / count - parts["sum"] / before) ** 2 * before * count / (before + count)
    parts["apart"] = parts.get("apart", 0.0) + apart
    parts["count"] = before + count
    parts["sum"] = parts.get("sum", 0.0) + total
    parts["squares"] = parts.get("squares", 0.0) + answer["sum_of_squares"] / column.scale**2
    parts["min"] = min(parts.get("min", math.inf), answer["min"] / column.scale)
    parts["max"] = max(parts.get("max", -math.inf), answer["max"] / column.scale)


def _rows(bucket: _Bucket, asked: _Asked, depth: int, keys: tuple[GroupKey, ...]) -> list[Row]:
    if depth == len(asked.groups):
        return [Row(keys, bucket.messages, _values(bucket, asked))]
    group, _ = asked.groups[depth]
    found: list[tuple[Any, _Bucket]] = [(key[1], inner) for key, inner in bucket.inner.items()]
    if isinstance(group, ValuesGroup):
        without = [pair for pair in found if pair[0] is None]
        found = [pair for pair in found if pair[0] is not None]
        found.sort(key=lambda pair: _rank(pair[0], pair[1], group, asked))
        found = found[: group.limit] + without
    elif isinstance(group, RangesGroup):
        by_range = dict(found)
        found = [(ends, by_range.get(ends, _Bucket(len(asked.metrics)))) for ends in group.ranges]
    else:
        found = fill(dict(found), group, lambda: _Bucket(len(asked.metrics)))
    rows: list[Row] = []
    for key, inner in found:
        rows += _rows(inner, asked, depth + 1, (*keys, key))
    return rows


def _rank(key: Any, bucket: _Bucket, group: ValuesGroup, asked: _Asked) -> tuple[Any, ...]:
    sizes: list[FieldValue | None] = [
        bucket.messages
        if each.metric is None
        else _metric_value(bucket.parts[each.metric], asked.metrics[each.metric], bucket.messages)
        for each in group.order
    ]
    return rank_of(sizes, key, group)


def _values(bucket: _Bucket, asked: _Asked) -> tuple[FieldValue | None, ...]:
    return tuple(
        _metric_value(parts, metric, bucket.messages)
        for parts, metric in zip(bucket.parts, asked.metrics, strict=False)
    )


def _metric_value(parts: dict[str, Any], asked: tuple[Metric, Column | None], messages: int) -> FieldValue | None:
    metric, column = asked
    function = metric.function
    count: int = messages if column is None else int(parts.get("count", 0))
    if function == "count":
        return count
    if function == "card":
        known = len(parts.get("values", ()))
        return known if not parts.get("other") else max(known, round(max(parts["estimates"])))
    if function == "percentile":
        return _percentile(parts, metric.percentile)
    if not count:
        return None
    if metric.reading == "single" and not parts["other"]:
        numbers = [value for value, often in _numbers(parts) for _ in range(often)]
        return figure_of(numbers, function) if numbers else None
    number = _number(parts, function, count)
    return number if math.isfinite(number) else None  # larger than a number can be


def _numbers(parts: dict[str, Any]) -> list[tuple[float, int]]:
    """Return the numbers among the values, in rising order, and how often each occurs."""
    return sorted(
        (value, count) for (_, value), count in parts.get("values", {}).items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    )  # fmt: skip


def _number(parts: dict[str, Any], function: str, count: int) -> float:
    if function in ("min", "max", "sum"):
        return float(parts[function])
    if function == "sumofsquares":
        return float(parts["squares"])
    if function == "avg":
        return float(parts["sum"] / count)
    variance = parts["apart"] / count
    return float(variance) if function == "variance" else math.sqrt(variance)


def _percentile(parts: dict[str, Any], percentile: float) -> float | None:
    values = _numbers(parts)
    if not values:
        return None
    if parts.get("other"):
        known = [estimate for estimate in parts["estimates"] if estimate is not None and not math.isnan(estimate)]
        return math.fsum(known) / len(known) if known else None
    return float(percentile_of(values, percentile))
