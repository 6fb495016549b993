"""Patterns: ``/api/gelf/patterns``, messages by what they look like, and ``/api/gelf/compare``, two ranges of them."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from gelf_listener.api.context import TheStore
from gelf_listener.api.errors import ApiError
from gelf_listener.api.native.buckets import extent, interval_of
from gelf_listener.api.native.empty_results import why_nothing
from gelf_listener.api.native.encoding import json_response, missing_document
from gelf_listener.api.native.parameters import MEANING, Asked, TheAsked, moment, node_of
from gelf_listener.api.native.shapes.patterns import ComparisonShape, PatternsShape, RangeShape
from gelf_listener.message import Message
from gelf_listener.patterns.contrast import Values, difference
from gelf_listener.patterns.shapes import Shape, Shapes
from gelf_listener.query import Meaning
from gelf_listener.rendering.usual import noise
from gelf_listener.store import Store
from gelf_listener.store.parameters import Span, TimeGroup

router = APIRouter(prefix="/api/gelf", tags=["fields"])

_LONGEST_SECONDS = 3.0
"""How long the messages of one range are looked at."""
_MOST_PARTS = 24
"""Stretches of time that have their share of a sample."""
_MOST_TEXT = 500

Most = Annotated[
    int,
    Query(
        ge=1,
        le=100_000,
        description="How many messages of a range are looked at, spread over its time; the answer says so.",
    ),
]
Count = Callable[[Sequence[Message], int], None]


@router.get("/patterns", response_model=PatternsShape)
async def patterns(
    request: Request,
    store: TheStore,
    asked: TheAsked,
    limit: Annotated[int, Query(ge=1, le=1000, description="Most patterns.")] = 50,
    new: Annotated[bool, Query(description="Only those that the range before has none of.")] = False,
    look_at: Most = 20_000,
) -> Response:
    """
    Group messages by the shape of their text: ``order <*> could not be paid``, and how many there are.

    The range before, as long as the one that is asked about, tells which shapes are new.
    """
    span = _before(asked.span)
    if new and span is None:
        raise ApiError(400, "new compares with the range before: give since or from")
    shapes = Shapes(2)
    async with request.app.state.sampling:
        now = await _look(store, asked, 0, look_at, shapes.add)
        before = None
        if span is not None:
            before = await _look(store, Asked(asked.text, asked.node, span), 1, look_at, shapes.add)
        found = [shape for shape in await asyncio.to_thread(shapes.merged) if shape.counts[0]]
    found.sort(key=lambda shape: -shape.counts[0])
    chosen = [shape for shape in found if not shape.counts[1]] if new else found
    shown = chosen[:limit]
    return json_response(
        now.model_dump()
        | {
            "before": None if before is None else before.model_dump(),
            "patterns": [_pattern(shape, known=before is not None and before.messages > 0) for shape in shown],
            "other_patterns": len(chosen) - len(shown),
            "other_messages": (
                sum(shape.counts[0] for shape in chosen[limit:])
                if new
                else now.looked_at - sum(shape.counts[0] for shape in shown)
            ),
            "missing": missing_document(store),
        }
    )


@router.get("/compare", response_model=ComparisonShape)
async def compare(
    request: Request,
    store: TheStore,
    asked: TheAsked,
    other_from: Annotated[
        str | None, Query(description="From when on the other range is; by default it is as long, and right before.")
    ] = None,
    other_to: Annotated[str | None, Query(description="Up to when.")] = None,
    other_query: Annotated[str | None, Query(description="Its messages; by default the same query.")] = None,
    meaning: Annotated[Meaning | None, MEANING] = None,
    limit: Annotated[int, Query(ge=1, le=500, description="Most patterns, and most values.")] = 25,
    look_at: Most = 20_000,
) -> Response:
    """Tell what is more frequent in one range than in another: shapes of messages, and values of fields."""
    other = _other(request, asked, other_from, other_to, other_query, meaning)
    shapes, values = Shapes(2), Values(noise(f"{asked.text} {other.text}"))

    def count(messages: Sequence[Message], side: int) -> None:
        shapes.add(messages, side)
        values.add(messages, side)

    async with request.app.state.sampling:
        looked = [await _look(store, each, side, look_at, count) for side, each in enumerate((asked, other))]
        sizes = [each.looked_at for each in looked]
        merged = await asyncio.to_thread(shapes.merged)
    different = [(shape, difference(shape.counts, sizes)) for shape in merged]
    valued = [(name, value, difference(counts, sizes)) for name, value, counts in values.items()]
    patterns = sorted(
        (_pattern(shape, known=False) | found._asdict() for shape, found in different if found), key=_strongest
    )
    fields = sorted(
        ({"field": name, "value": value} | found._asdict() for name, value, found in valued if found), key=_strongest
    )
    return json_response(
        {
            "ranges": [each.model_dump() for each in looked],
            "patterns": patterns[:limit],
            "values": fields[:limit],
            "missing": missing_document(store),
        }
    )


async def _look(store: Store, asked: Asked, side: int, most: int, count: Count) -> RangeShape:
    """Count messages of a range, in a thread: all, or a sample, and as many as there is time for."""
    total = await store.count(asked.node, asked.span)
    deadline = time.monotonic() + _LONGEST_SECONDS
    looked_at, since = 0, None
    for span, limit in await _parts(store, asked, total, most):
        async for batch in store.scan(asked.node, span, limit=limit):
            await asyncio.to_thread(count, batch, side)
            looked_at += len(batch)
            since = batch[-1].timestamp if batch else since
            if time.monotonic() > deadline:
                break
        if time.monotonic() > deadline:
            break
    messages = max(total, looked_at)
    return RangeShape(
        query=asked.text,
        start=asked.span.start,
        end=asked.span.end,
        messages=messages,
        looked_at=looked_at,
        looked_at_since=since if looked_at < messages else None,
        nothing=None if messages else await why_nothing(store, asked.node, asked.span),
    )


async def _parts(store: Store, asked: Asked, total: int, most: int) -> list[tuple[Span, int]]:
    """
    Return which stretches of a range are looked at, the newest first, and how many of the newest messages of each.

    Where there are too many messages for all of them, each stretch has its share: else a minute in which one service
    floods would be all that is seen.
    """
    ends = None if total <= most else await extent(store, asked)
    if ends is None:
        return [(asked.span, most)]
    start, end = ends
    seconds = interval_of("auto", end - start, _MOST_PARTS)
    rows = await store.aggregate(asked.node, asked.span, [TimeGroup(seconds=seconds)])
    parts, left = [], most
    for row in reversed(rows):
        begins = row.keys[0]
        if not isinstance(begins, int | float):
            continue
        limit = min(left, math.ceil(most * row.messages / total))
        if limit > 0:
            parts.append((Span(max(start, begins), min(end, begins + seconds)), limit))
            left -= limit
    return parts


def _before(span: Span) -> Span | None:
    """Return the range of the same length before one; None when it has no beginning."""
    if span.start is None:
        return None
    end = time.time() if span.end is None else span.end
    return Span(span.start - max(end - span.start, 0.0), span.start)


def _other(
    request: Request,
    asked: Asked,
    start: str | None,
    end: str | None,
    query: str | None,
    meaning: Meaning | None,
) -> Asked:
    """
    Return the range that another is compared with.

    Raises:
        ApiError: If a time cannot be understood, or there is nothing to compare with.
    """
    now = time.time()
    text = asked.text if query is None else query
    node = asked.node if query is None else node_of(request, query, meaning)
    if start is None and end is None:
        if query is not None:
            return Asked(text, node, asked.span)
        span = _before(asked.span)
        if span is None:
            raise ApiError(400, "compare what? give since or from, other_from and other_to, or other_query")
        return Asked(text, node, span)
    low = None if start is None else moment(start, now, "other_from")
    high = None if end is None else moment(end, now, "other_to", end=True)
    return Asked(text, node, Span(low, high))


def _pattern(shape: Shape, *, known: bool) -> dict[str, Any]:
    """
    Return a shape (`PatternShape`).

    Args:
        shape: What was found.
        known: Whether the second range is the one before.
    """
    inside = shape.counts[0] > 0
    return {
        "pattern": str(shape),
        "messages": shape.counts[0],
        "before": shape.counts[1] if known else None,
        "new": inside and not shape.counts[1] if known else None,
        "first_seen": shape.first if inside else None,
        "last_seen": shape.last if inside else None,
        "level": shape.level,
        "example": {"id": shape.example, "short_message": shape.text[:_MOST_TEXT]},
        "query": shape.query,
    }


def _strongest(document: dict[str, Any]) -> float:
    strength: float = document["strength"]
    return -abs(strength)
