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
from typing import NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from gelf_listener.api.graylog.holidays import HOLIDAY, UNDATED, holiday_in
from gelf_listener.store.parameters import Span
from gelf_listener.timeranges import TimeRangeError

MAX_CHARACTERS = 500
"""A longer text is not looked at."""

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = (
    r"(?P<day>mon(?:days?)?|tue(?:s(?:days?)?)?|wed(?:s|nesdays?)?|thu(?:r(?:s(?:days?)?)?)?|fri(?:days?)?"
    r"|sat(?:urdays?)?|sun(?:days?)?)\b"
)
_ANY_DAY = _DAY.replace("?P<day>", "?:")
_DAY_PLURAL = r"(?P<day>mon|tues|wednes|thurs|fri|satur|sun)days\b"
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b"
)
_SECONDS = {"second": 1, "sec": 1, "minute": 60, "min": 60, "hour": 3600, "hr": 3600}
_TIME_UNIT = r"(?P<unit>seconds?|secs?|minutes?|mins?|hours?|hrs?)\b"
_DATE_UNIT = r"(?P<unit>days?|weeks?|wks|months?|years?|yrs)\b"


def _unnamed(pattern: str) -> str:
    """Return a pattern whose groups have no names, so that it may stand in another twice."""
    return re.sub(r"\?P<\w+>", "?:", pattern)


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
_NUMBER = rf"(?P<number>\d{{1,4}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_FIRST = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth")
_ORDINALS = {word: number for number, word in enumerate(_FIRST, 1)} | {
    word: number
    for number, word in enumerate(
        ("tenth", "eleventh", "twelfth", "thirteenth", "fourteenth", "fifteenth", "sixteenth", "seventeenth",
         "eighteenth", "nineteenth", "twentieth"), 10
    )
}  # fmt: skip
_ORDINALS |= {f"twenty {word}": 20 + number for number, word in enumerate(_FIRST, 1)}
_ORDINALS |= {"thirtieth": 30, "thirty first": 31}
_NUMBERED_DAY = r"(?:(?:0?|2|3)1st|(?:0?|2)2nd|(?:0?|2)3rd|(?:0?[4-9]|1\d|2[04-9]|30)th|\d\d?)"
_DAY_OF_MONTH = (
    rf"(?:the )?(?P<dom>{_NUMBERED_DAY}|{'|'.join(sorted(_ORDINALS, key=len, reverse=True))})(?![\w:])(?: day)?"
)
_DAY_ALONE = re.compile(rf"{_DAY_OF_MONTH}(?![/-])")
_DAY_BESIDE = re.compile(r"(?:the )?day (?P<way>before|after) (?P<name>today|now|yesterday|tomorrow)\b")
_MONTH_AND_DAY = re.compile(f"{_MONTH} {_DAY_OF_MONTH}")
_YEAR = r"(?P<year>\d{4})(?![\d:])"
_NTH = r"(?P<nth>first|second|third|fourth|fifth|1st|2nd|3rd|4th|5th|last)"
_DISTANCES = _unnamed(f"{_NUMBER} {_DATE_UNIT}(?: {_NUMBER} {_DATE_UNIT})+")
_STEPS = {"last": -1, "next": 1}
_WEEKDAY = re.compile(_DAY)
_WEEKDAY_OF = re.compile(rf"(?P<which>last|next) {_DAY}")
_BETWEEN = re.compile(
    r" ?(?:\b(?:to|through|and|or)\b|-|,(?= ?(?:yesterday|today|tomorrow|now)\b)"
    rf"|,(?= ?{_unnamed(f'{_NUMBER} {_TIME_UNIT}')})) ?"
)
_WEEKDAYS_OF = re.compile(rf"(?:last|next) (?P<first>{_ANY_DAY}){_BETWEEN.pattern}(?P<which>last|next) {_DAY}")
_HOURS_OF = {"midnight": 0, "morning": 8, "noon": 12, "afternoon": 12, "evening": 19, "night": 20, "tonight": 20}
_ZONES = {
    name: zone
    for names, zone in (
        (("z", "utc", "gmt"), "UTC"),
        (("est", "edt", "eastern"), "America/New_York"),
        (("cst", "cdt", "central"), "America/Chicago"),
        (("mst", "mdt", "mountain"), "America/Denver"),
        (("pst", "pdt", "pacific"), "America/Los_Angeles"),
        (("akst", "akdt", "alaska"), "America/Anchorage"),
        (("hst", "hast", "hadt", "hawaii"), "Pacific/Honolulu"),
    )
    for name in names
}
_ZONE = (
    r"(?: ?(?P<zone>(?:(?:utc|gmt) ?)?[+-]\d\d?(?::?\d\d)?(?!\d)"
    rf"|(?:{'|'.join(_ZONES)})\b(?:(?: standard| daylight)? time\b)?))?"
)


class _Time(NamedTuple):
    """A time of day as it is written."""

    hour: int
    minute: int = 0
    second: int = 0
    zone: str = ""
    half: str = ""
    """``a`` or ``p`` where it is written."""


class _Item(NamedTuple):
    """One piece of a text: a date, a time of day, a distance in seconds, or two of them."""

    date: dt.date | None = None
    time: _Time | None = None
    shift: int | None = None
    until_now: bool = False
    dated: bool = False
    """It is a date with its year, and counts for itself only."""
    days: int = 0
    """How far it is from the date of the item before."""


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
    if len(words) > MAX_CHARACTERS or UNDATED.fullmatch(words):
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
    """
    Turn items into moments: each goes on from where the one before it ended.

    What an item says counts for those before it as well where they do not say it: the time of day, the date unless it
    has a year, and whether it is before or after noon. Whatever the zone, that is written into them in UTC.
    """
    moments: list[dt.datetime] = []
    here = now
    for number, item in enumerate(items):
        here = _moved(here.replace(tzinfo=now.tzinfo), item, now)
        for before in range(number):
            moments[before] = _completed(moments[before], items[before], item, here)
        moments.append(here)
    timed = any(item.time is not None or item.shift is not None for item in items)
    if items[-1].until_now:
        moments.append(now)
    return moments, timed


def _moved(here: dt.datetime, item: _Item, now: dt.datetime) -> dt.datetime:
    """Return the moment an item says, from where the one before it ended."""
    if item.shift is not None:
        return dt.datetime.fromtimestamp(here.timestamp() + item.shift, now.tzinfo)
    date = (item.date or here.date()) + dt.timedelta(days=item.days)
    time = item.time or _Time(here.hour, here.minute, here.second)
    return _at(date, time, now)


def _completed(moment: dt.datetime, item: _Item, later: _Item, here: dt.datetime) -> dt.datetime:
    """Return the moment of an item with what a later one says, which is the moment `here`."""
    moment = moment.astimezone(dt.UTC)
    if later.date is not None and not later.dated and item.date is None:
        moment = moment.replace(year=here.year, month=here.month, day=here.day)
    if item.time is None and item.shift is None and (later.time is not None or later.shift is not None):
        moment = moment.replace(hour=here.hour, minute=here.minute, second=here.second)
    elif later.time is not None and later.time.half and not (item.time is not None and item.time.half):
        moment = moment.replace(hour=moment.hour % 12 + (12 if later.time.half == "p" else 0))
    return moment.astimezone(here.tzinfo)


def _at(date: dt.date, time: _Time, now: dt.datetime) -> dt.datetime:
    zone = now.tzinfo
    if time.zone:
        named = _ZONES.get(time.zone.split()[0])
        zone = _offset(time.zone) if named is None or time.zone[-1].isdigit() else ZoneInfo(named)
    return dt.datetime(date.year, date.month, date.day, time.hour, time.minute, time.second, tzinfo=zone)


def _offset(text: str) -> dt.timezone:
    parts = re.search(r"(\d\d?):?(\d\d)?$", text)
    away = dt.timedelta(hours=int(parts[1]), minutes=int(parts[2] or 0)) if parts else dt.timedelta()
    return dt.timezone(-away if "-" in text else away)


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
        for token in re.finditer(r"\d\d?|[a-z]+\d{0,2}", words):  # digits count in pairs
            found = self._read(words, token.start())
            if found is not None:
                item, end = found
                both = _WEEKDAYS_OF.match(words, token.start())
                if both is not None:  # `last monday to next friday` is monday and next monday
                    return [*self.first_of(both["first"]), *self.first_of(f"{both['which']} {both['first']}")]
                return [item] if item.until_now else [item, *self._joined(words, token.start(), end)]
        return []

    def _joined(self, words: str, start: int, end: int) -> Iterator[_Item]:
        """Read what is joined to the first item: ``to``, ``-``, ``and``; ``last monday to friday`` is of one week."""
        first = words[start:end]
        week = _WEEKDAY_OF.fullmatch(first)
        for _ in range(3):
            joined = _BETWEEN.match(words, end)
            if joined is None:
                return
            if week is not None and _WEEKDAY.match(words, joined.end()):
                words = f"{words[: joined.end()]}{week['which']} {words[joined.end() :]}"
            found = self._beside(first, words, joined.end()) or self._read(words, joined.end())
            if found is None or found[0].until_now:
                return
            item, end = found
            yield item

    def _beside(self, first: str, words: str, position: int) -> tuple[_Item, int] | None:
        """Read what depends on the item before: behind a date `day after tomorrow` is a day later; ``may 1 to 3``."""
        day = _DAY_BESIDE.match(words, position)
        if day is not None:
            before = self._read(first, 0)
            if before is not None and before[0].date is not None and before[0].time is None:
                return _Item(days=1 if day["way"] == "after" else -1), day.end()
            days = {"yesterday": -1, "tomorrow": 1}.get(day["name"], 0) + (1 if day["way"] == "after" else -1)
            return _Item(self._today + dt.timedelta(days=days), dated=True), day.end()
        month, other = _MONTH_AND_DAY.fullmatch(first), _DAY_ALONE.match(words, position)
        found = None if month is None or other is None else self._date(f"{other[0]} {month['month']}", 0)
        return None if found is None or other is None else (found[0], other.end())

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
        if after == end and words[end - 1].isdigit() and words[after : after + 1].isdigit():
            return first  # the rest of a number
        second = _time(words, after) if item.time is None else self._date(words, after)
        if second is None or second[0].until_now or second[0].shift is not None:
            return first
        other, end = second
        if item.date is not None and other.date is not None:
            return first
        year = re.compile(rf" {_YEAR}").match(words, end)  # may 6 10:00:00 2024
        date, dated = other.date or item.date, item.dated or other.dated
        if year is not None and date is not None and item.date is not None:
            date, dated, end = date.replace(year=int(year["year"])), True, year.end()
        return _Item(date, other.time or item.time, dated=dated), end

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
            (rf"{_NUMBER} {HOLIDAY} (?P<way>ago|from now)\b", self._holiday),
            (rf"(?:(?P<which>last|next|this) )?{HOLIDAY}(?: {_YEAR})?", self._holiday),
            (rf"(?:{UNDATED.pattern}) {_YEAR}", lambda _: _Item(self._today)),
            (r"(?P<y>\d{4})[-/](?P<m>\d\d?)[-/](?P<d>\d\d?)(?!\d|z\b)", self._formal),
            (r"(?P<m>\d\d?)[-/](?P<d>\d\d?)[-/](?P<y>\d{4}|\d\d?)(?![\d])", self._formal),
            (r"(?P<y>1[3-9]|[2-9]\d)-(?P<m>\d\d?)-(?P<d>\d\d?)(?!\d)", self._formal),
            (r"(?P<m>\d\d?)/(?P<d>\d\d?)(?!/)", self._formal),
            (rf"(?:{_DAY},? )?(?P<dom>\d\d?)[/-]{_MONTH}[/-]{_YEAR}", self._of_month),
            (rf"(?:{_DAY},? )?{_DAY_OF_MONTH} (?:of )?{_MONTH}(?:,? {_YEAR}| {_ANY_DAY})?", self._of_month),
            (rf"(?:{_DAY},? )?{_MONTH} (?!the ){_DAY_OF_MONTH}(?:,? {_YEAR})?", self._of_month),
            (rf"{_NTH} {_DAY} (?:of|in) (?:{_MONTH}(?: {_YEAR})?|(?P<which>last|next|this) month\b)", self._nth),
            (rf"(?P<edge>first|last) day (?:of|in) {_MONTH}(?: {_YEAR})?", self._edge_of_month),
            (rf"{_MONTH} {_YEAR}", self._of_month),
            (rf"(?:(?P<which>last|next|this|past) )?{_MONTH}", self._month),
            (rf"{_DAY} (?:of )?(?P<which>last|next|this) week\b", self._weekday),
            (
                r"(?P<edge>start|beginning|first day|end|last day) of (?P<which>last|next|this) (?P<unit>week|month)\b",
                self._edge,
            ),
            (rf"(?:(?:{_NUMBER}|an?) )?{_DATE_UNIT} (?P<way>before|after|from) {named}", self._away_from_named),
            (
                rf"(?:(?:{_NUMBER}|an?) )?{_DATE_UNIT} (?P<way>before|after|from) (?!noon|midnight)(?P<rest>.+)",
                self._away_from_date,
            ),
            (rf"(?:the )?(?P<which>last|past|next) {_NUMBER} {_TIME_UNIT}", self._seconds_until_now),
            (rf"(?:the )?(?P<which>last|past|next) {_NUMBER} {_DATE_UNIT}", self._days_until_now),
            (rf"for {_NUMBER} {_TIME_UNIT}", self._seconds_until_now),
            (rf"(?:the )?(?P<which>last|past|next|this|coming|upcoming|current) {_TIME_UNIT}", self._one_of_time),
            (rf"(?:the )?(?P<which>last|past|next|this|coming|upcoming|current) {_DATE_UNIT}", self._one_of_date),
            (
                r"(?P<which>last|next|this|past|coming|upcoming)?(?: (?:past|coming))? ?(?P<weekend>weekend)\b",
                self._weekend,
            ),
            (rf"(?:(?:this )?(?P<which>last|past|next|coming|upcoming|this) )?{_DAY}", self._weekday),
            (rf"(?:last|next) (?P<number>\d{{1,3}}) {_DAY_PLURAL}", self._weekdays_from_now),
            (rf"(?P<number>\d{{1,3}}) {_DAY_PLURAL} (?P<way>ago|from now)", self._weekdays_from_now),
            (rf"{_NUMBER} {_TIME_UNIT} (?P<way>before|after|from) (?P<anchor>noon|midnight)\b", self._away_from_hour),
            (rf"{_NUMBER} {_TIME_UNIT}(?P<way> ago\b| before\b(?: now\b)?)?", self._distance),
            (rf"in an? {_TIME_UNIT}", self._distance),
            (rf"{_DISTANCES}(?P<way> ago\b)?", self._several_away),
            (rf"(?:{_NUMBER} )?{_DATE_UNIT} (?P<way>ago)\b", self._days_away),
            (rf"(?:in a|{_NUMBER}) {_DATE_UNIT}", self._days_away),
            (named, self._named),
        )

    def _formal(self, match: re.Match[str]) -> _Item | None:
        year = int(match["y"]) if "y" in match.groupdict() else self._today.year
        month, day = int(match["m"]), int(match["d"])
        if not (1 <= month <= 12 and 1 <= day <= 31):
            return None
        date = dt.date(year + 2000 if year < 100 else year, month, 1) + dt.timedelta(days=day - 1)
        return _Item(date, dated="y" in match.groupdict())

    def _of_month(self, match: re.Match[str]) -> _Item | None:
        groups = match.groupdict()
        written = groups.get("dom") or "1"
        day = _ORDINALS.get(written) or int(re.sub(r"\D", "", written))
        if not 1 <= day <= 31:
            return None
        first = dt.date(int(groups.get("year") or self._today.year), _MONTHS.index(match["month"][:3]) + 1, 1)
        date = first + dt.timedelta(days=day - 1)
        weekday = groups.get("day")
        if weekday and not groups.get("year"):  # the last year in which it was such a day
            while date.weekday() != _weekday_of(weekday):
                date = date.replace(year=date.year - 1, day=min(date.day, 28) if date.month == 2 else date.day)
        return _Item(date, dated=bool(groups.get("year")))

    def _month(self, match: re.Match[str]) -> _Item:
        month, year = _MONTHS.index(match["month"][:3]) + 1, self._today.year
        if match["which"] in ("last", "past"):
            year -= month >= self._today.month
        elif match["which"] == "next":
            year += month <= self._today.month
        return _Item(dt.date(year, month, 1))

    def _nth(self, match: re.Match[str]) -> _Item:
        if match["month"]:
            first = dt.date(int(match["year"] or self._today.year), _MONTHS.index(match["month"][:3]) + 1, 1)
        else:
            first = _add_months(self._today.replace(day=1), _STEPS.get(match["which"], 0))
        day = _weekday_of(match["day"])
        if match["nth"] == "last":
            last = _add_months(first, 1) - dt.timedelta(days=1)
            return _Item(last - dt.timedelta(days=(last.weekday() - day) % 7))
        weeks = _ORDINALS.get(match["nth"]) or int(match["nth"][0])
        return _Item(first + dt.timedelta(days=(day - first.weekday()) % 7 + 7 * (weeks - 1)))

    def _edge_of_month(self, match: re.Match[str]) -> _Item:
        first = dt.date(int(match["year"] or self._today.year), _MONTHS.index(match["month"][:3]) + 1, 1)
        return _Item(first if match["edge"] == "first" else _add_months(first, 1) - dt.timedelta(days=1))

    def _weekday(self, match: re.Match[str]) -> _Item:
        day, which = _weekday_of(match["day"]), match["which"]
        of_week = "week" in match[0]
        if which in ("last", "next") or of_week:
            weeks = _STEPS.get(which, 0)
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
        steps, end = _STEPS.get(match["which"], 0), match["edge"] in ("end", "last day")
        if match["unit"] == "week":
            return _Item(self._sunday + dt.timedelta(days=7 * steps + (5 if end else 1)))
        first = _add_months(self._today.replace(day=1), steps)
        return _Item(_add_months(first, 1) - dt.timedelta(days=1) if end else first)

    def _weekend(self, match: re.Match[str]) -> _Item:
        if match["which"] in ("last", "past", "next"):
            return _Item(self._sunday + dt.timedelta(days=13 if match["which"] == "next" else -1))
        return _Item(self._today + dt.timedelta(days=(4 - self._today.weekday()) % 7 + 1))

    def _named(self, match: re.Match[str]) -> _Item:
        return _Item(self._today + dt.timedelta(days={"yesterday": -1, "tomorrow": 1}.get(match["name"], 0)))

    def _holiday(self, match: re.Match[str]) -> _Item:
        groups, name, year = match.groupdict(), match["holiday"], self._today.year
        if groups.get("year"):
            return _Item(holiday_in(name, int(match["year"])), dated=True)
        number = _number_of(match)
        if groups.get("which") == "last" or groups.get("way") == "ago":
            year -= holiday_in(name, year) >= self._today
            return _Item(holiday_in(name, year - number + 1))
        year += holiday_in(name, year) < self._today
        return _Item(holiday_in(name, year + number - 1))

    def _away(self, match: re.Match[str], anchor: dt.date, sign: int) -> _Item | None:
        number, unit = _number_of(match), match.groupdict().get("unit") or "day"
        if number == 0:
            return None
        if unit.startswith(("month", "y")):
            return _Item(_add_months(anchor, sign * number * (12 if unit.startswith("y") else 1)))
        return _Item(anchor + dt.timedelta(days=sign * number * (7 if unit.startswith("w") else 1)))

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

    def _several_away(self, match: re.Match[str]) -> _Item | None:
        date: dt.date | None = self._today
        for part in re.finditer(rf"{_NUMBER} {_DATE_UNIT}", match[0]):
            item = self._away(part, date or self._today, -1 if match["way"] else 1)
            date = None if item is None else item.date
        return None if date is None else _Item(date)

    def _days_away(self, match: re.Match[str]) -> _Item | None:
        return self._away(match, self._today, -1 if match.groupdict().get("way") else 1)

    def _one_of_date(self, match: re.Match[str]) -> _Item | None:
        sign = {"last": -1, "past": -1, "this": 0, "current": 0}.get(match["which"], 1)
        return self._away(match, self._today, sign)

    def _days_until_now(self, match: re.Match[str]) -> _Item | None:
        item = self._away(match, self._today, 1 if match["which"] == "next" else -1)
        if item is None:  # `last 0 days`
            raise ValueError
        return item._replace(until_now=True)

    def _one_of_time(self, match: re.Match[str]) -> _Item:
        sign = {"last": -1, "past": -1, "this": 0, "current": 0}.get(match["which"], 1)
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
    return next(number for number, name in enumerate(_DAYS) if name.startswith(text[:3]))


_CLOCK = re.compile(
    r"(?P<hour>[01]\d|2[0-4]|\d(?!\d))(?:[:.]?(?P<minute>[0-5]\d)(?:[:.]?(?P<second>[0-5]\d)(?P<fraction>\.\d+)?)?)?"
    rf"(?: ?(?P<half>[ap])(?:\.?m\b\.?|\b))?(?:(?: in the| at) (?P<part>morning|afternoon|evening|night)\b)?{_ZONE}"
)
_NAMED_TIME = re.compile(
    r"(?:(?:this|at) )?(?P<name>" + "|".join(_HOURS_OF) + r")\b(?:(?: at)? (?P<hour>\d\d?)(?:pm)?\b(?!:))?"
)


def _time(words: str, position: int) -> tuple[_Item, int] | None:
    """Read a time of day: ``10:30``, ``5pm``, ``noon``, or a plain number, whose digits count in pairs."""
    named = _NAMED_TIME.match(words, position)
    if named is not None:
        hour = int(named["hour"]) % 12 + 12 if named["hour"] else _HOURS_OF[named["name"]]
        half = {"noon": "p", "midnight": "a"}.get(named["name"], "")
        return _Item(time=_Time(hour, half=half)), named.end()
    if re.compile(r"\d+[a-z]*").match(words, position) is None:
        return None
    glued = re.compile(r"\d\d?(?!am|pm|[apz]\b|t\d)[a-z]").match(words, position)
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
    zone = "" if clock["fraction"] else clock["zone"] or ""
    half = clock["half"] or ""
    written = _Time(hour % 24, int(clock["minute"] or 0), int(clock["second"] or 0), zone, half)
    return _Item(time=written), clock.end()
