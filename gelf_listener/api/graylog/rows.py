"""Rows: the answers of the scripting API, with a schema of their columns, in three formats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request
from starlette.responses import Response

from gelf_listener.api.graylog.message_encoding import answer
from gelf_listener.api.graylog.tables import CSV, csv_response, negotiated, text_table

__all__ = ["column_type", "rows_response"]

_TYPES = {"string": "string", "text": "string", "long": "numeric", "double": "numeric", "boolean": "boolean",
          "date": "date", "ip": "ip"}  # fmt: skip


def column_type(types: Sequence[str]) -> str:
    """Return the scripting API's name for the types a field has had."""
    found = {_TYPES.get(each, "unknown") for each in types}
    return found.pop() if len(found) == 1 else "unknown" if not found else "string"


def rows_response(
    request: Request,
    schema: Sequence[Mapping[str, Any]],
    rows: Sequence[Sequence[Any]],
    effective_timerange: Mapping[str, str],
) -> Response:
    """Answer in the format that is asked for."""
    media_type = negotiated(request.headers.get("accept", ""), ("application/json", CSV, "text/plain"))
    header = [str(column["name"]) for column in schema]
    if media_type == CSV:
        return csv_response([header, *rows])
    if media_type == "text/plain":
        return Response(text_table(header, rows).encode("utf-8", "replace"), media_type="text/plain; charset=utf-8")
    metadata = {"effective_timerange": effective_timerange}
    return answer({"schema": schema, "datarows": rows, "metadata": metadata})
