"""Parameters: the query and the time range that most native routes take, from their parameters."""

from __future__ import annotations

import time
from typing import Annotated, NamedTuple

from fastapi import Depends, Query, Request

from gelf_listener.api.errors import ApiError
from gelf_listener.quantities import parse_duration
from gelf_listener.query import Meaning, parse_as
from gelf_listener.query.nodes import Node
from gelf_listener.store.parameters import Span
from gelf_listener.timeranges import TimeRangeError, parse_instant, parse_keyword


class Asked(NamedTuple):
    """A query, parsed, and a span of time."""

    text: str
    node: Node
    span: Span
    recent: bool = False
    """Whether it is the last stretch of time, up to now."""


MEANING = Query(
    description="What the query means: `graylog` as in a real Graylog, or `extended`, which is the default "
    "unless the setting `query` says otherwise."
)


def meaning_of(request: Request, meaning: Meaning | None) -> Meaning:
    """Return whose rules a query follows: those that were asked for, else those of the setting."""
    wanted: Meaning | None = meaning or request.app.state.service.config.query
    return wanted or "extended"


def node_of(request: Request, query: str, meaning: Meaning | None = None) -> Node:
    """
    Read a query, in which ``streams:<id>`` means what that stream searches.

    Args:
        request: Asks.
        query: The query.
        meaning: Whose rules it follows; None for those of the setting.

    Raises:
        QueryError: If it cannot be understood.
    """
    node: Node = request.app.state.streams.resolve(parse_as(query, meaning_of(request, meaning)).node)
    return node


def asked(
    request: Request,
    query: Annotated[str, Query(description="In Graylog's query language; empty or * is everything.")] = "*",
    since: Annotated[
        str | None, Query(description="The last stretch of time (15m, 1h30m, 2d), or from a time on.", examples=["15m"])
    ] = None,
    from_: Annotated[
        str | None,
        Query(alias="from", description="ISO 8601 (UTC without offset), date math, Unix seconds, or as `since`."),
    ] = None,
    to: Annotated[
        str | None, Query(description="Up to the end of this day, minute, ...; Unix seconds are exclusive.")
    ] = None,
    keyword: Annotated[
        str | None, Query(description="A time range in words instead.", examples=["yesterday", "last 5 minutes"])
    ] = None,
    zone: Annotated[str, Query(description="Time zone that the words' days begin in.")] = "UTC",
    meaning: Annotated[Meaning | None, MEANING] = None,
) -> Asked:
    """
    Read the parameters. FastAPI calls this in a thread, as reading words may take a while.

    Raises:
        ApiError: If a time cannot be understood, or parameters exclude each other.
        QueryError: If the query cannot be understood.
    """
    if since is not None and from_ is not None:
        raise ApiError(400, "since and from are mutually exclusive")
    now = time.time()
    if keyword is not None:
        if since is not None or from_ is not None or to is not None:
            raise ApiError(400, "keyword and since, from, to are mutually exclusive")
        return Asked(query, node_of(request, query, meaning), _in_words(keyword, zone, now))
    start = None if from_ is None else moment(from_, now, "from")
    if since is not None:
        start = moment(since, now, "since")
    end = None if to is None else moment(to, now, "to", end=True)
    return Asked(query, node_of(request, query, meaning), Span(start, end), recent=since is not None and to is None)


def _in_words(keyword: str, zone: str, now: float) -> Span:
    try:
        return parse_keyword(keyword, zone, now)
    except TimeRangeError as error:
        raise ApiError(400, f"keyword: {error}") from None


def duration_of(text: str, name: str) -> float:
    """
    Read a duration, seconds; what has no unit is seconds too.

    Args:
        text: As every setting has it.
        name: What to call the parameter in an error.

    Raises:
        ApiError: If it is not one.
    """
    try:
        return parse_duration(text)
    except ValueError as error:
        raise ApiError(400, f"{name}={text[:100]!r}: {error}") from None


def moment(text: str, now: float, name: str, *, end: bool = False) -> float:
    """
    Read a time, UTC Unix seconds; see `parse_instant`.

    Raises:
        ApiError: If it is not one.
    """
    try:
        return parse_instant(text, now, end=end)
    except TimeRangeError as error:
        raise ApiError(400, f"{name}={error}") from None


TheAsked = Annotated[Asked, Depends(asked)]
