"""Bodies that are read piece by piece: their encodings are undone."""

from __future__ import annotations

import gzip
import zlib

import pytest
import zstandard

from gelf_listener.errors import Reason, Rejected
from gelf_listener.inputs.http_server.bodies import StreamInflater

TEXT = b"some protocol buffer, say; " * 20


def name(value: object) -> str | None:
    """What a test is called by: not by bytes, for gzip puts the time into them."""
    return f"{len(value)} bytes" if isinstance(value, bytes) and len(value) > 20 else None


@pytest.mark.parametrize("size", [1, 7, 10_000])
@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (TEXT, b""),
        (gzip.compress(TEXT), b"gzip"),
        (gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:]), b"gzip"),
        (zlib.compress(TEXT), b"deflate"),
    ],
    ids=name,
)
def test_piece_by_piece(body: bytes, encoding: bytes, size: int) -> None:
    inflater = StreamInflater(encoding)
    pieces = [body[at : at + size] for at in range(0, len(body), size)]
    assert b"".join(plain for piece in pieces for plain in inflater.feed(piece)) == TEXT


def test_pieces_are_bounded() -> None:
    """However well it compresses, nobody is handed it all at once."""
    inflater = StreamInflater(b"gzip")
    sizes = [len(piece) for piece in inflater.feed(gzip.compress(bytes(10_000_000)))]
    assert sum(sizes) == 10_000_000
    assert max(sizes) <= 256 * 1024


def test_damage_in_a_stream() -> None:
    with pytest.raises(Rejected) as caught:
        list(StreamInflater(b"gzip").feed(b"\x1f\x8bgarbage"))
    assert caught.value.reason is Reason.CORRUPT_COMPRESSION
    with pytest.raises(Rejected) as caught:
        StreamInflater(b"br")
    assert caught.value.reason is Reason.UNKNOWN_COMPRESSION


@pytest.mark.parametrize("step", [1, 100, 1 << 20])
def test_zstd_piece_by_piece(step: int) -> None:
    """Frames one behind the other, in pieces of bounded size; what is damaged is rejected."""
    body = zstandard.compress(b"a" * 1_000_000) + zstandard.compress(b"b")
    inflater = StreamInflater(b"zstd")
    pieces = [piece for at in range(0, len(body), step) for piece in inflater.feed(body[at : at + step])]
    assert b"".join(pieces) == b"a" * 1_000_000 + b"b"
    with pytest.raises(Rejected, match="damaged"):
        list(StreamInflater(b"zstd").feed(b"garbage"))
