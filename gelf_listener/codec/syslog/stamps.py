"""
Stamps: the time in the header of a BSD syslog message, as hosts and devices write it.

Understood: without a year, with one before, within or behind; fractions, AM and PM; ISO 8601; seconds since 1970; what
Sophos UTM and NetScaler have of their own; offsets and names of zones behind it. A name that several zones share is
read as `zones` says and noted, unless a setting says which one is meant.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

from gelf_listener.codec.gelf.keys import note
from gelf_listener.codec.zones import AMBIGUOUS, ZONES, zone_of
from gelf_listener.notes import Deviation, Note

_SECONDS_A_DAY = 86_400
_AHEAD_DAYS = 7
"""How far a clock may be ahead: a stamp without a year is the last such day, but for this."""

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_DATE = re.compile(
    rf"""
    [*.]?                                               # Cisco: the clock is not set, or has lost its server
    (?:
        (?P<iso>\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d:\d\d (?:[.,]\d{{1,9}})?)
        |
        (?P<utm>\d{{4}}(?::\d\d:\d\d-|/\d\d/\d\d:)\d\d:\d\d:\d\d)  # Sophos UTM; NetScaler, year first
        |
        (?P<american>\d\d/\d\d/\d{{4}}:\d\d:\d\d:\d\d)  # NetScaler
        |
        (?:(?:mon|tue|wed|thu|fri|sat|sun),?\ +)?
        (?:(?P<year_first>\d{{4}})\ +)?
        (?P<month>{"|".join(MONTHS)})\ +(?P<day>\d{{1,2}}),?\ +
        (?:(?P<year>\d{{4}})\ +)?
        (?P<time>\d{{1,2}}:\d\d:\d\d) (?:\ (?P<half>[AP]M)(?=[. :]))?
        (?P<fraction>[.,]\d{{1,9}}|:\d{{3}}(?=\ \d{{4}}\ ))? (?!:?\d)  # a colon: H3C
        (?:\ (?P<year_last>(?:19|20)\d\d)(?=\ |:[ ]|:?\Z))?
    )
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
_OFFSET = re.compile(r" ?(Z|[+-]\d\d:?\d\d)(?: DST)?(?=[ :]|\Z)")
_FROM_GMT = re.compile(r" ?(?:GMT|UTC)([+-])(\d{1,2})(?::?(\d\d))?(?=[ :]|\Z)")
_NAME = re.compile(r" ?([A-Z]{2,5})(?=[ :]|\Z)")
_YEAR_BEHIND = re.compile(r" ((?:19|20)\d\d)(?= |:[ ]|:?\Z)")
_END = re.compile(r" ?:?(?: +|\Z)")
_HOST_AND_TAG = re.compile(r" +[\w.:-]+ +(?::|%|[^\s:\[\]]+(?:\[[^\]\s]*\])?:)")
_EPOCH = re.compile(r"1 (\d{10})(\.\d{1,9})?(?: +|\Z)")

_LIKE_HOSTS = frozenset(("ART", "CAT", "COT", "EAT", "GST", "ICT", "NPT", "PET", "WAT", "WIB", "WIT", "SAMT", "PHT"))
"""Zones that may as well be hosts: a zone only in front of a colon, or of a host and a tag."""


class Clock(NamedTuple):
    """
    How times are read.

    Attributes:
        now: UTC Unix seconds: a time stamp without a year is in the past, but for clocks ahead.
        zone: Of time stamps without an offset; None: this machine's.
        names: Zones by names that mean something else here than in `zones.ZONES`, or that are not there.
    """

    now: float
    zone: dt.tzinfo | None
    names: Mapping[str, dt.tzinfo] = {}

    def zone_named(self, name: str) -> dt.tzinfo | None:
        """Return the zone of a name; None when it is not known."""
        return self.names.get(name) or zone_of(name)


class Stamp(NamedTuple):
    """
    A time stamp.

    Attributes:
        end: Where it ends, with what separates it from what follows.
        seconds: UTC Unix seconds; None when there is no such time.
        notes: What was guessed.
    """

    end: int
    seconds: float | None
    notes: tuple[Note, ...] = ()


def read_stamp(text: str, clock: Clock, at: int = 0) -> Stamp | None:
    """Read the time stamp at a place in a text; None when there is none."""
    match = _DATE.match(text, at)
    if match is None:
        return _epoch(text, at)
    end, zone, notes = _read_zone(text, match.end(), clock)
    behind = _YEAR_BEHIND.match(text, end)
    if behind is not None:
        end = behind.end()
    stop = _END.match(text, end)
    if stop is None:
        return None
    year = match["year"] or match["year_first"] or match["year_last"] or (behind and behind[1])
    if match["month"]:
        seconds = _named(match, year, zone, clock)
    else:
        seconds, guessed = _numbers(match, zone)
        notes += guessed
    return Stamp(stop.end(), seconds, notes)


def usual_stamp(month: str, day: str, time: str, clock: Clock) -> float | None:
    """Return the time of the stamp of RFC 3164: month, day and time of day."""
    return _whole_seconds(month, day, time, None, clock.zone, int(clock.now // _SECONDS_A_DAY))


def _epoch(text: str, at: int) -> Stamp | None:
    """Read seconds since 1970 behind a version, as Meraki's devices send them."""
    match = _EPOCH.match(text, at)
    return None if match is None else Stamp(match.end(), round(float(match[1] + (match[2] or "")), 6))


def _read_zone(text: str, at: int, clock: Clock) -> tuple[int, dt.tzinfo | None, tuple[Note, ...]]:
    """Read the offset or name behind a time: where it ends, the zone, and what was guessed about it."""
    offset = _OFFSET.match(text, at)
    if offset is not None:
        return offset.end(), zone_of(offset[1]), ()
    offset = _FROM_GMT.match(text, at)
    if offset is not None:
        return offset.end(), zone_of(f"{offset[1]}{int(offset[2]):02}{offset[3] or '00'}"), ()
    match = _NAME.match(text, at)
    if match is None:
        return at, clock.zone, ()
    name, end = match[1], match.end()
    zone = clock.zone_named(name)
    colon = text[end : end + 1] == ":" or text[end : end + 3] == " : "
    if zone is None:
        if not colon or text[at : at + 1] != " " or not text[end:].lstrip(" :").startswith("%"):
            return at, clock.zone, ()  # a host
        detail = f"the zone {name} is not known; zone_names says what it means"
        return end, clock.zone, (note(Deviation.GUESSED, "timestamp", detail),)
    if name in _LIKE_HOSTS and name not in clock.names and not colon and _HOST_AND_TAG.match(text, end) is None:
        return at, clock.zone, ()
    if name in AMBIGUOUS and name not in clock.names:
        hours, minutes = divmod(abs(ZONES[name]), 60)
        sign = "-" if ZONES[name] < 0 else "+"
        detail = f"{name} is taken for {sign}{hours:02}:{minutes:02}; zone_names says what it means"
        return end, zone, (note(Deviation.GUESSED, "timestamp", detail),)
    return end, zone, ()


def _named(match: re.Match[str], year: str | None, zone: dt.tzinfo | None, clock: Clock) -> float | None:
    """Return the time of a stamp with the name of a month."""
    time = match["time"]
    if match["half"]:
        hour, _, rest = time.partition(":")
        time = f"{int(hour) % 12 + (12 if match['half'].upper() == 'PM' else 0):02}:{rest}"
    seconds = _whole_seconds(match["month"], match["day"], time, year, zone, int(clock.now // _SECONDS_A_DAY))
    if seconds is None or not match["fraction"]:
        return seconds
    return round(seconds + float("0." + match["fraction"][1:]), 6)


def _numbers(match: re.Match[str], zone: dt.tzinfo | None) -> tuple[float | None, tuple[Note, ...]]:
    """Return the time of a stamp of numbers, and what was guessed."""
    if match["iso"]:
        return iso_seconds(match["iso"], zone), ()
    if match["utm"]:
        date, time = match["utm"][:10], match["utm"][11:]
        return iso_seconds(f"{date.replace(':', '-').replace('/', '-')}T{time}", zone), ()
    date, _, time = match["american"].partition(":")
    month, day, year = date.split("/")
    if int(month) > 12:
        month, day = day, month
    elif int(day) <= 12 and day != month:
        noted = (note(Deviation.GUESSED, "timestamp", "the month is taken to come before the day"),)
        return iso_seconds(f"{year}-{month}-{day}T{time}", zone), noted
    return iso_seconds(f"{year}-{month}-{day}T{time}", zone), ()


@lru_cache(maxsize=1024)
def _whole_seconds(
    month: str, day: str, time: str, year: str | None, zone: dt.tzinfo | None, today: int
) -> float | None:
    """Return the time of a stamp without fraction; a busy sender repeats it thousands of times."""
    try:
        hour, minute, second = map(int, time.split(":"))
    except ValueError:
        return None
    middle = (today + 0.5) * _SECONDS_A_DAY
    this_year = dt.datetime.fromtimestamp(middle, dt.UTC).year
    years = [int(year)] if year else [this_year - 1, this_year, this_year + 1]
    times = []
    for each in years:
        try:
            moment = dt.datetime(each, MONTHS.index(month.lower()) + 1, int(day), hour, minute, second, tzinfo=zone)
            times.append(moment.timestamp())
        except (ValueError, OverflowError, OSError):
            continue
    past = [seconds for seconds in times if seconds < middle + _AHEAD_DAYS * _SECONDS_A_DAY]
    return max(past, default=times[0] if times else None)


def iso_seconds(text: str, zone: dt.tzinfo | None) -> float | None:
    """
    Read ISO 8601; without an offset it is meant in a zone.

    Args:
        text: With a date and a time.
        zone: None: this machine's.

    Returns:
        UTC Unix seconds, or None when it is not a time.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment.timestamp()
    except (ValueError, OverflowError, OSError):
        return None
