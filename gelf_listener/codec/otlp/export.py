"""Export: requests of the three signals, and what they are answered, in the form they came in."""

from __future__ import annotations

import enum
from collections.abc import Generator
from typing import Any

import msgspec

from gelf_listener.codec.otlp import json_form, protobuf, spans
from gelf_listener.codec.otlp.records import Taker
from gelf_listener.codec.protobuf import write_field
from gelf_listener.codec.receipt import Receipt

Step = tuple[tuple[int, str], ...]

_OTHER_KINDS: Step = (
    (5, "gauge"),
    (7, "sum"),
    (9, "histogram"),
    (10, "exponentialHistogram"),
    (11, "summary"),
)


class Signal(enum.Enum):
    """
    What is exported.

    The value is (name in paths, service of gRPC, what a partial success counts, the way to each of those in a request).
    """

    LOGS = ("logs", "opentelemetry.proto.collector.logs.v1.LogsService", "rejectedLogRecords", ())
    TRACES = (
        "traces",
        "opentelemetry.proto.collector.trace.v1.TraceService",
        "rejectedSpans",
        (((1, "resourceSpans"),), ((2, "scopeSpans"),), ((2, "spans"),)),
    )
    METRICS = (
        "metrics",
        "opentelemetry.proto.collector.metrics.v1.MetricsService",
        "rejectedDataPoints",
        (((1, "resourceMetrics"),), ((2, "scopeMetrics"),), ((2, "metrics"),), _OTHER_KINDS, ((1, "dataPoints"),)),
    )

    def __init__(self, path: str, service: str, rejected: str, way: tuple[Step, ...]) -> None:
        self.path = path
        self.service = service
        self.rejected = rejected
        self.way = way


class Code(enum.IntEnum):
    """Codes of google.rpc.Status, and of gRPC."""

    OK = 0
    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    UNAUTHENTICATED = 16


def export(
    signal: Signal, body: bytes, receipt: Receipt, *, is_json: bool, events: bool
) -> Generator[None, None, bytes]:
    """
    Take an export request.

    Args:
        signal: What it exports.
        body: The request.
        receipt: Takes its messages and rejections.
        is_json: The form it came in, and is answered in.
        events: Whether events of spans are messages.

    Yields:
        None, where others may have their turn.

    Returns:
        The answer: a partial success when anything of it is in no message.

    Raises:
        Rejected: If it cannot be read.
    """
    if signal is Signal.LOGS:
        taker = Taker(receipt)
        yield from (json_form if is_json else protobuf).decode_logs(body, taker)
        return _answer(signal, taker.rejected, taker.why, is_json=is_json)
    if signal is Signal.TRACES and events:
        yield from spans.decode_events(body, receipt, is_json=is_json)
        return _answer(signal, 0, "", is_json=is_json)
    if is_json:
        count = _count_objects(json_form.parse(body), signal.way)
    else:
        count = _count_parts(body, 0, len(body), signal.way)
    hint = "; the setting spans=events takes their events" if signal is Signal.TRACES else ""
    return _answer(signal, count, f"{signal.path} are not kept here, only logs{hint}", is_json=is_json)


def _answer(signal: Signal, rejected: int, why: str, *, is_json: bool) -> bytes:
    """Write an Export...ServiceResponse."""
    if is_json:
        partial = {signal.rejected: str(rejected), "errorMessage": why} if rejected else None
        return msgspec.json.encode({"partialSuccess": partial} if partial else {})
    return write_field(1, write_field(1, rejected) + write_field(2, why.encode())) if rejected else b""


def _count_parts(data: bytes, at: int, end: int, way: tuple[Step, ...]) -> int:
    """Count messages of a request in protobuf by the numbers of the fields they are in."""
    if not way:
        return 1
    parts = protobuf.parts_of(data, at, end)
    if len(way) == 1:
        return sum(len(parts.get(number, ())) for number, _ in way[0])
    return sum(_count_parts(data, *each, way[1:]) for number, _ in way[0] for each in parts.get(number, ()))


def _count_objects(parent: Any, way: tuple[Step, ...]) -> int:
    """Count objects of a request in JSON by the names of the fields they are in."""
    if not way:
        return 1
    found: list[Any] = []
    for _, name in way[0]:
        value = json_form.value_of(parent, name)
        found += value if isinstance(value, list) else [value] if isinstance(value, dict) else []
    return sum(_count_objects(each, way[1:]) for each in found)


def write_status(code: Code, detail: str, *, is_json: bool, retry_seconds: int = 0) -> bytes:
    """
    Write a google.rpc.Status.

    Args:
        code: What went wrong.
        detail: One sentence for a person.
        is_json: In which form.
        retry_seconds: When to try again; 0: it does not say.
    """
    if is_json:
        status: dict[str, Any] = {"code": int(code), "message": detail}
        if retry_seconds:
            status["details"] = [{"@type": _RETRY_INFO, "retryDelay": f"{retry_seconds}s"}]
        return msgspec.json.encode(status)
    written = write_field(1, int(code)) + write_field(2, detail.encode("utf-8", "replace"))
    if retry_seconds:
        info = write_field(1, write_field(1, retry_seconds))
        written += write_field(3, write_field(1, _RETRY_INFO.encode()) + write_field(2, info))
    return written


_RETRY_INFO = "type.googleapis.com/google.rpc.RetryInfo"
