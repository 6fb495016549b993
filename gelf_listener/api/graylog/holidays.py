"""
Holidays that Graylog's keyword time ranges know, and when they are.

Source: answers of the parser that Graylog 7.0.1 uses, for names and years. Of Easter, Columbus Day and
the seasons it knows the names only: a range with one of them fails there.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable


def _fixed(month: int, day: int) -> Callable[[int], dt.date]:
    return lambda year: dt.date(year, month, day)


def _nth(month: int, weekday: int, nth: int, days: int = 0) -> Callable[[int], dt.date]:
    """Return the nth weekday of a month (Monday is 0; the last one is -1), and days after it."""

    def date(year: int) -> dt.date:
        first = dt.date(year, month, 1)
        found = first + dt.timedelta(days=(weekday - first.weekday()) % 7 + 7 * (4 if nth < 0 else nth - 1))
        if found.month != month:
            found -= dt.timedelta(days=7)
        return found + dt.timedelta(days=days)

    return date


_MONDAY, _TUESDAY, _THURSDAY, _SUNDAY = 0, 1, 3, 6
_HOLIDAYS: tuple[tuple[str, Callable[[int], dt.date]], ...] = (
    (r"april fool'?s?(?: days?)?", _fixed(4, 1)),
    (r"black friday", _nth(11, _THURSDAY, 4, 1)),
    (r"(?:christmas|x-?mas) eve", _fixed(12, 24)),
    (r"(?:christmas(?:es)?|x-?mas)(?: days?)?", _fixed(12, 25)),
    (r"earth days?", _fixed(4, 22)),
    (r"election days?", _nth(11, _MONDAY, 1, 1)),
    (r"father'?s?'? days?", _nth(6, _SUNDAY, 3)),
    (r"flag days?", _fixed(6, 14)),
    (r"ground ?hog'?s? days?", _fixed(2, 2)),
    (r"halloweens?", _fixed(10, 31)),
    (r"independence days?", _fixed(7, 4)),
    (r"kwanzaa", _fixed(12, 26)),
    (r"labor days?", _nth(9, _MONDAY, 1)),
    (r"(?:martin luther king|mlk)(?: jr\.?)?(?:'?s)? days?", _nth(1, _MONDAY, 3)),
    (r"memorial days?", _nth(5, _MONDAY, -1)),
    (r"mother'?s?'? days?", _nth(5, _SUNDAY, 2)),
    (r"new year'?s?'? eve", _fixed(12, 31)),
    (r"new year'?s?'?(?: days?)?", _fixed(1, 1)),
    (r"patriot days?", _fixed(9, 11)),
    (r"president'?s?'? days?", _nth(2, _MONDAY, 3)),
    (r"(?:st\.?|saint) (?:patrick'?s?|patty'?s?)'? days?", _fixed(3, 17)),
    (r"tax days?", _fixed(4, 15)),
    (r"thanksgivings?(?: days?)?", _nth(11, _THURSDAY, 4)),
    (r"valentine'?s?'? days?", _fixed(2, 14)),
    (r"veteran'?s?'? days?", _fixed(11, 11)),
)
HOLIDAY = rf"(?P<holiday>{'|'.join(pattern for pattern, _ in _HOLIDAYS)})(?![a-z])"
"""A pattern for the names of all."""
UNDATED = re.compile(r"\b(?:easter(?: sunday)?|good friday|columbus day|spring|summer|autumn|fall|winter)\b")
"""Names without a date."""


def holiday_in(name: str, year: int) -> dt.date:
    """Return the date of a holiday, by a name that `HOLIDAY` matches, in a year."""
    return next(date for pattern, date in _HOLIDAYS if re.fullmatch(pattern, name))(year)
