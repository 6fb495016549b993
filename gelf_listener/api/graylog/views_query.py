"""Views query: one query of a search as Graylog's page asks it, and with all its defaults as it is shown again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, Field

from gelf_listener.api.graylog.streams import Streams

__all__ = ["RECENT", "QueryText", "ViewsQuery", "everywhere", "shown_query"]

RECENT: dict[str, Any] = {"type": "relative", "range": 300}
"""The time range where none is given."""

_SEARCH_TYPE: dict[str, Any] = {
    "timerange": None,
    "query": None,
    "streams": [],
    "stream_categories": [],
    "name": None,
    "filter": None,
    "filters": [],
}
_KINDS: Mapping[str, dict[str, Any]] = {
    "messages": {"limit": 150, "offset": 0, "sort": None, "fields": [], "decorators": []},
    "pivot": {"series": [], "sort": [], "rollup": True, "row_groups": [], "column_groups": []},
}
_UNKNOWN: dict[str, Any] = {"time_range": None, "filters": None}


class QueryText(BaseModel):
    """A query in Graylog's language."""

    type: str = "elasticsearch"
    query_string: str = ""


class ViewsQuery(BaseModel):
    """One query and what is wanted of what it finds."""

    id: str | None = Field(None, max_length=200)
    query: QueryText | None = None
    timerange: dict[str, Any] | None = None
    filter: dict[str, Any] | None = None
    filters: list[dict[str, Any]] | None = Field(None, max_length=100)
    search_types: list[dict[str, Any]] = Field(default_factory=list)


def everywhere(streams: Streams) -> dict[str, Any]:
    """Return the filter of a search that names no streams: all of them."""
    return {"type": "or", "filters": [{"type": "stream", "id": id} for id in streams.ids()]}


def shown_query(query: ViewsQuery) -> dict[str, Any]:
    """Return a query with its defaults."""
    return {
        "id": query.id,
        "timerange": query.timerange or RECENT,
        "filter": query.filter,
        "filters": query.filters or [],
        "query": (query.query or QueryText()).model_dump(),
        "search_types": [_search_type(each) for each in query.search_types],
    }


def _search_type(asked: Mapping[str, Any]) -> dict[str, Any]:
    kind = str(asked.get("type"))
    shown = _SEARCH_TYPE | _KINDS.get(kind, _UNKNOWN) | dict(asked)
    if kind == "pivot":
        shown["series"] = [_series(each) for each in _objects(shown["series"])]
        for name in ("row_groups", "column_groups"):
            shown[name] = [_group(each) for each in _objects(shown[name])]
    return shown


def _objects(found: Any) -> list[dict[str, Any]]:
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _series(asked: dict[str, Any]) -> dict[str, Any]:
    average = {"whole_number": False} if asked.get("type") == "avg" else {}
    return {"field": None, **average, **asked}


def _group(asked: dict[str, Any]) -> dict[str, Any]:
    return {"limit": 15, "skip_empty_values": False, **asked} if asked.get("type") == "values" else asked
