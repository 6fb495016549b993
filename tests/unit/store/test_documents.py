"""Documents: the way in one pass gives the index the same as the way through a message, of whatever is sent."""

from __future__ import annotations

import json
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from gelf_listener.codec.gelf.lenient import read_document, read_fields
from gelf_listener.message import Peer
from gelf_listener.packing import Packer
from gelf_listener.store.documents import Documents
from gelf_listener.store.schema import Names
from tests.unit.store.samples import decoded

PACKER = Packer(read_fields)

NAMES = st.sampled_from(
    ["_user", "_a.b", "_a_b", "_level", "bare", "_id", "_", "_ödd", "_timestamp", "_message", "_x y"]
)
VALUES = st.one_of(
    st.sampled_from(["", "a", "2026-11-23T10:00:00Z", "x" * 8001, "\u2028", "=1", "#1"]),
    st.text(max_size=8),
    st.sampled_from([0, -1, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 10**30, -(2**63), -(2**63) - 1, 1.5, -0.0, 1e300]),
    st.booleans(),
    st.none(),
    st.just([1]),
    st.just({"inner": 1}),
)
KNOWN: dict[str, Any] = {
    "version": st.sampled_from(["1.1", "1.0", 1.1]),
    "host": st.sampled_from(["web", "Web", "İ", "h" * 9000]),
    "short_message": st.sampled_from(["Hello", "foo.bar don't", "日本", "a" * 300]),
}
OPTIONAL: dict[str, Any] = {
    "timestamp": st.sampled_from([1_700_000_000, 1_700_000_000.123456, 0.5, "1700000000"]),
    "level": st.sampled_from([0, 3, 7, 8, -1, None, "3"]),
    "full_message": st.sampled_from(["trace\nback", "", None]),
}
PAYLOADS = st.builds(
    lambda known, added: json.dumps(known | added).encode(),
    st.fixed_dictionaries(KNOWN, optional=OPTIONAL),
    st.dictionaries(NAMES, VALUES, max_size=6),
)


def made(packed: bytes, *, quickly: bool) -> tuple[Any, Any, Any]:
    names = Names()
    found = Documents(PACKER, names, read_document if quickly else None).of(packed, 7)
    return msgspec.json.decode(found.text), (found.timestamp, found.received), names.kinds


@settings(max_examples=300, deadline=None)
@given(PAYLOADS, st.none() | st.just(Peer("::1", 4711)))
def test_both_ways_give_the_same(payload: bytes, peer: Peer | None) -> None:
    """Names and kinds too."""
    for message in decoded(payload, peer=peer):
        packed = PACKER.pack(message)
        assert made(packed, quickly=True) == made(packed, quickly=False)


def test_the_same_fields_with_other_types() -> None:
    """What was learned of one message does not change another."""
    documents = Documents(PACKER, names := Names(), read_document)
    for value, stored in ((1, 1), ("1", "=1"), (1.5, 1.5), (2, 2)):
        payload = {"version": "1.1", "host": "h", "short_message": "m", "timestamp": 1, "_a": value, "_b": "x"}
        (message,) = decoded(json.dumps(payload).encode())
        assert msgspec.json.decode(documents.of(PACKER.pack(message), 0).text)["added"]["a"] == stored
    assert names.kinds["a"] == {"text", "long", "double"}


def test_names_without_room_are_kept_together() -> None:
    """Their values are terms of one field for all of them."""
    many = {f"_n{number}": "x" for number in range(150)}
    names = Names()
    documents = Documents(PACKER, names, read_document)
    for first in range(60):
        payload = {"version": "1.1", "host": "h", "short_message": "m", "timestamp": 1}
        payload |= {f"{name}_{first}": value for name, value in many.items()}
        (message,) = decoded(json.dumps(payload).encode())
        found = msgspec.json.decode(documents.of(PACKER.pack(message), 0).text)
    assert len(found["rest"]) == 2 * 150  # after its name, and after none
    assert "marks" not in found
