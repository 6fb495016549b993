"""Rows: the answers of the scripting API, with a schema of their columns, in three formats."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from fastapi import Request
from starlette.responses import Response

from gelf_listener.api.errors import ApiError, position
from gelf_listener.api.graylog.index_types import IndexType
from gelf_listener.api.graylog.message_encoding import answer
from gelf_listener.api.graylog.tables import CSV, csv_response, negotiated, text_table
from gelf_listener.errors import QueryError


def column_type(type: IndexType | None) -> str:
    """Return the scripting API's name for the type of a field."""
    if type is None:
        return "unknown"
    return "string" if type in ("text", "keyword") else "numeric" if type in ("long", "float") else type


@contextmanager
def scripting() -> Iterator[None]:
    """Tell what is wrong with a query as the scripting API does."""
    try:
        yield
    except QueryError as error:
        line, column = position(error)
        message = f"Failed to obtain results. {error.detail} (line {line}, column {column})"
        raise ApiError(400, message) from None


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
