"""
Keyword time ranges, such as ``last 2 hours``, with the meaning that Graylog 7.0.1 gives them.

Graylog looks for the first piece of a text that it understands and ignores the rest: ``errors since yesterday`` is
``yesterday``. What it finds is one or two moments. A moment without a time of day stands for its whole day, one with a
time of day for the time from then until now. Some of the results surprise (``monday`` is the next one, ``5 minutes``
lies ahead, ``1.5 hours ago`` is one o'clock); whoever tests a client here should see the same surprises. The page and
the terminal use `gelf_listener.timeranges` instead, which reads such texts as people mean them.

Source: answers recorded from Graylog 7.0.1 (``tests/vectors/graylog/keyword.json``).
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gelf_listener.store.parameters import Span
from gelf_listener.timeranges import TimeRangeError

__all__ = ["parse_graylog_keyword"]

MAX_CHARACTERS = 500
"""A longer text is not looked at."""

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = (
    r"(?P<day>mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:r(?:s(?:day)?)?)?|fri(?:day)?|sat(?:urday)?"
    r"|sun(?:day)?)\b"
)
_DAY_PLURAL = r"(?P<day>mon|tues|wednes|thurs|fri|satur|sun)days\b"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b"
)
_SECONDS = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600, "hr": 3600}
_TIME_UNIT = r"(?P<unit>seconds?|secs?|minutes?|mins?|hours?|hrs?)\b"
_DATE_UNIT = r"(?P<unit>days?|weeks?|months?|years?)\b"
_ONES = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_NUMBERS = {word: number for number, word in enumerate(_ONES, 1)} | {
    word: number
    for number, word in enumerate(
        ("ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
        10,
    )
}
_NUMBERS |= {
    f"{tens} {one}": value + _NUMBERS[one] for tens, value in (("twenty", 20), ("thirty", 30)) for one in _ONES
}
_NUMBERS |= {"twenty": 20, "thirty": 30}
_NUMBER = rf"(?P<number>\d{{1,9}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_ORDINALS = {
    **{word: number for number, word in enumerate(("first", "second", "third", "fourth", "fifth"), 1)},
    **{word: number for number, word in enumerate(("sixth", "seventh", "eighth", "ninth", "tenth"), 6)},
}
_DAY_OF_MONTH = rf"(?:the )?(?P<dom>\d\d?(?:st|nd|rd|th)?|{'|'.join(_ORDINALS)})(?![\d:])"
_YEAR = r"(?P<year>\d{4})(?![\d:])"
_WEEKDAY = re.compile(_DAY)
_WEEKDAY_OF = re.compile(rf"(?P<which>last|next) {_DAY}")
_BETWEEN = re.compile(r" ?(?:\b(?:to|through|and|or)\b|-) ?")
_HOURS_OF = {"midnight": 0, "morning": 8, "noon": 12, "afternoon": 12, "evening": 19, "night": 20, "tonight": 20}
_HOLIDAYS = {"christmas": (12, 25), "halloween": (10, 31), "new years day": (1, 1), "independence day": (7, 4)}
_ZONE = r"(?: ?(?P<zone>z|utc|gmt|est|edt|cst|cdt|mst|mdt|pst|pdt|cet|cest|[+-]\d\d(?::?\d\d)?)\b)?"
_ZONES = {"z": "UTC", "utc": "UTC", "gmt": "UTC", "cet": "Europe/Paris", "cest": "Europe/Paris"} | {
    name: zone
    for names, zone in (
        (("est", "edt"), "America/New_York"),
        (("cst", "cdt"), "America/Chicago"),
        (("mst", "mdt"), "America/Denver"),
        (("pst", "pdt"), "America/Los_Angeles"),
    )
    for name in names
}


_Value = TypeVar("_Value")


class _Time(NamedTuple):
    """A time of day as it is written."""

    hour: int
    minute: int = 0
    second: int = 0
    zone: str = ""


class _Item(NamedTuple):
    """One piece of a text: a date, a time of day, a distance in seconds, or two of them."""

    date: dt.date | None = None
    time: _Time | None = None
    shift: int | None = None
    until_now: bool = False


def parse_graylog_keyword(text: str, zone: str, now: float) -> Span:
    """
    Read a keyword as Graylog does.

    Args:
        text: For example ``last 5 minutes`` or ``yesterday to today``.
        zone: The time zone of its dates, for example ``Europe/Berlin``.
        now: UTC Unix seconds.

    Returns:
        Start and end in UTC Unix seconds; the end may lie before the start, as there.

    Raises:
        TimeRangeError: If nothing in the text is understood, or there is no such zone.
    """
    try:
        here = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise TimeRangeError(f"{zone[:60]!r} is not a time zone; an example of one is Europe/Berlin") from None
    words = " ".join(text.casefold().split())
    if len(words) > MAX_CHARACTERS:
        raise TimeRangeError("Invalid timerange parameters provided")
    moment = dt.datetime.fromtimestamp(now, here)
    try:
        items = _Reader(moment).first_of(words)
        if not items:
            raise TimeRangeError("Invalid timerange parameters provided")
        start, end = _bounds(items, moment, words.replace(" ", ""))
        return Span(start.timestamp(), end.timestamp())
    except (OverflowError, ValueError):
        raise TimeRangeError("Invalid timerange parameters provided") from None


def _bounds(items: list[_Item], now: dt.datetime, words: str) -> tuple[dt.datetime, dt.datetime]:
    """Place the items in time, and stretch dates to whole days."""
    moments, timed = _placed(items, now)
    moments.sort(key=dt.datetime.timestamp)
    first, second = moments[0], moments[1] if len(moments) > 1 else None
    if timed:
        return first, second or now
    period = re.fullmatch(r"(?:last|this)(year|month|week)", words)
    if period is not None:
        return _period(first, period[1])
    return _midnight(first, 0), _midnight(second or first, 1)


def _period(moment: dt.datetime, unit: str) -> tuple[dt.datetime, dt.datetime]:
    """Return the calendar year, month or week (from Sunday) around a moment."""
    if unit == "week":
        days = (moment.weekday() + 1) % 7
        return _midnight(moment, -days), _midnight(moment, 7 - days)
    first = moment.date().replace(day=1)
    if unit == "year":
        first = first.replace(month=1)
    after = _add_months(first, 12 if unit == "year" else 1)
    start, end = (dt.datetime.combine(date, dt.time(), moment.tzinfo) for date in (first, after))
    return start, end


def _midnight(moment: dt.datetime, days: int) -> dt.datetime:
    return dt.datetime.combine(moment.date() + dt.timedelta(days=days), dt.time(), moment.tzinfo)


def _add_months(date: dt.date, months: int) -> dt.date:
    year, month = divmod(date.year * 12 + date.month - 1 + months, 12)
    last = (dt.date(year + month // 11, (month + 1) % 12 + 1, 1) - dt.timedelta(days=1)).day
    return dt.date(year, month + 1, min(date.day, last))


def _placed(items: list[_Item], now: dt.datetime) -> tuple[list[dt.datetime], bool]:
    """Turn items into moments: what one lacks it has from the one before it, or else from the next."""
    shifted: list[dt.datetime | None] = []
    since = now
    for item in items:
        if item.shift is None:
            shifted.append(None)
        else:
            since = dt.datetime.fromtimestamp(since.timestamp() + item.shift, now.tzinfo)
            shifted.append(since)
    dates = _filled([item.date for item in items])
    times = _filled(
        [
            item.time or (None if moved is None else _Time(moved.hour, moved.minute, moved.second))
            for item, moved in zip(items, shifted, strict=True)
        ]
    )
    moments = [
        moved if moved is not None and date is None else _at(date or now.date(), time or _Time(0), now)
        for date, time, moved in zip(dates, times, shifted, strict=True)
    ]
    if items[-1].until_now:
        moments.append(now)
    return moments, any(time is not None for time in times)


def _filled(values: list[_Value | None]) -> list[_Value | None]:
    """Give each missing value the one before it; those at the beginning the first there is."""
    last = next((value for value in values if value is not None), None)
    filled = []
    for value in values:
        last = last if value is None else value
        filled.append(last)
    return filled


def _at(date: dt.date, time: _Time, now: dt.datetime) -> dt.datetime:
    zone = now.tzinfo
    if time.zone:
        named = _ZONES.get(time.zone)
        zone = ZoneInfo(named) if named else _offset(time.zone)
    return dt.datetime(date.year, date.month, date.day, time.hour, time.minute, time.second, tzinfo=zone)


def _offset(text: str) -> dt.timezone:
    digits = re.sub(r"\D", "", text)
    minutes = int(digits[:2]) * 60 + int(digits[2:] or 0)
    return dt.timezone(dt.timedelta(minutes=-minutes if text.startswith("-") else minutes))


class _Reader:
    """
    Reads pieces of a text.

    Args:
        now: The moment that distances and weekdays are counted from, in the zone of the dates.
    """

    def __init__(self, now: dt.datetime) -> None:
        self._today = now.date()
        self._sunday = self._today - dt.timedelta(days=(self._today.weekday() + 1) % 7)
        self._dates: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], _Item | None]], ...] = tuple(
            (re.compile(pattern), read) for pattern, read in self._forms()
        )

    def first_of(self, words: str) -> list[_Item]:
        """Return the items of the first piece that is understood; none where there is no such piece."""
        for token in re.finditer(r"\d\d?|[a-z]+", words):  # digits count in pairs
            found = self._read(words, token.start())
            if found is not None:
                item, end = found
                return [item] if item.until_now else [item, *self._joined(words, token.start(), end)]
        return []

    def _joined(self, words: str, start: int, end: int) -> Iterator[_Item]:
        """Read what is joined to the first item: ``to``, ``-``, ``and``; ``last monday to friday`` is of one week."""
        week = _WEEKDAY_OF.fullmatch(words, start, end)
        for _ in range(3):
            joined = _BETWEEN.match(words, end)
            if joined is None:
                return
            if week is not None and _WEEKDAY.match(words, joined.end()):
                words = f"{words[: joined.end()]}{week['which']} {words[joined.end() :]}"
            found = self._read(words, joined.end())
            if found is None:
                return
            item, end = found
            yield item

    def _read(self, words: str, position: int) -> tuple[_Item, int] | None:
        """Read a date with a time, a time with a date, or one of them."""
        first = self._date(words, position) or _time(words, position)
        if first is None:
            return None
        item, end = first
        if item.until_now or item.shift is not None:
            return first
        gap = re.compile(r"t(?=\d)|,? ?(?:\b(?:at|on|in the|around|by)\b )?").match(words, end)
        after = end if gap is None else gap.end()
        second = _time(words, after) if item.time is None else self._date(words, after)
        if second is None or second[0].until_now or second[0].shift is not None:
            return first
        other, end = second
        if item.date is not None and other.date is not None:
            return first
        year = re.compile(rf" {_YEAR}").match(words, end)  # may 6 10:00:00 2024
        date = other.date or item.date
        if year is not None and date is not None and item.date is not None:
            date, end = date.replace(year=int(year["year"])), year.end()
        return _Item(date, other.time or item.time), end

    def _date(self, words: str, position: int) -> tuple[_Item, int] | None:
        for pattern, read in self._dates:
            match = pattern.match(words, position)
            if match is not None:
                item = read(match)
                if item is not None:
                    return item, match.end()
        return None

    def _forms(self) -> tuple[tuple[str, Callable[[re.Match[str]], _Item | None]], ...]:
        """Return all ways to write a date or a distance, the more particular ones first."""
        named = "(?P<name>today|now|yesterday|tomorrow)\\b"
        return (
            (r"(?P<y>\d{4})[-/](?P<m>\d\d?)[-/](?P<d>\d\d?)(?!\d)", self._formal),
            (r"(?P<m>\d\d?)[-/](?P<d>\d\d?)[-/](?P<y>\d{4}|\d\d?)(?![\d])", self._formal),
            (r"(?P<m>\d\d?)/(?P<d>\d\d?)(?![\d/])", self._formal),
            (rf"(?:{_DAY},? )?(?P<dom>\d\d?)[/-]{_MONTH}[/-]{_YEAR}", self._of_month),
            (rf"(?:{_DAY},? )?{_DAY_OF_MONTH} (?:of )?{_MONTH}(?:,? {_YEAR})?", self._of_month),
            (rf"(?:{_DAY},? )?{_MONTH} (?!the ){_DAY_OF_MONTH}(?:,? {_YEAR})?", self._of_month),
            (rf"(?P<nth>first|second|third|fourth|fifth|last) {_DAY} (?:of|in) {_MONTH}(?: {_YEAR})?", self._nth),
            (rf"{_MONTH} {_YEAR}", self._of_month),
            (rf"(?:(?P<which>last|next|this|past) )?{_MONTH}", self._month),
            (rf"{_DAY} (?:of )?(?P<which>last|next|this) week\b", self._weekday),
            (r"(?P<edge>start|beginning|end) of (?P<which>last|next|this) (?P<unit>week|month)\b", self._edge),
            (rf"{_NUMBER} {_DATE_UNIT} (?P<way>before|after|from) {named}", self._away_from_named),
            (rf"{_NUMBER} {_DATE_UNIT} (?P<way>before|after|from) (?!noon|midnight)(?P<rest>.+)", self._away_from_date),
            (rf"day (?P<way>before|after) {named}", self._away_from_named),
            (rf"(?:the )?(?P<which>last|past|next) {_NUMBER} {_TIME_UNIT}", self._seconds_until_now),
            (rf"(?:the )?(?P<which>last|past|next) {_NUMBER} {_DATE_UNIT}", self._days_until_now),
            (rf"for {_NUMBER} {_TIME_UNIT}", self._seconds_until_now),
            (rf"(?:the )?(?P<which>last|past|next|this|coming|upcoming) {_TIME_UNIT}", self._one_of_time),
            (rf"(?:the )?(?P<which>last|past|next|this|coming|upcoming|current) {_DATE_UNIT}", self._one_of_date),
            (
                r"(?P<which>last|next|this|past|coming|upcoming)?(?: (?:past|coming))? ?(?P<weekend>weekend)\b",
                self._weekend,
            ),
            (rf"(?:(?:this )?(?P<which>last|past|next|coming|upcoming|this) )?{_DAY}", self._weekday),
            (rf"(?:last|next) (?P<number>\d{{1,3}}) {_DAY_PLURAL}", self._weekdays_from_now),
            (rf"(?P<number>\d{{1,3}}) {_DAY_PLURAL} (?P<way>ago|from now)", self._weekdays_from_now),
            (rf"{_NUMBER} {_TIME_UNIT} (?P<way>before|after|from) (?P<anchor>noon|midnight)\b", self._away_from_hour),
            (rf"{_NUMBER} {_TIME_UNIT}(?P<way> ago| before now)?", self._distance),
            (rf"in an? {_TIME_UNIT}", self._distance),
            (rf"(?:{_NUMBER}|a) {_DATE_UNIT} (?P<way>ago)\b", self._days_away),
            (rf"(?:in a|{_NUMBER}) {_DATE_UNIT}", self._days_away),
            (named, self._named),
            (rf"(?P<holiday>{'|'.join(_HOLIDAYS)})\b", self._holiday),
        )

    def _formal(self, match: re.Match[str]) -> _Item | None:
        year = int(match["y"]) if "y" in match.groupdict() else self._today.year
        month, day = int(match["m"]), int(match["d"])
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return None
        return _Item(dt.date(year + 2000 if year < 100 else year, month, 1) + dt.timedelta(days=day - 1))

    def _of_month(self, match: re.Match[str]) -> _Item | None:
        groups = match.groupdict()
        written = groups.get("dom") or "1"
        day = _ORDINALS.get(written) or int(re.sub(r"\D", "", written))
        if not 1 <= day <= 31:
            return None
        year = int(groups.get("year") or self._today.year)
        return _Item(dt.date(year, _MONTHS.index(match["month"][:3]) + 1, 1) + dt.timedelta(days=day - 1))

    def _month(self, match: re.Match[str]) -> _Item:
        month, year = _MONTHS.index(match["month"][:3]) + 1, self._today.year
        if match["which"] in ("last", "past"):
            year -= month >= self._today.month
        elif match["which"] == "next":
            year += month <= self._today.month
        return _Item(dt.date(year, month, 1))

    def _nth(self, match: re.Match[str]) -> _Item:
        month, year = _MONTHS.index(match["month"][:3]) + 1, int(match["year"] or self._today.year)
        day = _weekday_of(match["day"])
        if match["nth"] == "last":
            last = _add_months(dt.date(year, month, 1), 1) - dt.timedelta(days=1)
            return _Item(last - dt.timedelta(days=(last.weekday() - day) % 7))
        first = dt.date(year, month, 1)
        weeks = tuple(_ORDINALS).index(match["nth"])
        return _Item(first + dt.timedelta(days=(day - first.weekday()) % 7 + 7 * weeks))

    def _weekday(self, match: re.Match[str]) -> _Item:
        day, which = _weekday_of(match["day"]), match["which"]
        of_week = "week" in match[0]
        if which in ("last", "next") or of_week:
            weeks = {"last": -1, "next": 1}.get(which, 0)
            return _Item(self._sunday + dt.timedelta(days=(day + 1) % 7 + 7 * weeks))
        if which == "past":
            return _Item(self._today - dt.timedelta(days=(self._today.weekday() - day - 1) % 7 + 1))
        return _Item(self._today + dt.timedelta(days=(day - self._today.weekday() - 1) % 7 + 1))

    def _weekdays_from_now(self, match: re.Match[str]) -> _Item:
        day, number = _weekday_of(match["day"]), int(match["number"])
        if "ago" in match[0]:
            back = (self._today.weekday() - day - 1) % 7 + 1
            return _Item(self._today - dt.timedelta(days=back + 7 * (number - 1)))
        ahead = (day - self._today.weekday() - 1) % 7 + 1
        return _Item(self._today + dt.timedelta(days=ahead + 7 * (number - 1)))

    def _edge(self, match: re.Match[str]) -> _Item:
        steps = {"last": -1, "next": 1}.get(match["which"], 0)
        if match["unit"] == "week":
            return _Item(self._sunday + dt.timedelta(days=7 * steps + (5 if match["edge"] == "end" else 1)))
        first = _add_months(self._today.replace(day=1), steps)
        return _Item(_add_months(first, 1) - dt.timedelta(days=1) if match["edge"] == "end" else first)

    def _weekend(self, match: re.Match[str]) -> _Item:
        if match["which"] in ("last", "past", "next"):
            return _Item(self._sunday + dt.timedelta(days=13 if match["which"] == "next" else -1))
        return _Item(self._today + dt.timedelta(days=(4 - self._today.weekday()) % 7 + 1))

    def _named(self, match: re.Match[str]) -> _Item:
        return _Item(self._today + dt.timedelta(days={"yesterday": -1, "tomorrow": 1}.get(match["name"], 0)))

    def _holiday(self, match: re.Match[str]) -> _Item:
        month, day = _HOLIDAYS[match["holiday"]]
        date = dt.date(self._today.year, month, day)
        return _Item(date if date >= self._today else date.replace(year=date.year + 1))

    def _away(self, match: re.Match[str], anchor: dt.date, sign: int) -> _Item | None:
        number, unit = _number_of(match), match.groupdict().get("unit") or "day"
        if number == 0:
            return None
        if unit.startswith(("month", "year")):
            return _Item(_add_months(anchor, sign * number * (12 if unit.startswith("year") else 1)))
        return _Item(anchor + dt.timedelta(days=sign * number * (7 if unit.startswith("week") else 1)))

    def _away_from_named(self, match: re.Match[str]) -> _Item | None:
        anchor = self._named(match).date or self._today
        return self._away(match, anchor, -1 if match["way"] == "before" else 1)

    def _away_from_date(self, match: re.Match[str]) -> _Item | None:
        found = self._date(match.string, match.start("rest"))
        if found is None or found[0].date is None:
            return None
        return self._away(match, found[0].date, -1 if match["way"] == "before" else 1)

    def _away_from_hour(self, match: re.Match[str]) -> _Item | None:
        seconds = _number_of(match) * _seconds_of(match)
        hour = dt.timedelta(hours=_HOURS_OF[match["anchor"]], seconds=-seconds if match["way"] == "before" else seconds)
        whole = hour.days * 86400 + hour.seconds
        return _Item(self._today + dt.timedelta(days=whole // 86400),
                     _Time(whole % 86400 // 3600, whole % 3600 // 60, whole % 60))  # fmt: skip

    def _days_away(self, match: re.Match[str]) -> _Item | None:
        return self._away(match, self._today, -1 if match.groupdict().get("way") else 1)

    def _one_of_date(self, match: re.Match[str]) -> _Item | None:
        sign = {"last": -1, "past": -1, "this": 0, "current": 0}.get(match["which"], 1)
        return self._away(match, self._today, sign)

    def _days_until_now(self, match: re.Match[str]) -> _Item | None:
        item = self._away(match, self._today, 1 if match["which"] == "next" else -1)
        return None if item is None else item._replace(until_now=True)

    def _one_of_time(self, match: re.Match[str]) -> _Item:
        sign = {"last": -1, "past": -1, "this": 0}.get(match["which"], 1)
        return _Item(shift=sign * _seconds_of(match))

    def _seconds_until_now(self, match: re.Match[str]) -> _Item | None:
        seconds = _number_of(match) * _seconds_of(match)
        ahead = match.groupdict().get("which") in (None, "next")
        return _Item(shift=seconds if ahead else -seconds, until_now=True) if seconds else None

    def _distance(self, match: re.Match[str]) -> _Item | None:
        seconds = _number_of(match) * _seconds_of(match)
        return _Item(shift=-seconds if match.groupdict().get("way") else seconds) if seconds else None


def _number_of(match: re.Match[str]) -> int:
    written = match.groupdict().get("number")
    return 1 if written is None else _NUMBERS.get(written) or int(written)


def _seconds_of(match: re.Match[str]) -> int:
    return _SECONDS[match["unit"].rstrip("s")]


def _weekday_of(text: str) -> int:
    return next(number for number, name in enumerate(_DAYS) if name.startswith(text))


_CLOCK = re.compile(
    r"(?P<hour>[01]\d|2[0-4]|\d(?!\d))(?:[:.]?(?P<minute>[0-5]\d)(?:[:.]?(?P<second>[0-5]\d)(?:\.\d+)?)?)?"
    rf"(?: ?(?P<half>[ap])\.?m\b\.?)?(?:(?: in the| at) (?P<part>morning|afternoon|evening|night)\b)?{_ZONE}"
)
_NAMED_TIME = re.compile(
    r"(?:(?:this|at) )?(?P<name>" + "|".join(_HOURS_OF) + r")\b(?:(?: at)? (?P<hour>\d\d?)(?:pm)?\b(?!:))?"
)


def _time(words: str, position: int) -> tuple[_Item, int] | None:
    """Read a time of day: ``10:30``, ``5pm``, ``noon``, or a plain number, whose digits count in pairs."""
    named = _NAMED_TIME.match(words, position)
    if named is not None:
        hour = int(named["hour"]) % 12 + 12 if named["hour"] else _HOURS_OF[named["name"]]
        return _Item(time=_Time(hour)), named.end()
    if re.compile(r"\d+[a-z]*").match(words, position) is None:
        return None
    glued = re.compile(r"\d+(?!am|pm|z\b|t\d)[a-z]").match(words, position)
    if glued is not None:  # 5m, 24h, 15th
        return None
    clock = _CLOCK.match(words, position)
    if clock is None:
        return None
    hour = int(clock["hour"])
    if clock["half"] and hour <= 12:
        hour = hour % 12 + (12 if clock["half"] == "p" else 0)
    elif clock["part"] in ("afternoon", "evening", "night") and hour < 12:
        hour += 12
    written = _Time(hour % 24, int(clock["minute"] or 0), int(clock["second"] or 0), clock["zone"] or "")
    return _Item(time=written), clock.end()
