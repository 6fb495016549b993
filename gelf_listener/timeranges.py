"""
Time ranges: relative, absolute, and in words, as Graylog has them.

Every range becomes a `Span`: from its start up to, but not including, its end. Words mean whole days, weeks, months and
years in a time zone (``yesterday``, ``last week``, ``monday to friday``) or a stretch up to now (``last 5 minutes``,
``2 hours ago``); other dates are read by dateparser.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
from collections.abc import Mapping
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gelf_listener.errors import GelfError
from gelf_listener.quantities import DURATIONS, parse_duration
from gelf_listener.query.times import Interval, parse_time
from gelf_listener.store.parameters import Span

_SHORT = re.compile(r"[0-9]{1,9}[smhdwMy]", re.ASCII)
_WORD_UNITS = {
    "second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600, "hr": 3600, "day": 86400, "week": 604800,
    "month": 30 * 86400, "year": 365 * 86400,
}  # fmt: skip
_UNIT = r"(?P<unit>seconds?|secs?|minutes?|mins?|hours?|hrs?|days?|weeks?|months?|years?)"
_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "half an": 0.5, "half a": 0.5,
}  # fmt: skip
_NUMBER = rf"(?P<number>\d{{1,9}}(?:\.\d{{1,3}})?|{'|'.join(_NUMBERS)})"
_LAST = re.compile(rf"(?:the )?(?:last|past) (?:{_NUMBER} ?)?{_UNIT}")
_AGO = re.compile(rf"{_NUMBER} ?{_UNIT} ago")
_LAST_SHORT = re.compile(r"(?:the )?(?:last|past) (\d.*)", re.ASCII)
_PERIOD = re.compile(r"(?P<which>this|last|next) (?P<unit>minute|hour|day|week|month|year)")
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_BETWEEN = re.compile(r"\s+(?:to|until|till|through|-|\u2013)\s+")
_TIME_OF_DAY = re.compile(r"\d{1,2}(?::\d\d){0,2} ?(?:am|pm)?|noon|midnight")
_ZONED = re.compile(r"(?:z|[+-]\d\d:?\d\d)$")
_DAYS_BACK = {"today": 0, "yesterday": 1}
_CLOCK = re.compile(r"(?:[01]?\d|2[0-3]):[0-5]\d(?::[0-5]\d)?", re.ASCII)
_NO_UNIT = re.compile(r"[-+]?([1-9]\d{0,2})", re.ASCII)
"""Unix seconds of the first minutes of 1970 are not meant."""
_FAR = 3e11
"""Beyond what a calendar can write, some thousands of years."""
_LATEST = 1e11
"""The year 5138: later Unix seconds are not a time, nor are those before its negative."""


class TimeRangeError(GelfError):
    """A time range cannot be understood; the text says what would be right."""


def parse_timerange(timerange: Mapping[str, Any], now: float) -> Span:
    """
    Read one of Graylog's time ranges.

    Args:
        timerange: ``{"type": "relative", "range": 300}`` (0: everything),
            ``{"type": "relative", "from": 600, "to": 300}`` (seconds ago),
            ``{"type": "absolute", "from": ..., "to": ...}`` or
            ``{"type": "keyword", "keyword": ..., "timezone": ...}``.
        now: UTC Unix seconds.

    Raises:
        TimeRangeError: If it is none.
    """
    kind = timerange.get("type")
    if kind == "relative":
        return _relative(timerange, now)
    if kind == "absolute":
        start, end = (_moment_of(timerange, name, now) for name in ("from", "to"))
        if start > end:
            raise TimeRangeError(f"'from' ({timerange['from']}) is later than 'to' ({timerange['to']})")
        return Span(start, end)
    if kind == "keyword":
        keyword = timerange.get("keyword")
        if not isinstance(keyword, str):
            raise TimeRangeError("a time range in words needs a 'keyword', such as 'last 5 minutes'")
        return parse_keyword(keyword, str(timerange.get("timezone") or "UTC"), now)
    raise TimeRangeError(f"'type' is {kind!r}; expected relative, absolute or keyword")


def _relative(timerange: Mapping[str, Any], now: float) -> Span:
    length = timerange.get("range")
    start, end = timerange.get("from"), timerange.get("to")
    if length is not None:
        if start is not None or end is not None:
            raise TimeRangeError("a relative range has either 'range' or 'from' and 'to'")
        seconds = _seconds(length, "range")
        return Span(None, None) if seconds == 0 else Span(now - seconds, now)
    if start is None:
        raise TimeRangeError("a relative range needs 'range' (seconds), or 'from' and perhaps 'to' (seconds ago)")
    first, last = _seconds(start, "from"), 0.0 if end is None else _seconds(end, "to")
    if last > first:
        raise TimeRangeError("'from' has to be longer ago than 'to'")
    return Span(now - first, now - last)


def _seconds(value: Any, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= _FAR:
        raise TimeRangeError(f"{name!r} is {value!r}; seconds are wanted, 0 or more")
    return float(value)


def _moment_of(timerange: Mapping[str, Any], name: str, now: float) -> float:
    value = timerange.get(name)
    if not isinstance(value, str):
        raise TimeRangeError(f"an absolute range needs {name!r}, such as 2026-11-23T14:30:00.000Z")
    return parse_moment(value, now)


def parse_moment(text: str, now: float) -> float:
    """
    Read ISO 8601 or ``yyyy-MM-dd HH:mm:ss[.SSS]`` (UTC without offset), or date math.

    Returns:
        UTC Unix seconds; the beginning of what is written shortened.

    Raises:
        TimeRangeError: If it is not a time.
    """
    interval = parse_time(text.strip(), now)
    if interval is None:
        raise TimeRangeError(f"{text[:100]!r} is not a time; write 2026-11-23T14:30:00.000Z or 2026-11-23 14:30:00")
    return interval.start


def parse_short(text: str, now: float) -> Span | None:
    """Read a short form such as ``5m``, ``12h`` or ``1M``: the last N units; None when it is not one."""
    if _SHORT.fullmatch(text.strip()) is None:
        return None
    return Span(now - min(parse_duration(text, None, calendar=True), _FAR), now)


def depends_on_zone(text: str) -> bool:
    """Whether what a text means depends on where somebody is: ``today``, ``yesterday``, ``14:05``."""
    words = text.strip().lower()
    return words in _DAYS_BACK or _CLOCK.fullmatch(words) is not None


def parse_instant(text: str, now: float, zone: dt.tzinfo | None = dt.UTC, *, end: bool = False) -> float:
    """
    Read a time, as flags and the API have it.

    Args:
        text: A duration before now (``15m``, ``1h30m``, ``2d``, ``1M``), ``today``, ``yesterday``, the last time that
            it was ``14:05``, Unix seconds, or a time as queries have it: ``2026-11-23T14:30:00Z``, ``now-15m``. A small
            number alone is refused: it lacks its unit.
        now: UTC Unix seconds.
        zone: Where days begin; None is this machine's.
        end: Whether the end of the day, minute, ... is meant.

    Returns:
        UTC Unix seconds.

    Raises:
        TimeRangeError: If it is not a time.
    """
    text = text.strip()
    if bare := _NO_UNIT.fullmatch(text):
        number = bare[1]
        raise TimeRangeError(f"{text!r} has no unit; write {number}s, {number}m or {number}h")
    with contextlib.suppress(ValueError):
        if abs(float(text)) < _LATEST and not _is_date(text):
            return float(text)
    with contextlib.suppress(ValueError):
        return now - min(parse_duration(text, None, calendar=True), _LATEST)
    interval = _of_a_day(text.lower(), now, zone) if depends_on_zone(text) else None
    if interval is None:
        interval = parse_time(text.replace(" ", "T", 1) if text[:1].isdigit() else text, now)
    if interval is None:
        raise TimeRangeError(
            f"{text[:100]!r} is not a time; expected for example 2026-11-23T14:30:00Z, 14:05, yesterday, now-15m, "
            f"Unix seconds, or {DURATIONS}"
        )
    return interval.end if end else interval.start


def _of_a_day(words: str, now: float, zone: dt.tzinfo | None) -> Interval:
    """Return today, yesterday, or the last minute or second that a clock showed so."""
    midnight = dt.datetime.combine(dt.datetime.fromtimestamp(now, zone).date(), dt.time(), zone)
    if words in _DAYS_BACK:
        start = midnight - dt.timedelta(days=_DAYS_BACK[words])
        return Interval(start.timestamp(), (start + dt.timedelta(days=1)).timestamp())
    hour, minute, *second = map(int, words.split(":"))
    at = midnight.replace(hour=hour, minute=minute, second=second[0] if second else 0)
    began = (at if at.timestamp() <= now else at - dt.timedelta(days=1)).timestamp()
    return Interval(began, began + (1 if second else 60))


def _is_date(text: str) -> bool:
    """Whether digits are a year or a day, as in the query language, rather than Unix seconds."""
    return text.isdigit() and len(text) in (4, 8)


def parse_keyword(text: str, zone: str, now: float) -> Span:
    """
    Read a time range in words.

    Args:
        text: For example ``last 5 minutes``, ``yesterday``, ``last monday``, ``monday to friday``, ``2026-11-23``.
        zone: IANA name of the time zone that days begin in.
        now: UTC Unix seconds.

    Raises:
        TimeRangeError: If it cannot be understood, or there is no such zone.
    """
    try:
        tz = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TimeRangeError(f"{zone[:60]!r} is not a time zone; write one such as Europe/Berlin") from None
    words = " ".join(text.lower().split())
    if not words or len(words) > 200:
        raise TimeRangeError("write a time range such as 'last 5 minutes' or 'yesterday'")
    here = dt.datetime.fromtimestamp(now, tz)
    try:
        return _read(words, here)
    except OverflowError:
        raise TimeRangeError(f"{text[:100]!r} lies beyond all calendars") from None


def _read(words: str, now: dt.datetime) -> Span:
    seconds = _seconds_back(words)
    if seconds is not None:
        return Span(now.timestamp() - seconds, now.timestamp())
    if words.startswith("since "):
        start = _part(words.removeprefix("since "), now).start
        return Span(start, max(start, now.timestamp()))
    found = _period(words, now) or _between(words, now) or _iso(words, now)
    if found is not None:
        return Span(*found)
    start, end = _date(words, now)
    if start == end:  # a time of day reaches up to now
        start, end = sorted((start, now.timestamp()))
    return Span(start, end)


class _Part(NamedTuple):
    """One end of a range: a whole day, week, ..., or a moment, which begins and ends at once."""

    start: float
    end: float


def _seconds_back(words: str) -> float | None:
    """``last 5 minutes``, ``last 24h``, ``2 hours ago``."""
    if words in ("last week", "last month", "last year"):
        return None  # whole ones, in Graylog too
    short = _LAST_SHORT.fullmatch(words)
    match = _LAST.fullmatch(words) or _AGO.fullmatch(words)
    if match is not None:
        number = match["number"] or "one"
        seconds = float(_NUMBERS.get(number) or number) * _WORD_UNITS[match["unit"].rstrip("s")]
    elif short is not None:
        try:
            seconds = parse_duration(short[1], None, calendar=True)
        except ValueError:
            return None
    else:
        return None
    if seconds > _FAR:
        raise OverflowError
    return seconds


def _period(words: str, now: dt.datetime) -> _Part | None:
    """A whole minute, hour, day, week, month or year."""
    today = _midnight(now)
    if words in ("today", "yesterday", "tomorrow"):
        start = _days_later(today, {"today": 0, "yesterday": -1, "tomorrow": 1}[words])
        return _whole(start, _days_later(start, 1))
    match = _PERIOD.fullmatch(words)
    if match is not None:
        step = {"last": -1, "this": 0, "next": 1}[match["which"]]
        if match["unit"] in ("minute", "hour"):
            length = _WORD_UNITS[match["unit"]]
            first = now.timestamp() // length * length + step * length
            return _Part(first, first + length)
        start = _unit_start(today, match["unit"], step)
        return _whole(start, _unit_start(today, match["unit"], step + 1))
    day = words.removeprefix("last ").removeprefix("this ")
    if day in _DAYS:
        start = _weekday(today, day, back=not words.startswith("this "))
        return _whole(start, _days_later(start, 1))
    return None


def _between(words: str, now: dt.datetime) -> _Part | None:
    """``monday to friday``, ``yesterday 10am to 2pm``, ``2026-11-01 to 2026-11-23``."""
    parts = _BETWEEN.split(words)
    if len(parts) != 2:
        return None
    first, last = (part.removeprefix("from ") for part in parts)
    start, end = _part(first, now), _part(last, now)
    begins = dt.datetime.fromtimestamp(start.start, now.tzinfo)
    if first in _DAYS and last in _DAYS:
        day = _days_later(begins, (_DAYS.index(last) - begins.weekday()) % 7)
        end = _whole(day, _days_later(day, 1))
    elif _TIME_OF_DAY.fullmatch(last):  # of the day it begins on, or of the next
        clock = dt.datetime.fromtimestamp(end.start, now.tzinfo).time()
        ends = dt.datetime.combine(begins.date(), clock, now.tzinfo)
        end = _moment((ends if ends >= begins else _days_later(ends, 1)).timestamp())
    if start.start >= end.end:
        raise TimeRangeError(f"{words[:100]!r} ends before it begins")
    return _Part(start.start, end.end)


def _part(words: str, now: dt.datetime) -> _Part:
    seconds = 0.0 if words == "now" else _seconds_back(words)
    if seconds is not None:
        return _moment(now.timestamp() - seconds)
    written = _iso(words, now)
    if written is not None:
        return written if written.end - written.start > 3600 else _moment(written.start)
    return _period(words, now) or _date(words, now)


def _iso(words: str, now: dt.datetime) -> _Part | None:
    """A time as queries have it, in the time zone of the range where it has none of its own."""
    interval = parse_time(words.upper() if words[:1].isdigit() else words, now.timestamp())
    if interval is None:
        return None
    if not words[:1].isdigit() or _ZONED.search(words[10:]):
        return _Part(*interval)
    start, end = (dt.datetime.fromtimestamp(each, dt.UTC).replace(tzinfo=now.tzinfo) for each in interval)
    return _whole(start, end)


def _date(words: str, now: dt.datetime) -> _Part:
    """Any other date: the whole day if no time of day is given, otherwise a moment."""
    import dateparser  # a fifth of a second, for words only

    settings: Any = {
        "RELATIVE_BASE": now.replace(tzinfo=None),
        "PREFER_DATES_FROM": "past",
        "RETURN_TIME_AS_PERIOD": True,
        "STRICT_PARSING": False,
    }
    try:
        found = dateparser.DateDataParser(languages=["en"], settings=settings).get_date_data(words)
    except Exception:  # noqa: BLE001  (dateparser fails in many ways on odd texts)
        found = None
    if found is None or found.date_obj is None:
        raise TimeRangeError(
            f"{words[:100]!r} is not a time range; write 'last 5 minutes', 'yesterday' or 'monday to friday'"
        )
    moment = found.date_obj if found.date_obj.tzinfo else found.date_obj.replace(tzinfo=now.tzinfo)
    if found.period == "time":
        return _moment(moment.timestamp())
    start_day = _midnight(moment)
    if found.period in ("month", "year", "week"):
        return _whole(_unit_start(start_day, found.period, 0), _unit_start(start_day, found.period, 1))
    return _whole(start_day, _days_later(start_day, 1))


def _midnight(moment: dt.datetime) -> dt.datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)


def _days_later(moment: dt.datetime, days: int) -> dt.datetime:
    """The same time of day by the clock on the wall, whatever summer time does."""
    return (moment.replace(tzinfo=None) + dt.timedelta(days=days)).replace(tzinfo=moment.tzinfo)


def _weekday(today: dt.datetime, day: str, *, back: bool) -> dt.datetime:
    distance = (today.weekday() - _DAYS.index(day)) % 7
    return _days_later(today, -(distance or 7) if back else _DAYS.index(day) - today.weekday())


def _unit_start(today: dt.datetime, unit: str, step: int) -> dt.datetime:
    if unit == "day":
        return _days_later(today, step)
    if unit == "week":
        return _days_later(today, 7 * step - today.weekday())
    if unit == "year":
        return today.replace(year=today.year + step, month=1, day=1)
    months = today.year * 12 + today.month - 1 + step
    return today.replace(year=months // 12, month=months % 12 + 1, day=1)


def _whole(start: dt.datetime, end: dt.datetime) -> _Part:
    return _Part(start.timestamp(), end.timestamp())


def _moment(seconds: float) -> _Part:
    return _Part(seconds, seconds)
