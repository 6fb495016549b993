"""Alerts: ``/api/gelf/alerts``: which there are, in which state, and making, silencing and removing them."""

from __future__ import annotations

import time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from gelf_listener.alerts.definition import Alert
from gelf_listener.alerts.watch import Watch, Watched
from gelf_listener.api.catalog import CatalogFull
from gelf_listener.api.context import TheService
from gelf_listener.api.errors import ApiError
from gelf_listener.api.native.encoding import json_response
from gelf_listener.api.native.shapes.alerts import AlertShape, AlertsShape, AlertTrial
from gelf_listener.errors import GelfError
from gelf_listener.settings import Duration

router = APIRouter(prefix="/api/gelf/alerts", tags=["alerts"])

Name = Annotated[str, Path(max_length=100, description="Of the alert.")]


class Silence(BaseModel):
    """How long nothing is said of an alert."""

    model_config = ConfigDict(extra="forbid")

    duration: Duration = Field(0.0, ge=0, le=366 * 86400, description="From now on: 2h, 1d; 0 ends a silence.")


def watch_of(service: TheService) -> Watch:
    """Return what looks after alerts."""
    return service.alerts


TheWatch = Annotated[Watch, Depends(watch_of)]


@router.get("", response_model=AlertsShape)
async def alerts(watch: TheWatch) -> Response:
    """Return every alert with its state, and the destinations that alerts can name."""
    return json_response(
        {"alerts": [_document(each) for each in watch.all()], "destinations": watch.destinations.names}
    )


@router.get("/{name}", response_model=AlertShape)
async def alert(watch: TheWatch, name: Name) -> Response:
    """Return one alert."""
    return json_response(_document(_found(watch, name)))


@router.put("/{name}", response_model=AlertShape)
async def put_alert(watch: TheWatch, name: Name, body: Alert) -> Response:
    """Make an alert, or change one that was made here; its history stays."""
    _changeable(watch, name)
    if body.name != name:
        raise ApiError(400, f"the alert is called {body.name!r} and the path says {name!r}")
    unknown = [to for to in body.to if to not in watch.destinations.names]
    if unknown:
        known = ", ".join(watch.destinations.names)
        raise ApiError(400, f"there is no destination or output {unknown[0]!r}; there are: {known}")
    try:
        await watch.put(body)
    except CatalogFull as error:
        raise ApiError(400, str(error)) from None
    return json_response(_document(_found(watch, name)))


@router.delete("/{name}", status_code=204, response_class=Response)
async def remove_alert(watch: TheWatch, name: Name) -> Response:
    """Remove an alert that was made here."""
    _found(watch, name)
    _changeable(watch, name)
    await watch.remove(name)
    return Response(status_code=204)


@router.post("/{name}/silence", response_model=AlertShape)
async def silence(watch: TheWatch, name: Name, body: Silence) -> Response:
    """Say nothing of an alert for a while; if it still fires afterwards, that is said then."""
    _found(watch, name)
    await watch.silence(name, time.time() + body.duration if body.duration else 0.0)
    return json_response(_document(_found(watch, name)))


@router.post("/try", response_model=AlertTrial)
async def try_alert(watch: TheWatch, body: Alert) -> Response:
    """Look once what an alert would find now; nothing is kept or sent."""
    try:
        found = await watch.try_out(body)
    except GelfError as error:
        raise ApiError(503, str(error)) from None
    return json_response(
        {"condition": body.condition, "holds": found.holds, "figure": found.figure, "values": list(found.values)[:20]}
    )


def _found(watch: Watch, name: str) -> Watched:
    found = watch.get(name)
    if found is None:
        raise ApiError(404, f"there is no alert {name!r}")
    return found


def _changeable(watch: Watch, name: str) -> None:
    found = watch.get(name)
    if found is not None and found.configured:
        raise ApiError(409, f"alert {name!r} is made by the configuration; change it there")


def _document(watched: Watched) -> dict[str, Any]:
    """Return an alert (`AlertShape`)."""
    alert, configured, record = watched
    now = time.time()
    return {
        "name": alert.name,
        "definition": alert.model_dump(mode="json"),
        "condition": alert.condition,
        "interval_seconds": alert.interval,
        "configured": configured,
        "state": record.state(now),
        "firing": record.firing,
        "since": record.since or None,
        "text": record.text,
        "unknown": record.unknown or None,
        "figure": record.figure,
        "silenced_until": record.silenced_until if record.silenced_until > now else None,
        "pending_notices": len(record.pending),
        "history": record.history[::-1],
    }
