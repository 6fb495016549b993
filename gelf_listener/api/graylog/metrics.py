"""Metrics: our counters under the names that monitoring of Graylog asks for, and under their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.responses import Response

from gelf_listener.api.context import TheService
from gelf_listener.api.contract import Listener
from gelf_listener.api.errors import ApiError
from gelf_listener.api.graylog.message_encoding import answer
from gelf_listener.metrics import ServiceCollector

router = APIRouter(prefix="/api/system/metrics", tags=["System/Metrics"])


class _Figure(NamedTuple):
    """A metric: what it is and its value."""

    type: Literal["counter", "gauge"]
    value: float


class MultipleRequest(BaseModel):
    """Names of metrics."""

    metrics: list[str] = Field(max_length=1000)


@router.get("")
async def everything(service: TheService) -> Response:
    """Return all metrics by kind."""
    figures = _figures(service)
    kinds = {
        "gauges": {name: _metric(each) for name, each in figures.items() if each.type == "gauge"},
        "counters": {name: _metric(each) for name, each in figures.items() if each.type == "counter"},
    }
    return answer({"version": "4.0.0", **kinds, "histograms": {}, "meters": {}, "timers": {}})


@router.get("/names")
async def names(service: TheService) -> Response:
    """Return the names of all metrics."""
    return answer({"names": sorted(_figures(service))})


@router.post("/multiple")
async def multiple(service: TheService, body: MultipleRequest) -> Response:
    """Return several metrics; those that do not exist are left out."""
    return answer(several(service, body))


def several(service: Listener, body: MultipleRequest) -> dict[str, Any]:
    """Return the metrics that a body names."""
    figures = _figures(service)
    return _listed({name: figures[name] for name in body.metrics if name in figures})


@router.get("/namespace/{namespace}")
async def namespace(service: TheService, namespace: str) -> Response:
    """Return the metrics whose names begin with a text."""
    found = {name: each for name, each in _figures(service).items() if name.startswith(namespace)}
    if not found:
        raise ApiError(404, f"No metrics with namespace [{namespace[:200]}] found.")
    return answer(_listed(found))


@router.get("/{name:path}")
async def one(service: TheService, name: str) -> Response:
    """Return one metric."""
    figure = _figures(service).get(name)
    if figure is None:
        raise ApiError(404, f"I do not have a metric called [{name[:200]}].")
    return answer(_metric(figure))


def _metric(figure: _Figure) -> dict[str, float]:
    value = int(figure.value) if figure.value == int(figure.value) else figure.value
    return {"count": value} if figure.type == "counter" else {"value": value}


def _listed(figures: Mapping[str, _Figure]) -> dict[str, Any]:
    found = [
        {"full_name": name, "name": name.rpartition(".")[2], "type": each.type, "metric": _metric(each)}
        for name, each in figures.items()
    ]
    return {"total": len(found), "metrics": found}


def _figures(service: Listener) -> dict[str, _Figure]:
    return _graylogs(service) | _ours(service)


def _graylogs(service: Listener) -> dict[str, _Figure]:
    """Return what Graylog would call our counters."""
    pipeline = service.pipeline
    outputs = service.outputs()
    rates = service.throughput.rates()
    written = sum(rate for name, rate in rates.items() if name.startswith("output "))
    waiting = sum(output.waiting for output in outputs)
    room = sum(output.max_messages for output in outputs)
    bytes_waiting = sum(output.waiting_bytes for output in outputs)
    bytes_room = sum(output.max_bytes for output in outputs)
    gauges = {
        "throughput.input.1-sec-rate": rates.get("messages", 0.0),
        "throughput.output.1-sec-rate": written,
        "journal.append.1-sec-rate": rates.get("messages", 0.0),
        "journal.read.1-sec-rate": written,
        "journal.segments": len(outputs),
        "journal.entries-uncommitted": waiting,
        "journal.size": bytes_waiting,
        "journal.size-limit": bytes_room,
        "journal.utilization-ratio": bytes_waiting / bytes_room if bytes_room else 0.0,
        "buffers.input.usage": 0,
        "buffers.input.size": 0,
        "buffers.process.usage": 0,
        "buffers.process.size": 0,
        "buffers.output.usage": waiting,
        "buffers.output.size": room,
    }
    counters = {
        "throughput.input": pipeline.messages.total(),
        "throughput.output": sum(output.written for output in outputs),
    }
    found = {f"org.graylog2.{name}": _Figure("gauge", value) for name, value in gauges.items()}
    return found | {f"org.graylog2.{name}": _Figure("counter", value) for name, value in counters.items()}


def _ours(service: Listener) -> dict[str, _Figure]:
    """Return what `/metrics` tells, with the labels' values behind dots."""
    found = {}
    for family in ServiceCollector(service).collect():
        kind: Literal["counter", "gauge"] = "counter" if family.type == "counter" else "gauge"
        for sample in family.samples:
            if family.type != "info":
                found[".".join([sample.name, *sample.labels.values()])] = _Figure(kind, sample.value)
    return found
