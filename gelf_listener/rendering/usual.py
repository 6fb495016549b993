"""
Usual: what a person is shown of a message's fields when nothing else is asked for.

Several services of one machine have the same host, so the service stands beside it. What Python's handlers say of the
place in the code and of the process is left out: it would drown the message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gelf_listener.message import FieldValue
from gelf_listener.query.fields import SERVICE_FIELDS, first_field

TRACE_FIELDS = (
    *("trace_id", "trace.id", "traceId", "request_id", "request.id", "requestId", "x_request_id", "x-request-id"),
    *("correlation_id", "correlation.id", "correlationId"),
)
"""What messages of one request, across services, have in common."""

NOISE = frozenset(("file", "line", "function", "pid", "thread_name", "process_name", "logger"))
"""Of graypy, gelf-handlers and pygelf."""

_WORD = re.compile(r"\w+")


def service_field(fields: Mapping[str, FieldValue]) -> str | None:
    """Return the name of the field that names the service; None without one."""
    return first_field(SERVICE_FIELDS, fields)


def noise(query: str = "") -> frozenset[str]:
    """Return the fields that are left out, but for those that a query speaks of."""
    return NOISE.difference(word.removeprefix("_") for word in _WORD.findall(query))
