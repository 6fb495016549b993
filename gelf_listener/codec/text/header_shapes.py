# ruff: noqa: E501  (a row a shape: a table is read by its columns)
"""
Shapes of headers: the ways to begin a line that the words of a header do not tell (see `plain`).

To add one: a row of `SHAPES`, with a function for what it says if none here does, and a vector with the program and its
version in tests/vectors/lines/headers.json. Patterns are bounded and never backtrack far: lines come from anybody.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from gelf_listener.codec.levels import LEVEL_LETTERS, LEVEL_NAMES
from gelf_listener.codec.text.languages import month_number
from gelf_listener.codec.text.stamps import ISO, believable, iso_stamp, read_stamp
from gelf_listener.codec.zones import zone_of
from gelf_listener.message import FieldValue


class Header(NamedTuple):
    """
    What the beginning of a line says.

    Attributes:
        level: Syslog severity; None when it does not say.
        seconds: UTC Unix seconds; None when it has no time that is to be believed.
        stamped: Whether it begins with a time, believable or not.
        guessed: Whether the level stands in no place of a known format.
        host: Of syslog files; empty otherwise.
        fields: What else a shape reads.
        goes_on: How many lines behind it are its own, for a record in several lines; -1: those that are indented.
        rest: Where another header begins behind it, such as a program's behind that of syslog; 0: nowhere.
    """

    level: int | None = None
    seconds: float | None = None
    stamped: bool = False
    guessed: bool = False
    host: str = ""
    fields: dict[str, FieldValue] = {}  # noqa: RUF012  (never changed)
    goes_on: int = 0
    rest: int = 0


NO_HEADER = Header()


class Shape(NamedTuple):
    """
    One way to begin a line that the words of a header do not tell.

    Attributes:
        name: As docs/inputs/lines.md lists it.
        starts: First characters of such lines, or their first two; empty: any. One regular expression less for others.
        pattern: Matches at the beginning of a line.
        read: Makes the header of a match, the time now and the zone of times without one.
        needs: A text that such a line has in it: cheaper to look for than the pattern.
    """

    name: str
    starts: Sequence[str]
    pattern: re.Pattern[str]
    read: Callable[[re.Match[str], float, dt.tzinfo | None], Header]
    needs: str = ""


def _iso(match: re.Match[str], now: float, zone: dt.tzinfo | None, level: int | None) -> Header:
    """Make the header of a match that begins with `ISO`'s groups."""
    return Header(level, iso_stamp(match, now, zone), True)


def _at(text: str, now: float, zone: dt.tzinfo | None) -> float | None:
    """Return the time a text is."""
    stamp = read_stamp(text, 0, now, zone)
    return None if stamp is None else stamp.seconds


def _glog(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    letter, date, time = match.groups()
    if len(date) == 4:
        stamp = f"{_MONTH_NAMES[int(date[:2])]} {date[2:]} {time}" if 1 <= int(date[:2]) <= 12 else ""
    else:
        year = date[:-4] if len(date) == 8 else f"20{date[:-4]}"
        stamp = f"{year}-{date[-4:-2]}-{date[-2:]} {time}"
    return Header(LEVEL_LETTERS[letter], _at(stamp, now, zone), True)


def _when(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> tuple[float | None, bool]:
    """Return the time of a form, and whether it has one."""
    stamp = match.groupdict().get("stamp")
    return None if stamp is None else _at(stamp, now, zone), stamp is not None


def _severity(level: str) -> int | None:
    return LEVEL_LETTERS.get(level) if len(level) == 1 else LEVEL_NAMES.get(level.lower())


def _month_day(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read log15's and logcat's time, which has a month and a day but no year."""
    level, month, day, time = match["level"], match["month"], match["day"], match["time"]
    name = _MONTH_NAMES[int(month)] if 1 <= int(month) <= 12 else ""
    return Header(_severity(level), _at(f"{name} {day} {time}", now, zone), True)


def lettered(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read a form with a letter and a time of any kind."""
    return Header(LEVEL_LETTERS[match["letter"]], _at(match["stamp"], now, zone), True)


def _letter(match: re.Match[str], _now: float, _zone: dt.tzinfo | None) -> Header:
    return Header(LEVEL_LETTERS[match[1]])


def _tornado(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    letter, date, time = match.groups()
    stamp = f"20{date[:2]}-{date[2:4]}-{date[4:]}" if len(date) == 6 else date
    return Header(LEVEL_LETTERS[letter], _at(f"{stamp} {time}", now, zone), True)


def _redis(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    return Header(_REDIS[match["mark"]], _at(match["stamp"], now, zone), True)


def _priority(match: re.Match[str], _now: float, _zone: dt.tzinfo | None) -> Header:
    number = int(match[1])
    return Header(number & 7 if number < 192 else None, rest=match.end())


def _dotnet(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    stamp, level, logger, event, text = match.groups()
    fields: dict[str, FieldValue] = {"logger": logger, "event_id": int(event)}
    seconds = None if stamp is None else _at(stamp.lstrip("[("), now, zone)
    return Header(LEVEL_NAMES[level], seconds, stamp is not None, fields=fields, goes_on=0 if text.strip() else 1)


def named(match: re.Match[str], _now: float, _zone: dt.tzinfo | None) -> Header:
    """Read a level that is named in the first group that matched."""
    return Header(_NAMED[match[match.lastindex or 1].lower()])


def _warning(_match: re.Match[str], _now: float, _zone: dt.tzinfo | None) -> Header:
    return Header(4, goes_on=-1)


def _first_of_two(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    return Header(None, _at(match["stamp"], now, zone), True, goes_on=1)


def _elsewhere(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read java.util.logging's first line in another language: ``Nov. 29, 2026 8:11:46 PM``."""
    number = month_number(match["month"])
    half = "PM" if match["half"][:1] in "Pp" or match["half"] in ("\u5348\u5f8c", "\u4e0b\u5348") else "AM"
    stamp = f"{_MONTH_NAMES[number or 0]} {match['day']}, {match['year']} {match['time']} {half}"
    return NO_HEADER if number is None else Header(None, _at(stamp, now, zone), True, goes_on=1)


def _snort(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    month, day, year, time = match.groups()
    name = _MONTH_NAMES[int(month)] if 1 <= int(month) <= 12 else ""
    return Header(4, _at(f"{name} {day} {year + ' ' if year else ''}{time}", now, zone), True)


def _chromium(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    month, day, hour, minute, second, level = match.groups()
    name = _MONTH_NAMES[int(month)] if 1 <= int(month) <= 12 else ""
    severity = LEVEL_NAMES.get(level.rstrip("0123456789").lower())
    return Header(severity, _at(f"{name} {day} {hour}:{minute}:{second}", now, zone), True)


def _status(match: re.Match[str], _now: float, _zone: dt.tzinfo | None) -> Header:
    return Header(_STATUSES[match[1].strip()], rest=match.end())


def _ef_core(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    level, stamp, event, number, category = match.groups()
    fields: dict[str, FieldValue] = {"logger": category, "event": event, "event_id": int(number)}
    return Header(LEVEL_NAMES[level], _at(stamp, now, zone), True, fields=fields, goes_on=1)


def _says(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read a form that names a level, and a time if there is one."""
    return Header(LEVEL_NAMES[match["level"].lower()], *_when(match, now, zone))


def _tagged(match: re.Match[str], _now: float, _zone: dt.tzinfo | None) -> Header:
    fields: dict[str, FieldValue] = {"application_name": match["app"], "process_id": match["pid"]}
    return Header(fields=fields, rest=match.end())


def _timed(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    seconds = _at(match["stamp"], now, zone)
    return Header(None, seconds, seconds is not None)


def _erlang(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    level = {"ERROR": 3, "CRASH": 3, "WARNING": 4, "SUPERVISOR": 3}.get(match[1], 6)
    return Header(level, _at(match[2].replace("::", " "), now, zone), True, goes_on=_TO_A_BLANK_LINE)


def of_letter(levels: dict[str, int]) -> Callable[[re.Match[str], float, dt.tzinfo | None], Header]:
    """Return what reads a form whose letter, digit or word means what a table says, and a time if there is one."""

    def read(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
        return Header(levels.get(match["level"]), *_when(match, now, zone))

    return read


def _day_first(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read NFS-Ganesha's time, whose day comes first."""
    day, month, year, time = match["day"], match["month"], match["year"], match["time"]
    return Header(_GANESHA[match["level"]], _at(f"{year}-{month}-{day} {time}", now, zone), True)


def _month_first(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read Splunk's time, whose month comes first."""
    month, day, year, time, level = match.groups()
    return Header(LEVEL_NAMES.get(level.lower()), _at(f"{year}-{month}-{day} {time}", now, zone), True)


def _compact(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read a date and a time of day without marks between their numbers: Meteor, Zabbix, Greenplum, HDFS."""
    groups = match.groupdict()
    date, time, level = groups["date"], groups["time"].replace(":", ""), groups.get("level")
    date = f"20{date}" if len(date) == 6 else date
    stamp = f"{date[:4]}-{date[4:6]}-{date[6:]} {time[:2]}:{time[2:4]}:{time[4:]}"
    return Header(None if not level else _severity(level), _at(stamp, now, zone), True)


def _db2(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read the first line of a record of db2diag.log: the zone is in minutes, and its other lines have names."""
    date, hour, minute, second, sign, minutes, level = match.groups()
    east = f"{sign}{int(minutes) // 60:02}:{int(minutes) % 60:02}"
    severity = {"event": 6}.get(level.lower(), LEVEL_NAMES.get(level.lower()))
    seconds = _at(f"{date} {hour}:{minute}:{second}{east}", now, zone)
    return Header(severity, seconds, True, goes_on=_TO_A_BLANK_LINE)


def _hexadecimal(match: re.Match[str], now: float, _zone: dt.tzinfo | None) -> Header:
    """Read slapd's time: seconds and nanoseconds since 1970, hexadecimal."""
    seconds = believable(int(match["whole"], 16) + int(match["nanos"], 16) / 1e9, now)
    return Header(None, None if seconds is None else round(seconds, 6), True)


def _nagios(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    return Header(_NAGIOS.get(match["state"]), _at(match["stamp"], now, zone), True)


def _record_of(level: int | None, goes_on: int) -> Callable[[re.Match[str], float, dt.tzinfo | None], Header]:
    """Return what reads the first line of a record of several lines."""

    def read(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
        return Header(level, *_when(match, now, zone), goes_on=goes_on)

    return read


def _syslog_file(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read a line of a syslog file: host and program, and the level where the text begins with one, or BusyBox says it."""
    groups = match.groupdict()
    fields: dict[str, FieldValue] = {"application_name": groups["app"]}
    if groups["pid"]:
        fields["process_id"] = groups["pid"]
    said = groups.get("level") or groups.get("before") or groups.get("behind") or ""
    level = _NUMBERED.get(said, LEVEL_NAMES.get(said))
    return Header(
        level, _at(match["stamp"], now, zone), True, host=groups.get("host") or "", fields=fields, rest=match.end()
    )


def _syslog_protocol(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read a line of a file in the form of RFC 5424."""
    number = int(match["priority"])
    names = {"app": "application_name", "pid": "process_id", "id": "message_id"}
    fields: dict[str, FieldValue] = {stored: match[name] for name, stored in names.items() if match[name] != "-"}
    host = match["host"] if match["host"] != "-" else ""
    level = number & 7 if number < 192 else None
    return Header(level, _at(match["stamp"], now, zone), True, host=host, fields=fields)


def _esxi(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read a level of two letters: ``In(14)``, the number of its priority within."""
    fields: dict[str, FieldValue] = {} if match["app"] is None else {"application_name": match["app"]}
    if match["pid"]:
        fields["process_id"] = match["pid"]
    return _iso(match, now, zone, _ESXI[match["level"]])._replace(fields=fields)


def _since_1970(match: re.Match[str], now: float, _zone: dt.tzinfo | None) -> Header:
    """Read a time that is a number, as a level behind it shows: seconds, or thousandths of them and so on."""
    digits = match["stamp"]
    seconds = believable(int(digits) / 10 ** (len(digits) - 10), now)
    return Header(LEVEL_NAMES[match["level"].lower()], None if seconds is None else round(seconds, 6), True)


def _wrapped(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read what is around a line: the Java Service Wrapper says INFO of whatever the program prints."""
    level = None if match["level"] == "INFO" else _WRAPPER.get(match["level"])
    return Header(level, _at(match["stamp"], now, zone), True, rest=match.end())


def _sssd(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read SSSD's levels, which are bits: the lower, the worse."""
    stamp = match["iso"] or f"{match['day']}{'.' + match['micros'] if match['micros'] else ''} {match['year']}"
    level = next((level for most, level in _SSSD if int(match["level"], 16) <= most), 7)
    return Header(level, _at(stamp, now, zone), True)


def _cisco(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read a line with Cisco's mnemonic, in which the level is a number: ``%LINK-3-UPDOWN``."""
    groups = match.groupdict()
    named = zone_of(groups["zone"]) if groups.get("zone") else None
    stamp = groups.get("stamp")
    seconds = None if stamp is None else _at(stamp, now, named or zone)
    return Header(int(match["level"]), seconds, stamp is not None, host=groups.get("host") or "")


def _topics(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read MikroTik's topics in a file, the worst level among which counts."""
    levels = [LEVEL_NAMES[topic] for topic in match["topics"].split(",") if topic in _TOPICS]
    fields: dict[str, FieldValue] = {"topics": match["topics"]}
    return Header(min(levels, default=None), _at(match["stamp"], now, zone), True, host=match["host"], fields=fields)


def _go_prefix(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read Go's log with a prefix in front of the time: it may name a level."""
    names = (name.lower() for name in (match["prefix"], match["second"]) if name and name.isupper())
    level = next((LEVEL_NAMES[name] for name in names if name in LEVEL_NAMES), None)
    return Header(level, _at(match["stamp"], now, zone), True, rest=match.end())


def _windows_event(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read the system part of an event of Windows, written as XML."""
    found = {name: value for each in _EVENT.finditer(match[0]) for name, value in each.groupdict().items() if value}
    names = {"provider": "application_name", "number": "event_id", "channel": "event_log"}
    fields: dict[str, FieldValue] = {stored: found[name] for name, stored in names.items() if name in found}
    level = _EVENT_LEVELS.get(found.get("level", ""))
    seconds = _at(found["stamp"], now, zone) if "stamp" in found else None
    return Header(level, seconds, seconds is not None, host=found.get("host", ""), fields=fields)


_TO_A_BLANK_LINE = 1000

_MONTH_NAMES = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_REDIS = {".": 7, "-": 6, "*": 5, "#": 4}
"""As Redis itself hands them to syslog."""

_GANESHA = {"FATAL": 2, "MAJ": 2, "CRIT": 3, "WARN": 4, "EVENT": 5, "INFO": 6, "DEBUG": 7, "M_DBG": 7, "F_DBG": 7}
"""As NFS-Ganesha itself hands them to syslog."""

_NAGIOS = {"CRITICAL": 2, "DOWN": 2, "UNREACHABLE": 3, "WARNING": 4, "UNKNOWN": 4, "OK": 6, "UP": 6}
_ESXI = dict(zip(("Em", "Al", "Cr", "Er", "Wa", "No", "In", "Db"), range(8), strict=True))
_WRAPPER = {"FATAL": 2, "ERROR": 3, "WARN": 4, "NOTICE": 5, "ADVICE": 5, "STATUS": 6, "DEBUG": 7}
_SSSD = ((0x20, 2), (0x40, 3), (0x80, 4), (0x200, 6))
_TOPICS = frozenset(("info", "error", "warning", "critical", "debug"))
_EVENT = re.compile(
    r"<Provider Name=['\"](?P<provider>[^'\"<>]{1,128})|<EventID[^>]{0,40}>(?P<number>\d{1,8})<|<Level>(?P<level>\d)<"
    r"|SystemTime=['\"](?P<stamp>[\dT:.Z-]{19,35})|<Channel>(?P<channel>[^<]{1,128})<|<Computer>(?P<host>[^<]{1,255})<"
)
_EVENT_LEVELS = {"0": 6, "1": 2, "2": 3, "3": 4, "4": 6, "5": 7}
_WEBSPHERE = dict(zip("FEWAICDOR123", (2, 3, 4, 5, 6, 6, 6, 6, 3, 7, 7, 7), strict=True))
"""A: audit, O and R: what a program printed on standard output and standard error, 1 to 3: tracing."""
_NUMBERED = {str(number): number for number in range(8)}
"""syslog's own: stunnel, the kernel's ring buffer."""
_ZONEMINDER = {"INF": 6, "WAR": 4, "ERR": 3, "FAT": 2, "PNC": 2, **{f"DB{number}": 7 for number in range(10)}}
_BACULA = {"Warning": 4, "Error": 3, "Fatal error": 2}
_ULOGD = {"1": 7, "3": 6, "5": 5, "7": 3, "8": 2}
_PLAIN_LETTERS = {**LEVEL_LETTERS, "N": 6}
"""N: normal."""
_SMALL_LETTERS = {letter.lower(): level for letter, level in LEVEL_LETTERS.items()}

_STATUSES = {"FAILED": 3, "DEPEND": 3, "TIME": 3, "WARN": 4, "OK": 6, "INFO": 6, "SKIP": 6}
"""systemd's, on the console."""

_NAMED = {
    **dict.fromkeys(("critical", "fatal"), 2),
    **dict.fromkeys(("err!", "error!", "error", "ee", "failure", "failed", "[!]"), 3),
    **dict.fromkeys(("warn", "warning", "ww", "ni"), 4),
    **dict.fromkeys(("notice", "message"), 5),
    **dict.fromkeys(("info", "http", "timing", "ii", "query"), 6),
    **dict.fromkeys(("verb", "sill", "debug", "dbg"), 7),
    "(!)": 4,
    "emergency": 0,
    "alert": 1,
    "informational": 6,
    **dict.fromkeys("\u2716\u2718\u274c\u2a2f\u2717\U0001f6a8", 3),
    **dict.fromkeys("\u26a0\u203c", 4),
    "\u2139": 6,
}

_ANY_STAMP = r"(?P<stamp>[\d\-:.,/TZ+ ]{10,40}?|\w{3} [ \d]\d [\d:.]{8,15})"
_BUSYBOX = r"(?:(?:kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|local\d)\.(?P<level>emerg|alert|crit|err|warn|warning|notice|info|debug) )"
"""BusyBox's syslogd names facility and level in front of the program."""
_SYSLOG_STAMP = r"(?P<stamp>[A-Z][a-z]{2} {1,2}\d{1,2} (?:\d{4} )?\d{1,2}:\d\d:\d\d(?:\.\d{1,9})?)"
_MNEMONIC = r"%{1,2}[A-Z][A-Z0-9_]{0,30}(?:-[A-Z0-9_]{1,30}){0,2}-(?P<level>[0-7])-\w{1,60} ?:"

_WHO = r"(?P<host>[A-Za-z0-9][\w.-]{0,254}) (?P<app>[\w./@()-]{1,64}?)(?:\[(?P<pid>\d{1,10})\]|(?<= kernel)): "
_QUOTED = r'"(?:[^"]|""){0,1000}+"'

_DIGITS = "0123456789"
_YEARS = ("19", "20")


def pairs(first: str, second: str) -> tuple[str, ...]:
    """Return every pair of a character and another behind it."""
    return tuple(one + other for one in first for other in second)


SHAPES = (
    Shape("milli-, micro- or nanoseconds since 1970", ("1", "[1"), re.compile(r"\[?(?P<stamp>1\d{9}(?:\d{3}){0,3})\]?[\s:|,-]{1,3}[\[<(]?(?P<level>TRACE|DEBUG|INFO|WARN|WARNING|ERROR|ERR|FATAL|CRITICAL|CRIT|Trace|Debug|Info|Warn|Warning|Error|Critical|trace|debug|info|warn|warning|error|fatal|critical)(?=[\])>|:\s])"), _since_1970),
    Shape("klog, glog, PyTorch", (*pairs("IWEFD[", _DIGITS), "[r", "[I", "[W", "[E", "[F", "[D"), re.compile(r"(?:\[rank\d+\]:)?\[?([IWEFD])(\d{4}|\d{6}|\d{8}) (\d\d:\d\d:\d\d\.\d{1,9})(?: +\d+)? \S+:\d+"), _glog),
    Shape("Chromium, Electron", pairs("[", _DIGITS), re.compile(r"\[(?:\d+:(?:\d+:)?)?(\d\d)(\d\d)/(\d\d)(\d\d)(\d\d(?:\.\d{1,6})?):(ERROR|WARNING|INFO|FATAL|VERBOSE\d):"), _chromium),
    Shape("Ruby's Logger", pairs("DIWEFA", ","), re.compile(rf"(?P<letter>[DIWEFA]), \[{_ANY_STAMP} #\d+\]"), lettered),
    Shape("CUPS", pairs("DIWENA", " "), re.compile(r"(?P<letter>[DIWENA]) \[(?P<stamp>\d\d/\w{3}/\d{4}:[\d:]{8} [+-]\d{4})\]"), lettered),
    Shape("Android's logcat", pairs("VDIWEF", "/"), re.compile(r"([VDIWEF])/[^(:]{1,80}\( *\d+\):"), _letter),
    Shape("Android's logcat", pairs("01", _DIGITS), re.compile(r"(?P<month>\d\d)-(?P<day>\d\d) (?P<time>\d\d:\d\d:\d\d\.\d{3}) +(?:(?:\w{1,20} +)?\d+ +\d+ |\d+-\d+/\S{1,120} )?(?P<level>[VDIWEF])[ /]"), _month_day),
    Shape("vLLM", "DIWEC(", re.compile(r"(?:\([\w.=: -]{1,60}\) )?(?P<level>DEBUG|INFO|WARNING|ERROR|CRITICAL) (?P<month>\d\d)-(?P<day>\d\d) (?P<time>\d\d:\d\d:\d\d(?:\.\d{1,6})?) \["), _month_day),
    Shape("ESP-IDF", pairs("EWIDV", " "), re.compile(r"([EWIDV]) \(\d{1,10}\) [\w.:-]{1,60}: "), _letter),
    Shape("tornado, Jupyter", pairs("[", "DIWECF"), re.compile(r"\[([DIWECF]) (\d{6}|\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)"), _tornado),
    Shape("log15, geth", "DEIWCTL", re.compile(r"(?P<level>DBUG|DEBUG|EROR|ERROR|INFO|WARN|CRIT|TRACE) *\[(?P<month>\d\d)-(?P<day>\d\d)\|(?P<time>\d\d:\d\d:\d\d(?:\.\d{1,6})?)\]"), _month_day),
    Shape("a time and a letter", (*_YEARS, "[1", "[2"), re.compile(rf"\[?{ISO}\]? (?P<level>[FEWINDTC])(?:!|\d? \||\d? +[A-Z]+ +\[| \[| [a-z](?:\.\w+){{1,9}} | {{1,2}}[\w.-]{{1,60}}\[\d+[:\]]| \d+ \d+\] | t\d+ \S{{1,80}}:\d+ )", re.ASCII),
          lambda match, now, zone: _iso(match, now, zone, LEVEL_LETTERS[match["level"]])),
    Shape("TensorFlow, logcat with a year, Tarantool", _YEARS, re.compile(rf"{ISO}(?::| +\d+ +\d+| +\d+-\d+ +\S{{1,80}} +\S{{1,80}}| \[\d+\](?: [\w./:]{{1,80}}){{1,3}}) +(?P<level>[VDIWEFAC])(?=[> ])", re.ASCII),
          lambda match, now, zone: _iso(match, now, zone, LEVEL_LETTERS[match["level"]])),
Shape("WebSphere, Open Liberty", pairs("[", _DIGITS), re.compile(r"\[(?P<stamp>\d{1,2}/\d{1,2}/\d\d,? \d{1,2}:\d\d:\d\d:\d{3} [A-Z]{1,5})\] [0-9a-f]{8} \S{1,200} +(?P<level>[FEWAICDOR123]) "), of_letter(_WEBSPHERE)),
    Shape("SAP HANA", pairs("[", _DIGITS), re.compile(r"\[\d{1,10}\]\{-?\d{1,10}\}\[-?\d{1,10}/-?\d{1,10}\] (?P<stamp>\d{4}-\d\d-\d\d [\d:.]{8,15}) (?P<level>[fewidt]) "), of_letter(_SMALL_LETTERS), "]{"),
    Shape("qBittorrent", pairs("(", "NIWC"), re.compile(r"\((?P<level>[NIWC])\) (?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d) - "), of_letter(_PLAIN_LETTERS)),
    Shape("Meteor", pairs("IWEFD", "2"), re.compile(r"(?P<level>[IWEFD])(?P<date>\d{8})-(?P<time>\d\d:\d\d:\d\d\.\d{3})\(-?\d{1,4}\)\? "), _compact, ")? "),
    Shape("PipeWire", pairs("[", "EWIDT"), re.compile(r"\[(?P<level>[EWIDT])\]\[[\d:.]{1,24}\] "), of_letter(LEVEL_LETTERS)),
    Shape("WirePlumber, GLib", pairs("EWNIDTC", " "), re.compile(r"(?P<level>[EWNIDTC]) +\d\d:\d\d:\d\d\.\d{3,6} "), of_letter(LEVEL_LETTERS)),
    Shape("PulseAudio", pairs("EWNID", ":"), re.compile(r"(?P<level>[EWNID]): \[[^\]]{1,60}\] [\w./-]{1,80}\.c: "), of_letter(_PLAIN_LETTERS), ".c: "),
    Shape("apt, debootstrap", pairs("EW", ":"), re.compile(r"(?P<level>[EW]): (?=[A-Z][\w':/-]* \S+ \S)"), of_letter(LEVEL_LETTERS)),
    Shape("Kotlin's compiler", pairs("ew", ":"), re.compile(r"(?P<level>[ew]): (?=file:///|/|[A-Z]:\\)"), of_letter(_SMALL_LETTERS)),
    Shape("stunnel", _YEARS, re.compile(r"(?P<stamp>\d{4}\.\d\d\.\d\d \d\d:\d\d:\d\d) LOG(?P<level>[0-7])\["), of_letter(_NUMBERED), " LOG"),
    Shape("the kernel's ring buffer", _DIGITS, re.compile(r"(\d{1,3}),\d{1,20},\d{1,20},[^;]{1,40};"), _priority, ";"),
    Shape("ulogd", "MTWFS", re.compile(r"(?P<stamp>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4}) <(?P<level>[13578])> "), of_letter(_ULOGD), " <"),
    Shape("Ceph", _YEARS, re.compile(r"(?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d{4}) [0-9a-f]{8,16} (?P<level>-1| ?\d{1,2}) "), of_letter({"-1": 3})),
    Shape("Splunk", pairs("01", _DIGITS), re.compile(r"(\d\d)-(\d\d)-(\d{4}) (\d\d:\d\d:\d\d\.\d{3} [+-]\d{4}) ([A-Z]{4,9}) "), _month_first),
    Shape("Nagios, Icinga 1", ("[1", "[2"), re.compile(r"\[(?P<stamp>\d{10}\]) (?:(?:CURRENT|INITIAL) )?(?:SERVICE|HOST) (?:ALERT|STATE|NOTIFICATION|FLAPPING ALERT|DOWNTIME ALERT): [^;]{1,255}(?:;[^;]{0,255}){0,2}?;(?P<state>CRITICAL|WARNING|UNKNOWN|OK|DOWN|UP|UNREACHABLE)(?=[; (])"), _nagios),
    Shape("Nagios, Icinga 1", ("[1", "[2"), re.compile(r"\[(?P<stamp>\d{10}\]) (?=(?:SERVICE|HOST|EXTERNAL|PASSIVE|LOG|CURRENT|INITIAL) [A-Z])"), _timed),
    Shape("Zabbix", " 0123456789", re.compile(r"\s{0,8}\d{1,7}:(?P<date>\d{8}):(?P<time>\d{6}\.\d{3}) "), _compact, ":20"),
    Shape("Greenplum", ("20",), re.compile(r"(?P<date>\d{8}):(?P<time>\d\d:\d\d:\d\d):\d{6} [^\[\]]{1,200}-\[(?P<level>[A-Z]{4,8})\]:-"), _compact, "]:-"),
    Shape("NFS-Ganesha", pairs("0123", _DIGITS), re.compile(r"(?P<day>\d\d)/(?P<month>\d\d)/(?P<year>\d{4}) (?P<time>\d\d:\d\d:\d\d) : epoch \w{1,16} : \S{1,255} : [^:]{1,80} [^:]{1,80} :[^:]{1,40}:(?P<level>FATAL|MAJ|CRIT|WARN|EVENT|INFO|DEBUG|M_DBG|F_DBG) ?:"), _day_first, " : epoch "),
    Shape("Kodi", _YEARS, re.compile(r"(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) T:\d{1,10} +(?P<level>debug|info|notice|warning|error|fatal) +<"), _says, " T:"),
    Shape("Pgpool-II", _YEARS, re.compile(r"(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{3})?): [\w ]{1,60} pid \d{1,10}: (?P<level>DEBUG[1-5]?|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC): "), _says, " pid "),
    Shape("Hyperion", _YEARS, re.compile(r"(?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}) [\w -]{1,60}: <(?P<level>DEBUG|INFO|WARNING|ERROR)> "), _says, " : <"),
    Shape("Falco", pairs("012", _DIGITS), re.compile(r"(?:(?P<stamp>\d{4}-\d\d-\d\dT[\d:.]{8,18}[+-]\d{4})|\d\d:\d\d:\d\d\.\d{9}): (?P<level>Emergency|Alert|Critical|Error|Warning|Notice|Informational|Debug) "), _says),
    Shape("a level, then a time", ("tr", "de", "in", "wa", "er", "fa", "no", "cr"), re.compile(r"(?P<level>trace|debug|info|warn|warning|error|fatal|notice|critical)(?: +| - )(?P<stamp>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.,]{0,10}(?:Z|[+-]\d\d:?\d\d)?)(?=[ \t:])"), _says, ":"),
    Shape("Jitsi", ("JV", "Ji"), re.compile(r"(?:JVB|Jicofo|Jigasi|Jibri) (?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) (?P<level>[A-Z]{4,7}): "), _says),
    Shape("db2diag.log", _YEARS, re.compile(r"(\d{4}-\d\d-\d\d)-(\d\d)\.(\d\d)\.(\d\d\.\d{6})([+-])(\d{3}) \S{1,40} +LEVEL: (\w{4,8})"), _db2, " LEVEL: "),
    Shape("i2pd", pairs("012", _DIGITS), re.compile(r"\d\d:\d\d:\d\d@\d{1,6}/(error|warn|info|debug|critical) - "), named, "@"),
    Shape("Factorio", " 0123456789", re.compile(r"\s{0,8}\d{1,8}\.\d{3} (Info|Warning|Error|Verbose) \S{1,80}:\d+: "), named, ": "),
    Shape("Prosody", "abcdefghijklmnopqrstuvwxyz", re.compile(r"[\w.:@-]{1,60} +(debug|info|warn|error)\t"), named, "\t"),
    Shape("GORM", ("20",), re.compile(r"(?P<stamp>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) \S{1,300}\.go:\d+ SLOW SQL "), _record_of(4, 1), " SLOW SQL "),
    Shape("GORM", ("20",), re.compile(r"(?P<stamp>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d) /\S{1,300}\.go:\d+(?: |\Z)"), _record_of(None, 1), ".go:"),
    Shape("MySQL's and MariaDB's slow query log", ("# ",), re.compile(r"# Time: (?P<stamp>\S{19,40}|\d{6} +\d{1,2}:\d\d:\d\d)\Z"), _record_of(None, _TO_A_BLANK_LINE)),
    Shape("Oracle's utilities", ("TN", "RM", "PL", "SP"), re.compile(r"(?:TNS|RMAN|PLS|SP2)-\d{4,5}: "), lambda _match, _now, _zone: Header(3), "-"),
    Shape("HAProxy's own", pairs("[", "EACWNID"), re.compile(r"\[(?P<level>EMERG|ALERT|CRIT|ERR|WARNING|NOTICE|INFO|DIAG)\] +\(\d{1,10}\) : "),
          lambda match, _now, _zone: Header(LEVEL_NAMES.get(match["level"].lower(), 6), goes_on=-1)),
    Shape("libc and the shell, of a process that crashed", "SBIFATKdfmcr*", re.compile(r"(?:Segmentation fault|Bus error|Illegal instruction|Floating point exception|Aborted|Trace/breakpoint trap)(?: \(core dumped\))?\Z|\*\*\* (?:stack smashing|buffer overflow) detected \*\*\*: |double free or corruption \(|(?:free|malloc|realloc|munmap_chunk)\(\): |corrupted (?:size vs\.|double-linked list)|Killed\Z"), lambda _match, _now, _zone: Header(2)),
    Shape("assert.h", "", re.compile(r"\S{1,200}: \S{1,300}:\d{1,6}: .{1,400}: Assertion [`'].{1,400}' failed\.\Z"), lambda _match, _now, _zone: Header(2), ": Assertion "),
    Shape("the shell", "", re.compile(r"\S{1,300}: (?:line )?\d{1,6}: \S{1,300}: (?:command )?not found\Z|\S{1,300}: \S{1,300}: command not found\Z"), lambda _match, _now, _zone: Header(3), " not found"),
    Shape("the shell", "", re.compile(r"\S{1,300}: (?:line )?\d{1,6}: \S{1,300}: No such file or directory\Z"), lambda _match, _now, _zone: Header(3), ": No such file"),
    Shape("the shell", "", re.compile(r"\S{1,300}: (?:line )?\d{1,6}: \S{1,300}: Permission denied\Z"), lambda _match, _now, _zone: Header(3), ": Permission denied"),
    Shape("a daemon that cannot start", "abcdefghijklmnopqrstuvwxyz", re.compile(r"[\w./-]{1,60}: Fatal error "), lambda _match, _now, _zone: Header(3), ": Fatal"),
    Shape("the dynamic loader", "", re.compile(r"\S{1,300}: error while loading shared libraries: "), lambda _match, _now, _zone: Header(3), "shared libraries"),
    Shape("the dynamic loader", "", re.compile(r"\S{1,300}: symbol lookup error: "), lambda _match, _now, _zone: Header(3), "symbol lookup"),
    Shape("Java's virtual machine", "TA", re.compile(r"(?:Terminating|Aborting) due to java\.lang\.\w{1,60}Error"), lambda _match, _now, _zone: Header(2), " due to java"),
    Shape("Erlang's virtual machine", "K", re.compile(r"Kernel pid terminated \("), lambda _match, _now, _zone: Header(2)),
    Shape("Puma", ("! ", "["), re.compile(r"(?:\[\d{1,10}\] )?! Unable to load application: "), lambda _match, _now, _zone: Header(3), "! Unable"),
    Shape("make", "mg", re.compile(r"g?make(?:\[\d{1,4}\])?: \*\*\* "), lambda _match, _now, _zone: Header(3)),
    Shape("PHP, html_errors", "<", re.compile(r"(?:<br />)?<b>(Fatal error|Parse error|Warning|Notice|Deprecated)</b>: "), lambda match, _now, _zone: Header({"Warning": 4, "Notice": 5, "Deprecated": 4}.get(match[1], 3))),
    Shape("go test", (" ", "--"), re.compile(r"(?: {4}){0,8}--- FAIL: \S{1,400} \(\d{1,6}\.\d\ds\)\Z"), _record_of(3, -1), "--- FAIL"),
    Shape("Gradle, ninja", ("FA",), re.compile(r"(FAILURE|FAILED): "), named),
    Shape("R", ("Wa", "In"), re.compile(r"(?:In addition: )?Warning messages?:\Z"), _record_of(4, 1), "Warning message"),
    Shape("npmlog, Ansible", ("ER",), re.compile(r"(ERR!|ERROR!) "), named, "! "),
    Shape("a level with exclamation marks", "EW", re.compile(r"(ERROR|Error|WARNING|Warning)!{1,3} "), named, "! "),
    Shape("a letter between brackets", pairs("[", "EWIDF"), re.compile(r"\[([EWIDF])\] (?!(?i:\1))(?=\S)"), _letter),
    Shape("a letter, then a time", pairs("EWIDTVF", " "), re.compile(r"(?P<letter>[EWIDTVF]) (?P<stamp>(?:\d{4}-)?\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?)(?=[\s:\]])"), lettered),
    Shape("adze", (" A", " E", " W", " I", " F", " S", " D", " V"), re.compile(r" (Alert|Error|Fail|Warn|Info|Success|Debug|Verbose) {4,8}(?=\S)"), lambda match, _now, _zone: Header(LEVEL_NAMES[match[1].lower()])),
    Shape("pnpm", "\u2009 ", re.compile(r"[\u2009 ](?:ERR_[A-Z][A-Z0-9_]{2,60}|ELIFECYCLE)[\u2009 ]"), lambda _match, _now, _zone: Header(3)),
    Shape("kubectl, Docker, Snakemake and others", ("Er", "er"), re.compile(r"[Ee]rror (?:from server(?: \(\w{1,60}\))?:|response from |in (?:rule|group|checkpoint) |during |occurred|while [a-z]+ing |(?:building|pulling|pushing|getting|validating|initializing|applying|executing|connecting|opening|loading|reading|writing|parsing|creating|starting|running|fetching|processing|resolving) )"), lambda _match, _now, _zone: Header(3), "rror "),
    Shape("Zig's std.log, TigerBeetle", (*_YEARS, "er", "wa", "in", "de"), re.compile(r"(?:(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d[\d.]{0,7}Z?) )?(?P<level>error|warning|info|debug)\([\w.]{1,60}\): "), _says, "): "),
    Shape("yarn 1, Vite, Gatsby", ("er", "wa"), re.compile(r"(error|warning|warn) (?:during \w+:|[A-Z\"']|\S{1,200}(?:@|\.json:|#|>))"), named),
    Shape("DuckDB", ("Bi", "Ca", "Co", "Pa"), re.compile(r"(?:Binder|Catalog|Constraint|Parser) Error: "), lambda _match, _now, _zone: Header(3), " Error: "),
    Shape("MSBuild, C#, TypeScript", "", re.compile(r"[^\s()][^()]{0,300}\(\d{1,6}(?:,\d{1,6}){0,3}\) ?: (?:fatal )?(error|warning) [A-Z]{1,10}\d{1,6}: "), named, "): "),
    Shape("MSBuild, C#, TypeScript", "", re.compile(r"[A-Za-z]{2,20} : (?:fatal )?(error|warning) [A-Z]{1,10}\d{1,6}: "), named, " : "),
    Shape("ESLint", ("  ",), re.compile(r" {2,6}\d{1,6}:\d{1,6} +(error|warning) {2,}\S"), named, ":"),
    Shape("Prisma", ("pr",), re.compile(r"prisma:(error|warn|info|query)(?= |\Z)"), named),
    Shape("Rollup", ("(!", "[!"), re.compile(r"(\(!\)|\[!\]) "), named),
    Shape("Oracle's alert log", ("20",), re.compile(r"(?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d\d:\d\d)\Z"), _first_of_two),
    Shape("Oracle's alert log", "O", re.compile(r"ORA-\d{5}: "), lambda _match, _now, _zone: Header(3)),
    Shape("Windows' CBS, macOS log show, Emby", _YEARS, re.compile(rf"{ISO},? (?:0x[0-9a-f]+ +)?(?P<level>Debug|Info|Default|Warn|Warning|Error|Fatal)(?: {{2,20}}\S| [\w.]{{1,60}}: )", re.ASCII),
          lambda match, now, zone: _iso(match, now, zone, LEVEL_NAMES[match["level"].lower()])),
    Shape("Mattermost", "dewfpit", re.compile(r"(?P<level>debug|info|warn|error|fatal|panic|trace) +\[(?P<stamp>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[\d.]{0,10}(?: ?Z| [+-]\d\d:\d\d)?)\]"), _says),
    Shape("Couchbase", "[", re.compile(r"\[\w{1,60}:(?P<level>debug|info|warn|error|critical),(?P<stamp>[\dT:.-]{19,26}(?:Z|[+-]\d\d:\d\d)),"), _says, ","),
    Shape("Passenger", ("[ ",), re.compile(r"\[ (?P<letter>[CENWIDT]) (?P<stamp>\d{4}-\d\d-\d\d [\d:.]{8,18}) "), lettered),
    Shape("EF Core", "tdiwfc", re.compile(r"(trce|dbug|info|warn|fail|crit): (\d[\d/.:-]{5,9} [\d:.]{8,16}(?: [AP]M)?) ([\w.]{1,200})\[(\d{1,10})\] \(([\w.]{1,200})\) *\Z"), _ef_core),
    Shape("PostgreSQL's csvlog", _YEARS, re.compile(rf"(?P<stamp>\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{{3}} [^,]{{1,40}})(?:,(?:{_QUOTED}|[^,\"]{{0,200}})){{10}},(?P<level>DEBUG[1-5]|LOG|INFO|NOTICE|WARNING|ERROR|FATAL|PANIC),"), _says, ","),
    Shape("Snort, Suricata's fast.log", "01", re.compile(r"(\d\d)/(\d\d)(?:/(\d{4}))?-(\d\d:\d\d:\d\d\.\d{6}) {1,2}(?:\[\w{1,16}\] )?\[\*\*\] "), _snort),
    Shape("dmesg -x", "kumdaslnc", re.compile(r"(?:kern|user|mail|daemon|auth|syslog|lpr|news|uucp|cron|authpriv|ftp|local\d) *:(?P<level>emerg|alert|crit|err|warn|notice|info|debug) *: (?:\[(?P<stamp>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \d{4})\])?"), _says),
    Shape("systemd's status", pairs("[", " FDTWOIS"), re.compile(r"\[ ?(FAILED|DEPEND| TIME | WARN |  OK | INFO | SKIP ) ?\] "), _status),
    Shape("GitHub Actions", ("##", "::"), re.compile(r"##\[(error|warning|notice|debug)\]|::(error|warning|notice|debug)(?: [^:]{0,400})?::"), named),
    Shape("CMake", "C", re.compile(r"CMake (?:Deprecation )?(Error|Warning)\b"), lambda match, now, zone: named(match, now, zone)._replace(goes_on=-1)),
    Shape("sanitisers of GCC and Clang", "=", re.compile(r"==\d+==(ERROR|WARNING): "), named),
    Shape("SLF4J", ("SL",), re.compile(r"SLF4J\(([EWID])\): "), _letter),
    Shape("Java's virtual machine", "OJ", re.compile(r"(?:OpenJDK|Java HotSpot\(TM\)) [\w-]{1,20} (?:Server |Client |Zero )?VM (warning|error): "), named),
    Shape("webpack", "<", re.compile(r"<([ewit])> \["), lambda match, _now, _zone: Header(LEVEL_LETTERS[match[1].upper()])),
    Shape("Next.js 13", "-", re.compile(r"- (error|warn|info) "), named),
    Shape("swift-log", _YEARS, re.compile(rf"{ISO} (?P<level>trace|debug|info|notice|warning|error|critical) [\w.-]{{1,100}} ?:", re.ASCII),
          lambda match, now, zone: _iso(match, now, zone, LEVEL_NAMES[match["level"]])),
    Shape("Go's log with a prefix", "", re.compile(r"\[?(?P<prefix>[A-Za-z][\w./-]{0,40})\]?:? (?:(?P<second>[\w./-]{1,40}): )?(?P<stamp>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d{6})?) "), _go_prefix, "/"),
    Shape("a name, a time, a level", "", re.compile(r"[A-Za-z][\w.-]{0,40}(?: \d{1,4})?(?: {1,8}\|? ?|\| ?| - |: )\[?(?P<stamp>\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?: ?(?:Z|[+-]\d\d:?\d\d))?)\]?[ |:-]{1,4}[\[(]?(?P<level>TRACE|DEBUG|INFO|WARN|WARNING|ERROR|CRITICAL|FATAL)(?=[\s\]):|])"), _says, " "),
    Shape("Murmur", ("<W", "<C", "<F", "<D", "<I"), re.compile(r"<(?P<level>[WCFDI])>(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) "), of_letter(LEVEL_LETTERS)),
    Shape("Monit", "[", re.compile(r"\[(?P<zone>[A-Z]{3,4}) (?P<stamp>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)\] (?P<level>[a-z]{4,9}) *: "),
          lambda match, now, zone: Header(LEVEL_NAMES.get(match["level"]), _at(match["stamp"], now, zone_of(match["zone"]) or zone), True)),
    Shape("Source engine (Valve)", ("L ", "RL"), re.compile(r"R?L (\d\d)/(\d\d)/(\d{4}) - (\d\d:\d\d:\d\d)(): "), _month_first, " - "),
    Shape("cPanel", ("[2",), re.compile(rf"\[{ISO}\] (?P<level>info|notice|warn|error|die|debug) \[[\w.-]{{1,60}}\] ", re.ASCII),
          lambda match, now, zone: _iso(match, now, zone, 2 if match["level"] == "die" else LEVEL_NAMES[match["level"]])),
    Shape("cPanel", "", re.compile(r"\S{1,255} \S{1,64} \S{1,255} \[(\d\d)/(\d\d)/(\d{4}):(\d\d:\d\d:\d\d [+-]\d{4})(\]) \""), _month_first, '] "'),
    Shape("ZoneMinder", pairs("01", _DIGITS), re.compile(r"(?P<stamp>\d\d/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d{1,6})?) [\w.-]{1,60}\[\d{1,10}\]\.(?P<level>INF|WAR|ERR|FAT|PNC|DB\d)[ :\[]"), of_letter(_ZONEMINDER), "]."),
    Shape("Bacula", pairs("0123", _DIGITS), re.compile(r"(?P<day>\d\d)-(?P<month>[A-Z][a-z]{2}) (?P<time>\d\d:\d\d) [\w.-]{1,127} JobId \d{1,10}: (?:(?P<level>Warning|Error|Fatal error): )?"),
          lambda match, now, zone: Header(_BACULA.get(match["level"] or ""), _at(f"{match['month']} {match['day']} {match['time']}:00", now, zone), True), " JobId "),
    Shape("events of Windows, as XML", "<-", re.compile(r"(?:- )?<Event xmlns=['\"]http://schemas\.microsoft\.com/win/2004/08/events/event['\"].{0,4000}"), _windows_event),
    Shape("Rails, a request", ("St",), re.compile(r"Started [A-Z]{3,7} \"[^\"]{0,2000}\" for \S{1,64} at (?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4})"), _timed, " for "),
    Shape("VMware ESXi", ("20",), re.compile(rf"{ISO} (?P<level>Em|Al|Cr|Er|Wa|No|In|Db)\(\d{{1,3}}\)(?:\[\+\])?:? (?:(?P<app>[\w.-]{{1,64}})(?:\[(?P<pid>\d{{1,12}})\])?: )?", re.ASCII), _esxi, "("),
    Shape("VMware ESXi, vCenter", ("20", "[2"), re.compile(rf"\[?{ISO} \[?(?:[0-9A-F]{{8,16}} )?(?P<level>trivia|verbose|debug|info|warning|error|panic) (?:[\w.-]{{1,60}}(?:\[\w{{1,12}}\])? \[|')", re.ASCII),
          lambda match, now, zone: _iso(match, now, zone, 7 if match["level"] == "trivia" else LEVEL_NAMES[match["level"]])),
    Shape("Java Service Wrapper", "FEWNASID", re.compile(r"(?P<level>FATAL|ERROR|WARN|NOTICE|ADVICE|STATUS|INFO|DEBUG) +\| [^|]{1,40}\| (?P<stamp>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d{3})?) \| "), _wrapped, " | "),
    Shape("zellij", "EWIDT", re.compile(r"(?P<level>ERROR|WARN|INFO|DEBUG|TRACE) +\|[^|]{1,60}\| (?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) \["), _says, "| "),
    Shape("SSSD", "(", re.compile(r"\((?:(?P<day>[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d)(?::(?P<micros>\d{6}))? (?P<year>\d{4})|(?P<iso>\d{4}-\d\d-\d\d [ \d]\d:\d\d:\d\d(?::\d{6})?))\):? (?:\[\S{1,120}\] ){1,2}\((?P<level>0x[0-9a-f]{3,6})\): "), _sssd, "(0x"),
    Shape("Hadoop, HDFS", _DIGITS, re.compile(r"(?P<date>\d{6}) (?P<time>\d{6}) \d{1,10} (?P<level>TRACE|DEBUG|INFO|WARN|ERROR|FATAL) "), _compact),
    Shape("OpenAM", "abcdefghijklmnopqrstuvwxyz", re.compile(r"\w{2,60}:(?P<stamp>\d\d/\d\d/\d{4} \d\d:\d\d:\d\d:\d{3} [AP]M [A-Z]{2,5}): Thread\[[^\]]{1,200}\](?:: TransactionId\[[^\]]{0,80}\])?\Z"), _first_of_two, ": Thread["),
    Shape("load balancers of AWS", "hwg", re.compile(r"(?:https?|h2|wss?|grpcs?) (?P<stamp>\d{4}-\d\d-\d\dT[\d:.]{8,18}Z) app/"), _timed, " app/"),
    Shape("CUPS, page_log", "", re.compile(r"[\w.-]{1,127} \S{1,64} \d{1,9} \[(?P<stamp>\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] (?:\d|total )"), _timed, "] "),
    Shape("Redis, KeyDB", (*_DIGITS, *pairs("[", _DIGITS)), re.compile(r"(?:\d{1,10}:(?:\d{1,10}:)?[A-Z]|\[\d{1,10}\]) (?P<stamp>\d\d \w{3}(?: \d{4})? [\d:.]{8,15}) (?P<mark>[.*#-]) "), _redis),
    Shape("syslog file", "<", re.compile(r"<(?P<priority>\d{1,3})>1 (?P<stamp>\d{4}-\d\d-\d\dT\S{8,30}) (?P<host>\S{1,255}) (?P<app>\S{1,48}) (?P<pid>\S{1,128}) (?P<id>\S{1,32}) (?=-|\[)"), _syslog_protocol, ">1 "),
    Shape("systemd's priority", "<", re.compile(r"<(\d{1,3})>"), _priority),
    Shape(".NET console", "tdiwfc[0123456789", re.compile(r"([\[(]?\d[\d\-:.,/TZ+ ]{7,40}[\])]? ?)?(trce|dbug|info|warn|fail|crit): ([\w.+`<>,-]{1,200}+)\[(-?\d{1,10})\](.*)"), _dotnet),
    Shape("npm, lerna", "nl", re.compile(r"(?:npm|lerna) (ERR!|error|WARN|warn|notice|info|http|verb|sill|timing)(?: |\Z)"), named),
    Shape("Node.js warnings", "(", re.compile(r"\((?:node|bun|deno):\d+\) (?:\[\w+\] )?\w*Warning: |\((?:node|bun|deno):\d+\) Warning"), _warning),
    Shape("Python warnings", "", re.compile(r"(?:[\w./<>~ -]{1,200}+|\S{1,200}+):\d+: [A-Z]\w*Warning: "), _warning, "Warning: "),
    Shape("GLib", "*(", re.compile(r"(?:\*\* )?\((?:process|[\w./-]{1,80}):\d+\): (?:[\w.-]{1,60}-)?(ERROR|CRITICAL|WARNING|Message|INFO|DEBUG)(?: \*\*)?: "), named),
    Shape("rustc", "ew", re.compile(r"(error|warning)\[[A-Z]\d{1,6}\]: "), named),
    Shape("X.Org", (*pairs("(", "EWIND"), *pairs("[", " 0123456789")), re.compile(r"(?:\[ *[\d.]{1,20}\] )?\((EE|WW|II|NI|DBG)\) "), named),
    Shape("java.util.logging", "JFMASOND", re.compile(r"(?P<stamp>[A-Z][a-z]{2} \d{1,2}, \d{4},? \d{1,2}:\d\d:\d\d[ \u202f][AP]M) [\w.$]{1,200}+(?: [\w$<>.]{1,200}+)?\Z"), _first_of_two),
    Shape("java.util.logging", "", re.compile(r"(?P<month>[^\W\d_]{3,10}\.?|\d{1,2}\u6708) (?P<day>\d{1,2}), (?P<year>20\d\d) (?P<time>\d{1,2}:\d\d:\d\d)[ \u202f](?P<half>[AaPp]\.?[ \u00a0\u202f]?[Mm]\.?|\u5348[\u524d\u5f8c]|[\u4e0a\u4e0b]\u5348) [\w.$]{1,200}+(?: [\w$<>.]{1,200}+)?\Z"), _elsewhere, ", 20"),
    Shape("tinylog", _YEARS, re.compile(r"(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) \[[^\]]{1,80}\] [\w.$]{1,200}+\(\)\Z"), _first_of_two, "()"),
    Shape("Samba", pairs("[", "12"), re.compile(r"\[(?P<stamp>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{1,6}), +\d+(?:, [^\]]*)?\] \S+:\d+\("), _first_of_two),
    Shape("Erlang's reports", "=", re.compile(r"=([A-Z]+) REPORT==== (\d{1,2}-\w{3}-\d{4}::[\d:.]{8,15}) ==="), _erlang),
    Shape("access log", "", re.compile(r"(?:\S{1,255}+ ){3,6}\[(?P<stamp>\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] \""), _timed, '] "'),
    Shape("HAProxy's access log", "0123456789:abcdef", re.compile(r"[0-9a-f.:]{3,45}:\d{1,5} \[(?P<stamp>\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3})\] "), _timed, "] "),
    Shape("audit", "tn", re.compile(r"(?:node=\S{1,255} )?type=\S{1,40} msg=audit\((?P<stamp>\d{10}\.\d{3}):\d+"), _timed),
    Shape("Cisco", (*"JFMASOND*.", *pairs(_DIGITS, _DIGITS)), re.compile(rf"(?:\d{{1,10}}: )?[*.]?{_SYSLOG_STAMP}(?: (?P<zone>[A-Z]{{3,4}})(?=:? ))?(?::? (?P<host>[A-Za-z0-9][\w.-]{{0,254}}))?(?::? \d{{1,10}})? ?:? {_MNEMONIC}"), _cisco, " %"),
    Shape("Cisco", ("%", *_DIGITS), re.compile(rf"(?:(?:\d{{1,10}}: )?(?:\d\d:\d\d:\d\d|\d{{1,3}}[wd]\d{{1,2}}[dh]): )?{_MNEMONIC}"), _cisco, "%"),
    Shape("MikroTik, in a file", (*"JFMASOND", *_YEARS), re.compile(r"(?P<stamp>[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z|[+-]\d\d:\d\d)) (?P<host>[A-Za-z0-9][\w.:-]{0,254}) (?P<topics>[a-z0-9!-]{2,20}(?:,[a-z0-9!-]{2,20}){1,6}) (?=\S)"), _topics, ","),
    Shape("syslog file", "JFMASOND", re.compile(rf"{_SYSLOG_STAMP} (?:<\w{{1,8}}\.(?P<before>\w{{1,7}})> )?(?!(?:Fatal|Error|Warning|Panic) [a-z]{{1,20}}: )(?P<host>[A-Za-z0-9][\w.:-]{{0,253}}(?<!:)) {_BUSYBOX}?(?P<app>[\w./@()-]{{1,64}}?|[A-Z][\w.-]{{0,40}}(?: [A-Z0-9][\w.-]{{0,40}}){{1,3}}(?=\[)|(?:sys|k)logd [\d.#a-z-]{{1,20}}(?=: ))(?:\[(?P<pid>\d{{1,10}})\](?: \([^()]{{1,128}}\))?)?: (?:\[ID \d{{1,10}} \w{{3,8}}\.(?P<behind>\w{{3,7}})\] )?"), _syslog_file),
    Shape("syslog file", "MTWFS", re.compile(rf"(?P<stamp>[A-Z][a-z]{{2}} [A-Z][a-z]{{2}} [ \d]\d \d\d:\d\d:\d\d \d{{4}}) {_BUSYBOX}(?P<app>[\w./@()-]{{1,64}}?)(?:\[(?P<pid>\d{{1,10}})\])?: "), _syslog_file),
    Shape("syslog file", _YEARS, re.compile(r"(?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)) " + _WHO), _syslog_file),
    Shape("syslog file", _YEARS, re.compile(r"(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}) (?P<host>[A-Za-z0-9][\w.-]{0,254}) (?P<app>[\w./@-]{1,64})\[(?P<pid>\d{1,10})\](?: [\w.:-]{1,255})?: "), _syslog_file, "]"),
    Shape("OpenLDAP", "0123456789abcdef", re.compile(r"(?P<whole>[0-9a-f]{8})\.(?P<nanos>[0-9a-f]{8}) 0x[0-9a-f]{4,16} "), _hexadecimal, " 0x"),
    Shape("syslog file", "MTWFS", re.compile(rf"[A-Z][a-z]{{2}} (?P<stamp>\d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d{{1,6}})? [A-Z\d:+-]{{1,6}}) {_WHO}"), _syslog_file),
    Shape("syslog file", "1", re.compile(rf"(?P<stamp>1\d{{9}}\.\d{{6}}) {_WHO}"), _syslog_file),
    Shape("syslog file", pairs("[", " 0123456789"), re.compile(rf"(?P<stamp>\[ *\d{{1,10}}\.\d{{6}}\]) {_WHO}"), _syslog_file),
    Shape("signale, scoped", "[", re.compile("(?:\\[[^\\]]{1,60}\\] ){1,4}\u203a ([\u2716\u26a0\u2139])\\s+(?:(fatal)(?= {2}))?"), lambda match, now, zone: named(match, now, zone)._replace(rest=1), "\u203a "),
    Shape("a tag, as logger -s prints it", "", re.compile(r"(?P<app>[A-Za-z_][\w./-]{0,63})\[(?P<pid>\d{1,10})\]: "), _tagged, "]: "),
    Shape("ngIRCd", "[", re.compile(r"\[\d{1,10}:(?P<level>[0-7]) {1,5}\d{1,5}\] "), lambda match, _now, _zone: Header(int(match["level"])), "] "),
    Shape("tinyproxy", ("CO",), re.compile(r"CONNECT {1,3}(?=[JFMASOND][a-z]{2} [ \d]\d \d\d:)"), lambda match, _now, _zone: Header(6, rest=match.end()), "CONNECT"),
    Shape("turbo, nx", "abcdefghijklmnopqrstuvwxyz@", re.compile(r"[a-z@][\w@/.-]{0,60}:[a-z][\w.:-]{0,40}: (?=[\[A-Z\d{])"), lambda match, _now, _zone: Header(rest=match.end()), ": "),
    Shape("concurrently, pnpm, lerna and others, a frame", "[abcdefghijklmnopqrstuvwxyz@.0123456789", re.compile(rf"(?!(?:{'|'.join(LEVEL_NAMES)}): )(?:\[(?!(?:{'|'.join(LEVEL_NAMES)})\])(?:\d{{1,3}}|[A-Za-z@][\w@./:-]{{0,60}})\]|(?:\.|[\w@.-]{{1,60}}/[\w@./-]{{1,80}}) [\w:-]{{1,40}}:|[a-z@][\w@/.-]{{0,60}}(?::[\w.:-]{{1,40}})?:) (?=Traceback \(most | {{2,}}(?:at |File \")| {{4}}\S|(?:[A-Z]\w{{0,60}})?(?:Error|Exception)(?: \[\w{{1,60}}\])?: |\d{{4}}-\d\d-\d\d[ T]\d\d:\d\d|Node\.js v\d|\}} *\Z)"), lambda match, _now, _zone: Header(rest=match.end())),
    Shape("Youch", "\u2139", re.compile("\u2139 (?:[A-Z]\\w{0,60})?(Error|Exception): "), lambda _match, _now, _zone: Header(3), "rror: "),
    Shape("devslog", pairs("[", _DIGITS), re.compile(r"\[\d\d:\d\d:\d\d\]  (?P<level>DEBUG|INFO|WARN|ERROR)  \S"), lambda match, _now, _zone: Header(LEVEL_NAMES[match["level"].lower()], goes_on=-1), "]  "),
    Shape("marks", "\u2716\u2718\u274c\u2a2f\u2717\u26a0\u203c\u2139\U0001f6a8 ", re.compile("\\s*([\u2716\u2718\u274c\u2a2f\u2717\u26a0\u203c\u2139\U0001f6a8])\ufe0f?\\s+(?:(fatal)(?= {2}))?"), named),
)  # fmt: skip
"""Every shape that the words of a header do not tell; the first that matches counts."""
