"""GelfDecoder: no bytes raise, messages keep their laws, floods stay cheap."""

from __future__ import annotations

import gzip
import re
import string
import tracemalloc
import zlib
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.codec import Batch, GelfDecoder, Limits, Mode
from gelf_listener.codec.gelf import lenient
from gelf_listener.codec.gelf.chunking import split
from gelf_listener.codec.gelf.decoder import MOST_A_DATAGRAM
from gelf_listener.codec.gelf.normaliser import MAX_FIELDS
from gelf_listener.codec.gelf.tolerant import MAX_VALUES
from gelf_listener.codec.inflater import MAX_BOMBS_A_SECOND
from gelf_listener.codec.levels import severity_of_number
from gelf_listener.codec.times import to_seconds
from gelf_listener.errors import Reason
from gelf_listener.message import Message, Peer
from gelf_listener.notes import Deviation

PEER = Peer("192.0.2.1", 5000)
NAME = re.compile(r"[A-Za-z0-9_.@-]+")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
keys = st.sampled_from(
    [
        "version",
        "host",
        "short_message",
        "full_message",
        "timestamp",
        "level",
        "message",
        "source",
        "_id",
        "_a",
        "b",
        "_c d",
        "",
        "_",
    ]
) | st.text(max_size=10)
documents = st.dictionaries(keys, json_values, max_size=10)


def decode(payload: bytes, mode: str = "lenient", limits: Limits | None = None) -> Batch:
    decoder = GelfDecoder(mode, "test", limits or Limits())  # type: ignore[arg-type]
    batch = Batch()
    decoder.decode(payload, 1e9, PEER, batch)
    return batch


def check_laws(message: Message) -> None:
    assert isinstance(message.host, str)
    assert message.host
    assert isinstance(message.short_message, str)
    assert message.full_message is None or isinstance(message.full_message, str)
    assert isinstance(message.timestamp, float)
    for name, value in message.fields.items():
        assert NAME.fullmatch(name), name
        assert type(value) in (str, int, float, bool)
    line = message.to_gelf()
    assert b"\n" not in line
    document = msgspec.json.decode(line)
    assert document["short_message"] == message.short_message
    line.decode("utf-8")


@pytest.mark.parametrize("mode", ["lenient", "graylog"])
@given(
    st.binary(max_size=300)
    | st.text(alphabet='{}[]",:\\nu0123456789eE+-.truefalsn \0\n\ufeff', max_size=100).map(str.encode)
)
def test_no_bytes_raise(mode: str, payload: bytes) -> None:
    """Any bytes become messages and rejections, each with a reason, the peer and an excerpt."""
    batch = decode(payload, mode)
    assert batch
    for rejection in batch.rejected:
        assert rejection.peer == PEER
        assert rejection.payload_bytes <= len(payload) * 3  # replaced characters grow
    for message in batch.messages:
        check_laws(message)


@pytest.mark.parametrize("mode", ["lenient", "graylog"])
@given(documents)
def test_any_document(mode: str, document: dict[str, Any]) -> None:
    """Any JSON object is decoded or rejected; what is decoded keeps the laws."""
    import json

    batch = decode(json.dumps(document).encode(), mode)
    assert len(batch.messages) + len(batch.rejected) == 1
    for message in batch.messages:
        check_laws(message)


@given(documents)
def test_lenient_is_idempotent(document: dict[str, Any]) -> None:
    """A repaired message, written and decoded again, is the same message."""
    import json

    for message in decode(json.dumps(document).encode()).messages:
        again = decode(message.to_gelf()).messages[0]
        assert again.host == message.host
        assert again.short_message == message.short_message
        assert again.full_message == message.full_message
        assert again.timestamp == message.timestamp
        assert again.level == message.level
        assert again.fields == message.fields


@given(
    st.text(alphabet=string.ascii_letters, min_size=1, max_size=10),
    st.text(min_size=1, max_size=50),
    st.integers(0, 7) | st.none(),
    st.dictionaries(
        st.text(alphabet=string.ascii_lowercase, min_size=1, max_size=8).map(lambda name: "_x" + name),
        st.text(max_size=10) | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False),
        max_size=8,
    ),
)
def test_clean_messages_need_no_mending(host: str, text: str, level: int | None, fields: dict[str, Any]) -> None:
    """A clean GELF 1.1 message is taken as it is, the first time (careful path) and the second (fast path)."""
    document = {"version": "1.1", "host": host, "short_message": "m" + text, "timestamp": 1700000000.25, **fields}
    if level is not None:
        document["level"] = level
    payload = msgspec.json.encode(document)
    decoder = GelfDecoder("lenient", "test")
    batch = Batch()
    for _ in range(2):
        decoder.decode(payload, 1e9, PEER, batch)
    assert batch.rejected == []
    first, second = batch.messages
    for message in (first, second):
        assert message.short_message == "m" + text
        assert message.level == level
        assert message.fields == {name[1:]: value for name, value in fields.items()}
        assert message.notes == ()
    assert second.exact
    assert second.to_gelf() == payload


def test_fast_and_careful_paths_agree_on_utf8() -> None:
    """The fast path does not let invalid UTF-8 in a skipped field pass."""
    decoder = GelfDecoder("lenient", "test")
    batch = Batch()
    payload = b'{"version":"1.1","host":"h","short_message":"x","timestamp":1.5,"_a":"\xff"}'
    for _ in range(2):
        decoder.decode(payload, 1e9, PEER, batch)
    assert [message.fields for message in batch.messages] == [{"a": "\ufffd"}] * 2
    assert not any(message.exact for message in batch.messages)


def test_pretty_printed_is_not_exact() -> None:
    """A payload over several lines is encoded again, because files have a line a message."""
    payload = b'{"version":"1.1","host":"h",\n"short_message":"x","timestamp":1.5}'
    decoder = GelfDecoder("lenient", "test")
    batch = Batch()
    for _ in range(2):
        decoder.decode(payload, 1e9, PEER, batch)
    for message in batch.messages:
        check_laws(message)


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
@pytest.mark.parametrize("mode", ["lenient", "graylog"])
def test_inflated_limit(mode: str, size: int, fits: bool) -> None:
    """A compressed payload, whole or in chunks, is bounded by what it inflates to."""
    payload = b'{"host":"h","short_message":"' + b"x" * (size - 31) + b'"}'
    assert len(payload) == size
    for datagrams in ([zlib.compress(payload)], list(split(zlib.compress(payload), 30))):
        decoder = GelfDecoder(mode, "test", Limits(max_payload_bytes=1000))  # type: ignore[arg-type]
        batch = Batch()
        for datagram in datagrams:
            decoder.decode(datagram, 1e9, PEER, batch)
        assert len(batch.messages) == fits
        assert [rejection.reason for rejection in batch.rejected] == ([] if fits else [Reason.PAYLOAD_TOO_LARGE])
        decoder.decode(zlib.compress(b'{"host":"h","short_message":"honest"}'), 1e9, PEER, batch)
        assert batch.messages[-1].short_message == "honest"


def test_chunk_in_chunk() -> None:
    """A reassembled payload that is a chunk again is rejected (gelfd2 recursed)."""
    inner = b"\x1e\x0f" + b"innerid!" + bytes([0, 2]) + b"x"
    decoder = GelfDecoder("lenient", "test")
    batch = Batch()
    for datagram in split(inner * 3, 20):
        decoder.decode(datagram, 1e9, PEER, batch)
    assert [rejection.reason for rejection in batch.rejected] == [Reason.CHUNK_NESTED]


@pytest.mark.parametrize("extra", [-1, 0, 1])
@pytest.mark.parametrize("version", ['"1.1"', '"1.1","_nested":{"a":1}'], ids=["flat", "nested"])
def test_field_limit(extra: int, version: str) -> None:
    """Up to the limit every field is kept; beyond it the rest is in the raw payload, and a note says so."""
    count = MAX_FIELDS + extra - (1 if "nested" in version else 0)
    fields = ",".join(f'"_a{number}":1' for number in range(count))
    payload = f'{{"version":{version},"host":"h","short_message":"x","timestamp":1.5,{fields}}}'.encode()
    (message,) = decode(payload).messages
    assert len(message.fields) == min(MAX_FIELDS, MAX_FIELDS + extra)
    assert any(note.deviation is Deviation.TOO_MANY_FIELDS for note in message.notes) == (extra > 0)
    assert message.raw == payload


def test_bombs_cost_their_sender_room() -> None:
    """After a few bombs a sender's payloads get little room for the second; other senders keep theirs."""
    decoder = GelfDecoder("lenient", "test")
    batch = Batch()
    bomb = zlib.compress(b" " * 9_000_000)
    big = zlib.compress(b'{"host":"h","short_message":"' + b"x" * 3_000_000 + b'"}')
    small = zlib.compress(b'{"host":"h","short_message":"small"}')
    for _ in range(MAX_BOMBS_A_SECOND + 1):
        decoder.decode(bomb, 1000.0, PEER, batch)
    assert [rejection.reason for rejection in batch.rejected] == [Reason.PAYLOAD_TOO_LARGE] * (MAX_BOMBS_A_SECOND + 1)
    decoder.decode(small, 1000.5, PEER, batch)
    decoder.decode(big, 1000.5, Peer("192.0.2.2", 1), batch)
    assert len(batch.messages) == 2
    decoder.decode(big, 1000.5, PEER, batch)
    assert len(batch.messages) == 2
    decoder.decode(big, 1001.0, PEER, batch)
    assert len(batch.messages) == 3


@pytest.mark.parametrize(("count", "rejected"), [(MAX_VALUES, 0), (MAX_VALUES + 1, 1)])
def test_objects_of_one_payload(count: int, rejected: int) -> None:
    """One body cannot become a million messages."""
    batch = decode(b'{"short_message":"a"}' * count)
    assert len(batch.messages) == MAX_VALUES
    assert len(batch.rejected) == rejected


def test_flattening_does_not_multiply() -> None:
    """A long name over many inner fields is not repeated for each of them."""
    inner = b",".join(b'"k%d":1' % number for number in range(2000))
    payload = b'{"short_message":"x","' + b"n" * 2000 + b'":{' + inner + b"}}"
    (message,) = decode(payload).messages
    assert sum(len(name) for name in message.fields) < 3 * len(payload)


def test_garbage_is_soon_not_looked_at() -> None:
    """A sender of garbage loses the tolerant parser for the second, others keep it, and so does he afterwards."""
    decoder = GelfDecoder("lenient", "test")
    batch = Batch()
    mendable = b'{"host":"h","short_message":"x",}'
    for _ in range(lenient.MAX_FAILURES_A_SECOND + 1):
        decoder.decode(b"{garbage", 1000.0, PEER, batch)
    decoder.decode(mendable, 1000.5, PEER, batch)
    assert batch.messages == []
    assert "not looked at closely" in batch.rejected[-1].detail
    decoder.decode(mendable, 1000.5, Peer("192.0.2.2", 1), batch)
    decoder.decode(mendable, 1001.0, PEER, batch)
    assert len(batch.messages) == 2
    assert len(batch.rejected) == lenient.MAX_FAILURES_A_SECOND + 2


SIZES = (20_000, 40_000)
HOSTILE = {
    "escaped_quotes": lambda size: b"{" + b'"\\' * (size // 2),
    "open_objects_in_lines": lambda size: b"{\n" * (size // 2),
    "open_strings": lambda size: b'{"' * (size // 2),
    "backslashes": lambda size: b'{"' + b"\\" * size,
    "commas": lambda size: b"{" + b"," * size,
    "nans": lambda size: b'{"short_message":"x","_a":[' + b"nan," * (size // 4) + b"]}",
    "brackets": lambda size: b"[" * size,
    "empty_arrays": lambda size: b"[" + b"[]," * (size // 3) + b"[]]",
    "empty_objects": lambda size: b"{}" * (size // 2),
    "quotes": lambda size: b'"' * size,
    "numbers": lambda size: b"1 " * (size // 2),
    "digits": lambda size: b'{"short_message":"x","_a":' + b"1" * size + b"}",
    "trailing_commas": lambda size: b'{"message":"a",}\n' * (size // 17),
    "bad_lines": lambda size: b'{"message":"a"\n' * (size // 15),
    "fields": lambda size: b'{"short_message":"x"' + b"".join(b',"_f%d":1' % n for n in range(size // 10)) + b"}",
    "nulls": lambda size: b'{"short_message":"x"' + b"".join(b',"_f%d":null' % n for n in range(size // 13)) + b"}",
    "bare_nans": lambda size: b'{"short_message":"x"' + b"".join(b',"_f%d":nan' % n for n in range(size // 12)) + b"}",
    "one_name": lambda size: (
        b'{"short_message":"x","_a":0' + b"".join(b',"_\xc3%c":1' % (128 + n % 64) for n in range(size // 7)) + b"}"
    ),
    "wide_objects": lambda size: (
        b'{"short_message":"x","version":1,"_a":{' + b",".join(b'"k%d":{"a":1}' % n for n in range(size // 14)) + b"}}"
    ),
    "huge_key": lambda size: (
        b'{"short_message":"x","'
        + b"k" * (size // 2)
        + b'":{'
        + b",".join(b'"%d":1' % n for n in range(size // 16))
        + b"}}"
    ),
    "byte_order_marks": lambda size: b"\xef\xbb\xbf" * (size // 3),
    "invalid_utf8": lambda size: b"\xff" * size,
    "controls": lambda size: b'{"short_message":"x","_a":[' + b'"\x01",' * (size // 4) + b'""]}',
    "gzip_members": lambda size: gzip.compress(b"{", mtime=0) * (size // 21),
}


@pytest.mark.parametrize("mode", ["lenient", "graylog"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_payloads_cost_in_proportion(mode: str, name: str) -> None:
    """Twice the payload costs about twice the steps: no backtracking, no rescans."""
    steps = []
    for size in SIZES:
        payload = HOSTILE[name](size)
        import time

        best = float("inf")
        for _ in range(3):
            started = time.process_time()
            decode(payload, mode)
            best = min(best, time.process_time() - started)
        steps.append(best)
    assert steps[1] < 3.5 * steps[0] + 0.05, steps


@pytest.mark.parametrize("mode", ["lenient", "graylog"])
@pytest.mark.parametrize("unit", [b"{}", b"[],", b'{"message":"a"}', b"1 ", b'"', b'{"', b'{"a":', b"\\"])
def test_eight_mebibytes_of_anything(mode: Mode, unit: bytes) -> None:
    """A body at the limit becomes a bounded number of messages and rejections, in bounded memory."""
    payload = unit * (8 * 1024 * 1024 // len(unit))
    tracemalloc.start()
    try:
        batch = decode(payload, mode)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(batch.messages) + len(batch.rejected) <= MAX_VALUES + 1
    assert peak < 150_000_000, f"peak {peak} bytes"


@pytest.mark.parametrize(
    ("number", "severity"),
    [
        (0, 0),
        (7, 7),
        (8, 7),
        (10, 7),
        (20, 6),
        (25, 5),
        (30, 4),
        (35, 4),
        (40, 3),
        (50, 2),
        (100, 2),
        (101, None),
        (-1, None),
    ],
)
def test_severities(number: int, severity: int | None) -> None:
    """Python's level numbers become severities; nothing else is guessed."""
    assert severity_of_number(number) == severity


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, (1.0, "seconds")),
        (99_999_999_999, (99_999_999_999, "seconds")),
        (100_000_000_000, (100_000_000.0, "milliseconds")),
        (1e14, (100_000_000.0, "microseconds")),
        (1e17, (100_000_000.0, "nanoseconds")),
        (1e20, None),
        (0, None),
        (-1, None),
        (float("inf"), None),
        (float("nan"), None),
    ],
)
def test_units(value: float, expected: object) -> None:
    """The unit of a timestamp is told from its size."""
    assert to_seconds(value) == expected


@pytest.mark.parametrize(
    ("text", "exact"),
    [(r"\ud83d\ude00", True), (r"\uD83D\uDE00 \u2717", True), (r"\ud83d", False), (r"\ude00\ud83d", False)],
)
def test_surrogates_in_skipped_fields(text: str, exact: bool) -> None:
    """Whole pairs are passed on as they came, halves are not."""
    payload = f'{{"version":"1.1","host":"h","short_message":"x","timestamp":1.5,"_a":"{text}"}}'.encode()
    (message,) = decode(payload).messages
    assert message.exact == exact
    check_laws(message)


@pytest.mark.parametrize("mode", ["lenient", "graylog"])
def test_empty_datagrams_among_others(mode: Mode) -> None:
    """A datagram without bytes is a rejection like any other, and costs the others nothing."""
    datagrams = [
        b"",
        b'{"host":"h","short_message":"a"}',
        b"",
        zlib.compress(b'{"host":"h","short_message":"b"}'),
        b"\0",
    ]
    for way in ("decode_all", "decode_datagrams"):
        decoder = GelfDecoder(mode, "test")
        batch = Batch()
        if way == "decode_all":
            decoder.decode_all([(datagram, PEER) for datagram in datagrams], 1e9, batch)
        else:
            decoder.decode_datagrams(datagrams, [PEER] * len(datagrams), 1e9, batch)
        assert [message.short_message for message in batch.messages] == ["a", "b"]
        assert [rejected.reason for rejected in batch.rejected][:2] == [Reason.EMPTY_PAYLOAD] * 2
        assert len(batch.rejected) == 3


def test_one_bad_element_costs_a_bulk_sender_little() -> None:
    """An array with one bad element among many good ones does not close the tolerant parser for its sender."""
    decoder = GelfDecoder("lenient", "test")
    body = (
        b"["
        b'{"host":"h","short_message":"'
        + b"x" * 300_000
        + b'"},'
        + b'{"host":"h","short_message":"y"},' * 2000
        + b"{}]"
    )
    for _ in range(3):
        batch = Batch()
        decoder.decode(body, 1e9, PEER, batch)
        assert len(batch.messages) == 2001
        assert [rejected.reason for rejected in batch.rejected] == [Reason.NO_MESSAGE]


@pytest.mark.parametrize("compress", [bytes, zlib.compress])
def test_a_datagram_of_very_many_messages(compress: Any) -> None:
    """Nothing can interrupt its decoding: so many are taken, and the rest is one rejection. A frame or body has no such limit."""
    for count in (MOST_A_DATAGRAM, MOST_A_DATAGRAM + 1):
        datagram = compress(b"\n".join([b'{"short_message":"d%d"}' % number for number in range(count)]))
        batch = Batch()
        GelfDecoder("lenient", "u").decode_datagrams([datagram, b'{"short_message":"next"}'], [PEER, PEER], 1e9, batch)
        assert [message.short_message for message in batch.messages] == [
            *(f"d{number}" for number in range(MOST_A_DATAGRAM)),
            "next",
        ]
        assert [rejected.reason for rejected in batch.rejected] == [Reason.TOO_COMPLEX] * (count - MOST_A_DATAGRAM)
        batch = Batch()
        GelfDecoder("lenient", "t").decode_all([(datagram, PEER)], 1e9, batch)
        assert (len(batch.messages), batch.rejected) == (count, [])
