"""
Aggregation: groups and metrics from an engine's columns, over several partitions.

Tantivy is asked in the language of OpenSearch, so this serves a cluster too. Each partition answers with trees of
buckets, which are added up; how the metrics are, `gelf_listener.store.measures` knows.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from gelf_listener.errors import QueryError
from gelf_listener.message import FieldValue
from gelf_listener.query.fields import FIRST_OF, bare_name, known_field, stored_names, underscored
from gelf_listener.store.answers import GroupKey, Row, ValueCount
from gelf_listener.store.columns import Column, value_in
from gelf_listener.store.cuts import cut
from gelf_listener.store.glances import glance
from gelf_listener.store.grouping import NUMERIC, boundaries, fill, rank_of
from gelf_listener.store.kept_answers import Aggregable, Answer, answer_of
from gelf_listener.store.kept_counts import Cell, cells_of
from gelf_listener.store.measures import EXACT_MESSAGES, FEW_VALUES, SPREAD, Measure, Parts
from gelf_listener.store.parameters import Grouping, Metric, Order, RangesGroup, TimeGroup, ValuesGroup
from gelf_listener.store.partition import Partition
from gelf_listener.store.schema import REST, field_key, value_of
from gelf_listener.store.searching import Target, side_by_side

TOO_MUCH = "Aborting aggregation"
"""How the engine says that there are too many groups: more than 65 000, or more than half a gigabyte of them."""


SHARED = Column("")
"""Stands for the column of a field that is the first of several (`query.fields.FIRST_OF`): each `Share` has its own."""


class Share(NamedTuple):
    """Messages that have what `SHARED` stands for in the same column; none of them may have anything there."""

    target: Aggregable
    column: Column

    def column_for(self, column: Column) -> Column:
        """Return a column, or the share's own where that is meant."""
        return self.column if column is SHARED else column


def column_of(field: str, partitions: Sequence[Partition]) -> Column | None:
    """Return a field's column; None when it has none, or may be stored under several names."""
    known = known_field(field)
    if known is not None:
        return column_at(known.column, known.scale) if known.column else None
    if field in FIRST_OF:
        return None if any(REST in each.names for each in partitions) else SHARED
    if underscored(field) is not None:
        return None
    bare = bare_name(field)
    keys = set(map(field_key, stored_names(field)))
    if "_" in bare:
        for partition in partitions:
            keys |= {key for key in list(partition.names) if key.replace("%2e;", "_") == bare}
    stored = {key for partition in partitions for key in keys if key in partition.names}
    if len(stored) > 1 or any(REST in each.names and not keys & each.names.keys() for each in partitions):
        return None
    return column_at(f"added.{next(iter(stored)) if stored else field_key(bare)}")


def column_at(path: str, scale: float = 1.0) -> Column:
    """Return a column by its name in the embedded engine."""
    added = path.startswith("added.")
    return Column(path, scale, value_of if added else None, mixed=added)


class _Bucket:
    """A group: how many messages, its metrics' parts, its inner groups, and the engine's term for its value."""

    __slots__ = ("inner", "messages", "parts", "term")

    def __init__(self, metrics: int) -> None:
        self.messages = 0
        self.term: Any = None
        self.parts: list[Parts] = [{} for _ in range(metrics)]
        self.inner: dict[Any, _Bucket] = {}


class _Sizes(NamedTuple):
    """
    How much is asked of each partition.

    Attributes:
        outer: Values of the outermost grouping, in which the most frequent of all are.
        inner: Values of a grouping inside another.
    """

    outer: int
    inner: int


_SIZES = (_Sizes(10_000, 1_000), _Sizes(3_000, 15), _Sizes(500, 50), _Sizes(50, 30))
"""What is tried, one after another, until the engine takes it."""


class _Asked(NamedTuple):
    """
    What is asked, with the columns of its fields.

    Attributes:
        groups: Groupings, the outermost first.
        measures: The metrics.
        spans: First and last time, for calendar units.
        sizes: How much is asked for.
        only: The terms that the outermost grouping is about, in their order, with their messages; None for all.
    """

    groups: Sequence[tuple[Grouping, Column]]
    measures: Sequence[Measure]
    spans: tuple[float, float]
    sizes: _Sizes
    only: Mapping[str | int, int] | None = None

    def of(self, share: Share) -> _Asked:
        """Return what is asked of a share."""
        groups = [(group, share.column_for(column)) for group, column in self.groups]
        measures = [
            each if each.column is None else each._replace(column=share.column_for(each.column))
            for each in self.measures
        ]
        return self._replace(groups=groups, measures=measures)


def aggregate(
    targets: Sequence[Aggregable],
    groups: Sequence[tuple[Grouping, Column]],
    metrics: Sequence[tuple[Metric, Column | None]],
    shares: Sequence[Share] = (),
) -> list[Row]:
    """
    Aggregate.

    Args:
        targets: Partitions and exact queries for them.
        groups: Groupings and the columns of their fields, the outermost first.
        metrics: Metrics and the columns of their fields, if they have one; ``latest`` is not among them, for columns do
            not tell which message they belong to.
        shares: The same messages in shares, where one of the columns is `SHARED`.
    """
    shares = shares or [Share(target, SHARED) for target in targets]
    several = len(shares) > 1 or any(isinstance(group, RangesGroup) for group, _ in groups)
    asked = _Asked(groups, _measures(shares, metrics, several=several), _extent(targets, groups), _SIZES[0])
    whole, taken = _taken(shares, _outermost_first(shares, asked))
    if not _is_about_them(whole, taken) and _may_have_fractions(shares, asked):
        whole, taken = _taken(shares, asked)
    return list(_rows(whole, taken, 0, ()))


def _taken(shares: Sequence[Share], asked: _Asked) -> tuple[_Bucket, _Asked]:
    """
    Ask all partitions; where the engine refuses, for less.

    Returns:
        Everything, and what was asked for it.
    """
    cheaper = asked._replace(measures=[each.cheaper() for each in asked.measures])
    for less in (asked, *(cheaper._replace(sizes=sizes) for sizes in _SIZES)):
        try:
            whole = _whole(shares, less)
        except ValueError as error:
            if TOO_MUCH not in str(error):
                raise
            continue
        if less.sizes is not _SIZES[0] and len(less.groups) > 1:
            outer, inner = less.sizes
            cut(f"there are too many groups; only the {outer} and inside them {inner} largest were compared")
        return whole, less
    raise QueryError("there are too many groups; choose longer stretches of time, or fewer fields", "", 1)


def _outermost_first(shares: Sequence[Share], asked: _Asked) -> _Asked:
    """
    Find out first which values the outermost grouping shows, so that what is inside is computed for those alone.

    Returns:
        What is left to ask: the same where the values are neither all texts nor all whole numbers of 53 bits.
    """
    if len(asked.groups) < 2:
        return asked
    group, column = asked.groups[0]
    if not isinstance(group, ValuesGroup) or group.fold or _shows_all(shares, column, group):
        return asked
    whole, taken = _taken(shares, asked._replace(groups=asked.groups[:1]))
    found = [(key, bucket) for (_, key), bucket in whole.inner.items() if key is not None]
    if taken.sizes is _SIZES[0]:
        _note_values(shares, column, len(found))
    only = {bucket.term: bucket.messages for _, bucket in _foremost(found, group, asked)}
    alike = {type(bucket.term) if type(key) is not bool else bool for key, bucket in found}
    if alike not in ({str}, {int}) or not all([isinstance(term, str) or abs(term) < _EXACT for term in only]):
        return asked
    return asked._replace(only=only, groups=[(group._replace(order=()), column), *asked.groups[1:]])


class _Seen(NamedTuple):
    """How many values a column had, and how many messages its partition."""

    values: int
    messages: int


_seen: WeakKeyDictionary[Partition, dict[str, _Seen]] = WeakKeyDictionary()
"""By partition and column, as somebody looked at all messages of the partition."""
_MOST_NOTED = 50
"""Values; groupings of more are looked at first each time."""


def _note_values(shares: Sequence[Share], column: Column, values: int) -> None:
    """Note how many values there were, where that was about everything."""
    for share in shares:
        target = share.target
        if values <= _MOST_NOTED and isinstance(target, Target) and target.whole:
            noted = _seen.setdefault(target.partition, {})
            noted[share.column_for(column).path] = _Seen(values, target.partition.messages)


def _shows_all(shares: Sequence[Share], column: Column, group: ValuesGroup) -> bool:
    """
    Whether a grouping shows all values, as far as is known, so that there is nothing to choose first.

    New ones may have come, though hardly as long as the partition is not twice as large; they cost time, no more.
    """
    for share in shares:
        if not isinstance(share.target, Target):
            return False
        partition = share.target.partition
        seen = _seen.get(partition, {}).get(share.column_for(column).path)
        if partition.messages and (seen is None or seen.values > group.limit or partition.messages > 2 * seen.messages):
            return False
    return True


def _is_about_them(whole: _Bucket, asked: _Asked) -> bool:
    """Whether the ranges that stand for whole numbers held nothing else: a column may have fractions as well."""
    only = asked.only or {}
    return all(
        not isinstance(bucket.term, int) or only.get(bucket.term) == bucket.messages
        for (_, key), bucket in whole.inner.items()
        if asked.only is not None and key is not None
    )


def _may_have_fractions(shares: Sequence[Share], asked: _Asked) -> bool:
    """Whether the outermost grouping's column may; of many values the first look counts too few, and proves nothing."""
    for share in shares:
        key = share.column_for(asked.groups[0][1]).path.removeprefix("added.")
        if not isinstance(share.target, Target) or "double" in share.target.partition.names.get(key, ("double",)):
            return True
    return False


def _measures(
    shares: Sequence[Share], metrics: Sequence[tuple[Metric, Column | None]], *, several: bool
) -> list[Measure]:
    """
    Decide which metrics can be exact: all of them where there are few messages, else those of few values.

    Args:
        shares: What is asked.
        metrics: With their columns.
        several: Whether a group may be put together from several answers.
    """
    percents: dict[Column | None, list[float]] = {}
    columns = list(dict.fromkeys(column for _, column in metrics))
    spread = {column for metric, column in metrics if metric.function in SPREAD}
    measures = []
    for index, (metric, column) in enumerate(metrics):
        name = f"m{index}"
        if metric.function == "percentile":
            name = f"p{list(percents).index(column) if column in percents else len(percents)}{metric.reading}"
            percents.setdefault(column, []).append(metric.percentile)
        elif metric.function in NUMERIC and metric.reading == "stored":
            name = f"s{columns.index(column)}"
        measures.append(Measure(metric, column, name, several=several, spread=column in spread))
    measures = [each._replace(percents=tuple(percents.get(each.column, ()))) for each in measures]
    if not any(each.listed for each in measures) or sum(share.target.total() for share in shares) <= EXACT_MESSAGES:
        return measures
    return [
        each._replace(exact=each.column is None or not each.listed or _has_few_values(shares, each.column))
        for each in measures
    ]


def _has_few_values(shares: Sequence[Share], column: Column) -> bool:
    for share in shares:
        target, path = share.target, share.column_for(column).path
        partition = target.partition if isinstance(target, Target) else None
        if partition is not None and path in _many.get(partition, ()):
            return False
        answer = target.aggregate({"x": {"terms": {"field": path, "size": FEW_VALUES, "segment_size": FEW_VALUES}}})[
            "x"
        ]
        if answer.get("sum_other_doc_count") or len(answer["buckets"]) >= FEW_VALUES:
            if partition is not None:
                _many.setdefault(partition, set()).add(path)
            return False
    return True


_many: WeakKeyDictionary[Partition, set[str]] = WeakKeyDictionary()
"""By partition: columns that were found to have many values, so that nobody counts them again."""


def _whole(shares: Sequence[Share], asked: _Asked) -> _Bucket:
    """Ask all partitions."""
    whole = _Bucket(len(asked.measures))
    parts = [(share.target, asked.of(share)) for share in shares]
    answers = side_by_side(lambda part: _answered(*part), parts)
    for (target, part), answer in zip(parts, answers, strict=True):
        if isinstance(answer, list):
            _take_cells(whole, answer, part)
            continue
        whole.messages += answer.messages
        if answer.found:
            _take(whole, answer.found, part, 0)
        if part.groups and isinstance(part.groups[0][0], ValuesGroup) and part.groups[0][0].missing:
            _take_missing(whole, target, part)
    return whole


def _answered(target: Aggregable, asked: _Asked) -> Answer | list[Cell]:
    """Ask one partition, or look at what is known of it."""
    cells = cells_of(target, asked.groups, asked.measures, asked.only) if isinstance(target, Target) else None
    if cells is not None:
        return cells
    group = asked.groups[0][0] if len(asked.groups) == 1 and asked.only is None else None
    if (
        isinstance(target, Target)
        and isinstance(group, ValuesGroup)
        and group.order == (Order(),)
        and all(each.column is None for each in asked.measures)
    ):
        path = asked.groups[0][1].path
        found = glance(target, path, group.limit, lambda few: _request(asked._replace(sizes=_Sizes(few, few)), 0))
        if found is not None:
            return found
    return answer_of(target, _request(asked, 0))


def _take_cells(whole: _Bucket, cells: Iterable[Cell], asked: _Asked) -> None:
    """Add counts to their groups."""
    for cell in cells:
        bucket = whole
        for depth, (group, column) in enumerate(asked.groups):
            term: Any = cell.start if isinstance(group, TimeGroup) else cell.term
            if isinstance(group, ValuesGroup) and term is None and (depth or not group.missing):
                break
            [key] = [None] if term is None else _keys({"key": term}, group, column)
            bucket = bucket.inner.setdefault((type(key) is bool, key), _Bucket(len(asked.measures)))
            bucket.messages += cell.messages
            bucket.term = term


def _take_missing(whole: _Bucket, target: Aggregable, asked: _Asked) -> None:
    """Add the group of those that do not have the outermost field."""
    without = target.lacking(asked.groups[0][1].path)
    messages = without.total()
    if messages:
        bucket = whole.inner.setdefault((False, None), _Bucket(len(asked.measures)))
        bucket.messages += messages
        wanted = _request(asked, 1)
        if wanted:
            _take(bucket, without.aggregate(wanted), asked, 1)


def beginning_with(targets: Sequence[Aggregable], column: Column, prefix: str, limit: int) -> list[ValueCount]:
    """
    Return the most frequent values that begin with a text, whatever its case.

    Of each partition its most frequent ten thousand are looked at, which are too many to make groups of for each
    letter that somebody types.
    """
    most = _SIZES[0].outer
    wanted = {"g": {"terms": {"field": column.path, "size": most, "segment_size": most}}}
    begin, counts = prefix.lower(), Counter[tuple[bool, FieldValue]]()
    for answer in side_by_side(lambda target: answer_of(target, wanted), targets):
        for bucket in answer.found["g"]["buckets"]:
            value = value_in(bucket, column)
            if str(value).lower().startswith(begin):
                counts[type(value) is bool, value] += bucket["doc_count"]
    group = ValuesGroup("")
    ranked = sorted(counts.items(), key=lambda pair: rank_of([pair[1]], pair[0][1], group))
    return [ValueCount(value, messages) for (_, value), messages in ranked[:limit]]


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
        wanted |= asked.measures[index].request()
    if depth == len(asked.groups):
        return wanted
    group, column = asked.groups[depth]
    inner = _request(asked, depth + 1)
    kind: dict[str, Any]
    if isinstance(group, ValuesGroup):
        size = asked.sizes.outer if depth == 0 else asked.sizes.inner
        kind = {"terms": {"field": column.path, "size": size, "segment_size": size}}
        if depth == 0 and asked.only is not None:
            kind = _only(column.path, asked.only)
    elif isinstance(group, RangesGroup):
        kind = {"range": {"field": column.path, "ranges": _pieces(group, column.scale)}}
    elif group.unit is None:
        kind = {"histogram": {"field": column.path, "interval": group.seconds * column.scale, "min_doc_count": 1}}
    else:
        starts = boundaries(*asked.spans, group)
        ends = [*starts[1:], None]
        kind = {"range": {"field": column.path, "ranges": [
            _range(low, high, column.scale) for low, high in zip(starts, ends, strict=True)
        ]}}  # fmt: skip
    return wanted | {"g": kind | ({"aggs": inner} if inner else {})}


def _only(path: str, terms: Collection[str | int]) -> dict[str, Any]:
    """Write a grouping by some terms alone: the engine takes a list of texts; for a number, a range without another."""
    texts = [term for term in terms if isinstance(term, str)]
    if len(texts) == len(terms):
        return {"terms": {"field": path, "size": max(1, len(terms)), "include": texts}}
    numbers = [(index, int(term)) for index, term in enumerate(terms)]
    return {"range": {"field": path, "ranges": [{"key": f"{_ONE}{at}", "from": n, "to": n + 1} for at, n in numbers]}}


_EXACT = 2**53
"""From here on the ends of a range are rounded, so none can hold one number alone."""
_ONE = "only "
"""Before the number of a term in the key of its range, so that it is not taken for what lies between."""


def _needed(asked: _Asked, depth: int) -> Iterable[int]:
    """Return which metrics a bucket has: all of them inside the innermost group, elsewhere those it is sorted by."""
    if depth == len(asked.groups):
        return range(len(asked.measures))
    group = asked.groups[depth - 1][0] if depth else None
    return [each.metric for each in group.order if each.metric is not None] if isinstance(group, ValuesGroup) else []


def _pieces(group: RangesGroup, scale: float) -> list[dict[str, float]]:
    """
    Cut the numbers at all ends of some ranges, and at the next whole number.

    Where a column of tantivy has whole numbers only, it cuts off what stands behind the point of an end: 2 would lie in
    the range from 2.5 on. With the pieces 2.5 to 3 and from 3 on, every number is in a piece that begins in its range.
    """
    ends = {end * scale for pair in group.ranges for end in pair if end is not None}
    cuts = [None, *sorted(ends | {float(math.ceil(end)) for end in ends}), None]
    return [_range(low, high, 1.0) for low, high in itertools.pairwise(cuts)]


def _range(low: float | None, high: float | None, scale: float) -> dict[str, float]:
    found = {}
    if low is not None:
        found["from"] = low * scale
    if high is not None:
        found["to"] = high * scale
    return found


def _take(into: _Bucket, found: dict[str, Any], asked: _Asked, depth: int) -> None:
    """Add what one partition answered."""
    for index in _needed(asked, depth):
        asked.measures[index].take(into.parts[index], found)
    if depth == len(asked.groups):
        return
    group, column = asked.groups[depth]
    more = depth + 1 < len(asked.groups) or len(asked.measures) > 0
    for bucket in _groups(found["g"], asked.only if depth == 0 else None):
        for key in _keys(bucket, group, column):
            inner = into.inner.setdefault((type(key) is bool, key), _Bucket(len(asked.measures)))
            inner.messages += bucket["doc_count"]
            inner.term = bucket["key"]
            if more:
                _take(inner, bucket, asked, depth + 1)


def _groups(found: dict[str, Any], only: Collection[str | int] | None) -> Iterator[dict[str, Any]]:
    """Give the groups of an answer that have messages; ranges that stand for a number as groups of that term."""
    terms = list(only or ())
    numbers = any(isinstance(term, int) for term in terms)
    for bucket in found["buckets"]:
        if not bucket["doc_count"]:
            continue
        if not numbers:
            yield bucket
        elif str(bucket["key"]).startswith(_ONE):
            yield bucket | {"key": terms[int(bucket["key"].removeprefix(_ONE))]}


def _keys(bucket: dict[str, Any], group: Grouping, column: Column) -> list[Any]:
    """Return the groups that a bucket belongs to: none if it is what lies outside, several where ranges overlap."""
    if isinstance(group, ValuesGroup):
        value = value_in(bucket, column)
        return [value.lower() if group.fold and isinstance(value, str) else value]
    low = bucket.get("from")
    if isinstance(group, RangesGroup):
        return [ends for ends in group.ranges if _begins_in(low, ends, column.scale)]
    if group.unit is None:
        return [round(bucket["key"] / column.scale, 6)]
    return [] if low is None else [low / column.scale]


def _begins_in(start: float | None, ends: tuple[float | None, float | None], scale: float) -> bool:
    """Whether a piece (`_pieces`) that begins at a number, None: has no beginning, is one of a range."""
    low, high = ends
    if start is None:
        return low is None
    return (low is None or start >= low * scale) and (high is None or start < high * scale)


def _rows(bucket: _Bucket, asked: _Asked, depth: int, keys: tuple[GroupKey, ...]) -> list[Row]:
    if depth == len(asked.groups):
        return [Row(keys, bucket.messages, _values(bucket, asked))]
    group, _ = asked.groups[depth]
    found: list[tuple[Any, _Bucket]] = [(key[1], inner) for key, inner in bucket.inner.items()]
    if isinstance(group, ValuesGroup):
        without = [pair for pair in found if pair[0] is None]
        found = [pair for pair in found if pair[0] is not None]
        if depth == 0 and asked.only is not None:
            order = {term: index for index, term in enumerate(asked.only)}
            found = sorted(found, key=lambda pair: order[pair[1].term])[: group.limit]
        else:
            found = _foremost(found, group, asked)
        found += without
    elif isinstance(group, RangesGroup):
        by_range = dict(found)
        found = [(ends, by_range.get(ends, _Bucket(len(asked.measures)))) for ends in group.ranges]
    else:
        found = fill(dict(found), group, lambda: _Bucket(len(asked.measures)))
    rows: list[Row] = []
    for key, inner in found:
        rows += _rows(inner, asked, depth + 1, (*keys, key))
    return rows


def _foremost(found: list[tuple[Any, _Bucket]], group: ValuesGroup, asked: _Asked) -> list[tuple[Any, _Bucket]]:
    """Return the groups that are shown, in order; only those that may be are compared in all that matters."""
    if len(found) > group.limit > 0 and group.order[:1] == (Order(),):
        least = sorted([bucket.messages for _, bucket in found], reverse=True)[group.limit - 1]
        found = [pair for pair in found if pair[1].messages >= least]
    return sorted(found, key=lambda pair: _rank(pair[0], pair[1], group, asked))[: group.limit]


def _rank(key: Any, bucket: _Bucket, group: ValuesGroup, asked: _Asked) -> tuple[Any, ...]:
    sizes: list[FieldValue | None] = [
        bucket.messages
        if each.metric is None
        else asked.measures[each.metric].figure(bucket.parts[each.metric], bucket.messages)
        for each in group.order
    ]
    return rank_of(sizes, key, group)


def _values(bucket: _Bucket, asked: _Asked) -> tuple[FieldValue | None, ...]:
    return tuple(
        measure.figure(parts, bucket.messages) for parts, measure in zip(bucket.parts, asked.measures, strict=True)
    )
