"""Framing: where a message ends in a stream, however the reads are cut."""

from __future__ import annotations

import gzip
import json
import time
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.codec import Batch, Receipt
from gelf_listener.codec.framing.gelf_frames import GelfFramer
from gelf_listener.errors import Reason, Rejected

FILE = Path(__file__).parents[3] / "vectors" / "framing" / "streams.json"
VECTORS = [pytest.param(vector, id=vector["name"]) for vector in json.loads(FILE.read_text())]


def stream_of(vector: dict[str, Any]) -> bytes:
    parts = vector["stream"] if isinstance(vector["stream"], list) else [vector["stream"]]
    stream = b""
    for part in parts:
        if isinstance(part, str):
            stream += part.encode()
        elif "zlib" in part:
            stream += zlib.compress(part["zlib"].encode())[: part.get("cut")]
        else:
            stream += gzip.compress(part["gzip"].encode())[: part.get("cut")]
    return stream


def receipt() -> Receipt:
    return Receipt("in", None, 0.0, Batch())


def frames_of(pieces: list[bytes], **limits: int) -> tuple[list[bytes], list[Rejected]]:
    framer = GelfFramer(**limits)
    taken = receipt()
    frames = []
    for piece in pieces:
        frames += framer.feed(piece, taken)
    frames += framer.feed_eof(taken)
    assert framer.pending_bytes == 0
    return [frame.strip() for frame in frames], taken.batch.rejected


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16, 10_000])
@pytest.mark.parametrize("vector", VECTORS)
def test_vector(vector: dict[str, Any], size: int) -> None:
    """A stream gives its frames whole, byte by byte, and in pieces of any size."""
    stream = stream_of(vector)
    frames, rejected = frames_of([stream[start : start + size] for start in range(0, len(stream), size)])
    assert frames == [frame.encode() for frame in vector["frames"]]
    assert [rejection.reason.value for rejection in rejected] == vector.get("rejected", [])


@given(st.data(), st.lists(st.sampled_from(["{}", '{"a":1}', '{"b":"x y"}', '{\n"c":[1,2]\n}']), max_size=20))
def test_reads_may_be_cut_anywhere(data: st.DataObject, documents: list[str]) -> None:
    """Any cutting of a NUL-delimited stream into reads gives the same frames."""
    stream = b"".join(document.encode() + b"\0" for document in documents)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=10)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    frames, rejected = frames_of([piece for piece in pieces if piece])
    assert frames == [document.encode() for document in documents]
    assert rejected == []


@given(
    st.lists(
        st.binary(min_size=1, max_size=40) | st.sampled_from([b"\0", b"\n", b"{", b"}", b"x\x9c", b"\x1f\x8b", b"5 {"]),
        max_size=30,
    )
)
def test_no_bytes_raise(pieces: list[bytes]) -> None:
    """Whatever a peer sends, the framer answers with frames and rejections."""
    frames, rejected = frames_of(pieces, max_frame_bytes=64, max_payload_bytes=64)
    assert all(len(frame) <= 64 for frame in frames)
    assert all(isinstance(rejection, Rejected) for rejection in rejected)


@pytest.mark.parametrize("delimiter", [b"\0", b"\n"])
@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(("length", "fits"), [(100, True), (101, False)])
def test_frame_limit(delimiter: bytes, size: int, length: int, fits: bool) -> None:
    """A frame at the limit passes, one over is rejected once, and the next honest one passes."""
    long = b'{"a":"' + b"x" * (length - 8) + b'"}'
    assert len(long) == length
    stream = b'{"first":1}' + delimiter + long + delimiter + b'{"last":1}' + delimiter
    pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
    frames, rejected = frames_of(pieces, max_frame_bytes=100)
    assert frames == [b'{"first":1}', *([long] if fits else []), b'{"last":1}']
    assert [rejection.reason for rejection in rejected] == ([] if fits else [Reason.FRAME_TOO_LARGE])


def test_no_delimiter_for_ever_stays_within_the_limit() -> None:
    """A peer that never ends its frame does not make us hold more than the limit."""
    framer = GelfFramer(max_frame_bytes=10_000)
    receipt = Receipt("in", None, 0.0, Batch())
    for _ in range(1000):
        assert framer.feed(b"{" + b"x" * 999, receipt) == []
        assert framer.pending_bytes <= 11_000
    assert [rejection.reason for rejection in receipt.batch.rejected] == [Reason.FRAME_TOO_LARGE]
    assert framer.feed(b'"}\0{"honest":1}\0', receipt) == [b'{"honest":1}']


@pytest.mark.parametrize(("size", "fits"), [(1000, True), (1001, False)])
def test_compressed_frame_limit(size: int, fits: bool) -> None:
    """Inflating inside the stream is bounded by its output; an honest frame afterwards passes."""
    bomb = zlib.compress(b"{" + b" " * (size - 2) + b"}")
    frames, rejected = frames_of([bomb + b"\0" + b'{"honest":1}\0'], max_payload_bytes=1000)
    assert frames[-1] == b'{"honest":1}'
    assert len(frames) == (2 if fits else 1)
    assert [rejection.reason for rejection in rejected] == ([] if fits else [Reason.PAYLOAD_TOO_LARGE])


def test_damaged_compressed_frame() -> None:
    """A damaged compressed frame is rejected and skipped up to its NUL."""
    frames, rejected = frames_of([b"\x1f\x8b\x09\x01garbage\0" + b'{"honest":1}\0'])
    assert frames == [b'{"honest":1}']
    assert [rejection.reason for rejection in rejected] == [Reason.CORRUPT_COMPRESSION]


def test_octet_count_limit() -> None:
    """A count beyond the limit is rejected without waiting for the bytes."""
    frames, rejected = frames_of([b"999999999 {", b'"a":1}\0{"honest":1}\0'], max_frame_bytes=1000)
    assert frames == [b'{"honest":1}']
    assert [rejection.reason for rejection in rejected] == [Reason.FRAME_TOO_LARGE]


def test_a_slow_stream_costs_no_second_look() -> None:
    """Bytes that were searched are not searched again: feeding them one by one stays linear."""
    framer = GelfFramer()
    for _ in range(50_000):
        framer.feed(b"x", receipt())
    assert framer._searched == framer.pending_bytes == 50_000


def test_octet_counted_frame_beyond_the_limit_is_skipped_by_its_count() -> None:
    """Frames behind one that is too long are found again although nothing delimits them."""
    stream = b"1500 {" + b"x" * 1499 + b'12 {"honest":1}'
    for size in (1, 100, len(stream)):
        pieces = [stream[start : start + size] for start in range(0, len(stream), size)]
        frames, rejected = frames_of(pieces, max_frame_bytes=1000)
        assert frames == [b'{"honest":1}']
        assert [rejection.reason for rejection in rejected] == [Reason.FRAME_TOO_LARGE]


def test_a_slow_bomb_holds_no_more_than_it_sent() -> None:
    """A compressed frame that never ends is held as it came, not inflated."""
    bomb = zlib.compress(b"\0" * 4_000_000)
    framer = GelfFramer()
    assert framer.feed(bomb[:-1], receipt()) == []
    assert framer.pending_bytes < len(bomb)


def test_many_frames_in_one_read_cost_in_proportion() -> None:
    """Blank bytes in front of each frame (log4j2 with both delimiters) make no copy of the rest of the read."""
    costs = []
    for count in (5_000, 20_000):
        data = b'\n{"a":1}\0' * count
        best = float("inf")
        for _ in range(3):
            framer = GelfFramer()
            started = time.process_time()
            assert len(framer.feed(data, receipt())) == count
            best = min(best, time.process_time() - started)
        costs.append(best)
    assert costs[1] < 10 * costs[0] + 0.05, costs


def test_a_long_counted_frame_in_small_reads_costs_in_proportion() -> None:
    """Waiting for the rest of an octet-counted frame looks at its beginning only."""
    costs = []
    for size in (200_000, 800_000):
        data = b"%d {" % size + b"x" * (size - 1)
        best = float("inf")
        for _ in range(3):
            framer = GelfFramer()
            started = time.process_time()
            for start in range(0, len(data), 500):
                framer.feed(data[start : start + 500], receipt())
            best = min(best, time.process_time() - started)
        costs.append(best)
    assert costs[1] < 10 * costs[0] + 0.05, costs


PIECES = [
    '{"a":1}',
    '{"a":NaN}',
    "{",
    "}",
    "[1,2]",
    '"x',
    "\n",
    "\0",
    "\0\n",
    "\r\n",
    " ",
    "text",
    "<14>x",
    "7 {",
    "12 ",
    "9",
]


@given(
    st.data(),
    st.lists(
        st.sampled_from(PIECES).map(str.encode)
        | st.sampled_from([zlib.compress(b'{"z":"a"}'), gzip.compress(b"{}", mtime=0), b"x\x9c!", b"\x1f", b"x"]),
        max_size=12,
    ),
)
def test_cutting_makes_no_difference(data: st.DataObject, parts: list[bytes]) -> None:
    """Whatever the stream, its frames depend on its bytes and not on how they were read."""
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
    pieces = [stream[start:end] for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole = frames_of([stream] if stream else [])
    for cut in ([piece for piece in pieces if piece], [stream[at : at + 1] for at in range(len(stream))]):
        frames, rejected = frames_of(cut)
        assert frames == whole[0]
        assert [rejection.reason for rejection in rejected] == [rejection.reason for rejection in whole[1]]
