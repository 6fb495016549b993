"""Chunking: reassembly from any order, any sender, within its limits and fairly."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.codec import Batch, GelfDecoder, Mode, Receipt
from gelf_listener.codec.gelf.chunking import Chunk, Reassembler, split
from gelf_listener.errors import Reason, Rejected
from gelf_listener.message import Peer

FILE = Path(__file__).parents[3] / "vectors" / "chunks" / "chunks.json"
VECTORS = [pytest.param(vector, id=vector["name"]) for vector in json.loads(FILE.read_text())]

ALICE = Peer("192.0.2.1", 1000)
MALLORY = Peer("192.0.2.66", 6666)


def chunk(message_id: int, number: int, count: int, data: bytes = b"x") -> bytes:
    return Chunk(message_id.to_bytes(8, "big"), number, count, data).serialize()


def feed(
    reassembler: Reassembler, datagrams: list[bytes], peer: Peer = ALICE, now: float = 0.0
) -> tuple[list[bytes], Batch]:
    batch = Batch()
    done = [reassembler.feed(datagram, Receipt("in", peer, now, batch)) for datagram in datagrams]
    return [payload for payload in done if payload is not None], batch


@given(st.data())
def test_any_order_any_senders_any_duplicates(data: st.DataObject) -> None:
    """Any split of messages into chunks, in any order, with duplicates, from interleaved senders, gives each back once."""
    messages = data.draw(st.lists(st.binary(min_size=2, max_size=200), min_size=1, max_size=5))
    arrivals = []
    for index, payload in enumerate(messages):
        size = data.draw(st.integers(max(13, len(payload) // 100 + 13), 60))
        peer = Peer("192.0.2.1", index)  # the same id from every sender: they must not meet
        parts = list(split(payload, size, b"same id!"))
        if parts == [payload]:
            parts = [Chunk(b"same id!", 0, 1, payload).serialize()]
        copies = data.draw(st.lists(st.sampled_from(parts[:-1]), max_size=3)) if len(parts) > 1 else []
        last = parts.pop()
        early = data.draw(st.permutations(parts + copies))
        arrivals.append([(part, peer, index) for part in [*early, last]])
    reassembler = Reassembler()
    batch = Batch()
    got: list[tuple[int, bytes]] = []
    while any(arrivals):
        queue = data.draw(st.sampled_from([queue for queue in arrivals if queue]))
        part, peer, index = queue.pop(0)
        whole = reassembler.feed(part, Receipt("in", peer, 0.0, batch))
        if whole is not None:
            got.append((index, whole))
    assert sorted(got) == sorted(enumerate(messages))
    assert batch.rejected == []
    assert len(reassembler) == 0
    assert reassembler.pending_bytes == 0


@given(st.binary(min_size=14, max_size=3000), st.integers(40, 2000))
def test_split_fits_and_joins(payload: bytes, size: int) -> None:
    """Datagrams are never larger than asked for, and join to the payload."""
    datagrams = list(split(payload, size))
    assert all(len(datagram) <= size for datagram in datagrams)
    if len(datagrams) > 1:
        assert feed(Reassembler(), datagrams[::-1])[0] == [payload]
    else:
        assert datagrams == [payload]


@pytest.mark.parametrize(("length", "count"), [(128, 128), (129, None)])
def test_split_limit(length: int, count: int | None) -> None:
    """128 chunks are the most; more is an error that says what to do."""
    if count is None:
        with pytest.raises(ValueError, match="at least 14 bytes"):
            list(split(b"x" * length, 13))
    else:
        assert len(list(split(b"x" * length, 13))) == count


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"\x1e\x0f", Reason.CHUNK_TOO_SHORT),
        (b"\x1e\x0f" + bytes(9), Reason.CHUNK_TOO_SHORT),
        (chunk(1, 0, 0), Reason.CHUNK_COUNT_OUT_OF_RANGE),
        (chunk(1, 0, 129), Reason.CHUNK_COUNT_OUT_OF_RANGE),
        (chunk(1, 0, 255), Reason.CHUNK_COUNT_OUT_OF_RANGE),
        (chunk(1, 2, 2), Reason.CHUNK_NUMBER_OUT_OF_RANGE),
        (chunk(1, 200, 128), Reason.CHUNK_NUMBER_OUT_OF_RANGE),
    ],
)
def test_bad_headers(datagram: bytes, reason: Reason) -> None:
    """Short headers (pino-gelf) and numbers out of range (telegraf) are rejected; nothing becomes pending."""
    reassembler = Reassembler()
    with pytest.raises(Rejected) as rejected:
        reassembler.feed(datagram, Receipt("in", ALICE, 0.0, Batch()))
    assert rejected.value.reason is reason
    assert len(reassembler) == 0


def test_empty_chunks_and_one_of_one() -> None:
    """An empty last chunk (go-gelf, Serilog, gelf-pro) and a single chunk (graypy) are legal."""
    reassembler = Reassembler()
    assert feed(reassembler, [chunk(1, 1, 2, b""), chunk(1, 0, 2, b"all")])[0] == [b"all"]
    assert feed(reassembler, [chunk(2, 0, 1, b"one")])[0] == [b"one"]
    assert reassembler.counters.complete_messages == 2


def test_first_copy_wins_and_duplicates_are_counted() -> None:
    """A second copy of a chunk changes nothing, also when the first was empty (kinesyslog)."""
    reassembler = Reassembler()
    done, batch = feed(reassembler, [chunk(1, 0, 2, b""), chunk(1, 0, 2, b"second"), chunk(1, 1, 2, b"end")])
    assert done == [b"end"]
    assert reassembler.counters.duplicate_chunks == 1
    assert batch.rejected == []


def test_id_may_be_used_again() -> None:
    """An id is forgotten on completion (Serilog makes ids from the message's MD5)."""
    reassembler = Reassembler()
    parts = [chunk(1, 0, 2, b"a"), chunk(1, 1, 2, b"b")]
    assert feed(reassembler, parts * 3)[0] == [b"ab"] * 3


def test_ids_that_look_alike_as_decimals() -> None:
    """Ids that collide when their bytes are joined as decimals (gelfd2) are told apart."""
    reassembler = Reassembler()
    one, two = bytes([1, 11, 0, 0, 0, 0, 0, 0]), bytes([11, 1, 0, 0, 0, 0, 0, 0])
    first = [Chunk(one, 0, 2, b"1").serialize(), Chunk(two, 0, 2, b"2").serialize()]
    last = [Chunk(one, 1, 2, b"1").serialize(), Chunk(two, 1, 2, b"2").serialize()]
    assert feed(reassembler, first + last)[0] == [b"11", b"22"]


def test_count_that_changes_is_rejected() -> None:
    """A later chunk with another count is refused; the message can still complete."""
    reassembler = Reassembler()
    feed(reassembler, [chunk(1, 0, 2, b"a")])
    with pytest.raises(Rejected) as rejected:
        feed(reassembler, [chunk(1, 1, 3)])
    assert rejected.value.reason is Reason.CHUNK_COUNT_MISMATCH
    assert feed(reassembler, [chunk(1, 1, 2, b"b")])[0] == [b"ab"]


@pytest.mark.parametrize(("now", "complete"), [(5.0, True), (5.001, False)])
def test_expiry(now: float, complete: bool) -> None:
    """Chunks may take five seconds from the first; later ones begin a new message."""
    reassembler = Reassembler()
    feed(reassembler, [chunk(1, 0, 2, b"a")])
    feed(reassembler, [chunk(2, 0, 2, b"later")], now=4.0)
    done, batch = feed(reassembler, [chunk(1, 1, 2, b"b")], now=now)
    assert done == ([b"ab"] if complete else [])
    assert [rejection.reason for rejection in batch.rejected] == ([] if complete else [Reason.CHUNKS_INCOMPLETE])
    assert reassembler.counters.expired_messages == (not complete)
    assert feed(reassembler, [chunk(2, 1, 2, b"!")], now=now)[0] == [b"later!"]


def test_expire_without_traffic() -> None:
    """The clock alone lets incomplete messages go, with peer and excerpt."""
    reassembler = Reassembler()
    feed(reassembler, [chunk(1, 1, 3, b"middle")])
    batch = Batch()
    reassembler.expire(Receipt("in", None, 10.0, batch))
    (rejection,) = batch.rejected
    assert rejection.reason is Reason.CHUNKS_INCOMPLETE
    assert rejection.peer == ALICE
    assert rejection.payload == b"middle"
    assert reassembler.pending_bytes == 0


@pytest.mark.parametrize(("pending", "evicted"), [(9, 0), (10, 0), (11, 1)])
def test_pending_limit(pending: int, evicted: int) -> None:
    """At the limit everything is kept, one over lets the oldest go, and an honest message still completes."""
    reassembler = Reassembler(max_messages=10)
    _, batch = feed(reassembler, [chunk(number, 0, 2) for number in range(pending)])
    assert len(batch.rejected) == evicted
    assert len(reassembler) == min(pending, 10)
    assert feed(reassembler, [chunk(99, 0, 2, b"a"), chunk(99, 1, 2, b"b")])[0] == [b"ab"]


@pytest.mark.parametrize(("size", "fits"), [(100, True), (101, False)])
def test_message_limit(size: int, fits: bool) -> None:
    """A message may have as many bytes as the limit says."""
    reassembler = Reassembler(max_message_bytes=100)
    parts = [chunk(1, 0, 3, b"x" * 50), chunk(1, 1, 3, b"x" * (size - 50))]
    if fits:
        feed(reassembler, parts)
        assert len(reassembler) == 1
    else:
        with pytest.raises(Rejected) as rejected:
            feed(reassembler, parts)
        assert rejected.value.reason is Reason.PAYLOAD_TOO_LARGE
        assert len(reassembler) == 0
    assert feed(reassembler, [chunk(2, 0, 2, b"a"), chunk(2, 1, 2, b"b")])[0] == [b"ab"]


@pytest.mark.parametrize("forged", [1, 500], ids=["one_address", "many_addresses"])
def test_a_flood_cannot_evict_an_honest_message(forged: int) -> None:
    """However much others leave incomplete, a sender with little pending keeps it (sqelf drops all at 1024)."""
    reassembler = Reassembler(max_messages=1000)
    honest = [chunk(7, 0, 2, b"honest "), chunk(7, 1, 2, b"message")]
    feed(reassembler, honest[:1])
    evicted: list[Rejected] = []
    for number in range(20_000):
        peer = Peer(f"10.0.{number % forged // 250}.{number % forged % 250}", number % 60_000)
        evicted += feed(reassembler, [chunk(number, 0, 2)], peer)[1].rejected
        assert len(reassembler) <= 1000
    assert all(rejection.peer is not None and rejection.peer.host.startswith("10.") for rejection in evicted)
    assert feed(reassembler, honest[1:])[0] == [b"honest message"]


def test_bytes_are_shared_fairly_too() -> None:
    """A few huge incomplete messages weigh as much as many small ones."""
    reassembler = Reassembler(max_bytes=10_000_000)
    feed(reassembler, [chunk(7, 0, 2, b"honest")])
    for number in range(2000):
        feed(reassembler, [chunk(number, part, 128, b"x" * 60_000) for part in range(2)], MALLORY)
        assert reassembler.pending_bytes <= 10_000_000 + 60_000
    assert feed(reassembler, [chunk(7, 1, 2, b"!")])[0] == [b"honest!"]
    assert reassembler.counters.evicted_messages > 1000


def test_flood_memory_stays_within_the_caps() -> None:
    """A hundred thousand incomplete messages of a kilobyte take no more memory than the limit allows."""
    reassembler = Reassembler(max_messages=4096, max_bytes=2_000_000)
    tracemalloc.start()
    try:
        for number in range(20_000):
            feed(reassembler, [chunk(number, 0, 2, b"x" * 1000)], MALLORY)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert reassembler.pending_bytes <= 2_000_000 + 1000
    assert peak < 6_000_000, f"peak {peak} bytes"


def arrival(step: dict[str, Any]) -> tuple[bytes, Peer, float]:
    """Return what arrives, from whom and when."""
    host, _, port = step.get("peer", "192.0.2.1:1000").partition(":")
    if "hex" in step:
        datagram = bytes.fromhex(step["hex"])
    else:
        message_id = bytes.fromhex(step["id_hex"]) if "id_hex" in step else step["id"].encode()
        datagram = Chunk(message_id, step["number"], step["count"], step["text"].encode()).serialize()
    return datagram, Peer(host, int(port)), step.get("at", 0)


@pytest.mark.parametrize("vector", VECTORS)
def test_vector(vector: dict[str, Any]) -> None:
    """Chunks become the payloads, rejections and counters that their vector says."""
    reassembler = Reassembler()
    batch = Batch()
    payloads = []
    for step in vector["arrive"]:
        datagram, peer, now = arrival(step)
        try:
            payloads.append(reassembler.feed(datagram, Receipt("in", peer, now, batch)))
        except Rejected as rejected:
            batch.rejected.append(rejected)
    assert [payload.decode() for payload in payloads if payload is not None] == vector["payloads"]
    assert [rejected.reason.value for rejected in batch.rejected] == vector["rejected"]
    assert len(reassembler) == vector["pending"]
    for name, value in vector["counters"].items():
        assert getattr(reassembler.counters, name) == value, name


@pytest.mark.parametrize("mode", ["lenient", "graylog"])
@pytest.mark.parametrize("vector", VECTORS)
def test_vector_through_the_decoder(mode: Mode, vector: dict[str, Any]) -> None:
    """The decoder raises for none of them, and reports the same rejections with peer and input."""
    decoder = GelfDecoder(mode, "test")
    batch = Batch()
    for step in vector["arrive"]:
        datagram, peer, now = arrival(step)
        decoder.decode(datagram, 1e9 + now, peer, batch)
    expected = vector | vector.get("graylog", {}) if mode == "graylog" else vector
    reasons = [rejected.reason.value for rejected in batch.rejected]
    assert [reason for reason in reasons if reason.startswith("chunk")] == expected["rejected"]
    assert len(reasons) == len(expected["rejected"]) + len(expected["payloads"])  # the payloads are not JSON
    assert all(rejected.peer is not None and rejected.input == "test" for rejected in batch.rejected)
