"""
Quantities: sizes in bytes and durations in seconds, as every setting, flag and parameter writes them.

A size is a number of bytes, or a number with a unit: ``2MB`` (two million), ``64MiB``, ``1.5 GiB``. A duration is a
plain number, or numbers with units, the largest first: ``2s``, ``250ms``, ``1h30m``, ``7d``. What is formatted here can
be read here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Literal

SIZES = "a size in bytes, or with the unit kB, MB, GB, TB, KiB, MiB, GiB or TiB, such as 64MiB"
DURATIONS = "a duration with the units us, ms, s, m, h, d, w, such as 250ms or 1h30m"
PLAIN_SECONDS = " (a plain number is seconds)"
PLAIN_MILLISECONDS = " (a plain number is milliseconds)"

_SIZE_UNITS: dict[str, int] = {"b": 1} | {
    f"{prefix}{suffix}": base**power
    for power, prefix in enumerate("kmgtpe", start=1)
    for suffix, base in (("b", 1000), ("ib", 1024))
}
_SIZE = re.compile(r"(\d{1,20}(?:\.\d{1,20})?)\s*([A-Za-z]{1,3})", re.ASCII)
_SECONDS = {"w": 604_800.0, "d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6}
_CALENDAR_SECONDS = {"y": 365 * 86_400.0, "M": 30 * 86_400.0}
_ALL_SECONDS = _CALENDAR_SECONDS | _SECONDS
_PLAIN_SECONDS = {"s": 1.0, "ms": 1e-3}
_PART = re.compile(r"\s*(\d{1,15}(?:\.\d{1,15})?)\s*([A-Za-z\u00b5\u03bc]{1,2})", re.ASCII)
_LONGEST_TEXT = 100


def parse_size(value: object) -> int:
    """
    Read a size.

    Args:
        value: A number of bytes, or a text with or without a unit; the case of the unit does not matter.

    Returns:
        Bytes.

    Raises:
        ValueError: If it is not a size; the text says what is.
    """
    number = _number(value)
    if number is None:
        match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
        unit = _SIZE_UNITS.get(match[2].lower()) if match else None
        if match and unit:
            return round(float(match[1]) * unit)
    elif math.isfinite(number) and number == int(number):
        return int(number)
    raise ValueError(f"expected {SIZES}")


def counted(count: int, noun: str = "message") -> str:
    """Write a number of things: ``1 message``, ``12,034 messages``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def parse_duration(value: object, plain: Literal["s", "ms"] | None = "s", *, calendar: bool = False) -> float:
    """
    Read a duration.

    Args:
        value: A number, or a text with or without units.
        plain: The unit of a number without one; None if it needs one.
        calendar: Whether ``M`` (30 days) and ``y`` (365 days) are units too; then case matters.

    Returns:
        Seconds.

    Raises:
        ValueError: If it is not a duration; the text says what is.
    """
    number = _number(value)
    if number is not None and plain is not None and math.isfinite(number):
        return number * _PLAIN_SECONDS[plain]
    parts = duration_parts(value if calendar else value.lower()) if isinstance(value, str) else []
    if not parts or (not calendar and any(unit in _CALENDAR_SECONDS for _, unit in parts)):
        meaning = {"s": PLAIN_SECONDS, "ms": PLAIN_MILLISECONDS, None: ""}[plain]
        raise ValueError(f"expected {DURATIONS}{meaning}")
    return math.fsum(number * _ALL_SECONDS[unit] for number, unit in parts)


def duration_parts(text: str) -> Sequence[tuple[float, str]]:
    """
    Read the numbers and units of a duration: ``1h30m`` is ``(1.0, "h"), (30.0, "m")``.

    Returns:
        The largest unit first; ``M`` is months and ``m`` minutes. Nothing if it is not a duration.
    """
    text = text.strip()
    if len(text) > _LONGEST_TEXT:
        return []
    parts: list[tuple[float, str]] = []
    while text:
        match = _PART.match(text)
        unit = match[2].replace("\u00b5", "u").replace("\u03bc", "u") if match else ""
        if match is None or unit not in _ALL_SECONDS:
            return []
        if parts and _ALL_SECONDS[unit] >= _ALL_SECONDS[parts[-1][1]]:
            return []
        parts.append((float(match[1]), unit))
        text = text[match.end() :]
    return parts


def _number(value: object) -> float | None:
    """Return a plain number; None for anything with a unit, and for True and False."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def format_size(size: float) -> str:
    """Write a size for people: one decimal of the largest unit that it reaches."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if size >= _SIZE_UNITS[unit.lower()]:
            return f"{size / _SIZE_UNITS[unit.lower()]:.1f} {unit}"
    return f"{size:.0f} B"


def format_duration(seconds: float) -> str:
    """Write a duration for people: the two largest units, such as ``3d4h``, ``1h30m``, ``45s``, ``250ms``."""
    if seconds < 1:
        return f"{max(seconds, 0.0) * 1000:.0f}ms" if round(seconds * 1000) > 0 else "0s"
    units = [unit for unit in _SECONDS if unit not in ("w", "ms", "us")]
    first = next(unit for unit in units if seconds >= _SECONDS[unit])
    second = units[min(units.index(first) + 1, len(units) - 1)]
    whole = int(seconds // _SECONDS[second]) * int(_SECONDS[second])
    number, rest = divmod(whole, int(_SECONDS[first]))
    return f"{number}{first}" + (f"{rest // int(_SECONDS[second])}{second}" if rest else "")


def exact_size(size: int) -> str:
    """Write a size without rounding it: ``64MiB``, ``100MB``, ``65507``."""
    if not size:
        return "0"
    for unit in ("TiB", "GiB", "MiB", "KiB", "TB", "GB", "MB", "kB"):
        if size % _SIZE_UNITS[unit.lower()] == 0:
            return f"{size // _SIZE_UNITS[unit.lower()]}{unit}"
    return str(size)


def exact_duration(seconds: float) -> str:
    """Write a duration without rounding it, in one unit: ``7d``, ``90m``, ``1.5s``, ``250ms``."""
    if not seconds:
        return "0"
    for unit in ("w", "d", "h", "m"):
        if seconds % _SECONDS[unit] == 0:
            return f"{seconds / _SECONDS[unit]:.0f}{unit}"
    unit = "s" if seconds >= 1 else "ms" if seconds >= 1e-3 else "us"
    return f"{round(seconds / _SECONDS[unit], 6):.12g}{unit}"
