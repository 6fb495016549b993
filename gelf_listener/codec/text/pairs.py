"""Pairs: lines of key=value, as logfmt and structlog's KeyValueRenderer write them."""

from __future__ import annotations

import re

from gelf_listener.codec.levels import severity_of_text

_PAIR = re.compile(
    r"""([A-Za-z_@][\w.@/-]{0,200})
        (?:=(?:"((?:[^"\\]|\\.)*+)"|'((?:[^'\\]|\\.)*+)'|([^\s"'][^\s"]*+|)))?  # a name alone is a flag
        (?:\s++|\Z)""",
    re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_UNESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
_MAX_PAIRS = 1000
_TIME = re.compile(r"\d\d:\d\d|\d{9}")
"""What there is in a time, and not in a duration."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d")
_FEW = 2

OF_A_REQUEST = frozenset(("method", "path", "status"))
"""What pairs of a request always have that a service answered: Lograge."""
SURE_TEXTS = frozenset(("msg", "message", "event"))
"""Names of texts."""
SURE_LEVELS = frozenset(("level", "lvl", "severity", "log_level"))
"""Names of levels that make a record of a text, whatever else is in the line."""
_LEVELS = ("prio", "level", "lvl", "severity", "log_level", "at")
_TIMES = frozenset(("time", "ts", "timestamp", "t", "@timestamp", "date", "datetime"))


def read_pairs(line: str) -> dict[str, str] | None:
    """
    Read a line of pairs.

    Returns:
        Values by name, ``at`` and ``prio`` as ``level`` where they are one (logfmter, Heroku; PowerDNS); None when the
        line is something else, or has neither a text with a level or a time, nor a level with a time, nor a request.
    """
    pairs: dict[str, str] = {}
    at = flags = 0
    while at < len(line):
        match = _PAIR.match(line, at)
        if match is None or len(pairs) >= _MAX_PAIRS:
            return None
        name, double, single, bare = match.groups()
        quoted = single if double is None else double
        if quoted is not None:
            pairs[name] = _ESCAPED.sub(_unescape, quoted) if "\\" in quoted else quoted
        elif bare is not None:
            pairs[name] = bare
        else:
            pairs[name] = "true"
            flags += 1
        at = match.end()
    first = next(iter(pairs), "")
    if (
        len(first) > 1
        and first.isupper()
        and pairs[first] == "true"
        and severity_of_text(first) is not None
        and "level" not in pairs
    ):
        del pairs[first]
        pairs["level"] = first  # kratos: DEBUG ts=...
        flags -= 1
    if flags * 2 > len(pairs):
        return None
    level = next((name for name in _LEVELS if name in pairs and _is_level(name, pairs[name])), None)
    has_time = any(_TIME.search(pairs[name]) for name in _TIMES & pairs.keys())
    has_text = not pairs.keys().isdisjoint(SURE_TEXTS)
    if not level and not has_text and flags == 0 and len(pairs) > _FEW and first in _TIMES:
        has_text = _DATE.match(pairs[first]) is not None  # go-kit: ts=... caller=... transport=HTTP
    is_sure = (has_text and (level or has_time or "level" in pairs)) or (level and (has_time or level == "at"))
    if not is_sure and not pairs.keys() >= OF_A_REQUEST:
        return None
    if level in ("at", "prio"):
        pairs["level"] = pairs.pop(level)
    return pairs


def _unescape(match: re.Match[str]) -> str:
    return _UNESCAPED.get(match[1], match[1])


def _is_level(name: str, value: str) -> bool:
    return severity_of_text(value) is not None and (name != "at" or value.isalpha())
