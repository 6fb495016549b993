"""Short chunks: headers of 5 bytes (npm gelf 2.0.1, gelf-node) make messages, and never wrong ones."""

from __future__ import annotations

import json
import random
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.codec import Batch, GelfDecoder
from gelf_listener.codec.gelf.chunking import split
from gelf_listener.errors import Reason
from gelf_listener.message import Peer

ALICE, BOB = Peer("192.0.2.1", 1000), Peer("192.0.2.2", 1000)


def payload(name: str, size: int = 3000) -> bytes:
    """GELF whose text does not compress."""
    text = name + random.Random(name).randbytes(size).hex()
    return json.dumps({"version": "1.1", "host": "h", "short_message": text, "timestamp": 1.5}).encode()


def short(data: bytes, id: int, size: int = 1420) -> list[bytes]:
    """Cut as npm gelf does: `Buffer.from([0x1e, 0x0f, id, number, count, ...])`."""
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return [bytes((0x1E, 0x0F, id, number, len(parts))) + part for number, part in enumerate(parts)]


def decode(*arrivals: tuple[bytes, Peer], decoder: GelfDecoder | None = None) -> Batch:
    batch = Batch()
    decoder = decoder or GelfDecoder("lenient", "test")
    decoder.decode_all(arrivals, 1e9, batch)
    decoder.expire(1e9 + 9, batch)
    return batch


def test_a_message() -> None:
    """Is read, with a note; so is the next one, and plain datagrams of the same sender."""
    found = decode(
        *((part, ALICE) for name in ("a", "b") for part in short(zlib.compress(payload(name)), ord(name))),
        (payload("c", 5), ALICE),
    )
    assert [message.short_message[0] for message in found.messages] == ["a", "b", "c"]
    assert [[note.deviation.label for note in message.notes] for message in found.messages] == [
        ["short_chunk_header"],
        ["short_chunk_header"],
        [],
    ]
    assert found.rejected == []


@given(st.randoms(use_true_random=False), st.integers(0, 255), st.integers(0, 255))
def test_no_wrong_message(order: random.Random, one: int, other: int) -> None:
    """Two senders and interleaved messages, whatever their ids: what is read is what was sent."""
    sent = [payload(name, 900) for name in ("a", "b", "c")]
    queues = [
        [(part, peer) for part in short(zlib.compress(each), id, 500)]
        for each, id, peer in zip(sent, (one, other, one), (ALICE, ALICE, BOB), strict=True)
    ]
    queues.append([(part, BOB) for part in split(zlib.compress(payload("d", 900)), 500, bytes((7, 0, 3, *b"abcde")))])
    arrivals = []
    while any(queues):
        arrivals.append(order.choice([queue for queue in queues if queue]).pop(0))
    found = decode(*arrivals)
    wanted = {json.loads(each)["short_message"] for each in (*sent, payload("d", 900))}
    assert {message.short_message for message in found.messages} <= wanted
    if one != other:
        assert {message.short_message[0] for message in found.messages} >= {"a", "b"}


@pytest.mark.parametrize(("id", "read"), [("0900020102030405", True), ("090002789c020304", False)])
def test_what_only_looks_so(id: str, read: bool) -> None:
    """Regular headers: an id that could be number and count, and one in which a payload seems to begin (1 of 7 million)."""
    found = decode(*((part, ALICE) for part in split(zlib.compress(payload("a")), 1420, bytes.fromhex(id))))
    assert [message.short_message[0] for message in found.messages] == ["a"] * read
    assert bool(found.rejected) is not read


def test_as_a_graylog() -> None:
    """It loses the message; the reason names the client."""
    found = decode(*((part, ALICE) for part in short(zlib.compress(payload("a")), 65)), decoder=GelfDecoder("graylog"))
    assert found.messages == []
    assert {rejected.reason for rejected in found.rejected} == {Reason.CHUNK_TOO_SHORT}
    assert "npm's gelf" in found.rejected[0].detail


def test_what_does_not_fit_together() -> None:
    """Chunks of two messages with one id do not inflate: rejected, with what came."""
    first, second = (short(zlib.compress(payload(name)), 65) for name in ("a", "b"))
    found = decode(*((part, ALICE) for part in [first[0], *second[1:]]))
    assert (found.messages, [rejected.reason for rejected in found.rejected]) == ([], [Reason.CORRUPT_COMPRESSION])
