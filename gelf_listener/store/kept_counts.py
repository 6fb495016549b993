"""
Kept counts: how many of a partition's messages lie in each stretch of time, for each level if wanted.

Histograms over millions of messages are put together from them, whatever their buckets and their span are; what lies in
a stretch that the span cuts is counted by the engine.

Laws:

* They are made from the index and from nothing else. They name the last message that they count and how many they are,
  and count for an index only if it has that message, and with what came after it as many as it says.
* They lie in the index's own directory, so they go with it. One that is damaged, or cannot be written, is made again.
* They are bounded (`_MAX_CELLS`); a partition whose counts take more room has none.
"""

from __future__ import annotations

import contextlib
import os
import threading
import zlib
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import msgspec

from gelf_listener.store.columns import Column
from gelf_listener.store.engine import Engine
from gelf_listener.store.index_writer import INDEX
from gelf_listener.store.measures import Measure
from gelf_listener.store.parameters import Grouping, TimeGroup, ValuesGroup
from gelf_listener.store.partition import Partition
from gelf_listener.store.searching import Target

if TYPE_CHECKING:
    import tantivy

_SECOND = 1_000_000
_LATEST = 1 << 52
"""Microseconds; beyond them the engine's stretches are not exact."""
_FINE, _COARSE = 10 * _SECOND, 60 * _SECOND
"""Lengths of a stretch."""
_SHORT = 12 * 3600 * _SECOND
"""How long a partition may be for its stretches to be fine."""
_MAX_CELLS = 50_000
"""Of one partition and column; each takes 16 bytes."""
_MAX_ALL_CELLS = 2_000_000
_MAX_VALUES = 1_000
_COLUMNS = {"": "all", "level": "level"}
"""What counts are kept by, and how their file is called."""
_WORTH_WRITING = 100_000
"""Messages to count again, which take the engine some milliseconds."""

_Term = int | str | None
"""A value as the engine names it; None for messages that have none."""


class Cell(NamedTuple):
    """How many messages have a value and lie in the stretch that begins at `start`, microseconds; None: at any time."""

    term: _Term
    start: float | None
    messages: int


class _Row(NamedTuple):
    """Numbers of stretches, rising, and how many messages are in each."""

    stretches: array[int]
    messages: array[int]


class _Counts(NamedTuple):
    """
    Counts of a partition.

    Attributes:
        total: All messages that are counted.
        last: The place of the last one.
        unit: Length of a stretch, microseconds.
        rows: By value.
    """

    total: int
    last: int
    unit: int
    rows: Mapping[_Term, _Row]

    @property
    def cells(self) -> int:
        """How much room they take."""
        return sum(len(row.stretches) for row in self.rows.values())


class _Written(msgspec.Struct, array_like=True):
    """Counts as they lie on the disk; the bytes are 64-bit numbers of this machine."""

    total: int
    last: int
    unit: int
    rows: list[tuple[_Term, bytes, bytes]]


class _Kept:
    """What is kept of one partition by one column."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        """Held while they are counted, so that nobody does the same."""
        self.searcher: tantivy.Searcher | None = None
        """That they were last found to count for."""
        self.counts: _Counts | None = None
        self.setbacks = 0
        self.written = 0
        """How many of them are in the file."""
        self.looked = False
        """Whether the file was read."""
        self.refused = False
        """Whether they take too much room."""


_kept: WeakKeyDictionary[Partition, dict[str, _Kept]] = WeakKeyDictionary()
_adding = threading.Lock()


def cells_of(
    target: Target,
    groups: Sequence[tuple[Grouping, Column]],
    measures: Sequence[Measure],
    only: Collection[str | int] | None = None,
) -> list[Cell] | None:
    """
    Return how many messages of all groups there are, from what is kept.

    Args:
        target: Where.
        groups: Groupings and their columns.
        measures: Figures.
        only: Values to look at, and messages that have none; all where there are no values to tell apart.

    Returns:
        Each group once or more often; None where that has to be asked of the engine.
    """
    if target.between is None or not groups or any(each.column is not None for each in measures):
        return None
    unit, path = None, ""
    for group, column in groups:
        if isinstance(group, TimeGroup) and unit is None and column.path == "timestamp" and group.unit is None:
            unit = group.seconds * column.scale
        elif isinstance(group, ValuesGroup) and not path and column.path in _COLUMNS:
            path = column.path
        else:
            return None
    if (unit is None and target.whole) or (unit is not None and (unit % _FINE or unit <= 0)):
        return None
    counts = _counts_of(target, path)
    rows = None if counts is None else _rows_between(target, counts, path)
    if counts is None or rows is None or (unit is not None and unit % counts.unit):
        return None
    width = None if unit is None else int(unit) // counts.unit
    return [
        Cell(term, None if unit is None else stretch * unit, messages)
        for term, row, first, last in rows
        if only is None or term is None or term in only
        for stretch, messages in _put_together(row, first, last, width)
    ]


def _rows_between(
    target: Target, counts: _Counts, path: str
) -> list[tuple[_Term, _Row, int | None, int | None]] | None:
    """Return the rows of a target's span, from which stretch to which; the engine counts those that it cuts."""
    start, end = target.between or (None, None)
    first = None if start is None else -(-start // counts.unit)
    last = None if end is None else end // counts.unit
    cut: list[tuple[int | None, int | None]] = []
    if first is not None and last is not None and first > last:  # it begins and ends in one
        cut, first, last = [(start, end)], 0, 0
    else:
        if first is not None and start != first * counts.unit:
            cut.append((start, first * counts.unit))
        if last is not None and end != last * counts.unit:
            cut.append((last * counts.unit, end))
    rows = [(term, row, first, last) for term, row in counts.rows.items()]
    for ends in cut:
        found = _found(_between(target, *ends), path, counts.unit)
        if found is None:
            return None
        rows += [(term, row, None, None) for term, row in found.rows.items()]
    return rows


def _put_together(row: _Row, low: int | None, high: int | None, width: int | None) -> Iterator[tuple[int, int]]:
    """Give how many messages lie in longer stretches, from the stretch `low` up to, not including, `high`."""
    first = 0 if low is None else bisect_left(row.stretches, low)
    last = len(row.stretches) if high is None else bisect_left(row.stretches, high)
    if width is None:
        messages = sum(row.messages[first:last])
        yield from [(0, messages)] if messages else []
        return
    found: dict[int, int] = {}
    for stretch, messages in zip(row.stretches[first:last], row.messages[first:last], strict=True):
        stretch //= width  # noqa: PLW2901
        found[stretch] = found.get(stretch, 0) + messages
    yield from found.items()


def _counts_of(target: Target, path: str) -> _Counts | None:
    """Return the counts of all messages of a partition; None where they are not kept."""
    partition = target.partition
    if not target.searcher.num_docs:
        return None
    with _adding:
        kept = _kept.setdefault(partition, {}).setdefault(path, _Kept())
    with kept.lock:
        if kept.searcher is target.searcher:
            return kept.counts
        if kept.refused:
            return None
        setbacks = partition.setbacks
        if setbacks != kept.setbacks:
            kept.counts = None
        file = partition.path / INDEX / f"counts-{_COLUMNS[path]}"
        if not kept.looked:
            kept.looked = True
            kept.counts = _read(file)
            kept.written = kept.counts.total if kept.counts is not None else 0
        unit = _unit_of(partition)
        counts = None
        if kept.counts is not None and kept.counts.unit == unit:
            counts = _gone_on(target, kept.counts, path)
        if counts is None:
            counts = _counted_all(target, path, unit)
            kept.written = 0
        kept.searcher, kept.counts, kept.setbacks = target.searcher, counts, setbacks
        kept.refused = counts is None or not _have_room()
        if counts is None or kept.refused:
            kept.searcher = kept.counts = None
        elif counts.total >= kept.written + _WORTH_WRITING and partition.setbacks == setbacks:
            kept.written = counts.total
            with contextlib.suppress(OSError):  # then it is counted again after the next start
                _write(file, counts)
        return counts


def _have_room() -> bool:
    every = [kept.counts for columns in list(_kept.values()) for kept in list(columns.values())]
    return sum([counts.cells for counts in every if counts is not None]) <= _MAX_ALL_CELLS


def _unit_of(partition: Partition) -> int:
    first, last = partition.first or 0, partition.last or 0
    return _FINE if last - first <= _SHORT else _COARSE


# --- counting


def _counted_all(target: Target, path: str, unit: int) -> _Counts | None:
    """Count all messages of a partition."""
    import tantivy

    every = target._replace(query=tantivy.Query.all_query(), between=(None, None))
    found = _found(every, path, unit)
    return None if found is None or found.total != target.searcher.num_docs else found


def _gone_on(target: Target, before: _Counts, path: str) -> _Counts | None:
    """Count what came after some counts; None if they do not belong to what is there now."""
    import tantivy

    engine = Engine(target.partition)
    if not target._replace(query=engine.at([before.last]).most, between=None).total():
        return None
    kind = tantivy.FieldType.Unsigned
    later = tantivy.Query.range_query(engine.schema, "order", kind, before.last, None, include_lower=False)
    new = target._replace(query=later, between=None)
    found = _found(new, path, before.unit)
    if found is None or before.total + found.total != target.searcher.num_docs:
        return None
    rows = {term: _added(before.rows.get(term), found.rows.get(term)) for term in {**before.rows, **found.rows}}
    counts = _Counts(target.searcher.num_docs, max(found.last, before.last), before.unit, rows)
    return counts if counts.cells <= _MAX_CELLS else None


def _found(target: Target, path: str, unit: int) -> _Counts | None:
    """Have the engine count; None when it refuses to, or there are too many."""
    group: dict[str, Any] = {"histogram": {"field": "timestamp", "interval": unit, "min_doc_count": 1}}
    if path:
        values = {"field": path, "size": _MAX_VALUES, "segment_size": _MAX_VALUES}
        group = {"terms": values, "aggs": {"g": group}}
    try:
        answer = target.aggregate({"g": group, "all": {"stats": {"field": "order"}}})
        total, buckets = int(answer["all"]["count"]), answer["g"]["buckets"]
        rows: dict[_Term, _Row] = {each["key"]: _row_of(each["g"]["buckets"], unit) for each in buckets if path}
        if answer["g"].get("sum_other_doc_count") or len(rows) >= _MAX_VALUES:
            return None
        if not path:
            rows[None] = _row_of(buckets, unit)
        elif sum([each["doc_count"] for each in buckets]) != total:
            lacking = target.lacking(path).aggregate(group["aggs"])
            rows[None] = _row_of(lacking["g"]["buckets"], unit)
    except ValueError:  # too many groups
        return None
    counts = _Counts(total, int(answer["all"]["max"] or 0), unit, rows)
    times = [row.stretches[at] * unit for row in rows.values() if row.stretches for at in (0, -1)]
    fits = counts.cells <= _MAX_CELLS and all(abs(each) < _LATEST for each in times)
    return counts if fits and sum([sum(row.messages) for row in rows.values()]) == total else None


def _row_of(buckets: Sequence[Mapping[str, Any]], unit: int) -> _Row:
    rising = sorted((round(each["key"] / unit), each["doc_count"]) for each in buckets)
    return _Row(array("q", [stretch for stretch, _ in rising]), array("q", [messages for _, messages in rising]))


def _between(target: Target, start: int | None, end: int | None) -> Target:
    """Return all messages of a partition in a span."""
    query = Engine(target.partition).numbers("timestamp", start, end).most
    return target._replace(query=query, between=None)


def _added(one: _Row | None, other: _Row | None) -> _Row:
    if one is None or other is None:
        return one or other or _Row(array("q"), array("q"))
    found = dict(zip(*one, strict=True))
    for stretch, messages in zip(*other, strict=True):
        found[stretch] = found.get(stretch, 0) + messages
    rising = sorted(found)
    return _Row(array("q", rising), array("q", [found[each] for each in rising]))


# --- on the disk


def _read(file: Path) -> _Counts | None:
    """Read counts; None when there are none, or they are damaged."""
    try:
        content = file.read_bytes()
        if zlib.crc32(content[4:]) != int.from_bytes(content[:4], "big"):
            return None
        found = msgspec.msgpack.decode(content[4:], type=_Written)
        rows = {term: _Row(array("q", stretches), array("q", messages)) for term, stretches, messages in found.rows}
    except (OSError, ValueError, TypeError):
        return None
    return _Counts(found.total, found.last, found.unit, rows)


def _write(file: Path, counts: _Counts) -> None:
    """
    Write counts.

    Raises:
        OSError: If they cannot be written.
    """
    rows = [(term, row.stretches.tobytes(), row.messages.tobytes()) for term, row in counts.rows.items()]
    content = msgspec.msgpack.encode(_Written(counts.total, counts.last, counts.unit, rows))
    draft = file.with_suffix(".new")
    draft.write_bytes(zlib.crc32(content).to_bytes(4, "big") + content)
    os.replace(draft, file)  # noqa: PTH105
