"""
BSD syslog (RFC 3164) and what devices made of it: the header behind the priority.

The RFC describes what was seen in 2001, not what is right. Understood here: time stamps without a year, with one,
with fractions and zones, in ISO 8601 (rsyslog's forwarding format), or missing; no host, as `logger` and the C library
send it to a local socket; tags with and without a process id; Cisco's sequence numbers; FortiGate's key-value lines.
"""

from __future__ import annotations

import datetime as dt
import re
from functools import lru_cache
from typing import NamedTuple

__all__ = ["Header", "iso_seconds", "parse_bsd"]

_SECONDS_A_DAY = 86_400
_AHEAD_DAYS = 7
"""How far a clock may be ahead: a stamp without a year is the last such day, but for this."""

_ZONES = {
    "UTC": 0,
    "GMT": 0,
    "Z": 0,
    "CET": 1,
    "CEST": 2,
    "EST": -5,
    "EDT": -4,
    "CST": -6,
    "CDT": -5,
    "MST": -7,
    "MDT": -6,
    "PST": -8,
    "PDT": -7,
}
"""Zone names of Cisco's `service timestamps ... show-timezone`; another word behind the time is a host."""

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

_STAMP = re.compile(
    rf"""
    [*.]?                                               # Cisco: the clock is not set, or has lost its server
    (?:
        (?P<iso>\d{{4}}-\d\d-\d\d[T ]\d\d:\d\d:\d\d (?:[.,]\d{{1,9}})? (?:Z|[+-]\d\d:?\d\d)?)
        |
        (?:(?P<year_first>\d{{4}})\ +)?
        (?P<month>{"|".join(_MONTHS)})\ +(?P<day>\d{{1,2}})\ +
        (?:(?P<year>\d{{4}})\ +)?
        (?P<time>\d\d:\d\d:\d\d)(?P<fraction>[.,]\d{{1,9}})?
        (?:\ (?P<year_last>(?:19|20)\d\d)(?=[ :]|\Z))?
        (?:\ ?(?P<zone>{"|".join(_ZONES)}|[+-]\d\d:?\d\d)(?=[ :]|\Z))?
        (?:\ (?P<year_behind>(?:19|20)\d\d)(?=[ :]|\Z))?
    )
    :?(?:\ +|\Z)
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)

_TAG = re.compile(r"(?P<app>[^\s:\[\]]{1,128})(?:\[(?P<pid>[^\]\s]{1,64})\]:?|:)(?:[ ]+|\Z)")
_HOST = re.compile(r"[\w.:%@/-]{1,255}", re.ASCII)
_PLAIN = re.compile(
    rf"({'|'.join(month.title() for month in _MONTHS)}) ([ 0-3][0-9]) ([0-9:]{{8}}) "
    r"([A-Za-z0-9][\w.-]{0,254}) ([^\s:\[\]%]{1,128})(?:\[([^\]\s]{1,64})\])?: ",
    re.ASCII,
)
"""Exactly what the RFC describes: everything in one match (see `make bench`, syslog)."""

_CISCO = re.compile(r"(?P<sequence>\d{1,10}): (?:(?P<host>[A-Za-z][\w.-]{0,254}): (?:\d{1,10}: )?)?", re.ASCII)
_FORTIGATE = re.compile(r"date=\d{4}-\d\d-\d\d time=\d\d:\d\d:\d\d ")
_PAIR = re.compile(r'([A-Za-z][\w.-]{0,63})=("(?:[^"\\]|\\.)*+"|[^\s"]*)')


class Header(NamedTuple):
    """
    What stands before the text of a BSD message, and the text.

    Attributes:
        text: The message.
        timestamp: UTC Unix seconds; None when there is none, or none that is a time.
        stamped: Whether something like a time stamp was there.
        host: Empty when absent.
        fields: ``application_name``, ``process_id``, ``sequence_number``, FortiGate's pairs; ``original_timestamp``,
            the text of one that is no time.
    """

    text: str
    timestamp: float | None = None
    stamped: bool = False
    host: str = ""
    fields: dict[str, str | int] = {}  # noqa: RUF012  (never changed)


def parse_bsd(text: str, now: float, zone: dt.tzinfo | None) -> Header:
    """
    Take a text apart that follows a priority.

    Args:
        text: Without priority and without line end.
        now: UTC Unix seconds: a time stamp without a year is in the past, but for clocks ahead.
        zone: Of time stamps without an offset; None: this machine's.
    """
    fields: dict[str, str | int] = {}
    plain = _PLAIN.match(text)
    if plain is not None:  # what nearly all are
        month, day, time, host, app, process_id = plain.groups()
        fields["application_name"] = app
        if process_id:
            fields["process_id"] = process_id
        timestamp = _whole_seconds(month, day, time, None, None, zone, int(now // _SECONDS_A_DAY))
        if timestamp is None:
            fields["original_timestamp"] = f"{month} {day} {time}"
        return Header(text[plain.end() :], timestamp, True, host, fields)
    if _FORTIGATE.match(text):
        return _fortigate(text, zone)
    host = ""
    rest = text
    cisco = _CISCO.match(text) if "0" <= text[:1] <= "9" else None
    if cisco is not None:
        fields["sequence_number"] = int(cisco["sequence"])
        host = cisco["host"] or ""
        rest = text[cisco.end() :]
    stamp = _STAMP.match(rest)
    if stamp is None:
        if cisco is not None:
            return Header(rest, host=host, fields=fields)
        return _tagged(text, None, stamped=False, host="", fields=fields, sure=False)
    timestamp = _seconds(stamp, now, zone)
    if timestamp is None:
        fields["original_timestamp"] = stamp[0].rstrip(" :")
    rest = rest[stamp.end() :]
    if rest.startswith("%") or cisco is not None:  # Cisco's %FACILITY-SEVERITY-MNEMONIC belongs to the text
        return Header(rest, timestamp, stamped=True, host=host, fields=fields)
    tag = _TAG.match(rest)
    if tag is None:
        first, space, behind = rest.partition(" ")
        if space and _HOST.fullmatch(first):
            behind = behind.lstrip(" ").removeprefix(": ")  # Cisco's ASA writes "host : %ASA-6-302013: ..."
            return _tagged(behind, timestamp, stamped=True, host=first, fields=fields, sure=True)
    return _tagged(rest, timestamp, stamped=True, host="", fields=fields, sure=True)


def _tagged(
    text: str, timestamp: float | None, *, stamped: bool, host: str, fields: dict[str, str | int], sure: bool
) -> Header:
    """Take the tag off a text; where nothing came before it, only one with a process id is surely a tag."""
    tag = _TAG.match(text)
    if tag is not None and (sure or tag["pid"]) and not text.startswith("%"):
        fields["application_name"] = tag["app"]
        if tag["pid"]:
            fields["process_id"] = tag["pid"]
        text = text[tag.end() :]
    return Header(text, timestamp, stamped, host, fields)


def _fortigate(text: str, zone: dt.tzinfo | None) -> Header:
    """Read FortiGate's pairs; the text stays whole, as in Graylog."""
    fields: dict[str, str | int] = {
        name: value[1:-1] if value[:1] == '"' else value for name, value in _PAIR.findall(text)
    }
    offset = fields.get("tz", "")
    stamp = f"{fields['date']}T{fields['time']}{offset}"
    timestamp = iso_seconds(stamp, zone)
    fields.pop("level", None)  # a word; the priority has the number
    return Header(text, timestamp, stamped=True, host=str(fields.get("devname", "")), fields=fields)


def _seconds(stamp: re.Match[str], now: float, zone: dt.tzinfo | None) -> float | None:
    """Return the time a stamp means; None when there is no such time."""
    if stamp["iso"]:
        return iso_seconds(stamp["iso"], zone)
    year = stamp["year"] or stamp["year_first"] or stamp["year_last"] or stamp["year_behind"]
    seconds = _whole_seconds(
        stamp["month"], stamp["day"], stamp["time"], year, stamp["zone"], zone, int(now // _SECONDS_A_DAY)
    )
    if seconds is None or not stamp["fraction"]:
        return seconds
    return round(seconds + float("0." + stamp["fraction"][1:]), 6)


@lru_cache(maxsize=1024)
def _whole_seconds(
    month: str, day: str, time: str, year: str | None, named: str | None, zone: dt.tzinfo | None, today: int
) -> float | None:
    """Return the time of a stamp without fraction; a busy sender repeats it thousands of times."""
    try:
        hour, minute, second = map(int, time.split(":"))
    except ValueError:
        return None
    if named is not None:
        zone = _offset(named)
    middle = (today + 0.5) * _SECONDS_A_DAY
    this_year = dt.datetime.fromtimestamp(middle, dt.UTC).year
    years = [int(year)] if year else [this_year - 1, this_year, this_year + 1]
    times = []
    for each in years:
        try:
            moment = dt.datetime(each, _MONTHS.index(month.lower()) + 1, int(day), hour, minute, second, tzinfo=zone)
            times.append(moment.timestamp())
        except (ValueError, OverflowError, OSError):
            continue
    past = [seconds for seconds in times if seconds < middle + _AHEAD_DAYS * _SECONDS_A_DAY]
    return max(past, default=times[0] if times else None)


def _offset(named: str) -> dt.tzinfo:
    """Return the zone of a name or of an offset such as +01:00."""
    hours = _ZONES.get(named.upper())
    if hours is not None:
        return dt.timezone(dt.timedelta(hours=hours))
    digits = named[1:].replace(":", "")
    offset = dt.timedelta(hours=min(int(digits[:2]), 23), minutes=min(int(digits[2:]), 59))
    return dt.timezone(-offset if named[0] == "-" else offset)


def iso_seconds(text: str, zone: dt.tzinfo | None) -> float | None:
    """
    Read ISO 8601; without an offset it is meant in a zone.

    Args:
        text: With a date and a time.
        zone: None: this machine's.

    Returns:
        UTC Unix seconds, or None when it is no time.
    """
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone)
        return moment.timestamp()
    except (ValueError, OverflowError, OSError):
        return None
