"""Vectors: every quirk of a real client and every decision of a Graylog, as data, in both modes."""

from __future__ import annotations

import gzip
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from gelf_listener.codec import Batch, GelfDecoder
from gelf_listener.codec.gelf.chunking import split
from gelf_listener.message import Peer

FOLDER = Path(__file__).parents[2] / "vectors" / "codec"
VECTORS = [
    pytest.param(vector, mode, id=f"{path.stem}-{vector['name']}-{mode}")
    for path in sorted(FOLDER.glob("*.json"))
    for vector in json.loads(path.read_text())
    for mode in ("lenient", "graylog")
    if mode in vector
]
NOW = 1_000_000_000.0
PEER = Peer("192.0.2.1", 5000)


BASE = {"version": "1.1", "host": "h", "short_message": "x", "timestamp": 1.5}


def payload_of(vector: Any) -> bytes:
    """Return a vector's bytes: `set` and `without` change a plain message; the other keys hold bytes in some form."""
    if "set" in vector or "without" in vector:
        document = {name: value for name, value in BASE.items() if name not in vector.get("without", ())}
        return json.dumps(document | vector.get("set", {})).encode()
    if "payload" in vector:
        return vector["payload"].encode("utf-8", "surrogatepass") * vector.get("times", 1)
    if "hex" in vector:
        return bytes.fromhex(vector["hex"])
    if "zlib" in vector:
        return zlib.compress(vector["zlib"].encode(), vector.get("zlib_level", 6))[: vector.get("cut")]
    members = b"".join(gzip.compress(member.encode()) for member in vector["gzip"])
    return members[: vector.get("cut")] + bytes.fromhex(vector.get("then_hex", ""))


def decode(datagrams: list[bytes], mode: str) -> Batch:
    decoder = GelfDecoder(mode, "test")  # type: ignore[arg-type]
    batch = Batch()
    for datagram in datagrams:
        decoder.decode(datagram, NOW, PEER, batch)
    return batch


def check(batch: Batch, expected: dict[str, Any]) -> None:
    rejected = [rejection.reason.value for rejection in batch.rejected]
    allowed = expected.get("rejected", [])
    if "messages" in expected:
        assert rejected == allowed, batch.rejected
    else:
        assert len(rejected) == 1, batch.rejected
        assert rejected[0] in allowed
    messages = expected.get("messages", [])
    assert len(batch.messages) == len(messages)
    for message, wanted in zip(batch.messages, messages, strict=True):
        for name, value in wanted.items():
            if name == "notes":
                labels = {note.deviation.label for note in message.notes}
                assert set(value) <= labels if value else not labels, message.notes
            elif name == "fields":
                assert message.fields == value
                assert [type(field) for field in message.fields.values()] == [type(field) for field in value.values()]
            else:
                assert getattr(message, name) == value, name
        assert message.peer == PEER
        assert message.received_at == NOW
        assert json.loads(message.to_gelf())["short_message"] is not None
    for rejection in batch.rejected:
        assert rejection.detail
        assert rejection.peer == PEER
        assert rejection.input == "test"


@pytest.mark.parametrize(("vector", "mode"), VECTORS)
def test_vector(vector: dict[str, Any], mode: str) -> None:
    """The payload becomes what its vector says."""
    check(decode([payload_of(vector)], mode), vector[mode])


@pytest.mark.parametrize(("vector", "mode"), [param for param in VECTORS if len(payload_of(param.values[0])) > 40])
def test_vector_in_chunks(vector: dict[str, Any], mode: str) -> None:
    """The same payload in small chunks, last first, becomes the same."""
    payload = payload_of(vector)
    size = max(40, len(payload) // 100 + 13)
    check(decode(list(split(payload, size))[::-1], mode), vector[mode])


def test_every_vector_names_its_origin() -> None:
    """A vector without a precedent is an opinion."""
    for path in FOLDER.glob("*.json"):
        for vector in json.loads(path.read_text()):
            assert vector["origin"], vector["name"]
