"""Documents for a Graylog: those that a real one stored, of the same payloads, and back."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from gelf_listener.codec import Batch
from gelf_listener.codec.gelf.graylog import GraylogGelf
from gelf_listener.message import Message, Peer
from gelf_listener.rendering.graylog_size import accounted_size
from gelf_listener.store.opensearch.graylog_shape import GraylogShape
from tests import graylog_vectors

NOW = 1_796_000_000.0
SHAPE = GraylogShape("graylog", "node", lambda: NOW + 0.25)

ADDED = (
    *("streams", "gl2_message_id", "gl2_source_input", "gl2_source_node", "gl2_remote_ip", "gl2_remote_port"),
    *("gl2_receive_timestamp", "gl2_processing_timestamp", "gl2_processing_duration_ms"),
    *("gl2_accounted_message_size", "gelf_unmapped", "gelf_unmapped_fields"),
)
"""What is not recorded: the server and the listener add it."""


def decoded(payload: bytes) -> list[Message]:
    batch = Batch()
    GraylogGelf("an input").decode(payload, NOW, Peer("127.0.0.1", 40001), batch)
    return batch.messages


def document_of(message: Message, *, mapped: bool = True) -> dict[str, Any]:
    (document,) = SHAPE.documents_of([message], [message.id], mapped=mapped)
    return dict(document)


def recorded() -> Iterator[tuple[str, Message, dict[str, Any]]]:
    """Give every recorded payload that is one message: its name, the message, and the document of a real Graylog."""
    for entry in graylog_vectors.entries("codec"):
        stored = [each for each in (entry.get("udp"), entry["tcp"], entry["http"]["stored"]) if isinstance(each, list)]
        made = decoded(graylog_vectors.payload(entry))
        if len(made) == len(stored[0]) == 1:
            yield entry["name"], made[0], stored[0][0]


def test_documents_are_a_graylogs() -> None:
    """But for what the server adds, and for names and texts that are kept beside."""
    different, count = [], 0
    for name, message, stored in recorded():
        document = document_of(message)
        ours = {field: each for field, each in document.items() if field not in ADDED}
        ours |= document.get("gelf_unmapped", {})
        if message.timestamp == message.received_at:
            ours["timestamp"] = "<receive time>"
        if message.host == "127.0.0.1":
            ours["source"] = "<address of the sender>"
        if not graylog_vectors.same(stored, {field: graylog_vectors.shown(each) for field, each in ours.items()}):
            different.append(name)
        count += 1
    assert count > 200
    assert set(different) <= {"x_surr", "new_us_full_num"}  # the decoder's own; see tests/vectors/graylog


def test_a_document_becomes_the_message() -> None:
    """Nothing is lost of what a Graylog keeps."""
    for name, message, _ in recorded():
        back = SHAPE.message_of(document_of(message))
        for attribute in ("id", "host", "short_message", "full_message", "level", "peer", "input", "fields"):
            assert getattr(back, attribute) == getattr(message, attribute), (name, attribute)
        assert back.timestamp == pytest.approx(message.timestamp, abs=0.001), name


def test_what_the_server_adds() -> None:
    """Under its names and in its forms."""
    (message,) = decoded(b'{"version":"1.1","host":"web","short_message":"hi","timestamp":1700000000.5,"_a":1}')
    document = document_of(message)
    assert document == {
        "message": "hi",
        "source": "web",
        "timestamp": "2023-11-14 22:13:20.500",
        "a": 1,
        "streams": ["000000000000000000000001"],
        "gl2_message_id": message.id,
        "gl2_source_input": "an input",
        "gl2_source_node": "node",
        "gl2_remote_ip": "127.0.0.1",
        "gl2_remote_port": 40001,
        "gl2_receive_timestamp": "2026-11-30 00:53:20.000",
        "gl2_processing_timestamp": "2026-11-30 00:53:20.250",
        "gl2_processing_duration_ms": 250,
        "gl2_accounted_message_size": accounted_size(message),
    }


def test_without_columns() -> None:
    """What the cluster refused is sent with its additional fields beside, and comes back the same."""
    (message,) = decoded(b'{"version":"1.1","host":"web","short_message":"hi","_a":1,"_b":"x"}')
    document = document_of(message, mapped=False)
    assert (document["gelf_unmapped"], document["gelf_unmapped_fields"]) == ({"a": 1, "b": "x"}, ["a", "b"])
    assert SHAPE.message_of(document).fields == message.fields
