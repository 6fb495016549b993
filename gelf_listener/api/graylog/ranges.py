"""Ranges of time as Graylog's routes take and tell them; what they mean is read by `gelf_listener.timeranges`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.keywords import parse_graylog_keyword
from gelf_listener.query.nodes import Node
from gelf_listener.rendering.graylog_times import iso
from gelf_listener.store import Store
from gelf_listener.store.parameters import Span
from gelf_listener.timeranges import TimeRangeError, parse_moment, parse_short, parse_timerange

_MEMBERS = {
    "relative": {"type", "range", "from", "to"},
    "absolute": {"type", "from", "to"},
    "keyword": {"type", "keyword", "timezone"},
}


class _Bounds(NamedTuple):
    """A span without open ends."""

    start: float
    end: float


def span_of(timerange: Mapping[str, Any], now: float) -> Span:
    """
    Read a time range as it stands in a request. One that ends before it begins has nothing in it.

    Raises:
        TimeRangeError: If it is none.
    """
    start, end = timerange.get("from"), timerange.get("to")
    if timerange.get("type") == "absolute" and isinstance(start, str) and isinstance(end, str):
        return Span(_instant(start, now), _instant(end, now))
    keyword = timerange.get("keyword")
    if timerange.get("type") == "keyword" and isinstance(keyword, str):
        return parse_graylog_keyword(keyword, str(timerange.get("timezone") or "UTC"), now)
    return parse_timerange(timerange, now)


def body_span(timerange: Mapping[str, Any], now: float) -> Span:
    """
    Read a time range of a body.

    Raises:
        ApiError: If it is none.
    """
    try:
        return span_of(_as_json(timerange), now)
    except TimeRangeError as error:
        path = "timerange"
        raise ApiError(
            400, f"{path}: {error}", type="RequestError", line=-1, column=-1, path=path, reference_path=path
        ) from None


def _as_json(timerange: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a range of a body with what Jackson takes for times: ISO 8601, and milliseconds since 1970."""
    kind = str(timerange.get("type"))
    unknown = timerange.keys() - _MEMBERS.get(kind, timerange.keys())
    if unknown:
        raise TimeRangeError(f"{min(unknown)[:100]!r} is no member of a range of this type")
    if kind != "absolute":
        return timerange
    found = dict(timerange)
    for name in ("from", "to"):
        value = found.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            found[name] = iso(value / 1000)
        elif isinstance(value, str) and " " in value.strip():
            raise TimeRangeError(f"{value[:100]!r} is not a time; write 2026-11-23T14:30:00.000Z")
    return found


def _instant(text: str, now: float) -> float:
    """Read a time; date math is none to Graylog."""
    if "now" in text or "||" in text:
        raise TimeRangeError(f"{text[:100]!r} is not a time; write 2026-11-23T14:30:00.000Z or 2026-11-23 14:30:00")
    return parse_moment(text, now)


def written_span(text: str, now: float) -> Span:
    """Read ``5m``, ``1d``, ``2M`` (months), or words such as yesterday; nothing is the last day."""
    if not text.strip():
        return Span(now - 86400, now)
    return parse_short(text, now) or parse_graylog_keyword(text, "UTC", now)


def effective(span: Span, now: float) -> dict[str, str]:
    """Write the range that was searched."""
    start = 0.0 if span.start is None else span.start
    end = now if span.end is None else span.end
    return {"type": "absolute", "from": iso(start), "to": iso(end)}


async def bounds(store: Store, node: Node, span: Span) -> tuple[float, float]:
    """Return where the messages of a span lie; its own ends where it has them."""
    start, end = span
    if start is None or end is None:
        found = await store.statistics(node, span, "timestamp")
        if start is None:
            start = found.minimum if found.minimum is not None else 0.0
        if end is None:
            end = found.maximum if found.maximum is not None else start
    return _Bounds(start, max(start, end))
