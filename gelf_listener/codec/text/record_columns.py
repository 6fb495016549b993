"""
Record columns: records with the same names -> what each says, by columns.

Where a protocol carries records, those of one line of code have the same names, and what a name means is decided once
for all of them (`Usual`). A record in which anything needs a second look is left to `carried_message`, which says the
same of the others; a property test holds both to it.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import chain, compress, repeat
from typing import Any, TypeAlias

import msgspec

from gelf_listener.codec.json_shapes import Column, JsonShapes
from gelf_listener.codec.record import OF_GELF_ONLY
from gelf_listener.codec.text.plain import read_usual
from gelf_listener.codec.text.record_plans import CLOSER, Usual, flatten, is_far, may_be_object, plan_of
from gelf_listener.codec.text.records import read_record
from gelf_listener.codec.text.stamps import believable, usual_seconds_of
from gelf_listener.notes import Note
from gelf_listener.rows import Names

_MAX_KNOWN = 16
"""Names that are put before those of records: a protocol has a few sets of them."""
_MAX_PATTERNS = 64
"""Sets of names that are missing: a shape has a few of them."""
_MAX_NAME = 200
_OF_LINES = frozenset((str, int, float))
"""Values of lines that need no second look."""

Values: TypeAlias = tuple[str | int | float | bool, ...]

Said: TypeAlias = "tuple[Stored, float | None, str, str, int | None, Values]"
"""
What a record says.

The names of what is left of it; when it was logged, UTC Unix seconds (None when it does not say), and by whom (empty
when it does not say); its text and its syslog severity, if it says one; the values of what is left. A tuple because one
is made of every record (see `python -m bench.intake`).
"""


class Stored:
    """
    The names that values of records are stored under.

    Args:
        names: In order.
        notes: On each of them.
    """

    def __init__(self, names: tuple[str, ...], notes: tuple[tuple[Note, ...], ...]) -> None:
        self.names = names
        self._notes = notes
        self._behind: dict[tuple[str, ...], Names] = {}

    def behind(self, before: tuple[str, ...]) -> Names:
        """Return the names of a message: some that its protocol says, and those of the records."""
        found = self._behind.get(before)
        if found is None:
            if len(self._behind) >= _MAX_KNOWN:
                self._behind.clear()
            found = self._behind[before] = Names(before + self.names, tuple(chain.from_iterable(self._notes)))
        return found

    def having(self, has: tuple[bool, ...]) -> Stored:
        """Return some of them."""
        return Stored(tuple(compress(self.names, has)), tuple(compress(self._notes, has)))

    def around(self, inner: tuple[str, ...], notes: tuple[Note, ...]) -> Stored:
        """Return them, and behind them those of a record within, with its notes."""
        own = tuple([each for each in notes if each.deviation not in OF_GELF_ONLY])
        return Stored(self.names + inner, (own, *self._notes))


class RecordColumns:
    """
    Reads the records that have the names of one.

    Args:
        usual: Where things are.
        names: Of all values, in order.
        lists: Those of them whose values are lists.
        is_loose: Whether a record may lack values: where there are some, the reader of records looks closer.
        is_odd: Whether all of them do, or have lists, or no level.
        zone: Of times without an offset; None: this machine's.
        is_strict: Whether truth values, which GELF does not have, and records within need a second look.
    """

    def __init__(
        self,
        usual: Usual,
        names: Sequence[str],
        lists: frozenset[str],
        *,
        is_loose: bool,
        is_odd: bool,
        zone: dt.tzinfo | None = dt.UTC,
        is_strict: bool = False,
    ) -> None:
        place = {name: number for number, name in enumerate(names)}
        self.usual = usual
        self._zone = zone
        self._is_strict = is_strict
        self._text = place[usual.text]
        self._level = place[usual.level] if usual.level else None
        self._time = place[usual.time] if usual.time else None
        self._host = place[usual.host] if usual.host else None
        self._rest = [place[name] for name, _ in usual.fields]
        self._lists = frozenset(place[name] for name in lists)
        self._is_loose = is_loose
        self._is_odd = is_odd
        self._stored = Stored(tuple([stored for _, stored in usual.fields]), usual.carried_notes)
        self._patterns: dict[tuple[bool, ...], Stored] = {}
        self._around: dict[tuple[Stored, tuple[str, ...], tuple[Note, ...]], Stored] = {}

    @classmethod
    def of(cls, record: dict[str, Any], *, has_level: bool = True) -> RecordColumns | None:
        """
        Look at a record; None when those with its names need a second look.

        Args:
            record: The first of those with its names.
            has_level: Whether they have to have a level: else it is what the text says, where the protocol says none.
        """
        plan = plan_of(record)
        if "short_message" in record or any(shape.may_be(record) for shape in plan.shapes):
            return None
        said = _without_nulls(record)
        flat: dict[str, Any] = {}
        names: dict[str, Any] = {}
        if plan_of(said).traces or not flatten(said, "", flat) or not flatten(record, "", names):
            return None
        usual = plan_of(flat).usual
        if usual is None and not has_level and not (plan_of(flat).traces or plan.is_asked):
            usual = Usual.of(tuple(flat), has_level=False)
        if usual is None:
            return None
        lists = frozenset(name for name, value in flat.items() if type(value) is list)
        objects = [name for name, value in record.items() if type(value) in (dict, list)]
        is_asked = plan.is_asked and "host" in record
        is_loose = not is_asked and not any(may_be_object(name, usual.text) for name in objects)
        is_odd = len(flat) < len(names) or bool(lists) or not usual.level
        if is_odd and not is_loose:
            return None
        if lists and (_has_empty(record) or not lists.isdisjoint(usual[:4]) or max(map(len, names)) > _MAX_NAME):
            return None
        return cls(usual, list(names), lists, is_loose=is_loose, is_odd=is_odd)

    @classmethod
    def of_lines(cls, record: Mapping[str, Any], zone: dt.tzinfo | None) -> RecordColumns | None:
        """
        Look at a record that is a line; None when those with its names need a second look.

        Args:
            record: The first of those with its names.
            zone: Of times without an offset; None: this machine's.
        """
        plan = plan_of(record)
        if plan.usual is None or plan.usual.is_carried or plan.usual.notes or plan.shapes:
            return None
        if "log" in record or "short_message" in record or ("version" in record and "host" in record):
            return None  # it may be Docker's, or GELF
        if not {type(value) for value in record.values()} <= _OF_LINES:
            return None
        return cls(plan.usual, list(record), frozenset(), is_loose=False, is_odd=False, zone=zone, is_strict=True)

    def read(
        self, columns: Sequence[Column], now: float, near: Sequence[float | None] | None, *, is_whole: bool
    ) -> list[Said | None]:
        """
        Read records.

        Args:
            columns: Their values.
            now: UTC Unix seconds.
            near: The times that their protocol says, if it says any.
            is_whole: Whether it is known that they lack nothing.

        Returns:
            What each says; None for one that needs a second look.
        """
        every = len(columns[0])
        texts = columns[self._text]
        if self.usual.text == "log":  # as Docker and Fluent Bit leave a line
            texts = [text.rstrip("\r\n") if type(text) is str else text for text in texts]
        written = texts
        texts = _plain_texts(texts)
        levels: list[int | None]
        if self._level is None:
            texts, levels = _levels_of_texts(texts, now)
        else:
            levels = _each(self.usual.level_of, columns[self._level])
        within = (
            []
            if self._is_strict or not self._is_loose
            else [number for number in _nones(texts) if _is_object(written[number])]
        )
        for number in within:
            texts[number] = written[number]
        seconds: Sequence[float | None] = (None,) * every
        if self._time is not None:
            seconds = self._seconds(columns[self._time], now)
        hosts: Sequence[str | None] = ("",) * every
        if self._host is not None:
            hosts = _each(_host, columns[self._host])
        rest = [[*map(_text_of, columns[place])] if place in self._lists else columns[place] for place in self._rest]
        values: Sequence[Values] = [*zip(*rest, strict=True)] or [()] * every
        found: list[Any] = [*zip(repeat(self._stored), seconds, hosts, texts, levels, values)]
        sure = (texts, hosts) if self._level is None else (texts, levels, hosts)
        unsure = {number for column in sure if None in set(column) for number in _nones(column)}
        if self._time is not None and None in set(seconds):
            unsure.update(_nones(seconds))
        if near is not None:
            unsure.update(
                [
                    number
                    for number, (second, other) in enumerate(zip(seconds, near, strict=True))
                    if is_far(second, other)
                ]
            )
        if self._is_strict:
            for column in rest:
                if bool in {*map(type, column)}:
                    unsure.update([number for number, value in enumerate(column) if type(value) is bool])
        if self._is_odd or not is_whole:
            for number, row in enumerate(zip(*columns, strict=True)):
                if self._is_odd or None in row:
                    found[number] = self._look(found[number], row, now)
                    unsure.discard(number)
        for number in unsure:
            found[number] = None
        for number in within:
            if found[number] is not None:
                found[number] = self._within(found[number], now, None if near is None else near[number])
        return found

    def _within(self, said: Said, now: float, near: float | None) -> Said | None:
        """Read a text that is a record itself, as that of a service is in Kubernetes."""
        stored, seconds, host, text, _, values = said
        try:
            record = msgspec.json.decode(text)
        except (ValueError, RecursionError):
            return None
        reading = read_record(record, now, dt.UTC, depth=1, near=near)
        if reading is None or reading.level is None or reading.full_message is not None or "\n" in reading.text:
            return None
        key = (stored, (*reading.fields,), reading.notes)
        merged = self._around.get(key)
        if merged is None:
            if len(self._around) >= _MAX_PATTERNS:
                self._around.clear()
            merged = self._around[key] = stored.around(*key[1:])
        if reading.seconds is not None:
            seconds = reading.seconds
        return merged, seconds, reading.host or host, reading.text, reading.level, (*values, *reading.fields.values())

    def _seconds(self, column: Column, now: float) -> Sequence[float | None]:
        """Read times."""
        usual = usual_seconds_of(column, now, self._zone)
        if usual is not None:
            return usual
        read = [self.usual.seconds_of(time, now, self._zone) for time in column]
        return [second if second is None else float(second) for second in read]

    def _look(self, said: Any, row: Sequence[Any], now: float) -> Said | None:
        """
        Look at a record that lacks values, or has lists, which the reader of records looks at otherwise.

        Args:
            said: What it seems to say; None for each part that needs a second look.
            row: All its values.
            now: UTC Unix seconds.
        """
        stored, seconds, host, text, level, values = said
        if not self._is_loose or text is None or text.isspace():
            return None
        if self._level is not None and (level is None or type(row[self._level]) is not str):
            return None
        time = None if self._time is None else row[self._time]
        if time is not None:
            seconds = believable(seconds, now)
            if seconds is None or type(time) is not str:
                return None
            seconds = round(seconds, 6)
        elif self._level is None:
            return None  # it may be in the text
        if self._host is not None and row[self._host] is None:
            host = ""
        if host is None or list in map(type, values):
            return None
        if None in values:
            has = tuple([value is not None for value in values])
            stored = self._having(has)
            values = tuple([value for value in values if value is not None])
        return stored, seconds, host, text, level, values

    def _having(self, has: tuple[bool, ...]) -> Stored:
        """Return the names of some of the values."""
        found = self._patterns.get(has)
        if found is None:
            if len(self._patterns) >= _MAX_PATTERNS:
                self._patterns.clear()
            found = self._patterns[has] = self._stored.having(has)
        return found


def _is_object(text: object) -> bool:
    return type(text) is str and text[:1] == "{" and text[-1:] == "}"


def _nones(column: Sequence[object]) -> list[int]:
    return [number for number, value in enumerate(column) if value is None]


def _plain_texts(column: Column) -> list[Any]:
    """Return texts; None for what is none, or needs a second look."""
    try:
        if "\n" not in "".join(column):
            first, last = {text[:1] for text in column}, {text[-1:] for text in column}
            if CLOSER.isdisjoint(first) and CLOSER.isdisjoint(last):
                return column
    except TypeError:
        pass
    return [
        text if type(text) is str and text[:1] not in CLOSER and text[-1:] not in CLOSER and "\n" not in text else None
        for text in column
    ]


def _levels_of_texts(texts: list[Any], now: float) -> tuple[list[Any], list[int | None]]:
    """Return texts, None for those that need a second look, and what the others say of their level."""
    readings = [
        None if text is None or "\0" in (text[0], text[-1]) else read_usual(text, now, dt.UTC) for text in texts
    ]
    levels = [None if reading is None else reading.level for reading in readings]
    return [None if reading is None else reading.text for reading in readings], levels


def _text_of(value: object) -> object:
    """Write a list as JSON; itself where that cannot be done."""
    if type(value) is not list:
        return value
    try:
        return msgspec.json.encode(value).decode()
    except (ValueError, OverflowError, RecursionError):
        return value


def _without_nulls(record: dict[str, Any]) -> dict[str, Any]:
    return {
        name: _without_nulls(value) if type(value) is dict else value
        for name, value in record.items()
        if value is not None
    }


def _has_empty(record: dict[str, Any]) -> bool:
    """Whether an object in it has nothing in it."""
    return any(type(value) is dict and (not value or _has_empty(value)) for value in record.values())


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
    """Reads records of any names, with a level or without: those of the shapes that came last, by columns."""

    def __init__(self) -> None:
        self._shapes = JsonShapes(partial(RecordColumns.of, has_level=False))

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
        for columns, places, values, is_whole in self._shapes.read(records):
            for place, said in zip(places, columns.read(values, now, None, is_whole=is_whole), strict=True):
                found[place] = said
        return found
