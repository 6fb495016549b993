"""
JSON shapes: log records in JSON that a service writes again and again -> what each says, by columns.

Of one of them a class is made in which all that stays the same, severity, flags and the names of attributes, is a
literal, so msgspec tells by itself whether a record has this shape. All else is read field by field (`json_form.py`),
with the same result (see `python -m bench.intake`).
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from itertools import repeat
from operator import attrgetter
from typing import Annotated, Any, Literal, NamedTuple

import msgspec

from gelf_listener.codec.batch import Batch
from gelf_listener.codec.otlp.alike import Alike, Read, Unusual
from gelf_listener.codec.otlp.json_values import any_of
from gelf_listener.codec.receipt import Receipt
from gelf_listener.codec.record import read_fields
from gelf_listener.codec.times import SECONDS_MAX, SECONDS_MIN
from gelf_listener.errors import Rejected
from gelf_listener.message import FieldValue

_LEARN_EVERY = 64
"""Of so many records that have no shape, one is looked at: making one costs as much as reading a hundred."""
_MAX_SHAPES = 8
_PAUSE = 16
"""So many times records are read one by one after some that could not be read together."""
_MAX_RECORD_BYTES = 4096
_MAX_ATTRIBUTES = 64
_MAX_TEXT = 64
_I64 = 1 << 63

_Integer = Annotated[int, msgspec.Meta(ge=-_I64, le=_I64 - 1)]


class _Kind(enum.Enum):
    """What a value is that differs from record to record; of ids the value is how many digits they have."""

    AS_IT_IS = "text, number or truth value"
    DIGITS = "digits"
    LIST = "list"
    TRACE_ID = 32
    SPAN_ID = 16


class _Part(NamedTuple):
    """Something that differs: how it is found in a record, or in an attribute, and what it is."""

    get: Callable[[Any], Any]
    kind: _Kind


_VALUES: dict[tuple[str, type], tuple[Any, _Kind]] = {
    ("stringValue", str): (str, _Kind.AS_IT_IS),
    ("boolValue", bool): (bool, _Kind.AS_IT_IS),
    ("doubleValue", float): (float, _Kind.AS_IT_IS),
    ("doubleValue", int): (float, _Kind.AS_IT_IS),
    ("intValue", int): (_Integer, _Kind.AS_IT_IS),
    ("intValue", str): (str, _Kind.DIGITS),
    ("arrayValue", dict): (dict[str, Any], _Kind.LIST),
}
"""By the name of a value and its type: the type that it is read as, and what it is."""


def _struct(name: str, fields: list[tuple[str, Any]]) -> Any:
    return msgspec.defstruct(name, fields, forbid_unknown_fields=True, gc=False, eq=False)


class _Layout:
    """
    The fields of a record, as a class.

    Args:
        record: A LogRecord.

    Raises:
        Unusual: If it has no shape.
    """

    def __init__(self, record: dict[str, Any]) -> None:
        self.same: dict[str, Any] = {}
        """What is the same in all records."""
        self.ids: dict[str, _Part] = {}
        self.attributes: dict[str, _Part | None] = {}
        """By name, in order; None where there is no value."""
        self.time: _Part | None = None
        self._given: list[tuple[object, ...]] = []
        fields = [(name, self._kind_of(name, value)) for name, value in record.items()]
        if self.time is None or "body" not in record or not self.same.get("severityNumber"):
            raise Unusual
        self.made: Any = _struct("Record", fields)
        self.key: object = (*self._given,)
        """Of two layouts that are the same it is the same."""

    def _kind_of(self, name: str, value: Any) -> Any:
        """Return the type of a field."""
        kind = type(value)
        if name in ("timeUnixNano", "observedTimeUnixNano") and kind in (str, int):
            return self._time_kind(name, value)
        if name == "body" and kind is dict and value.keys() == {"stringValue"}:
            return _struct("Body", [("stringValue", str)])
        if name == "attributes" and kind is list and len(value) <= _MAX_ATTRIBUTES:
            return tuple[tuple([self._pair_kind(pair) for pair in value])]  # type: ignore[misc]
        if name in _IDS and kind is str and value:
            self.ids[name] = _Part(attrgetter(name), _IDS[name])
            self._given.append((name,))
            return str
        is_number = kind is int and 0 <= value < {"severityNumber": 25, "flags": 1 << 32}.get(name, 1)
        is_text = kind is str and len(value) <= (0 if name.endswith("Id") else _MAX_TEXT)
        if (is_number and name in _NUMBERS) or (is_text and name in _TEXTS):
            self.same[name] = value
            self._given.append((name, value))
            return Literal[value]
        raise Unusual

    def _time_kind(self, name: str, value: str | int) -> Any:
        is_given = value not in ("", "0", 0)
        self._given.append((name, type(value) if is_given else value))
        if not is_given:
            return Literal[value]
        if self.time is None or name == "timeUnixNano":
            is_text = type(value) is str
            self.time = _Part(attrgetter(name), _Kind.DIGITS if is_text else _Kind.AS_IT_IS)
        return type(value)

    def _pair_kind(self, pair: Any) -> Any:
        """Return the type of an attribute."""
        if type(pair) is not dict or pair.keys() != {"key", "value"}:
            raise Unusual
        name, value = pair["key"], pair["value"]
        if type(name) is not str or not name or name in self.attributes or type(value) is not dict or len(value) > 1:
            raise Unusual
        self.attributes[name] = None
        self._given.append((name, None))
        fields: list[tuple[str, Any]] = []
        for which, inner in value.items():
            read_as, kind = _VALUES.get((which, type(inner)), (None, None))
            if kind is None:
                raise Unusual
            fields.append((which, read_as))
            self._given.append((name, which, kind))
            self.attributes[name] = _Part(attrgetter(f"value.{which}"), kind)
        return _struct("Pair", [("key", Literal[name]), ("value", _struct("Value", fields))])


_IDS = {"traceId": _Kind.TRACE_ID, "spanId": _Kind.SPAN_ID}
_NUMBERS = frozenset(("severityNumber", "flags", "droppedAttributesCount"))
_TEXTS = frozenset(("severityText", "eventName", "traceId", "spanId"))


class _Shape(Alike):
    """
    Reads the records that have the layout of one.

    Args:
        layout: Its.

    Raises:
        Unusual: If its names need a second look.
    """

    def __init__(self, layout: _Layout) -> None:
        same = layout.same
        self.key = layout.key
        self._attributes = [*layout.attributes.values()]
        self._ids = [*layout.ids.values()]
        self._time = layout.time
        own = [name for name, part in layout.attributes.items() if part is not None]
        own += [{"traceId": "trace_id", "spanId": "span_id"}[name] for name in layout.ids]
        if len(set(own)) < len(own):
            raise Unusual
        texts = [same.get(name, "") for name in ("severityText", "eventName")]
        super().__init__(own, same["severityNumber"], texts[0], same.get("flags", 0), texts[1])
        decoder = msgspec.json.Decoder(layout.made)
        self.decode, self.decode_lines = decoder.decode, decoder.decode_lines

    def read(self, records: Sequence[Any]) -> Iterator[Read]:
        """
        Read records by columns.

        Raises:
            Unusual: If one of them may have another shape.
        """
        assert self._time is not None  # noqa: S101  (a layout has one)
        times = _read_column(self._time.kind, [*map(self._time.get, records)])
        if not SECONDS_MIN <= min(times) / 1e9 <= max(times) / 1e9 < SECONDS_MAX:
            raise Unusual
        values = []
        if self._attributes:
            pairs = zip(*[record.attributes for record in records], strict=True)
            for part, column in zip(self._attributes, pairs, strict=True):
                if part is not None:
                    values.append(_read_column(part.kind, [*map(part.get, column)]))
        values += [_read_column(part.kind, [*map(part.get, records)]) for part in self._ids]
        values += [(value,) * len(records) for value in self.always]
        own = zip(*values, strict=True) if values else repeat((), len(records))
        bodies = map(_body, records)
        return zip(repeat(self), [time / 1_000_000_000 for time in times], bodies, own, strict=False)


_body = attrgetter("body.stringValue")
_NO_IDS = frozenset(("0" * 32, "0" * 16))


def _read_column(kind: _Kind, column: Sequence[Any]) -> Sequence[Any]:
    """
    Read the same part of several records.

    Raises:
        Unusual: If one of them is nothing that a message may hold, or is written in another way.
    """
    if kind is _Kind.AS_IT_IS:
        return column
    if kind is _Kind.DIGITS:
        digits = "".join(column)
        if not (digits.isascii() and digits.replace("-", "").isdecimal() and max(map(len, column)) <= 20):
            raise Unusual
        try:
            numbers = [*map(int, column)]
        except ValueError:
            raise Unusual from None
        if not -_I64 <= min(numbers) <= max(numbers) < _I64:
            raise Unusual
        return numbers
    if kind is _Kind.LIST:
        return [*map(_text_of, column)]
    found = [*map(str.lower, column)]
    try:
        is_hex = set(map(len, found)) == {kind.value} and len(bytes.fromhex("".join(found))) * 2 == kind.value * len(
            found
        )
    except ValueError:
        is_hex = False
    if not is_hex or not _NO_IDS.isdisjoint(found):
        raise Unusual
    return found


def _text_of(value: dict[str, Any]) -> FieldValue:
    """Write a list as a field."""
    try:
        found, notes = read_fields({"list": any_of({"arrayValue": value}, 0)}, _NOWHERE)
    except Rejected:
        raise Unusual from None
    if notes or found.keys() != {"list"}:
        raise Unusual
    return found["list"]


_NOWHERE = Receipt("", None, 0.0, Batch())


class JsonRecordShapes:
    """The shapes of the records that came last, of all inputs of a process."""

    def __init__(self) -> None:
        self._shapes: list[_Shape] = []
        self._missed = 0
        self._pause = 0
        """How many times records are still to be read one by one."""

    def read(self, records: Sequence[bytes]) -> Sequence[Read | None]:
        """
        Read the records that have a shape.

        Args:
            records: Values of JSON, each whole and without an error.

        Returns:
            What each says; None for one that is to be read field by field.
        """
        if self._shapes and not self._pause:
            first = self._shapes[0]
            try:
                return [*first.read(first.decode_lines(b"\n".join(records)))]
            except (ValueError, RecursionError, Unusual):
                self._pause = _PAUSE
        self._pause = max(self._pause - 1, 0)
        return self._read_each(records)

    def _read_each(self, records: Sequence[bytes]) -> list[Read | None]:
        matched: dict[_Shape, tuple[list[int], list[Any]]] = {shape: ([], []) for shape in self._shapes}
        missed = b""
        for place, record in enumerate(records):
            for shape, (places, read) in matched.items():
                try:
                    read.append(shape.decode(record))
                except (ValueError, RecursionError):
                    continue
                places.append(place)
                break
            else:
                self._missed += 1
                missed = record
        found: list[Read | None] = [None] * len(records)
        for shape, (places, read) in matched.items():
            try:
                for place, said in zip(places, shape.read(read) if read else (), strict=True):
                    found[place] = said
            except Unusual:
                continue
        self._shapes.sort(key=lambda shape: len(matched[shape][0]), reverse=True)
        if missed and self._missed >= _LEARN_EVERY:
            self._missed = 0
            self._learn(missed)
        return found

    def _learn(self, record: bytes) -> None:
        """Make a shape of a record; the one that came least goes."""
        if len(record) > _MAX_RECORD_BYTES:
            return
        try:
            value = msgspec.json.decode(record)
            if type(value) is not dict:
                return
            layout = _Layout(value)
            shape = _Shape(layout)
        except (Unusual, ValueError, RecursionError):
            return
        if all(each.key != shape.key for each in self._shapes):
            self._shapes.insert(0, shape)
            self._pause = 0
        del self._shapes[_MAX_SHAPES:]
