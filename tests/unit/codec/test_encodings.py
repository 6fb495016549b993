"""Encodings: undone within bounds, and only where the bytes agree."""

from __future__ import annotations

import gzip
import zlib

import pytest
import zstandard

from gelf_listener.codec import Batch, Receipt
from gelf_listener.codec.encodings import unpack
from gelf_listener.codec.inflater import Inflater
from gelf_listener.codec.snappy import SNAPPY_MAGIC
from gelf_listener.errors import Reason, Rejected
from gelf_listener.inputs.http_server.responder import run_steps
from gelf_listener.message import Peer
from tests.unit.inputs.loki_requests import snap

TEXT = b"some protocol buffer, say; " * 20


def name(value: object) -> str | None:
    """What a test is called by: not by bytes, for gzip puts the time into them."""
    return f"{len(value)} bytes" if isinstance(value, bytes) and len(value) > 20 else None


def raw_deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(wbits=-15)
    return stream.compress(data) + stream.flush()


def zstd(data: bytes) -> bytes:
    return zstandard.ZstdCompressor().compress(data)


def zstd_with_a_wide_window(data: bytes) -> bytes:
    """Compress so that 128 MiB have to be kept while it is read, whatever it holds."""
    wide = zstandard.ZstdCompressionParameters(window_log=27, write_content_size=False)
    stream = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    return stream.compress(data) + stream.flush()


def frame(kind: int, data: bytes) -> bytes:
    """Write a frame of snappy; nobody looks at its checksum."""
    return bytes([kind]) + (len(data) + 4).to_bytes(3, "little") + b"sum." + data


def snappy_frames(data: bytes) -> bytes:
    """Write what libraries write: a block, what did not get shorter, and padding, which is skipped."""
    return SNAPPY_MAGIC + frame(0, snap(data[:9])) + frame(0xFE, b"\0\0") + frame(1, data[9:])


def undo(body: bytes, encoding: bytes, limit: int = 1000) -> bytes:
    return run_steps(unpack(body, encoding, Inflater(limit), Receipt("in", Peer("192.0.2.1", 1), 1.0, Batch())))


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
        (zlib.compress(TEXT), b"zlib"),
        (snap(TEXT), b"snappy"),
        (snappy_frames(TEXT), b"snappy"),
        (snappy_frames(TEXT) + snappy_frames(b""), b"x-snappy-framed"),
        (zstd(snap(TEXT)), b"snappy, zstd"),
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
        (snap(TEXT)[:-3], b"snappy", Reason.CORRUPT_COMPRESSION),
        (snappy_frames(TEXT)[:-3], b"snappy", Reason.CORRUPT_COMPRESSION),
        (SNAPPY_MAGIC + frame(2, b""), b"snappy", Reason.CORRUPT_COMPRESSION),
        (SNAPPY_MAGIC + frame(0, b""), b"snappy", Reason.CORRUPT_COMPRESSION),
        (SNAPPY_MAGIC + frame(0xFE, b"") * 5000, b"snappy", Reason.CORRUPT_COMPRESSION),
        (snap(bytes(1001)), b"snappy", Reason.PAYLOAD_TOO_LARGE),
        (snappy_frames(bytes(1001)), b"snappy", Reason.PAYLOAD_TOO_LARGE),
        (gzip.compress(bytes(1001)), b"gzip", Reason.PAYLOAD_TOO_LARGE),
        (raw_deflate(bytes(1001)), b"deflate", Reason.PAYLOAD_TOO_LARGE),
        (zstd(bytes(1001)), b"zstd", Reason.PAYLOAD_TOO_LARGE),
        (zstd_with_a_wide_window(TEXT), b"zstd", Reason.PAYLOAD_TOO_LARGE),
        (zstd(TEXT) + zstd_with_a_wide_window(TEXT), b"zstd", Reason.CORRUPT_COMPRESSION),
    ],
    ids=name,
)
def test_what_cannot_be_undone(body: bytes, encoding: bytes, reason: Reason) -> None:
    with pytest.raises(Rejected) as caught:
        undo(body, encoding)
    assert caught.value.reason is reason


@pytest.mark.parametrize("pack", [gzip.compress, raw_deflate, zstd, snap, snappy_frames])
def test_at_the_limit(pack: object) -> None:
    """As much as allowed comes out."""
    assert callable(pack)
    encoding = {gzip.compress: b"gzip", raw_deflate: b"deflate", zstd: b"zstd"}.get(pack, b"snappy")
    assert undo(pack(bytes(1000)), encoding) == bytes(1000)


def test_a_zstd_bomb_is_not_inflated() -> None:
    """A few kilobytes that would become a gigabyte are given up at the limit."""
    bomb = zstandard.ZstdCompressor().compress(bytes(1 << 26)) * 16
    with pytest.raises(Rejected) as caught:
        undo(bomb, b"zstd", limit=1 << 20)
    assert caught.value.reason is Reason.PAYLOAD_TOO_LARGE
