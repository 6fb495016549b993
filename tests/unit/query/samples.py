"""Messages for query tests, and what a Graylog found among its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gelf_listener.codec import Batch
from gelf_listener.codec.gelf.graylog import GraylogGelf
from gelf_listener.message import Message, Peer

NOW = 1564221188.0


def message(
    short_message: str = "A short message",
    host: str = "example.org",
    *,
    full_message: str | None = None,
    level: int | None = 6,
    timestamp: float = NOW,
    peer: tuple[str, int] | None = None,
    fields: dict[str, Any] | None = None,
    id: str = "",
) -> Message:
    sender = None if peer is None else Peer(*peer)
    made = Message(timestamp, host, short_message, full_message, level, b"", NOW, "udp", sender, _fields=fields or {})
    made.stored_id = id
    return made


_FOLDER = Path(__file__).parents[2] / "vectors" / "graylog"
RECORDED: list[dict[str, Any]] = json.loads((_FOLDER / "search.json").read_text(encoding="utf-8"))["entries"]
"""Queries, and the numbers of the messages that a Graylog 7.0.1 found."""

NOW_RECORDED = 1_796_000_000.0
"""November 2026, when that was recorded."""

EXCEPTIONS = {
    "": "refused by the route, as a parameter that is missing",
    "streams:000000000000000000000001": "streams are the API's: `Streams.resolve`",
    "i̇stanbul": "İ becomes i there and i with a dot above here, which only a query that writes the dot tells apart",
}
"""Recorded answers that the language does not give, and why."""


def recorded_messages() -> list[Message]:
    """Return the messages that were searched, as the GELF of a Graylog has them."""
    batch = Batch()
    for document in json.loads((_FOLDER / "messages.json").read_text(encoding="utf-8"))["messages"]:
        raw = json.dumps(document).encode()
        GraylogGelf("an input").decode(raw, NOW_RECORDED, Peer("127.0.0.1", 40001), batch)
    return batch.messages


def expected_hits(entry: dict[str, Any], found: set[Any]) -> set[Any]:
    """Return the recorded hits but for those that a number had in the server's own fields."""
    hits = set(entry["hits"]) - (set(entry.get("by_server_fields", ())) - found)
    return hits | (set(entry.get("missed_by_server_fields", ())) & found)
