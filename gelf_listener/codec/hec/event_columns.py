"""
Event columns: events of one line of code -> messages, by columns.

What is around an event and the record in it are read as one document (`JsonShapes`), the record by `RecordColumns`.
Whatever needs a second look is left to `take_event`, which says the same of the others; a property test holds both to
it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from gelf_listener.codec.hec.events import (
    HecError,
    around_event,
    read_value,
    seconds_of,
    take_event,
)
from gelf_listener.codec.json_shapes import Column, JsonShapes, names_of
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.record import read_fields
from gelf_listener.codec.text.record_columns import RecordColumns
from gelf_listener.codec.times import SECONDS_MAX, SECONDS_MIN
from gelf_listener.message import FieldValue, Message
from gelf_listener.rows import Names, Row

_Own: TypeAlias = tuple[tuple[str, ...], tuple[FieldValue, ...]]
"""Names and values of fields."""
_Said: TypeAlias = tuple[Names, float, str, str, int | None, tuple[FieldValue, ...]]
"""What makes a message: names, time, host (empty: the peer's), text, level and values."""

_NO_META: Mapping[str, str] = {}
_TEXTS = frozenset((str, type(None)))
_AROUND = ("source", "sourcetype", "index")


class _EventColumns:
    """
    Reads the events that have the names of one.

    Args:
        record: Reads what is in them.
        ways: To all values, in order.
    """

    def __init__(self, record: RecordColumns, ways: Sequence[tuple[str, ...]]) -> None:
        self._record = record
        self._inside = [number for number, way in enumerate(ways) if way[0] == "event"]
        self._place = {way[0]: number for number, way in enumerate(ways) if len(way) == 1}
        self._indexed = {way[1]: number for number, way in enumerate(ways) if way[0] == "fields" and len(way) == 2}

    @classmethod
    def of(cls, document: dict[str, Any]) -> _EventColumns | None:
        """Look at an event, with what is around it; None when those with its names need a second look."""
        event, indexed = document.get("event"), document.get("fields", {})
        if type(event) is not dict or "line" in event or type(indexed) is not dict:
            return None
        if any(type(value) in (dict, list) for name in (*_AROUND, "time", "host") for value in (document.get(name),)):
            return None
        if any(type(value) in (dict, list) for value in indexed.values()):
            return None
        record = RecordColumns.of(event)
        return None if record is None else cls(record, names_of(document))

    def read(self, columns: Sequence[Column], receipt: Receipt, *, is_whole: bool) -> list[_Said | None]:
        """Read events; None is for one that needs a second look."""
        nothing: Column = [None] * len(columns[0])
        times, hosts = (columns[self._place[name]] if name in self._place else nothing for name in ("time", "host"))
        near = [*map(seconds_of, times)]
        inside = [columns[place] for place in self._inside]
        around = self._around(columns, nothing, receipt)
        found: list[_Said | None] = []
        for said, seconds, host, own in zip(
            self._record.read(inside, receipt.time, near, is_whole=is_whole), near, hosts, around, strict=True
        ):
            if said is None or own is None:
                found.append(None)
                continue
            stored, exact, inner, text, level, values = said
            time = seconds if exact is None else exact
            if time is None:
                time = receipt.time
            if SECONDS_MIN <= time < SECONDS_MAX:
                where = inner or (host if type(host) is str and not host.isspace() else "")
                found.append((stored.behind(own[0]), float(time), where, text, level, own[1] + values))
            else:
                found.append(None)
        return found

    def _around(self, columns: Sequence[Column], nothing: Column, receipt: Receipt) -> list[_Own | None]:
        """Return the fields that what is around events makes; None for what needs a second look."""
        outer = [columns[self._place[name]] if name in self._place else nothing for name in _AROUND]
        outer += [columns[place] for place in self._indexed.values()]
        rows = zip(*outer, strict=True)
        if not all([_TEXTS.issuperset(map(type, column)) for column in outer]):
            return [self._fields(row, receipt) for row in rows]
        known: dict[tuple[Any, ...], _Own | None] = {}
        found = []
        for row in rows:
            if row not in known:
                known[row] = self._fields(row, receipt)
            found.append(known[row])
        return found

    def _fields(self, row: tuple[Any, ...], receipt: Receipt) -> _Own | None:
        around: dict[str, Any] = dict(zip(_AROUND, row, strict=False))
        around["fields"] = dict(zip(self._indexed, row[len(_AROUND) :], strict=True))
        stored, notes = read_fields(around_event(around)[1], receipt)
        return None if notes else ((*stored,), (*stored.values(),))


_shapes = JsonShapes(_EventColumns.of)
"""Of the events of all inputs of a process."""


def take_events(events: Sequence[bytes], receipt: Receipt) -> list[tuple[int, HecError]]:
    """
    Make messages of events, as `take_event` does: of those alike by columns.

    Args:
        events: Objects, each whole.
        receipt: Takes messages and rejections.

    Returns:
        The errors, by the place of their events.
    """
    found: list[_Said | None] = [None] * len(events)
    for columns, places, values, is_whole in _shapes.read(events):
        for place, said in zip(places, columns.read(values, receipt, is_whole=is_whole), strict=True):
            found[place] = said
    errors = []
    for place, (event, said) in enumerate(zip(events, found, strict=True)):
        if said is None or b"\\u" in event:  # half of a character is not text
            try:
                take_event(read_value(event), event, _NO_META, receipt)
            except HecError as error:
                receipt.add_rejection(error)
                errors.append((place, error))
            continue
        names, seconds, host, text, level, row = said
        receipt.add(
            Message(
                seconds,
                host or receipt.host,
                text,
                None,
                level,
                event,
                receipt.time,
                receipt.input,
                receipt.peer,
                False,
                Row(names, row),
            )
        )
    return errors
