"""Severities of OpenTelemetry and of syslog (logs data model, "SeverityNumber", and its appendix on syslog)."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from gelf_listener.codec.levels import severity_of_text

SEVERITY_NUMBERS = {0: 21, 1: 19, 2: 18, 3: 17, 4: 13, 5: 10, 6: 9, 7: 5}
"""OpenTelemetry's numbers for syslog's levels."""

_RANGES = ((7, 7), (7, 7), (5, 6), (4, 4), (1, 3), (0, 2))
"""The least and the greatest level that TRACE, DEBUG, INFO, WARN, ERROR and FATAL may mean."""

_USUAL = (7, 7, 6, 4, 3, 2)
"""What they mean when the text does not say: FATAL is what most loggers call critical."""

_LEVELS = {18: 2, 19: 1}
"""What finer numbers mean. INFO2 is Notice only by its text: SDKs send it for what lies between INFO and WARN."""


class Severity(NamedTuple):
    """
    What a severity says.

    Attributes:
        level: Syslog level; None when it does not say.
        number: The severity number, where it says more than the level; otherwise 0.
        text: The severity text, likewise; otherwise empty.
    """

    level: int | None
    number: int
    text: str


def read_severity(number: int, text: str) -> Severity:
    """
    Read the severity of a record.

    The number says how severe it is. The text says which of syslog's levels was meant where several have one number.

    Args:
        number: Severity number, 1 to 24; 0: not given.
        text: Severity text, as the source calls it; may be empty.
    """
    return _remembered(number, text) if len(text) <= _MAX_REMEMBERED_TEXT else _read(number, text)


_MAX_REMEMBERED_TEXT = 32


def _read(number: int, text: str) -> Severity:
    named = level = severity_of_text(text) if text else None
    if number:
        band = (number - 1) // 4
        least, greatest = _RANGES[band]
        fits = named is not None and least <= named <= greatest
        level = named if fits else _LEVELS.get(number, _USUAL[band])
    told = level is not None and SEVERITY_NUMBERS[level] == number
    return Severity(level, 0 if told else number, "" if named is not None and named == level else text)


_remembered = lru_cache(maxsize=256)(_read)
