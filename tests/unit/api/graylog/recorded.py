"""What a Graylog 7.0.1 answered (``tests/vectors/graylog``), and how to compare it with what is answered here."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from gelf_listener.codec import Batch
from gelf_listener.codec.gelf.graylog import GraylogGelf
from gelf_listener.message import Message, Peer

__all__ = ["EXCEPTED", "alike", "entries", "messages"]

FOLDER = Path(__file__).parents[3] / "vectors" / "graylog"
PAGE = (Path(__file__).parents[4] / "docs" / "graylog-compatibility.md").read_text(encoding="utf-8")
PLACEHOLDER = re.compile(r"<[a-z ]+>")

EXCEPTED = frozenset(
    name
    for row in re.findall(r"^\| (`[^|]+`) \|", PAGE.partition("## What differs")[2], re.MULTILINE)
    for name in re.findall(r"`([^`]+)`", row)
)
"""Names of the recorded requests that the page says are answered otherwise here, on purpose."""


def entries(name: str) -> list[dict[str, Any]]:
    """Return what was recorded: requests with the answers they got."""
    found: list[dict[str, Any]] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["entries"]
    return found


def messages(count: int | None = None, at: float | None = None) -> list[Message]:
    """
    Return the messages that were there, read as a Graylog reads them.

    Args:
        count: The first so many.
        at: The time of the last one, UTC Unix seconds; their own by default.
    """
    documents = json.loads((FOLDER / "messages.json").read_text(encoding="utf-8"))["messages"][:count]
    shift = 0.0 if at is None else at - max(document["timestamp"] for document in documents)
    batch = Batch()
    for number, document in enumerate(documents):
        document["timestamp"] = round(document["timestamp"] + shift, 3)
        received_at = (at or 1.0) + number / 1000
        GraylogGelf("tcp").decode(json.dumps(document).encode(), received_at, Peer("127.0.0.1", 50760), batch)
    return batch.messages


def alike(recorded: Any, answered: Any) -> bool:
    """Whether two answers are equal, with their JSON types; what differs from server to server may be anything."""
    if isinstance(recorded, str) and PLACEHOLDER.search(recorded):
        return answered is not None
    if isinstance(recorded, bool) or isinstance(answered, bool) or recorded is None or answered is None:
        return recorded is answered
    if isinstance(recorded, dict):
        return (
            isinstance(answered, dict)
            and recorded.keys() == answered.keys()
            and all(alike(value, answered[key]) for key, value in recorded.items())
        )
    if isinstance(recorded, list):
        return isinstance(answered, list) and len(recorded) == len(answered) and all(map(alike, recorded, answered))
    if isinstance(recorded, float) and isinstance(answered, float):
        return abs(recorded - answered) <= 1e-9 * max(abs(recorded), abs(answered))
    return type(recorded) is type(answered) and recorded == answered


def sorted_rows(rows: Iterable[Any]) -> list[str]:
    """Return rows in an order of their own."""
    return sorted(json.dumps(row, sort_keys=True) for row in rows)
