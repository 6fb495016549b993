"""Compression: told from the bytes, bounded by the output."""

from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest

from gelf_listener.codec.compression import inflate, is_gzip, is_zlib
from gelf_listener.errors import Reason, Rejected


@pytest.mark.parametrize("level", range(10))
def test_every_level(level: int) -> None:
    """All levels of zlib and gzip are recognised and inflated."""
    for data, test in ((zlib.compress(b"payload", level), is_zlib), (gzip.compress(b"payload", level), is_gzip)):
        assert test(data)
        assert inflate(data, 100) == b"payload"


@pytest.mark.parametrize("compress", [zlib.compress, gzip.compress], ids=["zlib", "gzip"])
@pytest.mark.parametrize("limit", [1000, 5_000_000], ids=["careful_path", "one_shot_path"])
@pytest.mark.parametrize(("over", "fits"), [(0, True), (1, False)])
def test_limit(compress: object, limit: int, over: int, fits: bool) -> None:
    """The output may be as long as the limit and not a byte longer; an honest payload afterwards passes."""
    data = compress(b"x" * (limit + over))  # type: ignore[operator]
    if fits:
        assert len(inflate(data, limit)) == limit
    else:
        with pytest.raises(Rejected) as rejected:
            inflate(data, limit)
        assert rejected.value.reason is Reason.PAYLOAD_TOO_LARGE
    assert inflate(compress(b"honest"), limit) == b"honest"  # type: ignore[operator]


def test_members_count_together() -> None:
    """A bomb split over gzip members is bounded as a whole (graylog PR #2339)."""
    with pytest.raises(Rejected) as rejected:
        inflate(gzip.compress(b"x" * 600) * 2, 1000)
    assert rejected.value.reason is Reason.PAYLOAD_TOO_LARGE
    assert inflate(gzip.compress(b"x" * 500) * 2, 1000) == b"x" * 1000


@pytest.mark.parametrize(("members", "fits"), [(64, True), (66, False)])
def test_number_of_members(members: int, fits: bool) -> None:
    """Thousands of empty members would cost a copy of the rest each."""
    data = gzip.compress(b"") * members
    if fits:
        assert inflate(data, 1000) == b""
    else:
        with pytest.raises(Rejected) as rejected:
            inflate(data, 1000)
        assert rejected.value.reason is Reason.TOO_COMPLEX


def test_bomb_memory() -> None:
    """A bomb of 100 MB costs no more memory than the limit."""
    bomb = zlib.compress(b"\0" * 100_000_000, 9)
    tracemalloc.start()
    try:
        with pytest.raises(Rejected):
            inflate(bomb, 1_000_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 5_000_000, f"peak {peak} bytes"


@pytest.mark.parametrize("data", [b"\x78\x9c", b"\x78\x9cgarbage", zlib.compress(b"payload")[:-5], b"\x1f\x8b\x08"])
def test_damaged(data: bytes) -> None:
    """Damaged and cut streams are rejected."""
    with pytest.raises(Rejected) as rejected:
        inflate(data, 1000)
    assert rejected.value.reason is Reason.CORRUPT_COMPRESSION


def test_trailing_bytes_are_left_out() -> None:
    """What follows a whole stream and is not a gzip member is not a part of the payload."""
    assert inflate(zlib.compress(b"payload") + b"junk", 100) == b"payload"
    assert inflate(gzip.compress(b"payload") + b"junk", 100) == b"payload"


@pytest.mark.parametrize("data", [b"", b"x", b"xy", b"\x78\x00", b"\x1f", b"\x1f\x3c"])
def test_not_compressed(data: bytes) -> None:
    """Two bytes decide, and fewer decide nothing."""
    assert not is_zlib(data)
    assert not is_gzip(data)
