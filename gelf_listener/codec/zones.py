"""
Zones: the offsets that short names of time zones stand for.

The names are not unique: IST is India, Israel or Ireland. Each is read as the place most servers that write it stand
in, and `AMBIGUOUS` says which are a guess.
"""

from __future__ import annotations

import datetime as dt

ZONES: dict[str, int] = {
    **dict.fromkeys(("UTC", "GMT", "Z", "UCT", "WET"), 0),
    **dict.fromkeys(("CET", "MEZ", "WEST", "BST", "IRST", "WAT"), 60),
    **dict.fromkeys(("CEST", "MESZ", "EET", "CAT", "SAST"), 120),
    **dict.fromkeys(("EEST", "MSK", "TRT", "EAT", "AST"), 180),
    **dict.fromkeys(("GST", "SAMT"), 240),
    "PKT": 300,
    "IST": 330,
    "NPT": 345,
    **dict.fromkeys(("WIB", "ICT"), 420),
    **dict.fromkeys(("AWST", "HKT", "SGT", "PHT", "PHST", "WITA"), 480),
    **dict.fromkeys(("JST", "KST", "WIT"), 540),
    "ACST": 570,
    "AEST": 600,
    "ACDT": 630,
    "AEDT": 660,
    "NZST": 720,
    "NZDT": 780,
    "NST": -210,
    "NDT": -150,
    **dict.fromkeys(("ADT", "BRT", "ART"), -180),
    **dict.fromkeys(("EDT", "CLT"), -240),
    **dict.fromkeys(("EST", "CDT", "COT", "PET"), -300),
    **dict.fromkeys(("CST", "MDT"), -360),
    **dict.fromkeys(("MST", "PDT"), -420),
    **dict.fromkeys(("PST", "AKDT"), -480),
    "AKST": -540,
    "HST": -600,
}
"""Minutes east of UTC by name."""

AMBIGUOUS = frozenset(("IST", "BST", "CST", "AST", "GST"))
"""Names that more than one part of the world uses."""

_ZONES = {name: dt.timezone(dt.timedelta(minutes=minutes)) for name, minutes in ZONES.items()}


def zone_of(name: str) -> dt.timezone | None:
    """
    Return the zone of a name, in capitals, or of an offset such as +01:00, -0500 or +02.

    Returns:
        None when neither is known.
    """
    named = _ZONES.get(name)
    if named is not None:
        return named
    digits = name[1:].replace(":", "")
    if name[:1] not in ("+", "-") or not digits.isdecimal() or not digits.isascii() or len(digits) not in (2, 4):
        return None
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    if hours > 23 or minutes > 59:
        return None
    offset = dt.timedelta(hours=hours, minutes=minutes)
    return dt.timezone(-offset if name[0] == "-" else offset)
