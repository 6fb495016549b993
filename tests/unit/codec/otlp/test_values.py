"""Values of OTLP in protobuf: the usual way to write them is read faster, and says the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList

from gelf_listener.codec.otlp import values
from gelf_listener.codec.otlp.values import read_any
from gelf_listener.errors import Rejected

SCALARS = st.one_of(
    st.text(max_size=20),
    st.sampled_from(("x" * 127, "x" * 128, "ä" * 300)),
    st.booleans(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.sampled_from((0, 1, 127, 128, 16383, 16384, -1)),
    st.floats(allow_nan=False),
    st.binary(max_size=5),
    st.none(),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=130), inner, max_size=4),
    max_leaves=12,
)


def any_value(value: Any) -> AnyValue:
    match value:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=value)
        case int():
            return AnyValue(int_value=value)
        case float():
            return AnyValue(double_value=value)
        case str():
            return AnyValue(string_value=value)
        case bytes():
            return AnyValue(bytes_value=value)
        case list():
            return AnyValue(array_value=ArrayValue(values=[any_value(each) for each in value]))
    pairs = [KeyValue(key=name, value=any_value(each)) for name, each in value.items()]
    return AnyValue(kvlist_value=KeyValueList(values=pairs))


@settings(deadline=None)
@given(VALUES)
def test_values_are_read_as_they_were_written(value: Any) -> None:
    data = b"\xff" + any_value(value).SerializeToString() + b"\x0a"
    assert read_any(data, 1, len(data) - 1) == value


def read_slowly(data: bytes) -> Any:
    """Read without the short way."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(values, "_SHORT", 0)
        patch.setattr(values, "_SHORT_PAIR", 0)
        return read_any(data, 0, len(data))


def told(read: Any, data: bytes) -> Any:
    try:
        return repr(read(data))
    except Rejected as rejected:
        return rejected.reason


BYTES = st.sampled_from((0x0A, 0x10, 0x12, 0x18, 0x21, 0x2A, 0x32, 0x3A, 0, 1, 2, 3, 4, 5, 6, 8, 127, 128, 129, 255))


@settings(deadline=None, max_examples=500)
@given(
    st.lists(BYTES, max_size=40).map(bytes) | VALUES.map(lambda value: any_value(value).SerializeToString()), st.data()
)
def test_whatever_the_bytes_are_the_short_way_says_the_same(data: bytes, draw: st.DataObject) -> None:
    if data and draw.draw(st.booleans()):
        at = draw.draw(st.integers(0, len(data) - 1))
        data = data[:at] + bytes((draw.draw(BYTES),)) + data[at + draw.draw(st.integers(0, 2)) :]
    assert told(lambda each: read_any(each, 0, len(each)), data) == told(read_slowly, data)
