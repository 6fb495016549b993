"""Documents: the way in one pass gives the index the same as the way through a message, of whatever is sent."""

from __future__ import annotations

import json
import uuid
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gelf_listener.codec.gelf.lenient import read_document, read_fields
from gelf_listener.message import Peer
from gelf_listener.packing import Packer
from gelf_listener.store.documents import Documents
from gelf_listener.store.schema import Names, is_id
from gelf_listener.store.tables import pack_block, unpack_block
from tests.unit.store.samples import decoded

PACKER = Packer(read_fields)

NAMES = st.sampled_from(
    ["_user", "_a.b", "_a_b", "_level", "bare", "_id", "_", "_ödd", "_timestamp", "_message", "_x y"]
)
VALUES = st.one_of(
    st.sampled_from(
        ["", "a", "2026-11-23T10:00:00Z", "0d96f816-1c94-4dfb-9165-a438d30cf7e2", "x" * 8001, "\u2028", "=1", "#1"]
    ),
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
PLAIN = st.sampled_from(
    ["", "a", "1", "2026-11-23", "id-0123456", "üb", "%s", 0, -1, 12, -(2**63), 2**63 - 1, 1.5, 2.0, 1e300]
)
ADDED = st.dictionaries(NAMES, PLAIN, min_size=2, max_size=6)
PAYLOADS = st.builds(
    lambda known, added: json.dumps(known | added).encode(),
    st.fixed_dictionaries(KNOWN, optional=OPTIONAL),
    st.dictionaries(NAMES, VALUES, max_size=6) | ADDED,
)


def sorted_terms(text: str) -> dict[str, Any]:
    """Return a document, its terms in an order of their own."""
    document: dict[str, Any] = msgspec.json.decode(text)
    return document | {"terms": sorted(document["terms"])}


def made(packed: bytes, *, quickly: bool, place: int = 7) -> tuple[Any, Any, Any]:
    names = Names()
    found = Documents(PACKER, names, read_document if quickly else None).of(packed, place)
    return sorted_terms(found.text), (found.timestamp, found.received), (names.kinds, names.letters)


@settings(max_examples=300, deadline=None)
@given(PAYLOADS, st.none() | st.just(Peer("::1", 4711)))
def test_both_ways_give_the_same(payload: bytes, peer: Peer | None) -> None:
    """Names and kinds too."""
    for message in decoded(payload, peer=peer):
        packed = PACKER.pack(message)
        assert made(packed, quickly=True) == made(packed, quickly=False)


ALIKE = st.builds(
    lambda known, shapes, again, odd, written: [
        json.dumps(known | shape | {"timestamp": 1_700_000_000 + at / 8} | (odd if at == 3 else {}), **written)
        for at in range(again)
        for shape in shapes
    ],
    st.fixed_dictionaries(
        KNOWN | {"version": st.just("1.1")}, optional={"level": st.integers(0, 7), "full_message": st.just("more")}
    ),
    st.lists(ADDED, min_size=1, max_size=3),
    st.integers(1, 8),
    st.just({}) | st.dictionaries(NAMES, VALUES, max_size=2),
    st.sampled_from([{"ensure_ascii": False}, {"separators": (",", ":")}, {}]),
)


def by_column(payloads: list[bytes], peer: Peer | None = None) -> tuple[list[bytes], list[Any], Names]:
    """Return what is packed of payloads, the documents that are made of a block of them, and the names."""
    packed = [PACKER.pack(message) for payload in payloads for message in decoded(payload, peer=peer)]
    names = Names()
    block = unpack_block(b"".join(pack_block(packed)))
    return packed, Documents(PACKER, names, read_document).of_block(block, 7), names


@pytest.mark.parametrize("way", ["by the column", "in one pass", "through a message"])
def test_what_ids_are_made_of_is_noted(way: str) -> None:
    """Of ids only, of each field by itself, and of every one, also where others have no ids there."""
    fields = [
        {"a": f"{number % 2}00000-ab", "b": f"{number:06}XY" if number % 3 != 1 else "not one", "c": f"/{number}"}
        | ({"late": "000000-z"} if number > 12 else {})
        for number in range(26)
    ]
    known = {"version": "1.1", "host": "web", "short_message": "s", "timestamp": 1_700_000_000}
    payloads = [json.dumps(known | {f"_{name}": text for name, text in each.items()}).encode() for each in fields]
    if way == "by the column":
        _, found, names = by_column(payloads)
        assert all(found)
    else:
        documents = Documents(PACKER, names := Names(), read_document if way == "in one pass" else None)
        for place, message in enumerate([each for payload in payloads for each in decoded(payload)]):
            documents.of(PACKER.pack(message), place)
    assert names.letters == {"a": "-01ab", "b": "0123456789XY", "late": "-0z"}


def is_odd(packed: bytes) -> bool:
    """Whether there happens to be a quote in the number or the time before a payload, so that few are like it."""
    return b'"' in packed[: packed.index(b'{"version"')]


def without_ids(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document without the terms of ids, which may be there or not once their names are noted."""
    terms = [term for term in document.pop("terms") if not is_id(term.partition("\x00s=")[2])]
    return document | {"terms": terms}


@settings(max_examples=100, deadline=None)
@given(st.lists(ALIKE, min_size=1, max_size=3), st.none() | st.just(Peer("::1", 4711)))
def test_by_the_column_they_are_the_same(alike: list[list[str]], peer: Peer | None) -> None:
    """What has a document at all has the one that is made of it alone; an id has a term, or its name is noted."""
    packed, found, names = by_column([text.encode() for texts in alike for text in texts], peer)
    for place, (each, document) in enumerate(zip(packed, found, strict=True), 7):
        if document is not None:
            alone = Names()
            expected = Documents(PACKER, alone, None).of(each, place)
            assert (document.timestamp, document.received) == (expected.timestamp, expected.received)
            given, known = sorted_terms(document.text), sorted_terms(expected.text)
            terms = set(given["terms"])
            assert without_ids(given) == without_ids(known)
            for key, kinds in alone.kinds.items():
                assert kinds <= names.kinds[key]
            for key, value in known["added"].items():
                if isinstance(value, str) and f"{key}\x00s{value}" not in terms:
                    assert key in names.ids
                    assert is_id(value[1:])
                    assert set(value[1:]) <= set(names.letters[key])


def line(number: int, **more: Any) -> dict[str, Any]:
    """Return what a service might send."""
    known: dict[str, Any] = {"version": "1.1", "host": f"Web-{number % 3}", "short_message": f"took {number}.5 ms"}
    known["timestamp"] = 1_700_000_000 + number
    return known | {"_path": f"/a%/{number}", "_ms": number / 8, "_count": number} | more


@pytest.mark.parametrize(
    "payloads",
    [
        [line(number) for number in range(20)],
        [line(number, level=number % 8, full_message=f"more {number}") for number in range(20)],
        [line(number, _same="x", _id=str(uuid.UUID(int=number << 64))) for number in range(20)],
        [line(number, **{f"_{'ab'[number % 2]}_id": number}) for number in range(20)],
        [line(number, _some=1 if number % 2 else 1.5) for number in range(20)],
        [line(number, _text="日本") for number in range(20)],
        [line(number, _text='"' * (number % 3), short_message='said "no"\n at\tx,"y') for number in range(20)],
    ],
)
@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
def test_what_services_send_is_read_by_the_column(payloads: list[Any], separators: tuple[str, str]) -> None:
    """All of it, but for one message in some hundreds."""
    texts = [json.dumps(payload, separators=separators, ensure_ascii=False).encode() for payload in payloads]
    packed, found, _ = by_column(texts, Peer("::1", 4711))
    for place, (each, document) in enumerate(zip(packed, found, strict=True), 7):
        if is_odd(each):
            continue
        assert document is not None
        assert sorted_terms(document.text) == made(each, quickly=False, place=place)[0]


@pytest.mark.parametrize(
    "text",
    [
        '"_a":true',
        '"_a":true,"_b":1',
        '"_a":null',
        '"_a":[1]',
        '"_a":{}',
        '"_a":9223372036854775808',
        '"_a":1,"_a":1',
        '"host":"y"',
        '"_a":"x" , "_b":1',
        '"_a":["x","y"]',
        '"_a":",","_b":"z"',
        f'"_a":"{"x" * 8001}"',
    ],
)
def test_what_needs_care_is_read_by_itself(text: str) -> None:
    """It has no document by the column, and what is like it but for that has one."""
    payload = (
        b'{"version":"1.1","host":"x","short_message":"m","timestamp":1700000000,"_y":1,"_z":1,%b}' % text.encode()
    )
    packed, found, _ = by_column([payload] * 5)
    assert found == [None] * len(packed)
    packed, found, _ = by_column([payload.replace(text.encode(), b'"_a":"x"')] * 5)
    assert all(document or is_odd(each) for each, document in zip(packed, found, strict=True))
    assert any(found)


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
