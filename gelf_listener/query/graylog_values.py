"""
Graylog values: how the index behind a Graylog compares a value with what a query says.

There every field has one type, which its first value decides: number, date or text. Here each value is taken for
itself, as if it had been the first: a text that OpenSearch's date detection takes for a date is one, and is compared
with dates only. Measured with Graylog 7.0.1 (OpenSearch 2.19): `tests/vectors/graylog/search.json`.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import Literal

from gelf_listener.message import FieldValue
from gelf_listener.query.nodes import Range
from gelf_listener.query.times import Interval, calculate

DateFormat = Literal["stored", "iso", "slashes"]
"""
How a date field is written: ``stored`` as Graylog's own times, ``uuuu-MM-dd HH:mm:ss.SSS``; ``iso`` and ``slashes`` as
date detection finds them, both with milliseconds since 1970 as another way.
"""

_ValueTest = Callable[[FieldValue], bool]

_STORED = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
    r" (?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)\.(?P<fraction>\d{3})",
    re.ASCII,
)
_ISO = re.compile(
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
    )?)?)?)?
    """,
    re.VERBOSE | re.ASCII,
)
_SLASHES = re.compile(
    r"(?P<year>\d{4})/(?P<month>\d\d)/(?P<day>\d\d)(?: (?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d))?", re.ASCII
)
_FORMATS = {"stored": _STORED, "iso": _ISO, "slashes": _SLASHES}
_MILLIS = re.compile(r"-?\d{1,14}(?:\.\d+)?", re.ASCII)
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_MAX_CHARACTERS = 100
_NOT_ONLY_TEXT = frozenset("0123456789+-.")
_LEAST = (("year", 0), ("month", 1), ("day", 1), ("hour", 0), ("minute", 0), ("second", 0))
_SPANS = (("second", 1000), ("minute", 60_000), ("hour", 3_600_000))
"""How many milliseconds the smallest part that is written covers; a day without a time all of it."""


def date_format_of(value: str) -> Literal["iso", "slashes"] | None:
    """Return how a text is written as a date; None where date detection takes it for a text."""
    if not 7 <= len(value) <= _MAX_CHARACTERS or not value[:4].isdigit():
        return None
    if value[4] == "-":
        return "iso" if _written(value, "iso") is not None else None
    return "slashes" if value[4] == "/" and _written(value, "slashes") is not None else None


def parse_date(text: str, now: float, format: DateFormat) -> Interval | None:
    """
    Read what a query says as a date.

    Args:
        text: A date in the format, shortened where that allows it, with ``||`` and date math behind it, or ``now`` and
            date math.
        now: What ``now`` means, UTC Unix seconds.
        format: Of the field.

    Returns:
        What it covers: a shortened date is a whole minute, hour or day, and a month or year its first day. None when
        it is none.
    """
    if len(text) > _MAX_CHARACTERS:
        return None
    try:
        if text.startswith("now"):
            start, math = int(now * 1000), text[3:]
        else:
            anchor, bars, math = text.partition("||")
            found = _written(anchor, format)
            if found is None or not bars:
                return found
            start = round(found.start * 1000)
        return calculate(dt.datetime.fromtimestamp(start / 1000, dt.UTC), "ms", math) if math else _lasting(start, 1)
    except (ValueError, OverflowError, OSError):
        return None


def _lasting(start: int, span: int) -> Interval:
    """Return an interval of milliseconds; divided last, so that its ends are the numbers their decimals mean."""
    return Interval(start / 1000, (start + span) / 1000)


def _written(text: str, format: DateFormat) -> Interval | None:
    """Read a date without date math."""
    match = _FORMATS[format].fullmatch(text)
    if match is None:
        if format == "stored" or not _MILLIS.fullmatch(text):
            return None
        return _lasting(int(text.partition(".")[0]), 1)
    parts = match.groupdict()
    zone: dt.tzinfo = dt.UTC
    if parts.get("zone") not in (None, "Z"):
        digits = parts["zone"][1:].replace(":", "").ljust(4, "0")
        offset = dt.timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
        if offset > dt.timedelta(hours=18):
            return None
        zone = dt.timezone(offset if parts["zone"][0] == "+" else -offset)
    numbers = [int(parts.get(name) or least) for name, least in _LEAST]
    try:
        start = round(dt.datetime(*numbers, tzinfo=zone).timestamp()) * 1000  # type: ignore[arg-type, misc]
    except (ValueError, OverflowError):
        return None
    fraction = parts.get("fraction")
    if fraction:
        return _lasting(start + int(fraction.ljust(3, "0")[:3]), 1)
    return _lasting(start, next((span for name, span in _SPANS if parts.get(name)), 86_400_000))


def number_of(text: str) -> int | float | None:
    """Read a number as the index does for a field of numbers; None when it is none."""
    if len(text) > _MAX_CHARACTERS or not _NUMBER.fullmatch(text):
        return None
    if text.lstrip("+-").isdigit():
        return int(text)
    number = float(text)
    return number if abs(number) != float("inf") else None


def fits(number: float) -> bool:
    """Whether a field of whole numbers takes a number: it has 64 bits."""
    return -(1 << 63) <= number < 1 << 63


def may_be_other(text: str) -> bool:
    """Whether what a query says may be a number or a date, rather than nothing but a text."""
    return text[:1] in _NOT_ONLY_TEXT or text.startswith("now")


def compile_equal(text: str, clock: Callable[[], float]) -> _ValueTest:
    """
    Compile a word or phrase as the value of a field.

    Args:
        text: As the query has it.
        clock: What ``now`` means when a value is looked at.
    """
    number = number_of(text)
    truth = {"true": True, "false": False}.get(text)
    may_be_date = may_be_other(text)

    def equals(value: FieldValue) -> bool:
        if isinstance(value, str):
            if value == text:
                return True
            return may_be_date and _is_at(value, text, clock)
        if isinstance(value, bool):
            return value is truth
        return number is not None and value == number and (not isinstance(value, int) or fits(number))

    return equals


def _is_at(value: str, text: str, clock: Callable[[], float]) -> bool:
    format = date_format_of(value)
    if format is None:
        return False
    moment, wanted = _written(value, format), parse_date(text, clock(), format)
    return moment is not None and wanted is not None and wanted.start <= moment.start < wanted.end


def compile_range(node: Range, clock: Callable[[], float], *, stored: bool = False) -> _ValueTest:
    """
    Compile a range of values.

    Args:
        node: At least one end is given.
        clock: What ``now`` means when a value is looked at.
        stored: Whether the values are Graylog's own times, in Unix seconds.
    """
    if stored:
        lies_in = _test_times(node, clock, "stored")
        return lambda value: not isinstance(value, str) and lies_in(value)
    in_numbers = _test_numbers(node)
    in_times: dict[DateFormat, Callable[[float], bool]] = {}

    def matches(value: FieldValue) -> bool:
        if isinstance(value, str):
            format = date_format_of(value)
            if format is None:
                return _in_texts(value, node)
            moment = _written(value, format)
            test = in_times.get(format)
            if test is None:
                test = in_times[format] = _test_times(node, clock, format)
            return moment is not None and test(moment.start)
        return in_numbers is not None and not isinstance(value, bool) and in_numbers(value)

    return matches


def interval_of(node: Range, now: float, format: DateFormat) -> Interval | None:
    """Return from when up to when a range reaches; None where an end is not a date."""
    low = None if node.low is None else parse_date(node.low, now, format)
    high = None if node.high is None else parse_date(node.high, now, format)
    if (low is None) is not (node.low is None) or (high is None) is not (node.high is None):
        return None
    infinity = float("inf")
    start = -infinity if low is None else low.start if node.include_low else low.end
    return Interval(start, infinity if high is None else high.end if node.include_high else high.start)


def _test_times(node: Range, clock: Callable[[], float], format: DateFormat) -> Callable[[float], bool]:
    """Compare with the dates that the ends mean, each time again where they move with ``now``."""
    if any(end is not None and end.startswith("now") for end in (node.low, node.high)):

        def matches(moment: float) -> bool:
            found = interval_of(node, clock(), format)
            return found is not None and found.start <= moment < found.end

        return matches
    fixed = interval_of(node, 0.0, format)
    if fixed is None:
        return lambda moment: False  # noqa: ARG005
    start, end = fixed
    return lambda moment: start <= moment < end


def _in_texts(value: str, node: Range) -> bool:
    low, high = node.low, node.high
    if low is not None and not (value > low or (node.include_low and value == low)):
        return False
    return high is None or value < high or (node.include_high and value == high)


def _test_numbers(node: Range) -> Callable[[float], bool] | None:
    """Compare by value; an end that is not a number, or for whole numbers one beyond 64 bits, includes nothing."""
    low = None if node.low is None else number_of(node.low)
    high = None if node.high is None else number_of(node.high)
    if (low is None) is not (node.low is None) or (high is None) is not (node.high is None):
        return None
    whole = all(end is None or fits(end) for end in (low, high))

    def matches(value: float) -> bool:
        if isinstance(value, int) and not (whole and fits(value)):
            return False
        if low is not None and not (value > low or (node.include_low and value == low)):
            return False
        return high is None or value < high or (node.include_high and value == high)

    return matches
