"""What producers of brokers put around JSON: kombu's compression and serializers, and JSON in JSON."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import zlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.codec.wrappings import unwrap
from gelf_listener.errors import Rejected

DOCUMENT = {"version": "1.1", "host": "h", "short_message": "größe", "_n": 1}
JSON = json.dumps(DOCUMENT).encode()


@pytest.mark.parametrize(
    ("payload", "content_type"),
    [
        (JSON, None),
        (bz2.compress(JSON), "application/json"),
        (lzma.compress(JSON), "application/json"),
        (json.dumps(JSON.decode()).encode(), "application/json"),
        (bz2.compress(json.dumps(JSON.decode()).encode()), None),
        (json.dumps(json.dumps(JSON.decode())).encode(), None),
        (msgspec.msgpack.encode(DOCUMENT), "application/x-msgpack"),
        (bz2.compress(msgspec.msgpack.encode(DOCUMENT)), "application/x-msgpack; charset=binary"),
        (msgspec.msgpack.encode({key.encode(): value for key, value in DOCUMENT.items()}), "application/msgpack"),
        (msgspec.msgpack.encode(JSON.decode()), "application/x-msgpack"),
        (zlib.compress(msgspec.msgpack.encode(DOCUMENT)), "application/x-msgpack"),
        (gzip.compress(json.dumps(JSON.decode()).encode(), mtime=0), None),
    ],
)
def test_what_is_around_comes_off(payload: bytes, content_type: str | None) -> None:
    """In any order, as often as somebody put it there."""
    assert json.loads(unwrap(payload, 1000, content_type)) == DOCUMENT


@pytest.mark.parametrize(
    "payload",
    [b"", b'"hello"', b'"{', b"plain text", b"BZh is not a bzip2", b"[1]", b"\xfd7z", b"x\x9c", zlib.compress(b"{}")],
)
def test_what_has_nothing_around_it_stays(payload: bytes) -> None:
    """The decoder says what is wrong with it."""
    assert unwrap(payload, 1000) == payload


@pytest.mark.parametrize(
    ("payload", "content_type", "reason"),
    [
        (bz2.compress(bytes(1001)), None, "payload_too_large"),
        (zlib.compress(bytes(1001)), "application/x-msgpack", "payload_too_large"),
        (lzma.compress(bytes(1001)), None, "payload_too_large"),
        (bz2.compress(JSON)[:-5], None, "corrupt_compression"),
        (lzma.compress(JSON)[:-5], None, "corrupt_compression"),
        (lzma.compress(JSON, preset=9), None, ""),
        (b"\xfd7zXZ\0" + b"x" * 50, None, "corrupt_compression"),
        (b"BZh91AY&SY" + b"x" * 50, None, "corrupt_compression"),
        (b"\xc1", "application/x-msgpack", "invalid_json"),
    ],
)
def test_bounds_and_damage(payload: bytes, content_type: str | None, reason: str) -> None:
    """Have a reason; what is in order and within the bound is taken."""
    if not reason:
        with pytest.raises(Rejected, match="damaged"):  # it asks for more memory than it gets
            unwrap(payload, 1000, content_type)
        return
    with pytest.raises(Rejected) as caught:
        unwrap(payload, 1000, content_type)
    assert caught.value.reason == reason


@given(st.binary(max_size=200), st.sampled_from([b"", b"BZh91AY&SY", b"\xfd7zXZ\0", b'"']), st.booleans())
def test_whatever_comes(data: bytes, magic: bytes, packed: bool) -> None:
    """Is bytes or a rejection."""
    try:
        assert isinstance(unwrap(magic + data, 1000, "application/x-msgpack" if packed else None), bytes)
    except Rejected:
        return
