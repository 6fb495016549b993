"""Message encoding: messages as Graylog's API writes them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from starlette.responses import Response

from gelf_listener.api.graylog.highlights import highlights
from gelf_listener.message import Message
from gelf_listener.query.fields import KNOWN_FIELDS
from gelf_listener.query.nodes import Node
from gelf_listener.rendering.graylog_size import accounted_size
from gelf_listener.rendering.graylog_times import index_time, iso

INDEX = "graylog_0"
"""The one index all messages are said to be in; Graylog's name for its first."""


def answer(document: Any, status: int = 200) -> Response:
    """Answer with JSON. Integers of any size and halves of surrogate pairs are written, as they were sent."""
    return Response(json.dumps(document).encode(), status, media_type="application/json")


def flat(message: Message, streams: Sequence[str], node_id: str) -> dict[str, Any]:
    """Return a message's fields as they stand in a search result; dots in names are underscores, as in Graylog."""
    document: dict[str, Any] = {name.replace(".", "_"): value for name, value in message.fields.items()}
    for known in KNOWN_FIELDS:
        value = known.get(message)
        if value is not None:
            document[known.name] = _written(known.name, float(value)) if known.matching == "time" else value
    document |= {
        "_id": message.id,
        "streams": list(streams),
        "gl2_source_input": message.input,
        "gl2_source_node": message.node or node_id,
        "gl2_accounted_message_size": accounted_size(message),
        "gl2_processing_timestamp": _written("gl2_processing_timestamp", message.received_at),
        "gl2_processing_duration_ms": 0,
    }
    return document


def _written(name: str, seconds: float) -> str:
    """Write a time: ``timestamp`` as ISO 8601, what the server adds as its index keeps it."""
    return iso(seconds) if name == "timestamp" else index_time(seconds)


def hit(fields: Mapping[str, Any], node: Node, only: Collection[str] = ()) -> dict[str, Any]:
    """
    Return a message of a search result.

    Args:
        fields: As `flat` gives them.
        node: The query, for what is highlighted.
        only: Fields that are wanted; none means all.
    """
    chosen = dict(fields)
    if only:
        chosen = {name: value for name, value in fields.items() if name in only or name in ("_id", "timestamp")}
    return {"highlight_ranges": highlights(chosen, node), "message": chosen, "index": INDEX, "decoration_stats": None}
