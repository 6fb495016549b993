"""Message detail: one message with everything that Graylog's server knows of it, most of which says nothing here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_NO_OFFSET = -(2**63)
"""Of a message that is in no journal."""


def detail(
    fields: Mapping[str, Any], size: int, streams: Sequence[str] = (), input: str | None = None
) -> dict[str, Any]:
    """
    Return a message as ``/messages`` gives it.

    Args:
        fields: As they are stored, with ``_id``, ``message``, ``source`` and ``timestamp``.
        size: Bytes it takes.
        streams: Ids of those it is in.
        input: The id of the input it came by.
    """
    return {
        "id": fields["_id"],
        "message_id": fields.get("gl2_message_id"),
        "timestamp": fields["timestamp"],
        "message": fields["message"],
        "source": fields["source"],
        "source_input_id": input,
        "stream_ids": list(streams),
        "streams": [],
        "index_sets": [],
        "fields": dict(fields),
        "field_names": list(fields),
        "field_count": len(fields),
        "fields_entries": [{name: value} for name, value in fields.items()],
        "complete": True,
        "filter_out": False,
        "size": size,
        "inet_address": None,
        "is_source_inet_address": False,
        "journal_offset": _NO_OFFSET,
        "sequence_nr": 0,
        "message_queue_id": None,
        "receive_time": None,
        "processing_time": None,
    }
