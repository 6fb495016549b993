"""Listener: what it does just now, who sends, and what it could not understand."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from starlette.responses import Response

from gelf_listener import __version__
from gelf_listener.api.context import TheService
from gelf_listener.api.errors import ApiError
from gelf_listener.api.native.encoding import json_response, rejected_document
from gelf_listener.api.native.parameters import since_of
from gelf_listener.api.native.shapes import RejectedPage, RetryShape, SendersShape, StatsShape
from gelf_listener.errors import Reason

if TYPE_CHECKING:
    from gelf_listener.api.contract import Listener
    from gelf_listener.inputs import Input
    from gelf_listener.runner import Runner

__all__ = ["router"]

router = APIRouter(prefix="/api/gelf", tags=["listener"])


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
    """Return what could not become a message, newest first; the last thousand are kept."""
    start = _start(since)
    rejections = service.pipeline.rejections
    found = [
        each
        for each in reversed(rejections.recent)
        if (reason is None or each.reason is reason)
        and (input is None or each.input == input)
        and (sender is None or (each.peer is not None and each.peer.host == sender))
        and each.received_at >= start
    ]
    return json_response(
        {
            "total": rejections.total,
            "by_reason": _by_reason(rejections.counts),
            "kept": len(rejections.recent),
            "rejected": [rejected_document(each) for each in found[offset : offset + limit]],
        }
    )


def _start(since: str | None) -> float:
    return float("-inf") if since is None else since_of(since, time.time())


def _by_reason(counts: Mapping[tuple[str, str], int]) -> dict[str, int]:
    reasons: Counter[str] = Counter()
    for (_, reason), count in counts.items():
        reasons[reason] += count
    return dict(reasons.most_common())


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
            "messages_per_second": _rounded(second.get("messages")),
            "messages_per_second_minute": _rounded(minute.get("messages")),
            "rejected": pipeline.rejections.total,
            "rejected_by_reason": _by_reason(pipeline.rejections.counts),
            "reading": not pipeline.full,
            "inputs": [_input(service, input, second, minute) for input in service.inputs],
            "outputs": [_output(service, runner, now, second, minute) for runner in pipeline.runners],
            "orphaned_buffers": [
                {
                    "name": orphan.name,
                    "directory": str(orphan.directory),
                    "waiting": orphan.messages,
                    "waiting_bytes": orphan.bytes,
                    "oldest_seconds": 0.0 if orphan.oldest_at is None else max(0.0, now - orphan.oldest_at),
                }
                for orphan in service.orphans
            ],
            "store": None
            if store is None
            else {
                "location": store.location,
                "messages": store.messages,
                "bytes": store.bytes,
                "first": store.first,
                "last": store.last,
                "partitions": len(store.partitions),
            },
            "watchers": len(service.live.subscriptions),
            "senders": len(service.senders),
        }
    )


def _rounded(rate: float | None) -> float:
    return round(rate or 0.0, 1)


def _input(service: Listener, input: Input, second: Mapping[str, float], minute: Mapping[str, float]) -> dict[str, Any]:
    pipeline = service.pipeline
    reasons = {reason: count for (name, reason), count in pipeline.rejections.counts.items() if name == input.name}
    return {
        "name": input.name,
        "listening": list(input.listening),
        "reading": not pipeline.full,
        "messages": pipeline.messages[input.name],
        "bytes": pipeline.bytes[input.name],
        "messages_per_second": _rounded(second.get(f"input {input.name}")),
        "messages_per_second_minute": _rounded(minute.get(f"input {input.name}")),
        "rejected": sum(reasons.values()),
        "rejected_by_reason": reasons,
        "counters": input.counters(),
    }


def _output(
    service: Listener, runner: Runner, now: float, second: Mapping[str, float], minute: Mapping[str, float]
) -> dict[str, Any]:
    oldest = runner.oldest_at
    return {
        "name": runner.name,
        "where": runner.output.settings.where,
        "failing_since": runner.failing_since,
        "circuit": runner.circuit,
        "next_try_at": runner.next_try_at,
        "error": runner.last_error if runner.failing_since is not None else None,
        "last_error": runner.last_error or None,
        "messages": runner.written,
        "messages_per_second": _rounded(second.get(f"output {runner.name}")),
        "messages_per_second_minute": _rounded(minute.get(f"output {runner.name}")),
        "batches": runner.batches,
        "retries": runner.retries,
        "refused": runner.refused,
        "dropped": runner.buffer.dropped + runner.given_up + service.lost[runner.name],
        "waiting": runner.waiting,
        "waiting_bytes": runner.waiting_bytes,
        "oldest_seconds": 0.0 if oldest is None else max(0.0, now - oldest),
        "full": runner.buffer.full,
        "buffer": runner.output.settings.buffer,
        "buffer_problem": runner.buffer.problem or None,
        "buffer_damaged": runner.buffer.damaged,
        "counters": runner.output.counters(),
    }


@router.post("/outputs/{name:path}/retry", response_model=RetryShape)
async def retry(service: TheService, name: str) -> Response:
    """End the pause before an output that failed is tried again."""
    for runner in service.pipeline.runners:
        if runner.name == name:
            runner.try_now()
            return json_response({"name": name, "circuit": runner.circuit})
    raise ApiError(404, f"no output is called {name!r}")


@router.get("/senders", response_model=SendersShape)
async def senders(service: TheService, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Response:
    """Return who sends, by host and address, most messages first; payloads that were rejected name no host."""
    found = service.senders
    return json_response(
        {
            "senders": [
                {
                    "host": sender.host,
                    "address": sender.address,
                    "messages": sender.messages,
                    "bytes": sender.bytes,
                    "rejected": sender.rejected,
                    "client": sender.client or None,
                    "first_seen": sender.first_seen,
                    "last_seen": sender.last_seen,
                }
                for sender in found.top(limit)
            ],
            "forgotten": found.forgotten,
            "conflicts": [
                {
                    "field": each.conflict.field,
                    "kept": each.conflict.kept.value,
                    "kept_sender": each.conflict.kept_sender,
                    "lost": each.conflict.lost.value,
                    "lost_sender": each.conflict.lost_sender,
                    "messages": each.messages,
                    "last_seen": each.last_seen,
                    "text": str(each.conflict),
                }
                for each in service.conflicts.found()
            ],
        }
    )
