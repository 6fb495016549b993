"""
Values: MessagePack as Fluentd's forward protocol has it -> Python's values, for whatever a client calls a text.

Ruby packs texts it knows no encoding of as binaries, and old clients pack binaries as texts: both are texts here, and
what is not valid UTF-8 has replacement characters in it.
"""

from __future__ import annotations

import base64
import datetime as dt
import math
import struct
from typing import Any

import msgspec

from gelf_listener.codec.times import to_seconds

_EVENT_TIME = 0
"""Type of the extension for a time with nanoseconds."""


class EventTime(float):
    """A time, UTC Unix seconds: the extension of that name (two numbers of four bytes, seconds and nanoseconds)."""


def _extension(code: int, data: memoryview) -> object:
    if code == _EVENT_TIME and len(data) == 8:
        seconds, nanoseconds = struct.unpack(">II", data)
        return EventTime((seconds * 1_000_000_000 + nanoseconds) / 1_000_000_000)
    return base64.b64encode(data).decode()


_decoder = msgspec.msgpack.Decoder(ext_hook=_extension)


def read_value(data: bytes) -> Any:
    """
    Read one whole value (`Scanner.end`), with JSON's types in it.

    Times become floats (`EventTime`) at the top and ISO 8601 within; keys of maps become texts.
    """
    try:
        value = _decoder.decode(data)
    except (ValueError, TypeError, RecursionError):  # texts that are not valid UTF-8, keys that Python cannot hash
        value = _Tolerant(data).read()
    return value if _is_clean(value) else _clean(value)


_CLEAN = frozenset((str, int, bool, type(None)))


def _is_clean(value: object, *, inside: bool = False) -> bool:
    """Whether nothing in an event or a record needs a second look, as in nearly all."""
    kind = type(value)
    if kind in _CLEAN:
        return True
    if kind is EventTime:
        return not inside
    if kind is float:
        return math.isfinite(value)  # type: ignore[arg-type]
    if kind is list:
        return all([_is_clean(each, inside=inside) for each in value])  # type: ignore[attr-defined]
    if kind is not dict:
        return False
    for name, inner in value.items():  # type: ignore[attr-defined]
        if type(name) is not str or (type(inner) not in _CLEAN and not _is_clean(inner, inside=True)):
            return False
    return True


def _clean(value: object, *, inside: bool = False) -> Any:
    """Make JSON's types of any value, whether it is inside of a record or around; `Scanner` bounded its depth."""
    if isinstance(value, bytes):
        return text_of(value)
    if isinstance(value, dt.datetime):  # MessagePack's own extension for times
        return value.isoformat() if inside else EventTime(value.timestamp())
    if isinstance(value, EventTime):
        return dt.datetime.fromtimestamp(value, dt.UTC).isoformat() if inside else value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, dict):
        return {
            name if type(name) is str else _name(name): (
                each.hex() if type(each) is bytes and len(each) == _IDS.get(name) else _clean(each, inside=True)
            )
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [_clean(each, inside=inside) for each in value]
    return value


_IDS = {"trace_id": 16, "span_id": 8}
"""Bytes of what Fluent Bit sends as it got it by OTLP; everybody else writes hexadecimal digits."""


def _name(value: object) -> str:
    return text_of(value) if isinstance(value, bytes) else str(value)


def text_of(value: object) -> str:
    """Return what a client means as a text."""
    if isinstance(value, (bytes, bytearray)):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else "" if value is None else str(value)


def seconds_of(value: object) -> float | str | None:
    """
    Return the time of an event, if it has one; zero is none.

    Returns:
        Seconds, of whatever unit it has (JavaScript's clock: milliseconds); a text for others to read; a number that is
        not a time.
    """
    if isinstance(value, dt.datetime):
        return value.timestamp()
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    if isinstance(value, str):
        return value or None
    read = to_seconds(value)
    return read[0] if read is not None else value or None


_MAX_NAME = 200
"""Characters of a name that is not a text: one that is a map has names itself, whose length each level may double."""


class _Tolerant:
    """
    Reads what the fast decoder refuses.

    Args:
        data: One whole value, as `Scanner` found it: so lengths are right, and it is not nested too deep.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def read(self) -> Any:
        """Read the next value."""
        code = self._data[self._at]
        self._at += 1
        if code < 0x80:
            return code
        if code < 0x90:
            return self._map(code - 0x80)
        if code < 0xA0:
            return self._array(code - 0x90)
        if code < 0xC0:
            return text_of(self._take(code - 0xA0))
        if code >= 0xE0:
            return code - 0x100
        return self._long(code)

    def _long(self, code: int) -> Any:
        if code in (0xC0, 0xC2, 0xC3):
            return {0xC0: None, 0xC2: False, 0xC3: True}[code]
        if code in (0xCA, 0xCB):
            return struct.unpack(">f" if code == 0xCA else ">d", self._take(4 if code == 0xCA else 8))[0]
        if 0xCC <= code <= 0xD3:
            return int.from_bytes(self._take(1 << (code & 3)), signed=code >= 0xD0)
        if 0xD4 <= code <= 0xD8:
            return self._extension(1 << (code - 0xD4))
        if 0xC7 <= code <= 0xC9:
            return self._extension(self._number(1 << (code - 0xC7)))
        if 0xC4 <= code <= 0xC6:
            return text_of(self._take(self._number(1 << (code - 0xC4))))
        if 0xD9 <= code <= 0xDB:
            return text_of(self._take(self._number(1 << (code - 0xD9))))
        length = self._number(4 if code & 1 else 2)
        return self._array(length) if code in (0xDC, 0xDD) else self._map(length)

    def _take(self, size: int) -> bytes:
        self._at += size
        return self._data[self._at - size : self._at]

    def _number(self, width: int) -> int:
        return int.from_bytes(self._take(width))

    def _array(self, length: int) -> list[Any]:
        return [self.read() for _ in range(length)]

    def _map(self, length: int) -> dict[str, Any]:
        found = {}
        for _ in range(length):
            name = self.read()
            found[name if isinstance(name, str) else str(name)[:_MAX_NAME]] = self.read()
        return found

    def _extension(self, size: int) -> object:
        code = int.from_bytes(self._take(1), signed=True)
        return _extension(code, memoryview(self._take(size)))
