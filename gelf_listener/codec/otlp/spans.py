"""Events of spans: what happened during one, which is what logs are for a service that only traces (trace.proto)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gelf_listener.codec.otlp import json_form
from gelf_listener.codec.otlp.json_values import text_of
from gelf_listener.codec.otlp.protobuf import check_size, parts_of, read_resource, read_scope
from gelf_listener.codec.otlp.records import MAX_RECORDS, RECORDS_A_STEP, Attributes, Scope, Taker
from gelf_listener.codec.otlp.values import read_attribute, text_at
from gelf_listener.codec.protobuf import FIXED64, fields
from gelf_listener.codec.receipt import Receipt
from gelf_listener.errors import Reason, Rejected

_LONG_EVENT_BYTES = 16 * 1024
"""Of an event that is a step by itself."""

_ERROR, _INFO = 17, 9
"""Severity numbers of exceptions and of other events."""


def decode_events(data: bytes, receipt: Receipt, *, is_json: bool) -> Iterator[None]:
    """
    Make messages of the events in an ExportTraceServiceRequest.

    Args:
        data: The request.
        receipt: Takes the messages.
        is_json: Its form.

    Yields:
        None, where others may have their turn.

    Raises:
        Rejected: If it is not one, or has too many events.
    """
    taker = Taker(receipt)
    for count, event in enumerate(_of_json(data, receipt) if is_json else _of_protobuf(data, receipt), 1):
        if count > MAX_RECORDS:
            raise Rejected(Reason.TOO_COMPLEX, f"more than {MAX_RECORDS} events", data)
        _take(taker, *event)
        if count % RECORDS_A_STEP == 0 or len(event[1]) > _LONG_EVENT_BYTES:
            yield


def _take(
    taker: Taker,
    scope: Scope,
    raw: bytes,
    nanoseconds: int,
    name: str,
    attributes: Attributes,
    trace_id: str,
    span_id: str,
    span_name: str,
) -> None:
    """Make the message of an event; an exception's text is what was raised."""
    is_exception = name == "exception" or "exception.type" in attributes
    body = name
    if is_exception:
        kind, text = attributes.get("exception.type"), attributes.get("exception.message")
        body = ": ".join(part for part in (kind, text) if isinstance(part, str) and part) or name
    if span_name:
        attributes.setdefault("span_name", span_name)
    number = _ERROR if is_exception else _INFO
    taker.take(scope, raw, nanoseconds, number, "", body, attributes, trace_id, span_id, 0, name, 0)


_Event = tuple[Scope, bytes, int, str, Attributes, str, str, str]


def _of_protobuf(data: bytes, receipt: Receipt) -> Iterator[_Event]:
    for resource_at in parts_of(data, 0, len(data)).get(1, []):
        resource_spans = parts_of(data, *resource_at)
        resource = read_resource(data, resource_spans)
        for scope_at in resource_spans.get(2, []):
            scope_spans = parts_of(data, *scope_at)
            scope = Scope(receipt, resource, *read_scope(data, scope_spans))
            for span_at in scope_spans.get(2, []):
                span = parts_of(data, *span_at)
                trace_id, span_id = (_hex(data, span.get(number), size) for number, size in ((1, 16), (2, 8)))
                span_name = text_at(data, *span[5][-1]) if 5 in span else ""
                for event_at in span.get(11, []):
                    check_size(data, *event_at)
                    event = parts_of(data, *event_at)
                    attributes: Attributes = {}
                    for each in event.get(3, []):
                        read_attribute(data, *each, attributes)
                    times = [
                        value for number, kind, value, _ in fields(data, *event_at) if (number, kind) == (1, FIXED64)
                    ]
                    name = text_at(data, *event[2][-1]) if 2 in event else ""
                    raw = data[slice(*event_at)]
                    yield scope, raw, times[-1] if times else 0, name, attributes, trace_id, span_id, span_name


def _hex(data: bytes, where: list[tuple[int, int]] | None, size: int) -> str:
    value = data[slice(*where[-1])] if where else b""
    return value.hex() if len(value) == size and any(value) else ""


def _of_json(data: bytes, receipt: Receipt) -> Iterator[_Event]:
    for resource_spans in json_form.objects(json_form.parse(data), "resourceSpans"):
        resource = json_form.attributes_of(resource_spans.get("resource"))
        for scope_spans in json_form.objects(resource_spans, "scopeSpans"):
            scope = Scope(receipt, resource, *json_form.read_scope(scope_spans))
            for span in json_form.objects(scope_spans, "spans"):
                yield from _of_span(span, scope)


def _of_span(span: dict[str, Any], scope: Scope) -> Iterator[_Event]:
    trace_id = json_form.id_of(json_form.value_of(span, "traceId"), 16)
    span_id = json_form.id_of(json_form.value_of(span, "spanId"), 8)
    span_name = text_of(span.get("name"))
    for event in json_form.objects(span, "events"):
        nanoseconds = json_form.nanoseconds_of(json_form.value_of(event, "timeUnixNano"))
        name = text_of(event.get("name"))
        yield (
            scope,
            json_form.encode(event),
            nanoseconds,
            name,
            json_form.attributes_of(event),
            trace_id,
            span_id,
            span_name,
        )
