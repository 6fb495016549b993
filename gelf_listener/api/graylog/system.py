"""System: what the listener is, how it is, and how much goes through it."""

from __future__ import annotations

import platform
import socket
import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from starlette.responses import PlainTextResponse, Response

from gelf_listener import __version__
from gelf_listener.api.context import TheService
from gelf_listener.api.contract import Listener
from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.eventlog import EventLog
from gelf_listener.api.graylog.message_encoding import answer
from gelf_listener.api.node import cluster_id, node_id
from gelf_listener.rendering.graylog_times import iso
from gelf_listener.timeranges import parse_moment

router = APIRouter(prefix="/api", tags=["System"])

_OVERRIDES = {"alive": "ALIVE", "dead": "DEAD", "throttled": "THROTTLED"}
_STATUS = {"ALIVE": 200, "DEAD": 503, "THROTTLED": 429}


@router.get("/", include_in_schema=False)
@router.get("")
async def greeting(service: TheService) -> Response:
    """Return what answers here."""
    return answer(
        {
            "cluster_id": cluster_id(service),
            "node_id": node_id(service),
            "version": __version__,
            "tagline": "Manage your logs in the dark and have lasers going and make it look like you're from space!",
        }
    )


@router.get("/system")
async def system(request: Request, service: TheService) -> Response:
    """Return what the listener is."""
    return answer(overview(request, service))


def overview(request: Request, service: Listener) -> dict[str, Any]:
    """Return what the listener is, as Graylog tells of a node."""
    return {
        "facility": "gelf-listener",
        "codename": "gelf-listener",
        "node_id": node_id(service),
        "cluster_id": cluster_id(service),
        "version": __version__,
        "started_at": iso(service.started_at),
        "is_processing": service.reading,
        "hostname": socket.gethostname(),
        "lifecycle": "running",
        "lb_status": _balance(request, service).lower(),
        "timezone": "Etc/UTC",
        "operating_system": f"{platform.system()} {platform.release()}",
        "is_leader": True,
    }


def _balance(request: Request, service: Listener) -> str:
    override: str | None = request.app.state.lb_override
    return override or ("ALIVE" if service.reading else "THROTTLED")


@router.get("/system/lbstatus", response_class=PlainTextResponse)
async def lbstatus(request: Request, service: TheService) -> Response:
    """
    Tell a load balancer whether to send more: ALIVE, DEAD (503) or THROTTLED (429), when a full buffer blocks.

    A Graylog answers 406 to who accepts JSON only; here whoever asks is told, for scripts wait for a listener so.
    """
    status = _balance(request, service)
    return PlainTextResponse(status, _STATUS[status])


@router.put("/system/lbstatus/override/{status}", status_code=204)
async def override_lbstatus(
    request: Request, status: Literal["alive", "dead", "throttled", "ALIVE", "DEAD", "THROTTLED"]
) -> Response:
    """Answer load balancers so from now on, until the listener is restarted."""
    request.app.state.lb_override = _OVERRIDES[status.lower()]
    return Response(status_code=204)


@router.get("/system/throughput")
async def throughput(service: TheService) -> Response:
    """Return how many messages were written in the last second."""
    return answer({"throughput": round(sum(_written_rates(service)))})


def _written_rates(service: Listener) -> list[float]:
    rates = service.throughput.rates()
    return [rate for name, rate in rates.items() if name.startswith("output ")]


@router.get("/system/journal")
async def journal(service: TheService) -> Response:
    """Return how full the outputs' buffers are, which stand where Graylog has its journal."""
    outputs = service.outputs()
    oldest = [at for output in outputs if (at := output.oldest_at) is not None]
    rates = service.throughput.rates()
    return answer(
        {
            "enabled": any(output.buffer != "memory" for output in outputs),
            "append_events_per_second": round(rates.get("messages", 0.0)),
            "read_events_per_second": round(max(_written_rates(service), default=0.0)),
            "uncommitted_journal_entries": sum(output.waiting for output in outputs),
            "journal_size": sum(output.buffer_bytes for output in outputs),
            "journal_size_limit": sum(output.max_bytes for output in outputs),
            "number_of_segments": len(outputs),
            "oldest_segment": iso(min(oldest, default=time.time())),
            "journal_config": None,
        }
    )


@router.get("/system/indexer/failures")
async def failures(service: TheService, limit: int = 50, offset: int = 0) -> Response:
    """Return the last payloads that could not become messages, newest first."""
    if limit < 0 or offset < 0:
        raise ApiError(400, "limit and offset are not negative")
    recent = list(service.pipeline.rejections.recent)[::-1]
    found: list[dict[str, Any]] = [
        {
            "letter_id": f"{rejected.received_at:.6f}",
            "index": rejected.input,
            "type": rejected.reason.value,
            "message": rejected.detail,
            "timestamp": iso(rejected.received_at),
        }
        for rejected in recent[offset : offset + limit]
    ]
    return answer({"failures": found, "total": len(recent)})


@router.get("/system/indexer/failures/count")
async def failure_count(service: TheService, since: Annotated[str, Query(min_length=1)]) -> Response:
    """Return how many of the kept rejections came since a time."""
    start = parse_moment(since, time.time())
    return answer({"count": sum(rejected.received_at >= start for rejected in service.pipeline.rejections.recent)})


@router.get("/system/messages")
async def messages(request: Request, service: TheService, page: int = 1) -> Response:
    """Return what the listener said about itself since its API was loaded, newest first, thirty on a page."""
    log: EventLog = request.app.state.event_log
    if page < 1:
        raise ApiError(400, "page begins with 1")
    found = [
        {"caller": name, "content": text, "timestamp": iso(at), "node_id": node_id(service)}
        for at, name, text in reversed(log.events)
    ]
    return answer({"messages": found[(page - 1) * 30 : page * 30], "total": len(found)})
