"""Absent: what a Graylog keeps and a listener has none of, answered with the empty lists that clients understand."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.message_encoding import answer

router = APIRouter(prefix="/api", tags=["Absent"])


@router.get("/system/notifications")
async def notifications() -> Response:
    """Return what the server has to say to its administrators: nothing, problems are in its log and metrics."""
    return answer({"total": 0, "notifications": []})


@router.delete("/system/notifications/{notification_type}", status_code=204)
async def dismiss(notification_type: str) -> Response:
    """Dismiss notices of a kind, of which there are none."""
    if not notification_type.replace("_", "").isalnum():
        raise ApiError(400, "HTTP 400 Bad Request")
    return Response(status_code=204)


@router.get("/system/plugins")
async def plugins() -> Response:
    """Return the plug-ins of Graylog's server, of which there are none; ours are told by `gelf-listener plugins`."""
    return answer({"plugins": [], "total": 0})


@router.get("/system/jobs")
async def jobs() -> Response:
    """Return what the server is busy with in the background: nothing that anybody started."""
    return answer({"jobs": []})


@router.get("/search/saved")
async def saved(page: int = 1, per_page: int = 50, query: str = "") -> Response:
    """Return the saved searches of Graylog's page, of which there are none."""
    pagination = {"total": 0, "count": 0, "page": page, "per_page": per_page}
    found: dict[str, Any] = {"query": query, "pagination": pagination, "total": 0, "sort": "title", "order": "asc"}
    defaults = {"sort": {"id": "title", "direction": "ASC"}}
    return answer(found | {"elements": [], "attributes": [], "defaults": defaults})


@router.get("/views")
async def views(page: int = 1, per_page: int = 50) -> Response:
    """Return the dashboards and searches of Graylog's page, of which there are none."""
    return answer({"total": 0, "page": page, "per_page": per_page, "count": 0, "views": [], "grand_total": 0})


@router.get("/system/outputs")
async def outputs() -> Response:
    """Return the outputs of Graylog's streams, of which there are none: ours are in the configuration."""
    return answer({"total": 0, "outputs": []})


@router.get("/system/pipelines/pipeline")
async def pipelines() -> Response:
    """Return processing pipelines, of which there are none."""
    return answer([])


@router.get("/system/lookup/tables")
async def lookup_tables(page: int = 1, per_page: int = 50, query: str | None = None) -> Response:
    """Return lookup tables, of which there are none."""
    found = {"query": query, "total": 0, "count": 0, "page": page, "per_page": per_page}
    return answer(found | {"lookup_tables": [], "caches": {}, "data_adapters": {}})


@router.get("/system/authentication/services/active-backend")
async def authentication_backend() -> Response:
    """Return the directory service that knows the users: none, they are in the settings."""
    return answer({"context": {"backends_total": 0}, "backend": None})


@router.get("/system/urlallowlist")
async def url_allowlist() -> Response:
    """Return which addresses may be asked: there is no such list."""
    return answer({"entries": [], "disabled": True})


@router.get("/system/debug/events/local", status_code=204)
async def debug_event() -> Response:
    """Return the last event of Graylog's debugging: there never was one."""
    return Response(status_code=204)
