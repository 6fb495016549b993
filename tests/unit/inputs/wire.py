"""What clients of other protocols put on the wire (tests/vectors/wire), and what a person would want read of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.message import Message

__all__ = ["WIRE", "assert_read", "clients", "requests_of"]

WIRE = Path(__file__).parents[2] / "vectors" / "wire"

_LEVELS = {"critical": 2, "error": 3, "warning": 4, "info": 6, "debug": 7}
_NAMES = {
    "service": ("service.name", "service_name", "service", "application_name"),
    "trace_id": ("trace_id", "trace.id"),
    "span_id": ("span_id", "span.id"),
    "event_name": ("event_name",),
    "facility": ("facility",),
}
"""Fields that may have it: clients name it as they like."""


def clients(*protocols: str) -> list[str]:
    """Each client of some protocols, as PROTOCOL/CLIENT."""
    return [f"{path.parent.name}/{path.name}" for name in protocols for path in sorted((WIRE / name).iterdir())]


def requests_of(client: str) -> list[bytes]:
    """What a client sent, in order."""
    paths = sorted((WIRE / client).glob("request-*.bin"), key=lambda path: int(path.stem.rpartition("-")[2]))
    return [path.read_bytes() for path in paths]


def assert_read(client: str, messages: list[Message]) -> None:
    """Everything a client sent is in the messages, as its expect.json says."""
    expected = json.loads((WIRE / client / "expect.json").read_text())["records"]
    assert len(messages) == len(expected)
    rest = list(messages)
    for record in expected:
        same = [each for each in rest if each.short_message == record["text"]] if record["text"] else rest[-1:]
        assert same, (record["text"][:80], [each.short_message[:80] for each in rest])
        rest.remove(same[0])
        _assert_record(record, same[0])


def _assert_record(record: dict[str, Any], message: Message) -> None:
    fields = message.fields
    if record["level"] is not None:
        assert message.level == _LEVELS[record["level"]], record
    if record.get("time") is not None:
        assert message.timestamp == pytest.approx(record["time"], abs=2e-6)
    if record.get("source"):
        assert message.host == record["source"]
    for name, places in _NAMES.items():
        if record.get(name):
            assert record[name] in [fields.get(place) for place in places], (name, fields)
    for name, value in _flat({**record["fields"], **({"body": record["body"]} if "body" in record else {})}):
        assert fields.get(name) == value, (name, fields)
    exception = record.get("exception")
    if exception:
        whole = f"{message.full_message}\n{fields.get('exception.type')}\n{fields}"
        for name in ("type", "message"):
            assert name not in exception or exception[name] in whole, (exception, whole)


def _flat(value: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield fields as messages hold them: objects flattened to dotted names, lists as JSON, nothing for null."""
    for name, each in value.items():
        if isinstance(each, dict):
            yield from _flat(each, f"{prefix}{name}.")
        elif isinstance(each, list):
            yield prefix + name, json.dumps(each, separators=(",", ":"))
        else:
            yield prefix + name, each
