"""Asked: the query and the time range that most native routes take, from their parameters."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from fastapi import Depends, Query, Request

from gelf_listener.api.errors import ApiError
from gelf_listener.query import parse
from gelf_listener.query.nodes import Node
from gelf_listener.query.times import parse_time
from gelf_listener.store.parameters import Span
from gelf_listener.timeranges import TimeRangeError, parse_keyword

if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = ["Asked", "TheAsked", "asked", "moment", "node_of", "seconds_of"]

_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?", re.ASCII)
_UNITS = (604800, 86400, 3600, 60, 1)
_LATEST = 1e11
"""The year 5138: later seconds are no time, and earlier than its negative neither."""


class Asked(NamedTuple):
    """A query, parsed, and a span of time."""

    text: str
    node: Node
    span: Span


def node_of(request: Request, query: str) -> Node:
    """
    Read a query, in which ``streams:<id>`` means what that stream searches.

    Raises:
        QueryError: If it cannot be understood.
    """
    node: Node = request.app.state.streams.resolve(parse(query).node)
    return node


def asked(
    request: Request,
    query: Annotated[str, Query(description="In Graylog's query language; empty or * is everything.")] = "*",
    since: Annotated[
        str | None, Query(description="The last stretch of time (15m, 1h30m, 2d), or from a time on.", examples=["15m"])
    ] = None,
    from_: Annotated[
        str | None, Query(alias="from", description="ISO 8601 (UTC without offset), date math or Unix seconds.")
    ] = None,
    to: Annotated[
        str | None, Query(description="Up to the end of this day, minute, ...; Unix seconds are exclusive.")
    ] = None,
    keyword: Annotated[
        str | None, Query(description="A time range in words instead.", examples=["yesterday", "last 5 minutes"])
    ] = None,
    zone: Annotated[str, Query(description="Time zone that the words' days begin in.")] = "UTC",
) -> Asked:
    """
    Read the parameters. FastAPI calls this in a thread, as reading words may take a while.

    Raises:
        ApiError: If a time cannot be understood, or there are two beginnings.
        QueryError: If the query cannot be understood.
    """
    if since is not None and from_ is not None:
        raise ApiError(400, "since and from are two beginnings; give one")
    now = time.time()
    if keyword is not None:
        if since is not None or from_ is not None or to is not None:
            raise ApiError(400, "keyword is a whole time range; leave out since, from and to")
        return Asked(query, node_of(request, query), _in_words(keyword, zone, now))
    start = None if from_ is None else moment(from_, now, "from")
    if since is not None:
        ago = seconds_of(since)
        start = moment(since, now, "since") if ago is None else now - ago
    end = None if to is None else moment(to, now, "to", end=True)
    return Asked(query, node_of(request, query), Span(start, end))


def _in_words(keyword: str, zone: str, now: float) -> Span:
    try:
        return parse_keyword(keyword, zone, now)
    except TimeRangeError as error:
        raise ApiError(400, f"keyword: {error}") from None


def seconds_of(text: str) -> float | None:
    """Read a duration such as ``15m`` or ``1h30m``; None when it is none."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not match[0] or len(text) > 30:
        return None
    seconds = sum(int(part) * unit for part, unit in zip(match.groups(), _UNITS, strict=True) if part)
    return float(seconds) if seconds < _LATEST else None


def moment(text: str, now: float, name: str, *, end: bool = False) -> float:
    """
    Read a time.

    Args:
        text: Unix seconds, or what `parse_time` reads.
        now: UTC Unix seconds.
        name: What to call the parameter in an error.
        end: Whether the end of the day, minute, ... is meant.

    Raises:
        ApiError: If it is no time.
    """
    try:
        number = float(text)
    except ValueError:
        number = None
    if number is not None and abs(number) < _LATEST and not _is_date(text):
        return number
    interval = parse_time(text.strip().replace(" ", "T", 1) if text[:1].isdigit() else text.strip(), now)
    if interval is None:
        raise ApiError(
            400, f"{name}={text!r} is no time; write 2026-11-23T14:30:00Z, now-15m, Unix seconds, or for since 15m"
        )
    return interval.end if end else interval.start


def _is_date(text: str) -> bool:
    """Whether digits are a year or a day, as in the query language, rather than Unix seconds."""
    return text.isdigit() and len(text) in (4, 8)


if TYPE_CHECKING:
    TheAsked: TypeAlias = Asked
else:
    TheAsked = Annotated[Any, Depends(asked)]
