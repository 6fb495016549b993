"""
Errors as the API tells them: Graylog's bodies, for its clients read `type` and `message`.

``ApiError`` is Graylog's generic body, ``RequestError`` the one for a request that cannot be understood
(`shared/rest/exceptionmappers` of its sources). A query that cannot be understood has ``line`` and ``column``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from gelf_listener.errors import QueryError, Retry


class ErrorBody(BaseModel):
    """What every error answers with."""

    type: str = Field(description="ApiError, or RequestError when the request cannot be understood.")
    message: str
    line: int | None = Field(None, description="Of what is wrong in a query or body, from 1.")
    column: int | None = None


RESPONSES: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorBody, "description": "The request is wrong, or not allowed."},
    "503": {"model": ErrorBody, "description": "Not now, or not without a store."},
}
"""What every route may answer besides, for OpenAPI."""


class ApiError(Exception):
    """
    An answer that is not a success.

    Args:
        status: HTTP status.
        message: What is wrong and what would be right.
        more: Further members of the body.
        type: Graylog's name for the kind of error.
        headers: Response headers.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "ApiError",
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        self.body = {"type": type, "message": message, **more}


def add_handlers(api: FastAPI) -> None:
    """Make an application answer every error in Graylog's form."""
    for kind, handler in {
        ApiError: _api_error,
        HTTPException: _http_error,
        RequestValidationError: request_error,
        QueryError: _query_error,
        Retry: told_with(503, {"Retry-After": "1"}),  # a store has no room, or cannot answer now
        ClientDisconnect: _gone,
        Exception: _surprise,
    }.items():
        api.add_exception_handler(kind, handler)


def told_with(
    status: int, headers: Mapping[str, str] | None = None
) -> Callable[[Request, Exception], Awaitable[JSONResponse]]:
    """Return what answers an error with its text."""

    async def answer(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001  (starlette's signature)
        return JSONResponse({"type": "ApiError", "message": str(error)}, status, headers)

    return answer


async def _api_error(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001  (starlette's signature)
    assert isinstance(error, ApiError)  # noqa: S101  (for the type checker)
    return JSONResponse(error.body, error.status, error.headers)


async def _http_error(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    assert isinstance(error, HTTPException)  # noqa: S101
    message = f"HTTP {error.status_code} {HTTPStatus(error.status_code).phrase}"
    if error.detail and error.detail != HTTPStatus(error.status_code).phrase:
        message = str(error.detail)
    return JSONResponse({"type": "ApiError", "message": message}, error.status_code, error.headers)


async def request_error(request: Request, error: Exception) -> JSONResponse:
    """Say which parameter is wrong; of several, the first one stands in `path`."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    found = error.errors()
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if found[0]["loc"] == ("body",) and error.body and not media_type.endswith("json"):
        message = f"HTTP 415 Unsupported Media Type: {media_type[:100]!r}; send Content-Type: application/json"
        return JSONResponse({"type": "ApiError", "message": message}, 415)
    if found[0]["type"] == "json_invalid":
        return _no_json(str(error.body), found[0]["loc"][-1], found[0]["ctx"]["error"])
    problems = [(_path(each["loc"][1:]), str(each["msg"])) for each in found]
    message = "; ".join(f"{path}: {text}" if path else text for path, text in problems)
    first = found[0]
    return _request_problem(message, _path(first["loc"][1:-1] if first["type"] == "missing" else first["loc"][1:]))


def _path(parts: Sequence[Any]) -> str:
    """Write where something stands in a body: ``group_by.[0].field``."""
    return ".".join(f"[{part}]" if isinstance(part, int) else str(part) for part in parts)


def _no_json(text: str, at: int, what: str) -> JSONResponse:
    line, column = text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)
    message = f"the body is not JSON: {what} (line {line}, column {column})"
    return JSONResponse({"type": "RequestError", "message": message, "line": line, "column": column}, 400)


def _request_problem(message: str, path: str) -> JSONResponse:
    """Say where in a body something is wrong; of what is missing there is no path, as in Graylog."""
    body = {"type": "RequestError", "message": message, "line": 1, "column": 1}
    return JSONResponse(body | ({"path": path} if path else {}) | {"reference_path": path}, 400)


async def _query_error(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    assert isinstance(error, QueryError)  # noqa: S101
    line, column = position(error)
    body = {"type": "ApiError", "message": error.detail, "query": error.query, "line": line, "column": column}
    return JSONResponse(body, 400)


def position(error: QueryError) -> tuple[int, int]:
    """Return line and column, both from 1, of what is wrong in a query."""
    before = error.query[: max(error.column - 1, 0)]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


async def _gone(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    """Answer somebody who is no longer there."""
    return JSONResponse({"type": "ApiError", "message": "the client went away"}, 400)


async def _surprise(request: Request, error: Exception) -> JSONResponse:  # noqa: ARG001
    """Tell of our own mistake without its inner life; the server logs it."""
    return JSONResponse({"type": "ApiError", "message": f"internal error: {type(error).__name__}"}, 500)
