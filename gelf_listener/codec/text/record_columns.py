"""
Record columns: records with the same names -> what each says, by columns.

Where a protocol carries records, those of one line of code have the same names, and what a name means is decided once
for all of them (`Usual`). A record in which anything needs a second look is left to `carried_message`, which says the
same of the others; a property test holds both to it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from gelf_listener.codec.json_shapes import JsonShapes, Values
from gelf_listener.codec.text.record_plans import CLOSER, I64, Usual, flatten, is_far, plan_of
from gelf_listener.rows import Names

__all__ = ["RecordColumns", "RecordShapes", "Said"]

_MAX_KNOWN = 16
"""Names that are put before those of records: a protocol has a few sets of them."""


class Said(NamedTuple):
    """
    What a record says.

    Attributes:
        columns: Of its shape.
        seconds: When it was logged, UTC Unix seconds; None when it does not say.
        host: Who logged it; empty when it does not say.
        text: Its text.
        level: Syslog severity.
        values: Of all other names.
    """

    columns: RecordColumns
    seconds: float | None
    host: str
    text: str
    level: int
    values: Values


class RecordColumns:
    """
    Reads the records that have the names of one.

    Args:
        usual: Where things are.
        names: Of all values, in order.
    """

    def __init__(self, usual: Usual, names: Sequence[str]) -> None:
        place = {name: number for number, name in enumerate(names)}
        self._usual = usual
        self._text = place[usual.text]
        self._level = place[usual.level]
        self._time = place[usual.time] if usual.time else None
        self._host = place[usual.host] if usual.host else None
        self._rest = [place[name] for name, _ in usual.fields]
        self._stored = tuple([stored for _, stored in usual.fields])
        self._names: dict[tuple[str, ...], Names] = {}

    @classmethod
    def of(cls, record: dict[str, Any]) -> RecordColumns | None:
        """Look at a record; None when those with its names need a second look."""
        plan, flat = plan_of(record), record
        if "short_message" in record or plan.shapes:
            return None
        if dict in map(type, record.values()):
            flat = {}
            if plan.traces or not flatten(record, "", flat):
                return None
            plan = plan_of(flat)
        return None if plan.usual is None else cls(plan.usual, list(flat))

    def names(self, before: tuple[str, ...]) -> Names:
        """Return the names of a message: some that its protocol says, and those of the records."""
        found = self._names.get(before)
        if found is None:
            if len(self._names) >= _MAX_KNOWN:
                self._names.clear()
            found = self._names[before] = Names(before + self._stored)
        return found

    def read(self, rows: Sequence[Values], now: float, near: Sequence[float | None] | None) -> list[Said | None]:
        """
        Read records.

        Args:
            rows: Their values.
            now: UTC Unix seconds.
            near: The times that their protocol says, if it says any.

        Returns:
            What each says; None for one that needs a second look.
        """
        columns = list(zip(*rows, strict=True))
        usual, every = self._usual, len(rows)
        texts = [
            text
            if type(text) is str and text[:1] not in CLOSER and text[-1:] not in CLOSER and "\n" not in text
            else None
            for text in columns[self._text]
        ]
        levels = _each(usual.level_of, columns[self._level])
        seconds: Sequence[float | None] = (None,) * every
        if self._time is not None:
            seconds = [usual.seconds_of(time, now, dt.UTC) for time in columns[self._time]]
            seconds = [second if second is None else float(second) for second in seconds]
        hosts: Sequence[str | None] = ("",) * every
        if self._host is not None:
            hosts = _each(_host, columns[self._host])
        values: Sequence[Values] = [*zip(*[columns[place] for place in self._rest], strict=True)] or [()] * every
        found: list[Said | None] = [
            None if text is None or level is None or host is None else Said(self, second, host, text, level, row)
            for second, host, text, level, row in zip(seconds, hosts, texts, levels, values, strict=True)
        ]
        if self._time is not None and None in seconds:
            found = [None if second is None else said for second, said in zip(seconds, found, strict=True)]
        if near is not None:
            found = [
                None if is_far(second, other) else said
                for second, other, said in zip(seconds, near, found, strict=True)
            ]
        for place in self._rest:
            column = columns[place]
            if int in set(map(type, column)):  # too large for a field
                for number, value in enumerate(column):
                    if type(value) is int and not -I64 <= value < I64:
                        found[number] = None
        return found


def _each(read: Callable[[Any], Any], column: Sequence[Any]) -> list[Any]:
    """Read values of which many are the same; numbers may be the same and of different types."""
    distinct = set(column)
    if len(distinct) * 4 > len(column) or set(map(type, distinct)) != {str}:
        return [*map(read, column)]
    known = {value: read(value) for value in distinct}
    return [known[value] for value in column]


def _host(value: object) -> str | None:
    return value if type(value) is str and value.strip() else None


class RecordShapes:
    """Reads records of any names: those of the shapes that came last, by columns."""

    def __init__(self) -> None:
        self._shapes = JsonShapes(RecordColumns.of)

    def read(self, records: Sequence[bytes], now: float) -> list[Said | None]:
        """
        Read records in JSON.

        Args:
            records: Each whole.
            now: UTC Unix seconds.

        Returns:
            What each says; None for one that has no shape, or needs a second look.
        """
        found: list[Said | None] = [None] * len(records)
        for columns, places, rows in self._shapes.read(records):
            for place, said in zip(places, columns.read(rows, now, None), strict=True):
                found[place] = said
        return found
