"""
Stamps: the time that a line begins with, as programs write it.

A time is read only when date and time of day are both there and mean one thing: ``10:00:00`` alone is passed over, and
so is ``03/04/2026 10:00:00``, which is March in some places and April in others. Without an offset a time is meant in
the zone that is given. One before 1990, or more than a month ahead of the clock, is not believed.
"""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from gelf_listener.codec.zones import ZONES, zone_of

_EARLIEST = 631_152_000.0
"""1990: older than any log that is read now; a clock that was never set says 1970 or 1980."""
_AHEAD_SECONDS = 31 * 86_400.0
"""How far a line's clock may be ahead of ours."""
_AHEAD_WITHOUT_YEAR = 7 * 86_400.0
"""The same for a time without a year, which is otherwise last year's; as in syslog."""

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), start=1
    )
}
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_WEEKDAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_TIME = r"(\d{1,2}:\d\d:\d\d)(?:[.,](\d{1,9}))?"
_NAMES = "|".join(sorted((name for name in ZONES if name != "Z"), key=len, reverse=True))
_PLACE = "(?:Africa|America|Antarctica|Asia|Atlantic|Australia|Europe|Indian|Pacific)/[A-Za-z_/+-]{2,40}"
ZONE = rf"(?:[ ]?(Z(?![\w])|[+-]\d\d(?::?\d\d)?(?![\w:.])|(?:{_NAMES})(?![\w])|{_PLACE}))?"

_FRACTION = r"(?:(?:[.,]|:(?=\d{3}(?:\d{3})?(?!\d)))(\d{1,9}))?"
ISO = rf"(\d{{4}})([-/.])(\d\d)\2(\d\d)(?:[T \t_-]|[ ][ -][ ]|\]\[|[ ]{{2}})(\d{{1,2}}:\d\d:\d\d){_FRACTION}{ZONE}"
"""
ISO 8601 and what resembles it: six groups and the zone's; ``2026/11/28 - 10:00:00`` is gin's, ``][`` fern's, two blanks
MariaDB's, before an hour of one digit, and Icecast's.
"""

CLOCK = re.compile(r"\d{1,2}:\d\d(?::\d\d(?:[.,:]\d{1,9})?)?(?:\s?[AP]M)?(?![\w:])")
"""A time of day alone: passed over, for it does not say of which day."""

_ISO = re.compile(ISO, re.ASCII)
_DAY_FIRST = re.compile(  # 28-Nov-2026 10:00:00.123; 28/Nov/2026:10:00:00 +0000; 28Nov2026 10:00:00
    rf"(\d{{1,2}})([-/ ]?)({_MONTH})\2(\d{{4}}|\d\d)(?:::?|[ ]){_TIME}{ZONE}", re.IGNORECASE | re.ASCII
)
_YEAR_NAMED = re.compile(rf"(\d{{4}})([- ])({_MONTH})\2(\d{{1,2}})[ T]{_TIME}{ZONE}", re.IGNORECASE | re.ASCII)  # Boost
_NUMBERS = (
    re.compile(  # 11/28/2026, 10:00:00 AM; 28.11.2026 10:00:00; 28/11/2026 -- 10:00:00; [11/28/2026] [8:12:15 AM]
        rf"(\d{{1,2}})([/.-])(\d{{1,2}})\2(\d{{4}})(?:,?[ ]|[ ]--[ ]|\][ ]\[)(\d{{1,2}}:\d\d[:.]\d\d)"
        rf"(?:[.,:](\d{{1,9}}))?(?:[ \u202f]([AP]M))?{ZONE}"
    )
)
_TWO_DIGITS = re.compile(  # 26/11/28, 26-11-28, 261128: Spark, Timbre, MySQL; 11/28/26, 10:00:00:123 UTC: WebSphere
    rf"(\d{{1,2}})([/-]?)(\d\d?)\2(\d\d),?[ ]{{1,2}}(\d{{1,2}}:\d\d:\d\d)"
    rf"(?:[.,:](\d{{3,6}}))?(?![\w:])(?:[ ]([AP]M))?{ZONE}"
)
_COMPACT = re.compile(  # 20261128 10:00:00.123, 20261128-10:00:00:123; ISO 8601 as 20261128T100000Z
    rf"(20\d\d)(\d\d)(\d\d)(?:[ -](\d\d):(\d\d):(\d\d)|T(\d\d):?(\d\d):?(\d\d)){_FRACTION}{ZONE}(?!\d)"
)
_COLONS = re.compile(rf"(\d{{4}}):(\d\d):(\d\d)[ -]{_TIME}(?![\w])")  # 2026:11:28-10:00:00: DirectAdmin, Sophos UTM
_MONTH_DAY = re.compile(  # 11-28 10:00:00.123: FreeSWITCH, zlog; 11/28 10:00:00: aria2
    r"(0[1-9]|[12]\d|3[01])([-/])(0[1-9]|[12]\d|3[01])[ ](\d\d:\d\d:\d\d)(?:[.,](\d{1,9}))?(?![\w:])"
)
_MONTH_DAY_YEAR = re.compile(rf"({_MONTH})-(\d\d)-(\d{{4}}|\d\d)[ ]{_TIME}(?![\w:])")  # Nov-28-26 10:00:00: ASSP
_TAI64N = re.compile(r"@([0-9a-f]{16})([0-9a-f]{8})(?![0-9a-f])")
"""@40000000...: daemontools' multilog, s6-log."""
_TAI64_EPOCH = (1 << 62) + 10
"""1970 in its seconds, ten of which multilog counts as leap seconds."""
_EPOCH = re.compile(r"\d{10}(?:\.\d{3,9}(?=[\]: \t]|\Z)|(?=[\]:]))")  # Squid, mosquitto, unbound
_CTIME = re.compile(  # Sat Nov 28 10:00:00.123456 2026; Sat Nov 28 10:00:00 UTC 2026
    rf"{_WEEKDAY}[ ]({_MONTH})[ ]{{1,2}}(\d{{1,2}})[ ]{_TIME}(?:[ ](Z|[+-]\d{{4}}|{_NAMES}))?[ ](\d{{4}})(?![\w])"
)
_RFC1123 = re.compile(  # Sat, 28 Nov 2026 10:00:00 GMT; RFC 822 has two digits of the year
    rf"{_WEEKDAY},[ ](\d{{1,2}})[ ]({_MONTH})[ ](\d{{4}}|\d\d)[ ]{_TIME}{ZONE}"
)
_WITH_WEEKDAY = re.compile(rf"{_WEEKDAY}[ ](?=\d{{4}}-|{_MONTH}[ ]{{1,2}}\d{{1,2}}[ ]\d{{4}}[ ])")
"""systemd: Sat 2026-11-28 10:00:00 UTC; InspIRCd: Sat Nov 28 2026 10:00:00."""
_JAVA = re.compile(  # Nov 28, 2026 11:28:41 PM; Java 20 writes a narrow blank before PM
    rf"({_MONTH})[ ](\d{{1,2}}),[ ](\d{{4}}),?[ ](\d{{1,2}}:\d\d:\d\d)(?:[.,](\d{{1,9}}))?(?:[ \u202f]([AP]M))?{ZONE}"
)
_SYSLOG = re.compile(
    rf"({_MONTH})(?:[ ]{{1,2}}|-)(\d{{1,2}})[ ](?:(\d{{4}})[ ])?{_TIME}(?![\w:])(?:[ ](\d{{4}})(?=:?[ ]))?"
)
_DAY_MONTH = re.compile(rf"(\d{{1,2}})[ ]({_MONTH})[ ]{_TIME}(?![\w:])")  # 28 Nov 10:00:00: Node-RED, old Redis


_HALVES = frozenset((" AM", " PM"))


class Stamp(NamedTuple):
    """
    A time in a text.

    Attributes:
        end: Where it ends.
        seconds: UTC Unix seconds; None when it is not to be believed, or no date is with it.
    """

    end: int
    seconds: float | None


def believable(seconds: float | None, now: float) -> float | None:
    """Return a time, or None when it is absurd: before 1990, or more than a month ahead."""
    return seconds if seconds is not None and _EARLIEST <= seconds <= now + _AHEAD_SECONDS else None


@lru_cache(maxsize=4096)
def _whole(
    year: str, month: str | int, day: str, time: str, half: str | None, named: str | None, zone: dt.tzinfo | None
) -> float | None:
    """Return a time without its fraction; a busy program repeats it thousands of times."""
    try:
        hour, minute, second = map(int, time.replace(".", ":").split(":"))
        if half is not None:
            if not 1 <= hour <= 12:
                return None
            hour = hour % 12 + (12 if half == "PM" else 0)
        if named:
            zone = _zone_named(named)
            if zone is None:
                return None
        leap = second == 60
        years = int(year) if len(year) > 2 else 2000 + int(year)
        moment = dt.datetime(years, int(month), int(day), hour, minute, 59 if leap else second, tzinfo=zone)
        return moment.timestamp() + leap
    except (ValueError, OverflowError, OSError):
        return None


def _zone_named(named: str) -> dt.tzinfo | None:
    zone = zone_of(named)
    if zone is None and "/" in named:
        try:
            return zoneinfo.ZoneInfo(named)
        except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
            return None
    return zone


def _with_fraction(seconds: float | None, fraction: str | None, now: float) -> float | None:
    if seconds is None or not _EARLIEST <= seconds <= now + _AHEAD_SECONDS:
        return None
    return round(seconds + int(fraction) / 10 ** len(fraction), 6) if fraction else seconds


_MAX_SECONDS = 4096
_seconds: dict[tuple[str, dt.tzinfo | None], float | None] = {}
"""Times to the second that were read before: a busy program repeats each thousands of times."""

_USUAL = re.compile(r"(\d{4}-\d\d-\d\d[T ][\d:]{8})(?:[.,](\d{1,9}+)(?!\d))?(Z|[+-]\d\d:\d\d)?\Z", re.ASCII)


def whole_seconds(text: str, now: float, zone: dt.tzinfo | None) -> float | None:
    """Read a time without a fraction, and remember it; see `read_stamp`."""
    key = (text, zone)
    try:
        return _seconds[key]
    except KeyError:
        pass
    stamp = read_stamp(text, 0, now, zone)
    seconds = None if stamp is None else stamp.seconds
    if len(_seconds) >= _MAX_SECONDS:
        _seconds.clear()
    _seconds[key] = seconds
    return seconds


def usual_seconds(text: str, now: float, zone: dt.tzinfo | None) -> float | None:
    """Read a text that is a time as nearly all loggers of JSON write it; None for any other."""
    if text[-1:] == "Z" and text[19:20] == ".":  # to the millisecond, as most are
        known = _seconds.get((text[:19] + "Z", zone))
        thousandths = _fractions.get(text[19:])
        if known is not None and thousandths is not None:
            return known + thousandths
    match = _USUAL.match(text)
    if match is None:
        return None
    whole, fraction, named = match.groups()
    seconds = whole_seconds(whole if named is None else whole + named, now, zone)
    return seconds if seconds is None or fraction is None else round(seconds + float("0." + fraction), 6)


def usual_seconds_of(column: Sequence[Any], now: float, zone: dt.tzinfo | None) -> list[float] | None:
    """Read times of UTC to the microsecond like `usual_seconds`; None when any of them is something else."""
    try:
        try:
            return [_heads[time[:19]] + _fractions[time[19:]] for time in column]
        except KeyError:
            for head in {time[:19] for time in column} - _heads.keys():
                seconds = whole_seconds(head + "Z", now, zone) if _USUAL.match(head + "Z") else None
                if seconds is None:
                    return None
                if len(_heads) >= _MAX_SECONDS:
                    _heads.clear()
                _heads[head] = seconds
            return [_heads[time[:19]] + _fractions[time[19:]] for time in column]
    except (KeyError, TypeError):
        return None


_heads: dict[str, float] = {}
"""Times of UTC to the second, without the letter."""


class _Fractions(dict[str, float]):
    """Fractions of a second, by what stands behind it in a time of UTC; those to the millisecond are ready."""

    def __missing__(self, behind: str) -> float:
        digits = behind[1:-1] if behind[-1:] == "Z" else behind[1:-6] if behind[-6:] == "+00:00" else ""
        if behind[:1] == "." and len(digits) <= _MAX_DIGITS and digits.isascii() and digits.isdecimal():
            return float("0." + digits)
        raise KeyError(behind)


_MAX_DIGITS = 6
"""Of a fraction that needs no rounding behind whole seconds."""
_fractions = _Fractions({f".{number:03d}{zone}": number / 1000 for number in range(1000) for zone in ("Z", "+00:00")})
_fractions.update({"Z": 0.0, "+00:00": 0.0})


def iso_stamp(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> float | None:
    """Return the time of a match of `ISO`, whose groups come first in it."""
    year, _, month, day, time, fraction, named = match.groups()[:7]
    return _with_fraction(_whole(year, month, day, time, None, named, zone), fraction, now)


def read_stamp(text: str, at: int, now: float, zone: dt.tzinfo | None) -> Stamp | None:
    """
    Read a time at a place in a text.

    Args:
        text: A line.
        at: Where the time would begin.
        now: UTC Unix seconds, for times without a year and for what is absurd.
        zone: Of times without an offset; None: this machine's.

    Returns:
        None when no time is there.
    """
    first = text[at : at + 1]
    if "0" <= first <= "9":
        match = _ISO.match(text, at)
        if match is not None:
            half = text[match.end() : match.end() + 3]
            if half in _HALVES:  # 2026-11-28 07:00:00 PM
                year, _, month, day, time, fraction, named = match.groups()
                seconds = _whole(year, month, day, time, half[1:], named, zone)
                return Stamp(match.end() + 3, _with_fraction(seconds, fraction, now))
            return Stamp(match.end(), iso_stamp(match, now, zone))
        return _other_digits(text, at, now, zone)
    if first == "@":
        return _tai64n(text, at, now)
    return _named(text, at, now, zone) if first in ("J", "F", "M", "A", "S", "O", "N", "D", "T", "W") else None


def _other_digits(text: str, at: int, now: float, zone: dt.tzinfo | None) -> Stamp | None:
    """Read a time that begins with a digit and is not ISO 8601's."""
    for read in (_day_first, _numbers, _two_digits, _epoch, _day_month, _year_named, _compact, _colons, _month_day):
        stamp = read(text, at, now, zone)
        if stamp is not None:
            return stamp
    clock = CLOCK.match(text, at)
    return None if clock is None else Stamp(clock.end(), None)


def _dated(
    match: re.Match[str],
    now: float,
    zone: dt.tzinfo | None,
    date: tuple[str, str, str],
    time: str,
    fraction: str | None,
    named: str | None = None,
    half: str | None = None,
) -> Stamp:
    """Return the time of a match, of a date whose month has a name (year, month, day)."""
    year, month, day = date
    seconds = _whole(year, _MONTHS[month.lower()], day, time, half, named, zone)
    return Stamp(match.end(), _with_fraction(seconds, fraction, now))


def _day_first(text: str, at: int, now: float, zone: dt.tzinfo | None) -> Stamp | None:
    match = _DAY_FIRST.match(text, at)
    if match is None:
        return None
    day, _, month, year, time, fraction, named = match.groups()
    return _dated(match, now, zone, (year, month, day), time, fraction, named)


def _year_named(text: str, at: int, now: float, zone: dt.tzinfo | None) -> Stamp | None:
    match = _YEAR_NAMED.match(text, at)
    if match is None:
        return None
    year, _, month, day, time, fraction, named = match.groups()
    return _dated(match, now, zone, (year, month, day), time, fraction, named)


def _numbers(text: str, at: int, now: float, zone: dt.tzinfo | None) -> Stamp | None:
    """Read a date of three numbers: with dots the day comes first, with AM and PM the month, else it must be clear."""
    match = _NUMBERS.match(text, at)
    if match is None:
        return None
    one, separator, other, year, time, fraction, half, named = match.groups()
    month, day = (other, one) if separator == "." or (half is None and int(one) > 12) else (one, other)
    if separator != "." and half is None and int(one) <= 12 and int(other) <= 12 and one != other:
        return Stamp(match.end(), None)
    return Stamp(match.end(), _with_fraction(_whole(year, month, day, time, half, named, zone), fraction, now))


def _two_digits(text: str, at: int, now: float, zone: dt.tzinfo | None) -> Stamp | None:
    """Read a date of three two-digit numbers, if only one order makes a time that is not long ago or to come."""
    match = _TWO_DIGITS.match(text, at)
    if match is None:
        return None
    one, slash, two, three, time, fraction, half, named = match.groups()
    if not slash and len(one) + len(two) < 4:
        return None
    orders = ((one, two, three), (three, two, one), (three, one, two)) if slash else ((one, two, three),)
    found = {
        believable(_whole(year, month, day, time, half, named, zone), now)
        for year, month, day in orders
        if len(year) == 2
    }
    found.discard(None)
    return Stamp(match.end(), _with_fraction(found.pop(), fraction, now) if len(found) == 1 else None)


def _compact(text: str, at: int, now: float, zone: dt.tzinfo | None) -> Stamp | None:
    match = _COMPACT.match(text, at)
    if match is None:
        return None
    year, month, day, *clock, fraction, named = match.groups()
    seconds = _whole(year, month, day, ":".join(filter(None, clock)), None, named, zone)
    return Stamp(match.end(), _with_fraction(seconds, fraction, now))


def _colons(text: str, at: int, now: float, zone: dt.tzinfo | None) -> Stamp | None:
    match = _COLONS.match(text, at)
    if match is None:
        return None
    year, month, day, time, fraction = match.groups()
    return Stamp(match.end(), _with_fraction(_whole(year, month, day, time, None, None, zone), fraction, now))


def _month_day(text: str, at: int, now: float, zone: dt.tzinfo | None) -> Stamp | None:
    match = _MONTH_DAY.match(text, at)
    if match is None:
        return None
    month, mark, day, time, fraction = match.groups()
    if mark == "/":  # the day comes first in some places
        if int(month) > 12:
            month, day = day, month
        elif int(day) <= 12 and month != day:
            return Stamp(match.end(), None)
    return Stamp(match.end(), _without_year(int(month), day, time, fraction, now, zone)) if int(month) <= 12 else None


def _tai64n(text: str, at: int, now: float) -> Stamp | None:
    match = _TAI64N.match(text, at)
    if match is None:
        return None
    seconds = believable(int(match[1], 16) - _TAI64_EPOCH + int(match[2], 16) / 1e9, now)
    return None if seconds is None else Stamp(match.end(), round(seconds, 6))


def _epoch(text: str, at: int, now: float, _zone: dt.tzinfo | None) -> Stamp | None:
    match = _EPOCH.match(text, at)
    if match is None:
        return None
    seconds = believable(float(match[0]), now)
    return None if seconds is None else Stamp(match.end(), round(seconds, 6))  # otherwise it is some other number


def _day_month(text: str, at: int, now: float, zone: dt.tzinfo | None) -> Stamp | None:
    match = _DAY_MONTH.match(text, at)
    if match is None:
        return None
    return Stamp(match.end(), _without_year(_MONTHS[match[2].lower()], match[1], match[3], match[4], now, zone))


def _named(text: str, at: int, now: float, zone: dt.tzinfo | None) -> Stamp | None:
    """Read a time that begins with the name of a month or of a day."""
    match = _SYSLOG.match(text, at)
    if match is not None:
        month, day, year, time, fraction, year_behind = match.groups()
        year = year or year_behind
        if year is None:
            return Stamp(match.end(), _without_year(_MONTHS[month.lower()], day, time, fraction, now, zone))
        return _dated(match, now, zone, (year, month, day), time, fraction)
    match = _MONTH_DAY_YEAR.match(text, at)
    if match is not None:
        month, day, year, time, fraction = match.groups()
        return _dated(match, now, zone, (year, month, day), time, fraction)
    match = _CTIME.match(text, at)
    if match is not None:
        month, day, time, fraction, named, year = match.groups()
        return _dated(match, now, zone, (year, month, day), time, fraction, named)
    match = _RFC1123.match(text, at)
    if match is not None:
        day, month, year, time, fraction, named = match.groups()
        return _dated(match, now, zone, (year, month, day), time, fraction, named)
    match = _WITH_WEEKDAY.match(text, at)
    if match is not None:
        return read_stamp(text, match.end(), now, zone)
    match = _JAVA.match(text, at)
    if match is None:
        return None
    month, day, year, time, fraction, half, named = match.groups()
    return _dated(match, now, zone, (year, month, day), time, fraction, named, half)


def _without_year(
    month: int, day: str, time: str, fraction: str | None, now: float, zone: dt.tzinfo | None
) -> float | None:
    """Return the last time that a date without a year can mean, a clock a week ahead allowed for."""
    this_year = dt.datetime.fromtimestamp(now, dt.UTC).year
    for year in (this_year + 1, this_year, this_year - 1):
        seconds = _whole(str(year), month, day, time, None, None, zone)
        if seconds is not None and seconds <= now + _AHEAD_WITHOUT_YEAR:
            return _with_fraction(seconds, fraction, now)
    return None
