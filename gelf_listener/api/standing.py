"""Standing: what a listener takes, from whom, and what it refuses, as the API says it of itself and of others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from gelf_listener.api.contract import Listener
from gelf_listener.codec.lint import advice
from gelf_listener.errors import Rejected
from gelf_listener.inputs import Input
from gelf_listener.senders import Sender


def rounded(rate: float | None) -> float:
    """Return a rate as it is shown; None is 0."""
    return round(rate or 0.0, 1)


def by_reason(counts: Mapping[tuple[str, str], int]) -> dict[str, int]:
    """Return how many payloads were rejected for each reason, from counts by input and reason."""
    reasons: Counter[str] = Counter()
    for (_, reason), count in counts.items():
        reasons[reason] += count
    return dict(reasons.most_common())


def input_document(
    service: Listener, input: Input, second: Mapping[str, float], minute: Mapping[str, float]
) -> dict[str, Any]:
    """
    Return an input (`InputStats`).

    Args:
        service: Its listener.
        input: What is shown.
        second: Rates over the last second.
        minute: Rates over the last minute.
    """
    pipeline = service.pipeline
    reasons = {reason: count for (name, reason), count in pipeline.rejections.counts.items() if name == input.name}
    return {
        "name": input.name,
        "listening": list(input.listening),
        "reading": service.reading,
        "messages": pipeline.messages[input.name],
        "bytes": pipeline.bytes[input.name],
        "messages_per_second": rounded(second.get(f"input {input.name}")),
        "messages_per_second_minute": rounded(minute.get(f"input {input.name}")),
        "rejected": sum(reasons.values()),
        "rejected_by_reason": reasons,
        "counters": input.counters(),
    }


def sender_document(sender: Sender) -> dict[str, Any]:
    """Return a sender (`SenderShape`)."""
    return asdict(sender) | {"client": sender.client or None}


def rejected_document(rejected: Rejected) -> dict[str, Any]:
    """Return a rejection (`RejectedShape`)."""
    return {
        "reason": rejected.reason.value,
        "detail": rejected.detail,
        "peer": None if rejected.peer is None else str(rejected.peer),
        "input": rejected.input,
        "received_at": rejected.received_at,
        "payload_bytes": rejected.payload_bytes,
        "payload_hex": rejected.payload.hex(),
        "payload_text": rejected.payload.decode("utf-8", "replace"),
        "advice": advice(rejected),
    }
