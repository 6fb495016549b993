"""Readings: what a value is before it is computed with; see `gelf_listener.store.parameters.Reading`."""

from __future__ import annotations

import datetime as dt
import re
import struct
from collections.abc import Callable

from gelf_listener.message import FieldValue, Message
from gelf_listener.query.fields import getter
from gelf_listener.store.parameters import Reading

_SINGLE = struct.Struct("f")
_MOMENT = re.compile(
    r"""
    (?P<year>\d{4})
    (?:-(?P<month>\d\d)
    (?:-(?P<day>\d\d)
    (?:T(?:(?P<hour>\d\d)
    (?::(?P<minute>\d\d)
    (?::(?P<second>\d\d)
    (?:[.,](?P<fraction>\d{1,9}))?
    )?)?
    (?P<zone>Z|[+-]\d\d(?::?\d\d)?)?
    )?)?)?)
    | (?P<slashed>\d{4}/\d\d/\d\d(?:\ \d\d:\d\d:\d\d)?)
    """,
    re.VERBOSE | re.ASCII,
)


def single(number: float) -> float:
    """Round a number to 32 bits, as OpenSearch keeps decimals; beyond their range it stays what it is."""
    try:
        return float(_SINGLE.unpack(_SINGLE.pack(number))[0])
    except OverflowError:
        return float(number)


def moment_of(text: str) -> float | None:
    """
    Read a date as the date detection of an index does; None for anything else.

    Source: `dynamic_date_formats` of OpenSearch: ``strict_date_optional_time`` and dates with slashes. A year alone is
    no date, for it is taken for a number.
    """
    match = _MOMENT.fullmatch(text) if 7 <= len(text) <= 40 else None
    if match is None:
        return None
    try:
        if match["slashed"]:
            form = "%Y/%m/%d %H:%M:%S" if " " in text else "%Y/%m/%d"
            return dt.datetime.strptime(text, form).replace(tzinfo=dt.UTC).timestamp()
        numbers = [int(match[name] or least) for name, least in _PARTS]
        fraction = (match["fraction"] or "").ljust(6, "0")[:6]
        moment = dt.datetime(*numbers, int(fraction), tzinfo=_zone(match["zone"]))  # type: ignore[arg-type,misc]
        return moment.timestamp()
    except (ValueError, OverflowError):
        return None


_PARTS = (("year", 1), ("month", 1), ("day", 1), ("hour", 0), ("minute", 0), ("second", 0))


def _zone(text: str | None) -> dt.timezone:
    if text in (None, "Z"):
        return dt.UTC
    digits = text[1:].replace(":", "").ljust(4, "0")
    offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return dt.timezone(-offset if text[0] == "-" else offset)


def read_value(value: FieldValue | None, reading: Reading) -> FieldValue | None:
    """Read one value; None where there is none, and for texts that are not dates where dates are read."""
    if reading == "moment" and isinstance(value, str):
        return moment_of(value)
    if reading == "lower" and isinstance(value, str):
        return value.lower()
    if reading == "single" and isinstance(value, (int, float)) and not isinstance(value, bool):
        return single(value)
    return value


def reading_getter(field: str, reading: Reading) -> Callable[[Message], FieldValue | None]:
    """Return how to get a field's value from a message, read so."""
    get = getter(field)
    if reading == "stored":
        return get
    return lambda message: read_value(get(message), reading)
