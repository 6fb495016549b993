"""
Usual: what a person is shown of a message's fields when nothing else is asked for.

Several services of one machine have the same host, so the service stands beside it. What Python's handlers say of the
place in the code and of the process is left out: it would drown the message.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from gelf_listener.message import FieldValue

__all__ = ["NOISE", "SERVICE_FIELDS", "noise", "service_field"]

SERVICE_FIELDS = (
    *("service", "service_name", "service.name", "application_name", "application.name"),
    *("container_name", "container.name", "facility", "tag"),
)
"""What names the service, the first that a message has; with dots as OpenTelemetry and ECS write it."""

NOISE = frozenset(("file", "line", "function", "pid", "thread_name", "process_name", "logger"))
"""Of graypy, gelf-handlers and pygelf."""

_WORD = re.compile(r"\w+")


def service_field(fields: Mapping[str, FieldValue]) -> str | None:
    """Return the name of the field that names the service; None without one."""
    for name in SERVICE_FIELDS:
        if name in fields and fields[name] != "":
            return name
    return None


def noise(query: str = "") -> frozenset[str]:
    """Return the fields that are left out, but for those that a query speaks of."""
    return NOISE.difference(word.removeprefix("_") for word in _WORD.findall(query))
