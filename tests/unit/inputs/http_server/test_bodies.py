"""Content encodings: undone within bounds, and only where the bytes agree."""

from __future__ import annotations

import gzip
import zlib

import pytest
import zstandard

from gelf_listener.codec import Batch, Receipt
from gelf_listener.codec.inflater import Inflater
from gelf_listener.errors import Reason, Rejected
from gelf_listener.inputs.http_server.bodies import StreamInflater, unpack
from gelf_listener.message import Peer

TEXT = b"some protocol buffer, say; " * 20


def name(value: object) -> str | None:
    """What a test is called by: not by bytes, for gzip puts the time into them."""
    return f"{len(value)} bytes" if isinstance(value, bytes) and len(value) > 20 else None


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def undo(body: bytes, encoding: bytes, limit: int = 1000) -> bytes:
    return unpack(body, encoding, Inflater(limit), Receipt("in", Peer("192.0.2.1", 1), 1.0, Batch()))


@pytest.mark.parametrize(
    ("body", "encoding"),
    [
        (gzip.compress(TEXT), b"gzip"),
        (gzip.compress(TEXT[:9]) + gzip.compress(TEXT[9:]), b"x-gzip"),
        (zlib.compress(TEXT), b"deflate"),
        (raw_deflate(TEXT), b"deflate"),
        (zstd(TEXT), b"zstd"),
        (zstd(TEXT[:9]) + zstd(TEXT[9:]), b"zstd"),
        (gzip.compress(zstd(TEXT)), b"zstd, gzip"),
        (TEXT, b"identity"),
        (TEXT, b""),
        (TEXT, b"gzip"),
        (TEXT, b"zstd"),
        (gzip.compress(TEXT), b"deflate"),
    ],
    ids=name,
)
def test_encodings(body: bytes, encoding: bytes) -> None:
    """Headers that lie are believed less than the bytes."""
    assert undo(body, encoding) == TEXT


@pytest.mark.parametrize(
    ("body", "encoding", "reason"),
    [
        (TEXT, b"br", Reason.UNKNOWN_COMPRESSION),
        (TEXT, b"gzip, gzip, gzip", Reason.UNKNOWN_COMPRESSION),
        (gzip.compress(TEXT)[:-9], b"gzip", Reason.CORRUPT_COMPRESSION),
        (b"\x07\x07\x07", b"deflate", Reason.CORRUPT_COMPRESSION),
        (raw_deflate(TEXT)[:-3], b"deflate", Reason.CORRUPT_COMPRESSION),
        (zstd(TEXT)[:8] + b"\xff\xff", b"zstd", Reason.CORRUPT_COMPRESSION),
        (gzip.compress(bytes(1001)), b"gzip", Reason.PAYLOAD_TOO_LARGE),
        (raw_deflate(bytes(1001)), b"deflate", Reason.PAYLOAD_TOO_LARGE),
        (zstd(bytes(1001)), b"zstd", Reason.PAYLOAD_TOO_LARGE),
    ],
    ids=name,
)
def test_what_cannot_be_undone(body: bytes, encoding: bytes, reason: Reason) -> None:
    with pytest.raises(Rejected) as caught:
        undo(body, encoding)
    assert caught.value.reason is reason


@pytest.mark.parametrize("pack", [gzip.compress, raw_deflate, zstd])
def test_at_the_limit(pack: object) -> None:
    """As much as allowed comes out."""
    assert callable(pack)
    encoding = {gzip.compress: b"gzip", raw_deflate: b"deflate", zstd: b"zstd"}[pack]  # type: ignore[index]
    assert undo(pack(bytes(1000)), encoding) == bytes(1000)


def test_a_zstd_bomb_is_not_inflated() -> None:
    """A few kilobytes that would become a gigabyte are given up at the limit."""
    bomb = zstandard.ZstdCompressor().compress(bytes(1 << 26)) * 16
    with pytest.raises(Rejected) as caught:
        undo(bomb, b"zstd", limit=1 << 20)
    assert caught.value.reason is Reason.PAYLOAD_TOO_LARGE


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
