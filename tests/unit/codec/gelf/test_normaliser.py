"""Normaliser: one object to one message, the same by every path, within bounds."""

from __future__ import annotations

import json
import re
import tracemalloc
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gelf_listener.codec import Batch, Receipt
from gelf_listener.codec.gelf import lenient
from gelf_listener.codec.gelf import normaliser as normalising
from gelf_listener.codec.gelf.keys import Shapes, note, read_key
from gelf_listener.codec.gelf.lenient import LenientGelf
from gelf_listener.message import Message, Peer
from gelf_listener.notes import Deviation

PEER = Peer("192.0.2.1", 5)
BASE = {"version": "1.1", "host": "h", "short_message": "m", "timestamp": 1.5}
VALUES = (
    *("1", "-1", "0", "1.5", "1e400", "1E+4569", "-0", "-0.0", "7", "8", "25", "1763910000", "1763910000123"),
    *("18446744073709551615", "18446744073709551616", "12345678901234567890.5", "9" * 400, "9" * 1001, "9" * 5000),
    *("true", "false", "null", "NaN", "nan", "01", ".5", "[]", "{}", '[1,"a"]', "[NaN]", "[1e400]"),
    *('"x"', '""', '" "', '" a "', '"\\ud800"', '"\\ud83d\\ude00"', '"\\u0000"', '"é"', '"\\n"', '"\u2028"', '"\xa0"'),
    *('"INFO"', '"6"', '"2020-01-01T00:00:00Z"', '{"a":1}', '{"a":{"b":null,"c":[1]}}', '{"":1}', '{"a":"\\ud800"}'),
)
KEYS = (
    *("version", "host", "short_message", "full_message", "timestamp", "level", "message", "source", "_source", "_id"),
    *("id", "_a", "a", "_", "__", "", "_a b", "_a.b", "_a_b", "_message", "_level", "line", "file", "_host", "_a_2"),
    *("_original_level", "_é", "\\ud800", "\\u005fx"),
)


def decode(payload: bytes) -> Batch:
    batch = Batch()
    LenientGelf("test").decode(payload, 1e9, PEER, batch)
    return batch


def decode_carefully(payload: bytes) -> Batch:
    batch = Batch()
    LenientGelf("test")._decode_carefully(payload, Receipt("test", PEER, 1e9, batch))
    return batch


def parts(message: Message) -> tuple[Any, ...]:
    fields = json.dumps(message.fields)  # tells True from 1 and 1.0 from 1
    return message.timestamp, message.host, message.short_message, message.full_message, message.level, fields


@given(
    st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)), max_size=6),
    st.sampled_from(["", "\0", "\n", " "]),
)
def test_fast_and_careful_path_agree(members: list[tuple[str, str]], end: str) -> None:
    """A message that the fast path takes is what the careful one makes of it, in notes too."""
    items = [f'"{key}":{json.dumps(value)}' for key, value in BASE.items()] + [
        f'"{key}":{value}' for key, value in members
    ]
    payload = ("{" + ",".join(items) + "}" + end).encode()
    fast, careful = decode(payload), decode_carefully(payload)
    assert list(map(parts, fast.messages)) == list(map(parts, careful.messages))
    assert [rejected.reason for rejected in fast.rejected] == [rejected.reason for rejected in careful.rejected]
    for one, other in zip(fast.messages, careful.messages, strict=True):
        assert sorted(map(str, one.notes)) == sorted(map(str, other.notes))
    for message in careful.messages:
        again = decode(message.to_gelf()).messages[0]
        assert parts(again) == parts(message)


@pytest.mark.parametrize(
    "changes",
    [{"level": 10**400}, {"timestamp": 10**400}, {"level": "\ud800"}, {"host": {"a": "\ud800"}}, {"_\ud800": None}],
    ids=["level_400_digits", "timestamp_400_digits", "level_surrogate", "host_surrogate", "key_surrogate"],
)
def test_what_once_raised(changes: dict[str, Any]) -> None:
    """Numbers too large for a float, and lone surrogates that were kept beside, can be decoded and written."""
    (message,) = decode(json.dumps(BASE | changes).encode()).messages
    assert msgspec.json.decode(message.to_gelf())["short_message"] == "m"
    assert all(str(each).encode() for each in message.notes)


def test_integers_beyond_64_bits_become_text() -> None:
    """No store and no strict parser takes them as numbers."""
    (message,) = decode(json.dumps(BASE | {"_a": 2**64, "_b": 2**64 - 1, "_c": -(2**63) - 1}).encode()).messages
    assert message.fields == {"a": str(2**64), "b": 2**64 - 1, "c": str(-(2**63) - 1)}


def test_original_level_beyond_64_bits() -> None:
    """What is kept beside a level obeys the same law."""
    (message,) = decode(json.dumps(BASE | {"level": 10**30}).encode()).messages
    assert message.fields == {"original_level": str(10**30)}


def test_nan_in_an_array_is_spelled() -> None:
    """A JSON encoder would write null for it."""
    (message,) = decode(b'{"host":"h","short_message":"m","_a":[NaN,1,Infinity]}').messages
    assert message.fields == {"a": "[NaN,1,Infinity]"}


@pytest.mark.parametrize(("nulls", "noted"), [(999, 999), (1000, 1000), (1001, 1000)])
def test_notes_limit(nulls: int, noted: int) -> None:
    """A thousand notes are enough for anybody; an honest message afterwards has its own."""
    document = BASE | {f"_n{number}": None for number in range(nulls)}
    (message,) = decode_carefully(json.dumps(document).encode()).messages
    assert len(message.notes) == noted
    assert [each.deviation for each in decode(json.dumps(BASE | {"_x": None}).encode()).messages[0].notes] == [
        Deviation.NULL
    ]


def test_keys_of_megabytes_are_not_remembered() -> None:
    """What is remembered of keys, notes and shapes does not grow with what a hostile sender makes up."""

    def flood(start: int) -> None:
        for number in range(start, start + 100):
            key = f"_{number}" + "k" * 20_000
            for value in (None, True, 1):
                (message,) = decode(json.dumps(BASE | {key: value, "_b": 1, "_c": 2}).encode()).messages
                assert all(len(each.field) <= 200 for each in message.notes)
                assert message.fields["b"] == 1

    tracemalloc.start()
    try:
        flood(0)
        before, _ = tracemalloc.get_traced_memory()
        flood(1000)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert after - before < 1_000_000, f"{after - before} bytes remembered"


def test_shapes_are_bounded() -> None:
    """However many sequences of keys there are, at most 20,000 keys are held."""
    shapes = Shapes()
    for number in range(2000):
        document = dict.fromkeys([f"_{number}_{index}" for index in range(50)])
        shape = shapes.of(document)
        assert shape is not None
        assert len(shape.keys) == 50
        assert shapes._total <= 20_000
        assert len(shapes._shapes) <= 400
    assert shapes.of(dict.fromkeys(map(str, range(201)))) is None
    assert shapes.of({"_" + "k" * 5000: 1, "_a": 2}) is None
    assert shapes.of({"_a": 1, "a": 2}) is None, "two keys of one name are looked at one by one"


@pytest.mark.parametrize(
    ("length", "fits"), [(normalising.MAX_FLAT_NAME - 2, True), (normalising.MAX_FLAT_NAME - 1, False)]
)
def test_flat_name_limit(length: int, fits: bool) -> None:
    """A name at the limit is flattened; one over keeps the object whole; the next field is flattened again."""
    (message,) = decode(json.dumps(BASE | {"_a": {"k" * length: 1}, "_b": {"c": 1}}).encode()).messages
    assert message.fields.pop("b.c") == 1
    ((name, value),) = message.fields.items()
    assert (name, value) == (
        ("a." + "k" * length, 1) if fits else ("a", json.dumps({"k" * length: 1}, separators=(",", ":")))
    )


@pytest.mark.parametrize(("depth", "deep"), [(15, False), (16, False), (17, True)])
def test_flat_depth_limit(depth: int, deep: bool) -> None:
    """Objects are flattened sixteen deep; what is deeper is kept as JSON text, with a note."""
    value: Any = 1
    for _ in range(depth):
        value = {"k": value}
    (message,) = decode(json.dumps(BASE | {"_a": value}).encode()).messages
    assert (Deviation.DEEP_NESTING in {each.deviation for each in message.notes}) == deep
    assert list(message.fields.values()) == (['{"k":1}'] if deep else [1])


@pytest.mark.parametrize(("values", "reasons"), [(99, 99), (100, 101), (5000, 101)])
def test_values_in_vain(values: int, reasons: int) -> None:
    """A hundred values in a row that are not messages end a payload; a message in between starts the count again."""
    assert lenient.MAX_IN_VAIN == 100
    assert len(decode(b"1 " * values).rejected) == reasons
    batch = decode((b"1 " * 99 + b'{"short_message":"honest"}') * 3)
    assert len(batch.messages) == 3
    assert len(batch.rejected) == 297


def test_names_are_clean() -> None:
    """Whatever the key, the name is one that Graylog takes."""
    for key in ["", "_", "__", "_a b", "é", "_\0", "message", "_source", "a" * 5000, "\ud800"]:
        assert re.fullmatch(r"[A-Za-z0-9_.@-]+", read_key(key).clean)


def test_notes_are_made_once() -> None:
    """The same deviation of the same key is the same object; long ones are cut and not kept."""
    assert note(Deviation.NULL, "_a") is note(Deviation.NULL, "_a")
    assert note(Deviation.NULL, "k" * 500) == note(Deviation.NULL, "k" * 200)
