"""Structured data: the bracketed elements of RFC 5424, and what comes behind them."""

from __future__ import annotations

import re
from functools import lru_cache

StructuredData = tuple[tuple[tuple[str, str], ...], list[str]]
"""Parameters in order: SD-ID and name of each, and the values, unescaped."""

_ELEMENT = re.compile(r'\[([^\s="\[\]]+)((?: +[^\s="\[\]]+="(?:[^"\\]|\\.)*+")*+) *\]', re.DOTALL)
"""An element; names may be longer than 32 characters and hold what is not ASCII: rsyslog's and Java's do."""

_PARAMETER = re.compile(r'([^\s="\[\]]+)="((?:[^"\\]|\\.)*+)"', re.DOTALL)
_CHECK_POINT = re.compile(r'\[((?:[A-Za-z_][\w.-]*:"(?:[^"\\]|\\.)*+"(?:; ?|(?=\])))+)\](?= |\Z)', re.DOTALL)
"""Check Point's log exporter writes ``[action:"Accept"; flags:"411908"; ]``: no SD-ID, colons, semicolons."""
_CHECK_POINT_PARAMETER = re.compile(r'([A-Za-z_][\w.-]*):"((?:[^"\\]|\\.)*+)"', re.DOTALL)
_MAX_REMEMBERED = 1024
_ESCAPED = re.compile(r'\\(["\\\]])')


_HEAD = re.compile(r'\[([^\s="\[\]]+) +([^\s="\[\]]+)=')
_NEXT = re.compile(r' +([^\s="\[\]]+)=')


@lru_cache(maxsize=1024)
def _names(between: tuple[str, ...]) -> tuple[tuple[str, str], ...] | None:
    """Return SD-ID and names of one element from what stands between its values; None when it is not one element."""
    head = _HEAD.fullmatch(between[0])
    if head is None or sum(map(len, between)) > _MAX_REMEMBERED:
        return None
    names = [(head[1], head[2])]
    for text in between[1:]:
        match = _NEXT.fullmatch(text)
        if match is None:
            return None
        names.append((head[1], match[1]))
    return tuple(names)


def parse_structured_data(text: str) -> tuple[StructuredData, str] | None:
    """
    Parse STRUCTURED-DATA at the start of a text (RFC 5424, section 6.3).

    The space may be missing behind data with parameters. A backslash before anything but a quote, a backslash or a
    bracket stands for itself, as the RFC says. A raw bracket inside a value is taken as it is: Java's log4j2 does not
    escape it.

    Args:
        text: Begins with ``-`` or ``[``.

    Returns:
        The parameters, and the text behind the space that ends them; None when it is neither nil nor well-formed.
    """
    if text[:1] == "-":
        return (((), []), text[2:]) if text[1:2] in ("", " ") else None
    end = text.find('"] ')
    if end > 0 and text.find("\\", 0, end) < 0:  # one element without escapes, as nearly always
        parts = text[:end].split('"')
        names = _names(tuple(parts[::2]))
        if names is not None and len(parts) % 2 == 0:
            return (names, parts[1::2]), text[end + 3 :]
    found: list[tuple[str, str]] = []
    values: list[str] = []
    end = 0
    while (match := _ELEMENT.match(text, end)) is not None:
        identifier, parameters = match.groups()
        for name, value in _PARAMETER.findall(parameters):
            found.append((identifier, name))
            values.append(_ESCAPED.sub(r"\1", value) if "\\" in value else value)
        end = match.end()
        if text[end : end + 1] in ("", " "):
            return (tuple(found), values), text[end + 1 :]
    if values and text[end] != "[":
        return (tuple(found), values), text[end:]
    return _check_point(text)


def _check_point(text: str) -> tuple[StructuredData, str] | None:
    match = _CHECK_POINT.match(text)
    if match is None:
        return None
    found = _CHECK_POINT_PARAMETER.findall(match[1])
    values = [_ESCAPED.sub(r"\1", value) if "\\" in value else value for _, value in found]
    return (tuple(("", name) for name, _ in found), values), text[match.end() + 1 :]
