"""Listener: what it does just now, who sends, and what it could not understand."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from starlette.responses import Response

from gelf_listener import __version__
from gelf_listener.api.context import TheService
from gelf_listener.api.contract import Listener
from gelf_listener.api.errors import ApiError
from gelf_listener.api.native.described import document_of
from gelf_listener.api.native.encoding import json_response
from gelf_listener.api.native.parameters import moment
from gelf_listener.api.native.shapes.listener import (
    NodeShape,
    NodesShape,
    OrphanStats,
    OutputStats,
    RetryShape,
    SendersShape,
    StatsShape,
)
from gelf_listener.api.native.shapes.messages import RejectedPage
from gelf_listener.api.node import other_nodes
from gelf_listener.api.standing import by_reason, input_document, rejected_document, rounded, sender_document
from gelf_listener.buffers.orphans import Orphan
from gelf_listener.conflicts import FieldConflict
from gelf_listener.errors import Reason
from gelf_listener.figures import OutputFigures
from gelf_listener.message import Peer

router = APIRouter(prefix="/api/gelf", tags=["listener"])

_SAID = ("url", "host", "version", "started_at", "messages", "messages_per_second")
"""What nodes say of themselves in the same words."""


@router.get("/rejected", response_model=RejectedPage)
async def rejected(
    service: TheService,
    reason: Annotated[Reason | None, Query(description="Only those with this reason.")] = None,
    input: Annotated[str | None, Query(description="Only those of this input.")] = None,
    sender: Annotated[str | None, Query(description="Only those from this address.")] = None,
    since: Annotated[str | None, Query(description="The last stretch of time (15m), or from a time on.")] = None,
    limit: Annotated[int, Query(ge=0, le=1000)] = 100,
    offset: Annotated[int, Query(ge=0, le=1000)] = 0,
) -> Response:
    """
    Return what could not become a message, newest first; the last thousand are kept.

    Of other listeners that share the store, the last twenty of each are there.
    """
    start = _start(since)
    rejections = service.pipeline.rejections
    kept = _of_all(service, "rejected", map(rejected_document, reversed(rejections.recent)))
    found = [
        each
        for each in sorted(kept, key=lambda each: each["received_at"], reverse=True)
        if (reason is None or each["reason"] == reason.value)
        and (input is None or each["input"] == input)
        and (sender is None or _host(each) == sender)
        and each["received_at"] >= start
    ]
    others = other_nodes(service)
    reasons = Counter(by_reason(rejections.counts))
    for node in others:
        reasons.update(node.said["rejected_by_reason"])
    return json_response(
        {
            "total": rejections.total + sum(node.said["rejected_total"] for node in others),
            "by_reason": dict(reasons.most_common()),
            "kept": len(kept),
            "rejected": found[offset : offset + limit],
        }
    )


@router.get("/nodes", response_model=NodesShape)
async def nodes(service: TheService) -> Response:
    """Return the listeners that share the store, this one first; none where the store is this one's own."""
    sharing = service.sharing
    found = [] if sharing is None else sharing.nodes.all()
    return json_response(
        {
            "nodes": [
                document_of(
                    NodeShape, node, **{name: node.said[name] for name in _SAID}, rejected=node.said["rejected_total"]
                )
                for node in found
            ],
            "trouble": None if sharing is None else sharing.trouble or None,
        }
    )


def _of_all(
    service: Listener, kind: Literal["inputs", "senders", "rejected"], own: Iterable[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return documents of this listener and of the others that share its store, each marked with its node."""
    name = None if service.sharing is None else service.sharing.nodes.name
    found = [each | {"node": name} for each in own]
    for node in other_nodes(service):
        found += [each | {"node": node.name} for each in node.said[kind]]
    return found


def _host(rejected: Mapping[str, Any]) -> str | None:
    peer = Peer.parse(rejected["peer"])
    return None if peer is None else peer.host


def _start(since: str | None) -> float:
    return float("-inf") if since is None else moment(since, time.time(), "since")


@router.get("/stats", response_model=StatsShape)
async def stats(service: TheService) -> Response:
    """Return what the listener does: inputs, outputs, store, rejections, rates."""
    now = time.time()
    pipeline = service.pipeline
    second, minute = service.throughput.rates(1.0), service.throughput.rates(60.0)
    store = None if service.store is None else await service.store.info()
    return json_response(
        {
            "version": __version__,
            "started_at": service.started_at,
            "uptime_seconds": max(0.0, now - service.started_at),
            "messages": pipeline.messages.total(),
            "bytes": pipeline.bytes.total(),
            "messages_per_second": rounded(second.get("messages")),
            "messages_per_second_minute": rounded(minute.get("messages")),
            "rejected": pipeline.rejections.total,
            "rejected_by_reason": by_reason(pipeline.rejections.counts),
            "reading": service.reading,
            "inputs": _of_all(
                service, "inputs", [input_document(service, input, second, minute) for input in service.inputs]
            ),
            "outputs": [_output(service, output, now, second, minute) for output in service.outputs()],
            "workers": [worker._asdict() for worker in service.worker_figures()],
            "orphaned_buffers": [_orphan(orphan, now) for orphan in service.orphans],
            "store": None if store is None else store._asdict() | {"partitions": len(store.partitions)},
            "watchers": len(service.live.subscriptions),
            "senders": len(service.senders),
        }
    )


def _output(
    service: Listener, output: OutputFigures, now: float, second: Mapping[str, float], minute: Mapping[str, float]
) -> dict[str, Any]:
    return document_of(
        OutputStats,
        output,
        error=output.last_error if output.failing_since is not None else None,
        last_error=output.last_error or None,
        messages=output.written,
        messages_per_second=rounded(second.get(f"output {output.name}")),
        messages_per_second_minute=rounded(minute.get(f"output {output.name}")),
        dropped=output.dropped + service.lost.get(output.name, 0),
        oldest_seconds=_age(output.oldest_at, now),
        buffer_problem=output.buffer_problem or None,
    )


def _orphan(orphan: Orphan, now: float) -> dict[str, Any]:
    return document_of(
        OrphanStats,
        orphan,
        directory=str(orphan.directory),
        waiting=orphan.messages,
        waiting_bytes=orphan.bytes,
        oldest_seconds=_age(orphan.oldest_at, now),
    )


def _age(oldest_at: float | None, now: float) -> float:
    return 0.0 if oldest_at is None else max(0.0, now - oldest_at)


@router.post("/outputs/{name:path}/retry", response_model=RetryShape)
async def retry(service: TheService, name: str) -> Response:
    """End the pause before an output that failed is tried again."""
    if not service.try_output(name):
        raise ApiError(404, f"no output is called {name!r}")
    circuit = next((output.circuit for output in service.outputs() if output.name == name), "closed")
    return json_response({"name": name, "circuit": circuit})


@router.get("/senders", response_model=SendersShape)
async def senders(service: TheService, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
    """
    Return who sends, by host and address, most messages first; payloads that were rejected name no host.

    Of other listeners that share the store, the hundred that send most to each are there.
    """
    found = service.senders
    every = _of_all(service, "senders", map(sender_document, found.top(limit)))
    every.sort(key=lambda sender: -sender["messages"])
    return json_response(
        {
            "senders": every[:limit],
            "forgotten": found.forgotten,
            "conflicts": [_conflict(each) for each in service.conflicts.found()],
        }
    )


def _conflict(found: FieldConflict) -> dict[str, Any]:
    conflict = found.conflict
    kinds = {"kept": conflict.kept.value, "lost": conflict.lost.value}
    return (
        conflict._asdict() | kinds | {"messages": found.messages, "last_seen": found.last_seen, "text": str(conflict)}
    )
