"""The wire format of protobuf, against Google's library."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from gelf_listener.codec.protobuf import BYTES, FIXED32, FIXED64, VARINT, fields, read_varint, signed, write_field
from gelf_listener.errors import Reason, Rejected


@given(st.integers(-(1 << 63), (1 << 63) - 1))
def test_integers(number: int) -> None:
    """Read as they are written, by us and by others."""
    written = AnyValue(int_value=number).SerializeToString()
    assert [(n, kind, signed(value)) for n, kind, value, _ in fields(written)] == [(3, VARINT, number)]
    assert write_field(3, number) == written


@given(st.binary(max_size=300))
def test_bytes(value: bytes) -> None:
    """Likewise."""
    written = AnyValue(bytes_value=value).SerializeToString()
    found = list(fields(written))
    assert [(number, kind, written[at:end]) for number, kind, at, end in found] == [(7, BYTES, value)]
    assert write_field(7, value) == written


def test_fixed_numbers() -> None:
    """Of 8 and 4 bytes."""
    data = b"\x09" + bytes(range(8)) + b"\x45" + bytes(range(4))
    assert list(fields(data)) == [(1, FIXED64, 0x0706050403020100, 0), (8, FIXED32, 0x03020100, 0)]


def test_a_part_of_the_data() -> None:
    """Fields of a message within another."""
    inner = KeyValue(key="a", value=AnyValue(string_value="b")).SerializeToString()
    assert [number for number, *_ in fields(b"xx" + inner + b"yy", 2, 2 + len(inner))] == [1, 2]


@pytest.mark.parametrize(
    "data",
    [
        b"\x0a",
        b"\x0a\x05ab",
        b"\x09abc",
        b"\x0dab",
        b"\x0b\x0c",
        b"\x0e",
        b"\x02\x01a",
        b"\xff" * 11,
        b"\x08\xff",
        b"\x80",
    ],
)
def test_refuses_what_is_damaged(data: bytes) -> None:
    """Cut off, of types that do not exist, or without a number."""
    with pytest.raises(Rejected) as caught:
        list(fields(data))
    assert caught.value.reason is Reason.INVALID_PROTOBUF


@given(st.binary(max_size=60))
def test_never_reads_beyond_the_end(data: bytes) -> None:
    """Whatever the bytes are: fields within them, or an error."""
    try:
        found = list(fields(data))
    except Rejected:
        return
    assert all(0 <= at <= end <= len(data) for _, kind, at, end in found if kind == BYTES)


def test_a_varint_is_of_64_bits() -> None:
    """What is beyond is cut off, as everywhere."""
    assert read_varint(b"\xff" * 9 + b"\x7f", 0) == ((1 << 64) - 1, 10)
