# ruff: noqa: E501  (a row a shape: a table is read by its columns)
"""
Shapes of headers: the ways to begin a line that the words of a header do not tell (see `plain`).

To add one: a row of `SHAPES`, with a function for what it says if none here does, and a vector with the program and its
version in tests/vectors/lines/headers.json. Patterns are bounded and never backtrack far: lines come from anybody.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from typing import NamedTuple

from gelf_listener.codec.levels import LEVEL_LETTERS, LEVEL_NAMES
from gelf_listener.codec.text.stamps import ISO, iso_stamp, read_stamp
from gelf_listener.message import FieldValue

__all__ = ["NO_HEADER", "SHAPES", "Header", "Shape"]


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
        starts: First characters of such lines; empty: any.
        pattern: Matches at the beginning of a line.
        read: Makes the header of a match, the time now and the zone of times without one.
        needs: A text that such a line has in it: cheaper to look for than the pattern.
    """

    name: str
    starts: str
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


def _month_day(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read log15's and logcat's time, which has a month and a day but no year."""
    level, month, day, time = match["level"], match["month"], match["day"], match["time"]
    name = _MONTH_NAMES[int(month)] if 1 <= int(month) <= 12 else ""
    severity = LEVEL_LETTERS.get(level) if len(level) == 1 else LEVEL_NAMES.get(level.lower())
    return Header(severity, _at(f"{name} {day} {time}", now, zone), True)


def _lettered(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
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


def _named(match: re.Match[str], _now: float, _zone: dt.tzinfo | None) -> Header:
    """Read a level that is named in the first group that matched."""
    return Header(_NAMED[match[match.lastindex or 1].lower()])


def _warning(_match: re.Match[str], _now: float, _zone: dt.tzinfo | None) -> Header:
    return Header(4, goes_on=-1)


def _first_of_two(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    return Header(None, _at(match["stamp"], now, zone), True, goes_on=1)


def _timed(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    seconds = _at(match["stamp"], now, zone)
    return Header(None, seconds, seconds is not None)


def _erlang(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    level = {"ERROR": 3, "CRASH": 3, "WARNING": 4, "SUPERVISOR": 3}.get(match[1], 6)
    return Header(level, _at(match[2].replace("::", " "), now, zone), True, goes_on=_TO_A_BLANK_LINE)


def _syslog_file(match: re.Match[str], now: float, zone: dt.tzinfo | None) -> Header:
    """Read a line of a syslog file: host and program, and the level where the text begins with one."""
    host, app, process_id = match["host"], match["app"], match["pid"]
    stamp = read_stamp(match["stamp"], 0, now, zone)
    fields: dict[str, FieldValue] = {"application_name": app}
    if process_id:
        fields["process_id"] = process_id
    seconds = None if stamp is None else stamp.seconds
    return Header(None, seconds, True, host=host, fields=fields, rest=match.end())


_TO_A_BLANK_LINE = 1000

_MONTH_NAMES = ("", "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_REDIS = {".": 7, "-": 6, "*": 5, "#": 4}
"""As Redis itself hands them to syslog."""

_NAMED = {
    **dict.fromkeys(("critical",), 2),
    **dict.fromkeys(("err!", "error", "ee"), 3),
    **dict.fromkeys(("warn", "warning", "ww", "ni"), 4),
    **dict.fromkeys(("notice", "message"), 5),
    **dict.fromkeys(("info", "http", "timing", "ii"), 6),
    **dict.fromkeys(("verb", "sill", "debug", "dbg"), 7),
    **dict.fromkeys("\u2716\u2718\u274c\u2a2f\u2717", 3),
    "\u26a0": 4,
    "\u2139": 6,
}

_ANY_STAMP = r"(?P<stamp>[\d\-:.,/TZ+ ]{10,40}?|\w{3} [ \d]\d [\d:.]{8,15})"
_SYSLOG_STAMP = r"(?P<stamp>[A-Z][a-z]{2} [ \d]\d (?:\d{4} )?\d\d:\d\d:\d\d(?:\.\d{1,9})?)"

SHAPES = (
    Shape("klog, glog", "IWEFD", re.compile(r"([IWEFD])(\d{4}|\d{6}|\d{8}) (\d\d:\d\d:\d\d\.\d{1,9}) +\d+ \S+:\d+"), _glog),
    Shape("Ruby's Logger", "DIWEFA", re.compile(rf"(?P<letter>[DIWEFA]), \[{_ANY_STAMP} #\d+\]"), _lettered),
    Shape("CUPS", "DIWENA", re.compile(r"(?P<letter>[DIWENA]) \[(?P<stamp>\d\d/\w{3}/\d{4}:[\d:]{8} [+-]\d{4})\]"), _lettered),
    Shape("Android's logcat", "VDIWEF", re.compile(r"([VDIWEF])/[^(:]{1,80}\( *\d+\):"), _letter),
    Shape("Android's logcat", "01", re.compile(r"(?P<month>\d\d)-(?P<day>\d\d) (?P<time>\d\d:\d\d:\d\d\.\d{3}) +\d+ +\d+ (?P<level>[VDIWEF]) "), _month_day),
    Shape("tornado, Jupyter", "[", re.compile(r"\[([DIWECF]) (\d{6}|\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d{1,6})?)"), _tornado),
    Shape("log15, geth", "DEIWCTL", re.compile(r"(?P<level>DBUG|DEBUG|EROR|ERROR|INFO|WARN|CRIT|TRACE) *\[(?P<month>\d\d)-(?P<day>\d\d)\|(?P<time>\d\d:\d\d:\d\d(?:\.\d{1,6})?)\]"), _month_day),
    Shape("a time and a letter", "[12", re.compile(rf"\[?{ISO}\]? (?P<level>[FEWINDTC])(?:!|\d? \||\d? +[A-Z]+ +\[| \[)", re.ASCII),
          lambda match, now, zone: _iso(match, now, zone, LEVEL_LETTERS[match["level"]])),
    Shape("swift-log", "12", re.compile(rf"{ISO} (?P<level>trace|debug|info|notice|warning|error|critical) [\w.-]{{1,100}} ?:", re.ASCII),
          lambda match, now, zone: _iso(match, now, zone, LEVEL_NAMES[match["level"]])),
    Shape("Redis", "0123456789", re.compile(r"\d{1,10}:[A-Z] (?P<stamp>\d\d \w{3}(?: \d{4})? [\d:.]{8,15}) (?P<mark>[.*#-]) "), _redis),
    Shape("systemd's priority", "<", re.compile(r"<(\d{1,3})>"), _priority),
    Shape(".NET console", "tdiwfc[0123456789", re.compile(r"([\[(]?\d[\d\-:.,/TZ+ ]{7,40}[\])]? ?)?(trce|dbug|info|warn|fail|crit): ([\w.+`<>,-]{1,200}+)\[(-?\d{1,10})\](.*)"), _dotnet),
    Shape("npm", "n", re.compile(r"npm (ERR!|error|WARN|warn|notice|info|http|verb|sill|timing)(?: |\Z)"), _named),
    Shape("Node.js warnings", "(", re.compile(r"\((?:node|bun|deno):\d+\) (?:\[\w+\] )?\w*Warning: |\((?:node|bun|deno):\d+\) Warning"), _warning),
    Shape("Python warnings", "", re.compile(r"(?:[\w./<>~ -]{1,200}+|\S{1,200}+):\d+: [A-Z]\w*Warning: "), _warning, "Warning: "),
    Shape("GLib", "*(", re.compile(r"(?:\*\* )?\((?:process|[\w./-]{1,80}):\d+\): (?:[\w.-]{1,60}-)?(ERROR|CRITICAL|WARNING|Message|INFO|DEBUG)(?: \*\*)?: "), _named),
    Shape("rustc", "ew", re.compile(r"(error|warning)\[[A-Z]\d{1,6}\]: "), _named),
    Shape("X.Org", "([", re.compile(r"(?:\[ *[\d.]{1,20}\] )?\((EE|WW|II|NI|DBG)\) "), _named),
    Shape("java.util.logging", "JFMASOND", re.compile(r"(?P<stamp>[A-Z][a-z]{2} \d{1,2}, \d{4},? \d{1,2}:\d\d:\d\d[ \u202f][AP]M) [\w.$]{1,200}+(?: [\w$<>.]{1,200}+)?\Z"), _first_of_two),
    Shape("tinylog", "12", re.compile(r"(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) \[[^\]]{1,80}\] [\w.$]{1,200}+\(\)\Z"), _first_of_two),
    Shape("Samba", "[", re.compile(r"\[(?P<stamp>\d{4}/\d\d/\d\d \d\d:\d\d:\d\d\.\d{1,6}), +\d+(?:, [^\]]*)?\] \S+:\d+\("), _first_of_two),
    Shape("Erlang's reports", "=", re.compile(r"=([A-Z]+) REPORT==== (\d{1,2}-\w{3}-\d{4}::[\d:.]{8,15}) ==="), _erlang),
    Shape("access log", "", re.compile(r"\S{1,255}+ (?:\S{1,255}+ )?\S{1,255}+ \S{1,255}+ \[(?P<stamp>\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] \""), _timed, '] "'),
    Shape("HAProxy's access log", "0123456789:abcdef", re.compile(r"[0-9a-f.:]{3,45}:\d{1,5} \[(?P<stamp>\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d\.\d{3})\] "), _timed),
    Shape("audit", "tn", re.compile(r"(?:node=\S{1,255} )?type=\S{1,40} msg=audit\((?P<stamp>\d{10}\.\d{3}):\d+"), _timed),
    Shape("syslog file", "JFMASOND", re.compile(rf"{_SYSLOG_STAMP} (?P<host>[A-Za-z0-9][\w.:-]{{0,253}}(?<!:)) (?P<app>[\w./@()-]{{1,64}}?)(?:\[(?P<pid>\d{{1,10}})\])?: "), _syslog_file),
    Shape("syslog file", "12", re.compile(r"(?P<stamp>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)) (?P<host>[A-Za-z0-9][\w.-]{0,254}) (?P<app>[\w./@()-]{1,64}?)(?:\[(?P<pid>\d{1,10})\]|(?<= kernel)): "), _syslog_file),
    Shape("marks", "\u2716\u2718\u274c\u2a2f\u2717\u26a0\u2139 ", re.compile("\\s*([\u2716\u2718\u274c\u2a2f\u2717\u26a0\u2139])\ufe0f?\\s"), _named),
)  # fmt: skip
"""Every shape that the words of a header do not tell; the first that matches counts."""
