"""Announcement: what a listener says of itself to the others of its store; bounded."""

from __future__ import annotations

import platform
import socket
from itertools import islice
from typing import Any

from gelf_listener import __version__
from gelf_listener.api.contract import Listener
from gelf_listener.api.standing import by_reason, input_document, rejected_document, rounded, sender_document

_MOST_INPUTS = 100
_MOST_SENDERS = 100
_MOST_REJECTED = 20
"""Each has up to 1 KiB of its payload, three times over."""


def announcement(service: Listener) -> dict[str, Any]:
    """Return what a listener says of itself: what the sheets of the page show of it."""
    second, minute = service.throughput.rates(1.0), service.throughput.rates(60.0)
    rejections = service.pipeline.rejections
    return {
        "url": service.api_url,
        "host": socket.gethostname(),
        "system": f"{platform.system()} {platform.release()}",
        "version": __version__,
        "started_at": service.started_at,
        "messages": service.pipeline.messages.total(),
        "messages_per_second": rounded(second.get("messages")),
        "reading": service.reading,
        "rejected_total": rejections.total,
        "rejected_by_reason": by_reason(rejections.counts),
        "inputs": [input_document(service, input, second, minute) for input in service.inputs[:_MOST_INPUTS]],
        "senders": [sender_document(sender) for sender in service.senders.top(_MOST_SENDERS)],
        "rejected": [rejected_document(each) for each in islice(reversed(rejections.recent), _MOST_REJECTED)],
    }
